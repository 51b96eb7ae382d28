//! Symbols counted in one context.

use crate::tree::criterion::{BIT, code_length};

/// Counts of the symbols that occurred, which may be few of many.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// Symbol and count, ascending by symbol.
    seen: Vec<(u32, u32)>,
    total: u32,
}

impl Counts {
    /// The probability of a symbol, given what a wider context says: (count + distinct · wider) / (total + distinct).
    ///
    /// Source: I. H. Witten and T. C. Bell, "The Zero-Frequency Problem", IEEE Trans. Information Theory 37(4), 1991,
    /// interpolated instead of escaping.
    pub fn probability(&self, symbol: u32, wider: f64) -> f64 {
        let count = self.seen.binary_search_by_key(&symbol, |&(s, _)| s).map_or(0, |place| self.seen[place].1);
        let distinct = self.seen.len() as f64;
        // Before anything was seen, the wider context is all there is.
        if self.total == 0 { wider } else { (f64::from(count) + distinct * wider) / (f64::from(self.total) + distinct) }
    }

    pub fn add(&mut self, symbol: u32) {
        self.total += 1;
        match self.seen.binary_search_by_key(&symbol, |&(s, _)| s) {
            Ok(place) => self.seen[place].1 += 1,
            Err(place) => self.seen.insert(place, (symbol, 1)),
        }
    }

    /// What is left without some of the symbols, all of which are among these.
    pub fn without(&self, some: &Self) -> Self {
        let mut gone = some.seen.iter().peekable();
        let left = self.seen.iter().filter_map(|&(symbol, count)| {
            let gone = gone.next_if(|&&(s, _)| s == symbol).map_or(0, |&(_, count)| count);
            (count > gone).then(|| (symbol, count - gone))
        });
        Self { seen: left.collect(), total: self.total - some.total }
    }

    /// How many different symbols there are.
    pub fn distinct(&self) -> usize {
        self.seen.len()
    }

    /// Bits of the symbols under their own distribution, and of that distribution over `alphabet` symbols: half the
    /// logarithm of the total for each share that may be chosen freely.
    ///
    /// Source: J. Rissanen, "Modeling by Shortest Data Description", Automatica 14, 1978.
    pub fn two_part_bits(&self, alphabet: usize) -> f64 {
        let counts: Vec<u32> = self.seen.iter().map(|&(_, count)| count).collect();
        let free = alphabet.saturating_sub(1) as f64;
        code_length(&counts) as f64 / BIT as f64 + free / 2.0 * (f64::from(self.total) + 1.0).log2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_of_all_symbols_sum_to_one() {
        let mut counts = Counts::default();
        [3, 1, 3, 3, 7].into_iter().for_each(|symbol| counts.add(symbol));
        let sum: f64 = (0..8).map(|symbol| counts.probability(symbol, 1.0 / 8.0)).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert!((counts.probability(3, 1.0 / 8.0) - (3.0 + 3.0 / 8.0) / 8.0).abs() < 1e-12);
    }
}
