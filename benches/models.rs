//! A model at every effort: a matrix of rows and columns with scales of their own, one thread.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use losslaw::model::{Dtype, Model, put_float};
use losslaw::{Effort, Pipeline, Result, decompress};

/// Weights of bf16 whose columns follow the one before, about normal.
fn model(rows: usize, width: usize) -> Result<Model<'static>> {
    let mut state = 1u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    let mut data = vec![];
    for row in 0..rows {
        let mut last = 0.0;
        for column in 0..width {
            let normal: f64 = (0..12).map(|_| uniform()).sum();
            last = 0.3 * last + normal * (1.0 + (row % 9) as f64) * (1.0 + (column % 5) as f64) * 1e-3;
            put_float(&mut data, Dtype::BF16, last)?;
        }
    }
    Model::builder().tensor("w", Dtype::BF16, &[rows, width], &data)?.build()
}

fn main() -> Result<()> {
    let model = model(1024, 768)?;
    let source = model.to_safetensors();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("bf16");
    group.throughput(Throughput::Bytes(source.len() as u64)).sample_size(10);
    for effort in Effort::ALL {
        // Verifying would count decoding twice.
        let pipeline = Pipeline::builder().effort(effort).verify(false).build()?;
        let packed = pipeline.compress_model(&model)?;
        assert!(decompress(&packed.bytes)? == source);
        println!("bf16/{effort}: {} of {} bytes", packed.bytes.len(), source.len());
        group.bench_function(format!("compress/{effort}"), |b| b.iter(|| pipeline.compress_model(black_box(&model))));
        group.bench_function(format!("decompress/{effort}"), |b| b.iter(|| decompress(black_box(&packed.bytes))));
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
