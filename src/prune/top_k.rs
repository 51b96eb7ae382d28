//! `TopK`: a share of the weights is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Pruned, Pruner, check_share, cut_for, largest, rank, share_of};
use crate::Result;
use crate::model::TensorView;

/// What a share is taken of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Each tensor by itself.
    #[default]
    Tensor,
    /// All tensors that are pruned together: layers of small weights lose more.
    Model,
}

/// Keeps the share of a tensor's, or a model's, weights that is largest in magnitude, unchanged.
///
/// Of n weights exactly k = round(share · n) are kept, the earlier of equal ones, zeros if there is nothing else. NaN
/// and infinities count as the largest, and more than k are kept only if there are more than k of them.
///
/// ```
/// use losslaw::model::Model;
/// use losslaw::prune::{Pruner, TopK};
/// let model = Model::builder().f32("w", &[4], &[1.0, -3.0, 1.0, 0.5])?.build()?;
/// let pruned = TopK::new(0.5)?.prune(model.tensor("w").unwrap())?;
/// assert_eq!(pruned.mask().iter_ones().collect::<Vec<_>>(), [0, 1]);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Over a whole model, the layer of small weights goes first:
///
/// ```
/// use losslaw::{Pipeline, model::Model, prune::TopK};
/// let model = Model::builder().f32("large", &[4], &[2.0; 4])?.f32("small", &[4], &[0.1; 4])?.build()?;
/// let report = Pipeline::builder().pruner(TopK::of_model(0.5)?).build()?.compress_model(&model)?.report;
/// assert!(report.tensors.iter().map(|tensor| tensor.pruned.as_ref().unwrap().kept).eq([4, 0]));
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopK {
    /// Kept weights over all weights, from 0 to 1.
    pub share: f64,
    /// What the share is taken of. Of a single tensor that is pruned outside a pipeline both are the same.
    #[serde(default)]
    pub scope: Scope,
}

impl TopK {
    /// Keeps a share of each tensor.
    ///
    /// # Errors
    /// [`crate::Error::InvalidConfig`] unless the share is from 0 to 1.
    pub fn new(share: f64) -> Result<Self> {
        let top_k = Self { share, scope: Scope::Tensor };
        top_k.check().map(|()| top_k)
    }

    /// Keeps a share of all weights of a model; of equal ones those of the earlier tensor.
    ///
    /// # Errors
    /// [`crate::Error::InvalidConfig`] unless the share is from 0 to 1.
    pub fn of_model(share: f64) -> Result<Self> {
        Ok(Self { scope: Scope::Model, ..Self::new(share)? })
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

    fn for_model(&self, tensors: &[TensorView<'_>]) -> Result<Option<Arc<dyn Pruner>>> {
        if self.scope == Scope::Tensor {
            return Ok(None);
        }
        let ranks = tensors.iter().map(ranks).collect::<Result<Vec<_>>>()?;
        let all = ranks.concat();
        let count = share_of(all.len(), self.share);
        // Above every rank if nothing is kept.
        let (cut, above) = if count == 0 { (u64::MAX, 0) } else { cut_for(&all, count) };
        let mut equal = count - above;
        let counts = tensors.iter().zip(&ranks).map(|(tensor, ranks)| {
            let own = ranks.iter().filter(|&&rank| rank == cut).count().min(equal);
            equal -= own;
            (tensor.name().to_owned(), own + ranks.iter().filter(|&&rank| rank > cut).count())
        });
        Ok(Some(Arc::new(Counts(counts.collect()))))
    }

    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        self.check()?;
        let ranks = ranks(&tensor)?;
        Pruned::keep(tensor, largest(&ranks, share_of(ranks.len(), self.share)))
    }
}

/// How many weights of each tensor are kept.
#[derive(Debug)]
struct Counts(BTreeMap<String, usize>);

impl Pruner for Counts {
    fn name(&self) -> &'static str {
        "TopK"
    }

    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        let count = self.0.get(tensor.name()).copied().unwrap_or(tensor.elements());
        Pruned::keep(tensor, largest(&ranks(&tensor)?, count))
    }
}

fn ranks(tensor: &TensorView<'_>) -> Result<Vec<u64>> {
    Ok(tensor.to_f64s()?.into_iter().map(rank).collect())
}
