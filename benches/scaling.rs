//! Fits and bootstraps of 240 runs on one thread: the search over starts, and 4,000 draws.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use losslaw::scaling::{BootstrapConfig, Chinchilla, Loss, Runs, fit};

#[path = "common.rs"]
mod common;

/// 240 runs around the published law of language models, most off by a percent or so.
fn runs() -> Runs {
    let mut noise = common::Noise::new(7);
    let mut unit = || (noise.word() >> 11) as f64 / (1u64 << 53) as f64;
    Runs::from_triples((0..240).map(|_| {
        let n = 5e7 * 300f64.powf(unit());
        let d = 4e8 * 500f64.powf(unit());
        let off = 0.03 * (unit() - 0.5) * (unit() + 0.1);
        (n, d, (1.82 + 482.0 / n.powf(0.348) + 2085.0 / d.powf(0.366)) * off.exp())
    }))
    .expect("the runs are positive")
}

fn bench(c: &mut Criterion) {
    let runs = runs();
    let mut group = c.benchmark_group("scaling");
    group.sample_size(10);
    for (name, loss) in [("huber", Loss::HuberLog(1e-3)), ("lad", Loss::LadLog)] {
        group.bench_function(format!("fit/{name}"), |b| b.iter(|| fit(&Chinchilla, black_box(&runs), loss)));
        let fitted = fit(&Chinchilla, &runs, loss).expect("the runs determine the law");
        let config = BootstrapConfig { resamples: 4000, ..BootstrapConfig::default() };
        group.bench_function(format!("bootstrap_4000/{name}"), |b| b.iter(|| fitted.bootstrap(&config)));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
