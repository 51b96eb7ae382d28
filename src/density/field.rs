//! What all chunks of a unit share: the shape, and what columns say about scale and prediction.

use super::centre::Factors;
use super::number::{MAX_CELL, Numbers, Parts, WIDE};
use super::rows::Row;
use super::scale;
use super::shape::{COUNT, FINE, FINE_AT_HOLE, OCTAVES, STEPS};
use crate::codec::adaptive::{RangeDecoder, RangeEncoder, UIntModel};
use crate::wire::{Reader, put_bytes, put_varint, unzigzag, zigzag};
use crate::{Budget, Result};

/// Most earlier columns that predict one.
pub const MAX_TERMS: usize = 8;

/// Most bits by which a coefficient may be fine.
const MAX_FINE: u32 = 8;

/// Coefficients times ratios of scales are in units of 2^-RATIO.
const RATIO: u32 = 20;

/// Largest grain of means.
const MAX_GRAIN: u32 = 32;

/// Largest unit, above the exponent of every dtype.
const MAX_UNIT: u32 = 2083;

/// One earlier column that predicts another, and its weight in units of 2^−[`RATIO`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    pub column: u32,
    pub weight: i64,
}

/// A density for each place of a matrix, or of rows without columns.
#[derive(Debug, Clone)]
pub(crate) struct Density {
    pub numbers: Numbers,
    /// Number of the shape.
    pub shape: usize,
    /// Predictions are in units of 2^unit of the dtype's smallest step.
    pub unit: u32,
    /// Sizes below that of this word do not occur: half the hole that pruning leaves around zero.
    pub hole: u64,
    /// Means are multiples of 2^grain units.
    pub grain: u32,
    /// Logarithms of the columns' scales, to be added to those of rows; empty if they have none.
    pub columns: Vec<i32>,
    /// Means of columns; empty if they have none.
    pub means: Vec<i64>,
    /// Coefficients of earlier columns in units of 2^−fine, by which a column differs in scale left out.
    pub coefficients: Vec<Vec<(u32, i8)>>,
    /// See [`Density::coefficients`].
    pub fine: u32,
    /// Whether weights lie around a base.
    pub is_centred: bool,
    /// What is added to the base, if anything.
    pub factors: Factors,
    terms: Vec<Vec<Term>>,
}

/// Level of the cells, and the step of their table.
#[inline(always)]
fn level(steps: i32, fine: u32, least: u32, most: u32) -> (u32, u32) {
    let level = ((steps >> 4) - fine as i32).max(least as i32).min(most as i32);
    let step = (steps - 16 * level + 32).clamp(0, (OCTAVES * STEPS) as i32 - 1);
    (level as u32, step as u32)
}

/// No prediction lies in a cell further from zero.
const FAR: i64 = 1 << 51;

/// The cell of a prediction.
#[inline(always)]
pub fn base_cell(mean: i64, level: u32, unit: u32) -> i64 {
    let far = if level >= unit {
        mean >> (level - unit).min(63)
    } else {
        mean.clamp(-FAR >> 9, FAR >> 9) << (unit - level).min(20)
    };
    far.clamp(-FAR, FAR)
}

impl Density {
    pub fn new(numbers: Numbers, unit: u32) -> Self {
        Self {
            numbers,
            shape: 0,
            unit,
            hole: 0,
            grain: 0,
            columns: vec![],
            means: vec![],
            coefficients: vec![],
            fine: 0,
            is_centred: false,
            factors: Factors::default(),
            terms: vec![],
        }
    }

    /// Whether some prediction may differ from 0.
    pub fn predicts(&self) -> bool {
        self.is_centred || !self.means.is_empty() || !self.terms.is_empty()
    }

    /// Components of the factors.
    pub fn rank(&self) -> usize {
        self.factors.rank()
    }

    /// Whether columns predict others.
    pub fn has_terms(&self) -> bool {
        !self.terms.is_empty()
    }

    /// Whether means of rows and columns are all that predictions know.
    pub fn is_level(&self) -> bool {
        !self.is_centred && self.terms.is_empty()
    }

    /// Takes coefficients over, each times the ratio of both columns' scales.
    pub fn set_coefficients(&mut self, coefficients: Vec<Vec<(u32, i8)>>, fine: u32) {
        let scale = |column: usize| self.columns.get(column).copied().unwrap_or(0);
        let term = |column: usize, earlier: u32, own: i8| {
            let ratio = super::shape::power_of_two((scale(column) - scale(earlier as usize)).clamp(-160, 160));
            // At most 2^7 · 2^40 / 2^10.
            Term { column: earlier, weight: (i64::from(own) * ratio as i64) >> (30 - RATIO + fine) }
        };
        self.terms = coefficients
            .iter()
            .enumerate()
            .map(|(column, own)| own.iter().map(|&(earlier, own)| term(column, earlier, own)).collect())
            .collect();
        (self.coefficients, self.fine) = (coefficients, fine);
    }

    /// A weight as predictors see it: less its centre and the means of its row and column.
    #[inline(always)]
    pub fn deviation(&self, row: &Row, column: usize, parts: Parts, centre: i64) -> i32 {
        let mean = row.mean + self.means.get(column).copied().unwrap_or(0);
        (Numbers::fixed(parts, self.unit) - centre - mean).clamp(-(1 << 30), 1 << 30) as i32
    }

    /// The prediction for a column of a row whose earlier weights have these deviations.
    #[inline(always)]
    pub fn prediction(&self, row: &Row, column: usize, before: &[i32], centre: i64) -> i64 {
        let mut mean = row.mean;
        if let Some(own) = self.means.get(column) {
            mean += own;
        }
        if let Some(terms) = self.terms.get(column) {
            // Each product is below 2^30 · 2^38, eight of them may wrap and are still the same everywhere.
            let sum = terms.iter().fold(0i64, |sum, term| {
                sum.wrapping_add(i64::from(before[term.column as usize]).wrapping_mul(term.weight))
            });
            mean += sum >> RATIO;
        }
        (mean.clamp(-(1 << 31), 1 << 31) + centre).clamp(-(1 << WIDE), 1 << WIDE)
    }

    /// log2 of the least number of cells in a scale.
    #[inline(always)]
    pub fn fine_cells(&self) -> u32 {
        if self.hole > 0 { FINE_AT_HOLE } else { FINE }
    }

    /// Level of the cells around a prediction at a scale, and the step of their table.
    #[inline(always)]
    pub fn level(&self, steps: i32, mean: i64) -> (u32, u32) {
        level(steps, self.fine_cells(), self.least_level(mean), self.numbers.most_level())
    }

    /// The least level at which the weights near a prediction have cells of their own.
    #[inline(always)]
    fn least_level(&self, mean: i64) -> u32 {
        if mean == 0 {
            return 0;
        }
        (mean.unsigned_abs().ilog2() + self.unit).saturating_sub(self.numbers.mantissa)
    }

    /// Cells of the hole on each side of zero.
    #[inline(always)]
    pub fn hole_cells(&self, hole: Parts, level: u32) -> i64 {
        if self.hole == 0 {
            return 0;
        }
        let cells = if level >= hole.shift {
            hole.digits.checked_shr(level - hole.shift).unwrap_or(0)
        } else {
            hole.digits << (hole.shift - level).min(10)
        };
        cells.min(MAX_CELL as u64) as i64
    }

    /// Appends everything but the numbers.
    ///
    /// ```text
    /// shape (1) · unit (varint) · grain (1) · hole (varint) · parts (1): 1 scales, 2 means, 4 coefficients of columns, 8 factors
    /// · if any: adaptive bits behind their length
    /// ```
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(self.shape as u8);
        put_varint(out, u64::from(self.unit));
        out.push(self.grain as u8);
        put_varint(out, self.hole);
        let parts =
            [self.columns.is_empty(), self.means.is_empty(), self.coefficients.is_empty(), self.factors.rank() == 0];
        out.push(parts.iter().enumerate().map(|(bit, absent)| u8::from(!absent) << bit).sum());
        if parts == [true; 4] {
            return;
        }
        let mut encoder = RangeEncoder::default();
        scale::write(&self.columns, &mut encoder);
        let mut model = UIntModel::default();
        let mut last = 0;
        for &mean in &self.means {
            model.encode(zigzag((mean - last) >> self.grain), &mut encoder);
            last = mean;
        }
        if !self.coefficients.is_empty() {
            let mut models = CoefficientModels::default();
            models.count.encode(u64::from(self.fine), &mut encoder);
            for (column, own) in self.coefficients.iter().enumerate() {
                models.count.encode(own.len() as u64, &mut encoder);
                let mut last = column as u32;
                for &(earlier, coefficient) in own {
                    models.distance.encode(u64::from(last - 1 - earlier), &mut encoder);
                    models.coefficient.encode(zigzag(i64::from(coefficient)), &mut encoder);
                    last = earlier;
                }
            }
        }
        if self.factors.rank() > 0 {
            self.factors.write(&mut encoder);
        }
        put_bytes(out, &encoder.finish());
    }

    /// Inverse of [`Density::write`] for a grid of so many columns.
    pub fn read(
        reader: &mut Reader<'_>,
        numbers: Numbers,
        width: usize,
        is_centred: bool,
        budget: &mut Budget,
    ) -> Result<Self> {
        let shape = usize::from(reader.u8()?);
        if shape >= COUNT {
            return Err(reader.corrupt("unknown shape of a density"));
        }
        let unit = reader.varint_to(u64::from(MAX_UNIT), "the unit of predictions is too large")? as u32;
        let mut density = Self::new(numbers, unit);
        (density.shape, density.is_centred) = (shape, is_centred);
        density.grain = u32::from(reader.u8()?);
        density.hole = reader.varint()?;
        if density.hole & 1 == 1 || density.hole > u64::MAX >> (64 - numbers.bits) {
            return Err(reader.corrupt("a hole is no size"));
        }
        if density.grain > MAX_GRAIN {
            return Err(reader.corrupt("means are too coarse"));
        }
        let parts = reader.u8()?;
        if parts > 15 || (parts > 0 && width == 0) || (parts & 8 > 0 && !is_centred) {
            return Err(reader.corrupt("unknown parts of a density"));
        }
        if parts == 0 {
            return Ok(density);
        }
        let mut decoder = RangeDecoder::new(reader.bytes()?, "density");
        if parts & 1 > 0 {
            density.columns = Vec::with_capacity(budget.reserve::<i32>(width as u64)?);
            let (mut model, mut last) = (UIntModel::default(), 0);
            for _ in 0..width {
                last = scale::next(&mut decoder, &mut model, last)
                    .ok_or_else(|| decoder.corrupt("a scale is out of range"))?;
                decoder.check()?;
                density.columns.push(last);
            }
        }
        if parts & 2 > 0 {
            density.means = Vec::with_capacity(budget.reserve::<i64>(width as u64)?);
            let (mut model, mut last) = (UIntModel::default(), 0i64);
            for _ in 0..width {
                last = next_mean(&mut decoder, &mut model, last, density.grain)
                    .ok_or_else(|| decoder.corrupt("a mean is out of range"))?;
                decoder.check()?;
                density.means.push(last);
            }
        }
        if parts & 4 > 0 {
            density.read_coefficients(&mut decoder, width, budget)?;
        }
        if parts & 8 > 0 {
            density.factors = Factors::read(&mut decoder, width, budget)?;
        }
        decoder.end()?;
        Ok(density)
    }

    fn read_coefficients(&mut self, decoder: &mut RangeDecoder<'_>, width: usize, budget: &mut Budget) -> Result<()> {
        let mut models = CoefficientModels::default();
        let fine = models.count.decode(decoder);
        if fine > u64::from(MAX_FINE) {
            return Err(decoder.corrupt("coefficients are too fine"));
        }
        // Two lists, coefficients and terms.
        budget.reserve::<[Vec<Term>; 2]>(width as u64)?;
        let mut coefficients: Vec<Vec<(u32, i8)>> = Vec::with_capacity(width);
        for column in 0..width {
            let count = models.count.decode(decoder);
            decoder.check()?;
            if count > MAX_TERMS as u64 {
                return Err(decoder.corrupt("a column is predicted by too many"));
            }
            budget.reserve::<[Term; 2]>(count)?;
            let mut own = Vec::with_capacity(count as usize);
            let mut last = column as u64;
            for _ in 0..count {
                let distance = models.distance.decode(decoder);
                last = last
                    .checked_sub(1)
                    .and_then(|last| last.checked_sub(distance))
                    .ok_or_else(|| decoder.corrupt("a column is predicted by none before it"))?;
                let coefficient = unzigzag(models.coefficient.decode(decoder));
                let coefficient =
                    i8::try_from(coefficient).map_err(|_| decoder.corrupt("a coefficient is out of range"))?;
                own.push((last as u32, coefficient));
            }
            coefficients.push(own);
        }
        self.set_coefficients(coefficients, fine as u32);
        Ok(())
    }
}

/// Reads the next mean; `None` if it is beyond all weights.
pub fn next_mean(decoder: &mut RangeDecoder<'_>, model: &mut UIntModel, last: i64, grain: u32) -> Option<i64> {
    let change = unzigzag(model.decode(decoder));
    let change = change.checked_mul(1 << grain)?;
    last.checked_add(change).filter(|mean| mean.unsigned_abs() <= 1 << 31)
}

#[derive(Default)]
struct CoefficientModels {
    count: UIntModel,
    distance: UIntModel,
    coefficient: UIntModel,
}
