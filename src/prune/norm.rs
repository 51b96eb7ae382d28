//! Sums of squares that are the same on every machine.

/// Fewest numbers that are added one after the other.
const RUN: usize = 128;

/// Σ w² over the finite numbers, at most the largest double.
///
/// The sum of a list is the sum of its first half plus that of the rest, down to at most 128 numbers that are added in
/// order, so rounding is small and fixed: halving a list of equal numbers halves its sum exactly. What is not finite is
/// kept by every pruner and would drown the rest, so it is left out.
///
/// ```
/// use losslaw::prune::sum_of_squares;
/// assert_eq!(sum_of_squares(&[3.0, -4.0, f64::NAN]), 25.0);
/// assert_eq!(sum_of_squares(&[0.1; 5000]) * 2.0, sum_of_squares(&[0.1; 10_000]));
/// ```
pub fn sum_of_squares(weights: &[f64]) -> f64 {
    sum(weights, &|weight| weight * weight).min(f64::MAX)
}

/// Σ f(w) over the finite numbers, in the order of [`sum_of_squares`].
pub(super) fn sum(weights: &[f64], f: &impl Fn(f64) -> f64) -> f64 {
    if weights.len() <= RUN {
        return weights.iter().filter(|weight| weight.is_finite()).fold(0.0, |sum, &weight| sum + f(weight));
    }
    let (first, rest) = weights.split_at(weights.len() / 2);
    sum(first, f) + sum(rest, f)
}

/// `after` / `before`, 1 for nothing out of nothing.
pub(crate) fn ratio(before: f64, after: f64) -> f64 {
    if before == 0.0 { 1.0 } else { after / before }
}

/// Standard deviation of the finite numbers, at most the largest double; 0 if there are none.
pub(super) fn deviation(weights: &[f64]) -> f64 {
    let count = weights.iter().filter(|weight| weight.is_finite()).count().max(1) as f64;
    let mean = sum(weights, &|weight| weight) / count;
    (sum(weights, &|weight| (weight - mean) * (weight - mean)) / count).sqrt().min(f64::MAX)
}
