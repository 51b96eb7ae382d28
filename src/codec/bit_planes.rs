//! `BitPlanes`: words taken apart by the weight of their bits.

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded, only};
use crate::lane::{put_shape, read_shape};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, Result, Word, with_kind, with_words};

/// Separates bits of different weight: the highest bit of all words, then the next, packed eight to a byte.
///
/// Where single bits are constant or rarely set, whole stretches of the output are equal bytes. Bit `i` of a plane, the
/// bit of word `i`, is bit `i % 8` of its byte `i / 8`; every plane begins with a byte of its own.
///
/// One child: the planes as bytes, the highest first. Parameters: the lane's shape.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{BitPlanes, Codec};
/// let coded = BitPlanes.encode(&Lane::from(vec![1u8, 0, 129]))?;
/// assert_eq!(coded.children, [Lane::from(vec![0b100u8, 0, 0, 0, 0, 0, 0, 0b101])]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct BitPlanes;

impl Codec for BitPlanes {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::BIT_PLANES
    }

    fn name(&self) -> &'static str {
        "BitPlanes"
    }

    fn arity(&self) -> usize {
        1
    }

    // A plane holds the bits of all groups side by side.
    fn ignores_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let mut params = vec![];
        put_shape(&mut params, input.kind(), input.len());
        Ok(Encoded { params, children: vec![Lane::U8(with_words!(input, words => bits_apart(words)))] })
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "BitPlanes");
        let (kind, len) = read_shape(&mut reader, budget)?;
        reader.end()?;
        let child = only(children, "BitPlanes")?;
        let planes = child.words::<u8>("BitPlanes")?;
        if planes.len() != len.div_ceil(8) * kind.bits() as usize {
            return Err(reader.corrupt("the planes have another length than the words"));
        }
        // Words are put together at full width.
        budget.spend(8 * len as u64)?;
        with_kind!(kind, W => Ok(W::wrap(bits_together::<W>(planes, len)?)))
    }
}

fn bits_apart<W: Word>(words: &[W]) -> Vec<u8> {
    let (bits, plane_bytes) = (W::KIND.bits() as usize, words.len().div_ceil(8));
    let mut planes = vec![0u8; bits * plane_bytes];
    for (at, eight) in words.chunks(8).enumerate() {
        for plane in 0..bits {
            let shift = bits - 1 - plane;
            let bit = |(place, &word): (usize, &W)| ((word >> shift).wide() as u8 & 1) << place;
            planes[plane * plane_bytes + at] = eight.iter().enumerate().map(bit).fold(0, |byte, bit| byte | bit);
        }
    }
    planes
}

/// Inverse of [`bits_apart`]; bits past the last word must be clear.
fn bits_together<W: Word>(planes: &[u8], len: usize) -> Result<Vec<W>> {
    let (bits, plane_bytes) = (W::KIND.bits() as usize, len.div_ceil(8));
    let mut words = vec![0u64; len];
    for plane in planes.chunks(plane_bytes.max(1)).take(bits) {
        let used = len % 8;
        if used > 0 && plane.last().is_some_and(|&last| last >> used != 0) {
            return Err(Error::corrupt("BitPlanes", "bits stand past the last word", 0));
        }
        for (at, word) in words.iter_mut().enumerate() {
            *word = *word << 1 | u64::from(plane[at / 8] >> (at % 8) & 1);
        }
    }
    Ok(words.into_iter().map(W::low).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    proptest! {
        #[test]
        fn bits_return_and_the_highest_comes_first(words in prop::collection::vec(any::<u32>(), 0..40)) {
            let coded = BitPlanes.encode(&Lane::from(words.clone())).unwrap();
            let planes = coded.children[0].to_u64s();
            for (at, word) in words.iter().enumerate() {
                prop_assert_eq!(planes[at / 8] >> (at % 8) & 1, u64::from(word >> 31));
            }
            prop_assert_eq!(BitPlanes.decode(&coded.params, coded.children, &mut budget()).unwrap(), Lane::from(words));
        }
    }

    #[test]
    fn planes_of_another_length_and_bits_past_the_end_are_corrupt() {
        assert!(BitPlanes.decode(&[0, 1], vec![Lane::U8(vec![0; 8])], &mut budget()).is_ok());
        assert!(BitPlanes.decode(&[0, 1], vec![Lane::U8(vec![0; 7])], &mut budget()).is_err());
        assert!(BitPlanes.decode(&[0, 1], vec![Lane::U8(vec![2; 8])], &mut budget()).is_err(), "bit 1 of one word");
    }
}
