//! Growing a tree: the best split of a set of rows is found by counting classes in the bins of every feature.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::MAX_TREE_DEPTH;
use super::criterion::{BIT, code_length};
use super::cuts::{Candidate, Cuts, gain_of};
use super::histogram::{Classes, Histogram, Others, places_of};
use super::problem::Problem;
use super::prune::{LEAF_BITS, described, leaf_bits};
use crate::log2::log2;

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
    /// Bits charged for a split, if pruning charges any: of splits that do not pay for themselves, no second one
    /// follows a first.
    pub split_bits: Option<u64>,
    /// Features that a node hands down to its branches: those of the greatest gains.
    pub handed_down: usize,
    /// Levels after which a branch looks at all features again.
    pub fresh_levels: Option<usize>,
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
    pub fn branch(&self, bin: u8) -> usize {
        match self {
            Self::Threshold { missing_low, .. } if bin == 0 => usize::from(!missing_low),
            Self::Threshold { last, .. } => usize::from(bin > *last),
            Self::Set(inside) => usize::from(inside >> bin & 1 == 0),
            Self::Multiway { values } if bin == 0 => usize::from(*values) + 1,
            Self::Multiway { .. } => usize::from(bin) - 1,
        }
    }

    pub fn branches(&self) -> usize {
        if let Self::Multiway { values } = self { usize::from(*values) + 2 } else { 2 }
    }
}

/// Room that is used again for every node.
#[derive(Default)]
struct Scratch {
    classes: Vec<Classes>,
    histogram: Histogram,
    cuts: Cuts,
    /// Classes of rows that are in another branch.
    others: Vec<u8>,
    /// Counts that are no longer needed.
    spare: Vec<Vec<u32>>,
}

/// Branches of one node, whose best splits are found together.
struct Open {
    /// Each as its node and the range of its rows.
    branches: Vec<(usize, Range<usize>)>,
    depth: usize,
    /// Features to look at.
    places: Arc<[usize]>,
    /// Whether the node's split costs more than it saves.
    is_unpaid: bool,
    counted: Counted,
}

/// What was counted at a node: of two branches then only the smaller need be counted.
#[derive(Default)]
struct Counted {
    /// The classes.
    names: Vec<u8>,
    /// Features with their counts, by bin and class.
    cells: Vec<(usize, Vec<u32>)>,
}

/// The best split of a node.
struct Found {
    split: Split,
    /// Features worth handing down.
    promising: Vec<usize>,
    counted: Counted,
}

impl Problem {
    /// Grows a tree over all sampled rows. The first node is the root; children stand after their parents.
    pub fn grow(&self, how: &Growth) -> Vec<Grown> {
        let mut rows = self.rows.clone();
        let mut scratch = Scratch::default();
        let mut nodes = vec![Grown { counts: self.counts(&rows), split: None }];
        let mut leaves = 1;
        let everything: Arc<[usize]> = (0..self.features.len()).collect();
        let mut open = VecDeque::from([Open {
            branches: vec![(0, 0..rows.len())],
            depth: 0,
            places: everything.clone(),
            is_unpaid: false,
            counted: Counted::default(),
        }]);
        let mut moved = vec![];
        let max_depth = how.max_depth.min(MAX_TREE_DEPTH);
        while let Some(next) = open.pop_front() {
            let depth = next.depth + 1;
            if depth > max_depth || leaves >= how.max_leaves {
                continue;
            }
            let found = self.best_splits(&next, &rows, &nodes, how, &mut scratch);
            scratch.spare.extend(next.counted.cells.into_iter().map(|(_, cells)| cells));
            for ((node, range), found) in next.branches.into_iter().zip(found) {
                let Some(Found { split, promising, counted }) = found.filter(|_| leaves < how.max_leaves) else {
                    continue;
                };
                let is_fresh = how.fresh_levels.is_some_and(|levels| depth.is_multiple_of(levels));
                let places = if is_fresh { everything.clone() } else { promising.into() };
                let sizes = self.divide(&split, &mut rows[range.clone()], &mut moved);
                let (first, mut start) = (nodes.len(), range.start);
                let ranges = sizes.into_iter().map(|size| {
                    start += size;
                    start - size..start
                });
                let branches: Vec<_> = (first..).zip(ranges).collect();
                let counts = self.counts_of_branches(&branches, &rows, &nodes[node].counts);
                let is_unpaid = self.is_unpaid(how, &split.shape, &nodes[node].counts, &counts);
                if is_unpaid && next.is_unpaid {
                    continue;
                }
                leaves += branches.len() - 1;
                nodes.extend(counts.into_iter().map(|counts| Grown { counts, split: None }));
                nodes[node].split = Some((split, (first..nodes.len()).collect()));
                open.push_back(Open { branches, depth, places, is_unpaid, counted });
            }
        }
        nodes
    }

    /// What a split must gain to be of use: at least what the shortest one and a second leaf cost.
    fn least_gain(&self, how: &Growth) -> u64 {
        let shortest = Shape::Threshold { last: 0, missing_low: true };
        let cost = how.split_bits.map_or(0, |bits| described(&shortest, bits, self.features.len()) + LEAF_BITS);
        cost.max(how.min_gain_bits * BIT)
    }

    /// Whether a split costs more than it saves, before its branches are split further.
    fn is_unpaid(&self, how: &Growth, shape: &Shape, whole: &[Vec<u32>], branches: &[Vec<Vec<u32>>]) -> bool {
        how.split_bits.is_some_and(|bits| {
            let after: u64 = branches.iter().map(|counts| leaf_bits(counts)).sum();
            after + described(shape, bits, self.features.len()) >= leaf_bits(whole)
        })
    }

    /// Sorts rows by the branch of a split, each branch in its order; returns the rows in each.
    fn divide(&self, split: &Split, rows: &mut [u32], moved: &mut Vec<u32>) -> Vec<usize> {
        let binned = &self.features[split.feature].1;
        let branches = split.shape.branches();
        // Each bin is asked once instead of each row.
        let branch_of: [u8; 256] =
            std::array::from_fn(|bin| if bin < binned.len() { split.shape.branch(bin as u8) as u8 } else { 0 });
        let bins = &*binned.bin_of_row;
        let branch = |row: u32| usize::from(branch_of[usize::from(bins[row as usize])]);
        moved.clear();
        if branches == 2 {
            moved.resize(rows.len(), 0);
            let (mut low, mut high) = (0, 0);
            for at in 0..rows.len() {
                let row = rows[at];
                // Both are written and one of them counts, since no branch of the processor foresees this one.
                (rows[low], moved[high]) = (row, row);
                let side = branch(row);
                low += 1 - side;
                high += side;
            }
            rows[low..].copy_from_slice(&moved[..high]);
            return vec![low, high];
        }
        let mut sizes = vec![0; branches];
        rows.iter().for_each(|&row| sizes[branch(row)] += 1);
        let mut next: Vec<usize> = sizes
            .iter()
            .scan(0, |end, size| {
                *end += size;
                Some(*end - size)
            })
            .collect();
        moved.extend_from_slice(rows);
        for &row in &*moved {
            let place = &mut next[branch(row)];
            rows[*place] = row;
            *place += 1;
        }
        sizes
    }

    /// Class counts of the branches of a node: all but the largest are counted.
    fn counts_of_branches(
        &self,
        branches: &[(usize, Range<usize>)],
        rows: &[u32],
        whole: &[Vec<u32>],
    ) -> Vec<Vec<Vec<u32>>> {
        let largest = (0..branches.len()).max_by_key(|&b| branches[b].1.len()).expect("a split has branches");
        let (mut rest, mut counts) = (whole.to_vec(), vec![]);
        for (b, (_, range)) in branches.iter().enumerate() {
            let own = if b == largest { vec![] } else { self.counts(&rows[range.clone()]) };
            for (rest, own) in rest.iter_mut().flatten().zip(own.iter().flatten()) {
                *rest -= own;
            }
            counts.push(own);
        }
        counts[largest] = rest;
        counts
    }

    /// The best split of each of some branches that are large enough for one.
    fn best_splits(
        &self,
        open: &Open,
        rows: &[u32],
        nodes: &[Grown],
        how: &Growth,
        scratch: &mut Scratch,
    ) -> Vec<Option<Found>> {
        let least = self.least_gain(how);
        let find = |b: usize| {
            let (node, range) = &open.branches[b];
            let own = &rows[range.clone()];
            let counts = &nodes[*node].counts;
            // No split gains more bits than the classes take.
            let bits: u64 = counts.iter().map(|counts| code_length(counts)).sum();
            if own.len() < 2 * how.min_leaf as usize || bits < least {
                return None;
            }
            // Of two branches the larger is what the smaller leaves.
            let other = open.branches.get(1 - b.min(1)).filter(|_| open.branches.len() == 2).map(|(_, range)| range);
            let other = other.filter(|other| other.len() < own.len() && !open.counted.cells.is_empty());
            let others = other.map(|other| &rows[other.clone()]);
            self.best_split(own, counts, how, &open.places, others.map(|rows| (&open.counted, rows)), scratch)
        };
        (0..open.branches.len()).map(find).collect()
    }

    /// The best split of some rows by the features at `places`. `whole` has what was counted for these rows and others.
    fn best_split(
        &self,
        rows: &[u32],
        counts: &[Vec<u32>],
        how: &Growth,
        places: &[usize],
        whole: Option<(&Counted, &[u32])>,
        scratch: &mut Scratch,
    ) -> Option<Found> {
        let Scratch { classes, histogram, cuts, others, spare } = scratch;
        classes.resize_with(self.targets.len(), Classes::default);
        for ((own, (class, _)), counts) in classes.iter_mut().zip(&self.targets).zip(counts) {
            own.fill(class, counts, rows);
        }
        let others = whole.map(|(counted, rows)| {
            places_of(&counted.names, &self.targets[0].0, rows, others);
            (&counted.cells, Others { names: &counted.names, rows, of_row: others })
        });
        let is_alone = self.targets.len() == 1;
        let mut cells = vec![];
        // Gains of every feature's best split, summed over the targets of a shape chosen on the first that has any.
        let mut found: Vec<(Candidate, usize)> = vec![];
        for &place in places {
            let binned = &self.features[place].1;
            for (target, own) in classes.iter().enumerate().filter(|(_, own)| own.differ()) {
                let known = others.as_ref().and_then(|(cells, others)| {
                    cells.iter().find(|known| known.0 == place).map(|(_, cells)| (cells, others))
                });
                if !known.is_some_and(|(whole, others)| histogram.fill_rest(binned, own, rows.len(), whole, others)) {
                    histogram.fill(binned, own, rows);
                }
                let best = cuts.best(histogram, binned, how);
                if is_alone && best.is_some() {
                    cells.extend(histogram.keep(spare.pop().unwrap_or_default()).map(|cells| (place, cells)));
                }
                let Some(mut best) = best else { continue };
                for (_, other) in classes.iter().enumerate().filter(|(at, other)| *at != target && other.differ()) {
                    histogram.fill(binned, other, rows);
                    best.gain += gain_of(histogram, &best.shape);
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
        let mut promising = places.to_vec();
        if places.len() > how.handed_down {
            let mut by_gain: Vec<_> = found.iter().map(|(c, place)| (std::cmp::Reverse(c.gain), *place)).collect();
            by_gain.sort_unstable();
            promising = by_gain.into_iter().take(how.handed_down).map(|(_, place)| place).collect();
            promising.sort_unstable();
        }
        let best = found.into_iter().rev().max_by_key(|(candidate, _)| score(candidate));
        let (kept, rest) = cells.into_iter().partition(|(place, _)| best.is_some() && promising.contains(place));
        spare.extend(Vec::into_iter(rest).map(|(_, cells)| cells));
        let (best, feature) = best?;
        let names = classes.first().map_or(vec![], |own| own.names().to_vec());
        let counted = Counted { names, cells: kept };
        Some(Found { split: Split { feature, shape: best.shape }, promising, counted })
    }
}

/// Bits to name one of `n` things.
pub(super) fn bits_to_name(n: usize) -> u64 {
    log2(n.max(1) as u64)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::Lane;
    use crate::partition::Target;
    use crate::tree::{Feature, Frame, FrameColumn};

    fn column(seed: u64, rows: u64, values: u64, ordered: bool) -> FrameColumn<'static> {
        let word = |row: u64| {
            let mixed = (row / (1 + seed % 3) + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40
        };
        let own = |row| (word(row) % values + row * values / rows) / (1 + seed % 2);
        let ordinals = Cow::Owned(Lane::narrowest((0..rows).map(own).collect()));
        FrameColumn { name: String::new(), ordinals, first_value: seed % 2, ordered }
    }

    #[test]
    fn branches_that_are_what_another_leaves_split_as_if_they_were_counted() {
        let columns = (0..6).map(|c| column(c, 3000, 4 + 3 * c, c % 3 != 1)).collect();
        let frame = Frame::new(columns, 3000, 3000);
        let features: Vec<Feature> = (0..5).map(Feature::Column).collect();
        let problem = Problem::new(&frame, Target::Column(5), &features).unwrap();
        let how = Growth {
            criterion: Criterion::Gain,
            multiway: false,
            min_leaf: 4,
            max_leaves: 200,
            max_depth: 12,
            min_gain_bits: 1,
            split_bits: None,
            handed_down: usize::MAX,
            fresh_levels: None,
        };
        let grown = problem.grow(&how);
        assert!(grown.len() > 50);
        let places: Vec<usize> = (0..problem.features.len()).collect();
        let mut rows = vec![problem.rows.clone()];
        rows.resize(grown.len(), vec![]);
        for (at, node) in grown.iter().enumerate() {
            assert_eq!(node.counts, problem.counts(&rows[at]));
            let Some((split, children)) = &node.split else { continue };
            let plain = problem.best_split(&rows[at], &node.counts, &how, &places, None, &mut Scratch::default());
            assert_eq!(plain.map(|found| found.split).as_ref(), Some(split));
            for row in rows[at].clone() {
                let bin = problem.features[split.feature].1.bin_of_row[row as usize];
                rows[children[split.shape.branch(bin)]].push(row);
            }
        }
    }
}
