//! Reading a container in places: the index first, sections when they are asked for.

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use crc32fast::Hasher;

use super::read::header;
use super::{Container, END_MAGIC, HEADER_BYTES, Kind, TRAILER_BYTES, Tag};
use crate::wire::{Reader, put_varint};
use crate::{Error, Limits, Result};

/// What stands before the body of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub tag: Tag,
    pub first: u64,
    pub second: u64,
    pub body_bytes: u64,
}

impl Head {
    /// The head as it stands in the file.
    pub fn bytes(self) -> Vec<u8> {
        let mut out = vec![self.tag as u8];
        [self.first, self.second, self.body_bytes].into_iter().for_each(|number| put_varint(&mut out, number));
        out
    }
}

/// Sections that can be read in any order.
pub(crate) trait Sections: Sync {
    /// The heads of all sections but the index, in the order of the file.
    fn heads(&self) -> Vec<Head>;

    /// The body of one of them, its checksum compared.
    fn body(&self, number: usize) -> Result<Cow<'_, [u8]>>;
}

impl Sections for Container<'_> {
    fn heads(&self) -> Vec<Head> {
        let head = |section: &super::Section<'_>| Head {
            tag: section.tag,
            first: section.first,
            second: section.second,
            body_bytes: section.body.len() as u64,
        };
        self.sections().iter().map(head).collect()
    }

    fn body(&self, number: usize) -> Result<Cow<'_, [u8]>> {
        Ok(Cow::Borrowed(self.sections()[number].body))
    }
}

/// A container behind a reader that can seek.
#[derive(Debug)]
pub(crate) struct Places<R> {
    kind: Kind,
    heads: Vec<Head>,
    /// Where each section begins, and where the index does.
    starts: Vec<u64>,
    /// Where the index ends.
    index_end: u64,
    digest: u32,
    reader: Mutex<R>,
}

impl<R: Read + Seek> Places<R> {
    /// Reads header, trailer and index, and no other section.
    pub fn open(mut reader: R, limits: &Limits) -> Result<Self> {
        let end = reader.seek(SeekFrom::End(0))?;
        let fixed = read_at(&mut reader, 0, (HEADER_BYTES as u64).min(end))?;
        let (kind, _) = header(&fixed)?;
        let Some(trailer_at) = end.checked_sub(TRAILER_BYTES as u64).filter(|&at| at >= HEADER_BYTES as u64) else {
            return Err(Error::Truncated { part: "container", needed: (HEADER_BYTES + TRAILER_BYTES) as u64 - end });
        };
        let trailer = read_at(&mut reader, trailer_at, TRAILER_BYTES as u64)?;
        if !trailer.ends_with(&END_MAGIC) {
            return Err(Error::corrupt("container", "the end mark is missing", trailer_at as usize));
        }
        let mut trailer = Reader::new(&trailer, "trailer");
        let (index_at, digest) = (trailer.u64()?, trailer.u32()?);
        let Some(index_bytes) = trailer_at.checked_sub(index_at).filter(|_| index_at >= HEADER_BYTES as u64) else {
            return Err(trailer.corrupt("the offset of the index is wrong"));
        };
        let section = read_at(&mut reader, index_at, index_bytes)?;
        let Some((covered, checksum)) = section.split_last_chunk() else {
            return Err(trailer.corrupt("the offset of the index is wrong"));
        };
        if crc32fast::hash(covered) != u32::from_le_bytes(*checksum) {
            return Err(Error::Checksum { part: Tag::Index.name(), index: 0 });
        }
        let mut index = Reader::new(covered, Tag::Index.name());
        if (index.u8()?, index.varint()?, index.varint()?) != (Tag::Index as u8, 0, 0) {
            return Err(index.corrupt("there is no index"));
        }
        let body = index.bytes()?;
        index.end()?;
        let (heads, mut starts) = read_index(body, limits)?;
        // Sections fill the file up to the index.
        let mut at = HEADER_BYTES as u64;
        for head in &heads {
            starts.push(at);
            let own = (head.bytes().len() as u64 + 4).checked_add(head.body_bytes);
            at = own.and_then(|own| at.checked_add(own)).unwrap_or(u64::MAX);
        }
        starts.push(at);
        if at != index_at {
            return Err(index.corrupt("the sections do not fill the file"));
        }
        Ok(Self { kind, heads, starts, index_end: trailer_at, digest, reader: Mutex::new(reader) })
    }

    /// What the container holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Compares the digest with the checksums of all sections, without their bodies.
    ///
    /// # Errors
    /// [`Error::Checksum`] if they differ, [`Error::Truncated`] if the file has shrunk since it was opened.
    pub fn check_digest(&self) -> Result<()> {
        let mut digest = Hasher::new();
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        for &next in &self.starts[1..] {
            digest.update(&read_at(&mut *reader, next - 4, 4)?);
        }
        digest.update(&read_at(&mut *reader, self.index_end - 4, 4)?);
        if digest.finalize() != self.digest {
            return Err(Error::Checksum { part: "all sections", index: 0 });
        }
        Ok(())
    }
}

impl<R: Read + Seek + Send> Sections for Places<R> {
    fn heads(&self) -> Vec<Head> {
        self.heads.clone()
    }

    fn body(&self, number: usize) -> Result<Cow<'_, [u8]>> {
        let (head, start) = (self.heads[number], self.starts[number]);
        let section = {
            let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            read_at(&mut *reader, start, self.starts[number + 1] - start)?
        };
        let own = head.bytes();
        let (covered, checksum) = section.split_last_chunk().expect("a section has a checksum");
        if !covered.starts_with(&own) {
            return Err(Error::corrupt(head.tag.name(), "an entry does not match its section", 0));
        }
        if crc32fast::hash(covered) != u32::from_le_bytes(*checksum) {
            return Err(Error::Checksum { part: head.tag.name(), index: number as u64 });
        }
        Ok(Cow::Owned(covered[own.len()..].to_vec()))
    }
}

fn read_index(body: &[u8], limits: &Limits) -> Result<(Vec<Head>, Vec<u64>)> {
    let mut reader = Reader::new(body, Tag::Index.name());
    let asked = reader.varint()?;
    if asked > limits.sections {
        return Err(Error::LimitExceeded { what: "sections", asked, allowed: limits.sections });
    }
    // Four bytes of the index list a section.
    if asked > body.len() as u64 / 4 {
        return Err(reader.corrupt("the number of sections is wrong"));
    }
    let mut heads = Vec::with_capacity(asked as usize);
    for _ in 0..asked {
        let tag = Tag::from_code(reader.u8()?).ok_or_else(|| reader.corrupt("unknown kind of section"))?;
        heads.push(Head { tag, first: reader.varint()?, second: reader.varint()?, body_bytes: reader.varint()? });
    }
    reader.end()?;
    Ok((heads, Vec::with_capacity(asked as usize + 1)))
}

/// So many bytes from an offset on; they are known to be there.
pub(crate) fn read_at(reader: &mut (impl Read + Seek), at: u64, count: u64) -> Result<Vec<u8>> {
    reader.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![];
    let asked = usize::try_from(count).unwrap_or(usize::MAX);
    let refused = |_| Error::LimitExceeded { what: "memory", asked: count, allowed: 0 };
    bytes.try_reserve_exact(asked).map_err(refused)?;
    reader.take(count).read_to_end(&mut bytes)?;
    if bytes.len() < asked {
        return Err(Error::Truncated { part: "file", needed: (asked - bytes.len()) as u64 });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::container::Writer;

    fn file() -> Vec<u8> {
        let mut writer = Writer::new(Kind::Bytes);
        for number in 0..40u64 {
            writer.section(Tag::Bytes, number, 7, &vec![number as u8; number as usize * 9]);
        }
        writer.finish()
    }

    #[test]
    fn sections_are_the_same_in_places_and_from_front_to_back() {
        let file = file();
        let whole = Container::open(&file, &Limits::default()).unwrap();
        let places = Places::open(Cursor::new(&file), &Limits::default()).unwrap();
        places.check_digest().unwrap();
        assert_eq!((places.kind(), places.heads()), (Kind::Bytes, whole.heads()));
        for number in (0..40).rev() {
            assert_eq!(places.body(number).unwrap(), whole.body(number).unwrap());
        }
    }

    #[test]
    fn a_file_that_shrinks_while_it_is_read_is_truncated() {
        let file = file();
        for left in [0, 3, TRAILER_BYTES, file.len() / 2, file.len() - TRAILER_BYTES - 1] {
            let places = Places::open(Cursor::new(file.clone()), &Limits::default()).unwrap();
            places.reader.lock().unwrap().get_mut().truncate(left);
            assert!(matches!(places.check_digest(), Err(Error::Truncated { part: "file", .. })), "{left} bytes left");
        }
    }

    #[test]
    fn any_changed_byte_is_found_by_whoever_reads_it() {
        let file = file();
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << (at % 8);
            let read = |damaged| -> Result<()> {
                let places = Places::open(Cursor::new(damaged), &Limits::default())?;
                places.check_digest()?;
                (0..40).try_for_each(|number| places.body(number).map(drop))
            };
            // The kind and the minor version have no checksum of their own.
            assert!(read(damaged).is_err() || matches!(at, 5 | 6), "byte {at}");
        }
        for end in 0..file.len() {
            assert!(Places::open(Cursor::new(&file[..end]), &Limits::default()).is_err(), "cut at {end}");
        }
    }
}
