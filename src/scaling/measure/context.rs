//! Bytes under a model of the last few bytes.

use std::borrow::Cow;
use std::collections::HashMap;

use super::counts::Counts;
use super::{CodeLength, Source};
use crate::scaling::random::Random;
use crate::{Error, Result};

/// Most bytes a context may have, so that one with its length fits a word.
const MAX_ORDER: usize = 7;

/// Bytes, each coded in the contexts of the bytes before it: the longest that is known, backed by shorter ones.
///
/// The size of a model is its number of contexts of one byte or more; the first to occur are kept. A context is
/// added only where the one that is a byte shorter is known already. A two-part length keeps those of them that save
/// more than they cost.
#[derive(Debug, Clone)]
pub struct ContextSource<'a> {
    bytes: Cow<'a, [u8]>,
    order: usize,
    held_out: usize,
}

impl<'a> ContextSource<'a> {
    /// Bytes with contexts of up to `order` bytes, at most 7. The last fifth is held out for [`CodeLength::HeldOut`].
    pub fn new(bytes: &'a [u8], order: usize) -> Self {
        Self { bytes: Cow::Borrowed(bytes), order: order.min(MAX_ORDER), held_out: bytes.len() / 5 }
    }

    /// Puts blocks of `block` bytes into a random order: bytes of one distribution, for which laws are meant, as
    /// [`RowOrder::Shuffled`](super::RowOrder::Shuffled) does for rows. A block should be long beside a context, and
    /// there should be many.
    ///
    /// ```
    /// use losslaw::scaling::{CodeLength, ContextSource, measure};
    /// // Digits, then letters: what the start says of the end is nothing, unless blocks change places.
    /// let bytes = [b"0123456789".repeat(800), b"abcdefghij".repeat(800)].concat();
    /// let bits = |source: &ContextSource| {
    ///     let runs = measure(source, CodeLength::HeldOut, &[4000], &[64], 1, |_| ());
    ///     runs.map(|runs| runs.runs()[0].loss)
    /// };
    /// let source = ContextSource::new(&bytes, 2);
    /// assert!(bits(&source)? > 8.0 && bits(&source.shuffled(100, 1))? < 0.5);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    #[must_use]
    pub fn shuffled(self, block: usize, seed: u64) -> Self {
        let mut blocks: Vec<&[u8]> = self.bytes.chunks(block.max(1)).collect();
        Random::new(seed, 0).shuffle(&mut blocks);
        Self { bytes: Cow::Owned(blocks.concat()), ..self }
    }

    /// Holds out another number of bytes at the end; with 0 all may be learnt from, and nothing can be held out.
    #[must_use]
    pub fn held_out(self, held_out: usize) -> Self {
        Self { held_out: held_out.min(self.bytes.len()), ..self }
    }
}

impl Source for ContextSource<'_> {
    fn len(&self) -> usize {
        self.bytes.len() - self.held_out
    }

    fn code_lengths(&self, kind: CodeLength, data: &[usize], model: usize) -> Result<Vec<f64>> {
        if kind == CodeLength::HeldOut && self.held_out == 0 {
            return Err(Error::config("held out", 0, "1 or more bytes"));
        }
        let mut contexts = Contexts::new(self.order, model);
        let (mut out, mut bits, mut at) = (vec![], 0.0, 0);
        for &end in data {
            for place in at..end {
                bits -= contexts.probability(&self.bytes, place).log2();
                contexts.learn(&self.bytes, place);
            }
            at = end;
            out.push(match kind {
                CodeLength::Prequential => bits / end as f64,
                CodeLength::TwoPart => contexts.two_part_bits(&self.bytes[..end]) / end as f64,
                CodeLength::HeldOut => {
                    let places = self.len()..self.bytes.len();
                    let bits = places.map(|place| -contexts.probability(&self.bytes, place).log2());
                    bits.sum::<f64>() / self.held_out as f64
                }
            });
        }
        Ok(out)
    }
}

struct Contexts {
    order: usize,
    most: usize,
    /// Place in `counts` of each context; looked up, never walked.
    places: HashMap<u64, usize>,
    /// The empty context first.
    counts: Vec<Counts>,
    /// The context that is a byte shorter, which always stands before; the empty context is its own.
    shorter: Vec<usize>,
}

/// Bits that name a context: the byte that it adds, whether longer ones follow, and whether more of its length do.
const NAME: f64 = 10.0;

impl Contexts {
    fn new(order: usize, most: usize) -> Self {
        Self { order, most, places: HashMap::new(), counts: vec![Counts::default()], shorter: vec![0] }
    }

    /// The name of the `len` bytes before a place: a one above them tells contexts of zeros apart.
    fn name(bytes: &[u8], place: usize, len: usize) -> u64 {
        bytes[place - len..place].iter().fold(1, |name, &byte| name << 8 | u64::from(byte))
    }

    /// Lengths of context that a place can have.
    fn lengths(&self, place: usize) -> std::ops::RangeInclusive<usize> {
        1..=self.order.min(place)
    }

    /// The known contexts of a place, from the empty one to the longest.
    fn known(&self, bytes: &[u8], place: usize) -> impl Iterator<Item = usize> {
        let longer = self.lengths(place).map_while(move |len| self.places.get(&Self::name(bytes, place, len)).copied());
        std::iter::once(0).chain(longer)
    }

    fn probability(&self, bytes: &[u8], place: usize) -> f64 {
        let symbol = u32::from(bytes[place]);
        self.known(bytes, place).fold(1.0 / 256.0, |wider, context| self.counts[context].probability(symbol, wider))
    }

    fn learn(&mut self, bytes: &[u8], place: usize) {
        let symbol = u32::from(bytes[place]);
        self.counts[0].add(symbol);
        let mut longest = 0;
        for len in self.lengths(place) {
            let name = Self::name(bytes, place, len);
            if let Some(&known) = self.places.get(&name) {
                self.counts[known].add(symbol);
                longest = known;
                continue;
            }
            if self.places.len() < self.most {
                self.places.insert(name, self.counts.len());
                self.counts.push(Counts::default());
                self.counts[self.places.len()].add(symbol);
                self.shorter.push(longest);
            }
            break;
        }
    }

    /// Bits of the contexts, of their distributions, and of each byte in the longest context that is kept; one is kept
    /// where it, with the longer ones below it, costs less than its bytes save in the one that is a byte shorter.
    ///
    /// A context is named by [`NAME`] bits; the bytes that follow it are some of those that follow the shorter one.
    ///
    /// Source: P. A. J. Volf and F. M. J. Willems, "Context Maximizing: Finding MDL Decision Trees", Symposium on
    /// Information Theory in the Benelux, 1994.
    fn two_part_bits(&self, bytes: &[u8]) -> f64 {
        let mut rest = vec![Counts::default(); self.counts.len()];
        for place in 0..bytes.len() {
            self.known(bytes, place).for_each(|context| rest[context].add(u32::from(bytes[place])));
        }
        // `rest` is what the longer ones that are kept leave to a context, and `longer` what those cost.
        let distinct: Vec<usize> = rest.iter().map(Counts::distinct).collect();
        let mut bits: Vec<f64> = rest.iter().map(|counts| counts.two_part_bits(counts.distinct())).collect();
        let mut longer = vec![0.0; rest.len()];
        let mut whole = rest.clone();
        for context in (1..rest.len()).rev() {
            let shorter = self.shorter[context];
            let without = rest[shorter].without(&whole[context]);
            let bits_without = without.two_part_bits(distinct[shorter]);
            let cost = NAME + subset_bits(distinct[shorter], distinct[context]) + bits[context] + longer[context];
            if bits_without + cost < bits[shorter] {
                (rest[shorter], bits[shorter]) = (without, bits_without);
                longer[shorter] += cost;
            }
            whole[context] = Counts::default();
        }
        subset_bits(256, distinct[0]) + bits[0] + longer[0]
    }
}

/// Bits that say which `some` of `all` there are, and how many: log2(all + 1) + log2 of the binomial coefficient.
fn subset_bits(all: usize, some: usize) -> f64 {
    let ways = (0..some.min(all - some)).map(|i| ((all - i) as f64 / (i + 1) as f64).log2());
    (all as f64 + 1.0).log2() + ways.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_contexts_costs_what_order_zero_costs() {
        // Equal shares of four bytes are two bits each, and learning them adds little to 4096.
        let bytes: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 30) as u8).collect();
        let source = ContextSource::new(&bytes, 3).held_out(96);
        for kind in [CodeLength::Prequential, CodeLength::TwoPart, CodeLength::HeldOut] {
            let bits = source.code_lengths(kind, &[4000], 0).unwrap()[0];
            assert!((1.99..2.05).contains(&bits), "{kind:?}: {bits}");
        }
    }

    #[test]
    fn a_budget_of_contexts_is_kept_and_more_of_them_predict_better() {
        let bytes = b"abracadabra, simsalabim; ".repeat(80);
        let mut contexts = Contexts::new(3, 10);
        (0..bytes.len()).for_each(|place| contexts.learn(&bytes, place));
        assert_eq!(contexts.places.len(), 10);
        let source = ContextSource::new(&bytes, 3);
        let bits = |model| source.code_lengths(CodeLength::HeldOut, &[1500], model).unwrap()[0];
        assert!(bits(200) < bits(10) && bits(10) < bits(1));
    }

    #[test]
    fn two_parts_never_cost_more_for_contexts_that_may_be_left_out() {
        let mut state = 1u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let noise: Vec<u8> = (0..3000).map(|_| noise()).collect();
        let text = b"abracadabra, simsalabim; ".repeat(120);
        for (bytes, learns) in [(&noise, false), (&text, true)] {
            let source = ContextSource::new(bytes, 3).held_out(0);
            let bits = |model| source.code_lengths(CodeLength::TwoPart, &[3000], model).unwrap()[0];
            let (none, some) = (bits(0), bits(1000));
            assert!(some <= none && (some < 0.5 * none) == learns, "{none} {some}");
        }
    }
}
