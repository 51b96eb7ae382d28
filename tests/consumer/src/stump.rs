//! A partitioner of our own: one question for each column.

use losslaw::partition::{Partition, Partitioner, Target};
use losslaw::tree::criterion::code_length;
use losslaw::tree::{Feature, Frame, Tree, TreeFeature, TreeNode};
use losslaw::{Lane, Result};
use serde::{Deserialize, Serialize};

/// A decision stump: the feature whose median divides the rows into the two halves that are cheapest to code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stump {
    /// Bits that a question must save.
    pub worth: u64,
}

impl Default for Stump {
    fn default() -> Self {
        Self { worth: 64 }
    }
}

impl Partitioner for Stump {
    losslaw::saved_by_serde!(Partitioner);

    fn name(&self) -> &'static str {
        "Stump"
    }

    fn partition(&self, frame: &Frame<'_>, target: Target<'_>, features: &[Feature]) -> Result<Partition> {
        let target = match target {
            Target::Column(column) => &frame.columns()[column].ordinals,
            Target::Derived(column) => &column.ordinals,
            // One tree for all columns at once: this partitioner has none to offer.
            Target::Rows => return Ok(Partition::Whole),
        };
        let mut cheapest = (cost(target, |_| true).saturating_sub(self.worth), None);
        for &feature in features {
            let values = frame.values(feature).to_u64s();
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let Some(&median) = sorted.get(sorted.len() / 2) else { continue };
            // Values below the first proper one are missing; they go low whatever the cut is.
            let (_, first_value) = frame.nature(feature);
            let at = median.max(first_value.saturating_sub(1));
            let halves = cost(target, |row| values[row] <= at) + cost(target, |row| values[row] > at);
            if halves < cheapest.0 {
                cheapest = (halves, Some((TreeFeature { feature, first_value }, at)));
            }
        }
        let Some((feature, at)) = cheapest.1 else { return Ok(Partition::Whole) };
        let root = TreeNode::Threshold { feature: 0, at, missing_low: true, low: 1, high: 2 };
        let tree = Tree::new(vec![feature], vec![root, TreeNode::Leaf { leaf: 0 }, TreeNode::Leaf { leaf: 1 }])?;
        Ok(Partition::of_tree(tree))
    }
}

/// Whole bits of an ideal code for the chosen rows.
fn cost(target: &Lane, chosen: impl Fn(usize) -> bool) -> u64 {
    let mut values: Vec<u64> = (0..target.len()).filter(|&row| chosen(row)).filter_map(|row| target.get(row)).collect();
    values.sort_unstable();
    let counts: Vec<u32> = values.chunk_by(|a, b| a == b).map(|run| run.len() as u32).collect();
    code_length(&counts) / losslaw::tree::criterion::BIT
}
