//! What a container is made of, for people and scripts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Container, Kind, Section, Tag};
use crate::Result;

/// The make-up of a container. Bytes of `sections` and `frame_bytes` sum to the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What the container holds.
    pub kind: Kind,
    /// Major and minor version of the format.
    pub version: (u8, u8),
    /// Bytes of the header, the index and the trailer.
    pub frame_bytes: u64,
    /// Sections by what they hold, in the order of their first appearance.
    pub sections: Vec<SectionSummary>,
    /// Blocks by number: stretches of rows, or of bytes.
    pub blocks: Vec<BlockSummary>,
}

/// All sections that hold the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionSummary {
    /// [`Tag::name`].
    pub name: String,
    /// How many there are.
    pub count: u64,
    /// Their bytes, heads and checksums included.
    pub bytes: u64,
}

/// A stretch of the source that decodes alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSummary {
    /// Its number, from zero.
    pub number: u64,
    /// Rows of a table.
    pub rows: Option<u64>,
    /// Bytes of the source, where they are known without decoding.
    pub source_bytes: Option<u64>,
    /// Bytes of its sections, heads and checksums included.
    pub bytes: u64,
}

impl Container<'_> {
    /// Counts sections and blocks without decoding any.
    ///
    /// # Errors
    /// [`crate::Error::Truncated`] when the head of a block does not say how long the block is.
    ///
    /// ```
    /// use losslaw::{Limits, Pipeline, container::Container};
    /// let packed = Pipeline::builder().build()?.compress(b"three sections of bytes and one of words")?;
    /// let summary = Container::open(&packed.bytes, &Limits::default())?.summary()?;
    /// let sections: u64 = summary.sections.iter().map(|section| section.bytes).sum();
    /// assert_eq!(sections + summary.frame_bytes, packed.bytes.len() as u64);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn summary(&self) -> Result<Summary> {
        let mut sections: Vec<SectionSummary> = vec![];
        let mut blocks = BTreeMap::new();
        for section in self.sections() {
            let (name, bytes) = (section.tag.name(), section.total_bytes as u64);
            match sections.iter_mut().find(|known| known.name == name) {
                Some(known) => (known.count, known.bytes) = (known.count + 1, known.bytes + bytes),
                None => sections.push(SectionSummary { name: name.to_owned(), count: 1, bytes }),
            }
            add_to_block(&mut blocks, section)?;
        }
        Ok(Summary {
            kind: self.kind(),
            version: self.version(),
            frame_bytes: self.frame_bytes() as u64,
            sections,
            blocks: blocks.into_values().collect(),
        })
    }
}

fn add_to_block(blocks: &mut BTreeMap<u64, BlockSummary>, section: &Section<'_>) -> Result<()> {
    if !matches!(section.tag, Tag::Stored | Tag::Bytes | Tag::Block | Tag::Columns) {
        return Ok(());
    }
    let number = section.first;
    let block = blocks.entry(number).or_insert(BlockSummary { number, ..BlockSummary::default() });
    block.bytes += section.total_bytes as u64;
    if section.tag == Tag::Stored {
        block.source_bytes = Some(section.body.len() as u64);
    }
    if section.tag == Tag::Block {
        let mut head = section.reader();
        (block.rows, block.source_bytes) = (Some(head.varint()?), Some(head.varint()?));
    }
    Ok(())
}
