//! Probabilities to logits and back, from tables made of integers at compile time.

/// The largest stretched probability: ±11, where the probability of the rarer bit is about 2⁻¹⁶.
pub const MOST: i32 = 11 * 256;

/// Fraction bits of the exponentials.
const FRACTION: u32 = 62;

/// e^(−1/256) by its power series, which is down to the last bit after a dozen terms.
const STEP: u128 = {
    let one = 1u128 << FRACTION;
    let (mut sum, mut term, mut k) = (0i128, one as i128, 1i128);
    while term != 0 {
        sum += term;
        term = -term / (256 * k);
        k += 1;
    }
    sum as u128
};

/// 2^16 / (1 + e^(x/256)) rounded, for x from 0 to [`MOST`]: the probability of the rarer bit.
const RARER: [u16; MOST as usize + 1] = {
    let mut table = [0; MOST as usize + 1];
    let (mut power, one) = (1u128 << FRACTION, 1u128 << FRACTION);
    let mut x = 0;
    while x < table.len() {
        // e^−x / (1 + e^−x), in units of 2⁻¹⁶.
        let share = ((power << 17) / (one + power)).div_ceil(2);
        table[x] = if share == 0 { 1 } else { share as u16 };
        power = (power * STEP) >> FRACTION;
        x += 1;
    }
    table
};

/// Probabilities below this have an entry of their own, larger ones share one among 16.
const FINE: usize = 2048;

/// Stretched probabilities of the rarer bit, without the sign: [`FINE`] fine entries, then the coarse ones.
const STRETCHED: [i16; FINE + (1 << 15) / 16 + 1] = {
    let mut table = [0; FINE + (1 << 15) / 16 + 1];
    // The table of probabilities falls, so its inverse is found by walking both at once.
    let (mut x, mut at) = (MOST as usize, 0);
    while at < table.len() {
        let p = if at < FINE { at as u32 } else { ((at - FINE) * 16 + 8) as u32 };
        while x > 0 && (RARER[x] as u32) < p {
            x -= 1;
        }
        table[at] = x as i16;
        at += 1;
    }
    table
};

/// [`stretch`] of all probabilities, 0 being that of 1.
static STRETCHES: [i16; 1 << 16] = {
    let mut table = [0; 1 << 16];
    let mut one = 0;
    while one < table.len() {
        let is_high = one > 1 << 15;
        let rarer = if is_high { table.len() - one } else { one };
        let size = STRETCHED[if rarer < FINE { rarer } else { FINE + (rarer >> 4) }];
        table[one] = if is_high { size } else { -size };
        one += 1;
    }
    table
};

/// The probability (2⁻¹⁶, 1 to 65,535) whose stretched value is `x`; beyond ±[`MOST`] it is that of ±[`MOST`].
///
/// ```
/// use losslaw::context::{squash, stretch};
/// assert_eq!((squash(0), squash(256), squash(9999)), (32768, 47911, 65535), "1 / (1 + 1/e) is 0.731");
/// assert_eq!(stretch(47911), 256);
/// ```
#[inline(always)]
pub fn squash(x: i32) -> u32 {
    let rarer = u32::from(RARER[x.unsigned_abs().min(MOST as u32) as usize]);
    if x > 0 { 65536 - rarer } else { rarer }
}

/// ln(p / (1 − p)) in units of 1/256, for a probability `one` in units of 2⁻¹⁶; within ±[`MOST`].
#[inline(always)]
pub fn stretch(one: u32) -> i32 {
    i32::from(STRETCHES[usize::from(one as u16)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_agree_with_floating_point() {
        for x in -MOST..=MOST {
            let exact = 65536.0 / (1.0 + (-f64::from(x) / 256.0).exp());
            assert!((f64::from(squash(x)) - exact).abs() <= 1.0, "{x}");
        }
        for one in 1..65536u32 {
            let p = f64::from(one) / 65536.0;
            let exact = 256.0 * (p / (1.0 - p)).ln();
            // Coarse entries are up to 8 units off, rare ones are rounded to whole probabilities.
            let allowed = 2.5 + 256.0 * 1.5 / f64::from(one.min(65536 - one));
            assert!((f64::from(stretch(one)) - exact).abs() < allowed, "{one}: {} {exact}", stretch(one));
        }
    }

    #[test]
    fn stretching_is_odd_and_never_falls() {
        for one in 1..65536u32 {
            assert_eq!(stretch(one), -stretch(65536 - one));
            assert!(one == 1 || stretch(one) >= stretch(one - 1));
        }
        assert_eq!(stretch(32768), 0);
    }
}
