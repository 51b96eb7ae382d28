//! `Threshold`: small weights are dropped.

use serde::{Deserialize, Serialize};

use super::{Pruned, Pruner, norm};
use crate::mask::Mask;
use crate::model::TensorView;
use crate::{Error, Result};

/// How small a dropped weight is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cut {
    /// This magnitude for all tensors.
    Absolute(f64),
    /// This many standard deviations of the tensor at hand.
    Deviations(f64),
}

/// Keeps weights of at least a magnitude, |w| ≥ t and w ≠ 0, unchanged.
///
/// ```
/// use losslaw::model::{Model, TensorView};
/// use losslaw::prune::{Pruner, Threshold};
/// let model = Model::builder().f32("w", &[4], &[0.5, -0.01, 0.25, -2.0])?.build()?;
/// let pruned = Threshold::absolute(0.25)?.prune(model.tensor("w").unwrap())?;
/// assert_eq!(pruned.mask().iter_ones().collect::<Vec<_>>(), [0, 2, 3]);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: S. Han, J. Pool, J. Tran, W. Dally, "Learning both weights and connections for efficient neural networks",
/// NIPS 2015.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The least magnitude kept.
    pub cut: Cut,
}

impl Threshold {
    /// Drops weights below a magnitude.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for a negative or infinite magnitude.
    pub fn absolute(cut: f64) -> Result<Self> {
        let threshold = Self { cut: Cut::Absolute(cut) };
        threshold.check().map(|()| threshold)
    }

    /// Drops weights below a number of standard deviations of their tensor.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for a negative or infinite number.
    pub fn deviations(cut: f64) -> Result<Self> {
        let threshold = Self { cut: Cut::Deviations(cut) };
        threshold.check().map(|()| threshold)
    }
}

impl Pruner for Threshold {
    crate::saved_by_serde!(Pruner);

    fn name(&self) -> &'static str {
        "Threshold"
    }

    fn check(&self) -> Result<()> {
        let (Cut::Absolute(cut) | Cut::Deviations(cut)) = self.cut;
        if cut.is_finite() && cut >= 0.0 { Ok(()) } else { Err(Error::config("cut", cut, "finite numbers from 0 on")) }
    }

    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        self.check()?;
        let weights = tensor.to_f64s()?;
        let least = match self.cut {
            Cut::Absolute(cut) => cut,
            Cut::Deviations(cut) => cut * norm::deviation(&weights),
        };
        let mask: Mask =
            weights.iter().map(|weight| weight.is_nan() || (weight.abs() >= least && *weight != 0.0)).collect();
        Pruned::keep(tensor, mask)
    }
}
