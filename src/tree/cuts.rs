//! The best cut of one feature, by the class counts in its bins.

use super::binned::{BinnedFeature, Bins};
use super::criterion::{code_length, n_log2_n};
use super::grow::{Growth, Shape};
use super::histogram::{Bin, Histogram};
use crate::log2::n_log2_n_step;

/// A split of one feature with its worth.
pub(super) struct Candidate {
    pub shape: Shape,
    pub gain: u64,
    pub split_info: u64,
}

/// Room that is used again for every feature.
#[derive(Default)]
pub(super) struct Cuts {
    present: Vec<u8>,
    order: Vec<u8>,
    keys: Vec<(u64, u8)>,
    /// Rows of each class in the low branch and in the high one.
    sides: Vec<(u32, u32)>,
}

impl Cuts {
    /// The best split of the rows of a histogram by its feature.
    pub fn best(&mut self, histogram: &Histogram, binned: &BinnedFeature, how: &Growth) -> Option<Candidate> {
        let sizes = &histogram.sizes;
        let mut present = std::mem::take(&mut self.present);
        let mut order = std::mem::take(&mut self.order);
        present.clear();
        present.extend((0..sizes.len()).filter(|&bin| sizes[bin] > 0).map(|bin| bin as u8));
        let mut best = Best::default();
        match &binned.bins {
            _ if present.len() < 2 => {}
            Bins::Ordered { .. } => {
                // Missing values with the low branch, beginning with the branch that is theirs alone …
                self.prefixes(histogram, &present, how.min_leaf, |at, gain, size| {
                    best.offer(|| Shape::Threshold { last: present[at], missing_low: true }, gain, size);
                });
                // … and with the high branch.
                if present[0] == 0 {
                    order.clear();
                    order.extend(present[1..].iter().copied().chain([0]));
                    self.prefixes(histogram, &order, how.min_leaf, |at, gain, size| {
                        best.offer(|| Shape::Threshold { last: order[at], missing_low: false }, gain, size);
                    });
                }
            }
            Bins::Categories { values, .. } if how.multiway => {
                if sizes.iter().filter(|&&size| size > 0 && size >= how.min_leaf).count() >= 2 {
                    let shape = Shape::Multiway { values: values.len() as u8 };
                    let total: u32 = sizes.iter().sum();
                    let split_info = n_log2_n(total) - sizes.iter().map(|&s| n_log2_n(s)).sum::<u64>();
                    best.found = Some(Candidate { gain: gain_of(histogram, &shape), shape, split_info });
                }
            }
            Bins::Categories { .. } => {
                // For two classes some prefix in the order of a class's share is optimal (Breiman et al., CART, 1984);
                // for more classes the commonest class and the mean class give two good orders.
                let totals = &histogram.totals;
                let common = (0..totals.len()).max_by_key(|&c| (totals[c], std::cmp::Reverse(c)));
                let share = |class, count| if Some(class) == common { u64::from(count) << 32 } else { 0 };
                let mean = |class: usize, count| (class as u64 * u64::from(count)) << 16;
                self.sort(histogram, &present, &mut order, share);
                let by_share = order.clone();
                self.sort(histogram, &present, &mut order, mean);
                // The same cuts gain the same, from whichever end they are looked at.
                let is_new = order != by_share && !order.iter().eq(by_share.iter().rev());
                for order in std::iter::once(&by_share).chain(is_new.then_some(&order)) {
                    self.prefixes(histogram, order, how.min_leaf, |at, gain, size| {
                        let inside = || order[..=at].iter().fold(0, |set, bin| set | 1 << bin);
                        best.offer(|| Shape::Set(inside()), gain, size);
                    });
                }
                if present.len() > 2 {
                    self.singles(histogram, &present, how.min_leaf, |bin, gain, size| {
                        best.offer(|| Shape::Set(1 << bin), gain, size);
                    });
                }
            }
        }
        (self.present, self.order) = (present, order);
        best.found
    }

    /// Sorts bins by the mean worth of their rows.
    fn sort(&mut self, histogram: &Histogram, bins: &[u8], order: &mut Vec<u8>, worth: impl Fn(usize, u32) -> u64) {
        self.keys.clear();
        for &bin in bins {
            let mut sum = 0;
            histogram.bin(usize::from(bin)).each(|class, count| sum += worth(class, count));
            self.keys.push((sum / u64::from(histogram.sizes[usize::from(bin)]), bin));
        }
        self.keys.sort_unstable();
        order.clear();
        order.extend(self.keys.iter().map(|key| key.1));
    }

    /// Walks over bins in an order and tells, after each that leaves enough rows on both sides, what a cut behind it
    /// gains.
    fn prefixes(
        &mut self,
        histogram: &Histogram,
        order: &[u8],
        min_leaf: u32,
        mut tell: impl FnMut(usize, u64, (u32, u32)),
    ) {
        let (mut walk, mut size) = (Walk::new(&mut self.sides, histogram), 0);
        for (at, &bin) in order[..order.len() - 1].iter().enumerate() {
            size += histogram.sizes[usize::from(bin)];
            if walk.total - size < min_leaf {
                break;
            }
            walk.lower(&histogram.bin(usize::from(bin)));
            if size >= min_leaf {
                tell(at, walk.gain(size), (size, walk.total));
            }
        }
    }

    /// Tells of each bin of enough rows what it gains to part it from all others.
    fn singles(
        &mut self,
        histogram: &Histogram,
        bins: &[u8],
        min_leaf: u32,
        mut tell: impl FnMut(u8, u64, (u32, u32)),
    ) {
        let mut walk = Walk::new(&mut self.sides, histogram);
        let apart = walk.sum;
        for &bin in bins {
            let size = histogram.sizes[usize::from(bin)];
            if size < min_leaf || walk.total - size < min_leaf {
                continue;
            }
            walk.lower(&histogram.bin(usize::from(bin)));
            tell(bin, walk.gain(size), (size, walk.total));
            histogram.bin(usize::from(bin)).each(|class, _| walk.sides[class] = (0, histogram.totals[class]));
            walk.sum = apart;
        }
    }
}

/// Rows of each class on both sides of a cut while it moves: n·log2 n is kept up to date for the classes that move.
struct Walk<'a> {
    sides: &'a mut [(u32, u32)],
    /// Σ c·log2 c over the classes of both sides.
    sum: u64,
    total: u32,
    whole: u64,
}

impl<'a> Walk<'a> {
    /// All rows are on the high side.
    fn new(sides: &'a mut Vec<(u32, u32)>, histogram: &Histogram) -> Self {
        sides.clear();
        sides.extend(histogram.totals.iter().map(|&all| (0, all)));
        let total = histogram.totals.iter().sum();
        let sum = histogram.totals.iter().map(|&all| n_log2_n(all)).sum();
        Self { sides, sum, total, whole: n_log2_n(total).saturating_sub(sum) }
    }

    /// Moves the rows of a bin to the low side.
    #[inline]
    fn lower(&mut self, bin: &Bin<'_>) {
        match bin {
            Bin::Rows(classes) => {
                for &class in *classes {
                    let (low, high) = &mut self.sides[usize::from(class)];
                    *high -= 1;
                    self.sum = self.sum + n_log2_n_step(*low) - n_log2_n_step(*high);
                    *low += 1;
                }
            }
            Bin::Counts(counts) => {
                for ((low, high), &count) in self.sides.iter_mut().zip(*counts).filter(|(_, count)| **count > 0) {
                    self.sum -= n_log2_n(*low) + n_log2_n(*high);
                    *low += count;
                    *high -= count;
                    self.sum += n_log2_n(*low) + n_log2_n(*high);
                }
            }
        }
    }

    /// Bits saved by a cut with so many rows on the low side.
    fn gain(&self, size: u32) -> u64 {
        let parts = (n_log2_n(size) + n_log2_n(self.total - size)).saturating_sub(self.sum);
        self.whole.saturating_sub(parts)
    }
}

/// What a split of any shape gains.
pub(super) fn gain_of(histogram: &Histogram, shape: &Shape) -> u64 {
    let classes = histogram.classes;
    let mut parts = vec![0u32; shape.branches() * classes];
    for bin in 0..histogram.sizes.len() {
        let part = &mut parts[shape.branch(bin as u8) * classes..][..classes];
        histogram.bin(bin).each(|class, count| part[class] += count);
    }
    let after: u64 = parts.chunks(classes).map(code_length).sum();
    code_length(&histogram.totals).saturating_sub(after)
}

/// The best split so far; the earlier one wins a tie.
#[derive(Default)]
struct Best {
    found: Option<Candidate>,
}

impl Best {
    #[inline]
    fn offer(&mut self, shape: impl FnOnce() -> Shape, gain: u64, (size, total): (u32, u32)) {
        let better = self.found.as_ref().is_none_or(|found| gain > found.gain);
        if better {
            let split_info = n_log2_n(total) - n_log2_n(size) - n_log2_n(total - size);
            self.found = Some(Candidate { shape: shape(), gain, split_info });
        }
    }
}
