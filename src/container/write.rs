//! Writing sections one after the other.

use crc32fast::Hasher;

use super::{END_MAGIC, Kind, MAGIC, MAJOR, MINOR, Tag};
use crate::wire::put_varint;

/// Builds a container in memory.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    entries: Vec<u8>,
    count: u64,
    digest: Hasher,
}

impl Writer {
    /// A container of this kind without sections.
    pub fn new(kind: Kind) -> Self {
        let mut out = MAGIC.to_vec();
        out.extend([MAJOR, MINOR, kind as u8, 0]);
        Self { out, entries: vec![], count: 0, digest: Hasher::new() }
    }

    /// Appends a section and returns how many bytes it took besides its body.
    pub fn section(&mut self, tag: Tag, first: u64, second: u64, body: &[u8]) -> usize {
        let start = self.out.len();
        self.out.push(tag as u8);
        for number in [first, second, body.len() as u64] {
            put_varint(&mut self.out, number);
        }
        self.entries.extend_from_slice(&self.out[start..]);
        self.count += 1;
        self.out.extend_from_slice(body);
        let checksum = crc32fast::hash(&self.out[start..]).to_le_bytes();
        self.digest.update(&checksum);
        self.out.extend(checksum);
        self.out.len() - start - body.len()
    }

    /// Appends the index and the trailer.
    pub fn finish(mut self) -> Vec<u8> {
        let index_at = self.out.len() as u64;
        let mut body = vec![];
        put_varint(&mut body, self.count);
        body.append(&mut self.entries);
        self.section(Tag::Index, 0, 0, &body);
        self.out.extend(index_at.to_le_bytes());
        self.out.extend(self.digest.finalize().to_le_bytes());
        self.out.extend(END_MAGIC);
        self.out
    }
}
