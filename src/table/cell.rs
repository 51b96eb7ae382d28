//! Cells of up to 15 bytes as one 128-bit number, so that numbers are spelled and rows put together without a loop.

use super::number::{Number, Spelling};

/// A cell, or where it stands: the first 15 bytes are its text and the last one its length, the first byte lowest. With
/// a length of [`Cell::LONG`] the text stands elsewhere: its place takes eight bytes and its length the next seven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell(u128);

impl Cell {
    /// Bytes of a text that needs no other place.
    pub const SHORT: usize = 15;
    const LONG: u128 = 16;
    const LEN_SHIFT: u32 = 120;

    /// The number of no cell.
    pub const ABSENT: Self = Self(u128::MAX);

    pub const EMPTY: Self = Self(0);

    /// A text that fits.
    pub fn short(text: &[u8]) -> Option<Self> {
        if text.len() > Self::SHORT {
            return None;
        }
        let mut bytes = [0; 16];
        bytes[..text.len()].copy_from_slice(text);
        bytes[15] = text.len() as u8;
        Some(Self(u128::from_le_bytes(bytes)))
    }

    /// A text that stands elsewhere.
    pub fn long(start: usize, len: usize) -> Self {
        Self(start as u128 | (len as u128) << 64 | Self::LONG << Self::LEN_SHIFT)
    }

    /// Place and length of a text that stands elsewhere.
    #[inline(always)]
    pub fn elsewhere(self) -> Option<(usize, usize)> {
        let is_long = self.0 >> Self::LEN_SHIFT == Self::LONG;
        is_long.then_some((self.0 as usize, ((self.0 << 8) >> 72) as usize))
    }

    /// Number of bytes.
    #[inline(always)]
    pub fn len(self) -> usize {
        self.elsewhere().map_or((self.0 >> Self::LEN_SHIFT) as usize, |long| long.1)
    }

    /// The text, if it is short, with other bytes behind it.
    #[inline(always)]
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// Two short texts in a row, if they fit.
    #[inline(always)]
    fn then(self, next: Self) -> Option<Self> {
        let (len, more) = ((self.0 >> Self::LEN_SHIFT) as usize, (next.0 >> Self::LEN_SHIFT) as usize);
        // What is shifted past the length's byte would be text that does not fit.
        (len + more <= Self::SHORT).then(|| {
            let text = |cell: Self| cell.0 & ((1 << Self::LEN_SHIFT) - 1);
            Self(text(self) | text(next) << (8 * len) | ((len + more) as u128) << Self::LEN_SHIFT)
        })
    }

    /// `number` of an offset between what stands before and after it; nothing when that is long or out of range, or a
    /// date.
    #[inline]
    pub fn of_number(number: Number, offset: u64, around: &[Self; 2]) -> Option<Self> {
        around[0].then(spell(number, offset)?)?.then(around[1])
    }
}

/// The text of a number, as [`Number::format`] spells it.
#[inline]
fn spell(number: Number, offset: u64) -> Option<Cell> {
    let value = number.min().checked_add_unsigned(offset)?;
    let digits = digits(value.unsigned_abs())?;
    // The last digit is the highest byte of 16; those that lead are zeros.
    let used = 16 - (digits.trailing_zeros() / 8).min(15);
    let shown = |count: u32| (digits | u128::from_le_bytes([b'0'; 16])) >> (8 * (16 - count));
    let (text, len) = match number {
        Number::Integer { .. } => (shown(used), used),
        Number::Code { width, .. } => {
            let count = used.max(u32::from(width));
            (count <= 15).then(|| (shown(count), count))?
        }
        Number::Decimal { scale, spelling, .. } => {
            let scale = u32::from(scale);
            let count = used.max(scale + 1);
            if count >= 15 {
                return None;
            }
            let (all, whole) = (shown(count), count - scale);
            let point = u128::from(b'.') << (8 * whole);
            let text = all & ((1 << (8 * whole)) - 1) | point | all >> (8 * whole) << (8 * (whole + 1));
            let kept = match spelling {
                Spelling::Fixed => scale,
                Spelling::Trimmed { min_frac } => {
                    scale.saturating_sub(digits.leading_zeros() / 8).max(u32::from(min_frac))
                }
            };
            let len = if kept == 0 { whole } else { whole + 1 + kept };
            (text & ((1 << (8 * len)) - 1), len)
        }
        Number::DateTime { .. } => return None,
    };
    let sign = u32::from(value < 0);
    if len + sign > Cell::SHORT as u32 {
        return None;
    }
    let text = text << (8 * sign) | u128::from(sign * u32::from(b'-'));
    Some(Cell(text | u128::from(len + sign) << Cell::LEN_SHIFT))
}

/// Sixteen digits, the first one in the lowest byte.
#[inline]
fn digits(value: u64) -> Option<u128> {
    const HALF: u64 = 100_000_000;
    if value < HALF {
        return Some(u128::from(eight_digits(value)) << 64);
    }
    (value < HALF * HALF).then(|| u128::from(eight_digits(value / HALF)) | u128::from(eight_digits(value % HALF)) << 64)
}

/// Eight digits of a number below 10⁸, each pair of parts divided at once.
#[inline]
fn eight_digits(value: u64) -> u64 {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 5243) >> 19) & 0x7f_0000_007f;
    let pairs = hundreds | (fours - 100 * hundreds) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - 10 * tens) << 8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = Number> {
        let min = || prop_oneof![any::<i64>(), -1000i64..1000, Just(0)];
        let spelling = prop_oneof![Just(Spelling::Fixed), (0u8..2).prop_map(|min_frac| Spelling::Trimmed { min_frac })];
        prop_oneof![
            min().prop_map(|min| Number::Integer { min }),
            (min(), 1u8..=18, spelling).prop_map(|(min, scale, spelling)| Number::Decimal { min, scale, spelling }),
            (min(), 1u8..=18).prop_map(|(min, width)| Number::Code { width, min }),
        ]
    }

    proptest! {
        #[test]
        fn numbers_are_spelled_as_by_digits(
            number in numbers(), offset: u64, shift in 0u32..64, zeros in 0u32..12,
            before in "[x\"]{0,3}", after in "[,\n]{0,3}",
        ) {
            let offset = (offset >> shift) / 10u64.pow(zeros) * 10u64.pow(zeros);
            let around = [before.as_bytes(), after.as_bytes()].map(|text| Cell::short(text).unwrap());
            let mut text = before.clone().into_bytes();
            let is_written = number.format(offset, &mut text).is_some();
            text.extend(after.as_bytes());
            if let Some(cell) = Cell::of_number(number, offset, &around) {
                prop_assert!(is_written);
                prop_assert_eq!(&cell.bytes()[..cell.len()], text.as_slice());
            } else {
                let is_trimmed = matches!(number, Number::Decimal { spelling: Spelling::Trimmed { .. }, .. });
                prop_assert!(!is_written || text.len() > Cell::SHORT || is_trimmed, "{:?}", text);
            }
        }
    }

    #[test]
    fn texts_and_places_are_kept() {
        for text in [&b""[..], b"a", b"fifteen letters"] {
            let cell = Cell::short(text).unwrap();
            assert_eq!((&cell.bytes()[..cell.len()], cell.elsewhere()), (text, None));
        }
        assert_eq!(Cell::short(b"sixteen letters!"), None);
        let long = Cell::long(usize::MAX, 1 << 40);
        assert_eq!((long.len(), long.elsewhere()), (1 << 40, Some((usize::MAX, 1 << 40))));
    }
}
