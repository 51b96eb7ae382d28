//! Weights under densities: a matrix or rows, the zeros of a pruned tensor left out.

use super::mask;
use super::unit::Unit;
use crate::density::{self, Density, Fit, Layout, Numbers};
use crate::mask::Mask;
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{Budget, Lane, Result, Word, with_kind, with_words};

/// Rows of a tensor that has none.
const PLAIN_ROW: usize = 256;

/// Shortest row of a matrix, and most ways to see one that are tried.
const LEAST_ROW: usize = 8;
const LAYOUTS: usize = 3;

/// How a unit is seen, and its density.
#[derive(Debug, Clone)]
pub struct Dense {
    /// Words of a row; 0 for the rows of small tensors.
    width: usize,
    /// Group of the mask, if zeros are left out.
    group: Option<usize>,
    fit: Fit,
}

/// Zeros are left out where so many words are one of them.
fn leaves_out_zeros(zeros: usize, words: usize, numbers: Numbers) -> bool {
    if numbers.is_float() { zeros > words / 512 } else { zeros > words / 4 }
}

fn kept<W: Word>(words: &[W]) -> Mask {
    words.iter().map(|word| !word.is_zero()).collect()
}

impl Dense {
    /// The density of a unit, if its weights are numbers.
    pub fn new(words: &Lane, unit: &Unit, shape: &[usize]) -> Option<Self> {
        let numbers = Numbers::of(unit.dtype)?;
        with_words!(words, words => Some(Self::of(numbers, words, unit, shape)))
    }

    fn of<W: Word>(numbers: Numbers, words: &[W], unit: &Unit, shape: &[usize]) -> Self {
        let zeros = words.iter().filter(|word| word.is_zero()).count();
        let mask = leaves_out_zeros(zeros, words.len(), numbers).then(|| kept(words));
        let widths = if unit.rows.is_empty() { widths(shape, unit.words) } else { vec![0] };
        let best = widths
            .into_iter()
            .map(|width| {
                let layout = if width == 0 { Layout::Rows(&unit.rows) } else { Layout::Matrix(width) };
                (width, Fit::new(numbers, words, layout, mask.as_ref()))
            })
            .min_by_key(|(_, fit)| fit.price);
        let (width, fit) = best.expect("there is a layout");
        let group = mask.map(|mask| {
            let sample = &mask[..mask.len().min(1 << 16)];
            mask::best_group(&sample.to_bitvec(), if width == 0 { mask.len() } else { width })
        });
        Self { width, group, fit }
    }

    /// Words of a chunk.
    pub fn chunk_words(&self, unit: &Unit) -> usize {
        if self.width == 0 { unit.words } else { unit.chunk_words(self.width) }
    }

    /// What all chunks share.
    ///
    /// ```text
    /// words of a row (varint) · 0, or 1 + group of the mask (1) · density
    /// ```
    pub fn shared(&self) -> Vec<u8> {
        let mut out = vec![];
        put_varint(&mut out, self.width as u64);
        out.push(self.group.map_or(0, |group| group as u8 + 1));
        self.fit.density.write(&mut out);
        out
    }

    /// Each chunk, and how many of all their bytes are masks.
    pub fn chunks(&self, words: &Lane, unit: &Unit) -> (Vec<Vec<u8>>, usize) {
        let mut rows = self.fit.rows.as_slice();
        let mut mask_bytes = 0;
        let chunk_words = self.chunk_words(unit);
        let chunks = (0..words.len()).step_by(chunk_words).map(|start| {
            let end = words.len().min(start + chunk_words);
            let count = if self.width == 0 { rows.len() } else { (end - start).div_ceil(self.width) };
            let (own, rest) = rows.split_at(count);
            rows = rest;
            let mut out = vec![];
            put_bytes(&mut out, &density::write_rows(own, self.fit.density.grain));
            with_words!(words, words => {
                let words = &words[start..end];
                let mask = self.group.map(|group| (group, kept(words)));
                if let Some((group, mask)) = &mask {
                    let before = out.len();
                    put_bytes(&mut out, &mask::encode(mask, self.mask_row(words.len()), *group));
                    mask_bytes += out.len() - before;
                }
                density::encode(&self.fit.density, words, own, mask.as_ref().map(|(_, mask)| mask), &mut out);
            });
            out
        });
        (chunks.collect(), mask_bytes)
    }

    fn mask_row(&self, len: usize) -> usize {
        if self.width == 0 { len } else { self.width }
    }
}

impl std::fmt::Display for Dense {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.group.is_some() {
            f.write_str("mask, ")?;
        }
        write!(f, "density {}", self.fit.density.shape)
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
        if (LEAST_ROW..=words / 2).contains(&elements) && !widths.contains(&elements) {
            widths.push(elements);
        }
    }
    widths.truncate(LAYOUTS);
    if widths.is_empty() {
        widths.push(PLAIN_ROW.min(words));
    }
    widths
}

/// What the chunks of a unit share, as it was read.
#[derive(Debug)]
pub struct SharedDense {
    width: usize,
    group: Option<usize>,
    density: Density,
}

impl SharedDense {
    /// Reads what [`Dense::shared`] gave.
    pub fn read(reader: &mut Reader<'_>, unit: &Unit, budget: &mut Budget) -> Result<Self> {
        let numbers = Numbers::of(unit.dtype).ok_or_else(|| reader.corrupt("words of this dtype have no density"))?;
        let width = reader.varint_to(unit.words as u64, "a row is longer than the tensor")? as usize;
        if (width == 0) != !unit.rows.is_empty() {
            return Err(reader.corrupt("rows of a matrix and of small tensors are mixed up"));
        }
        let group = usize::from(reader.u8()?).checked_sub(1);
        if group.is_some_and(|group| group > mask::MAX_GROUP) {
            return Err(reader.corrupt("the groups of a mask are too large"));
        }
        Ok(Self { width, group, density: Density::read(reader, numbers, width, budget)? })
    }

    /// Words of a row; 0 where a unit is one chunk.
    pub fn row(&self) -> usize {
        self.width
    }

    /// The `len` words of a chunk.
    pub fn decode(&self, reader: &mut Reader<'_>, len: usize, unit: &Unit, budget: &mut Budget) -> Result<Lane> {
        if self.width == 0 && len != unit.words {
            return Err(reader.corrupt("small tensors are cut"));
        }
        let numbers = self.density.numbers;
        let bytes = reader.bytes()?;
        let grain = self.density.grain;
        let rows = if self.width == 0 {
            density::read_rows(bytes, unit.rows.iter().copied(), numbers, grain, budget)?
        } else {
            let lengths = (0..len).step_by(self.width).map(|start| self.width.min(len - start));
            density::read_rows(bytes, lengths, numbers, grain, budget)?
        };
        let row = if self.width == 0 { len } else { self.width };
        let mask = match self.group {
            Some(group) => Some(mask::decode(reader.bytes()?, len, row, group, budget)?),
            None => None,
        };
        with_kind!(unit.form.kind, W => {
            let mut out: Vec<W> = vec![0; budget.reserve::<W>(len as u64)?];
            density::decode(&self.density, reader, &rows, mask.as_ref(), &mut out, budget)?;
            reader.end()?;
            Ok(W::wrap(out))
        })
    }
}
