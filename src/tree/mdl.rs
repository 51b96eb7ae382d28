//! `Mdl`: binary splits by information gain, pruned by description length.

use serde::{Deserialize, Serialize};

use super::grow::{Criterion, Grown, Growth};
use super::problem::Problem;
use super::{Feature, Frame, prune};
use crate::Result;
use crate::partition::{Partition, Partitioner, Target};

/// Grows binary trees (thresholds and value sets) and keeps a split only if it pays for its own description:
/// the bits of all leaves under their own distributions, plus what it takes to say those distributions and the split.
///
/// This is the default of the crate: its trees are judged by the size of the file and by nothing else.
///
/// Source: J. R. Quinlan and R. L. Rivest, "Inferring Decision Trees Using the Minimum Description Length Principle",
/// Information and Computation 80(3), 1989.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mdl {
    /// Fewest sampled rows of a leaf.
    pub min_leaf: u32,
    /// Most leaves.
    pub max_leaves: usize,
    /// Longest path.
    pub max_depth: usize,
    /// Bits charged for a split besides naming its feature and cut.
    pub split_bits: u64,
}

impl Mdl {
    /// What the pipeline uses where no other partitioner is given.
    pub const DEFAULT: Self = Self { min_leaf: 16, max_leaves: 1024, max_depth: 24, split_bits: 8 };

    /// The same at effort `Fast`, whose leaves have tables that take time to read: splits that hardly pay are left out.
    pub(crate) const FAST: Self = Self { split_bits: 24, ..Self::DEFAULT };
}

/// Features a branch looks at, of those its parent looked at.
const HANDED_DOWN: usize = 6;
/// The same, for a tree that is only compared with others.
const ESTIMATED: usize = 4;

/// Levels after which a branch looks at all features again.
const FRESH_LEVELS: usize = 4;

impl Default for Mdl {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Partitioner for Mdl {
    crate::saved_by_serde!(Partitioner);

    fn name(&self) -> &'static str {
        "Mdl"
    }

    fn partition(&self, frame: &Frame<'_>, target: Target<'_>, features: &[Feature]) -> Result<Partition> {
        let problem = Problem::new(frame, target, features)?;
        let (grown, _) = self.grow(&problem, false);
        Ok(Partition::of_tree(problem.tree(frame, &grown)?))
    }
}

/// Bits (in 2⁻¹⁶) of the classes of some rows: by themselves, and under a tree, its description included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassBits {
    pub alone: u64,
    pub under_tree: u64,
}

impl Mdl {
    fn grow(&self, problem: &Problem, is_estimate: bool) -> (Vec<Grown>, ClassBits) {
        let growth = Growth {
            criterion: Criterion::Gain,
            multiway: false,
            min_leaf: self.min_leaf.max(1),
            max_leaves: self.max_leaves,
            max_depth: self.max_depth,
            // Splits below this cannot pay for themselves; splits above may still be pruned.
            min_gain_bits: 12,
            split_bits: Some(self.split_bits),
            handed_down: if is_estimate { ESTIMATED } else { HANDED_DOWN },
            fresh_levels: Some(FRESH_LEVELS),
        };
        let mut grown = problem.grow(&growth);
        let alone = prune::leaf_bits(&grown[0].counts);
        let under_tree = prune::by_code_length(&mut grown, self.split_bits, problem.features.len());
        (grown, ClassBits { alone, under_tree })
    }

    /// What a tree would make of a target, judged by about `most_rows` of the sampled rows; where these are all of
    /// them, also what [`Partitioner::partition`] would answer.
    pub(crate) fn estimate(
        &self,
        frame: &Frame<'_>,
        target: Target<'_>,
        features: &[Feature],
        most_rows: usize,
    ) -> Result<(ClassBits, Option<Partition>)> {
        let problem = Problem::thinned(frame, target, features, most_rows)?;
        let is_all = frame.sample().len() <= most_rows;
        let (grown, bits) = self.grow(&problem, !is_all);
        let tree = is_all.then(|| problem.tree(frame, &grown)).transpose()?;
        Ok((bits, tree.map(Partition::of_tree)))
    }
}
