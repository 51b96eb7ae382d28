//! Bytes of every file at every effort, beside what they must be and what they were.
//!
//! `cargo run --release --example scorecard [-- [--all] [--bless] [--strict] [--reference] [FOLDER]]` codes two generated tables and,
//! where a folder is given (or named by `LOSSLAW_DATA`), every file of its `tables/`, `misc/` and `models/`. Each file is
//! decoded and compared. The run fails where a file takes over 0.2 % more bytes than `benches/baseline.tsv` says; rows
//! over what they must be are listed, and fail the run with `--strict`. A second table has what blocks of 16,384 rows cost. `--all` takes large files at the slow efforts,
//! too; `--bless` writes the baseline anew; `--reference` runs `xz -9e` on each file for comparison.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use losslaw::container::Kind;
use losslaw::{Decoder, Effort, Pipeline, PipelineBuilder};
use tpchgen::generators::LineItemGenerator;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/baseline.tsv");

/// Most bytes a file may take at an effort, as the project promises.
const MUST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/must.tsv");

/// Larger files are left to `--all` at the efforts that take minutes for them.
const LARGE: usize = 4 << 20;

/// Rows of a small block, and the percentage that such blocks may cost.
const SMALL_BLOCK: usize = 16_384;
const MOST_FOR_BLOCKS: f64 = 1.0;

fn main() -> Result<()> {
    let flags: Vec<String> = std::env::args().skip(1).collect();
    let folder = flags.iter().find(|flag| !flag.starts_with("--")).cloned().or(std::env::var("LOSSLAW_DATA").ok());
    let (bless, reference) = (flags.iter().any(|f| f == "--bless"), flags.iter().any(|f| f == "--reference"));
    let all = flags.iter().any(|flag| flag == "--all");
    let (mut baseline, must) = (read_sizes(BASELINE)?, read_sizes(MUST)?);
    let mut sources: Vec<(String, Vec<u8>)> =
        vec![("generated lineitem".into(), lineitem()), ("generated wine".into(), wine())];
    for path in folder.iter().flat_map(|folder| files(Path::new(folder))) {
        sources.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), std::fs::read(&path)?));
    }
    let (mut broken, mut failures, mut short) = (vec![], vec![], vec![]);
    println!("| file | effort | raw | bytes | C | baseline | must | xz -9e |\n|---|---|---|---|---|---|---|---|");
    for (name, source) in &sources {
        let xz = if reference { xz_bytes(source)?.to_string() } else { String::new() };
        for effort in Effort::ALL {
            if effort != Effort::Fast && source.len() > LARGE && !all {
                continue;
            }
            let packed = Pipeline::builder().effort(effort).verify(false).build()?.compress(source)?;
            // Bytes have no coder of their own at every effort.
            if packed.report.effort != effort {
                continue;
            }
            if Decoder::default().decompress(&packed.bytes)? != *source {
                broken.push(format!("{name} does not come back at {effort}"));
            }
            let bytes = packed.bytes.len();
            let key = (name.clone(), effort.to_string());
            let known = baseline.insert(key.clone(), bytes).unwrap_or(bytes);
            if bytes * 1000 > known * 1002 {
                failures.push(format!("{name} at {effort} grew from {known} to {bytes} bytes"));
            }
            let most = must.get(&key);
            if most.is_some_and(|&most| bytes > most) {
                short.push(format!("{name} at {effort}"));
            }
            let most = most.map_or(String::new(), ToString::to_string);
            let ratio = packed.report.ratio();
            println!("| {name} | {effort} | {} | {bytes} | {ratio:.4} | {known} | {most} | {xz} |", source.len());
        }
    }
    println!("\n| table | effort | bytes | in blocks of {SMALL_BLOCK} rows | more | must |\n|---|---|---|---|---|---|");
    let efforts = [Effort::Fast, Effort::Balanced];
    for ((name, source), effort) in sources.iter().flat_map(|source| efforts.map(|effort| (source, effort))) {
        if effort != Effort::Fast && source.len() > LARGE && !all {
            continue;
        }
        let pack = |rows: Option<usize>| {
            let pipeline = Pipeline::builder().effort(effort).verify(false);
            rows.into_iter().fold(pipeline, PipelineBuilder::block_rows).build()?.compress(source)
        };
        let usual = pack(None)?;
        if usual.report.kind != Kind::Table || usual.report.rows <= SMALL_BLOCK as u64 {
            continue;
        }
        let small = pack(Some(SMALL_BLOCK))?;
        if Decoder::default().decompress(&small.bytes)? != *source {
            broken.push(format!("{name} does not come back from small blocks at {effort}"));
        }
        let [usual, small] = [&usual, &small].map(|packed| packed.bytes.len());
        let more = 100.0 * (small as f64 / usual as f64 - 1.0);
        println!("| {name} | {effort} | {usual} | {small} | {more:+.2} % | {MOST_FOR_BLOCKS:+.2} % |");
        if more > MOST_FOR_BLOCKS {
            short.push(format!("{name} in small blocks at {effort}"));
        }
    }
    if !short.is_empty() {
        println!("\nOver what they must be: {}", short.join(", "));
    }
    if flags.iter().any(|flag| flag == "--strict") {
        failures.append(&mut short);
    }
    if !broken.is_empty() {
        return Err(broken.join("; ").into());
    }
    if bless {
        let line = |((name, effort), bytes): (&(String, String), &usize)| format!("{name}\t{effort}\t{bytes}\n");
        std::fs::write(BASELINE, baseline.iter().map(line).collect::<String>())?;
    } else if !failures.is_empty() {
        return Err(failures.join("; ").into());
    }
    println!("\nscorecard: {} files, every one restored", sources.len());
    Ok(())
}

/// Bytes by file and effort.
fn read_sizes(path: &str) -> Result<BTreeMap<(String, String), usize>> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut sizes = BTreeMap::new();
    for line in text.lines() {
        let [name, effort, bytes] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("bad line in {path}").into());
        };
        sizes.insert((name.to_owned(), effort.to_owned()), bytes.parse()?);
    }
    Ok(sizes)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = ["tables", "misc", "models"].into_iter().filter_map(|part| std::fs::read_dir(folder.join(part)).ok());
    let mut files: Vec<PathBuf> = listed.flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files
}

fn lineitem() -> Vec<u8> {
    let rows = LineItemGenerator::new(0.01, 1, 1).iter().take(20_000).map(|row| format!("{row}\n"));
    rows.collect::<String>().into_bytes()
}

fn wine() -> Vec<u8> {
    let wine = linfa_datasets::winequality();
    let rows = wine.records.outer_iter().zip(wine.targets.iter()).map(|(cells, quality)| {
        let cells: Vec<String> = cells.iter().map(f64::to_string).collect();
        format!("{},{quality}\n", cells.join(","))
    });
    rows.collect::<String>().into_bytes()
}

/// What `xz -9e` makes of the source.
fn xz_bytes(source: &[u8]) -> Result<usize> {
    let mut child = Command::new("xz").args(["-9e", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().ok_or("xz has no input")?;
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(source));
        Ok(child.wait_with_output()?.stdout.len())
    })
}
