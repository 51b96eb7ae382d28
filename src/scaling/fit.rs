//! [`fit`]: screening, polishing, and an account of how far to trust the outcome.

use serde::{Deserialize, Serialize};

use super::lad;
use super::linear::{Matrix, Vector, condition};
use super::objective::{Problem, mirror};
use super::{Law, Loss, Point, Runs, screen};
use crate::{Error, Result};

pub use super::lad::Optimality;

/// How hard to search.
///
/// ```
/// use losslaw::scaling::{FitConfig, Loss, PowerLaw, Runs};
/// let runs = Runs::from_triples((3..12).map(|k| 2f64.powi(k)).map(|d| (1.0, d, 1.0 + 5.0 / d.sqrt())))?;
/// let fit = FitConfig { starts: 4 }.fit(&PowerLaw::Data, &runs, Loss::SquaredLog)?;
/// assert!((fit.parameter("beta").unwrap() - 0.5).abs() < 1e-4);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitConfig {
    /// Starts that are polished, out of the hundreds that are screened.
    pub starts: usize,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self { starts: 24 }
    }
}

/// What a caller should know before relying on a fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Warning {
    /// A parameter stands at the end of what the law allows.
    AtBound {
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: f64,
    },
    /// The offset E is below a thousandth of the least loss: the runs do not show where the curve ends.
    NoOffset,
    /// Few starts reached the optimum: there may be a better one.
    StartDependent {
        /// Starts that reached it.
        reached: usize,
        /// Starts in all.
        starts: usize,
    },
    /// The runs hardly tell some parameters apart.
    IllConditioned {
        /// Condition number of the curvature.
        condition: f64,
    },
    /// The optimum was not reached to rounding.
    NotConverged {
        /// Norm of the gradient.
        gradient_norm: f64,
    },
    /// Back-tests on the runs at hand were off by more than a tenth, so that a forecast may be as well.
    FailedBackTest {
        /// Mean of |L̂/L − 1| in back-tests.
        mean_error: f64,
    },
    /// There are too few scales to back-test a forecast as far ahead as this one.
    NoBackTest,
    /// The loss does not fall steadily: at some model size it rises by more than 2 % from one D to a larger one.
    Rising {
        /// Largest rise, as a share of the loss.
        rise: f64,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtBound { parameter, value } => write!(f, "{parameter} = {value:.4} is at a bound"),
            Self::NoOffset => f.write_str("E is about 0: the runs do not show where the curve ends"),
            Self::StartDependent { reached, starts } => {
                write!(f, "only {reached} of {starts} starts reached the optimum")
            }
            Self::IllConditioned { condition } => {
                write!(f, "the runs hardly determine the law (condition {condition:.1e})")
            }
            Self::NotConverged { gradient_norm } => write!(f, "not converged: the gradient is {gradient_norm:.1e}"),
            Self::FailedBackTest { mean_error } => {
                write!(f, "back-tests were off by {:.1} % in the mean", 100.0 * mean_error)
            }
            Self::NoBackTest => f.write_str("too few scales to back-test this far ahead"),
            Self::Rising { rise } => write!(f, "the loss rises with more data by up to {:.1} %", 100.0 * rise),
        }
    }
}

/// A condition number above which parameters cannot be told apart in practice: standard errors are then about a
/// thousand times those of parameters that do not depend on each other.
const ILL: f64 = 1e6;

/// A law with the parameters that suit some runs best.
#[derive(Debug, Clone)]
pub struct Fit<'a> {
    pub(super) problem: Problem<'a>,
    pub(super) theta: Vector,
    loss: Loss,
    /// Σ ρ(r) over the runs.
    pub objective: f64,
    /// Norm of the gradient by the parameters as the solver sees them (logarithms of coefficients, plain exponents),
    /// without those at a bound. For least absolute deviations, that of [`Optimality::stationarity`].
    pub gradient_norm: f64,
    /// Condition number of Σ ∇f·∇fᵀ, f = ln L̂, after its diagonal is scaled to 1.
    pub condition: f64,
    /// Starts that were polished.
    pub starts: usize,
    /// Starts that reached the optimum, to a millionth of the objective.
    pub reached: usize,
    /// The proof of optimality, for least absolute deviations.
    pub optimality: Option<Optimality>,
    /// What to know before relying on it.
    pub warnings: Vec<Warning>,
}

/// Fits a law to runs by the usual search.
///
/// # Errors
/// [`Error::Unfit`] with fewer runs than parameters, or where a variable that the law needs does not vary.
/// [`Error::InvalidConfig`] when δ is not positive.
pub fn fit<'a>(law: &'a dyn Law, runs: &Runs, loss: Loss) -> Result<Fit<'a>> {
    FitConfig::default().fit(law, runs, loss)
}

impl FitConfig {
    /// Fits a law to runs; see [`fit`].
    pub fn fit<'a>(&self, law: &'a dyn Law, runs: &Runs, loss: Loss) -> Result<Fit<'a>> {
        loss.check()?;
        if self.starts == 0 {
            return Err(Error::config("starts", 0, "1 or more"));
        }
        let problem = Problem::new(law, runs)?;
        let starts = screen::starts(&problem, loss, self.starts);
        let polished: Vec<_> = starts.iter().map(|start| problem.approach(loss, start)).collect();
        let mut best = polished[0];
        for other in &polished[1..] {
            if other.value < best.value {
                best = *other;
            }
        }
        best = problem.settle(loss, &best.theta, 1e-14);
        // A perfect fit has no scale of its own; rounding of the runs' logarithms gives one.
        let near = best.value * (1.0 + 1e-6) + runs.len() as f64 * 1e-18;
        let reached = polished.iter().filter(|other| other.value <= near).count();
        Ok(Fit::new(problem, best.theta, loss, starts.len(), reached))
    }
}

impl<'a> Fit<'a> {
    fn new(problem: Problem<'a>, theta: Vector, loss: Loss, starts: usize, reached: usize) -> Self {
        let size = problem.size();
        let at = problem.derivatives(loss, &theta);
        let free = problem.free(&theta, &at.gradient);
        let optimality = (loss == Loss::LadLog).then(|| lad::optimality(&problem, &theta));
        let plain = || at.gradient.iter().zip(free).filter(|(_, free)| *free).map(|(g, _)| g * g).sum::<f64>().sqrt();
        let gradient_norm = optimality.map_or_else(plain, |optimality| optimality.stationarity);
        let mut products = Matrix::default();
        for row in &problem.rows {
            let gradient = problem.predict(&theta, &row.point).gradient;
            (0..size).for_each(|i| (0..=i).for_each(|j| products[i][j] += gradient[i] * gradient[j]));
        }
        mirror(&mut products, size);
        let condition = condition(&products, size);
        let mut fit = Self {
            problem,
            theta,
            loss,
            objective: at.value,
            gradient_norm,
            condition,
            starts,
            reached,
            optimality,
            warnings: vec![],
        };
        fit.warnings = fit.find_warnings();
        fit
    }

    fn find_warnings(&self) -> Vec<Warning> {
        let mut warnings = vec![];
        let least = self.problem.rows.iter().map(|row| row.log_loss).fold(f64::INFINITY, f64::min);
        let coefficients = self.law().coefficients();
        for (i, (parameter, value)) in self.parameters().into_iter().enumerate() {
            if coefficients.get(i) == Some(&"E") && self.theta[i] < least + 1e-3f64.ln() {
                warnings.push(Warning::NoOffset);
            } else if self.theta[i] <= self.problem.low[i] || self.theta[i] >= self.problem.high[i] {
                warnings.push(Warning::AtBound { parameter, value });
            }
        }
        if 4 * self.reached < self.starts {
            warnings.push(Warning::StartDependent { reached: self.reached, starts: self.starts });
        }
        if self.condition > ILL {
            warnings.push(Warning::IllConditioned { condition: self.condition });
        }
        let rows = self.problem.rows.len() as f64;
        if self.gradient_norm > 1e-6 * (self.objective * rows).sqrt().max(1e-6) {
            warnings.push(Warning::NotConverged { gradient_norm: self.gradient_norm });
        }
        warnings
    }

    /// The law.
    pub fn law(&self) -> &'a dyn Law {
        self.problem.law
    }

    /// The loss that was minimised.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Names and values of the parameters, coefficients first.
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        self.named(&self.theta)
    }

    pub(super) fn named(&self, theta: &Vector) -> Vec<(&'static str, f64)> {
        let names = self.law().coefficients().iter().copied().map(|name| (name, true));
        let shapes = self.problem.shapes.iter().map(|shape| (shape.name, shape.is_log));
        names.chain(shapes).zip(theta).map(|((name, is_log), &x)| (name, if is_log { x.exp() } else { x })).collect()
    }

    /// The value of one parameter.
    pub fn parameter(&self, name: &str) -> Option<f64> {
        self.parameters().into_iter().find(|parameter| parameter.0 == name).map(|parameter| parameter.1)
    }

    /// a = β/(α + β), so that the best N grows as C^a; `None` for a law without both exponents.
    pub fn optimal_exponent(&self) -> Option<f64> {
        self.optimal_exponent_at(&self.theta)
    }

    pub(super) fn optimal_exponent_at(&self, theta: &Vector) -> Option<f64> {
        let named = self.named(theta);
        let find = |name| named.iter().find(|parameter| parameter.0 == name).map(|parameter| parameter.1);
        let beta = find("beta")?;
        Some(beta / (find("alpha")? + beta))
    }

    /// L̂ at N and D, nothing repeated.
    pub fn predict(&self, params: f64, data: f64) -> f64 {
        self.predict_at(&Point::new(params, data))
    }

    /// L̂ at a point.
    pub fn predict_at(&self, at: &Point) -> f64 {
        self.problem.log_loss(&self.theta, at).exp()
    }

    /// ln L̂ − ln L of each run.
    pub fn residuals(&self) -> Vec<f64> {
        let residual = |row: &super::objective::Row| self.problem.log_loss(&self.theta, &row.point) - row.log_loss;
        self.problem.rows.iter().map(residual).collect()
    }
}
