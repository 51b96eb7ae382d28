//! A binary arithmetic coder of 32-bit range that takes probabilities of 16 bits.

use crate::log2::{BIT, log2};
use crate::wire::ReadAhead;
use crate::{Error, Result};

/// Below this the range takes another byte.
const LEAST_RANGE: u32 = 1 << 24;

/// Takes bits with their probabilities: writes them, reads them, or adds up what they would cost.
///
/// ```
/// use losslaw::context::{BinaryCoder, BinaryDecoder, BinaryEncoder};
/// /// One function for both directions: a writer is given the bit, a reader answers with it.
/// fn rare<C: BinaryCoder>(bit: bool, coder: &mut C) -> bool { coder.code(bit, 655) }
/// let mut encoder = BinaryEncoder::default();
/// (0..1000).for_each(|at| { rare(at == 700, &mut encoder); });
/// let bytes = encoder.finish();
/// assert!(bytes.len() < 6, "a hundredth of a bit each");
/// let mut decoder = BinaryDecoder::new(&bytes, "example");
/// assert!((0..1000).all(|at| rare(false, &mut decoder) == (at == 700)));
/// ```
pub trait BinaryCoder {
    /// Codes one bit; `one` is the probability that it is set, in units of 2⁻¹⁶, from 1 to 65,535.
    ///
    /// Answers with the bit to go on with: the same for a writer; the one that was read, whatever `bit` is, for a
    /// reader.
    fn code(&mut self, bit: bool, one: u32) -> bool;

    /// Codes the low `count` bits of `value`, highest first, each as likely set as not.
    fn code_raw(&mut self, value: u64, count: u32) -> u64 {
        (0..count).rev().fold(0, |read, shift| read << 1 | u64::from(self.code(value >> shift & 1 == 1, 1 << 15)))
    }
}

/// Writes bits as one binary fraction.
///
/// A 32-bit range is divided in proportion to the probability, exactly to 2⁻¹⁶; a carry out of the low end runs back
/// through bytes that are held for it. The end takes the fewest bytes whose continuation by zeros lies in the range.
///
/// ```
/// use losslaw::context::{BinaryCoder, BinaryDecoder, BinaryEncoder};
/// let mut encoder = BinaryEncoder::default();
/// (0..1000).for_each(|i| assert_eq!(encoder.code(i % 100 == 0, 655), i % 100 == 0));
/// let bytes = encoder.finish();
/// assert_eq!(bytes.len(), 11, "1000 bits of entropy 0.081 take 81 bits");
/// let mut decoder = BinaryDecoder::new(&bytes, "example");
/// assert!((0..1000).all(|i| decoder.code(false, 655) == (i % 100 == 0)));
/// decoder.end()?;
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: G. N. N. Martin, "Range encoding: an algorithm for removing redundancy from a digitised message", 1979.
#[derive(Debug)]
pub struct BinaryEncoder {
    low: u64,
    range: u32,
    /// The last byte that a carry may still change, and how many bytes of 255 follow it.
    held: Option<u8>,
    full: u64,
    bytes: Vec<u8>,
}

impl Default for BinaryEncoder {
    fn default() -> Self {
        Self { low: 0, range: u32::MAX, held: None, full: 0, bytes: vec![] }
    }
}

impl BinaryEncoder {
    /// Moves the top byte of `low` out.
    fn shift(&mut self) {
        let (carry, top) = ((self.low >> 32) as u8, (self.low >> 24) as u8);
        if carry == 0 && top == 255 {
            self.full += 1;
        } else {
            // The whole range lies below one, so a carry never reaches past the first byte.
            if let Some(held) = self.held {
                self.bytes.push(held.wrapping_add(carry));
            }
            for _ in 0..self.full {
                self.bytes.push(255u8.wrapping_add(carry));
            }
            (self.held, self.full) = (Some(top), 0);
        }
        self.low = (self.low & 0x00ff_ffff) << 8;
    }

    /// The bytes.
    pub fn finish(mut self) -> Vec<u8> {
        let most = self.low + u64::from(self.range) - 1;
        for count in 0..=4 {
            let free = 0xffff_ffff_u64 >> (8 * count);
            let end = (self.low + free) & !free;
            if end <= most {
                self.low = end;
                break;
            }
        }
        // Four bytes of `low`, and one more push for the byte held before them.
        for _ in 0..5 {
            self.shift();
        }
        for _ in 0..4 {
            if self.bytes.last() == Some(&0) {
                self.bytes.pop();
            }
        }
        self.bytes
    }
}

impl BinaryCoder for BinaryEncoder {
    #[inline(always)]
    fn code(&mut self, bit: bool, one: u32) -> bool {
        let bound = ((u64::from(self.range) * u64::from(one)) >> 16) as u32;
        if bit {
            self.range = bound;
        } else {
            self.low += u64::from(bound);
            self.range -= bound;
        }
        while self.range < LEAST_RANGE {
            self.shift();
            self.range <<= 8;
        }
        bit
    }
}

/// Reads what a [`BinaryEncoder`] wrote.
///
/// Reading past the end gives bits of no meaning; [`BinaryDecoder::check`] finds out.
#[derive(Debug)]
pub struct BinaryDecoder<'a> {
    range: u32,
    value: u32,
    bytes: ReadAhead<'a, 4>,
}

impl<'a> BinaryDecoder<'a> {
    /// A decoder at the beginning of `bytes`, which belong to `part`.
    pub fn new(bytes: &'a [u8], part: &'static str) -> Self {
        let mut decoder = Self { range: u32::MAX, value: 0, bytes: ReadAhead::new(bytes, part) };
        (0..4).for_each(|_| decoder.shift());
        decoder
    }

    #[inline(always)]
    fn shift(&mut self) {
        self.value = self.value << 8 | u32::from(self.bytes.byte());
    }

    /// Fails when more was read than there is. Loops over read symbols call this once a round.
    #[inline(always)]
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

impl BinaryCoder for BinaryDecoder<'_> {
    #[inline(always)]
    fn code(&mut self, _: bool, one: u32) -> bool {
        let bound = ((u64::from(self.range) * u64::from(one)) >> 16) as u32;
        let bit = self.value < bound;
        if bit {
            self.range = bound;
        } else {
            self.value -= bound;
            self.range -= bound;
        }
        while self.range < LEAST_RANGE {
            self.shift();
            self.range <<= 8;
        }
        bit
    }
}

/// Adds up what bits would cost.
///
/// ```
/// use losslaw::context::{BinaryCoder, Price};
/// let mut price = Price::default();
/// price.code(true, 1 << 14);
/// assert_eq!(price.bits(), 2.0);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Price {
    units: u64,
}

impl Price {
    /// The sum in units of 2⁻¹⁶ bit.
    pub fn units(&self) -> u64 {
        self.units
    }

    /// The sum in bits.
    pub fn bits(&self) -> f64 {
        self.units as f64 / BIT as f64
    }
}

impl BinaryCoder for Price {
    #[inline(always)]
    fn code(&mut self, bit: bool, one: u32) -> bool {
        self.units += 16 * BIT - log2(u64::from(if bit { one } else { 65536 - one }));
        bit
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_return_at_about_their_price(bits in prop::collection::vec((any::<bool>(), 1u32..65536, 0u32..4), 0..2000)) {
            // Extreme probabilities are where carries and short ranges come from.
            let one = |one: u32, kind| match kind { 0 => 1, 1 => 65535, _ => one };
            let (mut encoder, mut price) = (BinaryEncoder::default(), Price::default());
            for &(bit, p, kind) in &bits {
                encoder.code(bit, one(p, kind));
                price.code(bit, one(p, kind));
            }
            let bytes = encoder.finish();
            prop_assert!(bytes.len() as f64 * 8.0 <= price.bits() * 1.0001 + 16.0);
            let mut decoder = BinaryDecoder::new(&bytes, "test");
            for &(bit, p, kind) in &bits {
                prop_assert_eq!(decoder.code(!bit, one(p, kind)), bit);
            }
            decoder.end().unwrap();
        }
    }

    #[test]
    fn a_carry_runs_through_bytes_of_255() {
        // Clear bits push the low end up to just below one; the last ones tip over.
        for length in 1..400 {
            let (mut encoder, bit) = (BinaryEncoder::default(), |i: usize| i + 1 >= length || i % 37 == 36);
            (0..length).for_each(|i| assert_eq!(encoder.code(bit(i), 64000), bit(i)));
            let bytes = encoder.finish();
            let mut decoder = BinaryDecoder::new(&bytes, "test");
            assert!((0..length).all(|i| decoder.code(false, 64000) == bit(i)));
            decoder.end().unwrap();
        }
    }

    #[test]
    fn a_cut_stream_is_truncated_and_a_long_one_is_corrupt() {
        let mut encoder = BinaryEncoder::default();
        encoder.code_raw(0x0123_4567_89ab_cdef, 64);
        encoder.code_raw(0x0123_4567_89ab_cdef, 64);
        let mut bytes = encoder.finish();
        let mut decoder = BinaryDecoder::new(&bytes[..4], "test");
        decoder.code_raw(0, 64);
        decoder.code_raw(0, 64);
        assert!(decoder.check().is_err());
        bytes.extend([1; 5]);
        let mut decoder = BinaryDecoder::new(&bytes, "test");
        assert_eq!(decoder.code_raw(0, 64), 0x0123_4567_89ab_cdef);
        decoder.code_raw(0, 64);
        assert!(decoder.end().is_err());
    }
}
