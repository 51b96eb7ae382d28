//! What a scaling law is: [`Law`], a sum of positive terms.

use std::fmt;

use super::Runs;

/// Most parameters of a law, coefficients and shapes together.
pub const MAX_PARAMETERS: usize = 8;

/// Where a law is evaluated, in natural logarithms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// ln N, the size of the model.
    pub log_params: f64,
    /// ln D, the amount of data.
    pub log_data: f64,
    /// ln U, the data among D that is not a repetition; ln D where nothing is repeated.
    pub log_unique: f64,
}

impl Point {
    /// A model of size `params` and `data` without repetition.
    pub fn new(params: f64, data: f64) -> Self {
        Self { log_params: params.ln(), log_data: data.ln(), log_unique: data.ln() }
    }
}

/// The span of N and of D in the runs, in natural logarithms, lower end first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// ln N.
    pub log_params: (f64, f64),
    /// ln D.
    pub log_data: (f64, f64),
}

impl Range {
    /// The span of some runs.
    pub fn of(runs: &Runs) -> Self {
        let span = |value: fn(&Point) -> f64| {
            let logs = runs.runs().iter().map(|run| value(&run.point()));
            logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), log| (log.min(low), log.max(high)))
        };
        Self { log_params: span(|point| point.log_params), log_data: span(|point| point.log_data) }
    }
}

/// A parameter that a law is not linear in: an exponent, or the place of a break.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// The name, as in the formula.
    pub name: &'static str,
    /// Least value the fit may give it.
    pub low: f64,
    /// Largest value the fit may give it.
    pub high: f64,
    /// Values tried before polishing, spread evenly from `low` to `high` and including neither.
    pub steps: usize,
    /// Whether the law sees the logarithm of what is reported; `low` and `high` are then logarithms, too.
    pub is_log: bool,
}

/// A law L(N, D) = Σⱼ cⱼ · φⱼ(N, D; shapes) with positive coefficients cⱼ and positive φⱼ.
///
/// Implementing it takes the φⱼ in logarithms with their derivatives; fitting, intervals and back-tests are shared.
///
/// ```
/// use losslaw::scaling::{Law, Loss, Point, Range, Runs, Shape, fit};
///
/// /// L = E + B·ln(D) / D, the cost of learning a model with a fixed number of parameters.
/// #[derive(Debug)]
/// struct Parametric;
///
/// impl Law for Parametric {
///     fn name(&self) -> &'static str { "parametric" }
///     fn coefficients(&self) -> &'static [&'static str] { &["E", "B"] }
///     fn shapes(&self, _: &Range) -> Vec<Shape> { vec![] }
///     fn uses_params(&self) -> bool { false }
///     fn log_terms(&self, _: &[f64], at: &Point, logs: &mut [f64], _: &mut [f64]) {
///         logs[0] = 0.0;
///         logs[1] = at.log_data.ln() - at.log_data;
///     }
/// }
///
/// let runs = Runs::from_triples((1..9).map(|i| 1000.0 * f64::from(i)).map(|d| (1.0, d, 2.0 + 50.0 * d.ln() / d)))?;
/// let fit = fit(&Parametric, &runs, Loss::SquaredLog)?;
/// assert!((fit.parameter("B").unwrap() - 50.0).abs() < 1e-6);
/// # Ok::<(), losslaw::Error>(())
/// ```
pub trait Law: fmt::Debug + Send + Sync {
    /// The name in reports.
    fn name(&self) -> &'static str;

    /// Names of the coefficients, one for each term. A term named `E` is the loss that neither N nor D removes.
    fn coefficients(&self) -> &'static [&'static str];

    /// The shapes, given where the runs lie. Their number does not depend on the runs.
    fn shapes(&self, range: &Range) -> Vec<Shape>;

    /// Whether N matters: runs of one single N are then refused.
    fn uses_params(&self) -> bool {
        true
    }

    /// Whether D matters: runs of one single D are then refused.
    fn uses_data(&self) -> bool {
        true
    }

    /// Whether unique data U matters: runs without any repetition are then refused.
    fn uses_unique(&self) -> bool {
        false
    }

    /// Writes ln φⱼ to `logs[j]` and ∂ ln φⱼ / ∂ shapeₛ to `slopes[j · shapes + s]`, which holds zeros before.
    fn log_terms(&self, shapes: &[f64], at: &Point, logs: &mut [f64], slopes: &mut [f64]);
}
