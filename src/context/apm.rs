//! The last correction of a probability: what it turned out to be worth in a small context.

use super::{MOST, squash, stretch};

/// Distance between two of the probabilities that are learnt, in stretched units.
const STEP_BITS: u32 = 7;

/// Learnt probabilities of one context.
const STEPS: usize = 2 * (MOST as usize >> STEP_BITS) + 2;

/// Adaptive probability maps: for each context a curve from probabilities to better ones.
///
/// The curve is learnt at steps of half a unit of the logit and interpolated between them; both ends of the
/// interval in use move towards each bit.
///
/// ```
/// use losslaw::context::Apm;
/// let mut apm = Apm::new(1, 6);
/// // Bits said to be set with probability 1/2 that always are.
/// for _ in 0..500 {
///     apm.refine(32768, 0);
///     apm.learn(true);
/// }
/// assert!(apm.refine(32768, 0) > 60000);
/// ```
#[derive(Debug, Clone)]
pub struct Apm {
    curves: Vec<u16>,
    rate: u32,
    at: usize,
}

impl Apm {
    /// Curves for `contexts` contexts that change nothing at first; a bit moves them by 2^−`rate` of the error, `rate`
    /// being from 1 to 15.
    pub fn new(contexts: usize, rate: u32) -> Self {
        let curve = |step: usize| squash(((step as i32) << STEP_BITS) - MOST) as u16;
        let curves = (0..contexts * STEPS).map(|at| curve(at % STEPS)).collect();
        Self { curves, rate: rate.clamp(1, 15), at: 0 }
    }

    /// Bytes of memory that so many contexts take.
    pub fn memory(contexts: usize) -> u64 {
        (contexts * STEPS * 2) as u64
    }

    /// The probability that `one` turned out to be worth in `context`, from 1 to 65,535.
    #[inline(always)]
    pub fn refine(&mut self, one: u32, context: usize) -> u32 {
        let place = (stretch(one) + MOST) as u32;
        let (step, part) = (place >> STEP_BITS, place & ((1 << STEP_BITS) - 1));
        let low = context * STEPS + step as usize;
        // The nearer end is the one that learns.
        self.at = low + usize::from(part >= 1 << (STEP_BITS - 1));
        let (low, high) = (u32::from(self.curves[low]), u32::from(self.curves[low + 1]));
        ((low * ((1 << STEP_BITS) - part) + high * part) >> STEP_BITS).clamp(1, 65535)
    }

    /// Moves the curve used last towards `bit`.
    #[inline(always)]
    pub fn learn(&mut self, bit: bool) {
        let target = if bit { 65535 } else { 0 };
        let value = &mut self.curves[self.at];
        let step = (target - i32::from(*value)) >> self.rate;
        *value = (i32::from(*value) + step).clamp(1, 65535) as u16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_curve_changes_little() {
        let mut apm = Apm::new(3, 6);
        for one in (1..65536).step_by(97) {
            let refined = apm.refine(one, 2);
            assert!(refined.abs_diff(one) < 700, "{one}: {refined}");
        }
    }
}
