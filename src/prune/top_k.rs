//! `TopK`: a share of the weights is kept.

use serde::{Deserialize, Serialize};

use super::{Pruned, Pruner, check_share, largest, rank, share_of};
use crate::Result;
use crate::model::TensorView;

/// Keeps the share of a tensor's weights that is largest in magnitude, unchanged.
///
/// Of n weights exactly k = round(share · n) are kept, the earlier of equal ones, zeros if there is nothing else. NaN
/// counts as the largest, and more than k are kept only if there are more than k of it.
///
/// ```
/// use losslaw::model::Model;
/// use losslaw::prune::{Pruner, TopK};
/// let model = Model::builder().f32("w", &[4], &[1.0, -3.0, 1.0, 0.5])?.build()?;
/// let pruned = TopK::new(0.5)?.prune(model.tensor("w").unwrap())?;
/// assert_eq!(pruned.mask().iter_ones().collect::<Vec<_>>(), [0, 1]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopK {
    /// Kept weights over all weights, from 0 to 1.
    pub share: f64,
}

impl TopK {
    /// Keeps a share of each tensor.
    ///
    /// # Errors
    /// [`crate::Error::InvalidConfig`] unless the share is from 0 to 1.
    pub fn new(share: f64) -> Result<Self> {
        let top_k = Self { share };
        top_k.check().map(|()| top_k)
    }
}

impl Pruner for TopK {
    crate::saved_by_serde!(Pruner);

    fn name(&self) -> &'static str {
        "TopK"
    }

    fn check(&self) -> Result<()> {
        check_share("share", self.share)
    }

    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        self.check()?;
        let ranks: Vec<u64> = tensor.to_f64s()?.into_iter().map(rank).collect();
        Pruned::keep(tensor, largest(&ranks, share_of(ranks.len(), self.share)))
    }
}
