//! Decoding with nothing but the bytes and a registry of codecs.

use super::{bytes, table};
use crate::codec::Registry;
use crate::container::{Container, Kind};
use crate::{Limits, Result};

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
}

impl Default for Decoder {
    fn default() -> Self {
        Self { registry: Registry::default(), limits: Limits::default(), threads: 1 }
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

    /// The source, byte for byte.
    pub fn decompress(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let container = Container::open(bytes, &self.limits)?;
        match container.kind() {
            Kind::Bytes => bytes::decompress(self, &container),
            Kind::Table => table::decompress(self, &container),
        }
    }
}

/// Restores the source of a container under default [`Limits`] on one thread.
pub fn decompress(bytes: &[u8]) -> Result<Vec<u8>> {
    Decoder::default().decompress(bytes)
}
