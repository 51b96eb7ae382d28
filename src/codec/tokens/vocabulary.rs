//! The tokens that a text has often, and the symbols that stand for them.

use std::collections::HashMap;

use super::NAME;
use super::cut::{is_word, tokens};
use crate::codec::alphabet::MAX_SYMBOLS;
use crate::codec::{Registry, encode_auto};
use crate::wire::{Reader, put_bytes};
use crate::{Budget, Lane, Result};

/// Most tokens with a symbol of their own. Behind them a symbol stands for a range of tokens, each range twice as long as
/// the one before, so that tokens of a range are about as frequent as each other.
const MOST_DIRECT: usize = 1000;

/// Tokens of the first range.
const FIRST_RANGE: usize = 512;

/// Most ranges; with them and the two symbols for what is spelled, symbols stay below [`MAX_SYMBOLS`].
const MOST_RANGES: usize = 7;

/// Most words of a vocabulary.
const MOST_WORDS: usize = MOST_DIRECT + (FIRST_RANGE << MOST_RANGES) - FIRST_RANGE;

const _: () = assert!(MOST_DIRECT + MOST_RANGES + 2 <= MAX_SYMBOLS);

/// Longest word of a vocabulary: one lane must hold them all.
const MOST_BYTES: usize = 128;

/// Bytes copied at once where a token is short; so many stand behind the last token, too.
pub(super) const STEP: usize = 16;

/// Bytes of memory for a byte of the list of words: the list, the words, their ends.
const LISTED_BYTES: u64 = 1 + 1 + 4;

/// Tokens by number: single bytes, then words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Vocabulary {
    /// All tokens, then [`STEP`] zeros.
    bytes: Vec<u8>,
    /// Where each token begins, and where the last one ends.
    starts: Vec<u32>,
}

/// A token as a symbol, and the place inside a range with its width in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coded {
    pub symbol: u16,
    pub place: u64,
    pub bits: u32,
}

impl Vocabulary {
    fn new<'a>(tokens: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut out = Self { bytes: vec![], starts: vec![0] };
        for token in tokens {
            out.bytes.extend_from_slice(token);
            out.starts.push(out.bytes.len() as u32);
        }
        out.bytes.extend_from_slice(&[0; STEP]);
        out
    }

    /// The tokens that occur more than once: single bytes in their order; then words, the most frequent ones first as far
    /// as the symbols are theirs alone or a range goes, and in their order inside those.
    pub fn learn(texts: &[&[u8]]) -> Self {
        let mut counts: HashMap<&[u8], u32> = HashMap::new();
        texts.iter().flat_map(|text| tokens(text)).for_each(|token| *counts.entry(token).or_default() += 1);
        let kept = counts.into_iter().filter(|&(token, count)| count > 1 && token.len() <= MOST_BYTES);
        let (mut words, mut singles): (Vec<_>, Vec<_>) = kept.partition(|(token, _)| is_word(token[0]));
        singles.sort_unstable();
        words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        words.truncate(MOST_WORDS - singles.len());
        let (mut rest, mut len) = (&mut words[..], MOST_DIRECT - singles.len());
        let mut range = FIRST_RANGE;
        while !rest.is_empty() {
            let (now, later) = rest.split_at_mut(len.min(rest.len()));
            now.sort_unstable_by_key(|word| word.0);
            (rest, len, range) = (later, range, 2 * range);
        }
        Self::new(singles.iter().chain(&words).map(|token| token.0))
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// A token by its number, with [`STEP`] bytes behind it.
    #[inline]
    pub fn get(&self, number: usize) -> (&[u8], usize) {
        let (start, end) = (self.starts[number] as usize, self.starts[number + 1] as usize);
        (&self.bytes[start..end + STEP], end - start)
    }

    /// All tokens with what they are coded as.
    pub fn coded(&self) -> HashMap<&[u8], Coded> {
        (0..self.len()).map(|number| (&self.get(number).0[..self.get(number).1], coded(number))).collect()
    }

    /// Number of symbols: those of tokens and of ranges, then one for a spelled word and one for a spelled byte.
    pub fn symbols(&self) -> usize {
        self.len().checked_sub(1).map_or(0, |last| usize::from(coded(last).symbol) + 1) + 2
    }

    /// Appends the number of single bytes, these bytes, and a node of all words, each with a line feed behind it.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let tokens = (0..self.len()).map(|number| &self.get(number).0[..self.get(number).1]);
        let (words, singles): (Vec<&[u8]>, Vec<&[u8]>) = tokens.partition(|token| is_word(token[0]));
        put_bytes(out, &singles.concat());
        let list: Vec<u8> = words.iter().flat_map(|word| [word, &b"\n"[..]]).flatten().copied().collect();
        put_bytes(out, &encode_auto(&Lane::U8(list))?.1);
        Ok(())
    }

    /// Reads what [`Vocabulary::write`] wrote.
    pub fn read(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Self> {
        let singles = reader.bytes()?;
        let node = reader.bytes()?;
        let list = Registry::default().decode(node, budget)?;
        budget.spend((singles.len() + list.len()) as u64 * LISTED_BYTES)?;
        let list = list.words::<u8>(NAME)?;
        let Some(words) = list.strip_suffix(b"\n").map(|list| list.split(|&byte| byte == b'\n')) else {
            let none = if list.is_empty() { Ok(()) } else { Err(reader.corrupt("the last word has no end")) };
            return none.map(|()| Self::new(singles.chunks(1)));
        };
        if words.clone().any(|word| word.is_empty() || !word.iter().copied().all(is_word))
            || singles.iter().copied().any(is_word)
        {
            return Err(reader.corrupt("a token is no word and no single byte"));
        }
        let vocabulary = Self::new(singles.chunks(1).chain(words));
        if vocabulary.len() > MOST_WORDS || singles.len() > MOST_DIRECT {
            return Err(reader.corrupt("a vocabulary is too large"));
        }
        Ok(vocabulary)
    }
}

/// The symbol of a token.
fn coded(number: usize) -> Coded {
    let Some(behind) = number.checked_sub(MOST_DIRECT) else {
        return Coded { symbol: number as u16, place: 0, bits: 0 };
    };
    // Ranges begin at 512 · (2^k − 1), counted from the first token without a symbol of its own.
    let range = (behind / FIRST_RANGE + 1).ilog2();
    let place = behind - ((FIRST_RANGE << range) - FIRST_RANGE);
    Coded { symbol: (MOST_DIRECT as u32 + range) as u16, place: place as u64, bits: FIRST_RANGE.ilog2() + range }
}

/// The first token of a symbol, and the width of the place in its range.
pub(super) fn first_of(symbol: usize) -> (usize, u32) {
    match symbol.checked_sub(MOST_DIRECT) {
        None => (symbol, 0),
        Some(range) => (MOST_DIRECT + (FIRST_RANGE << range) - FIRST_RANGE, FIRST_RANGE.ilog2() + range as u32),
    }
}
