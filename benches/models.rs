//! Models at every effort, one thread: a matrix of rows and columns with scales of their own, in several types, pruned, and
//! as a checkpoint against the one before.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use losslaw::model::{Base, Dtype, Model, put_float};
use losslaw::prune::TopK;
use losslaw::{Decoder, Effort, Pipeline, Result, decompress};

const ROWS: usize = 1024;
const WIDTH: usize = 768;

/// About normal numbers of variance 1, each matrix by a seed of its own.
fn normals(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    std::iter::from_fn(move || Some((0..12).map(|_| uniform()).sum()))
}

/// Weights each of which follows the one before it in its row.
fn weights() -> Vec<f64> {
    let mut last = 0.0;
    let follow = |(at, normal): (usize, f64)| {
        let (row, column) = (at / WIDTH, at % WIDTH);
        let before = if column == 0 { 0.0 } else { last };
        last = 0.3 * before + normal * (1.0 + (row % 9) as f64) * (1.0 + (column % 5) as f64) * 1e-3;
        last
    };
    normals(1).take(ROWS * WIDTH).enumerate().map(follow).collect()
}

fn model(dtype: Dtype, weights: &[f64]) -> Result<Model<'static>> {
    let mut data = vec![];
    for &weight in weights {
        match dtype {
            // As quantisers do: steps of one size around the middle, ends cut off.
            Dtype::U8 => data.push((weight / 5e-4 + 128.0) as u8),
            _ => put_float(&mut data, dtype, weight)?,
        }
    }
    Model::builder().tensor("w", dtype, &[ROWS, WIDTH], &data)?.build()
}

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let before = weights();
    let after: Vec<f64> = before.iter().zip(normals(2)).map(|(weight, normal)| weight + normal * 1e-4).collect();
    for dtype in [Dtype::BF16, Dtype::F16, Dtype::F32, Dtype::U8] {
        measure(&mut criterion, dtype.name(), &model(dtype, &before)?, None)?;
    }
    let dense = model(Dtype::BF16, &before)?;
    for (name, share) in [("half kept", 0.5), ("a tenth kept", 0.1)] {
        let pruned = Pipeline::builder().pruner(TopK::new(share)?).build()?.compress_model(&dense)?.bytes;
        measure(&mut criterion, name, &Model::from_safetensors(&decompress(&pruned)?)?, None)?;
    }
    let base = Base::from(&model(Dtype::F32, &before)?);
    measure(&mut criterion, "against a base", &model(Dtype::F32, &after)?, Some(&base))?;
    criterion.final_summary();
    Ok(())
}

/// Both ways at every effort.
fn measure(criterion: &mut Criterion, name: &str, model: &Model<'_>, base: Option<&Base>) -> Result<()> {
    let source = model.to_safetensors();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(source.len() as u64)).sample_size(10);
    for effort in Effort::ALL {
        // Verifying would count decoding twice.
        let pipeline = Pipeline::builder().effort(effort).verify(false).build()?;
        let compress = || match base {
            Some(base) => pipeline.compress_model_against(base, model),
            None => pipeline.compress_model(model),
        };
        let decoder = base.map_or_else(Decoder::default, |base| Decoder::default().with_base(base.clone()));
        let packed = compress()?;
        assert!(decoder.decompress(&packed.bytes)? == source);
        println!("{name}/{effort}: {} of {} bytes", packed.bytes.len(), source.len());
        group.bench_function(format!("compress/{effort}"), |b| b.iter(|| black_box(compress())));
        group.bench_function(format!("decompress/{effort}"), |b| {
            b.iter(|| decoder.decompress(black_box(&packed.bytes)));
        });
    }
    group.finish();
    Ok(())
}
