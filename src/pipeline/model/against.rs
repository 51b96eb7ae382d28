//! What a base knows about the tensors of a model.

use std::borrow::Cow;
use std::collections::HashMap;

use super::unit::Unit;
use crate::model::{Base, TensorInfo};
use crate::{Lane, Word, with_words};

/// A base, and which of its tensors stands for each tensor of a model: the one of the same name, dtype and shape.
#[derive(Debug)]
pub struct Against {
    pub base: Base,
    twins: Vec<Option<usize>>,
}

impl Against {
    pub fn new(base: &Base, tensors: &[TensorInfo]) -> Self {
        let known: HashMap<&str, usize> = (0..).zip(base.infos()).map(|(at, info)| (info.name.as_str(), at)).collect();
        let twin = |tensor: &TensorInfo| {
            let at = *known.get(tensor.name.as_str())?;
            let info = &base.infos()[at];
            ((info.dtype, &info.shape) == (tensor.dtype, &tensor.shape)).then_some(at)
        };
        Self { twins: tensors.iter().map(twin).collect(), base: base.clone() }
    }

    /// Whether the base has a tensor for one of a unit.
    pub fn knows(&self, unit: &Unit) -> bool {
        unit.tensors.iter().any(|&tensor| self.twins[tensor].is_some())
    }

    /// The bytes of the base's tensors for a unit, zeros where there are none.
    pub fn bytes(&self, unit: &Unit, tensors: &[TensorInfo]) -> Cow<'_, [u8]> {
        if let ([only], Some(twin)) = (unit.tensors.as_slice(), self.twins[unit.tensors[0]]) {
            debug_assert_eq!(self.base.infos()[twin].range.len(), tensors[*only].range.len());
            return self.base.data(twin)[unit.start..unit.start + unit.byte_len()].into();
        }
        let mut bytes = Vec::with_capacity(unit.byte_len());
        for (tensor, _, place) in unit.places(tensors) {
            match self.twins[tensor] {
                Some(twin) => bytes.extend_from_slice(self.base.data(twin)),
                None => bytes.resize(bytes.len() + place.len(), 0),
            }
        }
        bytes.into()
    }

    /// The bytes of tensor `number` of the base for a unit of one tensor, if both tensors are equally long.
    pub fn named(&self, number: usize, unit: &Unit, tensors: &[TensorInfo]) -> Option<&[u8]> {
        let [own] = *unit.tensors.as_slice() else { return None };
        let bytes = self.base.data(number);
        (bytes.len() == tensors[own].range.len()).then(|| &bytes[unit.start..unit.start + unit.byte_len()])
    }

    /// The first tensor of the base that has the bytes of a unit.
    pub fn find(&self, unit: &Unit, tensors: &[TensorInfo], bytes: &[u8]) -> Option<usize> {
        (0..self.base.infos().len()).find(|&number| self.named(number, unit, tensors) == Some(bytes))
    }
}

/// Words less those of a base, so that small numbers are small differences up or down.
pub fn difference(words: &Lane, base: &Lane, is_float: bool) -> Lane {
    with_words!(words, words => {
        let base = Word::of(base).expect("a base has words of the same width");
        Word::wrap(words.iter().zip(base).map(|(&word, &base)| fold(word, base, is_float)).collect())
    })
}

/// Inverse of [`difference`].
pub fn sum(differences: &Lane, base: &Lane, is_float: bool) -> Lane {
    with_words!(differences, words => {
        let base = Word::of(base).expect("a base has words of the same width");
        Word::wrap(words.iter().zip(base).map(|(&word, &base)| unfold(word, base, is_float)).collect())
    })
}

/// The place of a float in the order of all floats: its sign is the lowest bit of a word.
fn place<W: Word>(word: W, is_float: bool) -> W {
    let size = word >> 1;
    match (is_float, word & W::one() == W::one()) {
        (false, _) => word,
        (true, false) => size,
        (true, true) => !size,
    }
}

/// Inverse of [`place`].
fn at_place<W: Word>(place: W, is_float: bool) -> W {
    let top = W::KIND.bits() - 1;
    match (is_float, place >> top as usize == W::one()) {
        (false, _) => place,
        (true, false) => place << 1,
        (true, true) => !place << 1 | W::one(),
    }
}

fn fold<W: Word>(word: W, base: W, is_float: bool) -> W {
    let up = place(word, is_float).wrapping_sub(&place(base, is_float));
    let is_down = up >> (W::KIND.bits() - 1) as usize == W::one();
    (up << 1) ^ if is_down { W::max_value() } else { W::zero() }
}

fn unfold<W: Word>(folded: W, base: W, is_float: bool) -> W {
    let is_down = folded & W::one() == W::one();
    let up = (folded >> 1) ^ if is_down { W::max_value() } else { W::zero() };
    at_place(place(base, is_float).wrapping_add(&up), is_float)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::LaneKind;

    proptest! {
        #[test]
        fn words_return_from_their_differences(words: Vec<(u64, u64)>, code in 0u8..4, is_float: bool) {
            let kind = LaneKind::from_code(code).unwrap();
            let lane = |words: Vec<u64>| crate::with_kind!(kind, W => W::wrap(words.into_iter().map(W::low).collect()));
            let (words, base): (Vec<u64>, Vec<u64>) = words.into_iter().unzip();
            let (words, base) = (lane(words), lane(base));
            prop_assert_eq!(sum(&difference(&words, &base, is_float), &base, is_float), words);
        }
    }

    #[test]
    fn neighbours_differ_by_one() {
        // 1.0, the float above, the float below, in words whose sign is the lowest bit; then −0.0 below 0.0.
        let word = |bits: u32| bits.rotate_left(1);
        let base = Lane::U32(vec![word(0x3f80_0000); 3].into_iter().chain([0]).collect());
        let words = Lane::U32(vec![word(0x3f80_0000), word(0x3f80_0001), word(0x3f7f_ffff), word(0x8000_0000)]);
        assert_eq!(difference(&words, &base, true), Lane::U32(vec![0, 2, 1, 1]));
    }
}
