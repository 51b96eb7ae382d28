//! What can go wrong, in four families: a bad file, a short file, a limit, and a caller's own mistake.

use crate::model::Fingerprint;

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every way a call of this crate can fail.
///
/// Errors about a file name the part that was being read and the byte offset inside that part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes break a rule of the format.
    #[error("corrupt {part}: {what} (byte {at} of this part)")]
    Corrupt {
        /// The part of the container that was being read.
        part: &'static str,
        /// The rule that was broken.
        what: &'static str,
        /// Offset inside the part, in bytes.
        at: u64,
    },
    /// The bytes end before the format says they may.
    #[error("input ended inside {part}; {needed} more byte(s) expected")]
    Truncated {
        /// The part of the container that was being read.
        part: &'static str,
        /// How many bytes are missing at least.
        needed: u64,
    },
    /// A checksum does not match: the bytes were changed after they were written.
    #[error("checksum of {part} number {index} does not match: the file was damaged after it was written")]
    Checksum {
        /// The kind of section.
        part: &'static str,
        /// Position of the section in the file, from zero.
        index: u64,
    },
    /// Decoding would need more than the caller allows.
    #[error("limit on {what}: {asked} asked, {allowed} left; raise it in `Limits` if the source is trusted")]
    LimitExceeded {
        /// The limited resource.
        what: &'static str,
        /// What the file asked for.
        asked: u64,
        /// What was left.
        allowed: u64,
    },
    /// The input does not begin like a container of this crate.
    #[error("not a losslaw container: the first bytes are not the magic number")]
    NotAContainer,
    /// The container holds something else than the call asked for.
    #[error("the container holds {found}, not {expected}")]
    WrongKind {
        /// What the container holds.
        found: &'static str,
        /// What was asked for.
        expected: &'static str,
    },
    /// The container was written in a version of the format that this library does not read.
    #[error(
        "container format {major}.{minor}; this library reads {supported}.x: use the release that wrote it, or a newer one"
    )]
    UnsupportedVersion {
        /// Major version in the file.
        major: u8,
        /// Minor version in the file.
        minor: u8,
        /// The major version this library reads.
        supported: u8,
    },
    /// The container holds what differs from a base, and none was given.
    #[error("the model is coded against base {needed}: decode with it")]
    MissingBase {
        /// The base that is needed.
        needed: Fingerprint,
    },
    /// The base that was given is not the one that a model is coded against.
    #[error("the model is coded against base {needed}, not {given}")]
    WrongBase {
        /// The base that is needed.
        needed: Fingerprint,
        /// The base that was given.
        given: Fingerprint,
    },
    /// The file names a codec that the registry does not hold.
    #[error("unknown codec id {0}: decode with a registry that holds it")]
    UnknownCodec(u16),
    /// Two codecs claim the same wire id, or a user codec claims a built-in one.
    #[error("codec id {0} is taken already")]
    DuplicateCodec(u16),
    /// A setting is outside what is allowed.
    #[error("{field} = {got} is outside {allowed}")]
    InvalidConfig {
        /// The setting.
        field: &'static str,
        /// Its value.
        got: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// Settings in JSON do not describe a part, or a part has no settings to write.
    #[error("settings of {part}: {what}")]
    Settings {
        /// The part.
        part: &'static str,
        /// What is wrong.
        what: String,
    },
    /// A codec was given a lane that it cannot code.
    #[error("{codec} cannot code this lane: {why}")]
    Unsuitable {
        /// The codec's name.
        codec: &'static str,
        /// The reason.
        why: &'static str,
    },
    /// The input is no table that could be taken apart into columns.
    #[error("not a table: {0}")]
    NotATable(&'static str),
    /// The input is no safetensors file; the text says why.
    #[error("not a safetensors model: {0}")]
    NotAModel(String),
    /// An observation that a scaling law cannot use.
    #[error("line {line}{} {what}", if column.is_empty() { String::new() } else { format!(", column {column:?}") })]
    BadRun {
        /// Line of the file, or number of the run, from 1.
        line: u64,
        /// The column, empty where the whole line is meant.
        column: Box<str>,
        /// What is wrong.
        what: &'static str,
    },
    /// Observations that do not determine a scaling law.
    #[error("{law} cannot be fitted: {why}")]
    Unfit {
        /// The law.
        law: &'static str,
        /// The reason.
        why: &'static str,
    },
    /// The encoder's own check found that its output does not restore the input; nothing was returned.
    #[error("verification failed in {part}: the output would not restore the input; please report this")]
    Verification {
        /// The part that differs.
        part: &'static str,
    },
    /// Reading or writing failed outside this crate.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

const _: () = assert!(std::mem::size_of::<Error>() <= 64, "an error must be cheap to return");

impl Error {
    /// A broken rule at `at` bytes into `part`.
    pub fn corrupt(part: &'static str, what: &'static str, at: usize) -> Self {
        Self::Corrupt { part, what, at: at as u64 }
    }

    /// Settings that do not fit a part.
    pub fn settings(part: &'static str, what: impl std::fmt::Display) -> Self {
        Self::Settings { part, what: what.to_string() }
    }

    /// A bad cell of an observation.
    pub(crate) fn bad_run(line: u64, column: &str, what: &'static str) -> Self {
        Self::BadRun { line, column: column.into(), what }
    }

    /// A setting outside its range.
    pub fn config(field: &'static str, got: impl std::fmt::Display, allowed: &'static str) -> Self {
        Self::InvalidConfig { field, got: got.to_string(), allowed }
    }
}
