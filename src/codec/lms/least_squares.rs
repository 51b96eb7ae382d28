//! Least squares over a fading past: the weights that would have predicted what came lately.
//!
//! Floating-point numbers take part in decoding here, so every machine must get the same ones. All operations are
//! +, −, × and ÷ of `f64` in an order that the source fixes: loops over elements that do not depend on each other may
//! run side by side, sums never change their order, and nothing is fused. IEEE 754 rounds each of these operations in
//! one way only.

/// Predicts a target from `inputs` numbers, refitted as targets become known.
///
/// Keeps R = Σ λ^age x xᵀ and r = Σ λ^age y x; the weights w solve (R + ν I) w = r.
#[derive(Debug, Clone)]
pub(super) struct LeastSquares {
    inputs: usize,
    fading: f64,
    /// Rows of the lower triangle of R, each `inputs` long.
    covariance: Vec<f64>,
    correlation: Vec<f64>,
    weights: Vec<f64>,
    factor: Vec<f64>,
    column: Vec<f64>,
    seen: u32,
}

/// Targets between two refits.
const EVERY: u32 = 12;

/// ν: keeps the factorisation away from zero where inputs have been equal for long.
const RIDGE: f64 = 0.5;

impl LeastSquares {
    /// λ is `fading`.
    pub fn new(inputs: usize, fading: f64) -> Self {
        Self {
            inputs,
            fading,
            covariance: vec![0.0; inputs * inputs],
            correlation: vec![0.0; inputs],
            weights: vec![0.0; inputs],
            factor: vec![0.0; inputs * inputs],
            column: vec![0.0; inputs],
            seen: 0,
        }
    }

    pub fn predict(&self, x: &[f64]) -> f64 {
        self.weights.iter().zip(x).fold(0.0, |sum, (w, x)| sum + w * x)
    }

    pub fn learn(&mut self, x: &[f64], y: f64) {
        let n = self.inputs;
        for (i, (row, &xi)) in self.covariance.chunks_exact_mut(n).zip(x).enumerate() {
            for (c, &xj) in row[..=i].iter_mut().zip(x) {
                *c = *c * self.fading + xi * xj;
            }
        }
        for (c, &xi) in self.correlation.iter_mut().zip(x) {
            *c = *c * self.fading + xi * y;
        }
        self.seen += 1;
        if self.seen.is_multiple_of(EVERY) {
            self.refit();
        }
    }

    /// L D Lᵀ w = r by elimination, column after column.
    fn refit(&mut self) {
        let n = self.inputs;
        self.factor.copy_from_slice(&self.covariance);
        for i in 0..n {
            self.factor[i * n + i] += RIDGE;
        }
        self.weights.copy_from_slice(&self.correlation);
        for k in 0..n {
            let pivot = self.factor[k * n + k];
            for i in k + 1..n {
                self.column[i] = self.factor[i * n + k];
            }
            let known = self.weights[k];
            for i in k + 1..n {
                let scale = self.column[i] / pivot;
                let row = &mut self.factor[i * n..][..=i];
                row[k] = scale;
                for (f, c) in row[k + 1..].iter_mut().zip(&self.column[k + 1..=i]) {
                    *f -= scale * c;
                }
                self.weights[i] -= scale * known;
            }
        }
        for k in (0..n).rev() {
            let mut w = self.weights[k] / self.factor[k * n + k];
            for i in k + 1..n {
                w -= self.factor[i * n + k] * self.weights[i];
            }
            self.weights[k] = w;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_rule_is_found() {
        let mut model = LeastSquares::new(2, 0.99);
        let point = |t: u32| [f64::from(t * 7 % 31) - 15.0, f64::from(t * 13 % 17) - 8.0];
        for t in 0..300 {
            let [a, b] = point(t);
            model.learn(&[a, b], 2.0 * a - 0.5 * b);
        }
        let [a, b] = point(301);
        assert!((model.predict(&[a, b]) - (2.0 * a - 0.5 * b)).abs() < 0.05);
    }

    #[test]
    fn inputs_that_are_always_zero_do_no_harm() {
        let mut model = LeastSquares::new(3, 0.9);
        (0..200).for_each(|_| model.learn(&[0.0; 3], 9.0));
        assert_eq!(model.predict(&[1.0; 3]).to_bits(), 0);
    }

    /// The same on every machine: weights after a fixed sequence, bit for bit.
    #[test]
    fn the_weights_are_the_same_everywhere() {
        let mut model = LeastSquares::new(2, 0.998);
        for t in 0u32..60 {
            model.learn(&[f64::from(t * 37 % 101), f64::from(t * 53 % 89)], f64::from(t * 11 % 97));
        }
        let bits: Vec<u64> = model.weights.iter().map(|weight| weight.to_bits()).collect();
        assert_eq!(bits, [4_600_331_268_650_909_618, 4_602_359_379_421_852_406]);
    }
}
