//! Scales: logarithms in sixteenths of an octave, one for each row or column, that change only where it pays.

use super::shape::{STEPS, power_of_two};
use crate::codec::adaptive::{BitSink, RangeDecoder, UIntModel};
use crate::log2::{BIT, log2};
use crate::wire::{unzigzag, zigzag};

/// log2 of `n` in sixteenths of an octave; −16 for 0.
#[inline]
pub fn steps_of(n: u64) -> i32 {
    if n == 0 { -(STEPS as i32) } else { (log2(n) * u64::from(STEPS) / BIT) as i32 }
}

/// How many weights have a scale in common, and the logarithm of their mean size.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub count: u64,
    pub steps: i32,
}

/// log2 of the coarseness of scales, in sixteenths of an octave, that suits groups of so many weights.
///
/// A scale that is off by a factor of 1 + d costs each weight about d² nats, and is known to one part in √(2 · count).
pub fn coarseness(mean_count: u64) -> u32 {
    match mean_count {
        0..=95 => 3,
        96..=383 => 2,
        384..=1535 => 1,
        _ => 0,
    }
}

/// Differences that are priced apart; all larger ones cost the same.
const NEAR: i32 = 6;

/// The scales, in units of 2^`coarse` sixteenths of an octave, for which sizes and differences together cost least.
pub fn smooth(sizes: &[Size], coarse: u32) -> Vec<i32> {
    let (Some(least), Some(most)) = (sizes.iter().map(|s| s.steps).min(), sizes.iter().map(|s| s.steps).max()) else {
        return vec![];
    };
    let (low, high) = ((least >> coarse) - 1, (most >> coarse) + 2);
    let mut prices = [BIT / 2, 2 * BIT, 4 * BIT, 5 * BIT, 6 * BIT, 7 * BIT, 8 * BIT, 10 * BIT];
    let mut path = walk(sizes, coarse, low, high, &prices);
    for _ in 0..2 {
        // What the differences of the last path would cost, half a count more for each.
        let mut counts = [1u64; 8];
        for pair in path.windows(2) {
            counts[(pair[1] - pair[0]).unsigned_abs().min(7) as usize] += 2;
        }
        let all = log2(counts.iter().sum());
        for (at, (price, &count)) in prices.iter_mut().zip(&counts).enumerate() {
            *price = all - log2(count) + if at == 0 { 0 } else { BIT } + if at == 7 { 4 * BIT } else { 0 };
        }
        path = walk(sizes, coarse, low, high, &prices);
    }
    path
}

/// The cheapest path by dynamic programming over all scales from `low` to `high`.
fn walk(sizes: &[Size], coarse: u32, low: i32, high: i32, prices: &[u64; 8]) -> Vec<i32> {
    let width = (high - low + 1) as usize;
    let mut costs = vec![0i64; width];
    let mut from = Vec::with_capacity(sizes.len() * width);
    for (row, size) in sizes.iter().enumerate() {
        let (jump, cheapest) = costs.iter().enumerate().min_by_key(|(_, cost)| **cost).expect("there is a scale");
        let jump_cost = cheapest + prices[7] as i64;
        let mut next = Vec::with_capacity(width);
        for at in 0..width as i32 {
            let (mut best, mut best_from) = (jump_cost, jump);
            if row == 0 {
                (best, best_from) = (0, at as usize);
            } else {
                for near in (at - NEAR).max(0)..=(at + NEAR).min(width as i32 - 1) {
                    let cost = costs[near as usize] + prices[(near - at).unsigned_abs() as usize] as i64;
                    if cost < best {
                        (best, best_from) = (cost, near as usize);
                    }
                }
            }
            let scale = (low + at) << coarse;
            next.push(best + price(*size, scale));
            from.push(best_from as u16);
        }
        costs = next;
    }
    let mut at = costs.iter().enumerate().min_by_key(|(_, cost)| **cost).expect("there is a scale").0;
    let mut path = vec![0; sizes.len()];
    for row in (0..sizes.len()).rev() {
        path[row] = low + at as i32;
        at = usize::from(from[row * width + at]);
    }
    path
}

/// What weights of a mean size cost at a scale, in 2^-16 bit, up to a constant: between those of a normal and of a
/// Laplace density.
fn price(size: Size, scale: i32) -> i64 {
    // 3/4 · log2 e · (size / scale)^(4/3), whose least value is at size = scale.
    let off = ((size.steps - scale) * 4 / 3).clamp(-300, 160);
    let penalty = (power_of_two(off) >> 14) as i64 * 277 / 256;
    size.count as i64 * (i64::from(scale) * (BIT as i64 / 16) + penalty)
}

/// Gives scales to a sink, each as its difference from the one before.
pub fn write<S: BitSink>(scales: &[i32], sink: &mut S) {
    let mut model = UIntModel::default();
    let mut last = 0;
    for &scale in scales {
        model.encode(zigzag(i64::from(scale - last)), sink);
        last = scale;
    }
}

/// Reads the next scale; `None` if it is beyond every dtype.
#[inline]
pub fn next(decoder: &mut RangeDecoder<'_>, model: &mut UIntModel, last: i32) -> Option<i32> {
    let scale = i64::from(last).checked_add(unzigzag(model.decode(decoder)))?;
    i32::try_from(scale).ok().filter(|scale| scale.unsigned_abs() < 1 << 16)
}
