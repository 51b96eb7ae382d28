//! `L1`: all weights shrink, and small ones vanish.

use serde::{Deserialize, Serialize};

use super::{Pruned, Pruner, check_share, cut_for, rank, share_of};
use crate::mask::Mask;
use crate::model::{TensorView, put_float};
use crate::{Error, Result};

/// How far weights shrink.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shrinkage {
    /// By this λ, in all tensors.
    Lambda(f64),
    /// By the least λ that keeps at most this share of the tensor at hand.
    Share(f64),
}

/// Shrinks each weight towards zero by λ: z = sign(w) · max(|w| − λ, 0), the minimum of ½(z − w)² + λ|z|.
///
/// The difference is taken in double precision and rounded to the tensor's dtype; weights that become zero are dropped.
/// Under [`Shrinkage::Share`] λ is the magnitude of the largest weight that must go, so weights equal to it go as well.
/// NaN and infinities stay as they are.
///
/// ```
/// use losslaw::model::Model;
/// use losslaw::prune::{L1, Pruner};
/// let model = Model::builder().f32("w", &[3], &[1.0, -0.25, -2.0])?.build()?;
/// let pruned = L1::lambda(0.5)?.prune(model.tensor("w").unwrap())?;
/// assert_eq!(pruned.dense(), [0.5f32, 0.0, -1.5].map(f32::to_le_bytes).concat());
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: R. Tibshirani, "Regression shrinkage and selection via the lasso", J. R. Stat. Soc. B 58(1), 1996.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct L1 {
    /// How λ is found.
    pub shrinkage: Shrinkage,
}

impl L1 {
    /// Shrinks by a given λ.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for a negative or infinite λ.
    pub fn lambda(lambda: f64) -> Result<Self> {
        let l1 = Self { shrinkage: Shrinkage::Lambda(lambda) };
        l1.check().map(|()| l1)
    }

    /// Shrinks until at most a share of each tensor is left.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] unless the share is from 0 to 1.
    pub fn share(share: f64) -> Result<Self> {
        let l1 = Self { shrinkage: Shrinkage::Share(share) };
        l1.check().map(|()| l1)
    }

    /// The λ for these weights.
    fn lambda_for(self, weights: &[f64]) -> f64 {
        let share = match self.shrinkage {
            Shrinkage::Lambda(lambda) => return lambda,
            Shrinkage::Share(share) => share,
        };
        let finite: Vec<u64> = weights.iter().filter(|weight| weight.is_finite()).copied().map(rank).collect();
        let others = weights.len() - finite.len();
        match share_of(weights.len(), share).saturating_sub(others) {
            keep if keep >= finite.len() => 0.0,
            keep => f64::from_bits(cut_for(&finite, keep + 1).0),
        }
    }
}

impl Pruner for L1 {
    crate::saved_by_serde!(Pruner);

    fn name(&self) -> &'static str {
        "L1"
    }

    fn check(&self) -> Result<()> {
        match self.shrinkage {
            Shrinkage::Lambda(lambda) if lambda.is_finite() && lambda >= 0.0 => Ok(()),
            Shrinkage::Lambda(lambda) => Err(Error::config("lambda", lambda, "finite numbers from 0 on")),
            Shrinkage::Share(share) => check_share("share", share),
        }
    }

    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        self.check()?;
        let weights = tensor.to_f64s()?;
        let lambda = self.lambda_for(&weights);
        let width = tensor.dtype().bits() / 8;
        let (mut mask, mut values) = (Mask::with_capacity(weights.len()), vec![]);
        for (&weight, bytes) in weights.iter().zip(tensor.data().chunks_exact(width)) {
            let start = values.len();
            if weight.is_finite() {
                put_float(&mut values, tensor.dtype(), (weight.abs() - lambda).max(0.0).copysign(weight))?;
            } else {
                // Conversions may change the payload of a NaN.
                values.extend_from_slice(bytes);
            }
            // The top bit of a float is its sign, and nothing else is set in a zero.
            let (top, low) = values[start..].split_last().expect("a float has bytes");
            let is_kept = top & 0x7f != 0 || low.iter().any(|&byte| byte != 0);
            mask.push(is_kept);
            if !is_kept {
                values.truncate(start);
            }
        }
        Pruned::new(tensor, mask, values)
    }
}
