//! Sums of an offset and power laws.

use super::exponent;
use crate::scaling::{Law, Point, Range, Shape};

/// L = E + A/N^α + B/D^β.
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
