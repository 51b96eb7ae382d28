//! What rows say about the scale and the mean of their weights.

use super::field::next_mean;
use super::number::Numbers;
use super::scale;
use crate::codec::adaptive::{RangeDecoder, RangeEncoder, UIntModel};
use crate::wire::zigzag;
use crate::{Budget, Result};

/// One row of a matrix, or one small tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Row {
    /// Words.
    pub len: usize,
    /// Logarithm of the scale in sixteenths of an octave, in units of the dtype's smallest step.
    pub steps: i32,
    /// Mean in the unit of predictions.
    pub mean: i64,
    /// Low bits of the mantissa that are 0 in all weights.
    pub zeros: u32,
}

/// Codes rows whose lengths the decoder knows.
pub fn write(rows: &[Row], grain: u32) -> Vec<u8> {
    let mut encoder = RangeEncoder::default();
    let mut models = [(); 3].map(|()| UIntModel::default());
    let mut last = Row::default();
    for row in rows {
        models[0].encode(zigzag(i64::from(row.steps - last.steps)), &mut encoder);
        models[1].encode(zigzag((row.mean - last.mean) >> grain), &mut encoder);
        models[2].encode(u64::from(row.zeros), &mut encoder);
        last = *row;
    }
    encoder.finish()
}

/// Inverse of [`write`].
pub fn read(
    bytes: &[u8],
    lengths: impl Iterator<Item = usize>,
    numbers: Numbers,
    grain: u32,
    budget: &mut Budget,
) -> Result<Vec<Row>> {
    let mut decoder = RangeDecoder::new(bytes, "rows");
    let mut models = [(); 3].map(|()| UIntModel::default());
    let mut rows = vec![];
    let mut last = Row::default();
    for len in lengths {
        budget.spend(size_of::<Row>() as u64 * 2)?;
        last.len = len;
        last.steps = scale::next(&mut decoder, &mut models[0], last.steps)
            .ok_or_else(|| decoder.corrupt("a scale is out of range"))?;
        last.mean = next_mean(&mut decoder, &mut models[1], last.mean, grain)
            .ok_or_else(|| decoder.corrupt("a mean is out of range"))?;
        let zeros = models[2].decode(&mut decoder);
        decoder.check()?;
        if zeros > u64::from(numbers.most_zeros()) {
            return Err(decoder.corrupt("too many zeros"));
        }
        last.zeros = zeros as u32;
        rows.push(last);
    }
    decoder.end()?;
    Ok(rows)
}
