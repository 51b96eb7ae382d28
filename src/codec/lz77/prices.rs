//! What literals and sequences cost, in 1/256 bit, learnt from an earlier parse.

use super::sequences::{CODES, Lanes, MIN_MATCH, OFFSET_CODES, OFFSET_LANES, Sequence, code, offset_code, offset_lane};
use super::split::Split;
use crate::Word;

/// log₂ n in 1/256 bit.
fn log2(n: u64) -> u32 {
    (crate::log2::log2(n) >> 8) as u32
}

/// The price of each symbol in 1/256 bit; one that does not occur is priced as half a count.
pub(super) fn cost(counts: &[u32]) -> Vec<u32> {
    let total: u64 = counts.iter().map(|&n| u64::from(n)).sum();
    let whole = log2(2 * total + 1);
    counts.iter().map(|&n| (whole + 1).saturating_sub(log2((2 * u64::from(n)).max(1)))).collect()
}

/// What a symbol is assumed to add to the table of a lane, in bits.
const ENTRY_BITS: u64 = 5;

/// The total of [`cost`] over what was counted, and a table, in bits.
pub(super) fn bits(counts: &[u32]) -> u64 {
    let table = ENTRY_BITS * counts.iter().filter(|&&n| n > 0).count() as u64;
    counts.iter().zip(cost(counts)).map(|(&n, c)| u64::from(n) * u64::from(c)).sum::<u64>() / 256 + table
}

/// How often each symbol occurs in a parse.
#[derive(Debug)]
pub(super) struct Counts {
    literals: Vec<Vec<u32>>,
    runs: [u32; CODES],
    lengths: [u32; CODES],
    offsets: [[u32; OFFSET_CODES]; OFFSET_LANES],
    extra_bits: u64,
}

/// The number under which a literal is counted: itself, or a hash of a wider word.
#[inline]
fn literal_index<W: Word>(word: W) -> usize {
    if size_of::<W>() == 1 {
        return word.wide() as usize;
    }
    (word.wide().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize
}

impl Counts {
    /// Counts what `sequences` make of `words`.
    pub fn new<W: Word>(words: &[W], sequences: &[Sequence], split: &Split) -> Self {
        let mut bits = crate::bits::BitWriter::new();
        let lanes = Lanes::split(words, sequences, split, &mut bits);
        let symbols = if size_of::<W>() == 1 { 256 } else { 4096 };
        let mut literals = vec![vec![0; symbols]; split.classes()];
        for (counts, lane) in literals.iter_mut().zip(&lanes.literals) {
            for &word in lane {
                counts[literal_index(word)] += 1;
            }
        }
        let mut offsets = [[0; OFFSET_CODES]; OFFSET_LANES];
        for (counts, lane) in offsets.iter_mut().zip(&lanes.offsets) {
            *counts = count(lane);
        }
        let (runs, lengths) = (count(&lanes.runs), count(&lanes.lengths));
        Self { literals, runs, lengths, offsets, extra_bits: bits.len_bits() }
    }

    /// Estimated bits of the parse with tables.
    pub fn bits(&self) -> u64 {
        let lanes = self.literals.iter().map(Vec::as_slice).chain([&self.runs[..], &self.lengths[..]]);
        lanes.chain(self.offsets.iter().map(|counts| &counts[..])).map(bits).sum::<u64>() + self.extra_bits
    }
}

fn count<const N: usize>(codes: &[u8]) -> [u32; N] {
    let mut counts = [0; N];
    for &code in codes {
        counts[usize::from(code)] += 1;
    }
    counts
}

/// Prices of a parse.
#[derive(Debug)]
pub(super) struct Prices {
    literals: Vec<Vec<u32>>,
    runs: Vec<u32>,
    /// Of each match length below [`PRICED_LENGTHS`], extra bits included.
    lengths: Vec<u32>,
    offsets: Vec<Vec<u32>>,
    split: Split,
}

/// Match lengths that the parse weighs; longer ones are taken unseen.
pub(super) const PRICED_LENGTHS: u32 = 256;

impl Prices {
    /// Prices under which a parse like the one counted is cheap.
    pub fn new(counts: &Counts, split: &Split) -> Self {
        let lengths = cost(&counts.lengths);
        let length_price = |length| {
            let (code, bits) = code(length - MIN_MATCH);
            lengths[usize::from(code)] + 256 * bits
        };
        Self {
            literals: counts.literals.iter().map(|c| cost(c)).collect(),
            runs: cost(&counts.runs),
            lengths: (0..PRICED_LENGTHS).map(|length| length_price(length.max(MIN_MATCH))).collect(),
            offsets: counts.offsets.iter().map(|c| cost(c)).collect(),
            split: split.clone(),
        }
    }

    /// The literal at `at`.
    #[inline]
    pub fn literal<W: Word>(&self, words: &[W], at: usize) -> u32 {
        self.literals[self.split.class(words, at)][literal_index(words[at])]
    }

    /// A run of `run` literals, without them.
    #[inline]
    pub fn run(&self, run: u32) -> u32 {
        let (code, bits) = code(run);
        self.runs[usize::from(code)] + 256 * bits
    }

    /// An offset, for each lane of offsets.
    #[inline]
    pub fn offset(&self, offset: u32) -> [u32; OFFSET_LANES] {
        let (code, bits) = offset_code(offset);
        std::array::from_fn(|lane| self.offsets[lane][usize::from(code)] + 256 * bits)
    }

    /// A match of a length below [`PRICED_LENGTHS`] with the offset that costs `offset`.
    #[inline]
    pub fn sequence(&self, length: u32, offset: &[u32; OFFSET_LANES]) -> u32 {
        self.lengths[length as usize] + offset[offset_lane(length)]
    }
}
