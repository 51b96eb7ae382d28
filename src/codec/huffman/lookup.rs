//! Lookup tables: what the next bits of a stream stand for.

use super::lengths::{Lengths, MAX_LENGTH, codes};
use crate::codec::dispatch::dispatched;

/// Slots of a table for codes up to [`MAX_LENGTH`].
pub(super) const SLOTS: usize = 1 << MAX_LENGTH;
/// Most symbols of one [`Several`] entry.
pub(super) const MOST: usize = 5;
/// First bit of the number of symbols in such an entry.
pub(super) const COUNT_AT: u32 = 57;
/// First bit of the last of [`MOST`] − 1 symbols, as many as fit behind another one.
const LAST_AT: u32 = 8 * (MOST as u32 - 1);

/// Low bits of an entry of a [`Lookup`], which hold a length: as many as a shift by 0 to 63 looks at.
pub(super) const LENGTH_BITS: u32 = 6;
pub(super) const LENGTH_MASK: u16 = (1 << LENGTH_BITS) - 1;

/// One symbol for the next `LOG` bits: its number above [`LENGTH_BITS`] bits for the length of its code.
///
/// `SLOTS` is 2^`LOG`: a size that the compiler knows needs no check of an index of `LOG` bits.
pub(super) struct Lookup<const LOG: u32, const SLOTS: usize>([u16; SLOTS]);

impl<const LOG: u32, const SLOTS: usize> Lookup<LOG, SLOTS> {
    pub fn new() -> Self {
        Self([0; SLOTS])
    }

    /// Lays out a table whose codes have at most `LOG` bits in place of the last one.
    pub fn fill(&mut self, lengths: &Lengths) {
        for (symbol, length, code) in codes(lengths) {
            let spread = LOG - u32::from(length);
            let first = usize::from(code) << spread;
            self.0[first..first + (1 << spread)].fill(symbol << LENGTH_BITS | u16::from(length));
        }
    }

    /// The symbol and length that the highest bits begin with.
    #[inline(always)]
    pub fn get(&self, bits: u64) -> u16 {
        self.0[(bits >> (64 - LOG)) as usize & (SLOTS - 1)]
    }
}

/// All whole codes in the next 11 bits, up to [`MOST`].
///
/// An entry holds the bits of all its codes (bits 0 to 7), the symbols, each in a byte, and their number (from bit
/// [`COUNT_AT`]). The nine bits between stay free, so that the sum of many entries has the sum of their numbers there, and
/// that of their bits in the lowest byte.
pub(super) struct Several([u64; SLOTS]);

impl Several {
    pub fn new() -> Self {
        Self([0; SLOTS])
    }

    /// Lays out a table in place of the last one; all symbols are bytes.
    ///
    /// What w bits hold is their first symbol and then what the bits after it hold: tables for 0, 1, … bits, each from
    /// those before. That of w bits begins at 2^w, and those for more bits than any first symbol leaves are not needed.
    pub fn fill(&mut self, lengths: &Lengths) {
        let (mut length_of, mut shortest) = ([0; 256], MAX_LENGTH);
        for &(symbol, length) in lengths {
            length_of[usize::from(symbol) % 256] = u64::from(length);
            shortest = shortest.min(u32::from(length));
        }
        let mut shorter = [0u64; SLOTS];
        for width in 1..=MAX_LENGTH - shortest {
            let (known, own) = shorter.split_at_mut(1 << width);
            first_and_after(lengths, width, known, own, |after| {
                if after >> COUNT_AT < MOST as u64 - 1 {
                    return after;
                }
                // With a first symbol before these and one more before all there would be too many: the last has to wait.
                (after & !(255 << LAST_AT)) - length_of[(after >> LAST_AT) as usize & 255] - (1 << COUNT_AT)
            });
        }
        dispatched(
            #[inline(always)]
            || first_and_after(lengths, MAX_LENGTH, &shorter, &mut self.0, |after| after),
        );
    }

    /// The entry for the highest bits.
    #[inline(always)]
    pub fn get(&self, bits: u64) -> u64 {
        self.0[(bits >> (64 - MAX_LENGTH)) as usize]
    }
}

/// Lays out what `width` bits hold: all codes that fit, each followed by what `cut` leaves of what the bits after it hold.
#[inline(always)]
fn first_and_after(lengths: &Lengths, width: u32, known: &[u64], own: &mut [u64], cut: impl Fn(u64) -> u64) {
    const SYMBOLS: u64 = (1 << 48) - (1 << 8);
    for (symbol, length, code) in codes(lengths).filter(|&(_, length, _)| u32::from(length) <= width) {
        let left = 1 << (width - u32::from(length));
        let first = (1 << COUNT_AT) + (u64::from(symbol) << 8) + u64::from(length);
        let own = &mut own[usize::from(code) * left..][..left];
        for (entry, &after) in own.iter_mut().zip(&known[left..][..left]) {
            let after = cut(after);
            *entry = ((after & SYMBOLS) << 8) + (after & !SYMBOLS) + first;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lengths::optimal;
    use super::*;

    proptest! {
        #[test]
        fn several_symbols_are_those_found_one_by_one(counts in prop::collection::vec(1u64..1000, 2..256), power in 1u32..5) {
            let lengths = optimal(&counts.iter().map(|c| c.pow(power)).collect::<Vec<_>>());
            let lengths: Lengths = (0..).zip(lengths).collect();
            let (mut single, mut several) = (Lookup::<MAX_LENGTH, SLOTS>::new(), Several::new());
            single.fill(&lengths);
            several.fill(&lengths);
            for index in 0..SLOTS as u64 {
                let (mut used, mut symbols) = (0, vec![]);
                while symbols.len() < MOST {
                    let packed = single.get(index << 53 << used);
                    if used + u64::from(packed & LENGTH_MASK) > 11 {
                        break;
                    }
                    used += u64::from(packed & LENGTH_MASK);
                    symbols.push((packed >> LENGTH_BITS) as u8);
                }
                let entry = several.get(index << 53);
                prop_assert_eq!((entry & 255, (entry >> COUNT_AT) as usize), (used, symbols.len()));
                prop_assert_eq!(&entry.to_le_bytes()[1..=symbols.len()], &symbols[..]);
            }
        }
    }
}
