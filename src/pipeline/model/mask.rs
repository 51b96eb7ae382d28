//! Masks of kept weights, bit by bit under what rows, columns and groups say about density.

use super::mixed_mask;
use crate::codec::adaptive::{BitModel, BitSink, RangeDecoder, RangeEncoder};
use crate::mask::Mask;
use crate::{Budget, Result};

/// Largest group of a pattern N:M.
pub const MAX_GROUP: usize = 16;

/// Stands in the place of a group where bits are mixed.
pub const MIXED: usize = MAX_GROUP + 1;

/// Place of a density of k/64 on a scale that is finer near 0 and 1.
const DENSITY: [u8; 65] = {
    let starts = [1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 35, 44, 53, 61];
    let mut table = [0; 65];
    let mut k = 0;
    while k < 65 {
        let mut place = 0;
        while place < starts.len() && starts[place] <= k {
            place += 1;
        }
        table[k] = place as u8;
        k += 1;
    }
    table
};

/// Columns that are told apart; where rows are longer they share counts.
pub const MAX_COLUMNS: usize = 1 << 16;

/// Everything known before the next bit of a mask.
struct Context {
    row: usize,
    group: usize,
    columns: Vec<u16>,
    column: usize,
    rows_seen: u64,
    kept_in_row: u64,
    kept: u64,
    seen: u64,
    kept_in_group: usize,
}

impl Context {
    /// Contexts for rows of `row` bits; `group` bits of a row belong together, or none if it is 0.
    fn new(row: usize, group: usize) -> Self {
        let columns = if group == 0 { vec![0; row.min(MAX_COLUMNS)] } else { vec![] };
        Self { row, group, columns, column: 0, rows_seen: 0, kept_in_row: 0, kept: 0, seen: 0, kept_in_group: 0 }
    }

    fn models(&self) -> Vec<BitModel> {
        let count = if self.group == 0 { 16 * 16 } else { self.group * (self.group + 1) };
        vec![BitModel::default(); count]
    }

    /// The number of the next bit's model.
    #[inline]
    fn index(&self) -> usize {
        if self.group > 0 {
            return self.column % self.group * (self.group + 1) + self.kept_in_group;
        }
        let density = |kept: u64, seen: u64| usize::from(DENSITY[(64 * kept / seen).min(64) as usize]);
        let in_column = u64::from(self.columns[self.column % MAX_COLUMNS]);
        // Begun with the density so far, as if four bits had been seen.
        let all = 4 * 256 * self.kept / self.seen.max(1);
        let column = density(in_column * 256 + all, (self.rows_seen + 4) * 256);
        let row = density(self.kept_in_row * 256 + all, (self.column as u64 + 4) * 256);
        column * 16 + row
    }

    #[inline]
    fn learn(&mut self, bit: bool) {
        if self.group == 0 {
            let count = &mut self.columns[self.column % MAX_COLUMNS];
            *count = count.saturating_add(u16::from(bit));
        }
        self.kept += u64::from(bit);
        self.seen += 1;
        self.kept_in_row += u64::from(bit);
        self.kept_in_group += usize::from(bit);
        self.column += 1;
        if self.column == self.row {
            (self.column, self.kept_in_row, self.kept_in_group) = (0, 0, 0);
            self.rows_seen += 1;
        } else if self.group > 0 && self.column.is_multiple_of(self.group) {
            self.kept_in_group = 0;
        }
    }
}

/// Groups that are tried, besides none: alone, each bit is as likely as any other.
const GROUPS: [usize; 4] = [1, 4, 8, 16];

/// The group that codes a mask best.
pub fn best_group(mask: &Mask, row: usize) -> usize {
    let bytes = |group: usize| encode(mask, row, group).len();
    let (mut least, mut best) = (bytes(0), 0);
    for group in GROUPS {
        let bytes = bytes(group);
        if bytes < least {
            (least, best) = (bytes, group);
        }
    }
    best
}

/// Codes a mask whose rows have `row` bits.
pub fn encode(mask: &Mask, row: usize, group: usize) -> Vec<u8> {
    if group == MIXED {
        return mixed_mask::encode(mask, row);
    }
    let mut context = Context::new(row, group);
    let mut models = context.models();
    let mut encoder = RangeEncoder::default();
    for bit in mask.iter().by_vals() {
        encoder.bit(&mut models[context.index()], bit);
        context.learn(bit);
    }
    encoder.finish()
}

/// Inverse of [`encode`] for a mask of `len` bits. `row` is from 1 to the most words of a lane, `group` to [`MIXED`].
pub fn decode(bytes: &[u8], len: usize, row: usize, group: usize, budget: &mut Budget) -> Result<Mask> {
    if group == MIXED {
        return mixed_mask::decode(bytes, len, row, budget);
    }
    budget.spend((len / 8 + row.min(MAX_COLUMNS) * 2) as u64 + 1)?;
    let mut context = Context::new(row, group);
    let mut models = context.models();
    let mut decoder = RangeDecoder::new(bytes, "mask");
    let mut mask = Mask::with_capacity(len);
    for _ in 0..len {
        let bit = decoder.bit(&mut models[context.index()]);
        decoder.check()?;
        context.learn(bit);
        mask.push(bit);
    }
    decoder.end()?;
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    proptest! {
        #[test]
        fn masks_return_for_every_row_and_group(
            bits in prop::collection::vec(prop::bool::weighted(0.2), 0..400), row in 1usize..500, group in 0usize..=MIXED,
        ) {
            let mask: Mask = bits.iter().collect();
            let mut budget = Budget::new(&Limits::default());
            prop_assert_eq!(decode(&encode(&mask, row, group), bits.len(), row, group, &mut budget).unwrap(), mask);
        }
    }

    #[test]
    fn dense_rows_and_columns_are_learned() {
        // A product of densities: 64 columns from nearly none to nearly all, rows of one quarter or three quarters.
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 20
        };
        let mask: Mask =
            (0..64 * 1000).map(|at| next() < (at % 64) as u32 * 62 * (1 + 2 * (at / 64 % 2) as u32) / 4).collect();
        let (by_density, alone) = (encode(&mask, 64, 0).len(), encode(&mask, 64, 1).len());
        assert!(by_density * 10 < alone * 9, "{by_density} and {alone}");
    }

    #[test]
    fn masks_are_those_of_the_format_page() {
        let mask: Mask = (0..48).map(|at| matches!(at, 3 | 11 | 19 | 35)).collect();
        assert_eq!(encode(&mask, 8, 1), [0xb8, 0x22, 0xb5]);
        // The pseudocode of the page gives the same mask from these.
        assert_eq!(encode(&mask, 8, 0), [0xb9, 0xf0, 0x24, 0x0c, 0x39]);
        assert_eq!(encode(&mask, 8, 4), [0xef, 0x77, 0x28]);
    }
}
