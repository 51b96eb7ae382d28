//! What kind of samples bytes look like.
//!
//! Neighbouring samples are close: the right number of channels makes differences small, and the right row makes
//! those to the sample above small. Both are looked for on stretches of the bytes, in integers, so that the answer is
//! the same on every machine.

use super::{Lms, MAX_ROW, Samples};
use crate::log2::{BIT, code_length};

/// Fewest bytes worth a guess.
const FEWEST: usize = 1 << 12;
/// Stretches on which differences are taken, and samples of each.
const STRETCHES: usize = 8;
const STRETCH: usize = 1 << 12;
/// Samples of each stretch on which all rows are tried; the most promising rows are then compared on all.
const QUICK: usize = 256;
const PROMISING: usize = 16;
/// Most kinds of samples that are worth a trial, each with and without rows.
const KINDS: usize = 3;
/// Longest row that is tried.
const LONGEST: usize = 1 << 16;

impl Lms {
    /// The kinds of samples that the bytes may be, the likeliest first; none for bytes that do not look like samples.
    ///
    /// ```
    /// use losslaw::codec::Lms;
    /// let tone: Vec<u8> = (0..9000i16).flat_map(|t| (t % 300 * 40 - 6000).to_le_bytes()).collect();
    /// assert_eq!(Lms::guess(&tone)[0].width, 2);
    /// assert!(Lms::guess(&b"no picture and no sound, ".repeat(300)).is_empty());
    /// ```
    pub fn guess(bytes: &[u8]) -> Vec<Self> {
        if bytes.len() < FEWEST {
            return vec![];
        }
        let one = (1..=4).map(|channels| Self { channels, ..Self::default() });
        let two = [(1, 0), (1, 1), (2, 0), (2, 1)].map(|(channels, skip)| Self { width: 2, channels, skip, row: 0 });
        let mut judged: Vec<(u64, Self)> = one.chain(two).map(|how| (how.cost(bytes), how)).collect();
        judged.sort_by_key(|&(cost, _)| cost);
        let best = judged[0].0;
        // Differences of sound and pictures take clearly fewer bits than the bytes by themselves.
        if best > order_zero(bytes) / 16 * 15 {
            return vec![];
        }
        // The bytes of one sample, taken as two channels, come close to it under so simple a model.
        let close = judged.into_iter().filter(|&(cost, _)| cost <= best + best / 8).take(KINDS);
        close.flat_map(|(_, how)| how.row_of(bytes).map(|row| Self { row, ..how }).into_iter().chain([how])).collect()
    }

    /// About how many bits (in 2⁻¹⁶) a byte would take if each sample were coded as a difference to the last: by the bit
    /// length of the difference, the bits below its leading one, and its sign.
    fn cost(self, bytes: &[u8]) -> u64 {
        let (samples, ..) = Samples::split(bytes, self.width, self.skip);
        let back = usize::from(self.channels);
        let (mut lengths, mut below) = ([0u32; 18], 0);
        for at in stretches(samples.len(), back, STRETCH).flatten() {
            let length = 32 - samples.get(at).abs_diff(samples.get(at - back)).leading_zeros();
            lengths[length as usize] += 1;
            below += u64::from(length);
        }
        let bytes = u64::from(lengths.iter().sum::<u32>()) * u64::from(self.width);
        (code_length(&lengths) + below * BIT) / bytes.max(1)
    }

    /// The number of samples in a row, if samples lie close to those a row before.
    fn row_of(self, bytes: &[u8]) -> Option<u32> {
        let (samples, ..) = Samples::split(bytes, self.width, self.skip);
        let channels = usize::from(self.channels);
        let longest = LONGEST.min(samples.len() / 4).min(MAX_ROW as usize);
        let distance = |row: usize, count: usize| -> u64 {
            let apart = |at: usize| u64::from(samples.get(at).abs_diff(samples.get(at - row)));
            stretches(samples.len(), longest, count).flatten().map(apart).sum()
        };
        let rows = (16 * channels..longest).filter(|row| row.is_multiple_of(channels));
        let mut judged: Vec<(u64, usize)> = rows.map(|row| (distance(row, QUICK), row)).collect();
        judged.sort_unstable();
        let usual = judged.get(judged.len() / 2)?.0;
        let best = judged.iter().take(PROMISING).map(|&(_, row)| (distance(row, STRETCH), row)).min()?;
        (best.0 * QUICK as u64 / STRETCH as u64 * 4 < usual * 3).then_some(best.1 as u32)
    }
}

/// Ranges of `count` samples, evenly spread, none with a neighbour `reach` back before the first.
fn stretches(len: usize, reach: usize, count: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let room = len.saturating_sub(reach);
    let count = count.min(room / STRETCHES);
    (0..STRETCHES).map(move |k| {
        let start = reach + (room - count) * k / (STRETCHES - 1);
        start..start + count
    })
}

/// Bits (in 2⁻¹⁶) of a byte under the distribution of all bytes.
fn order_zero(bytes: &[u8]) -> u64 {
    let mut counts = [0; 256];
    bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    code_length(&counts) / bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(state: &mut u32, bound: u32) -> u32 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 16) % bound
    }

    /// A smooth picture of three channels, each brighter than the last; no row is like a later one.
    fn picture(width: usize, height: usize) -> Vec<u8> {
        let mut state = 3;
        let pixel = |at: usize| (at % width / 3 % 90 + (at / width).pow(2) / 400) as u32;
        let samples = (0..width * height).flat_map(|at| [0, 20, 50].map(|bright| pixel(at) + bright));
        samples.map(|sample| (sample + noise(&mut state, 3)) as u8).collect()
    }

    #[test]
    fn channels_and_rows_of_a_picture_are_found() {
        let guessed = Lms::guess(&picture(301, 200));
        assert_eq!(guessed[0], Lms { width: 1, channels: 3, row: 903, skip: 0 });
    }

    #[test]
    fn two_channels_of_sound_behind_an_odd_header_are_found() {
        let mut state = 9;
        let mut bytes = b"header!".to_vec();
        for t in 0..20_000i32 {
            let wave = (t % 200 - 100).abs() * 150 - 7000;
            let left = wave + noise(&mut state, 40) as i32;
            let right = 9000 - wave / 3 + noise(&mut state, 40) as i32;
            [left, right].iter().for_each(|&s| bytes.extend((s as i16).to_le_bytes()));
        }
        let guessed = Lms::guess(&bytes);
        assert_eq!((guessed[0].width, guessed[0].channels, guessed[0].skip), (2, 2, 1));
    }

    #[test]
    fn noise_and_short_bytes_are_not_samples() {
        let mut state = 1;
        let bytes: Vec<u8> = (0..20_000).map(|_| noise(&mut state, 256) as u8).collect();
        assert!(Lms::guess(&bytes).is_empty());
        assert!(Lms::guess(&[7; 100]).is_empty());
    }
}
