//! `Bins`: numeric words as the number of a range and an offset inside it.

mod fit;

use serde::{Deserialize, Serialize};

use super::ascending::{bit_len, put_ascending, put_small, take_ascending, take_small};
use super::{Block, Codec, CodecId, Encoded, Groups, dispatched, only};
use crate::bits::{BitReader, BitWriter};
use crate::lane::read_kind;
use crate::wire::{Reader, put_bytes};
use crate::{Budget, Error, Lane, LaneKind, Result, Word, with_kind, with_words};

/// Most bins of one table, so that a bin is a byte.
const MOST_BINS: usize = 256;

/// Sorts words into at most 256 ranges: the child lane holds the number of each word's bin, one byte a word, and the
/// offsets from the bins' lower bounds follow as raw bits.
///
/// Bin `k` holds the words from `lower[k]` on that are below `lower[k + 1]`; the offset has as many bits as the longest
/// one needs, so a bin of one distinct word has none. The bounds are chosen to minimise
/// Σ (−log2 share of the word's bin + offset bits) over all words plus about 20 bits and the bound's size for each bin;
/// words of a lane with few distinct values become bins of their own.
///
/// Parameters: lane kind (1 byte), the table behind its length, the offsets in the order of the words as one bit
/// stream. The table is a bit stream: number of bins (9 bits), the lower bounds as ascending numbers, the offset widths
/// as small numbers. With a shared table from [`Codec::learn`] the table is left out here.
///
/// # Errors
/// [`Error::Unsuitable`] when a shared table has no bin for a word, because it was learnt from other blocks.
///
/// # Example
/// ```
/// use losslaw::codec::{Bins, Codec};
/// use losslaw::{Budget, Lane, Limits};
/// let ages = Lane::from((0..4000u64).map(|i| 1000 * (i % 50)).collect::<Vec<_>>());
/// let coded = Bins::default().encode(&ages)?;
/// assert_eq!(coded.children[0].get(7), Some(7), "fifty words, fifty bins, no offsets");
/// assert!(coded.params.len() < 70);
/// let mut budget = Budget::new(&Limits::default());
/// assert_eq!(Bins::default().decode(&coded.params, coded.children, &mut budget)?, ages);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// The idea of a learnt histogram of ranges with raw offsets is that of Pcodec: "Pcodec: Better Compression for
/// Numerical Sequences", Loncaric, Jeppesen, Zinberg, arXiv:2502.06112, 2025.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bins {
    max_bins: usize,
}

impl Default for Bins {
    fn default() -> Self {
        Self { max_bins: MOST_BINS }
    }
}

impl Bins {
    /// At most `max_bins` bins.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] unless `max_bins` is from 1 to 256.
    pub fn new(max_bins: usize) -> Result<Self> {
        Self { max_bins }.check()
    }

    fn check(self) -> Result<Self> {
        if (1..=MOST_BINS).contains(&self.max_bins) {
            Ok(self)
        } else {
            Err(Error::config("max_bins", self.max_bins, "1..=256"))
        }
    }

    fn fit(self, lanes: &[&Lane]) -> Table {
        Table::fit(lanes, self.max_bins)
    }
}

impl Codec for Bins {
    crate::saved_by_serde!(Codec, Self::check);

    fn id(&self) -> CodecId {
        CodecId::BINS
    }

    fn name(&self) -> &'static str {
        "Bins"
    }

    fn arity(&self) -> usize {
        1
    }

    fn carries_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let table = self.fit(&[input]);
        let mut params = vec![input.kind() as u8];
        put_bytes(&mut params, &table.write());
        table.encode(input, params)
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "Bins");
        let kind = read_kind(&mut reader)?;
        let table = Table::read(reader.bytes()?)?;
        table.decode(kind, &only(children, "Bins")?, reader.rest(), budget)
    }

    fn learn(&self, blocks: &[Block]) -> Result<Vec<u8>> {
        Ok(self.fit(&blocks.iter().map(|block| &block.lane).collect::<Vec<_>>()).write())
    }

    fn encode_grouped(&self, input: &Lane, _: &Groups, shared: &[u8]) -> Result<Encoded> {
        if shared.is_empty() {
            return self.encode(input);
        }
        Table::read(shared)?.encode(input, vec![input.kind() as u8])
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
        let mut reader = Reader::new(params, "Bins");
        let kind = read_kind(&mut reader)?;
        Table::read(shared)?.decode(kind, &only(children, "Bins")?, reader.rest(), budget)
    }
}

/// The bins, ascending. At most [`MOST_BINS`], so the number of one is a byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub lowers: Vec<u64>,
    /// Offset bits, 0 to 64.
    pub widths: Vec<u32>,
}

impl Table {
    /// The table that suits the words of some lanes, of at most `max_bins` bins.
    pub fn fit(lanes: &[&Lane], max_bins: usize) -> Self {
        fit::fit(&fit::count_words(lanes), max_bins)
    }

    fn write(&self) -> Vec<u8> {
        let mut out = BitWriter::new();
        out.put(self.lowers.len() as u64, 9);
        put_ascending(&mut out, &self.lowers);
        put_small(&mut out, &self.widths);
        out.finish()
    }

    pub fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = BitReader::new(bytes, "Bins table");
        let count = reader.take(9)? as usize;
        if count > MOST_BINS {
            return Err(Error::corrupt("Bins table", "there are more than 256 bins", 0));
        }
        let lowers = take_ascending(&mut reader, count, "Bins table")?;
        let widths = take_small(&mut reader, count, "Bins table")?;
        reader.end()?;
        Ok(Self { lowers, widths })
    }

    /// The bin and the offset of a word.
    #[inline]
    pub fn bin_of(&self, word: u64) -> Option<(usize, u64)> {
        let bin = self.lowers.partition_point(|&lower| lower <= word).checked_sub(1)?;
        let offset = word - self.lowers[bin];
        (bit_len(offset) <= self.widths[bin]).then_some((bin, offset))
    }

    /// The narrowest width that holds all that the bins stand for.
    pub fn kind(&self) -> LaneKind {
        let last = |(&lower, &width): (&u64, &u32)| lower.saturating_add(u64::MAX.checked_shr(64 - width).unwrap_or(0));
        LaneKind::fitting(self.lowers.iter().zip(&self.widths).map(last).max().unwrap_or(0))
    }

    /// Appends the offsets to `params`.
    fn encode(&self, input: &Lane, mut params: Vec<u8>) -> Result<Encoded> {
        let mut offsets = BitWriter::new();
        let symbols = self.split(input, &mut offsets)?;
        params.extend(offsets.finish());
        Ok(Encoded { params, children: vec![symbols.into()] })
    }

    /// The bin of each word; offsets go to `offsets`.
    pub fn split(&self, input: &Lane, offsets: &mut BitWriter) -> Result<Vec<u8>> {
        with_words!(input, words => self.split_words(words, offsets))
    }

    fn split_words<W: Word>(&self, words: &[W], offsets: &mut BitWriter) -> Result<Vec<u8>> {
        let stranger = || Error::Unsuitable { codec: "Bins", why: "a word lies in no shared bin" };
        let most = words.iter().max().map_or(0, |word| word.wide());
        let mut symbols = Vec::with_capacity(words.len());
        if most < words.len() as u64 {
            // Each word is looked up, for there are more words than places.
            let bins: Vec<Option<u8>> = (0..=most).map(|word| self.bin_of(word).map(|(bin, _)| bin as u8)).collect();
            for word in words {
                symbols.push(bins[word.wide() as usize].ok_or_else(stranger)?);
            }
        } else {
            for word in words {
                symbols.push(self.bin_of(word.wide()).ok_or_else(stranger)?.0 as u8);
            }
        }
        if self.widths.iter().any(|&width| width > 0) {
            for (word, &symbol) in words.iter().zip(&symbols) {
                offsets.put(word.wide() - self.lowers[usize::from(symbol)], self.widths[usize::from(symbol)]);
            }
        }
        Ok(symbols)
    }

    fn decode(&self, kind: LaneKind, symbols: &Lane, offsets: &[u8], budget: &mut Budget) -> Result<Lane> {
        let mut offsets = BitReader::new(offsets, "Bins");
        let words = self.join(kind, symbols.words::<u8>("Bins")?, &mut offsets, budget)?;
        offsets.end()?;
        Ok(words)
    }

    /// Inverse of [`Table::split`]. Offsets that are not there may be missed only when `offsets` ends.
    pub fn join(
        &self,
        kind: LaneKind,
        symbols: &[u8],
        offsets: &mut BitReader<'_>,
        budget: &mut Budget,
    ) -> Result<Lane> {
        if symbols.iter().copied().reduce(Ord::max).is_some_and(|most| usize::from(most) >= self.lowers.len()) {
            return Err(Error::corrupt("Bins", "a bin is missing from the table", 0));
        }
        with_kind!(kind, W => {
            budget.reserve::<W>(symbols.len() as u64)?;
            Ok(W::wrap(self.join_words::<W>(symbols, offsets)?))
        })
    }

    /// [`Table::join`] where every symbol has a bin.
    fn join_words<W: Word>(&self, symbols: &[u8], reader: &mut BitReader<'_>) -> Result<Vec<W>> {
        // A table of the full length spares the loops below a check of each symbol.
        let mut bins = [(W::zero(), 0u32); MOST_BINS];
        for (bin, (&lower, &width)) in bins.iter_mut().zip(self.lowers.iter().zip(&self.widths)) {
            *bin = (W::low(lower), width);
        }
        let mut words = vec![W::zero(); symbols.len()];
        let places = words.iter_mut().zip(symbols.iter().map(|&symbol| bins[usize::from(symbol)]));
        match self.widths.iter().max() {
            None | Some(0) => places.for_each(|(word, (lower, _))| *word = lower),
            // Bits that are not there are found out at the end.
            Some(..=57) => dispatched(
                #[inline(always)]
                || {
                    for (word, (lower, width)) in places {
                        *word = lower.wrapping_add(&W::low(reader.peek() & ((1 << width) - 1)));
                        reader.skip(width);
                    }
                },
            ),
            Some(_) => {
                for (word, (lower, width)) in places {
                    *word = lower.wrapping_add(&W::low(reader.take(width)?));
                }
            }
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    fn coded_bits(coded: &Encoded) -> f64 {
        let symbols = coded.children[0].to_u64s();
        let mut counts = [0f64; MOST_BINS];
        for &symbol in &symbols {
            counts[symbol as usize] += 1.0;
        }
        let entropy: f64 = counts.iter().filter(|&&c| c > 0.0).map(|c| c * (symbols.len() as f64 / c).log2()).sum();
        entropy + coded.params.len() as f64 * 8.0
    }

    proptest! {
        #[test]
        fn any_words_return_at_any_number_of_bins(
            words in prop::collection::vec(prop_oneof![any::<u64>(), 0..50u64, Just(u64::MAX)], 0..400),
            max_bins in 1..=256usize,
        ) {
            let lane = Lane::from(words);
            let coded = Bins::new(max_bins).unwrap().encode(&lane).unwrap();
            prop_assert_eq!(Bins::default().decode(&coded.params, coded.children, &mut budget()).unwrap(), lane);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..80), symbols in prop::collection::vec(0..4u8, 0..40),
        ) {
            let _ = Bins::default().decode(&bytes, vec![symbols.clone().into()], &mut budget());
            if let Ok(table) = Table::read(&bytes) {
                prop_assert_eq!(Table::read(&table.write()).unwrap(), table);
            }
        }
    }

    #[test]
    fn blocks_share_one_table() {
        let blocks: Vec<Block> = [0..2000u32, 1000..9000, 0..0]
            .map(|range| Block { groups: Groups::whole(range.len()), lane: Lane::from(range.collect::<Vec<_>>()) })
            .into();
        let shared = Bins::default().learn(&blocks).unwrap();
        for Block { lane, groups } in blocks {
            let coded = Bins::default().encode_grouped(&lane, &groups, &shared).unwrap();
            assert!(coded.params.len() <= 1 + lane.len() * 13 / 8 + 1, "offsets only");
            let back = Bins::default().decode_grouped(&coded.params, coded.children, &groups, &shared, &mut budget());
            assert_eq!(back.unwrap(), lane);
        }
        let stranger = Lane::from(vec![1u32 << 20]);
        let refused = Bins::default().encode_grouped(&stranger, &Groups::whole(1), &shared);
        assert!(matches!(refused, Err(Error::Unsuitable { codec: "Bins", .. })));
    }

    #[test]
    fn random_words_cost_little_more_than_their_bits() {
        let mut state = 1u64;
        let words: Vec<u32> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u32
        })
        .take(20_000)
        .collect();
        let bits = coded_bits(&Bins::default().encode(&words.into()).unwrap()) / 20_000.0;
        assert!(bits < 31.05, "{bits} bits a word");
    }
}
