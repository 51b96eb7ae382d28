//! Reading a container from front to back, with every checksum.

use crc32fast::Hasher;

use super::{END_MAGIC, HEADER_BYTES, Kind, MAGIC, MAJOR, TRAILER_BYTES, Tag};
use crate::wire::Reader;
use crate::{Error, Limits, Result};

/// A part of a container whose checksum has been compared.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    /// What it holds.
    pub tag: Tag,
    /// First address, for instance the block.
    pub first: u64,
    /// Second address, for instance the first column.
    pub second: u64,
    /// The content.
    pub body: &'a [u8],
    /// All bytes of the section, its head and checksum included.
    pub total_bytes: usize,
}

impl<'a> Section<'a> {
    /// A reader of the body.
    pub fn reader(&self) -> Reader<'a> {
        Reader::new(self.body, self.tag.name())
    }
}

/// A container whose checksums all hold.
///
/// ```
/// use losslaw::container::{Container, Kind, Tag, Writer};
/// use losslaw::Limits;
/// let mut writer = Writer::new(Kind::Bytes);
/// writer.section(Tag::Stored, 0, 0, b"abc");
/// let file = writer.finish();
/// let container = Container::open(&file, &Limits::default())?;
/// assert_eq!(container.sections()[0].body, b"abc");
/// assert!(Container::open(&file[..file.len() - 1], &Limits::default()).is_err());
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug)]
pub struct Container<'a> {
    kind: Kind,
    version: (u8, u8),
    sections: Vec<Section<'a>>,
    frame_bytes: usize,
}

impl<'a> Container<'a> {
    /// Reads all sections and compares checksums, index and digest.
    ///
    /// # Errors
    /// [`Error::NotAContainer`] and [`Error::UnsupportedVersion`] by the header; [`Error::Truncated`],
    /// [`Error::Checksum`] and [`Error::Corrupt`] by what follows.
    pub fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self> {
        let (kind, version) = header(bytes)?;
        let Some(sections_end) = bytes.len().checked_sub(TRAILER_BYTES).filter(|&end| end >= HEADER_BYTES) else {
            return Err(Error::Truncated {
                part: "container",
                needed: (HEADER_BYTES + TRAILER_BYTES - bytes.len()) as u64,
            });
        };
        if bytes[bytes.len() - END_MAGIC.len()..] != END_MAGIC {
            return Err(Error::Corrupt {
                part: "container",
                what: "the end mark is missing: the file is cut or has bytes behind its end",
                at: bytes.len() as u64,
            });
        }
        let mut reader = Reader::new(&bytes[..sections_end], "container");
        reader.take(HEADER_BYTES)?;
        let (mut sections, mut digest, mut index_at) = (vec![], Hasher::new(), 0);
        while reader.left() > 0 {
            let at = reader.at();
            if sections.len() as u64 >= limits.sections {
                let asked = limits.sections.saturating_add(1);
                return Err(Error::LimitExceeded { what: "sections", asked, allowed: limits.sections });
            }
            sections.push(section(&mut reader, bytes, sections.len() as u64, &mut digest)?);
            index_at = at as u64;
        }
        let mut trailer = Reader::new(&bytes[sections_end..], "trailer");
        if trailer.u64()? != index_at {
            return Err(trailer.corrupt("the offset of the index is wrong"));
        }
        if trailer.u32()? != digest.finalize() {
            return Err(Error::Checksum { part: "all sections", index: 0 });
        }
        let Some(index) = sections.pop().filter(|section| section.tag == Tag::Index) else {
            return Err(trailer.corrupt("there is no index"));
        };
        check_index(&index, &sections)?;
        let frame_bytes = HEADER_BYTES + index.total_bytes + TRAILER_BYTES;
        Ok(Self { kind, version, sections, frame_bytes })
    }

    /// What the container holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Major and minor version of the format.
    pub fn version(&self) -> (u8, u8) {
        self.version
    }

    /// Bytes of the header, the index and the trailer: all that is not in [`Container::sections`].
    pub fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    /// All sections but the index, in the order of the file.
    pub fn sections(&self) -> &[Section<'a>] {
        &self.sections
    }

    /// The section of these addresses.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when there is none.
    pub fn find(&self, tag: Tag, first: u64, second: u64) -> Result<&Section<'a>> {
        let wanted = |s: &&Section<'_>| s.tag == tag && s.first == first && s.second == second;
        self.sections.iter().find(wanted).ok_or(Error::Corrupt {
            part: tag.name(),
            what: "the section is missing",
            at: 0,
        })
    }
}

pub(super) fn header(bytes: &[u8]) -> Result<(Kind, (u8, u8))> {
    if !bytes.starts_with(&MAGIC) {
        return Err(Error::NotAContainer);
    }
    let mut reader = Reader::new(bytes, "header");
    reader.take(MAGIC.len())?;
    let (major, minor) = (reader.u8()?, reader.u8()?);
    if major != MAJOR {
        return Err(Error::UnsupportedVersion { major, minor, supported: MAJOR });
    }
    let kind = match reader.u8()? {
        0 => Kind::Bytes,
        1 => Kind::Table,
        2 => Kind::Model,
        _ => return Err(reader.corrupt("unknown kind of content")),
    };
    if reader.u8()? != 0 {
        return Err(reader.corrupt("unknown flags"));
    }
    Ok((kind, (major, minor)))
}

fn section<'a>(reader: &mut Reader<'a>, bytes: &'a [u8], number: u64, digest: &mut Hasher) -> Result<Section<'a>> {
    let start = reader.at();
    let tag = reader.u8()?;
    let (first, second) = (reader.varint()?, reader.varint()?);
    let body = reader.bytes()?;
    let covered = &bytes[start..reader.at()];
    let checksum = reader.u32()?;
    let tag = Tag::from_code(tag);
    if crc32fast::hash(covered) != checksum {
        return Err(Error::Checksum { part: tag.map_or("section", Tag::name), index: number });
    }
    digest.update(&checksum.to_le_bytes());
    let tag = tag.ok_or_else(|| reader.corrupt("unknown kind of section"))?;
    Ok(Section { tag, first, second, body, total_bytes: reader.at() - start })
}

fn check_index(index: &Section<'_>, sections: &[Section<'_>]) -> Result<()> {
    let mut reader = index.reader();
    if reader.varint()? != sections.len() as u64 {
        return Err(reader.corrupt("the number of sections is wrong"));
    }
    for section in sections {
        let listed = (reader.u8()?, reader.varint()?, reader.varint()?, reader.varint()?);
        if listed != (section.tag as u8, section.first, section.second, section.body.len() as u64) {
            return Err(reader.corrupt("an entry does not match its section"));
        }
    }
    reader.end()
}
