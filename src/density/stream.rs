//! The weights of a chunk: rANS symbols of their cells under static tables, and the bits that no cell knows.
//!
//! A state x lies in [2^31, 2^63). The encoder runs backwards from states of 2^31, so that the decoder must end there.
//! Weight i belongs to state i mod 4; fewer than 4096 weights have one state, for each costs eight bytes.
//!
//! Source: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540, 2013.

use super::centre::{self, Centre};
use super::field::{Density, base_cell};
use super::number::{Numbers, Parts};
use super::rows::Row;
use super::shape::{PRECISION, Table, Tables};
use crate::bits::{BitReader, BitWriter};
use crate::codec::dispatched;
use crate::mask::Mask;
use crate::wire::{Reader, put_varint};
use crate::{Budget, Error, Result, Word};

const FLOOR: u64 = 1 << 31;

/// States for so many weights.
fn states_for(weights: usize) -> usize {
    if weights < 4096 { 1 } else { 4 }
}

const PART: &str = "density stream";

/// Appends the weights of a chunk. Words that are not in `kept` are left out; as predictors they count as 0.
///
/// ```text
/// words of 4 bytes (varint) · states (8 each) · words · bits
/// ```
///
/// Returns how many bytes the bits are that no table knows.
pub fn encode<W: Word>(
    density: &Density,
    words: &[W],
    rows: &[Row],
    centre: &Centre<'_, W>,
    kept: Option<&Mask>,
    out: &mut Vec<u8>,
) -> usize {
    let mut bits = BitWriter::new();
    let walk = Walk::new(density, rows);
    let slots = dispatched(
        #[inline(always)]
        || walk.slots(words, rows, centre, kept, &mut bits),
    );
    let (states, words) = push(&slots);
    put_varint(out, words.len() as u64);
    states.iter().for_each(|state| out.extend(state.to_le_bytes()));
    words.iter().rev().for_each(|word| out.extend(word.to_le_bytes()));
    let bits = bits.finish();
    out.extend(&bits);
    bits.len()
}

/// The states at the end and the words that were moved out, the first of them to be read last.
fn push(slots: &[(u16, u16)]) -> (Vec<u64>, Vec<u32>) {
    let mut states = vec![FLOOR; states_for(slots.len())];
    let last = states.len() - 1;
    let mut words: Vec<u32> = Vec::with_capacity(slots.len() / 4);
    for (at, &(start, frequency)) in slots.iter().enumerate().rev() {
        let state = &mut states[at & last];
        let frequency = u64::from(frequency);
        if *state >= frequency << (63 - PRECISION) {
            words.push(*state as u32);
            *state >>= 32;
        }
        *state = ((*state / frequency) << PRECISION) + *state % frequency + u64::from(start);
    }
    (states, words)
}

/// What does not change from weight to weight.
struct Walk<'a> {
    density: &'a Density,
    tables: Tables,
    hole: Parts,
    /// Scale and mean of each column that rows reach.
    columns: Vec<(i32, i64)>,
}

/// Where a weight is expected.
struct Spot {
    level: u32,
    base: i64,
    table: &'static Table,
}

impl<'a> Walk<'a> {
    fn new(density: &'a Density, rows: &[Row]) -> Self {
        let is_between = !density.predicts() && rows.iter().all(|row| row.mean == 0);
        let width = rows.iter().map(|row| row.len).max().unwrap_or(0);
        let of = |column| {
            let scale = density.columns.get(column).copied().unwrap_or(0);
            (scale, density.means.get(column).copied().unwrap_or(0))
        };
        let columns = (0..width).map(of).collect();
        let tables = Tables::new(density.shape, is_between);
        Self { density, tables, hole: density.numbers.parts(density.hole), columns }
    }

    #[inline(always)]
    fn spot(&self, row: &Row, column: usize, before: &[i32], centre: i64) -> Spot {
        let density = self.density;
        let (scale, mean) = self.columns[column];
        let mean = if density.is_level() {
            (row.mean + mean).clamp(-(1 << 31), 1 << 31)
        } else {
            density.prediction(row, column, before, centre)
        };
        let steps = row.steps + scale;
        let (level, step) = density.level(steps, mean);
        Spot { level, base: base_cell(mean, level, density.unit), table: self.tables.get(step) }
    }
}

impl Spot {
    /// Puts all bits of a weight that follow its symbol, and returns the symbol.
    #[inline(always)]
    fn put(&self, density: &Density, word: u64, parts: Parts, hole: Parts, zeros: u32, bits: &mut BitWriter) -> usize {
        let (numbers, level, table) = (density.numbers, self.level, self.table);
        let place = Numbers::place(parts, level, zeros);
        let hole = density.hole_cells(hole, level);
        let inner = place.and_then(|place| outside(place.cell, hole).map(|cell| (cell, place)));
        let symbol = inner.map(|(cell, _)| table.symbol(cell - self.base));
        let (Some((_, place)), Some((symbol, inside, count))) =
            (inner, symbol.filter(|found| found.0 != table.escape()))
        else {
            bits.put(word, numbers.bits);
            return table.escape();
        };
        bits.put(inside, count);
        if matches!(place.cell, -1 | 0) {
            let (halvings, low, count) = numbers.near(parts, level, zeros);
            if halvings < numbers.halvings(level) {
                bits.put(1 << halvings, halvings + 1);
            } else {
                bits.put(0, halvings);
            }
            bits.put(low, count);
        } else {
            bits.put(place.below, place.below_bits);
        }
        symbol
    }

    /// Takes the bits that follow a symbol, and returns the word.
    #[inline(always)]
    fn take(&self, density: &Density, symbol: usize, hole: Parts, zeros: u32, bits: &mut BitReader<'_>) -> Result<u64> {
        let (numbers, level, table) = (density.numbers, self.level, self.table);
        if symbol == table.escape() {
            return bits.take(numbers.bits);
        }
        let (first, count) = table.cells(symbol);
        let inside = bits.pass(count) as i64;
        let cell = self.base + if first < 0 { first - inside } else { first + inside };
        let hole = density.hole_cells(hole, level);
        let cell = if cell < 0 { cell - hole } else { cell + hole };
        let word = if matches!(cell, -1 | 0) {
            let most = numbers.halvings(level);
            let halvings = bits.peek().trailing_zeros().min(most);
            bits.skip(halvings + u32::from(halvings < most));
            let low = bits.take(numbers.near_bits(halvings, level, zeros))?;
            numbers.restore_near(cell < 0, halvings, low, level, zeros)
        } else {
            let low = bits.pass(numbers.below_bits(cell, level, zeros));
            numbers.restore(cell, low, level, zeros)
        };
        word.ok_or_else(|| Error::corrupt(PART, "a cell holds no weight", bits.byte()))
    }
}

/// The cell when those of the hole are left out; `None` inside the hole.
#[inline]
pub fn outside(cell: i64, hole: i64) -> Option<i64> {
    let side = cell >> 63;
    let far = (cell ^ side) - hole;
    (far >= 0).then_some(far ^ side)
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
    let count = reader.varint_to((reader.left() / 4) as u64, "there are fewer words than stated")?;
    let weights = kept.map_or(out.len(), |kept| kept.count_ones());
    let mut states = [FLOOR; 4];
    let last = states_for(weights) - 1;
    for state in &mut states[..=last] {
        *state = reader.u64()?;
        if !(FLOOR..FLOOR << 32).contains(state) {
            return Err(reader.corrupt("a state is out of range"));
        }
    }
    let words = reader.take(count as usize * 4)?.as_chunks().0;
    let mut source = Source { states, last, turn: 0, words, bits: BitReader::new(reader.rest(), PART) };
    let width = rows.iter().map(|row| row.len).max().unwrap_or(0);
    budget.reserve::<(i32, i64)>(width as u64)?;
    let walk = Walk::new(density, rows);
    let mut before: Vec<i32> = Vec::with_capacity(budget.reserve::<i32>(width as u64)?);
    if !density.is_level() {
        Centre::<W>::spend(width, budget)?;
    }
    dispatched(
        #[inline(always)]
        || walk.restore(rows, centre, kept, &mut source, &mut before, out),
    )?;
    if source.states.iter().any(|&state| state != FLOOR) || !source.words.is_empty() {
        return Err(Error::corrupt(PART, "the states do not end where they began", reader.at()));
    }
    source.bits.end()
}

/// What a chunk is read from.
struct Source<'a> {
    states: [u64; 4],
    /// The last state in use, and the one whose turn it is.
    last: usize,
    turn: usize,
    words: &'a [[u8; 4]],
    bits: BitReader<'a>,
}

impl Source<'_> {
    /// The next symbol.
    #[inline(always)]
    fn symbol(&mut self, table: &Table) -> Result<usize> {
        let state = &mut self.states[self.turn & 3];
        self.turn = (self.turn + 1) & self.last;
        let slot = *state as u16 & ((1 << PRECISION) - 1);
        let symbol = table.at(slot);
        let (start, frequency) = table.slots(symbol);
        *state = u64::from(frequency) * (*state >> PRECISION) + u64::from(slot - start);
        if *state < FLOOR {
            let Some((next, after)) = self.words.split_first() else {
                return Err(Error::Truncated { part: PART, needed: 4 });
            };
            *state = *state << 32 | u64::from(u32::from_le_bytes(*next));
            self.words = after;
        }
        Ok(symbol)
    }
}

impl Walk<'_> {
    /// First slot and number of slots of each word's symbol; the bits that follow go to `bits`.
    #[inline(always)]
    fn slots<W: Word>(
        &self,
        words: &[W],
        rows: &[Row],
        centre: &Centre<'_, W>,
        kept: Option<&Mask>,
        bits: &mut BitWriter,
    ) -> Vec<(u16, u16)> {
        let mut slots = Vec::with_capacity(words.len());
        let density = self.density;
        let is_level = density.is_level();
        let (mut before, mut centres, mut at) = (vec![], centre::Row::default(), 0);
        for (number, row) in rows.iter().enumerate() {
            before.clear();
            if !is_level {
                centre.row(density, number, at, row.len, &mut centres);
            }
            for (column, word) in words[at..at + row.len].iter().enumerate() {
                if kept.is_some_and(|kept| !kept[at + column]) {
                    before.push(0);
                    continue;
                }
                let parts = density.numbers.parts(word.wide());
                let own = if is_level { 0 } else { centres.centres[column] };
                let spot = self.spot(row, column, &before, own);
                if !is_level {
                    before.push(density.deviation(row, column, parts, own));
                }
                let symbol = spot.put(density, word.wide(), parts, self.hole, row.zeros, bits);
                slots.push(spot.table.slots(symbol));
            }
            at += row.len;
        }
        slots
    }

    /// Reads the words of all rows; `before` is room for what predicts others.
    #[inline(always)]
    fn restore<W: Word>(
        &self,
        rows: &[Row],
        centre: &Centre<'_, W>,
        kept: Option<&Mask>,
        source: &mut Source<'_>,
        before: &mut Vec<i32>,
        out: &mut [W],
    ) -> Result<()> {
        let (density, mut centres, mut at) = (self.density, centre::Row::default(), 0);
        let is_level = density.is_level();
        for (number, row) in rows.iter().enumerate() {
            before.clear();
            if !is_level {
                centre.row(density, number, at, row.len, &mut centres);
            }
            for (column, word) in out[at..at + row.len].iter_mut().enumerate() {
                if kept.is_some_and(|kept| !kept[at + column]) {
                    before.push(0);
                    continue;
                }
                let own = if is_level { 0 } else { centres.centres[column] };
                let spot = self.spot(row, column, before, own);
                let symbol = source.symbol(spot.table)?;
                let restored = spot.take(density, symbol, self.hole, row.zeros, &mut source.bits)?;
                *word = W::low(restored);
                if !is_level {
                    before.push(density.deviation(row, column, density.numbers.parts(restored), own));
                }
            }
            at += row.len;
        }
        Ok(())
    }
}
