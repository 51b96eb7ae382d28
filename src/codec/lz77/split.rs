//! Which lane a literal goes to: a class of the word before it.

use super::prices::{bits, cost};
use crate::bits::{BitReader, BitWriter};
use crate::{Error, Result, Word};

/// Most classes of literals, and so lanes of them.
pub(super) const CLASSES: usize = 8;
/// What a further class is assumed to cost besides its table.
const CLASS_BITS: u64 = 12 * 8;
/// How often words before literals look for a better class.
const ROUNDS: usize = 6;

/// Gives the low byte of the word before a literal a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    class_of: [u8; 256],
    classes: usize,
}

/// How often each literal follows each byte: for each of 256 bytes its followers and their counts.
#[derive(Debug)]
pub(super) struct Follows(Vec<Vec<(u8, u32)>>);

impl Follows {
    /// Gathers pairs, each 256 b + c.
    pub fn of(mut pairs: Vec<u16>) -> Self {
        /// Up to here sorting is quicker than a table of counts.
        const SORTED: usize = 1 << 12;
        let mut followers = vec![vec![]; 256];
        let mut add = |pair: u16, count: u32| followers[usize::from(pair >> 8)].push((pair as u8, count));
        if pairs.len() <= SORTED {
            pairs.sort_unstable();
            pairs.chunk_by(|a, b| a == b).for_each(|run| add(run[0], run.len() as u32));
        } else {
            let mut counts = vec![0; 1 << 16];
            pairs.iter().for_each(|&pair| counts[usize::from(pair)] += 1);
            (0..=u16::MAX).zip(counts).filter(|&(_, count)| count > 0).for_each(|(pair, count)| add(pair, count));
        }
        Self(followers)
    }

    /// Literals after one byte.
    fn total(&self, before: usize) -> u64 {
        self.0[before].iter().map(|&(_, n)| u64::from(n)).sum()
    }
}

impl Split {
    /// All literals in one class.
    pub fn one() -> Self {
        Self { class_of: [0; 256], classes: 1 }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The class of the literal at `at`; a zero word is assumed before the first.
    #[inline]
    pub fn class<W: Word>(&self, words: &[W], at: usize) -> usize {
        let before = if at == 0 { 0 } else { words[at - 1].wide() as u8 };
        self.class_after(before)
    }

    /// The class of a literal after `before`.
    #[inline]
    pub fn class_after(&self, before: u8) -> usize {
        usize::from(self.class_of[usize::from(before)])
    }

    /// The classes that make the literals counted in `follows` cheapest, their tables included.
    ///
    /// For each number of classes the most frequent bytes found one class each; every byte then moves to the class
    /// that codes its followers best, a few times over (k-means with code length as distance).
    pub fn learn(follows: &Follows) -> Self {
        let mut order: Vec<usize> = (0..256).filter(|&b| !follows.0[b].is_empty()).collect();
        order.sort_by_key(|&b| std::cmp::Reverse(follows.total(b)));
        let mut best = Self::one();
        let mut least = best.bits(follows, &order);
        for classes in [2, 4, CLASSES] {
            // Tables of so many classes may cost more than all there is to save.
            if order.len() < classes || least <= classes as u64 * CLASS_BITS {
                break;
            }
            let candidate = Self::settle(follows, &order, classes);
            let bits = candidate.bits(follows, &order);
            if bits < least {
                (best, least) = (candidate, bits);
            }
        }
        best
    }

    fn settle(follows: &Follows, order: &[usize], classes: usize) -> Self {
        let mut split = Self { class_of: [0; 256], classes };
        for (class, &before) in order[..classes].iter().enumerate() {
            split.class_of[before] = class as u8;
        }
        let mut models = split.models(follows, &order[..classes]);
        for _ in 0..ROUNDS {
            let tables: Vec<Vec<u32>> = models.iter().map(|counts| cost(counts)).collect();
            for &before in order {
                let bits = |table: &Vec<u32>| -> u64 {
                    follows.0[before].iter().map(|&(c, n)| u64::from(n) * u64::from(table[usize::from(c)])).sum()
                };
                let nearest = (0..classes).min_by_key(|&class| bits(&tables[class])).expect("there are classes");
                split.class_of[before] = nearest as u8;
            }
            models = split.models(follows, order);
        }
        // Bytes before no literal take the class of their neighbour, which costs one bit each to write.
        let mut neighbour = 0;
        for (class, followers) in split.class_of.iter_mut().zip(&follows.0) {
            if followers.is_empty() {
                *class = neighbour;
            }
            neighbour = *class;
        }
        split
    }

    /// For each class the literals after those of `bytes` that belong to it.
    fn models(&self, follows: &Follows, bytes: &[usize]) -> Vec<[u32; 256]> {
        let mut models = vec![[0; 256]; self.classes];
        for &before in bytes {
            let model = &mut models[self.class_after(before as u8)];
            follows.0[before].iter().for_each(|&(c, n)| model[usize::from(c)] += n);
        }
        models
    }

    /// Estimated bits of all literals after `bytes` and their tables.
    fn bits(&self, follows: &Follows, bytes: &[usize]) -> u64 {
        self.models(follows, bytes).iter().map(|counts| CLASS_BITS + bits(counts)).sum()
    }

    /// Writes the number of classes less one in three bits; if there are several, for each byte one bit that says
    /// whether its class differs from that of the byte before it, and if so the class in three bits.
    pub fn write(&self, bits: &mut BitWriter) {
        bits.put(self.classes as u64 - 1, 3);
        if self.classes > 1 {
            let mut before = 0;
            for &class in &self.class_of {
                bits.put(u64::from(class != before), 1);
                if class != before {
                    bits.put(u64::from(class), 3);
                }
                before = class;
            }
        }
    }

    /// Reads what [`Split::write`] wrote.
    pub fn read(bits: &mut BitReader<'_>) -> Result<Self> {
        let classes = bits.take(3)? as usize + 1;
        let mut class_of = [0; 256];
        if classes > 1 {
            let mut before = 0;
            for class in &mut class_of {
                if bits.take(1)? == 1 {
                    before = bits.take(3)? as u8;
                }
                *class = before;
            }
        }
        if class_of.iter().any(|&class| usize::from(class) >= classes) {
            return Err(Error::corrupt(super::NAME, "a class of literals is too large", 0));
        }
        Ok(Self { class_of, classes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_pairs_are_sorted_and_many_are_counted_with_the_same_outcome() {
        let pairs: Vec<u16> = (0..300u32).map(|at| ((at * at * 77) >> 3) as u16).collect();
        let (few, many) = (Follows::of(pairs.clone()), Follows::of(pairs.repeat(20)));
        assert_eq!((0..256).map(|before| few.total(before)).sum::<u64>(), 300);
        for (few, many) in few.0.iter().zip(&many.0) {
            let scaled: Vec<(u8, u32)> = few.iter().map(|&(after, count)| (after, 20 * count)).collect();
            assert_eq!(&scaled, many);
        }
    }
}
