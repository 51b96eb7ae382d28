//! Bytes of the format: little-endian integers, LEB128 varints, and a [`Reader`] that names what it reads.

use crate::{Error, Result};

/// Appends `value` in LEB128: seven bits a byte, lowest first, the top bit set on all but the last.
///
/// ```
/// let mut out = vec![];
/// losslaw::wire::put_varint(&mut out, 300);
/// assert_eq!(out, [0xac, 0x02]);
/// ```
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a byte string behind its length.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Maps signed to unsigned so that small magnitudes stay small: 0, −1, 1, −2 become 0, 1, 2, 3.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Inverse of [`zigzag`].
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Reads the parts of a byte string in order; every error carries the part's name and the offset.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    part: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of `bytes`, which is the part called `part`.
    pub fn new(bytes: &'a [u8], part: &'static str) -> Self {
        Self { bytes, at: 0, part }
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Offset of the next byte.
    pub fn at(&self) -> usize {
        self.at
    }

    /// An error about the byte that was read last.
    pub fn corrupt(&self, what: &'static str) -> Error {
        Error::corrupt(self.part, what, self.at)
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let Some(taken) = self.bytes[self.at..].get(..count) else {
            return Err(Error::Truncated { part: self.part, needed: (count - self.left()) as u64 });
        };
        self.at += count;
        Ok(taken)
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> Result<u32> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from(self.u32()?) | u64::from(self.u32()?) << 32)
    }

    /// A varint; more than 64 bits are corrupt, and so are needless trailing zero groups.
    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            if (shift == 63 && byte > 1) || (shift > 0 && byte == 0) {
                return Err(self.corrupt("a varint is too long"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.corrupt("a varint is too long"))
    }

    /// A varint that must not exceed `most`.
    pub fn varint_to(&mut self, most: u64, what: &'static str) -> Result<u64> {
        let value = self.varint()?;
        if value > most { Err(self.corrupt(what)) } else { Ok(value) }
    }

    /// A byte string behind its length.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let len = self.varint()?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        self.take(len)
    }

    /// Fails when bytes are left over.
    pub fn end(&self) -> Result<()> {
        if self.left() == 0 { Ok(()) } else { Err(self.corrupt("bytes are left over")) }
    }
}

/// Reads bytes for a decoder that looks `AHEAD` bytes beyond what it needs; past the end stand zeros.
#[derive(Debug)]
pub(crate) struct ReadAhead<'a, const AHEAD: usize> {
    bytes: &'a [u8],
    at: usize,
    part: &'static str,
}

impl<'a, const AHEAD: usize> ReadAhead<'a, AHEAD> {
    /// A reader at the beginning of `bytes`, which belong to `part`.
    pub fn new(bytes: &'a [u8], part: &'static str) -> Self {
        Self { bytes, at: 0, part }
    }

    /// The next byte.
    #[inline(always)]
    pub fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// Fails when more was needed than there is: an encoder leaves out bytes at the end only if they do not matter.
    #[inline(always)]
    pub fn check(&self) -> Result<()> {
        match self.at.checked_sub(self.bytes.len() + AHEAD) {
            None | Some(0) => Ok(()),
            Some(needed) => Err(Error::Truncated { part: self.part, needed: needed as u64 }),
        }
    }

    /// An error about what was read last.
    pub fn corrupt(&self, what: &'static str) -> Error {
        Error::corrupt(self.part, what, self.at.min(self.bytes.len()))
    }

    /// Fails unless all bytes and no more were read.
    pub fn end(&self) -> Result<()> {
        self.check()?;
        if self.at < self.bytes.len() { Err(self.corrupt("bytes are left over")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_and_zigzag_return_at_every_power_of_two() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = vec![];
                put_varint(&mut out, value);
                let mut reader = Reader::new(&out, "test");
                assert_eq!(reader.varint().unwrap(), value);
                reader.end().unwrap();
                assert_eq!(zigzag(unzigzag(value)), value);
            }
        }
    }

    #[test]
    fn overlong_varints_and_cut_parts_are_errors() {
        assert!(Reader::new(&[0x80, 0x00], "test").varint().is_err());
        assert!(Reader::new(&[0xff; 10], "test").varint().is_err());
        let error = Reader::new(&[5, 1, 2], "test").bytes().unwrap_err().to_string();
        assert_eq!(error, "input ended inside test; 3 more byte(s) expected");
    }
}
