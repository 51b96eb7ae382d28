//! Pruning: a split stays only if what it saves exceeds what it costs.

use super::criterion::{BIT, code_length};
use super::grow::{Grown, Shape, bits_to_name};
use crate::log2::log2;

/// Keeps the splits that shorten the two-part code: leaves' symbols, leaves' distributions, and the tree itself.
/// Returns the length of that code in 2⁻¹⁶ bit.
pub(super) fn by_code_length(nodes: &mut [Grown], split_bits: u64, features: usize) -> u64 {
    from_below(nodes, |node| leaf_bits(&node.counts), |shape| described(shape, split_bits, features))
}

/// What a leaf costs besides its classes.
pub(super) const LEAF_BITS: u64 = 2 * BIT;

/// What it takes to write a split down, in 2⁻¹⁶ bit.
pub(super) fn described(shape: &Shape, split_bits: u64, features: usize) -> u64 {
    let cut = match shape {
        Shape::Threshold { .. } => 5,
        Shape::Set(bins) => 3 + 5 * u64::from(bins.count_ones().min(bins.count_zeros())).min(3),
        Shape::Multiway { values } => 5 * u64::from(*values),
    };
    (split_bits + cut) * BIT + bits_to_name(features)
}

/// Bits of a leaf's symbols under its own distribution, and of saying that distribution: about half the logarithm of
/// the count and a bit for each class that occurs.
///
/// Source: J. Rissanen, "A universal prior for integers and estimation by minimum description length",
/// Annals of Statistics 11(2), 1983.
pub(super) fn leaf_bits(counts: &[Vec<u32>]) -> u64 {
    let distribution = |counts: &Vec<u32>| {
        let present = counts.iter().filter(|&&c| c > 0);
        LEAF_BITS + present.map(|&c| log2(u64::from(c) + 1) / 2 + BIT).sum::<u64>()
    };
    counts.iter().map(|counts| code_length(counts) + distribution(counts)).sum()
}

/// Keeps the splits that lower the upper bound of the error on unseen rows.
pub(super) fn by_pessimistic_error(nodes: &mut [Grown], z: f64) {
    if z <= 0.0 {
        return;
    }
    // In millionths of a row; every step is an exactly rounded operation, so all machines agree.
    from_below(
        nodes,
        |node| node.counts.iter().map(|counts| (pessimistic_errors(counts, z) * 1e6) as u64).sum(),
        |_| 0,
    );
}

/// Upper end of the binomial confidence interval of the number of rows outside the largest class.
fn pessimistic_errors(counts: &[u32], z: f64) -> f64 {
    let n: u32 = counts.iter().sum();
    if n == 0 {
        return 0.0;
    }
    let (n, errors) = (f64::from(n), f64::from(n - counts.iter().max().unwrap_or(&0)));
    let f = errors / n;
    let z2 = z * z;
    let spread = z * (f / n - f * f / n + z2 / (4.0 * n * n)).max(0.0).sqrt();
    n * (f + z2 / (2.0 * n) + spread) / (1.0 + z2 / n)
}

/// Turns a split into a leaf wherever the leaf costs no more than the split and the best of its branches. Returns what
/// is left to pay.
fn from_below(nodes: &mut [Grown], leaf_cost: impl Fn(&Grown) -> u64, split_cost: impl Fn(&Shape) -> u64) -> u64 {
    let mut best = vec![0u64; nodes.len()];
    // Children stand after their parents, so the reverse order meets them first.
    for at in (0..nodes.len()).rev() {
        let leaf = leaf_cost(&nodes[at]);
        best[at] = leaf;
        if let Some((split, children)) = &nodes[at].split {
            let branches = split_cost(&split.shape) + children.iter().map(|&child| best[child]).sum::<u64>();
            if branches < leaf {
                best[at] = branches;
            } else {
                nodes[at].split = None;
            }
        }
    }
    best[0]
}
