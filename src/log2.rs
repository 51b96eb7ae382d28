//! Logarithms on integers.
//!
//! A choice by code length decides bytes, so it must come out the same on every machine: logarithms are taken from an
//! integer table, and never from the platform's floating point library.

/// One bit, the unit being 2⁻¹⁶ bit.
pub const BIT: u64 = 1 << 16;

const STEPS: usize = 1024;

/// log₂(1 + i / STEPS), by repeated squaring: each doubles the logarithm, and an overflow past two is its next digit.
const TABLE: [u32; STEPS + 1] = {
    let mut table = [0u32; STEPS + 1];
    let mut i = 0;
    while i < STEPS {
        let mut x = (1u64 << 30) + ((i as u64) << 20);
        let (mut bits, mut digit) = (0u32, 0);
        // One digit more than needed, to round.
        while digit < 17 {
            x = (x * x) >> 30;
            bits <<= 1;
            if x >= 2 << 30 {
                x >>= 1;
                bits |= 1;
            }
            digit += 1;
        }
        table[i] = bits.div_ceil(2);
        i += 1;
    }
    table[STEPS] = 1 << 16;
    table
};

/// log₂ n in units of 2⁻¹⁶ bit, interpolated between 1,024 steps; 0 for n = 0.
#[inline]
pub(crate) const fn log2(n: u64) -> u64 {
    if n == 0 {
        return 0;
    }
    let top = n.ilog2();
    // The mantissa in 2⁻³² without its leading one.
    let mantissa = ((n << (63 - top)) >> 31) & 0xffff_ffff;
    let (step, rest) = ((mantissa >> 22) as usize, mantissa & 0x3f_ffff);
    let (low, high) = (TABLE[step] as u64, TABLE[step + 1] as u64);
    top as u64 * BIT + low + (((high - low) * rest) >> 22)
}

/// Counts are small as a rule, and looking a product up is quicker than making it. All of these fit 32 bits, so that
/// the table leaves room in a small cache.
const LISTED: usize = 4096;

static N_LOG2_N: [u32; LISTED] = {
    let mut table = [0; LISTED];
    let mut n = 0;
    while n < LISTED {
        table[n] = (n as u64 * log2(n as u64)) as u32;
        n += 1;
    }
    table
};

/// n·log2(n) in 2⁻¹⁶ bit.
#[inline]
pub fn n_log2_n(n: u32) -> u64 {
    match N_LOG2_N.get(n as usize) {
        Some(&listed) => u64::from(listed),
        None => u64::from(n) * log2(u64::from(n)),
    }
}

static N_LOG2_N_STEPS: [u32; LISTED - 1] = {
    let mut table = [0; LISTED - 1];
    let mut n = 0;
    while n < LISTED - 1 {
        table[n] = N_LOG2_N[n + 1] - N_LOG2_N[n];
        n += 1;
    }
    table
};

/// What one more than n adds to [`n_log2_n`].
#[inline]
pub(crate) fn n_log2_n_step(n: u32) -> u64 {
    match N_LOG2_N_STEPS.get(n as usize) {
        Some(&listed) => u64::from(listed),
        None => n_log2_n(n + 1) - n_log2_n(n),
    }
}

/// Bits (in 2⁻¹⁶) that an ideal code spends on symbols with these counts: n·H = n·log2 n − Σ c·log2 c.
///
/// Source: C. E. Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27, 1948.
///
/// ```
/// use losslaw::tree::criterion::{BIT, code_length};
/// assert_eq!(code_length(&[4, 4]), 8 * BIT);
/// assert_eq!(code_length(&[9, 0]), 0);
/// ```
pub fn code_length(counts: &[u32]) -> u64 {
    let total: u32 = counts.iter().sum();
    n_log2_n(total).saturating_sub(counts.iter().map(|&c| n_log2_n(c)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_agree_with_floating_point_to_three_hundred_thousandths() {
        for n in (1..5000).chain([65_535, 65_536, 1 << 20, 123_456_789, 1 << 40, u64::MAX / 3, u64::MAX]) {
            let exact = (n as f64).log2();
            let ours = log2(n) as f64 / BIT as f64;
            assert!((exact - ours).abs() < 3e-5, "{n}: {exact} {ours}");
        }
    }

    #[test]
    fn steps_are_differences_inside_and_outside_the_list() {
        for n in (0..10_000).chain([1 << 20]) {
            assert_eq!(n_log2_n_step(n), n_log2_n(n + 1) - n_log2_n(n), "{n}");
        }
    }
}
