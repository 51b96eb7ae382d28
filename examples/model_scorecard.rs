//! Bytes and speeds of stored models at every effort, beside the best other programs and what they must be.
//!
//! `cargo run --release --example model_scorecard [-- [--tensors] [--effort=fast,max] [FOLDER [PART OF A NAME]]]` codes
//! every file of `FOLDER/models` (or of the folder that `LOSSLAW_DATA` names) that has a row below, decodes it and
//! compares. Files that are absent are skipped. The run fails where a file takes more bytes than it must.

use std::path::Path;
use std::time::Instant;

use losslaw::{Decoder, Effort, Pipeline};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What is known of a file.
struct Known {
    file: &'static str,
    /// Bytes by the best of zstd, xz, ZipNN, pcodec, OpenZL and z4ai, measured when the project began.
    best_other: usize,
    /// Most bytes at `fast`, `balanced` and `max`, as the project promises: `fast` no more than the best other, 1 %
    /// less for bf16 and 1.5 % less for f16; `balanced` within 1 % of a research program; `max` less than the best.
    must: [usize; 3],
}

const fn known(file: &'static str, best_other: usize, must: [usize; 3]) -> Known {
    Known { file, best_other, must }
}

const KNOWN: [Known; 10] = [
    known("burn-mnist-cnn-f32", 1_251_194, [1_251_194, 1_251_193, 1_251_193]),
    known("face-detection-full-range-f16", 880_650, [867_440, 873_543, 880_649]),
    known("face-expression-u8", 278_846, [278_846, 278_845, 278_845]),
    known("face-landmark-68-u8", 292_604, [292_604, 284_634, 292_603]),
    known("minilm-l6-v2-bf16-derived-layers0-2", 7_082_683, [7_011_856, 6_962_000, 6_945_000]),
    known("minilm-l6-v2-f32-layers0-1", 11_815_092, [11_815_092, 11_815_091, 11_815_091]),
    known("roberta-lora-step1000-f32", 2_095_077, [2_095_077, 2_095_076, 2_095_076]),
    known("roberta-lora-step500-f32", 2_094_981, [2_094_981, 2_094_980, 2_094_980]),
    known("silero-vad-v5-f32", 1_692_153, [1_692_153, 1_692_152, 1_692_152]),
    known("silero-vad-v6-f32", 1_694_513, [1_694_513, 1_586_041, 1_694_512]),
];

const EFFORTS: [Effort; 3] = [Effort::Fast, Effort::Balanced, Effort::Max];

/// What `max` must save on average against the best other program, in percent.
const MUST_SAVE: f64 = 2.0;

fn main() -> Result<()> {
    let (flags, places): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let folder = places.first().cloned().or(std::env::var("LOSSLAW_DATA").ok()).unwrap_or_default();
    let wanted = places.get(1).map_or("", String::as_str);
    let asked = flags.iter().find_map(|flag| flag.strip_prefix("--effort="));
    let efforts = EFFORTS
        .iter()
        .enumerate()
        .filter(|(_, effort)| asked.is_none_or(|asked| asked.split(',').any(|name| name == effort.to_string())));
    let efforts: Vec<(usize, Effort)> = efforts.map(|(at, effort)| (at, *effort)).collect();
    println!("| file | effort | bytes | must | best other | saving % | encode MB/s | decode MB/s |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut failures = vec![];
    let mut savings = [const { vec![] }; 3];
    for known in KNOWN.iter().filter(|known| known.file.contains(wanted)) {
        let path = Path::new(&folder).join("models").join(known.file).with_extension("safetensors");
        let Ok(source) = std::fs::read(&path) else {
            eprintln!("{} is skipped: there is no {}", known.file, path.display());
            continue;
        };
        for &(at, effort) in &efforts {
            let start = Instant::now();
            let packed = Pipeline::builder().effort(effort).verify(false).build()?.compress(&source)?;
            let encode = speed(source.len(), start);
            let start = Instant::now();
            let decoded = Decoder::default().decompress(&packed.bytes)?;
            let decode = speed(source.len(), start);
            if decoded != source {
                failures.push(format!("{} at {effort} does not come back", known.file));
            }
            let (bytes, must) = (packed.bytes.len(), known.must[at]);
            let saving = 100.0 * (1.0 - bytes as f64 / known.best_other as f64);
            savings[at].push(saving);
            println!(
                "| {} | {effort} | {bytes} | {must} | {} | {saving:.2} | {encode:.1} | {decode:.1} |",
                known.file, known.best_other
            );
            if bytes > must {
                failures.push(format!("{} at {effort}: {bytes} bytes, {must} at most", known.file));
            }
            if flags.iter().any(|flag| flag == "--tensors") {
                println!("{:?}\n{}", packed.report.parts, losslaw::TensorTable(&packed.report.tensors));
            }
        }
    }
    for &(at, effort) in &efforts {
        let mean = savings[at].iter().sum::<f64>() / savings[at].len().max(1) as f64;
        println!("\nMean saving at {effort} against the best other: {mean:.2} %");
        if effort == Effort::Max && savings[at].len() == KNOWN.len() && mean < MUST_SAVE {
            failures.push(format!("{effort} saves {mean:.2} % on average, at least {MUST_SAVE} % is asked"));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

fn speed(bytes: usize, start: Instant) -> f64 {
    bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
}
