//! Making a model from numbers in memory.

use std::borrow::Cow;

use super::header::{Header, METADATA};
use super::{Dtype, Model};
use crate::{Error, Result, model::TensorView};

/// Collects tensors for a [`Model`]; their bytes stand in the order in which they were added.
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct ModelBuilder {
    metadata: Vec<(String, String)>,
    entries: Vec<(String, String)>,
    data: Vec<u8>,
}

impl ModelBuilder {
    /// Adds a tensor from its little-endian bytes in row-major order.
    ///
    /// # Errors
    /// [`Error::NotAModel`] when the bytes do not fit the shape.
    pub fn tensor(mut self, name: &str, dtype: Dtype, shape: &[usize], data: &[u8]) -> Result<Self> {
        TensorView::new(name, dtype, shape, data)?;
        let (start, end) = (self.data.len(), self.data.len() + data.len());
        let entry = format!(r#"{{"dtype":"{dtype}","shape":{},"data_offsets":[{start},{end}]}}"#, json(&shape));
        self.entries.push((name.to_owned(), entry));
        self.data.extend_from_slice(data);
        Ok(self)
    }

    /// Adds a tensor of single-precision numbers.
    ///
    /// # Errors
    /// [`Error::NotAModel`] when there are not as many as the shape says.
    pub fn f32(self, name: &str, shape: &[usize], weights: &[f32]) -> Result<Self> {
        let bytes: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
        self.tensor(name, Dtype::F32, shape, &bytes)
    }

    /// Adds a tensor of double-precision numbers.
    ///
    /// # Errors
    /// [`Error::NotAModel`] when there are not as many as the shape says.
    pub fn f64(self, name: &str, shape: &[usize], weights: &[f64]) -> Result<Self> {
        let bytes: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
        self.tensor(name, Dtype::F64, shape, &bytes)
    }

    /// Adds a text to the metadata.
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The model, its header filled with spaces to a multiple of eight bytes, so that the data are aligned.
    ///
    /// # Errors
    /// [`Error::NotAModel`] when two tensors have one name, or one is called `__metadata__`.
    pub fn build(self) -> Result<Model<'static>> {
        let mut entries = vec![];
        if !self.metadata.is_empty() {
            let texts: Vec<String> =
                self.metadata.iter().map(|(key, value)| format!("{}:{}", json(key), json(value))).collect();
            entries.push(format!("{}:{{{}}}", json(METADATA), texts.join(",")));
        }
        entries.extend(self.entries.iter().map(|(name, entry)| format!("{}:{entry}", json(name))));
        let mut text = format!("{{{}}}", entries.join(",")).into_bytes();
        text.resize(text.len().next_multiple_of(8), b' ');
        if self.entries.iter().any(|(name, _)| name == METADATA) {
            return Err(Error::NotAModel(format!("a tensor cannot be called {METADATA:?}")));
        }
        let header = Header::parse(&text)?;
        Ok(Model { text: Cow::Owned(text), header, data: Cow::Owned(self.data) })
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("texts and numbers are JSON")
}
