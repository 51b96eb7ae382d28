//! A plane through earlier columns that comes near a column's values.
//!
//! Floats choose the factors; what is written, and what a decoder adds, are integers.

use super::Setting;
use super::values::{Base, MOST_TERMS, Term};
use crate::log2::{BIT, log2};

/// Rows that are looked at.
const SAMPLE: usize = 4096;

/// Bits that a term must save to be worth its place.
const TERM_BITS: f64 = 48.0;

/// The plane through the best few of the column's last value and the earlier columns now and before, if it helps.
pub(super) fn plane(setting: &Setting<'_>, column: usize, values: &[u64], earlier: &[u32]) -> Option<Base> {
    let first = setting.frame.columns()[column].first_value;
    let rows: Vec<usize> = (1..values.len().min(SAMPLE)).filter(|&row| values[row] >= first).collect();
    if rows.len() < 64 {
        return None;
    }
    let mut last = vec![values[0] as f64];
    for &value in values {
        let before = last[last.len() - 1];
        last.push(if value >= first { value as f64 } else { before });
    }
    let of = |row: &usize| values[*row] as f64;
    let goal: Vec<f64> = rows.iter().map(of).collect();
    let mut inputs: Vec<(Term, Vec<f64>)> = vec![(Term::Last, rows.iter().map(|&row| last[row]).collect())];
    for &c in earlier {
        let other = setting.blocks[0].columns[c as usize].ordinals.slice(0..values.len()).to_u64s();
        inputs.push((Term::Now(c), rows.iter().map(|&row| other[row] as f64).collect()));
        inputs.push((Term::Before(c), rows.iter().map(|&row| other[row - 1] as f64).collect()));
    }
    let chosen = choose(&goal, &inputs, setting.blocks[0].rows as f64);
    let factors = solve(&goal, &chosen.iter().map(|&at| &inputs[at].1[..]).collect::<Vec<_>>())?;
    let mut constant = mean(&goal);
    let mut terms = vec![];
    for (&at, factor) in chosen.iter().zip(factors) {
        let scaled = (factor * 65536.0).round();
        if scaled.abs() > 1e12 {
            return None;
        }
        constant -= scaled / 65536.0 * mean(&inputs[at].1);
        terms.push((inputs[at].0, scaled as i64));
    }
    (constant.abs() < 1e18).then_some(Base::Plane { terms, constant: constant.round() as i64 })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn centred(values: &[f64]) -> Vec<f64> {
    let mean = mean(values);
    values.iter().map(|value| value - mean).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// How much of `a` is along `b`, whose squares sum to `norm`.
fn share(a: &[f64], b: &[f64], norm: f64) -> f64 {
    let along = dot(a, b);
    along * along / norm
}

/// Takes from `a` what `b` explains of it.
fn take(a: &mut [f64], b: &[f64], norm: f64) {
    let share = dot(a, b) / norm;
    a.iter_mut().zip(b).for_each(|(a, b)| *a -= share * b);
}

/// The inputs that explain most, one after the other, each by what those before it leave.
fn choose(goal: &[f64], inputs: &[(Term, Vec<f64>)], rows: f64) -> Vec<usize> {
    let mut left = centred(goal);
    let mut parts: Vec<Vec<f64>> = inputs.iter().map(|input| centred(&input.1)).collect();
    let norms: Vec<f64> = parts.iter().map(|part| dot(part, part)).collect();
    let mut chosen = vec![];
    while chosen.len() < MOST_TERMS {
        let all = dot(&left, &left);
        let gain = |at: usize| {
            let norm = dot(&parts[at], &parts[at]);
            // What is nearly a sum of chosen inputs has factors without bounds.
            if norm <= norms[at] * 1e-9 || norm <= 0.0 { 0.0 } else { share(&left, &parts[at], norm) }
        };
        let gains: Vec<f64> = (0..parts.len()).map(gain).collect();
        let Some(best) = (0..parts.len()).max_by(|&a, &b| gains[a].total_cmp(&gains[b])) else { break };
        let rest = (all - gains[best]).max(all * 1e-12);
        // The logarithm is the crate's own, of a ratio from 1 to 10^12.
        let saved = log2((all / rest * 65536.0) as u64).saturating_sub(16 * BIT);
        if all <= 0.0 || rows / 2.0 * (saved as f64 / BIT as f64) < TERM_BITS {
            break;
        }
        chosen.push(best);
        let part = parts[best].clone();
        let norm = dot(&part, &part);
        take(&mut left, &part, norm);
        parts.iter_mut().for_each(|other| take(other, &part, norm));
    }
    chosen
}

/// Factors of the least squares, from the normal equations.
fn solve(goal: &[f64], inputs: &[&[f64]]) -> Option<Vec<f64>> {
    let count = inputs.len();
    let (goal, inputs) = (centred(goal), inputs.iter().map(|input| centred(input)).collect::<Vec<_>>());
    let mut matrix: Vec<Vec<f64>> = (0..count)
        .map(|row| {
            let own = |other: &Vec<f64>| dot(&inputs[row], other);
            inputs.iter().map(own).chain([dot(&inputs[row], &goal)]).collect()
        })
        .collect();
    for pivot in 0..count {
        let best = (pivot..count).max_by(|&a, &b| matrix[a][pivot].abs().total_cmp(&matrix[b][pivot].abs()))?;
        matrix.swap(pivot, best);
        if matrix[pivot][pivot].abs() < 1e-9 {
            return None;
        }
        let own = matrix[pivot].clone();
        for (at, row) in matrix.iter_mut().enumerate() {
            if at != pivot {
                let share = row[pivot] / own[pivot];
                row.iter_mut().zip(&own).for_each(|(value, own)| *value -= share * own);
            }
        }
    }
    let factors: Vec<f64> = (0..count).map(|at| matrix[at][count] / matrix[at][at]).collect();
    (count > 0 && factors.iter().all(|factor| factor.is_finite())).then_some(factors)
}
