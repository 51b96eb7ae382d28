//! `Planes`: words taken apart by the weight of their bytes.

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded, Groups, dispatched};
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
        let mut planes = dispatched(
            #[inline(always)]
            || match input {
                Lane::U8(bytes) => records_apart(bytes, stride),
                Lane::U16(words) => apart(words),
                Lane::U32(words) => apart(words),
                Lane::U64(words) => apart(words),
            },
        );
        let params = vec![input.kind() as u8, planes.len() as u8];
        planes.resize(MOST, vec![]);
        Encoded { params, children: planes.into_iter().map(Lane::U8).collect() }
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
        let total = planes.iter().map(|plane| plane.len()).sum::<usize>();
        let fits = |(index, plane): (usize, &&[u8])| plane.len() == (total + count - 1 - index) / count;
        if kind == LaneKind::U8 && !planes.iter().enumerate().all(fits) {
            return Err(reader.corrupt("planes do not make up records"));
        }
        if kind != LaneKind::U8 && planes.iter().any(|plane| plane.len() != planes[0].len()) {
            return Err(reader.corrupt("planes differ in length"));
        }
        budget.reserve::<u8>(total as u64 / kind.width() as u64)?;
        budget.spend(total as u64)?;
        Ok(dispatched(
            #[inline(always)]
            || match kind {
                LaneKind::U8 => Lane::U8(records_together(planes, total)),
                LaneKind::U16 => Lane::U16(together(planes)),
                LaneKind::U32 => Lane::U32(together(planes)),
                LaneKind::U64 => Lane::U64(together(planes)),
            },
        ))
    }
}

/// Words taken apart or put together at a time, plane after plane: few enough to stay at hand.
const BLOCK: usize = 512;

/// Byte planes of words, the highest first.
#[inline(always)]
fn apart<W: Word>(words: &[W]) -> Vec<Vec<u8>> {
    let mut planes: Vec<Vec<u8>> = (0..size_of::<W>()).map(|_| Vec::with_capacity(words.len())).collect();
    for block in words.chunks(BLOCK) {
        for (weight, plane) in planes.iter_mut().rev().enumerate() {
            plane.extend(block.iter().map(|&word| (word >> (8 * weight)).wide() as u8));
        }
    }
    planes
}

/// Inverse of [`apart`]; the planes are equally long and as many as a word has bytes.
#[inline(always)]
fn together<W: Word>(planes: &[&[u8]]) -> Vec<W> {
    let mut words = vec![W::zero(); planes[0].len()];
    for (block, from) in words.chunks_mut(BLOCK).zip((0..).step_by(BLOCK)) {
        for plane in planes {
            add_plane(block, &plane[from..]);
        }
    }
    words
}

/// Moves each word up by a byte and puts another below.
#[inline(always)]
fn add_plane<W: Word>(words: &mut [W], plane: &[u8]) {
    words.iter_mut().zip(plane).for_each(|(word, &byte)| *word = *word << 8 | W::low(u64::from(byte)));
}

/// Bytes that are loaded and stored at once, whatever the length of a record.
const REGISTER: usize = 8;

/// Byte planes of records, the first byte first.
#[inline(always)]
fn records_apart(bytes: &[u8], stride: usize) -> Vec<Vec<u8>> {
    match stride {
        1 => vec![bytes.to_vec()],
        2 => apart_in::<u16>(bytes, stride),
        3 | 4 => apart_in::<u32>(bytes, stride),
        _ => apart_in::<u64>(bytes, stride),
    }
}

/// Byte planes of records that fit a word `W`.
#[inline(always)]
fn apart_in<W: Word>(bytes: &[u8], stride: usize) -> Vec<Vec<u8>> {
    let mut planes: Vec<Vec<u8>> = (0..stride).map(|_| Vec::with_capacity(bytes.len().div_ceil(stride))).collect();
    let mut records = [W::zero(); BLOCK];
    let mut last = [0; BLOCK * MOST + REGISTER];
    for from in (0..bytes.len()).step_by(BLOCK * stride) {
        let left = &bytes[from..];
        let block = left.first_chunk().unwrap_or_else(|| {
            last[..left.len()].copy_from_slice(left);
            &last
        });
        for (index, record) in records.iter_mut().enumerate() {
            let register = block[index * stride..].first_chunk().expect("a register begins with each record");
            *record = W::low(u64::from_le_bytes(*register));
        }
        for (at, plane) in planes.iter_mut().enumerate() {
            let records = &records[..BLOCK.min((left.len() + stride - 1 - at) / stride)];
            plane.extend(records.iter().map(|&record| (record >> (8 * at)).wide() as u8));
        }
    }
    planes
}

/// Inverse of [`records_apart`].
#[inline(always)]
fn records_together(planes: &[&[u8]], total: usize) -> Vec<u8> {
    match planes.len() {
        1 => planes[0].to_vec(),
        2 => together_in::<u16>(planes, total),
        3 | 4 => together_in::<u32>(planes, total),
        _ => together_in::<u64>(planes, total),
    }
}

/// Inverse of [`apart_in`].
#[inline(always)]
fn together_in<W: Word>(planes: &[&[u8]], total: usize) -> Vec<u8> {
    let stride = planes.len();
    let mut bytes = Vec::with_capacity(total);
    let mut records = [W::zero(); BLOCK];
    let mut block = [0; BLOCK * MOST + REGISTER];
    for from in (0..planes[0].len()).step_by(BLOCK) {
        for plane in planes.iter().rev() {
            let plane = &plane[from.min(plane.len())..];
            add_plane(&mut records, plane);
            // The last record lacks this byte.
            records.iter_mut().skip(plane.len()).take(1).for_each(|record| *record = *record << 8);
        }
        // What a record writes behind itself, the next one writes over.
        for (index, record) in records.iter().enumerate() {
            let register = block[index * stride..].first_chunk_mut().expect("a register begins with each record");
            *register = record.wide().to_le_bytes();
        }
        bytes.extend_from_slice(&block[..(BLOCK * stride).min(total - from * stride)]);
    }
    bytes
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn planes_are_the_bytes_of_their_weight(
            seed in any::<u64>(), len in prop_oneof![0..20usize, BLOCK - 2..BLOCK + 3, 2 * BLOCK - 1..2 * BLOCK + 2],
            short in 0..8usize,
        ) {
            let words: Vec<u64> = (0..len as u64).map(|at| (seed ^ at).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            let lanes = [
                Lane::from(words.iter().map(|&word| word as u16).collect::<Vec<_>>()),
                Lane::from(words.iter().map(|&word| word as u32).collect::<Vec<_>>()),
                Lane::from(words.clone()),
            ];
            for lane in lanes {
                let coded = Planes::default().encode(&lane).unwrap();
                let width = lane.kind().width();
                for (plane, child) in coded.children[..width].iter().enumerate() {
                    let bytes = words.iter().map(|word| (word >> (8 * (width - 1 - plane))) as u8).collect::<Vec<_>>();
                    prop_assert_eq!(child, &Lane::from(bytes));
                }
                prop_assert_eq!(Planes::default().decode(&coded.params, coded.children, &mut budget()).unwrap(), lane);
            }
            for stride in 1..=MOST {
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).take((len * stride).saturating_sub(short)).collect();
                let lane = Lane::from(bytes.clone());
                let coded = Planes::new(stride as u8).unwrap().encode(&lane).unwrap();
                for (plane, child) in coded.children[..stride].iter().enumerate() {
                    prop_assert_eq!(child, &Lane::from(bytes.iter().skip(plane).step_by(stride).copied().collect::<Vec<_>>()));
                }
                prop_assert_eq!(Planes::default().decode(&coded.params, coded.children, &mut budget()).unwrap(), lane);
            }
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
