//! Class counts in the bins of one feature, and the best cut they show.

use super::binned::{BinnedFeature, Bins};
use super::criterion::n_log2_n;
use super::grow::{Growth, Shape};

/// A split of one feature with its worth.
pub(super) struct Candidate {
    pub shape: Shape,
    pub gain: u64,
    pub split_info: u64,
}

/// The classes of one target in the rows of one node; classes that do not occur are left out.
#[derive(Default)]
pub(super) struct Classes {
    /// Class of each row, in the order of the node's rows.
    of_row: Vec<u8>,
    /// Rows of each class.
    totals: Vec<u32>,
}

impl Classes {
    /// Looks up the classes of a node's rows, given how many there are of each.
    pub fn fill(&mut self, class: &[u8], counts: &[u32], rows: &[u32]) {
        let mut next = 0;
        let mut compact = [0u8; 256];
        self.totals.clear();
        for (place, &count) in compact.iter_mut().zip(counts) {
            *place = next;
            if count > 0 {
                next += 1;
                self.totals.push(count);
            }
        }
        self.of_row.clear();
        self.of_row.extend(rows.iter().map(|&row| compact[usize::from(class[row as usize])]));
    }

    /// Whether there is anything to tell apart.
    pub fn differ(&self) -> bool {
        self.totals.len() > 1
    }
}

/// Class counts in the bins of one feature, over the rows of one node.
///
/// Many rows are counted cell by cell. Few rows would leave most cells empty, so their classes are sorted by bin
/// instead, and a bin is read row by row: the work is in proportion to the smaller of both.
#[derive(Default)]
pub(super) struct Histogram {
    is_sorted: bool,
    cells: Vec<u32>,
    sorted: Vec<u8>,
    /// Where each bin begins in `sorted`.
    starts: Vec<u32>,
    bins: Vec<u8>,
    classes: usize,
    totals: Vec<u32>,
    sizes: Vec<u32>,
    low: Vec<(u32, u64, u64)>,
}

impl Histogram {
    pub fn fill(&mut self, binned: &BinnedFeature, classes: &Classes, rows: &[u32]) {
        self.totals.clone_from(&classes.totals);
        self.classes = self.totals.len();
        self.sizes.clear();
        self.sizes.resize(binned.len(), 0);
        let cells = binned.len() * self.classes;
        self.is_sorted = rows.len() < cells;
        if self.is_sorted {
            self.sort(binned, classes, rows);
            return;
        }
        self.cells.clear();
        self.cells.resize(cells, 0);
        for (&row, &class) in rows.iter().zip(&classes.of_row) {
            self.cells[usize::from(binned.bin_of_row[row as usize]) * self.classes + usize::from(class)] += 1;
        }
        for (size, bin) in self.sizes.iter_mut().zip(self.cells.chunks(self.classes)) {
            *size = bin.iter().sum();
        }
    }

    fn sort(&mut self, binned: &BinnedFeature, classes: &Classes, rows: &[u32]) {
        self.bins.clear();
        self.bins.extend(rows.iter().map(|&row| binned.bin_of_row[row as usize]));
        self.bins.iter().for_each(|&bin| self.sizes[usize::from(bin)] += 1);
        self.starts.clear();
        let mut end = 0;
        for &size in &self.sizes {
            self.starts.push(end);
            end += size;
        }
        self.sorted.resize(rows.len(), 0);
        for (&bin, &class) in self.bins.iter().zip(&classes.of_row) {
            let place = &mut self.starts[usize::from(bin)];
            self.sorted[*place as usize] = class;
            *place += 1;
        }
        // Every place has moved on to the end of its bin.
        for (start, size) in self.starts.iter_mut().zip(&self.sizes) {
            *start -= size;
        }
    }

    /// Tells classes and counts that sum to those of a bin.
    #[inline]
    fn each(&self, bin: usize, mut tell: impl FnMut(usize, u32)) {
        if self.is_sorted {
            let start = self.starts[bin] as usize;
            self.sorted[start..start + self.sizes[bin] as usize].iter().for_each(|&class| tell(usize::from(class), 1));
        } else {
            let cells = &self.cells[bin * self.classes..][..self.classes];
            cells.iter().enumerate().filter(|(_, count)| **count > 0).for_each(|(class, &count)| tell(class, count));
        }
    }

    /// The best split of the rows by this feature.
    pub fn best(&mut self, binned: &BinnedFeature, how: &Growth) -> Option<Candidate> {
        let present: Vec<usize> = (0..self.sizes.len()).filter(|&b| self.sizes[b] > 0).collect();
        if present.len() < 2 {
            return None;
        }
        let mut best = Best { min_leaf: how.min_leaf, found: None };
        match &binned.bins {
            Bins::Ordered { .. } => {
                // Missing values with the low branch, beginning with the branch that is theirs alone …
                self.prefixes(&present, |bin, gain, size| {
                    best.offer(|| Shape::Threshold { last: bin as u8, missing_low: true }, gain, size);
                });
                // … and with the high branch.
                if present[0] == 0 {
                    let mut turned = present[1..].to_vec();
                    turned.push(0);
                    self.prefixes(&turned, |bin, gain, size| {
                        best.offer(|| Shape::Threshold { last: bin as u8, missing_low: false }, gain, size);
                    });
                }
            }
            Bins::Categories { values, .. } if how.multiway => {
                if present.iter().filter(|&&b| self.sizes[b] >= how.min_leaf).count() >= 2 {
                    let shape = Shape::Multiway { values: values.len() as u8 };
                    let total: u32 = self.sizes.iter().sum();
                    let split_info = n_log2_n(total) - self.sizes.iter().map(|&s| n_log2_n(s)).sum::<u64>();
                    return Some(Candidate { gain: self.gain_of(&shape), shape, split_info });
                }
            }
            Bins::Categories { .. } => {
                // For two classes some prefix in the order of a class's share is optimal (Breiman et al., CART, 1984);
                // for more classes the commonest class and the mean class give two good orders.
                let common = (0..self.classes).max_by_key(|&c| (self.totals[c], std::cmp::Reverse(c)))?;
                let (mut share, mut mean) = (vec![0u64; self.sizes.len()], vec![0u64; self.sizes.len()]);
                for &bin in &present {
                    let (mut own, mut sum) = (0, 0);
                    self.each(bin, |class, count| {
                        own += if class == common { u64::from(count) } else { 0 };
                        sum += class as u64 * u64::from(count);
                    });
                    share[bin] = (own << 32) / u64::from(self.sizes[bin]);
                    mean[bin] = (sum << 16) / u64::from(self.sizes[bin]);
                }
                for key in [share, mean] {
                    let mut order = present.clone();
                    order.sort_by_key(|&b| (key[b], b));
                    let mut inside = 0u32;
                    self.prefixes(&order, |bin, gain, size| {
                        inside |= 1 << bin;
                        best.offer(|| Shape::Set(inside), gain, size);
                    });
                }
                if present.len() > 2 {
                    self.singles(&present, |bin, gain, size| best.offer(|| Shape::Set(1 << bin), gain, size));
                }
            }
        }
        best.found
    }

    /// Walks over bins in an order and tells, after each but the last, what a cut behind it gains.
    fn prefixes(&mut self, order: &[usize], mut tell: impl FnMut(usize, u64, (u32, u32))) {
        let total: u32 = self.sizes.iter().sum();
        // Of each class the rows in the low branch, and what n·log2 n says of them and of the others.
        let mut low = std::mem::take(&mut self.low);
        low.clear();
        low.extend(self.totals.iter().map(|&all| (0, 0, n_log2_n(all))));
        let all = low.iter().map(|class| class.2).sum::<u64>();
        let whole = n_log2_n(total).saturating_sub(all);
        let (mut low_sum, mut high_sum, mut size) = (0u64, all, 0);
        for &bin in &order[..order.len() - 1] {
            self.each(bin, |class, count| {
                let (rows, below, above) = &mut low[class];
                *rows += count;
                let now = (n_log2_n(*rows), n_log2_n(self.totals[class] - *rows));
                low_sum = low_sum + now.0 - *below;
                high_sum = high_sum + now.1 - *above;
                (*below, *above) = now;
            });
            size += self.sizes[bin];
            let parts = (n_log2_n(size) + n_log2_n(total - size)).saturating_sub(low_sum + high_sum);
            tell(bin, whole.saturating_sub(parts), (size, total));
        }
        self.low = low;
    }

    /// Tells of each bin what it gains to part it from all others.
    fn singles(&self, bins: &[usize], mut tell: impl FnMut(usize, u64, (u32, u32))) {
        let total: u32 = self.sizes.iter().sum();
        let all = self.totals.iter().map(|&rows| n_log2_n(rows)).sum::<u64>();
        let whole = n_log2_n(total).saturating_sub(all);
        let mut own = vec![0u32; self.classes];
        for &bin in bins {
            own.fill(0);
            self.each(bin, |class, count| own[class] += count);
            let (mut inside, mut outside) = (0, all);
            for (&count, &rows) in own.iter().zip(&self.totals).filter(|(count, _)| **count > 0) {
                inside += n_log2_n(count);
                outside = outside + n_log2_n(rows - count) - n_log2_n(rows);
            }
            let size = self.sizes[bin];
            let parts = (n_log2_n(size) + n_log2_n(total - size)).saturating_sub(inside + outside);
            tell(bin, whole.saturating_sub(parts), (size, total));
        }
    }

    /// What a split of any shape gains.
    pub fn gain_of(&self, shape: &Shape) -> u64 {
        let branches = shape.branches();
        let mut parts = vec![0u32; branches * self.classes];
        for bin in 0..self.sizes.len() {
            let part = &mut parts[shape.branch(bin as u8) * self.classes..][..self.classes];
            self.each(bin, |class, count| part[class] += count);
        }
        let after: u64 = parts.chunks(self.classes).map(|part| cost(part, part.iter().sum())).sum();
        cost(&self.totals, self.totals.iter().sum()).saturating_sub(after)
    }
}

/// Bits of a set of rows whose number is known.
fn cost(counts: &[u32], size: u32) -> u64 {
    n_log2_n(size).saturating_sub(counts.iter().map(|&c| n_log2_n(c)).sum())
}

/// The best split so far; the earlier one wins a tie.
struct Best {
    min_leaf: u32,
    found: Option<Candidate>,
}

impl Best {
    fn offer(&mut self, shape: impl FnOnce() -> Shape, gain: u64, (size, total): (u32, u32)) {
        let better = self.found.as_ref().is_none_or(|found| gain > found.gain);
        if better && size >= self.min_leaf && total - size >= self.min_leaf {
            let split_info = n_log2_n(total) - n_log2_n(size) - n_log2_n(total - size);
            self.found = Some(Candidate { shape: shape(), gain, split_info });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::grow::Criterion;

    fn best(bin_of_row: &[u8], class: &[u8], ordered: bool, sorted: bool) -> Option<(Shape, u64, u64)> {
        let bins = if ordered {
            Bins::Ordered { tops: (0..6).collect() }
        } else {
            Bins::Categories { values: (0..7).collect(), others: false }
        };
        let binned = BinnedFeature { bin_of_row: bin_of_row.to_vec(), bins, is_constant: false };
        let rows: Vec<u32> = (0..class.len() as u32).collect();
        let mut counts = vec![0; 9];
        class.iter().for_each(|&c| counts[usize::from(c)] += 1);
        let mut classes = Classes::default();
        classes.fill(class, &counts, &rows);
        let mut histogram = Histogram::default();
        histogram.fill(&binned, &classes, &rows);
        if sorted != histogram.is_sorted {
            // The other form, from the same rows.
            histogram.is_sorted = sorted;
            if sorted {
                histogram.sizes.fill(0);
                histogram.sort(&binned, &classes, &rows);
            } else {
                histogram.cells = vec![0; 8 * histogram.classes];
                for (&bin, &class) in bin_of_row.iter().zip(&classes.of_row) {
                    histogram.cells[usize::from(bin) * histogram.classes + usize::from(class)] += 1;
                }
            }
        }
        let how = Growth {
            criterion: Criterion::Gain,
            multiway: false,
            min_leaf: 2,
            max_leaves: 9,
            max_depth: 9,
            min_gain_bits: 0,
            handed_down: usize::MAX,
        };
        histogram.best(&binned, &how).map(|c| (c.shape, c.gain, c.split_info))
    }

    proptest! {
        #[test]
        fn counted_and_sorted_rows_show_the_same_split(
            rows in prop::collection::vec((0u8..8, 0u8..9), 1..200), ordered: bool,
        ) {
            let (bins, class): (Vec<u8>, Vec<u8>) = rows.into_iter().unzip();
            prop_assert_eq!(best(&bins, &class, ordered, true), best(&bins, &class, ordered, false));
        }
    }
}
