//! What stands beside a value, as one small number: the classes of one or two earlier columns of its row.
//!
//! A tree asks few questions of many columns; beside its leaf, two columns in finer classes tell what no tree of that
//! size can: a value that is nearly a function of two numbers.

use super::values::Numbers;
use super::{Known, Setting};
use crate::codec::adaptive::{RangeDecoder, RangeEncoder};
use crate::log2::log2;
use crate::{Lane, Result};

/// Most columns that stand beside a value.
const MOST: usize = 2;

/// Most classes of one column, and of all together, as powers of two.
const MOST_BITS: u32 = 7;
const MOST_TOGETHER: u32 = 12;

/// Rows of a block from which the bounds of classes are taken.
const SAMPLE: usize = 4096;

/// Rows on which columns are compared, and on which classes of the best ones are.
const SCREENED: usize = 8192;
const COMPARED: usize = 32768;

/// Columns that are paired with each other.
const PAIRED: usize = 5;

/// Rows for each class, at least.
const LEAST_ROWS: usize = 12;

/// How many rows of the whole column a context weighs when it has seen none of its own.
const PRIOR: u64 = 4;

/// Earlier columns and the base 2 logarithms of the number of their classes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Beside(Vec<(u32, u32)>);

/// The last value of each class but the last, for each column.
#[derive(Debug, Clone, Default)]
pub(super) struct Classes(Vec<Vec<u64>>);

impl Classes {
    /// Most bytes of memory.
    pub const MOST_MEMORY: u64 = (MOST as u64 * 8) << MOST_BITS;
}

/// The symbols of a column's first rows, to find what stands beside them.
pub(super) struct History<'a> {
    pub symbols: &'a [u8],
    pub count: usize,
}

impl History<'_> {
    /// Whether a symbol tells something about that of the next row.
    pub fn follows(&self) -> bool {
        let rows = self.symbols.len().min(COMPARED);
        let before: Vec<u32> = std::iter::once(0).chain(self.symbols.iter().map(|&s| u32::from(s) + 1)).collect();
        let plain = self.cost(&vec![0; rows], 1);
        self.cost(&before[..rows], self.count + 1) < plain
    }

    /// The columns and classes that tell most about the symbols; none if none tell anything.
    pub fn beside(&self, setting: &Setting<'_>, column: usize) -> Beside {
        let most = (self.symbols.len() / LEAST_ROWS).max(1).ilog2().min(MOST_TOGETHER);
        let price = |parts: &Beside, rows: usize| {
            let lane = |&(c, _): &(u32, u32)| setting.frame.columns()[c as usize].ordinals.slice(0..self.symbols.len());
            let lanes: Vec<Lane> = parts.0.iter().map(lane).collect();
            let lanes: Vec<&Lane> = lanes.iter().collect();
            let contexts = parts.contexts(rows.min(self.symbols.len()), &lanes, &parts.classes_of(&lanes));
            self.cost(&contexts, parts.len())
        };
        let alone = Beside::default();
        let plain = price(&alone, SCREENED);
        let mut columns: Vec<(u64, u32)> = setting
            .earlier(column)
            .into_iter()
            .map(|c| (price(&Beside(vec![(c, most.min(5))]), SCREENED), c))
            .filter(|&(cost, _)| cost < plain)
            .collect();
        columns.sort_unstable();
        let telling: Vec<u32> = columns.iter().take(PAIRED).map(|&(_, c)| c).collect();
        let Some(&first) = telling.first() else { return alone };
        let mut tried: Vec<Beside> = [2, 3, 4, 6, 7].map(|bits| Beside(vec![(first, bits)])).to_vec();
        for (at, &a) in telling.iter().enumerate() {
            for &b in &telling[at + 1..] {
                tried.extend([(4, 4), (6, 4), (4, 6), (7, 5)].map(|(x, y)| Beside(vec![(a, x), (b, y)])));
            }
        }
        tried.retain(|parts| parts.bits() <= most);
        let plain = price(&alone, COMPARED);
        let best = tried.into_iter().map(|parts| (price(&parts, COMPARED), parts)).min_by_key(|(cost, _)| *cost);
        best.filter(|(cost, _)| *cost < plain).map_or(alone, |(_, parts)| parts)
    }

    /// What the first symbols cost with counts in each of `count` contexts that lean on those of the column, in units of
    /// 2⁻¹⁶ bit.
    fn cost(&self, contexts: &[u32], count: usize) -> u64 {
        let mut counts = vec![0u32; count * self.count];
        let mut totals = vec![0u32; count];
        let mut all = vec![1u32; self.count];
        // Of a long column only the first rows are seen; what is learnt from them pays in all the others.
        let learnt = if self.symbols.len() > contexts.len() { contexts.len() / 2 } else { 0 };
        let mut sum = 0;
        for (row, (&symbol, &context)) in self.symbols.iter().zip(contexts).enumerate() {
            let (symbol, context) = (usize::from(symbol), context as usize);
            let (seen, total) = (&mut counts[context * self.count + symbol], &mut totals[context]);
            if row >= learnt {
                let share = (u64::from(all[symbol]) << 16) / (self.count + row) as u64 + 1;
                let (whole, part) = ((u64::from(*total) + PRIOR) << 16, (u64::from(*seen) << 16) + PRIOR * share);
                sum += log2(whole).saturating_sub(log2(part));
            }
            (*seen, *total, all[symbol]) = (*seen + 1, *total + 1, all[symbol] + 1);
        }
        sum
    }
}

impl Beside {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// log2 of the number of contexts.
    fn bits(&self) -> u32 {
        self.0.iter().map(|&(_, bits)| bits).sum()
    }

    /// Number of contexts.
    pub fn len(&self) -> usize {
        1 << self.bits()
    }

    /// Bytes of memory for so many rows.
    pub fn memory(rows: u64) -> u64 {
        // The contexts, and one lane at a time in wide words.
        rows * 12
    }

    /// The context of each row.
    pub fn of_rows(&self, known: &Known<'_>, classes: &Classes) -> Vec<u32> {
        let lanes: Vec<&Lane> = self.0.iter().map(|&(c, _)| known.columns[c as usize]).collect();
        self.contexts(known.rows, &lanes, classes)
    }

    /// The classes of the columns in these rows.
    pub fn classes(&self, known: &Known<'_>) -> Classes {
        let lanes: Vec<&Lane> = self.0.iter().map(|&(c, _)| known.columns[c as usize]).collect();
        self.classes_of(&lanes)
    }

    fn classes_of(&self, lanes: &[&Lane]) -> Classes {
        Classes(self.0.iter().zip(lanes).map(|(&(_, bits), lane)| tops(&lane.to_u64s(), 1 << bits)).collect())
    }

    fn contexts(&self, rows: usize, lanes: &[&Lane], classes: &Classes) -> Vec<u32> {
        let mut out = vec![0; rows];
        for ((&(_, bits), lane), tops) in self.0.iter().zip(lanes).zip(&classes.0) {
            let values = lane.to_u64s();
            let class = |value: u64| tops.partition_point(|&top| top < value) as u32;
            out.iter_mut().zip(&values).for_each(|(context, &value)| *context = *context << bits | class(value));
        }
        out
    }

    pub fn write(&self, numbers: &mut Numbers, out: &mut RangeEncoder) {
        numbers.tag.encode(self.0.len() as u64, out);
        for &(c, bits) in &self.0 {
            numbers.column.encode(u64::from(c), out);
            numbers.depth[0].encode(u64::from(bits), out);
        }
    }

    /// Reads what [`Beside::write`] wrote, for column `index`.
    pub fn read(index: u32, numbers: &mut Numbers, source: &mut RangeDecoder<'_>) -> Result<Self> {
        let count = numbers.tag.decode(source);
        if count > MOST as u64 {
            return Err(source.corrupt("too many columns stand beside a value"));
        }
        let mut parts = vec![];
        for _ in 0..count {
            let (c, bits) = (numbers.column.decode(source), numbers.depth[0].decode(source));
            if c >= u64::from(index) || !(1..=u64::from(MOST_BITS)).contains(&bits) {
                return Err(source.corrupt("a later column stands beside a value, or in too many classes"));
            }
            parts.push((c as u32, bits as u32));
        }
        Ok(Self(parts))
    }
}

/// The last value of each class but the last: about as many rows of a sample in each, or each value its own.
fn tops(values: &[u64], most: usize) -> Vec<u64> {
    let step = values.len().div_ceil(SAMPLE).max(1);
    let mut sorted: Vec<u64> = values.iter().copied().step_by(step).collect();
    sorted.sort_unstable();
    super::contexts::tops(&sorted, most)
}
