//! What the code length of a column will be on eight times the rows, from what it is on fewer.
//!
//! `cargo run --example scaling_law` measures the crate's own code on columns of lineitem of TPC-H, made on the spot;
//! with a path it fits a CSV of runs instead. With the feature `plot` it draws into `target/scaling_law`, too.

use losslaw::scaling::{
    Chinchilla, CodeLength, ColumnSource, Columns, Cumulative, ForecastConfig, Interaction, Law, Loss, PowerLaw,
    RowOrder, Runs, Split, TiedExponents, backtest, compare, forecast, grid, measure,
};
use losslaw::table::Table;
use tpchgen::csv::LineItemCsv;
use tpchgen::generators::LineItemGenerator;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    if let Some(path) = std::env::args().nth(1) {
        return of_runs(&Runs::from_csv(&std::fs::read(path)?, &Columns::default())?);
    }
    let rows =
        LineItemGenerator::new(0.05, 1, 1).iter().take(1 << 18).map(|row| format!("{}\n", LineItemCsv::new(row)));
    let csv = format!("{}\n{}", LineItemCsv::header(), rows.collect::<String>());
    let table = Table::from_csv(csv.as_bytes())?;
    println!("bits for each value of {} rows; 8 D is measured, too, and was not learnt from\n", table.rows());
    println!("| column | law | back-test | D | bits | forecast for 8 D | 90 % | measured | error | C of 8 times all |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for column in ["l_linenumber", "l_returnflag", "l_linestatus", "l_suppkey"] {
        let source = ColumnSource::new(&table, column, RowOrder::Shuffled(1))?.held_out(0);
        let runs = measure(&source, CodeLength::TwoPart, &grid(512, table.rows(), 4), &[32], 0, |_| ())?;
        let known = runs.retain(|run| run.data <= table.rows() as f64 / 8.0 * 1.001);
        let laws: [&dyn Law; 2] = [&PowerLaw::Data, &Cumulative];
        let outlook = forecast(&laws, &known, &ForecastConfig::default())?;
        let (near, far) = (known.runs()[known.len() - 1], runs.runs()[runs.len() - 1]);
        let seen = outlook.at(far.params, far.data);
        // What all rows say about eight times as many: coded bits over those of the column's words.
        let all = forecast(&laws, &runs, &ForecastConfig::default())?;
        let beyond = all.at(far.params, 8.0 * far.data);
        let place = table.column_index(column).ok_or("no such column")?;
        let word_bits = 8.0 * table.frame().columns()[place].ordinals.kind().width() as f64;
        println!(
            "| {column} | {} | {:.1} % | {:.0} | {:.3} | {:.3} | {:.3} to {:.3} | {:.3} | {:+.1} % | {:.4} |",
            outlook.fit.law().name(),
            100.0 * outlook.ranked[0].mean_absolute,
            near.data,
            near.loss,
            seen.loss,
            seen.interval.low,
            seen.interval.high,
            far.loss,
            100.0 * (seen.loss / far.loss - 1.0),
            beyond.loss / word_bits
        );
        outlook.warnings.iter().for_each(|warning| println!("  {column}: {warning}"));
        #[cfg(feature = "plot")]
        draw(&outlook.fit, &runs, column)?;
    }
    Ok(())
}

#[cfg(feature = "plot")]
fn draw(fit: &losslaw::scaling::Fit<'_>, runs: &Runs, name: &str) -> Result<()> {
    let draws = fit.bootstrap(&losslaw::scaling::BootstrapConfig::default())?;
    Ok(losslaw::scaling::plot::loss_by_data(&draws, runs, 0.9).write("target/scaling_law", name)?)
}

/// Fits runs of N and D, and says which law forecasts the largest of them best from the others.
fn of_runs(runs: &Runs) -> Result<()> {
    let laws: [&dyn Law; 3] = [&Chinchilla, &TiedExponents, &Interaction];
    let ranked = compare(&laws, runs, Loss::HuberLog(1e-3), Split::LargestC(4.0))?;
    let test = backtest(ranked[0].law, runs, Loss::HuberLog(1e-3), Split::LargestC(4.0))?;
    let fit = losslaw::scaling::fit(ranked[0].law, runs, Loss::HuberLog(1e-3))?;
    println!("{}: off by {:.2} % on the largest runs", fit.law().name(), 100.0 * test.mean_absolute_error());
    #[cfg(feature = "plot")]
    draw(&fit, runs, "runs")?;
    fit.parameters().iter().for_each(|(name, value)| println!("{name} = {value:.6}"));
    fit.warnings.iter().for_each(|warning| println!("note: {warning}"));
    Ok(())
}
