//! `Delta`: differences to earlier words.

mod wide;

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded, only};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, Result, Word, with_words};

/// Highest order of differences.
const MOST_ORDER: u8 = 2;

/// Replaces words by their differences of order 0, 1 or 2, small in either direction.
///
/// Words wrap around at the lane's width, as do the differences; before the first word stand zeros. A difference `d` is
/// taken as signed and mapped to the unsigned words 0, 1, 2, 3 for 0, −1, 1, −2. Order 0 therefore turns small signed
/// words into small unsigned ones, order 1 takes out a level, order 2 a slope.
///
/// Parameters: the order (1 byte). The child has the lane's width and length.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Delta};
/// let ramp = Lane::from(vec![10u8, 13, 16, 15]);
/// assert_eq!(Delta::new(1)?.encode(&ramp)?.children, [Lane::from(vec![20u8, 6, 6, 1])]);
/// assert_eq!(Delta::new(2)?.encode(&ramp)?.children, [Lane::from(vec![20u8, 13, 0, 7])]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delta {
    order: u8,
}

impl Default for Delta {
    fn default() -> Self {
        Self { order: 1 }
    }
}

impl Delta {
    /// Differences of the given order.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] unless `order` is from 0 to 2.
    pub fn new(order: u8) -> Result<Self> {
        Self { order }.check()
    }

    fn check(self) -> Result<Self> {
        if self.order <= MOST_ORDER { Ok(self) } else { Err(Error::config("order", self.order, "0..=2")) }
    }
}

impl Codec for Delta {
    crate::saved_by_serde!(Codec, Self::check);

    fn id(&self) -> CodecId {
        CodecId::DELTA
    }

    fn name(&self) -> &'static str {
        "Delta"
    }

    fn arity(&self) -> usize {
        1
    }

    fn carries_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let child = with_words!(input, words => {
            let mut words = words.clone();
            for _ in 0..self.order {
                differences(&mut words);
            }
            for word in &mut words {
                *word = fold(*word);
            }
            Word::wrap(words)
        });
        Ok(Encoded { params: vec![self.order], children: vec![child] })
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, _: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "Delta");
        let order = reader.u8()?;
        if order > MOST_ORDER {
            return Err(reader.corrupt("the order is above two"));
        }
        reader.end()?;
        let mut child = only(children, "Delta")?;
        match &mut child {
            Lane::U8(bytes) => {
                let mut carry = [0; 2];
                let (blocks, _) = bytes.as_chunks_mut();
                let done = wide::sums(blocks, order, &mut carry);
                sums(&mut bytes[done * wide::BLOCK..], order, &mut carry);
            }
            lane => with_words!(lane, words => sums(words, order, &mut Default::default())),
        }
        Ok(child)
    }
}

/// Subtracts from each word the one before it.
fn differences<W: Word>(words: &mut [W]) {
    let mut previous = W::zero();
    for word in words {
        let current = *word;
        *word = current.wrapping_sub(&previous);
        previous = current;
    }
}

/// Words unfolded at a time, which are then still at hand to be summed up.
const STRETCH: usize = 1024;

/// Unfolds words and sums them up `order` times. `carry` has the last slope and the last sum before and after.
fn sums<W: Word>(words: &mut [W], order: u8, carry: &mut [W; 2]) {
    let [mut slope, mut sum] = *carry;
    for words in words.chunks_mut(STRETCH) {
        for word in &mut *words {
            *word = unfold(*word);
        }
        match order {
            0 => {}
            1 => words.iter_mut().for_each(|word| {
                sum = sum.wrapping_add(word);
                *word = sum;
            }),
            _ => words.iter_mut().for_each(|word| {
                slope = slope.wrapping_add(word);
                sum = sum.wrapping_add(&slope);
                *word = sum;
            }),
        }
    }
    *carry = [slope, sum];
}

/// A word with its sign moved to the lowest bit, so that words near zero on either side are small.
pub(super) fn fold<W: Word>(word: W) -> W {
    let sign = W::zero().wrapping_sub(&(word >> (W::KIND.bits() as usize - 1)));
    (word << 1) ^ sign
}

/// Inverse of [`fold`].
pub(super) fn unfold<W: Word>(word: W) -> W {
    (word >> 1) ^ W::zero().wrapping_sub(&(word & W::one()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    proptest! {
        #[test]
        fn every_order_returns(words in prop::collection::vec(any::<u16>(), 0..50), order in 0..=2u8) {
            let lane = Lane::from(words);
            let coded = Delta::new(order).unwrap().encode(&lane).unwrap();
            let mut budget = Budget::new(&Limits::default());
            prop_assert_eq!(Delta::default().decode(&coded.params, coded.children, &mut budget).unwrap(), lane);
        }
    }

    /// Differences undone one word after the other.
    fn undone_plainly<W: Word>(words: &[W], order: u8) -> Vec<W> {
        let mut words: Vec<W> = words.iter().map(|&word| unfold(word)).collect();
        for _ in 0..order {
            for at in 1..words.len() {
                words[at] = words[at].wrapping_add(&words[at - 1]);
            }
        }
        words
    }

    fn sums_are_plain<W: Word>(seeds: &[u64], len: usize) -> Result<(), TestCaseError>
    where
        Lane: From<Vec<W>>,
    {
        let words: Vec<W> =
            seeds.iter().cycle().zip(0..len).map(|(seed, at)| W::low(seed.rotate_left(at as u32))).collect();
        for order in 0..=MOST_ORDER {
            let mut budget = Budget::new(&Limits::default());
            let back = Delta::default().decode(&[order], vec![Lane::from(words.clone())], &mut budget).unwrap();
            prop_assert_eq!(back, Lane::from(undone_plainly(&words, order)));
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn sums_in_stretches_and_vectors_are_plain_sums(
            seeds in prop::collection::vec(any::<u64>(), 1..9),
            len in prop_oneof![0..100usize, STRETCH - 2..STRETCH + 3, 2 * STRETCH..2 * STRETCH + 70],
        ) {
            sums_are_plain::<u8>(&seeds, len)?;
            sums_are_plain::<u16>(&seeds, len)?;
            sums_are_plain::<u32>(&seeds, len)?;
            sums_are_plain::<u64>(&seeds, len)?;
        }
    }

    #[test]
    fn every_byte_folds_and_unfolds() {
        for byte in 0..=255u8 {
            assert_eq!(unfold(fold(byte)), byte);
        }
        assert_eq!([0, 1, 255, 2, 254, 128].map(fold::<u8>), [0, 2, 1, 4, 3, 255]);
    }

    #[test]
    fn orders_above_two_are_refused() {
        assert!(Delta::new(3).is_err());
        let mut budget = Budget::new(&Limits::default());
        assert!(Delta::default().decode(&[3], vec![Lane::U8(vec![])], &mut budget).is_err());
    }
}
