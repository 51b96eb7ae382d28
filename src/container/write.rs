//! Writing sections one after the other.

use std::io::Write;

use crc32fast::Hasher;

use super::{END_MAGIC, HEADER_BYTES, Head, Kind, MAGIC, MAJOR, MINOR, Tag};
use crate::Result;
use crate::wire::put_varint;

/// Writes a container to whatever takes bytes; only the index is kept in memory.
#[derive(Debug)]
pub(crate) struct Stream<W> {
    out: W,
    at: u64,
    entries: Vec<u8>,
    count: u64,
    digest: Hasher,
}

impl<W: Write> Stream<W> {
    /// A container of this kind without sections.
    pub fn new(kind: Kind, mut out: W) -> Result<Self> {
        out.write_all(&MAGIC)?;
        out.write_all(&[MAJOR, MINOR, kind as u8, 0])?;
        Ok(Self { out, at: HEADER_BYTES as u64, entries: vec![], count: 0, digest: Hasher::new() })
    }

    /// Appends a section and returns how many bytes it took besides its body.
    pub fn section(&mut self, tag: Tag, first: u64, second: u64, body: &[u8]) -> Result<usize> {
        let head = Head { tag, first, second, body_bytes: body.len() as u64 }.bytes();
        let mut hasher = Hasher::new();
        hasher.update(&head);
        hasher.update(body);
        let checksum = hasher.finalize().to_le_bytes();
        self.entries.extend_from_slice(&head);
        self.count += 1;
        self.digest.update(&checksum);
        self.out.write_all(&head)?;
        self.out.write_all(body)?;
        self.out.write_all(&checksum)?;
        let besides = head.len() + checksum.len();
        self.at += (besides + body.len()) as u64;
        Ok(besides)
    }

    /// Appends the index and the trailer; returns the output and how many bytes it was given.
    pub fn finish(mut self) -> Result<(W, u64)> {
        let index_at = self.at;
        let mut body = vec![];
        put_varint(&mut body, self.count);
        body.append(&mut self.entries);
        self.section(Tag::Index, 0, 0, &body)?;
        self.out.write_all(&index_at.to_le_bytes())?;
        self.out.write_all(&self.digest.finalize().to_le_bytes())?;
        self.out.write_all(&END_MAGIC)?;
        self.out.flush()?;
        Ok((self.out, self.at + super::TRAILER_BYTES as u64))
    }
}

/// Builds a container in memory.
#[derive(Debug)]
pub struct Writer(Stream<Vec<u8>>);

impl Writer {
    /// A container of this kind without sections.
    pub fn new(kind: Kind) -> Self {
        Self(Stream::new(kind, vec![]).expect(GROWS))
    }

    /// Appends a section and returns how many bytes it took besides its body.
    pub fn section(&mut self, tag: Tag, first: u64, second: u64, body: &[u8]) -> usize {
        self.0.section(tag, first, second, body).expect(GROWS)
    }

    /// Appends the index and the trailer.
    pub fn finish(self) -> Vec<u8> {
        self.0.finish().expect(GROWS).0
    }
}

const GROWS: &str = "a vector takes all bytes";
