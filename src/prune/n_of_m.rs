//! `NofM`: a fixed number of each few weights is kept.

use serde::{Deserialize, Serialize};

use super::{Pruned, Pruner, largest, rank};
use crate::mask::Mask;
use crate::model::TensorView;
use crate::{Error, Result};

/// Keeps the `n` largest of each `m` consecutive weights along the last dimension, unchanged.
///
/// Groups do not reach over the end of a row; a shorter last group keeps at most `n`, too. Equal weights, NaN and infinities
/// are treated as by [`super::TopK`].
///
/// ```
/// use losslaw::model::Model;
/// use losslaw::prune::{NofM, Pruner};
/// let model = Model::builder().f32("w", &[1, 6], &[1.0, -3.0, 0.0, 2.0, 0.1, 0.2])?.build()?;
/// let pruned = NofM::new(2, 4)?.prune(model.tensor("w").unwrap())?;
/// assert_eq!(pruned.mask().iter_ones().collect::<Vec<_>>(), [1, 3, 4, 5]);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: A. Mishra et al., "Accelerating sparse deep neural networks", arXiv:2104.08378, 2021.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NofM {
    /// Weights kept of each group.
    pub n: usize,
    /// Weights of a group.
    pub m: usize,
}

impl NofM {
    /// Keeps `n` of each `m`.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] unless 1 ≤ m and n ≤ m.
    pub fn new(n: usize, m: usize) -> Result<Self> {
        let pattern = Self { n, m };
        pattern.check().map(|()| pattern)
    }
}

impl Pruner for NofM {
    crate::saved_by_serde!(Pruner);

    fn name(&self) -> &'static str {
        "NofM"
    }

    fn check(&self) -> Result<()> {
        if self.m == 0 || self.n > self.m {
            return Err(Error::config("n of m", format_args!("{}:{}", self.n, self.m), "n up to m, m from 1 on"));
        }
        Ok(())
    }

    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        self.check()?;
        let ranks: Vec<u64> = tensor.to_f64s()?.into_iter().map(rank).collect();
        let row = tensor.shape().last().copied().unwrap_or(1).max(1);
        let mut mask = Mask::with_capacity(ranks.len());
        for group in ranks.chunks(row).flat_map(|row| row.chunks(self.m)) {
            mask.extend_from_bitslice(&largest(group, self.n.min(group.len())));
        }
        Pruned::keep(tensor, mask)
    }
}
