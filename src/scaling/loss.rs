//! What a residual costs.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How far a prediction may be off, summed over the runs: Σ ρ(r).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Loss {
    /// ρ(r) = |r| with r = ln L̂ − ln L: least absolute deviations.
    LadLog,
    /// ρ(r) = r²/2 up to |r| = δ and δ·(|r| − δ/2) beyond, with r = ln L̂ − ln L; δ is the field.
    ///
    /// Source: P. J. Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35, 1964.
    HuberLog(f64),
    /// ρ(r) = r²/2 with r = ln L̂ − ln L.
    SquaredLog,
    /// ρ(r) = r²/2 with r = L̂ − L.
    Squared,
}

/// ρ and its first two derivatives by ln L̂, and the curvature of the parabola that bounds ρ from above there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub value: f64,
    pub slope: f64,
    pub curvature: f64,
    pub bound: f64,
}

impl Loss {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::HuberLog(delta) if !(delta > 0.0 && delta.is_finite()) => {
                Err(Error::config("delta", delta, "positive numbers"))
            }
            _ => Ok(()),
        }
    }

    /// The value alone.
    pub(super) fn value(self, log_predicted: f64, log_loss: f64) -> f64 {
        self.cost(log_predicted, log_loss).value
    }

    #[inline]
    pub(super) fn cost(self, log_predicted: f64, log_loss: f64) -> Cost {
        let r = log_predicted - log_loss;
        match self {
            Self::LadLog => Cost { value: r.abs(), slope: r.signum(), curvature: 0.0, bound: 1.0 / r.abs().max(1e-12) },
            Self::HuberLog(delta) if r.abs() > delta => Cost {
                value: delta * (r.abs() - delta / 2.0),
                slope: delta * r.signum(),
                curvature: 0.0,
                bound: delta / r.abs(),
            },
            Self::HuberLog(_) | Self::SquaredLog => Cost { value: r * r / 2.0, slope: r, curvature: 1.0, bound: 1.0 },
            Self::Squared => {
                let predicted = log_predicted.exp();
                let r = predicted - log_loss.exp();
                let bound = predicted * predicted;
                Cost { value: r * r / 2.0, slope: r * predicted, curvature: bound + r * predicted, bound }
            }
        }
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LadLog => f.write_str("LAD of log"),
            Self::HuberLog(delta) => write!(f, "Huber of log, delta {delta}"),
            Self::SquaredLog => f.write_str("squared log"),
            Self::Squared => f.write_str("squared"),
        }
    }
}
