//! `losslaw scaling`: runs from measurements, laws from runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use losslaw::Error;
use losslaw::scaling::{
    BackTest, BootstrapConfig, Broken, Chinchilla, CodeLength, ColumnSource, Columns, ContextSource, Cumulative,
    DataConstrained, Forecast, ForecastConfig, Interaction, Law, Loss, PowerLaw, RowOrder, Runs, Source, Split,
    TiedExponents, backtest, compare, fit, forecast, grid, measure,
};
#[cfg(feature = "plot")]
use losslaw::scaling::{Bootstrap, plot};
use losslaw::table::Table;
use serde_json::json;

use crate::{Failure, files, show};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fit a law to runs in a CSV file, with intervals and a back-test.
    Fit(FitArgs),
    /// Measure the code length of a column, or of a whole file as bytes, and print runs as CSV.
    Measure(MeasureArgs),
}

#[derive(Debug, clap::Args)]
pub struct FitArgs {
    /// The runs, one a line under a header.
    runs: PathBuf,
    /// Column of N; usual names are found by themselves.
    #[arg(long, value_name = "COLUMN")]
    params: Option<String>,
    /// Column of D.
    #[arg(long, value_name = "COLUMN")]
    data: Option<String>,
    /// Column of C = 6ND, which D is taken from.
    #[arg(long, value_name = "COLUMN", conflicts_with = "data")]
    flops: Option<String>,
    /// Column of the data that is no repetition.
    #[arg(long, value_name = "COLUMN")]
    unique: Option<String>,
    /// Column of the loss.
    #[arg(long, value_name = "COLUMN")]
    loss: Option<String>,
    /// Read only rows whose column holds this text.
    #[arg(long, value_name = "COLUMN=TEXT", value_parser = parse_only)]
    only: Vec<(String, String)>,
    /// Keep only runs whose loss is strictly below the Kth largest.
    #[arg(long, value_name = "K", default_value_t = 0)]
    drop_worst: usize,
    /// The law; `auto` takes, of all that the runs suffice for, the one that did best in back-tests on the largest C.
    #[arg(long, value_enum, default_value = "auto")]
    law: LawArg,
    /// What is minimised.
    #[arg(long, value_enum, default_value = "huber")]
    minimise: LossArg,
    /// Where the Huber loss turns from a parabola into lines.
    #[arg(long, default_value_t = 1e-3)]
    delta: f64,
    /// Forecast the loss at this N and D, with an interval of 90 %; may be given again.
    #[arg(long, value_name = "N,D", value_parser = parse_place)]
    forecast: Vec<(f64, f64)>,
    /// Draw the fit into this folder, each picture with its numbers as CSV.
    #[cfg(feature = "plot")]
    #[arg(long, value_name = "FOLDER")]
    svg: Option<PathBuf>,
    /// Resamples for intervals.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    bootstrap: u32,
    /// Seed of the resamples.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads to use, 0 for one each core; the numbers are the same for any number.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn parse_only(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').map(|(column, text)| (column.to_owned(), text.to_owned()));
    parts.ok_or_else(|| "write COLUMN=TEXT".to_owned())
}

fn parse_place(text: &str) -> Result<(f64, f64), String> {
    let number = |text: &str| text.trim().parse().ok().filter(|x: &f64| x.is_finite() && *x > 0.0);
    let parts = text.split_once(',').and_then(|(params, data)| Some((number(params)?, number(data)?)));
    parts.ok_or_else(|| "write N,D, both positive".to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LawArg {
    Auto,
    Chinchilla,
    Tied,
    PowerN,
    PowerD,
    Cumulative,
    Interaction,
    DataConstrained,
    Broken,
}

/// The laws that `auto` chooses among; of equals the first is taken.
const LAWS: [&dyn Law; 8] = [
    &Chinchilla,
    &TiedExponents,
    &Interaction,
    &PowerLaw::Params,
    &PowerLaw::Data,
    &Cumulative,
    &DataConstrained,
    &Broken,
];

impl LawArg {
    fn law(self) -> &'static dyn Law {
        match self {
            Self::Auto | Self::Chinchilla => &Chinchilla,
            Self::Tied => &TiedExponents,
            Self::PowerN => &PowerLaw::Params,
            Self::PowerD => &PowerLaw::Data,
            Self::Cumulative => &Cumulative,
            Self::Interaction => &Interaction,
            Self::DataConstrained => &DataConstrained,
            Self::Broken => &Broken,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LossArg {
    Huber,
    Lad,
    SquaredLog,
    Squared,
}

#[derive(Debug, clap::Args)]
pub struct MeasureArgs {
    /// The table, or any file without `--column`.
    file: PathBuf,
    /// The column to code under trees over those before it; bytes under contexts without it.
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// What is counted.
    #[arg(long, value_enum, default_value = "two-part")]
    kind: KindArg,
    /// Model sizes, ascending: leaves of a tree, or contexts.
    #[arg(long, value_delimiter = ',', default_values_t = [4, 16, 64])]
    sizes: Vec<usize>,
    /// The least amount of data; it grows from there to all.
    #[arg(long, default_value_t = 128)]
    least: usize,
    /// Amounts of data for each doubling.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    per_octave: u32,
    /// Bytes of a context.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=7))]
    order: u8,
    /// Shuffle rows, or blocks of 1,024 bytes, with this seed; without it they are learnt from as they stand.
    #[arg(long, value_name = "SEED")]
    shuffle: Option<u64>,
    /// Threads to use, 0 for one each core; the numbers are the same for any number.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,
    /// Print JSON instead of CSV.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindArg {
    Prequential,
    TwoPart,
    HeldOut,
}

/// Bytes that stay together where a file is shuffled.
const BLOCK: usize = 1024;

/// The share of draws that intervals of parameters hold.
const LEVEL: f64 = 0.95;

pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Fit(args) => fit_runs(args),
        Command::Measure(args) => measure_file(args),
    }
}

/// A wrong option is usage; runs that do not do are data.
fn failure(path: &Path, error: &Error) -> Failure {
    let code = if matches!(error, Error::InvalidConfig { .. }) { 2 } else { 1 };
    Failure { path: path.to_owned(), what: error.to_string(), code }
}

fn fit_runs(args: &FitArgs) -> Result<(), Failure> {
    let bad = |error: Error| failure(&args.runs, &error);
    let columns = Columns {
        params: args.params.clone(),
        data: args.data.clone(),
        flops: args.flops.clone(),
        unique: args.unique.clone(),
        loss: args.loss.clone(),
        only: args.only.clone(),
    };
    let runs = Runs::from_csv(&files::read(&args.runs)?, &columns).map_err(bad)?.drop_worst(args.drop_worst);
    let loss = match args.minimise {
        LossArg::Huber => Loss::HuberLog(args.delta),
        LossArg::Lad => Loss::LadLog,
        LossArg::SquaredLog => Loss::SquaredLog,
        LossArg::Squared => Loss::Squared,
    };
    let split = Split::LargestC(4.0);
    let law = if args.law == LawArg::Auto {
        // Those that the smaller scales determine can be told apart; without one, what can be fitted at all is left.
        let able: Vec<&dyn Law> = LAWS.into_iter().filter(|law| backtest(*law, &runs, loss, split).is_ok()).collect();
        let laws = if able.is_empty() { &LAWS[..] } else { &able };
        compare(laws, &runs, loss, split).map_err(bad)?[0].law
    } else {
        args.law.law()
    };
    let fitted = fit(law, &runs, loss).map_err(bad)?;
    let config = BootstrapConfig { resamples: args.bootstrap as usize, seed: args.seed, threads: args.threads.into() };
    let draws = fitted.bootstrap(&config).map_err(bad)?;
    // Few runs may leave nothing to learn from below the largest scales.
    let test = backtest(law, &runs, loss, split).ok();
    let rows: Vec<_> = fitted
        .parameters()
        .into_iter()
        .map(|(name, value)| (name, value, draws.standard_error(name), draws.interval(name, LEVEL)))
        .collect();
    let mut warnings: Vec<String> = fitted.warnings.iter().map(ToString::to_string).collect();
    let mut forecasts = vec![];
    if !args.forecast.is_empty() {
        let bootstrap = config.clone();
        let config = ForecastConfig { loss, split, windows: vec![], level: 0.9, bootstrap };
        let outlook = forecast(&[law], &runs, &config).map_err(bad)?;
        warnings = outlook.warnings.iter().map(ToString::to_string).collect();
        forecasts.extend(args.forecast.iter().map(|&(params, data)| (params, data, outlook.at(params, data))));
    }
    #[cfg(feature = "plot")]
    if let Some(folder) = &args.svg {
        draw(folder, &draws, &runs).map_err(|error| failure(folder, &error))?;
    }
    if args.json {
        let parameter = |(name, value, error, interval): &(_, _, _, _)| json!({"name": name, "value": value, "standard_error": error, "interval_95": interval});
        let place = |(params, data, forecast): &(f64, f64, Forecast)| json!({"params": params, "data": data, "loss": forecast.loss, "interval_90": forecast.interval});
        show::json(&json!({
            "law": law.name(),
            "loss": loss.to_string(),
            "runs": runs.len(),
            "bootstrap": {"resamples": config.resamples, "seed": config.seed, "resampling": "cases, independent"},
            "parameters": rows.iter().map(parameter).collect::<Vec<_>>(),
            "optimal_exponent": fitted.optimal_exponent(),
            "objective": fitted.objective,
            "gradient_norm": fitted.gradient_norm,
            "condition": fitted.condition,
            "starts": fitted.starts,
            "reached": fitted.reached,
            "back_test_mean_error": test.as_ref().map(BackTest::mean_error),
            "back_test_mean_absolute_error": test.as_ref().map(BackTest::mean_absolute_error),
            "forecasts": forecasts.iter().map(place).collect::<Vec<_>>(),
            "warnings": warnings,
        }));
        return Ok(());
    }
    let mut out = format!("{}, {loss}, {} runs\n\n", law.name(), runs.len());
    let _ = writeln!(out, "{:>8} {:>14} {:>12} {:>29}", "", "value", "error", "95 %");
    for (name, value, error, interval) in rows {
        let (error, Some(interval)) = (error.unwrap_or(f64::NAN), interval) else { continue };
        let [value, error, low, high] = [value, error, interval.low, interval.high].map(number);
        let _ = writeln!(out, "{name:>8} {value:>14} {error:>12} {low:>14} {high:>14}");
    }
    let _ = writeln!(
        out,
        "\nobjective {:.10e}, gradient {:.1e}, condition {:.1e}, {} of {} starts",
        fitted.objective, fitted.gradient_norm, fitted.condition, fitted.reached, fitted.starts
    );
    if let Some(test) = test.filter(|test| !test.held_out.is_empty()) {
        let (signed, absolute) = (100.0 * test.mean_error(), 100.0 * test.mean_absolute_error());
        let _ = writeln!(out, "back-test on the largest C: {signed:+.2} % in the mean, {absolute:.2} % without sign");
    }
    for (params, data, Forecast { loss, interval }) in forecasts {
        let (low, high) = (interval.low, interval.high);
        let _ = writeln!(out, "forecast at N = {params}, D = {data}: {loss:.6}, 90 % {low:.6} to {high:.6}");
    }
    warnings.iter().for_each(|warning| {
        let _ = writeln!(out, "warning: {warning}");
    });
    show::line(out.trim_end());
    Ok(())
}

/// Six places, or an exponent where they would not do.
fn number(x: f64) -> String {
    if x == 0.0 || (1e-4..1e7).contains(&x.abs()) { format!("{x:.6}") } else { format!("{x:.4e}") }
}

/// Draws loss, residuals and, where the law weighs N against D, lines of equal compute.
#[cfg(feature = "plot")]
fn draw(folder: &Path, draws: &Bootstrap<'_, '_>, runs: &Runs) -> Result<(), Error> {
    plot::loss_by_data(draws, runs, LEVEL).write(folder, "loss_by_data")?;
    plot::residuals(draws.fit(), runs).write(folder, "residuals")?;
    let compute = runs.compute(6.0);
    let (low, high) = compute.iter().fold((f64::INFINITY, 0.0f64), |(low, high), &c| (low.min(c), high.max(c)));
    // From the least to the most that was spent.
    let flops: Vec<f64> = (0..5).map(|step| low * (high / low).powf(f64::from(step) / 4.0)).collect();
    match plot::equal_compute(draws, &flops, LEVEL) {
        Ok(plot) => plot.write(folder, "equal_compute"),
        Err(Error::Unfit { .. } | Error::InvalidConfig { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn measure_file(args: &MeasureArgs) -> Result<(), Failure> {
    let bad = |error: Error| failure(&args.file, &error);
    let bytes = files::read(&args.file)?;
    let kind = match args.kind {
        KindArg::Prequential => CodeLength::Prequential,
        KindArg::TwoPart => CodeLength::TwoPart,
        KindArg::HeldOut => CodeLength::HeldOut,
    };
    let source: Box<dyn Source + '_> = if let Some(column) = &args.column {
        let table = Table::from_csv(&bytes).map_err(bad)?;
        let order = args.shuffle.map_or(RowOrder::AsIs, RowOrder::Shuffled);
        let source = ColumnSource::new(&table, column, order).map_err(bad)?;
        Box::new(if kind == CodeLength::HeldOut { source } else { source.held_out(0) })
    } else {
        let source = ContextSource::new(&bytes, args.order.into());
        let source = if let Some(seed) = args.shuffle { source.shuffled(BLOCK, seed) } else { source };
        Box::new(if kind == CodeLength::HeldOut { source } else { source.held_out(0) })
    };
    let amounts = grid(args.least, source.len(), args.per_octave);
    let bar = show::bar();
    let listener = bar.clone();
    let runs = measure(&*source, kind, &amounts, &args.sizes, args.threads.into(), move |step| {
        listener.set_length(step.total as u64);
        listener.set_position(step.done as u64);
    });
    bar.finish_and_clear();
    let runs = runs.map_err(bad)?;
    if args.json {
        show::json(&json!({"kind": kind.name(), "runs": runs.runs()}));
    } else {
        show::line(runs.to_csv().trim_end());
    }
    Ok(())
}
