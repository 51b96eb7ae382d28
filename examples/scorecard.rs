//! Bytes of every file at every effort, beside what they must be and what they were.
//!
//! `cargo run --release --example scorecard [-- [--bless] [--reference] [FOLDER]]` codes two generated tables and,
//! where a folder is given (or named by `LOSSLAW_DATA`), every file of its `tables/` and `misc/`. Each file is decoded
//! and compared. The run fails where a file takes over 0.2 % more bytes than `benches/baseline.tsv` says, or more than
//! it must; `--bless` writes the baseline anew; `--reference` runs `xz -9e` on each file for comparison.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use losslaw::{Decoder, Effort, Pipeline};
use tpchgen::generators::LineItemGenerator;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/baseline.tsv");

/// Most bytes at effort `fast`, as the project promises: less than `xz -9e` where no other number was set, for two
/// tables of much text a tenth more, and for what is compressed already 64 bytes more than the file.
const MUST: [(&str, usize); 15] = [
    ("adult.csv", 180_000),
    ("breast_cancer.csv", 40_999),
    ("california_housing.csv", 328_915),
    ("china.jpg", 196_653 + 64),
    ("covertype_286k_10col.csv", 3_239_371),
    ("covertype_93k.csv", 900_000),
    ("kddcup99_10pct.csv", 1_183_819),
    ("letter.csv", 142_687),
    ("machine_temperature.csv", 137_995),
    ("mushroom.csv", 22_000),
    ("nyc_weather_2013.csv", 250_991),
    ("openflights_routes.csv", 270_195),
    ("sms_spam.csv", 173_540),
    ("tpch_lineitem_sf005.csv", 7_069_955),
    ("us_zipcodes.csv", 535_977),
];

fn main() -> Result<()> {
    let flags: Vec<String> = std::env::args().skip(1).collect();
    let folder = flags.iter().find(|flag| !flag.starts_with("--")).cloned().or(std::env::var("LOSSLAW_DATA").ok());
    let (bless, reference) = (flags.iter().any(|f| f == "--bless"), flags.iter().any(|f| f == "--reference"));
    let mut baseline = read_baseline()?;
    let mut sources: Vec<(String, Vec<u8>)> =
        vec![("generated lineitem".into(), lineitem()), ("generated wine".into(), wine())];
    for path in folder.iter().flat_map(|folder| files(Path::new(folder))) {
        sources.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), std::fs::read(&path)?));
    }
    let mut failures = vec![];
    println!("| file | effort | raw | bytes | C | baseline | must | xz -9e |\n|---|---|---|---|---|---|---|---|");
    for (name, source) in &sources {
        // The other efforts take their rows here when they are built.
        let effort = Effort::Fast;
        let packed = Pipeline::builder().effort(effort).verify(false).build()?.compress(source)?;
        if Decoder::default().decompress(&packed.bytes)? != *source {
            failures.push(format!("{name} does not come back"));
        }
        let bytes = packed.bytes.len();
        let known = baseline.insert((name.clone(), effort.to_string()), bytes).unwrap_or(bytes);
        if bytes * 1000 > known * 1002 {
            failures.push(format!("{name} grew from {known} to {bytes} bytes"));
        }
        let must = MUST.iter().find(|must| must.0 == name).map(|must| must.1);
        if must.is_some_and(|must| bytes > must) {
            failures.push(format!("{name} takes {bytes} bytes, over what it must"));
        }
        let must = must.map_or(String::new(), |must| must.to_string());
        let xz = if reference { xz_bytes(source)?.to_string() } else { String::new() };
        let ratio = packed.report.ratio();
        println!("| {name} | {effort} | {} | {bytes} | {ratio:.4} | {known} | {must} | {xz} |", source.len());
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

fn read_baseline() -> Result<BTreeMap<(String, String), usize>> {
    let text = std::fs::read_to_string(BASELINE).unwrap_or_default();
    let mut baseline = BTreeMap::new();
    for line in text.lines() {
        let [name, effort, bytes] = line.split('\t').collect::<Vec<_>>()[..] else { return Err("bad baseline".into()) };
        baseline.insert((name.to_owned(), effort.to_owned()), bytes.parse()?);
    }
    Ok(baseline)
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
