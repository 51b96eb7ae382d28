//! Bytes as samples, and samples as residuals.

use crate::codec::delta::{fold, unfold};

/// Samples of one or two bytes.
pub(super) struct Samples {
    words: Vec<i16>,
    bits: u32,
    skip: usize,
    len: usize,
}

impl Samples {
    /// Reads bytes as samples; also returns the bytes before the first and behind the last.
    pub fn split(bytes: &[u8], width: u8, skip: u8) -> (Self, &[u8], &[u8]) {
        let (mut samples, _) = Self::join(bytes.len(), width, skip);
        let (head, rest) = bytes.split_at(samples.skip);
        let (body, tail) = rest.split_at(samples.words.len() * usize::from(width));
        if width == 1 {
            samples.words.iter_mut().zip(body).for_each(|(word, &byte)| *word = i16::from(byte));
        } else {
            let pairs = body.as_chunks::<2>().0;
            samples.words.iter_mut().zip(pairs).for_each(|(word, &pair)| *word = i16::from_le_bytes(pair));
        }
        (samples, head, tail)
    }

    /// Room for the samples of `len` bytes, and the number of bytes that belong to none.
    pub fn join(len: usize, width: u8, skip: u8) -> (Self, usize) {
        let width = usize::from(width);
        let skip = usize::from(skip).min(len);
        let count = (len - skip) / width;
        (Self { words: vec![0; count], bits: 8 * width as u32, skip, len }, len - count * width)
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn get(&self, at: usize) -> i32 {
        i32::from(self.words[at])
    }

    pub fn put(&mut self, at: usize, sample: i32) {
        self.words[at] = sample as i16;
    }

    /// What a sample differs by, folded; wrapping, so that no residual is wider than a sample.
    pub fn residual(&self, sample: i32, expected: i32) -> u16 {
        let difference = sample.wrapping_sub(expected);
        if self.bits == 8 { u16::from(fold(difference as u8)) } else { fold(difference as u16) }
    }

    /// Inverse of [`Samples::residual`].
    pub fn restore(&self, expected: i32, residual: u16) -> i32 {
        if self.bits == 8 {
            i32::from((expected as u8).wrapping_add(unfold(residual as u8)))
        } else {
            i32::from((expected as u16).wrapping_add(unfold(residual)) as i16)
        }
    }

    /// The bytes, given those that belong to no sample.
    pub fn bytes(&self, aside: &[u8]) -> Vec<u8> {
        let (head, tail) = aside.split_at(self.skip);
        let mut bytes = Vec::with_capacity(self.len);
        bytes.extend_from_slice(head);
        match self.bits {
            8 => bytes.extend(self.words.iter().map(|&word| word as u8)),
            _ => self.words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes())),
        }
        bytes.extend_from_slice(tail);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residuals_return_at_every_distance() {
        for width in [1, 2] {
            let (samples, _) = Samples::join(0, width, 0);
            let (low, high) = if width == 1 { (0, 255) } else { (-32768, 32767) };
            for sample in [low, low + 1, 0, 77, high - 1, high] {
                for expected in [low, 0, 78, high, -1_000_000, 1_000_000] {
                    assert_eq!(samples.restore(expected, samples.residual(sample, expected)), sample);
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_no_samples_return() {
        for (len, width, skip) in [(0, 2, 1), (1, 2, 1), (2, 2, 1), (7, 2, 0), (7, 2, 1), (5, 1, 1)] {
            let bytes: Vec<u8> = (100..100 + len).collect();
            let (samples, head, tail) = Samples::split(&bytes, width, skip);
            assert_eq!(samples.bytes(&[head, tail].concat()), bytes);
        }
    }
}
