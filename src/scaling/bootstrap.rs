//! Intervals by drawing the runs anew: [`Bootstrap`].

use serde::{Deserialize, Serialize};

use super::linear::Vector;
use super::objective::Problem;
use super::random::Random;
use super::{Fit, Point};
use crate::{Error, Result};

/// How to draw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BootstrapConfig {
    /// How often the runs are drawn and the law is fitted.
    pub resamples: usize,
    /// Seed of the draws; the same seed gives the same numbers with any number of threads.
    pub seed: u64,
    /// Threads with the feature `parallel`, 0 for one each core.
    pub threads: usize,
}

impl Default for BootstrapConfig {
    fn default() -> Self {
        Self { resamples: 1000, seed: 0, threads: 1 }
    }
}

/// A range that holds a share of the draws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies inside.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The middle `level` of some values, ends interpolated between neighbours; `None` without values.
    ///
    /// Source: R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50(4),
    /// 1996, definition 7.
    pub(super) fn of(mut values: Vec<f64>, level: f64) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |share: f64| {
            let place = share.clamp(0.0, 1.0) * last as f64;
            let (low, rest) = (place.floor() as usize, place.fract());
            values[low] + rest * (values[(low + 1).min(last)] - values[low])
        };
        Some(Self { low: at((1.0 - level) / 2.0), high: at(f64::midpoint(1.0, level)) })
    }
}

/// A law fitted to many draws of its runs, with replacement.
///
/// Source: B. Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7(1), 1979.
///
/// ```
/// use losslaw::scaling::{BootstrapConfig, Loss, PowerLaw, Runs, fit};
/// // A power law whose runs are off by a percent in turn.
/// let runs = (1..30).map(|i| (1.0, f64::from(i * i), 1.0 + 5.0 / f64::from(i) + 0.01 * f64::from(i % 3 - 1)));
/// let runs = Runs::from_triples(runs)?;
/// let fit = fit(&PowerLaw::Data, &runs, Loss::SquaredLog)?;
/// let bootstrap = fit.bootstrap(&BootstrapConfig { resamples: 200, ..Default::default() })?;
/// let beta = bootstrap.interval("beta", 0.95).unwrap();
/// assert!(beta.contains(0.5) && beta.high - beta.low < 0.1);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Bootstrap<'f, 'a> {
    pub(super) fit: &'f Fit<'a>,
    pub(super) draws: Vec<Vector>,
}

impl<'a> Fit<'a> {
    /// Draws the runs anew and fits the law to each draw, starting from this fit.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when there are no resamples.
    pub fn bootstrap(&self, config: &BootstrapConfig) -> Result<Bootstrap<'_, 'a>> {
        if config.resamples == 0 {
            return Err(Error::config("resamples", 0, "1 or more"));
        }
        self.settled(config.threads, config.resamples, |draw, times| {
            let mut random = Random::new(config.seed, draw as u64);
            (0..times.len()).for_each(|_| times[random.below(times.len())] += 1);
        })
    }

    /// Fits the law to resamples that were drawn elsewhere, in blocks or by another program for instance: each lists
    /// places of runs, the first being 0.
    ///
    /// ```
    /// use losslaw::scaling::{Loss, PowerLaw, Runs, fit};
    /// let runs = Runs::from_triples((1..9).map(f64::from).map(|d| (1.0, d, 1.0 + 5.0 / d)))?;
    /// let fit = fit(&PowerLaw::Data, &runs, Loss::SquaredLog)?;
    /// // Without the first run, or without the last: the runs obey one law, so that nothing changes.
    /// let bootstrap = fit.bootstrap_of(&[(1..8).collect(), (0..7).collect()], 1)?;
    /// assert!(bootstrap.standard_error("B").unwrap() < 1e-6);
    /// assert!(fit.bootstrap_of(&[vec![8]], 1).is_err());
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when there are no resamples, or one is empty or names a run that is not there.
    pub fn bootstrap_of(&self, resamples: &[Vec<usize>], threads: usize) -> Result<Bootstrap<'_, 'a>> {
        if resamples.is_empty() || resamples.iter().any(Vec::is_empty) {
            return Err(Error::config("resamples", "one of no runs", "1 or more, of 1 run or more"));
        }
        let count = self.problem.rows.len();
        if let Some(place) = resamples.iter().flatten().find(|&&place| place >= count) {
            return Err(Error::config("place of a run", place, "below the number of runs"));
        }
        self.settled(threads, resamples.len(), |draw, times| {
            resamples[draw].iter().for_each(|&place| times[place] += 1);
        })
    }

    /// Fits the law to each draw, for which `count` says how often each run is in it, starting from this fit.
    fn settled(
        &self,
        threads: usize,
        draws: usize,
        count: impl Fn(usize, &mut [u32]) + Send + Sync,
    ) -> Result<Bootstrap<'_, 'a>> {
        let draws = crate::threads::each(threads, draws, |draw| {
            let mut times = vec![0; self.problem.rows.len()];
            count(draw, &mut times);
            Ok(self.redrawn(&times).settle(self.loss(), &self.theta, 1e-6).theta)
        })?;
        Ok(Bootstrap { fit: self, draws })
    }

    /// Each run as often as it was drawn.
    fn redrawn(&self, times: &[u32]) -> Problem<'a> {
        let drawn = self.problem.rows.iter().zip(times).filter(|(_, times)| **times > 0);
        let rows = drawn.map(|(row, &times)| super::objective::Row { weight: f64::from(times), ..*row }).collect();
        Problem { rows, shapes: self.problem.shapes.clone(), ..self.problem }
    }
}

impl<'a> Bootstrap<'_, 'a> {
    /// The fit to the runs as they are.
    pub fn fit(&self) -> &Fit<'a> {
        self.fit
    }

    /// The values of a parameter over the draws.
    fn values(&self, name: &str) -> Option<Vec<f64>> {
        let place = self.fit.parameters().iter().position(|parameter| parameter.0 == name)?;
        Some(self.draws.iter().map(|theta| self.fit.named(theta)[place].1).collect())
    }

    /// Standard deviation of a parameter over the draws.
    pub fn standard_error(&self, name: &str) -> Option<f64> {
        Some(deviation(&self.values(name)?))
    }

    /// The middle `level` of a parameter's values, 0.95 for instance.
    pub fn interval(&self, name: &str, level: f64) -> Option<Interval> {
        Interval::of(self.values(name)?, level)
    }

    /// Standard deviation and interval of a = β/(α + β).
    pub fn optimal_exponent(&self, level: f64) -> Option<(f64, Interval)> {
        let values: Vec<f64> =
            self.draws.iter().map(|theta| self.fit.optimal_exponent_at(theta)).collect::<Option<_>>()?;
        Some((deviation(&values), Interval::of(values, level)?))
    }

    /// The middle `level` of L̂ at N and D: where the fitted curve lies, not where a single run would.
    pub fn predict(&self, params: f64, data: f64, level: f64) -> Interval {
        self.predict_at(&Point::new(params, data), level)
    }

    /// The middle `level` of L̂ at a point.
    pub fn predict_at(&self, at: &Point, level: f64) -> Interval {
        let values = self.draws.iter().map(|theta| self.fit.problem.log_loss(theta, at).exp()).collect();
        Interval::of(values, level).expect("there is a draw at least")
    }
}

fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0).max(1.0)).sqrt()
}
