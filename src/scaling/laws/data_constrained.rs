//! Repeated data.

use super::exponent;
use crate::scaling::{Law, Point, Range, Shape};

/// L = E + A/N^α + B/D′^β with effective data D′ = U·(1 + R*·(1 − e^(−R/R*))), where R = D/U − 1 counts repetitions of
/// the unique data U.
///
/// The first repetitions are worth almost as much as new data; in all they are worth at most R* times U. Excess
/// parameters are not discounted.
///
/// ```
/// use losslaw::scaling::{DataConstrained, Loss, Run, Runs, fit};
/// // 1e9 symbols of text, passed up to 64 times; what is gained by repeating levels off.
/// let law = |n: f64, d: f64| {
///     let repeats = (d / 1e9 - 1.0).max(0.0);
///     let effective = d.min(1e9) * (1.0 + 15.0 * (1.0 - (-repeats / 15.0).exp()));
///     1.8 + 400.0 / n.powf(0.35) + 2000.0 / effective.powf(0.37)
/// };
/// let mut runs = vec![];
/// for n in [1e8, 1e9, 1e10] {
///     for d in [1e8, 1e9, 4e9, 1.6e10, 6.4e10] {
///         runs.push(Run { params: n, data: d, unique: d.min(1e9), loss: law(n, d) });
///     }
/// }
/// let fit = fit(&DataConstrained, &Runs::from_runs(runs)?, Loss::SquaredLog)?;
/// assert!((fit.parameter("R*").unwrap() / 15.0 - 1.0).abs() < 0.01);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: N. Muennighoff et al., "Scaling Data-Constrained Language Models", NeurIPS 2023.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataConstrained;

impl Law for DataConstrained {
    fn name(&self) -> &'static str {
        "data constrained"
    }

    fn coefficients(&self) -> &'static [&'static str] {
        &["E", "A", "B"]
    }

    fn shapes(&self, _: &Range) -> Vec<Shape> {
        // From "a repetition is worth nothing" to "hundreds are as good as new data".
        let worth = Shape { name: "R*", low: (0.05f64).ln(), high: (1000.0f64).ln(), steps: 7, is_log: true };
        vec![exponent("alpha", 12), exponent("beta", 12), worth]
    }

    fn uses_unique(&self) -> bool {
        true
    }

    fn log_terms(&self, shapes: &[f64], at: &Point, logs: &mut [f64], slopes: &mut [f64]) {
        let (repeats, worth) = ((at.log_data - at.log_unique).exp_m1().max(0.0), shapes[2].exp());
        let saturation = -(-repeats / worth).exp_m1();
        let effective = at.log_unique + (worth * saturation).ln_1p();
        // ∂(R*·s)/∂R* = s − (R/R*)·e^(−R/R*), and the shape is ln R*.
        let slope = worth * (saturation - repeats / worth * (1.0 - saturation)) / (1.0 + worth * saturation);
        logs.copy_from_slice(&[0.0, -shapes[0] * at.log_params, -shapes[1] * effective]);
        slopes[3] = -at.log_params;
        slopes[7] = -effective;
        slopes[8] = -shapes[1] * slope;
    }
}
