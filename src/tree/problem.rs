//! What a learner looks at, in bins, and the tree that is made of what was grown.

use std::sync::Arc;

use super::binned::{self, BinnedFeature, Bins};
use super::grow::{Grown, Shape, Split};
use super::{Feature, Frame, FrameColumn, Tree, TreeFeature, TreeNode};
use crate::partition::Target;
use crate::{Error, Result};

/// Rows, features and classes in bins: all that growing looks at.
pub(super) struct Problem {
    pub features: Vec<(Feature, Arc<BinnedFeature>)>,
    /// Classes of each sampled row and their number, for each target column.
    pub targets: Vec<(Vec<u8>, usize)>,
    /// Sampled rows that are looked at.
    pub rows: Vec<u32>,
}

/// With more features than this, those that depend least on the target are left out.
const SCREEN_ABOVE: usize = 20;
const SCREEN_ROWS: usize = 2048;

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

    /// Rows of each class among some rows, target after target.
    pub fn counts(&self, rows: &[u32]) -> Vec<Vec<u32>> {
        let count = |(class, classes): &(Vec<u8>, usize)| {
            let mut counts = vec![0u32; *classes];
            rows.iter().for_each(|&row| counts[usize::from(class[row as usize])] += 1);
            counts
        };
        self.targets.iter().map(count).collect()
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
