//! `ContextMix`: bytes by mixed predictions of many contexts.

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded, dispatched};
use crate::context::{BinaryCoder, BinaryDecoder, BinaryEncoder, MixedConfig, MixedModel};
use crate::wire::{Reader, put_varint};
use crate::{Budget, Error, Lane, Result};

/// Contexts of text: orders 0 to 6 but 5, the word with the byte before it, the word and the one before it, a match.
const TEXT_CONTEXTS: usize = 10;

/// Contexts of records: places around the byte, the sums that a plane through them foretells, orders 1 and 2, a match.
const RECORD_CONTEXTS: usize = 14;

/// Matches begin after so many equal bytes.
const MATCH_BYTES: usize = 5;

/// Farthest place that a stride may name.
const MOST_STRIDE: u32 = 1 << 20;

/// Bytes that one byte of the stream may stand for, so that a short file cannot ask for long work.
const MOST_RATIO: u64 = 4096;

/// Mixes the predictions of many contexts for every bit of every byte: the slowest codec and the smallest for text.
///
/// Without a stride the contexts are those of text: the last 0, 1, 2, 3, 4 and 6 bytes, the word begun, two words,
/// and what followed the longest match of at least five bytes. With strides `[s, w]` the bytes are records: samples of
/// s bytes (the channels of a pixel, the bytes of a sample) in rows of w bytes (0 if there are none); contexts are the
/// neighbours in both directions and planes through them.
///
/// Parameters: number of bytes, s, w (varints), then the stream of the binary coder. No children.
///
/// # Errors
/// [`Error::Unsuitable`] for lanes other than bytes, and for bytes that repeat more than 4,096-fold.
///
/// # Example
/// ```
/// use losslaw::codec::{Codec, ContextMix};
/// use losslaw::{Budget, Lane, Limits};
/// let text = Lane::from(b"she sells sea shells by the sea shore; the shells she sells are sea shells for sure".to_vec());
/// let coded = ContextMix::default().encode(&text)?;
/// assert!(coded.params.len() < 60, "{}", coded.params.len());
/// let mut budget = Budget::new(&Limits::default());
/// assert_eq!(ContextMix::default().decode(&coded.params, vec![], &mut budget)?, text);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source of the method: M. Mahoney, "Adaptive weighing of context models for lossless data compression", Florida
/// Tech. report CS-2005-16, 2005.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContextMix {
    /// Bytes of a sample and of a row of samples; zeros for text.
    pub strides: [u32; 2],
}

impl ContextMix {
    /// Bytes of the largest table of lines, as a power of two lines of 64 bytes.
    const LINES_LOG2: u32 = 19;

    fn check(self) -> Result<Self> {
        let [sample, row] = self.strides;
        if sample > 64 || row > MOST_STRIDE || (sample == 0 && row > 0) {
            return Err(Error::config("strides", format!("{:?}", self.strides), "[0, 0] or [1..=64, 0..=1048576]"));
        }
        Ok(self)
    }

    /// Settings worth a trial for these bytes: text, and records where bytes resemble those a stride before.
    pub(super) fn promising(bytes: &[u8]) -> Vec<Self> {
        let mut out = vec![Self::default()];
        // Text has few bytes above 127 and hardly any below a space.
        let sample = &bytes[bytes.len() / 2..][..(bytes.len() / 2).min(1 << 15)];
        let strange = sample.iter().filter(|&&byte| byte >= 128 || (byte < 32 && !b"\t\n\r".contains(&byte))).count();
        if sample.len() < 1024 || strange * 8 < sample.len() {
            return out;
        }
        let off = |stride: usize| -> u64 {
            let pairs = sample.iter().zip(&sample[stride..]);
            let sum: u64 = pairs.map(|(&a, &b)| u64::from(a.wrapping_sub(b).min(b.wrapping_sub(a)))).sum();
            sum * 1000 / (sample.len() - stride) as u64
        };
        let near = (1..=16).min_by_key(|&stride| off(stride)).expect("there are strides");
        // Rows: the first stride, beyond a few samples, whose bytes are nearest.
        let most = sample.len() / 2;
        let row = (near * 16..most).min_by_key(|&stride| off(stride)).filter(|&row| off(row) < off(near) * 2);
        out.push(Self { strides: [near as u32, 0] });
        if let Some(row) = row {
            out.push(Self { strides: [near as u32, row as u32] });
        }
        out
    }

    fn config(self, len: usize) -> MixedConfig {
        let contexts = if self.strides[0] == 0 { TEXT_CONTEXTS } else { RECORD_CONTEXTS };
        let lines_log2 = (usize::BITS - len.leading_zeros() + 3).clamp(8, Self::LINES_LOG2);
        MixedConfig { contexts, sets: 256 * 3, lines_log2, limit: 255, rate: 24 }
    }

    /// Codes `len` bytes: those of `bytes` when writing, those that come back when reading.
    fn run<C: BinaryCoder>(
        self,
        bytes: &[u8],
        len: usize,
        coder: &mut C,
        mut check: impl FnMut(&C) -> Result<()>,
    ) -> Result<Vec<u8>> {
        let mut model = MixedModel::new(self.config(len));
        let mut past = Past::new(len);
        let mut hashes = vec![0; model.config().contexts];
        dispatched(
            #[inline(always)]
            || {
                for at in 0..len {
                    past.contexts(self.strides, &mut hashes);
                    model.begin(&hashes);
                    let byte = bytes.get(at).copied().unwrap_or(0);
                    // Confidence in the match chooses among the weights of each node.
                    let kind = match past.match_length {
                        0 => 0,
                        1..=15 => 256,
                        _ => 512,
                    };
                    let mut node = 1usize;
                    for shift in (0..8).rev() {
                        if shift == 7 || shift == 3 {
                            model.group(if shift == 7 { 0 } else { node as u32 });
                        }
                        let slot = if shift > 3 { node } else { node & ((1 << (3 - shift)) - 1) | 1 << (3 - shift) };
                        let bit = model.code(byte >> shift & 1 == 1, slot, kind + node, coder);
                        node = 2 * node + usize::from(bit);
                    }
                    past.push(node as u8);
                    check(coder)?;
                }
                Ok(past.bytes)
            },
        )
    }
}

/// The bytes coded so far and what contexts need of them.
struct Past {
    bytes: Vec<u8>,
    /// Hash of the letters since the last byte that is none, and that of the word before.
    words: [u32; 2],
    /// Where the bytes after the last occurrence of a hash begin.
    places: Vec<u32>,
    /// Where the byte that a match foretells stands, and how many bytes agreed before it.
    match_at: usize,
    match_length: usize,
}

impl Past {
    fn new(len: usize) -> Self {
        let places = 1 << (usize::BITS - len.leading_zeros()).clamp(8, 18);
        Self { bytes: Vec::with_capacity(len), words: [0; 2], places: vec![0; places], match_at: 0, match_length: 0 }
    }

    /// Bytes of memory for `len` bytes.
    fn memory(len: u64) -> u64 {
        len + (4 << (64 - len.leading_zeros()).clamp(8, 18))
    }

    /// The byte so far back, zero before the first.
    #[inline(always)]
    fn back(&self, distance: usize) -> u32 {
        self.bytes.len().checked_sub(distance).map_or(0, |at| u32::from(self.bytes.get(at).copied().unwrap_or(0)))
    }

    /// The last four bytes, the last one lowest.
    #[inline(always)]
    fn last_four(&self) -> u32 {
        match self.bytes.last_chunk::<4>() {
            Some(four) => u32::from_be_bytes(*four),
            None => (1..=4).rev().fold(0, |word, distance| word << 8 | self.back(distance)),
        }
    }

    #[inline(always)]
    fn push(&mut self, byte: u8) {
        if self.match_length > 0 && self.bytes[self.match_at] == byte {
            self.match_length += 1;
            self.match_at += 1;
        } else {
            self.match_length = 0;
        }
        self.bytes.push(byte);
        if byte.is_ascii_alphanumeric() || byte >= 128 {
            self.words[0] = hash(self.words[0], u32::from(byte.to_ascii_lowercase()));
        } else if self.words[0] != 0 {
            self.words = [0, self.words[0]];
        }
        if self.bytes.len() >= MATCH_BYTES {
            let key = hash(self.last_four(), self.back(5)) as usize & (self.places.len() - 1);
            if self.match_length == 0 {
                self.match_at = self.places[key] as usize;
                while self.match_length < 32
                    && self.match_length < self.match_at
                    && self.bytes[self.match_at - 1 - self.match_length]
                        == self.bytes[self.bytes.len() - 1 - self.match_length]
                {
                    self.match_length += 1;
                }
            }
            self.places[key] = self.bytes.len() as u32;
        }
    }

    /// A hash for each context of the next byte.
    #[inline(always)]
    fn contexts(&self, strides: [u32; 2], out: &mut [u32]) {
        let four = self.last_four();
        let foretold = match self.match_length {
            0 => self.back(1),
            length => hash(u32::from(self.bytes[self.match_at]) + 256, (length as u32).min(32)),
        };
        if strides[0] == 0 {
            let six = hash(four, self.back(5) << 8 | self.back(6));
            let word = hash(self.words[0], self.back(1));
            out.copy_from_slice(&[
                0,
                four & 0xff,
                four & 0xffff,
                four & 0xff_ffff,
                four,
                hash(four, self.back(5)),
                six,
                word,
                hash(word, self.words[1]),
                foretold,
            ]);
            return;
        }
        let (s, w) = (strides[0] as usize, strides[1] as usize);
        let phase = (self.bytes.len() % s) as u32;
        let west = self.back(s);
        let (north, north_west, north_east) = if w == 0 {
            (self.back(2 * s), self.back(3 * s), 0)
        } else {
            (self.back(w), self.back(w + s), self.back(w - s.min(w - 1)))
        };
        let (channel, channel_west) = (self.back(1), self.back(s + 1));
        let plane = west.wrapping_add(north).wrapping_sub(north_west) & 0x3ff;
        // What the neighbouring channel did beyond its own west neighbour.
        let drift = west.wrapping_add(channel).wrapping_sub(channel_west) & 0x3ff;
        let rise = north.wrapping_add(channel).wrapping_sub(self.back(w + 1)) & 0x3ff;
        let slope = (2 * west).wrapping_sub(self.back(2 * s)) & 0x3ff;
        let tag = |kind: u32, value: u32| hash(phase << 8 | kind, value);
        out.copy_from_slice(&[
            tag(0, 0),
            tag(1, west),
            tag(2, north),
            tag(3, west << 8 | north),
            tag(4, plane),
            tag(5, drift),
            tag(6, rise),
            tag(7, slope),
            tag(8, u32::midpoint(west, north) << 8 | (channel.wrapping_sub(channel_west) & 0xff)),
            tag(9, plane << 10 | drift),
            tag(10, west << 16 | north << 8 | channel),
            tag(11, u32::midpoint(north, north_east) << 8 | drift >> 2),
            tag(12, four & 0xffff),
            tag(13, foretold),
        ]);
    }
}

/// Two numbers as one.
#[inline(always)]
fn hash(a: u32, b: u32) -> u32 {
    let mixed = (a.wrapping_mul(0x9e37_79b1) ^ b.wrapping_add(0x7f4a_7c15)).wrapping_mul(0x85eb_ca77);
    mixed ^ mixed >> 16
}

impl Codec for ContextMix {
    crate::saved_by_serde!(Codec, Self::check);

    fn id(&self) -> CodecId {
        CodecId::CONTEXT_MIX
    }

    fn name(&self) -> &'static str {
        "ContextMix"
    }

    fn arity(&self) -> usize {
        0
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let Lane::U8(bytes) = input else {
            return Err(Error::Unsuitable { codec: "ContextMix", why: "it codes bytes only" });
        };
        let how = self.check()?;
        let mut coder = BinaryEncoder::default();
        how.run(bytes, bytes.len(), &mut coder, |_| Ok(()))?;
        let mut params = vec![];
        put_varint(&mut params, bytes.len() as u64);
        self.strides.iter().for_each(|&stride| put_varint(&mut params, u64::from(stride)));
        let stream = coder.finish();
        if bytes.len() as u64 > (stream.len() as u64 + 1) * MOST_RATIO {
            return Err(Error::Unsuitable { codec: "ContextMix", why: "the bytes are one repetition" });
        }
        params.extend(stream);
        Ok(Encoded { params, children: vec![] })
    }

    fn decode(&self, params: &[u8], _: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "ContextMix");
        let len = reader.varint()?;
        let sample = reader.varint_to(64, "a stride is too long")? as u32;
        let row = reader.varint_to(u64::from(MOST_STRIDE), "a stride is too long")? as u32;
        let codec = Self { strides: [sample, row] };
        if codec.check().is_err() {
            return Err(reader.corrupt("a row has no samples"));
        }
        let stream = reader.rest();
        if len > (stream.len() as u64 + 1) * MOST_RATIO {
            return Err(reader.corrupt("the stream is too short for its bytes"));
        }
        let len = budget.reserve::<u8>(len)?;
        // The model goes when the bytes are there, so only the rest of the budget must hold it.
        budget.clone().spend(MixedModel::memory(&codec.config(len)) + Past::memory(len as u64))?;
        let mut coder = BinaryDecoder::new(stream, "ContextMix");
        let bytes = codec.run(&[], len, &mut coder, BinaryDecoder::check)?;
        coder.end()?;
        Ok(Lane::U8(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    fn round_trip(codec: ContextMix, bytes: Vec<u8>) {
        let lane = Lane::from(bytes);
        let Ok(coded) = codec.encode(&lane) else { return };
        let back = ContextMix::default().decode(&coded.params, vec![], &mut Budget::new(&Limits::default())).unwrap();
        assert_eq!(back, lane);
    }

    proptest! {
        #[test]
        fn bytes_return_under_any_strides(
            bytes in prop::collection::vec(prop_oneof![Just(b'a'), any::<u8>()], 0..600),
            sample in 0u32..9,
            row in 0u32..99,
        ) {
            round_trip(ContextMix { strides: [sample, if sample == 0 { 0 } else { row }] }, bytes);
        }

        #[test]
        fn noise_is_an_error_or_bytes(params in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = ContextMix::default().decode(&params, vec![], &mut Budget::new(&Limits::default()));
        }
    }

    #[test]
    fn a_long_claim_over_a_short_stream_is_refused() {
        let mut params = vec![];
        put_varint(&mut params, 1 << 20);
        params.extend([0, 0, 1, 2, 3]);
        let refused = ContextMix::default().decode(&params, vec![], &mut Budget::new(&Limits::default()));
        assert!(matches!(refused, Err(Error::Corrupt { .. })));
        round_trip(ContextMix::default(), vec![7; 100_000]);
    }

    #[test]
    fn strides_out_of_range_are_refused_before_data_flow() {
        for strides in [[0, 5], [65, 0], [1, 1 << 21]] {
            let refused = ContextMix { strides }.encode(&Lane::from(vec![1u8, 2]));
            assert!(matches!(refused, Err(Error::InvalidConfig { .. })));
        }
    }
}
