//! What effort `fast` must show on tables: bytes, speeds beside `zstd -19`, and the price of small blocks.
//!
//! Decodes of both are timed in turn and the best of each counts, so that a busy machine slows both alike.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use losslaw::{Decoder, Effort, Pipeline};

use crate::Result;

/// Most bytes at effort `fast`.
const MUST: [(&str, usize); 10] = [
    ("adult.csv", 173_000),
    ("california_housing.csv", 215_000),
    ("covertype_286k_10col.csv", 1_697_995),
    ("covertype_93k.csv", 840_000),
    ("kddcup99_10pct.csv", 920_000),
    ("letter.csv", 136_000),
    ("nyc_weather_2013.csv", 118_000),
    ("sms_spam.csv", 158_632),
    ("tpch_lineitem_sf005.csv", 5_000_000),
    ("us_zipcodes.csv", 384_000),
];

/// Rows of a small block.
const SMALL_BLOCK: usize = 16_384;
/// Decodes of which the best counts.
const REPEATS: usize = 7;

pub fn print(folder: &Path) -> Result<()> {
    println!("## Tables at effort fast\n");
    println!("| table | raw | bytes | must | zstd -19 | compress MB/s | decode MB/s | of zstd -19 | 16k-row blocks |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut over = vec![];
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "csv")) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        over.extend(row(&name, &std::fs::read(path)?)?.then_some(name));
    }
    println!("\nOver what they must be: {}.", if over.is_empty() { "none".to_owned() } else { over.join(", ") });
    Ok(())
}

/// Prints a row and says whether the table takes more bytes than it must.
fn row(name: &str, source: &[u8]) -> Result<bool> {
    let pipeline = |rows| Pipeline::builder().effort(Effort::Fast).block_rows(rows).verify(false).build();
    let start = Instant::now();
    let packed = pipeline(1 << 16)?.compress(source)?.bytes;
    let compress = start.elapsed();
    let (whole, small) = (pipeline(1 << 20)?.compress(source)?, pipeline(SMALL_BLOCK)?.compress(source)?);
    let cost = 100.0 * (small.bytes.len() as f64 / whole.bytes.len() as f64 - 1.0);
    let zstd = zstd::bulk::compress(source, 19)?;
    let (mut own, mut peer) = (f64::MAX, f64::MAX);
    for _ in 0..REPEATS {
        let start = Instant::now();
        let back = black_box(Decoder::default().decompress(&packed)?);
        own = own.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        black_box(zstd::bulk::decompress(&zstd, source.len())?);
        peer = peer.min(start.elapsed().as_secs_f64());
        if back != source {
            return Err(format!("{name} does not come back").into());
        }
    }
    let must = MUST.iter().find(|must| must.0 == name).map(|must| must.1);
    let megabytes = source.len() as f64 / 1e6;
    println!(
        "| {name} | {} | {} | {} | {} | {:.1} | {:.0} | {:.2} | {cost:+.2} % |",
        source.len(),
        packed.len(),
        must.map_or_else(|| "-".to_owned(), |must| must.to_string()),
        zstd.len(),
        megabytes / compress.as_secs_f64(),
        megabytes / own,
        peer / own,
    );
    Ok(must.is_some_and(|must| packed.len() > must))
}
