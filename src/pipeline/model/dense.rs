//! Weights under densities: a matrix or rows, the zeros of a pruned tensor left out.

use super::mask;
use super::method::{Coded, MASK, Planes};
use super::unit::Unit;
use crate::Effort;
use crate::density::{self, Centre, Fit, Layout, Numbers, Repeats, Search};
use crate::log2::BIT;
use crate::mask::Mask;
use crate::wire::{put_bytes, put_varint};
use crate::{Lane, Word, with_words};

/// Rows of a tensor that has none.
const PLAIN_ROW: usize = 256;

/// Longest row: chunks are whole rows.
const MOST_ROW: usize = 1 << 17;
/// Shortest row of a matrix, and most ways to see one that are tried.
const LEAST_ROW: usize = 8;
const LAYOUTS: usize = 3;

/// Words of a chunk whose bits are mixed, before it is fitted to rows.
const MIXED_WORDS: usize = 1 << 20;

/// By so much a weight one density is clearly cheaper than another, in 2^-16 bit.
const CLEAR: i64 = 1 << 12;

/// Words in which repeats are looked for.
const SAMPLE: usize = 1 << 14;

/// Added to the byte of what is left out where the tensor's columns are coded as rows.
pub(super) const TURNED: u8 = 128;

/// Weights that no density codes; on the wire one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOut {
    Nothing,
    /// Zeros, by a mask of this group.
    Zeros(usize),
    /// Sizes that stood before.
    Repeats,
}

/// The byte of [`LeftOut::Repeats`].
const REPEATS: u8 = 64;

impl LeftOut {
    fn byte(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Zeros(group) => 1 + group as u8,
            Self::Repeats => REPEATS,
        }
    }

    pub fn read(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Nothing),
            REPEATS => Some(Self::Repeats),
            _ => Some(usize::from(byte) - 1).filter(|group| *group <= mask::MIXED).map(Self::Zeros),
        }
    }
}

/// Added where bits are mixed.
pub(super) const MIXED: u8 = 32;

/// How a unit is seen, and its density.
#[derive(Debug, Clone)]
pub struct Dense {
    /// Words of a row; 0 for the rows of small tensors.
    width: usize,
    /// Whether rows are the columns of the tensor.
    is_turned: bool,
    /// Whether bits are mixed, rather than cells coded by static tables.
    is_mixed: bool,
    /// What is left out of the density.
    leaves_out: LeftOut,
    fit: Fit,
    /// See [`Dense::spared`].
    spared: u64,
}

/// The columns of a matrix with rows of `width`, one after the other.
pub(super) fn turn<W: Word>(words: &[W], width: usize) -> Vec<W> {
    (0..width).flat_map(|column| words[column..].iter().step_by(width).copied()).collect()
}

/// What is left if zeros are left out, where so many words are one of them.
fn not_zero<W: Word>(words: &[W], numbers: Numbers) -> Option<Mask> {
    let zeros = words.iter().filter(|word| word.is_zero()).count();
    let many = if numbers.is_float() { words.len() / 512 } else { words.len() / 4 };
    (zeros > many).then(|| kept(words, None))
}

/// Whether a quarter of the sizes in a sample stand there more than once.
fn has_repeats<W: Word>(words: &[W]) -> bool {
    let middle = words.len().saturating_sub(SAMPLE) / 2;
    let mut sizes: Vec<u64> = words[middle..].iter().take(SAMPLE).map(|word| word.wide() & !1).collect();
    let all = sizes.len();
    sizes.sort_unstable();
    sizes.dedup();
    4 * sizes.len() < 3 * all
}

/// Words that are not those of a base, or not 0.
fn kept<W: Word>(words: &[W], base: Option<&[W]>) -> Mask {
    match base {
        Some(base) => words.iter().zip(base).map(|(word, base)| word != base).collect(),
        None => words.iter().map(|word| !word.is_zero()).collect(),
    }
}

/// How the zeros that a mask tells are left out of rows of `width` words.
fn zeros_of(mask: Option<&Mask>, width: usize) -> LeftOut {
    mask.map_or(LeftOut::Nothing, |mask| {
        let sample = &mask[..mask.len().min(1 << 16)];
        LeftOut::Zeros(mask::best_group(&sample.to_bitvec(), if width == 0 { mask.len() } else { width }))
    })
}

/// Ways to see a unit as rows, and their lengths; 0 for the rows of small tensors.
fn layouts<'u>(unit: &'u Unit, shape: &[usize]) -> Vec<(usize, Layout<'u>)> {
    if !unit.rows.is_empty() {
        return vec![(0, Layout::Rows(&unit.rows))];
    }
    widths(shape, unit.words).into_iter().map(|width| (width, Layout::Matrix(width))).collect()
}

impl Dense {
    /// The densities of a unit that are worth a trial, if its weights are numbers, and its words if they are coded in
    /// another order.
    pub fn candidates(words: &Lane, unit: &Unit, shape: &[usize], effort: Effort) -> Vec<(Self, Option<Lane>)> {
        let Some(numbers) = Numbers::of(unit.dtype) else { return vec![] };
        with_words!(words, words => {
            let found = Self::fits(numbers, words, unit, shape, effort);
            found.into_iter().map(|(dense, turned)| (dense, turned.map(Word::wrap))).collect()
        })
    }

    /// The density of a unit around the words of a base, with or without those that are equal, and the words if they
    /// are coded in another order.
    pub fn against(
        words: &Lane,
        base: &Lane,
        without_equal: bool,
        unit: &Unit,
        shape: &[usize],
        search: Search,
    ) -> Option<(Self, Option<Lane>)> {
        let numbers = Numbers::of(unit.dtype)?;
        with_words!(words, words => {
            let base = Word::of(base)?;
            let mask = without_equal.then(|| kept(words, Some(base)));
            let (dense, turned) = Self::around(numbers, (words, base), mask.as_ref(), unit, shape, search);
            Some((dense, turned.map(Word::wrap)))
        })
    }

    /// The words of a base in the order of this unit's words.
    pub fn base(&self, base: &Lane) -> Lane {
        if !self.is_turned {
            return base.clone();
        }
        // Rows are the columns of the tensor, which has as many columns.
        with_words!(base, words => Word::wrap(turn(words, words.len() / self.width)))
    }

    fn around<W: Word>(
        numbers: Numbers,
        (words, base): (&[W], &[W]),
        mask: Option<&Mask>,
        unit: &Unit,
        shape: &[usize],
        search: Search,
    ) -> (Self, Option<Vec<W>>) {
        let best = layouts(unit, shape)
            .into_iter()
            .map(|(width, layout)| (width, Fit::new(numbers, words, Some(base), layout, mask, search)))
            .min_by_key(|(_, fit)| fit.price);
        let (width, fit) = best.expect("there is a layout");
        let can_turn = width > 0 && words.len().is_multiple_of(width) && words.len() / width <= MOST_ROW;
        if search == Search::Columns && can_turn && mask.is_none() {
            let (turned, base) = (turn(words, width), turn(base, width));
            let rows = words.len() / width;
            let other = Fit::new(numbers, &turned, Some(&base), Layout::Matrix(rows), None, search);
            if other.price < fit.price {
                return (Self { is_turned: true, ..Self::new(rows, LeftOut::Nothing, other) }, Some(turned));
            }
        }
        (Self::new(width, zeros_of(mask, width), fit), None)
    }

    fn new(width: usize, leaves_out: LeftOut, fit: Fit) -> Self {
        Self { width, is_turned: false, is_mixed: false, leaves_out, fit, spared: 0 }
    }

    fn fits<W: Word>(
        numbers: Numbers,
        words: &[W],
        unit: &Unit,
        shape: &[usize],
        effort: Effort,
    ) -> Vec<(Self, Option<Vec<W>>)> {
        let search = if effort == Effort::Fast { Search::Scales } else { Search::Columns };
        let mask = not_zero(words, numbers);
        let (mut plain, mut predicted) = (vec![], vec![]);
        for (width, layout) in layouts(unit, shape) {
            let (own, other) = Fit::pair(numbers, words, None, layout, mask.as_ref(), search);
            plain.push((width, own));
            predicted.extend(other.map(|other| (width, other)));
        }
        // Stable: the longest rows win a tie.
        plain.sort_by_key(|(_, fit)| fit.price);
        predicted.sort_by_key(|(_, fit)| fit.price);
        let (width, fit) = plain.swap_remove(0);
        let price = fit.price;
        let mut found = vec![(Self::new(width, zeros_of(mask.as_ref(), width), fit), None)];
        let (mut best, mut width) = (price, width);
        if let Some((own, fit)) = predicted.into_iter().next().filter(|(_, fit)| fit.price < price) {
            // Prices are estimates that may be off by a little: both are coded unless one is clearly less.
            let saving = price - fit.price;
            (best, width) = (fit.price, own);
            let mut predicted = Self::new(own, zeros_of(mask.as_ref(), own), fit);
            if saving > words.len() as i64 * CLEAR {
                found.clear();
                predicted.spared = saving as u64 / (8 * BIT);
            }
            found.push((predicted, None));
        }
        // Rows of a tensor whose columns are rows do not decode alone.
        let can_turn = effort == Effort::Max && width > 0 && words.len().is_multiple_of(width);
        if can_turn && words.len() / width <= MOST_ROW {
            let turned = turn(words, width);
            let rows = words.len() / width;
            let mask = mask.map(|_| kept(&turned, None));
            let fit = Fit::new(numbers, &turned, None, Layout::Matrix(rows), mask.as_ref(), search);
            if fit.price < best {
                let dense = Self { is_turned: true, ..Self::new(rows, zeros_of(mask.as_ref(), rows), fit) };
                found.push((dense, Some(turned)));
            }
        }
        found
    }

    /// The density of those weights of a matrix whose sizes have not stood before, if many have.
    pub fn of_new(words: &Lane, unit: &Unit, shape: &[usize]) -> Option<Self> {
        let numbers = Numbers::of(unit.dtype).filter(|numbers| numbers.is_float() && numbers.bits >= 32)?;
        let width = *widths(shape, unit.words).first().filter(|_| unit.rows.is_empty())?;
        with_words!(words, words => {
            if !has_repeats(words) {
                return None;
            }
            let chunk = unit.chunk_words(width);
            let new: Mask = words
                .chunks(chunk)
                .flat_map(|words| Repeats::encode(numbers, words, width).0.new_ones())
                .collect();
            let fit = Fit::new(numbers, words, None, Layout::Matrix(width), Some(&new), Search::Scales);
            Some(Self::new(width, LeftOut::Repeats, fit))
        })
    }

    /// About so many bytes more would a density without predictors take that is not worth a trial.
    pub fn spared(&self) -> u64 {
        self.spared
    }

    /// About what weights cost, in bits up to a constant; to be compared with other densities of them all.
    pub fn bits(&self) -> i64 {
        self.fit.bits()
    }

    /// Whether some weights are left out of the density.
    pub fn leaves_out(&self) -> bool {
        self.leaves_out != LeftOut::Nothing
    }

    /// Whether weights lie around a base.
    pub fn is_centred(&self) -> bool {
        self.fit.density.is_centred
    }

    /// Words of a chunk.
    pub fn chunk_words(&self, unit: &Unit) -> usize {
        match self.width {
            0 => unit.words,
            // What bits have told is lost at the end of a chunk.
            width if self.is_mixed => ((MIXED_WORDS / width).max(1) * width).min(unit.words),
            width => unit.chunk_words(width),
        }
    }

    /// The same density with its bits mixed, and those of a mask that follows no pattern.
    pub fn mixed(&self) -> Self {
        let leaves_out = match self.leaves_out {
            LeftOut::Zeros(0) => LeftOut::Zeros(mask::MIXED),
            other => other,
        };
        Self { is_mixed: true, leaves_out, ..self.clone() }
    }

    /// What all chunks share.
    ///
    /// ```text
    /// words of a row (varint) · what is left out, 128 more if rows are columns (1) · density
    /// ```
    fn shared(&self) -> Vec<u8> {
        let mut out = vec![];
        put_varint(&mut out, self.width as u64);
        out.push(self.leaves_out.byte() + u8::from(self.is_mixed) * MIXED + u8::from(self.is_turned) * TURNED);
        self.fit.density.write(&mut out);
        out
    }

    /// The unit as it will stand in the file. The base is in the order of the words.
    pub fn encode(&self, words: &Lane, base: Option<&Lane>, unit: &Unit) -> Coded {
        let (mut rows, mut left) = (self.fit.rows.as_slice(), self.fit.left.as_slice());
        let rank = self.fit.density.rank();
        let mut planes = Planes::default();
        let chunk_words = self.chunk_words(unit);
        let chunks = (0..words.len()).step_by(chunk_words).map(|start| {
            let end = words.len().min(start + chunk_words);
            let count = if self.width == 0 { rows.len() } else { (end - start).div_ceil(self.width) };
            let (own, rest) = rows.split_at(count);
            rows = rest;
            let (own_left, rest) = left.split_at(count * rank);
            left = rest;
            let mut out = vec![];
            put_bytes(&mut out, &density::write_rows(own, self.fit.density.grain));
            if rank > 0 {
                put_bytes(&mut out, &density::write_left(own_left, rank));
            }
            planes.add("scales", out.len());
            with_words!(words, words => {
                let words = &words[start..end];
                let base = base.and_then(|base| Some(&Word::of(base)?[start..end]));
                let before = out.len();
                let kept = match self.leaves_out {
                    LeftOut::Nothing => None,
                    LeftOut::Zeros(group) => {
                        let mask = kept(words, base);
                        put_bytes(&mut out, &mask::encode(&mask, self.mask_row(words.len()), group));
                        planes.add(MASK, out.len() - before);
                        Some(mask)
                    }
                    LeftOut::Repeats => {
                        let (repeats, bytes) = Repeats::encode(self.fit.density.numbers, words, self.width);
                        put_bytes(&mut out, &bytes);
                        planes.add("repeats", out.len() - before);
                        Some(repeats.new_ones())
                    }
                };
                let encode = if self.is_mixed { density::mixed::encode } else { density::encode };
                let centre = Centre { base, left: own_left };
                let before = out.len();
                let bits = encode(&self.fit.density, words, own, &centre, kept.as_ref(), &mut out);
                planes.add("cells", out.len() - before - bits);
                planes.add("bits below cells", bits);
            });
            out
        });
        let chunks = chunks.collect();
        Coded { shared: self.shared(), chunks, planes, words: None }
    }

    fn mask_row(&self, len: usize) -> usize {
        if self.width == 0 { len } else { self.width }
    }
}

impl std::fmt::Display for Dense {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_mixed { "mixed, " } else { "" })?;
        f.write_str(match self.leaves_out {
            LeftOut::Nothing => "",
            LeftOut::Zeros(_) => "mask, ",
            LeftOut::Repeats => "repeats, ",
        })?;
        if self.is_turned {
            f.write_str("by columns, ")?;
        }
        if self.fit.density.rank() > 0 {
            write!(f, "rank {}, ", self.fit.density.rank())?;
        }
        if self.is_centred() {
            f.write_str("around the base, ")?;
        }
        f.write_str(if self.fit.density.has_terms() { "predicted density" } else { "density" })
    }
}

/// Lengths of rows that a shape allows, the longest first.
fn widths(shape: &[usize], words: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = vec![];
    let mut elements: usize = shape.iter().product();
    for length in shape {
        elements /= length;
        if elements == 0 || !words.is_multiple_of(elements) {
            break;
        }
        if (LEAST_ROW..=MOST_ROW.min(words / 2)).contains(&elements) && !widths.contains(&elements) {
            widths.push(elements);
        }
    }
    widths.truncate(LAYOUTS);
    if widths.is_empty() {
        widths.push(PLAIN_ROW.min(words));
    }
    widths
}
