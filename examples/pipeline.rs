//! Composes a pipeline by hand and sets it beside the one that chooses by trial: `cargo run --release --example pipeline`.

#[path = "data/wine.rs"]
mod data;

use losslaw::codec::{Bins, Delta, Huffman, Plan, Rans, Rle, Standardise, Then};
use losslaw::partition::Whole;
use losslaw::tree::{C45, Id3, Mdl};
use losslaw::{Catalogue, Decoder, Pipeline, PipelineConfig};

fn main() -> losslaw::Result<()> {
    let table = data::wine();
    // A preparation, a way to divide the rows, a code for each leaf: any of each.
    let by_hand = [
        ("one Huffman code a column", Pipeline::builder().partitioner(Whole).codec(huffman())),
        ("Standardise → C4.5 → Huffman", Pipeline::builder().partitioner(C45::default()).codec(huffman())),
        ("the same with ID3", Pipeline::builder().partitioner(Id3 { min_leaf: 50, ..Id3::default() }).codec(huffman())),
        (
            "one C4.5 tree for all columns",
            Pipeline::builder().partitioner(C45::default()).codec(huffman()).one_tree(true),
        ),
        ("runs of equal values", Pipeline::builder().codec(Plan::new(Rle, [binned(), binned()]))),
        ("differences to the row before", Pipeline::builder().codec(Delta::default().then(binned()))),
        ("Mdl trees, bins, rANS", Pipeline::builder().partitioner(Mdl::default()).codec(binned())),
        ("chosen by trial", Pipeline::builder()),
    ];
    println!("{:32}  {:>7}  {:>6}  {:>6}", "pipeline", "bytes", "C", "leaves");
    let mut sizes = vec![];
    for (name, builder) in by_hand {
        let pipeline = builder.build()?;
        let packed = pipeline.compress(table.as_bytes())?;
        let leaves: u64 = packed.report.columns.iter().map(|column| column.leaves).sum();
        println!("{name:32}  {:>7}  {:.4}  {leaves:>6}", packed.bytes.len(), packed.report.ratio());

        // No decoder needs to know how a file was made.
        assert_eq!(Decoder::default().decompress(&packed.bytes)?, table.as_bytes());
        // What was composed can be written down, and makes the same bytes when it is read again.
        let json = pipeline.config()?.to_json();
        let again = PipelineConfig::from_json(&json)?.build(&Catalogue::default())?;
        assert_eq!(again.compress(table.as_bytes())?.bytes, packed.bytes);
        sizes.push(packed.bytes.len());
    }
    assert!(sizes.iter().all(|&size| size >= sizes[sizes.len() - 1]), "trial does at least as well as any of these");
    Ok(())
}

fn huffman() -> Plan {
    Standardise.then(Huffman::default())
}

fn binned() -> Plan {
    Bins::default().then(Rans::default())
}
