//! `Dictionary`: distinct words and their indices.

use serde::{Deserialize, Serialize};

use super::ascending::{put_ascending, take_ascending};
use super::numbering::{WordMap, ranked};
use super::{Block, Codec, CodecId, Encoded, Groups};
use crate::bits::{BitReader, BitWriter};
use crate::wire::{Reader, put_varint};
use crate::{Budget, Error, Lane, LaneKind, Result, Word, with_kind, with_words};

/// Replaces each word by its index among the distinct words.
///
/// Children: the indices in the narrowest width, one for each word; the distinct words, ascending, as wide as the lane.
/// There are no parameters. With a shared dictionary from [`Codec::learn`] the second child is empty; the shared bytes
/// are the number of distinct words (varint) and the words as ascending numbers.
///
/// The words are found by hashing and then sorted, so the bytes do not depend on the hash.
///
/// # Errors
/// [`Error::Unsuitable`] when a shared dictionary lacks a word, because it was learnt from other blocks.
///
/// # Example
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Dictionary};
/// let codes = Lane::from(vec![900u16, 20, 900, 900, 7]);
/// let [indices, words] = [Lane::from(vec![2u8, 1, 2, 2, 0]), Lane::from(vec![7u16, 20, 900])];
/// assert_eq!(Dictionary.encode(&codes)?.children, [indices, words]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Dictionary;

impl Codec for Dictionary {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::DICTIONARY
    }

    fn name(&self) -> &'static str {
        "Dictionary"
    }

    fn arity(&self) -> usize {
        2
    }

    fn carries_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        with_words!(input, words => {
            let (distinct, ranks) = ranked(words);
            let indices = with_kind!(LaneKind::fitting(distinct.len().saturating_sub(1) as u64), I => {
                Word::wrap(ranks.into_iter().map(|rank| I::low(u64::from(rank))).collect())
            });
            Ok(Encoded { params: vec![], children: vec![indices, Word::wrap(distinct)] })
        })
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        Reader::new(params, "Dictionary").end()?;
        let [indices, distinct] = two(children)?;
        with_words!(&distinct, distinct => pick(&indices, distinct, budget))
    }

    fn learn(&self, blocks: &[Block]) -> Result<Vec<u8>> {
        let mut seen = WordMap::default();
        for block in blocks {
            with_words!(&block.lane, words => seen.extend(words.iter().map(|word| (word.wide(), ()))));
        }
        let mut distinct: Vec<u64> = seen.into_keys().collect();
        distinct.sort_unstable();
        let mut shared = vec![];
        put_varint(&mut shared, distinct.len() as u64);
        let mut packed = BitWriter::new();
        put_ascending(&mut packed, &distinct);
        shared.extend(packed.finish());
        Ok(shared)
    }

    fn encode_grouped(&self, input: &Lane, _: &Groups, shared: &[u8]) -> Result<Encoded> {
        if shared.is_empty() {
            return self.encode(input);
        }
        let distinct = read_shared(shared, &mut Budget::new(&crate::Limits::default()))?;
        let ranks: WordMap<u64, u32> = distinct.into_iter().zip(0..).collect();
        let indices = with_words!(input, words => {
            indices(words.iter().map(|word| word.wide()), &ranks)
        })?;
        Ok(Encoded { params: vec![], children: vec![indices, Lane::empty(input.kind())] })
    }

    fn decode_grouped(
        &self,
        params: &[u8],
        children: Vec<Lane>,
        _: &Groups,
        shared: &[u8],
        budget: &mut Budget,
    ) -> Result<Lane> {
        if shared.is_empty() {
            return self.decode(params, children, budget);
        }
        Reader::new(params, "Dictionary").end()?;
        let [indices, own] = two(children)?;
        if !own.is_empty() {
            return Err(Error::corrupt("Dictionary", "words stand beside a shared dictionary", 0));
        }
        let distinct = read_shared(shared, budget)?;
        with_kind!(own.kind(), W => {
            // Blocks may differ in width: a word too wide for this one is never asked for by a sound file.
            let distinct: Vec<W> = distinct.into_iter().map(W::low).collect();
            pick(&indices, &distinct, budget)
        })
    }
}

fn two(children: Vec<Lane>) -> Result<[Lane; 2]> {
    children.try_into().map_err(|_| Error::corrupt("Dictionary", "two child lanes are expected", 0))
}

/// The rank of each word, in the width that holds all ranks.
fn indices(words: impl Iterator<Item = u64>, ranks: &WordMap<u64, u32>) -> Result<Lane> {
    let unknown = Error::Unsuitable { codec: "Dictionary", why: "a word is not in the shared dictionary" };
    let found = with_kind!(LaneKind::fitting(ranks.len().saturating_sub(1) as u64), I => {
        words.map(|word| ranks.get(&word).map(|&rank| I::low(u64::from(rank)))).collect::<Option<Vec<I>>>().map(Word::wrap)
    });
    found.ok_or(unknown)
}

/// The words that indices stand for.
fn pick<W: Word>(indices: &Lane, distinct: &[W], budget: &mut Budget) -> Result<Lane> {
    if indices.max().is_some_and(|most| most >= distinct.len() as u64) {
        return Err(Error::corrupt("Dictionary", "an index is past the last word", 0));
    }
    budget.reserve::<W>(indices.len() as u64)?;
    Ok(W::wrap(with_words!(indices, indices => indices.iter().map(|i| distinct[i.wide() as usize]).collect())))
}

fn read_shared(shared: &[u8], budget: &mut Budget) -> Result<Vec<u64>> {
    let mut reader = Reader::new(shared, "Dictionary words");
    let count = reader.varint()?;
    let count = budget.reserve::<u64>(count)?;
    // The lengths of the gaps, read before the words.
    budget.reserve::<u32>(count as u64)?;
    let mut packed = BitReader::new(reader.rest(), "Dictionary words");
    let distinct = take_ascending(&mut packed, count, "Dictionary words")?;
    packed.end()?;
    Ok(distinct)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    #[test]
    fn indices_past_the_words_are_corrupt() {
        let children = vec![Lane::from(vec![0u8, 2]), Lane::from(vec![5u32, 6])];
        assert!(matches!(Dictionary.decode(&[], children, &mut budget()), Err(Error::Corrupt { .. })));
        let children = vec![Lane::from(vec![0u8]), Lane::from(Vec::<u32>::new())];
        assert!(matches!(Dictionary.decode(&[], children, &mut budget()), Err(Error::Corrupt { .. })));
    }

    #[test]
    fn blocks_share_one_dictionary() {
        let blocks: Vec<Block> = [vec![9u64, 1 << 40], vec![], vec![9, 9, 5]]
            .map(|words| Block { groups: Groups::whole(words.len()), lane: words.into() })
            .into();
        let shared = Dictionary.learn(&blocks).unwrap();
        for Block { lane, groups } in &blocks {
            let coded = Dictionary.encode_grouped(lane, groups, &shared).unwrap();
            assert!(coded.children[1].is_empty());
            let back = Dictionary.decode_grouped(&coded.params, coded.children, groups, &shared, &mut budget());
            assert_eq!(&back.unwrap(), lane);
        }
        let refused = Dictionary.encode_grouped(&Lane::from(vec![6u64]), &Groups::whole(1), &shared);
        assert!(matches!(refused, Err(Error::Unsuitable { codec: "Dictionary", .. })));
    }

    #[test]
    fn a_claimed_shared_dictionary_is_paid_for() {
        let mut claimed = vec![];
        put_varint(&mut claimed, 1 << 40);
        assert!(matches!(read_shared(&claimed, &mut budget()), Err(Error::LimitExceeded { .. })));
    }
}
