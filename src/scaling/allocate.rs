//! The best N and D for an amount of compute: [`Fit::allocate`].

use serde::Serialize;

use super::linear::Vector;
use super::{Bootstrap, Fit, Interval, Point};
use crate::{Error, Result};

/// How a fitted law divides compute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Allocation {
    /// N*, the best size of the model.
    pub params: f64,
    /// D* = C / 6N*, the best amount of data.
    pub data: f64,
    /// D* / N*.
    pub data_per_param: f64,
    /// L̂(N*, D*).
    pub loss: f64,
}

/// The middle share of what the draws of a bootstrap allocate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AllocationInterval {
    /// That of N*.
    pub params: Interval,
    /// That of D*.
    pub data: Interval,
    /// That of D* / N*.
    pub data_per_param: Interval,
    /// That of L̂(N*, D*).
    pub loss: Interval,
}

/// Half the distance over which the slope along a line of equal compute is taken; its error grows with the square.
const STEP: f64 = 1e-3;

impl Fit<'_> {
    /// N* and D* with the least L̂ among all that cost C = 6·N·D = `flops`, nothing repeated.
    ///
    /// For L = E + A/N^α + B/D^β this is N* = G·(C/6)^a, D* = (C/6)^(1−a)/G with a = β/(α + β) and
    /// G = (αA/βB)^(1/(α+β)); for any law it is found where the slope along the line changes sign.
    ///
    /// ```
    /// use losslaw::scaling::{Chinchilla, Loss, Runs, fit};
    /// let law = |n: f64, d: f64| 1.8 + 400.0 / n.powf(0.35) + 2000.0 / d.powf(0.35);
    /// let sizes = [1e8, 3e8, 1e9, 3e9];
    /// let runs = Runs::from_triples(sizes.iter().flat_map(|&n| sizes.map(|d| (n, 20.0 * d, law(n, 20.0 * d)))))?;
    /// let best = fit(&Chinchilla, &runs, Loss::SquaredLog)?.allocate(6e20)?;
    /// // With equal exponents D/N is (B/A)^(1/0.35) whatever the compute.
    /// assert!((best.data_per_param / 5f64.powf(1.0 / 0.35) - 1.0).abs() < 1e-4);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when `flops` is not finite or below 600; [`Error::Unfit`] when the law does not weigh N
    /// against D, so that the best N would be as small or as large as can be.
    ///
    /// Source: J. Hoffmann et al., "Training Compute-Optimal Large Language Models", NeurIPS 2022.
    pub fn allocate(&self, flops: f64) -> Result<Allocation> {
        self.allocate_at(&self.theta, flops)
    }

    pub(super) fn allocate_at(&self, theta: &Vector, flops: f64) -> Result<Allocation> {
        if !flops.is_finite() || flops < 600.0 {
            return Err(Error::config("flops", flops, "finite numbers of at least 600"));
        }
        let whole = (flops / 6.0).ln();
        let at = |log_params: f64| {
            let log_data = whole - log_params;
            self.problem.log_loss(theta, &Point { log_params, log_data, log_unique: log_data })
        };
        let falls = |log_params: f64| at(log_params + STEP) < at(log_params - STEP);
        // Between a model of one parameter and one for a single symbol.
        let (mut low, mut high) = (STEP, whole - STEP);
        if !falls(low) || falls(high) {
            return Err(Error::Unfit {
                law: self.law().name(),
                why: "no N between 1 and C/6 is best for this compute",
            });
        }
        // Sums of powers are convex along the line, so that one change of sign is all there is.
        while high - low > 1e-12 * whole {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                break;
            }
            if falls(middle) { low = middle } else { high = middle }
        }
        let (params, data) = (low.exp(), (whole - low).exp());
        Ok(Allocation { params, data, data_per_param: data / params, loss: at(low).exp() })
    }
}

impl Bootstrap<'_, '_> {
    /// The middle `level` of N*, D* and what follows from them.
    ///
    /// ```
    /// use losslaw::scaling::{BootstrapConfig, Chinchilla, Loss, Runs, fit};
    /// // Every other run is half a percent off.
    /// let law = |n: f64, d: f64| 1.8 + 400.0 / n.powf(0.35) + 2000.0 / d.powf(0.37);
    /// let runs = [1e8, 3e8, 1e9, 3e9].map(|n| [1e9, 1e10, 1e11].map(|d| (n, d, law(n, d))));
    /// let off = |(at, (n, d, loss)): (usize, (f64, f64, f64))| (n, d, loss * if at % 2 == 0 { 1.005 } else { 1.0 });
    /// let runs = Runs::from_triples(runs.concat().into_iter().enumerate().map(off))?;
    /// let fit = fit(&Chinchilla, &runs, Loss::SquaredLog)?;
    /// let bootstrap = fit.bootstrap(&BootstrapConfig { resamples: 50, ..BootstrapConfig::default() })?;
    /// let (best, interval) = (fit.allocate(6e20)?, bootstrap.allocate(6e20, 0.9)?);
    /// assert!(interval.params.contains(best.params) && interval.params.low < interval.params.high);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Fit::allocate`] says, for any of the draws.
    pub fn allocate(&self, flops: f64, level: f64) -> Result<AllocationInterval> {
        let each: Vec<Allocation> =
            self.draws.iter().map(|theta| self.fit.allocate_at(theta, flops)).collect::<Result<_>>()?;
        let of = |value: fn(&Allocation) -> f64| {
            Interval::of(each.iter().map(value).collect(), level).expect("there is a draw at least")
        };
        Ok(AllocationInterval {
            params: of(|each| each.params),
            data: of(|each| each.data),
            data_per_param: of(|each| each.data_per_param),
            loss: of(|each| each.loss),
        })
    }
}
