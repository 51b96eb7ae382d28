//! Tables beside peers: bytes, both speeds and the peak memory of each coder in a process of its own.
//!
//! General compressors get the file. Parquet and pco get its columns, typed beforehand, and what they lose of the file
//! (see `typed`) is in their favour. Memory is the most that a process held which reads the file, encodes, decodes and
//! compares. Times are those of the processor where they are long enough to be known. Both are known on Linux only.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use losslaw::{Decoder, Effort, Pipeline};

use crate::columnar::{from_parquet, from_pco, to_parquet, to_pco};
use crate::table::thousands;
use crate::{Result, typed};

const CODERS: [&str; 7] =
    ["losslaw fast", "losslaw balanced", "losslaw max", "zstd -19", "xz -9e", "parquet, zstd -19", "pco -8, zstd -19"];
/// The first coders are losslaw's.
const OWN: usize = 3;
/// Larger tables are not coded at `max`.
const MOST_AT_MAX: u64 = 50_000_000;
/// Short decodes are repeated for so long.
const PATIENCE: Duration = Duration::from_millis(300);

/// Prints a row for each coder on each table: a file, or the CSV files of a folder.
pub fn print(path: &Path) -> Result<()> {
    let mut paths = if path.is_dir() {
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?
    } else {
        vec![path.to_owned()]
    };
    paths.retain(|path| path.extension().is_some_and(|end| end == "csv"));
    paths.sort();
    println!("## Tables\n\n| table | raw | coder | bytes | of losslaw fast | encode MB/s | decode MB/s | peak MB |");
    println!("|---|---:|---|---:|---:|---:|---:|---:|");
    let mut lost = vec![];
    for path in &paths {
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
        let out = Command::new(std::env::current_exe()?).args(["--one", coder]).arg(path).output()?;
        let said = String::from_utf8(out.stdout)?;
        let figures =
            Figures::read(&said).ok_or_else(|| format!("{name}, {coder}: {}", String::from_utf8_lossy(&out.stderr)))?;
        let first = all.first().map_or(figures.bytes, |first| first.1.bytes);
        let speed = |seconds: f64| raw as f64 / 1e6 / seconds;
        println!(
            "| {name} | {} | {coder} | {} | {:.3} | {:.1} | {:.0} | {} |",
            thousands(usize::try_from(raw)?),
            thousands(figures.bytes),
            figures.bytes as f64 / first as f64,
            speed(figures.encode),
            speed(figures.decode),
            if figures.peak == 0 { "-".to_owned() } else { (figures.peak * 1024 / 1_000_000).to_string() },
        );
        all.push((at, figures));
    }
    let ours = all.iter().filter(|(at, _)| *at < OWN).map(|(_, figures)| figures.bytes).min().unwrap_or(usize::MAX);
    let smaller = all.iter().filter(|(at, figures)| *at >= OWN && figures.bytes < ours);
    Ok(smaller.map(|(at, figures)| format!("{name} ({}, {} bytes)", CODERS[*at], thousands(figures.bytes))).collect())
}

/// What one process found out.
struct Figures {
    bytes: usize,
    /// Seconds.
    encode: f64,
    decode: f64,
    /// Units of 1,024 bytes; 0 where they are unknown.
    peak: u64,
}

impl Figures {
    fn read(said: &str) -> Option<Self> {
        let mut words = said.split_whitespace();
        let mut next = || words.next();
        Some(Self {
            bytes: next()?.parse().ok()?,
            encode: next()?.parse().ok()?,
            decode: next()?.parse().ok()?,
            peak: next()?.parse().ok()?,
        })
    }
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
    println!("{} {} {} {}", figures.bytes, figures.encode, figures.decode, figures.peak);
    Ok(())
}

fn figures<S: PartialEq>(
    source: &S,
    encode: impl Fn(&S) -> Result<Vec<u8>>,
    decode: impl Fn(&[u8]) -> Result<S>,
) -> Result<Figures> {
    let clock = Clock::start();
    let coded = encode(source)?;
    let encode = clock.seconds();
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while best.is_infinite() || begin.elapsed() < PATIENCE {
        let clock = Clock::start();
        let back = decode(&coded)?;
        best = best.min(clock.seconds());
        if back != *source {
            return Err("a decode differs from its source".into());
        }
    }
    Ok(Figures { bytes: coded.len(), encode, decode: best, peak: peak() })
}

/// Time that does not depend on what else the machine does, where that can be known.
struct Clock {
    wall: Instant,
    processor: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), processor: Self::processor() }
    }

    /// Seconds that this thread had the processor, of which Linux keeps count in steps of some milliseconds; seconds passed
    /// where that is too coarse or unknown.
    fn seconds(&self) -> f64 {
        let wall = self.wall.elapsed().as_secs_f64();
        match (self.processor, Self::processor()) {
            (Some(start), Some(end)) if end - start > 0.1 => end - start,
            _ => wall,
        }
    }

    fn processor() -> Option<f64> {
        let line = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
    }
}

/// The most memory this process held, in units of 1,024 bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
