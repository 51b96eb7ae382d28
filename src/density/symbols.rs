//! Symbols bit by bit: what densities say about each bit, what was seen so far, and a mixture of both.
//!
//! The chosen density is asked at four scales: its own, and those that follow the last weights of the row, of the column
//! and of both. Counters stand beside these. Bits that divide cells much narrower than a scale are left to the density:
//! there is nothing to learn about a line so short.

use super::field::Density;
use super::ordered::{Logits, NODES};
use super::rows::Row;
use super::scale::steps_of;
use super::shape::{OCTAVES, STEPS, power_of_two};
use crate::context::{Apm, BinaryCoder, Counter, Mixer, padded, squash, stretch};

/// Four scales, two counters, and a constant.
const INPUTS: usize = 7;

/// First weights: what the chosen density says, a little by its surroundings, and what was counted.
const FIRST: [i32; INPUTS] = [28_000, 14_000, 7_000, 7_000, 10_000, 4_000, 0];

/// Bits that a new counter has seen.
const SEEN: u32 = 250;

/// Steps by which a scale may follow its surroundings.
const MOST_SHIFT: i32 = 40;

/// Classes of surroundings.
const CLASSES: usize = 12;

/// Levels of the tree.
const DEPTH: u32 = 8;

/// Sizes relative to scales are in units of 2^-20.
const SIZE: u32 = 20;

/// Where a weight is expected.
pub struct Spot {
    pub level: u32,
    pub base: i64,
    pub step: u32,
    /// Whether the prediction is a border of cells rather than the middle of one.
    pub is_between: bool,
}

/// Everything that learns from the symbols of a chunk.
pub struct Symbols {
    shape: usize,
    mixer: Mixer,
    second: Mixer,
    apm: Apm,
    by_step: Vec<Counter>,
    by_node: Vec<Counter>,
    /// Mean sizes of all weights, of the last ones of the row, and of each column.
    all: i32,
    row: i32,
    columns: Vec<i32>,
}

impl Symbols {
    /// Bytes of memory besides columns, rounded up.
    pub const MEMORY: u64 = 1 << 18;

    pub fn new(density: &Density, rows: &[Row], is_between: bool) -> Self {
        let width = rows.iter().map(|row| row.len).max().unwrap_or(0);
        // Counters begin with what the density says, as if they had seen it.
        let counters = |steps: std::ops::Range<u32>| -> Vec<Counter> {
            let own = |step| Logits::get(density.shape, is_between, step).0;
            let begin = |logit| Counter::new(squash(i32::from(logit)), SEEN);
            steps.flat_map(|step| own(step).map(begin)).collect()
        };
        let finest = (density.fine_cells() + 2) * STEPS;
        Self {
            shape: density.shape,
            mixer: Mixer::new(INPUTS, NODES, 14).starting(&FIRST),
            second: Mixer::new(INPUTS, CLASSES * (DEPTH as usize + 1), 14).starting(&FIRST),
            apm: Apm::new(NODES, 7),
            by_step: counters(finest..finest + STEPS),
            by_node: counters(finest + 8..finest + 9),
            all: 1 << SIZE,
            row: 1 << SIZE,
            columns: vec![1 << SIZE; width],
        }
    }

    /// A row begins: nothing is known of it.
    #[inline(always)]
    pub fn begin_row(&mut self) {
        self.row = self.all;
    }

    /// Codes the symbol of a weight.
    #[inline(always)]
    pub fn code<C: BinaryCoder>(&mut self, symbol: usize, spot: &Spot, column: usize, coder: &mut C) -> usize {
        let step = spot.step;
        let all = steps_of(self.all as u64);
        let row = (steps_of(self.row as u64) - all).clamp(-MOST_SHIFT, MOST_SHIFT);
        let own = (steps_of(self.columns[column] as u64) - all).clamp(-MOST_SHIFT, MOST_SHIFT);
        let logits = |shift: i32| {
            let step = (step as i32 + shift).clamp(0, (OCTAVES * STEPS) as i32 - 1) as u32;
            &Logits::get(self.shape, spot.is_between, step).0
        };
        let densities = [logits(0), logits(row / 2), logits(own / 2), logits(row.midpoint(own))];
        let class = ((row + own + 28) * CLASSES as i32 / 56).clamp(0, CLASSES as i32 - 1) as usize;
        let by_step = &mut self.by_step[(step % STEPS) as usize * NODES..][..NODES];
        let by_node = &mut self.by_node[..NODES];
        // A scale has 2^octave cells or more, and the last bits but one divide a quarter of it.
        let octave = (step / STEPS).saturating_sub(2);
        let mixed = DEPTH - octave.saturating_sub(1).min(3);
        let mut inputs = [0; padded(INPUTS)];
        inputs[INPUTS - 1] = 256;
        let mut node = 1;
        for depth in 0..mixed {
            let mask = NODES - 1;
            let counters = [&mut by_step[node & mask], &mut by_node[node & mask]];
            for (input, density) in inputs.iter_mut().zip(&densities) {
                *input = i32::from(density[node & mask]);
            }
            for (input, counter) in inputs[densities.len()..].iter_mut().zip(&counters) {
                *input = stretch(counter.one());
            }
            let first = self.mixer.mix(&inputs, node);
            let second = self.second.mix(&inputs, class * (DEPTH as usize + 1) + depth as usize);
            let one = first.midpoint(second);
            let refined = self.apm.refine(one, node);
            let one = ((3 * one + refined) / 4).clamp(1, 65535);
            let bit = coder.code(symbol >> (DEPTH - 1 - depth) & 1 == 1, one);
            self.mixer.learn(&inputs, bit);
            self.second.learn(&inputs, bit);
            self.apm.learn(bit);
            counters.into_iter().for_each(|counter| counter.learn(bit, 1020));
            node = 2 * node + usize::from(bit);
        }
        for depth in mixed..DEPTH {
            let one = squash(i32::from(densities[3][node & (NODES - 1)]));
            node = 2 * node + usize::from(coder.code(symbol >> (DEPTH - 1 - depth) & 1 == 1, one));
        }
        node - NODES
    }

    /// Remembers how large a weight was for its scale, by its cell relative to the prediction.
    #[inline(always)]
    pub fn learn(&mut self, cell: i64, spot: &Spot, column: usize) {
        // A scale has 2^(step / 16 − 2) cells.
        let twice = (2 * cell + i64::from(spot.is_between)).unsigned_abs().min(1 << 12);
        let size = ((twice * power_of_two(32 - spot.step as i32)) >> (31 - SIZE)).min(16 << SIZE) as i32;
        self.all += (size - self.all) >> 10;
        self.row += (size - self.row) >> 5;
        let own = &mut self.columns[column];
        *own += (size - *own) >> 4;
    }
}
