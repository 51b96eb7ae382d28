//! The symbols of an entropy coder: bytes, or the frequent words of a wide lane and an escape for all others.

use super::adaptive::{RangeDecoder, RangeEncoder, UIntModel};
use crate::bits::{BitReader, BitWriter};
use crate::lane::read_kind;
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{Budget, Error, Lane, LaneKind, Result, Word, with_kind, with_words};

/// Most words that get a symbol of their own; the escape follows them.
pub(super) const MAX_WORDS: usize = 1023;

/// Most symbols: those words and the escape.
pub(super) const MAX_SYMBOLS: usize = MAX_WORDS + 1;

/// A symbol in memory: of a byte lane the byte itself, of any other the number of a symbol.
pub(super) trait Symbol: Copy + Default {
    /// The symbol's number, below [`MAX_SYMBOLS`].
    fn index(self) -> usize;
    /// The symbol of a number.
    fn of(index: u16) -> Self;
    /// The symbols as bytes, if that is what they are.
    fn bytes(symbols: &mut [Self]) -> Option<&mut [u8]>;
}

impl Symbol for u8 {
    #[inline]
    fn index(self) -> usize {
        usize::from(self)
    }
    #[inline]
    fn of(index: u16) -> Self {
        index as Self
    }
    fn bytes(symbols: &mut [Self]) -> Option<&mut [u8]> {
        Some(symbols)
    }
}

impl Symbol for u16 {
    #[inline]
    fn index(self) -> usize {
        usize::from(self)
    }
    #[inline]
    fn of(index: u16) -> Self {
        index
    }
    fn bytes(_: &mut [Self]) -> Option<&mut [u8]> {
        None
    }
}

/// The symbols of a lane: its own bytes, or a number for each word.
#[derive(Debug)]
pub(super) enum Symbols<'a> {
    Bytes(&'a [u8]),
    Numbers(Vec<u16>),
}

/// Runs one generic expression on symbols, whatever they are.
macro_rules! with_symbols {
    ($symbols:expr, $slice:ident => $body:expr) => {
        match $symbols {
            $crate::codec::alphabet::Symbols::Bytes($slice) => $body,
            $crate::codec::alphabet::Symbols::Numbers($slice) => $body,
        }
    };
}
pub(super) use with_symbols;

/// Which words have symbols.
///
/// Byte lanes have 256 symbols, the bytes. In a wider lane, symbol `i` is the `i`-th of the listed words, ascending,
/// and the symbol after the last is the escape: its words stand aside, cut to the width of the largest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alphabet {
    kind: LaneKind,
    words: Vec<u64>,
}

impl Alphabet {
    /// Lists the words that occur more than once in all lanes together, at most [`MAX_WORDS`], the most frequent first.
    pub fn learn(lanes: &[&Lane], codec: &'static str) -> Result<Self> {
        let kind = lanes.first().map_or(LaneKind::U8, |lane| lane.kind());
        if lanes.iter().any(|lane| lane.kind() != kind) {
            return Err(Error::Unsuitable { codec, why: "blocks of one lane differ in width" });
        }
        let words = if kind == LaneKind::U8 { vec![] } else { with_kind!(kind, W => frequent::<W>(lanes)) };
        Ok(Self { kind, words })
    }

    /// The width of the lane.
    pub fn kind(&self) -> LaneKind {
        self.kind
    }

    /// Number of symbols, the escape included.
    pub fn len(&self) -> usize {
        if self.kind == LaneKind::U8 { 256 } else { self.words.len() + 1 }
    }

    /// The symbol of a word of a wider lane.
    #[inline]
    fn symbol(&self, word: u64) -> u16 {
        self.words.binary_search(&word).unwrap_or(self.words.len()) as u16
    }

    /// Replaces words by symbols.
    pub fn symbols<'a>(&self, lane: &'a Lane, codec: &'static str) -> Result<Symbols<'a>> {
        if lane.kind() != self.kind {
            return Err(Error::Unsuitable { codec, why: "the lane is not as wide as those that were learnt from" });
        }
        if let Lane::U8(bytes) = lane {
            return Ok(Symbols::Bytes(bytes));
        }
        Ok(Symbols::Numbers(with_words!(lane, words => words.iter().map(|w| self.symbol(w.wide())).collect())))
    }

    /// Appends the width, the number of words and the words, as differences less one, in the adaptive coder.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(self.kind as u8);
        if self.kind == LaneKind::U8 {
            return;
        }
        put_varint(out, self.words.len() as u64);
        let (mut encoder, mut model, mut next) = (RangeEncoder::default(), UIntModel::default(), 0);
        for &word in &self.words {
            model.encode(word - next, &mut encoder);
            next = word.wrapping_add(1);
        }
        put_bytes(out, &encoder.finish());
    }

    /// Reads what [`Alphabet::write`] wrote.
    pub fn read(reader: &mut Reader<'_>, part: &'static str, budget: &mut Budget) -> Result<Self> {
        let kind = read_kind(reader)?;
        if kind == LaneKind::U8 {
            return Ok(Self { kind, words: vec![] });
        }
        let count = reader.varint_to(MAX_WORDS as u64, "an alphabet is too large")?;
        let count = budget.reserve::<u64>(count)?;
        let (mut decoder, mut model) = (RangeDecoder::new(reader.bytes()?, part), UIntModel::default());
        let most = u64::MAX >> (64 - kind.bits());
        let mut words: Vec<u64> = Vec::with_capacity(count);
        for _ in 0..count {
            let next = words.last().map_or(Some(0), |&last| last.checked_add(1));
            let word = next.and_then(|next| next.checked_add(model.decode(&mut decoder)));
            words.push(word.filter(|&w| w <= most).ok_or_else(|| decoder.corrupt("an alphabet's word is too large"))?);
        }
        decoder.end()?;
        Ok(Self { kind, words })
    }

    /// The symbol that is followed aside by a word, if there is one.
    fn escape(&self) -> Option<u16> {
        (self.kind != LaneKind::U8).then_some(self.words.len() as u16)
    }

    /// Appends the words without a symbol behind their length: their width in bits (one byte), then the words.
    pub fn write_escaped(&self, lane: &Lane, symbols: &Symbols<'_>, out: &mut Vec<u8>) {
        let (Some(escape), Symbols::Numbers(symbols)) = (self.escape(), symbols) else { return };
        let aside: Vec<u64> = with_words!(lane, words => {
            words.iter().zip(symbols).filter(|(_, s)| **s == escape).map(|(w, _)| w.wide()).collect()
        });
        let width = 64 - aside.iter().fold(0, |all, w| all | w).leading_zeros();
        let mut bytes = vec![];
        if !aside.is_empty() {
            bytes.push(width as u8);
            let mut writer = BitWriter::new();
            for &word in &aside {
                writer.put(word, width);
            }
            bytes.extend(writer.finish());
        }
        put_bytes(out, &bytes);
    }

    /// The bytes of [`Alphabet::write_escaped`].
    pub fn read_escaped<'a>(&self, reader: &mut Reader<'a>) -> Result<&'a [u8]> {
        if self.escape().is_some() { reader.bytes() } else { Ok(&[]) }
    }

    /// Replaces the symbols of a wider lane by words, which were paid for with the symbols.
    pub fn restore(&self, symbols: &[u16], escaped: &[u8], part: &'static str) -> Result<Lane> {
        Ok(with_kind!(self.kind, W => W::wrap(self.words_of::<W>(symbols, escaped, part)?)))
    }

    fn words_of<W: Word>(&self, symbols: &[u16], escaped: &[u8], part: &'static str) -> Result<Vec<W>> {
        let (width, bits) = match escaped.split_first() {
            None => (0, escaped),
            Some((&width, bits)) if u32::from(width) <= W::KIND.bits() => (u32::from(width), bits),
            Some(_) => return Err(Error::corrupt(part, "an escaped word is too wide", 0)),
        };
        let mut reader = BitReader::new(bits, part);
        let mut words = Vec::with_capacity(symbols.len());
        for &symbol in symbols {
            words.push(match self.words.get(usize::from(symbol)) {
                Some(&word) => W::low(word),
                None if escaped.is_empty() => return Err(Error::Truncated { part, needed: 1 }),
                None => W::low(reader.take(width)?),
            });
        }
        reader.end()?;
        Ok(words)
    }
}

fn frequent<W: Word>(lanes: &[&Lane]) -> Vec<u64> {
    let mut all: Vec<W> = lanes.iter().filter_map(|lane| W::of(lane)).flatten().copied().collect();
    all.sort_unstable();
    let mut counted: Vec<(usize, u64)> =
        all.chunk_by(|a, b| a == b).filter(|run| run.len() > 1).map(|run| (run.len(), run[0].wide())).collect();
    if counted.len() > MAX_WORDS {
        // Stable: of equally frequent words the smallest stay.
        counted.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
        counted.truncate(MAX_WORDS);
        counted.sort_unstable_by_key(|&(_, word)| word);
    }
    counted.into_iter().map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    fn round_trip(lane: &Lane) {
        let alphabet = Alphabet::learn(&[lane], "test").unwrap();
        let symbols = alphabet.symbols(lane, "test").unwrap();
        let mut out = vec![];
        alphabet.write(&mut out);
        alphabet.write_escaped(lane, &symbols, &mut out);
        let mut reader = Reader::new(&out, "test");
        let read = Alphabet::read(&mut reader, "test", &mut Budget::new(&Limits::default())).unwrap();
        assert_eq!(read, alphabet);
        let escaped = read.read_escaped(&mut reader).unwrap();
        match symbols {
            Symbols::Bytes(bytes) => assert_eq!(lane, &Lane::from(bytes.to_vec())),
            Symbols::Numbers(symbols) => assert_eq!(&read.restore(&symbols, escaped, "test").unwrap(), lane),
        }
        reader.end().unwrap();
    }

    proptest! {
        #[test]
        fn words_return_from_symbols(words in prop::collection::vec(any::<u64>(), 0..200), shift in 0u32..64) {
            let words: Vec<u64> = words.iter().map(|w| w >> shift).collect();
            round_trip(&Lane::narrowest(words.clone()));
            round_trip(&Lane::from(words));
        }
    }

    #[test]
    fn the_largest_word_and_a_crowded_alphabet_return() {
        round_trip(&Lane::from(vec![u64::MAX, 0, u64::MAX, 0, 5]));
        round_trip(&Lane::from((0..5000u32).map(|i| i % 2400).collect::<Vec<_>>()));
    }
}
