//! Tables beside peers: bytes, both speeds and the peak memory of each coder in a process of its own.
//!
//! General compressors get the file. Parquet and pco get its columns, typed beforehand, and what they lose of the file
//! (see `typed`) is in their favour. Memory is the most that a process held which reads the file, encodes, decodes and
//! compares. Times are those of the processor where they are long enough to be known. Both are known on Linux only.

use std::path::Path;

use losslaw::{Decoder, Effort, Pipeline};

use crate::columnar::{from_parquet, from_pco, to_parquet, to_pco};
use crate::process::{Figures, csv_files, figures, in_own_process};
use crate::table::thousands;
use crate::{Result, typed};

const CODERS: [&str; 7] =
    ["losslaw fast", "losslaw balanced", "losslaw max", "zstd -19", "xz -9e", "parquet, zstd -19", "pco -8, zstd -19"];
/// The first coders are losslaw's.
const OWN: usize = 3;
/// Larger tables are not coded at `max`.
const MOST_AT_MAX: u64 = 50_000_000;

/// Prints a row for each coder on each table: a file, or the CSV files of a folder.
pub fn print(path: &Path) -> Result<()> {
    println!("## Tables\n\n| table | raw | coder | bytes | of losslaw fast | encode MB/s | decode MB/s | peak MB |");
    println!("|---|---:|---|---:|---:|---:|---:|---:|");
    let mut lost = vec![];
    for path in &csv_files(path)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        eprintln!("{name}");
        lost.extend(table(path, &name)?);
    }
    println!(
        "\nSmaller by a peer than losslaw at its smallest: {}.",
        if lost.is_empty() { "none".to_owned() } else { lost.join("; ") }
    );
    Ok(())
}

/// Prints the rows of a table; the peers that are smaller than every effort.
fn table(path: &Path, name: &str) -> Result<Vec<String>> {
    let raw = std::fs::metadata(path)?.len();
    let mut all: Vec<(usize, Figures)> = vec![];
    for (at, coder) in CODERS.iter().enumerate() {
        if *coder == "losslaw max" && raw > MOST_AT_MAX {
            continue;
        }
        let figures = in_own_process(coder, path)?;
        let first = all.first().map_or(figures.bytes, |first| first.1.bytes);
        println!(
            "| {name} | {} | {coder} | {} | {:.3} | {} |",
            thousands(usize::try_from(raw)?),
            thousands(figures.bytes),
            figures.bytes as f64 / first as f64,
            figures.speeds(raw),
        );
        all.push((at, figures));
    }
    let ours = all.iter().filter(|(at, _)| *at < OWN).map(|(_, figures)| figures.bytes).min().unwrap_or(usize::MAX);
    let smaller = all.iter().filter(|(at, figures)| *at >= OWN && figures.bytes < ours);
    Ok(smaller.map(|(at, figures)| format!("{name} ({}, {} bytes)", CODERS[*at], thousands(figures.bytes))).collect())
}

/// Codes a file by one coder and prints the figures: the work of a process of its own.
pub fn one(coder: &str, path: &Path) -> Result<()> {
    let source = std::fs::read(path)?;
    let figures = match CODERS.iter().position(|name| *name == coder).ok_or("no such coder")? {
        at @ 0..OWN => {
            let pipeline = Pipeline::builder().effort(Effort::ALL[at]).verify(false).build()?;
            figures(&source, |s| Ok(pipeline.compress(s)?.bytes), |c| Ok(Decoder::default().decompress(c)?))
        }
        3 => figures(&source, |s| Ok(zstd::bulk::compress(s, 19)?), |c| Ok(zstd::bulk::decompress(c, source.len())?)),
        4 => figures(
            &source,
            |s| Ok(liblzma::encode_all(&s[..], 9 | liblzma::stream::PRESET_EXTREME)?),
            |c| Ok(liblzma::decode_all(c)?),
        ),
        5 => figures(&typed::columns(&source)?, |columns| to_parquet(columns), from_parquet),
        _ => figures(&typed::columns(&source)?, |columns| to_pco(columns), from_pco),
    }?;
    figures.tell();
    Ok(())
}
