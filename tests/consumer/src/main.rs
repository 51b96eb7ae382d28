//! Drives a codec, a partitioner and a pruner from outside `losslaw` through its pipeline, and checks what comes back.

#[path = "../../../examples/data/wine.rs"]
mod data;
mod row_top;
mod stump;
mod xor;

use losslaw::codec::{Rans, Then};
use losslaw::model::Model;
use losslaw::{Catalogue, Decoder, Error, Pipeline, PipelineConfig, Result};
use row_top::RowTop;
use stump::Stump;
use xor::Xor;

fn main() -> Result<()> {
    // A decoder, and JSON, know our parts by a catalogue that holds them.
    let mut catalogue = Catalogue::default();
    catalogue.add_codec(Xor::default())?;
    catalogue.add_partitioner(Stump::default())?;
    catalogue.add_pruner(RowTop::default())?;
    let decoder = Decoder::default().with_registry(catalogue.codecs().clone());

    let table = data::wine();
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

    let model = weights()?;
    let pipeline =
        Pipeline::builder().pruner(RowTop { keep: 4 }).codec(Xor { lag: 1 }.then(Rans::default())).build()?;
    let packed = pipeline.compress_model(&model)?;
    println!("{}", packed.report);
    let tensor = &packed.report.tensors[0];
    assert_eq!(tensor.pruned.as_ref().map(|pruned| pruned.kept), Some(4 * 1599));
    let restored = decoder.decompress(&packed.bytes)?;
    let pruned = Model::from_safetensors(&restored)?.tensor("tests").expect("the name stays").to_f64s()?;
    let squares = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
    let before = squares(&model.tensor("tests").expect("it was put in above").to_f64s()?);
    assert!((packed.report.norm_ratio() - squares(&pruned) / before).abs() < 1e-12);
    assert!(matches!(losslaw::decompress(&packed.bytes), Err(Error::UnknownCodec(0x8A0B))));

    // A pruner is for models: a table is refused, not passed through.
    assert!(matches!(pipeline.compress(table.as_bytes()), Err(Error::InvalidConfig { .. })));
    let again = PipelineConfig::from_json(&pipeline.config()?.to_json())?.build(&catalogue)?;
    assert_eq!(again.compress_model(&model)?.bytes, packed.bytes);
    Ok(())
}

/// The same wines as a matrix of single-precision floats, one row for each.
fn weights() -> Result<Model<'static>> {
    let wines = linfa_datasets::winequality();
    let values: Vec<f32> = wines.records.iter().map(|&test| test as f32).collect();
    Model::builder().f32("tests", &[wines.records.nrows(), wines.records.ncols()], &values)?.build()
}
