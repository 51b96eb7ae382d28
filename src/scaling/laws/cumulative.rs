//! What the mean over all data so far looks like.

use super::exponent;
use crate::scaling::{Law, Point, Range, Shape};

/// L = E + B/D^β + K/D: the mean of a power law over the first D symbols, where a start that cost K more is divided
/// among them. For code lengths that are counted from the first symbol on, prequential or in two parts.
///
/// The mean of e + b/d^β over d = 1 to D is e + b/(1 − β)/D^β and a constant over D, for β below 1.
///
/// ```
/// use losslaw::scaling::{Cumulative, Loss, Runs, fit};
/// let law = |d: f64| 1.5 + 20.0 / d.powf(0.4) + 900.0 / d;
/// let runs = (8..20).map(|k| 2f64.powi(k)).map(|d| (1.0, d, law(d)));
/// let fit = fit(&Cumulative, &Runs::from_triples(runs)?, Loss::SquaredLog)?;
/// assert!((fit.predict(1.0, 1e7) / law(1e7) - 1.0).abs() < 1e-3);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cumulative;

impl Law for Cumulative {
    fn name(&self) -> &'static str {
        "cumulative power law in D"
    }

    fn coefficients(&self) -> &'static [&'static str] {
        &["E", "B", "K"]
    }

    fn shapes(&self, _: &Range) -> Vec<Shape> {
        // Near 1 the two terms in D are the same.
        vec![Shape { high: 0.95, ..exponent("beta", 30) }]
    }

    fn uses_params(&self) -> bool {
        false
    }

    fn log_terms(&self, shapes: &[f64], at: &Point, logs: &mut [f64], slopes: &mut [f64]) {
        logs.copy_from_slice(&[0.0, -shapes[0] * at.log_data, -at.log_data]);
        slopes[1] = -at.log_data;
    }
}
