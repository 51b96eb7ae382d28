//! Growing a tree: the best split of a set of rows is found by counting classes in the bins of every feature.

use std::sync::Arc;

use super::binned::{self, BinnedFeature, Bins};
use super::criterion::BIT;
use super::histogram::{Candidate, Classes, Histogram};
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
    /// Features that a node hands down to its branches: those of the greatest gains. Every few levels all are looked
    /// at again.
    pub handed_down: usize,
}

/// Levels after which a branch looks at all features again.
const FRESH_LEVELS: usize = 4;

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

/// Rows, features and classes in bins: all that growing looks at.
pub(super) struct Problem {
    pub features: Vec<(Feature, Arc<BinnedFeature>)>,
    /// Classes of each sampled row and their number, for each target column.
    pub targets: Vec<(Vec<u8>, usize)>,
    /// Sampled rows that are looked at.
    rows: Vec<u32>,
}

/// Room that is used again for every node.
#[derive(Default)]
struct Scratch {
    classes: Vec<Classes>,
    histogram: Histogram,
}

/// With more features than this, those that depend least on the target are left out.
const SCREEN_ABOVE: usize = 20;
const SCREEN_ROWS: usize = 8192;

impl Problem {
    /// Bins a target and the features that may say something about it.
    pub fn new(frame: &Frame<'_>, target: Target<'_>, features: &[Feature]) -> Result<Self> {
        Self::thinned(frame, target, features, usize::MAX)
    }

    /// Like [`Problem::new`], with at most about so many of the sampled rows, evenly spread.
    pub fn thinned(frame: &Frame<'_>, target: Target<'_>, features: &[Feature], most_rows: usize) -> Result<Self> {
        let sample = frame.sample();
        let step = sample.len().div_ceil(most_rows).max(1);
        let rows: Vec<u32> = (0..sample.len() as u32).step_by(step).collect();
        let chosen: Vec<u32> = rows.iter().map(|&place| sample[place as usize]).collect();
        let class = |column: &FrameColumn<'_>| {
            let (own, classes) = binned::classes(&column.ordinals.gather(&chosen), column.ordered);
            if step == 1 {
                return (own, classes);
            }
            let mut class = vec![0; sample.len()];
            rows.iter().zip(own).for_each(|(&place, own)| class[place as usize] = own);
            (class, classes)
        };
        let targets = match target {
            Target::Column(index) => {
                vec![class(frame.columns().get(index).ok_or_else(|| Error::config("target", index, "a column"))?)]
            }
            Target::Derived(column) => vec![class(column)],
            Target::Rows => frame.columns().iter().map(class).collect(),
        };
        let mut features: Vec<_> = features.iter().map(|&f| (f, frame.binned(f))).collect();
        features.retain(|(_, binned)| !binned.is_constant);
        if features.len() > SCREEN_ABOVE {
            let step = rows.len().div_ceil(SCREEN_ROWS).max(1);
            let screened: Vec<u32> = rows.iter().copied().step_by(step).collect();
            let mut scored: Vec<_> = features
                .into_iter()
                .enumerate()
                .map(|(place, (feature, binned))| {
                    let score = targets.iter().map(|(class, n)| binned.dependence(class, *n, &screened)).sum::<i64>();
                    (std::cmp::Reverse(score), place, feature, binned)
                })
                .collect();
            scored.sort_by_key(|&(score, place, ..)| (score, place));
            scored.truncate(SCREEN_ABOVE);
            scored.sort_by_key(|&(_, place, ..)| place);
            features = scored.into_iter().map(|(_, _, feature, binned)| (feature, binned)).collect();
        }
        Ok(Self { features, targets, rows })
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
        let mut rows = self.rows.clone();
        let mut scratch = Scratch::default();
        let mut nodes = vec![Grown { counts: self.counts(&rows), split: None }];
        let mut leaves = 1;
        let everything: Arc<[usize]> = (0..self.features.len()).collect();
        let mut open = std::collections::VecDeque::from([(0usize, 0usize, rows.len(), 0usize, everything.clone())]);
        let mut moved = vec![0u32; rows.len()];
        let max_depth = how.max_depth.min(MAX_TREE_DEPTH);
        while let Some((node, start, end, depth, places)) = open.pop_front() {
            if depth >= max_depth || leaves >= how.max_leaves || end - start < 2 * how.min_leaf as usize {
                continue;
            }
            let found = self.best_split(&rows[start..end], &nodes[node].counts, how, &places, &mut scratch);
            let Some((split, promising)) = found else { continue };
            let places = if (depth + 1).is_multiple_of(FRESH_LEVELS) { everything.clone() } else { promising.into() };
            let binned = &self.features[split.feature].1;
            let branches = split.shape.branches();
            let mut next = vec![0usize; branches + 1];
            // Each bin is asked once instead of each row.
            let branch_of: [u8; 256] =
                std::array::from_fn(|bin| if bin < binned.len() { split.shape.branch(bin as u8) as u8 } else { 0 });
            let branch = |row: u32| usize::from(branch_of[usize::from(binned.bin_of_row[row as usize])]);
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
                open.push_back((nodes.len(), from, to, depth + 1, places.clone()));
                nodes.push(Grown { counts: self.counts(&rows[from..to]), split: None });
            }
            leaves += branches - 1;
            nodes[node].split = Some((split, children));
        }
        nodes
    }

    /// The best split of some rows by the features at `places`, and the places that are worth handing down.
    fn best_split(
        &self,
        rows: &[u32],
        counts: &[Vec<u32>],
        how: &Growth,
        places: &[usize],
        scratch: &mut Scratch,
    ) -> Option<(Split, Vec<usize>)> {
        let Scratch { classes, histogram } = scratch;
        classes.resize_with(self.targets.len(), Classes::default);
        for ((own, (class, _)), counts) in classes.iter_mut().zip(&self.targets).zip(counts) {
            own.fill(class, counts, rows);
        }
        // Gains of every feature's best split, summed over the targets of a shape chosen on the first that has any.
        let mut found: Vec<(Candidate, usize)> = vec![];
        for &place in places {
            let binned = &self.features[place].1;
            for (target, own) in classes.iter().enumerate().filter(|(_, own)| own.differ()) {
                histogram.fill(binned, own, rows);
                let Some(mut best) = histogram.best(binned, how) else { continue };
                for (_, other) in classes.iter().enumerate().filter(|(at, other)| *at != target && other.differ()) {
                    histogram.fill(binned, other, rows);
                    best.gain += histogram.gain_of(&best.shape);
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
        let (best, feature) = found.into_iter().rev().max_by_key(|(candidate, _)| score(candidate))?;
        Some((Split { feature, shape: best.shape }, promising))
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

/// Bits to name one of `n` things.
pub(super) fn bits_to_name(n: usize) -> u64 {
    log2(n.max(1) as u64)
}
