//! Growing a tree: the best split of a set of rows is found by counting classes in the bins of every feature.

use std::sync::Arc;

use super::binned::{self, BinnedFeature, Bins};
use super::criterion::{BIT, n_log2_n};
use super::{Feature, Frame, FrameColumn, MAX_TREE_DEPTH, Tree, TreeFeature, TreeNode};
use crate::log2::log2;
use crate::partition::Target;
use crate::{Error, Result};

/// How splits are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Criterion {
    /// Bits saved: information gain times rows.
    Gain,
    /// Gain over the entropy of the part sizes, among splits of at least average gain.
    GainRatio,
}

/// What a learner allows.
#[derive(Debug, Clone)]
pub(super) struct Growth {
    pub criterion: Criterion,
    /// Whether categories get a branch each, instead of a value set.
    pub multiway: bool,
    pub min_leaf: u32,
    pub max_leaves: usize,
    pub max_depth: usize,
    /// Least gain of a split in bits over all its rows.
    pub min_gain_bits: u64,
}

/// A node while the tree is being learnt: all nodes keep their class counts for pruning.
#[derive(Debug)]
pub(super) struct Grown {
    /// Rows of each class, target after target.
    pub counts: Vec<Vec<u32>>,
    /// The split, unless this is a leaf.
    pub split: Option<(Split, Vec<usize>)>,
}

/// A split in terms of bins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    pub feature: usize,
    pub shape: Shape,
}

/// Which bins go where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// Bins 1 to `last` go low; bin 0 (missing) as said.
    Threshold { last: u8, missing_low: bool },
    /// The bins whose bit is set go inside.
    Set(u32),
    /// Each of so many values has its branch, then come one for other values and one for missing values.
    Multiway { values: u8 },
}

impl Shape {
    fn branch(&self, bin: u8) -> usize {
        match self {
            Self::Threshold { missing_low, .. } if bin == 0 => usize::from(!missing_low),
            Self::Threshold { last, .. } => usize::from(bin > *last),
            Self::Set(inside) => usize::from(inside >> bin & 1 == 0),
            Self::Multiway { values } if bin == 0 => usize::from(*values) + 1,
            Self::Multiway { .. } => usize::from(bin) - 1,
        }
    }

    fn branches(&self) -> usize {
        if let Self::Multiway { values } = self { usize::from(*values) + 2 } else { 2 }
    }
}

/// Rows, features and classes in bins: all that growing looks at.
pub(super) struct Problem {
    pub features: Vec<(Feature, Arc<BinnedFeature>)>,
    /// Classes of each sampled row and their number, for each target column.
    pub targets: Vec<(Vec<u8>, usize)>,
}

/// With more features than this, those that depend least on the target are left out.
const SCREEN_ABOVE: usize = 20;
const SCREEN_ROWS: usize = 8192;

impl Problem {
    /// Bins a target and the features that may say something about it.
    pub fn new(frame: &Frame<'_>, target: Target<'_>, features: &[Feature]) -> Result<Self> {
        let class = |column: &FrameColumn<'_>| binned::classes(&column.ordinals.gather(frame.sample()), column.ordered);
        let targets = match target {
            Target::Column(index) => {
                vec![class(frame.columns().get(index).ok_or_else(|| Error::config("target", index, "a column"))?)]
            }
            Target::Derived(column) => vec![class(column)],
            Target::Rows => frame.columns().iter().map(class).collect(),
        };
        let mut features: Vec<_> = features.iter().map(|&f| (f, frame.binned(f))).collect();
        features.retain(|(_, binned)| binned.bin_of_row.windows(2).any(|pair| pair[0] != pair[1]));
        if features.len() > SCREEN_ABOVE {
            let thin = |bins: &[u8]| binned::thin(bins, SCREEN_ROWS);
            let classes: Vec<_> = targets.iter().map(|(class, count)| (thin(class), *count)).collect();
            let mut scored: Vec<_> = features
                .into_iter()
                .enumerate()
                .map(|(place, (feature, binned))| {
                    let bins = thin(&binned.bin_of_row);
                    let score: i64 =
                        classes.iter().map(|(class, n)| binned::dependence(&bins, binned.len(), class, *n)).sum();
                    (std::cmp::Reverse(score), place, feature, binned)
                })
                .collect();
            scored.sort_by_key(|&(score, place, ..)| (score, place));
            scored.truncate(SCREEN_ABOVE);
            scored.sort_by_key(|&(_, place, ..)| place);
            features = scored.into_iter().map(|(_, _, feature, binned)| (feature, binned)).collect();
        }
        Ok(Self { features, targets })
    }

    fn counts(&self, rows: &[u32]) -> Vec<Vec<u32>> {
        let count = |(class, classes): &(Vec<u8>, usize)| {
            let mut counts = vec![0u32; *classes];
            rows.iter().for_each(|&row| counts[usize::from(class[row as usize])] += 1);
            counts
        };
        self.targets.iter().map(count).collect()
    }

    /// Grows a tree over all sampled rows. The first node is the root; children stand after their parents.
    pub fn grow(&self, how: &Growth) -> Vec<Grown> {
        let sampled = self.targets.first().map_or(0, |target| target.0.len());
        let mut rows: Vec<u32> = (0..sampled as u32).collect();
        let mut nodes = vec![Grown { counts: self.counts(&rows), split: None }];
        let mut leaves = 1;
        let mut open = std::collections::VecDeque::from([(0usize, 0usize, rows.len(), 0usize)]);
        let mut moved = vec![0u32; rows.len()];
        let max_depth = how.max_depth.min(MAX_TREE_DEPTH);
        while let Some((node, start, end, depth)) = open.pop_front() {
            if depth >= max_depth || leaves >= how.max_leaves || end - start < 2 * how.min_leaf as usize {
                continue;
            }
            let Some(split) = self.best_split(&rows[start..end], &nodes[node].counts, how) else { continue };
            let binned = &self.features[split.feature].1;
            let branches = split.shape.branches();
            let mut next = vec![0usize; branches + 1];
            let branch = |row: u32| split.shape.branch(binned.bin_of_row[row as usize]);
            rows[start..end].iter().for_each(|&row| next[branch(row) + 1] += 1);
            (0..branches).for_each(|b| next[b + 1] += next[b]);
            let bounds = next.clone();
            for &row in &rows[start..end] {
                let place = &mut next[branch(row)];
                moved[*place] = row;
                *place += 1;
            }
            rows[start..end].copy_from_slice(&moved[..end - start]);
            let mut children = vec![];
            for b in 0..branches {
                let (from, to) = (start + bounds[b], start + bounds[b + 1]);
                children.push(nodes.len());
                open.push_back((nodes.len(), from, to, depth + 1));
                nodes.push(Grown { counts: self.counts(&rows[from..to]), split: None });
            }
            leaves += branches - 1;
            nodes[node].split = Some((split, children));
        }
        nodes
    }

    fn best_split(&self, rows: &[u32], counts: &[Vec<u32>], how: &Growth) -> Option<Split> {
        let mut scratch = Histogram::default();
        // Gains of every feature's best split, summed over the targets of a shape chosen on the first that has any.
        let mut found: Vec<(Candidate, usize)> = vec![];
        for (place, (_, binned)) in self.features.iter().enumerate() {
            for (target, (class, _)) in self.targets.iter().enumerate() {
                if counts[target].iter().filter(|&&c| c > 0).count() < 2 {
                    continue;
                }
                scratch.fill(binned, class, &counts[target], rows);
                let Some(mut best) = scratch.best(binned, how) else { continue };
                for (other, (class, _)) in self.targets.iter().enumerate() {
                    if other != target && counts[other].iter().filter(|&&c| c > 0).count() > 1 {
                        scratch.fill(binned, class, &counts[other], rows);
                        best.gain += scratch.gain_of(&best.shape);
                    }
                }
                found.push((best, place));
            }
        }
        found.retain(|(candidate, _)| candidate.gain >= how.min_gain_bits * BIT);
        let average = found.iter().map(|f| f.0.gain).sum::<u64>() / found.len().max(1) as u64;
        if how.criterion == Criterion::GainRatio {
            found.retain(|(candidate, _)| candidate.gain >= average);
        }
        // The earliest feature wins a tie, since `max_by_key` keeps the last of equals.
        let score = |candidate: &Candidate| match how.criterion {
            Criterion::Gain => u128::from(candidate.gain),
            Criterion::GainRatio => (u128::from(candidate.gain) << 32) / u128::from(candidate.split_info.max(1)),
        };
        let (best, feature) = found.into_iter().rev().max_by_key(|(candidate, _)| score(candidate))?;
        Some(Split { feature, shape: best.shape })
    }

    /// Turns what is left of a grown tree into one that walks over ordinals.
    pub fn tree(&self, frame: &Frame<'_>, grown: &[Grown]) -> Result<Tree> {
        let mut used: Vec<usize> =
            grown.iter().filter_map(|n| n.split.as_ref().map(|(split, _)| split.feature)).collect();
        used.sort_unstable();
        used.dedup();
        let (mut nodes, mut leaves) = (vec![], 0);
        // (grown node, where its parent wants to hear of its index)
        let mut open: Vec<(usize, Option<(usize, usize)>)> = vec![(0, None)];
        while let Some((at, parent)) = open.pop() {
            let index = nodes.len() as u32;
            if let Some((parent, branch)) = parent {
                let parent: &mut TreeNode = &mut nodes[parent];
                parent.set_child(branch, index);
            }
            let Some((split, children)) = &grown[at].split else {
                nodes.push(TreeNode::Leaf { leaf: leaves });
                leaves += 1;
                continue;
            };
            let feature = used.binary_search(&split.feature).expect("every used feature is listed") as u32;
            let (node, turned) = self.node(frame, split, feature);
            nodes.push(node);
            let mut children = children.clone();
            if turned {
                children.reverse();
            }
            open.extend(children.iter().enumerate().rev().map(|(b, &child)| (child, Some((index as usize, b)))));
        }
        let feature = |&place: &usize| {
            let feature = self.features[place].0;
            TreeFeature { feature, first_value: frame.nature(feature).1 }
        };
        Tree::new(used.iter().map(feature).collect(), nodes)
    }

    /// The node of a split, and whether its two branches changed places.
    fn node(&self, frame: &Frame<'_>, split: &Split, feature: u32) -> (TreeNode, bool) {
        let (source, binned) = &self.features[split.feature];
        let first = frame.nature(*source).1;
        match (&split.shape, &binned.bins) {
            (Shape::Threshold { last, missing_low }, Bins::Ordered { tops }) => {
                // Before the first bin: only missing values go low.
                let at = if *last == 0 { first.wrapping_sub(1) } else { tops[usize::from(*last) - 1] };
                (TreeNode::Threshold { feature, at, missing_low: *missing_low, low: 0, high: 0 }, false)
            }
            (Shape::Set(inside), Bins::Categories { values, others }) => {
                // The bin of other values cannot be listed, so the set is written for the side without it.
                let turned = *others && inside >> (values.len() + 1) & 1 == 1;
                let listed = if turned { !inside } else { *inside };
                let values =
                    values.iter().zip(1..).filter(|&(_, bin)| listed >> bin & 1 == 1).map(|(&v, _)| v).collect();
                (TreeNode::ValueSet { feature, values, missing_inside: listed & 1 == 1, inside: 0, outside: 0 }, turned)
            }
            (_, Bins::Categories { values, .. }) => {
                (TreeNode::Multiway { feature, values: values.clone(), children: vec![0; values.len() + 2] }, false)
            }
            (_, Bins::Ordered { .. }) => unreachable!("an ordered feature is split at a threshold"),
        }
    }
}

/// A split of one feature with its worth.
struct Candidate {
    shape: Shape,
    gain: u64,
    split_info: u64,
}

/// Class counts in the bins of one feature, over the rows of one node; classes that do not occur are left out.
#[derive(Default)]
struct Histogram {
    cells: Vec<u32>,
    classes: usize,
    totals: Vec<u32>,
    sizes: Vec<u32>,
    compact: Vec<u8>,
}

impl Histogram {
    fn fill(&mut self, binned: &BinnedFeature, class: &[u8], counts: &[u32], rows: &[u32]) {
        self.totals.clear();
        self.totals.extend(counts.iter().filter(|&&c| c > 0));
        self.classes = self.totals.len();
        self.compact.clear();
        let mut next = 0;
        for &count in counts {
            self.compact.push(next);
            next += u8::from(count > 0);
        }
        self.cells.clear();
        self.cells.resize(binned.len() * self.classes, 0);
        for &row in rows {
            let class = self.compact[usize::from(class[row as usize])];
            self.cells[usize::from(binned.bin_of_row[row as usize]) * self.classes + usize::from(class)] += 1;
        }
        self.sizes.clear();
        self.sizes.extend(self.cells.chunks(self.classes).map(|bin| bin.iter().sum::<u32>()));
    }

    fn bin(&self, bin: usize) -> &[u32] {
        &self.cells[bin * self.classes..][..self.classes]
    }

    fn best(&self, binned: &BinnedFeature, how: &Growth) -> Option<Candidate> {
        let present: Vec<usize> = (0..self.sizes.len()).filter(|&b| self.sizes[b] > 0).collect();
        if present.len() < 2 {
            return None;
        }
        let mut best = Best { min_leaf: how.min_leaf, found: None };
        match &binned.bins {
            Bins::Ordered { .. } => {
                // Missing values with the low branch, beginning with the branch that is theirs alone …
                self.prefixes(&present, |bin, gain, size| {
                    best.offer(Shape::Threshold { last: bin as u8, missing_low: true }, gain, size);
                });
                // … and with the high branch.
                if present[0] == 0 {
                    let mut turned = present[1..].to_vec();
                    turned.push(0);
                    self.prefixes(&turned, |bin, gain, size| {
                        best.offer(Shape::Threshold { last: bin as u8, missing_low: false }, gain, size);
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
                let mean = |b: usize| {
                    let sum: u64 = self.bin(b).iter().zip(0u64..).map(|(&n, class)| u64::from(n) * class).sum();
                    (sum << 16) / u64::from(self.sizes[b])
                };
                let share = |b: usize| (u64::from(self.bin(b)[common]) << 32) / u64::from(self.sizes[b]);
                let keys: [&dyn Fn(usize) -> u64; 2] = [&share, &mean];
                for key in keys {
                    let mut order = present.clone();
                    order.sort_by_key(|&b| (key(b), b));
                    let mut inside = 0u32;
                    self.prefixes(&order, |bin, gain, size| {
                        inside |= 1 << bin;
                        best.offer(Shape::Set(inside), gain, size);
                    });
                }
                for &bin in &present {
                    let shape = Shape::Set(1 << bin);
                    best.offer(shape.clone(), self.gain_of(&shape), (self.sizes[bin], self.totals.iter().sum()));
                }
            }
        }
        best.found
    }

    /// Walks over bins in an order and tells, after each but the last, what a cut behind it gains.
    fn prefixes(&self, order: &[usize], mut tell: impl FnMut(usize, u64, (u32, u32))) {
        let total: u32 = self.totals.iter().sum();
        let whole = cost(&self.totals, total);
        let mut low = vec![0u32; self.classes];
        let (mut low_sum, mut high_sum) = (0u64, self.totals.iter().map(|&c| n_log2_n(c)).sum::<u64>());
        let mut size = 0;
        for &bin in &order[..order.len() - 1] {
            for (class, &count) in self.bin(bin).iter().enumerate() {
                if count > 0 {
                    let (before, all) = (low[class], self.totals[class]);
                    low_sum = low_sum + n_log2_n(before + count) - n_log2_n(before);
                    high_sum = high_sum + n_log2_n(all - before - count) - n_log2_n(all - before);
                    low[class] += count;
                }
            }
            size += self.sizes[bin];
            let parts = (n_log2_n(size) + n_log2_n(total - size)).saturating_sub(low_sum + high_sum);
            tell(bin, whole.saturating_sub(parts), (size, total));
        }
    }

    /// What a split of any shape gains.
    fn gain_of(&self, shape: &Shape) -> u64 {
        let branches = shape.branches();
        let mut parts = vec![0u32; branches * self.classes];
        for bin in 0..self.sizes.len() {
            let part = &mut parts[shape.branch(bin as u8) * self.classes..][..self.classes];
            part.iter_mut().zip(self.bin(bin)).for_each(|(sum, &count)| *sum += count);
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
    fn offer(&mut self, shape: Shape, gain: u64, (size, total): (u32, u32)) {
        let better = self.found.as_ref().is_none_or(|found| gain > found.gain);
        if better && size >= self.min_leaf && total - size >= self.min_leaf {
            let split_info = n_log2_n(total) - n_log2_n(size) - n_log2_n(total - size);
            self.found = Some(Candidate { shape, gain, split_info });
        }
    }
}

/// Bits to name one of `n` things.
pub(super) fn bits_to_name(n: usize) -> u64 {
    log2(n.max(1) as u64)
}
