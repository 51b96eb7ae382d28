//! Building a pipeline: every setting is checked once, before any data flows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Pipeline;
use super::progress::{Listener, Progress};
use crate::codec::Plan;
use crate::container::Kind;
use crate::limits::MAX_BLOCK_ROWS;
use crate::partition::Partitioner;
use crate::prune::Pruner;
use crate::{Error, Result};

/// How much time may be spent for how few bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Static tables; decodes fastest.
    Fast,
    /// Counts that learn in the leaves of the same trees, where they take fewer bytes; weights are predicted from others
    /// of their row.
    #[default]
    Balanced,
    /// Many contexts for every value, mixed by weights that learn, where they take fewer bytes; predictions of weights
    /// are mixed bit by bit.
    Max,
}

impl Effort {
    /// All efforts, the quickest first.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Balanced, Self::Max];

    /// The effort that is really used for this one: bytes have no coder between the quickest and the smallest.
    pub(super) fn built_for(self, kind: Kind) -> Self {
        match (kind, self) {
            (Kind::Bytes, Self::Balanced) => Self::Fast,
            _ => self,
        }
    }

    /// C from which a table may only look like one, so that coding it as bytes is worth a trial. What codes bytes at
    /// `Max` is much better than what does so at the other efforts.
    pub(super) fn poor_ratio(self) -> f64 {
        if self == Self::Max { 0.2 } else { 0.35 }
    }

    /// Rows and bytes of the source at which a block is closed. Models that learn do so from the rows of a block, or of
    /// the first ones, so theirs are larger.
    pub(super) fn block_size(self) -> (usize, usize) {
        match self {
            Self::Fast => (1 << 16, 8 << 20),
            Self::Balanced => (1 << 18, 32 << 20),
            Self::Max => (1 << 20, 128 << 20),
        }
    }
}

impl std::fmt::Display for Effort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Max => "max",
        })
    }
}

/// Settings of a [`Pipeline`].
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct PipelineBuilder {
    pipeline: Pipeline,
}

impl From<Pipeline> for PipelineBuilder {
    fn from(pipeline: Pipeline) -> Self {
        Self { pipeline }
    }
}

impl PipelineBuilder {
    /// Divides rows by this partitioner, instead of by [`crate::tree::Mdl`] where that pays.
    pub fn partitioner(mut self, partitioner: impl Partitioner + 'static) -> Self {
        self.pipeline.partitioner = Some(Arc::new(partitioner));
        self
    }

    /// Codes every column (or every stretch of bytes, or all words of a tensor) by this codec or plan, instead of by trial.
    pub fn codec(mut self, plan: impl Into<Plan>) -> Self {
        self.pipeline.plan = Some(plan.into());
        self
    }

    /// Prunes every tensor of 16-, 32- or 64-bit floats before it is coded, which changes the model: what comes back are
    /// the pruned tensors. A pipeline with a pruner takes nothing but models.
    pub fn pruner(mut self, pruner: impl Pruner + 'static) -> Self {
        self.pipeline.pruner = Some(Arc::new(pruner));
        self
    }

    /// One tree for all columns, its leaf numbers stored, instead of a tree for each column.
    pub fn one_tree(mut self, one_tree: bool) -> Self {
        self.pipeline.one_tree = one_tree;
        self
    }

    /// The effort, [`Effort::Balanced`] by default.
    pub fn effort(mut self, effort: Effort) -> Self {
        self.pipeline.effort = effort;
        self
    }

    /// Threads to use, 0 for one each core. Takes the feature `parallel`; the bytes are the same for any number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.pipeline.threads = threads;
        self
    }

    /// Most rows of a block that decodes alone. By default a block has 65,536 rows (`Fast`), 262,144 (`Balanced`) or
    /// 1,048,576 (`Max`), or fewer where rows are long.
    ///
    /// Blocks of up to 131,072 rows, which others are too where rows are long, may begin with what the first so many rows
    /// taught; these are then decoded for any other block, too. At `Max` mixed contexts begin anew and cost bytes.
    pub fn block_rows(mut self, rows: usize) -> Self {
        self.pipeline.block_rows = Some(rows);
        self
    }

    /// Whether to decode the output and compare it with the source before returning it. On by default.
    pub fn verify(mut self, verify: bool) -> Self {
        self.pipeline.verify = verify;
        self
    }

    /// Calls `listener` as the work goes on, perhaps from several threads.
    ///
    /// ```
    /// use losslaw::{Pipeline, Stage};
    /// use std::sync::{Arc, Mutex};
    /// let learnt = Arc::new(Mutex::new(vec![]));
    /// let list = learnt.clone();
    /// let pipeline = Pipeline::builder().progress(move |progress| {
    ///     if progress.stage == Stage::Learning && progress.done > 0 {
    ///         list.lock().unwrap().push(progress.name.to_owned());
    ///     }
    /// });
    /// pipeline.build()?.compress(b"city,temp\nOslo,-3\nRome,12\nOslo,-1\nRome,9\n".repeat(50).as_slice())?;
    /// learnt.lock().unwrap().sort();
    /// assert_eq!(*learnt.lock().unwrap(), ["city", "temp"]);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn progress(mut self, listener: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        self.pipeline.listener = Listener::new(listener);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] names the setting, its value and what is allowed.
    pub fn build(self) -> Result<Pipeline> {
        let Pipeline { block_rows, threads, plan, pruner, .. } = &self.pipeline;
        if let Some(rows) = block_rows
            && !(1..=MAX_BLOCK_ROWS).contains(rows)
        {
            return Err(Error::config("block_rows", rows, "1..=1048576"));
        }
        if *threads > 1024 {
            return Err(Error::config("threads", threads, "0..=1024"));
        }
        if let Some(plan) = plan {
            plan.check()?;
        }
        if let Some(pruner) = pruner {
            pruner.check()?;
        }
        Ok(self.pipeline)
    }
}
