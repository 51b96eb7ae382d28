//! The weights of a chunk bit by bit: several densities and what was seen so far, mixed.
//!
//! A cell relative to its prediction is one of 145 symbols in ascending order, and a walk of eight bits down a binary
//! tree over them. Each density gives each node of the tree a logit, once for all. Densities of other shapes and of
//! scales that follow the last weights of the row and of the column stand beside the chosen one, counters beside these.

use super::centre::{self, Centre};
use super::field::{Density, base_cell, level};
use super::number::{Numbers, Parts, Place};
use super::rows::Row;
use super::scale::steps_of;
use super::shape::{Logits, NODES, OCTAVES, ORDERED_ESCAPE, STEPS, ordered, ordered_cells, power_of_two};
use crate::context::{Apm, BinaryCoder, BinaryDecoder, BinaryEncoder, Counter, Mixer, padded, squash, stretch};
use crate::mask::Mask;
use crate::wire::Reader;
use crate::{Budget, Error, Result, Word};

const PART: &str = "mixed density stream";

/// Shapes that stand beside the chosen one.
const OTHERS: [usize; 3] = [0, 4, 6];

/// Densities and counters that are mixed, and a constant.
const INPUTS: usize = OTHERS.len() + 4 + 3 + 1;

/// First weights: what the chosen density says, a little by its surroundings, and what was counted.
const FIRST: [i32; INPUTS] = [24_000, 12_000, 6_000, 6_000, 0, 0, 0, 12_000, 0, 6_000, 0];

/// Bits that a new counter has seen.
const SEEN: u32 = 250;

/// Steps by which a scale may follow its surroundings.
const MOST_SHIFT: i32 = 40;

/// Classes of surroundings.
const CLASSES: usize = 12;

/// Sizes relative to scales are in units of 2^-20.
const SIZE: u32 = 20;

/// Appends the weights of a chunk; words that are not in `kept` are left out.
pub fn encode<W: Word>(
    density: &Density,
    words: &[W],
    rows: &[Row],
    centre: &Centre<'_, W>,
    kept: Option<&Mask>,
    out: &mut Vec<u8>,
) {
    let mut encoder = BinaryEncoder::default();
    let mut model = Model::new(density, rows);
    let mut words = words.to_vec();
    model.run(density, &mut words, rows, centre, kept, &mut encoder, |_| Ok(())).expect("words have parts");
    out.extend(encoder.finish());
}

/// Inverse of [`encode`]; words that are not kept stay as they are in `out`.
pub fn decode<W: Word>(
    density: &Density,
    reader: &mut Reader<'_>,
    rows: &[Row],
    centre: &Centre<'_, W>,
    kept: Option<&Mask>,
    out: &mut [W],
    budget: &mut Budget,
) -> Result<()> {
    let width = rows.iter().map(|row| row.len).max().unwrap_or(0);
    budget.reserve::<[i32; 2]>(width as u64)?;
    Centre::<W>::spend(width, budget)?;
    budget.spend(Model::MEMORY)?;
    let mut decoder = BinaryDecoder::new(reader.rest(), PART);
    Model::new(density, rows).run(density, out, rows, centre, kept, &mut decoder, BinaryDecoder::check)?;
    decoder.end()
}

/// Everything that learns.
struct Model {
    shape: usize,
    is_between: bool,
    hole: Parts,
    mixer: Mixer,
    second: Mixer,
    apm: Apm,
    by_step: Vec<Counter>,
    by_class: Vec<Counter>,
    by_node: Vec<Counter>,
    halvings: Vec<Counter>,
    inputs: Vec<i32>,
    /// Mean sizes of all weights, of the last ones of the row, and of each column.
    all: i32,
    row: i32,
    columns: Vec<i32>,
}

/// How a weight is expected.
struct Spot {
    level: u32,
    base: i64,
    step: u32,
    /// Whether the prediction is a border of cells rather than the middle of one.
    is_between: bool,
}

impl Model {
    /// Bytes of memory besides columns, rounded up.
    const MEMORY: u64 = 1 << 18;

    fn new(density: &Density, rows: &[Row]) -> Self {
        let width = rows.iter().map(|row| row.len).max().unwrap_or(0);
        let is_between = !density.predicts() && rows.iter().all(|row| row.mean == 0);
        // Counters begin with what the density says, as if they had seen it.
        let counters = |steps: std::ops::Range<u32>| -> Vec<Counter> {
            let own = |step| Logits::get(density.shape, is_between, step).0;
            let begin = |logit| Counter::new(squash(i32::from(logit)), SEEN);
            steps.flat_map(|step| own(step).map(begin)).collect()
        };
        let finest = (OCTAVES - 1) * STEPS;
        Self {
            shape: density.shape,
            is_between,
            hole: density.numbers.parts(density.hole),
            mixer: Mixer::new(INPUTS, NODES, 14).starting(&FIRST),
            second: Mixer::new(INPUTS, CLASSES * 9, 14).starting(&FIRST),
            apm: Apm::new(NODES, 7),
            by_step: counters(finest..finest + STEPS),
            by_class: counters(finest + 8..finest + 9).repeat(CLASSES),
            by_node: counters(finest + 8..finest + 9),
            halvings: vec![Counter::default(); 16],
            inputs: vec![0; padded(INPUTS)],
            all: 1 << SIZE,
            row: 1 << SIZE,
            columns: vec![1 << SIZE; width],
        }
    }

    /// Codes all words; `check` says whether to go on.
    #[expect(clippy::too_many_arguments, reason = "weights, and all that is known of them")]
    fn run<W: Word, C: BinaryCoder>(
        &mut self,
        density: &Density,
        words: &mut [W],
        rows: &[Row],
        centre: &Centre<'_, W>,
        kept: Option<&Mask>,
        coder: &mut C,
        check: impl Fn(&C) -> Result<()>,
    ) -> Result<()> {
        let (mut before, mut centres) = (vec![], centre::Row::default());
        let mut at = 0;
        for (number, row) in rows.iter().enumerate() {
            before.clear();
            centre.row(density, number, at, row.len, &mut centres);
            self.row = self.all;
            for (column, word) in words[at..at + row.len].iter_mut().enumerate() {
                if kept.is_some_and(|kept| !kept[at + column]) {
                    before.push(0);
                    continue;
                }
                let own = centres.centres[column];
                let mean = density.prediction(row, column, &before, own);
                let steps = row.steps + density.columns.get(column).copied().unwrap_or(0);
                let (level, step) = level(steps, density.least_level(mean), density.numbers.most_level());
                // A quarter of a cell says whether the prediction is near a border, and near which one.
                let quarter =
                    if self.is_between { 0 } else { base_cell(mean.saturating_mul(4), level, density.unit) & 3 };
                let base = base_cell(mean, level, density.unit) + i64::from(quarter == 3);
                let spot = Spot { level, base, step, is_between: matches!(quarter, 0 | 3) };
                let coded = self.word(density, word.wide(), &spot, row.zeros, column, coder);
                *word = W::low(coded.ok_or_else(|| Error::corrupt(PART, "a cell holds no weight", at))?);
                before.push(density.deviation(row, column, density.numbers.parts(word.wide()), own));
                check(coder)?;
            }
            at += row.len;
        }
        Ok(())
    }

    fn word<C: BinaryCoder>(
        &mut self,
        density: &Density,
        word: u64,
        spot: &Spot,
        zeros: u32,
        column: usize,
        coder: &mut C,
    ) -> Option<u64> {
        let numbers = density.numbers;
        let parts = numbers.parts(word);
        let hole = density.hole_cells(self.hole, spot.level);
        let place = Numbers::place(parts, spot.level, zeros);
        let inner = place.and_then(|place| super::stream::outside(place.cell, hole));
        let (symbol, inside, _) = inner.map_or((ORDERED_ESCAPE, 0, 0), |cell| ordered(cell - spot.base));
        let symbol = self.symbol(symbol, spot, column, coder);
        if symbol >= ORDERED_ESCAPE {
            return Some(coder.code_raw(word, numbers.bits));
        }
        let (first, count) = ordered_cells(symbol);
        let inside = coder.code_raw(inside, count) as i64;
        let near = if first < 0 { first - inside } else { first + inside };
        self.learn(near, spot, column);
        let cell = spot.base + near;
        let cell = if cell < 0 { cell - hole } else { cell + hole };
        if !matches!(cell, -1 | 0) {
            let below = place.map_or(0, |place: Place| place.below);
            let below = coder.code_raw(below, numbers.below_bits(cell, spot.level, zeros));
            return numbers.restore(cell, below, spot.level, zeros);
        }
        self.near(numbers, parts, cell < 0, spot.level, zeros, coder)
    }

    /// A weight in a cell next to zero.
    fn near<C: BinaryCoder>(
        &mut self,
        numbers: Numbers,
        parts: Parts,
        is_negative: bool,
        level: u32,
        zeros: u32,
        coder: &mut C,
    ) -> Option<u64> {
        // A reader's parts mean nothing, and may be of any size.
        let is_near = 64 - parts.digits.leading_zeros() + parts.shift <= level;
        let (own, low, _) = if is_near { numbers.near(parts, level, zeros) } else { (0, 0, 0) };
        let most = numbers.halvings(level);
        let mut halvings = 0;
        while halvings < most {
            let counter = &mut self.halvings[halvings as usize];
            let goes_on = coder.code(own > halvings, counter.one());
            counter.learn(goes_on, 250);
            if !goes_on {
                break;
            }
            halvings += 1;
        }
        let low = coder.code_raw(low, numbers.near_bits(halvings, level, zeros));
        numbers.restore_near(is_negative, halvings, low, level, zeros)
    }

    fn symbol<C: BinaryCoder>(&mut self, symbol: usize, spot: &Spot, column: usize, coder: &mut C) -> usize {
        let step = spot.step;
        let all = steps_of(self.all as u64);
        let row = (steps_of(self.row as u64) - all).clamp(-MOST_SHIFT, MOST_SHIFT);
        let own = (steps_of(self.columns[column] as u64) - all).clamp(-MOST_SHIFT, MOST_SHIFT);
        let logits = |shape: usize, shift: i32| {
            let step = (step as i32 + shift).clamp(0, (OCTAVES * STEPS) as i32 - 1) as u32;
            Logits::get(shape, spot.is_between, step)
        };
        let densities = [
            logits(self.shape, 0),
            logits(self.shape, row / 2),
            logits(self.shape, own / 2),
            logits(self.shape, row.midpoint(own)),
            logits(OTHERS[0], 0),
            logits(OTHERS[1], (row + own) / 4),
            logits(OTHERS[2], 0),
        ];
        let class = ((row + own + 28) * CLASSES as i32 / 56).clamp(0, CLASSES as i32 - 1) as usize;
        let mut node = 1;
        for depth in 0..8 {
            let counters = [
                &mut self.by_step[(step % STEPS) as usize * NODES + node],
                &mut self.by_class[class * NODES + node],
                &mut self.by_node[node],
            ];
            for (input, density) in self.inputs.iter_mut().zip(&densities) {
                *input = i32::from(density.0[node]);
            }
            for (input, counter) in self.inputs[densities.len()..].iter_mut().zip(&counters) {
                *input = stretch(counter.one());
            }
            self.inputs[INPUTS - 1] = 256;
            let first = self.mixer.mix(&self.inputs, node);
            let second = self.second.mix(&self.inputs, class * 9 + depth);
            let mixed = first.midpoint(second);
            let refined = self.apm.refine(mixed, node);
            let one = ((3 * mixed + refined) / 4).clamp(1, 65535);
            let bit = coder.code(symbol >> (7 - depth) & 1 == 1, one);
            self.mixer.learn(&self.inputs, bit);
            self.second.learn(&self.inputs, bit);
            self.apm.learn(bit);
            counters.into_iter().for_each(|counter| counter.learn(bit, 1020));
            node = 2 * node + usize::from(bit);
        }
        node - NODES
    }

    /// Remembers how large a weight was for its scale.
    fn learn(&mut self, cell: i64, spot: &Spot, column: usize) {
        // A scale has 2^(step / 16 − 2) cells.
        let twice = (2 * cell + i64::from(spot.is_between)).unsigned_abs().min(1 << 12);
        let size = ((twice * power_of_two(32 - spot.step as i32)) >> (31 - SIZE)).min(16 << SIZE) as i32;
        self.all += (size - self.all) >> 10;
        self.row += (size - self.row) >> 5;
        let own = &mut self.columns[column];
        *own += (size - *own) >> 4;
    }
}
