//! Columns that predict others.

use super::fit::{Fit, Sheet};
use super::predict;
use super::scale::{Size, coarseness, smooth, steps_of};
use super::shape::{STEPS, power_of_two};
use super::units::less;
use crate::log2::BIT;

impl Sheet<'_> {
    /// Lets columns predict others, given a fit without.
    pub fn predict(mut self, plain: &Fit) -> Fit {
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
            scaled.extend(
                values
                    .iter()
                    .zip(&columns)
                    .map(|(&value, column)| Self::outer(value, self.hole) as f32 * scale * column),
            );
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
        let (hole, kept) = (self.hole, self.kept);
        for (at, (values, row)) in self.values.chunks_mut(width).zip(&plain.rows).enumerate() {
            before.clear();
            before.extend(values.iter().map(|&value| Self::outer(value, hole)));
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
}
