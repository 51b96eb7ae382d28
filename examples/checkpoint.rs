//! A chain of checkpoints, each coded against the one before: `cargo run --release --example checkpoint`.
//!
//! A layer learns what another one with fixed weights says, by gradient descent.

use losslaw::model::{Base, Model};
use losslaw::{Decoder, Effort, Pipeline, decompress};

const INPUTS: usize = 64;
const OUTPUTS: usize = 160;
const BATCH: usize = 8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut seed = 1;
    let mut weights = || -> Vec<f32> { (0..OUTPUTS * INPUTS).map(|_| 0.2 * random(&mut seed)).collect() };
    let (teacher, mut student) = (weights(), weights());
    let mut files = vec![];
    for checkpoint in 1..=3 {
        let loss = (0..200).fold(0.0, |mean, _| 0.9 * mean + 0.1 * learn(&mut student, &teacher, &mut seed));
        println!("checkpoint {checkpoint}: loss {loss:.6}");
        let model = Model::builder().f32("layer.weight", &[OUTPUTS, INPUTS], &student)?.build()?;
        files.push(model.to_safetensors());
    }

    let pipeline = Pipeline::builder().effort(Effort::Balanced).build()?;
    let mut packed = vec![pipeline.compress(&files[0])?];
    for pair in files.windows(2) {
        let (base, model) = (Base::from_safetensors(pair[0].clone())?, Model::from_safetensors(&pair[1])?);
        packed.push(pipeline.compress_model_against(&base, &model)?);
    }
    for (file, packed) in files.iter().zip(&packed) {
        let alone = pipeline.compress(file)?.bytes.len();
        println!("{} bytes: {alone} alone, {} in the chain", file.len(), packed.bytes.len());
        assert!(packed.bytes.len() <= alone);
    }

    // Back again: each checkpoint is the base of the next.
    let mut restored = vec![decompress(&packed[0].bytes)?];
    for packed in &packed[1..] {
        let base = Base::from_safetensors(restored.last().ok_or("there is a first one")?.clone())?;
        restored.push(Decoder::default().with_base(base).decompress(&packed.bytes)?);
    }
    assert!(restored == files, "every checkpoint comes back byte for byte");
    Ok(())
}

/// A pseudorandom number from −1 to 1.
fn random(seed: &mut u32) -> f32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*seed >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// One step down the gradient of the mean squared error of a batch, which is returned.
fn learn(student: &mut [f32], teacher: &[f32], seed: &mut u32) -> f32 {
    let (mut loss, mut step) = (0.0, vec![0.0; student.len()]);
    for _ in 0..BATCH {
        let x: Vec<f32> = (0..INPUTS).map(|_| random(seed)).collect();
        for ((own, other), step) in student.chunks(INPUTS).zip(teacher.chunks(INPUTS)).zip(step.chunks_mut(INPUTS)) {
            let error: f32 = own.iter().zip(other).zip(&x).map(|((own, other), x)| (own - other) * x).sum();
            loss += error * error / (BATCH * OUTPUTS) as f32;
            step.iter_mut().zip(&x).for_each(|(step, x)| *step += error * x / BATCH as f32);
        }
    }
    student.iter_mut().zip(&step).for_each(|(weight, step)| *weight -= 0.05 * step);
    loss
}
