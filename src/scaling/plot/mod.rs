//! Pictures of fits and of reports, each an SVG with the numbers it shows as CSV: feature `plot`.
//!
//! Lines of one picture run from dark to light in the order of what they stand for, and every group has a mark of its
//! own, so that a grey print tells as much as a screen. Legends stand beside the data, never on it.
//!
//! ```
//! use losslaw::scaling::{BootstrapConfig, Chinchilla, Loss, Runs, fit, plot};
//! let law = |n: f64, d: f64| 1.8 + 400.0 / n.powf(0.35) + 2000.0 / d.powf(0.37);
//! let sizes = [1e8, 3e8, 1e9, 3e9];
//! let runs = Runs::from_triples(sizes.iter().flat_map(|&n| sizes.map(|d| (n, 20.0 * d, law(n, 20.0 * d)))))?;
//! let fit = fit(&Chinchilla, &runs, Loss::HuberLog(1e-3))?;
//! let draws = fit.bootstrap(&BootstrapConfig { resamples: 20, ..Default::default() })?;
//! let plot = plot::loss_by_data(&draws, &runs, 0.95);
//! assert!(plot.svg.starts_with("<svg"));
//! assert_eq!(plot.csv.lines().filter(|line| line.starts_with("run,")).count(), runs.len());
//! # Ok::<(), losslaw::Error>(())
//! ```

mod bars;
mod figure;

use std::fmt::Write as _;
use std::path::Path;

pub use bars::bytes_by_part;
use figure::{Figure, Series};

use super::{Bootstrap, Fit, Interval, Run, Runs};
use crate::Result;

/// A picture and its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// The picture.
    pub svg: String,
    /// What it shows, one thing a line.
    pub csv: String,
}

impl Plot {
    /// Writes NAME.svg and NAME.csv into a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when a file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>, name: &str) -> Result<()> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(format!("{name}.svg")), &self.svg)?;
        Ok(std::fs::write(folder.join(format!("{name}.csv")), &self.csv)?)
    }
}

/// Model sizes with a line of their own; where there are more, neighbours share one.
const GROUPS: usize = 7;

/// Points of a curve.
const STEPS: usize = 60;

/// Loss against D: the runs, and for each N the fitted curve with the middle `level` of the draws. More than seven
/// different N are put into six groups of neighbours, each with the curve of the N in its middle.
///
/// The CSV has a line for each run and each point of a curve.
pub fn loss_by_data(draws: &Bootstrap<'_, '_>, runs: &Runs, level: f64) -> Plot {
    let fit = draws.fit;
    let mut csv = "what,group,params,data,unique,loss,predicted,low,high\n".to_owned();
    let mut series = vec![];
    for group in groups(runs) {
        let mut of_group = Series::new(group.label.clone());
        for run in &group.runs {
            of_group.points.push((run.data, run.loss));
            let Interval { low, high } = draws.predict_at(&run.point(), level);
            let Run { params, data, unique, loss } = run;
            let predicted = fit.predict_at(&run.point());
            let _ = writeln!(csv, "run,{},{params},{data},{unique},{loss},{predicted},{low},{high}", group.label);
        }
        let span = span(group.runs.iter().map(|run| run.data));
        for data in between(span, STEPS) {
            let (predicted, interval) = (fit.predict(group.params, data), draws.predict(group.params, data, level));
            of_group.line.push((data, predicted));
            of_group.band.push((data, interval.low, interval.high));
            let (params, low, high) = (group.params, interval.low, interval.high);
            let _ = writeln!(csv, "curve,{},{params},{data},{data},,{predicted},{low},{high}", group.label);
        }
        series.push(of_group);
    }
    let title = format!("Loss by amount of data: {} with {:.0} % interval", fit.law().name(), 100.0 * level);
    Plot { svg: Figure { title, x: "D, amount of data", y: "loss", legend: "runs by model size", series }.svg(), csv }
}

/// Loss against N along lines of equal compute C = 6·N·D, one for each of `flops`, with N* and the middle `level` of it
/// over the draws, marked on each.
///
/// The CSV has a line for each point of a curve and for each optimum.
///
/// # Errors
/// As [`Fit::allocate`] says.
pub fn equal_compute(draws: &Bootstrap<'_, '_>, flops: &[f64], level: f64) -> Result<Plot> {
    let fit = draws.fit;
    let mut csv = "what,compute,params,data,loss,params_low,params_high\n".to_owned();
    let mut series = vec![];
    let mut optima = Series::apart(format!("N*, {:.0} % interval", 100.0 * level));
    for &flops in flops {
        let (best, interval) = (fit.allocate(flops)?, draws.allocate(flops, level)?.params);
        let mut of_flops = Series::new(format!("C = {flops:.1e}"));
        for params in between((best.params / 20.0, best.params * 20.0), STEPS) {
            let data = flops / 6.0 / params;
            let loss = fit.predict(params, data);
            of_flops.line.push((params, loss));
            let _ = writeln!(csv, "curve,{flops},{params},{data},{loss},,");
        }
        series.push(of_flops);
        optima.points.push((best.params, best.loss));
        optima.whiskers.push((interval.low, interval.high, best.loss));
        let (params, data, loss) = (best.params, best.data, best.loss);
        let _ = writeln!(csv, "optimum,{flops},{params},{data},{loss},{},{}", interval.low, interval.high);
    }
    series.push(optima);
    let title = format!("Lines of equal compute: {}", fit.law().name());
    Ok(Plot { svg: Figure { title, x: "N, size of the model", y: "loss", legend: "C = 6ND", series }.svg(), csv })
}

/// ln L̂ − ln L against D, in per cent; what shows a pattern is not noise.
///
/// The CSV has a line for each run.
pub fn residuals(fit: &Fit<'_>, runs: &Runs) -> Plot {
    let mut csv = "what,params,data,unique,loss,predicted,residual\n".to_owned();
    let mut series = vec![];
    for group in groups(runs) {
        let mut of_group = Series::new(group.label);
        for run in &group.runs {
            let predicted = fit.predict_at(&run.point());
            let residual = (predicted / run.loss).ln();
            of_group.points.push((run.data, 100.0 * residual));
            let Run { params, data, unique, loss } = run;
            let _ = writeln!(csv, "run,{params},{data},{unique},{loss},{predicted},{residual}");
        }
        series.push(of_group);
    }
    let mut zero = Series::apart("no error".to_owned());
    let (low, high) = span(runs.runs().iter().map(|run| run.data));
    zero.line.extend([(low, 0.0), (high, 0.0)]);
    series.push(zero);
    let title = format!("Residuals: {}, {}", fit.law().name(), fit.loss());
    let y = "100 (ln predicted − ln loss)";
    Plot { svg: Figure { title, x: "D, amount of data", y, legend: "runs by model size", series }.svg(), csv }
}

/// Runs of one N, or of neighbours.
struct Group {
    label: String,
    /// The N of its curve.
    params: f64,
    runs: Vec<Run>,
}

fn groups(runs: &Runs) -> Vec<Group> {
    let mut sorted = runs.runs().to_vec();
    sorted.sort_by(|a, b| a.params.total_cmp(&b.params).then(a.data.total_cmp(&b.data)));
    let sizes: Vec<&[Run]> = sorted.chunk_by(|a, b| a.params.total_cmp(&b.params).is_eq()).collect();
    let shared = if sizes.len() <= GROUPS { 1 } else { sizes.len().div_ceil(GROUPS - 1) };
    let group = |sizes: &[&[Run]]| {
        let (first, last) = (sizes[0][0].params, sizes[sizes.len() - 1][0].params);
        let label = if sizes.len() == 1 {
            format!("N = {}", short(first))
        } else {
            format!("N = {} to {}", short(first), short(last))
        };
        Group { label, params: sizes[sizes.len() / 2][0].params, runs: sizes.concat() }
    };
    sizes.chunks(shared).map(group).collect()
}

/// A number for a label.
fn short(x: f64) -> String {
    if (1e-2..1e5).contains(&x) { format!("{}", (x * 1e3).round() / 1e3) } else { format!("{x:.2e}") }
}

/// The least and the largest value; a factor of 2 on either side of a single one.
fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    if low < high { (low, high) } else { (low / 2.0, high * 2.0) }
}

/// Values from one end to the other in equal ratios.
fn between((low, high): (f64, f64), steps: usize) -> impl Iterator<Item = f64> {
    (0..=steps).map(move |step| low * (high / low).powf(step as f64 / steps as f64))
}
