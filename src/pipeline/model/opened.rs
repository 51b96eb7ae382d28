//! A model file whose header is read and whose units are found.

use std::ops::Range;

use super::against::Against;
use super::header;
use super::unit::Unit;
use crate::container::{self, Sections, Tag};
use crate::model::{Fingerprint, Header};
use crate::pipeline::Decoder;
use crate::wire::Reader;
use crate::{Budget, Error, Result};

/// The sections of one unit, by number.
pub(super) struct UnitSections {
    pub unit: Unit,
    pub head: usize,
    pub chunks: Range<usize>,
}

/// A model file whose header is read and whose units are found.
pub struct Opened {
    pub text: Vec<u8>,
    pub header: Header,
    /// What the file names, and what the decoder has of it.
    pub base: Option<Fingerprint>,
    pub against: Option<Against>,
    pub(super) units: Vec<UnitSections>,
    pub budget: Budget,
}

impl Opened {
    /// Reads the header and finds the sections of each unit.
    pub fn new(decoder: &Decoder, sections: &dyn Sections) -> Result<Self> {
        let mut budget = Budget::new(&decoder.limits);
        let missing = |tag: Tag| Error::Corrupt { part: tag.name(), what: "the section is missing", at: 0 };
        let wrong = |head: &container::Head, what| Error::corrupt(head.tag.name(), what, 0);
        let heads = sections.heads();
        let first = heads.first().ok_or_else(|| missing(Tag::Header))?;
        if (first.tag, first.first, first.second) != (Tag::Header, 0, 0) {
            return Err(missing(Tag::Header));
        }
        let text = header::read(decoder, &sections.body(0)?, &mut budget)?;
        let header = Header::parse(&text)
            .map_err(|_| Error::corrupt(first.tag.name(), "the text is no header of a safetensors file", 0))?;
        let asked = (header.data_bytes() as u64).saturating_add(text.len() as u64 + 8);
        let allowed = decoder.limits.output_bytes;
        if asked > allowed {
            return Err(Error::LimitExceeded { what: "output bytes", asked, allowed });
        }
        if Unit::least(header.data_bytes()) > heads.len() {
            return Err(missing(Tag::Tensors));
        }
        let mut at = 1;
        let mut base = None;
        if let Some(head) = heads.get(at).filter(|head| head.tag == Tag::Base) {
            if (head.first, head.second) != (0, 0) {
                return Err(wrong(head, "a base has no number"));
            }
            base = Some(fingerprint(&sections.body(at)?)?);
            at += 1;
        }
        let against = decoder.base.as_ref().filter(|given| Some(given.fingerprint()) == base);
        let against = against.map(|base| Against::new(base, &header.tensors));
        let mut units = vec![];
        for unit in Unit::divide(&header.tensors) {
            budget.spend((unit.rows.len() * size_of::<usize>()) as u64)?;
            let head = heads.get(at).ok_or_else(|| missing(Tag::Tensors))?;
            if (head.tag, head.first, head.second) != (Tag::Tensors, unit.tensors[0] as u64, unit.part as u64) {
                return Err(wrong(head, "tensors are out of order"));
            }
            let chunks = at + 1..at + 1 + heads[at + 1..].iter().take_while(|next| next.tag == Tag::Weights).count();
            for (number, chunk) in (0..).zip(&heads[chunks.clone()]) {
                if (chunk.first, chunk.second) != (head.first, unit.chunk_address(number)) {
                    return Err(wrong(chunk, "chunks are out of order"));
                }
            }
            units.push(UnitSections { unit, head: at, chunks: chunks.clone() });
            at = chunks.end;
        }
        match heads.get(at) {
            Some(head) => Err(wrong(head, "a section has no place in a model")),
            None => Ok(Self { text, header, base, against, units, budget }),
        }
    }
}

/// The base that a section names.
fn fingerprint(body: &[u8]) -> Result<Fingerprint> {
    let mut reader = Reader::new(body, Tag::Base.name());
    let bytes = reader.varint()?;
    let hash = *reader.take(16)?.first_chunk().expect("sixteen were taken");
    reader.end()?;
    Ok(Fingerprint { bytes, hash })
}
