//! The registry: which codec a wire id stands for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Codec, CodecId};
use crate::{Error, Result};

/// Codecs by wire id. The default registry holds every codec of this crate.
///
/// ```
/// use losslaw::codec::{CodecId, Registry, Rle};
/// let mut registry = Registry::default();
/// assert_eq!(registry.get(CodecId::RLE)?.name(), "Rle");
/// assert!(registry.add(Rle).is_err(), "the id is taken");
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Registry {
    codecs: BTreeMap<CodecId, Arc<dyn Codec>>,
}

impl Default for Registry {
    fn default() -> Self {
        let builtin: Vec<Arc<dyn Codec>> = vec![
            Arc::new(super::Store),
            Arc::new(super::Rle),
            Arc::new(super::Huffman::default()),
            Arc::new(super::Rans::default()),
            Arc::new(super::BitPack),
            Arc::new(super::Delta::default()),
            Arc::new(super::Standardise),
            Arc::new(super::Denoise::default()),
            Arc::new(super::Dictionary),
            Arc::new(super::Bins::default()),
            Arc::new(super::Lz77::default()),
            Arc::new(super::Lz78::default()),
            Arc::new(super::Planes::default()),
            Arc::new(super::BitPlanes),
            Arc::new(super::Map),
            Arc::new(super::Constant),
            Arc::new(super::Lms::default()),
            Arc::new(super::ContextMix::default()),
            Arc::new(super::Tokens),
        ];
        Self { codecs: builtin.into_iter().map(|codec| (codec.id(), codec)).collect() }
    }
}

impl Registry {
    /// Adds a codec.
    ///
    /// # Errors
    /// [`Error::DuplicateCodec`] when its id is taken; [`Error::InvalidConfig`] when it lies in this crate's range.
    pub fn add(&mut self, codec: impl Codec + 'static) -> Result<()> {
        self.insert(Arc::new(codec))
    }

    pub(super) fn insert(&mut self, codec: Arc<dyn Codec>) -> Result<()> {
        let id = codec.id();
        if self.codecs.contains_key(&id) {
            return Err(Error::DuplicateCodec(id.0));
        }
        if id < CodecId::FIRST_USER {
            return Err(Error::config("codec id", id, "0x8000..=0xffff for codecs of other crates"));
        }
        self.codecs.insert(id, codec);
        Ok(())
    }

    /// The codec of an id.
    ///
    /// # Errors
    /// [`Error::UnknownCodec`].
    pub fn get(&self, id: CodecId) -> Result<&dyn Codec> {
        self.codecs.get(&id).map(|codec| &**codec).ok_or(Error::UnknownCodec(id.0))
    }

    /// The codec of a name; of codecs that share one, that of the lowest id.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`].
    pub fn named(&self, name: &str) -> Result<&dyn Codec> {
        let found = self.codecs.values().find(|codec| codec.name() == name);
        found.map(|codec| &**codec).ok_or_else(|| Error::config("codec", name, "names of codecs in the registry"))
    }

    /// All codecs in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Codec>> {
        self.codecs.values()
    }
}
