//! Pruning: the one step that changes values, so it is never a default and always reported.
//!
//! A [`Pruner`] decides weight by weight what is kept. The shape stays; a dropped weight becomes zero. What is pruned is
//! then stored losslessly. All pruners here agree on three things:
//!
//! - A zero of either sign is dropped without loss, unless a number of weights to keep was asked for and not reached.
//! - What is no number (NaN) is kept as it is, never dropped silently, and neither is an infinity.
//! - Equal weights are told apart by their place: the earlier is kept.

mod except;
mod l1;
mod n_of_m;
mod norm;
mod structured;
mod threshold;
mod top_k;

pub use except::Except;
pub use l1::{L1, Shrinkage};
pub use n_of_m::NofM;
pub(crate) use norm::ratio;
pub use norm::sum_of_squares;
pub use structured::{Lines, Structured};
pub use threshold::{Cut, Threshold};
pub use top_k::{Scope, TopK};

use std::sync::Arc;

use crate::mask::Mask;
use crate::model::{Dtype, TensorView, put_float};
use crate::settings::Settings;
use crate::{Error, Result};

/// Decides which weights of a tensor are kept, and with which values.
///
/// ```
/// use losslaw::mask::Mask;
/// use losslaw::model::{Dtype, TensorView};
/// use losslaw::prune::{Pruned, Pruner};
///
/// /// Keeps every other weight.
/// #[derive(Debug)]
/// struct Every2nd;
/// impl Pruner for Every2nd {
///     fn name(&self) -> &'static str { "Every2nd" }
///     fn prune(&self, tensor: TensorView<'_>) -> losslaw::Result<Pruned> {
///         let mask: Mask = (0..tensor.elements()).map(|at| at % 2 == 0).collect();
///         let kept: Vec<f64> = tensor.to_f64s()?.into_iter().step_by(2).collect();
///         Pruned::from_f64s(tensor, mask, &kept)
///     }
/// }
/// let ones: Vec<u8> = [1f32; 4].iter().flat_map(|one| one.to_le_bytes()).collect();
/// let pruned = Every2nd.prune(TensorView::new("w", Dtype::F32, &[4], &ones)?)?;
/// assert_eq!((pruned.kept(), pruned.norm_ratio()), (2, 0.5));
/// # Ok::<(), losslaw::Error>(())
/// ```
pub trait Pruner: std::fmt::Debug + Send + Sync {
    /// The name in reports.
    fn name(&self) -> &'static str;

    /// Refuses settings outside their range; called before any data flow.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether a tensor is pruned at all; what is not stays as it is and does not count in C′.
    fn prunes(&self, _tensor: TensorView<'_>) -> bool {
        true
    }

    /// A pruner for the tensors of one model, if what is kept of one depends on the others. It is asked once, with all
    /// tensors that will be pruned, and the pruner it returns then prunes them.
    fn for_model(&self, _tensors: &[TensorView<'_>]) -> Result<Option<Arc<dyn Pruner>>> {
        Ok(None)
    }

    /// Prunes one tensor whose dtype [is a float](Dtype::is_float).
    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned>;

    /// The settings, from which [`Pruner::configured`] makes the same pruner again; [`crate::saved_by_serde`] writes both.
    ///
    /// # Errors
    /// [`Error::Settings`]: by default a pruner cannot be written down.
    fn settings(&self) -> Result<Settings> {
        Err(Error::settings(self.name(), "they cannot be written down"))
    }

    /// A pruner of this type with other settings, whose values [`Pruner::check`] is still to see.
    ///
    /// # Errors
    /// [`Error::Settings`] when the settings do not fit.
    fn configured(&self, _settings: &Settings) -> Result<Arc<dyn Pruner>> {
        Err(Error::settings(self.name(), "they cannot be read"))
    }
}

impl<P: Pruner + ?Sized> Pruner for Box<P> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn check(&self) -> Result<()> {
        (**self).check()
    }

    fn prunes(&self, tensor: TensorView<'_>) -> bool {
        (**self).prunes(tensor)
    }

    fn for_model(&self, tensors: &[TensorView<'_>]) -> Result<Option<Arc<dyn Pruner>>> {
        (**self).for_model(tensors)
    }

    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        (**self).prune(tensor)
    }

    fn settings(&self) -> Result<Settings> {
        (**self).settings()
    }

    fn configured(&self, settings: &Settings) -> Result<Arc<dyn Pruner>> {
        (**self).configured(settings)
    }
}

/// A pruned tensor: which weights are kept, and their values.
#[derive(Debug, Clone, PartialEq)]
pub struct Pruned {
    dtype: Dtype,
    mask: Mask,
    values: Vec<u8>,
    squares_before: f64,
    squares_after: f64,
}

impl Pruned {
    /// What is left of `tensor`: `mask` has one bit for each element, `values` the bytes of the kept ones in order, in
    /// the tensor's dtype.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the lengths do not fit each other, or the tensor holds no floats.
    pub fn new(tensor: TensorView<'_>, mask: Mask, values: Vec<u8>) -> Result<Self> {
        let width = tensor.dtype().bits() / 8;
        if mask.len() != tensor.elements() {
            return Err(Error::config("mask", mask.len(), "one bit for each element of the tensor"));
        }
        if values.len() != mask.count_ones() * width {
            return Err(Error::config("values", values.len(), "the bytes of the weights that the mask keeps"));
        }
        let squares_before = sum_of_squares(&tensor.to_f64s()?);
        let mut pruned = Self { dtype: tensor.dtype(), mask, values, squares_before, squares_after: 0.0 };
        let dense = pruned.dense();
        let view = TensorView::new(tensor.name(), tensor.dtype(), tensor.shape(), &dense)?;
        pruned.squares_after = sum_of_squares(&view.to_f64s()?);
        Ok(pruned)
    }

    /// [`Pruned::new`] from numbers, rounded to the tensor's dtype.
    pub fn from_f64s(tensor: TensorView<'_>, mask: Mask, kept: &[f64]) -> Result<Self> {
        let mut values = vec![];
        kept.iter().try_for_each(|&value| put_float(&mut values, tensor.dtype(), value))?;
        Self::new(tensor, mask, values)
    }

    /// Keeps the weights of the mask as they are, to the last bit.
    pub fn keep(tensor: TensorView<'_>, mask: Mask) -> Result<Self> {
        let width = tensor.dtype().bits() / 8;
        let kept = tensor.data().chunks_exact(width.max(1)).zip(mask.iter().by_vals()).filter(|(_, keep)| *keep);
        let values = kept.flat_map(|(bytes, _)| bytes).copied().collect();
        Self::new(tensor, mask, values)
    }

    /// One bit for each element; a set bit is a kept weight.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The bytes of the kept weights, in order.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// How many weights are kept.
    pub fn kept(&self) -> usize {
        self.mask.count_ones()
    }

    /// The bytes of the whole tensor, zeros in the place of dropped weights.
    pub fn dense(&self) -> Vec<u8> {
        let width = self.dtype.bits() / 8;
        let mut dense = vec![0; self.mask.len() * width];
        for (at, value) in self.mask.iter_ones().zip(self.values.chunks_exact(width)) {
            dense[at * width..(at + 1) * width].copy_from_slice(value);
        }
        dense
    }

    /// [`Pruned::dense`] as the bytes of `tensor`.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when this was made from a tensor of another dtype or length.
    pub(crate) fn dense_for(&self, tensor: TensorView<'_>) -> Result<Vec<u8>> {
        if self.dtype != tensor.dtype() || self.mask.len() != tensor.elements() {
            return Err(Error::config("pruned tensor", self.mask.len(), "weights of the tensor that was given"));
        }
        Ok(self.dense())
    }

    /// Σ w² over all weights before pruning; see [`sum_of_squares`].
    pub fn squares_before(&self) -> f64 {
        self.squares_before
    }

    /// Σ z² over all weights after pruning.
    pub fn squares_after(&self) -> f64 {
        self.squares_after
    }

    /// C′ = Σ z² / Σ w²; 1 for a tensor of zeros, which lost nothing.
    pub fn norm_ratio(&self) -> f64 {
        ratio(self.squares_before, self.squares_after)
    }
}

/// Magnitude as an integer that orders like it; NaN above all.
///
/// The bits of a double without its sign rise with its magnitude, and those of NaN are above those of infinity.
fn rank(weight: f64) -> u64 {
    weight.abs().to_bits()
}

/// The magnitude rank that the `count` largest weights reach, and how many of them lie strictly above it.
///
/// `count` is from 1 to the number of weights.
fn cut_for(ranks: &[u64], count: usize) -> (u64, usize) {
    let mut sorted = ranks.to_vec();
    let (_, &mut cut, _) = sorted.select_nth_unstable_by(count - 1, |a, b| b.cmp(a));
    (cut, ranks.iter().filter(|&&rank| rank > cut).count())
}

/// A mask of the `count` largest ranks; the earliest of equal ones. NaN and infinities are kept beyond the count.
fn largest(ranks: &[u64], count: usize) -> Mask {
    let is_finite = |rank: u64| rank < f64::INFINITY.to_bits();
    if count == 0 {
        return ranks.iter().map(|&rank| !is_finite(rank)).collect();
    }
    let (cut, above) = cut_for(ranks, count.min(ranks.len()));
    let mut equal = count - above;
    let keep = |&rank: &u64| {
        let chosen = rank > cut || (rank == cut && equal > 0);
        equal -= usize::from(chosen && rank == cut);
        chosen || !is_finite(rank)
    };
    ranks.iter().map(keep).collect()
}

/// The number of weights that is closest to `share` of `count`.
fn share_of(count: usize, share: f64) -> usize {
    ((count as f64 * share).round() as usize).min(count)
}

fn check_share(field: &'static str, share: f64) -> Result<()> {
    if (0.0..=1.0).contains(&share) { Ok(()) } else { Err(Error::config(field, share, "0.0..=1.0")) }
}
