//! Reading a model, one tensor of it, or some rows of one.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;

use super::against::Against;
use super::head::{Coded, Head};
use super::method::Method;
use super::opened::{Opened, UnitSections};
use super::share;
use crate::container::{Container, Sections, Tag};
use crate::model::{Base, Fingerprint, Tensor, TensorInfo};
use crate::pipeline::Decoder;
use crate::report::TensorReport;
use crate::threads::{count, each};
use crate::wire::Reader;
use crate::{Error, Result};

/// Bytes of the output that one thread restores at a time when a model is written piece by piece.
const WINDOW: usize = 32 << 20;

/// What a unit turned out to be.
enum Restored {
    Bytes(Vec<u8>),
    Equal { tensor: usize, checksum: u32 },
}

/// A model file and all that is needed to read its weights.
#[derive(Clone, Copy)]
pub struct Reading<'s> {
    pub decoder: &'s Decoder,
    pub sections: &'s dyn Sections,
    pub opened: &'s Opened,
}

impl Reading<'_> {
    fn infos(&self) -> &[TensorInfo] {
        &self.opened.header.tensors
    }

    fn head(&self, number: usize) -> Result<Head> {
        let UnitSections { unit, head, chunks } = &self.opened.units[number];
        Head::read(unit, &self.sections.body(*head)?, chunks.len(), &self.opened.budget)
    }

    /// Checks that the decoder has the base which the file names, if it names one.
    fn check_base(&self) -> Result<()> {
        match (self.opened.base, self.decoder.base.as_ref().map(Base::fingerprint)) {
            (Some(needed), None) => Err(Error::MissingBase { needed }),
            (Some(needed), Some(given)) if needed != given => Err(Error::WrongBase { needed, given }),
            _ => Ok(()),
        }
    }

    /// The base for a unit that needs it.
    fn against(&self) -> Result<&Against> {
        let unnamed = || Error::corrupt(Tag::Tensors.name(), "tensors need a base that the file does not name", 0);
        self.opened.against.as_ref().ok_or_else(unnamed)
    }

    /// The bytes of a unit that are in the base; see [`Head::Base`].
    fn of_base(&self, number: usize, tensor: u64, checksum: u32) -> Result<Cow<'_, [u8]>> {
        let corrupt = |what| Error::corrupt(Tag::Tensors.name(), what, 0);
        let against = self.against()?;
        let unit = &self.opened.units[number].unit;
        let bytes = match tensor.checked_sub(1) {
            None => against.bytes(unit, self.infos()),
            Some(tensor) if tensor >= against.base.infos().len() as u64 => {
                return Err(corrupt("the base has no such tensor"));
            }
            Some(tensor) => {
                let named = against.named(tensor as usize, unit, self.infos());
                named.ok_or_else(|| corrupt("a tensor of the base has another length"))?.into()
            }
        };
        if crc32fast::hash(&bytes) != checksum {
            return Err(Error::Checksum { part: "tensor of the base", index: unit.tensors[0] as u64 });
        }
        Ok(bytes)
    }

    /// The bytes of the chunks from one number to another, in the order in which they are coded.
    fn chunks(&self, number: usize, coded: &Coded, wanted: Range<usize>) -> Result<Vec<u8>> {
        let UnitSections { unit, chunks, .. } = &self.opened.units[number];
        let base = if coded.is_against() {
            Some(coded.turned(self.against()?.bytes(unit, self.infos()), unit, &self.opened.budget)?)
        } else {
            None
        };
        let mut bytes = vec![];
        for at in wanted {
            let body = match coded.only() {
                Some(only) => Cow::Borrowed(only),
                None => self.sections.body(chunks.start + at)?,
            };
            bytes.extend(coded.chunk(self.decoder, unit, at, &body, base.as_deref(), &self.opened.budget)?);
        }
        Ok(bytes)
    }

    fn coded(&self, number: usize, coded: &Coded) -> Result<Vec<u8>> {
        let unit = &self.opened.units[number].unit;
        let bytes = self.chunks(number, coded, 0..coded.count(unit))?;
        coded.restore(unit, bytes, &self.opened.budget)
    }

    /// The bytes of a unit, or which earlier tensor has them.
    fn restore(&self, number: usize) -> Result<Restored> {
        Ok(match self.head(number)? {
            Head::Equal { tensor, checksum } => Restored::Equal { tensor, checksum },
            Head::Base { tensor, checksum } => Restored::Bytes(self.of_base(number, tensor, checksum)?.into_owned()),
            Head::Coded(coded) => Restored::Bytes(self.coded(number, &coded)?),
        })
    }

    /// The bytes of a unit, those of an earlier one if it is equal to it.
    fn whole(&self, number: usize) -> Result<Vec<u8>> {
        match self.restore(number)? {
            Restored::Bytes(bytes) => Ok(bytes),
            Restored::Equal { tensor, checksum } => match self.restore(self.twin(number, tensor)?)? {
                Restored::Bytes(bytes) => self.equal(number, &bytes, checksum).map(|()| bytes),
                Restored::Equal { .. } => Err(unequal()),
            },
        }
    }

    /// Some bytes of a unit; chunks that have none of them are not read.
    fn bytes_of_unit(&self, number: usize, wanted: Range<usize>) -> Result<Vec<u8>> {
        let unit = &self.opened.units[number].unit;
        let (at, head) = match self.head(number)? {
            Head::Equal { tensor, .. } => {
                let at = self.twin(number, tensor)?;
                if self.opened.units[at].unit.byte_len() != unit.byte_len() {
                    return Err(unequal());
                }
                (at, self.head(at)?)
            }
            head => (number, head),
        };
        let coded = match head {
            Head::Coded(coded) => coded,
            Head::Base { tensor, checksum } => return Ok(self.of_base(at, tensor, checksum)?[wanted].to_vec()),
            Head::Equal { .. } => return Err(unequal()),
        };
        let unit = &self.opened.units[at].unit;
        if coded.reorders() {
            return Ok(self.coded(at, &coded)?[wanted].to_vec());
        }
        let chunk_bytes = coded.chunk_words * unit.form.kind.width();
        let chunks = wanted.start / chunk_bytes..wanted.end.div_ceil(chunk_bytes);
        let skipped = chunks.start * chunk_bytes;
        Ok(self.chunks(at, &coded, chunks)?[wanted.start - skipped..wanted.end - skipped].to_vec())
    }

    /// The unit of an earlier tensor, or of its part, that a unit is equal to.
    fn twin(&self, number: usize, tensor: usize) -> Result<usize> {
        let units = &self.opened.units;
        let part = units[number].unit.part;
        let found = units.binary_search_by_key(&(tensor, part), |own| (own.unit.tensors[0], own.unit.part));
        found.ok().filter(|&at| at < number && units[at].unit.tensors.len() == 1).ok_or_else(unequal)
    }

    /// Checks that these are the bytes of a unit.
    fn equal(&self, number: usize, bytes: &[u8], checksum: u32) -> Result<()> {
        let unit = &self.opened.units[number].unit;
        if bytes.len() != unit.byte_len() {
            return Err(unequal());
        }
        if crc32fast::hash(bytes) != checksum {
            return Err(Error::Checksum { part: "decoded tensor", index: unit.tensors[0] as u64 });
        }
        Ok(())
    }

    /// Some bytes of a tensor.
    fn bytes(&self, number: usize, wanted: Range<usize>) -> Result<Vec<u8>> {
        self.check_base()?;
        let mut out = vec![];
        for (at, own) in self.opened.units.iter().enumerate() {
            for (_, start, place) in own.unit.places(self.infos()).filter(|place| place.0 == number) {
                let from = wanted.start.clamp(start, start + place.len());
                let to = wanted.end.clamp(start, start + place.len());
                if from < to {
                    out.extend(self.bytes_of_unit(at, place.start + from - start..place.start + to - start)?);
                }
            }
        }
        Ok(out)
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.infos().iter().position(|tensor| tensor.name == name)
    }

    /// One tensor.
    pub fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        let Some(number) = self.number(name) else { return Ok(None) };
        let TensorInfo { dtype, shape, range, .. } = &self.infos()[number];
        Ok(Some(Tensor::new(name, *dtype, shape, self.bytes(number, 0..range.len())?)?))
    }

    /// Some rows of a tensor.
    pub fn rows(&self, name: &str, rows: Range<usize>) -> Result<Option<Tensor>> {
        let Some(number) = self.number(name) else { return Ok(None) };
        let TensorInfo { dtype, shape, .. } = &self.infos()[number];
        let refused = |allowed| Error::config("rows", format!("{rows:?}"), allowed);
        let Some((&all, row)) = shape.split_first() else {
            return Err(refused("ranges of a tensor that has dimensions"));
        };
        if rows.start > rows.end || rows.end > all {
            return Err(refused("ranges within the first dimension of the tensor"));
        }
        let bytes = |rows: usize| dtype.bytes(&[&[rows], row].concat());
        let (Some(start), Some(end)) = (bytes(rows.start), bytes(rows.end)) else {
            return Err(refused("rows that begin and end with a byte"));
        };
        Ok(Some(Tensor::new(name, *dtype, &[&[rows.len()], row].concat(), self.bytes(number, start..end)?)?))
    }

    /// All tensors by the heads of their units; no weight is decoded.
    pub fn tensors(&self) -> Result<Vec<TensorReport>> {
        let heads = self.sections.heads();
        let mut listed: Vec<TensorReport> = self.infos().iter().map(TensorReport::of).collect();
        for UnitSections { unit, head, chunks } in &self.opened.units {
            let body = self.sections.body(*head)?;
            let method = Method::read(&mut Reader::new(&body, Tag::Tensors.name()))?;
            let bytes = body.len() as u64 + heads[chunks.clone()].iter().map(|chunk| chunk.body_bytes).sum::<u64>();
            share(&mut listed, unit, self.infos(), method.name(), method.base_use(), bytes as usize);
        }
        Ok(listed)
    }

    /// Writes the safetensors file from front to back and returns its length. A few units are in memory at a time.
    pub fn write_to(&self, out: &mut dyn Write) -> Result<u64> {
        self.check_base()?;
        let Opened { text, header, units, .. } = self.opened;
        out.write_all(&(text.len() as u64).to_le_bytes())?;
        out.write_all(text)?;
        // What stands where, in the order of the file.
        let mut places: Vec<(usize, usize, Range<usize>)> = vec![];
        for (at, own) in units.iter().enumerate() {
            let start =
                |(number, start, place): (usize, usize, _)| (self.infos()[number].range.start + start, at, place);
            places.extend(own.unit.places(self.infos()).map(start));
        }
        places.sort_unstable_by_key(|place| place.0);
        // Units of several tensors stay until the last of these is written.
        let mut held: Vec<Option<Vec<u8>>> = units.iter().map(|_| None).collect();
        let mut left: Vec<usize> = units.iter().map(|own| own.unit.tensors.len()).collect();
        let mut places = places.as_slice();
        while !places.is_empty() {
            let (mut bytes, mut window, mut asked) = (0, 0, BTreeSet::new());
            for (_, at, place) in places {
                if bytes > 0 && bytes + place.len() > WINDOW * count(self.decoder.threads) {
                    break;
                }
                if held[*at].is_none() {
                    asked.insert(*at);
                }
                (bytes, window) = (bytes + place.len(), window + 1);
            }
            let asked: Vec<usize> = asked.into_iter().collect();
            let restored = each(self.decoder.threads, asked.len(), |number| self.whole(asked[number]))?;
            asked.into_iter().zip(restored).for_each(|(at, bytes)| held[at] = Some(bytes));
            for (_, at, place) in &places[..window] {
                let bytes = held[*at].as_ref().expect("the window's units are restored");
                out.write_all(&bytes[place.clone()])?;
                left[*at] -= 1;
                if left[*at] == 0 {
                    held[*at] = None;
                }
            }
            places = &places[window..];
        }
        out.flush()?;
        Ok((8 + text.len() + header.data_bytes()) as u64)
    }

    /// The safetensors file, in memory.
    fn into_bytes(self) -> Result<Vec<u8>> {
        self.check_base()?;
        let Opened { text, header, units, .. } = self.opened;
        let restored = each(self.decoder.threads, units.len(), |number| self.restore(number))?;
        let start = 8 + text.len();
        let end = start + header.data_bytes();
        let mut out = vec![];
        let refused = |_| Error::LimitExceeded { what: "memory for the output", asked: end as u64, allowed: 0 };
        out.try_reserve_exact(end).map_err(refused)?;
        out.extend((text.len() as u64).to_le_bytes());
        out.extend_from_slice(text);
        out.resize(end, 0);
        for (at, (own, outcome)) in units.iter().zip(&restored).enumerate() {
            let bytes = match outcome {
                Restored::Bytes(bytes) => bytes,
                Restored::Equal { tensor, checksum } => match &restored[self.twin(at, *tensor)?] {
                    Restored::Bytes(bytes) => self.equal(at, bytes, *checksum).map(|()| bytes)?,
                    Restored::Equal { .. } => return Err(unequal()),
                },
            };
            for (number, offset, place) in own.unit.places(self.infos()) {
                let to = start + self.infos()[number].range.start + offset;
                out[to..to + place.len()].copy_from_slice(&bytes[place]);
            }
        }
        Ok(out)
    }
}

fn unequal() -> Error {
    Error::corrupt("tensors", "a tensor cannot be equal to the one it names", 0)
}

/// Opens a container in memory and does something with it.
fn with<T>(decoder: &Decoder, container: &Container<'_>, f: impl FnOnce(Reading<'_>) -> Result<T>) -> Result<T> {
    let opened = Opened::new(decoder, container)?;
    f(Reading { decoder, sections: container, opened: &opened })
}

/// Decodes a model to its safetensors file.
pub fn decompress(decoder: &Decoder, container: &Container<'_>) -> Result<Vec<u8>> {
    let opened = Opened::new(decoder, container)?;
    Reading { decoder, sections: container, opened: &opened }.into_bytes()
}

/// Decodes one tensor.
pub fn tensor(decoder: &Decoder, container: &Container<'_>, name: &str) -> Result<Option<Tensor>> {
    with(decoder, container, |reading| reading.tensor(name))
}

/// Decodes some rows of a tensor.
pub fn rows(decoder: &Decoder, container: &Container<'_>, name: &str, rows: Range<usize>) -> Result<Option<Tensor>> {
    with(decoder, container, |reading| reading.rows(name, rows))
}

/// The base that a file names.
pub fn base(decoder: &Decoder, container: &Container<'_>) -> Result<Option<Fingerprint>> {
    Ok(Opened::new(decoder, container)?.base)
}

/// The tensors of a file, none of them decoded.
pub fn tensors(decoder: &Decoder, container: &Container<'_>) -> Result<Vec<TensorReport>> {
    with(decoder, container, |reading| reading.tensors())
}
