//! `Max`: a column by many contexts at once.

use super::contexts::{ALL, COUNT, FEW, MOST_RANKED, OF_LEAF, RowContexts, UNORDERED, Views};
use super::figures::Origin;
use super::rank::{bases, ranked};
use super::values::{Base, Numbers, References, Values};
use super::{Known, Setting, with_known};
use crate::codec::adaptive::{RangeDecoder, RangeEncoder};
use crate::codec::dispatched;
use crate::context::{BinaryCoder, BinaryDecoder, BinaryEncoder, Branch, MixedConfig, MixedModel, Price};
use crate::log2::BIT;
use crate::pipeline::columns::tree_bytes;
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

/// The best of some settings and of one or two partitions on the first rows; nothing for columns of one symbol, and where
/// it is sure to take more than `most` bytes.
pub(super) fn propose(
    setting: &Setting<'_>,
    column: usize,
    partitions: Vec<Recorded>,
    most: usize,
) -> Result<Option<(Recorded, Mixed)>> {
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
    let candidates: Vec<Mixed> = bases(setting, column, figures, &ranked).into_iter().filter_map(make).collect();
    if candidates.iter().all(|model| model.values.path.symbols() < 2) {
        return Ok(None);
    }
    // Contexts of columns that are not there say nothing new.
    let possible = match ranked.len() {
        0 => ALL & !0b111_1110_0000_1111_1111_1111_1111_1000 | 1 << 24,
        1 => ALL & !0b101_1100_0000_1011_1111_1111_1111_0000,
        2 => ALL & !0b101_0000_0000_1011_1111_1111_0110_0000,
        3 => ALL & !0b100_0000_0000_0000_1011_1000_0100_0000,
        _ => ALL,
    };
    let trial = Trial::new(setting, column, possible);
    let mut best: Option<(u64, Recorded, Mixed)> = None;
    for recorded in partitions {
        let (bits, model) = with_known(setting, 0, &recorded, |known| match &best {
            None => trial.best_of(candidates.clone(), recorded != Recorded::Whole, known),
            // What suits a column with its tree suits it without.
            Some((_, _, model)) => trial.without_tree(model, known),
        })?;
        let bits = bits + trial.share(8 * tree_bytes(&recorded) as u64);
        if best.as_ref().is_none_or(|best| bits < best.0) {
            best = Some((bits, recorded, model));
        }
    }
    let hopeful = best.filter(|(bits, _, _)| !trial.is_whole || *bits / (8 * BIT) < most as u64);
    Ok(hopeful.map(|(_, recorded, model)| (recorded, model)))
}

/// Bits that it takes to name contexts one by one.
const NAMED: u64 = 32;

/// Numbers of contexts worth a trial, those that tell most.
const TOLD: [usize; 2] = [8, 14];

/// Fewer contexts save time, so they may cost one part in so many more.
const SLACK: u64 = 1024;

/// Settings of a column compared on its first rows, in units of 2⁻¹⁶ bit.
struct Trial {
    possible: u32,
    words: Vec<u64>,
    rows: u64,
    /// Whether these are all rows of the column.
    is_whole: bool,
}

impl Trial {
    fn new(setting: &Setting<'_>, column: usize, possible: u32) -> Self {
        let block = &setting.blocks[0];
        let words = block.columns[column].ordinals.slice(0..block.rows.min(TRIAL_ROWS)).to_u64s();
        let rows = setting.frame.rows() as u64;
        Self { possible, is_whole: words.len() as u64 == rows, words, rows }
    }

    /// The share of some bits of the whole column that these rows bear.
    fn share(&self, bits: u64) -> u64 {
        bits * BIT * self.words.len() as u64 / self.rows.max(1)
    }

    /// The candidate of the lowest price, and the contexts and the memory that suit it.
    fn best_of(&self, candidates: Vec<Mixed>, has_tree: bool, known: &Known<'_>) -> (u64, Mixed) {
        let possible = self.possible & if has_tree { ALL } else { !OF_LEAF };
        let views = Mixed { mask: possible, ..candidates[0].clone() }.views(known);
        let named = self.share(NAMED);
        let price = |model: &Mixed| named + model.price(&self.words, &views, known, None);
        // A few contexts are enough to tell bases apart, and how long to remember.
        let few = candidates.into_iter().map(|model| Mixed { mask: FEW & possible, ..model });
        let priced = few.map(|model| (price(&model), model));
        let (mut few_bits, mut few) = priced.min_by_key(|&(bits, _)| bits).expect("there is a candidate");
        let forgetful = Mixed { limit: 2, ..few.clone() };
        let bits = price(&forgetful);
        if bits < few_bits - few_bits / 256 {
            (few_bits, few) = (bits, forgetful);
        }
        let all = Mixed { mask: possible, ..few.clone() };
        let mut shares = vec![0; 2 * possible.count_ones() as usize];
        let mut best = (all.price(&self.words, &views, known, Some(&mut shares)), all);
        if possible != ALL {
            best.0 += named;
        }
        let enough = best.0 + best.0 / SLACK;
        if few_bits <= enough {
            return (few_bits, few);
        }
        let mut contexts: Vec<u32> = (0..COUNT).filter(|bit| possible >> bit & 1 == 1).collect();
        let share = |bit: u32| {
            let at = (possible & ((1 << bit) - 1)).count_ones() as usize;
            shares[2 * at] + shares[2 * at + 1]
        };
        contexts.sort_by_key(|&bit| std::cmp::Reverse(share(bit)));
        let told = TOLD.into_iter().filter(|&count| count < contexts.len());
        for mask in told.map(|count| contexts[..count].iter().fold(0, |mask, bit| mask | 1 << bit)) {
            let other = Mixed { mask, ..best.1.clone() };
            let bits = price(&other);
            if bits <= enough {
                return (bits, other);
            }
        }
        let other = Mixed { mask: UNORDERED & possible, ..best.1.clone() };
        let bits = price(&other);
        if bits <= enough { (bits, other) } else { best }
    }

    /// The same model without the contexts of a tree.
    fn without_tree(&self, model: &Mixed, known: &Known<'_>) -> (u64, Mixed) {
        let model = Mixed { mask: model.mask & !OF_LEAF, ..model.clone() };
        if model.mask == 0 {
            return (u64::MAX / 2, model);
        }
        let views = model.views(known);
        (self.share(NAMED) + model.price(&self.words, &views, known, None), model)
    }
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

    fn views(&self, known: &Known<'_>) -> Views {
        Views::new(self.mask, self.index, &self.ranked, known.leaf_of_row(), |c| known.columns[c as usize])
    }

    pub fn encode(&self, ordinals: &Lane, known: &Known<'_>) -> Vec<u8> {
        let mut coder = BinaryEncoder::default();
        let views = self.views(known);
        self.run(&ordinals.to_u64s(), known.rows, &views, known, &mut coder, None, |_| Ok(()))
            .expect("writing does not fail");
        coder.finish()
    }

    /// What some first rows cost; see [`MixedModel::weigh`].
    fn price(&self, ordinals: &[u64], views: &Views, known: &Known<'_>, shares: Option<&mut [u64]>) -> u64 {
        let mut coder = Price::default();
        self.run(ordinals, ordinals.len(), views, known, &mut coder, shares, |_| Ok(())).expect("adding does not fail");
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
        let views = self.views(known);
        let ordinals = self.run(&[], known.rows, &views, known, &mut coder, None, BinaryDecoder::check)?;
        coder.end()?;
        Ok(Lane::narrowest(ordinals))
    }

    fn run<C: BinaryCoder>(
        &self,
        ordinals: &[u64],
        rows: usize,
        views: &Views,
        known: &Known<'_>,
        coder: &mut C,
        mut shares: Option<&mut [u64]>,
        check: impl Fn(&C) -> Result<()>,
    ) -> Result<Vec<u64>> {
        let mut contexts = RowContexts::new(views, self.mask, rows);
        let first = self.values.figures.origin.first;
        let mut references = References::new(self.values.base.clone(), first, |c| known.columns[c as usize]);
        let mut model = MixedModel::new(self.config(rows));
        let nodes = self.values.path.nodes();
        let bins = &self.values.bins;
        let mut out = Vec::with_capacity(rows);
        let mut hashes = vec![0; model.config().contexts];
        dispatched(
            #[inline(always)]
            || {
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
                        if let Some(shares) = &mut shares {
                            model.weigh(shares);
                        }
                    };
                    let width = bins.widths[symbol];
                    let mut read = 0u64;
                    let mut slot = 1usize;
                    for shift in (0..width).rev() {
                        if (width - 1 - shift).is_multiple_of(4) {
                            slot = 1;
                            let place = super::values::fold(read << 7 | u64::from(shift)) >> 1;
                            model.group(0x8000_0000 | (symbol as u32) << 16 ^ place);
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
            },
        )
    }
}
