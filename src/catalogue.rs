//! Parts by name: what a pipeline that was written down can be built from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codec::{Codec, Registry};
use crate::partition::{Partitioner, Whole};
use crate::settings::Settings;
use crate::tree::{C45, Id3, Mdl};
use crate::{Error, Result};

/// Codecs and partitioners by name. The default one holds all of this crate; those of other crates join it by
/// the same calls that fill it.
///
/// ```
/// use losslaw::Catalogue;
/// use losslaw::tree::C45;
/// let mut catalogue = Catalogue::default();
/// assert_eq!(catalogue.partitioner("C45", &"{\"min_leaf\":9}".parse()?)?.name(), "C45");
/// assert!(catalogue.partitioner("C50", &Default::default()).is_err());
/// assert!(catalogue.add_partitioner(C45::default()).is_err(), "the name is taken");
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Catalogue {
    codecs: Registry,
    partitioners: BTreeMap<&'static str, Arc<dyn Partitioner>>,
}

impl Default for Catalogue {
    fn default() -> Self {
        let mut catalogue = Self { codecs: Registry::default(), partitioners: BTreeMap::new() };
        let builtin = [
            catalogue.add_partitioner(Whole),
            catalogue.add_partitioner(Id3::default()),
            catalogue.add_partitioner(C45::default()),
            catalogue.add_partitioner(Mdl::default()),
        ];
        debug_assert!(builtin.iter().all(Result::is_ok), "names of built-in parts differ");
        catalogue
    }
}

impl Catalogue {
    /// Adds a codec.
    ///
    /// # Errors
    /// Those of [`Registry::add`]; [`Error::InvalidConfig`] when the name is taken.
    pub fn add_codec(&mut self, codec: impl Codec + 'static) -> Result<()> {
        if self.codecs.named(codec.name()).is_ok() {
            return Err(taken("codec", codec.name()));
        }
        self.codecs.add(codec)
    }

    /// Adds a partitioner.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the name is taken.
    pub fn add_partitioner(&mut self, partitioner: impl Partitioner + 'static) -> Result<()> {
        let name = partitioner.name();
        match self.partitioners.insert(name, Arc::new(partitioner)) {
            None => Ok(()),
            Some(first) => {
                self.partitioners.insert(name, first);
                Err(taken("partitioner", name))
            }
        }
    }

    /// The codecs; a [`Decoder`](crate::Decoder) with this registry reads what they write.
    pub fn codecs(&self) -> &Registry {
        &self.codecs
    }

    /// A codec of this name with these settings.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for an unknown name, [`Error::Settings`] for settings that do not fit.
    pub fn codec(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Codec>> {
        self.codecs.named(name)?.configured(settings)
    }

    /// A partitioner of this name with these settings.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for an unknown name, [`Error::Settings`] for settings that do not fit.
    pub fn partitioner(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Partitioner>> {
        let known = self.partitioners.get(name);
        known.ok_or_else(|| Error::config("partitioner", name, "names in the catalogue"))?.configured(settings)
    }
}

fn taken(field: &'static str, name: &'static str) -> Error {
    Error::config(field, name, "names that are not in the catalogue yet")
}
