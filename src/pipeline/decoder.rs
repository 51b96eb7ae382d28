//! Decoding with nothing but the bytes and a registry of codecs.

use std::ops::Range;

use super::{bytes, model, table};
use crate::codec::Registry;
use crate::container::{Container, Kind};
use crate::model::{Base, Fingerprint, Tensor};
use crate::report::TensorReport;
use crate::{Error, Limits, Result};

/// Restores what a [`super::Pipeline`] wrote.
///
/// ```
/// use losslaw::{Decoder, Limits, Pipeline};
/// let packed = Pipeline::builder().build()?.compress(b"a,b\n1,2\n3,4\n")?;
/// let small = Decoder::default().with_limits(Limits { output_bytes: 5, ..Limits::default() });
/// assert!(small.decompress(&packed.bytes).is_err());
/// assert_eq!(Decoder::default().decompress(&packed.bytes)?, b"a,b\n1,2\n3,4\n");
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Decoder {
    pub(super) registry: Registry,
    pub(super) limits: Limits,
    pub(super) threads: usize,
    pub(super) base: Option<Base>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { registry: Registry::default(), limits: Limits::default(), threads: 1, base: None }
    }
}

impl Decoder {
    /// A decoder that also knows the codecs of other crates.
    #[must_use]
    pub fn with_registry(self, registry: Registry) -> Self {
        Self { registry, ..self }
    }

    /// A decoder that stays within these limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// A decoder on so many threads (feature `parallel`), 0 for one each core.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// A decoder of what is coded against a base, and of all that needs none.
    ///
    /// A container names its base by length and hash, so another base is an error that names both.
    #[must_use]
    pub fn with_base(self, base: Base) -> Self {
        Self { base: Some(base), ..self }
    }

    /// The source, byte for byte.
    pub fn decompress(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let container = Container::open(bytes, &self.limits)?;
        match container.kind() {
            Kind::Bytes => bytes::decompress(self, &container),
            Kind::Table => table::decompress(self, &container),
            Kind::Model => model::decompress(self, &container),
        }
    }

    /// The rows of one block of a table, byte for byte; `None` if there is no such block. Of other blocks only the first
    /// are decoded, and only if their columns teach those of all others (at most 131,072 rows, or one block).
    ///
    /// Block 0 begins with what stands before all rows, such as the header line, so that all blocks one after the other
    /// are the source.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when the container holds no table, and those of [`Decoder::decompress`].
    ///
    /// ```
    /// use losslaw::{Decoder, Pipeline, table::Table};
    /// let csv: String = (0..100).map(|i| format!("{},{}\n", i % 7, i % 3)).collect();
    /// let table = Table::from_csv(csv.as_bytes())?;
    /// let packed = Pipeline::builder().block_rows(40).build()?.compress_table(&table)?;
    /// let last = Decoder::default().block(&packed.bytes, 2)?.expect("100 rows make three blocks");
    /// assert_eq!(last, csv[80 * 4..].as_bytes());
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn block(&self, bytes: &[u8], number: u64) -> Result<Option<Vec<u8>>> {
        let container = Container::open(bytes, &self.limits)?;
        match container.kind() {
            Kind::Table => table::block(self, &container, number),
            other => Err(Error::WrongKind { found: other.name(), expected: Kind::Table.name() }),
        }
    }

    /// One tensor of a model, without decoding those it shares nothing with; `None` if there is none of this name.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when the container holds no model, and those of [`Decoder::decompress`].
    ///
    /// ```
    /// use losslaw::{Decoder, Pipeline, model::Model};
    /// let model = Model::builder().f32("a", &[2], &[1.0, 2.0])?.f32("b", &[1], &[3.0])?.build()?;
    /// let packed = Pipeline::builder().build()?.compress_model(&model)?;
    /// let b = Decoder::default().tensor(&packed.bytes, "b")?.expect("it is there");
    /// assert_eq!(b.view().to_f64s()?, [3.0]);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn tensor(&self, bytes: &[u8], name: &str) -> Result<Option<Tensor>> {
        model::tensor(self, &self.open_model(bytes)?, name)
    }

    /// Some rows of a tensor, counted by its first dimension, as a tensor of so many rows; `None` if there is none of this
    /// name. Of a tensor of more than 4,096 words only the chunks that hold these rows are decoded, unless its columns
    /// were coded as rows, as [`crate::Effort::Max`] may choose. [`crate::ModelReader::rows`] does not even read the
    /// others.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when there are no such rows or they share bytes with others, [`Error::WrongKind`] when the
    /// container holds no model, and those of [`Decoder::decompress`].
    ///
    /// ```
    /// use losslaw::{Decoder, Pipeline, model::Model};
    /// let model = Model::builder().f32("w", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?.build()?;
    /// let packed = Pipeline::builder().build()?.compress_model(&model)?;
    /// let rows = Decoder::default().rows(&packed.bytes, "w", 1..3)?.expect("it is there");
    /// assert_eq!((rows.view().shape(), rows.view().to_f64s()?), (&[2, 2][..], vec![3.0, 4.0, 5.0, 6.0]));
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn rows(&self, bytes: &[u8], name: &str, rows: Range<usize>) -> Result<Option<Tensor>> {
        model::rows(self, &self.open_model(bytes)?, name, rows)
    }

    /// All tensors of a model in the order of their bytes, none of them decoded.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when the container holds no model.
    pub fn tensors(&self, bytes: &[u8]) -> Result<Vec<TensorReport>> {
        model::tensors(self, &self.open_model(bytes)?)
    }

    /// The base without which a model does not decode; `None` if it needs none.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when the container holds no model.
    ///
    /// ```
    /// use losslaw::{Decoder, Pipeline, model::{Base, Model}};
    /// let model = Model::builder().f32("w", &[50], &[0.5; 50])?.build()?;
    /// let (pipeline, base) = (Pipeline::builder().build()?, Base::from(&model));
    /// let alone = pipeline.compress_model(&model)?;
    /// let against = pipeline.compress_model_against(&base, &model)?;
    /// assert_eq!(Decoder::default().base_of(&alone.bytes)?, None);
    /// assert_eq!(Decoder::default().base_of(&against.bytes)?, Some(base.fingerprint()));
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn base_of(&self, bytes: &[u8]) -> Result<Option<Fingerprint>> {
        model::base(self, &self.open_model(bytes)?)
    }

    fn open_model<'a>(&self, bytes: &'a [u8]) -> Result<Container<'a>> {
        let container = Container::open(bytes, &self.limits)?;
        match container.kind() {
            Kind::Model => Ok(container),
            other => Err(Error::WrongKind { found: other.name(), expected: Kind::Model.name() }),
        }
    }
}

/// Restores the source of a container under default [`Limits`] on one thread.
pub fn decompress(bytes: &[u8]) -> Result<Vec<u8>> {
    Decoder::default().decompress(bytes)
}
