//! The header of a safetensors file: JSON that is read strictly and kept as it is.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::Dtype;
use crate::{Error, Result};

/// Most bytes of a header, as in the reference reader.
pub const MAX_HEADER_BYTES: usize = 100_000_000;

/// The key that is no tensor.
pub const METADATA: &str = "__metadata__";

/// What the header says about one tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Where the bytes stand behind the header.
    pub range: Range<usize>,
}

/// All that a header says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// In the order of their bytes, which follow each other without gap or overlap from 0 on.
    pub tensors: Vec<TensorInfo>,
    pub metadata: Vec<(String, String)>,
}

impl Header {
    /// Reads the JSON text of a header.
    ///
    /// # Errors
    /// [`Error::NotAModel`] when it is no such JSON, names a tensor twice, or its tensors do not lie side by side.
    pub fn parse(text: &[u8]) -> Result<Self> {
        if text.len() > MAX_HEADER_BYTES {
            return Err(Error::NotAModel(format!("a header of {} bytes is too long", text.len())));
        }
        if text.first() != Some(&b'{') {
            return Err(Error::NotAModel("the header does not begin with a brace".to_owned()));
        }
        let raw: RawHeader =
            serde_json::from_slice(text).map_err(|error| Error::NotAModel(format!("the header: {error}")))?;
        let mut tensors = Vec::with_capacity(raw.tensors.len());
        for (name, Entry { dtype, shape, data_offsets: (start, end) }) in raw.tensors {
            let bytes = end.checked_sub(start);
            if bytes.is_none() || bytes != dtype.bytes(&shape) {
                return Err(Error::NotAModel(format!(
                    "tensor {name:?} of {dtype} {shape:?} cannot have the bytes {start} to {end}"
                )));
            }
            tensors.push(TensorInfo { name, dtype, shape, range: start..end });
        }
        // Stable: tensors without bytes keep the order of the text.
        tensors.sort_by_key(|tensor| (tensor.range.start, tensor.range.end));
        let mut end = 0;
        let mut names = HashSet::new();
        for TensorInfo { name, range, .. } in &tensors {
            if range.start != end {
                let what = if range.start > end { "leaves a gap" } else { "overlaps another tensor" };
                return Err(Error::NotAModel(format!("tensor {name:?} {what} at byte {}", range.start.min(end))));
            }
            if !names.insert(name) {
                return Err(Error::NotAModel(format!("there are two tensors {name:?}")));
            }
            end = range.end;
        }
        Ok(Self { tensors, metadata: raw.metadata })
    }

    /// Bytes of all tensors.
    pub fn data_bytes(&self) -> usize {
        self.tensors.last().map_or(0, |tensor| tensor.range.end)
    }
}

/// One value of the JSON object. Other keys are let through, as the reference reader does.
#[derive(Deserialize)]
struct Entry {
    dtype: Dtype,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

/// The JSON object with its keys in order and doubled keys in sight, which maps would hide.
#[derive(Default)]
struct RawHeader {
    tensors: Vec<(String, Entry)>,
    metadata: Vec<(String, String)>,
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = RawHeader;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
                let (mut tensors, mut metadata) = (vec![], None);
                while let Some(name) = map.next_key::<String>()? {
                    if name != METADATA {
                        tensors.push((name, map.next_value()?));
                    } else if metadata.replace(map.next_value::<Texts>()?.0).is_some() {
                        return Err(A::Error::custom("there are two entries of metadata"));
                    }
                }
                Ok(RawHeader { tensors, metadata: metadata.unwrap_or_default() })
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// An object of strings, in order.
struct Texts(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Texts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = vec![];
                while let Some(entry) = map.next_entry()? {
                    texts.push(entry);
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
