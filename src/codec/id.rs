//! Every wire id of a codec, in one place. An id is never reused; a retired one keeps its line.

use serde::{Deserialize, Serialize};

/// Names a codec in a file.
///
/// Ids below [`CodecId::FIRST_USER`] belong to this crate; the rest are free for codecs of other crates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CodecId(pub u16);

impl CodecId {
    /// Words as they are.
    pub const STORE: Self = Self(0);
    /// Runs of equal words.
    pub const RLE: Self = Self(1);
    /// Canonical prefix codes.
    pub const HUFFMAN: Self = Self(2);
    /// Static range asymmetric numeral systems.
    pub const RANS: Self = Self(3);
    /// Words cut to the width of the largest.
    pub const BIT_PACK: Self = Self(4);
    /// Differences to earlier words.
    pub const DELTA: Self = Self(5);
    /// Minimum and greatest common divisor taken out.
    pub const STANDARDISE: Self = Self(6);
    /// Rare large words set apart.
    pub const DENOISE: Self = Self(7);
    /// Distinct words and their indices.
    pub const DICTIONARY: Self = Self(8);
    /// Ranges of words and offsets inside them.
    pub const BINS: Self = Self(9);
    /// Earlier stretches repeated.
    pub const LZ77: Self = Self(10);
    /// A dictionary that grows by one string with each code.
    pub const LZ78: Self = Self(11);
    /// Bytes of different weight apart.
    pub const PLANES: Self = Self(12);
    /// Bits of different weight apart.
    pub const BIT_PLANES: Self = Self(13);
    /// One word for each group, and exceptions.
    pub const MAP: Self = Self(14);
    /// One word, however often.
    pub const CONSTANT: Self = Self(15);
    /// Samples less what their neighbours predict.
    pub const LMS: Self = Self(16);
    /// Bytes by mixed predictions of many contexts.
    pub const CONTEXT_MIX: Self = Self(17);
    /// Words of a vocabulary.
    pub const TOKENS: Self = Self(18);
    /// First id that this crate will never use.
    pub const FIRST_USER: Self = Self(0x8000);
}

impl std::fmt::Display for CodecId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
