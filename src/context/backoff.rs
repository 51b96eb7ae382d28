//! A leaf that has seen little asks its parent, and that one the column.

use super::symbol::ContextCoder;
use super::{BinaryCoder, Branch, Counter, Mixer, Path, padded, stretch};

/// How far a level is trusted goes by how much it has seen there: so many classes.
const TRUST: usize = 6;

/// The class of a count.
const TRUST_OF: [u8; 1024] = {
    let mut classes = [5; 1024];
    let mut n = 0;
    while n < 120 {
        classes[n] = match n {
            0 => 0,
            1 | 2 => 1,
            3..=7 => 2,
            8..=24 => 3,
            _ => 4,
        };
        n += 1;
    }
    classes
};

/// Symbols in contexts of several levels, from the most telling (a leaf) to the least (a whole column).
///
/// A symbol is a walk down a binary tree over the alphabet; each node has a counter in each level. The stretched
/// counters are mixed by weights that are chosen by how much the first two levels have seen, which is how a new leaf
/// comes to lean on its parent. A context has one number for each of the `LEVELS` levels, which are 1 to 7.
///
/// ```
/// use losslaw::context::{BackoffModel, BinaryDecoder, BinaryEncoder, ContextCoder};
/// // Leaf 0 to 3, their parents 0 and 1, and the column: a leaf decides the symbol.
/// let model = || BackoffModel::new(4, &[4, 2, 1], 255);
/// let context = |i: u32| [i % 4, i % 4 / 2, 0];
/// let (mut encoder, mut writer) = (BinaryEncoder::default(), model());
/// (0..4000).for_each(|i| writer.encode(3 - i as usize % 4, &context(i), &mut encoder));
/// let bytes = encoder.finish();
/// assert!(bytes.len() < 40, "{}", bytes.len());
/// let (mut decoder, mut reader) = (BinaryDecoder::new(&bytes, "example"), model());
/// assert!((0..4000).all(|i| reader.decode(&context(i), &mut decoder) == 3 - i as usize % 4));
/// ```
#[derive(Debug, Clone)]
pub struct BackoffModel<const LEVELS: usize> {
    path: Path,
    limit: u32,
    /// For each level, where its counters begin; those of one context stand together, one for each node.
    starts: [usize; LEVELS],
    counters: Vec<Counter>,
    mixer: Mixer,
}

/// What a [`BackoffModel`] has learnt, to go on from elsewhere.
///
/// ```
/// use losslaw::context::{BackoffModel, ContextCoder, Path, Price};
/// let path = || Path::new(&[1, 1], true);
/// let mut first = BackoffModel::with_path(path()?, &[1], 255);
/// (0..100).for_each(|_| drop(first.code(1, &[0], &mut Price::default())));
/// let mut next = BackoffModel::resumed(path()?, &[1], 255, first.into_state());
/// let mut price = Price::default();
/// next.code(1, &[0], &mut price);
/// assert!(price.bits() < 0.1, "the symbol is no news");
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BackoffState {
    counters: Vec<Counter>,
    mixer: Mixer,
}

/// Inputs of the mixer: one for each level, one that is always the same, and zeros.
const INPUTS: usize = padded(1);

impl<const LEVELS: usize> BackoffModel<LEVELS> {
    /// A model of `symbols` symbols (1 to 256) under a balanced tree; see [`BackoffModel::with_path`].
    pub fn new(symbols: usize, contexts: &[usize; LEVELS], limit: u32) -> Self {
        let path = Path::new(&Path::depths(&vec![1; symbols], true), true).expect("good depths make a tree");
        Self::with_path(path, contexts, limit)
    }

    /// A model of the symbols of a tree whose level i has `contexts[i]` contexts; counters stop at `limit`.
    pub fn with_path(path: Path, contexts: &[usize; LEVELS], limit: u32) -> Self {
        let (starts, end) = Self::layout(&path, contexts);
        let (counters, mixer) = (vec![Counter::default(); end], Mixer::new(LEVELS + 1, TRUST * TRUST, 400));
        Self { path, limit, starts, counters, mixer }
    }

    /// The first counter of each level, and how many there are of all.
    fn layout(path: &Path, contexts: &[usize; LEVELS]) -> ([usize; LEVELS], usize) {
        const { assert!(LEVELS < INPUTS, "every level is an input of the mixer") };
        let nodes = path.nodes().len();
        let mut end = 0;
        let starts = contexts.map(|count| {
            end += count * nodes;
            end - count * nodes
        });
        (starts, end)
    }

    /// A model as [`BackoffModel::with_path`] makes it, that goes on where another one of the same sizes ended.
    ///
    /// # Panics
    /// If the other one had another number of counters.
    pub fn resumed(path: Path, contexts: &[usize; LEVELS], limit: u32, state: BackoffState) -> Self {
        let (starts, end) = Self::layout(&path, contexts);
        let BackoffState { counters, mixer } = state;
        assert_eq!(counters.len(), end, "both models have the same contexts");
        Self { path, limit, starts, counters, mixer }
    }

    /// What was learnt.
    pub fn into_state(self) -> BackoffState {
        BackoffState { counters: self.counters, mixer: self.mixer }
    }

    /// Bytes of memory that a model takes.
    pub fn memory(symbols: usize, contexts: &[usize]) -> u64 {
        let counters = contexts.iter().fold(0u64, |sum, &count| sum.saturating_add(count as u64));
        let fixed = Mixer::memory(contexts.len() + 1, TRUST * TRUST);
        counters.saturating_mul(4 * symbols as u64).saturating_add(fixed)
    }
}

impl<const LEVELS: usize> ContextCoder for BackoffModel<LEVELS> {
    fn symbols(&self) -> usize {
        self.path.symbols()
    }

    #[inline(always)]
    fn code<C: BinaryCoder>(&mut self, symbol: usize, context: &[u32], coder: &mut C) -> usize {
        let nodes = self.path.nodes().len();
        if nodes == 0 {
            return 0;
        }
        let Self { path, limit, starts, counters, mixer } = self;
        let bases: [usize; LEVELS] = std::array::from_fn(|level| starts[level] + context[level] as usize * nodes);
        // A reader passes any symbol: its bits are not looked at.
        let (code, mut left) = if symbol < nodes + 1 { path.code(symbol) } else { (0, 0) };
        let (questions, counters) = (path.nodes(), &mut counters[..]);
        let mut node = 0usize;
        loop {
            let seen = bases.map(|base| counters[base + node]);
            // Built anew for each bit, the inputs stay in registers.
            let inputs: [i32; INPUTS] = std::array::from_fn(|level| match level {
                _ if level < LEVELS => stretch(seen[level].one()),
                _ if level == LEVELS => 256,
                _ => 0,
            });
            let trust = |level: usize| seen.get(level).map_or(0, |level| usize::from(TRUST_OF[level.seen() as usize]));
            let one = mixer.mix(&inputs, trust(0) * TRUST + trust(1));
            left = left.saturating_sub(1);
            let bit = coder.code(code >> left & 1 == 1, one);
            mixer.learn(&inputs, bit);
            for base in bases {
                counters[base + node].learn(bit, *limit);
            }
            match questions[node].branches[usize::from(bit)] {
                Branch::Node(next) => node = usize::from(next),
                Branch::Symbol(symbol) => return usize::from(symbol),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::context::{BinaryDecoder, BinaryEncoder, Price};

    proptest! {
        #[test]
        fn symbols_return_whatever_the_context(
            symbols in 1usize..257,
            words in prop::collection::vec((any::<u16>(), 0u32..5, 0u32..2), 0..400),
        ) {
            let model = || BackoffModel::new(symbols, &[5, 2, 1], 127);
            let (mut encoder, mut writer) = (BinaryEncoder::default(), model());
            for &(word, leaf, parent) in &words {
                writer.encode(usize::from(word) % symbols, &[leaf, parent, 0], &mut encoder);
            }
            let bytes = encoder.finish();
            let (mut decoder, mut reader) = (BinaryDecoder::new(&bytes, "test"), model());
            for &(word, leaf, parent) in &words {
                prop_assert_eq!(reader.decode(&[leaf, parent, 0], &mut decoder), usize::from(word) % symbols);
            }
            decoder.end().unwrap();
        }
    }

    #[test]
    fn many_leaves_of_one_law_cost_little_more_than_the_law() {
        // 400 leaves see 20 symbols each, all of them drawn alike: one symbol of four, entropy 2 bits.
        let mut model = BackoffModel::new(16, &[400, 20, 1], 255);
        let mut price = Price::default();
        let mut state = 1u64;
        for i in 0..8000u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let leaf = i % 400;
            model.code((state >> 62) as usize * 5, &[leaf, leaf / 20, 0], &mut price);
        }
        assert!(price.bits() / 8000.0 < 2.12, "{}", price.bits() / 8000.0);
    }
}
