//! The pipeline: partitioner, codecs and container put together.

mod adaptive;
mod builder;
mod bytes;
mod candidates;
mod columns;
mod config;
mod decoder;
mod explain;
mod model;
mod progress;
mod table;
mod texts;
mod transform;

use std::io::{Read, Seek, Write};
use std::sync::Arc;
use std::time::Instant;

pub use builder::{Effort, PipelineBuilder};
pub use config::{PartConfig, PipelineConfig, PlanConfig};
pub use decoder::{Decoder, decompress};
pub use explain::{ColumnExplanation, Explanation};
pub use model::ModelReader;
use progress::Listener;
pub use progress::{Progress, Stage};

use crate::codec::Plan;
use crate::container::Kind;
use crate::model::{Base, Model, TensorView};
use crate::partition::Partitioner;
use crate::prune::Pruner;
use crate::report::{PrunedReport, Report, seconds_since};
use crate::table::Table;
use crate::tree::Mdl;
use crate::{Error, Result};

/// Bytes by which a container may exceed its source.
const MAX_GROWTH: usize = 64;

/// A model file below this length is tried as bytes, too.
const SMALL_MODEL: usize = 1 << 16;

/// The result of a compression.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The container.
    pub bytes: Vec<u8>,
    /// What was done.
    pub report: Report,
}

/// Compresses tables, models and bytes.
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
    pruner: Option<Arc<dyn Pruner>>,
    one_tree: bool,
    effort: Effort,
    threads: usize,
    block_rows: Option<usize>,
    verify: bool,
    /// Whether columns may not ask each other.
    is_lonely: bool,
    listener: Listener,
}

impl Default for Pipeline {
    /// Chooses everything by trial, on one thread, and verifies.
    fn default() -> Self {
        Self {
            partitioner: None,
            plan: None,
            pruner: None,
            one_tree: false,
            effort: Effort::default(),
            threads: 1,
            block_rows: None,
            verify: true,
            is_lonely: false,
            listener: Listener::default(),
        }
    }
}

impl Pipeline {
    /// Starts a pipeline; whatever is not set is chosen by trial.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }

    fn partitioner(&self) -> &dyn Partitioner {
        self.partitioner.as_deref().unwrap_or(self.trees())
    }

    /// How trees are grown where no other partitioner is given.
    fn trees(&self) -> &'static Mdl {
        if self.effort == Effort::Fast { &Mdl::FAST } else { &Mdl::DEFAULT }
    }

    /// Compresses a file: as a model or a table if it is one, else as bytes, and never to more than its length and 64
    /// bytes.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the pipeline has a pruner and the file is no model.
    pub fn compress(&self, source: &[u8]) -> Result<Packed> {
        match Model::from_safetensors(source) {
            Ok(model) => return self.compress_model_file(&model, source),
            Err(Error::NotAModel(_)) => self.check_no_pruner()?,
            Err(error) => return Err(error),
        }
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
        let poor = !asked_for && packed.report.ratio() > self.effort.poor_ratio() && source.len() < 16 << 20;
        if packed.report.kind == Kind::Table && (grown || poor) {
            let other = self.pack_bytes(source)?;
            if other.bytes.len() < packed.bytes.len() {
                packed = other;
            }
        }
        packed.report.timings.typing = typing;
        self.verified(packed, None, source)
    }

    /// Compresses a model, pruned first if the pipeline has a pruner. What comes back is a safetensors file.
    ///
    /// ```
    /// use losslaw::{Pipeline, decompress, model::Model};
    /// let weights: Vec<f32> = (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as f32 / 65536.0).collect();
    /// let model = Model::builder().f32("w", &[50, 100], &weights)?.build()?;
    /// let packed = Pipeline::builder().build()?.compress_model(&model)?;
    /// assert_eq!(decompress(&packed.bytes)?, model.to_safetensors());
    /// assert!(packed.report.ratio() < 0.7);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn compress_model(&self, model: &Model<'_>) -> Result<Packed> {
        let (pruned, records) = self.pruned(model)?;
        let model = pruned.as_ref().unwrap_or(model);
        let source = model.to_safetensors();
        self.verified(self.pack_model(None, model, &source, records)?, None, &source)
    }

    /// Compresses a model given another one, usually an earlier checkpoint, that the decoder will have as well.
    ///
    /// Tensors of the same name, dtype and shape are coded as what differs, and tensors whose bytes the base has under
    /// any name cost a few bytes, each only where that is smaller than without. If no tensor needs the base, the
    /// container does not either. The base itself may have been decoded from a container, against a base of its own.
    ///
    /// ```
    /// use losslaw::{BaseUse, Decoder, Pipeline, model::{Base, Model}};
    /// let model = |last: f32| Model::builder().f32("a", &[50], &[0.5; 50])?.f32("b", &[3], &[1.0, 2.0, last])?.build();
    /// let base = Base::from(&model(3.0)?);
    /// let packed = Pipeline::builder().build()?.compress_model_against(&base, &model(3.0)?)?;
    /// assert_eq!(packed.report.tensors[0].base, BaseUse::Equal);
    /// let decoder = Decoder::default().with_base(base);
    /// assert_eq!(decoder.decompress(&packed.bytes)?, model(3.0)?.to_safetensors());
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn compress_model_against(&self, base: &Base, model: &Model<'_>) -> Result<Packed> {
        let (pruned, records) = self.pruned(model)?;
        let model = pruned.as_ref().unwrap_or(model);
        let source = model.to_safetensors();
        self.verified(self.pack_model(Some(base), model, &source, records)?, Some(base), &source)
    }

    /// Compresses a safetensors file that is read in places, to the bytes of [`Pipeline::compress_model`]. Memory holds
    /// the header and a few parts of tensors at a time, whatever the length of the file; each part is decoded and compared
    /// before it is written unless the pipeline does not verify. Equal tensors are looked for in a first pass.
    ///
    /// # Errors
    /// [`Error::NotAModel`], [`Error::InvalidConfig`] when the pipeline has a pruner, and those of reading and writing.
    ///
    /// ```
    /// use losslaw::{Pipeline, decompress, model::Model};
    /// use std::io::Cursor;
    /// let file = Model::builder().f32("w", &[60, 70], &[0.25; 4200])?.build()?.to_safetensors();
    /// let mut packed = vec![];
    /// let report = Pipeline::builder().build()?.compress_model_from(Cursor::new(&file), &mut packed)?;
    /// assert_eq!((report.compressed_bytes, decompress(&packed)?), (packed.len() as u64, file));
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn compress_model_from<R: Read + Seek + Send>(&self, source: R, out: impl Write) -> Result<Report> {
        if let Some(pruner) = &self.pruner {
            return Err(Error::config(
                "pruner",
                pruner.name(),
                "models in memory: a file that is read in places stays",
            ));
        }
        let source = model::InFile::open(source)?;
        let mut report = self.report(Kind::Model, source.file_bytes());
        model::compress_from(self, &source, out, &mut report)?;
        Ok(report)
    }

    /// A model that was read from `source`, as bytes where that is smaller.
    fn compress_model_file(&self, model: &Model<'_>, source: &[u8]) -> Result<Packed> {
        let (pruned, records) = self.pruned(model)?;
        let pruned_source = pruned.as_ref().map(Model::to_safetensors);
        let (model, source) = (pruned.as_ref().unwrap_or(model), pruned_source.as_deref().unwrap_or(source));
        let mut packed = self.pack_model(None, model, source, records)?;
        // A header may be most of a small file, and what chunks need besides their words may be more than they save.
        if packed.bytes.len() > source.len() + MAX_GROWTH || source.len() < SMALL_MODEL {
            let mut other = self.pack_bytes(source)?;
            if other.bytes.len() < packed.bytes.len() {
                other.report.tensors = packed.report.tensors;
                packed = other;
            }
        }
        self.verified(packed, None, source)
    }

    /// The model as the pipeline's pruner leaves it, and an account of each tensor; nothing without a pruner.
    fn pruned<'m>(&self, model: &'m Model<'_>) -> Result<(Option<Model<'m>>, Vec<Option<PrunedReport>>)> {
        let Some(pruner) = &self.pruner else { return Ok((None, vec![])) };
        let is_pruned = |tensor: &TensorView<'_>| tensor.dtype().is_float() && pruner.prunes(*tensor);
        let together: Vec<TensorView<'_>> = model.tensors().filter(is_pruned).collect();
        let pruner = pruner.for_model(&together)?.unwrap_or_else(|| pruner.clone());
        let mut data = Vec::with_capacity(model.data().len());
        let mut records = vec![];
        for tensor in model.tensors() {
            let pruned = is_pruned(&tensor).then(|| pruner.prune(tensor)).transpose()?;
            match &pruned {
                Some(pruned) => data.extend(pruned.dense_for(tensor)?),
                None => data.extend_from_slice(tensor.data()),
            }
            records.push(pruned.as_ref().map(PrunedReport::from));
        }
        Ok((Some(model.with_data(data)), records))
    }

    fn check_no_pruner(&self) -> Result<()> {
        let Some(pruner) = &self.pruner else { return Ok(()) };
        Err(Error::config("pruner", pruner.name(), "pipelines for models: tables and bytes are never pruned"))
    }

    /// Compresses a table that was read before.
    pub fn compress_table(&self, table: &Table) -> Result<Packed> {
        self.check_no_pruner()?;
        let source = table.to_csv();
        self.verified(self.pack_table(table, &source)?, None, &source)
    }

    /// Compresses bytes without looking for a table.
    pub fn compress_bytes(&self, source: &[u8]) -> Result<Packed> {
        self.check_no_pruner()?;
        self.verified(self.pack_bytes(source)?, None, source)
    }

    fn pack_table(&self, table: &Table, source: &[u8]) -> Result<Packed> {
        let mut report = self.report(Kind::Table, source.len() as u64);
        let bytes = table::compress(self, table, &mut report)?;
        Ok(Self::packed(bytes, report))
    }

    fn pack_model(
        &self,
        base: Option<&Base>,
        model: &Model<'_>,
        source: &[u8],
        pruned: Vec<Option<PrunedReport>>,
    ) -> Result<Packed> {
        let mut report = self.report(Kind::Model, source.len() as u64);
        let bytes = model::compress(self, base, model, &mut report)?;
        report.tensors.iter_mut().zip(pruned).for_each(|(tensor, pruned)| tensor.pruned = pruned);
        Ok(Self::packed(bytes, report))
    }

    fn pack_bytes(&self, source: &[u8]) -> Result<Packed> {
        let mut report = self.report(Kind::Bytes, source.len() as u64);
        let bytes = bytes::compress(self, source, &mut report)?;
        Ok(Self::packed(bytes, report))
    }

    fn report(&self, kind: Kind, original_bytes: u64) -> Report {
        Report {
            kind,
            original_bytes,
            effort_asked: self.effort,
            effort: self.effort.built_for(kind),
            ..Report::default()
        }
    }

    fn packed(bytes: Vec<u8>, mut report: Report) -> Packed {
        report.compressed_bytes = bytes.len() as u64;
        debug_assert_eq!(report.parts.iter().map(|part| part.bytes).sum::<u64>(), report.compressed_bytes);
        Packed { bytes, report }
    }

    fn verified(&self, mut packed: Packed, base: Option<&Base>, source: &[u8]) -> Result<Packed> {
        if self.verify {
            let start = Instant::now();
            self.listener.tell(Stage::Verifying, 0, 1);
            let decoder = Decoder { threads: self.threads, base: base.cloned(), ..self.decoder()? };
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
