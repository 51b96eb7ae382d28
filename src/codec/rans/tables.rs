//! How the tables of all groups are described.
//!
//! A weight is kept as its root `g`: the weight is g², so that the step between neighbours grows with the square root
//! of a count, just as the spread of a count does. A pooled table comes first. The roots of a group are then coded
//! against what a base (the pooled table, or the last group's table mixed with it) lets one expect for the group's
//! size, in adaptive contexts chosen by the expected count. The encoder weighs the cost of saying a root against the
//! cost of coding with a wrong one.
//!
//! Source: J. Rissanen, "A universal prior for integers and estimation by minimum description length",
//! Ann. Statist. 11(2), 1983, for precision of the order of the square root; C. Wallace and D. Boulton,
//! "An information measure for classification", Computer J. 11(2), 1968.

use super::table::{Frequencies, code_price};
use crate::codec::adaptive::{BitModel, BitSink, Price, RangeDecoder, RangeEncoder, UIntModel};
use crate::codec::kinds::{Kind, KindModel, Table};
use crate::log2::log2;
use crate::{Budget, Result};

/// Largest root: no weight passes 2^40.
const MAX_ROOT: u64 = 1 << 20;
/// Larger groups are described as if they had this many words.
const MOST_WORDS: u64 = 1 << 39;
/// Fraction bits of an expected count.
const POINT: u32 = 6;
/// log₂ e in 2⁻¹⁶ bit.
const LOG2_E: u64 = 94_548;
/// Fraction bits of a share.
const SHARE: u32 = 20;

fn weight(root: u64) -> u64 {
    root * root
}

/// The root whose weight is nearest on the square-root scale.
#[inline]
fn root(count: u64) -> u64 {
    (4 * count).isqrt().div_ceil(2)
}

#[inline]
fn root_of_expected(expected: u64) -> u64 {
    ((expected >> (POINT - 2)).isqrt().div_ceil(2)).clamp(1, MAX_ROOT)
}

/// Roots coded against expected counts.
#[derive(Debug)]
struct RootModel([Cell; 64]);

#[derive(Debug, Default)]
struct Cell {
    zero: BitModel,
    exact: BitModel,
    above: BitModel,
    /// Made when it is first needed: few are, and all take longer to lay out than most tables to read.
    size: Option<Box<UIntModel>>,
}

impl RootModel {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Cell::default()))
    }

    /// Two contexts for each octave of the expected count.
    #[inline]
    fn cell(&mut self, expected: u64) -> &mut Cell {
        let bucket = match expected.checked_ilog2() {
            None => 0,
            Some(0) => 1,
            Some(log) => 2 * log as usize + (expected >> (log - 1) & 1) as usize,
        };
        &mut self.0[bucket.min(63)]
    }

    #[inline]
    fn encode<S: BitSink>(&mut self, root: u64, expected: u64, sink: &mut S) {
        let cell = self.cell(expected);
        sink.bit(&mut cell.zero, root == 0);
        if root == 0 {
            return;
        }
        let near = root_of_expected(expected);
        sink.bit(&mut cell.exact, root == near);
        if root == near {
            return;
        }
        if near > 1 {
            sink.bit(&mut cell.above, root > near);
        }
        cell.size.get_or_insert_default().encode(root.abs_diff(near) - 1, sink);
    }

    #[inline]
    fn decode(&mut self, expected: u64, decoder: &mut RangeDecoder<'_>) -> Result<u64> {
        let cell = self.cell(expected);
        if decoder.bit(&mut cell.zero) {
            return Ok(0);
        }
        let near = root_of_expected(expected);
        if decoder.bit(&mut cell.exact) {
            return Ok(near);
        }
        let above = near == 1 || decoder.bit(&mut cell.above);
        let size = cell.size.get_or_insert_default().decode(decoder).saturating_add(1);
        let root = if above { near.saturating_add(size) } else { near.saturating_sub(size) };
        if root == 0 || root > MAX_ROOT { Err(decoder.corrupt("a weight is out of range")) } else { Ok(root) }
    }
}

/// Everything that adapts while groups are described, the same on both sides.
struct Frame {
    /// Symbols that occur, the rarest first.
    symbols: Vec<u16>,
    pooled: Vec<u64>,
    pooled_shares: Vec<u64>,
    /// The weights of the last group that had a table, and its shares mixed with the pooled ones, once they are asked for.
    last: Vec<u64>,
    last_shares: Vec<u64>,
    is_mixed: bool,
    total: UIntModel,
    kinds: KindModel,
    rank: UIntModel,
    roots: [RootModel; 2],
    /// For the most frequent symbol, which is expected to fill what the others leave.
    rest: [RootModel; 2],
}

fn shares(weights: &[u64]) -> impl Iterator<Item = u64> {
    let sum = weights.iter().sum::<u64>().max(1);
    weights.iter().map(move |w| (w << SHARE) / sum)
}

impl Frame {
    /// `roots` of all symbols of an alphabet.
    fn new(roots: &[u64]) -> Self {
        let mut symbols: Vec<u16> = (0..roots.len() as u16).filter(|&s| roots[usize::from(s)] > 0).collect();
        symbols.sort_by_key(|&s| roots[usize::from(s)]);
        let pooled: Vec<u64> = symbols.iter().map(|&s| weight(roots[usize::from(s)])).collect();
        let pooled_shares: Vec<u64> = shares(&pooled).collect();
        Self {
            last: pooled.clone(),
            last_shares: pooled_shares.clone(),
            is_mixed: true,
            symbols,
            pooled,
            pooled_shares,
            total: UIntModel::default(),
            kinds: KindModel::new(),
            rank: UIntModel::default(),
            roots: [RootModel::new(), RootModel::new()],
            rest: [RootModel::new(), RootModel::new()],
        }
    }

    /// The weights of a base.
    fn base(&self, from_last: bool) -> &[u64] {
        if from_last { &self.last } else { &self.pooled }
    }

    /// The shares that a base lets one expect, and the models of what comes instead: of the most frequent symbol apart.
    fn expected(&mut self, from_last: bool) -> (&[u64], &mut RootModel, &mut RootModel) {
        if from_last && !self.is_mixed {
            self.last_shares.clear();
            self.last_shares.extend(shares(&self.last).zip(&self.pooled_shares).map(|(a, b)| (3 * a + b) / 4));
            self.is_mixed = true;
        }
        let shares = if from_last { &self.last_shares } else { &self.pooled_shares };
        let at = usize::from(from_last);
        (shares, &mut self.roots[at], &mut self.rest[at])
    }

    /// Makes `weights` the last table.
    fn follow(&mut self, kind: Kind, from_last: bool, weights: Option<Vec<u64>>) {
        self.kinds.follow(kind, from_last);
        let Some(weights) = weights else { return };
        self.last = weights;
        self.is_mixed = false;
    }

    /// The table of weights in the order of `self.symbols`.
    fn table(&self, weights: &[u64]) -> Table<Frequencies> {
        let all = self.symbols.iter().copied().zip(weights.iter().copied());
        let present: Vec<(u16, u64)> = all.filter(|(_, weight)| *weight > 0).collect();
        match present[..] {
            [] => Table::Empty,
            [(symbol, _)] => Table::Constant(symbol),
            _ => Table::Coded(Frequencies::from_weights(present.into_iter())),
        }
    }
}

#[inline]
fn expect(total: u64, share: u64) -> u64 {
    // Totals stay below 2^40 and shares at or below 2^20.
    (total * share) >> (SHARE - POINT)
}

/// Describes the tables of groups, whose counts come one group at a time.
pub(super) struct Writer {
    encoder: RangeEncoder,
    frame: Frame,
    sizes_known: bool,
}

impl Writer {
    /// Begins with the counts of all groups together.
    ///
    /// With `sizes_known`, the reader will know how many words were counted in each group.
    pub fn new(pooled: &[u64], sizes_known: bool) -> Self {
        let mut encoder = RangeEncoder::default();
        let mut model = RootModel::new();
        let mut near = [0; 2];
        let roots: Vec<u64> = pooled.iter().map(|&c| root(c).min(MAX_ROOT)).collect();
        for &root in &roots {
            model.encode(root, neighbours(near), &mut encoder);
            near = [root, near[0]];
        }
        Self { encoder, frame: Frame::new(&roots), sizes_known }
    }

    /// Describes the next group, given its count of every symbol of the alphabet.
    pub fn group(&mut self, counts: &[u64]) {
        let Self { encoder, frame, sizes_known } = self;
        let counts: Vec<u64> = frame.symbols.iter().map(|&s| counts[usize::from(s)]).collect();
        let mut total = counts.iter().sum::<u64>().min(MOST_WORDS);
        if !*sizes_known {
            frame.total.encode(root(total), encoder);
            total = weight(root(total)).min(MOST_WORDS);
        }
        if total == 0 {
            return;
        }
        let mut present = (0..counts.len()).filter(|&i| counts[i] > 0);
        if let (Some(only), None) = (present.next(), present.next()) {
            frame.kinds.encode(Kind::Constant, false, total, encoder);
            frame.rank.encode((counts.len() - 1 - only) as u64, encoder);
            frame.follow(Kind::Constant, false, None);
            return;
        }
        let mut best: Option<(u64, Kind, bool, Vec<u64>)> = None;
        for from_last in [false, true] {
            let weights = frame.base(from_last).to_vec();
            if let Some(data) = code_price(&counts, &weights) {
                let mut price = Price(data);
                frame.kinds.encode(Kind::Same, from_last, total, &mut price);
                best = Some((price.0, Kind::Same, from_last, weights)).into_iter().chain(best).min_by_key(|c| c.0);
            }
            let (roots, price) = frame.choose(&counts, total, from_last);
            best = Some((price, Kind::Coded, from_last, roots)).into_iter().chain(best).min_by_key(|c| c.0);
        }
        let (_, kind, from_last, found) = best.expect("a coded table is always possible");
        frame.kinds.encode(kind, from_last, total, encoder);
        let weights = if kind == Kind::Coded {
            frame.encode_roots(&found, total, from_last, encoder);
            found.into_iter().map(weight).collect()
        } else {
            found
        };
        frame.follow(kind, from_last, Some(weights));
    }

    /// The description.
    pub fn finish(self) -> Vec<u8> {
        self.encoder.finish()
    }
}

/// What the two roots before let one expect.
fn neighbours(near: [u64; 2]) -> u64 {
    weight((2 * near[0] + near[1]).div_ceil(3)) << POINT
}

impl Frame {
    /// Roots whose description and data together are cheap, and the price of both.
    fn choose(&mut self, counts: &[u64], total: u64, from_last: bool) -> (Vec<u64>, u64) {
        let mut price = Price::default();
        self.kinds.encode(Kind::Coded, from_last, total, &mut price);
        let mut roots = Vec::with_capacity(counts.len());
        let mut left = total;
        let (shares, usual, last) = self.expected(from_last);
        for (index, (&count, &share)) in counts.iter().zip(shares).enumerate() {
            let rest = index + 1 == counts.len();
            let expected = if rest { left << POINT } else { expect(total, share) };
            let model = if rest { &mut *last } else { &mut *usual };
            let mut best = (i64::MAX, 0);
            let mut consider = |candidate: u64| {
                let mut price = Price::default();
                model.encode(candidate, expected, &mut price);
                // As if the weights summed to the group's size: a unit of weight takes log₂ e from all other symbols.
                let data = (weight(candidate) * LOG2_E) as i64 - (count * log2(weight(candidate))) as i64;
                best = best.min((price.0 as i64 + data, candidate));
            };
            if count == 0 {
                consider(0);
            } else {
                let exact = root(count).clamp(1, MAX_ROOT - 1);
                for candidate in [exact, exact + 1, (exact - 1).max(1), root_of_expected(expected)] {
                    consider(candidate);
                }
            }
            let chosen = best.1;
            model.encode(chosen, expected, &mut price);
            left = left.saturating_sub(weight(chosen));
            roots.push(chosen);
        }
        let weights: Vec<u64> = roots.iter().map(|&r| weight(r)).collect();
        let data = code_price(counts, &weights).expect("what occurs has a root");
        (roots, price.0 + data)
    }

    fn encode_roots(&mut self, roots: &[u64], total: u64, from_last: bool, encoder: &mut RangeEncoder) {
        let mut left = total;
        let (last, others) = roots.split_last().expect("two symbols occur");
        let (shares, usual, rest) = self.expected(from_last);
        for (&root, &share) in others.iter().zip(shares) {
            usual.encode(root, expect(total, share), encoder);
            left = left.saturating_sub(weight(root));
        }
        rest.encode(*last, left << POINT, encoder);
    }
}

/// Reads the tables of `groups` groups over an alphabet of `symbols` symbols; `sizes` if they were known to the writer.
pub(super) fn read(
    bytes: &[u8],
    symbols: usize,
    groups: usize,
    sizes: Option<&[usize]>,
    budget: &mut Budget,
) -> Result<Vec<Table<Frequencies>>> {
    let mut decoder = RangeDecoder::new(bytes, "rANS tables");
    let mut model = RootModel::new();
    let mut near = [0; 2];
    let mut roots = Vec::with_capacity(symbols);
    for _ in 0..symbols {
        let root = model.decode(neighbours(near), &mut decoder)?;
        near = [root, near[0]];
        roots.push(root);
    }
    decoder.check()?;
    let mut frame = Frame::new(&roots);
    let groups = budget.reserve::<Table<Frequencies>>(groups as u64)?;
    let mut tables = Vec::with_capacity(groups);
    for group in 0..groups {
        let total = match sizes {
            Some(sizes) => sizes[group] as u64,
            None => weight(frame.total.decode(&mut decoder).min(MAX_ROOT)),
        };
        tables.push(if total == 0 { Table::Empty } else { frame.read(total, &mut decoder, budget)? });
        decoder.check()?;
    }
    decoder.end()?;
    Ok(tables)
}

impl Frame {
    fn read(&mut self, total: u64, decoder: &mut RangeDecoder<'_>, budget: &mut Budget) -> Result<Table<Frequencies>> {
        let total = total.min(MOST_WORDS);
        let (kind, from_last) = self.kinds.decode(total, decoder);
        let weights = match kind {
            Kind::Constant => {
                let rank = self.rank.decode(decoder);
                let index = (self.symbols.len() as u64).checked_sub(1).and_then(|last| last.checked_sub(rank));
                let index = index.ok_or_else(|| decoder.corrupt("a symbol is unknown"))?;
                self.follow(kind, from_last, None);
                return Ok(Table::Constant(self.symbols[index as usize]));
            }
            Kind::Same => self.base(from_last).to_vec(),
            Kind::Coded => {
                let (mut left, mut weights) = (total, Vec::with_capacity(self.symbols.len()));
                let (shares, usual, rest) = self.expected(from_last);
                let others = shares.split_last().map_or(shares, |(_, others)| others);
                for &share in others {
                    let weight = weight(usual.decode(expect(total, share), decoder)?);
                    left = left.saturating_sub(weight);
                    weights.push(weight);
                }
                if !shares.is_empty() {
                    weights.push(weight(rest.decode(left << POINT, decoder)?));
                }
                weights
            }
        };
        let Table::Coded(table) = self.table(&weights) else {
            return Err(decoder.corrupt("a table has less than two symbols"));
        };
        budget.spend((table.entries.len() * 4) as u64)?;
        self.follow(kind, from_last, Some(weights));
        Ok(Table::Coded(table))
    }
}
