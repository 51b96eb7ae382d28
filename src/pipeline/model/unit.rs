//! Units: tensors that are coded together, and the chunks they are cut into.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::source::Weights;
use super::words::Form;
use crate::Result;
use crate::model::{Dtype, TensorInfo};

/// A tensor of fewer words shares its unit with others of its dtype.
const SMALL_WORDS: usize = 4096;

/// A shared unit of so many words is full.
const FULL_WORDS: usize = 1 << 16;

/// Words of a chunk, before it is fitted to rows.
const CHUNK_WORDS: usize = 1 << 17;

/// Words of a part of a larger tensor, before it is fitted to rows: what is coded at once has to lie in memory.
const PART_WORDS: usize = 1 << 21;

/// One large tensor or a part of it, or several small ones of the same dtype in the order of the file.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Numbers of its tensors, ascending.
    pub tensors: Vec<usize>,
    /// Which part of its only tensor it is.
    pub part: usize,
    /// Where the part begins in the tensor, in bytes.
    pub start: usize,
    /// How bytes become words.
    pub form: Form,
    /// Words of all its tensors.
    pub words: usize,
    /// Words of a row; 0 where there are no rows.
    pub row: usize,
    /// What its weights are.
    pub dtype: Dtype,
    /// Lengths of the rows of all its tensors, one after the other.
    pub rows: Vec<usize>,
}

/// A row of a small tensor has as many words, or the tensor is one row.
const SMALL_ROW: usize = 16;

/// The rows of a small tensor.
fn rows_of(shape: &[usize], words: usize) -> impl Iterator<Item = usize> {
    let rows = shape.first().copied().unwrap_or(1).max(1);
    let rows = if words.is_multiple_of(rows) && words / rows >= SMALL_ROW { rows } else { 1 };
    std::iter::repeat_n(words / rows, rows)
}

impl Unit {
    /// Divides tensors into units, in the order of their first tensors. The header decides, so nothing is stored.
    /// A tensor without bytes is in no unit.
    pub fn divide(tensors: &[TensorInfo]) -> Vec<Self> {
        let mut units: Vec<Self> = vec![];
        let mut open = BTreeMap::new();
        for (number, tensor) in tensors.iter().enumerate() {
            let form = Form::of(tensor.dtype);
            let words = tensor.range.len() / form.kind.width();
            if words == 0 {
                continue;
            }
            let is_small = words < SMALL_WORDS;
            if let Some(&at) = open.get(&tensor.dtype).filter(|_| is_small) {
                let unit: &mut Self = &mut units[at];
                unit.tensors.push(number);
                unit.words += words;
                unit.row = 0;
                unit.rows.extend(rows_of(&tensor.shape, words));
                if unit.words >= FULL_WORDS {
                    open.remove(&tensor.dtype);
                }
                continue;
            }
            if is_small {
                open.insert(tensor.dtype, units.len());
            }
            // The first dimension counts rows. Where elements share bytes a row may end inside one.
            let rows = if tensor.shape.len() > 1 { tensor.shape[0] } else { 0 };
            let row = if rows > 0 && words.is_multiple_of(rows) { words / rows } else { 0 };
            let own = if is_small { rows_of(&tensor.shape, words).collect() } else { vec![] };
            let one =
                Self { tensors: vec![number], part: 0, start: 0, form, words, row, dtype: tensor.dtype, rows: own };
            let most = if row == 0 || row > PART_WORDS { PART_WORDS } else { PART_WORDS / row * row };
            units.extend((0..words).step_by(most).enumerate().map(|(part, start)| Self {
                part,
                start: start * form.kind.width(),
                words: most.min(words - start),
                ..one.clone()
            }));
        }
        units
    }

    /// At least so many units hold so many bytes.
    pub fn least(bytes: usize) -> usize {
        bytes / (PART_WORDS * size_of::<u64>())
    }

    /// The second address of a chunk: the part, and the number of the chunk in it.
    pub fn chunk_address(&self, number: u64) -> u64 {
        (self.part as u64) << 32 | number
    }

    /// Bytes of its words.
    pub fn byte_len(&self) -> usize {
        self.words * self.form.kind.width()
    }

    /// Words of each chunk but the last: whole rows of so many words where they are not too long; 0 where there are none.
    pub fn chunk_words(&self, row: usize) -> usize {
        let chunk = match row {
            0 => CHUNK_WORDS,
            row if row > 2 * CHUNK_WORDS => CHUNK_WORDS,
            row => (CHUNK_WORDS / row).max(1) * row,
        };
        chunk.min(self.words)
    }

    /// The bytes of the unit's tensors, one after the other.
    pub fn gather<'a>(&self, tensors: &[TensorInfo], weights: &'a dyn Weights) -> Result<Cow<'a, [u8]>> {
        if let [only] = self.tensors.as_slice() {
            let start = tensors[*only].range.start + self.start;
            return weights.get(start..start + self.byte_len());
        }
        let mut bytes = Vec::with_capacity(self.byte_len());
        for &number in &self.tensors {
            bytes.extend_from_slice(&weights.get(tensors[number].range.clone())?);
        }
        Ok(Cow::Owned(bytes))
    }

    /// Each tensor's number, where its bytes (or those of the part) begin in it, and where they stand among the gathered.
    pub fn places(&self, tensors: &[TensorInfo]) -> impl Iterator<Item = (usize, usize, Range<usize>)> {
        let mut end = 0;
        self.tensors.iter().map(move |&number| {
            let start = end;
            end += tensors[number].range.len().min(self.byte_len());
            (number, self.start, start..end)
        })
    }
}
