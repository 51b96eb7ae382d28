//! An adaptive binary arithmetic coder: how tables and trees are described.
//!
//! Each yes-or-no question has a [`BitModel`] that learns how often the answer is yes; a [`RangeEncoder`] spends
//! −log₂ p bits on an answer of probability p. Integers are coded by a [`UIntModel`], as a chain of such questions.
//! What is written to is a [`BitSink`], so that the same code writes a description and, given a [`Price`], says what
//! it would cost. Everything is integer arithmetic: the bytes are the same on every machine.
//!
//! Source: J. Rissanen and G. Langdon, "Arithmetic coding", IBM J. Res. Dev. 23(2), 1979; the estimator is that of
//! R. Krichevsky and V. Trofimov, "The performance of universal encoding", IEEE Trans. Inf. Theory 27(2), 1981.

use crate::log2::{BIT, log2};
use crate::wire::ReadAhead;
use crate::{Error, Result};

/// The probability that a bit is set, learnt from the bits seen so far.
///
/// After `k` ones among `n` bits it is (k + ½) / (n + 1); from the 126th bit on, older bits fade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitModel {
    one: u16,
    seen: u8,
}

const SLOWEST: u8 = 126;
/// 2^16 / (n + 2), the weight of the next bit after n bits, for every n that a byte can hold.
const RATES: [u16; 256] = {
    let mut rates = [0; 256];
    let mut n = 0;
    while n < rates.len() {
        rates[n] = (65536 / (n + 2)) as u16;
        n += 1;
    }
    rates
};
/// Never certain: a bit must stay possible however often the other one came.
const LEAST: u16 = 64;

impl Default for BitModel {
    fn default() -> Self {
        Self { one: 1 << 15, seen: 0 }
    }
}

impl BitModel {
    /// Moves towards the bit by its share of the way; the chance is rounded down.
    #[inline]
    fn learn(&mut self, bit: bool) {
        let rate = u32::from(RATES[usize::from(self.seen)]);
        // A way and an end for each bit: a chain of guesses waits for nothing that only the other bit needs.
        if bit {
            let step = (u32::from(u16::MAX - self.one) * rate) >> 16;
            self.one = (self.one + step as u16).min(u16::MAX - LEAST + 1);
        } else {
            let step = (u32::from(self.one) * rate).div_ceil(1 << 16);
            self.one = (self.one - step as u16).max(LEAST);
        }
        self.seen = (self.seen + 1).min(SLOWEST);
    }

    /// What `bit` would cost, in units of 2⁻¹⁶ bit.
    #[inline]
    pub fn price(self, bit: bool) -> u64 {
        let one = u64::from(self.one);
        16 * BIT - log2(if bit { one } else { 65536 - one })
    }
}

/// Takes bits together with their models.
///
/// ```
/// use losslaw::codec::adaptive::{BitModel, BitSink, Price, RangeEncoder};
/// fn alternate<S: BitSink>(sink: &mut S) {
///     let mut model = BitModel::default();
///     (0..64).for_each(|at| sink.bit(&mut model, at % 2 == 0));
/// }
/// let (mut price, mut encoder) = (Price::default(), RangeEncoder::default());
/// alternate(&mut price);
/// alternate(&mut encoder);
/// assert_eq!(price.0, 64 << 16, "a model that has seen nothing: one bit each");
/// assert!(encoder.finish().len() <= 9);
/// ```
pub trait BitSink {
    /// Takes one bit; a sink that writes also lets the model learn.
    fn bit(&mut self, model: &mut BitModel, bit: bool);

    /// Takes the low `count` bits of `value`, highest first, each as likely set as not.
    fn raw(&mut self, value: u64, count: u32) {
        for shift in (0..count).rev() {
            self.bit(&mut BitModel::default(), value >> shift & 1 == 1);
        }
    }
}

/// Adds up what bits would cost; models stay as they are.
#[derive(Debug, Default)]
pub struct Price(
    /// Units of 2⁻¹⁶ bit.
    pub u64,
);

impl BitSink for Price {
    #[inline]
    fn bit(&mut self, model: &mut BitModel, bit: bool) {
        self.0 += model.price(bit);
    }

    fn raw(&mut self, _: u64, count: u32) {
        self.0 += u64::from(count) * BIT;
    }
}

/// Writes bits as one binary fraction.
///
/// The interval `[low, high]` of 64 bits is divided in proportion to the model; equal leading bytes leave at once.
/// The end takes the fewest bytes whose continuation by zeros lies in the interval.
///
/// ```
/// use losslaw::codec::adaptive::{BitModel, BitSink, RangeDecoder, RangeEncoder};
/// let (mut encoder, mut model) = (RangeEncoder::default(), BitModel::default());
/// (0..1000).for_each(|i| encoder.bit(&mut model, i % 100 == 0));
/// let bytes = encoder.finish();
/// assert!(bytes.len() < 15);
/// let (mut decoder, mut model) = (RangeDecoder::new(&bytes, "example"), BitModel::default());
/// assert!((0..1000).all(|i| decoder.bit(&mut model) == (i % 100 == 0)));
/// decoder.end()?;
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug)]
pub struct RangeEncoder {
    low: u64,
    high: u64,
    bytes: Vec<u8>,
}

impl Default for RangeEncoder {
    fn default() -> Self {
        Self { low: 0, high: u64::MAX, bytes: vec![] }
    }
}

impl BitSink for RangeEncoder {
    #[inline]
    fn bit(&mut self, model: &mut BitModel, bit: bool) {
        let middle = divide(self.low, self.high, model.one);
        if bit {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        model.learn(bit);
        while (self.low ^ self.high) >> 56 == 0 {
            self.bytes.push((self.high >> 56) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 255;
        }
    }
}

/// The last value of the lower part, which belongs to a set bit; both parts hold at least one value.
#[inline]
fn divide(low: u64, high: u64, one: u16) -> u64 {
    let (range, one) = (high - low, u64::from(one));
    low + (range >> 16) * one + (((range & 0xffff) * one) >> 16)
}

impl RangeEncoder {
    /// The bytes.
    pub fn finish(mut self) -> Vec<u8> {
        for count in 0..=8 {
            let free = u64::MAX.checked_shr(8 * count).unwrap_or(0);
            let end = self.low.checked_add(free).map(|end| end & !free);
            if let Some(end) = end.filter(|end| *end <= self.high) {
                self.bytes.extend_from_slice(&end.to_be_bytes()[..count as usize]);
                break;
            }
        }
        self.bytes
    }
}

/// Reads what a [`RangeEncoder`] wrote.
///
/// Reading past the end gives bits of no meaning; [`RangeDecoder::check`] finds out.
#[derive(Debug)]
pub struct RangeDecoder<'a> {
    low: u64,
    high: u64,
    value: u64,
    bytes: ReadAhead<'a, 8>,
}

impl<'a> RangeDecoder<'a> {
    /// A decoder at the beginning of `bytes`, which belong to `part`.
    pub fn new(bytes: &'a [u8], part: &'static str) -> Self {
        let mut decoder = Self { low: 0, high: u64::MAX, value: 0, bytes: ReadAhead::new(bytes, part) };
        (0..8).for_each(|_| decoder.shift());
        decoder
    }

    #[inline]
    fn shift(&mut self) {
        self.value = self.value << 8 | u64::from(self.bytes.byte());
    }

    /// The next bit.
    #[inline]
    pub fn bit(&mut self, model: &mut BitModel) -> bool {
        let middle = divide(self.low, self.high, model.one);
        let bit = self.value <= middle;
        if bit {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        model.learn(bit);
        while (self.low ^ self.high) >> 56 == 0 {
            self.low <<= 8;
            self.high = self.high << 8 | 255;
            self.shift();
        }
        bit
    }

    /// The next `count` bits written by [`BitSink::raw`].
    pub fn raw(&mut self, count: u32) -> u64 {
        (0..count).fold(0, |value, _| value << 1 | u64::from(self.bit(&mut BitModel::default())))
    }

    /// Fails when more was read than there is. Loops over read values call this once a round.
    #[inline]
    pub fn check(&self) -> Result<()> {
        self.bytes.check()
    }

    /// An error about what was read last.
    pub fn corrupt(&self, what: &'static str) -> Error {
        self.bytes.corrupt(what)
    }

    /// Fails unless all bytes and no more were read.
    pub fn end(&self) -> Result<()> {
        self.bytes.end()
    }
}

/// Codes unsigned integers: the bit length in unary, then the bits below the leading one.
///
/// Each step of the unary number and the two highest of the other bits have models of their own, so frequent values
/// soon cost little. Source: P. Elias, "Universal codeword sets", IEEE Trans. Inf. Theory 21(2), 1975.
///
/// ```
/// use losslaw::codec::adaptive::{RangeDecoder, RangeEncoder, UIntModel};
/// let (mut encoder, mut model) = (RangeEncoder::default(), UIntModel::default());
/// model.encode(u64::MAX, &mut encoder);
/// (0..100).for_each(|i| model.encode(i, &mut encoder));
/// let bytes = encoder.finish();
/// let (mut decoder, mut model) = (RangeDecoder::new(&bytes, "example"), UIntModel::default());
/// assert_eq!(model.decode(&mut decoder), u64::MAX);
/// assert!((0..100).all(|i| model.decode(&mut decoder) == i));
/// ```
#[derive(Debug, Clone)]
pub struct UIntModel {
    longer: [BitModel; 64],
    top: [[BitModel; 3]; 65],
}

impl Default for UIntModel {
    fn default() -> Self {
        Self { longer: [BitModel::default(); 64], top: [[BitModel::default(); 3]; 65] }
    }
}

impl UIntModel {
    /// Gives a value to a sink.
    pub fn encode<S: BitSink>(&mut self, value: u64, sink: &mut S) {
        let length = (64 - value.leading_zeros()) as usize;
        for (index, model) in self.longer.iter_mut().enumerate().take(length + 1) {
            sink.bit(model, index < length);
        }
        let below = length.saturating_sub(1) as u32;
        let top = below.min(2);
        let mut node = 0;
        for shift in (below - top..below).rev() {
            let bit = value >> shift & 1 == 1;
            sink.bit(&mut self.top[length][node], bit);
            node = 1 + usize::from(bit);
        }
        sink.raw(value, below - top);
    }

    /// Reads a value.
    pub fn decode(&mut self, decoder: &mut RangeDecoder<'_>) -> u64 {
        let length = self.longer.iter_mut().position(|model| !decoder.bit(model)).unwrap_or(64);
        let below = length.saturating_sub(1) as u32;
        let top = below.min(2);
        let mut value = u64::from(length > 0);
        let mut node = 0;
        for _ in 0..top {
            let bit = decoder.bit(&mut self.top[length][node]);
            value = value << 1 | u64::from(bit);
            node = 1 + usize::from(bit);
        }
        match below - top {
            0 => value,
            rest => value << rest | decoder.raw(rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_return_at_about_their_price(values in prop::collection::vec((any::<u64>(), 0u32..64), 0..300)) {
            let (mut encoder, mut model, mut price) = (RangeEncoder::default(), UIntModel::default(), Price::default());
            for (value, shift) in &values {
                model.encode(value >> shift, &mut price);
                model.encode(value >> shift, &mut encoder);
            }
            let bytes = encoder.finish();
            prop_assert!(bytes.len() as u64 * 8 * BIT <= price.0 + 16 * BIT);
            let (mut decoder, mut model) = (RangeDecoder::new(&bytes, "test"), UIntModel::default());
            for (value, shift) in &values {
                prop_assert_eq!(model.decode(&mut decoder), value >> shift);
            }
            decoder.end().unwrap();
        }
    }

    #[test]
    fn a_cut_stream_is_truncated() {
        let (mut encoder, mut model) = (RangeEncoder::default(), BitModel::default());
        encoder.raw(0x0123_4567_89ab_cdef, 64);
        encoder.raw(0x0123_4567_89ab_cdef, 64);
        encoder.bit(&mut model, true);
        let bytes = encoder.finish();
        let mut decoder = RangeDecoder::new(&bytes[..4], "test");
        decoder.raw(64);
        decoder.raw(64);
        assert!(decoder.check().is_err());
    }
}
