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

/// Contexts of the column's tree.
pub(super) const OF_LEAF: u32 = 0b100_0000_0000_0110;

/// A few, for columns that cost little.
pub(super) const FEW: u32 = 0b0_0000_0110_1001_0000_0100_1001_1011;

/// What a column may look at in one block.
pub(super) struct Views {
    /// For each earlier column: hashes of its values, and their classes.
    exact: Vec<Vec<u32>>,
    fine: Vec<Vec<u8>>,
    coarse: Vec<Vec<u8>>,
    leaf: Vec<u32>,
    /// Hashes of all that stands before the value in its row, or in the nearest columns of it.
    prefix: Vec<u32>,
}

impl Views {
    /// The views that the contexts in `mask` have of the columns `ranked`, for column `index`.
    pub fn new<'a>(mask: u32, index: u32, ranked: &[u32], leaf: Vec<u32>, column: impl Fn(u32) -> &'a Lane) -> Self {
        let rows = leaf.len();
        let (mut exact, mut fine, mut coarse) = (vec![], vec![], vec![]);
        for &c in ranked {
            let values = column(c).to_u64s();
            exact.push(values.iter().map(|&value| fold(value)).collect());
            let [many, few] = classes(&values, [FINE, COARSE]);
            fine.push(many);
            coarse.push(few);
        }
        let mut prefix = vec![];
        if mask >> 29 & 1 == 1 {
            prefix = vec![index; rows];
            for c in index.saturating_sub(NEAREST)..index {
                let values = column(c).to_u64s();
                prefix.iter_mut().zip(values).for_each(|(hash, value)| *hash = join(*hash, fold(value)));
            }
        }
        Self { exact, fine, coarse, leaf, prefix }
    }
}

/// The contexts of a column, row by row.
pub(super) struct RowContexts<'a> {
    views: &'a Views,
    /// The contexts in use.
    used: Vec<u8>,
    /// Last values by the first, second, first two and all earlier columns, and by the column's own last three values.
    memories: [Memory; 5],
    keys: [u32; 5],
    symbols: [u32; 2],
    last: [u64; 3],
}

impl<'a> RowContexts<'a> {
    /// The contexts in `mask` for so many rows; `views` were made for these or more.
    pub fn new(views: &'a Views, mask: u32, rows: usize) -> Self {
        let memory = |bit: u32| Memory::new(if mask >> bit & 1 == 1 { rows } else { 0 });
        let memories = [memory(19), memory(26), memory(20), memory(21), memory(22)];
        let used = (0..COUNT as u8).filter(|bit| mask >> bit & 1 == 1).collect();
        Self { views, used, memories, keys: [0; 5], symbols: [0; 2], last: [0; 3] }
    }

    /// Bytes of memory for so many rows.
    pub fn memory(rows: u64, ranked: u64) -> u64 {
        rows * (4 + 4 + ranked * (4 + 1 + 1 + 8 + 8)) + 5 * Memory::memory(rows)
    }

    /// Writes the hashes of the contexts in use.
    #[inline(always)]
    pub fn fill(&mut self, row: usize, reference: u64, values: &Values, out: &mut [u32]) {
        let views = self.views;
        let exact: [u32; MOST_RANKED] = std::array::from_fn(|k| views.exact.get(k).map_or(0, |values| values[row]));
        let fine: [u32; 5] = std::array::from_fn(|k| views.fine.get(k).map_or(0, |values| u32::from(values[row])));
        let coarse: [u32; MOST_RANKED] =
            std::array::from_fn(|k| views.coarse.get(k).map_or(0, |values| u32::from(values[row])));
        let [s1, s2] = self.symbols;
        let leaf = views.leaf[row];
        let three = coarse[0] << 8 | coarse[1] << 4 | coarse[2];
        let all = exact[..views.exact.len()].iter().fold(1, |sum, &hash| join(sum, hash));
        let two = join(exact[0], exact[1]);
        let own = self.last.iter().fold(7, |sum, &v| join(sum, fold(v)));
        self.keys = [exact[0], exact[1], two, all, own];
        let told = |memory: usize| {
            let (value, hits) = self.memories[memory].get(self.keys[memory]);
            if hits == 0 { 0 } else { join(fold(values.word(value, reference)), hits.min(15)) }
        };
        let is_new = |k: usize| u32::from(views.exact.get(k).is_some_and(|v| row == 0 || v[row] != v[row - 1]));
        let changed = is_new(0) | is_new(1) << 1 | is_new(2) << 2 | is_new(3) << 3;
        let hashes: [u32; COUNT as usize] = [
            0,
            leaf,
            join(leaf, s1),
            exact[0],
            exact[1],
            exact[2],
            fine[3],
            fine[0] << 8 | fine[1],
            fine[0] << 8 | fine[2],
            fine[1] << 8 | fine[2],
            three,
            three << 4 | coarse[3],
            fine[0] << 8 | fine[3],
            join(three << 4 | coarse[3], coarse[4] << 4 | coarse[5]),
            join(leaf, fine[0]),
            fine[4],
            s1,
            join(s1, s2 + 1),
            join(fine[0], s1),
            told(0),
            told(2),
            told(3),
            told(4),
            join(changed, s1),
            fold(values.word(self.last[0], reference)),
            join(join(changed, exact[0]), s1),
            told(1),
            two,
            join(two, exact[2]),
            views.prefix.get(row).copied().unwrap_or(0),
            all,
        ];
        out.iter_mut().zip(&self.used).for_each(|(out, &at)| *out = hashes[usize::from(at)]);
    }

    /// Adds the value of the row whose contexts were asked for last.
    #[inline(always)]
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

/// Values as at most so many classes, in several ways: each its own while they are few, else ranges of about equal count.
pub(super) fn classes<const WAYS: usize>(values: &[u64], most: [usize; WAYS]) -> [Vec<u8>; WAYS] {
    let end = values.iter().max().map_or(0, |&max| max.saturating_add(1));
    if end <= values.len() as u64 {
        // Few different values: counting them is quicker than sorting.
        let mut counts = vec![0u32; end as usize];
        values.iter().for_each(|&value| counts[value as usize] += 1);
        let runs = || (0u64..).zip(&counts).map(|(value, &count)| (value, count as usize)).filter(|run| run.1 > 0);
        return most.map(|most| {
            let tops = tops_of(runs, values.len(), most);
            let mut class = 0u8;
            let classes: Vec<u8> = (0..end)
                .map(|value| {
                    let own = class;
                    class += u8::from(tops.get(usize::from(class)) == Some(&value));
                    own
                })
                .collect();
            values.iter().map(|&value| classes[value as usize]).collect()
        });
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    most.map(|most| {
        let tops = tops(&sorted, most);
        values.iter().map(|value| tops.partition_point(|top| top < value) as u8).collect()
    })
}

/// The last value of each class but the last.
pub(super) fn tops(sorted: &[u64], most: usize) -> Vec<u64> {
    tops_of(|| sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())), sorted.len(), most)
}

/// [`tops`] of rising values and how often each occurs, `total` times together.
fn tops_of<I: Iterator<Item = (u64, usize)>>(runs: impl Fn() -> I, total: usize, most: usize) -> Vec<u64> {
    let distinct = runs().take(most + 1).count();
    let (mut tops, mut start) = (vec![], 0usize);
    for (value, count) in runs() {
        let end = start + count;
        // A range ends where its share of the rows is reached.
        if distinct <= most || end * most / total > start * most / total {
            tops.push(value);
        }
        start = end;
    }
    tops.pop();
    tops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_values_and_sorted_ones_fall_into_the_same_classes() {
        let values: Vec<u64> = (0..3000u64).map(|i| i * i % 500).collect();
        // Far apart, the same values are sorted instead of counted.
        let far: Vec<u64> = values.iter().map(|value| value << 32).collect();
        let counted = classes(&values, [FINE, COARSE, 200]);
        assert_eq!(counted, classes(&far, [FINE, COARSE, 200]));
        assert!(counted[1].iter().all(|&class| usize::from(class) < COARSE) && counted[1].contains(&9));
    }
}
