//! Code length in integers: entropy, information gain and gain ratio.
//!
//! Lengths are integers in units of 2⁻¹⁶ bit ([`BIT`]), so that a choice comes out the same on every machine.

pub use crate::log2::BIT;
use crate::log2::log2;

/// Counts are small as a rule, and looking a product up is quicker than making it.
const LISTED: usize = 4096;

static N_LOG2_N: [u64; LISTED] = {
    let mut table = [0; LISTED];
    let mut n = 0;
    while n < LISTED {
        table[n] = n as u64 * log2(n as u64);
        n += 1;
    }
    table
};

/// n·log2(n) in 2⁻¹⁶ bit.
#[inline]
pub fn n_log2_n(n: u32) -> u64 {
    N_LOG2_N.get(n as usize).copied().unwrap_or_else(|| u64::from(n) * log2(u64::from(n)))
}

/// Bits (in 2⁻¹⁶) that an ideal code spends on symbols with these counts: n·H = n·log2 n − Σ c·log2 c.
///
/// Source: C. E. Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27, 1948.
///
/// ```
/// use losslaw::tree::criterion::{BIT, code_length};
/// assert_eq!(code_length(&[4, 4]), 8 * BIT);
/// assert_eq!(code_length(&[9, 0]), 0);
/// ```
pub fn code_length(counts: &[u32]) -> u64 {
    let total: u32 = counts.iter().sum();
    n_log2_n(total).saturating_sub(counts.iter().map(|&c| n_log2_n(c)).sum())
}

/// Entropy in bits a symbol.
pub fn entropy(counts: &[u32]) -> f64 {
    let total: u32 = counts.iter().sum();
    code_length(counts) as f64 / BIT as f64 / f64::from(total.max(1))
}

/// Information gain, in bits a row, of dividing a set into `parts`, given as class counts.
///
/// gain = H(Σ parts) − Σ (n_part / n)·H(part).
///
/// Source: J. R. Quinlan, "Induction of Decision Trees", Machine Learning 1, 1986.
///
/// ```
/// use losslaw::tree::criterion::gain;
/// // Outlook in the textbook's fourteen days of weather: sunny 2+ 3−, overcast 4+ 0−, rain 3+ 2−.
/// let gain = gain(&[vec![2, 3], vec![4, 0], vec![3, 2]]);
/// assert!((gain - 0.247).abs() < 0.0005);
/// ```
pub fn gain(parts: &[Vec<u32>]) -> f64 {
    let classes = parts.iter().map(Vec::len).max().unwrap_or(0);
    let whole: Vec<u32> = (0..classes).map(|class| parts.iter().filter_map(|part| part.get(class)).sum()).collect();
    let total: u32 = whole.iter().sum();
    let left: u64 = parts.iter().map(|part| code_length(part)).sum();
    code_length(&whole).saturating_sub(left) as f64 / BIT as f64 / f64::from(total.max(1))
}

/// Gain ratio: gain over the entropy of the part sizes, which keeps many-valued features from winning by being many.
///
/// Source: J. R. Quinlan, "C4.5: Programs for Machine Learning", Morgan Kaufmann, 1993.
pub fn gain_ratio(parts: &[Vec<u32>]) -> f64 {
    let sizes: Vec<u32> = parts.iter().map(|part| part.iter().sum()).collect();
    let split = entropy(&sizes);
    if split > 0.0 { gain(parts) / split } else { 0.0 }
}
