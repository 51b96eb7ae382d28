//! `ModelReader`: a compressed model that is read in places.

use std::io::{Read, Seek, Write};
use std::ops::Range;

use super::opened::Opened;
use super::read::Reading;
use crate::container::{Kind, Places};
use crate::model::Tensor;
use crate::pipeline::Decoder;
use crate::report::TensorReport;
use crate::{Error, Result};

/// A compressed model behind a reader that can seek, such as a file: only what is asked for is read and decoded.
///
/// Opening reads the index and the header of the model. Each section is compared with its checksum when it is read, each
/// chunk of weights with that of its decoded bytes.
///
/// ```
/// use losslaw::{Decoder, ModelReader, Pipeline, model::Model};
/// use std::io::Cursor;
/// let weights: Vec<f32> = (0..400 * 500u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 8) as f32).collect();
/// let model = Model::builder().f32("w", &[400, 500], &weights)?.build()?;
/// let packed = Pipeline::builder().build()?.compress_model(&model)?;
/// let reader = ModelReader::open(Cursor::new(&packed.bytes), Decoder::default())?;
/// let rows = reader.rows("w", 390..392)?.expect("it is there");
/// assert_eq!(rows.view().shape(), [2, 500]);
/// assert_eq!(rows.view().data(), &model.tensor("w").unwrap().data()[390 * 2000..392 * 2000]);
/// let mut file = vec![];
/// reader.write_to(&mut file)?;
/// assert_eq!(file, model.to_safetensors());
/// # Ok::<(), losslaw::Error>(())
/// ```
pub struct ModelReader<R> {
    places: Places<R>,
    decoder: Decoder,
    opened: Opened,
}

impl<R: Read + Seek + Send> ModelReader<R> {
    /// Reads the index and the header.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when the container holds no model, and those of [`Decoder::decompress`].
    pub fn open(reader: R, decoder: Decoder) -> Result<Self> {
        let places = Places::open(reader, &decoder.limits)?;
        if places.kind() != Kind::Model {
            return Err(Error::WrongKind { found: places.kind().name(), expected: Kind::Model.name() });
        }
        let opened = Opened::new(&decoder, &places)?;
        Ok(Self { places, decoder, opened })
    }

    fn reading(&self) -> Reading<'_> {
        Reading { decoder: &self.decoder, sections: &self.places, opened: &self.opened }
    }

    /// All tensors in the order of their bytes, none of them decoded.
    pub fn tensors(&self) -> Result<Vec<TensorReport>> {
        self.reading().tensors()
    }

    /// One tensor; `None` if there is none of this name.
    pub fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        self.reading().tensor(name)
    }

    /// Some rows of a tensor, as [`Decoder::rows`] gives them.
    pub fn rows(&self, name: &str, rows: Range<usize>) -> Result<Option<Tensor>> {
        self.reading().rows(name, rows)
    }

    /// Writes the safetensors file, byte for byte, and returns its length. Memory holds a few parts of tensors at a time,
    /// some 32 MiB for each thread, whatever the length of the file. The digest of the container is compared first.
    pub fn write_to(&self, mut out: impl Write) -> Result<u64> {
        self.places.check_digest()?;
        self.reading().write_to(&mut out)
    }
}

impl<R> std::fmt::Debug for ModelReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelReader").field("tensors", &self.opened.header.tensors.len()).finish_non_exhaustive()
    }
}
