//! Cells as symbols in ascending order, a binary tree over these, and what densities say at its nodes.

use std::sync::OnceLock;

use super::shape::{COUNT, OCTAVES, SHAPES, STEPS, Shape, TAILS, power_of_two, tail_cells};
use crate::context::stretch;

/// Nodes of the binary tree over symbols in ascending order.
pub const NODES: usize = 256;

/// Middle cells on each side of a prediction when symbols are in ascending order.
const ORDERED_MIDDLE: i64 = 64;

/// The last symbol in ascending order: a weight that is written as it is.
pub const ORDERED_ESCAPE: usize = 2 * (ORDERED_MIDDLE as usize + TAILS);

/// The symbol of a relative cell in ascending order; for a bin, which of its cells, and log2 of its cells.
#[inline]
pub fn ordered(cell: i64) -> (usize, u64, u32) {
    let side = cell >> 63;
    let far = cell ^ side;
    let (place, inside, count) = if far < ORDERED_MIDDLE {
        (far, 0, 0)
    } else {
        let far = (far - ORDERED_MIDDLE) as u64;
        let tail = (far / 4 + 1).ilog2();
        if tail as usize >= TAILS {
            return (ORDERED_ESCAPE, 0, 0);
        }
        (ORDERED_MIDDLE + i64::from(tail), far - 4 * ((1 << tail) - 1), tail + 2)
    };
    (((place ^ side) + ORDERED_ESCAPE as i64 / 2) as usize, inside, count)
}

/// The cell of a symbol below [`ORDERED_ESCAPE`] that is next to zero, and log2 of its cells.
#[inline]
pub fn ordered_cells(symbol: usize) -> (i64, u32) {
    let place = symbol as i64 - ORDERED_ESCAPE as i64 / 2;
    let side = place >> 63;
    let far = place ^ side;
    if far < ORDERED_MIDDLE {
        return (place, 0);
    }
    let tail = (far - ORDERED_MIDDLE) as usize;
    (i64::from(tail_cells(ORDERED_MIDDLE as i32, tail).0) ^ side, tail as u32 + 2)
}

/// What a density says at each node of the tree: the logit that the upper half follows.
#[derive(Debug)]
pub struct Logits(pub [i16; NODES]);

impl Logits {
    fn new(shape: &Shape, step: u32, is_between: bool) -> Self {
        let cells = power_of_two(step as i32 - 32);
        let weight = |cell: i64| {
            let twice = (2 * cell + i64::from(is_between)).unsigned_abs();
            shape.weight((u128::from(twice) * (1 << 49) / u128::from(cells)) as u64)
        };
        let of = |symbol: usize| {
            if symbol >= ORDERED_ESCAPE {
                return u64::from(symbol == ORDERED_ESCAPE);
            }
            let (first, bits) = ordered_cells(symbol);
            // Up to eight places of a bin stand for all.
            let stride = (1u64 << bits).div_ceil(8);
            let places = (1u64 << bits) / stride;
            let outward = |at: u64| (at * stride + stride / 2) as i64;
            let cell = |at: u64| if first < 0 { first - outward(at) } else { first + outward(at) };
            (0..places).map(|at| weight(cell(at)) / 1024).sum::<u64>().saturating_mul(stride) + (1 << 10)
        };
        // From the leaves up: what both halves of a node hold.
        let mut sums = [0u64; 2 * NODES];
        (0..NODES).for_each(|symbol| sums[NODES + symbol] = of(symbol));
        (1..NODES).rev().for_each(|node| sums[node] = sums[2 * node] + sums[2 * node + 1]);
        let logit = |node: usize| {
            let (upper, all) = (sums[2 * node + 1], sums[node].max(1));
            stretch((((u128::from(upper) << 16) / u128::from(all)) as u32).clamp(1, 65535)) as i16
        };
        Self(std::array::from_fn(|node| if node == 0 { 0 } else { logit(node) }))
    }

    /// Those of shape `number` below [`COUNT`] at a scale as in [`super::shape::Tables::get`].
    #[inline]
    pub fn get(number: usize, is_between: bool, step: u32) -> &'static Self {
        static CACHES: [[[OnceLock<Logits>; (OCTAVES * STEPS) as usize]; 2]; COUNT] =
            [const { [const { [const { OnceLock::new() }; (OCTAVES * STEPS) as usize] }; 2] }; COUNT];
        CACHES[number][usize::from(is_between)][step as usize]
            .get_or_init(|| Self::new(&SHAPES[number], step, is_between))
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::{PRECISION, Tables};
    use super::*;
    use crate::context::squash;

    #[test]
    fn symbols_return_their_cells() {
        for cell in -1200i64..1200 {
            let (symbol, inside, bits) = ordered(cell);
            if symbol != ORDERED_ESCAPE {
                let (first, count) = ordered_cells(symbol);
                assert_eq!(
                    (if first < 0 { first - inside as i64 } else { first + inside as i64 }, count),
                    (cell, bits)
                );
            }
        }
    }

    #[test]
    fn the_tree_of_logits_says_what_the_slots_say() {
        for (shape, is_between, step) in [(0, true, 88), (1, false, 80), (4, true, 95), (6, false, 40), (10, true, 90)]
        {
            let (table, logits) = (Tables::new(shape, is_between).get(step), Logits::get(shape, is_between, step));
            let mut lost = 0f64;
            for cell in -i64::from(table.middle)..i64::from(table.middle) {
                let symbol = table.symbol(cell).0;
                let p = f64::from(table.slots(symbol).1) / f64::from(1 << PRECISION);
                let (mut node, mut tree) = (1, 1f64);
                for depth in 0..8 {
                    let bit = ordered(cell).0 >> (7 - depth) & 1;
                    let one = f64::from(squash(i32::from(logits.0[node]))) / 65536.0;
                    tree *= if bit == 1 { one } else { 1.0 - one };
                    node = 2 * node + bit;
                }
                lost += p * (p / tree).log2();
            }
            assert!(lost.abs() < 0.02, "shape {shape}: {lost} bits lost");
        }
    }
}
