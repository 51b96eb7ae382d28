//! What the section of a unit says: how the unit is coded, and where its chunks are.

use std::borrow::Cow;

use super::method::Method;
use super::shared::Shared;
use super::unit::Unit;
use crate::container::Tag;
use crate::limits::MAX_LANE_LEN;
use crate::pipeline::Decoder;
use crate::wire::Reader;
use crate::{Budget, Error, Result};

/// How a unit is coded.
#[derive(Debug)]
pub enum Head {
    /// Its bytes are those of an earlier tensor, at the same part.
    Equal { tensor: usize, checksum: u32 },
    /// Its bytes are those of the base's tensors of the same names, or of tensor `tensor` − 1 of the base.
    Base { tensor: u64, checksum: u32 },
    /// It has chunks of its own.
    Coded(Box<Coded>),
}

/// A unit with chunks.
#[derive(Debug)]
pub struct Coded {
    shared: Shared,
    /// Words of each chunk but the last.
    pub chunk_words: usize,
    /// The chunk that stands in the head.
    only: Option<Vec<u8>>,
}

impl Head {
    /// Reads the section of a unit that so many sections of chunks follow.
    pub fn read(unit: &Unit, body: &[u8], chunks: usize, budget: &Budget) -> Result<Self> {
        let mut reader = Reader::new(body, Tag::Tensors.name());
        let method = Method::read(&mut reader)?;
        if method == Method::Equal {
            let tensor = reader.varint_to(unit.tensors[0] as u64, "an equal tensor is no earlier one")? as usize;
            let checksum = reader.u32()?;
            reader.end()?;
            if chunks > 0 || unit.tensors.len() > 1 {
                return Err(reader.corrupt("only one tensor without chunks can be equal to another"));
            }
            return Ok(Self::Equal { tensor, checksum });
        }
        if method == Method::Base {
            let tensor = reader.varint()?;
            let checksum = reader.u32()?;
            reader.end()?;
            if chunks > 0 {
                return Err(reader.corrupt("a unit of the base has no chunks"));
            }
            return Ok(Self::Base { tensor, checksum });
        }
        let most = MAX_LANE_LEN.min(unit.words) as u64;
        let chunk_words = reader.varint_to(most, "a chunk has too many words")? as usize;
        let shared = Shared::read(method, reader.bytes()?, unit, &mut budget.clone())?;
        let row = shared.row(unit);
        // The last chunk, which may be the only one, has whatever is left.
        let is_cut = chunk_words < unit.words && row > 0 && chunk_words > row;
        if chunk_words == 0 || (is_cut && !chunk_words.is_multiple_of(row)) {
            return Err(reader.corrupt("a chunk is no whole number of rows"));
        }
        let count = unit.words.div_ceil(chunk_words);
        let only = if count == 1 { Some(reader.rest().to_vec()) } else { None };
        reader.end()?;
        if chunks != if count == 1 { 0 } else { count } {
            return Err(reader.corrupt("the number of chunks is wrong"));
        }
        Ok(Self::Coded(Box::new(Coded { shared, chunk_words, only })))
    }
}

impl Coded {
    /// How many chunks there are.
    pub fn count(&self, unit: &Unit) -> usize {
        unit.words.div_ceil(self.chunk_words)
    }

    /// The chunk that stands in the head, if there is one only.
    pub fn only(&self) -> Option<&[u8]> {
        self.only.as_deref()
    }

    /// Whether words stand in another order than in the tensor.
    pub fn reorders(&self) -> bool {
        self.shared.reorders()
    }

    /// Whether chunks need the words of a base.
    pub fn is_against(&self) -> bool {
        self.shared.is_against
    }

    /// The bytes of a base for the whole unit, in the order of its chunks.
    pub fn turned<'b>(&self, base: Cow<'b, [u8]>, unit: &Unit, budget: &Budget) -> Result<Cow<'b, [u8]>> {
        if !self.reorders() {
            return Ok(base);
        }
        budget.clone().spend(3 * base.len() as u64)?;
        Ok(unit.form.bytes(self.shared.turned(unit.form.words(&base))).into())
    }

    /// The bytes of chunk number `at`, in the order in which they are coded, as are those of a base for the whole unit.
    pub fn chunk(
        &self,
        decoder: &Decoder,
        unit: &Unit,
        at: usize,
        body: &[u8],
        base: Option<&[u8]>,
        budget: &Budget,
    ) -> Result<Vec<u8>> {
        let part = if self.only.is_some() { Tag::Tensors } else { Tag::Weights };
        let mut reader = Reader::new(body, part.name());
        let words = self.chunk_words.min(unit.words - at * self.chunk_words);
        let checksum = reader.u32()?;
        let mut budget = budget.clone();
        let width = unit.form.kind.width();
        let start = at * self.chunk_words * width;
        budget.spend(base.map_or(0, |_| (words * width) as u64))?;
        let base = base.map(|base| unit.form.words(&base[start..start + words * width]));
        let words = self.shared.decode(&mut reader, words, base.as_ref(), unit, &decoder.registry, &mut budget)?;
        let bytes = unit.form.bytes(words);
        if crc32fast::hash(&bytes) != checksum {
            return Err(Error::Checksum { part: "decoded weights of chunk", index: at as u64 });
        }
        Ok(bytes)
    }

    /// The bytes of all chunks as they stand in the tensor.
    pub fn restore(&self, unit: &Unit, bytes: Vec<u8>, budget: &Budget) -> Result<Vec<u8>> {
        if !self.reorders() {
            return Ok(bytes);
        }
        // Words, and words turned.
        budget.clone().spend(2 * bytes.len() as u64)?;
        Ok(unit.form.bytes(self.shared.restore(unit.form.words(&bytes))))
    }
}
