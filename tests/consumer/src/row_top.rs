//! A pruner of our own: the largest weights of each row.

use losslaw::mask::Mask;
use losslaw::model::TensorView;
use losslaw::prune::{Pruned, Pruner};
use losslaw::{Error, Result};
use serde::{Deserialize, Serialize};

/// Keeps the `keep` weights of each row that are largest in magnitude, the earlier of equal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RowTop {
    /// Weights kept of each row, 1 or more.
    pub keep: usize,
}

impl Default for RowTop {
    fn default() -> Self {
        Self { keep: 1 }
    }
}

impl Pruner for RowTop {
    losslaw::saved_by_serde!(Pruner);

    fn name(&self) -> &'static str {
        "RowTop"
    }

    fn check(&self) -> Result<()> {
        if self.keep > 0 { Ok(()) } else { Err(Error::config("keep", self.keep, "1 or more")) }
    }

    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        let weights = tensor.to_f64s()?;
        let row = tensor.shape().last().copied().unwrap_or(1).max(1);
        let mut mask = Mask::new();
        for row in weights.chunks(row) {
            let mut order: Vec<usize> = (0..row.len()).collect();
            // A stable sort; weights that are no numbers come first, so they are kept rather than lost.
            order.sort_by(|&a, &b| row[b].abs().total_cmp(&row[a].abs()));
            let kept = &order[..self.keep.min(row.len())];
            mask.extend((0..row.len()).map(|at| kept.contains(&at)));
        }
        // The kept weights stay as they are, to the last bit.
        Pruned::keep(tensor, mask)
    }
}
