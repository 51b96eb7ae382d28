//! A term in which N and D act together.

use super::exponent;
use crate::scaling::{Law, Point, Range, Shape};

/// L = E + A/N^α + B/D^β + κ·N^γ/D^β: what a large model loses when data is short grows with the model.
///
/// The exponent β is shared by both terms in D, so that γ alone tells how the need for data grows with N.
///
/// ```
/// use losslaw::scaling::{Interaction, Loss, Runs, fit};
/// let law = |n: f64, d: f64| 1.8 + 400.0 / n.powf(0.35) + (2000.0 + 40.0 * n.powf(0.2)) / d.powf(0.37);
/// let runs = [1e7, 1e8, 1e9, 1e10].map(|n| [1e8, 1e9, 1e10, 1e11, 1e12].map(|d| (n, d, law(n, d))));
/// let fit = fit(&Interaction, &Runs::from_triples(runs.concat())?, Loss::SquaredLog)?;
/// assert!((fit.predict(1e10, 1e13) / law(1e10, 1e13) - 1.0).abs() < 0.01);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interaction;

impl Law for Interaction {
    fn name(&self) -> &'static str {
        "interaction"
    }

    fn coefficients(&self) -> &'static [&'static str] {
        &["E", "A", "B", "kappa"]
    }

    fn shapes(&self, _: &Range) -> Vec<Shape> {
        vec![exponent("alpha", 9), exponent("beta", 9), Shape { high: 2.0, ..exponent("gamma", 7) }]
    }

    fn log_terms(&self, shapes: &[f64], at: &Point, logs: &mut [f64], slopes: &mut [f64]) {
        let (n, d) = (at.log_params, at.log_data);
        logs.copy_from_slice(&[0.0, -shapes[0] * n, -shapes[1] * d, shapes[2] * n - shapes[1] * d]);
        slopes[3] = -n;
        slopes[7] = -d;
        slopes[10] = -d;
        slopes[11] = n;
    }
}
