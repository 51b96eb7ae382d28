//! Settings of parts as JSON, so that a pipeline can be written down and built again.
//!
//! Codecs, partitioners and pruners are trait objects. What they are set to goes through [`Settings`], and a
//! [`Catalogue`](crate::Catalogue) finds the part of a name, whether it comes from this crate or from another.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The settings of one part, as a JSON value; `null` stands for a part without any, or for defaults.
///
/// ```
/// use losslaw::codec::{Codec, Rans, Registry};
/// use losslaw::settings::Settings;
/// let four = Rans { lanes: Some(4) };
/// let settings = four.settings()?;
/// assert_eq!(settings.to_string(), r#"{"lanes":4}"#);
/// let again = Registry::default().named("Rans")?.configured(&settings)?;
/// assert_eq!(format!("{again:?}"), format!("{four:?}"));
///
/// let typo: Settings = r#"{"lane":4}"#.parse()?;
/// assert!(Rans::default().configured(&typo).unwrap_err().to_string().contains("unknown field `lane`"));
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(serde_json::Value);

impl Settings {
    /// The settings that serde finds in a part.
    ///
    /// # Errors
    /// [`Error::Settings`] when the part cannot stand in JSON.
    pub fn of<T: Serialize>(name: &'static str, part: &T) -> Result<Self> {
        serde_json::to_value(part).map(Self).map_err(|error| Error::settings(name, error))
    }

    /// A part with these settings.
    ///
    /// # Errors
    /// [`Error::Settings`] with the name of the part and what is wrong: an unknown field, a value of another type.
    pub fn to<T: DeserializeOwned>(&self, name: &'static str) -> Result<T> {
        let read = |value: &serde_json::Value| T::deserialize(value).map_err(|error| Error::settings(name, error));
        if self.0.is_null() {
            return read(&self.0).or_else(|_| read(&serde_json::Value::Object(serde_json::Map::new())));
        }
        read(&self.0)
    }
}

impl std::fmt::Display for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Settings {
    type Err = Error;

    fn from_str(json: &str) -> Result<Self> {
        serde_json::from_str(json).map(Self).map_err(|error| Error::settings("JSON", error))
    }
}

/// Writes `settings` and `configured` of a [`Codec`](crate::codec::Codec),
/// [`Partitioner`](crate::partition::Partitioner) or [`Pruner`](crate::prune::Pruner) by serde.
///
/// The trait is named first. A check of values that a type allows and the part does not may follow: a function from
/// `Self` to `Result<Self>`.
///
/// ```
/// use losslaw::codec::{Codec, CodecId, Encoded};
/// use losslaw::{Budget, Lane, Result};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Rotate { by: u32 }
///
/// impl Codec for Rotate {
///     losslaw::saved_by_serde!(Codec);
/// #   fn id(&self) -> CodecId { CodecId(0x8003) }
/// #   fn name(&self) -> &'static str { "Rotate" }
/// #   fn arity(&self) -> usize { 1 }
/// #   fn encode(&self, input: &Lane) -> Result<Encoded> { Ok(Encoded { params: vec![], children: vec![input.clone()] }) }
/// #   fn decode(&self, _: &[u8], mut children: Vec<Lane>, _: &mut Budget) -> Result<Lane> { Ok(children.remove(0)) }
///     // … id, name, arity, encode, decode
/// }
/// assert_eq!(Rotate { by: 3 }.settings()?.to_string(), r#"{"by":3}"#);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[macro_export]
macro_rules! saved_by_serde {
    ($seam:path) => {
        $crate::saved_by_serde!($seam, Ok);
    };
    ($seam:path, $check:expr) => {
        fn settings(&self) -> $crate::Result<$crate::settings::Settings> {
            $crate::settings::Settings::of(self.name(), self)
        }

        fn configured(&self, settings: &$crate::settings::Settings) -> $crate::Result<::std::sync::Arc<dyn $seam>> {
            let check: fn(Self) -> $crate::Result<Self> = $check;
            Ok(::std::sync::Arc::new(check(settings.to(self.name())?)?))
        }
    };
}
