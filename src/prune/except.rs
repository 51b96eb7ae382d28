//! `Except`: tensors that a pruner leaves alone, by name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Pruned, Pruner};
use crate::Result;
use crate::model::TensorView;

/// A pruner that passes over tensors whose names fit a pattern: they stay as they are and do not count in C′.
///
/// In a pattern `*` stands for any run of characters, and everything else for itself.
///
/// ```
/// use losslaw::{Pipeline, decompress, model::Model, prune::{Except, TopK}};
/// let model = Model::builder().f32("fc.weight", &[4], &[1.0; 4])?.f32("fc.bias", &[2], &[1.0; 2])?.build()?;
/// let pruner = Except::new(TopK::new(0.5)?, ["*.bias", "norm*"]);
/// let report = Pipeline::builder().pruner(pruner).build()?.compress_model(&model)?.report;
/// assert_eq!(report.tensors[0].pruned.as_ref().map(|pruned| pruned.kept), Some(2));
/// assert!(report.tensors[1].pruned.is_none());
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Except<P> {
    /// What happens to all other tensors.
    pub pruner: P,
    /// Patterns of the names that are passed over.
    pub names: Vec<String>,
}

impl<P: Pruner> Except<P> {
    /// A pruner for the tensors whose names fit none of these patterns.
    pub fn new<S: Into<String>>(pruner: P, names: impl IntoIterator<Item = S>) -> Self {
        Self { pruner, names: names.into_iter().map(Into::into).collect() }
    }
}

impl<P: Pruner> Pruner for Except<P> {
    fn name(&self) -> &'static str {
        self.pruner.name()
    }

    fn check(&self) -> Result<()> {
        self.pruner.check()
    }

    fn prunes(&self, tensor: TensorView<'_>) -> bool {
        !self.names.iter().any(|pattern| fits(tensor.name(), pattern)) && self.pruner.prunes(tensor)
    }

    fn for_model(&self, tensors: &[TensorView<'_>]) -> Result<Option<Arc<dyn Pruner>>> {
        self.pruner.for_model(tensors)
    }

    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        self.pruner.prune(tensor)
    }
}

/// Whether the fixed pieces of a pattern stand in the name one after the other, the first and last at its ends.
fn fits(name: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return name == pattern };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_stand_for_any_run_and_pieces_do_not_overlap() {
        for (name, pattern) in
            [("a.bias", "*.bias"), ("norm1.w", "norm*"), ("x.y.z", "x*y*z"), ("", "*"), ("é", "é"), ("aab", "a*ab")]
        {
            assert!(fits(name, pattern), "{name} fits {pattern}");
        }
        for (name, pattern) in
            [("a.bias2", "*.bias"), ("norm", "norm*norm"), ("xz", "x*y*z"), ("a", ""), ("ab", "ab*b"), ("w", "W")]
        {
            assert!(!fits(name, pattern), "{name} does not fit {pattern}");
        }
    }
}
