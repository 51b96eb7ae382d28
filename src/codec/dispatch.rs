//! One loop, compiled for more than one instruction set, chosen when the program runs.

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::{Level, Simd};

/// Runs `work` compiled for AVX2 and BMI2 where the processor has them, and as it is elsewhere; the result is the same.
///
/// `work` and what it calls must be inlined always, or they stay as they are. What it gains is shifts by a variable
/// number of bits in one instruction, which is half of the work of reading and writing codes.
#[inline]
pub(crate) fn dispatched<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if let Some(avx2) = Level::new().as_avx2() {
        return avx2.vectorize(work);
    }
    work()
}
