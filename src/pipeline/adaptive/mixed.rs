//! `Max`: a column by many contexts at once.

use super::contexts::{ALL, FEW, MOST_RANKED, RowContexts, UNORDERED};
use super::figures::Origin;
use super::rank::{bases, ranked};
use super::values::{Base, Numbers, References, Values};
use super::{Known, Setting, with_known};
use crate::codec::adaptive::{RangeDecoder, RangeEncoder};
use crate::context::{BinaryCoder, BinaryDecoder, BinaryEncoder, Branch, MixedConfig, MixedModel, Price};
use crate::tree::wire::Recorded;
use crate::{Budget, Lane, Result};

/// Rows of a trial.
const TRIAL_ROWS: usize = 4096;

/// Weight sets for the bits of offsets, by their place.
const OFFSET_SETS: usize = 64;

/// How many bits slots remember: what a record may choose from.
const LIMITS: [u32; 4] = [255, 127, 60, 30];

/// A column by mixed contexts.
#[derive(Debug, Clone)]
pub(super) struct Mixed {
    pub values: Values,
    /// Which contexts of the list are in use.
    pub mask: u32,
    /// The earlier columns looked at, the most telling first.
    pub ranked: Vec<u32>,
    /// Which of [`LIMITS`].
    pub limit: usize,
    /// The column itself.
    pub index: u32,
}

/// The best of some settings on the first rows, or nothing for columns without rows.
pub(super) fn propose(setting: &Setting<'_>, column: usize, recorded: &Recorded) -> Result<Option<Mixed>> {
    let source = &setting.frame.columns()[column];
    let (ordered, first) = (source.ordered, source.first_value);
    let figures = setting.figures(column);
    let earlier = setting.earlier(column);
    let ranked = ranked(setting, column, &earlier);
    let make = |base: Base| -> Option<Mixed> {
        let mut words = vec![];
        for block in setting.blocks {
            let all = |c: u32| &block.columns[c as usize].ordinals;
            let mut references = References::new(base.clone(), first, all);
            for (row, value) in block.columns[column].ordinals.to_u64s().into_iter().enumerate() {
                let word = super::values::word(&base, figures, value, references.get(row));
                // A difference that looks like a missing value cannot be written.
                if value >= first && word < first {
                    return None;
                }
                words.push(word);
                references.push(row, value);
            }
        }
        let is_ordered = ordered || base != Base::Plain;
        let values = Values::fit(base, figures, &Lane::narrowest(words), is_ordered);
        Some(Mixed { values, mask: ALL, ranked: ranked.clone(), limit: 0, index: column as u32 })
    };
    let mut candidates: Vec<Mixed> = bases(setting, column, figures, &ranked).into_iter().filter_map(make).collect();
    if candidates.iter().all(|model| model.values.path.symbols() < 2) {
        return Ok(None);
    }
    let price = |model: &Mixed| -> Result<u64> {
        let words = &setting.blocks[0].columns[column].ordinals;
        with_known(setting, 0, recorded, |known| model.price(words, known))
    };
    // Contexts of columns that are not there say nothing new.
    let possible = match ranked.len() {
        0 => ALL & !0b111_1110_0000_1111_1111_1111_1111_1000 | 1 << 24,
        1 => ALL & !0b101_1100_0000_1011_1111_1111_1111_0000,
        2 => ALL & !0b101_0000_0000_1011_1111_1111_0110_0000,
        3 => ALL & !0b100_0000_0000_0000_1011_1000_0100_0000,
        _ => ALL,
    };
    let possible = if *recorded == Recorded::Whole { possible & !0b100_0000_0000_0110 } else { possible };
    candidates.iter_mut().for_each(|model| model.mask = ALL & possible);
    let mut best: Option<(u64, Mixed)> = None;
    for model in candidates {
        let bits = price(&model)?;
        if best.as_ref().is_none_or(|best| bits < best.0) {
            best = Some((bits, model));
        }
    }
    let (mut bits, mut model) = best.expect("there is a candidate");
    for mask in [UNORDERED & possible, FEW & possible] {
        let other = Mixed { mask, ..model.clone() };
        // Fewer contexts save time, so they need not win.
        let (own, slack) = (price(&other)?, if mask == FEW & possible { bits / 512 } else { bits / 2048 });
        if own <= bits + slack {
            (bits, model) = (own, other);
        }
    }
    let other = Mixed { limit: 2, ..model.clone() };
    if price(&other)? < bits - bits / 256 {
        model = other;
    }
    Ok(Some(model))
}

impl Mixed {
    pub fn write(&self, numbers: &mut Numbers, out: &mut RangeEncoder) {
        self.values.write(numbers, out);
        numbers.mask.encode(
            u64::from(match self.mask {
                ALL => 0,
                UNORDERED => 1,
                mask => mask + 1,
            }),
            out,
        );
        numbers.count.encode((self.ranked.len() * LIMITS.len() + self.limit) as u64, out);
        self.ranked.iter().for_each(|&c| numbers.column.encode(u64::from(c), out));
    }

    pub fn read(index: u32, origin: Origin, numbers: &mut Numbers, source: &mut RangeDecoder<'_>) -> Result<Self> {
        let values = Values::read(index, origin, numbers, source)?;
        let mask = match numbers.mask.decode(source) {
            0 => ALL,
            1 => UNORDERED,
            mask => (mask - 1) as u32 & ALL,
        };
        let count = numbers.count.decode(source) as usize;
        let (count, limit) = (count / LIMITS.len(), count % LIMITS.len());
        if count > MOST_RANKED || mask == 0 {
            return Err(source.corrupt("a column has no contexts or looks at too many columns"));
        }
        let mut ranked = vec![];
        for _ in 0..count {
            let c = numbers.column.decode(source);
            if c >= u64::from(index) {
                return Err(source.corrupt("a context refers to a later column"));
            }
            ranked.push(c as u32);
        }
        Ok(Self { values, mask, ranked, limit, index })
    }

    fn config(&self, rows: usize) -> MixedConfig {
        let contexts = self.mask.count_ones() as usize;
        let touched = rows * contexts;
        MixedConfig {
            contexts,
            sets: self.values.path.nodes().len() + OFFSET_SETS,
            lines_log2: (usize::BITS - touched.leading_zeros()).clamp(8, 18),
            limit: LIMITS[self.limit],
            rate: 140,
        }
    }

    pub fn encode(&self, ordinals: &Lane, known: &Known<'_>) -> Vec<u8> {
        let mut coder = BinaryEncoder::default();
        self.run(&ordinals.to_u64s(), known.rows, known, &mut coder, |_| Ok(())).expect("writing does not fail");
        coder.finish()
    }

    /// What the first rows cost.
    fn price(&self, ordinals: &Lane, known: &Known<'_>) -> u64 {
        let mut coder = Price::default();
        let rows = known.rows.min(TRIAL_ROWS);
        self.run(&ordinals.slice(0..rows).to_u64s(), rows, known, &mut coder, |_| Ok(()))
            .expect("adding does not fail");
        coder.units()
    }

    pub fn decode(&self, stream: &[u8], known: &Known<'_>, budget: &mut Budget) -> Result<Lane> {
        let rows = known.rows as u64;
        budget.spend(
            MixedModel::memory(&self.config(known.rows))
                + RowContexts::memory(rows, self.ranked.len() as u64)
                + References::memory(rows),
        )?;
        let mut coder = BinaryDecoder::new(stream, "columns");
        let ordinals = self.run(&[], known.rows, known, &mut coder, BinaryDecoder::check)?;
        coder.end()?;
        Ok(Lane::narrowest(ordinals))
    }

    fn run<C: BinaryCoder>(
        &self,
        ordinals: &[u64],
        rows: usize,
        known: &Known<'_>,
        coder: &mut C,
        check: impl Fn(&C) -> Result<()>,
    ) -> Result<Vec<u64>> {
        let column = |c: u32| known.columns[c as usize];
        let mut contexts = RowContexts::new(self.mask, self.index, &self.ranked, known.leaf_of_row(), column);
        let mut references = References::new(self.values.base.clone(), self.values.figures.origin.first, column);
        let mut model = MixedModel::new(self.config(rows));
        let nodes = self.values.path.nodes();
        let bins = &self.values.bins;
        let (mut out, mut hashes) = (Vec::with_capacity(rows), vec![]);
        for row in 0..rows {
            let reference = references.get(row);
            contexts.fill(row, reference, &self.values, &mut hashes);
            model.begin(&hashes);
            let word = ordinals.get(row).map(|&value| self.values.word(value, reference));
            let (symbol, offset) =
                word.map_or((0, 0), |word| bins.bin_of(word).expect("bins were fitted to the words"));
            let (code, mut left) = self.values.path.code(symbol);
            let mut at = if nodes.is_empty() { Branch::Symbol(0) } else { Branch::Node(0) };
            let symbol = loop {
                let node = match at {
                    Branch::Node(node) => usize::from(node),
                    Branch::Symbol(symbol) => break usize::from(symbol),
                };
                if nodes[node].slot == 1 {
                    model.group(node as u32);
                }
                left = left.saturating_sub(1);
                let bit = model.code(code >> left & 1 == 1, usize::from(nodes[node].slot), node, coder);
                at = nodes[node].branches[usize::from(bit)];
            };
            let width = bins.widths[symbol];
            let mut read = 0u64;
            let mut slot = 1usize;
            for shift in (0..width).rev() {
                if (width - 1 - shift).is_multiple_of(4) {
                    slot = 1;
                    model.group(
                        0x8000_0000 | (symbol as u32) << 16 ^ super::values::fold(read << 7 | u64::from(shift)) >> 1,
                    );
                }
                let bit = model.code(offset >> shift & 1 == 1, slot, nodes.len() + shift as usize, coder);
                (slot, read) = (2 * slot + usize::from(bit), read << 1 | u64::from(bit));
            }
            let value = self.values.value(bins.lowers[symbol].wrapping_add(read), reference);
            references.push(row, value);
            contexts.push(value, symbol);
            out.push(value);
            check(coder)?;
        }
        Ok(out)
    }
}
