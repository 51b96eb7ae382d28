//! `BitPlanes`: words taken apart by the weight of their bits.

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded, dispatched, only};
use crate::lane::{put_shape, read_shape};
use crate::wire::Reader;
use crate::{Budget, Lane, Result, Word, with_kind, with_words};

/// Separates bits of different weight: the highest bit of all words, then the next, packed eight to a byte.
///
/// Where single bits are constant or rarely set, whole stretches of the output are equal bytes. Bit `i` of a plane, the
/// bit of word `i`, is bit `i % 8` of its byte `i / 8`; every plane begins with a byte of its own.
///
/// One child: the planes as bytes, the highest first. Parameters: the lane's shape.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{BitPlanes, Codec};
/// let coded = BitPlanes.encode(&Lane::from(vec![1u8, 0, 129]))?;
/// assert_eq!(coded.children, [Lane::from(vec![0b100u8, 0, 0, 0, 0, 0, 0, 0b101])]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct BitPlanes;

impl Codec for BitPlanes {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::BIT_PLANES
    }

    fn name(&self) -> &'static str {
        "BitPlanes"
    }

    fn arity(&self) -> usize {
        1
    }

    // A plane holds the bits of all groups side by side.
    fn ignores_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let mut params = vec![];
        put_shape(&mut params, input.kind(), input.len());
        Ok(Encoded {
            params,
            children: vec![Lane::U8(with_words!(input, words => dispatched(#[inline(always)] || bits_apart(words))))],
        })
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "BitPlanes");
        let (kind, len) = read_shape(&mut reader, budget)?;
        reader.end()?;
        let child = only(children, "BitPlanes")?;
        let planes = child.words::<u8>("BitPlanes")?;
        if planes.len() != len.div_ceil(8) * kind.bits() as usize {
            return Err(reader.corrupt("the planes have another length than the words"));
        }
        // A plane of a lane without words has no last byte.
        let used = len % 8;
        if used > 0 && planes.chunks(len.div_ceil(8)).any(|plane| plane.last().is_some_and(|last| last >> used != 0)) {
            return Err(reader.corrupt("bits stand past the last word"));
        }
        with_kind!(kind, W => Ok(W::wrap(dispatched(#[inline(always)] || bits_together::<W>(planes, len)))))
    }
}

/// Words taken apart or put together at a time: few enough to stay at hand, and so many that the compiler keeps the loops
/// over them, which it then makes loops over vectors.
const BLOCK: usize = 512;

#[inline(always)]
fn bits_apart<W: Word>(words: &[W]) -> Vec<u8> {
    let (bits, plane_bytes) = (W::KIND.bits() as usize, words.len().div_ceil(8));
    let mut planes = vec![0u8; bits * plane_bytes];
    let mut block = [W::zero(); BLOCK];
    for (at, words) in words.chunks(BLOCK).enumerate() {
        block[..words.len()].copy_from_slice(words);
        block[words.len()..].fill(W::zero());
        for weight in (0..bits).step_by(8) {
            let mut bytes = [0u8; BLOCK];
            bytes.iter_mut().zip(&block).for_each(|(byte, &word)| *byte = (word >> weight).wide() as u8);
            let mut registers = [0u64; BLOCK / 8];
            for (register, eight) in registers.iter_mut().zip(bytes.as_chunks().0) {
                *register = bits_turned(u64::from_le_bytes(*eight));
            }
            let (squares, _) = registers.as_chunks_mut::<8>();
            squares.iter_mut().for_each(turn_bytes);
            for bit in 0..8 {
                let from = (bits - 1 - weight - bit) * plane_bytes + at * (BLOCK / 8);
                let plane = &mut planes[from..from + words.len().div_ceil(8)];
                let (eights, rest) = plane.as_chunks_mut();
                for (eight, square) in eights.iter_mut().zip(&*squares) {
                    *eight = square[bit].to_le_bytes();
                }
                if !rest.is_empty() {
                    rest.copy_from_slice(&squares[eights.len()][bit].to_le_bytes()[..rest.len()]);
                }
            }
        }
    }
    planes
}

/// Inverse of [`bits_apart`].
#[inline(always)]
fn bits_together<W: Word>(planes: &[u8], len: usize) -> Vec<W> {
    let (bits, plane_bytes) = (W::KIND.bits() as usize, len.div_ceil(8));
    let mut words = Vec::with_capacity(len);
    for from in (0..len).step_by(BLOCK) {
        let used = BLOCK.min(len - from);
        let mut block = [W::zero(); BLOCK];
        for weight in (0..bits).step_by(8) {
            let mut registers = [0u64; BLOCK / 8];
            let (squares, _) = registers.as_chunks_mut::<8>();
            for bit in 0..8 {
                let from = (bits - 1 - weight - bit) * plane_bytes + from / 8;
                let plane = &planes[from..from + used.div_ceil(8)];
                let (eights, rest) = plane.as_chunks();
                for (eight, square) in eights.iter().zip(&mut *squares) {
                    square[bit] = u64::from_le_bytes(*eight);
                }
                if !rest.is_empty() {
                    let mut last = [0; 8];
                    last[..rest.len()].copy_from_slice(rest);
                    squares[eights.len()][bit] = u64::from_le_bytes(last);
                }
            }
            squares.iter_mut().for_each(turn_bytes);
            let mut bytes = [[0u8; 8]; BLOCK / 8];
            bytes.iter_mut().zip(registers).for_each(|(bytes, register)| *bytes = bits_turned(register).to_le_bytes());
            let bytes = bytes.as_flattened();
            block.iter_mut().zip(bytes).for_each(|(word, &byte)| *word = *word | W::low(u64::from(byte)) << weight);
        }
        words.extend_from_slice(&block[..used]);
    }
    words
}

/// A square of 8 × 8 bits with bit `i` of byte `k` as bit `k` of byte `i`: quarters change places, then quarters of those.
///
/// Source: H. S. Warren, "Hacker's Delight", 2nd edition, section 7-3, 2012.
#[inline(always)]
fn bits_turned(mut square: u64) -> u64 {
    for (shift, mask) in [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)] {
        let changed = (square ^ square >> shift) & mask;
        square ^= changed ^ changed << shift;
    }
    square
}

/// The same for a square of 8 × 8 bytes.
#[inline(always)]
fn turn_bytes(square: &mut [u64; 8]) {
    for (apart, mask) in [(4, 0xffff_ffff), (2, 0x0000_ffff_0000_ffff), (1, 0x00ff_00ff_00ff_00ff)] {
        for upper in 0..8 {
            if upper & apart == 0 {
                let lower = upper + apart;
                let changed = (square[upper] >> (8 * apart) ^ square[lower]) & mask;
                square[lower] ^= changed;
                square[upper] ^= changed << (8 * apart);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    proptest! {
        #[test]
        fn bits_return_and_the_highest_comes_first(words in prop::collection::vec(any::<u32>(), 0..40)) {
            let coded = BitPlanes.encode(&Lane::from(words.clone())).unwrap();
            let planes = coded.children[0].to_u64s();
            for (at, word) in words.iter().enumerate() {
                prop_assert_eq!(planes[at / 8] >> (at % 8) & 1, u64::from(word >> 31));
            }
            prop_assert_eq!(BitPlanes.decode(&coded.params, coded.children, &mut budget()).unwrap(), Lane::from(words));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn squares_do_what_bits_do(
            seed in any::<u64>(), len in prop_oneof![0..20usize, BLOCK - 9..BLOCK + 10, 2 * BLOCK - 1..2 * BLOCK + 2],
        ) {
            fn check<W: Word>(seed: u64, len: usize) -> Result<(), TestCaseError> {
                let word = |at: u64| W::low((seed ^ at).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let words: Vec<W> = (0..len as u64).map(word).collect();
                let planes = bits_apart(&words);
                for (plane, bytes) in planes.chunks(len.div_ceil(8).max(1)).enumerate() {
                    let shift = W::KIND.bits() as usize - 1 - plane;
                    for (at, word) in words.iter().enumerate() {
                        prop_assert_eq!(u64::from(bytes[at / 8] >> (at % 8)) & 1, (*word >> shift).wide() & 1);
                    }
                }
                prop_assert_eq!(bits_together::<W>(&planes, len), words);
                Ok(())
            }
            check::<u8>(seed, len)?;
            check::<u16>(seed, len)?;
            check::<u32>(seed, len)?;
            check::<u64>(seed, len)?;
        }
    }

    #[test]
    fn planes_of_another_length_and_bits_past_the_end_are_corrupt() {
        assert!(BitPlanes.decode(&[0, 1], vec![Lane::U8(vec![0; 8])], &mut budget()).is_ok());
        assert!(BitPlanes.decode(&[0, 1], vec![Lane::U8(vec![0; 7])], &mut budget()).is_err());
        assert!(BitPlanes.decode(&[0, 1], vec![Lane::U8(vec![2; 8])], &mut budget()).is_err(), "bit 1 of one word");
    }
}
