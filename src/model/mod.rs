//! Models: named tensors in the safetensors format.
//!
//! ```text
//! bytes of the header (8, little-endian) · header, a JSON object · tensors, side by side
//! header: {"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, …, "__metadata__":{"key":"text", …}}
//! ```
//!
//! The header is kept as it is, so a file comes back byte for byte. It is read strictly: at most 100 MB, no gap, no
//! overlap, no byte behind the last tensor, no name twice, no shape whose product overflows.
//!
//! Source: "Safetensors", huggingface.co/docs/safetensors, 2022.

mod base;
mod builder;
mod dtype;
mod float;
mod header;
mod tensor;

use std::borrow::Cow;

pub use base::{Base, Fingerprint};
pub use builder::ModelBuilder;
pub use dtype::Dtype;
pub use float::put_float;
pub(crate) use header::{Header, MAX_HEADER_BYTES, TensorInfo};
pub use tensor::{Tensor, TensorView};

use crate::{Error, Result};

/// Bytes before the header.
const LENGTH_BYTES: usize = 8;

/// A model: a header and the bytes of all tensors.
///
/// ```
/// use losslaw::model::{Dtype, Model};
/// let model = Model::builder().f32("layer.weight", &[2, 2], &[0.5, -1.0, 0.0, 2.0])?.metadata("format", "pt").build()?;
/// let file = model.to_safetensors();
/// let again = Model::from_safetensors(&file)?;
/// let weight = again.tensor("layer.weight").expect("it was added");
/// assert_eq!((weight.dtype(), weight.shape(), weight.to_f64s()?), (Dtype::F32, &[2, 2][..], vec![0.5, -1.0, 0.0, 2.0]));
/// assert_eq!(again.to_safetensors(), file);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model<'a> {
    text: Cow<'a, [u8]>,
    header: Header,
    data: Cow<'a, [u8]>,
}

impl<'a> Model<'a> {
    /// Reads a safetensors file without copying its tensors.
    ///
    /// # Errors
    /// [`Error::NotAModel`] says what is wrong and, where there is one, with which tensor.
    pub fn from_safetensors(file: &'a [u8]) -> Result<Self> {
        let Some((length, rest)) = file.split_first_chunk::<LENGTH_BYTES>() else {
            return Err(Error::NotAModel("there is no length of a header".to_owned()));
        };
        let length = u64::from_le_bytes(*length);
        let split = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
        let Some((text, data)) = split else {
            return Err(Error::NotAModel(format!("a header of {length} bytes is longer than the file")));
        };
        let header = Header::parse(text)?;
        if header.data_bytes() != data.len() {
            let (listed, found) = (header.data_bytes(), data.len());
            return Err(Error::NotAModel(format!("tensors take {listed} bytes, but {found} follow the header")));
        }
        Ok(Self { text: text.into(), header, data: data.into() })
    }

    /// Starts a model of tensors in memory.
    pub fn builder() -> ModelBuilder {
        ModelBuilder::default()
    }

    /// The model as a safetensors file: the very bytes it was read from.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(self.file_bytes());
        file.extend((self.text.len() as u64).to_le_bytes());
        file.extend_from_slice(&self.text);
        file.extend_from_slice(&self.data);
        file
    }

    /// Length of [`Model::to_safetensors`].
    pub fn file_bytes(&self) -> usize {
        LENGTH_BYTES + self.text.len() + self.data.len()
    }

    /// The JSON text of the header, without the length before it.
    pub fn header(&self) -> &[u8] {
        &self.text
    }

    /// The bytes of all tensors.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All tensors in the order of their bytes.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = TensorView<'_>> {
        self.header.tensors.iter().map(|info| self.view(info))
    }

    /// The tensor of a name.
    pub fn tensor(&self, name: &str) -> Option<TensorView<'_>> {
        self.header.tensors.iter().find(|info| info.name == name).map(|info| self.view(info))
    }

    /// Keys and texts of the metadata in the order of the header.
    pub fn metadata(&self) -> &[(String, String)] {
        &self.header.metadata
    }

    /// The model with other bytes in its tensors.
    pub(crate) fn with_data(&self, data: Vec<u8>) -> Model<'_> {
        debug_assert_eq!(data.len(), self.data.len());
        Model { text: Cow::Borrowed(&self.text), header: self.header.clone(), data: Cow::Owned(data) }
    }

    pub(crate) fn infos(&self) -> &[TensorInfo] {
        &self.header.tensors
    }

    fn view<'s>(&'s self, info: &'s TensorInfo) -> TensorView<'s> {
        TensorView::new(&info.name, info.dtype, &info.shape, &self.data[info.range.clone()]).expect("checked when read")
    }
}
