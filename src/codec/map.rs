//! `Map`: one word for each group, and exceptions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::numbering::WordMap;
use super::{Block, Codec, CodecId, Encoded, Groups, Shared};
use crate::lane::{put_shape, read_shape};
use crate::wire::{Reader, put_varint};
use crate::{Budget, Error, Lane, LaneKind, Result, Word, with_kind, with_words};

/// Writes a lane as a function of the group: the commonest word of each group, and the words that differ from it.
///
/// A column that is a function of another is exact under a partition by that other column; a sparse lane is a lane
/// whose one group has a commonest word. A lane that is not grouped is one group.
///
/// Children: the gaps, that is the number of words between one exception and the next, in the narrowest width; the
/// exceptional words in the order of the lane, as wide as the lane. Parameters: the lane's shape, then the word of each
/// group that has words (varints). Shared bytes from [`Codec::learn`]: the number of groups and the word of each
/// (varints, 0 for a group without words); then the parameters are the shape alone.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Groups, Map};
/// let sparse = Map.encode(&Lane::from(vec![0u16, 0, 700, 0, 0, 0, 9]))?;
/// assert_eq!(sparse.children, [Lane::from(vec![2u8, 3]), Lane::from(vec![700u16, 9])]);
/// let groups = Groups::from_leaf_of_row(&[0, 1, 0, 1, 1], 2)?;
/// let function = Map.encode_grouped(&Lane::from(vec![5u8, 8, 5, 8, 8]), &groups, &[])?;
/// assert_eq!((function.params, function.children[0].len()), (vec![0, 5, 5, 8], 0));
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Map;

const NAME: &str = "Map";

impl Codec for Map {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::MAP
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn arity(&self) -> usize {
        2
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        self.encode_grouped(input, &Groups::whole(input.len()), &[])
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let (_, len) = read_shape(&mut Reader::new(params, NAME), budget)?;
        budget.reserve::<u32>(len as u64)?;
        self.decode_grouped(params, children, &Groups::whole(len), &[], budget)
    }

    fn learn(&self, blocks: &[Block]) -> Result<Vec<u8>> {
        let groups = blocks.iter().map(|block| block.groups.len()).max().unwrap_or(0);
        let mut counts: Vec<WordMap<u64, u32>> = vec![WordMap::default(); groups];
        for Block { lane, groups } in blocks {
            let words = lane.to_u64s();
            for (group, counts) in counts.iter_mut().enumerate().take(groups.len()) {
                for &row in groups.members(group) {
                    *counts.entry(words[row as usize]).or_default() += 1;
                }
            }
        }
        let mut shared = vec![];
        put_varint(&mut shared, groups as u64);
        counts.iter().for_each(|counts| put_varint(&mut shared, commonest(counts)));
        Ok(shared)
    }

    fn encode_grouped(&self, input: &Lane, groups: &Groups, shared: &[u8]) -> Result<Encoded> {
        let mut params = vec![];
        put_shape(&mut params, input.kind(), input.len());
        let wide = input.to_u64s();
        let answers = if shared.is_empty() {
            let answers = answers(&wide, groups);
            let used = answers.iter().enumerate().filter(|(group, _)| !groups.range(*group).is_empty());
            used.for_each(|(_, &answer)| put_varint(&mut params, answer));
            answers
        } else {
            let answers = read_shared(shared, &mut Budget::new(&crate::Limits::default()))?;
            first_words(&answers, groups.len())?.to_vec()
        };
        let mut expected = vec![0; wide.len()];
        spread(&answers, groups, &mut expected);
        let (mut gaps, mut last) = (vec![], 0);
        let mut exceptions = vec![];
        // A shared word may be too wide for this block, where it is cut as the reader cuts it.
        let mask = u64::MAX >> (64 - input.kind().bits());
        for (at, (&word, expected)) in wide.iter().zip(expected).enumerate() {
            if word != expected & mask {
                gaps.push((at - last) as u64);
                exceptions.push(at as u32);
                last = at + 1;
            }
        }
        Ok(Encoded { params, children: vec![Lane::narrowest(gaps), input.gather(&exceptions)] })
    }

    super::shared::decode_grouped_as_block!();

    // All blocks share one list of words, which is read once.
    fn decode_block(
        &self,
        params: &[u8],
        children: Vec<Lane>,
        groups: &Groups,
        shared: &Shared,
        budget: &mut Budget,
    ) -> Result<Lane> {
        let mut reader = Reader::new(params, NAME);
        let (kind, len) = read_shape(&mut reader, budget)?;
        if len != groups.rows() {
            return Err(reader.corrupt("the lane does not fit its groups"));
        }
        let answers = if shared.bytes().is_empty() {
            let most = u64::MAX >> (64 - kind.bits());
            let mut answers = vec![0; budget.reserve::<u64>(groups.len() as u64)?];
            for group in (0..groups.len()).filter(|&group| !groups.range(group).is_empty()) {
                answers[group] = reader.varint_to(most, "the word of a group is wider than the lane")?;
            }
            Arc::new(answers)
        } else {
            shared.read_once(budget, read_shared)?
        };
        reader.end()?;
        let [gaps, exceptions] =
            children.try_into().map_err(|_| Error::corrupt(NAME, "two child lanes are expected", 0))?;
        restore(kind, len, first_words(&answers, groups.len())?, groups, &gaps, &exceptions)
    }
}

/// The commonest word, of several the smallest; 0 without words.
fn commonest(counts: &WordMap<u64, u32>) -> u64 {
    let best = counts.iter().max_by_key(|&(&word, &count)| (count, std::cmp::Reverse(word)));
    best.map_or(0, |(&word, _)| word)
}

/// The commonest word of each group.
fn answers(words: &[u64], groups: &Groups) -> Vec<u64> {
    let mut counts = WordMap::default();
    let mut answer = |group: usize| {
        counts.clear();
        for &row in groups.members(group) {
            *counts.entry(words[row as usize]).or_default() += 1;
        }
        commonest(&counts)
    };
    (0..groups.len()).map(&mut answer).collect()
}

/// Puts each group's word in the places of its rows.
fn spread<W: Copy>(answers: &[W], groups: &Groups, words: &mut [W]) {
    for (group, &answer) in answers.iter().enumerate() {
        for &row in groups.members(group) {
            words[row as usize] = answer;
        }
    }
}

/// The words of so many groups.
fn first_words(answers: &[u64], groups: usize) -> Result<&[u64]> {
    answers.get(..groups).ok_or(Error::Corrupt { part: "Map words", what: "there are fewer words than groups", at: 0 })
}

fn read_shared(shared: &[u8], budget: &mut Budget) -> Result<Vec<u64>> {
    let mut reader = Reader::new(shared, "Map words");
    let count = reader.varint()?;
    let mut answers = vec![0; budget.reserve::<u64>(count)?];
    for answer in &mut answers {
        *answer = reader.varint()?;
    }
    reader.end()?;
    Ok(answers)
}

/// The lane of the groups' words, each exception in its place; `len` words were paid for.
fn restore(
    kind: LaneKind,
    len: usize,
    answers: &[u64],
    groups: &Groups,
    gaps: &Lane,
    exceptions: &Lane,
) -> Result<Lane> {
    if gaps.len() != exceptions.len() {
        return Err(Error::corrupt(NAME, "gaps and exceptions differ in number", 0));
    }
    Ok(with_kind!(kind, W => {
        let exceptions = exceptions.words::<W>(NAME)?;
        let answers: Vec<W> = answers.iter().map(|&answer| W::low(answer)).collect();
        let mut words = vec![W::low(0); len];
        spread(&answers, groups, &mut words);
        let mut next = 0u64;
        with_words!(gaps, gaps => for (gap, &word) in gaps.iter().zip(exceptions) {
            let at = next.checked_add(gap.wide()).and_then(|at| usize::try_from(at).ok());
            let place = at.and_then(|at| words.get_mut(at));
            *place.ok_or(Error::Corrupt { part: NAME, what: "an exception is past the end", at: next })? = word;
            next += gap.wide() + 1;
        });
        W::wrap(words)
    }))
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
        fn functions_with_exceptions_return(
            leaf_of_row in prop::collection::vec(0..40u32, 0..300),
            exceptions in prop::collection::vec((any::<prop::sample::Index>(), any::<u16>()), 0..9),
        ) {
            let groups = Groups::from_leaf_of_row(&leaf_of_row, 40).unwrap();
            let mut words: Vec<u16> = leaf_of_row.iter().map(|&leaf| (leaf * 1000) as u16).collect();
            for (at, word) in exceptions.iter().filter(|_| !leaf_of_row.is_empty()) {
                *at.get_mut(&mut words) = *word;
            }
            let lane = Lane::from(words);
            let coded = Map.encode_grouped(&lane, &groups, &[]).unwrap();
            // An exception may be the only word of its group, and two may make a majority.
            prop_assert!(coded.children[1].len() <= 300 / 2 && coded.children[1].len() <= lane.len());
            let back = Map.decode_grouped(&coded.params, coded.children, &groups, &[], &mut budget());
            prop_assert_eq!(back.unwrap(), lane);
        }
    }

    #[test]
    fn blocks_share_the_words_of_groups_even_where_widths_differ() {
        let groups = Groups::from_leaf_of_row(&[0, 0, 1], 2).unwrap();
        let blocks =
            [Lane::from(vec![7u8, 7, 3]), Lane::from(vec![70_000u32, 70_000, 3]), Lane::from(vec![70_000u32; 3])]
                .map(|lane| Block { lane, groups: groups.clone() });
        let shared = Map.learn(&blocks).unwrap();
        assert_eq!(shared, [2, 0xf0, 0xa2, 0x04, 3]);
        for Block { lane, groups } in &blocks {
            let coded = Map.encode_grouped(lane, groups, &shared).unwrap();
            let back = Map.decode_grouped(&coded.params, coded.children, groups, &shared, &mut budget());
            assert_eq!(&back.unwrap(), lane);
        }
    }

    #[test]
    fn exceptions_past_the_end_and_missing_words_are_corrupt() {
        let decode = |params: &[u8], gaps: Lane, words: Lane| Map.decode(params, vec![gaps, words], &mut budget());
        let sound = decode(&[0, 3, 5], Lane::from(vec![2u8]), Lane::from(vec![9u8]));
        assert_eq!(sound.unwrap(), Lane::from(vec![5u8, 5, 9]));
        assert!(decode(&[0, 3, 5], Lane::from(vec![3u8]), Lane::from(vec![9u8])).is_err());
        assert!(decode(&[0, 3, 5], Lane::from(vec![u64::MAX]), Lane::from(vec![9u8])).is_err());
        assert!(decode(&[0, 3, 5], Lane::from(vec![0u8, 0]), Lane::from(vec![9u8])).is_err());
        assert!(decode(&[0, 3], Lane::from(vec![0u8]), Lane::from(vec![9u8])).is_err());
        assert!(decode(&[0, 3, 5], Lane::from(vec![0u8]), Lane::from(vec![9u16])).is_err());
        let groups = Groups::from_leaf_of_row(&[0, 1, 2], 3).unwrap();
        let empty = || vec![Lane::from(Vec::<u8>::new()), Lane::from(Vec::<u8>::new())];
        let few = Map.decode_grouped(&[0, 3], empty(), &groups, &[2, 1, 1], &mut budget());
        assert!(matches!(few, Err(Error::Corrupt { .. })));
    }
}
