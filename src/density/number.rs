//! Weights as signed numbers, divided into cells of equal width.
//!
//! A weight is sign · M · 2^S in units of the smallest step of its dtype, where M has at most m + 1 bits: m is the
//! length of a float's mantissa, and S one less than its exponent field (0 for subnormals). Integers have S = 0. At
//! level q the line is cut into cells of 2^q units; zero is a border, and −0 lies below it. The number of the cell and
//! the bits of M below it are the weight: the cell fixes sign, exponent and the upper bits of M.

use crate::model::Dtype;

/// Levels of halving inside the cell next to zero, after which a weight is written as it is.
const MAX_HALVINGS: u32 = 12;

/// Cells further from zero are not told apart; the weight is written as it is.
pub const MAX_CELL: i64 = 1 << 40;

/// log2 of the largest size of a weight in the unit of predictions: all bits of an f64, and some more.
pub const WIDE: u32 = 56;

/// How the words of a dtype are numbers.
///
/// The words of floats have their sign in the lowest bit, those of integers are two's complement or unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Bits of a word.
    pub bits: u32,
    /// Bits of a mantissa; at least the bits of a word for integers.
    pub mantissa: u32,
    is_float: bool,
    is_signed: bool,
}

/// A weight taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    pub is_negative: bool,
    /// M.
    pub digits: u64,
    /// S.
    pub shift: u32,
}

/// Where a weight lies at some level: its cell, and how many bits below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub cell: i64,
    /// The bits below the cell, their number, both without the row's trailing zeros.
    pub below: u64,
    pub below_bits: u32,
}

impl Numbers {
    /// The numbers of a dtype whose weights have a density.
    pub fn of(dtype: Dtype) -> Option<Self> {
        let float = |bits, mantissa| Some(Self { bits, mantissa, is_float: true, is_signed: true });
        let integer = |bits, is_signed| Some(Self { bits, mantissa: 64, is_float: false, is_signed });
        match dtype {
            Dtype::F16 => float(16, 10),
            Dtype::BF16 => float(16, 7),
            Dtype::F32 | Dtype::C64 => float(32, 23),
            Dtype::F64 => float(64, 52),
            Dtype::U8 => integer(8, false),
            Dtype::I8 => integer(8, true),
            Dtype::I16 => integer(16, true),
            Dtype::U16 => integer(16, false),
            _ => None,
        }
    }

    /// Whether words are floats.
    pub fn is_float(self) -> bool {
        self.is_float
    }

    /// The highest level: cells as wide as all numbers.
    pub fn most_level(self) -> u32 {
        if self.is_float { 1 << 12 } else { self.bits }
    }

    /// Most trailing zeros of M that are worth a note.
    pub fn most_zeros(self) -> u32 {
        if self.is_float { self.mantissa } else { 0 }
    }

    /// Takes a word apart.
    #[inline(always)]
    pub fn parts(self, word: u64) -> Parts {
        if !self.is_float {
            let unused = 64 - self.bits;
            let value = if self.is_signed { ((word << unused) as i64) >> unused } else { word as i64 };
            return Parts { is_negative: value < 0, digits: (value ^ (value >> 63)) as u64, shift: 0 };
        }
        let magnitude = word >> 1;
        let exponent = (magnitude >> self.mantissa) as u32;
        let fraction = magnitude & ((1 << self.mantissa) - 1);
        let digits = if exponent > 0 { fraction | 1 << self.mantissa } else { fraction };
        Parts { is_negative: word & 1 == 1, digits, shift: exponent.saturating_sub(1) }
    }

    /// Puts a word together; `None` if there is none for these parts.
    #[inline(always)]
    pub fn word(self, parts: Parts) -> Option<u64> {
        if !self.is_float {
            let value = parts.digits as i64 ^ -i64::from(parts.is_negative);
            let word = value as u64 & (u64::MAX >> (64 - self.bits));
            return (self.parts(word) == parts).then_some(word);
        }
        if u64::from(parts.shift) >> (self.bits - 1 - self.mantissa) > 0 {
            return None;
        }
        // The leading one of a normal number adds one to the exponent.
        let magnitude = (u64::from(parts.shift) << self.mantissa) + parts.digits;
        (magnitude >> (self.bits - 1) == 0).then_some(magnitude << 1 | u64::from(parts.is_negative))
    }

    /// The cell at a level, `None` if it is too far; `zeros` low bits of M are known to be 0.
    #[inline(always)]
    pub fn place(parts: Parts, level: u32, zeros: u32) -> Option<Place> {
        let side = -i64::from(parts.is_negative);
        if level < parts.shift {
            let up = parts.shift - level;
            if up > 40 || parts.digits >= (MAX_CELL as u64) >> up {
                return None;
            }
            return Some(Place { cell: (parts.digits << up) as i64 ^ side, below: 0, below_bits: 0 });
        }
        let down = level - parts.shift;
        let far = parts.digits.checked_shr(down).unwrap_or(0);
        if far >= MAX_CELL as u64 {
            return None;
        }
        if far == 0 {
            // The bits are those of `near`.
            return Some(Place { cell: side, below: 0, below_bits: 0 });
        }
        let below = parts.digits & !(u64::MAX << down);
        Some(Place { cell: far as i64 ^ side, below: below >> zeros.min(down), below_bits: down - zeros.min(down) })
    }

    /// How many bits follow a cell that does not touch zero, S, and the place of the lowest bit of the cell in M;
    /// the inverse of [`Numbers::place`] is [`Numbers::restore`].
    #[inline(always)]
    pub fn below_bits(self, cell: i64, level: u32, zeros: u32) -> u32 {
        let far = (cell ^ (cell >> 63)) as u64;
        let down = level.min(self.mantissa.saturating_sub(far.max(1).ilog2()));
        down - zeros.min(down)
    }

    /// The word of a cell that does not touch zero, and the bits below; `None` if there is no such word.
    #[inline(always)]
    pub fn restore(self, cell: i64, below: u64, level: u32, zeros: u32) -> Option<u64> {
        let is_negative = cell < 0;
        let far = (cell ^ (cell >> 63)) as u64;
        let top = far.ilog2();
        let shift = (top + level).saturating_sub(self.mantissa);
        let digits = if shift > level {
            let up = shift - level;
            if up > 63 || far & !(u64::MAX << up) != 0 {
                return None;
            }
            far >> up
        } else {
            let down = level - shift;
            if down > 63 {
                return None;
            }
            far << down | below << zeros.min(down)
        };
        self.word(Parts { is_negative, digits, shift })
    }

    /// The bits of a weight in a cell that touches zero: how often the cell is halved towards zero until the weight
    /// is in the upper half, at most [`Numbers::halvings`]; then the bits of M and their number.
    #[inline(always)]
    pub fn near(self, parts: Parts, level: u32, zeros: u32) -> (u32, u64, u32) {
        let most = self.halvings(level);
        let length = 64 - parts.digits.leading_zeros() + parts.shift;
        let halvings = if parts.digits == 0 { most } else { (level - length).min(most) };
        let bits = self.near_bits(halvings, level, zeros);
        if halvings == most {
            if level - most <= self.mantissa {
                return (halvings, parts.digits, bits);
            }
            return (halvings, (u64::from(parts.shift) << self.mantissa) + parts.digits, bits);
        }
        (halvings, (parts.digits & ((1 << self.mantissa) - 1)) >> zeros, bits)
    }

    /// Most halvings of a cell next to zero.
    #[inline(always)]
    pub fn halvings(self, level: u32) -> u32 {
        level.saturating_sub(self.mantissa).min(MAX_HALVINGS)
    }

    /// How many bits follow so many halvings.
    #[inline(always)]
    pub fn near_bits(self, halvings: u32, level: u32, zeros: u32) -> u32 {
        let most = self.halvings(level);
        if halvings < most {
            self.mantissa - zeros
        } else if level - most <= self.mantissa {
            level - most
        } else {
            self.bits - 1
        }
    }

    /// Inverse of [`Numbers::near`].
    #[inline(always)]
    pub fn restore_near(self, is_negative: bool, halvings: u32, bits: u64, level: u32, zeros: u32) -> Option<u64> {
        let most = self.halvings(level);
        if halvings < most {
            let shift = level - 1 - halvings - self.mantissa;
            return self.word(Parts { is_negative, digits: 1 << self.mantissa | bits << zeros, shift });
        }
        if level - most <= self.mantissa {
            return self.word(Parts { is_negative, digits: bits, shift: 0 });
        }
        Some(bits << 1 | u64::from(is_negative))
    }

    /// The weight in units of 2^`unit`, rounded towards zero and kept within ±2^[`WIDE`].
    #[inline(always)]
    pub fn fixed(parts: Parts, unit: u32) -> i64 {
        const MOST: u64 = 1 << WIDE;
        let size = if parts.shift >= unit {
            let up = parts.shift - unit;
            if up > WIDE || parts.digits > MOST >> up { MOST } else { parts.digits << up }
        } else {
            parts.digits.checked_shr(unit - parts.shift).unwrap_or(0).min(MOST)
        };
        if parts.is_negative { -(size as i64) } else { size as i64 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_word_returns_from_its_cell(word: u64, shift in 0u32..64, level in 0u32..2200, dtype in 0..Dtype::ALL.len()) {
            let Some(numbers) = Numbers::of(Dtype::ALL[dtype]) else { return Ok(()) };
            let level = level.min(numbers.most_level());
            for word in [word >> shift & (u64::MAX >> (64 - numbers.bits)), word & 1, 2 | word & 1] {
                let parts = numbers.parts(word);
                prop_assert_eq!(numbers.word(parts), Some(word));
                let most = parts.digits.trailing_zeros().min(numbers.most_zeros());
                for zeros in [0, most] {
                    let Some(place) = Numbers::place(parts, level, zeros) else { continue };
                    let restored = if matches!(place.cell, -1 | 0) {
                        let (halvings, low, bits) = numbers.near(parts, level, zeros);
                        prop_assert!(bits == 64 || low >> bits == 0);
                        prop_assert_eq!(bits, numbers.near_bits(halvings, level, zeros));
                        numbers.restore_near(place.cell < 0, halvings, low, level, zeros)
                    } else {
                        prop_assert_eq!(place.below_bits, numbers.below_bits(place.cell, level, zeros));
                        numbers.restore(place.cell, place.below, level, zeros)
                    };
                    prop_assert_eq!(restored, Some(word));
                }
            }
        }

        #[test]
        fn any_cell_is_a_word_or_none(cell: i64, below: u64, level in 0u32..4097, zeros in 0u32..8, dtype in 0..Dtype::ALL.len()) {
            let Some(numbers) = Numbers::of(Dtype::ALL[dtype]) else { return Ok(()) };
            let (zeros, level) = (zeros.min(numbers.most_zeros()), level.min(numbers.most_level()));
            let bits = numbers.below_bits(cell, level, zeros).min(64);
            let below = if bits == 0 { 0 } else { below >> (64 - bits) };
            if !matches!(cell, -1 | 0) {
                numbers.restore(cell, below, level, zeros);
            }
        }
    }

    #[test]
    fn cells_are_as_computed_by_hand() {
        // 1.5 in bf16 is 3fc0: M = 192, S = 126. A cell of 2^130 units holds M · 2^-4 = 12.
        let numbers = Numbers::of(Dtype::BF16).unwrap();
        let parts = numbers.parts(0x3fc0 << 1);
        assert_eq!((parts.digits, parts.shift), (192, 126));
        assert_eq!(Numbers::place(parts, 130, 0), Some(Place { cell: 12, below: 0, below_bits: 4 }));
        // Its negative lies in the thirteenth cell below zero.
        let parts = numbers.parts(0x3fc0 << 1 | 1);
        assert_eq!(Numbers::place(parts, 130, 4), Some(Place { cell: -13, below: 0, below_bits: 0 }));
        assert_eq!(Numbers::fixed(parts, 130), -12);
    }
}
