//! Ascending numbers in few bits: the tables that `Bins` and `Dictionary` share between blocks.
//!
//! Each number is written as its gap to the one before, less one. A gap is its bit length, then its bits below the
//! leading one. The lengths come first: that of the first number, which is often far from the others, in 7 bits, the
//! rest in one width that spans from the shortest to the longest.

use crate::bits::{BitReader, BitWriter};
use crate::{Error, Result};

/// Number of bits up to and including the leading one.
pub(super) fn bit_len(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// Appends numbers of 0 to 64: the least in 7 bits, the width of the excess in 3 bits, the excesses.
pub(super) fn put_small(out: &mut BitWriter, values: &[u32]) {
    let least = values.iter().copied().min().unwrap_or(0);
    let most = values.iter().copied().max().unwrap_or(0);
    let width = bit_len(u64::from(most - least));
    out.put(u64::from(least), 7);
    out.put(u64::from(width), 3);
    for &value in values {
        out.put(u64::from(value - least), width);
    }
}

/// Reads what [`put_small`] wrote; `count` must be paid for.
pub(super) fn take_small(reader: &mut BitReader<'_>, count: usize, part: &'static str) -> Result<Vec<u32>> {
    let least = reader.take(7)?;
    let width = reader.take(3)? as u32;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        let value = least + reader.take(width)?;
        if value > 64 {
            return Err(Error::corrupt(part, "a number has more than 64 bits", 0));
        }
        values.push(value as u32);
    }
    Ok(values)
}

/// Appends strictly ascending numbers.
pub(super) fn put_ascending(out: &mut BitWriter, values: &[u64]) {
    let gaps = || values.first().copied().into_iter().chain(values.windows(2).map(|pair| pair[1] - pair[0] - 1));
    let lengths: Vec<u32> = gaps().map(bit_len).collect();
    let Some((&first, rest)) = lengths.split_first() else { return };
    out.put(u64::from(first), 7);
    put_small(out, rest);
    gaps().for_each(|gap| out.put(gap, bit_len(gap).saturating_sub(1)));
}

/// Reads what [`put_ascending`] wrote; `count` must be paid for.
pub(super) fn take_ascending(reader: &mut BitReader<'_>, count: usize, part: &'static str) -> Result<Vec<u64>> {
    let Some(others) = count.checked_sub(1) else { return Ok(vec![]) };
    let first = reader.take(7)? as u32;
    if first > 64 {
        return Err(Error::corrupt(part, "a number has more than 64 bits", 0));
    }
    let mut values: Vec<u64> = Vec::with_capacity(count);
    for length in std::iter::once(first).chain(take_small(reader, others, part)?) {
        let gap = match length {
            0 => 0,
            _ => 1 << (length - 1) | reader.take(length - 1)?,
        };
        let value = match values.last() {
            None => Some(gap),
            Some(last) => last.checked_add(1).and_then(|next| next.checked_add(gap)),
        };
        values.push(value.ok_or(Error::corrupt(part, "ascending numbers overflow", 0))?);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ascending_numbers_return(set in prop::collection::btree_set(
            prop_oneof![any::<u64>(), 0..300u64, Just(u64::MAX)], 0..100,
        )) {
            let set: BTreeSet<u64> = set;
            let values: Vec<u64> = set.into_iter().collect();
            let mut writer = BitWriter::new();
            put_ascending(&mut writer, &values);
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes, "test");
            prop_assert_eq!(take_ascending(&mut reader, values.len(), "test").unwrap(), values);
            reader.end().unwrap();
        }

        #[test]
        fn any_bytes_give_ascending_numbers_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(values) = take_ascending(&mut BitReader::new(&bytes, "test"), 20, "test") {
                prop_assert!(values.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }
    }

    #[test]
    fn consecutive_numbers_cost_nothing_each() {
        let mut writer = BitWriter::new();
        put_ascending(&mut writer, &(0..256).collect::<Vec<_>>());
        assert_eq!(writer.len_bits(), 17);
    }
}
