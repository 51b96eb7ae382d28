//! The contexts of a value: what a row knows before it, as one hash for each of a fixed list.

use super::values::{Memory, Values, fold};
use crate::Lane;

/// Most earlier columns that a column looks at.
pub(super) const MOST_RANKED: usize = 6;

/// Number of contexts to choose from.
pub(super) const COUNT: u32 = 31;

/// Columns before a value that count as its row so far: enough for most tables, and no quadratic work in wide ones.
const NEAREST: u32 = 32;

/// Classes of an earlier column's values: many where it stands alone or with one other, few where with more.
const FINE: usize = 128;
const COARSE: usize = 16;

/// Contexts of tables whose rows have no order: the value's own history is left out.
pub(super) const UNORDERED: u32 = 0b111_1000_0000_0000_1111_1111_1111_1011;

/// All contexts.
pub(super) const ALL: u32 = (1 << COUNT) - 1;

/// A few, for columns that cost little.
pub(super) const FEW: u32 = 0b0_0000_0110_1001_0000_0100_1001_1011;

/// What a column looks at in one block, ready row by row.
pub(super) struct RowContexts {
    mask: u32,
    /// For each earlier column: hashes of its values, and their classes.
    exact: Vec<Vec<u32>>,
    fine: Vec<Vec<u8>>,
    coarse: Vec<Vec<u8>>,
    leaf: Vec<u32>,
    /// Hashes of all that stands before the value in its row, or in the nearest columns of it.
    prefix: Vec<u32>,
    /// Last values by the first, second, first two and all earlier columns, and by the column's own last three values.
    memories: [Memory; 5],
    keys: [u32; 5],
    symbols: [u32; 2],
    last: [u64; 3],
}

impl RowContexts {
    pub fn new<'a>(mask: u32, index: u32, ranked: &[u32], leaf: Vec<u32>, column: impl Fn(u32) -> &'a Lane) -> Self {
        let rows = leaf.len();
        let (mut exact, mut fine, mut coarse) = (vec![], vec![], vec![]);
        for &c in ranked {
            let values = column(c).to_u64s();
            exact.push(values.iter().map(|&value| fold(value)).collect());
            fine.push(classes(&values, FINE));
            coarse.push(classes(&values, COARSE));
        }
        let mut prefix = vec![];
        if mask >> 29 & 1 == 1 {
            prefix = vec![index; rows];
            for c in index.saturating_sub(NEAREST)..index {
                let values = column(c).to_u64s();
                prefix.iter_mut().zip(values).for_each(|(hash, value)| *hash = join(*hash, fold(value)));
            }
        }
        let memory = |bit: u32| Memory::new(if mask >> bit & 1 == 1 { rows } else { 0 });
        let memories = [memory(19), memory(26), memory(20), memory(21), memory(22)];
        Self { mask, exact, fine, coarse, leaf, prefix, memories, keys: [0; 5], symbols: [0; 2], last: [0; 3] }
    }

    /// Bytes of memory for so many rows.
    pub fn memory(rows: u64, ranked: u64) -> u64 {
        rows * (4 + 4 + ranked * (4 + 1 + 1 + 8 + 8)) + 5 * Memory::memory(rows)
    }

    /// Writes the hashes of the contexts in use.
    #[inline]
    pub fn fill(&mut self, row: usize, reference: u64, values: &Values, out: &mut Vec<u32>) {
        let exact = |k: usize| self.exact.get(k).map_or(0, |values| values[row]);
        let fine = |k: usize| self.fine.get(k).map_or(0, |values| u32::from(values[row]));
        let coarse = |k: usize| self.coarse.get(k).map_or(0, |values| u32::from(values[row]));
        let [s1, s2] = self.symbols;
        let leaf = self.leaf[row];
        let three = coarse(0) << 8 | coarse(1) << 4 | coarse(2);
        let all = || (0..self.exact.len()).fold(1, |sum, k| join(sum, exact(k)));
        self.keys = [
            exact(0),
            exact(1),
            join(exact(0), exact(1)),
            all(),
            self.last.iter().fold(7, |sum, &v| join(sum, fold(v))),
        ];
        let told = |memory: usize| {
            let (value, hits) = self.memories[memory].get(self.keys[memory]);
            if hits == 0 { 0 } else { join(fold(values.word(value, reference)), hits.min(15)) }
        };
        let changed = || {
            let is_new = |k: usize| u32::from(self.exact.get(k).is_some_and(|v| row == 0 || v[row] != v[row - 1]));
            is_new(0) | is_new(1) << 1 | is_new(2) << 2 | is_new(3) << 3
        };
        out.clear();
        let mut put = |bit: u32, hash: &dyn Fn() -> u32| {
            if self.mask >> bit & 1 == 1 {
                out.push(hash());
            }
        };
        put(0, &|| 0);
        put(1, &|| leaf);
        put(2, &|| join(leaf, s1));
        put(3, &|| exact(0));
        put(4, &|| exact(1));
        put(5, &|| exact(2));
        put(6, &|| fine(3));
        put(7, &|| fine(0) << 8 | fine(1));
        put(8, &|| fine(0) << 8 | fine(2));
        put(9, &|| fine(1) << 8 | fine(2));
        put(10, &|| three);
        put(11, &|| three << 4 | coarse(3));
        put(12, &|| fine(0) << 8 | fine(3));
        put(13, &|| join(three << 4 | coarse(3), coarse(4) << 4 | coarse(5)));
        put(14, &|| join(leaf, fine(0)));
        put(15, &|| fine(4));
        put(16, &|| s1);
        put(17, &|| join(s1, s2 + 1));
        put(18, &|| join(fine(0), s1));
        put(19, &|| told(0));
        put(20, &|| told(2));
        put(21, &|| told(3));
        put(22, &|| told(4));
        put(23, &|| join(changed(), s1));
        put(24, &|| fold(values.word(self.last[0], reference)));
        put(25, &|| join(join(changed(), exact(0)), s1));
        put(26, &|| told(1));
        put(27, &|| join(exact(0), exact(1)));
        put(28, &|| join(join(exact(0), exact(1)), exact(2)));
        put(29, &|| self.prefix[row]);
        put(30, &all);
    }

    /// Adds the value of the row whose contexts were asked for last.
    #[inline]
    pub fn push(&mut self, value: u64, symbol: usize) {
        for (memory, &key) in self.memories.iter_mut().zip(&self.keys) {
            memory.set(key, value);
        }
        self.symbols = [symbol as u32 + 1, self.symbols[0]];
        self.last = [value, self.last[0], self.last[1]];
    }
}

/// Two numbers as one.
#[inline]
fn join(a: u32, b: u32) -> u32 {
    let mixed = (a.wrapping_mul(0x9e37_79b1) ^ b.wrapping_add(0x7f4a_7c15)).wrapping_mul(0x85eb_ca77);
    mixed ^ mixed >> 15
}

/// Values as at most `most` classes: each its own while they are few, else ranges of about equal count.
pub(super) fn classes(values: &[u64], most: usize) -> Vec<u8> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let tops = tops(&sorted, most);
    values.iter().map(|value| tops.partition_point(|top| top < value) as u8).collect()
}

/// The last value of each class but the last.
pub(super) fn tops(sorted: &[u64], most: usize) -> Vec<u64> {
    let distinct = sorted.chunk_by(|a, b| a == b).take(most + 1).count();
    let (mut tops, mut start) = (vec![], 0usize);
    for run in sorted.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        // A range ends where its share of the rows is reached.
        if distinct <= most || end * most / sorted.len() > start * most / sorted.len() {
            tops.push(run[0]);
        }
        start = end;
    }
    tops.pop();
    tops
}
