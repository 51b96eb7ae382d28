//! Elements of a tensor as the words of a lane.

use crate::model::Dtype;
use crate::{Lane, LaneKind, Result, Word, with_words};

/// How the bytes of a dtype become words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Width of a word. A complex number is two words; elements that share bytes are words together.
    pub kind: LaneKind,
    /// Whether the sign is moved from the top to the bottom of a word. Then the exponent of a float begins its top byte.
    pub is_rotated: bool,
}

impl Form {
    /// The form of a dtype.
    pub fn of(dtype: Dtype) -> Self {
        let kind = match dtype {
            Dtype::C64 => LaneKind::U32,
            _ => LaneKind::ALL.into_iter().find(|kind| kind.bits() as usize >= dtype.bits()).unwrap_or(LaneKind::U64),
        };
        Self { kind, is_rotated: dtype.is_float() || dtype == Dtype::C64 }
    }

    /// The words of some bytes, which are a whole number of them.
    pub fn words(self, bytes: &[u8]) -> Lane {
        let mut lane = Lane::from_le_bytes(self.kind, bytes).expect("tensors are whole numbers of words");
        if self.is_rotated {
            with_words!(&mut lane, words => rotate(words, 1));
        }
        lane
    }

    /// Inverse of [`Form::words`].
    pub fn bytes(self, mut lane: Lane) -> Vec<u8> {
        if self.is_rotated {
            with_words!(&mut lane, words => rotate(words, self.kind.bits() - 1));
        }
        lane.to_le_bytes()
    }
}

fn rotate<W: Word>(words: &mut [W], by: u32) {
    words.iter_mut().for_each(|word| *word = word.rotate_left(by));
}

/// The bytes of each word as lanes of their own, the top bytes first.
pub fn planes(lane: &Lane) -> Vec<Lane> {
    fn plane<W: Word>(words: &[W], byte: usize) -> Lane {
        Lane::U8(words.iter().map(|word| (word.wide() >> (8 * byte)) as u8).collect())
    }
    (0..lane.kind().width()).rev().map(|byte| with_words!(lane, words => plane(words, byte))).collect()
}

/// Inverse of [`planes`] for as many lanes of bytes as a word of `kind` has bytes.
pub fn join(kind: LaneKind, planes: &[Lane]) -> Result<Lane> {
    fn join<W: Word>(planes: &[Lane]) -> Result<Lane> {
        let mut words = vec![W::zero(); planes.first().map_or(0, Lane::len)];
        for (byte, plane) in (0..size_of::<W>()).rev().zip(planes) {
            let bytes = plane.words::<u8>("planes")?;
            words.iter_mut().zip(bytes).for_each(|(word, &own)| *word = *word | W::low(u64::from(own) << (8 * byte)));
        }
        Ok(W::wrap(words))
    }
    crate::with_kind!(kind, W => join::<W>(planes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_plane_of_a_float_is_its_exponent() {
        let form = Form::of(Dtype::F32);
        let words = form.words(&[1.0f32, -1.5, 1.75].map(f32::to_le_bytes).concat());
        let planes = planes(&words);
        assert_eq!(planes[0], Lane::U8(vec![127; 3]));
        assert_eq!(planes[3], Lane::U8(vec![0, 1, 0]), "the sign is the last bit");
        assert_eq!(join(LaneKind::U32, &planes).unwrap(), words);
    }

    #[test]
    fn every_dtype_returns_from_its_words() {
        for dtype in Dtype::ALL {
            let bytes: Vec<u8> = (0..48).map(|i| (i * 37) as u8).collect();
            let form = Form::of(dtype);
            let words = form.words(&bytes);
            assert_eq!(join(form.kind, &planes(&words)).unwrap(), words, "{dtype}");
            assert_eq!(form.bytes(words), bytes, "{dtype}");
        }
    }
}
