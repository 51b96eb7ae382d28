//! `C45`: gain ratio, thresholds, and pruning by pessimistic error.

use serde::{Deserialize, Serialize};

use super::grow::{Criterion, Growth};
use super::problem::Problem;
use super::{Feature, Frame, prune};
use crate::partition::{Partition, Partitioner, Target};
use crate::{Error, Result};

/// Splits on the greatest gain ratio among features of at least average gain, then cuts branches whose pessimistic
/// error is no better than that of a leaf.
///
/// Source: J. R. Quinlan, "C4.5: Programs for Machine Learning", Morgan Kaufmann, 1993.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct C45 {
    /// Fewest sampled rows in each of at least two branches.
    pub min_leaf: u32,
    /// Most leaves.
    pub max_leaves: usize,
    /// Longest path.
    pub max_depth: usize,
    /// Standard normal quantile of the pessimistic error; 0.6745 is the book's confidence of 25 %. 0 or less: no pruning.
    pub pessimism: f64,
}

impl Default for C45 {
    fn default() -> Self {
        Self { min_leaf: 2, max_leaves: 1024, max_depth: 32, pessimism: 0.6745 }
    }
}

impl C45 {
    fn check(self) -> Result<Self> {
        if self.pessimism.is_finite() {
            Ok(self)
        } else {
            Err(Error::config("pessimism", self.pessimism, "finite numbers"))
        }
    }
}

impl Partitioner for C45 {
    crate::saved_by_serde!(Partitioner, Self::check);

    fn name(&self) -> &'static str {
        "C45"
    }

    fn partition(&self, frame: &Frame<'_>, target: Target<'_>, features: &[Feature]) -> Result<Partition> {
        self.clone().check()?;
        let problem = Problem::new(frame, target, features)?;
        let growth = Growth {
            criterion: Criterion::GainRatio,
            multiway: true,
            min_leaf: self.min_leaf.max(1),
            max_leaves: self.max_leaves,
            max_depth: self.max_depth,
            min_gain_bits: 1,
            split_bits: None,
            handed_down: usize::MAX,
            fresh_levels: None,
        };
        let mut grown = problem.grow(&growth);
        prune::by_pessimistic_error(&mut grown, self.pessimism);
        Ok(Partition::of_tree(problem.tree(frame, &grown)?))
    }
}
