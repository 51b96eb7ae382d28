//! Compresses a model that need not fit into memory: `cargo run --release --example large_model [GIGABYTES [FOLDER]]`.
//!
//! The file is made first. Most of it is holes, which take no room on the disk: one mebibyte of 64 has weights. It is
//! compressed and restored from file to file, compared, and the most memory that was ever in use is printed.

use std::fs::File;
use std::io::{BufReader, Read, Result as IoResult, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Instant;

use losslaw::{Decoder, ModelReader, Pipeline};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MEBIBYTE: u64 = 1 << 20;

/// A tensor of bf16 has so many mebibytes, in rows of 8192.
const TENSOR: u64 = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let tensors = (args.next().map_or(Ok(1), |size| size.parse::<u64>())? << 10) / TENSOR;
    let folder = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let paths = ["safetensors", "losslaw"].map(|end| folder.join(format!("large-{}.{end}", std::process::id())));
    make(&mut File::create(&paths[0])?, tensors)?;
    let outcome = run(&paths);
    paths.iter().try_for_each(std::fs::remove_file)?;
    outcome
}

fn run([source, packed]: &[PathBuf; 2]) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let pipeline = Pipeline::builder().threads(0).build()?;
    let report = pipeline.compress_model_from(File::open(source)?, File::create(packed)?)?;
    println!("{} → {} bytes, {:.0} s", report.original_bytes, report.compressed_bytes, start.elapsed().as_secs_f64());
    println!("most memory in use: {:.0} MB", ALLOCATOR.peak_usage_as_mb());

    let start = Instant::now();
    ALLOCATOR.reset_peak_usage();
    let reader = ModelReader::open(File::open(packed)?, Decoder::default().with_threads(0))?;
    reader.write_to(Compare { source: BufReader::with_capacity(1 << 20, File::open(source)?), other: vec![] })?;
    println!("restored and equal, {:.0} s", start.elapsed().as_secs_f64());
    println!("most memory in use: {:.0} MB", ALLOCATOR.peak_usage_as_mb());
    Ok(())
}

/// Writes a header, holes, and weights in some places.
fn make(file: &mut File, tensors: u64) -> IoResult<()> {
    let entry = |at: u64| {
        let (start, end) = (at * TENSOR * MEBIBYTE, (at + 1) * TENSOR * MEBIBYTE);
        let rows = TENSOR * MEBIBYTE / 2 / 8192;
        format!(r#""layer.{at}":{{"dtype":"BF16","shape":[{rows},8192],"data_offsets":[{start},{end}]}}"#)
    };
    let header = format!("{{{}}}", (0..tensors).map(entry).collect::<Vec<_>>().join(","));
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    let data = 8 + header.len() as u64;
    file.set_len(data + tensors * TENSOR * MEBIBYTE)?;
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    for at in (0..tensors * TENSOR).step_by(64) {
        let weights =
            (0..MEBIBYTE / 2).flat_map(|_| ((next() + next() + next()).to_bits() >> 16).to_le_bytes()[..2].to_vec());
        file.seek(SeekFrom::Start(data + at * MEBIBYTE))?;
        file.write_all(&weights.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Takes the bytes of a file and no others.
struct Compare<R> {
    source: R,
    other: Vec<u8>,
}

impl<R: Read> Write for Compare<R> {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        self.other.resize(bytes.len(), 0);
        self.source.read_exact(&mut self.other)?;
        if self.other == bytes { Ok(bytes.len()) } else { Err(std::io::Error::other("the restored file differs")) }
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}
