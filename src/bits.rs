//! Bit streams on 64-bit accumulators, least significant bit first.
//!
//! Bit `i` of the stream is bit `i % 8` of byte `i / 8`. A value of `n` bits occupies the next `n` bits, its lowest
//! bit first, so a little-endian load of eight bytes shows the next bits in their low positions.

use crate::{Error, Result};

/// Writes values of 0 to 64 bits.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl BitWriter {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the low `bits` bits of `value`; higher bits are ignored.
    #[inline]
    pub fn put(&mut self, value: u64, bits: u32) {
        if bits == 0 {
            return;
        }
        let value = value & (u64::MAX >> (64 - bits));
        self.pending |= value << self.count;
        let filled = self.count + bits;
        if filled >= 64 {
            self.bytes.extend_from_slice(&self.pending.to_le_bytes());
            // `self.count` is 0 only if all 64 bits went out at once.
            self.pending = if self.count == 0 { 0 } else { value >> (64 - self.count) };
            self.count = filled - 64;
        } else {
            self.count = filled;
        }
    }

    /// Bits written so far.
    pub fn len_bits(&self) -> u64 {
        self.bytes.len() as u64 * 8 + u64::from(self.count)
    }

    /// The stream, the last byte filled with zero bits.
    pub fn finish(mut self) -> Vec<u8> {
        let tail = self.count.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.pending.to_le_bytes()[..tail]);
        self.bytes
    }
}

/// Reads what a [`BitWriter`] wrote.
#[derive(Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: u64,
    part: &'static str,
}

impl<'a> BitReader<'a> {
    /// A reader at the first bit of `bytes`, which belong to `part`.
    pub fn new(bytes: &'a [u8], part: &'static str) -> Self {
        Self { bytes, at: 0, part }
    }

    /// The next `bits` bits (0 to 64) as a number.
    ///
    /// # Errors
    /// [`Error::Truncated`] at the end of the stream.
    #[inline]
    pub fn take(&mut self, bits: u32) -> Result<u64> {
        if bits == 0 {
            return Ok(0);
        }
        let end = self.at + u64::from(bits);
        if end > self.bytes.len() as u64 * 8 {
            return Err(Error::Truncated { part: self.part, needed: end.div_ceil(8) - self.bytes.len() as u64 });
        }
        let (byte, shift) = ((self.at / 8) as usize, (self.at % 8) as u32);
        let mut value = self.word(byte) >> shift;
        if shift + bits > 64 {
            value |= u64::from(self.bytes[byte + 8]) << (64 - shift);
        }
        self.at = end;
        Ok(value & (u64::MAX >> (64 - bits)))
    }

    /// The next bits, 57 of them at least, from the lowest up; zeros after the end.
    #[inline(always)]
    pub fn peek(&self) -> u64 {
        let byte = usize::try_from(self.at / 8).map_or(self.bytes.len(), |byte| byte.min(self.bytes.len()));
        self.word(byte) >> (self.at % 8)
    }

    /// Passes over bits that [`BitReader::peek`] showed; [`BitReader::end`] finds out if there were not so many.
    #[inline(always)]
    pub fn skip(&mut self, bits: u32) {
        self.at += u64::from(bits);
    }

    /// The next `bits` bits, at most 57 of them, zeros after the end; [`BitReader::end`] finds out if there were not so many.
    #[inline(always)]
    pub fn pass(&mut self, bits: u32) -> u64 {
        let value = self.peek() & !(u64::MAX << bits);
        self.skip(bits);
        value
    }

    /// The byte that holds the next bit.
    pub fn byte(&self) -> usize {
        (self.at / 8) as usize
    }

    /// Fails unless only zero padding of the last byte is left.
    pub fn end(&mut self) -> Result<()> {
        let Some(left) = (self.bytes.len() as u64 * 8).checked_sub(self.at) else {
            let needed = self.at.div_ceil(8) - self.bytes.len() as u64;
            return Err(Error::Truncated { part: self.part, needed });
        };
        if left >= 8 || self.take(left as u32)? != 0 {
            return Err(Error::Corrupt { part: self.part, what: "bits are left over", at: self.at / 8 });
        }
        Ok(())
    }

    #[inline(always)]
    fn word(&self, byte: usize) -> u64 {
        if let Some(chunk) = self.bytes[byte..].first_chunk::<8>() {
            return u64::from_le_bytes(*chunk);
        }
        let mut last = [0; 8];
        let tail = &self.bytes[byte..];
        last[..tail.len()].copy_from_slice(tail);
        u64::from_le_bytes(last)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_of_any_width_return(values in prop::collection::vec((any::<u64>(), 0u32..=64), 0..200)) {
            let mut writer = BitWriter::new();
            for &(value, bits) in &values {
                writer.put(value, bits);
            }
            prop_assert_eq!(writer.len_bits(), values.iter().map(|v| u64::from(v.1)).sum::<u64>());
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes, "test");
            let mut peeker = BitReader::new(&bytes, "test");
            for &(value, bits) in &values {
                let kept = if bits == 0 { 0 } else { value & (u64::MAX >> (64 - bits)) };
                let shown = u64::MAX >> (64 - bits.clamp(1, 57));
                prop_assert_eq!((peeker.peek() ^ kept) & if bits == 0 { 0 } else { shown }, 0);
                if bits > 57 {
                    peeker.skip(bits);
                } else {
                    prop_assert_eq!(peeker.pass(bits), kept);
                }
                prop_assert_eq!(reader.take(bits).unwrap(), kept);
            }
            reader.end().unwrap();
            peeker.end().unwrap();
            peeker.skip(8);
            prop_assert_eq!(peeker.peek(), 0);
            let past = matches!(peeker.end(), Err(Error::Truncated { needed: 1, .. }));
            prop_assert!(past);
            prop_assert!(reader.take(8).is_err());
        }
    }
}
