//! Floats a few units in the last place off a short decimal, as sums and conversions leave them.
//!
//! `74.93588199999998` is the double one step below that of `74.935882`. The decimal is kept as the number and the
//! step as a count of *ulps*. Parsing a decimal to the nearest double and writing the shortest text that reads back are
//! exact in `std`, so both directions give the same bytes everywhere.

use super::{Number, Spelling};

/// Most ulps that still count as noise.
const MAX_ULPS: u64 = 64;

/// Appends the shortest text of the double that lies `ulps` steps from a decimal; `None` when there is none.
pub(super) fn put_noisy(number: Number, offset: u64, ulps: i64, out: &mut Vec<u8>) -> Option<()> {
    use std::io::Write;

    let start = out.len();
    number.format(offset, out)?;
    let decimal: f64 = std::str::from_utf8(&out[start..]).ok()?.parse().ok()?;
    out.truncate(start);
    let noisy = f64::from_bits(decimal.to_bits().checked_add_signed(ulps)?);
    if !noisy.is_finite() {
        return None;
    }
    write!(out, "{noisy}").ok()
}

/// 10⁰ to 10¹⁸, all exact, so that every machine finds the same decimal.
const POWERS_OF_TEN: [f64; 19] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

/// The offset of the nearest decimal and the ulps to the double that `text` spells, if they restore it.
pub(super) fn parse_noisy(number: Number, text: &[u8], scratch: &mut Vec<u8>) -> Option<(u64, i64)> {
    if let Some(offset) = number.parse(text) {
        return Some((offset, 0));
    }
    let Number::Decimal { min, scale, .. } = number else { return None };
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let mantissa = (value * POWERS_OF_TEN.get(usize::from(scale))?).round();
    if !mantissa.is_finite() || mantissa.abs() > 1e17 {
        return None;
    }
    let mantissa = mantissa as i64;
    let offset = (mantissa >= min).then(|| mantissa.abs_diff(min))?;
    scratch.clear();
    number.format(offset, scratch)?;
    let decimal: f64 = std::str::from_utf8(scratch).ok()?.parse().ok()?;
    let ulps = (value.to_bits() as i64).checked_sub(decimal.to_bits() as i64)?;
    if ulps == 0 || ulps.unsigned_abs() > MAX_ULPS {
        return None;
    }
    scratch.clear();
    put_noisy(number, offset, ulps, scratch)?;
    (scratch == text).then_some((offset, ulps))
}

/// The decimal to which most of the cells are near, its minimum as low as can be; `None` when they are not.
///
/// `cells_with_frac[n]` counts cells of n digits behind the point.
pub(super) fn guess(cells_with_frac: &[u64; 19], min_frac: u8) -> Option<Number> {
    let long: u64 = cells_with_frac[12..].iter().sum();
    let short: u64 = cells_with_frac[..=10].iter().sum();
    if long * 50 < short || short == 0 {
        return None;
    }
    let mut covered = 0;
    let scale = cells_with_frac.iter().position(|&cells| {
        covered += cells;
        covered * 50 >= short * 49
    })?;
    let spelling = Spelling::Trimmed { min_frac };
    (1..=10).contains(&scale).then_some(Number::Decimal { min: -1 << 60, scale: scale as u8, spelling })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_decimals_become_a_decimal_and_ulps() {
        let number = Number::Decimal { min: -1 << 60, scale: 6, spelling: Spelling::Trimmed { min_frac: 1 } };
        let mut scratch = vec![];
        for text in ["74.93588199999998", "0.30000000000000004", "10.357019999999999", "-2.5000000000000004", "41.0"] {
            let (offset, ulps) = parse_noisy(number, text.as_bytes(), &mut scratch).unwrap();
            let mut out = vec![];
            match ulps {
                0 => number.format(offset, &mut out).unwrap(),
                ulps => put_noisy(number, offset, ulps, &mut out).unwrap(),
            }
            assert_eq!(out, text.as_bytes());
        }
        for text in ["nan", "inf", "1e300", "0.1234567", "-0.0", "1.50"] {
            assert_eq!(parse_noisy(number, text.as_bytes(), &mut scratch), None, "{text}");
        }
    }

    #[test]
    fn any_count_of_ulps_is_written_or_refused() {
        let number = Number::Decimal { min: -5, scale: 1, spelling: Spelling::Fixed };
        for ulps in [i64::MIN, -1, 1, i64::MAX, 1 << 52] {
            for offset in [0, 5, 6, 1 << 60, u64::MAX] {
                let _ = put_noisy(number, offset, ulps, &mut vec![]);
            }
        }
    }
}
