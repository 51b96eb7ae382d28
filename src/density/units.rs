//! Weights as integers: the unit they are counted in, and what is left of them.

use super::number::{Numbers, Parts, WIDE};

/// log2 of the units in an average weight.
const UNITS: u32 = 16;

/// Weights in units in which most of them have some 2^[`UNITS`].
pub(super) fn plain_values<I: Iterator<Item = Parts>>(parts: impl Fn() -> I) -> (u32, Vec<i32>) {
    let unit = unit(parts().map(|parts| (parts.digits, parts.shift)));
    (unit, parts().map(|parts| less(Numbers::fixed(parts, unit), 0)).collect())
}

/// Weights less those of a base, in units in which most of the differences have some 2^[`UNITS`].
pub(super) fn differences<I: Iterator<Item = (Parts, Parts)>>(pairs: impl Fn() -> I) -> (u32, Vec<i32>) {
    // As fine as most weights can be taken.
    let fine = unit(pairs().map(|(own, _)| (own.digits, own.shift))).saturating_sub(WIDE - UNITS - 4);
    let size = |(own, base): (Parts, Parts)| (Numbers::fixed(own, fine) - Numbers::fixed(base, fine)).unsigned_abs();
    let unit = unit(pairs().map(|pair| (size(pair), fine)));
    let value = |(own, base): (Parts, Parts)| less(Numbers::fixed(own, unit), Numbers::fixed(base, unit));
    (unit, pairs().map(value).collect())
}

/// The unit in which most of some sizes, digits · 2^shift, have some 2^[`UNITS`].
fn unit(sizes: impl Iterator<Item = (u64, u32)>) -> u32 {
    let mut counts = vec![0usize; 1];
    let mut all = 0;
    for (digits, shift) in sizes.filter(|size| size.0 > 0) {
        let top = (64 - digits.leading_zeros() + shift) as usize;
        if counts.len() <= top {
            counts.resize(top + 1, 0);
        }
        counts[top] += 1;
        all += 1;
    }
    let mut seen = 0;
    let typical = counts.iter().position(|count| {
        seen += count;
        4 * seen > 3 * all
    });
    (typical.unwrap_or(0) as u32).saturating_sub(UNITS)
}

/// A value less a mean, cut to 31 bits.
pub(super) fn less(value: impl Into<i64>, mean: i64) -> i32 {
    (value.into() - mean).clamp(-(1 << 30), 1 << 30) as i32
}
