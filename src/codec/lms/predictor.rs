//! From neighbours to an expected sample and a guess at how far off it is.

use super::Lms;
use super::least_squares::LeastSquares;
use super::neighbours::{MOST_INPUTS, Neighbours};

/// Classes of samples by how large their residuals are likely to be.
pub(super) const CLASSES: usize = 24;

/// How fast the two models of a channel forget.
const FADINGS: [f64; 2] = [0.998, 0.9998];

/// Predictions that are put together: one of each model, and the median of pictures or the level of sound.
const EXPERTS: usize = FADINGS.len() + 1;

/// Contexts of one channel in which a lasting error of the predictions is made up for.
const BIASES: usize = CLASSES * 4;

pub(super) struct Predictor {
    near: Neighbours,
    channels: usize,
    least: i32,
    most: i32,
    models: Vec<[LeastSquares; FADINGS.len()]>,
    /// Samples, behind as many zeros as neighbours reach back.
    known: Vec<i32>,
    /// Absolute residuals, behind zeros, too.
    errors: Vec<i32>,
    /// Squared errors of each expert, fading, behind zeros.
    losses: Vec<[f64; EXPERTS]>,
    reach: usize,
    inputs: [f64; MOST_INPUTS],
    experts: [f64; EXPERTS],
    level: i32,
    expected: i32,
    bias: Vec<(i32, i32)>,
    bias_at: usize,
}

impl Predictor {
    pub fn new(how: Lms, samples: usize) -> Self {
        let near = Neighbours::new(how);
        let reach = Self::reach(&near);
        let channels = usize::from(how.channels);
        let (least, most) = if how.width == 1 { (0, 255) } else { (i32::from(i16::MIN), i32::from(i16::MAX)) };
        let models = FADINGS.map(|fading| LeastSquares::new(near.inputs.len(), fading));
        Self {
            channels,
            least,
            most,
            models: vec![models; channels],
            known: vec![0; reach + samples],
            errors: vec![0; reach + samples],
            losses: vec![[0.0; EXPERTS]; reach + samples],
            reach,
            near,
            inputs: [0.0; MOST_INPUTS],
            experts: [0.0; EXPERTS],
            level: 0,
            expected: 0,
            bias: vec![(0, 0); channels * BIASES],
            bias_at: 0,
        }
    }

    fn reach(near: &Neighbours) -> usize {
        near.inputs.iter().chain(&near.errors).copied().max().unwrap_or(0).max(near.level)
    }

    /// Memory that a predictor of so many samples takes.
    pub fn bytes(how: Lms, samples: usize) -> u64 {
        let per_sample = 8 + 8 * EXPERTS;
        let models = usize::from(how.channels) * FADINGS.len() * 2 * 8 * MOST_INPUTS * MOST_INPUTS;
        (per_sample * (samples + Self::reach(&Neighbours::new(how))) + models) as u64
    }

    /// The expected sample at `at`, and the class of its residual.
    pub fn expect(&mut self, at: usize) -> (i32, usize) {
        let (here, channel) = (at + self.reach, at % self.channels);
        self.level = self.known[here - self.near.level];
        let near = &self.near;
        for (input, &back) in self.inputs.iter_mut().zip(&near.inputs) {
            *input = f64::from(self.known[here - back] - self.level);
        }
        let inputs = &self.inputs[..near.inputs.len()];
        for (expert, model) in self.experts.iter_mut().zip(&self.models[channel]) {
            *expert = model.predict(inputs);
        }
        self.experts[EXPERTS - 1] = match near.corner {
            Some([left, above, corner]) => {
                let [left, above, corner] = [left, above, corner].map(|back| self.known[here - back]);
                let median = (left + above - corner).clamp(left.min(above), left.max(above));
                f64::from(median - self.level)
            }
            None => f64::from(self.level - self.known[here - 2 * near.level]),
        };
        // Each expert weighs by how well it did nearby.
        let mut losses = [0.5; EXPERTS];
        for &back in &near.errors[..4] {
            for (loss, past) in losses.iter_mut().zip(&self.losses[here - back]) {
                *loss += past;
            }
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (expert, loss) in self.experts.iter().zip(losses) {
            let weight = 1.0 / (loss * loss);
            sum += weight * expert;
            weights += weight;
        }
        let blend = sum / weights;
        let errors = |index: usize| self.errors[here - near.errors[index]];
        let spread = (self.experts[0] - self.experts[1]).abs().min(32768.0) as i32;
        let size = 3 * errors(0) + 3 * errors(1) + 2 * errors(2) + 2 * errors(3) + errors(4) + errors(5);
        let class = class_of(2 * size + 4 * spread);
        let rising = |back: usize| usize::from(self.known[here - back] > self.level);
        self.bias_at = (channel * CLASSES + class) * 4 + rising(near.inputs[0]) * 2 + rising(near.inputs[1]);
        let (error, count) = self.bias[self.bias_at];
        let bias = f64::from(error) / f64::from(count + 8);
        // Rounding to the nearest; what is no number becomes 0, and all other numbers are brought into the range.
        let expected = (blend + bias + f64::from(self.level) + 0.5).floor() as i32;
        self.expected = expected.clamp(self.least, self.most);
        (self.expected, class)
    }

    /// Takes the sample that [`Predictor::expect`] was asked for.
    pub fn learn(&mut self, at: usize, sample: i32) {
        let here = at + self.reach;
        self.known[here] = sample;
        let error = sample - self.expected;
        self.errors[here] = error.abs();
        let target = f64::from(sample - self.level);
        for (loss, expert) in self.losses[here].iter_mut().zip(self.experts) {
            *loss = (target - expert) * (target - expert);
        }
        let inputs = &self.inputs[..self.near.inputs.len()];
        for model in &mut self.models[at % self.channels] {
            model.learn(inputs, target);
        }
        let (sum, count) = &mut self.bias[self.bias_at];
        *sum += error;
        *count += 1;
        if *count == 64 {
            *sum /= 2;
            *count /= 2;
        }
    }
}

/// Two classes for each doubling.
fn class_of(size: i32) -> usize {
    let size = size.max(4) as u32;
    let top = size.ilog2();
    let half = size >> (top - 1) & 1;
    ((2 * top + half) as usize - 4).min(CLASSES - 1)
}
