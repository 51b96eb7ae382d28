//! A power law that bends once.

use super::exponent;
use crate::scaling::{Law, Point, Range, Shape};

/// L = E + B·D^(−c₀)·(1 + (D/d)^(1/f))^(−c₁·f): the exponent goes from c₀ to c₀ + c₁ around D = d; a small f makes the
/// bend sharp.
///
/// ```
/// use losslaw::scaling::{Broken, Loss, Runs, fit};
/// // From a slope of 0.1 to one of 0.5 around 10,000 symbols.
/// let law = |d: f64| 0.2 + 9.0 * d.powf(-0.1) * (1.0 + (d / 1e4).powf(2.0)).powf(-0.2);
/// let runs = (6..22).map(|k| 2f64.powi(k)).map(|d| (1.0, d, law(d)));
/// let fit = fit(&Broken, &Runs::from_triples(runs)?, Loss::SquaredLog)?;
/// assert!((fit.predict(1.0, 1e7) / law(1e7) - 1.0).abs() < 0.01);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: E. Caballero et al., "Broken Neural Scaling Laws", ICLR 2023, with one break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl Law for Broken {
    fn name(&self) -> &'static str {
        "broken power law in D"
    }

    fn coefficients(&self) -> &'static [&'static str] {
        &["E", "B"]
    }

    fn shapes(&self, range: &Range) -> Vec<Shape> {
        let (low, high) = range.log_data;
        vec![
            exponent("c0", 10),
            // A bend may make the curve shallower, too; c0 + c1 is then what stays.
            Shape { name: "c1", low: -2.0, high: 2.0, steps: 9, is_log: false },
            Shape { name: "d", low, high, steps: 7, is_log: true },
            Shape { name: "f", low: (0.1f64).ln(), high: (4.0f64).ln(), steps: 2, is_log: true },
        ]
    }

    fn uses_params(&self) -> bool {
        false
    }

    fn log_terms(&self, shapes: &[f64], at: &Point, logs: &mut [f64], slopes: &mut [f64]) {
        let ([c0, c1], width) = ([shapes[0], shapes[1]], shapes[3].exp());
        let place = (at.log_data - shapes[2]) / width;
        // ln(1 + e^x) without overflow, and its derivative.
        let soft = place.max(0.0) + (-place.abs()).exp().ln_1p();
        let beyond = 1.0 / (1.0 + (-place).exp());
        logs[0] = 0.0;
        logs[1] = -c0 * at.log_data - c1 * width * soft;
        slopes[4] = -at.log_data;
        slopes[5] = -width * soft;
        slopes[6] = c1 * beyond;
        slopes[7] = -c1 * width * (soft - place * beyond);
    }
}
