//! Finding scales, means and a shape for weights. Only sums, products and quotients of floats choose; what is chosen is
//! written as integers.

use super::centre::FRACTION;
use super::field::Density;
use super::low_rank;
use super::moments::{Moments, hold};
use super::number::{Numbers, Parts};
use super::rows::Row;
use super::units::{differences, less, plain_values};
use crate::Word;
use crate::log2::BIT;
use crate::mask::Mask;

/// How weights stand in rows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Layout<'a> {
    /// A matrix with rows of this length.
    Matrix(usize),
    /// Rows without columns, of these lengths.
    Rows(&'a [usize]),
}

impl Layout<'_> {
    /// Columns that are told apart.
    pub fn width(self) -> usize {
        match self {
            Self::Matrix(width) => width,
            Self::Rows(_) => 0,
        }
    }

    fn rows(self, words: usize) -> Vec<Row> {
        let row = |len| Row { len, ..Row::default() };
        match self {
            Self::Matrix(width) => (0..words).step_by(width).map(|start| row(width.min(words - start))).collect(),
            Self::Rows(lengths) => lengths.iter().map(|&len| row(len)).collect(),
        }
    }
}

/// How much is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Search {
    /// Scales, means and the shape.
    Scales,
    /// A matrix of low rank that moves the base, too.
    Factors,
    /// Columns that predict others, too.
    Columns,
}

/// A density and its rows, chosen for some weights.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub density: Density,
    pub rows: Vec<Row>,
    /// The factor of the rows.
    pub left: Vec<i16>,
    /// About what the weights cost under it, up to what they would cost under any other, in 2^-16 bit.
    pub price: i64,
}

/// Weights as integers, and what is subtracted from them in turn.
#[derive(Clone)]
pub(super) struct Sheet<'a> {
    pub rows: Vec<Row>,
    pub width: usize,
    pub values: Vec<i32>,
    pub left: Vec<i16>,
    pub kept: Option<&'a Mask>,
    /// What values are less by, towards zero.
    pub hole: i32,
}

impl Fit {
    /// [`Fit::price`] in bits.
    pub fn bits(&self) -> i64 {
        self.price >> 16
    }

    /// The cheapest fit of weights around a base, if there is one. Only those that are `kept` count.
    pub fn new<W: Word>(
        numbers: Numbers,
        words: &[W],
        base: Option<&[W]>,
        layout: Layout<'_>,
        kept: Option<&Mask>,
        search: Search,
    ) -> Self {
        let (plain, predicted) = Self::pair(numbers, words, base, layout, kept, search);
        predicted.filter(|predicted| predicted.price < plain.price).unwrap_or(plain)
    }

    /// A fit in which columns do not predict others, and one in which they do if that is looked for and they can.
    pub fn pair<W: Word>(
        numbers: Numbers,
        words: &[W],
        base: Option<&[W]>,
        layout: Layout<'_>,
        kept: Option<&Mask>,
        search: Search,
    ) -> (Self, Option<Self>) {
        let of = |word: &W| numbers.parts(word.wide());
        let parts = || words.iter().map(of);
        let (unit, values) = match base {
            None => plain_values(parts),
            Some(base) => differences(|| parts().zip(base.iter().map(of))),
        };
        let sheet =
            Sheet { rows: layout.rows(words.len()), width: layout.width(), values, left: vec![], kept, hole: 0 };
        let mut density = Density::new(numbers, unit);
        density.is_centred = base.is_some();
        let can_move = search >= Search::Factors && kept.is_none() && base.is_some() && sheet.width > 0;
        let moved = can_move.then(|| sheet.moved(&density)).flatten();
        let (mut sheet, mut plain) = sheet.level(density, words);
        let mut factors = 0;
        if let Some((moved, density)) = moved {
            let mut side = vec![];
            density.write(&mut side);
            side.extend(super::write_left(&moved.left, density.factors.rank()));
            let (moved, mut other) = moved.level(density, words);
            let side = (side.len() as u64 * 8 * BIT) as i64;
            other.price += side;
            if other.price < plain.price {
                (sheet, plain, factors) = (moved, other, side);
            }
        }
        let can_predict = (2..=MOST_PREDICTED).contains(&sheet.width) && (kept.is_none() || base.is_none());
        if search < Search::Columns || !can_predict || words.len() < 8 * sheet.width {
            return (plain, None);
        }
        let mut predicted = sheet.predict(&plain);
        predicted.price += factors;
        (plain, Some(predicted))
    }
}

impl Sheet<'_> {
    /// The sheet with a matrix of low rank subtracted, if one pays.
    fn moved(&self, density: &Density) -> Option<(Self, Density)> {
        let values: Vec<f32> = self.values.iter().map(|&value| value as f32).collect();
        let whole = values.len() - values.len() % self.width;
        let (factors, mut left) = low_rank::find(&values[..whole], self.width)?;
        left.resize(self.rows.len() * factors.rank(), 0);
        let mut moved = self.clone();
        let mut sums = vec![];
        for (values, left) in moved.values.chunks_mut(self.width).zip(left.chunks(factors.rank())) {
            factors.add(left, values.len(), &mut sums);
            values.iter_mut().zip(&sums).for_each(|(value, sum)| *value = less(*value, sum >> FRACTION));
        }
        moved.left = left;
        let mut density = density.clone();
        density.factors = factors;
        Some((moved, density))
    }

    /// Takes means, finds zeros and scales.
    fn level<W: Word>(mut self, mut density: Density, words: &[W]) -> (Self, Fit) {
        let numbers = density.numbers;
        if let Some(kept) = self.kept {
            if numbers.is_float() && !density.is_centred {
                density.hole = kept.iter_ones().map(|at| words[at].wide() & !1).min().unwrap_or(0);
            }
            let hole = less(Numbers::fixed(numbers.parts(density.hole), density.unit), 0);
            self.values.iter_mut().for_each(|value| *value -= value.signum() * hole);
            self.hole = hole;
        } else {
            self.take_means(&mut density);
        }
        if numbers.is_float() {
            self.find_zeros(words.iter().map(|word| numbers.parts(word.wide())), numbers);
        }
        let fit = self.clone().fit_scales(density);
        (self, fit)
    }
}

/// Widest matrix whose columns predict each other: their covariances take 4 kB each.
const MOST_PREDICTED: usize = 1 << 15;

impl Sheet<'_> {
    /// A value beyond the hole, as predictors see it.
    pub fn outer(value: i32, hole: i32) -> i32 {
        value + value.signum() * hole
    }

    pub fn is_kept(&self, at: usize) -> bool {
        self.kept.is_none_or(|kept| kept[at])
    }

    /// The bits at the bottom of the mantissa that are 0 in a whole row.
    fn find_zeros(&mut self, mut parts: impl Iterator<Item = Parts>, numbers: Numbers) {
        for row in &mut self.rows {
            let any = parts.by_ref().take(row.len).fold(0, |any, parts| any | parts.digits);
            // One or two bits are chance in short rows, and save less than the note costs.
            let zeros = any.trailing_zeros().min(numbers.most_zeros());
            row.zeros = if any == 0 || (zeros as usize) * row.len < 16 { 0 } else { zeros };
        }
    }

    /// Subtracts means of rows and columns where they pay.
    fn take_means(&mut self, density: &mut Density) {
        let moments: Vec<Moments> = {
            let mut at = 0;
            self.rows
                .iter()
                .map(|row| {
                    at += row.len;
                    Moments::of(self.values[at - row.len..at].iter().copied())
                })
                .collect()
        };
        // Matrices have rows of one kind, whose means need be no finer than a part of the scale; small tensors do not.
        let least = moments.iter().map(Moments::deviation).min().unwrap_or(0);
        let typical = moments.iter().map(Moments::deviation).max().unwrap_or(0);
        density.grain = (if self.width > 0 { typical } else { least }).checked_ilog2().unwrap_or(0).saturating_sub(4);
        let means = hold(&moments, density.grain);
        let mut at = 0;
        for (row, mean) in self.rows.iter_mut().zip(means) {
            row.mean = mean;
            self.values[at..at + row.len].iter_mut().for_each(|value| *value = less(*value, mean));
            at += row.len;
        }
        if self.width == 0 || self.rows.len() < 4 {
            return;
        }
        let mut moments = vec![Moments::default(); self.width];
        for row in self.values.chunks(self.width) {
            moments.iter_mut().zip(row).for_each(|(own, &value)| own.add(value));
        }
        let means = hold(&moments, density.grain);
        if means.iter().any(|&mean| mean != 0) {
            for row in self.values.chunks_mut(self.width) {
                row.iter_mut().zip(&means).for_each(|(value, &mean)| *value = less(*value, mean));
            }
            density.means = means;
        }
    }
}
