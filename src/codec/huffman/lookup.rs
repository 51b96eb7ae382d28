//! Lookup tables: what the next bits of a stream stand for.

use super::lengths::{Lengths, MAX_LENGTH, codes};
use crate::codec::dispatch::dispatched;

/// Slots of a table for codes up to [`MAX_LENGTH`].
pub(super) const SLOTS: usize = 1 << MAX_LENGTH;

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

/// Most symbols of one entry of [`Several`].
pub(super) const MOST: usize = 4;
/// Bits that are looked at together: one more than the longest code gives a tenth more symbols of text.
pub(super) const SEVERAL_LOG: u32 = MAX_LENGTH + 1;
const SEVERAL_SLOTS: usize = 1 << SEVERAL_LOG;

/// All whole codes in the next [`SEVERAL_LOG`] bits, up to [`MOST`].
pub(super) struct Several {
    /// A symbol in each byte, from the lowest on.
    symbols: [u32; SEVERAL_SLOTS],
    /// The bits of all codes, and above [`LENGTH_BITS`] bits the number of symbols less one.
    tails: [u8; SEVERAL_SLOTS],
}

impl Several {
    pub fn new() -> Self {
        Self { symbols: [0; SEVERAL_SLOTS], tails: [0; SEVERAL_SLOTS] }
    }

    /// Lays out a table in place of the last one, of codes of symbols that are bytes.
    ///
    /// What w bits hold is their first symbol and then what the bits after its code hold: tables for 0, 1, … bits, each
    /// from those before. That of w bits begins at 2^w. Those that are longer than what follows the shortest code are
    /// not needed, but for the last.
    pub fn fill(&mut self, lengths: &Lengths) {
        dispatched(
            #[inline(always)]
            || self.lay_out(lengths),
        );
    }

    #[inline(always)]
    fn lay_out(&mut self, lengths: &Lengths) {
        let (mut length_of, mut all) = ([0; 256], [(0, 0, 0); 256]);
        for (slot, (symbol, length, code)) in all.iter_mut().zip(codes(lengths)) {
            length_of[usize::from(symbol as u8)] = length;
            *slot = (u32::from(symbol), length, usize::from(code));
        }
        let all = &all[..lengths.len().min(256)];
        let shortest = all.iter().map(|code| u32::from(code.1)).min().unwrap_or(SEVERAL_LOG);
        // Its slots with nothing in them are the beginning.
        let mut shorter = Self::new();
        for width in 1..=SEVERAL_LOG - shortest {
            let (old, mut own) = shorter.split_at(1 << width);
            old.before(all, &length_of, width, &mut own);
        }
        let (old, _) = shorter.split_at(SEVERAL_SLOTS);
        let mut own = Part { symbols: &mut self.symbols, tails: &mut self.tails };
        old.before(all, &length_of, SEVERAL_LOG, &mut own);
        for tail in &mut self.tails {
            *tail = ((*tail >> INNER_BITS) - 1) << LENGTH_BITS | (*tail & ((1 << INNER_BITS) - 1));
        }
    }

    fn split_at(&mut self, slot: usize) -> (Part<'_>, Part<'_>) {
        let (symbols, tails) = (self.symbols.split_at_mut(slot), self.tails.split_at_mut(slot));
        (Part { symbols: symbols.0, tails: tails.0 }, Part { symbols: symbols.1, tails: tails.1 })
    }

    /// The symbols that the highest bits begin with, and their tail.
    #[inline(always)]
    pub fn get(&self, bits: u64) -> ([u8; MOST], u8) {
        let slot = (bits >> (64 - SEVERAL_LOG)) as usize;
        (self.symbols[slot].to_le_bytes(), self.tails[slot])
    }
}

/// Bits of a length while a table is laid out: above them is the number of symbols itself.
const INNER_BITS: u32 = 4;
const _: () = assert!(SEVERAL_LOG < 1 << INNER_BITS);

/// Slots that are laid out.
struct Part<'a> {
    symbols: &'a mut [u32],
    tails: &'a mut [u8],
}

impl Part<'_> {
    /// Fills the slots of `width` bits from those of fewer: the symbol, length and code of each of `all` before them.
    #[inline(always)]
    fn before(&self, all: &[(u32, u8, usize)], length_of: &[u8; 256], width: u32, own: &mut Part<'_>) {
        for &(symbol, length, code) in all.iter().filter(|code| u32::from(code.1) <= width) {
            let left = width - u32::from(length);
            let after = self.symbols[1 << left..2 << left].iter().zip(&self.tails[1 << left..2 << left]);
            let own = own.symbols[code << left..].iter_mut().zip(&mut own.tails[code << left..]);
            for ((symbols, tail), (&after, &after_tail)) in own.zip(after) {
                *symbols = after << 8 | symbol;
                *tail = if after_tail >> INNER_BITS == MOST as u8 {
                    // One more would be too many: the last one has to wait.
                    after_tail + length - length_of[(after >> 24) as usize]
                } else {
                    after_tail + (1 << INNER_BITS) + length
                };
            }
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
            for slot in 0..1u64 << SEVERAL_LOG {
                let bits = slot << (64 - SEVERAL_LOG);
                let (mut used, mut symbols) = (0, vec![]);
                while symbols.len() < MOST {
                    let packed = single.get(bits << used);
                    if used + u32::from(packed & LENGTH_MASK) > SEVERAL_LOG {
                        break;
                    }
                    used += u32::from(packed & LENGTH_MASK);
                    symbols.push((packed >> LENGTH_BITS) as u8);
                }
                let (found, tail) = several.get(bits);
                prop_assert_eq!(u32::from(tail), (symbols.len() as u32 - 1) << LENGTH_BITS | used);
                prop_assert_eq!(&found[..symbols.len()], &symbols[..]);
            }
        }
    }
}
