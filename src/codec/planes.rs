//! `Planes`: words taken apart by the weight of their bytes.

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded, Groups};
use crate::log2::{code_length, log2};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, LaneKind, Result, Word};

/// Most planes of one lane.
const MOST: usize = 8;

/// Separates bytes of different weight, each plane a lane of its own.
///
/// In the lane of a wide word, child k holds byte k of every word, the highest first; so signs and exponents of floats
/// stand together, away from the noise of their last digits. A lane of bytes is read as records of [`Planes::stride`]
/// bytes, and child k holds byte k of every record; the last record may be short. Of eight children those without a
/// plane are empty.
///
/// The first child has one word for each word, unless bytes are read as records; groups go on to it.
///
/// Parameters: the lane's kind (1 byte) and the number of planes (1 byte, from 1 to 8).
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Planes};
/// let coded = Planes::default().encode(&Lane::from(vec![0x1234u16, 0x1256]))?;
/// assert_eq!(coded.children[..2], [Lane::from(vec![0x12u8, 0x12]), Lane::from(vec![0x34u8, 0x56])]);
/// let coded = Planes::new(3)?.encode(&Lane::from(b"abcdefg".to_vec()))?;
/// assert_eq!(coded.children[..3], [b"adg".to_vec(), b"be".to_vec(), b"cf".to_vec()].map(Lane::from));
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Planes {
    stride: u8,
}

impl Default for Planes {
    fn default() -> Self {
        Self { stride: 1 }
    }
}

impl Planes {
    /// Number of child lanes.
    pub const ARITY: usize = MOST;

    /// Planes of records of `stride` bytes; wide words are taken apart whatever it is.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] unless `stride` is from 1 to 8.
    pub fn new(stride: u8) -> Result<Self> {
        Self { stride }.check()
    }

    /// The records that bytes look like: those whose planes differ most in their bytes, if they clearly do.
    ///
    /// ```
    /// use losslaw::codec::Planes;
    /// let numbers: Vec<u8> = (0..9000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 14).to_le_bytes()).collect();
    /// assert_eq!(Planes::guess(&numbers), Some(Planes::new(4)?));
    /// assert_eq!(Planes::guess(&b"some words, and others;".repeat(300)), None);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn guess(bytes: &[u8]) -> Option<Self> {
        // A stretch is enough; its start is a multiple of every stride.
        const STRETCH: usize = 1 << 16;
        const MULTIPLE: usize = 840;
        let start = bytes.len().saturating_sub(STRETCH) / 2 / MULTIPLE * MULTIPLE;
        let bytes = &bytes[start..bytes.len().min(start + STRETCH)];
        let cost = |stride: usize| -> u64 {
            let mut counts = vec![0u32; 256 * stride];
            bytes
                .iter()
                .zip((0..stride).cycle())
                .for_each(|(&byte, plane)| counts[plane * 256 + usize::from(byte)] += 1);
            // Few bytes seem to have less entropy than they have: about half of log2 n bits for each kind of byte.
            let kinds = counts.iter().filter(|&&count| count > 0).count() as u64;
            counts.chunks_exact(256).map(code_length).sum::<u64>() + kinds * log2((bytes.len() / stride) as u64) / 2
        };
        let whole = cost(1);
        let costs: Vec<u64> = (2..=MOST).map(cost).collect();
        let best = costs.iter().copied().min()?;
        // Multiples of a stride do as well as the stride, or a little better.
        let stride = costs.iter().position(|&cost| cost <= best + best / 64)? + 2;
        (best < whole - whole / 32).then_some(Self { stride: stride as u8 })
    }

    /// Bytes of a record.
    pub fn stride(self) -> u8 {
        self.stride
    }

    fn check(self) -> Result<Self> {
        if (1..=MOST as u8).contains(&self.stride) {
            Ok(self)
        } else {
            Err(Error::config("stride", self.stride, "1..=8"))
        }
    }

    fn encode_by(input: &Lane, stride: usize) -> Encoded {
        let (count, mut children) = match input {
            Lane::U8(bytes) => (stride, (0..stride).map(|plane| every(bytes, plane, stride)).collect::<Vec<_>>()),
            Lane::U16(words) => (2, apart::<2, _>(words)),
            Lane::U32(words) => (4, apart::<4, _>(words)),
            Lane::U64(words) => (8, apart::<8, _>(words)),
        };
        children.resize(MOST, Lane::U8(vec![]));
        Encoded { params: vec![input.kind() as u8, count as u8], children }
    }
}

impl Codec for Planes {
    crate::saved_by_serde!(Codec, Self::check);

    fn id(&self) -> CodecId {
        CodecId::PLANES
    }

    fn name(&self) -> &'static str {
        "Planes"
    }

    fn arity(&self) -> usize {
        Self::ARITY
    }

    fn carries_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        Ok(Self::encode_by(input, usize::from(self.stride)))
    }

    // Records would not leave one word for each word of a group.
    fn encode_grouped(&self, input: &Lane, _: &Groups, _: &[u8]) -> Result<Encoded> {
        Ok(Self::encode_by(input, 1))
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "Planes");
        let kind = crate::lane::read_kind(&mut reader)?;
        let count = usize::from(reader.u8()?);
        reader.end()?;
        let expected = if kind == LaneKind::U8 { 1..=MOST } else { kind.width()..=kind.width() };
        if !expected.contains(&count) {
            return Err(reader.corrupt("the number of planes does not fit the lane"));
        }
        let planes = children.iter().map(|child| child.words::<u8>("Planes")).collect::<Result<Vec<_>>>()?;
        if planes.len() != MOST || planes[count..].iter().any(|plane| !plane.is_empty()) {
            return Err(reader.corrupt("there are planes of no weight"));
        }
        let planes = &planes[..count];
        if kind == LaneKind::U8 {
            return Ok(Lane::U8(records(planes, budget)?));
        }
        if planes.iter().any(|plane| plane.len() != planes[0].len()) {
            return Err(reader.corrupt("planes differ in length"));
        }
        budget.spend(planes[0].len() as u64 * count as u64)?;
        Ok(match kind {
            LaneKind::U8 => unreachable!("returned above"),
            LaneKind::U16 => Lane::U16(together::<2, _>(planes)),
            LaneKind::U32 => Lane::U32(together::<4, _>(planes)),
            LaneKind::U64 => Lane::U64(together::<8, _>(planes)),
        })
    }
}

/// Every `stride`-th byte from `first` on.
fn every(bytes: &[u8], first: usize, stride: usize) -> Lane {
    Lane::U8(bytes.iter().skip(first).step_by(stride).copied().collect())
}

/// Byte planes of words of `N` bytes, the highest first.
fn apart<const N: usize, W: Word>(words: &[W]) -> Vec<Lane> {
    let shift = |plane: usize| 8 * (N - 1 - plane);
    (0..N).map(|plane| Lane::U8(words.iter().map(|&word| (word >> shift(plane)).wide() as u8).collect())).collect()
}

/// Inverse of [`apart`]; the planes are equally long.
fn together<const N: usize, W: Word>(planes: &[&[u8]]) -> Vec<W> {
    let planes: [&[u8]; N] = std::array::from_fn(|plane| planes[plane]);
    let word = |at: usize| planes.iter().fold(0u64, |word, plane| word << 8 | u64::from(plane[at]));
    (0..planes[0].len()).map(|at| W::low(word(at))).collect()
}

/// Bytes of records from their planes, whose lengths differ by the short last record at most.
fn records(planes: &[&[u8]], budget: &mut Budget) -> Result<Vec<u8>> {
    let total: usize = planes.iter().map(|plane| plane.len()).sum();
    let fits = |(index, plane): (usize, &&[u8])| plane.len() == (total + planes.len() - 1 - index) / planes.len();
    if !planes.iter().enumerate().all(fits) {
        return Err(Error::corrupt("Planes", "planes do not make up records", 0));
    }
    let mut bytes = vec![0; budget.reserve::<u8>(total as u64)?];
    for (index, plane) in planes.iter().enumerate() {
        bytes.iter_mut().skip(index).step_by(planes.len()).zip(*plane).for_each(|(place, &byte)| *place = byte);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    proptest! {
        #[test]
        fn records_of_every_stride_return(bytes in prop::collection::vec(any::<u8>(), 0..60), stride in 1..=8u8) {
            let lane = Lane::from(bytes);
            let coded = Planes::new(stride).unwrap().encode(&lane).unwrap();
            prop_assert_eq!(coded.children.iter().map(Lane::len).sum::<usize>(), lane.len());
            prop_assert_eq!(Planes::default().decode(&coded.params, coded.children, &mut budget()).unwrap(), lane);
        }
    }

    #[test]
    fn planes_that_do_not_fit_are_corrupt() {
        let empty = || vec![Lane::U8(vec![]); 8];
        let with = |planes: &[&[u8]]| {
            let mut children = empty();
            planes.iter().zip(&mut children).for_each(|(plane, child)| *child = Lane::from(plane.to_vec()));
            children
        };
        let decode = |params: &[u8], children| Planes::default().decode(params, children, &mut budget());
        assert_eq!(decode(&[1, 2], with(&[&[1], &[2]])).unwrap(), Lane::from(vec![0x102u16]));
        assert!(decode(&[1, 3], with(&[&[1], &[2]])).is_err());
        assert!(decode(&[0, 0], empty()).is_err());
        assert!(decode(&[0, 9], empty()).is_err());
        assert!(decode(&[1, 2], with(&[&[1], &[2, 3]])).is_err());
        assert!(decode(&[0, 2], with(&[&[1], &[2, 3]])).is_err(), "the first plane of records is the longest");
        assert!(decode(&[1, 2], with(&[&[1], &[2], &[3]])).is_err());
    }
}
