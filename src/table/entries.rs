//! The dictionary of a categorical column.

use super::ended::{LEAST_BITS, free_byte, join, split};
use crate::log2::{BIT, code_length};
use crate::{Budget, Error, Lane, Result};

/// Most bytes of one dictionary, fixed by the format.
pub(super) const MAX_DICTIONARY: usize = 8 << 20;

/// Bytes that a byte of an ended lane may take: a length, an end, and itself.
const LISTED_BYTES: u64 = 8 + 4 + 1;

/// Distinct texts in one buffer.
///
/// ```
/// use losslaw::table::Entries;
/// let entries = Entries::from_texts([b"car".as_slice(), b"cat", b"dog"]);
/// assert_eq!((entries.len(), entries.get(1)), (3, Some(b"cat".as_slice())));
/// let [shared, own, bytes] = entries.to_lanes();
/// assert_eq!((shared.to_u64s(), own.to_u64s()), (vec![0, 2, 0], vec![3, 1, 3]));
/// assert_eq!(bytes.to_le_bytes(), b"cartdog");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Entries {
    /// Entries in the given order.
    pub fn from_texts<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut entries = Self::default();
        for text in texts {
            entries.bytes.extend_from_slice(text);
            entries.ends.push(entries.bytes.len() as u32);
        }
        entries
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The entry of an index.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        Some(&self.bytes[start..end])
    }

    /// All entries in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map_while(|index| self.get(index))
    }

    /// What stands in each entry behind the bytes that it shares with the one before, and how many these are.
    fn front_coded(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut last: &[u8] = &[];
        self.iter().map(move |entry| {
            let common = last.iter().zip(entry).take_while(|(a, b)| a == b).count();
            last = entry;
            (common, &entry[common..])
        })
    }

    /// As [`Entries::to_lanes`], but with an end behind the bytes of each entry in place of their number; nothing if all bytes
    /// occur or the numbers cost little.
    pub(super) fn to_ended_lanes(&self) -> Option<[Lane; 2]> {
        let end = free_byte([&*self.bytes])?;
        let mut lengths: Vec<usize> = self.front_coded().map(|(_, own)| own.len()).collect();
        lengths.sort_unstable();
        let counts: Vec<u32> = lengths.chunk_by(|a, b| a == b).map(|run| run.len() as u32).collect();
        let shared = Lane::narrowest(self.front_coded().map(|(shared, _)| shared as u64).collect());
        let is_worth = code_length(&counts) > self.len() as u64 * LEAST_BITS * BIT;
        is_worth.then(|| [shared, join(self.front_coded().map(|(_, own)| own), end)])
    }

    /// The whole entries with an end behind each, for coders that see what entries share; nothing if all bytes occur.
    pub(super) fn to_list(&self) -> Option<Lane> {
        Some(join(self.iter(), free_byte([&*self.bytes])?))
    }

    /// Inverse of [`Entries::to_list`].
    pub(super) fn from_list(lane: &Lane, budget: &mut Budget) -> Result<Self> {
        budget.spend(lane.len() as u64 * LISTED_BYTES)?;
        if lane.len() > MAX_DICTIONARY {
            return Err(Error::corrupt("entries", "the dictionary is too large", 0));
        }
        let (lengths, bytes) = split(lane, "entries")?;
        let ends = lengths.iter().scan(0, |end, &length| {
            *end += length as u32;
            Some(*end)
        });
        Ok(Self { bytes, ends: ends.collect() })
    }

    /// Inverse of [`Entries::to_ended_lanes`].
    pub(super) fn from_ended_lanes([shared, own]: &[Lane; 2], budget: &mut Budget) -> Result<Self> {
        budget.spend(own.len() as u64 * LISTED_BYTES)?;
        let (lengths, bytes) = split(own, "entries")?;
        Self::from_lanes(&[shared.clone(), Lane::U64(lengths), Lane::U8(bytes)], budget)
    }

    /// Front-coded lanes: bytes shared with the entry before, bytes of its own, and these bytes.
    pub fn to_lanes(&self) -> [Lane; 3] {
        let (mut shared, mut own, mut bytes) = (vec![], vec![], vec![]);
        for (common, rest) in self.front_coded() {
            shared.push(common as u64);
            own.push(rest.len() as u64);
            bytes.extend_from_slice(rest);
        }
        [Lane::narrowest(shared), Lane::narrowest(own), Lane::from(bytes)]
    }

    /// Inverse of [`Entries::to_lanes`].
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the lanes do not fit together, [`Error::LimitExceeded`] when the budget is spent.
    pub fn from_lanes([shared, own, bytes]: &[Lane; 3], budget: &mut Budget) -> Result<Self> {
        let corrupt = |what, at| Error::corrupt("entries", what, at);
        if shared.len() != own.len() {
            return Err(corrupt("lengths differ in number", 0));
        }
        let mut left = bytes.words::<u8>("entries")?;
        let count = budget.reserve::<u32>(own.len() as u64)?;
        let mut entries = Self { bytes: vec![], ends: Vec::with_capacity(count) };
        let mut last = 0;
        for (at, (shared, own)) in shared.to_u64s().into_iter().zip(own.to_u64s()).enumerate() {
            let start = entries.bytes.len();
            if shared > (start - last) as u64 {
                return Err(corrupt("an entry shares more than there is", at));
            }
            if own > left.len() as u64 {
                return Err(corrupt("bytes are missing", at));
            }
            budget.spend(shared + own)?;
            if start as u64 + shared + own > MAX_DICTIONARY as u64 {
                return Err(corrupt("the dictionary is too large", at));
            }
            entries.bytes.extend_from_within(last..last + shared as usize);
            let (head, tail) = left.split_at(own as usize);
            entries.bytes.extend_from_slice(head);
            entries.ends.push(entries.bytes.len() as u32);
            (left, last) = (tail, start);
        }
        if left.is_empty() { Ok(entries) } else { Err(corrupt("bytes are left over", own.len())) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    proptest! {
        #[test]
        fn texts_return_in_order(texts in prop::collection::vec(prop::collection::vec(0u8..4, 0..6), 0..40)) {
            let entries = Entries::from_texts(texts.iter().map(Vec::as_slice));
            let lanes = entries.to_lanes();
            let back = Entries::from_lanes(&lanes, &mut Budget::new(&Limits::default())).unwrap();
            prop_assert_eq!(&back, &entries);
            let listed = Entries::from_list(&entries.to_list().unwrap(), &mut Budget::new(&Limits::default()));
            prop_assert_eq!(&listed.unwrap(), &entries);
            if let Some(lanes) = entries.to_ended_lanes() {
                prop_assert_eq!(&Entries::from_ended_lanes(&lanes, &mut Budget::new(&Limits::default())).unwrap(), &entries);
            }
            prop_assert!(back.iter().eq(texts.iter().map(Vec::as_slice)));
        }

        #[test]
        fn hostile_lanes_are_errors_or_entries(
            shared in prop::collection::vec(0u8..9, 0..20),
            own in prop::collection::vec(0u8..9, 0..20),
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let lanes = [Lane::from(shared), Lane::from(bytes)];
            let _ = Entries::from_list(&lanes[1], &mut Budget::new(&Limits::default()));
            let _ = Entries::from_ended_lanes(&lanes, &mut Budget::new(&Limits::default()));
            let [shared, bytes] = lanes;
            let lanes = [shared, Lane::from(own), bytes];
            let _ = Entries::from_lanes(&lanes, &mut Budget::new(&Limits::default()));
        }
    }
}
