//! Methods, read: what the chunks of a unit share, and their words.

use super::against::sum;
use super::dense_shared::SharedDense;
use super::lanes::SharedLanes;
use super::method::Method;
use super::sparse::SharedSparse;
use super::unit::Unit;
use crate::codec::Registry;
use crate::report::BaseUse;
use crate::wire::Reader;
use crate::{Budget, Lane, Result, Word, with_words};

/// What the chunks of a unit share, as it was read.
#[derive(Debug)]
pub struct Shared {
    words: SharedWords,
    /// Whether chunks need the words of a base.
    pub is_against: bool,
}

#[derive(Debug)]
enum SharedWords {
    Lanes(SharedLanes),
    Sparse(SharedSparse),
    Dense(SharedDense),
}

impl Shared {
    /// Reads what all chunks share.
    pub fn read(method: Method, bytes: &[u8], unit: &Unit, budget: &mut Budget) -> Result<Self> {
        let mut reader = Reader::new(bytes, "tensors");
        let is_against = method.base_use() == BaseUse::Difference;
        let words = match method {
            Method::Equal | Method::Base => return Err(reader.corrupt("an equal tensor shares nothing")),
            Method::Lanes | Method::LanesAgainst => {
                SharedWords::Lanes(SharedLanes::read(&mut reader, unit.form.kind, budget)?)
            }
            Method::Sparse | Method::SparseAgainst => {
                SharedWords::Sparse(SharedSparse::read(&mut reader, unit.form.kind, budget)?)
            }
            Method::Dense | Method::DenseAgainst => {
                SharedWords::Dense(SharedDense::read(&mut reader, unit, is_against, budget)?)
            }
        };
        reader.end()?;
        Ok(Self { words, is_against })
    }

    /// Words of the rows that chunks hold whole; 0 where there are none.
    pub fn row(&self, unit: &Unit) -> usize {
        match &self.words {
            SharedWords::Lanes(_) | SharedWords::Sparse(_) => unit.row,
            SharedWords::Dense(dense) => dense.row(),
        }
    }

    /// Whether words stand in another order than in the tensor.
    pub fn reorders(&self) -> bool {
        matches!(&self.words, SharedWords::Dense(dense) if dense.is_turned())
    }

    /// Puts the words of all chunks where they belong.
    pub fn restore(&self, words: Lane) -> Lane {
        match &self.words {
            SharedWords::Lanes(_) | SharedWords::Sparse(_) => words,
            SharedWords::Dense(dense) => with_words!(words, words => Word::wrap(dense.restore(words))),
        }
    }

    /// The words of a base in the order of the chunks.
    pub fn turned(&self, base: Lane) -> Lane {
        match &self.words {
            SharedWords::Lanes(_) | SharedWords::Sparse(_) => base,
            SharedWords::Dense(dense) => dense.turned(base),
        }
    }

    /// The words of one chunk, given those of a base if it is coded against one.
    pub fn decode(
        &self,
        reader: &mut Reader<'_>,
        len: usize,
        base: Option<&Lane>,
        unit: &Unit,
        registry: &Registry,
        budget: &mut Budget,
    ) -> Result<Lane> {
        let words = match &self.words {
            SharedWords::Lanes(lanes) => lanes.decode(reader, len, registry, budget)?,
            SharedWords::Sparse(sparse) => sparse.decode(reader, (len, unit.row), registry, budget)?,
            SharedWords::Dense(dense) => return dense.decode(reader, len, base, unit, budget),
        };
        match base {
            Some(base) if words.len() == base.len() => {
                budget.spend(base.byte_len() as u64)?;
                Ok(sum(&words, base, unit.form.is_rotated))
            }
            Some(_) => Err(reader.corrupt("there are not as many differences as words")),
            None => Ok(words),
        }
    }
}
