//! `Structured`: whole rows or columns are dropped.

use serde::{Deserialize, Serialize};

use super::{Pruned, Pruner, check_share, largest, rank, share_of, sum_of_squares};
use crate::Result;
use crate::mask::Mask;
use crate::model::TensorView;

/// What is dropped as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lines {
    /// All weights of one index of the first dimension: an output of a linear layer, a filter of a convolution.
    Rows,
    /// All weights of one index of the last dimension: an input of a linear layer.
    Columns,
}

/// Keeps the share of rows or columns whose norm ‖w‖₂ is largest, unchanged; all weights of the others become zero.
///
/// Of n lines exactly round(share · n) are kept, the earlier of equal ones. A line with NaN in it has the largest norm of
/// all and is kept beyond that number. Tensors of fewer than two dimensions have no lines: they are not pruned.
///
/// ```
/// use losslaw::model::Model;
/// use losslaw::prune::{Lines, Pruner, Structured};
/// let model = Model::builder().f32("w", &[3, 2], &[1.0, -3.0, 0.0, 2.0, 0.1, 0.2])?.build()?;
/// let tensor = model.tensor("w").unwrap();
/// let rows = Structured::new(0.34, Lines::Rows)?.prune(tensor)?;
/// assert_eq!(rows.mask().iter_ones().collect::<Vec<_>>(), [0, 1]);
/// let columns = Structured::new(0.5, Lines::Columns)?.prune(tensor)?;
/// assert_eq!(columns.mask().iter_ones().collect::<Vec<_>>(), [1, 3, 5]);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: H. Li, A. Kadav, I. Durdanovic, H. Samet, H. P. Graf, "Pruning filters for efficient ConvNets", ICLR 2017.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Structured {
    /// Kept lines over all lines, from 0 to 1.
    pub share: f64,
    /// What a line is.
    pub lines: Lines,
}

impl Structured {
    /// Keeps a share of the lines of each tensor.
    ///
    /// # Errors
    /// [`crate::Error::InvalidConfig`] unless the share is from 0 to 1.
    pub fn new(share: f64, lines: Lines) -> Result<Self> {
        let structured = Self { share, lines };
        structured.check().map(|()| structured)
    }
}

impl Pruner for Structured {
    crate::saved_by_serde!(Pruner);

    fn name(&self) -> &'static str {
        "Structured"
    }

    fn check(&self) -> Result<()> {
        check_share("share", self.share)
    }

    fn prunes(&self, tensor: TensorView<'_>) -> bool {
        tensor.shape().len() >= 2
    }

    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        self.check()?;
        let weights = tensor.to_f64s()?;
        let shape = tensor.shape();
        let line_of: Box<dyn Fn(usize) -> usize> = match self.lines {
            Lines::Rows => {
                let row = shape.iter().skip(1).product::<usize>().max(1);
                Box::new(move |at| at / row)
            }
            Lines::Columns => {
                let columns = shape.last().copied().unwrap_or(1).max(1);
                Box::new(move |at| at % columns)
            }
        };
        let count = match self.lines {
            Lines::Rows => shape.first(),
            Lines::Columns => shape.last(),
        };
        let mut lines = vec![vec![]; if weights.is_empty() { 0 } else { count.copied().unwrap_or(1) }];
        weights.iter().enumerate().for_each(|(at, &weight)| lines[line_of(at)].push(weight));
        let norm = |line: &Vec<f64>| match line.iter().find(|weight| !weight.is_finite()) {
            // Neither may be dropped silently.
            Some(_) => f64::NAN,
            None => sum_of_squares(line),
        };
        let ranks: Vec<u64> = lines.iter().map(norm).map(rank).collect();
        let kept = largest(&ranks, share_of(ranks.len(), self.share));
        let mask: Mask = (0..weights.len()).map(|at| kept[line_of(at)]).collect();
        Pruned::keep(tensor, mask)
    }
}
