//! Compresses tables and restores them, byte for byte.
//!
//! `cargo run --release --example table [FILE]`; without a file it takes lineitems of TPC-H and tests of red wine.

#[path = "data/wine.rs"]
mod data;

use std::fmt::Write;
use std::time::Instant;

use losslaw::{Pipeline, decompress};
use tpchgen::csv::LineItemCsv;
use tpchgen::generators::LineItemGenerator;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let tables = match std::env::args().nth(1) {
        Some(path) => vec![(path.clone(), std::fs::read(path)?)],
        None => vec![("TPC-H lineitem".to_owned(), lineitem()?), ("red wine".to_owned(), data::wine().into_bytes())],
    };
    let mut ratios = vec![];
    for (name, source) in &tables {
        let packed = Pipeline::builder().build()?.compress(source)?;
        let start = Instant::now();
        let restored = decompress(&packed.bytes)?;
        let seconds = start.elapsed().as_secs_f64();
        assert!(restored == *source, "{name} comes back byte for byte");
        println!("== {name}\n{}", packed.report);
        println!("restored at {:.1} MB/s\n", source.len() as f64 / 1e6 / seconds);
        ratios.push(format!("{:.4} for {name}", packed.report.ratio()));
    }
    println!("C = compressed / original: {}", ratios.join(", "));
    Ok(())
}

/// The first 20,000 lines of the orders of a small warehouse.
fn lineitem() -> Outcome<Vec<u8>> {
    let mut csv = format!("{}\n", LineItemCsv::header());
    for item in LineItemGenerator::new(0.01, 1, 1).iter().take(20_000) {
        writeln!(csv, "{}", LineItemCsv::new(item))?;
    }
    Ok(csv.into_bytes())
}
