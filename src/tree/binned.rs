//! Features and targets in few bins, so that a split is found by counting.

use std::collections::HashMap;

use crate::Lane;

/// Most bins of a feature, the one for missing values included.
pub const FEATURE_BINS: usize = 32;

/// Few rows are cheap to count and have no cuts to spare: up to so many an ordered feature has more bins.
const FINE_ROWS: usize = 4096;
const FINE_BINS: usize = 255;

/// Most classes of a target.
pub const TARGET_CLASSES: usize = 64;

/// A feature on the sampled rows.
#[derive(Debug)]
pub struct BinnedFeature {
    /// Bin of each sampled row; bin 0 is for missing values.
    pub bin_of_row: Vec<u8>,
    /// What the bins from 1 on mean.
    pub bins: Bins,
    /// Whether all sampled rows are in one bin.
    pub is_constant: bool,
}

/// What bins mean.
#[derive(Debug, PartialEq, Eq)]
pub enum Bins {
    /// Bin `i + 1` holds values up to `tops[i]`; the last bin has no top.
    Ordered {
        /// Ascending tops of all bins but the last.
        tops: Vec<u64>,
    },
    /// Bin `i + 1` holds `values[i]`; one bin more holds all others, if there are any.
    Categories {
        /// The most frequent values, ascending.
        values: Vec<u64>,
        /// Whether a last bin for other values exists.
        others: bool,
    },
}

impl BinnedFeature {
    /// Number of bins, the one for missing values included.
    pub fn len(&self) -> usize {
        match &self.bins {
            Bins::Ordered { tops } => tops.len() + 2,
            Bins::Categories { values, others } => values.len() + 1 + usize::from(*others),
        }
    }

    fn new(bin_of_row: Vec<u8>, bins: Bins) -> Self {
        let is_constant = bin_of_row.windows(2).all(|pair| pair[0] == pair[1]);
        Self { bin_of_row, bins, is_constant }
    }

    /// How much a target with these classes depends on the feature: mutual information in 2⁻¹⁶ bit over some rows, less
    /// what chance alone would show. Fine bins and classes are taken together, as many as there are rows for.
    pub fn dependence(&self, class: &[u8], classes: usize, rows: &[u32]) -> i64 {
        use super::criterion::{BIT, n_log2_n};
        const MOST: usize = 64;
        let most = (rows.len().isqrt() / 2).clamp(2, MOST);
        let coarse = |count: usize| -> ([u8; 256], usize) {
            let used = count.min(most);
            (std::array::from_fn(|at| (at.min(count - 1) * used / count) as u8), used)
        };
        let ((bin_of, bins), (class_of, classes)) = (coarse(self.len()), coarse(classes));
        let mut joint = [0u32; MOST * MOST];
        for &row in rows {
            let bin = usize::from(bin_of[usize::from(self.bin_of_row[row as usize])]);
            joint[bin * MOST + usize::from(class_of[usize::from(class[row as usize])])] += 1;
        }
        let (mut by_bin, mut by_class) = ([0u32; MOST], [0u32; MOST]);
        let mut information = n_log2_n(rows.len() as u32) as i64;
        for bin in 0..bins {
            for class in 0..classes {
                let count = joint[bin * MOST + class];
                by_bin[bin] += count;
                by_class[class] += count;
                information += n_log2_n(count) as i64;
            }
        }
        let sum = |counts: &[u32]| counts.iter().map(|&c| n_log2_n(c) as i64).sum::<i64>();
        let used = |counts: &[u32]| counts.iter().filter(|&&c| c > 0).count() as i64;
        information -= sum(&by_bin) + sum(&by_class);
        // Under independence 2 ln 2 · information follows χ² with (r − 1)(c − 1) degrees: about 0.72 bit for each.
        information - (used(&by_bin) - 1) * (used(&by_class) - 1) * (BIT as i64 * 72 / 100)
    }
}

/// Distinct values with their counts, ascending.
fn distinct(words: &[u64]) -> Vec<(u64, u32)> {
    /// Up to here a table of counts is quicker than sorting.
    const DIRECT: u64 = 1 << 16;
    let most = words.iter().copied().max().unwrap_or(0);
    if most < DIRECT && most < 8 * words.len() as u64 {
        let mut counts = vec![0u32; most as usize + 1];
        words.iter().for_each(|&word| counts[word as usize] += 1);
        return (0..).zip(counts).filter(|&(_, count)| count > 0).collect();
    }
    let mut sorted = words.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect()
}

/// Tops of at most `most` bins of about equal counts; a frequent value has a bin of its own.
fn quantile_tops(values: &[(u64, u32)], most: usize) -> Vec<u64> {
    if values.len() <= most {
        let all_but_last = values.len().saturating_sub(1);
        return values[..all_but_last].iter().map(|v| v.0).collect();
    }
    let mut left: u64 = values.iter().map(|v| u64::from(v.1)).sum();
    let (mut tops, mut filled) = (vec![], 0u64);
    for (index, &(value, count)) in values.iter().enumerate() {
        let share = (left / (most - tops.len()) as u64).max(1);
        // A value that fills a bin alone begins it, too.
        if filled > 0 && u64::from(count) >= share && tops.len() + 2 < most {
            tops.push(values[index - 1].0);
            left -= filled;
            filled = 0;
        }
        filled += u64::from(count);
        if filled >= share && tops.len() + 1 < most && index + 1 < values.len() {
            tops.push(value);
            left -= filled;
            filled = 0;
        }
    }
    tops
}

/// Bins of the values at or above `first`.
pub fn bin(lane: &Lane, ordered: bool, first: u64) -> BinnedFeature {
    let words = lane.to_u64s();
    let present: Vec<u64> = words.iter().copied().filter(|&w| w >= first).collect();
    let values = distinct(&present);
    if ordered {
        let most = if words.len() <= FINE_ROWS { FINE_BINS } else { FEATURE_BINS };
        let tops = quantile_tops(&values, most - 1);
        let bin = |w: u64| if w < first { 0 } else { 1 + tops.partition_point(|&top| top < w) as u8 };
        let bin_of_row = words.iter().map(|&w| bin(w)).collect();
        return BinnedFeature::new(bin_of_row, Bins::Ordered { tops });
    }
    let room = FEATURE_BINS - 1;
    let others = values.len() > room;
    let kept = if others { most_frequent(&values, room - 1) } else { values.iter().map(|v| v.0).collect() };
    let places: HashMap<u64, u8> = kept.iter().zip(1u8..).map(|(&v, place)| (v, place)).collect();
    let other = kept.len() as u8 + 1;
    let bin = |w: &u64| if *w < first { 0 } else { places.get(w).copied().unwrap_or(other) };
    BinnedFeature::new(words.iter().map(bin).collect(), Bins::Categories { values: kept, others })
}

fn most_frequent(values: &[(u64, u32)], room: usize) -> Vec<u64> {
    let mut by_count: Vec<_> = values.iter().map(|&(v, c)| (std::cmp::Reverse(c), v)).collect();
    by_count.sort_unstable();
    let mut kept: Vec<u64> = by_count[..room].iter().map(|v| v.1).collect();
    kept.sort_unstable();
    kept
}

/// Class of each sampled row of a target, and the number of classes.
///
/// A target of at most [`TARGET_CLASSES`] distinct ordinals keeps them as classes, in their order. A wider one is cut
/// into ranges if it is ordered; if not, its most frequent ordinals are classes and all others share one.
pub fn classes(lane: &Lane, ordered: bool) -> (Vec<u8>, usize) {
    let words = lane.to_u64s();
    let values = distinct(&words);
    if ordered || values.len() <= TARGET_CLASSES {
        let tops = quantile_tops(&values, TARGET_CLASSES);
        return (words.iter().map(|&w| tops.partition_point(|&top| top < w) as u8).collect(), tops.len() + 1);
    }
    let kept = most_frequent(&values, TARGET_CLASSES - 1);
    let class = |w: &u64| kept.binary_search(w).unwrap_or(kept.len()) as u8;
    (words.iter().map(class).collect(), TARGET_CLASSES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_keep_a_bin_each_and_missing_values_go_to_bin_zero() {
        let binned = bin(&Lane::from(vec![0u8, 5, 9, 5, 7]), true, 1);
        assert_eq!(binned.bins, Bins::Ordered { tops: vec![5, 7] });
        assert_eq!(binned.bin_of_row, [0, 1, 3, 1, 2]);
        let binned = bin(&Lane::from(vec![0u8, 5, 9, 5, 7]), false, 0);
        assert_eq!(binned.bins, Bins::Categories { values: vec![0, 5, 7, 9], others: false });
    }

    #[test]
    fn many_values_fill_all_bins_about_equally() {
        let words: Vec<u64> = (0..10_000).map(|i| i * i).collect();
        let binned = bin(&Lane::U64(words), true, 0);
        assert_eq!(binned.len(), FEATURE_BINS);
        let mut counts = [0u32; FEATURE_BINS];
        binned.bin_of_row.iter().for_each(|&b| counts[usize::from(b)] += 1);
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|&c| (300..350).contains(&c)), "{counts:?}");
    }

    #[test]
    fn a_value_of_half_the_rows_gets_a_bin_alone() {
        let words: Vec<u64> = (0..10_000).map(|i| if i % 2 == 0 { 5000 } else { i }).collect();
        let Bins::Ordered { tops } = bin(&Lane::U64(words), true, 0).bins else { panic!("ordered") };
        let at = tops.iter().position(|&t| t == 5000).unwrap();
        assert_eq!(tops[at - 1], 4999);
    }
}
