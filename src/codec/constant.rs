//! `Constant`: one word, however often.

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded};
use crate::lane::{put_shape, read_shape};
use crate::wire::{Reader, put_varint};
use crate::{Budget, Error, Lane, Result, Word, with_kind, with_words};

/// Writes a lane of equal words as the word and their number.
///
/// Parameters: the lane's shape, and the word (varint) unless the lane is empty. There are no children.
///
/// # Errors
/// [`Error::Unsuitable`] for a lane, or a group, in which words differ. [`Map`](super::Map) allows exceptions.
///
/// # Example
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Constant};
/// assert_eq!(Constant.encode(&Lane::from(vec![300u16; 1000]))?.params, [1, 0xe8, 0x07, 0xac, 0x02]);
/// assert!(Constant.encode(&Lane::from(vec![1u8, 2])).is_err());
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Constant;

impl Codec for Constant {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::CONSTANT
    }

    fn name(&self) -> &'static str {
        "Constant"
    }

    fn arity(&self) -> usize {
        0
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let mut params = vec![];
        put_shape(&mut params, input.kind(), input.len());
        if let Some(word) = with_words!(input, words => only_word(words))? {
            put_varint(&mut params, word);
        }
        Ok(Encoded { params, children: vec![] })
    }

    fn decode(&self, params: &[u8], _: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "Constant");
        let (kind, len) = read_shape(&mut reader, budget)?;
        let most = u64::MAX >> (64 - kind.bits());
        let word = if len == 0 { 0 } else { reader.varint_to(most, "the word is wider than the lane")? };
        reader.end()?;
        Ok(with_kind!(kind, W => Word::wrap(vec![W::low(word); len])))
    }
}

/// The word that all words are; none of an empty lane.
fn only_word<W: Word>(words: &[W]) -> Result<Option<u64>> {
    let Some(first) = words.first() else { return Ok(None) };
    // A block has no way out, so that it is compared by vectors.
    #[allow(clippy::needless_bitwise_bool, reason = "a lazy operator is a way out")]
    let equal = |block: &[W]| block.iter().fold(true, |equal, word| equal & (word == first));
    if !words.chunks(256).all(equal) {
        return Err(Error::Unsuitable { codec: "Constant", why: "its words differ" });
    }
    Ok(Some(first.wide()))
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
        fn equal_words_return_and_others_are_refused(word in any::<u32>(), len in 0..500usize, other in any::<u32>()) {
            let lane = Lane::from(vec![word; len]);
            let params = Constant.encode(&lane).unwrap().params;
            prop_assert!(params.len() <= 8);
            prop_assert_eq!(Constant.decode(&params, vec![], &mut budget()).unwrap(), lane);
            let differs = Lane::from([vec![word; len + 1], vec![other]].concat());
            prop_assert_eq!(Constant.encode(&differs).is_ok(), word == other);
        }
    }

    #[test]
    fn wide_words_long_lanes_and_left_bytes_are_refused() {
        assert!(matches!(Constant.decode(&[0, 3, 0x80, 0x02], vec![], &mut budget()), Err(Error::Corrupt { .. })));
        assert!(matches!(Constant.decode(&[0, 0, 0], vec![], &mut budget()), Err(Error::Corrupt { .. })));
        let claimed = [3, 0xff, 0xff, 0xff, 0xff, 0x0f, 1];
        assert!(matches!(Constant.decode(&claimed, vec![], &mut budget()), Err(Error::LimitExceeded { .. })));
    }
}
