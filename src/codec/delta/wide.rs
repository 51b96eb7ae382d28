//! Sums of bytes, 32 at once: one byte after the other, an addition waits for the one before it.
//!
//! Within a vector, each byte takes up the byte 1, 2, 4 and 8 places before it in turn; then comes the last sum of the vector
//! before.
//!
//! Source: W. D. Hillis, G. L. Steele, "Data parallel algorithms", Communications of the ACM 29(12), 1986.

/// Bytes of a vector.
pub(super) const BLOCK: usize = 32;

/// [`super::sums`] of the blocks; returns how many were done.
///
/// None is done where the processor has no AVX2.
pub(super) fn sums(blocks: &mut [[u8; BLOCK]], order: u8, carry: &mut [u8; 2]) -> usize {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if let Some(avx2) = fearless_simd::Level::new().as_avx2() {
        match order {
            0 => return 0,
            1 => x86::sums(avx2, blocks, &mut carry[1]),
            _ => x86::double_sums(avx2, blocks, carry),
        }
        return blocks.len();
    }
    let _ = (blocks, order, carry);
    0
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[allow(clippy::wildcard_imports, reason = "a dozen instructions have long names already")]
mod x86 {
    #[cfg(target_arch = "x86")]
    use std::arch::x86::*;
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::*;

    use fearless_simd::prelude::*;
    use fearless_simd::u8x32;

    use super::BLOCK;

    /// A vector of folded bytes, unfolded.
    macro_rules! unfolded {
        ($folded:expr) => {{
            let sign = _mm256_sub_epi8(_mm256_setzero_si256(), _mm256_and_si256($folded, _mm256_set1_epi8(1)));
            let half = _mm256_and_si256(_mm256_srli_epi16::<1>($folded), _mm256_set1_epi8(0x7f));
            _mm256_xor_si256(half, sign)
        }};
    }

    /// Each byte with all before it in the vector.
    macro_rules! summed {
        ($x:expr) => {{
            let x = $x;
            let x = _mm256_add_epi8(x, _mm256_slli_si256::<1>(x));
            let x = _mm256_add_epi8(x, _mm256_slli_si256::<2>(x));
            let x = _mm256_add_epi8(x, _mm256_slli_si256::<4>(x));
            let x = _mm256_add_epi8(x, _mm256_slli_si256::<8>(x));
            // The upper half lacks the sum of the lower.
            let lower = _mm256_permute2x128_si256::<0x08>(x, x);
            _mm256_add_epi8(x, _mm256_shuffle_epi8(lower, _mm256_set1_epi8(15)))
        }};
    }

    /// The last byte everywhere.
    macro_rules! last {
        ($x:expr) => {
            _mm256_shuffle_epi8(_mm256_permute2x128_si256::<0x11>($x, $x), _mm256_set1_epi8(15))
        };
    }

    fearless_simd::kernel!(
        pub(super) fn sums(avx2: Avx2, blocks: &mut [[u8; BLOCK]], carry: &mut u8) {
            let mut before = _mm256_set1_epi8(*carry as i8);
            for block in blocks {
                let x: __m256i = u8x32::from_slice(avx2, block).into();
                let x = _mm256_add_epi8(summed!(unfolded!(x)), before);
                before = last!(x);
                let x: u8x32<_> = x.simd_into(avx2);
                x.store_slice(block);
                *carry = block[BLOCK - 1];
            }
        }
    );

    fearless_simd::kernel!(
        pub(super) fn double_sums(avx2: Avx2, blocks: &mut [[u8; BLOCK]], carry: &mut [u8; 2]) {
            let [mut slope, mut before] = carry.map(|byte| _mm256_set1_epi8(byte as i8));
            for block in blocks {
                let x: __m256i = u8x32::from_slice(avx2, block).into();
                let slopes = _mm256_add_epi8(summed!(unfolded!(x)), slope);
                slope = last!(slopes);
                let x = _mm256_add_epi8(summed!(slopes), before);
                before = last!(x);
                let x: u8x32<_> = x.simd_into(avx2);
                x.store_slice(block);
            }
            *carry = [slope, before].map(|x| {
                let x: u8x32<_> = x.simd_into(avx2);
                x[0]
            });
        }
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn vectors_do_what_bytes_do(
            bytes in prop::collection::vec(any::<[u8; BLOCK]>(), 0..9), order in 0..=2u8, carry in any::<[u8; 2]>(),
        ) {
            let (mut blocks, mut carried) = (bytes.clone(), carry);
            let done = sums(&mut blocks, order, &mut carried);
            let (mut plain, mut expected) = (bytes, carry);
            super::super::sums(plain[..done].as_flattened_mut(), order, &mut expected);
            prop_assert_eq!((blocks, carried), (plain, expected));
        }
    }
}
