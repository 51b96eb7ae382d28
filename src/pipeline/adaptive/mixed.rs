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
const TRIAL_ROWS: usize = 3072;

/// A column of so many rows is its own trial.
const WHOLE_ROWS: usize = 8192;

/// A trial makes do with a table of so many times fewer lines, as a power of two: one that stays near the processor.
const TRIAL_LINES: u32 = 2;

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

/// A model worth coding all rows.
pub(super) struct Proposal {
    pub recorded: Recorded,
    pub model: Mixed,
    /// What it writes, where that is known.
    pub stream: Option<Vec<u8>>,
}

/// The best of some settings and of one or two partitions (no tree first) on the first rows; nothing for columns of one symbol, and where
/// it is sure to take more than `most` bytes.
pub(super) fn propose(
    setting: &Setting<'_>,
    column: usize,
    partitions: Vec<Recorded>,
    most: usize,
) -> Result<Option<Proposal>> {
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
    let mut best: Option<(Tried, Recorded)> = None;
    for recorded in partitions {
        let mut tried = with_known(setting, 0, &recorded, |known| match &best {
            None => trial.best_of(candidates.clone(), recorded != Recorded::Whole, known),
            // What suits a column without its tree suits it with one.
            Some((tried, _)) => trial.with_tree(&tried.model, known),
        })?;
        tried.bits += trial.share(8 * tree_bytes(&recorded) as u64);
        if best.as_ref().is_none_or(|(best, _)| tried.bits < best.bits) {
            best = Some((tried, recorded));
        }
    }
    let hopeful = best.filter(|(tried, _)| !trial.is_whole || tried.bits / (8 * BIT) < most as u64);
    Ok(hopeful.map(|(Tried { model, stream, .. }, recorded)| Proposal {
        recorded,
        model,
        stream: trial.is_whole.then_some(stream),
    }))
}

/// Numbers of contexts, those that tell most, that are often enough.
const TOLD: [usize; 2] = [8, 12];

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

/// A setting, what it costs and what it writes.
struct Tried {
    bits: u64,
    model: Mixed,
    stream: Vec<u8>,
}

impl Trial {
    fn new(setting: &Setting<'_>, column: usize, possible: u32) -> Self {
        let (block, rows) = (&setting.blocks[0], setting.frame.rows());
        let is_whole = rows <= WHOLE_ROWS && rows == block.rows;
        let tried = if is_whole { rows } else { block.rows.min(TRIAL_ROWS) };
        let words = block.columns[column].ordinals.slice(0..tried).to_u64s();
        Self { possible, words, rows: rows as u64, is_whole }
    }

    /// The share of some bits of the whole column that these rows bear.
    fn share(&self, bits: u64) -> u64 {
        bits * BIT * self.words.len() as u64 / self.rows.max(1)
    }

    fn price(&self, model: Mixed, views: &Views, known: &Known<'_>, shares: Option<&mut [u64]>) -> Tried {
        let scene = Scene { known, views, rows: self.words.len() };
        let mut coder = Written::default();
        // Of a longer column only the first rows are seen: what is learnt from half of them pays in all the others.
        let learning = if self.is_whole { 0 } else { self.words.len() / 2 };
        let (mut row, mut learnt) = (0, 0);
        let count = |coder: &Written| {
            row += 1;
            if row == learning {
                learnt = coder.price.units();
            }
            Ok(())
        };
        model.run(&self.words, &scene, &mut coder, shares, count).expect("writing does not fail");
        let named = self.share(8 * model.record_bytes() as u64);
        let bits = if learning > 0 { 2 * (coder.price.units() - learnt) } else { coder.price.units() };
        Tried { bits: bits + named, model, stream: coder.encoder.finish() }
    }

    /// The candidate of the lowest price, and the contexts and the memory that suit it.
    fn best_of(&self, candidates: Vec<Mixed>, has_tree: bool, known: &Known<'_>) -> Tried {
        let possible = self.possible & if has_tree { ALL } else { !OF_LEAF };
        let with = |model: &Mixed, mask: u32| Mixed { mask: mask & possible, ..model.clone() };
        let views = with(&candidates[0], ALL).views(known);
        let price = |model: Mixed| self.price(model, &views, known, None);
        // A few contexts are enough to tell bases apart, and how long to remember.
        let few = candidates.iter().map(|model| price(with(model, FEW)));
        let mut few = few.min_by_key(|tried| tried.bits).expect("there is a candidate");
        let forgetful = price(Mixed { limit: 2, ..few.model.clone() });
        if forgetful.bits < few.bits - few.bits / 256 {
            few = forgetful;
        }
        let mut shares = vec![0; 2 * possible.count_ones() as usize];
        let all = self.price(with(&few.model, ALL), &views, known, Some(&mut shares));
        let enough = all.bits + all.bits / SLACK;
        if few.bits <= enough {
            return few;
        }
        let contexts = (0..COUNT).filter(|bit| possible >> bit & 1 == 1);
        let shares = shares.as_chunks::<2>().0.iter().map(|share| share[0] + share[1]);
        let mut contexts: Vec<(u64, u32)> = shares.zip(contexts).collect();
        contexts.sort_unstable_by_key(|&(share, bit)| (std::cmp::Reverse(share), bit));
        let told = TOLD.map(|count| contexts.iter().take(count).fold(0, |mask, (_, bit)| mask | 1 << bit));
        for mask in [told[0], told[1], UNORDERED] {
            let tried = price(with(&all.model, mask));
            if tried.bits <= enough {
                return tried;
            }
        }
        all
    }

    /// The same model with the contexts of a tree besides.
    fn with_tree(&self, model: &Mixed, known: &Known<'_>) -> Tried {
        let model = Mixed { mask: model.mask | (OF_LEAF & self.possible), ..model.clone() };
        let views = model.views(known);
        self.price(model, &views, known, None)
    }
}

/// A stream and its price, which is finer than its bytes.
#[derive(Default)]
struct Written {
    encoder: BinaryEncoder,
    price: Price,
}

impl BinaryCoder for Written {
    #[inline(always)]
    fn code(&mut self, bit: bool, one: u32) -> bool {
        self.price.code(bit, one);
        self.encoder.code(bit, one)
    }
}

/// Where a column is coded.
struct Scene<'a> {
    known: &'a Known<'a>,
    views: &'a Views,
    /// So many of the first rows.
    rows: usize,
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

    fn record_bytes(&self) -> usize {
        let (mut out, mut numbers) = (RangeEncoder::default(), Numbers::default());
        self.write(&mut numbers, &mut out);
        out.finish().len()
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

    /// Sizes of the mixer for so many of the block's rows.
    fn config(&self, rows: usize, known: &Known<'_>) -> MixedConfig {
        let contexts = self.mask.count_ones() as usize;
        let touched = rows * contexts;
        let lines_log2 = (usize::BITS - touched.leading_zeros()).clamp(8, 18);
        MixedConfig {
            contexts,
            sets: self.values.path.nodes().len() + OFFSET_SETS,
            lines_log2: if rows < known.rows { lines_log2.max(8 + TRIAL_LINES) - TRIAL_LINES } else { lines_log2 },
            limit: LIMITS[self.limit],
            rate: 140,
        }
    }

    fn views(&self, known: &Known<'_>) -> Views {
        Views::new(self.mask, self.index, &self.ranked, known.leaf_of_row(), |c| known.columns[c as usize])
    }

    pub fn encode(&self, ordinals: &Lane, known: &Known<'_>) -> Vec<u8> {
        let mut coder = BinaryEncoder::default();
        let scene = Scene { known, views: &self.views(known), rows: known.rows };
        self.run(&ordinals.to_u64s(), &scene, &mut coder, None, |_| Ok(())).expect("writing does not fail");
        coder.finish()
    }

    pub fn decode(&self, stream: &[u8], known: &Known<'_>, budget: &mut Budget) -> Result<Lane> {
        let rows = known.rows as u64;
        budget.spend(
            MixedModel::memory(&self.config(known.rows, known))
                + RowContexts::memory(rows, self.ranked.len() as u64)
                + References::memory(rows),
        )?;
        let mut coder = BinaryDecoder::new(stream, "columns");
        let scene = Scene { known, views: &self.views(known), rows: known.rows };
        let ordinals = self.run(&[], &scene, &mut coder, None, BinaryDecoder::check)?;
        coder.end()?;
        Ok(Lane::narrowest(ordinals))
    }

    /// Codes the rows of a scene, `ordinals` when writing; adds what each context told of symbols to `shares`, see
    /// [`MixedModel::weigh`].
    fn run<C: BinaryCoder>(
        &self,
        ordinals: &[u64],
        &Scene { known, views, rows }: &Scene<'_>,
        coder: &mut C,
        mut shares: Option<&mut [u64]>,
        mut check: impl FnMut(&C) -> Result<()>,
    ) -> Result<Vec<u64>> {
        let mut contexts = RowContexts::new(views, self.mask, rows);
        let first = self.values.figures.origin.first;
        let mut references = References::new(self.values.base.clone(), first, |c| known.columns[c as usize]);
        let mut model = MixedModel::new(self.config(rows, known));
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
