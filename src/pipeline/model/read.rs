//! Reading a model, or one tensor of it.

use std::borrow::Cow;

use super::against::Against;
use super::method::{Method, Shared};
use super::share;
use super::unit::Unit;
use crate::container::{Container, Section, Tag};
use crate::limits::MAX_LANE_LEN;
use crate::model::{Base, Fingerprint, Header, MAX_HEADER_BYTES, Tensor, TensorInfo};
use crate::pipeline::Decoder;
use crate::report::TensorReport;
use crate::threads::each;
use crate::wire::Reader;
use crate::{Budget, Error, Lane, Result};

/// Memory that reading a header takes, in units of its length: a dimension of two bytes becomes a word of eight in a
/// list that may be half empty.
const HEADER_COST: u64 = 16;

/// The sections of one unit.
struct UnitSections<'c, 'a> {
    unit: Unit,
    head: &'c Section<'a>,
    chunks: &'c [Section<'a>],
}

/// A model file, its header read.
struct Opened<'c, 'a> {
    text: Vec<u8>,
    header: Header,
    base: Option<Fingerprint>,
    against: Option<Against<'c>>,
    units: Vec<UnitSections<'c, 'a>>,
    budget: Budget,
}

/// Reads the header and finds the sections of each unit.
fn open<'c, 'a>(decoder: &'c Decoder, container: &'c Container<'a>) -> Result<Opened<'c, 'a>> {
    let mut budget = Budget::new(&decoder.limits);
    let missing = |tag: Tag| Error::Corrupt { part: tag.name(), what: "the section is missing", at: 0 };
    let (first, mut sections) = container.sections().split_first().ok_or_else(|| missing(Tag::Header))?;
    if (first.tag, first.first, first.second) != (Tag::Header, 0, 0) {
        return Err(missing(Tag::Header));
    }
    let text = read_text(decoder, first, &mut budget)?;
    let no_model = |_| first.reader().corrupt("the text is no header of a safetensors file");
    let header = Header::parse(&text).map_err(no_model)?;
    let asked = (header.data_bytes() as u64).saturating_add(text.len() as u64 + 8);
    let allowed = decoder.limits.output_bytes;
    if asked > allowed {
        return Err(Error::LimitExceeded { what: "output bytes", asked, allowed });
    }
    let (first, rest) = sections.split_first().unzip();
    let base = first.filter(|section| section.tag == Tag::Base).map(fingerprint).transpose()?;
    if base.is_some() {
        sections = rest.unwrap_or_default();
    }
    let against = decoder.base.as_ref().filter(|given| Some(given.fingerprint()) == base);
    let against = against.map(|base| Against::new(base, &header.tensors));
    let mut units = vec![];
    for unit in Unit::divide(&header.tensors) {
        budget.spend((unit.rows.len() * size_of::<usize>()) as u64)?;
        let (head, rest) = sections.split_first().ok_or_else(|| missing(Tag::Tensors))?;
        if (head.tag, head.first, head.second) != (Tag::Tensors, unit.tensors[0] as u64, 0) {
            return Err(head.reader().corrupt("tensors are out of order"));
        }
        let own = rest.iter().take_while(|section| section.tag == Tag::Weights).count();
        units.push(UnitSections { unit, head, chunks: &rest[..own] });
        sections = &rest[own..];
    }
    match sections.first() {
        Some(section) => Err(section.reader().corrupt("a section has no place in a model")),
        None => Ok(Opened { text, header, base, against, units, budget }),
    }
}

/// The base that a section names.
fn fingerprint(section: &Section<'_>) -> Result<Fingerprint> {
    let mut reader = section.reader();
    let bytes = reader.varint()?;
    let hash = *reader.take(16)?.first_chunk().expect("sixteen were taken");
    reader.end()?;
    if (section.first, section.second) != (0, 0) {
        return Err(section.reader().corrupt("a base has no number"));
    }
    Ok(Fingerprint { bytes, hash })
}

fn read_text(decoder: &Decoder, section: &Section<'_>, budget: &mut Budget) -> Result<Vec<u8>> {
    let mut reader = section.reader();
    let len = reader.varint_to(MAX_HEADER_BYTES as u64, "the header is too long")? as usize;
    budget.spend(len as u64 * HEADER_COST)?;
    let checksum = reader.u32()?;
    let mut text = vec![];
    while text.len() < len {
        let Lane::U8(stretch) = decoder.registry.decode(reader.bytes()?, budget)? else {
            return Err(reader.corrupt("the header does not hold bytes"));
        };
        if stretch.is_empty() || stretch.len() > len - text.len() {
            return Err(reader.corrupt("the header has the wrong length"));
        }
        text.extend(stretch);
    }
    reader.end()?;
    if crc32fast::hash(&text) != checksum {
        return Err(Error::Checksum { part: "decoded header", index: 0 });
    }
    Ok(text)
}

/// What a unit turned out to be.
enum Restored {
    Bytes(Vec<u8>),
    Equal { tensor: usize, checksum: u32 },
}

impl Opened<'_, '_> {
    /// Checks that the decoder has the base which the file names, if it names one.
    fn check_base(&self, decoder: &Decoder) -> Result<()> {
        match (self.base, decoder.base.as_ref().map(Base::fingerprint)) {
            (Some(needed), None) => Err(Error::MissingBase { needed }),
            (Some(needed), Some(given)) if needed != given => Err(Error::WrongBase { needed, given }),
            _ => Ok(()),
        }
    }

    /// The base for a unit that needs it.
    fn against(&self, reader: &Reader<'_>) -> Result<&Against<'_>> {
        self.against.as_ref().ok_or_else(|| reader.corrupt("tensors need a base that the file does not name"))
    }

    /// The bytes of a unit that are in the base.
    fn of_base(&self, mut reader: Reader<'_>, unit: &Unit) -> Result<Vec<u8>> {
        let against = self.against(&reader)?;
        let number = reader.varint_to(against.base.infos().len() as u64, "the base has no such tensor")? as usize;
        let checksum = reader.u32()?;
        reader.end()?;
        let bytes = match number.checked_sub(1) {
            None => against.bytes(unit, &self.header.tensors),
            Some(number) => against.base.data(number).into(),
        };
        if bytes.len() != unit.words * unit.form.kind.width() {
            return Err(reader.corrupt("a tensor of the base has another length"));
        }
        if crc32fast::hash(&bytes) != checksum {
            return Err(Error::Checksum { part: "tensor of the base", index: unit.tensors[0] as u64 });
        }
        Ok(bytes.into_owned())
    }

    /// The bytes of the base for a unit, in the order of its chunks.
    fn base_bytes(&self, shared: &Shared, unit: &Unit, head: &Reader<'_>) -> Result<Option<Cow<'_, [u8]>>> {
        if !shared.is_against {
            return Ok(None);
        }
        let bytes = self.against(head)?.bytes(unit, &self.header.tensors);
        if !shared.reorders() {
            return Ok(Some(bytes));
        }
        self.budget.clone().spend(3 * bytes.len() as u64)?;
        Ok(Some(unit.form.bytes(shared.turned(unit.form.words(&bytes))).into()))
    }

    /// The bytes of a unit, or which earlier tensor has them.
    fn restore(&self, decoder: &Decoder, number: usize) -> Result<Restored> {
        let UnitSections { unit, head, chunks } = &self.units[number];
        let mut reader = head.reader();
        let method = Method::read(&mut reader)?;
        if method == Method::Equal {
            let tensor = reader.varint_to(unit.tensors[0] as u64, "an equal tensor is no earlier one")? as usize;
            let checksum = reader.u32()?;
            reader.end()?;
            if !chunks.is_empty() || unit.tensors.len() > 1 {
                return Err(reader.corrupt("only one tensor without chunks can be equal to another"));
            }
            return Ok(Restored::Equal { tensor, checksum });
        }
        if method == Method::Base {
            if !chunks.is_empty() {
                return Err(reader.corrupt("a unit of the base has no chunks"));
            }
            return self.of_base(reader, unit).map(Restored::Bytes);
        }
        let most = MAX_LANE_LEN.min(unit.words) as u64;
        let chunk_words = reader.varint_to(most, "a chunk has too many words")? as usize;
        let mut budget = self.budget.clone();
        let shared = Shared::read(method, reader.bytes()?, unit, &mut budget)?;
        let base = self.base_bytes(&shared, unit, &reader)?;
        let row = shared.row(unit);
        // The last chunk, which may be the only one, has whatever is left.
        let is_cut = chunk_words < unit.words && row > 0 && chunk_words > row;
        if chunk_words == 0 || (is_cut && !chunk_words.is_multiple_of(row)) {
            return Err(reader.corrupt("a chunk is no whole number of rows"));
        }
        let count = unit.words.div_ceil(chunk_words);
        let mut bytes = vec![];
        if count == 1 {
            self.chunk(decoder, unit, &shared, base.as_deref(), unit.words, reader, 0, &mut bytes)?;
        } else {
            reader.end()?;
        }
        if chunks.len() != if count == 1 { 0 } else { count } {
            return Err(head.reader().corrupt("the number of chunks is wrong"));
        }
        for (at, section) in chunks.iter().enumerate() {
            if (section.first, section.second) != (head.first, at as u64) {
                return Err(section.reader().corrupt("chunks are out of order"));
            }
            let words = chunk_words.min(unit.words - at * chunk_words);
            let base = base.as_ref().map(|base| &base[bytes.len()..bytes.len() + words * unit.form.kind.width()]);
            self.chunk(decoder, unit, &shared, base, words, section.reader(), at as u64, &mut bytes)?;
        }
        if shared.reorders() {
            let words = shared.restore(unit.form.words(&bytes));
            bytes = unit.form.bytes(words);
        }
        Ok(Restored::Bytes(bytes))
    }

    /// Appends the bytes of a chunk.
    #[expect(clippy::too_many_arguments, reason = "what a chunk needs of its unit and its decoder")]
    fn chunk(
        &self,
        decoder: &Decoder,
        unit: &Unit,
        shared: &Shared,
        base: Option<&[u8]>,
        words: usize,
        mut reader: Reader<'_>,
        number: u64,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let checksum = reader.u32()?;
        let mut budget = self.budget.clone();
        budget.spend(base.map_or(0, |base| base.len() as u64))?;
        let base = base.map(|base| unit.form.words(base));
        let words = shared.decode(&mut reader, words, base.as_ref(), unit, &decoder.registry, &mut budget)?;
        let bytes = unit.form.bytes(words);
        if crc32fast::hash(&bytes) != checksum {
            return Err(Error::Checksum { part: "decoded weights of chunk", index: number });
        }
        out.extend(bytes);
        Ok(())
    }

    /// The unit of one large tensor.
    fn unit_of(&self, tensor: usize) -> Result<usize> {
        let found = self.units.binary_search_by_key(&tensor, |own| own.unit.tensors[0]);
        found.ok().filter(|&at| self.units[at].unit.tensors.len() == 1).ok_or_else(unequal)
    }

    /// The bytes of one tensor.
    fn tensor(&self, decoder: &Decoder, number: usize) -> Result<Vec<u8>> {
        let mut places = self.units.iter().enumerate().flat_map(|(at, own)| {
            own.unit.places(&self.header.tensors).map(move |(tensor, place)| (tensor, at, place))
        });
        let Some((_, unit, place)) = places.find(|&(tensor, ..)| tensor == number) else {
            // It has no bytes.
            return Ok(vec![]);
        };
        match self.restore(decoder, unit)? {
            Restored::Bytes(bytes) => Ok(bytes[place].to_vec()),
            Restored::Equal { tensor, checksum } => match self.restore(decoder, self.unit_of(tensor)?)? {
                Restored::Bytes(bytes) => Ok(self.equal(number, &bytes, checksum)?.to_vec()),
                Restored::Equal { .. } => Err(unequal()),
            },
        }
    }

    /// Checks that the bytes of another tensor are those of tensor `number`.
    fn equal<'b>(&self, number: usize, bytes: &'b [u8], checksum: u32) -> Result<&'b [u8]> {
        if bytes.len() != self.header.tensors[number].range.len() {
            return Err(unequal());
        }
        if crc32fast::hash(bytes) != checksum {
            return Err(Error::Checksum { part: "decoded tensor", index: number as u64 });
        }
        Ok(bytes)
    }
}

fn unequal() -> Error {
    Error::corrupt("tensors", "a tensor cannot be equal to the one it names", 0)
}

/// Decodes a model to its safetensors file.
pub fn decompress(decoder: &Decoder, container: &Container<'_>) -> Result<Vec<u8>> {
    let opened = open(decoder, container)?;
    opened.check_base(decoder)?;
    let tensors = &opened.header.tensors;
    let restored = each(decoder.threads, opened.units.len(), |number| opened.restore(decoder, number))?;
    let start = 8 + opened.text.len();
    let end = start + opened.header.data_bytes();
    let mut out = vec![];
    let refused = |_| Error::LimitExceeded { what: "memory for the output", asked: end as u64, allowed: 0 };
    out.try_reserve_exact(end).map_err(refused)?;
    out.extend((opened.text.len() as u64).to_le_bytes());
    out.extend_from_slice(&opened.text);
    out.resize(end, 0);
    let place = |number: usize| start + tensors[number].range.start..start + tensors[number].range.end;
    for (own, restored) in opened.units.iter().zip(&restored) {
        if let Restored::Bytes(bytes) = restored {
            own.unit.places(tensors).for_each(|(number, own)| out[place(number)].copy_from_slice(&bytes[own]));
        }
    }
    for (own, outcome) in opened.units.iter().zip(&restored) {
        if let Restored::Equal { tensor, checksum } = outcome {
            let Restored::Bytes(bytes) = &restored[opened.unit_of(*tensor)?] else { return Err(unequal()) };
            let number = own.unit.tensors[0];
            out[place(number)].copy_from_slice(opened.equal(number, bytes, *checksum)?);
        }
    }
    Ok(out)
}

/// Decodes one tensor.
pub fn tensor(decoder: &Decoder, container: &Container<'_>, name: &str) -> Result<Option<Tensor>> {
    let opened = open(decoder, container)?;
    let Some(number) = opened.header.tensors.iter().position(|tensor| tensor.name == name) else {
        return Ok(None);
    };
    opened.check_base(decoder)?;
    let TensorInfo { name, dtype, shape, .. } = &opened.header.tensors[number];
    Ok(Some(Tensor::new(name, *dtype, shape, opened.tensor(decoder, number)?)?))
}

/// The base that a file names.
pub fn base(decoder: &Decoder, container: &Container<'_>) -> Result<Option<Fingerprint>> {
    open(decoder, container).map(|opened| opened.base)
}

/// The tensors of a file by its header and the heads of its units; no weight is decoded.
pub fn tensors(decoder: &Decoder, container: &Container<'_>) -> Result<Vec<TensorReport>> {
    let opened = open(decoder, container)?;
    let tensors = &opened.header.tensors;
    let mut listed: Vec<TensorReport> = tensors.iter().map(TensorReport::of).collect();
    for UnitSections { unit, head, chunks } in &opened.units {
        let method = Method::read(&mut head.reader())?;
        let bytes = head.body.len() + chunks.iter().map(|chunk| chunk.body.len()).sum::<usize>();
        share(&mut listed, unit, tensors, method.name(), method.base_use(), bytes);
    }
    Ok(listed)
}
