//! What suits a column at `Max`: its base, its contexts and its partition, compared on its first rows.

use super::contexts::{ALL, COUNT, FEW, OF_LEAF, UNORDERED, Views};
use super::mixed::{LONG_ROWS, Mixed, Scene};
use super::rank::{bases, ranked};
use super::values::{Base, References, Values, word};
use super::{Known, Setting, with_known};
use crate::context::{BinaryCoder, BinaryEncoder, Price};
use crate::log2::BIT;
use crate::pipeline::columns::tree_bytes;
use crate::tree::wire::Recorded;
use crate::{Lane, Result};

/// Rows of a trial.
const TRIAL_ROWS: usize = 3072;

/// Rows of a trial of a long column.
const LONG_TRIAL_ROWS: usize = 4096;

/// A column of so many rows is its own trial.
const WHOLE_ROWS: usize = 8192;

/// Numbers of contexts, those that tell most, that are often enough.
const TOLD: [usize; 2] = [8, 12];

/// Fewer contexts save time, so they may cost one part in so many more.
const SLACK: u64 = 1024;

/// A model worth coding all rows.
pub(super) struct Proposal {
    pub recorded: Recorded,
    pub model: Mixed,
    /// What it writes, where that is known.
    pub stream: Option<Vec<u8>>,
}

/// The best of some settings and of one or two partitions (no tree first) on the first rows; nothing for columns of one
/// symbol, and where it is sure to take more than `most` bytes.
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
                let word = word(&base, figures, value, references.get(row));
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
    let trial = Comparison::new(setting, column, possible);
    let mut best: Option<(Tried, Recorded)> = None;
    for recorded in partitions {
        let mut tried = with_known(setting, 0, &recorded, |known| match &best {
            None => trial.best_of(&candidates, recorded != Recorded::Whole, known),
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

/// Settings of a column compared on its first rows, in units of 2⁻¹⁶ bit.
struct Comparison {
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

impl Comparison {
    fn new(setting: &Setting<'_>, column: usize, possible: u32) -> Self {
        let (block, rows) = (&setting.blocks[0], setting.frame.rows());
        let is_whole = rows <= WHOLE_ROWS && rows == block.rows;
        let most = if rows > LONG_ROWS { LONG_TRIAL_ROWS } else { TRIAL_ROWS };
        let tried = if is_whole { rows } else { block.rows.min(most) };
        let words = block.columns[column].ordinals.slice(0..tried).to_u64s();
        Self { possible, words, rows: rows as u64, is_whole }
    }

    /// Whether few rows cannot tell what contexts are worth in all of them.
    fn is_long(&self) -> bool {
        self.rows > LONG_ROWS as u64
    }

    /// The share of some bits of the whole column that these rows bear.
    fn share(&self, bits: u64) -> u64 {
        bits * BIT * self.words.len() as u64 / self.rows.max(1)
    }

    fn price(&self, model: Mixed, views: &Views, known: &Known<'_>, shares: Option<&mut [u64]>) -> Tried {
        let scene = Scene { known, views, rows: self.words.len() };
        let mut coder = Written::default();
        // Of a longer column only the first rows are seen: what is learnt from half of them pays in all the others.
        let learning = if self.is_whole || self.is_long() { 0 } else { self.words.len() / 2 };
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
    fn best_of(&self, candidates: &[Mixed], has_tree: bool, known: &Known<'_>) -> Tried {
        let possible = self.possible & if has_tree { ALL } else { !OF_LEAF };
        let with = |model: &Mixed, mask: u32| Mixed { mask: mask & possible, ..model.clone() };
        let views = with(&candidates[0], ALL).views(known);
        let price = |model: Mixed| self.price(model, &views, known, None);
        if self.is_long() {
            return best_of_long(candidates.iter().map(|model| price(with(model, ALL))), price, possible);
        }
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
        for mask in [told[0], told[1], UNORDERED & possible].into_iter().filter(|&mask| mask != all.model.mask) {
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

/// The best of some candidates with all contexts, or with one of two lists of fewer: in a long column rare contexts pay
/// that none of the first rows shows.
fn best_of_long(candidates: impl Iterator<Item = Tried>, price: impl Fn(Mixed) -> Tried, possible: u32) -> Tried {
    let mut best = candidates.min_by_key(|tried| tried.bits).expect("there is a candidate");
    for (mask, slack) in [(UNORDERED, 2048), (FEW, 512)] {
        let tried = price(Mixed { mask: mask & possible, ..best.model.clone() });
        if tried.bits <= best.bits + best.bits / slack {
            best = tried;
        }
    }
    let forgetful = price(Mixed { limit: 2, ..best.model.clone() });
    if forgetful.bits < best.bits - best.bits / 256 { forgetful } else { best }
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
