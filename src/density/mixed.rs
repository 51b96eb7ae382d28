//! The weights of a chunk bit by bit: several densities and what was seen so far, mixed.
//!
//! A cell relative to its prediction is one of 145 symbols in ascending order, and a walk of eight bits down a binary
//! tree over them. What no density knows stands in bits of their own, as they are.

use super::centre::{self, Centre};
use super::field::{Density, base_cell};
use super::number::{Numbers, Parts, Place};
use super::ordered::{ORDERED_ESCAPE, ordered, ordered_cells};
use super::rows::Row;
use super::stream::outside;
use super::symbols::{Spot, Symbols};
use crate::bits::{BitReader, BitWriter};
use crate::codec::dispatched;
use crate::context::{BinaryCoder, BinaryDecoder, BinaryEncoder, Counter};
use crate::mask::Mask;
use crate::wire::{Reader, put_bytes};
use crate::{Budget, Error, Result, Word};

const PART: &str = "mixed density stream";

/// Appends the weights of a chunk; words that are not in `kept` are left out.
///
/// ```text
/// coded bits, behind their length · bits as they are
/// ```
///
/// Returns how many bytes the latter are.
pub fn encode<W: Word>(
    density: &Density,
    words: &[W],
    rows: &[Row],
    centre: &Centre<'_, W>,
    kept: Option<&Mask>,
    out: &mut Vec<u8>,
) -> usize {
    let mut writer = Writer::default();
    let mut model = Model::new(density, rows);
    let mut words = words.to_vec();
    dispatched(
        #[inline(always)]
        || model.run(&mut words, rows, centre, kept, &mut writer),
    )
    .expect("words have parts");
    put_bytes(out, &writer.coder.finish());
    let bits = writer.bits.finish();
    out.extend(&bits);
    bits.len()
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
    budget.spend(Symbols::MEMORY)?;
    let coder = BinaryDecoder::new(reader.bytes()?, PART);
    let mut source = Source { coder, bits: BitReader::new(reader.rest(), PART) };
    let mut model = Model::new(density, rows);
    dispatched(
        #[inline(always)]
        || model.run(out, rows, centre, kept, &mut source),
    )?;
    source.coder.end()?;
    source.bits.end()
}

/// Both streams of a chunk, written or read by the same code.
trait Streams {
    type Coder: BinaryCoder;

    fn coder(&mut self) -> &mut Self::Coder;

    /// Bits as they are: `value` for a writer, what stands there for a reader.
    fn raw(&mut self, value: u64, count: u32) -> Result<u64>;

    fn check(&self) -> Result<()>;
}

#[derive(Default)]
struct Writer {
    coder: BinaryEncoder,
    bits: BitWriter,
}

impl Streams for Writer {
    type Coder = BinaryEncoder;

    #[inline(always)]
    fn coder(&mut self) -> &mut BinaryEncoder {
        &mut self.coder
    }

    #[inline(always)]
    fn raw(&mut self, value: u64, count: u32) -> Result<u64> {
        self.bits.put(value, count);
        Ok(value)
    }

    #[inline(always)]
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

struct Source<'a> {
    coder: BinaryDecoder<'a>,
    bits: BitReader<'a>,
}

impl<'a> Streams for Source<'a> {
    type Coder = BinaryDecoder<'a>;

    #[inline(always)]
    fn coder(&mut self) -> &mut BinaryDecoder<'a> {
        &mut self.coder
    }

    #[inline(always)]
    fn raw(&mut self, _: u64, count: u32) -> Result<u64> {
        self.bits.take(count)
    }

    #[inline(always)]
    fn check(&self) -> Result<()> {
        self.coder.check()
    }
}

/// A density, and everything that learns.
struct Model<'a> {
    density: &'a Density,
    is_between: bool,
    hole: Parts,
    symbols: Symbols,
    halvings: [Counter; 16],
}

impl<'a> Model<'a> {
    fn new(density: &'a Density, rows: &[Row]) -> Self {
        let is_between = !density.predicts() && rows.iter().all(|row| row.mean == 0);
        Self {
            density,
            is_between,
            hole: density.numbers.parts(density.hole),
            symbols: Symbols::new(density, rows, is_between),
            halvings: [Counter::default(); 16],
        }
    }

    /// Codes all words.
    #[inline(always)]
    fn run<W: Word, S: Streams>(
        &mut self,
        words: &mut [W],
        rows: &[Row],
        centre: &Centre<'_, W>,
        kept: Option<&Mask>,
        streams: &mut S,
    ) -> Result<()> {
        let density = self.density;
        let (mut before, mut centres) = (vec![], centre::Row::default());
        let mut at = 0;
        for (number, row) in rows.iter().enumerate() {
            before.clear();
            centre.row(density, number, at, row.len, &mut centres);
            self.symbols.begin_row();
            for (column, word) in words[at..at + row.len].iter_mut().enumerate() {
                if kept.is_some_and(|kept| !kept[at + column]) {
                    before.push(0);
                    continue;
                }
                let own = centres.centres[column];
                let spot = self.spot(row, column, &before, own);
                let coded = self.word(word.wide(), &spot, row.zeros, column, streams)?;
                *word = W::low(coded.ok_or_else(|| Error::corrupt(PART, "a cell holds no weight", at))?);
                before.push(density.deviation(row, column, density.numbers.parts(word.wide()), own));
                streams.check()?;
            }
            at += row.len;
        }
        Ok(())
    }

    #[inline(always)]
    fn spot(&self, row: &Row, column: usize, before: &[i32], centre: i64) -> Spot {
        let density = self.density;
        let mean = density.prediction(row, column, before, centre);
        let steps = row.steps + density.columns.get(column).copied().unwrap_or(0);
        let (level, step) = density.level(steps, mean);
        // A quarter of a cell says whether the prediction is near a border, and near which one.
        let quarter = if self.is_between { 0 } else { base_cell(mean.saturating_mul(4), level, density.unit) & 3 };
        let base = base_cell(mean, level, density.unit) + i64::from(quarter == 3);
        Spot { level, base, step, is_between: matches!(quarter, 0 | 3) }
    }

    #[inline(always)]
    fn word<S: Streams>(
        &mut self,
        word: u64,
        spot: &Spot,
        zeros: u32,
        column: usize,
        streams: &mut S,
    ) -> Result<Option<u64>> {
        let numbers = self.density.numbers;
        let parts = numbers.parts(word);
        let hole = self.density.hole_cells(self.hole, spot.level);
        let place = Numbers::place(parts, spot.level, zeros);
        let inner = place.and_then(|place| outside(place.cell, hole));
        let (symbol, inside, _) = inner.map_or((ORDERED_ESCAPE, 0, 0), |cell| ordered(cell - spot.base));
        let symbol = self.symbols.code(symbol, spot, column, streams.coder());
        if symbol >= ORDERED_ESCAPE {
            return Ok(Some(streams.raw(word, numbers.bits)?));
        }
        let (first, count) = ordered_cells(symbol);
        let inside = streams.raw(inside, count)? as i64;
        let near = if first < 0 { first - inside } else { first + inside };
        self.symbols.learn(near, spot, column);
        let cell = spot.base + near;
        let cell = if cell < 0 { cell - hole } else { cell + hole };
        if matches!(cell, -1 | 0) {
            return self.near(parts, cell < 0, spot.level, zeros, streams);
        }
        let below = place.map_or(0, |place: Place| place.below);
        let below = streams.raw(below, numbers.below_bits(cell, spot.level, zeros))?;
        Ok(numbers.restore(cell, below, spot.level, zeros))
    }

    /// A weight in a cell next to zero.
    #[inline(always)]
    fn near<S: Streams>(
        &mut self,
        parts: Parts,
        is_negative: bool,
        level: u32,
        zeros: u32,
        streams: &mut S,
    ) -> Result<Option<u64>> {
        let numbers = self.density.numbers;
        // A reader's parts mean nothing, and may be of any size.
        let is_near = 64 - parts.digits.leading_zeros() + parts.shift <= level;
        let (own, low, _) = if is_near { numbers.near(parts, level, zeros) } else { (0, 0, 0) };
        let most = numbers.halvings(level);
        let mut halvings = 0;
        while halvings < most {
            let counter = &mut self.halvings[halvings as usize];
            let goes_on = streams.coder().code(own > halvings, counter.one());
            counter.learn(goes_on, 250);
            if !goes_on {
                break;
            }
            halvings += 1;
        }
        let low = streams.raw(low, numbers.near_bits(halvings, level, zeros))?;
        Ok(numbers.restore_near(is_negative, halvings, low, level, zeros))
    }
}
