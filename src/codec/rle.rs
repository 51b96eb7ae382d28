//! `Rle`: runs of equal words.

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded, dispatched};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, LaneKind, Result, Word, with_kind, with_words};

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
        let children = with_words!(input, words => {
            let bounds = dispatched(#[inline(always)] || bounds(words));
            let (_, starts) = bounds.split_last().expect("the last run ends somewhere");
            let values = starts.iter().map(|&start| words[start as usize]).collect();
            vec![Word::wrap(values), lengths(&bounds)]
        });
        Ok(Encoded { params: vec![], children })
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        Reader::new(params, "Rle").end()?;
        let [values, lengths] =
            children.try_into().map_err(|_| Error::corrupt("Rle", "two child lanes are expected", 0))?;
        with_words!(&values, values => with_words!(&lengths, lengths => Ok(Word::wrap(expand(values, lengths, budget)?))))
    }
}

/// Words that are compared at a time, before anyone looks at what differs.
const BLOCK: usize = 1024;

/// Where runs begin, and where the last one ends.
#[inline(always)]
fn bounds<W: Word>(words: &[W]) -> Vec<u32> {
    let Some(last) = words.len().checked_sub(1) else { return vec![0] };
    let (mut bounds, mut differs) = (vec![0], [0u8; BLOCK]);
    for from in (0..last).step_by(BLOCK) {
        let block = &words[from..last.min(from + BLOCK)];
        let pairs = block.iter().zip(&words[from + 1..]);
        differs[block.len()..].fill(0);
        differs.iter_mut().zip(pairs).for_each(|(differs, (a, b))| *differs = u8::from(a != b));
        for (eight, at) in differs.as_chunks().0.iter().zip((from as u32 + 1..).step_by(8)) {
            let mut starts = u64::from_le_bytes(*eight);
            while starts != 0 {
                bounds.push(at + starts.trailing_zeros() / 8);
                starts &= starts - 1;
            }
        }
    }
    bounds.push(words.len() as u32);
    bounds
}

/// The lengths of runs between bounds, in the narrowest width.
fn lengths(bounds: &[u32]) -> Lane {
    let lengths = || bounds.iter().zip(&bounds[1..]).map(|(start, end)| end - start);
    with_kind!(LaneKind::fitting(u64::from(lengths().fold(0, u32::max))), L => {
        Word::wrap(lengths().map(|length| L::low(u64::from(length))).collect())
    })
}

/// Bytes of a run that are written at once.
const SPLASH: usize = 32;

/// Words from their runs.
fn expand<W: Word, L: Word>(values: &[W], lengths: &[L], budget: &mut Budget) -> Result<Vec<W>> {
    if values.len() != lengths.len() {
        return Err(Error::corrupt("Rle", "values and lengths differ in number", 0));
    }
    let total = lengths.iter().try_fold(0u64, |sum, length| match length.wide() {
        0 => Err(Error::corrupt("Rle", "a run is empty", 0)),
        length => sum.checked_add(length).ok_or(Error::corrupt("Rle", "run lengths overflow", 0)),
    })?;
    let mut words = Vec::with_capacity(budget.reserve::<W>(total)? + SPLASH);
    let splash = SPLASH / size_of::<W>();
    for (&value, length) in values.iter().zip(lengths) {
        let end = words.len() + length.wide() as usize;
        // Most runs are short: what is too much is cut off again.
        words.extend_from_slice(&[value; SPLASH][..splash]);
        if end > words.len() {
            words.resize(end, value);
        } else {
            words.truncate(end);
        }
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

    proptest! {
        #[test]
        fn runs_across_blocks_are_those_of_words_one_by_one(
            runs in prop::collection::vec((0..3u8, prop_oneof![1..9usize, 30..34usize, BLOCK - 1..BLOCK + 2]), 0..9),
        ) {
            let words: Vec<u8> = runs.iter().flat_map(|&(word, length)| vec![word; length]).collect();
            let (values, lengths): (Vec<u8>, Vec<u64>) =
                words.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)).unzip();
            for width in LaneKind::ALL {
                let lane = |words: &[u8]| with_kind!(width, W => Lane::from(words.iter().map(|&w| W::from(w)).collect::<Vec<_>>()));
                let coded = Rle.encode(&lane(&words)).unwrap();
                prop_assert_eq!(&coded.children, &[lane(&values), Lane::narrowest(lengths.clone())]);
                prop_assert_eq!(Rle.decode(&[], coded.children, &mut budget()).unwrap(), lane(&words));
            }
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
