//! A pipeline written down as JSON.

use serde::{Deserialize, Serialize};

use super::{Effort, Pipeline, PipelineBuilder};
use crate::codec::Plan;
use crate::settings::Settings;
use crate::{Catalogue, Error, Result};

/// All settings of a [`Pipeline`] that shape its output, and how it works.
///
/// Fields that are left out have the values of [`Pipeline::builder`]; unknown fields are refused.
///
/// ```
/// use losslaw::codec::{Delta, Rans, Then};
/// use losslaw::tree::C45;
/// use losslaw::{Catalogue, Pipeline, PipelineConfig};
/// let pipeline = Pipeline::builder().partitioner(C45::default()).codec(Delta::new(2)?.then(Rans::default())).build()?;
/// let json = pipeline.config()?.to_json();
/// let again = PipelineConfig::from_json(&json)?.build(&Catalogue::default())?;
/// let csv = "a,b\n1,2\n3,4\n".repeat(9);
/// assert_eq!(again.compress(csv.as_bytes())?.bytes, pipeline.compress(csv.as_bytes())?.bytes);
/// assert!(PipelineConfig::from_json(r#"{"thread": 2}"#).is_err());
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PipelineConfig {
    /// How rows are divided; by trial if unset.
    pub partitioner: Option<PartConfig>,
    /// How every column, tensor or stretch of bytes is coded; by trial if unset.
    pub plan: Option<PlanConfig>,
    /// How the tensors of a model are pruned; not at all if unset.
    pub pruner: Option<PartConfig>,
    /// One tree for all columns.
    pub one_tree: bool,
    /// The effort.
    pub effort: Effort,
    /// Threads to use, 0 for one each core.
    pub threads: usize,
    /// Most rows of a block; by effort if unset.
    pub block_rows: Option<usize>,
    /// Whether the output is decoded and compared.
    pub verify: bool,
}

/// A part other than a codec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartConfig {
    /// The part's name.
    pub name: String,
    /// What it is set to; `null` where there is nothing to set.
    #[serde(default)]
    pub settings: Settings,
}

/// A codec and the plans of its children.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanConfig {
    /// The codec's name.
    pub codec: String,
    /// What it is set to; `null` where there is nothing to set.
    #[serde(default)]
    pub settings: Settings,
    /// The plans of its children, the first child first; a child without a plan is stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<PlanConfig>,
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Pipeline::default().config().expect("the default pipeline holds no part of another crate")
    }
}

impl PipelineConfig {
    /// Indented JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("settings are JSON, and their keys are strings")
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`Error::Settings`] with line and column of what is wrong.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| Error::settings("a pipeline", error))
    }

    /// A pipeline of parts from a catalogue, checked as [`PipelineBuilder::build`] does.
    ///
    /// # Errors
    /// Those of [`PipelineBuilder::build`] and of [`Catalogue::codec`].
    pub fn build(&self, catalogue: &Catalogue) -> Result<Pipeline> {
        let partitioner = self.partitioner.as_ref().map(|part| catalogue.partitioner(&part.name, &part.settings));
        let pruner = self.pruner.as_ref().map(|part| catalogue.pruner(&part.name, &part.settings));
        let pipeline = Pipeline {
            partitioner: partitioner.transpose()?,
            plan: self.plan.as_ref().map(|plan| plan.build(catalogue)).transpose()?,
            pruner: pruner.transpose()?,
            one_tree: self.one_tree,
            effort: self.effort,
            threads: self.threads,
            block_rows: self.block_rows,
            verify: self.verify,
            ..Pipeline::default()
        };
        PipelineBuilder::from(pipeline).build()
    }
}

impl PlanConfig {
    /// The names and settings of a plan's codecs.
    ///
    /// # Errors
    /// [`Error::Settings`] for a codec that cannot be written down.
    pub fn of(plan: &Plan) -> Result<Self> {
        Ok(Self {
            codec: plan.codec().name().to_owned(),
            settings: plan.codec().settings()?,
            children: plan.children().iter().map(Self::of).collect::<Result<_>>()?,
        })
    }

    /// The plan.
    ///
    /// # Errors
    /// Those of [`Catalogue::codec`].
    pub fn build(&self, catalogue: &Catalogue) -> Result<Plan> {
        let children = self.children.iter().map(|child| child.build(catalogue)).collect::<Result<Vec<_>>>()?;
        Ok(Plan::from_arc(catalogue.codec(&self.codec, &self.settings)?, children))
    }
}

impl Pipeline {
    /// The settings of this pipeline; a listener for progress is not among them.
    ///
    /// # Errors
    /// [`Error::Settings`] for a part of another crate that cannot be written down.
    pub fn config(&self) -> Result<PipelineConfig> {
        let part = |name: &str, settings: Result<Settings>| -> Result<_> {
            Ok(PartConfig { name: name.to_owned(), settings: settings? })
        };
        Ok(PipelineConfig {
            partitioner: self.partitioner.as_ref().map(|how| part(how.name(), how.settings())).transpose()?,
            pruner: self.pruner.as_ref().map(|how| part(how.name(), how.settings())).transpose()?,
            plan: self.plan.as_ref().map(PlanConfig::of).transpose()?,
            one_tree: self.one_tree,
            effort: self.effort,
            threads: self.threads,
            block_rows: self.block_rows,
            verify: self.verify,
        })
    }
}
