//! A base: the model that another one is coded against.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::{Header, LENGTH_BYTES, Model, TensorInfo};
use crate::Result;

/// What tells one file from another: its length and a hash of 128 bits.
///
/// The hash guards against mistakes, not against forgers.
///
/// Source: Y. Collet, "xxHash fast digest algorithm", XXH3, github.com/Cyan4973/xxHash, 2021.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Bytes of the file.
    pub bytes: u64,
    /// XXH3 of these bytes, the highest byte first.
    pub hash: [u8; 16],
}

impl Fingerprint {
    /// The fingerprint of a file.
    ///
    /// ```
    /// use losslaw::model::Fingerprint;
    /// assert_eq!(Fingerprint::of(b"").to_string(), "99aa06d3014798d86001c324468d497f of 0 bytes");
    /// ```
    pub fn of(file: &[u8]) -> Self {
        Self { bytes: file.len() as u64, hash: xxh3_128(file).to_be_bytes() }
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, " of {} bytes", self.bytes)
    }
}

/// A safetensors file that other models are coded against, usually an earlier checkpoint.
///
/// Clones share the file.
///
/// ```
/// use losslaw::{Decoder, Pipeline, model::{Base, Model}};
/// let weights = |step: f32| -> Vec<f32> { (0..6000).map(|i| (i as f32).sin() + step * (i as f32).cos()).collect() };
/// let first = Model::builder().f32("w", &[60, 100], &weights(0.0))?.build()?;
/// let second = Model::builder().f32("w", &[60, 100], &weights(1e-6))?.build()?;
/// let base = Base::from(&first);
/// let packed = Pipeline::builder().build()?.compress_model_against(&base, &second)?;
/// assert_eq!(Decoder::default().with_base(base).decompress(&packed.bytes)?, second.to_safetensors());
/// assert!(Decoder::default().decompress(&packed.bytes).is_err(), "the base is needed");
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Base(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: Vec<u8>,
    header: Header,
    /// Where tensors begin.
    start: usize,
    fingerprint: Fingerprint,
}

impl Base {
    /// Takes over a safetensors file.
    ///
    /// # Errors
    /// Those of [`Model::from_safetensors`].
    pub fn from_safetensors(file: Vec<u8>) -> Result<Self> {
        let model = Model::from_safetensors(&file)?;
        let (header, start) = (model.header.clone(), LENGTH_BYTES + model.text.len());
        let fingerprint = Fingerprint::of(&file);
        Ok(Self(Arc::new(Inner { file, header, start, fingerprint })))
    }

    /// What a container that needs this base holds to know it by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    pub(crate) fn infos(&self) -> &[TensorInfo] {
        &self.0.header.tensors
    }

    /// The bytes of tensor `number`.
    pub(crate) fn data(&self, number: usize) -> &[u8] {
        let range = &self.0.header.tensors[number].range;
        &self.0.file[self.0.start + range.start..self.0.start + range.end]
    }
}

impl From<&Model<'_>> for Base {
    fn from(model: &Model<'_>) -> Self {
        let file = model.to_safetensors();
        let fingerprint = Fingerprint::of(&file);
        let (header, start) = (model.header.clone(), LENGTH_BYTES + model.text.len());
        Self(Arc::new(Inner { file, header, start, fingerprint }))
    }
}
