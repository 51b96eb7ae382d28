//! A chain of checkpoints, each coded against the one before: `cargo run --release --example checkpoint`.
//!
//! A network with one hidden layer learns what another one with fixed weights says.

use losslaw::model::{Base, Model};
use losslaw::{Decoder, Effort, Pipeline, decompress};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const INPUTS: usize = 64;
const HIDDEN: usize = 160;
const BATCH: usize = 16;
const RATE: f32 = 0.02;

fn main() -> Result<()> {
    let mut seed = 1;
    let (teacher, mut student) = (Network::new(&mut seed), Network::new(&mut seed));
    let mut files = vec![];
    for checkpoint in 1..=3 {
        let loss =
            (0..400).map(|_| student.learn(&teacher, &mut seed)).fold(0.0, |mean, loss| 0.95 * mean + 0.05 * loss);
        println!("checkpoint {checkpoint}: loss {loss:.4}");
        files.push(student.to_model()?.to_safetensors());
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

/// output · max(hidden · x, 0)
struct Network {
    hidden: Vec<f32>,
    output: Vec<f32>,
}

impl Network {
    fn new(seed: &mut u32) -> Self {
        let mut weights = |count: usize, size: f32| (0..count).map(|_| size * random(seed)).collect();
        Self { hidden: weights(HIDDEN * INPUTS, 0.2), output: weights(HIDDEN, 0.15) }
    }

    fn run(&self, x: &[f32]) -> (Vec<f32>, f32) {
        let sum = |row: &[f32]| row.iter().zip(x).map(|(weight, x)| weight * x).sum::<f32>().max(0.0);
        let hidden: Vec<f32> = self.hidden.chunks(INPUTS).map(sum).collect();
        let y = self.output.iter().zip(&hidden).map(|(weight, h)| weight * h).sum();
        (hidden, y)
    }

    /// One step down the gradient of the mean squared error of a batch, which is returned.
    fn learn(&mut self, teacher: &Self, seed: &mut u32) -> f32 {
        let mut loss = 0.0;
        let (mut hidden_step, mut output_step) = (vec![0.0; HIDDEN * INPUTS], vec![0.0; HIDDEN]);
        for _ in 0..BATCH {
            let x: Vec<f32> = (0..INPUTS).map(|_| random(seed)).collect();
            let (hidden, y) = self.run(&x);
            let error = y - teacher.run(&x).1;
            loss += error * error / BATCH as f32;
            for (row, h) in hidden.iter().enumerate().filter(|(_, h)| **h > 0.0) {
                output_step[row] += error * h;
                let rows = &mut hidden_step[row * INPUTS..][..INPUTS];
                rows.iter_mut().zip(&x).for_each(|(step, x)| *step += error * self.output[row] * x);
            }
        }
        let move_by = |(weight, step): (&mut f32, &f32)| *weight -= RATE / BATCH as f32 * step;
        self.hidden.iter_mut().zip(&hidden_step).for_each(move_by);
        self.output.iter_mut().zip(&output_step).for_each(move_by);
        loss
    }

    fn to_model(&self) -> losslaw::Result<Model<'static>> {
        let model = Model::builder().f32("hidden", &[HIDDEN, INPUTS], &self.hidden)?;
        model.f32("output", &[1, HIDDEN], &self.output)?.build()
    }
}
