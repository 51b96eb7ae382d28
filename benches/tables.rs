//! The whole pipeline on a table: 20,000 rows of lineitem of TPC-H as CSV, one thread.

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use losslaw::{Effort, Pipeline, Result, decompress};

fn main() -> Result<()> {
    let csv = common::lineitem(20_000);
    // Verifying would count decoding twice.
    let pipeline = Pipeline::builder().effort(Effort::Fast).verify(false).build()?;
    let packed = pipeline.compress(csv.as_bytes())?;
    assert_eq!(decompress(&packed.bytes)?, csv.as_bytes());

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("lineitem");
    group.throughput(Throughput::Bytes(csv.len() as u64)).sample_size(10);
    group.bench_function("compress/fast", |b| b.iter(|| pipeline.compress(black_box(csv.as_bytes()))));
    group.bench_function("decompress/fast", |b| b.iter(|| decompress(black_box(&packed.bytes))));
    group.finish();
    criterion.final_summary();
    Ok(())
}
