//! Masks: one bit for each word or weight, 1 = kept.
//!
//! Bit `i` of a mask is bit `i % 8` of byte `i / 8` on the wire; the unused bits of the last byte are zero, so equal
//! masks have equal bytes.

use bitvec::order::Lsb0;
use bitvec::vec::BitVec;

use crate::{Error, Result};

/// One bit for each word or weight. Storage is by bytes, so that its layout is the same on every machine.
///
/// ```
/// use losslaw::mask::{self, Mask};
/// let mask: Mask = [true, false, true].into_iter().collect();
/// assert_eq!((mask.count_ones(), mask.iter_ones().collect::<Vec<_>>()), (2, vec![0, 2]));
/// assert_eq!(mask::to_bytes(&mask), [0b101]);
/// ```
pub type Mask = BitVec<u8, Lsb0>;

/// The bytes of a mask, its unused last bits cleared.
pub fn to_bytes(mask: &Mask) -> Vec<u8> {
    let mut mask = mask.clone();
    mask.force_align();
    mask.set_uninitialized(false);
    mask.into_vec()
}

/// A mask of `len` bits from what [`to_bytes`] gave.
///
/// # Errors
/// [`Error::Truncated`] or [`Error::Corrupt`] when `bytes` are not exactly the bytes of such a mask.
///
/// ```
/// use losslaw::mask;
/// assert_eq!(mask::from_bytes(&[0b101], 3)?.count_ones(), 2);
/// assert!(mask::from_bytes(&[0b101], 2).is_err(), "a bit is set behind the end");
/// # Ok::<(), losslaw::Error>(())
/// ```
pub fn from_bytes(bytes: &[u8], len: usize) -> Result<Mask> {
    let needed = len.div_ceil(8);
    if bytes.len() < needed {
        return Err(Error::Truncated { part: "mask", needed: (needed - bytes.len()) as u64 });
    }
    let mut mask = Mask::from_slice(bytes);
    if bytes.len() > needed || mask[len..].any() {
        return Err(Error::corrupt("mask", "bits are set or left behind the end", needed));
    }
    mask.truncate(len);
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn masks_return_from_their_bytes(bits in prop::collection::vec(any::<bool>(), 0..70)) {
            let mask: Mask = bits.iter().collect();
            let bytes = to_bytes(&mask);
            prop_assert_eq!(bytes.len(), bits.len().div_ceil(8));
            prop_assert_eq!(from_bytes(&bytes, bits.len()).unwrap(), mask);
            prop_assert!(from_bytes(&bytes, bits.len() + 8).is_err());
        }
    }

    #[test]
    fn bits_dropped_from_a_mask_do_not_reach_its_bytes() {
        let mut mask = Mask::repeat(true, 8);
        mask.truncate(3);
        assert_eq!(to_bytes(&mask), [0b111]);
    }
}
