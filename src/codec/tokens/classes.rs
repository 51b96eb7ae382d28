//! Which symbols foretell alike: a symbol is coded in the class of the one before it.

use crate::log2::log2;

/// Most classes: each has a table, and together these should stay in the cache.
const MOST: usize = 255;

/// Occurrences from which on a symbol may found a class.
const LEAST: u32 = 64;

/// Symbols for each class of a text: fewer would not pay for their table.
const PER_CLASS: usize = 512;

/// The class of each symbol, given the symbols of a text, which begins behind a symbol of class 0.
///
/// The most frequent symbols found a class each; each other symbol joins the class in which what follows it would take the
/// fewest bits.
pub(super) fn learn(texts: &[Vec<u16>], symbols: usize) -> Vec<u8> {
    let mut pairs: Vec<u32> = texts.iter().flat_map(|text| text.windows(2)).map(pair).collect();
    pairs.sort_unstable();
    let pairs: Vec<(u16, u16, u32)> =
        pairs.chunk_by(|a, b| a == b).map(|run| ((run[0] >> 16) as u16, run[0] as u16, run.len() as u32)).collect();
    let mut follow = vec![&pairs[..0]; symbols];
    pairs.chunk_by(|a, b| a.0 == b.0).for_each(|own| follow[usize::from(own[0].0)] = own);
    let count = |symbol: &usize| follow[*symbol].iter().map(|pair| pair.2).sum::<u32>();
    let mut order: Vec<usize> = (0..symbols).filter(|symbol| count(symbol) > 0).collect();
    order.sort_by_key(|symbol| std::cmp::Reverse(count(symbol)));
    let total: usize = order.iter().map(|symbol| count(symbol) as usize).sum();
    let frequent = order.iter().take_while(|symbol| count(symbol) >= LEAST).count();
    let founders = frequent.min(total / PER_CLASS).clamp(1, MOST);
    let mut pooled = vec![0u64; symbols];
    pairs.iter().for_each(|&(_, next, count)| pooled[usize::from(next)] += u64::from(count));
    let mut classes: Vec<Class> = vec![];
    let mut class_of = vec![0; symbols];
    for (place, &symbol) in order.iter().enumerate() {
        let own = if place < founders {
            classes.push(Class::new(&pooled));
            place
        } else {
            (0..classes.len()).min_by_key(|&class| classes[class].price(follow[symbol])).expect("there is a class")
        };
        class_of[symbol] = own as u8;
        classes[own].add(follow[symbol]);
    }
    class_of
}

fn pair(pair: &[u16]) -> u32 {
    u32::from(pair[0]) << 16 | u32::from(pair[1])
}

/// What follows the symbols of a class, as weights.
struct Class {
    weights: Vec<u64>,
    sum: u64,
}

impl Class {
    /// Weight of one occurrence.
    const UNIT: u64 = 1 << 12;

    /// A class of nothing: what follows anything, as if it had been seen a few times.
    fn new(pooled: &[u64]) -> Self {
        let total = pooled.iter().sum::<u64>().max(1);
        let weights: Vec<u64> = pooled.iter().map(|&count| 1 + count * (8 * Self::UNIT) / total).collect();
        Self { sum: weights.iter().sum(), weights }
    }

    fn add(&mut self, pairs: &[(u16, u16, u32)]) {
        for &(_, next, count) in pairs {
            self.weights[usize::from(next)] += u64::from(count) * Self::UNIT;
            self.sum += u64::from(count) * Self::UNIT;
        }
    }

    /// What the followers would cost in this class.
    fn price(&self, pairs: &[(u16, u16, u32)]) -> u64 {
        let whole = log2(self.sum);
        pairs.iter().map(|&(_, next, count)| u64::from(count) * (whole - log2(self.weights[usize::from(next)]))).sum()
    }
}
