//! `Rle`: runs of equal words.

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, Result, Word, with_words};

/// Replaces each run of equal words by one word and its length.
///
/// Children: the words, as wide as the lane, and the lengths (1 or more) in the narrowest width. There are no
/// parameters.
///
/// | lane | values | lengths |
/// |---|---|---|
/// | 7 7 7 2 9 9 | 7 2 9 | 3 1 2 |
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Rle};
/// let coded = Rle.encode(&Lane::from(vec![7u16, 7, 7, 2, 9, 9]))?;
/// assert_eq!(coded.children, [Lane::from(vec![7u16, 2, 9]), Lane::from(vec![3u8, 1, 2])]);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: "Run-length encodings", Golomb, IEEE Transactions on Information Theory 12(3), 1966.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Rle;

impl Codec for Rle {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::RLE
    }

    fn name(&self) -> &'static str {
        "Rle"
    }

    fn arity(&self) -> usize {
        2
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let (values, lengths) = with_words!(input, words => {
            let (values, lengths) = runs(words);
            (Word::wrap(values), lengths)
        });
        Ok(Encoded { params: vec![], children: vec![values, Lane::narrowest(lengths)] })
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        Reader::new(params, "Rle").end()?;
        let [values, lengths] =
            children.try_into().map_err(|_| Error::corrupt("Rle", "two child lanes are expected", 0))?;
        with_words!(&values, values => with_words!(&lengths, lengths => Ok(Word::wrap(expand(values, lengths, budget)?))))
    }
}

/// The word and the length of each run.
fn runs<W: Word>(words: &[W]) -> (Vec<W>, Vec<u64>) {
    words.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)).unzip()
}

/// Inverse of [`runs`].
fn expand<W: Word, L: Word>(values: &[W], lengths: &[L], budget: &mut Budget) -> Result<Vec<W>> {
    if values.len() != lengths.len() {
        return Err(Error::corrupt("Rle", "values and lengths differ in number", 0));
    }
    let total = lengths.iter().try_fold(0u64, |sum, length| match length.wide() {
        0 => Err(Error::corrupt("Rle", "a run is empty", 0)),
        length => sum.checked_add(length).ok_or(Error::corrupt("Rle", "run lengths overflow", 0)),
    })?;
    let mut words = Vec::with_capacity(budget.reserve::<W>(total)?);
    for (&value, length) in values.iter().zip(lengths) {
        words.resize(words.len() + length.wide() as usize, value);
    }
    Ok(words)
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
        fn runs_return(runs in prop::collection::vec((any::<u32>(), 1..400usize), 0..20)) {
            let words: Vec<u32> = runs.iter().flat_map(|&(word, length)| vec![word; length]).collect();
            let lane = Lane::from(words);
            let coded = Rle.encode(&lane).unwrap();
            prop_assert!(coded.children[0].len() <= runs.len());
            prop_assert_eq!(Rle.decode(&coded.params, coded.children, &mut budget()).unwrap(), lane);
        }
    }

    #[test]
    fn lengths_that_overflow_are_corrupt_and_long_ones_unpaid() {
        let decode = |lengths: Vec<u64>| {
            let values = Lane::from(vec![1u8; 2]);
            Rle.decode(&[], vec![values, Lane::from(lengths)], &mut budget())
        };
        assert!(matches!(decode(vec![u64::MAX, 1]), Err(Error::Corrupt { .. })));
        assert!(matches!(decode(vec![0, 1]), Err(Error::Corrupt { .. })));
        assert!(matches!(decode(vec![1]), Err(Error::Corrupt { .. })));
        assert!(matches!(decode(vec![1 << 40, 1]), Err(Error::LimitExceeded { .. })));
    }
}
