//! What weights are expected around before anything else is known: a base, and a matrix of low rank on top of it.
//!
//! An update of many steps is nearly a matrix of low rank: U · Vᵀ of factors with a few columns, the *components*. Both
//! are small integers, so that their product is the same everywhere; V stands with the density, the rows of U with the
//! rows of weights.

use super::field::Density;
use super::number::Numbers;
use crate::codec::adaptive::{RangeDecoder, RangeEncoder, UIntModel};
use crate::wire::{unzigzag, zigzag};
use crate::{Budget, Result, Word};

/// Most components.
pub const MAX_RANK: usize = 32;

/// Products of factors are in units of 2^−FRACTION of the unit of predictions.
pub const FRACTION: u32 = 8;

/// Largest shift of a product.
pub const MAX_SHIFT: u32 = 24;

/// The factor that all rows share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Factors {
    /// Products of a component are in units of 2^(shift − [`FRACTION`]).
    pub shifts: Vec<u32>,
    /// For each component its entries by column.
    pub right: Vec<Vec<i16>>,
}

impl Factors {
    pub fn rank(&self) -> usize {
        self.shifts.len()
    }

    /// rank · for each component: shift · entries.
    pub fn write(&self, encoder: &mut RangeEncoder) {
        let mut model = UIntModel::default();
        model.encode(self.rank() as u64, encoder);
        for (shift, right) in self.shifts.iter().zip(&self.right) {
            model.encode(u64::from(*shift), encoder);
            let mut entries = UIntModel::default();
            right.iter().for_each(|&entry| entries.encode(zigzag(i64::from(entry)), encoder));
        }
    }

    pub fn read(decoder: &mut RangeDecoder<'_>, width: usize, budget: &mut Budget) -> Result<Self> {
        let mut model = UIntModel::default();
        let rank = model.decode(decoder);
        decoder.check()?;
        if rank > MAX_RANK as u64 {
            return Err(decoder.corrupt("a factor has too many components"));
        }
        let mut factors = Self::default();
        for _ in 0..rank {
            let shift = model.decode(decoder);
            if shift > u64::from(MAX_SHIFT) {
                return Err(decoder.corrupt("a component is out of range"));
            }
            factors.shifts.push(shift as u32);
            let mut entries = UIntModel::default();
            let mut right = Vec::with_capacity(budget.reserve::<i16>(width as u64)?);
            for _ in 0..width {
                right.push(entry(decoder, &mut entries)?);
            }
            factors.right.push(right);
        }
        Ok(factors)
    }
}

fn entry(decoder: &mut RangeDecoder<'_>, model: &mut UIntModel) -> Result<i16> {
    let entry = i16::try_from(unzigzag(model.decode(decoder)));
    decoder.check()?;
    entry.map_err(|_| decoder.corrupt("an entry of a factor is out of range"))
}

/// Codes the factor of some rows, `rank` entries each.
pub fn write_left(left: &[i16], rank: usize) -> Vec<u8> {
    let mut encoder = RangeEncoder::default();
    let mut models = vec![UIntModel::default(); rank];
    for row in left.chunks(rank.max(1)) {
        models.iter_mut().zip(row).for_each(|(model, &own)| model.encode(zigzag(i64::from(own)), &mut encoder));
    }
    encoder.finish()
}

/// Inverse of [`write_left`].
pub fn read_left(bytes: &[u8], rows: usize, rank: usize, budget: &mut Budget) -> Result<Vec<i16>> {
    let mut decoder = RangeDecoder::new(bytes, "factors");
    let mut models = vec![UIntModel::default(); rank];
    let mut left = Vec::with_capacity(budget.reserve::<i16>(rows as u64 * rank as u64)?);
    for _ in 0..rows {
        for model in &mut models {
            left.push(entry(&mut decoder, model)?);
        }
    }
    decoder.end()?;
    Ok(left)
}

/// What the weights of a chunk are centred on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Centre<'a, W> {
    /// As many words as the chunk has.
    pub base: Option<&'a [W]>,
    /// The factor of its rows.
    pub left: &'a [i16],
}

impl<W: Word> Centre<'_, W> {
    /// Bytes of memory for rows of so many words.
    pub fn spend(width: usize, budget: &mut Budget) -> Result<()> {
        budget.reserve::<[i64; 2]>(width as u64).map(|_| ())
    }

    /// The centres of row `number`, whose `len` words begin at word `at`.
    #[inline]
    pub fn row(&self, density: &Density, number: usize, at: usize, len: usize, out: &mut Row) {
        let Some(base) = self.base else { return out.centres.resize(len, 0) };
        let numbers = density.numbers;
        out.centres.clear();
        out.centres
            .extend(base[at..at + len].iter().map(|word| Numbers::fixed(numbers.parts(word.wide()), density.unit)));
        let rank = density.factors.rank();
        if rank > 0 {
            density.factors.add(&self.left[number * rank..(number + 1) * rank], len, &mut out.sums);
            out.centres.iter_mut().zip(&out.sums).for_each(|(centre, sum)| *centre += sum >> FRACTION);
        }
    }
}

impl Factors {
    /// The products of a row, in units of 2^−[`FRACTION`]: at most 2^(15 + 24 + 15) in each component.
    pub fn add(&self, left: &[i16], len: usize, sums: &mut Vec<i64>) {
        sums.clear();
        sums.resize(len, 0);
        for ((left, shift), right) in left.iter().zip(&self.shifts).zip(&self.right) {
            let times = i64::from(*left) << shift;
            sums.iter_mut().zip(right).for_each(|(sum, &right)| *sum += times * i64::from(right));
        }
    }
}

/// The centres of one row.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub centres: Vec<i64>,
    sums: Vec<i64>,
}
