//! Numbers of distinct words: what `Dictionary` and `Map` look words up in.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::Word;

/// A map from words that hashes by one multiplication.
pub(super) type WordMap<W, V> = HashMap<W, V, Folding>;

/// Makes hashers with a number of its own, so that nobody can choose words that fall into one place.
#[derive(Clone)]
pub(super) struct Folding(u64);

impl Default for Folding {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0u8))
    }
}

impl BuildHasher for Folding {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// The halves of a product of 128 bits, put upon each other.
pub(super) struct Folded(u64);

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        // The golden ratio: an odd number without a pattern.
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The distinct words of a lane, ascending, and for each word its rank among them.
pub(super) fn ranked<W: Word>(words: &[W]) -> (Vec<W>, Vec<u32>) {
    // Numbers in order of appearance first.
    let (mut distinct, mut numbers) = (vec![], Vec::with_capacity(words.len()));
    if W::KIND.bits() <= 16 {
        let mut number_of = vec![u32::MAX; 1 << W::KIND.bits()];
        numbers.extend(words.iter().map(|&word| {
            let number = &mut number_of[word.wide() as usize];
            if *number == u32::MAX {
                *number = distinct.len() as u32;
                distinct.push(word);
            }
            *number
        }));
    } else {
        let mut number_of = WordMap::default();
        numbers.extend(words.iter().map(|&word| {
            *number_of.entry(word).or_insert_with(|| {
                distinct.push(word);
                distinct.len() as u32 - 1
            })
        }));
    }
    let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
    order.sort_unstable_by_key(|&number| distinct[number as usize]);
    let mut rank_of = vec![0; order.len()];
    order.iter().zip(0..).for_each(|(&number, rank)| rank_of[number as usize] = rank);
    numbers.iter_mut().for_each(|number| *number = rank_of[*number as usize]);
    (order.iter().map(|&number| distinct[number as usize]).collect(), numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranks_point_at_the_words_of_every_width(words in prop::collection::vec(any::<u64>(), 0..80), shift in 50..64u32) {
            fn check<W: Word>(words: &[u64], shift: u32) -> Result<(), TestCaseError> {
                let words: Vec<W> = words.iter().map(|word| W::low(word >> shift)).collect();
                let (distinct, ranks) = ranked(&words);
                prop_assert!(distinct.is_sorted_by(|a, b| a < b));
                prop_assert_eq!(ranks.iter().map(|&rank| distinct[rank as usize]).collect::<Vec<_>>(), words);
                prop_assert!((0..distinct.len() as u32).all(|rank| ranks.contains(&rank)));
                Ok(())
            }
            check::<u8>(&words, shift)?;
            check::<u16>(&words, shift)?;
            check::<u32>(&words, shift)?;
            check::<u64>(&words, shift)?;
        }
    }
}
