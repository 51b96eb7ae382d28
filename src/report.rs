//! What a compression did: ratio, parts, columns and timings.

use serde::{Deserialize, Serialize};

use crate::container::Kind;
use crate::model::{Dtype, Fingerprint, TensorInfo};
use crate::pipeline::Effort;
use crate::prune::{self, Pruned};

/// The account of one compression. Every byte of the output belongs to one part; the parts sum to the file.
///
/// ```
/// use losslaw::Report;
/// // Ten million cells of one byte, stored in two and a half million bytes.
/// let report = Report { original_bytes: 10_000_000, compressed_bytes: 2_500_000, ..Report::default() };
/// assert_eq!(report.ratio(), 0.25);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// What the container holds.
    pub kind: Kind,
    /// The base that a model is coded against; none where no tensor needs it.
    #[serde(default)]
    pub base: Option<Fingerprint>,
    /// Bytes of the source.
    pub original_bytes: u64,
    /// Bytes of the container.
    pub compressed_bytes: u64,
    /// Rows of a table, 0 otherwise.
    pub rows: u64,
    /// Blocks that decode alone: stretches of rows or bytes, or units of tensors.
    pub blocks: u64,
    /// The effort that was asked for.
    pub effort_asked: Effort,
    /// The effort that was used.
    pub effort: Effort,
    /// Bytes by what they are for.
    pub parts: Vec<Part>,
    /// The columns of a table.
    pub columns: Vec<ColumnReport>,
    /// The tensors of a model, in the order of their bytes.
    pub tensors: Vec<TensorReport>,
    /// Where the time went.
    pub timings: Timings,
    /// Whether the output was decoded and compared with the source before it was returned.
    pub verified: bool,
}

/// A named share of the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What the bytes are for.
    pub name: String,
    /// How many there are.
    pub bytes: u64,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnReport {
    /// The column's name.
    pub name: String,
    /// The type found for its cells.
    pub kind: String,
    /// What its ordinals are written relative to.
    pub transform: String,
    /// The plan of codecs.
    pub plan: String,
    /// Leaves of its partition.
    pub leaves: u64,
    /// What its tree asks, in the order of first use.
    pub asks: Vec<String>,
    /// The columns it is coded given: those its tree asks and the one its ordinals are relative to.
    pub parents: Vec<String>,
    /// Bytes of its tables, ordinals, escapes and text; trees and dictionaries are parts of their own.
    pub bytes: u64,
    /// 8 · bytes / rows.
    pub bits_per_value: f64,
}

/// One tensor of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorReport {
    /// The tensor's name.
    pub name: String,
    /// The type of its elements.
    pub dtype: Dtype,
    /// The length of each dimension.
    pub shape: Vec<usize>,
    /// How its words are coded.
    pub method: String,
    /// Its bytes; those of tensors that are coded together are divided by their length. The header is a part of its own.
    pub bytes: u64,
    /// 8 · bytes / elements; 0 without elements.
    pub bits_per_weight: f64,
    /// What its bits are spent on; known to whoever compresses, and what several tensors share is in none of them.
    #[serde(default)]
    pub planes: Vec<PlaneReport>,
    /// What a base is to it.
    #[serde(default)]
    pub base: BaseUse,
    /// What pruning left of it, if it was pruned.
    pub pruned: Option<PrunedReport>,
}

/// A part of each weight that is coded for itself.
///
/// Words under plans have one plane `words`, or `byte 3` to `byte 0` from the top down. Densities have `scales` (those of
/// rows), `mask`, `repeats`, `cells` (sign, exponent and the mantissa's upper bits) and `bits below cells`, as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaneReport {
    /// What it is.
    pub name: String,
    /// 8 · bytes / elements of the tensor.
    pub bits_per_weight: f64,
}

/// What a base is to a tensor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BaseUse {
    /// Nothing: there is none, or it does not help.
    #[default]
    None,
    /// The tensor is coded as a difference from it.
    Difference,
    /// The tensor is in it.
    Equal,
}

/// What pruning left of a tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrunedReport {
    /// Weights that were kept.
    pub kept: u64,
    /// Σ w² before, as [`prune::sum_of_squares`] adds.
    pub squares_before: f64,
    /// Σ z² after.
    pub squares_after: f64,
    /// C′ = Σ z² / Σ w²; 1 for a tensor of zeros.
    pub norm_ratio: f64,
}

impl From<&Pruned> for PrunedReport {
    fn from(pruned: &Pruned) -> Self {
        Self {
            kept: pruned.kept() as u64,
            squares_before: pruned.squares_before(),
            squares_after: pruned.squares_after(),
            norm_ratio: pruned.norm_ratio(),
        }
    }
}

impl TensorReport {
    /// A tensor of which only the header is known.
    pub(crate) fn of(tensor: &TensorInfo) -> Self {
        let TensorInfo { name, dtype, shape, .. } = tensor;
        Self {
            name: name.clone(),
            dtype: *dtype,
            shape: shape.clone(),
            method: "empty".to_owned(),
            bytes: 0,
            bits_per_weight: 0.0,
            planes: vec![],
            base: BaseUse::None,
            pruned: None,
        }
    }

    /// Adds bytes to the plane of a name.
    pub(crate) fn add_plane(&mut self, name: &str, bytes: f64) {
        let bits = 8.0 * bytes / self.elements().max(1) as f64;
        match self.planes.iter_mut().find(|plane| plane.name == name) {
            Some(plane) => plane.bits_per_weight += bits,
            None => self.planes.push(PlaneReport { name: name.to_owned(), bits_per_weight: bits }),
        }
    }

    /// How the tensor is coded, and in how many bytes.
    pub(crate) fn set_coding(&mut self, method: &str, base: BaseUse, bytes: u64) {
        self.base = base;
        method.clone_into(&mut self.method);
        self.bytes = bytes;
        self.bits_per_weight = 8.0 * bytes as f64 / self.elements().max(1) as f64;
    }

    /// How many elements it has.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&length| length as u64).product()
    }
}

/// Wall time in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// Taking the source apart and finding types.
    pub typing: f64,
    /// Trying transforms, growing trees and coding columns with them.
    pub learning: f64,
    /// Putting the container together.
    pub writing: f64,
    /// Decoding and comparing.
    pub verifying: f64,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            kind: Kind::Bytes,
            base: None,
            original_bytes: 0,
            compressed_bytes: 0,
            rows: 0,
            blocks: 0,
            effort_asked: Effort::Fast,
            effort: Effort::Fast,
            parts: vec![],
            columns: vec![],
            tensors: vec![],
            timings: Timings::default(),
            verified: false,
        }
    }
}

impl Report {
    /// C = compressed bytes / original bytes; lower is better. 1 for an empty source.
    pub fn ratio(&self) -> f64 {
        if self.original_bytes == 0 { 1.0 } else { self.compressed_bytes as f64 / self.original_bytes as f64 }
    }

    /// C′ = Σ z² / Σ w² over all pruned tensors, weights before (w) and after (z) pruning; 1 if nothing was pruned.
    ///
    /// ```
    /// use losslaw::{Pipeline, model::Model, prune::TopK};
    /// let model = Model::builder().f32("w", &[10, 100], &[0.25; 1000])?.build()?;
    /// let packed = Pipeline::builder().pruner(TopK::new(0.5)?).build()?.compress_model(&model)?;
    /// assert_eq!(packed.report.norm_ratio(), 0.5);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn norm_ratio(&self) -> f64 {
        let pruned = || self.tensors.iter().filter_map(|tensor| tensor.pruned.as_ref());
        let before = pruned().fold(0.0, |sum, pruned| sum + pruned.squares_before);
        prune::ratio(before, pruned().fold(0.0, |sum, pruned| sum + pruned.squares_after))
    }

    /// Adds bytes to a part.
    pub(crate) fn add(&mut self, name: &str, bytes: usize) {
        match self.parts.iter_mut().find(|part| part.name == name) {
            Some(part) => part.bytes += bytes as u64,
            None => self.parts.push(Part { name: name.to_owned(), bytes: bytes as u64 }),
        }
    }
}

/// Seconds since a moment.
pub(crate) fn seconds_since(start: std::time::Instant) -> f64 {
    start.elapsed().as_secs_f64()
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |bytes: u64| 100.0 * bytes as f64 / self.compressed_bytes.max(1) as f64;
        writeln!(
            f,
            "{}: {} → {} bytes, C = {:.4} ({:.2} times smaller)",
            self.kind.name(),
            self.original_bytes,
            self.compressed_bytes,
            self.ratio(),
            1.0 / self.ratio()
        )?;
        if self.effort != self.effort_asked {
            writeln!(f, "effort {} is not built for this kind of file; {} was used", self.effort_asked, self.effort)?;
        }
        if !self.columns.is_empty() {
            let name = |c: &ColumnReport| c.name.chars().count();
            let width = self.columns.iter().map(name).max().unwrap_or(0).clamp(6, 32);
            writeln!(f, "{} rows in {} block(s)", self.rows, self.blocks)?;
            writeln!(
                f,
                "\n{:width$}  {:>9}  {:>5}  {:>6}  {:14}  coded as",
                "column", "bytes", "bits", "leaves", "type",
            )?;
            for c in &self.columns {
                let name: String = c.name.chars().take(width).collect();
                let how = if c.transform == "plain" { c.plan.clone() } else { format!("{}, {}", c.transform, c.plan) };
                writeln!(
                    f,
                    "{name:width$}  {:>9}  {:>5.2}  {:>6}  {:14}  {how}",
                    c.bytes, c.bits_per_value, c.leaves, c.kind
                )?;
            }
        }
        if !self.tensors.is_empty() {
            write!(f, "\n{}", TensorTable(&self.tensors))?;
            if self.tensors.iter().any(|tensor| tensor.pruned.is_some()) {
                writeln!(f, "\nC' = {:.6} of the squared norm is left", self.norm_ratio())?;
            }
        }
        writeln!(f, "\n{:width$}  {:>9}  {:>6}", "part", "bytes", "%", width = 12)?;
        for part in &self.parts {
            writeln!(f, "{:12}  {:>9}  {:>5.1}%", part.name, part.bytes, percent(part.bytes))?;
        }
        let Timings { typing, learning, writing, verifying } = self.timings;
        writeln!(
            f,
            "\ntyping {typing:.2} s, learning {learning:.2} s, writing {writing:.2} s, verifying {verifying:.2} s"
        )?;
        let exact = if self.verified { "exact: decoded and compared" } else { "not made" };
        write!(f, "restoration: {exact}")
    }
}

/// Tensors as lines for people.
///
/// ```
/// use losslaw::{Decoder, Pipeline, TensorTable, model::Model};
/// let model = Model::builder().f32("w", &[2], &[0.5, 1.0])?.build()?;
/// let packed = Pipeline::builder().build()?.compress_model(&model)?;
/// let table = TensorTable(&Decoder::default().tensors(&packed.bytes)?).to_string();
/// assert!(table.lines().nth(1).unwrap().starts_with("w "));
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TensorTable<'a>(
    /// The tensors.
    pub &'a [TensorReport],
);

impl std::fmt::Display for TensorTable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_pruned = self.0.iter().any(|tensor| tensor.pruned.is_some());
        let width = self.0.iter().map(|t| t.name.chars().count()).max().unwrap_or(0).clamp(6, 56);
        write!(f, "{:width$}  {:11} {:>16}  {:>10}  {:>6}", "tensor", "dtype", "shape", "bytes", "bits")?;
        writeln!(f, "{}  coded as", if is_pruned { format!("  {:>10}  {:>8}", "kept", "C'") } else { String::new() })?;
        for tensor in self.0 {
            // Names differ at their ends.
            let skipped = tensor.name.chars().count().saturating_sub(width);
            let name: String = tensor.name.chars().skip(skipped).collect();
            let shape = format!("{:?}", tensor.shape);
            write!(f, "{name:width$}  {:11} {shape:>16}  ", tensor.dtype.name())?;
            write!(f, "{:>10}  {:>6.2}", tensor.bytes, tensor.bits_per_weight)?;
            match &tensor.pruned {
                Some(pruned) => write!(f, "  {:>10}  {:>8.4}", pruned.kept, pruned.norm_ratio)?,
                None if is_pruned => write!(f, "  {:>10}  {:>8}", "all", "-")?,
                None => {}
            }
            write!(f, "  {}", tensor.method)?;
            for (at, plane) in tensor.planes.iter().enumerate().filter(|_| tensor.planes.len() > 1) {
                write!(f, "{}{} {:.2}", if at == 0 { ": " } else { ", " }, plane.name, plane.bits_per_weight)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
