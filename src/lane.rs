//! A lane: a run of words of one width, which is all that a codec ever sees.

use std::hash::Hash;

use num_traits::{PrimInt, Unsigned, WrappingAdd, WrappingSub};
use serde::{Deserialize, Serialize};

use crate::wire::{Reader, put_varint};
use crate::{Budget, Error, Result};

/// The width of a lane's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LaneKind {
    /// One byte a word.
    U8,
    /// Two bytes a word.
    U16,
    /// Four bytes a word.
    U32,
    /// Eight bytes a word.
    U64,
}

impl LaneKind {
    /// All widths, narrowest first.
    pub const ALL: [Self; 4] = [Self::U8, Self::U16, Self::U32, Self::U64];

    /// Bits of one word.
    pub fn bits(self) -> u32 {
        8 << self as u32
    }

    /// Bytes of one word.
    pub fn width(self) -> usize {
        1 << self as usize
    }

    /// The narrowest width that holds `value`.
    pub fn fitting(value: u64) -> Self {
        match value {
            0..=0xff => Self::U8,
            0x100..=0xffff => Self::U16,
            0x1_0000..=0xffff_ffff => Self::U32,
            _ => Self::U64,
        }
    }

    /// The width numbered `code` on the wire.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A machine word a lane can hold: `u8`, `u16`, `u32` or `u64`.
///
/// ```
/// use losslaw::{Lane, Word};
/// fn sum<W: Word>(words: &[W]) -> u64 { words.iter().map(|word| word.wide()).sum() }
/// let lane = Lane::from(vec![300u16, 5]);
/// assert_eq!(losslaw::with_words!(&lane, words => sum(words)), 305);
/// ```
pub trait Word:
    PrimInt
    + Unsigned
    + WrappingAdd
    + WrappingSub
    + Hash
    + Default
    + Send
    + Sync
    + std::fmt::Debug
    + sealed::Sealed
    + 'static
{
    /// The width as a value.
    const KIND: LaneKind;
    /// Wraps words as a lane.
    fn wrap(words: Vec<Self>) -> Lane;
    /// The words of a lane, if it has this width.
    fn of(lane: &Lane) -> Option<&[Self]>;
    /// Widens to 64 bits.
    fn wide(self) -> u64;
    /// Keeps the low bits of `value`.
    fn low(value: u64) -> Self;
}

macro_rules! word {
    ($($word:ty => $kind:ident),*) => {$(
        impl sealed::Sealed for $word {}
        impl Word for $word {
            const KIND: LaneKind = LaneKind::$kind;
            fn wrap(words: Vec<Self>) -> Lane { Lane::$kind(words) }
            fn of(lane: &Lane) -> Option<&[Self]> {
                if let Lane::$kind(words) = lane { Some(words) } else { None }
            }
            fn wide(self) -> u64 { u64::from(self) }
            fn low(value: u64) -> Self { value as Self }
        }
        impl From<Vec<$word>> for Lane {
            fn from(words: Vec<$word>) -> Self { Self::$kind(words) }
        }
    )*};
}
word!(u8 => U8, u16 => U16, u32 => U32, u64 => U64);

/// A run of words of one width. Floats enter as their bits.
///
/// ```
/// use losslaw::{Lane, LaneKind};
/// let lane = Lane::narrowest(vec![3, 300, 7]);
/// assert_eq!((lane.kind(), lane.len(), lane.get(1)), (LaneKind::U16, 3, Some(300)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lane {
    /// Words of one byte.
    U8(Vec<u8>),
    /// Words of two bytes.
    U16(Vec<u16>),
    /// Words of four bytes.
    U32(Vec<u32>),
    /// Words of eight bytes.
    U64(Vec<u64>),
}

/// Runs one generic expression on the words of a lane, whatever their width.
#[macro_export]
macro_rules! with_words {
    ($lane:expr, $words:ident => $body:expr) => {
        match $lane {
            $crate::Lane::U8($words) => $body,
            $crate::Lane::U16($words) => $body,
            $crate::Lane::U32($words) => $body,
            $crate::Lane::U64($words) => $body,
        }
    };
}

/// Runs one generic expression with `$word` bound to the type of a lane kind.
#[macro_export]
macro_rules! with_kind {
    ($kind:expr, $word:ident => $body:expr) => {
        match $kind {
            $crate::LaneKind::U8 => {
                type $word = u8;
                $body
            }
            $crate::LaneKind::U16 => {
                type $word = u16;
                $body
            }
            $crate::LaneKind::U32 => {
                type $word = u32;
                $body
            }
            $crate::LaneKind::U64 => {
                type $word = u64;
                $body
            }
        }
    };
}

impl Lane {
    /// An empty lane of the given width.
    pub fn empty(kind: LaneKind) -> Self {
        with_kind!(kind, W => W::wrap(vec![]))
    }

    /// The width of the words.
    pub fn kind(&self) -> LaneKind {
        match self {
            Self::U8(_) => LaneKind::U8,
            Self::U16(_) => LaneKind::U16,
            Self::U32(_) => LaneKind::U32,
            Self::U64(_) => LaneKind::U64,
        }
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        with_words!(self, words => words.len())
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes the words occupy.
    pub fn byte_len(&self) -> usize {
        self.len() * self.kind().width()
    }

    /// The word at `index`, widened.
    pub fn get(&self, index: usize) -> Option<u64> {
        with_words!(self, words => words.get(index).map(|w| w.wide()))
    }

    /// The largest word, widened.
    pub fn max(&self) -> Option<u64> {
        // A fold over copies is vectorised, `max` over references is not.
        with_words!(self, words => words.iter().copied().reduce(Ord::max).map(Word::wide))
    }

    /// All words, widened.
    pub fn to_u64s(&self) -> Vec<u64> {
        with_words!(self, words => words.iter().map(|w| w.wide()).collect())
    }

    /// The narrowest lane that holds all of `words`.
    pub fn narrowest(words: Vec<u64>) -> Self {
        // All bits together need as many as the largest word, and are quicker to gather.
        match LaneKind::fitting(words.iter().fold(0, |all, word| all | word)) {
            LaneKind::U64 => Self::U64(words),
            kind => with_kind!(kind, W => W::wrap(words.into_iter().map(W::low).collect())),
        }
    }

    /// The words of `rows` (word indices), in that order.
    #[must_use]
    pub fn gather(&self, rows: &[u32]) -> Self {
        with_words!(self, words => Word::wrap(rows.iter().map(|&r| words[r as usize]).collect()))
    }

    /// The words of a range.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        with_words!(self, words => Word::wrap(words[range].to_vec()))
    }

    /// Lanes one after the other, in the narrowest lane that holds all words.
    pub(crate) fn joined(lanes: &[Self]) -> Self {
        let most = lanes.iter().filter_map(Self::max).max().unwrap_or(0);
        with_kind!(LaneKind::fitting(most), W => {
            let mut all: Vec<W> = Vec::with_capacity(lanes.iter().map(Self::len).sum());
            for lane in lanes {
                with_words!(lane, words => all.extend(words.iter().map(|word| W::low(word.wide()))));
            }
            W::wrap(all)
        })
    }

    /// The words as bytes, little-endian.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.byte_len());
        self.put_le_bytes(&mut out);
        out
    }

    /// Appends what [`Lane::to_le_bytes`] gives.
    pub(crate) fn put_le_bytes(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.resize(begin + self.byte_len(), 0);
        let place = &mut out[begin..];
        match self {
            Self::U8(words) => place.copy_from_slice(words),
            Self::U16(words) => place.as_chunks_mut().0.iter_mut().zip(words).for_each(|(p, w)| *p = w.to_le_bytes()),
            Self::U32(words) => place.as_chunks_mut().0.iter_mut().zip(words).for_each(|(p, w)| *p = w.to_le_bytes()),
            Self::U64(words) => place.as_chunks_mut().0.iter_mut().zip(words).for_each(|(p, w)| *p = w.to_le_bytes()),
        }
    }

    /// Rebuilds a lane from [`Lane::to_le_bytes`]; `None` when the bytes are no whole number of words.
    pub fn from_le_bytes(kind: LaneKind, bytes: &[u8]) -> Option<Self> {
        if !bytes.len().is_multiple_of(kind.width()) {
            return None;
        }
        Some(with_kind!(kind, W => W::wrap(
            bytes.as_chunks::<{ size_of::<W>() }>().0.iter().map(|&b| W::from_le_bytes(b)).collect()
        )))
    }

    /// The words as `W`, or an error that names `codec` as the one that got the wrong width.
    pub fn words<W: Word>(&self, codec: &'static str) -> Result<&[W]> {
        W::of(self).ok_or(Error::Corrupt { part: codec, what: "a child lane has the wrong width", at: 0 })
    }
}

/// Appends a lane's shape: kind as one byte, length as a varint.
pub fn put_shape(out: &mut Vec<u8>, kind: LaneKind, len: usize) {
    out.push(kind as u8);
    put_varint(out, len as u64);
}

/// Reads a shape written by [`put_shape`] and pays for a lane of it.
pub fn read_shape(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<(LaneKind, usize)> {
    let kind = read_kind(reader)?;
    let len = reader.varint()?;
    let len = with_kind!(kind, W => budget.reserve::<W>(len))?;
    Ok((kind, len))
}

/// Reads a lane kind.
pub fn read_kind(reader: &mut Reader<'_>) -> Result<LaneKind> {
    LaneKind::from_code(reader.u8()?).ok_or_else(|| reader.corrupt("unknown lane kind"))
}
