//! The container: checksummed sections, an index at the end, and a digest over all checksums.
//!
//! ```text
//! header   magic (4) · major · minor · kind · 0
//! section  tag · first address (varint) · second address (varint) · body length (varint) · body · CRC-32 of all that
//! …
//! index    a section of tag 0xff: number of sections, then tag, addresses and body length of each
//! trailer  offset of the index (8) · CRC-32 over all section checksums (4) · end magic (4)
//! ```
//!
//! A writer never seeks; a reader without seek reads front to back; a reader with seek begins at the index.
//! A one-shot file has no gaps, no overlaps and no trailing bytes.

mod places;
mod read;
mod summary;
mod write;

pub(crate) use places::{Head, Places, Sections, read_at};
pub use read::{Container, Section};
pub use summary::{BlockSummary, SectionSummary, Summary};
pub(crate) use write::Stream;
pub use write::Writer;

use serde::{Deserialize, Serialize};

/// First bytes of every file. The high bit and the line feed show damage by text-mode transfers.
pub const MAGIC: [u8; 4] = [0x8c, b'L', b'L', b'\n'];

/// Last bytes of every file.
pub const END_MAGIC: [u8; 4] = [0x8c, b'L', b'L', b'.'];

/// The major version that is read and written.
pub const MAJOR: u8 = 5;

/// Minor version written; readers accept any.
pub const MINOR: u8 = 0;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 8;

/// Bytes of the trailer.
pub const TRAILER_BYTES: usize = 16;

/// What a container holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Bytes of no known structure.
    Bytes,
    /// A table.
    Table,
    /// A model in the safetensors format.
    Model,
}

impl Kind {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Table => "a table",
            Self::Model => "a model",
        }
    }
}

/// What a section holds; the numbers are on the wire and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// The whole input as it is.
    Stored = 1,
    /// A stretch of the input under a plan. First address: its number.
    Bytes = 2,
    /// Layout, types and dictionaries of a table.
    Schema = 3,
    /// All trees of a table.
    Trees = 4,
    /// Transforms and shared tables of some columns. Second address: the first column.
    Models = 5,
    /// Rows and irregular lines of a block. First address: the block.
    Block = 6,
    /// Some columns of a block. Addresses: the block, the first column.
    Columns = 7,
    /// The header of a model.
    Header = 8,
    /// How the tensors of a unit are coded, and what their chunks share. First address: the first tensor.
    Tensors = 9,
    /// A chunk of a unit. Addresses: the first tensor, the number of the chunk.
    Weights = 10,
    /// The base of a model.
    Base = 11,
    /// [`Tag::Schema`] as one node of bytes.
    MixedSchema = 16,
    /// The list of all sections.
    Index = 0xff,
}

impl Tag {
    const ALL: [Self; 13] = [
        Self::Stored,
        Self::Bytes,
        Self::Schema,
        Self::Trees,
        Self::Models,
        Self::Block,
        Self::Columns,
        Self::Header,
        Self::Tensors,
        Self::Weights,
        Self::Base,
        Self::MixedSchema,
        Self::Index,
    ];

    /// The name in errors and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored bytes",
            Self::Bytes => "bytes",
            Self::Schema => "schema",
            Self::Trees => "trees",
            Self::Models => "models",
            Self::Block => "block",
            Self::Columns => "columns",
            Self::Header => "model header",
            Self::Tensors => "tensors",
            Self::Weights => "weights",
            Self::Base => "base",
            Self::MixedSchema => "mixed schema",
            Self::Index => "index",
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&tag| tag as u8 == code)
    }
}
