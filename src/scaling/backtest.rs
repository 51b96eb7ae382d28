//! [`backtest`]: fit the smaller scales, look at the larger ones. [`compare`]: rank laws by doing so repeatedly.

use serde::{Deserialize, Serialize};

use super::objective::Problem;
use super::{Fit, Law, Loss, Run, Runs, fit};
use crate::{Error, Result};

/// Which runs are held out: those within a factor of the largest scale. The factor is above 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Split {
    /// Runs with D above the largest D divided by the factor.
    LargestD(f64),
    /// Runs with N above the largest N divided by the factor.
    LargestN(f64),
    /// Runs with C = 6ND above the largest C divided by the factor.
    LargestC(f64),
}

impl Split {
    /// The factor between the largest scale and the largest that is learnt from.
    pub fn factor(self) -> f64 {
        match self {
            Self::LargestD(factor) | Self::LargestN(factor) | Self::LargestC(factor) => factor,
        }
    }

    /// The scale of a run.
    pub fn scale(self, run: &Run) -> f64 {
        match self {
            Self::LargestD(_) => run.data,
            Self::LargestN(_) => run.params,
            Self::LargestC(_) => run.compute(6.0),
        }
    }

    /// The runs up to a scale that are within a factor of the largest among them.
    pub(super) fn recent(self, runs: &Runs, cut: f64, window: f64) -> Runs {
        let near = runs.retain(|run| self.scale(run) <= cut * ROUNDING);
        let largest = near.runs().iter().map(|run| self.scale(run)).fold(0.0, f64::max);
        near.retain(|run| self.scale(run) * ROUNDING >= largest / window)
    }

    fn check(self) -> Result<()> {
        let factor = self.factor();
        if factor > 1.0 && factor.is_finite() { Ok(()) } else { Err(Error::config("factor", factor, "above 1")) }
    }
}

/// A run that was held out, and what was forecast for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HeldOut {
    /// The run.
    pub run: Run,
    /// The forecast loss.
    pub predicted: f64,
    /// predicted / loss − 1.
    pub error: f64,
}

/// How a law did on runs it was not fitted to.
#[derive(Debug, Clone)]
pub struct BackTest<'a> {
    /// The fit to the smaller scales.
    pub fit: Fit<'a>,
    /// The larger scales.
    pub held_out: Vec<HeldOut>,
}

impl BackTest<'_> {
    /// Mean of the signed errors: positive where the forecast was too high.
    pub fn mean_error(&self) -> f64 {
        mean(self.held_out.iter().map(|held_out| held_out.error))
    }

    /// Mean of the errors without sign.
    pub fn mean_absolute_error(&self) -> f64 {
        mean(self.held_out.iter().map(|held_out| held_out.error.abs()))
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / f64::max(count, 1.0)
}

/// Fits a law to the smaller scales and forecasts the larger ones.
///
/// ```
/// use losslaw::scaling::{Loss, PowerLaw, Runs, Split, backtest};
/// let runs = Runs::from_triples((4..16).map(|i| 2f64.powi(i)).map(|d| (1.0, d, 2.0 + 3.0 / d.sqrt())))?;
/// let test = backtest(&PowerLaw::Data, &runs, Loss::SquaredLog, Split::LargestD(8.0))?;
/// assert_eq!(test.held_out.len(), 3);
/// assert!(test.mean_absolute_error() < 1e-6);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// # Errors
/// Those of [`fit`] on the smaller scales; [`Error::InvalidConfig`] when the factor is not above 1.
pub fn backtest<'a>(law: &'a dyn Law, runs: &Runs, loss: Loss, split: Split) -> Result<BackTest<'a>> {
    split.check()?;
    let largest = runs.runs().iter().map(|run| split.scale(run)).fold(0.0, f64::max);
    let bound = largest / split.factor() * ROUNDING;
    let fit = fit(law, &runs.retain(|run| split.scale(run) <= bound), loss)?;
    let held_out = runs.runs().iter().filter(|run| split.scale(run) > bound);
    let held_out = held_out.map(|run| held_out_by(&fit, run)).collect();
    Ok(BackTest { fit, held_out })
}

fn held_out_by(fit: &Fit<'_>, run: &Run) -> HeldOut {
    let predicted = fit.predict_at(&run.point());
    HeldOut { run: *run, predicted, error: predicted / run.loss - 1.0 }
}

/// A law with its errors in past forecasts.
#[derive(Debug, Clone)]
pub struct Ranked<'a> {
    /// The law.
    pub law: &'a dyn Law,
    /// It learnt from runs within this factor of the largest scale only; infinite if from all.
    pub window: f64,
    /// ln(predicted / loss) for each time the law was put to the test, the mean over the runs of that time; latest
    /// time first.
    pub log_errors: Vec<f64>,
    /// Mean of |ln(predicted / loss)| over all runs of each time, then over times. Infinite if there was no test.
    pub mean_absolute: f64,
    /// Root of the mean of ln(predicted / loss)², taken likewise.
    pub root_mean_square: f64,
}

/// Times that laws are put to the test, at most.
const TIMES: usize = 6;

/// Rounding in a scale must not move a run across.
const ROUNDING: f64 = 1.0 + 1e-9;

/// Ranks laws by how well they would have forecast, best first; what they say of runs they were fitted to counts for
/// nothing. Earlier laws win ties.
///
/// Each time, the runs of some scale s are forecast from those up to the largest scale at or below s/f, f being the
/// factor of the split: at least as far ahead as is asked, and at most f². The largest scales come first. Times that
/// some law cannot use, for want of runs, count for none of them; a law that can use no time comes last.
///
/// ```
/// use losslaw::scaling::{Broken, Law, Loss, PowerLaw, Runs, Split, compare};
/// let runs = Runs::from_triples((4..16).map(|i| 2f64.powi(i)).map(|d| (1.0, d, 2.0 + 3.0 / d.sqrt())))?;
/// let ranked = compare(&[&Broken, &PowerLaw::Data], &runs, Loss::SquaredLog, Split::LargestD(8.0))?;
/// assert!(ranked.len() == 2 && ranked[0].mean_absolute < 1e-4);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidConfig`] when the factor is not above 1 or there is no law; [`Error::Unfit`] as [`fit`] says when
/// not one of the laws can be fitted to all runs.
pub fn compare<'a>(laws: &[&'a dyn Law], runs: &Runs, loss: Loss, split: Split) -> Result<Vec<Ranked<'a>>> {
    compare_windows(laws, &[f64::INFINITY], runs, loss, split)
}

/// [`compare`], each law learning once from each window.
pub(super) fn compare_windows<'a>(
    laws: &[&'a dyn Law],
    windows: &[f64],
    runs: &Runs,
    loss: Loss,
    split: Split,
) -> Result<Vec<Ranked<'a>>> {
    split.check()?;
    if laws.is_empty() {
        return Err(Error::config("laws", 0, "1 or more"));
    }
    let mut able: Vec<(&'a dyn Law, f64)> = vec![];
    let mut refusal = None;
    for (&law, &window) in laws.iter().flat_map(|law| windows.iter().map(move |window| (law, window))) {
        match Problem::new(law, &split.recent(runs, f64::INFINITY, window)) {
            Ok(_) => able.push((law, window)),
            Err(error) => refusal = Some(error),
        }
    }
    if let (true, Some(error)) = (able.is_empty(), refusal) {
        return Err(error);
    }
    let mut scales: Vec<f64> = runs.runs().iter().map(|run| split.scale(run)).collect();
    scales.sort_by(f64::total_cmp);
    scales.dedup_by(|later, earlier| *later <= *earlier * ROUNDING);
    // For each candidate and time: mean error with sign, without it, and of squares.
    let mut errors: Vec<Vec<Option<[f64; 3]>>> = vec![vec![]; able.len()];
    for &target in scales.iter().rev() {
        let (from, to) = (target / split.factor().powi(2) / ROUNDING, target / split.factor() * ROUNDING);
        let Some(&cut) = scales.iter().rfind(|&&scale| (from..=to).contains(&scale)) else { continue };
        let far = runs.retain(|run| (target / ROUNDING..=target * ROUNDING).contains(&split.scale(run)));
        let of_law = |&(law, window): &(&'a dyn Law, f64)| {
            let fit = fit(law, &split.recent(runs, cut, window), loss).ok()?;
            let logs: Vec<f64> = far.runs().iter().map(|run| held_out_by(&fit, run).error.ln_1p()).collect();
            let of = |value: fn(f64) -> f64| mean(logs.iter().map(|&log| value(log)));
            Some([of(|log| log), of(f64::abs), of(|log| log * log)])
        };
        let row: Vec<_> = able.iter().map(of_law).collect();
        if row.iter().all(Option::is_none) || errors[0].len() >= TIMES {
            break;
        }
        errors.iter_mut().zip(row).for_each(|(errors, error)| errors.push(error));
    }
    let times = errors[0].len();
    let tested: Vec<bool> = errors.iter().map(|errors| errors.iter().any(Option::is_some)).collect();
    let shared: Vec<usize> = (0..times)
        .filter(|&time| errors.iter().zip(&tested).all(|(errors, &tested)| !tested || errors[time].is_some()))
        .collect();
    let mut ranked: Vec<Ranked<'a>> = able
        .iter()
        .zip(&errors)
        .map(|(&(law, window), errors)| {
            let found: Vec<[f64; 3]> = shared.iter().filter_map(|&time| errors[time]).collect();
            let of = |place: usize| {
                if found.is_empty() { f64::INFINITY } else { mean(found.iter().map(|error| error[place])) }
            };
            Ranked {
                law,
                window,
                log_errors: found.iter().map(|error| error[0]).collect(),
                mean_absolute: of(1),
                root_mean_square: of(2).sqrt(),
            }
        })
        .collect();
    ranked.sort_by(|a, b| a.mean_absolute.total_cmp(&b.mean_absolute));
    Ok(ranked)
}
