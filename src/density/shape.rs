//! Shapes: densities of weights around their prediction, and what they give each cell.
//!
//! A shape is w(x) = (1 + |x|^p / c)^−h, where x is measured in scales. With p = 2 and c = 2h − 1 it is Student's
//! density of c degrees of freedom, with large h it approaches exp(−|x|^p · h / c). All is computed in integers, so a
//! file holds the number of a shape and no table.
//!
//! Source: Student (W. Gosset), "The probable error of a mean", Biometrika 6(1), 1908.

use std::sync::OnceLock;

use crate::log2::{BIT, log2};

/// Steps of a logarithmic scale in an octave.
pub const STEPS: u32 = 16;

/// log2 of the least number of cells in a scale, except where a weight's step forbids cells so narrow.
pub const FINE: u32 = 3;

/// The same where there is a hole: half a cell is lost at its border.
pub const FINE_AT_HOLE: u32 = 4;

/// Octaves of scales that have tables: from 2^−2 cells to 2^([`FINE_AT_HOLE`] + 1).
pub const OCTAVES: u32 = FINE_AT_HOLE + 3;

/// Cells beyond the middle ones are put together in so many bins on each side.
pub const TAILS: usize = 8;

/// Precision of the tables.
pub const PRECISION: u32 = 14;

/// A density's numbers.
pub struct Shape {
    /// p = 2^power.
    power: u32,
    c: u64,
    h: u32,
}

/// The shapes by their numbers.
pub const SHAPES: [Shape; 12] = {
    const fn shape(power: u32, c: u64, h: u32) -> Shape {
        Shape { power, c, h }
    }
    [
        shape(1, 63, 32),
        shape(1, 15, 8),
        shape(1, 7, 4),
        shape(1, 5, 3),
        shape(1, 3, 2),
        shape(1, 1, 1),
        shape(0, 64, 64),
        shape(0, 6, 8),
        shape(0, 2, 3),
        shape(2, 8, 3),
        shape(2, 64, 16),
        shape(3, 64, 8),
    ]
};

/// Number of shapes.
pub const COUNT: usize = SHAPES.len();

/// 2^(i / 16) in units of 2^−30, by repeated square roots.
const ROOTS: [u64; STEPS as usize + 1] = {
    let mut roots = [0; STEPS as usize + 1];
    // 2^(1/16), then its powers.
    let mut root = 2u64 << 30;
    let mut i = 0;
    while i < 4 {
        root = square_root(root << 30);
        i += 1;
    }
    roots[0] = 1 << 30;
    i = 1;
    while i < STEPS as usize {
        roots[i] = (roots[i - 1] * root) >> 30;
        i += 1;
    }
    roots[STEPS as usize] = 2 << 30;
    roots
};

/// The integer part of a square root.
const fn square_root(n: u64) -> u64 {
    let (mut low, mut high) = (0u64, 1 << 32);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if middle * middle <= n {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// 2^(steps / 16) in units of 2^−30, for steps from −480 to 527.
#[inline]
pub fn power_of_two(steps: i32) -> u64 {
    let root = ROOTS[steps.rem_euclid(STEPS as i32) as usize];
    let octave = steps.div_euclid(STEPS as i32);
    if octave >= 0 { root << octave } else { root >> -octave }
}

impl Shape {
    /// w(x) in units of 2^−40, for x in units of 2^−20.
    pub fn weight(&self, x: u64) -> u64 {
        const ONE: u128 = 1 << 40;
        let mut power = u128::from(x) << 20;
        for _ in 0..self.power {
            power = ((power * power) >> 40).min(1 << 63);
        }
        let base = (ONE * ONE) / (ONE + power / u128::from(self.c));
        let (mut result, mut square, mut h) = (ONE, base, self.h);
        while h > 0 {
            if h & 1 == 1 {
                result = (result * square) >> 40;
            }
            square = (square * square) >> 40;
            h >>= 1;
        }
        result as u64
    }
}

/// What one scale gives the cells around a prediction.
#[derive(Debug)]
pub struct Table {
    /// Symbols of the middle cells on each side; those of cells −middle to middle − 1 are 0 to 2 · middle − 1.
    pub middle: i32,
    /// First slot of each symbol, and 2^PRECISION behind the last.
    starts: [u16; MOST_SYMBOLS + 1],
    /// The symbol of the first of each 2^[`NEAR`] slots.
    firsts: [u8; 1 << (PRECISION - NEAR)],
}

/// No table has so many symbols.
const MOST_SYMBOLS: usize = 256;

/// log2 of the slots that are looked up together. A table of all slots is quickly out of the fastest cache, and there are
/// many tables; cells near a prediction have hundreds of slots, so that there is seldom a second symbol among these.
const NEAR: u32 = 6;

impl Table {
    /// The table of a shape at a scale of 2^(step / 16 − 2) cells; `is_between`: the prediction is a border of cells,
    /// otherwise it is the middle of cell 0.
    fn new(shape: &Shape, step: u32, is_between: bool) -> Self {
        // Cells of a scale, in units of 2^-8, and its inverse.
        let cells = power_of_two(step as i32 - 32);
        let middle = (((cells * 7) >> 31) + 2) as i32;
        // Twice the distance of a cell's middle from the prediction.
        let twice = |cell: i64| (2 * cell + i64::from(is_between)).unsigned_abs();
        let weight = |twice: u64| shape.weight((u128::from(twice) * (1 << 49) / u128::from(cells)) as u64);
        let mut weights: Vec<u64> = (-middle..middle).map(|cell| weight(twice(i64::from(cell)))).collect();
        for side in [-1i64, 1] {
            for tail in 0..TAILS {
                let (start, width) = tail_cells(middle, tail);
                // Up to eight places of a bin stand for all.
                let stride = (width / 8).max(1);
                let sum: u64 = (0..width / stride)
                    .map(|at| {
                        let far = i64::from(start) + i64::from(at * stride + stride / 2);
                        weight(twice(if side < 0 { -1 - far } else { far })) / 64
                    })
                    .sum();
                weights.push(sum.saturating_mul(64 * stride as u64));
            }
        }
        // The escape.
        weights.push(0);
        let (found, mut starts) = (slots(&weights), [1 << PRECISION; MOST_SYMBOLS + 1]);
        starts[..found.len()].copy_from_slice(&found);
        let firsts =
            std::array::from_fn(|at| (found.partition_point(|&start| usize::from(start) <= at << NEAR) - 1) as u8);
        Self { middle, starts, firsts }
    }

    /// First slot of a symbol, and how many it has.
    #[inline(always)]
    pub fn slots(&self, symbol: usize) -> (u16, u16) {
        let symbol = symbol % MOST_SYMBOLS;
        (self.starts[symbol], self.starts[symbol + 1] - self.starts[symbol])
    }

    /// The symbol of a slot below 2^[`PRECISION`].
    #[inline(always)]
    pub fn at(&self, slot: u16) -> usize {
        let mut symbol = self.firsts[usize::from(slot >> NEAR) % self.firsts.len()];
        // Behind the last symbol there are only starts beyond all slots.
        while self.starts[usize::from(symbol) + 1] <= slot {
            symbol += 1;
        }
        usize::from(symbol)
    }

    /// The symbol of a weight that is written as it is.
    #[inline(always)]
    pub fn escape(&self) -> usize {
        2 * self.middle as usize + 2 * TAILS
    }

    /// The symbol of a cell relative to that of the prediction; for a bin, which of its cells, and log2 of its cells.
    #[inline(always)]
    pub fn symbol(&self, cell: i64) -> (usize, u64, u32) {
        let middle = i64::from(self.middle);
        if (-middle..middle).contains(&cell) {
            return ((cell + middle) as usize, 0, 0);
        }
        let far = ((cell ^ (cell >> 63)) - middle) as u64;
        let tail = (far / 4 + 1).ilog2();
        if tail as usize >= TAILS {
            return (self.escape(), 0, 0);
        }
        let side = if cell < 0 { 0 } else { TAILS };
        let inside = far - 4 * ((1 << tail) - 1);
        (2 * self.middle as usize + side + tail as usize, inside, tail + 2)
    }

    /// The first cell of a symbol other than the escape, and log2 of its cells.
    #[inline(always)]
    pub fn cells(&self, symbol: usize) -> (i64, u32) {
        let middle = self.middle as usize;
        if symbol < 2 * middle {
            return (symbol as i64 - middle as i64, 0);
        }
        let tail = symbol - 2 * middle;
        let (start, _) = tail_cells(self.middle, tail % TAILS);
        let side = if tail < TAILS { -1 } else { 0 };
        (i64::from(start) ^ side, (tail % TAILS) as u32 + 2)
    }
}

/// The first cell of a bin right of the middle, and how many it has: 4, 8, 16, ...
pub fn tail_cells(middle: i32, tail: usize) -> (i32, i32) {
    (middle + 4 * ((1 << tail) - 1), 4 << tail)
}

/// Slots in proportion to weights, at least one for each.
fn slots(weights: &[u64]) -> Vec<u16> {
    let sum: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    let all = 1u128 << PRECISION;
    // A weight above one slot has its share of those that are free when each symbol has one.
    let share = |weight: u64| (u128::from(weight) * all).saturating_sub(sum);
    let shares: u128 = weights.iter().map(|&weight| share(weight)).sum::<u128>().max(1);
    let free = all - weights.len() as u128;
    let (mut running, mut starts) = (0u128, vec![0]);
    for (at, &weight) in weights.iter().enumerate() {
        running += share(weight) >> 32;
        let until = running * free / (shares >> 32).max(1);
        starts.push((until.min(free) + at as u128 + 1) as u16);
    }
    *starts.last_mut().expect("there is a first start") = all as u16;
    starts
}

/// The tables of one shape.
pub struct Tables {
    shape: usize,
    is_between: bool,
}

type Cache = [OnceLock<Box<Table>>; (OCTAVES * STEPS) as usize];

impl Tables {
    /// The tables of shape `number` below [`COUNT`].
    pub fn new(shape: usize, is_between: bool) -> Self {
        Self { shape, is_between }
    }

    /// The table for scales of 2^(step / 16 − 2) cells, steps counted from 0 and below `OCTAVES` octaves.
    #[inline(always)]
    pub fn get(&self, step: u32) -> &'static Table {
        static CACHES: [[Cache; 2]; COUNT] =
            [const { [const { [const { OnceLock::new() }; (OCTAVES * STEPS) as usize] }; 2] }; COUNT];
        CACHES[self.shape][usize::from(self.is_between)][step as usize]
            .get_or_init(|| Box::new(Table::new(&SHAPES[self.shape], step, self.is_between)))
    }
}

/// Bins of |x| that costs are counted in, a sixteenth of an octave each; the first is 2^−8 and all below.
pub const BINS: usize = 16 * 16;

/// The bin of a size relative to its scale, both in units of 1/16 octave.
#[inline]
pub fn bin(steps: i32) -> usize {
    (steps + 8 * STEPS as i32).clamp(0, BINS as i32 - 1) as usize
}

/// −log2 of the density of |x| in each bin, in 2^−16 bit.
pub fn costs(shape: usize) -> &'static [i64; BINS] {
    static COSTS: [OnceLock<[i64; BINS]>; COUNT] = [const { OnceLock::new() }; COUNT];
    COSTS[shape].get_or_init(|| {
        let shape = &SHAPES[shape];
        let place = |bin: usize| power_of_two(bin as i32 - 8 * STEPS as i32) >> 10;
        let weights: Vec<u64> = (0..BINS).map(|bin| shape.weight(place(bin))).collect();
        let mut area = u128::from(place(0)) * u128::from(weights[0]);
        for bin in 1..BINS {
            area += u128::from(place(bin) - place(bin - 1)) * u128::from(weights[bin - 1].midpoint(weights[bin]));
        }
        // Both sides, in units of 2^-40.
        let area = (area >> 19) as u64;
        std::array::from_fn(|bin| log2(area) as i64 - log2(weights[bin].max(1)) as i64)
    })
}

/// One bit in the units of [`costs`].
pub const COST_BIT: i64 = BIT as i64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_a_slot_for_each_symbol_and_all_of_them() {
        for shape in 0..COUNT {
            for step in (0..OCTAVES * STEPS).step_by(5) {
                for is_between in [false, true] {
                    let table = Tables::new(shape, is_between).get(step);
                    let (starts, after) = table.starts.split_at(table.escape() + 2);
                    assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "shape {shape}, step {step}");
                    assert!(
                        starts.last() == Some(&(1 << PRECISION)) && after.iter().all(|&start| start == 1 << PRECISION)
                    );
                    for (symbol, pair) in starts.windows(2).enumerate() {
                        assert!((pair[0]..pair[1]).all(|slot| table.at(slot) == symbol));
                    }
                    // Cells left and right of a border are alike.
                    let size = |cell: i64| {
                        let symbol = table.symbol(cell).0;
                        i32::from(table.slots(symbol).1)
                    };
                    let mirror = if is_between { -1 } else { 0 };
                    assert!((0..i64::from(table.middle)).all(|cell| (size(cell) - size(mirror - cell)).abs() <= 1));
                }
            }
        }
    }

    #[test]
    fn symbols_return_their_cells() {
        let table = Tables::new(3, false).get(70);
        for cell in -1200i64..1200 {
            let (symbol, inside, bits) = table.symbol(cell);
            if symbol != table.escape() {
                let (first, count) = table.cells(symbol);
                assert_eq!(
                    (if first < 0 { first - inside as i64 } else { first + inside as i64 }, count),
                    (cell, bits)
                );
            }
        }
    }

    #[test]
    fn shapes_and_powers_are_as_computed_by_hand() {
        // Student's density of three degrees of freedom at one scale: (1 + 1/3)^-2 = 9/16, of one at two: 1/5.
        assert!(SHAPES[4].weight(1 << 20).abs_diff((9 << 40) / 16) < 1 << 10);
        assert!(SHAPES[5].weight(2 << 20).abs_diff((1 << 40) / 5) < 1 << 10);
        // The square root of two, and a sixteenth of an octave: 1.0442737824.
        assert!(power_of_two(8).abs_diff(1_518_500_250) < 16);
        assert!(power_of_two(1).abs_diff(1_121_280_436) < 16);
        assert_eq!((power_of_two(-16), power_of_two(32)), (1 << 29, 4 << 30));
    }
}
