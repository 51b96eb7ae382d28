//! Lossless compression for machine-learning artefacts, and the scaling laws that code length obeys.
//!
//! A table goes in as CSV bytes and comes back byte for byte. Columns are typed, each is predicted by a decision tree
//! over the columns before it, and the leaves are coded with distributions of their own.
//!
//! ```
//! use losslaw::{Pipeline, decompress};
//! let csv: String = (0..1000).map(|i| format!("{i},{}\n", ["night", "day"][i / 12 % 2])).collect();
//! let packed = Pipeline::builder().build()?.compress(csv.as_bytes())?;
//! assert_eq!(decompress(&packed.bytes)?, csv.as_bytes());
//! assert!(packed.report.ratio() < 0.1);
//! # Ok::<(), losslaw::Error>(())
//! ```
//!
//! # Map
//! | Module | What it knows |
//! |---|---|
//! | [`lane`] | words of one width, all that a codec sees |
//! | [`codec`] | reversible steps from lanes to bytes, plans of them, and how to pick one |
//! | [`context`] | adaptive coders that take a context with every symbol |
//! | [`table`] | CSV as typed columns |
//! | [`model`] | tensors in the safetensors format |
//! | [`prune`] | dropping weights: the one step that is not lossless, asked for by name |
//! | [`tree`], [`partition`] | dividing rows by columns known before |
//! | [`container`] | checksummed sections with an index |
//! | [`Pipeline`], [`Decoder`] | all of it put together |
//! | [`settings`], [`Catalogue`], [`PipelineConfig`] | parts by name, a pipeline as JSON |
//! | [`scaling`] | laws of code length: measure, fit, back-test, forecast |

pub mod bits;
mod catalogue;
pub mod codec;
pub mod container;
pub mod context;
mod density;
mod error;
pub mod lane;
pub mod limits;
mod log2;
pub mod mask;
pub mod model;
pub mod partition;
mod pipeline;
pub mod prune;
mod report;
pub mod scaling;
pub mod settings;
pub mod table;
mod threads;
pub mod tree;
pub mod wire;

pub use catalogue::Catalogue;
pub use error::{Error, Result};
pub use lane::{Lane, LaneKind, Word};
pub use limits::{Budget, Limits};
pub use pipeline::{
    ColumnExplanation, Decoder, Effort, Explanation, ModelReader, Packed, PartConfig, Pipeline, PipelineBuilder,
    PipelineConfig, PlanConfig, Progress, Stage, decompress,
};
pub use report::{BaseUse, ColumnReport, Part, PlaneReport, PrunedReport, Report, TensorReport, TensorTable, Timings};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
