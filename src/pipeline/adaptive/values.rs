//! Ordinals as words, words as bins and offsets, and what foretells a word.

use super::figures::{Figures, MOST_FIGURES, Origin};
use crate::codec::BinTable;
use crate::codec::adaptive::{RangeDecoder, RangeEncoder, UIntModel};
use crate::context::Path;
use crate::{Lane, Result};

/// Most terms of a plane.
pub(super) const MOST_TERMS: usize = 6;

/// Most bins of a column: a walk through a symbol of the mixer needs a weight set for each of its nodes.
pub(super) const MOST_BINS: usize = 255;

/// Added to differences, so that their order is that of words and none is mistaken for a missing value.
const MIDDLE: u64 = 1 << 63;

/// Kinds of [`Base`].
const BASES: u64 = 7;

/// A number for each row, known before the row, from which a value's difference is coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    /// None: values are words themselves.
    Plain,
    /// The value in the row before.
    Previous,
    /// The last step repeated.
    Extrapolated,
    /// The value of an earlier column.
    Column(u32),
    /// The value in the last row with the same ordinal in an earlier column.
    LastIn(u32),
    /// A sum of other values, each times a factor of 16 fraction bits, and a constant.
    Plane { terms: Vec<(Term, i64)>, constant: i64 },
    /// The value before, corrected by a multiple (16 fraction bits) of the change in an earlier column.
    Drift { column: u32, factor: i64 },
}

/// A number that a [`Base::Plane`] adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Term {
    /// The column's own last value that was not missing.
    Last,
    /// An earlier column in the same row.
    Now(u32),
    /// An earlier column in the row before.
    Before(u32),
}

impl Term {
    fn number(self) -> u64 {
        match self {
            Self::Last => 0,
            Self::Now(column) => 1 + 2 * u64::from(column),
            Self::Before(column) => 2 + 2 * u64::from(column),
        }
    }

    fn of(number: u64) -> Self {
        match (number, (number.saturating_sub(1) / 2) as u32) {
            (0, _) => Self::Last,
            (odd, column) if odd % 2 == 1 => Self::Now(column),
            (_, column) => Self::Before(column),
        }
    }

    /// The earlier column that is looked at.
    pub fn column(self) -> Option<u32> {
        match self {
            Self::Last => None,
            Self::Now(column) | Self::Before(column) => Some(column),
        }
    }
}

/// How the words of a column are coded: bins, and a walk to each.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub base: Base,
    /// What words count; values below its origin are missing and stand for themselves.
    pub figures: Figures,
    pub bins: BinTable,
    pub ordered: bool,
    pub path: Path,
    depths: Vec<u32>,
}

impl Values {
    /// Bins and walks that suit these words.
    pub fn fit(base: Base, figures: Figures, words: &Lane, ordered: bool) -> Self {
        let bins = BinTable::fit(&[words], MOST_BINS);
        let mut counts = vec![0u64; bins.lowers.len()];
        let all = words.to_u64s();
        all.iter().for_each(|&word| counts[bins.bin_of(word).expect("bins were fitted to the words").0] += 1);
        let depths = Path::depths(&counts, ordered);
        let path = Path::new(&depths, ordered).expect("good depths make a tree");
        Self { base, figures, bins, ordered, path, depths }
    }

    /// The word of a value beside `reference`.
    #[inline]
    pub fn word(&self, value: u64, reference: u64) -> u64 {
        word(&self.base, self.figures, value, reference)
    }

    /// Inverse of [`Values::word`].
    #[inline]
    pub fn value(&self, word: u64, reference: u64) -> u64 {
        let first = self.figures.origin.first;
        if word < first || (self.base == Base::Plain && self.figures.digits == 0) {
            word
        } else if self.base == Base::Plain {
            self.figures.ordinal(word.wrapping_sub(first).wrapping_add(self.figures.rank(first)))
        } else {
            self.figures.ordinal((word ^ MIDDLE).wrapping_add(self.figures.rank(reference)))
        }
    }

    pub fn write(&self, models: &mut Numbers, out: &mut RangeEncoder) {
        let (tag, column, factor) = match &self.base {
            Base::Plain => (0, 0, 0),
            Base::Previous => (1, 0, 0),
            Base::Extrapolated => (2, 0, 0),
            Base::Column(column) => (3, *column, 0),
            Base::LastIn(column) => (4, *column, 0),
            Base::Drift { column, factor } => (5, *column, *factor),
            Base::Plane { .. } => (6, 0, 0),
        };
        models.tag.encode(tag + BASES * u64::from(self.figures.digits), out);
        if (3..=5).contains(&tag) {
            models.column.encode(u64::from(column), out);
        }
        if tag == 5 {
            models.factor.encode(crate::wire::zigzag(factor), out);
        }
        if let Base::Plane { terms, constant } = &self.base {
            models.tag.encode(terms.len() as u64, out);
            for (term, factor) in terms {
                models.column.encode(term.number(), out);
                models.factor.encode(crate::wire::zigzag(*factor), out);
            }
            models.factor.encode(crate::wire::zigzag(*constant), out);
        }
        models.count.encode((self.bins.lowers.len() as u64) << 1 | u64::from(self.ordered), out);
        let mut next = 0;
        for &lower in &self.bins.lowers {
            models.gap.encode(lower - next, out);
            // Only behind the last bin can this wrap.
            next = lower.wrapping_add(1);
        }
        self.bins.widths.iter().for_each(|&width| models.width.encode(u64::from(width), out));
        let mut last = 0;
        for &depth in &self.depths {
            models.depth[last as usize].encode(u64::from(depth), out);
            last = depth.min(15);
        }
    }

    /// Reads what [`Values::write`] wrote, for column `index`.
    pub fn read(index: u32, origin: Origin, models: &mut Numbers, source: &mut RangeDecoder<'_>) -> Result<Self> {
        let tag = models.tag.decode(source);
        let (digits, tag) = (tag / BASES, tag % BASES);
        if digits > u64::from(MOST_FIGURES) {
            return Err(source.corrupt("numbers have too many figures"));
        }
        let figures = Figures { digits: digits as u32, origin };
        let column = if (3..=5).contains(&tag) { models.column.decode(source) } else { 0 };
        if (3..=5).contains(&tag) && column >= u64::from(index) {
            return Err(source.corrupt("a base refers to a later column"));
        }
        let column = column as u32;
        let base = match tag {
            0 => Base::Plain,
            1 => Base::Previous,
            2 => Base::Extrapolated,
            3 => Base::Column(column),
            4 => Base::LastIn(column),
            5 => Base::Drift { column, factor: crate::wire::unzigzag(models.factor.decode(source)) },
            6 => {
                let mut terms = vec![];
                for _ in 0..models.tag.decode(source).min(MOST_TERMS as u64) {
                    let term = Term::of(models.column.decode(source).min(1 << 32));
                    if term.column().is_some_and(|column| column >= index) {
                        return Err(source.corrupt("a base refers to a later column"));
                    }
                    terms.push((term, crate::wire::unzigzag(models.factor.decode(source))));
                }
                Base::Plane { terms, constant: crate::wire::unzigzag(models.factor.decode(source)) }
            }
            _ => return Err(source.corrupt("unknown base")),
        };
        let count = models.count.decode(source);
        let (count, ordered) = ((count >> 1) as usize, count & 1 == 1);
        if !(1..=MOST_BINS).contains(&count) {
            return Err(source.corrupt("a column has no bins or too many"));
        }
        let (mut lowers, mut next) = (vec![], Some(0u64));
        for _ in 0..count {
            let lower = next.and_then(|next| next.checked_add(models.gap.decode(source)));
            let lower = lower.ok_or_else(|| source.corrupt("bins overflow"))?;
            lowers.push(lower);
            next = lower.checked_add(1);
        }
        let widths: Vec<u32> = (0..count).map(|_| models.width.decode(source).min(65) as u32).collect();
        if widths.iter().any(|&width| width > 64) {
            return Err(source.corrupt("a bin is too wide"));
        }
        let (mut depths, mut last) = (vec![], 0);
        for _ in 0..count {
            let depth = models.depth[last as usize].decode(source).min(99) as u32;
            depths.push(depth);
            last = depth.min(15);
        }
        source.check()?;
        let path = Path::new(&depths, ordered)?;
        Ok(Self { base, figures, bins: BinTable { lowers, widths }, ordered, path, depths })
    }
}

/// The word of a value beside a reference.
#[inline]
pub(super) fn word(base: &Base, figures: Figures, value: u64, reference: u64) -> u64 {
    let first = figures.origin.first;
    if value < first || (*base == Base::Plain && figures.digits == 0) {
        value
    } else if *base == Base::Plain {
        figures.rank(value).wrapping_sub(figures.rank(first)).wrapping_add(first)
    } else {
        figures.rank(value).wrapping_sub(figures.rank(reference)) ^ MIDDLE
    }
}

/// Models of the numbers of a record.
#[derive(Default)]
pub(super) struct Numbers {
    pub tag: UIntModel,
    pub column: UIntModel,
    pub factor: UIntModel,
    pub count: UIntModel,
    pub gap: UIntModel,
    pub width: UIntModel,
    pub depth: [UIntModel; 16],
    pub mask: UIntModel,
}

/// Follows a column row by row and says what a value is compared with.
pub(super) struct References {
    base: Base,
    first: u64,
    /// The earlier columns that the base names, in its order.
    columns: Vec<Vec<u64>>,
    last_in: Memory,
    /// The last two values that were not missing.
    last: [u64; 2],
    /// The earlier column in the row of the last value.
    last_other: u64,
}

impl References {
    pub fn new<'a>(base: Base, first: u64, column: impl Fn(u32) -> &'a Lane) -> Self {
        let columns: Vec<Vec<u64>> = match &base {
            Base::Plain | Base::Previous | Base::Extrapolated => vec![],
            Base::Column(c) | Base::LastIn(c) | Base::Drift { column: c, .. } => vec![column(*c).to_u64s()],
            Base::Plane { terms, .. } => {
                terms.iter().map(|(term, _)| term.column().map_or(vec![], |c| column(c).to_u64s())).collect()
            }
        };
        let rows = columns.first().map_or(0, Vec::len);
        let last_in = Memory::new(if matches!(base, Base::LastIn(_)) { rows } else { 0 });
        Self { base, first, columns, last_in, last: [0; 2], last_other: 0 }
    }

    /// Bytes of memory for so many rows.
    pub fn memory(rows: u64) -> u64 {
        8 * MOST_TERMS as u64 * rows + Memory::memory(rows)
    }

    #[inline]
    fn other(&self, row: usize) -> u64 {
        self.columns.first().and_then(|values| values.get(row)).copied().unwrap_or(0)
    }

    /// What the value of `row` is compared with.
    #[inline]
    pub fn get(&self, row: usize) -> u64 {
        match &self.base {
            Base::Plain => 0,
            Base::Previous => self.last[0],
            Base::Extrapolated => self.last[0].wrapping_mul(2).wrapping_sub(self.last[1]),
            Base::Column(_) => self.other(row),
            Base::LastIn(_) => {
                let (value, hits) = self.last_in.get(fold(self.other(row)));
                if hits == 0 { self.last[0] } else { value }
            }
            Base::Plane { terms, constant } => {
                let value = |(at, (term, factor)): (usize, &(Term, i64))| match term {
                    Term::Last => scaled(self.last[0], *factor),
                    Term::Now(_) => scaled(self.columns[at][row], *factor),
                    Term::Before(_) => scaled(self.columns[at][row.saturating_sub(1)], *factor),
                };
                terms.iter().enumerate().map(value).fold(*constant as u64, u64::wrapping_add)
            }
            Base::Drift { factor, .. } => {
                self.last[0].wrapping_add(scaled(self.other(row).wrapping_sub(self.last_other), *factor))
            }
        }
    }

    /// Adds the value of `row`.
    #[inline]
    pub fn push(&mut self, row: usize, value: u64) {
        if value >= self.first {
            self.last = [value, self.last[0]];
            self.last_other = self.other(row);
            if let Base::LastIn(_) = self.base {
                self.last_in.set(fold(self.other(row)), value);
            }
        }
    }
}

/// A number times a factor of 16 fraction bits, in two's complement.
#[inline]
fn scaled(value: u64, factor: i64) -> u64 {
    ((i128::from(value as i64) * i128::from(factor)) >> 16) as u64
}

/// The last value in each context, and how often in a row it was right there.
///
/// Contexts are told apart by 32 bits of hash and share places; a newer one takes the place of an older one.
pub(super) struct Memory {
    places: Vec<(u32, u32, u64)>,
}

impl Memory {
    pub fn new(rows: usize) -> Self {
        Self { places: vec![(0, 0, 0); if rows == 0 { 0 } else { Self::size(rows as u64) as usize }] }
    }

    pub fn memory(rows: u64) -> u64 {
        16 * Self::size(rows)
    }

    fn size(rows: u64) -> u64 {
        (2 * rows).next_power_of_two().clamp(16, 1 << 20)
    }

    /// The value and 1 + the number of times it was right, or zeros.
    #[inline]
    pub fn get(&self, hash: u32) -> (u64, u32) {
        if self.places.is_empty() {
            return (0, 0);
        }
        let (check, hits, value) = self.places[spread(hash) as usize & (self.places.len() - 1)];
        if check == hash && hits > 0 { (value, hits) } else { (0, 0) }
    }

    #[inline]
    pub fn set(&mut self, hash: u32, value: u64) {
        if self.places.is_empty() {
            return;
        }
        let at = spread(hash) as usize & (self.places.len() - 1);
        let place = &mut self.places[at];
        let hits = if place.0 == hash && place.2 == value { place.1.saturating_add(1) } else { 1 };
        *place = (hash, hits, value);
    }
}

/// A hash of a whole number.
#[inline]
pub(super) fn fold(value: u64) -> u32 {
    let mixed = (value ^ value >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

#[inline]
fn spread(hash: u32) -> u32 {
    let mixed = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    mixed ^ mixed >> 13
}
