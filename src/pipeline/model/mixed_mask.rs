//! Masks of kept weights, bit by bit: what rows and columns say about density, and the bits around, mixed.

use super::mask::MAX_COLUMNS;
use crate::codec::dispatched;
use crate::context::{Apm, BinaryCoder, BinaryDecoder, BinaryEncoder, Counter, Mixer, padded, stretch};
use crate::mask::Mask;
use crate::{Budget, Result};

/// Densities of row and column together, of each, what two counters saw, and a constant.
const INPUTS: usize = 6;

/// First weights.
const FIRST: [i32; INPUTS] = [20_000, 8_000, 8_000, 20_000, 10_000, 0];

/// A row or column begins as if it had seen so many bits, kept as often as all.
const SEEN: u64 = 32;

/// Classes of a density relative to that of all: of rows and columns, and of both together.
const ALONE: i32 = 32;
const BOTH: i32 = 64;

/// Counters stop here.
const LIMIT: u32 = 1020;

/// Codes a mask whose rows have `row` bits.
pub fn encode(mask: &Mask, row: usize) -> Vec<u8> {
    let mut encoder = BinaryEncoder::default();
    let mut model = Model::new(row);
    dispatched(
        #[inline(always)]
        || model.run(Some(mask), mask.len(), &mut encoder, |_| Ok(())),
    )
    .expect("writing does not fail");
    encoder.finish()
}

/// Inverse of [`encode`] for a mask of `len` bits.
pub fn decode(bytes: &[u8], len: usize, row: usize, budget: &mut Budget) -> Result<Mask> {
    budget.spend(Model::memory(row) + len as u64 / 8 + 1)?;
    let mut decoder = BinaryDecoder::new(bytes, "mask");
    let mut model = Model::new(row);
    let mask = dispatched(
        #[inline(always)]
        || model.run(None, len, &mut decoder, BinaryDecoder::check),
    )?;
    decoder.end()?;
    Ok(mask)
}

/// Kept and seen bits as a stretched probability, begun with that of all.
#[inline(always)]
fn density(kept: u64, seen: u64, all: u64) -> i32 {
    stretch((((kept << 16) + SEEN * all) / (seen + SEEN)).clamp(1, 65535) as u32)
}

/// The class of a stretched probability that lies so far above that of all.
#[inline(always)]
fn class(above: i32, shift: u32, classes: i32) -> usize {
    ((above >> shift) + classes / 2).clamp(0, classes - 1) as usize
}

/// What is known before a bit, and what learns from it.
struct Model {
    row: usize,
    /// For each column how many bits were kept, and the last two of them.
    columns: Vec<(u32, u8)>,
    by_density: Vec<Counter>,
    by_bits: Vec<Counter>,
    mixer: Mixer,
    second: Mixer,
    apm: Apm,
}

impl Model {
    fn new(row: usize) -> Self {
        Self {
            row,
            columns: vec![(0, 0); row.min(MAX_COLUMNS)],
            by_density: vec![Counter::default(); (ALONE * ALONE) as usize],
            by_bits: vec![Counter::default(); 16 * BOTH as usize],
            mixer: Mixer::new(INPUTS, BOTH as usize, 20).starting(&FIRST),
            second: Mixer::new(INPUTS, 256, 20).starting(&FIRST),
            apm: Apm::new(BOTH as usize, 7),
        }
    }

    /// Bytes of memory, those of counters and mixers rounded up.
    fn memory(row: usize) -> u64 {
        row.min(MAX_COLUMNS) as u64 * 8 + (1 << 16)
    }

    /// Codes `len` bits; `check` says whether to go on.
    #[inline(always)]
    fn run<C: BinaryCoder>(
        &mut self,
        known: Option<&Mask>,
        len: usize,
        coder: &mut C,
        check: impl Fn(&C) -> Result<()>,
    ) -> Result<Mask> {
        let mut mask = Mask::with_capacity(len);
        let (mut kept, mut in_row, mut left, mut column) = (0u64, 0u64, 0u8, 0usize);
        for at in 0..len {
            if column == self.row {
                (column, in_row, left) = (0, 0, 0);
            }
            let rows = (at / self.row) as u64;
            let place = column % MAX_COLUMNS;
            let (in_column, above) = self.columns[place];
            let all = ((kept << 16) + (1 << 15)) / (at as u64 + 1);
            let base = stretch(all.clamp(1, 65535) as u32);
            let of_column = density(u64::from(in_column), rows, all);
            let of_row = density(in_row, column as u64, all);
            let both = (of_column + of_row - base).clamp(-2047, 2047);
            let class_of_both = class(both - base, 5, BOTH);
            let bits = usize::from(left & 3) << 2 | usize::from(above & 3);
            let by_density = class(of_column - base, 6, ALONE) * ALONE as usize + class(of_row - base, 6, ALONE);
            let by_bits = bits * BOTH as usize + class_of_both;
            let counters = [&mut self.by_density[by_density], &mut self.by_bits[by_bits]];
            let mut inputs = [0; padded(INPUTS)];
            inputs[..3].copy_from_slice(&[both, of_column, of_row]);
            inputs[3..5].copy_from_slice(&[stretch(counters[0].one()), stretch(counters[1].one())]);
            inputs[5] = 256;
            let first = self.mixer.mix(&inputs, class_of_both);
            let second = self.second.mix(&inputs, bits * 16 + (column + 1).ilog2().min(15) as usize);
            let one = first.midpoint(second);
            let refined = self.apm.refine(one, class_of_both);
            let one = ((3 * one + refined) / 4).clamp(1, 65535);
            let bit = coder.code(known.is_some_and(|known| known[at]), one);
            self.mixer.learn(&inputs, bit);
            self.second.learn(&inputs, bit);
            self.apm.learn(bit);
            counters.into_iter().for_each(|counter| counter.learn(bit, LIMIT));
            // Beyond so many columns they share counts, which grow faster then.
            self.columns[place] = (in_column.saturating_add(u32::from(bit)), above << 1 | u8::from(bit));
            kept += u64::from(bit);
            in_row += u64::from(bit);
            left = left << 1 | u8::from(bit);
            column += 1;
            mask.push(bit);
            check(coder)?;
        }
        Ok(mask)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    proptest! {
        #[test]
        fn noise_is_a_mask_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60), row in 1usize..90) {
            let mut budget = Budget::new(&Limits::default());
            if let Ok(mask) = decode(&bytes, 300, row, &mut budget) {
                prop_assert_eq!(decode(&encode(&mask, row), 300, row, &mut budget).unwrap(), mask);
            }
        }
    }

    #[test]
    fn stripes_and_bits_around_are_learned() {
        // Columns of three densities, in rows of two; and a kept bit is mostly followed by another.
        let mut state = 1u32;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 24
        };
        let mut before = false;
        let mask: Mask = (0..96 * 700)
            .map(|at| {
                let density = 15 * (1 + at as u32 % 3) * (1 + at as u32 / 96 % 2) + if before { 80 } else { 0 };
                before = next() < density;
                before
            })
            .collect();
        let (mixed, counted) = (encode(&mask, 96).len(), super::super::mask::encode(&mask, 96, 0).len());
        assert!(mixed * 20 < counted * 19, "{mixed} and {counted} bytes");
    }
}
