//! Which plans may take fewer bytes than a density, by what a sample shows before any of them is tried.

use crate::log2::{BIT, code_length};
use crate::{Lane, Word, with_words};

/// Top bits of a word whose values are counted; the bits below count as they are.
const TOP: u32 = 10;

/// Places back at which bytes are compared; wider words are compared with their neighbours only.
const LAGS: usize = 8;

/// Kinds of plans that may pay.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for one kind of plan, alone")]
pub struct Hopes {
    /// Plans that know how often words come, whatever stands before them.
    pub order: bool,
    /// Few different words.
    pub dictionary: bool,
    /// Stretches that come again.
    pub repeats: bool,
    /// Words like others a few places before.
    pub neighbours: bool,
}

impl Hopes {
    /// What may code a sample into fewer bits than `most`, in 2^-16 bit for each word. No plan compares floats.
    pub fn of(sample: &Lane, is_float: bool, most: u64) -> Self {
        let all = most.saturating_mul(sample.len() as u64);
        with_words!(sample, words => Self {
            order: order(words) < all,
            dictionary: has_few(words),
            repeats: has_repeats(words),
            neighbours: !is_float && has_neighbours(words, all),
        })
    }
}

/// About the fewest bits of a code that knows how often words come: their top bits, or each of their bytes, counted.
pub fn order<W: Word>(words: &[W]) -> u64 {
    let bits = W::KIND.bits();
    let top = TOP.min(bits);
    let mut counts = vec![0u32; 1 << top];
    words.iter().for_each(|word| counts[(word.wide() >> (bits - top)) as usize] += 1);
    let by_top = code_length(&counts) + u64::from(bits - top) * words.len() as u64 * BIT;
    let by_plane = (0..bits).step_by(8).map(|shift| {
        let mut counts = [0u32; 256];
        words.iter().for_each(|word| counts[usize::from((word.wide() >> shift) as u8)] += 1);
        code_length(&counts)
    });
    by_top.min(by_plane.sum())
}

/// Whether at most half of the words differ from all others; bytes always repeat.
fn has_few<W: Word>(words: &[W]) -> bool {
    let mut sorted = words.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    W::KIND.bits() > 8 && 2 * sorted.len() <= words.len()
}

/// Whether a thirty-second of the places begins a stretch that began before: two words, or four bytes.
fn has_repeats<W: Word>(words: &[W]) -> bool {
    let len = if W::KIND.bits() > 8 { 2 } else { 4 };
    let slot = |stretch: &[W]| {
        let mix = |hash: u64, word: &W| (hash ^ word.wide()).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        (stretch.iter().fold(0, mix) >> 49) as usize
    };
    let mut latest = vec![0u32; 1 << 15];
    let mut again = 0;
    for (at, stretch) in words.windows(len).enumerate() {
        let latest = &mut latest[slot(stretch)];
        let before = *latest as usize;
        again += usize::from(before < at && words[before..before + len] == *stretch);
        *latest = at as u32;
    }
    32 * again > words.len()
}

/// Whether the differences of words from those a few places before take fewer bits than `most`.
fn has_neighbours<W: Word>(words: &[W], most: u64) -> bool {
    let of_lag = |lag: usize| {
        let later = &words[lag.min(words.len())..];
        order(&later.iter().zip(words).map(|(own, before)| own.wrapping_sub(before)).collect::<Vec<W>>())
    };
    (1..=if W::KIND.bits() > 8 { 1 } else { LAGS }).any(|lag| of_lag(lag) < most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize) -> Vec<u32> {
        // A plain congruential generator repeats the differences of its top bits.
        let mix = |at: u32| (at ^ at >> 15).wrapping_mul(0x85eb_ca6b);
        (1..=count as u32).map(|at| mix(mix(at.wrapping_mul(0x9e37_79b9)) ^ 0x2545_f491)).collect()
    }

    fn is_none(hopes: Hopes) -> bool {
        !(hopes.order || hopes.dictionary || hopes.repeats || hopes.neighbours)
    }

    #[test]
    fn noise_has_no_hopes_below_its_bits() {
        let hopes = Hopes::of(&Lane::U32(noise(9000)), false, 32 * BIT - BIT / 2);
        assert!(is_none(hopes), "{hopes:?}");
        let bytes = noise(9000).into_iter().map(|word| (word >> 24) as u8).collect();
        let hopes = Hopes::of(&Lane::U8(bytes), false, 8 * BIT - BIT / 8);
        assert!(is_none(hopes), "{hopes:?}");
    }

    #[test]
    fn each_kind_of_order_has_its_hope() {
        let noise = noise(4000);
        let most = 20 * BIT;
        let of = |words: Vec<u32>| Hopes::of(&Lane::U32(words), true, most);
        let narrow = of(noise.iter().map(|word| word >> 16).collect());
        assert!(narrow.order && !narrow.dictionary && !narrow.repeats);
        assert!(of(noise.iter().map(|word| noise[*word as usize % 1000]).collect()).dictionary);
        assert!(of([&noise[..2000], &noise[..2000]].concat()).repeats);
        // A slow wave of bytes under noise of two bits.
        let wave = (0..4000).map(|at: u32| ((at / 16) as u8).wrapping_add((noise[at as usize] >> 30) as u8));
        assert!(Hopes::of(&Lane::U8(wave.collect()), false, 4 * BIT).neighbours);
    }
}
