//! Parts by name: what a pipeline that was written down can be built from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codec::{Codec, Registry};
use crate::partition::{Partitioner, Whole};
use crate::prune::{Cut, L1, Lines, NofM, Pruner, Scope, Shrinkage, Structured, Threshold, TopK};
use crate::settings::Settings;
use crate::tree::{C45, Id3, Mdl};
use crate::{Error, Result};

/// Codecs, partitioners and pruners by name. The default one holds all of this crate; those of other crates join it by
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
    partitioners: Parts<dyn Partitioner>,
    pruners: Parts<dyn Pruner>,
}

impl Default for Catalogue {
    fn default() -> Self {
        let mut catalogue =
            Self { codecs: Registry::default(), partitioners: BTreeMap::new(), pruners: BTreeMap::new() };
        let builtin = [
            catalogue.add_partitioner(Whole),
            catalogue.add_partitioner(Id3::default()),
            catalogue.add_partitioner(C45::default()),
            catalogue.add_partitioner(Mdl::default()),
            catalogue.add_pruner(Threshold { cut: Cut::Absolute(0.0) }),
            catalogue.add_pruner(L1 { shrinkage: Shrinkage::Lambda(0.0) }),
            catalogue.add_pruner(TopK { share: 1.0, scope: Scope::Tensor }),
            catalogue.add_pruner(NofM { n: 2, m: 4 }),
            catalogue.add_pruner(Structured { share: 1.0, lines: Lines::Rows }),
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
        add(&mut self.partitioners, "partitioner", partitioner.name(), Arc::new(partitioner))
    }

    /// Adds a pruner.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the name is taken.
    pub fn add_pruner(&mut self, pruner: impl Pruner + 'static) -> Result<()> {
        add(&mut self.pruners, "pruner", pruner.name(), Arc::new(pruner))
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
        find(&self.partitioners, "partitioner", name)?.configured(settings)
    }

    /// A pruner of this name with these settings.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for an unknown name or values out of range, [`Error::Settings`] for settings that do not fit.
    pub fn pruner(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Pruner>> {
        let pruner = find(&self.pruners, "pruner", name)?.configured(settings)?;
        pruner.check()?;
        Ok(pruner)
    }
}

type Parts<P> = BTreeMap<&'static str, Arc<P>>;

fn add<P: ?Sized>(known: &mut Parts<P>, field: &'static str, name: &'static str, part: Arc<P>) -> Result<()> {
    if known.contains_key(name) {
        return Err(taken(field, name));
    }
    known.insert(name, part);
    Ok(())
}

fn find<'a, P: ?Sized>(known: &'a Parts<P>, field: &'static str, name: &str) -> Result<&'a P> {
    known.get(name).map(|part| &**part).ok_or_else(|| Error::config(field, name, "names in the catalogue"))
}

fn taken(field: &'static str, name: &'static str) -> Error {
    Error::config(field, name, "names that are not in the catalogue yet")
}
