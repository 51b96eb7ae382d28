//! Logistic mixing: stretched probabilities, weighted and added, with weights that learn from every bit.

use super::{MOST, squash};

/// Inputs come in groups of so many, so that loops over them have no rest.
const GROUP: usize = 8;

/// The weight 1.
const UNIT: i32 = 1 << 16;

/// Largest weight: a product with an input, at most [`MOST`], stays in 32 bits.
const MOST_WEIGHT: i32 = (1 << 19) - 1;

/// Fastest learning rate; see [`Mixer::new`].
const FASTEST: i32 = 1024;

/// The number of inputs rounded up to a whole number of groups: the length of the slices that a [`Mixer`] takes.
pub const fn padded(inputs: usize) -> usize {
    inputs.div_ceil(GROUP) * GROUP
}

/// Sets of weights, one of which is used for each bit.
///
/// The mixed probability is squash(Σ wᵢ · xᵢ) over stretched inputs xᵢ. After the bit is known, each weight moves by
/// xᵢ times the error times the rate: gradient descent on code length. A set learns fast at first and then at the rate
/// it was given.
///
/// ```
/// use losslaw::context::{Mixer, padded, stretch};
/// // One input knows the answer, the other one guesses.
/// let mut mixer = Mixer::new(2, 1, 100);
/// let mut inputs = vec![0; padded(2)];
/// for i in 0..2000u32 {
///     let bit = i.wrapping_mul(2_654_435_761) >> 31 == 1;
///     (inputs[0], inputs[1]) = (if bit { 300 } else { -300 }, stretch(1 << (i % 16)));
///     let one = mixer.mix(&inputs, 0);
///     assert!(i < 1000 || (one > 32768) == bit);
///     mixer.learn(&inputs, bit);
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Mixer {
    width: usize,
    weights: Vec<i32>,
    /// Learning rate of each set, 12 more fraction bits than [`Mixer::rate`].
    rates: Vec<i32>,
    rate: i32,
    /// log2 of the bits after which a set learns at about its final rate.
    patience: u32,
    set: usize,
    one: u32,
}

impl Mixer {
    /// `sets` sets of weights for `inputs` inputs, at first all the same and summing to about one (at least 1/20 each).
    ///
    /// `rate` is the learning rate that sets end at, in units of 2⁻²⁴ weight for each unit of input and of error;
    /// 10 (slow, many inputs) to 500 (fast, few inputs) are useful.
    pub fn new(inputs: usize, sets: usize, rate: u16) -> Self {
        let width = padded(inputs);
        let first = (UNIT / inputs.clamp(1, 1 << 16) as i32).max(UNIT / 20);
        let weights = vec![first; width * sets];
        let rate = i32::from(rate).clamp(1, FASTEST / 2);
        Self {
            width,
            weights,
            rates: vec![(rate * 8).min(FASTEST) << 12; sets],
            rate,
            patience: 7,
            set: 0,
            one: 1 << 15,
        }
    }

    /// The same mixer with other first weights, in units of 2⁻¹⁶ and as many as there are inputs, in every set.
    #[must_use]
    pub fn starting(mut self, first: &[i32]) -> Self {
        for weights in self.weights.chunks_exact_mut(self.width) {
            weights.fill(0);
            weights.iter_mut().zip(first).for_each(|(weight, first)| *weight = *first);
        }
        self
    }

    /// The same mixer, whose sets come down to their final rate after about 2^`patience` bits (7 if not said).
    #[must_use]
    pub fn patient(mut self, patience: u32) -> Self {
        self.patience = patience.min(16);
        self
    }

    /// Bytes of memory that a mixer of this size takes.
    pub fn memory(inputs: usize, sets: usize) -> u64 {
        (padded(inputs) as u64 + 1) * sets as u64 * 4
    }

    /// The stretched sum of `inputs` (as long as [`padded`] says, within ±[`MOST`], zeros at the end) under the weights
    /// of set `set`, which is then the one that learns.
    #[inline(always)]
    pub fn sum(&mut self, inputs: &[i32], set: usize) -> i32 {
        self.set = set;
        let weights = &self.weights[set * self.width..][..self.width];
        let mut sums = [0i32; GROUP];
        for (inputs, weights) in inputs.as_chunks::<GROUP>().0.iter().zip(weights.as_chunks::<GROUP>().0) {
            for lane in 0..GROUP {
                sums[lane] += (inputs[lane] * weights[lane]) >> 10;
            }
        }
        let sum = (sums.iter().sum::<i32>() >> 6).clamp(-MOST, MOST);
        self.one = squash(sum);
        sum
    }

    /// The probability of a set bit, from 1 to 65,535; see [`Mixer::sum`].
    #[inline(always)]
    pub fn mix(&mut self, inputs: &[i32], set: usize) -> u32 {
        self.sum(inputs, set);
        self.one
    }

    /// Adds the size of what each input adds to the sum under the weights used last, in units of 2⁻⁶ of it.
    #[inline(always)]
    pub(crate) fn weigh(&self, inputs: &[i32], sizes: &mut [u64]) {
        let weights = &self.weights[self.set * self.width..][..self.width];
        for ((size, input), weight) in sizes.iter_mut().zip(inputs).zip(weights) {
            *size += u64::from(((input * weight) >> 10).unsigned_abs());
        }
    }

    /// Moves the weights used last towards those that would have foretold `bit` from the same inputs.
    #[inline(always)]
    pub fn learn(&mut self, inputs: &[i32], bit: bool) {
        let error = (i32::from(bit) << 16) - self.one as i32;
        let rate = &mut self.rates[self.set];
        let step = (error * (*rate >> 12)) >> 8;
        *rate -= (*rate - (self.rate << 12)) >> self.patience;
        let weights = &mut self.weights[self.set * self.width..][..self.width];
        for (inputs, weights) in inputs.as_chunks::<GROUP>().0.iter().zip(weights.as_chunks_mut::<GROUP>().0) {
            // All lanes are computed before any is stored, for the compiler cannot know that the slices lie apart.
            // An input is below 2^11.5, a step at most 2^18: their product fits.
            *weights = std::array::from_fn(|lane| {
                let change = (inputs[lane] * step + (1 << 15)) >> 16;
                (weights[lane] + change).clamp(-MOST_WEIGHT, MOST_WEIGHT)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_inputs_and_errors_stay_in_range() {
        let mut mixer = Mixer::new(1000, 2, 512);
        let mut inputs = vec![MOST; padded(1000)];
        for i in 0..3000 {
            let one = mixer.mix(&inputs, i % 2);
            assert!((1..=65535).contains(&one));
            mixer.learn(&inputs, i % 3 == 0);
            inputs.iter_mut().for_each(|x| *x = -*x);
        }
    }

    #[test]
    fn each_set_learns_for_itself() {
        let mut mixer = Mixer::new(1, 2, 100);
        let mut inputs = vec![0; padded(1)];
        inputs[0] = 256;
        for i in 0..40_000 {
            // The input is right in one set and wrong in the other.
            mixer.mix(&inputs, i % 2);
            mixer.learn(&inputs, i % 2 == 0);
        }
        assert!(mixer.mix(&inputs, 0) > 60000);
        assert!(mixer.mix(&inputs, 1) < 5000);
    }
}
