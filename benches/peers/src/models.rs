//! Model files: losslaw at every effort, zstd and pco tensor by tensor; then one of them pruned.
//!
//! The page says what must hold: no effort above the best peer, and so much below pco where weights were pruned.

use std::path::{Path, PathBuf};
use std::time::Instant;

use half::f16;
use losslaw::model::{Dtype, Model, TensorView};
use losslaw::prune::{Except, TopK};
use losslaw::{Decoder, Effort, Pipeline, decompress};
use pco::ChunkConfig;
use pco::data_types::Number;
use pco::standalone::{simple_compress, simple_decompress};

use crate::Result;

/// The files that are pruned, of which the first has to save something against pco, and the kept shares with what that is at
/// `fast` and at `max`, in percent.
const PRUNED: [&str; 4] = ["minilm-l6-v2-bf16", "burn", "face-detection", "silero-vad-v6"];
const SHARES: [(f64, [f64; 2]); 2] = [(0.5, [0.0, 6.0]), (0.1, [0.0, 12.0])];

/// Tensors that are not pruned.
const WHOLE: [&str; 2] = ["*.bias", "*LayerNorm*"];

pub fn print(folder: &Path) -> Result<()> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "safetensors"));
    paths.sort();
    println!("## Models\n");
    println!("| file | raw | fast | balanced | max | pco -8 | zstd -19 | fast MB/s, both ways | balanced | max |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let (mut short, mut ways) = (vec![], vec![]);
    for path in &paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let source = std::fs::read(path)?;
        row(&name, &source, &mut ways)?;
        let Some(first) = PRUNED.iter().position(|start| name.starts_with(start)) else {
            continue;
        };
        let is_asked = first == 0;
        for (share, must) in SHARES {
            let pruner = Except::new(TopK::new(share)?, WHOLE);
            let packed = Pipeline::builder().pruner(pruner).verify(false).build()?.compress(&source)?.bytes;
            let name = format!("{name}, {} % kept", 100.0 * share);
            let ([fast, _, max], pco) = row(&name, &decompress(&packed)?, &mut ways)?;
            for (bytes, must, effort) in [(fast, must[0], "fast"), (max, must[1], "max")] {
                let saving = 100.0 * (1.0 - bytes as f64 / pco as f64);
                let asked = if is_asked { format!(", {must} % must be") } else { String::new() };
                short.push(format!("{name} at {effort}: {saving:.2} % below pco{asked}"));
            }
        }
    }
    ways.iter().for_each(|ways| println!("\n{ways}."));
    println!("\n{}.", if short.is_empty() { "No file was pruned".to_owned() } else { short.join("; ") });
    Ok(())
}

/// Prints a row; the bytes at each effort, and those of pco. Where pco is run in several ways they are noted.
fn row(name: &str, source: &[u8], ways: &mut Vec<String>) -> Result<([usize; 3], usize)> {
    let mut bytes = [0; 3];
    let mut speeds = vec![];
    for (effort, bytes) in Effort::ALL.into_iter().zip(&mut bytes) {
        let pipeline = Pipeline::builder().effort(effort).verify(false).build()?;
        let start = Instant::now();
        let packed = pipeline.compress(source)?.bytes;
        let encode = speed(source, start);
        let start = Instant::now();
        if Decoder::default().decompress(&packed)? != source {
            return Err(format!("{name} does not come back at {effort}").into());
        }
        speeds.push(format!("{encode:.1} / {:.1}", speed(source, start)));
        *bytes = packed.len();
    }
    let model = Model::from_safetensors(source)?;
    // The header is left as it is, which is in favour of neither: it is a thousandth.
    let header = source.len() - model.data().len();
    let (mut pco, mut each) = (header, [header; 3]);
    for tensor in model.tensors() {
        let own = pco_bytes(&tensor)?;
        pco += own.iter().min().expect("there are three ways");
        each.iter_mut().zip(own).for_each(|(all, own)| *all += own);
    }
    if each.iter().any(|&all| all != pco) {
        let [words, wide, ordered] = each;
        ways.push(format!(
            "pco of {name}: words as they are {words}, as wider floats {wide}, in the order of the numbers {ordered}"
        ));
    }
    let zstd = zstd::bulk::compress(source, 19)?.len();
    let [fast, balanced, max] = bytes;
    println!("| {name} | {} | {fast} | {balanced} | {max} | {pco} | {zstd} | {} |", source.len(), speeds.join(" | "));
    Ok((bytes, pco))
}

fn speed(source: &[u8], start: Instant) -> f64 {
    source.len() as f64 / 1e6 / start.elapsed().as_secs_f64()
}

/// What pco makes of a tensor in the most fitting of its types: words of bf16 as they are, as wider floats, and in the
/// order of the numbers; all others in one way, which stands in all three places.
fn pco_bytes(tensor: &TensorView<'_>) -> Result<[usize; 3]> {
    let data = tensor.data();
    let halves = || data.as_chunks().0.iter().map(|&bytes| u16::from_le_bytes(bytes));
    let singles = || data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
    // Words in the order of the numbers: pco has no type for bf16.
    let ordered = |word: u16| if word >> 15 == 1 { !word } else { word | 0x8000 };
    let bytes = match tensor.dtype() {
        Dtype::F32 => packed(&singles().collect::<Vec<_>>())?,
        Dtype::F16 => packed(&halves().map(f16::from_bits).collect::<Vec<_>>())?,
        Dtype::BF16 => {
            let words: Vec<u16> = halves().collect();
            let wide: Vec<f32> = words.iter().map(|&word| f32::from_bits(u32::from(word) << 16)).collect();
            let ordered: Vec<u16> = words.iter().copied().map(ordered).collect();
            return Ok([packed(&words)?, packed(&wide)?, packed(&ordered)?]);
        }
        Dtype::I64 | Dtype::U64 | Dtype::F64 => {
            packed(&data.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect::<Vec<_>>())?
        }
        Dtype::I32 | Dtype::U32 => {
            packed(&data.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect::<Vec<_>>())?
        }
        _ => packed(data)?,
    };
    Ok([bytes; 3])
}

fn packed<T: Number>(numbers: &[T]) -> Result<usize> {
    let bytes = simple_compress(numbers, &ChunkConfig::default().with_compression_level(8).with_enable_8_bit(true))?;
    if simple_decompress::<T>(&bytes)?.len() != numbers.len() {
        return Err("pco lost a number".into());
    }
    Ok(bytes.len())
}
