//! Finding scales, means and a shape for weights. Only sums, products and quotients of floats choose; what is chosen is
//! written as integers.

use super::centre::FRACTION;
use super::field::Density;
use super::moments::{Moments, hold};
use super::number::{Numbers, Parts};
use super::rows::Row;
use super::scale::{Size, coarseness, smooth, steps_of, write as write_scales};
use super::shape::{BINS, COST_BIT, COUNT, STEPS, bin, costs, power_of_two};
use super::units::{differences, less, plain_values};
use super::{low_rank, predict};
use crate::Word;
use crate::codec::adaptive::Price;
use crate::log2::BIT;
use crate::mask::Mask;

/// Weights that are counted to choose a shape.
const COUNTED: usize = 1 << 16;

/// How weights stand in rows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Layout<'a> {
    /// A matrix with rows of this length.
    Matrix(usize),
    /// Rows without columns, of these lengths.
    Rows(&'a [usize]),
}

impl Layout<'_> {
    /// Columns that are told apart.
    pub fn width(self) -> usize {
        match self {
            Self::Matrix(width) => width,
            Self::Rows(_) => 0,
        }
    }

    fn rows(self, words: usize) -> Vec<Row> {
        let row = |len| Row { len, ..Row::default() };
        match self {
            Self::Matrix(width) => (0..words).step_by(width).map(|start| row(width.min(words - start))).collect(),
            Self::Rows(lengths) => lengths.iter().map(|&len| row(len)).collect(),
        }
    }
}

/// How much is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Search {
    /// Scales, means and the shape.
    Scales,
    /// A matrix of low rank that moves the base, too.
    Factors,
    /// Columns that predict others, too.
    Columns,
}

/// A density and its rows, chosen for some weights.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub density: Density,
    pub rows: Vec<Row>,
    /// The factor of the rows.
    pub left: Vec<i16>,
    /// About what the weights cost under it, up to what they would cost under any other, in 2^-16 bit.
    pub price: i64,
}

/// Weights as integers, and what is subtracted from them in turn.
#[derive(Clone)]
struct Sheet<'a> {
    rows: Vec<Row>,
    width: usize,
    values: Vec<i32>,
    left: Vec<i16>,
    kept: Option<&'a Mask>,
    /// What values are less by, towards zero.
    hole: i32,
}

impl Fit {
    /// [`Fit::price`] in bits.
    pub fn bits(&self) -> i64 {
        self.price >> 16
    }

    /// The cheapest fit of weights around a base, if there is one. Only those that are `kept` count.
    pub fn new<W: Word>(
        numbers: Numbers,
        words: &[W],
        base: Option<&[W]>,
        layout: Layout<'_>,
        kept: Option<&Mask>,
        search: Search,
    ) -> Self {
        let (plain, predicted) = Self::pair(numbers, words, base, layout, kept, search);
        predicted.filter(|predicted| predicted.price < plain.price).unwrap_or(plain)
    }

    /// A fit in which columns do not predict others, and one in which they do if that is looked for and they can.
    pub fn pair<W: Word>(
        numbers: Numbers,
        words: &[W],
        base: Option<&[W]>,
        layout: Layout<'_>,
        kept: Option<&Mask>,
        search: Search,
    ) -> (Self, Option<Self>) {
        let of = |word: &W| numbers.parts(word.wide());
        let parts = || words.iter().map(of);
        let (unit, values) = match base {
            None => plain_values(parts),
            Some(base) => differences(|| parts().zip(base.iter().map(of))),
        };
        let sheet =
            Sheet { rows: layout.rows(words.len()), width: layout.width(), values, left: vec![], kept, hole: 0 };
        let mut density = Density::new(numbers, unit);
        density.is_centred = base.is_some();
        let can_move = search >= Search::Factors && kept.is_none() && base.is_some() && sheet.width > 0;
        let moved = can_move.then(|| sheet.moved(&density)).flatten();
        let (mut sheet, mut plain) = sheet.level(density, words);
        let mut factors = 0;
        if let Some((moved, density)) = moved {
            let mut side = vec![];
            density.write(&mut side);
            side.extend(super::write_left(&moved.left, density.factors.rank()));
            let (moved, mut other) = moved.level(density, words);
            let side = (side.len() as u64 * 8 * BIT) as i64;
            other.price += side;
            if other.price < plain.price {
                (sheet, plain, factors) = (moved, other, side);
            }
        }
        let can_predict = (2..=MOST_PREDICTED).contains(&sheet.width) && (kept.is_none() || base.is_none());
        if search < Search::Columns || !can_predict || words.len() < 8 * sheet.width {
            return (plain, None);
        }
        let mut predicted = sheet.predict(&plain);
        predicted.price += factors;
        (plain, Some(predicted))
    }
}

impl Sheet<'_> {
    /// The sheet with a matrix of low rank subtracted, if one pays.
    fn moved(&self, density: &Density) -> Option<(Self, Density)> {
        let values: Vec<f32> = self.values.iter().map(|&value| value as f32).collect();
        let whole = values.len() - values.len() % self.width;
        let (factors, mut left) = low_rank::find(&values[..whole], self.width)?;
        left.resize(self.rows.len() * factors.rank(), 0);
        let mut moved = self.clone();
        let mut sums = vec![];
        for (values, left) in moved.values.chunks_mut(self.width).zip(left.chunks(factors.rank())) {
            factors.add(left, values.len(), &mut sums);
            values.iter_mut().zip(&sums).for_each(|(value, sum)| *value = less(*value, sum >> FRACTION));
        }
        moved.left = left;
        let mut density = density.clone();
        density.factors = factors;
        Some((moved, density))
    }

    /// Takes means, finds zeros and scales.
    fn level<W: Word>(mut self, mut density: Density, words: &[W]) -> (Self, Fit) {
        let numbers = density.numbers;
        if let Some(kept) = self.kept {
            if numbers.is_float() && !density.is_centred {
                density.hole = kept.iter_ones().map(|at| words[at].wide() & !1).min().unwrap_or(0);
            }
            let hole = less(Numbers::fixed(numbers.parts(density.hole), density.unit), 0);
            self.values.iter_mut().for_each(|value| *value -= value.signum() * hole);
            self.hole = hole;
        } else {
            self.take_means(&mut density);
        }
        if numbers.is_float() {
            self.find_zeros(words.iter().map(|word| numbers.parts(word.wide())), numbers);
        }
        let fit = self.clone().fit_scales(density);
        (self, fit)
    }
}

/// Widest matrix whose columns predict each other: their covariances take 4 kB each.
const MOST_PREDICTED: usize = 1 << 15;

impl Sheet<'_> {
    fn outer(&self, value: i32) -> i32 {
        value + value.signum() * self.hole
    }

    fn is_kept(&self, at: usize) -> bool {
        self.kept.is_none_or(|kept| kept[at])
    }

    /// The bits at the bottom of the mantissa that are 0 in a whole row.
    fn find_zeros(&mut self, mut parts: impl Iterator<Item = Parts>, numbers: Numbers) {
        for row in &mut self.rows {
            let any = parts.by_ref().take(row.len).fold(0, |any, parts| any | parts.digits);
            // One or two bits are chance in short rows, and save less than the note costs.
            let zeros = any.trailing_zeros().min(numbers.most_zeros());
            row.zeros = if any == 0 || (zeros as usize) * row.len < 16 { 0 } else { zeros };
        }
    }

    /// Subtracts means of rows and columns where they pay.
    fn take_means(&mut self, density: &mut Density) {
        let moments: Vec<Moments> = {
            let mut at = 0;
            self.rows
                .iter()
                .map(|row| {
                    at += row.len;
                    Moments::of(self.values[at - row.len..at].iter().copied())
                })
                .collect()
        };
        // Matrices have rows of one kind, whose means need be no finer than a part of the scale; small tensors do not.
        let least = moments.iter().map(Moments::deviation).min().unwrap_or(0);
        let typical = moments.iter().map(Moments::deviation).max().unwrap_or(0);
        density.grain = (if self.width > 0 { typical } else { least }).checked_ilog2().unwrap_or(0).saturating_sub(4);
        let means = hold(&moments, density.grain);
        let mut at = 0;
        for (row, mean) in self.rows.iter_mut().zip(means) {
            row.mean = mean;
            self.values[at..at + row.len].iter_mut().for_each(|value| *value = less(*value, mean));
            at += row.len;
        }
        if self.width == 0 || self.rows.len() < 4 {
            return;
        }
        let mut moments = vec![Moments::default(); self.width];
        for row in self.values.chunks(self.width) {
            moments.iter_mut().zip(row).for_each(|(own, &value)| own.add(value));
        }
        let means = hold(&moments, density.grain);
        if means.iter().any(|&mean| mean != 0) {
            for row in self.values.chunks_mut(self.width) {
                row.iter_mut().zip(&means).for_each(|(value, &mean)| *value = less(*value, mean));
            }
            density.means = means;
        }
    }

    /// Mean sizes by row and column, so that their product is that of a weight.
    ///
    /// With logarithms of the columns' scales, only those of rows are found.
    fn sizes(&self, known: Option<&[i32]>) -> (Vec<f64>, Vec<f64>) {
        let inverse = |steps: &i32| power_of_two((-steps).clamp(-480, 480)) as f64 / f64::from(1 << 30);
        let mut columns: Vec<f64> = match known {
            Some(known) if !known.is_empty() => known.iter().map(inverse).collect(),
            _ => vec![1.0; self.width],
        };
        let mut rows = vec![1f64; self.rows.len()];
        for round in 0..if known.is_some() { 1 } else { 2 } {
            let (mut sums, mut counts) = (vec![0f64; self.width], vec![0u32; self.width]);
            let mut at = 0;
            for (row, size) in self.rows.iter().zip(&mut rows) {
                let values = &self.values[at..at + row.len];
                if known.is_none_or(<[i32]>::is_empty) && (self.width == 0 || round == 0) {
                    let (mut sum, mut count) = (0u64, 0u32);
                    for (column, value) in values.iter().enumerate() {
                        if self.is_kept(at + column) {
                            sum += u64::from(value.unsigned_abs());
                            count += 1;
                        }
                    }
                    *size = sum as f64 / f64::from(count.max(1));
                } else {
                    let (mut sum, mut count) = (0f64, 0u32);
                    for (column, (value, scale)) in values.iter().zip(&columns).enumerate() {
                        if self.is_kept(at + column) {
                            sum += f64::from(value.unsigned_abs()) * scale;
                            count += 1;
                        }
                    }
                    *size = sum / f64::from(count.max(1));
                }
                *size = size.max(1e-3);
                if known.is_some() {
                    at += row.len;
                    continue;
                }
                let inverse = 1.0 / *size;
                for (column, value) in values.iter().enumerate().take(self.width) {
                    if self.is_kept(at + column) {
                        sums[column] += f64::from(value.unsigned_abs()) * inverse;
                        counts[column] += 1;
                    }
                }
                at += row.len;
            }
            if known.is_some() {
                break;
            }
            // Inverses, which the next round multiplies by.
            for ((column, sum), &count) in columns.iter_mut().zip(&sums).zip(&counts) {
                *column = f64::from(count.max(1)) / sum.max(1e-3);
            }
        }
        (rows, columns.into_iter().map(|inverse| 1.0 / inverse).collect())
    }

    fn fit_scales(self, mut density: Density) -> Fit {
        let columns = self.sizes(None).1;
        let steps = |size: f64| steps_of((size * f64::from(1 << 20)) as u64) - 20 * STEPS as i32;
        let count = self.kept.map_or(self.values.len(), |kept| kept.count_ones());
        let mut side = Price::default();
        if self.width > 0 {
            let own = (count / self.width.max(1)) as u64;
            let coarse = coarseness(own);
            let sizes: Vec<Size> = columns.iter().map(|&size| Size { count: own, steps: steps(size) }).collect();
            let path: Vec<i32> = smooth(&sizes, coarse).iter().map(|scale| scale << coarse).collect();
            if path.iter().any(|&scale| scale != path[0]) {
                write_scales(&path, &mut side);
                density.columns = path;
            }
        }
        let mut fit = self.fit_rows(density);
        fit.price += side.0 as i64;
        fit
    }

    /// Scales of rows, given those of columns, and the shape.
    fn fit_rows(mut self, mut density: Density) -> Fit {
        let steps = |size: f64| steps_of((size * f64::from(1 << 20)) as u64) - 20 * STEPS as i32;
        let count = self.kept.map_or(self.values.len(), |kept| kept.count_ones());
        let mut side = Price::default();
        let rows = self.sizes(Some(&density.columns)).0;
        let coarse = coarseness((count / self.rows.len().max(1)) as u64);
        let sizes: Vec<Size> = {
            let mut at = 0;
            let count = |row: &Row| {
                at += row.len;
                self.kept.map_or(row.len, |kept| kept[at - row.len..at].count_ones()) as u64
            };
            let counts: Vec<u64> = self.rows.iter().map(count).collect();
            counts.iter().zip(&rows).map(|(&count, &size)| Size { count, steps: steps(size) }).collect()
        };
        let path: Vec<i32> = smooth(&sizes, coarse).iter().map(|scale| scale << coarse).collect();
        write_scales(&path, &mut side);
        for (row, scale) in self.rows.iter_mut().zip(&path) {
            row.steps = *scale;
        }
        let (price, shape, shift) = self.shape(&density);
        density.shape = shape;
        let offset = shift + (STEPS * density.unit) as i32;
        self.rows.iter_mut().for_each(|row| row.steps += offset);
        Fit { density, rows: self.rows, left: self.left, price: price + side.0 as i64 }
    }

    /// Lets columns predict others, given a fit without.
    fn predict(mut self, plain: &Fit) -> Fit {
        let width = self.width;
        let whole = self.values.len() - self.values.len() % width;
        // Scales as multipliers: those of columns about 1, those of rows the inverse of a size.
        let inverse = |steps: i32| {
            let power = power_of_two((-steps).clamp(-480, 480));
            power as f64 / f64::from(1 << 30)
        };
        let offset = (STEPS * plain.density.unit) as i32;
        let columns: Vec<f32> = match plain.density.columns.as_slice() {
            [] => vec![1.0; width],
            columns => columns.iter().map(|&steps| inverse(steps) as f32).collect(),
        };
        let mut scaled = Vec::with_capacity(whole);
        for (values, row) in self.values[..whole].chunks(width).zip(&plain.rows) {
            let scale = inverse(row.steps - offset) as f32;
            scaled
                .extend(values.iter().zip(&columns).map(|(&value, column)| self.outer(value) as f32 * scale * column));
        }
        let count = (self.kept.map_or(whole, |kept| kept.count_ones()) / width) as u64;
        let found = predict::find(&scaled, width, count);
        drop(scaled);
        let coarse = coarseness(count);
        let sizes: Vec<Size> = (0..width)
            .map(|column| {
                // Half the logarithm of what is left of the variance.
                let left = (found[column].left * f64::from(1 << 20)) as u64;
                let before = plain.density.columns.get(column).copied().unwrap_or(0);
                Size { count, steps: before + (steps_of(left) - 20 * STEPS as i32) / 2 }
            })
            .collect();
        let mut density = plain.density.clone();
        let path: Vec<i32> = smooth(&sizes, coarse).iter().map(|scale| scale << coarse).collect();
        let fine = match count {
            0..=511 => 4,
            512..=2047 => 5,
            _ => 6,
        };
        let coefficients = found
            .iter()
            .enumerate()
            .map(|(column, found)| {
                let mut terms: Vec<(u32, i8)> = found
                    .terms
                    .iter()
                    .map(|&(earlier, own)| {
                        let at = earlier as usize;
                        let own = own * f64::from(columns[at]) / f64::from(columns[column]);
                        let own = own * inverse(path[column] - path[at] - (fine * STEPS) as i32);
                        (earlier, (own.clamp(-127.0, 127.0) + 128.5) as i32 - 128)
                    })
                    .filter(|(_, own)| *own != 0)
                    .map(|(earlier, own)| (earlier, own as i8))
                    .collect();
                terms.sort_unstable_by_key(|term| std::cmp::Reverse(term.0));
                terms
            })
            .collect();
        density.columns = path;
        density.set_coefficients(coefficients, fine);
        let mut before = vec![];
        let hole = self.hole;
        let kept = self.kept;
        for (at, (values, row)) in self.values.chunks_mut(width).zip(&plain.rows).enumerate() {
            before.clear();
            before.extend(values.iter().map(|&value| value + value.signum() * hole));
            // What is left is less by the means already.
            let means = row.mean;
            for (column, value) in values.iter_mut().enumerate() {
                if kept.is_some_and(|kept| !kept[at * width + column]) {
                    continue;
                }
                let mean = means + density.means.get(column).copied().unwrap_or(0);
                *value = less(*value, density.prediction(row, column, &before, 0) - mean);
            }
        }
        self.rows.clone_from(&plain.rows);
        let mut side = vec![];
        // Factors have been paid for.
        let factors = std::mem::take(&mut density.factors);
        density.write(&mut side);
        density.factors = factors;
        let mut fit = self.fit_rows(density);
        fit.price += (side.len() as u64 * 8 * BIT) as i64;
        fit
    }

    /// The shape and the shift of all scales that cost least.
    fn shape(&self, density: &Density) -> (i64, usize, i32) {
        const LOW: i32 = -(BINS as i32);
        let stride = self.values.len().div_ceil(COUNTED);
        let mut counts = vec![0i64; 2 * BINS];
        let (mut scales, mut counted, mut at) = (0i64, 0i64, 0);
        for row in &self.rows {
            let start = (stride - at % stride) % stride;
            for column in (start..row.len).step_by(stride) {
                if !self.is_kept(at + column) {
                    continue;
                }
                let scale = row.steps + density.columns.get(column).copied().unwrap_or(0);
                let size = steps_of(u64::from(self.values[at + column].unsigned_abs())) - scale;
                counts[(size.clamp(LOW, -LOW - 1) - LOW) as usize] += 1;
                scales += i64::from(scale);
                counted += 1;
            }
            at += row.len;
        }
        let mut best = (i64::MAX, 0, 0);
        for shape in 0..COUNT {
            let costs = costs(shape);
            for shift in -32..48 {
                let own = counts.iter().enumerate().filter(|(_, count)| **count > 0);
                let sum: i64 = own.map(|(at, count)| count * costs[bin(at as i32 + LOW - shift)]).sum();
                let price = sum + counted * i64::from(shift) * COST_BIT / i64::from(STEPS);
                if price < best.0 {
                    best = (price, shape, shift);
                }
            }
        }
        best.0 += scales * COST_BIT / i64::from(STEPS);
        // In steps of the dtype, so that fits in other units compare.
        best.0 += counted * i64::from(density.unit) * COST_BIT;
        let all = self.kept.map_or(self.values.len(), |kept| kept.count_ones());
        best.0 = (i128::from(best.0) * all as i128 / i128::from(counted.max(1))) as i64;
        best
    }
}
