//! The pipeline: partitioner, codecs and container put together.

mod builder;
mod bytes;
mod candidates;
mod columns;
mod decoder;
mod progress;
mod table;
mod transform;

use std::sync::Arc;
use std::time::Instant;

pub use builder::{Effort, PipelineBuilder};
pub use decoder::{Decoder, decompress};
use progress::Listener;
pub use progress::{Progress, Stage};

use crate::codec::Plan;
use crate::container::Kind;
use crate::partition::Partitioner;
use crate::report::{Report, seconds_since};
use crate::table::Table;
use crate::tree::Mdl;
use crate::{Error, Result};

/// Bytes by which a container may exceed its source.
const MAX_GROWTH: usize = 64;

/// The result of a compression.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The container.
    pub bytes: Vec<u8>,
    /// What was done.
    pub report: Report,
}

/// Compresses tables and bytes.
///
/// ```
/// use losslaw::codec::{Huffman, Standardise, Then};
/// use losslaw::{Pipeline, decompress, tree::C45};
/// let csv: String = (0..200).map(|i| format!("{},{}\n", i % 7, if i % 7 > 3 { "high" } else { "low" })).collect();
/// let pipeline = Pipeline::builder()
///     .partitioner(C45::default())
///     .codec(Standardise.then(Huffman::default()))
///     .build()?;
/// let packed = pipeline.compress(csv.as_bytes())?;
/// assert_eq!(decompress(&packed.bytes)?, csv.as_bytes());
/// assert!(packed.report.ratio() < 0.5);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pipeline {
    partitioner: Option<Arc<dyn Partitioner>>,
    plan: Option<Plan>,
    one_tree: bool,
    effort: Effort,
    threads: usize,
    block_rows: usize,
    verify: bool,
    listener: Listener,
}

impl Pipeline {
    /// Starts a pipeline; whatever is not set is chosen by trial.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }

    fn partitioner(&self) -> &dyn Partitioner {
        const DEFAULT: &Mdl = &Mdl::DEFAULT;
        self.partitioner.as_deref().unwrap_or(DEFAULT)
    }

    /// Compresses a file: as a table if it is one, else as bytes, and never to more than its length and 64 bytes.
    pub fn compress(&self, source: &[u8]) -> Result<Packed> {
        let start = Instant::now();
        self.listener.tell(Stage::Typing, 0, 1);
        let table = match Table::from_csv(source) {
            Ok(table) => Some(table),
            Err(Error::NotATable(_)) => None,
            Err(error) => return Err(error),
        };
        let typing = seconds_since(start);
        let mut packed = match table.map(|table| self.pack_table(&table, source)) {
            Some(Ok(packed)) => packed,
            None | Some(Err(Error::NotATable(_))) => self.pack_bytes(source)?,
            Some(Err(error)) => return Err(error),
        };
        // A poor table may only look like one. Parts that were asked for stay, unless the promise on growth is broken.
        let grown = packed.bytes.len() > source.len() + MAX_GROWTH;
        let asked_for = self.partitioner.is_some() || self.plan.is_some() || self.one_tree;
        let poor = !asked_for && packed.report.ratio() > 0.35 && source.len() < 16 << 20;
        if packed.report.kind == Kind::Table && (grown || poor) {
            let other = self.pack_bytes(source)?;
            if other.bytes.len() < packed.bytes.len() {
                packed = other;
            }
        }
        packed.report.timings.typing = typing;
        self.verified(packed, source)
    }

    /// Compresses a table that was read before.
    pub fn compress_table(&self, table: &Table) -> Result<Packed> {
        let source = table.to_csv();
        self.verified(self.pack_table(table, &source)?, &source)
    }

    /// Compresses bytes without looking for a table.
    pub fn compress_bytes(&self, source: &[u8]) -> Result<Packed> {
        self.verified(self.pack_bytes(source)?, source)
    }

    fn pack_table(&self, table: &Table, source: &[u8]) -> Result<Packed> {
        let mut report = self.report(Kind::Table, source);
        let bytes = table::compress(self, table, &mut report)?;
        Ok(Self::packed(bytes, report))
    }

    fn pack_bytes(&self, source: &[u8]) -> Result<Packed> {
        let mut report = self.report(Kind::Bytes, source);
        let bytes = bytes::compress(self, source, &mut report)?;
        Ok(Self::packed(bytes, report))
    }

    fn report(&self, kind: Kind, source: &[u8]) -> Report {
        Report {
            kind,
            original_bytes: source.len() as u64,
            effort_asked: self.effort,
            effort: self.effort.built(),
            ..Report::default()
        }
    }

    fn packed(bytes: Vec<u8>, mut report: Report) -> Packed {
        report.compressed_bytes = bytes.len() as u64;
        debug_assert_eq!(report.parts.iter().map(|part| part.bytes).sum::<u64>(), report.compressed_bytes);
        Packed { bytes, report }
    }

    fn verified(&self, mut packed: Packed, source: &[u8]) -> Result<Packed> {
        if self.verify {
            let start = Instant::now();
            self.listener.tell(Stage::Verifying, 0, 1);
            let decoder = Decoder { threads: self.threads, ..self.decoder()? };
            if decoder.decompress(&packed.bytes)? != source {
                return Err(Error::Verification { part: packed.report.kind.name() });
            }
            packed.report.timings.verifying = seconds_since(start);
            packed.report.verified = true;
        }
        Ok(packed)
    }

    /// A decoder that knows the codecs of this crate and those of the pipeline's own plan.
    fn decoder(&self) -> Result<Decoder> {
        let mut decoder = Decoder::default();
        if let Some(plan) = &self.plan {
            plan.register(&mut decoder.registry)?;
        }
        Ok(decoder)
    }
}
