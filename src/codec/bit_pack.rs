//! `BitPack`: words cut to the width of the largest.

use serde::{Deserialize, Serialize};

use super::ascending::bit_len;
use super::{Codec, CodecId, Encoded, dispatched};
use crate::lane::{put_shape, read_shape};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, Result, Word, with_kind, with_words};

/// Keeps of each word only the bits that the largest word needs.
///
/// Parameters: lane kind (1 byte), number of words (varint), bits of a word (1 byte), the words as one bit stream.
/// Words that are all zero need no bits.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{BitPack, Codec};
/// assert_eq!(BitPack.encode(&Lane::from(vec![1u16, 6, 3, 0]))?.params, [1, 4, 3, 0b1111_0001, 0]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct BitPack;

impl Codec for BitPack {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::BIT_PACK
    }

    fn name(&self) -> &'static str {
        "BitPack"
    }

    fn arity(&self) -> usize {
        0
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        // All bits together need as many as the largest word, and are quicker to gather.
        let all = with_words!(input, words => dispatched(#[inline(always)] || words.iter().fold(0, |all, word| all | word.wide())));
        let width = bit_len(all);
        let mut params = Vec::with_capacity(16 + packed_len(input.len(), width) as usize);
        put_shape(&mut params, input.kind(), input.len());
        params.push(width as u8);
        with_words!(input, words => dispatched(#[inline(always)] || pack(words, width, &mut params)));
        Ok(Encoded { params, children: vec![] })
    }

    fn decode(&self, params: &[u8], _: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "BitPack");
        let (kind, len) = read_shape(&mut reader, budget)?;
        let width = u32::from(reader.u8()?);
        if width > kind.bits() {
            return Err(reader.corrupt("packed words are wider than the lane"));
        }
        let packed = reader.rest();
        let needed = packed_len(len, width);
        if (packed.len() as u64) < needed {
            return Err(Error::Truncated { part: "BitPack", needed: needed - packed.len() as u64 });
        }
        let used = len as u64 * u64::from(width) % 8;
        if packed.len() as u64 > needed || used > 0 && packed.last().is_some_and(|last| last >> used != 0) {
            return Err(Error::corrupt("BitPack", "bits are left over", needed as usize));
        }
        with_kind!(kind, W => Ok(W::wrap(dispatched(#[inline(always)] || unpack::<W>(packed, len, width)))))
    }

    // One width serves all groups: what a group could save, an entropy coder saves better.
    fn ignores_groups(&self) -> bool {
        true
    }
}

/// Bytes of `len` words of `width` bits each.
fn packed_len(len: usize, width: u32) -> u64 {
    (len as u64 * u64::from(width)).div_ceil(8)
}

/// Appends words of `width` bits, eight bytes of words at a time: closed up in one register, then put behind those before.
#[inline(always)]
fn pack<W: Word>(words: &[W], width: u32, out: &mut Vec<u8>) {
    let moves = Moves::new::<W>(width);
    let mut stream = Stream { out, pending: 0, count: 0 };
    let mut eights = words.chunks_exact(8 / size_of::<W>());
    for words in &mut eights {
        stream.put(moves.close(joined(words)), words.len() as u32 * width);
    }
    let rest = eights.remainder();
    stream.put(moves.close(joined(rest)), rest.len() as u32 * width);
    let Stream { out, pending, count } = stream;
    out.extend_from_slice(&pending.to_le_bytes()[..count.div_ceil(8) as usize]);
}

/// The bits that do not fill a register yet, fewer than 64, and where full ones go.
struct Stream<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    count: u32,
}

impl Stream<'_> {
    /// Appends a value of `bits` bits.
    #[inline(always)]
    fn put(&mut self, value: u64, bits: u32) {
        self.pending |= value << self.count;
        self.count += bits;
        if self.count >= 64 {
            self.out.extend_from_slice(&self.pending.to_le_bytes());
            self.count -= 64;
            // What went out is one bit at least, and all 64 if none was pending.
            self.pending = value.checked_shr(bits - self.count).unwrap_or(0);
        }
    }
}

/// Inverse of [`pack`]; `packed` is as long as `len` words need.
#[inline(always)]
fn unpack<W: Word>(packed: &[u8], len: usize, width: u32) -> Vec<W> {
    let per = 8 / size_of::<W>();
    let (moves, bits) = (Moves::new::<W>(width), per * width as usize);
    let mut words = vec![W::zero(); len.next_multiple_of(per)];
    let mut at = 0;
    for words in words.chunks_exact_mut(per) {
        let [low @ .., high] = nine(packed, at / 8);
        let shown = u64::from_le_bytes(low) >> (at % 8) | u64::from(high) << 1 << (63 - at % 8);
        part(moves.open(shown), words);
        at += bits;
    }
    words.truncate(len);
    words
}

/// Nine bytes, zeros after the end: what 64 bits may touch.
#[inline(always)]
fn nine(packed: &[u8], from: usize) -> [u8; 9] {
    let left = &packed[from..];
    if let Some(bytes) = left.first_chunk() {
        return *bytes;
    }
    let mut last = [0; 9];
    last[..left.len()].copy_from_slice(left);
    last
}

/// Words side by side in a register, the first lowest.
#[inline(always)]
fn joined<W: Word>(words: &[W]) -> u64 {
    words.iter().enumerate().fold(0, |all, (at, word)| all | word.wide() << (at as u32 * W::KIND.bits()))
}

/// Inverse of [`joined`].
#[inline(always)]
fn part<W: Word>(all: u64, words: &mut [W]) {
    words.iter_mut().enumerate().for_each(|(at, word)| *word = W::low(all >> (at as u32 * W::KIND.bits())));
}

/// How the words in a register move until they touch: neighbours first, then pairs, then fours.
struct Moves {
    steps: [Move; 3],
    count: usize,
    /// The bits of all words when they touch.
    touching: u64,
}

/// One step: how far the upper of two neighbours moves, and the bits of all lower ones and of all upper ones when they
/// touch and when they do not.
#[derive(Clone, Copy, Default)]
struct Move {
    by: u32,
    lower: u64,
    upper_near: u64,
    upper_far: u64,
}

impl Moves {
    #[inline(always)]
    fn new<W: Word>(width: u32) -> Self {
        let count = W::KIND.width().ilog2().abs_diff(3) as usize;
        let mut steps = [Move::default(); 3];
        for (step, at) in steps.iter_mut().zip(0..count) {
            let (place, width) = (W::KIND.bits() << at, width << at);
            // Every second place of its size, the lowest `width` bits.
            let lower = (u64::MAX / (u64::MAX >> (64 - 2 * place))).wrapping_mul((1 << width) - 1);
            *step = Move { by: place - width, lower, upper_near: lower << width, upper_far: lower << place };
        }
        let bits = width << count;
        Self { steps, count, touching: if bits == 0 { 0 } else { u64::MAX >> (64 - bits) } }
    }

    #[inline(always)]
    fn close(&self, words: u64) -> u64 {
        self.steps[..self.count].iter().fold(words, |x, step| x & step.lower | x >> step.by & step.upper_near)
    }

    #[inline(always)]
    fn open(&self, words: u64) -> u64 {
        let steps = self.steps[..self.count].iter().rev();
        steps.fold(words & self.touching, |x, step| x & step.lower | x << step.by & step.upper_far)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;
    use crate::bits::BitWriter;

    proptest! {
        #[test]
        fn words_of_any_width_return(words in prop::collection::vec(any::<u64>(), 0..70), shift in 0..64u32) {
            let lane = Lane::from(words.iter().map(|word| word >> shift).collect::<Vec<_>>());
            let params = BitPack.encode(&lane).unwrap().params;
            let mut budget = Budget::new(&Limits::default());
            prop_assert_eq!(BitPack.decode(&params, vec![], &mut budget).unwrap(), lane);
            prop_assert!(BitPack.decode(&params[..params.len() - 1], vec![], &mut budget).is_err());
        }
    }

    /// What is packed, bit by bit.
    fn packed_plainly(words: &[u64], width: u32) -> Vec<u8> {
        let mut stream = BitWriter::new();
        words.iter().for_each(|&word| stream.put(word, width));
        stream.finish()
    }

    fn registers_do_what_bits_do<W: Word>(words: &[u64], width: u32) -> Result<(), TestCaseError> {
        let mask = u64::MAX.checked_shr(64 - width).unwrap_or(0);
        let words: Vec<u64> = words.iter().map(|word| word & mask).collect();
        let narrow: Vec<W> = words.iter().map(|&word| W::low(word)).collect();
        let mut packed = vec![];
        pack(&narrow, width, &mut packed);
        prop_assert_eq!(&packed, &packed_plainly(&words, width));
        prop_assert_eq!(unpack::<W>(&packed, words.len(), width), narrow);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn every_width_of_every_lane_is_one_bit_stream(
            len in prop_oneof![0..20usize, 60..70usize, 500..530usize], first in any::<u64>(),
        ) {
            let words: Vec<u64> =
                (0..len as u64).map(|at| (first ^ at).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(at as u32)).collect();
            for width in 0..=64 {
                registers_do_what_bits_do::<u64>(&words, width)?;
                if width <= 32 {
                    registers_do_what_bits_do::<u32>(&words, width)?;
                }
                if width <= 16 {
                    registers_do_what_bits_do::<u16>(&words, width)?;
                }
                if width <= 8 {
                    registers_do_what_bits_do::<u8>(&words, width)?;
                }
            }
        }
    }

    #[test]
    fn widths_past_the_lane_and_lengths_past_the_stream_are_refused() {
        let mut budget = Budget::new(&Limits::default());
        assert!(BitPack.decode(&[0, 1, 9, 0, 0], vec![], &mut budget).is_err());
        assert!(BitPack.decode(&[0, 0xff, 0xff, 0x7f, 1, 0], vec![], &mut budget).is_err());
        assert!(BitPack.decode(&[0, 1, 3, 1, 0], vec![], &mut budget).is_err(), "a byte is left over");
    }
}
