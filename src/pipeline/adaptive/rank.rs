//! Which earlier columns tell most about a column, and what its values may be compared with.

use std::sync::OnceLock;

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

/// What `n` rows of a context and `n` of them with one symbol add: log2(16 n + [`OWN`]) and log2(16 n + 1).
static LOGS: [(u32, u32); SAMPLE] = {
    let mut logs = [(0, 0); SAMPLE];
    let mut n = 0;
    while n < SAMPLE {
        logs[n] = (log2(16 * n as u64 + OWN as u64) as u32, log2(16 * n as u64 + 1) as u32);
        n += 1;
    }
    logs
};

/// A column's values in a sample of all rows, as classes.
struct Classes {
    own: Vec<u8>,
    alone: Vec<u8>,
    beside: Vec<u8>,
}

/// The classes of all columns, each made when it is first asked for.
pub(in crate::pipeline) struct Screen {
    of_column: Vec<OnceLock<Classes>>,
}

impl Screen {
    pub fn new(columns: usize) -> Self {
        Self { of_column: (0..columns).map(|_| OnceLock::new()).collect() }
    }

    fn of(&self, setting: &Setting<'_>, column: u32) -> &Classes {
        self.of_column[column as usize].get_or_init(|| {
            let rows = setting.frame.rows();
            let step = rows.div_ceil(SAMPLE).max(1);
            let sample: Vec<u32> = (0..rows as u32).step_by(step).collect();
            let values = setting.frame.columns()[column as usize].ordinals.gather(&sample).to_u64s();
            let [own, alone, beside] = classes(&values, [OWN, ALONE, BESIDE]);
            Classes { own, alone, beside }
        })
    }
}

/// The earlier columns that tell most, the most telling first.
pub(super) fn ranked(setting: &Setting<'_>, column: usize, earlier: &[u32]) -> Vec<u32> {
    let of = |c: u32| setting.screen.of(setting, c);
    let own = &of(column as u32).own;
    let plain = cost(own, own.iter().map(|_| 0), 1, u64::MAX);
    let alone = |&c: &u32| (cost(own, of(c).alone.iter().map(|&class| u32::from(class)), ALONE, u64::MAX), c);
    let mut pool: Vec<(u64, u32)> = earlier.iter().map(alone).collect();
    let (mut out, mut beside) = (vec![], vec![0u32; own.len()]);
    while out.len() < MOST_RANKED && !pool.is_empty() {
        let mut best = (u64::MAX, 0);
        for (at, &(alone, c)) in pool.iter().enumerate() {
            let cost = match out.len() {
                // A sample is too thin for more than three at once: from the fourth on each counts alone.
                1 | 2 => {
                    let joint = beside.iter().zip(&of(c).beside).map(|(&b, &c)| b * BESIDE as u32 + u32::from(c));
                    cost(own, joint, BESIDE.pow(out.len() as u32 + 1), best.0)
                }
                _ => alone,
            };
            if cost < best.0 {
                best = (cost, at);
            }
        }
        if out.is_empty() && best.0 >= plain {
            // Nothing tells anything: the nearest columns may still share rows.
            return earlier.iter().rev().take(2).copied().collect();
        }
        let (_, c) = pool.remove(best.1);
        if out.len() < 2 {
            beside.iter_mut().zip(&of(c).beside).for_each(|(b, &c)| *b = *b * BESIDE as u32 + u32::from(c));
        }
        out.push(c);
    }
    out
}

/// What `own` costs, coded row by row with counts in each of `count` contexts, in units of 2⁻¹⁶ bit; or some number from
/// `most` on, if it costs as much.
fn cost(own: &[u8], contexts: impl Iterator<Item = u32>, count: usize, most: u64) -> u64 {
    let mut counts = vec![[0u16; OWN]; count];
    let mut totals = vec![0u16; count];
    let mut sum = 0;
    for (&own, context) in own.iter().zip(contexts) {
        let (count, total) = (&mut counts[context as usize][usize::from(own)], &mut totals[context as usize]);
        // A sixteenth for each class that has not come yet.
        sum += u64::from(LOGS[usize::from(*total)].0 - LOGS[usize::from(*count)].1);
        if sum >= most {
            break;
        }
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
