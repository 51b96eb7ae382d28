//! `Id3`: every category its branch, by information gain, without pruning.

use serde::{Deserialize, Serialize};

use super::grow::{Criterion, Growth};
use super::problem::Problem;
use super::{Feature, Frame};
use crate::Result;
use crate::partition::{Partition, Partitioner, Target};

/// Splits on the feature of greatest information gain until nothing is gained, one branch for each category.
///
/// Ordered features, which the original leaves out, are split at a threshold.
///
/// Source: J. R. Quinlan, "Induction of Decision Trees", Machine Learning 1, 1986.
///
/// ```
/// use losslaw::partition::Classifier;
/// use losslaw::tree::{Feature, Frame, Id3};
/// let frame = Frame::categories(&[("sky", &["clear", "cloud", "clear"]), ("walk", &["yes", "no", "yes"])]);
/// let model = Classifier::fit(&Id3::default(), &frame, 1, &[Feature::Column(0)])?;
/// assert_eq!(model.accuracy(&frame), 1.0);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Id3 {
    /// Fewest sampled rows in each of at least two branches.
    pub min_leaf: u32,
    /// Most leaves.
    pub max_leaves: usize,
    /// Longest path.
    pub max_depth: usize,
}

impl Default for Id3 {
    fn default() -> Self {
        Self { min_leaf: 1, max_leaves: 1024, max_depth: 16 }
    }
}

impl Partitioner for Id3 {
    crate::saved_by_serde!(Partitioner);

    fn name(&self) -> &'static str {
        "Id3"
    }

    fn partition(&self, frame: &Frame<'_>, target: Target<'_>, features: &[Feature]) -> Result<Partition> {
        let problem = Problem::new(frame, target, features)?;
        let growth = Growth {
            criterion: Criterion::Gain,
            multiway: true,
            min_leaf: self.min_leaf.max(1),
            max_leaves: self.max_leaves,
            max_depth: self.max_depth,
            min_gain_bits: 1,
            split_bits: None,
            handed_down: usize::MAX,
            fresh_levels: None,
        };
        Ok(Partition::of_tree(problem.tree(frame, &problem.grow(&growth))?))
    }
}
