//! Scales of rows and columns, and the shape around them.

use super::field::Density;
use super::fit::{Fit, Sheet};
use super::rows::Row;
use super::scale::{Size, coarseness, smooth, steps_of, write as write_scales};
use super::shape::{BINS, COST_BIT, COUNT, STEPS, bin, costs, power_of_two};
use crate::codec::adaptive::Price;

/// Weights that are counted to choose a shape.
const COUNTED: usize = 1 << 16;

impl Sheet<'_> {
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

    pub fn fit_scales(self, mut density: Density) -> Fit {
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
    pub fn fit_rows(mut self, mut density: Density) -> Fit {
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
