//! Which earlier columns of a row predict a column, and by how much.
//!
//! Columns are divided by their scales and rows by theirs, so that covariances of all rows may be added up. For each
//! column, earlier ones are taken greedily, the one that explains most of what is left first, as long as the bits that
//! it saves in all rows are more than its number and its coefficient cost.
//!
//! Source: Y. Pati, R. Rezaiifar, P. Krishnaprasad, "Orthogonal matching pursuit", Asilomar Conference, 1993.

use super::field::MAX_TERMS;
use crate::log2::{BIT, log2};

/// Columns before a column that may predict it.
const WINDOW: usize = 512;

/// Rows whose products are added up at once.
const ROWS: usize = 8;

/// What predicts one column: earlier columns and their coefficients, and the share of the variance that is left.
#[derive(Debug, Clone, Default)]
pub struct Found {
    pub terms: Vec<(u32, f64)>,
    pub left: f64,
}

/// Covariances of columns at most [`WINDOW`] apart.
struct Band {
    window: usize,
    sums: Vec<f32>,
}

impl Band {
    /// Of a matrix whose rows of `width` follow each other.
    fn new(rows: &[f32], width: usize) -> Self {
        let window = WINDOW.min(width - 1);
        let span = 2 * window + 1;
        let mut sums = vec![0f32; width * span];
        for block in rows.chunks(ROWS * width) {
            for column in 0..width {
                let low = column.saturating_sub(window);
                let start = column * span + window - (column - low);
                let out = &mut sums[start..=column * span + window];
                if block.len() == ROWS * width {
                    let row = |at: usize| &block[at * width + low..=at * width + column];
                    let rows: [&[f32]; ROWS] = std::array::from_fn(row);
                    let own: [f32; ROWS] = rows.map(|row| row[row.len() - 1]);
                    for (at, out) in out.iter_mut().enumerate() {
                        let mut sum = 0f32;
                        for row in 0..ROWS {
                            sum += own[row] * rows[row][at];
                        }
                        *out += sum;
                    }
                } else {
                    for row in block.chunks_exact(width) {
                        out.iter_mut().zip(&row[low..=column]).for_each(|(out, other)| *out += row[column] * other);
                    }
                }
            }
        }
        // The other half, so that each row of the band is contiguous.
        for column in 0..width {
            for other in column.saturating_sub(window)..column {
                sums[other * span + window + column - other] = sums[column * span + window + other - column];
            }
        }
        Self { window, sums }
    }

    fn get(&self, column: usize, other: usize) -> f64 {
        f64::from(self.sums[column * (2 * self.window + 1) + self.window + other - column])
    }

    /// Covariances of a column with those of a range.
    fn range(&self, column: usize, low: usize, high: usize) -> &[f32] {
        let start = column * (2 * self.window + 1) + self.window + low - column;
        &self.sums[start..start + high - low]
    }
}

/// Finds what predicts each column of a matrix.
pub fn find(rows: &[f32], width: usize, count: u64) -> Vec<Found> {
    let band = Band::new(rows, width);
    let count = count as f64;
    (0..width).map(|column| pursue(&band, column, count)).collect()
}

fn pursue(band: &Band, column: usize, count: f64) -> Found {
    let low = column.saturating_sub(band.window);
    let whole = band.get(column, column);
    let mut found = Found { terms: vec![], left: 1.0 };
    if column == 0 || whole <= 0.0 {
        return found;
    }
    let targets = band.range(column, low, column);
    let mut rest: Vec<f32> = targets.to_vec();
    let mut chosen: Vec<usize> = vec![];
    // The number of a column, which is often near, and a coefficient of some five bits.
    let price = 2.0 + log2((column - low) as u64 + 1) as f64 / BIT as f64;
    while chosen.len() < MAX_TERMS {
        let mut best = (0f64, usize::MAX);
        for (at, &rest) in rest.iter().enumerate() {
            let own = band.get(low + at, low + at);
            let gain = f64::from(rest) * f64::from(rest) / own.max(1e-30);
            if gain > best.0 {
                best = (gain, low + at);
            }
        }
        if best.1 == usize::MAX || chosen.contains(&best.1) {
            break;
        }
        chosen.push(best.1);
        let Some(coefficients) = solve(band, column, &chosen) else { break };
        let explained: f64 = coefficients.iter().zip(&chosen).map(|(own, &at)| own * band.get(column, at)).sum();
        let left = ((whole - explained) / whole).max(1e-6);
        let bits =
            count / 2.0 * log2((found.left / left * f64::from(1 << 20)) as u64) as f64 / BIT as f64 - 10.0 * count;
        if bits < price {
            break;
        }
        found = Found { terms: chosen.iter().map(|&at| at as u32).zip(coefficients.iter().copied()).collect(), left };
        rest.copy_from_slice(targets);
        for (own, &at) in coefficients.iter().zip(&chosen) {
            let own = *own as f32;
            rest.iter_mut().zip(band.range(at, low, column)).for_each(|(rest, other)| *rest -= own * other);
        }
    }
    found
}

/// Coefficients of least squares by elimination.
fn solve(band: &Band, column: usize, chosen: &[usize]) -> Option<Vec<f64>> {
    let n = chosen.len();
    let mut system: Vec<Vec<f64>> = chosen
        .iter()
        .map(|&row| {
            let mut own: Vec<f64> = chosen.iter().map(|&at| band.get(row, at)).collect();
            own.push(band.get(column, row));
            own
        })
        .collect();
    for at in 0..n {
        // A column that others explain already has no pivot.
        if system[at][at] < 1e-4 * band.get(chosen[at], chosen[at]) {
            return None;
        }
        for below in at + 1..n {
            let times = system[below][at] / system[at][at];
            for k in at..=n {
                system[below][k] -= times * system[at][k];
            }
        }
    }
    let mut coefficients = vec![0.0; n];
    for at in (0..n).rev() {
        let known: f64 = (at + 1..n).map(|k| system[at][k] * coefficients[k]).sum();
        coefficients[at] = (system[at][n] - known) / system[at][at];
    }
    Some(coefficients)
}
