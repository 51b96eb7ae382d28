//! Units under densities, read.

use super::dense::{LeftOut, MIXED, TURNED, turn};
use super::mask;
use super::unit::Unit;
use crate::density::{self, Centre, Density, Numbers, Repeats};
use crate::wire::Reader;
use crate::{Budget, Lane, Result, Word, with_kind, with_words};

/// What the chunks of a unit share, as it was read.
#[derive(Debug)]
pub struct SharedDense {
    width: usize,
    is_turned: bool,
    is_mixed: bool,
    leaves_out: LeftOut,
    density: Density,
}

impl SharedDense {
    /// Reads what [`Dense::shared`] gave.
    pub fn read(reader: &mut Reader<'_>, unit: &Unit, is_centred: bool, budget: &mut Budget) -> Result<Self> {
        let numbers = Numbers::of(unit.dtype).ok_or_else(|| reader.corrupt("words of this dtype have no density"))?;
        let width = reader.varint_to(unit.words as u64, "a row is longer than the tensor")? as usize;
        if (width == 0) == unit.rows.is_empty() {
            return Err(reader.corrupt("rows of a matrix and of small tensors are mixed up"));
        }
        let byte = reader.u8()?;
        let is_turned = byte >= TURNED;
        if is_turned && (width == 0 || !unit.words.is_multiple_of(width)) {
            return Err(reader.corrupt("only whole columns can be rows"));
        }
        let leaves_out = LeftOut::read(byte & !(TURNED | MIXED)).filter(|own| width > 0 || *own != LeftOut::Repeats);
        let leaves_out = leaves_out.ok_or_else(|| reader.corrupt("the groups of a mask are too large"))?;
        let is_mixed = byte & MIXED > 0;
        Ok(Self {
            width,
            is_turned,
            is_mixed,
            leaves_out,
            density: Density::read(reader, numbers, width, is_centred, budget)?,
        })
    }

    /// Whether rows are the columns of the tensor.
    pub fn is_turned(&self) -> bool {
        self.is_turned
    }

    /// The words of a base in the order of the chunks.
    pub fn turned(&self, base: Lane) -> Lane {
        if !self.is_turned {
            return base;
        }
        with_words!(base, words => Word::wrap(turn(&words, words.len() / self.width)))
    }

    /// Puts the words of all chunks where they belong.
    pub fn restore<W: Word>(&self, words: Vec<W>) -> Vec<W> {
        // Turned back by the number of rows, which are the columns of the tensor.
        if self.is_turned { turn(&words, self.width) } else { words }
    }

    /// Words of a row; 0 where a unit is one chunk.
    pub fn row(&self) -> usize {
        self.width
    }

    /// The `len` words of a chunk, and as many of the base if there is one.
    pub fn decode(
        &self,
        reader: &mut Reader<'_>,
        len: usize,
        base: Option<&Lane>,
        unit: &Unit,
        budget: &mut Budget,
    ) -> Result<Lane> {
        if self.width == 0 && len != unit.words {
            return Err(reader.corrupt("small tensors are cut"));
        }
        let numbers = self.density.numbers;
        let bytes = reader.bytes()?;
        let grain = self.density.grain;
        let rows = if self.width == 0 {
            density::read_rows(bytes, unit.rows.iter().copied(), numbers, grain, budget)?
        } else {
            let lengths = (0..len).step_by(self.width).map(|start| self.width.min(len - start));
            density::read_rows(bytes, lengths, numbers, grain, budget)?
        };
        let rank = self.density.rank();
        let left = if rank > 0 { density::read_left(reader.bytes()?, rows.len(), rank, budget)? } else { vec![] };
        let row = if self.width == 0 { len } else { self.width };
        let repeats = match self.leaves_out {
            LeftOut::Repeats => Some(Repeats::decode(reader.bytes()?, len, row, budget)?),
            _ => None,
        };
        let kept = match (self.leaves_out, &repeats) {
            (LeftOut::Zeros(group), _) => Some(mask::decode(reader.bytes()?, len, row, group, budget)?),
            (_, Some(repeats)) => Some(repeats.new_ones()),
            _ => None,
        };
        with_kind!(unit.form.kind, W => {
            budget.reserve::<W>(len as u64)?;
            let base: Option<&[W]> = base.and_then(Word::of);
            let mut out: Vec<W> = match (base, &kept) {
                // What is left out of the density is as in the base.
                (Some(base), Some(_)) => base.to_vec(),
                _ => vec![0; len],
            };
            let centre = Centre { base, left: &left };
            let decode = if self.is_mixed { density::mixed::decode } else { density::decode };
            decode(&self.density, reader, &rows, &centre, kept.as_ref(), &mut out, budget)?;
            if let Some(repeats) = repeats {
                repeats.restore(&mut out);
            }
            reader.end()?;
            Ok(W::wrap(out))
        })
    }
}
