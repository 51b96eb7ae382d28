//! How the code lengths of all groups are described: pooled lengths first, then each group's against a base.

use super::lengths::{Lengths, MAX_LENGTH, check, optimal};
use crate::codec::adaptive::{BitModel, BitSink, Price, RangeDecoder, RangeEncoder, UIntModel};
use crate::codec::kinds::{Kind, KindModel, Table};
use crate::log2::BIT;
use crate::{Budget, Result};

const PART: &str = "Huffman tables";

/// A length of 0 to 11: whether it is 0, or else four bits, highest first.
#[derive(Debug, Clone, Copy, Default)]
struct LengthModel([BitModel; 16]);

impl LengthModel {
    fn encode<S: BitSink>(&mut self, length: u8, sink: &mut S) {
        sink.bit(&mut self.0[0], length == 0);
        if length == 0 {
            return;
        }
        let mut node = 1;
        for shift in (0..4).rev() {
            let bit = length >> shift & 1;
            sink.bit(&mut self.0[node], bit == 1);
            node = 2 * node + usize::from(bit);
        }
    }

    fn decode(&mut self, decoder: &mut RangeDecoder<'_>) -> Result<u8> {
        if decoder.bit(&mut self.0[0]) {
            return Ok(0);
        }
        let mut node = 1;
        for _ in 0..4 {
            node = 2 * node + usize::from(decoder.bit(&mut self.0[node]));
        }
        let length = node as u8 - 16;
        if (1..=MAX_LENGTH).contains(&u32::from(length)) {
            Ok(length)
        } else {
            Err(decoder.corrupt("a code length is out of range"))
        }
    }
}

/// Everything that adapts while groups are described, the same on both sides.
struct Frame {
    /// Symbols that occur, ascending, and their pooled lengths.
    symbols: Vec<u16>,
    pooled: Vec<u8>,
    /// Indices into `symbols`, shortest codes first.
    ranked: Vec<usize>,
    last: Vec<u8>,
    size: UIntModel,
    kinds: KindModel,
    rank: UIntModel,
    lengths: [[LengthModel; 128]; 2],
}

impl Frame {
    fn new(lengths: &[u8]) -> Self {
        let symbols: Vec<u16> = (0..lengths.len() as u16).filter(|&s| lengths[usize::from(s)] > 0).collect();
        let pooled: Vec<u8> = symbols.iter().map(|&s| lengths[usize::from(s)]).collect();
        let mut ranked: Vec<usize> = (0..symbols.len()).collect();
        ranked.sort_by_key(|&index| pooled[index]);
        Self {
            last: pooled.clone(),
            symbols,
            pooled,
            ranked,
            size: UIntModel::default(),
            kinds: KindModel::new(),
            rank: UIntModel::default(),
            lengths: [[LengthModel::default(); 128]; 2],
        }
    }

    fn base(&self, from_last: bool) -> &[u8] {
        if from_last { &self.last } else { &self.pooled }
    }

    /// Contexts: the length in the base, and how often a symbol of that length is expected in a group of 2^`size`.
    #[inline]
    fn model(&mut self, index: usize, size: u32, from_last: bool) -> &mut LengthModel {
        let base = self.base(from_last)[index];
        let near = if base == 0 { self.pooled[index] } else { base };
        let expected = (i64::from(size) - i64::from(near)).clamp(-2, 5) + 2;
        &mut self.lengths[usize::from(from_last)][usize::from(base) * 8 + expected as usize]
    }

    fn encode_lengths<S: BitSink>(&mut self, lengths: &[u8], size: u32, from_last: bool, sink: &mut S) {
        for (index, &length) in lengths.iter().enumerate() {
            self.model(index, size, from_last).encode(length, sink);
        }
    }

    /// The bits of the words and the description together, in the unit of [`Price`].
    fn price(&mut self, counts: &[u64], lengths: &[u8], kind: Kind, size: u32, from_last: bool) -> Option<u64> {
        let data = counts.iter().zip(lengths).filter(|(count, _)| **count > 0);
        let data =
            data.map(|(count, &length)| (length > 0).then_some(count * u64::from(length))).sum::<Option<u64>>()?;
        let mut price = Price(data * BIT);
        self.kinds.encode(kind, from_last, 1 << size, &mut price);
        if kind == Kind::Coded {
            self.encode_lengths(lengths, size, from_last, &mut price);
        }
        Some(price.0)
    }
}

/// Describes the code lengths of groups, whose counts come one group at a time.
pub(super) struct Writer {
    encoder: RangeEncoder,
    frame: Frame,
    pooled: Vec<u64>,
    sizes_known: bool,
}

impl Writer {
    /// Begins with the counts of all groups together.
    pub fn new(pooled: &[u64], sizes_known: bool) -> Self {
        let mut encoder = RangeEncoder::default();
        let mut lengths = optimal(pooled);
        // One symbol alone has no code, but it must be known.
        if let (Some(only), true) = (pooled.iter().position(|&c| c > 0), lengths.iter().all(|&l| l == 0)) {
            lengths[only] = 1;
        }
        let mut models = [LengthModel::default(); 24];
        let (mut before, mut near) = (0, 0);
        for &length in &lengths {
            models[pooled_context(before, near)].encode(length, &mut encoder);
            before = length;
            near = if length > 0 { length } else { near };
        }
        let frame = Frame::new(&lengths);
        let pooled = frame.symbols.iter().map(|&s| pooled[usize::from(s)]).collect();
        Self { encoder, frame, pooled, sizes_known }
    }

    /// Describes the next group, given its count of every symbol of the alphabet.
    pub fn group(&mut self, counts: &[u64]) {
        let Self { encoder, frame, pooled, sizes_known } = self;
        let counts: Vec<u64> = frame.symbols.iter().map(|&s| counts[usize::from(s)]).collect();
        let total = counts.iter().sum::<u64>();
        let size = total.checked_ilog2();
        if !*sizes_known {
            frame.size.encode(size.map_or(0, |size| u64::from(size) + 1), encoder);
        }
        let Some(size) = size else { return };
        let mut present = (0..counts.len()).filter(|&i| counts[i] > 0);
        if let (Some(only), None) = (present.next(), present.next()) {
            frame.kinds.encode(Kind::Constant, false, 1 << size, encoder);
            let rank = frame.ranked.iter().position(|&index| index == only).expect("every symbol has a rank");
            frame.rank.encode(rank as u64, encoder);
            frame.kinds.follow(Kind::Constant, false);
            return;
        }
        // Small groups do well with lengths that lean towards the pooled ones.
        let sum = pooled.iter().sum::<u64>().max(1);
        let leaning: Vec<u64> =
            counts.iter().zip(&*pooled).map(|(own, all)| own * 256 + all.saturating_mul(1024) / sum).collect();
        let (own, leaning) = (optimal(&counts), optimal(&leaning));
        let mut best: Option<(u64, Kind, bool, Vec<u8>)> = None;
        for from_last in [false, true] {
            let same = frame.base(from_last).to_vec();
            for (kind, lengths) in [(Kind::Same, &same), (Kind::Coded, &own), (Kind::Coded, &leaning)] {
                if let Some(price) = frame.price(&counts, lengths, kind, size, from_last)
                    && best.as_ref().is_none_or(|best| price < best.0)
                {
                    best = Some((price, kind, from_last, lengths.clone()));
                }
            }
        }
        let (_, kind, from_last, lengths) = best.expect("a coded table is always possible");
        frame.kinds.encode(kind, from_last, 1 << size, encoder);
        if kind == Kind::Coded {
            frame.encode_lengths(&lengths, size, from_last, encoder);
        }
        frame.kinds.follow(kind, from_last);
        frame.last = lengths;
    }

    /// The description.
    pub fn finish(self) -> Vec<u8> {
        self.encoder.finish()
    }
}

/// Contexts of a pooled length: the last length that was not 0, and whether a 0 came between.
fn pooled_context(before: u8, near: u8) -> usize {
    usize::from(near) * 2 + usize::from(before == 0)
}

/// Reads the tables of all groups over an alphabet of `symbols` symbols; `sizes` if they were known to the writer.
pub(super) fn read(
    bytes: &[u8],
    symbols: usize,
    groups: usize,
    sizes: Option<&[usize]>,
    budget: &mut Budget,
) -> Result<Vec<Table<Lengths>>> {
    let mut decoder = RangeDecoder::new(bytes, PART);
    let mut models = [LengthModel::default(); 24];
    let (mut before, mut near) = (0, 0);
    let mut lengths = Vec::with_capacity(symbols);
    for _ in 0..symbols {
        before = models[pooled_context(before, near)].decode(&mut decoder)?;
        near = if before > 0 { before } else { near };
        lengths.push(before);
    }
    decoder.check()?;
    let mut frame = Frame::new(&lengths);
    let groups = budget.reserve::<Table<Lengths>>(groups as u64)?;
    let mut tables = Vec::with_capacity(groups);
    for group in 0..groups {
        let size = match sizes {
            Some(sizes) => sizes[group].checked_ilog2(),
            None => frame.size.decode(&mut decoder).checked_sub(1).map(|size| size.min(63) as u32),
        };
        tables.push(match size {
            Some(size) => frame.read(size, &mut decoder, budget)?,
            None => Table::Empty,
        });
        decoder.check()?;
    }
    decoder.end()?;
    Ok(tables)
}

impl Frame {
    fn read(&mut self, size: u32, decoder: &mut RangeDecoder<'_>, budget: &mut Budget) -> Result<Table<Lengths>> {
        let (kind, from_last) = self.kinds.decode(1 << size, decoder);
        self.kinds.follow(kind, from_last);
        let lengths = match kind {
            Kind::Constant => {
                let rank = usize::try_from(self.rank.decode(decoder)).unwrap_or(usize::MAX);
                let index = self.ranked.get(rank).ok_or_else(|| decoder.corrupt("a symbol is unknown"))?;
                return Ok(Table::Constant(self.symbols[*index]));
            }
            Kind::Same => self.base(from_last).to_vec(),
            Kind::Coded => (0..self.symbols.len())
                .map(|index| self.model(index, size, from_last).decode(decoder))
                .collect::<Result<_>>()?,
        };
        let table: Lengths = self.symbols.iter().copied().zip(lengths.iter().copied()).filter(|l| l.1 > 0).collect();
        check(&table, PART, 0)?;
        budget.spend((table.len() * 4) as u64)?;
        self.last = lengths;
        Ok(Table::Coded(table))
    }
}
