//! The seam of adaptive coders, and the plainest of them.

use super::{BinaryCoder, BinaryDecoder, BinaryEncoder, Counter};

/// Codes symbols of a small alphabet, each in a context that both sides know.
///
/// One function serves both directions; see [`BinaryCoder`]. A context is a list of numbers, the most telling first;
/// an implementation says how many it takes and how large each may be.
///
/// ```
/// use losslaw::context::{BinaryCoder, BinaryDecoder, BinaryEncoder, ContextCoder, Counter};
///
/// /// Yes or no, in one of two contexts.
/// #[derive(Default)]
/// struct Coin([Counter; 2]);
/// impl ContextCoder for Coin {
///     fn symbols(&self) -> usize { 2 }
///     fn code<C: BinaryCoder>(&mut self, symbol: usize, context: &[u32], coder: &mut C) -> usize {
///         let counter = &mut self.0[context[0] as usize];
///         let bit = coder.code(symbol == 1, counter.one());
///         counter.learn(bit, 255);
///         usize::from(bit)
///     }
/// }
/// let (mut encoder, mut coin) = (BinaryEncoder::default(), Coin::default());
/// (0..800u32).for_each(|at| coin.encode((at % 2) as usize, &[at % 2], &mut encoder));
/// let bytes = encoder.finish();
/// assert!(bytes.len() < 15);
/// let (mut decoder, mut coin) = (BinaryDecoder::new(&bytes, "example"), Coin::default());
/// assert!((0..800u32).all(|at| coin.decode(&[at % 2], &mut decoder) == (at % 2) as usize));
/// ```
pub trait ContextCoder {
    /// Number of symbols.
    fn symbols(&self) -> usize;

    /// Codes a symbol and learns from it. A reader ignores `symbol` and answers with the one it read, which is below
    /// [`ContextCoder::symbols`].
    fn code<C: BinaryCoder>(&mut self, symbol: usize, context: &[u32], coder: &mut C) -> usize;

    /// Writes a symbol.
    fn encode(&mut self, symbol: usize, context: &[u32], encoder: &mut BinaryEncoder) {
        self.code(symbol, context, encoder);
    }

    /// Reads a symbol.
    fn decode(&mut self, context: &[u32], decoder: &mut BinaryDecoder<'_>) -> usize {
        self.code(0, context, decoder)
    }
}

/// Counts of the symbols in each context, as a balanced binary tree of [`Counter`]s.
///
/// It takes one number as context. A symbol costs as many steps as its number has bits.
///
/// ```
/// use losslaw::context::{BinaryDecoder, BinaryEncoder, ContextCoder, SymbolModel};
/// let mut encoder = BinaryEncoder::default();
/// let mut model = SymbolModel::new(5, 2, 255);
/// (0..1000u32).for_each(|i| model.encode((i % 2 * 3) as usize, &[i % 2], &mut encoder));
/// let bytes = encoder.finish();
/// assert!(bytes.len() < 20);
/// let mut decoder = BinaryDecoder::new(&bytes, "example");
/// let mut model = SymbolModel::new(5, 2, 255);
/// assert!((0..1000u32).all(|i| model.decode(&[i % 2], &mut decoder) == (i % 2 * 3) as usize));
/// ```
#[derive(Debug, Clone)]
pub struct SymbolModel {
    symbols: usize,
    bits: u32,
    limit: u32,
    counters: Vec<Counter>,
}

impl SymbolModel {
    /// A model of `symbols` symbols in `contexts` contexts whose counters stop at `limit`.
    pub fn new(symbols: usize, contexts: usize, limit: u32) -> Self {
        let bits = usize::BITS - symbols.saturating_sub(1).leading_zeros();
        Self { symbols, bits, limit, counters: vec![Counter::default(); contexts << bits] }
    }

    /// Bytes of memory that a model takes.
    pub fn memory(symbols: u64, contexts: u64) -> u64 {
        symbols.max(1).checked_next_power_of_two().and_then(|s| s.checked_mul(contexts * 4)).unwrap_or(u64::MAX)
    }
}

impl ContextCoder for SymbolModel {
    fn symbols(&self) -> usize {
        self.symbols
    }

    fn code<C: BinaryCoder>(&mut self, symbol: usize, context: &[u32], coder: &mut C) -> usize {
        let counters = &mut self.counters[(context[0] as usize) << self.bits..][..1 << self.bits];
        let (mut node, mut low) = (1usize, 0usize);
        for shift in (0..self.bits).rev() {
            // A branch without any symbol is never taken.
            let middle = low + (1 << shift);
            let bit = if middle >= self.symbols {
                false
            } else {
                let counter = &mut counters[node];
                let bit = coder.code(symbol >> shift & 1 == 1, counter.one());
                counter.learn(bit, self.limit);
                bit
            };
            node = 2 * node + usize::from(bit);
            low = if bit { middle } else { low };
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn symbols_return_in_any_alphabet(symbols in 1usize..300, words in prop::collection::vec((any::<u16>(), 0u32..3), 0..300)) {
            let (mut encoder, mut model) = (BinaryEncoder::default(), SymbolModel::new(symbols, 3, 60));
            for &(word, context) in &words {
                model.encode(usize::from(word) % symbols, &[context], &mut encoder);
            }
            let bytes = encoder.finish();
            let (mut decoder, mut model) = (BinaryDecoder::new(&bytes, "test"), SymbolModel::new(symbols, 3, 60));
            for &(word, context) in &words {
                prop_assert_eq!(model.decode(&[context], &mut decoder), usize::from(word) % symbols);
            }
            decoder.end().unwrap();
        }

        #[test]
        fn noise_decodes_to_symbols_of_the_alphabet(symbols in 1usize..300, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let (mut decoder, mut model) = (BinaryDecoder::new(&bytes, "test"), SymbolModel::new(symbols, 1, 60));
            for _ in 0..100 {
                prop_assert!(model.decode(&[0], &mut decoder) < symbols);
            }
        }
    }
}
