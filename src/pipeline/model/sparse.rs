//! Many zeros: a mask, and the words that are not zero.

use super::lanes::{Lanes, SharedLanes};
use super::mask;
use super::method::{Coded, MASK, Planes};
use crate::codec::Registry;
use crate::lane::LaneKind;
use crate::mask::Mask;
use crate::wire::{Reader, put_bytes};
use crate::{Budget, Lane, Result, Word, with_words};

/// How mask and words are coded.
#[derive(Debug, Clone)]
pub struct Sparse {
    group: usize,
    lanes: Lanes,
}

/// The mask of words that are not zero, and these words.
pub fn part(words: &Lane) -> (Mask, Lane) {
    fn part<W: Word>(words: &[W]) -> (Mask, Lane) {
        let mask = words.iter().map(|word| !word.is_zero()).collect();
        (mask, W::wrap(words.iter().copied().filter(|word| !word.is_zero()).collect()))
    }
    with_words!(words, words => part(words))
}

impl Sparse {
    /// The pattern that codes a sample's mask best, over `lanes` for the other words.
    pub fn new(sample: &Mask, row: usize, lanes: Lanes) -> Self {
        Self { group: mask::best_group(sample, row_or_all(row, sample.len())), lanes }
    }

    /// Shared: group (1 byte), what the words share. Chunk: mask behind its length, words.
    pub fn encode(&self, chunks: &[Lane], row: usize) -> Result<Coded> {
        let (masks, words): (Vec<Mask>, Vec<Lane>) = chunks.iter().map(part).unzip();
        let mut shared = vec![self.group as u8];
        let coded = self.lanes.encode(&words)?;
        shared.extend(coded.shared);
        let mut planes = Planes::default();
        let join = |(mask, words): (Mask, Vec<u8>)| {
            let coded = mask::encode(&mask, row_or_all(row, mask.len()), self.group);
            let mut out = vec![];
            put_bytes(&mut out, &coded);
            planes.add(MASK, out.len());
            out.extend(words);
            out
        };
        let chunks = masks.into_iter().zip(coded.chunks).map(join).collect();
        coded.planes.each(|name, bytes| planes.add(name, bytes));
        Ok(Coded { shared, chunks, planes, words: None })
    }
}

impl std::fmt::Display for Sparse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.group {
            0 => write!(f, "mask, {}", self.lanes),
            group => write!(f, "mask by {group}, {}", self.lanes),
        }
    }
}

/// What is no matrix is one row.
fn row_or_all(row: usize, len: usize) -> usize {
    if row == 0 { len.max(1) } else { row }
}

/// What the chunks of a sparse unit share, as it was read.
#[derive(Debug)]
pub struct SharedSparse {
    group: usize,
    lanes: SharedLanes,
}

impl SharedSparse {
    /// Reads what [`Sparse::encode`] returned first.
    pub fn read(reader: &mut Reader<'_>, kind: LaneKind, budget: &mut Budget) -> Result<Self> {
        let group = usize::from(reader.u8()?);
        if group > mask::MAX_GROUP {
            return Err(reader.corrupt("the groups of a mask are too large"));
        }
        Ok(Self { group, lanes: SharedLanes::read(reader, kind, budget)? })
    }

    /// The `len` words of a chunk with rows of `row` words.
    pub fn decode(
        &self,
        reader: &mut Reader<'_>,
        (len, row): (usize, usize),
        registry: &Registry,
        budget: &mut Budget,
    ) -> Result<Lane> {
        let mask = mask::decode(reader.bytes()?, len, row_or_all(row, len), self.group, budget)?;
        let kept = self.lanes.decode(reader, mask.count_ones(), registry, budget)?;
        with_words!(kept, kept => spread(&mask, &kept, budget))
    }
}

/// Inverse of [`part`]; there is a word for each set bit.
fn spread<W: Word>(mask: &Mask, kept: &[W], budget: &mut Budget) -> Result<Lane> {
    let mut words = vec![W::zero(); budget.reserve::<W>(mask.len() as u64)?];
    mask.iter_ones().zip(kept).for_each(|(at, &word)| words[at] = word);
    Ok(W::wrap(words))
}
