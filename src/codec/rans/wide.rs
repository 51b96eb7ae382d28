//! Thirty-two states at once: the loop of `stream` on vectors of eight states.
//!
//! A round takes one word from each state. Slots are looked up one by one, for gathers are no faster; all else is on
//! vectors. The states of a vector that fall below 2^15 take the next words of the stream in their order, which a
//! permutation spreads over them. The result is that of the plain loop, to the bit.
//!
//! Source: F. Giesen, "Interleaved entropy coders", arXiv:1402.3392, 2014.

use super::table::Narrow;

/// States of a round.
pub(super) const STATES: usize = 32;

/// Decodes rounds of 32 bytes, as long as every state could take a word; returns the rounds and the words taken.
///
/// Nothing is done, and the plain loop does all, where the processor has no AVX2.
pub(super) fn rounds(
    states: &mut [u32; STATES],
    words: &[[u8; 2]],
    table: &Narrow,
    out: &mut [[u8; STATES]],
) -> (usize, usize) {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if let Some(avx2) = fearless_simd::Level::new().as_avx2() {
        return x86::rounds(avx2, states, words.as_flattened(), table, out);
    }
    let _ = (states, words, table, out);
    (0, 0)
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[allow(clippy::wildcard_imports, reason = "two dozen instructions have long names already")]
mod x86 {
    #[cfg(target_arch = "x86")]
    use std::arch::x86::*;
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::*;

    use fearless_simd::prelude::*;
    use fearless_simd::{u8x16, u8x32, u32x8};

    use super::super::table::{NARROW_LOG, Narrow};
    use super::STATES;

    /// For each set of eight states that take a word: which word each takes, a byte each.
    static SPREAD: [[u8; 8]; 256] = {
        let mut spread = [[0; 8]; 256];
        let mut set = 0;
        while set < 256 {
            let (mut lane, mut next) = (0, 0);
            while lane < 8 {
                if set >> lane & 1 == 1 {
                    spread[set][lane] = next;
                    next += 1;
                }
                lane += 1;
            }
            set += 1;
        }
        spread
    };

    fearless_simd::kernel!(
        pub(super) fn rounds(
            avx2: Avx2,
            states: &mut [u32; STATES],
            bytes: &[u8],
            table: &Narrow,
            out: &mut [[u8; STATES]],
        ) -> (usize, usize) {
            let (quads, _) = states.as_chunks::<8>();
            let mut x: [__m256i; 4] = std::array::from_fn(|v| u32x8::from_slice(avx2, &quads[v]).into());
            let slots = &table.packed;
            let mask = _mm256_set1_epi32((1 << table.log) - 1);
            let log = _mm_cvtsi32_si128(table.log as i32);
            let (low12, floor) = (_mm256_set1_epi32(0xfff), _mm256_set1_epi32(1 << 15));
            let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
            let (mut done, mut at) = (0, 0);
            for round in out {
                let Some(next) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ 2 * STATES }>) else { break };
                let mut taken = 0;
                let mut symbols = [_mm256_setzero_si256(); 4];
                for v in 0..4 {
                    let own: u32x8<_> = _mm256_and_si256(x[v], mask).simd_into(avx2);
                    let own: [u32; 8] = own.into();
                    let [a, b, c, d, e, f, g, h] =
                        own.map(|slot| slots[slot as usize & ((1 << NARROW_LOG) - 1)] as i32);
                    let entries = _mm256_setr_epi32(a, b, c, d, e, f, g, h);
                    symbols[v] = _mm256_srli_epi32::<24>(entries);
                    let frequency = _mm256_and_si256(entries, low12);
                    let place = _mm256_and_si256(_mm256_srli_epi32::<12>(entries), low12);
                    let moved = _mm256_add_epi32(_mm256_mullo_epi32(frequency, _mm256_srl_epi32(x[v], log)), place);
                    // States stay below 2^31, so that a signed comparison does.
                    let low = _mm256_cmpgt_epi32(floor, moved);
                    let set = _mm256_movemask_ps(_mm256_castsi256_ps(low)) as usize & 255;
                    // Each vector before this one took at most 8 of the 32 words.
                    let words: __m128i = u8x16::from_slice(avx2, &next[taken..taken + 16]).into();
                    let spread = _mm256_cvtepu8_epi32(_mm_set_epi64x(0, i64::from_le_bytes(SPREAD[set])));
                    let words = _mm256_permutevar8x32_epi32(_mm256_cvtepu16_epi32(words), spread);
                    let refilled = _mm256_or_si256(_mm256_slli_epi32::<16>(moved), words);
                    x[v] = _mm256_blendv_epi8(moved, refilled, low);
                    taken += 2 * set.count_ones() as usize;
                }
                let pairs = [_mm256_packus_epi32(symbols[0], symbols[1]), _mm256_packus_epi32(symbols[2], symbols[3])];
                let all = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(pairs[0], pairs[1]), order);
                let all: u8x32<_> = all.simd_into(avx2);
                all.store_slice(round);
                at += taken;
                done += 1;
            }
            for (own, x) in states.as_chunks_mut::<8>().0.iter_mut().zip(x) {
                let x: u32x8<_> = x.simd_into(avx2);
                x.store_slice(own);
            }
            (done, at / 2)
        }
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::table::{Frequencies, Steps};
    use super::*;

    proptest! {
        #[test]
        fn vectors_do_what_scalars_do(
            states in prop::array::uniform32(1u32 << 15..1 << 31),
            words in prop::collection::vec(any::<[u8; 2]>(), 0..2000),
            weights in prop::collection::vec((1u64..1 << 20, 0u32..20), 2..256),
        ) {
            let weights = weights.iter().map(|(w, shift)| (w >> shift).max(1));
            let table = Frequencies::from_weights((0..).zip(weights));
            prop_assume!(table.log <= super::super::table::NARROW_LOG);
            let mut narrow = Narrow::new();
            narrow.fill(&table);
            let (mut ours, mut out) = (states, [[0; STATES]; 100]);
            let (done, taken) = rounds(&mut ours, &words, &narrow, &mut out);
            let (mut plain, mut at) = (states, 0);
            for round in &out[..done] {
                for (state, &symbol) in plain.iter_mut().zip(round) {
                    let (found, x) = narrow.step(*state);
                    prop_assert_eq!(found, u16::from(symbol));
                    *state = x;
                    if x < 1 << 15 {
                        *state = x << 16 | u32::from(u16::from_le_bytes(words[at]));
                        at += 1;
                    }
                }
            }
            prop_assert_eq!((ours, taken), (plain, at));
        }
    }
}
