//! Bytes and speeds of stored models at every effort, beside the best other programs and what they must be.
//!
//! `cargo run --release --example model_scorecard [-- [--tensors] [--effort=fast,max] [FOLDER [PART OF A NAME]]]` codes
//! every file of `FOLDER/models` (or of the folder that `LOSSLAW_DATA` names) that has a row below, decodes it and
//! compares. Speeds are of one thread's processor time, so that other work beside it counts little. Files that are
//! absent are skipped. The run fails where a file takes more bytes than it must.

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use losslaw::model::{Base, Model};
use losslaw::{Decoder, Effort, Pipeline};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Most bytes of a file at an effort, as the project promises; `scorecard` prints them, too.
const MUST: &str = include_str!("../benches/must.tsv");

/// Bytes of a file by the best of zstd, xz, ZipNN, pcodec, OpenZL and z4ai, measured when the project began.
const BEST_OTHER: [(&str, usize); 10] = [
    ("burn-mnist-cnn-f32", 1_251_194),
    ("face-detection-full-range-f16", 880_650),
    ("face-expression-u8", 278_846),
    ("face-landmark-68-u8", 292_604),
    ("minilm-l6-v2-bf16-derived-layers0-2", 7_082_683),
    ("minilm-l6-v2-f32-layers0-1", 11_815_092),
    ("roberta-lora-step1000-f32", 2_095_077),
    ("roberta-lora-step500-f32", 2_094_981),
    ("silero-vad-v5-f32", 1_692_153),
    ("silero-vad-v6-f32", 1_694_513),
];

/// Files that are coded against a base, and their bytes by the best other program: pcodec of the differences of ordered
/// integers, and planes of the exclusive or under zstd.
const AGAINST: [(&str, &str, usize); 2] = [
    ("roberta-lora-step1000-f32", "roberta-lora-step500-f32", 1_894_584),
    ("silero-vad-v6-f32", "silero-vad-v5-f32", 1_586_228),
];

/// What `max` must save on average against the best other program, in percent.
const MUST_SAVE: f64 = 2.0;

fn main() -> Result<()> {
    let (flags, places): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let folder = places.first().cloned().or(std::env::var("LOSSLAW_DATA").ok()).unwrap_or_default();
    let wanted = places.get(1).map_or("", String::as_str);
    let asked = flags.iter().find_map(|flag| flag.strip_prefix("--effort="));
    let efforts = Effort::ALL
        .iter()
        .enumerate()
        .filter(|(_, effort)| asked.is_none_or(|asked| asked.split(',').any(|name| name == effort.to_string())));
    let efforts: Vec<(usize, Effort)> = efforts.map(|(at, effort)| (at, *effort)).collect();
    println!("| file | effort | bytes | must | best other | saving % | encode MB/s | decode MB/s |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut failures = vec![];
    let mut savings = [const { vec![] }; 3];
    for (file, best_other) in BEST_OTHER.into_iter().filter(|(file, _)| file.contains(wanted)) {
        let path = Path::new(&folder).join("models").join(format!("{file}.safetensors"));
        let Ok(source) = std::fs::read(&path) else {
            eprintln!("{file} is skipped: there is no {}", path.display());
            continue;
        };
        for &(at, effort) in &efforts {
            let start = worked();
            let packed = Pipeline::builder().effort(effort).verify(false).build()?.compress(&source)?;
            let encode = speed(source.len(), start);
            let start = worked();
            let decoded = Decoder::default().decompress(&packed.bytes)?;
            let decode = speed(source.len(), start);
            if decoded != source {
                failures.push(format!("{file} at {effort} does not come back"));
            }
            let (bytes, must) = (packed.bytes.len(), must(file, effort)?);
            let saving = 100.0 * (1.0 - bytes as f64 / best_other as f64);
            savings[at].push(saving);
            println!(
                "| {file} | {effort} | {bytes} | {must} | {best_other} | {saving:.2} | {encode:.1} | {decode:.1} |"
            );
            if bytes > must {
                failures.push(format!("{file} at {effort}: {bytes} bytes, {must} at most"));
            }
            if flags.iter().any(|flag| flag == "--tensors") {
                println!("{:?}\n{}", packed.report.parts, losslaw::TensorTable(&packed.report.tensors));
            }
        }
    }
    against(&folder, wanted, &efforts, &mut failures)?;
    for &(at, effort) in &efforts {
        let mean = savings[at].iter().sum::<f64>() / savings[at].len().max(1) as f64;
        println!("\nMean saving at {effort} against the best other: {mean:.2} %");
        if effort == Effort::Max && savings[at].len() == BEST_OTHER.len() && mean < MUST_SAVE {
            failures.push(format!("{effort} saves {mean:.2} % on average, at least {MUST_SAVE} % is asked"));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// The rows of files that have a base.
fn against(folder: &str, wanted: &str, efforts: &[(usize, Effort)], failures: &mut Vec<String>) -> Result<()> {
    for (file, base, best_other) in AGAINST.into_iter().filter(|(file, ..)| file.contains(wanted)) {
        let read = |name: &str| std::fs::read(Path::new(folder).join("models").join(format!("{name}.safetensors")));
        let (Ok(source), Ok(base_file)) = (read(file), read(base)) else {
            eprintln!("{file} against {base} is skipped: they are not there");
            continue;
        };
        let (model, base_model) = (Model::from_safetensors(&source)?, Base::from_safetensors(base_file)?);
        for &(_, effort) in efforts {
            let start = worked();
            let pipeline = Pipeline::builder().effort(effort).verify(false).build()?;
            let packed = pipeline.compress_model_against(&base_model, &model)?;
            let encode = speed(source.len(), start);
            let start = worked();
            let decoded = Decoder::default().with_base(base_model.clone()).decompress(&packed.bytes)?;
            let decode = speed(source.len(), start);
            if decoded != source {
                failures.push(format!("{file} against {base} at {effort} does not come back"));
            }
            let (bytes, must) = (packed.bytes.len(), must(&format!("{file}-against-{base}"), effort)?);
            let saving = 100.0 * (1.0 - bytes as f64 / best_other as f64);
            println!(
                "| {file} against {base} | {effort} | {bytes} | {must} | {best_other} | {saving:.2} | {encode:.1} | {decode:.1} |"
            );
            if bytes > must {
                failures.push(format!("{file} against {base} at {effort}: {bytes} bytes, {must} at most"));
            }
        }
    }
    Ok(())
}

fn must(file: &str, effort: Effort) -> Result<usize> {
    let start = format!("{file}.safetensors\t{effort}\t");
    let bytes = MUST.lines().find_map(|line| line.strip_prefix(&start)).ok_or("a row is missing in must.tsv")?;
    Ok(bytes.parse()?)
}

fn speed(bytes: usize, start: Duration) -> f64 {
    bytes as f64 / 1e6 / worked().saturating_sub(start).as_secs_f64()
}

/// How long this thread has had a processor; where the system does not tell, the time on the clock.
fn worked() -> Duration {
    let first = |path: &str| std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok();
    first("/proc/thread-self/schedstat").map_or_else(elapsed, Duration::from_nanos)
}

fn elapsed() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
