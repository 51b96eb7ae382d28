//! Numbers of a fixed count of significant figures: `12.47` and `9.504` are neighbours of the same kind.

use crate::Lane;

/// Most figures: 10 to this power fits signed words with room.
pub(super) const MOST_FIGURES: u32 = 17;

/// Bits that the figures of a column must save to be named.
const LEAST_SAVED: u64 = 48;

/// Where the ordinals of a column begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::pipeline) struct Origin {
    /// The lowest ordinal that is a value.
    pub first: u64,
    /// The number that it stands for, in units of the last place.
    pub low: i64,
}

/// How many significant figures the numbers of a column have at most.
///
/// A number n ≥ 10^d has d figures and e more places, which are zero. Its *rank* counts the numbers of d figures from 0 up to
/// it: n itself below 10^d, else 10^d + 9 (e − 1) · 10^(d−1) + ⌊n / 10^e⌋ − 10^(d−1); a negative number has the negative
/// rank. Without figures the rank is the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Figures {
    /// d, or 0 for numbers of any count of figures.
    pub digits: u32,
    pub origin: Origin,
}

impl Figures {
    /// The fewest figures that all values of these lanes have, or none if that saves little.
    pub fn of(origin: Origin, lanes: &[&Lane]) -> Self {
        let plain = Self { digits: 0, origin };
        let numbers = || {
            let values = lanes.iter().flat_map(|lane| lane.to_u64s()).filter(|&value| value >= origin.first);
            values.map(|value| plain.number(value).unsigned_abs())
        };
        let (mut digits, mut bits) = (0, 0);
        for mut number in numbers() {
            while number != 0 && number.is_multiple_of(10) {
                number /= 10;
            }
            digits = digits.max(length(number));
            if digits >= MOST_FIGURES {
                return plain;
            }
        }
        // A place that is not coded saves log2 10 bits.
        numbers().for_each(|number| bits += u64::from(length(number).saturating_sub(digits)) * 10 / 3);
        if digits > 0 && bits >= LEAST_SAVED { Self { digits, origin } } else { plain }
    }

    /// The number of an ordinal.
    #[inline]
    fn number(self, ordinal: u64) -> i64 {
        self.origin.low.wrapping_add(ordinal.wrapping_sub(self.origin.first) as i64)
    }

    /// The rank of the number at an ordinal, or of the nearest one towards 0 that has one.
    #[inline]
    pub fn rank(self, ordinal: u64) -> u64 {
        if self.digits == 0 {
            return ordinal;
        }
        let number = self.number(ordinal);
        let size = number.unsigned_abs();
        let tens = 10u64.pow(self.digits);
        if size < tens {
            return number as u64;
        }
        let more = length(size) - self.digits;
        let step = tens / 10;
        let rank = tens + 9 * step * u64::from(more - 1) + (size / 10u64.pow(more) - step);
        if number < 0 { rank.wrapping_neg() } else { rank }
    }

    /// The ordinal of a rank: inverse of [`Figures::rank`].
    #[inline]
    pub fn ordinal(self, rank: u64) -> u64 {
        if self.digits == 0 {
            return rank;
        }
        let (is_negative, size) = ((rank as i64) < 0, (rank as i64).unsigned_abs());
        let tens = 10u64.pow(self.digits);
        let step = tens / 10;
        let size = if size < tens {
            size
        } else {
            let (more, figures) = ((size - tens) / (9 * step) + 1, (size - tens) % (9 * step) + step);
            // A damaged file may ask for more places than there are.
            figures.wrapping_mul(10u64.wrapping_pow(more.min(64) as u32))
        };
        let number = if is_negative { size.wrapping_neg() } else { size };
        number.wrapping_sub(self.origin.low as u64).wrapping_add(self.origin.first)
    }
}

/// The number of digits, 0 for 0.
#[inline]
fn length(number: u64) -> u32 {
    number.checked_ilog10().map_or(0, |log| log + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn figures_are_found_and_ranks_have_no_gaps() {
        let numbers = [99u64, 100, 101, 999, 1000, 1010, 9990, 10_000, 10_100];
        let words: Vec<u64> = numbers.iter().map(|n| n - 99 + 3).cycle().take(900).collect();
        let lane = Lane::narrowest(words);
        let figures = Figures::of(Origin { first: 3, low: 99 }, &[&lane]);
        assert_eq!(figures.digits, 3);
        let ranks: Vec<u64> = numbers.iter().map(|n| figures.rank(n - 99 + 3)).collect();
        assert_eq!(ranks, [99, 100, 101, 999, 1000, 1001, 1899, 1900, 1901]);
    }

    proptest! {
        #[test]
        fn ranks_lead_back(number in -999_999i64..1_000_000, places in 0u32..12, low in any::<i64>(), first in 0u64..9) {
            let figures = Figures { digits: 6, origin: Origin { first, low } };
            let ordinal = (number * 10i64.pow(places)).wrapping_sub(low) as u64;
            let ordinal = ordinal.wrapping_add(first);
            prop_assert_eq!(figures.ordinal(figures.rank(ordinal)), ordinal);
        }

        #[test]
        fn any_rank_and_ordinal_are_borne(word in any::<u64>(), digits in 0..=MOST_FIGURES, low in any::<i64>()) {
            let figures = Figures { digits, origin: Origin { first: 1, low } };
            figures.rank(word);
            figures.ordinal(word);
        }
    }
}
