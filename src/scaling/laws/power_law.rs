//! Sums of an offset and power laws.

use super::exponent;
use crate::scaling::{Law, Point, Range, Shape};

/// L = E + A/N^α + B/D^β.
///
/// ```
/// use losslaw::scaling::{Chinchilla, Loss, Runs, fit};
/// let law = |n: f64, d: f64| 1.8 + 400.0 / n.powf(0.35) + 2000.0 / d.powf(0.37);
/// let runs = [1e8, 3e8, 1e9, 3e9].map(|n| [1e9, 1e10, 1e11].map(|d| (n, d, law(n, d))));
/// let fit = fit(&Chinchilla, &Runs::from_triples(runs.concat())?, Loss::SquaredLog)?;
/// assert!((fit.parameter("alpha").unwrap() - 0.35).abs() < 1e-4);
/// assert!((fit.predict(1e10, 1e12) - law(1e10, 1e12)).abs() < 1e-6);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: J. Hoffmann et al., "Training Compute-Optimal Large Language Models", NeurIPS 2022.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chinchilla;

impl Law for Chinchilla {
    fn name(&self) -> &'static str {
        "chinchilla"
    }

    fn coefficients(&self) -> &'static [&'static str] {
        &["E", "A", "B"]
    }

    fn shapes(&self, _: &Range) -> Vec<Shape> {
        vec![exponent("alpha", 20), exponent("beta", 20)]
    }

    fn log_terms(&self, shapes: &[f64], at: &Point, logs: &mut [f64], slopes: &mut [f64]) {
        logs[0] = 0.0;
        logs[1] = -shapes[0] * at.log_params;
        logs[2] = -shapes[1] * at.log_data;
        slopes[2] = -at.log_params;
        slopes[5] = -at.log_data;
    }
}

/// L = E + A/N^α + B/D^α: N and D grow in proportion at the optimum.
///
/// ```
/// use losslaw::scaling::{TiedExponents, Loss, Runs, fit};
/// let law = |n: f64, d: f64| 1.8 + 400.0 / n.powf(0.36) + 2000.0 / d.powf(0.36);
/// let runs = [1e8, 3e8, 1e9, 3e9].map(|n| [1e9, 1e10, 1e11].map(|d| (n, d, law(n, d))));
/// let fit = fit(&TiedExponents, &Runs::from_triples(runs.concat())?, Loss::SquaredLog)?;
/// assert!((fit.parameter("alpha").unwrap() - 0.36).abs() < 1e-4);
/// assert!((fit.predict(1e10, 1e12) - law(1e10, 1e12)).abs() < 1e-6);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: N. Muennighoff et al., "Scaling Data-Constrained Language Models", NeurIPS 2023, ties the exponents so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TiedExponents;

impl Law for TiedExponents {
    fn name(&self) -> &'static str {
        "tied exponents"
    }

    fn coefficients(&self) -> &'static [&'static str] {
        &["E", "A", "B"]
    }

    fn shapes(&self, _: &Range) -> Vec<Shape> {
        vec![exponent("alpha", 40)]
    }

    fn log_terms(&self, shapes: &[f64], at: &Point, logs: &mut [f64], slopes: &mut [f64]) {
        logs[0] = 0.0;
        logs[1] = -shapes[0] * at.log_params;
        logs[2] = -shapes[0] * at.log_data;
        slopes[1] = -at.log_params;
        slopes[2] = -at.log_data;
    }
}

/// L = E + A/N^α, or L = E + B/D^β: a power law with an offset in one variable.
///
/// ```
/// use losslaw::scaling::{PowerLaw, Loss, Runs, fit};
/// let law = |d: f64| 0.5 + 30.0 / d.powf(0.4);
/// let runs = [1e3, 4e3, 1.6e4, 6.4e4, 2.56e5].map(|d| (1.0, d, law(d)));
/// let fit = fit(&PowerLaw::Data, &Runs::from_triples(runs)?, Loss::SquaredLog)?;
/// assert!((fit.parameter("beta").unwrap() - 0.4).abs() < 1e-4);
/// assert!((fit.predict(1.0, 1e7) - law(1e7)).abs() < 1e-5);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: J. Hestness et al., "Deep Learning Scaling is Predictable, Empirically", 2017.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerLaw {
    /// L = E + A/N^α.
    Params,
    /// L = E + B/D^β.
    Data,
}

impl Law for PowerLaw {
    fn name(&self) -> &'static str {
        match self {
            Self::Params => "power law in N",
            Self::Data => "power law in D",
        }
    }

    fn coefficients(&self) -> &'static [&'static str] {
        match self {
            Self::Params => &["E", "A"],
            Self::Data => &["E", "B"],
        }
    }

    fn shapes(&self, _: &Range) -> Vec<Shape> {
        vec![exponent(if *self == Self::Params { "alpha" } else { "beta" }, 60)]
    }

    fn uses_params(&self) -> bool {
        *self == Self::Params
    }

    fn uses_data(&self) -> bool {
        *self == Self::Data
    }

    fn log_terms(&self, shapes: &[f64], at: &Point, logs: &mut [f64], slopes: &mut [f64]) {
        let log = if *self == Self::Params { at.log_params } else { at.log_data };
        logs[0] = 0.0;
        logs[1] = -shapes[0] * log;
        slopes[1] = -log;
    }
}
