//! [`forecast`]: the law that past forecasts speak for, what it says further on, and how far to trust that.

use serde::{Deserialize, Serialize};

use super::backtest::compare_windows;
use super::linear::Vector;
use super::{BootstrapConfig, Fit, Interval, Law, Loss, Point, Ranked, Runs, Split, Warning, fit};
use crate::{Error, Result};

/// Back-tests that were off by more, in the mean, speak against a forecast.
const FAILED: f64 = 0.1;

/// A rise of the loss that is more than noise.
const RISING: f64 = 0.02;

/// How to forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastConfig {
    /// What fits minimise.
    pub loss: Loss,
    /// How far ahead laws are back-tested, and by which scale.
    pub split: Split,
    /// Each law is tried on the runs within each of these factors of the largest scale, besides: what happens at small
    /// scales need not be what goes on at large ones. Back-tests choose; an empty list means all runs.
    pub windows: Vec<f64>,
    /// The share of truths that the interval shall hold.
    pub level: f64,
    /// How often the runs are drawn anew.
    pub bootstrap: BootstrapConfig,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        let bootstrap = BootstrapConfig { resamples: 200, ..BootstrapConfig::default() };
        Self {
            loss: Loss::SquaredLog,
            split: Split::LargestD(8.0),
            windows: vec![32.0, 16.0, 8.0],
            level: 0.9,
            bootstrap,
        }
    }
}

/// The law that did best in back-tests, fitted to the runs it did best with, ready to be asked.
#[derive(Debug, Clone)]
pub struct Outlook<'a> {
    /// The fit.
    pub fit: Fit<'a>,
    /// All laws, best first; the first was fitted.
    pub ranked: Vec<Ranked<'a>>,
    /// What to know before relying on it: the warnings of the fit, and those of runs and back-tests.
    pub warnings: Vec<Warning>,
    draws: Vec<Vector>,
    level: f64,
}

/// What an [`Outlook`] says of one place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Forecast {
    /// L̂.
    pub loss: f64,
    /// Where a run at that place should lie: the spread of the draws and the errors of past forecasts together.
    pub interval: Interval,
}

/// Chooses a law by back-test, fits it to the runs and gets ready to forecast.
///
/// ```
/// use losslaw::scaling::{Broken, ForecastConfig, PowerLaw, Runs, forecast};
/// let loss = |d: f64| 2.0 + 30.0 / d.sqrt();
/// let runs = Runs::from_triples((6..16).map(|i| 2f64.powi(i)).map(|d| (1.0, d, loss(d))))?;
/// let outlook = forecast(&[&Broken, &PowerLaw::Data], &runs, &ForecastConfig::default())?;
/// assert_eq!(outlook.fit.law().name(), "power law in D");
/// let far = outlook.at(1.0, 8.0 * 32768.0);
/// assert!((far.loss / loss(8.0 * 32768.0) - 1.0).abs() < 1e-6);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// # Errors
/// Those of [`compare`](super::compare); [`Error::InvalidConfig`] when the level is not between 0 and 1, or a
/// window not above 1.
pub fn forecast<'a>(laws: &[&'a dyn Law], runs: &Runs, config: &ForecastConfig) -> Result<Outlook<'a>> {
    if !(config.level > 0.0 && config.level < 1.0) {
        return Err(Error::config("level", config.level, "between 0 and 1"));
    }
    if let Some(window) = config.windows.iter().find(|&&window| window.is_nan() || window <= 1.0) {
        return Err(Error::config("window", window, "above 1"));
    }
    let all = [f64::INFINITY];
    let windows = if config.windows.is_empty() { &all[..] } else { &config.windows };
    let ranked = compare_windows(laws, windows, runs, config.loss, config.split)?;
    let recent = config.split.recent(runs, f64::INFINITY, ranked[0].window);
    let fit = fit(ranked[0].law, &recent, config.loss)?;
    let draws = fit.bootstrap(&config.bootstrap)?.draws;
    let mut warnings = fit.warnings.clone();
    let mean_error = ranked[0].mean_absolute;
    if mean_error.is_infinite() {
        warnings.push(Warning::NoBackTest);
    } else if mean_error > FAILED {
        warnings.push(Warning::FailedBackTest { mean_error });
    }
    let rise = rise(&recent);
    if rise > RISING {
        warnings.push(Warning::Rising { rise });
    }
    Ok(Outlook { fit, ranked, warnings, draws, level: config.level })
}

impl Outlook<'_> {
    /// L̂ at N and D, nothing repeated, with its interval.
    ///
    /// Its ends are ln L̂ ± √(b² + (t·s)²): b is how far the draws of the bootstrap reach on that side, s the root of the
    /// mean square of past errors, t the quantile of Student's distribution with as many degrees of freedom as there
    /// were times. Without a back-test only the draws are left, which say too little.
    pub fn at(&self, params: f64, data: f64) -> Forecast {
        let (problem, at) = (&self.fit.problem, Point::new(params, data));
        let log = problem.log_loss(&self.fit.theta, &at);
        let logs = self.draws.iter().map(|theta| problem.log_loss(theta, &at)).collect();
        let drawn = Interval::of(logs, self.level).expect("there is a draw at least");
        let best = &self.ranked[0];
        let past = match best.log_errors.len() {
            0 => 0.0,
            times => best.root_mean_square * student(self.level, times),
        };
        let reach = |end: f64| f64::hypot((log - end).abs(), past);
        Forecast {
            loss: log.exp(),
            interval: Interval { low: (log - reach(drawn.low)).exp(), high: (log + reach(drawn.high)).exp() },
        }
    }
}

/// The largest rise of the loss from one D to a larger one at the same N, as a share.
fn rise(runs: &Runs) -> f64 {
    let mut sorted: Vec<&super::Run> = runs.runs().iter().collect();
    sorted.sort_by(|a, b| a.params.total_cmp(&b.params).then(a.data.total_cmp(&b.data)));
    let of_size = |runs: &[&super::Run]| {
        let mut least = f64::INFINITY;
        runs.iter().fold(0.0f64, |rise, run| {
            least = least.min(run.loss);
            rise.max(run.loss / least - 1.0)
        })
    };
    sorted.chunk_by(|a, b| a.params.total_cmp(&b.params).is_eq()).map(of_size).fold(0.0, f64::max)
}

/// t with P(|T| ≤ t) = `level` for Student's distribution with `degrees` degrees of freedom, which has a finite sum in
/// the angle whose tangent is t/√degrees.
///
/// Source: M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", 1964, 26.7.3 and 26.7.4.
fn student(level: f64, degrees: usize) -> f64 {
    let within = |angle: f64| {
        let (sin, cos) = angle.sin_cos();
        let odd = degrees % 2;
        let (mut sum, mut term) = (0.0, if odd == 1 { cos } else { 1.0 });
        for k in 0..(degrees - odd) / 2 {
            sum += term;
            let (top, bottom) = (2 * k + 1 + odd, 2 * k + 2 + odd);
            term *= cos * cos * top as f64 / bottom as f64;
        }
        if odd == 1 { std::f64::consts::FRAC_2_PI * (angle + sin * sum) } else { sin * sum }
    };
    let (mut low, mut high) = (0.0, std::f64::consts::FRAC_PI_2);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if within(middle) < level { low = middle } else { high = middle }
    }
    low.tan() * (degrees as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (level, degrees, expected) in
            [(0.95, 1, 12.706), (0.95, 2, 4.303), (0.9, 3, 2.353), (0.9, 6, 1.943), (0.95, 5, 2.571), (0.99, 30, 2.750)]
        {
            let found = student(level, degrees);
            assert!((found - expected).abs() < 5e-4, "{level} {degrees}: {found}");
        }
    }
}
