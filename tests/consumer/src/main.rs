//! Drives a codec, a partitioner and a pruner from outside `losslaw` through its pipeline, and checks what comes back.

mod stump;
mod xor;

use std::fmt::Write;

use losslaw::codec::{Rans, Then};
use losslaw::{Catalogue, Decoder, Error, Pipeline, PipelineConfig, Result};
use stump::Stump;
use xor::Xor;

fn main() -> Result<()> {
    // A decoder, and JSON, know our parts by a catalogue that holds them.
    let mut catalogue = Catalogue::default();
    catalogue.add_codec(Xor::default())?;
    catalogue.add_partitioner(Stump::default())?;
    let decoder = Decoder::default().with_registry(catalogue.codecs().clone());

    let table = wine();
    let pipeline =
        Pipeline::builder().partitioner(Stump { worth: 40 }).codec(Xor { lag: 1 }.then(Rans::default())).build()?;
    let packed = pipeline.compress(table.as_bytes())?;
    println!("{}", packed.report);
    assert_eq!(decoder.decompress(&packed.bytes)?, table.as_bytes());
    assert!(packed.report.columns.iter().all(|column| column.plan == "Xor → Rans"));
    assert!(packed.report.columns.iter().any(|column| column.leaves == 2 && !column.asks.is_empty()));

    // Who does not know the codec is told its id, and gets no wrong bytes.
    assert!(matches!(losslaw::decompress(&packed.bytes), Err(Error::UnknownCodec(0x8A0B))));

    // Written down and built again, the pipeline writes the same bytes.
    let json = pipeline.config()?.to_json();
    let again = PipelineConfig::from_json(&json)?.build(&catalogue)?;
    assert_eq!(again.compress(table.as_bytes())?.bytes, packed.bytes);
    println!("{json}");
    Ok(())
}

/// Chemical tests of 1,599 wines with the quality that tasters gave them.
fn wine() -> String {
    let wines = linfa_datasets::winequality();
    let mut csv = format!("{},quality\n", wines.feature_names().join(","));
    for (tests, quality) in wines.records.rows().into_iter().zip(&wines.targets) {
        tests.iter().for_each(|test| write!(csv, "{test},").expect("a string takes any text"));
        writeln!(csv, "{quality}").expect("a string takes any text");
    }
    csv
}
