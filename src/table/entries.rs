//! The dictionary of a categorical column.

use crate::{Budget, Error, Lane, Result};

/// Most bytes of one dictionary, fixed by the format.
pub(super) const MAX_DICTIONARY: usize = 8 << 20;

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

    /// Front-coded lanes: bytes shared with the entry before, bytes of its own, and these bytes.
    pub fn to_lanes(&self) -> [Lane; 3] {
        let (mut shared, mut own, mut bytes) = (vec![], vec![], vec![]);
        let mut last: &[u8] = &[];
        for entry in self.iter() {
            let common = last.iter().zip(entry).take_while(|(a, b)| a == b).count();
            shared.push(common as u64);
            own.push((entry.len() - common) as u64);
            bytes.extend_from_slice(&entry[common..]);
            last = entry;
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
            prop_assert!(back.iter().eq(texts.iter().map(Vec::as_slice)));
        }

        #[test]
        fn hostile_lanes_are_errors_or_entries(
            shared in prop::collection::vec(0u8..9, 0..20),
            own in prop::collection::vec(0u8..9, 0..20),
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let lanes = [Lane::from(shared), Lane::from(own), Lane::from(bytes)];
            let _ = Entries::from_lanes(&lanes, &mut Budget::new(&Limits::default()));
        }
    }
}
