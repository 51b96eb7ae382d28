//! Finding the factors of a matrix: subspace iteration, and how many components pay.
//!
//! Floats choose, in strictly ordered sums and products; what is chosen is written as integers.
//!
//! Source: N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Review 53(2), 2011.

use super::centre::{FRACTION, Factors, MAX_SHIFT};
use crate::log2::{BIT, log2};

/// Directions that are followed; the last ones only help the others.
const SPAN: usize = 32;

/// Most components that are kept.
const MOST: usize = 24;

/// Times that directions are multiplied by the matrix and back.
const ROUNDS: usize = 3;

/// SPAN numbers for each row or column.
type Tall = Vec<[f32; SPAN]>;

/// Rows of `width`, nothing else; `None` where no component pays. Also the factor of the rows.
pub fn find(values: &[f32], width: usize) -> Option<(Factors, Vec<i16>)> {
    let height = values.len() / width;
    if width.min(height) < 2 * SPAN {
        return None;
    }
    let energy: f64 = values.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    // Any directions will do to begin with.
    let mut seed = 1u32;
    let mut columns: Tall = (0..width)
        .map(|_| {
            std::array::from_fn(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
        })
        .collect();
    let mut rows = Tall::new();
    for _ in 0..ROUNDS {
        rows = forward(values, width, &columns);
        orthonormal(&mut rows);
        columns = backward(values, width, &rows);
        if energy <= 0.0 {
            return None;
        }
        if rows.is_empty() {
            return None;
        }
    }
    // values ≈ rows · columnsᵀ, and the directions of columnsᵀ · columns make its parts independent.
    let (turn, sizes) = eigen(&columns);
    let rank = rank(&sizes, energy, height, width);
    if rank == 0 {
        return None;
    }
    let left: f64 = energy - sizes[..rank].iter().sum::<f64>();
    let noise = (left.max(energy * 1e-9) / values.len() as f64).sqrt();
    let mut factors = Factors::default();
    let mut entries = vec![0i16; height * rank];
    for component in 0..rank {
        let size = sizes[component].sqrt();
        let along = |tall: &[f32; SPAN]| -> f64 {
            tall.iter().zip(&turn).map(|(&own, turn)| f64::from(own) * turn[component]).sum()
        };
        // With a step of √12 · noise for a column of unit length, the errors of an entry cost about its next bit.
        let step = 3.46 * noise;
        let product = step * step / size * f64::from(1 << FRACTION);
        let shift = (product.max(1.0) as u64).ilog2().min(MAX_SHIFT);
        let other = f64::from(1u32 << shift) / f64::from(1 << FRACTION) / step;
        factors.shifts.push(shift);
        factors.right.push(columns.iter().map(|column| round(along(column) / size / other)).collect());
        for (row, entry) in rows.iter().zip(entries[component..].iter_mut().step_by(rank)) {
            *entry = round(along(row) * size / step);
        }
    }
    Some((factors, entries))
}

fn round(value: f64) -> i16 {
    ((value.clamp(-32767.0, 32767.0) + 32768.5) as i32 - 32768) as i16
}

/// How many components save more bits than their entries cost.
fn rank(sizes: &[f64], energy: f64, height: usize, width: usize) -> usize {
    let bits = |ratio: f64| log2((ratio.clamp(1e-3, 1e9) * 1024.0 * 1024.0) as u64) as f64 / BIT as f64 - 20.0;
    let (mut left, mut spent, mut best) = (energy, 0.0, (0.0, 0));
    for (at, &size) in sizes.iter().enumerate().take(MOST) {
        if size <= 0.0 {
            break;
        }
        left = (left - size).max(energy * 1e-9);
        let noise = left / (height * width) as f64;
        // Entries of a normal density and this deviation in steps.
        let price = |len: usize| len as f64 * (bits((size / (12.0 * noise * len as f64)).sqrt()) + 2.3).max(1.0);
        spent += price(height) + price(width);
        let saved = (height * width) as f64 / 2.0 * bits(energy / left) - spent;
        if saved > best.0 {
            best = (saved, at + 1);
        }
    }
    best.1
}

/// values · columns
fn forward(values: &[f32], width: usize, columns: &Tall) -> Tall {
    let row = |values: &[f32]| {
        let mut sums = [0f32; SPAN];
        for (value, column) in values.iter().zip(columns) {
            sums.iter_mut().zip(column).for_each(|(sum, own)| *sum += value * own);
        }
        sums
    };
    values.chunks_exact(width).map(row).collect()
}

/// valuesᵀ · rows
fn backward(values: &[f32], width: usize, rows: &Tall) -> Tall {
    let mut columns = vec![[0f32; SPAN]; width];
    for (values, row) in values.chunks_exact(width).zip(rows) {
        for (value, column) in values.iter().zip(&mut columns) {
            column.iter_mut().zip(row).for_each(|(sum, own)| *sum += value * own);
        }
    }
    columns
}

/// Makes columns of unit length and right angles, by Gram and Schmidt.
fn orthonormal(tall: &mut Tall) {
    for at in 0..SPAN {
        for _ in 0..2 {
            let mut products = [0f64; SPAN];
            for row in tall.iter() {
                products[..at].iter_mut().zip(row).for_each(|(sum, own)| *sum += f64::from(*own) * f64::from(row[at]));
            }
            for row in tall.iter_mut() {
                let less: f64 = products[..at].iter().zip(row.iter()).map(|(times, own)| times * f64::from(*own)).sum();
                row[at] -= less as f32;
            }
        }
        let length = tall.iter().map(|row| f64::from(row[at]) * f64::from(row[at])).sum::<f64>().sqrt();
        let times = if length > 1e-20 { (1.0 / length) as f32 } else { 0.0 };
        tall.iter_mut().for_each(|row| row[at] *= times);
    }
}

/// Eigenvectors (as columns) and eigenvalues of tallᵀ · tall, the largest first, by Jacobi's rotations.
fn eigen(tall: &Tall) -> ([[f64; SPAN]; SPAN], Vec<f64>) {
    let mut gram = [[0f64; SPAN]; SPAN];
    for row in tall {
        for (own, sums) in row.iter().zip(&mut gram) {
            sums.iter_mut().zip(row).for_each(|(sum, other)| *sum += f64::from(*own) * f64::from(*other));
        }
    }
    let mut turn = [[0f64; SPAN]; SPAN];
    (0..SPAN).for_each(|at| turn[at][at] = 1.0);
    for _ in 0..12 {
        for p in 0..SPAN {
            for q in p + 1..SPAN {
                if gram[p][q] * gram[p][q] <= 1e-24 * gram[p][p] * gram[q][q] {
                    continue;
                }
                let theta = (gram[q][q] - gram[p][p]) / (2.0 * gram[p][q]);
                let sign = if theta < 0.0 { -1.0 } else { 1.0 };
                let t = sign / (theta * sign + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for row in gram.iter_mut().chain(&mut turn) {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (upper, lower) = gram.split_at_mut(q);
                for (a, b) in upper[p].iter_mut().zip(&mut lower[0]) {
                    (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..SPAN).collect();
    order.sort_by(|&a, &b| gram[b][b].total_cmp(&gram[a][a]));
    let sorted = turn.map(|row| std::array::from_fn(|at| row[order[at]]));
    (sorted, order.iter().map(|&at| gram[at][at]).collect())
}
