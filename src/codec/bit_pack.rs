//! `BitPack`: words cut to the width of the largest.

use serde::{Deserialize, Serialize};

use super::ascending::bit_len;
use super::{Codec, CodecId, Encoded};
use crate::bits::{BitReader, BitWriter};
use crate::lane::{put_shape, read_shape};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, Result, Word, with_kind, with_words};

/// Keeps of each word only the bits that the largest word needs.
///
/// Parameters: lane kind (1 byte), number of words (varint), bits of a word (1 byte), the words as one bit stream.
/// Words that are all zero need no bits.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{BitPack, Codec};
/// assert_eq!(BitPack.encode(&Lane::from(vec![1u16, 6, 3, 0]))?.params, [1, 4, 3, 0b1111_0001, 0]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct BitPack;

impl Codec for BitPack {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::BIT_PACK
    }

    fn name(&self) -> &'static str {
        "BitPack"
    }

    fn arity(&self) -> usize {
        0
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let width = bit_len(input.max().unwrap_or(0));
        let mut params = vec![];
        put_shape(&mut params, input.kind(), input.len());
        params.push(width as u8);
        let mut stream = BitWriter::new();
        with_words!(input, words => words.iter().for_each(|word| stream.put(word.wide(), width)));
        params.extend(stream.finish());
        Ok(Encoded { params, children: vec![] })
    }

    fn decode(&self, params: &[u8], _: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "BitPack");
        let (kind, len) = read_shape(&mut reader, budget)?;
        let width = u32::from(reader.u8()?);
        if width > kind.bits() {
            return Err(reader.corrupt("packed words are wider than the lane"));
        }
        with_kind!(kind, W => Ok(W::wrap(unpack::<W>(reader.rest(), len, width)?)))
    }

    // One width serves all groups: what a group could save, an entropy coder saves better.
    fn ignores_groups(&self) -> bool {
        true
    }
}

/// `len` words of `width` bits each, which must be all of `packed`.
fn unpack<W: Word>(packed: &[u8], len: usize, width: u32) -> Result<Vec<W>> {
    let needed = (len as u64 * u64::from(width)).div_ceil(8);
    if (packed.len() as u64) < needed {
        return Err(Error::Truncated { part: "BitPack", needed: needed - packed.len() as u64 });
    }
    let mut reader = BitReader::new(packed, "BitPack");
    let words = (0..len).map(|_| Ok(W::low(reader.take(width)?))).collect::<Result<_>>()?;
    reader.end()?;
    Ok(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    proptest! {
        #[test]
        fn words_of_any_width_return(words in prop::collection::vec(any::<u64>(), 0..70), shift in 0..64u32) {
            let lane = Lane::from(words.iter().map(|word| word >> shift).collect::<Vec<_>>());
            let params = BitPack.encode(&lane).unwrap().params;
            let mut budget = Budget::new(&Limits::default());
            prop_assert_eq!(BitPack.decode(&params, vec![], &mut budget).unwrap(), lane);
            prop_assert!(BitPack.decode(&params[..params.len() - 1], vec![], &mut budget).is_err());
        }
    }

    #[test]
    fn widths_past_the_lane_and_lengths_past_the_stream_are_refused() {
        let mut budget = Budget::new(&Limits::default());
        assert!(BitPack.decode(&[0, 1, 9, 0, 0], vec![], &mut budget).is_err());
        assert!(BitPack.decode(&[0, 0xff, 0xff, 0x7f, 1, 0], vec![], &mut budget).is_err());
        assert!(BitPack.decode(&[0, 1, 3, 1, 0], vec![], &mut budget).is_err(), "a byte is left over");
    }
}
