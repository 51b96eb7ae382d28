//! Which earlier columns tell most about a column, and what its values may be compared with.

use super::Setting;
use super::contexts::{MOST_RANKED, classes};
use super::figures::Figures;
use super::values::{Base, References};
use crate::log2::{BIT, log2};

/// Rows that are looked at.
const SAMPLE: usize = 8192;

/// Classes of the column itself, and of an earlier one alone and beside others.
const OWN: usize = 24;
const ALONE: usize = 64;
const BESIDE: usize = 12;

/// The earlier columns that tell most, the most telling first.
pub(super) fn ranked(setting: &Setting<'_>, column: usize, earlier: &[u32]) -> Vec<u32> {
    let rows = setting.frame.rows();
    let step = rows.div_ceil(SAMPLE).max(1);
    let sample: Vec<u32> = (0..rows as u32).step_by(step).collect();
    let values = |c: u32| setting.frame.columns()[c as usize].ordinals.gather(&sample).to_u64s();
    let own = classes(&values(column as u32), OWN);
    let plain = cost(&own, &vec![0; own.len()]);
    let mut pool: Vec<(u32, Vec<u32>, Vec<u32>)> = vec![];
    for &c in earlier {
        let values = values(c);
        let wide = |classes: Vec<u8>| classes.into_iter().map(u32::from).collect::<Vec<_>>();
        pool.push((c, wide(classes(&values, ALONE)), wide(classes(&values, BESIDE))));
    }
    let (mut out, mut beside) = (vec![], vec![0u32; own.len()]);
    while out.len() < MOST_RANKED && !pool.is_empty() {
        let of = |(_, alone, coarse): &(u32, Vec<u32>, Vec<u32>)| match out.len() {
            // From the third on only pairs with the first are looked at: triples of a sample are too thin.
            1 | 2 => {
                let joint: Vec<u32> = beside.iter().zip(coarse).map(|(&b, &c)| b * BESIDE as u32 + c).collect();
                cost(&own, &joint)
            }
            _ => cost(&own, alone),
        };
        let costs: Vec<u64> = pool.iter().map(of).collect();
        let best = (0..pool.len()).min_by_key(|&at| costs[at]).expect("the pool is not empty");
        if out.is_empty() && costs[best] >= plain {
            // Nothing tells anything: the nearest columns may still share rows.
            return earlier.iter().rev().take(2).copied().collect();
        }
        let (c, _, coarse) = pool.remove(best);
        if out.len() < 2 {
            beside.iter_mut().zip(coarse).for_each(|(b, c)| *b = *b * BESIDE as u32 + c);
        }
        out.push(c);
    }
    out
}

/// What `own` costs, coded row by row with counts in each context, in units of 2⁻¹⁶ bit.
fn cost(own: &[u8], contexts: &[u32]) -> u64 {
    let most = contexts.iter().max().map_or(0, |&most| most as usize);
    let mut counts = vec![0u32; (most + 1) * OWN];
    let mut totals = vec![0u32; most + 1];
    let mut sum = 0;
    for (&own, &context) in own.iter().zip(contexts) {
        let (count, total) = (&mut counts[context as usize * OWN + usize::from(own)], &mut totals[context as usize]);
        // A sixteenth for each class that has not come yet.
        sum += log2(16 * u64::from(*total) + OWN as u64) - log2(16 * u64::from(*count) + 1);
        (*count, *total) = (*count + 1, *total + 1);
    }
    sum
}

/// What values may be compared with: nothing, and the best other base of a column of many numbers.
pub(super) fn bases(setting: &Setting<'_>, column: usize, figures: Figures, ranked: &[u32]) -> Vec<Base> {
    let columns = setting.frame.columns();
    let source = &columns[column];
    let block = &setting.blocks[0];
    let rows = block.rows.min(SAMPLE);
    let values = source.ordinals.slice(0..rows).to_u64s();
    let mut distinct = values.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if !source.ordered || distinct.len() < 40 {
        return vec![Base::Plain];
    }
    let earlier: Vec<u32> = setting.earlier(column).into_iter().filter(|&c| columns[c as usize].ordered).collect();
    let mut tried = vec![Base::Previous, Base::Extrapolated];
    for &c in &earlier {
        let other = columns[c as usize].ordinals.slice(0..rows).to_u64s();
        tried.push(Base::Column(c));
        let missing = |row: usize| values[row] < source.first_value || other[row] < columns[c as usize].first_value;
        let pairs: Vec<(f64, f64)> =
            (0..rows).filter(|&row| !missing(row)).map(|row| (other[row] as f64, values[row] as f64)).collect();
        let steps: Vec<(f64, f64)> = pairs.windows(2).map(|p| (p[1].0 - p[0].0, p[1].1 - p[0].1)).collect();
        if let Some(factor) = slope(&steps) {
            tried.push(Base::Drift { column: c, factor });
        }
    }
    tried.extend(ranked.iter().map(|&c| Base::LastIn(c)));
    tried.extend(super::plane::plane(setting, column, &values, &earlier));
    let size = |base: &Base| -> u64 {
        let mut references = References::new(base.clone(), source.first_value, |c| &block.columns[c as usize].ordinals);
        let mut sum = 0;
        for (row, &value) in values.iter().enumerate() {
            if value >= source.first_value {
                let off = figures.rank(value).wrapping_sub(figures.rank(references.get(row))) as i64;
                sum += log2(off.unsigned_abs().saturating_mul(2).saturating_add(1));
            }
            references.push(row, value);
        }
        sum
    };
    let mean = distinct.len() as u64;
    // Plain values cost about the logarithm of how many different ones there are.
    let plain = rows as u64 * log2(mean) + BIT;
    let best = tried.into_iter().map(|base| (size(&base), base)).min_by_key(|&(size, _)| size);
    let mut out = vec![Base::Plain];
    out.extend(best.filter(|(size, _)| *size < plain).map(|(_, base)| base));
    out
}

/// How steep the line is that comes nearest to some points, in 16 fraction bits.
fn slope(points: &[(f64, f64)]) -> Option<i64> {
    if points.len() < 16 {
        return None;
    }
    let count = points.len() as f64;
    let mean_x = points.iter().map(|p| p.0).sum::<f64>() / count;
    let mean_y = points.iter().map(|p| p.1).sum::<f64>() / count;
    let xx: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.0 - mean_x)).sum();
    let xy: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    let factor = xy / xx * 65536.0;
    (factor.is_finite() && factor.abs() < 1e15 && factor.abs() >= 1.0).then_some(factor.round() as i64)
}
