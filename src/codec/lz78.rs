//! `Lz78`: a dictionary that grows by one string with each code.

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded};
use crate::bits::{BitReader, BitWriter};
use crate::lane::{put_shape, read_shape};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, LaneKind, Result};

const NAME: &str = "Lz78";

/// Empties the dictionary. Codes below it are bytes, those above it strings.
const CLEAR: usize = 256;

/// The first code of a string.
const FIRST: usize = 257;

/// Codes between two looks at how well a full dictionary does.
const WINDOW: usize = 1 << 12;

/// Codes strings by their numbers in a dictionary of what came before (LZW).
///
/// The dictionary begins with the 256 bytes. After each code it gains the code's string and the byte that follows it,
/// until it holds 2^[`Lz78::max_bits`] codes. From then on the encoder watches what a code covers on average, and starts
/// over once that has fallen by an eighth.
///
/// Words are taken as their bytes, little-endian. Parameters: the lane's shape, the most bits of a code (1 byte), and a
/// bit stream of codes, lowest bit first. The k-th code after the beginning or after a clear code (k from 0) has as many
/// bits as the number 256 + k, at most the most. There are no children.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Lz78};
/// let coded = Lz78::default().encode(&Lane::from(b"abababab".to_vec()))?;
/// // 97, 98, 257 (ab), 259 (aba), 98 in nine bits each.
/// assert_eq!(coded.params, [0, 8, 16, 0x61, 0xc4, 0x04, 0x1c, 0x28, 0x06]);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: J. Ziv and A. Lempel, "Compression of individual sequences via variable-rate coding", IEEE Trans. Inf.
/// Theory 24(5), 1978; T. Welch, "A technique for high-performance data compression", Computer 17(6), 1984.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lz78 {
    max_bits: u8,
}

impl Default for Lz78 {
    fn default() -> Self {
        Self { max_bits: 16 }
    }
}

impl Lz78 {
    /// A dictionary of at most 2^`max_bits` codes.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] unless `max_bits` is from 9 to 16.
    pub fn new(max_bits: u8) -> Result<Self> {
        Self { max_bits }.check()
    }

    /// Bits of the longest code.
    pub fn max_bits(self) -> u8 {
        self.max_bits
    }

    fn check(self) -> Result<Self> {
        if (9..=16).contains(&self.max_bits) {
            Ok(self)
        } else {
            Err(Error::config("max_bits", self.max_bits, "9..=16"))
        }
    }
}

impl Codec for Lz78 {
    crate::saved_by_serde!(Codec, Self::check);

    fn id(&self) -> CodecId {
        CodecId::LZ78
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn arity(&self) -> usize {
        0
    }

    // Strings reach across groups.
    fn ignores_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let mut params = vec![];
        put_shape(&mut params, input.kind(), input.len());
        params.push(self.max_bits);
        params.extend(match input {
            Lane::U8(bytes) => encode(bytes, u32::from(self.max_bits)),
            wide => encode(&wide.to_le_bytes(), u32::from(self.max_bits)),
        });
        Ok(Encoded { params, children: vec![] })
    }

    fn decode(&self, params: &[u8], _: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, NAME);
        let (kind, len) = read_shape(&mut reader, budget)?;
        let max_bits = u32::from(reader.u8()?);
        if !(9..=16).contains(&max_bits) {
            return Err(reader.corrupt("codes have an impossible width"));
        }
        // A code covers fewer bytes than there are codes before it, so a short stream cannot claim a long lane.
        budget.spend(8 << max_bits)?;
        let total = len * kind.width();
        let bytes = decode(reader.rest(), total, max_bits)?;
        if kind == LaneKind::U8 {
            return Ok(Lane::U8(bytes));
        }
        budget.spend(total as u64)?;
        Lane::from_le_bytes(kind, &bytes).ok_or_else(|| reader.corrupt("half a word is left"))
    }
}

/// Bits of the code that `count` codes came before since the dictionary was empty.
fn width(count: usize, max_bits: u32) -> u32 {
    (CLEAR + count).ilog2().min(max_bits - 1) + 1
}

/// Numbers of strings by the number of the string without its last byte, and that byte; open addressing.
struct Strings {
    /// The key plus one above the lowest 16 bits, which hold the number; 0 is a free place.
    places: Vec<u64>,
    shift: u32,
}

impl Strings {
    fn new(max_bits: u32) -> Self {
        Self { places: vec![0; 2 << max_bits], shift: 31 - max_bits }
    }

    /// The number of the string, or the place where it belongs.
    #[inline]
    fn find(&self, prefix: usize, byte: u8) -> std::result::Result<usize, usize> {
        let key = (prefix << 8 | usize::from(byte)) as u64 + 1;
        let mask = self.places.len() - 1;
        let mut place = ((key as u32).wrapping_mul(0x9e37_79b1) >> self.shift) as usize & mask;
        loop {
            let found = self.places[place];
            if found >> 16 == key {
                return Ok((found & 0xffff) as usize);
            }
            if found == 0 {
                return Err(place);
            }
            place = (place + 1) & mask;
        }
    }

    fn insert(&mut self, place: usize, prefix: usize, byte: u8, number: usize) {
        self.places[place] = ((prefix << 8 | usize::from(byte)) as u64 + 1) << 16 | number as u64;
    }
}

fn encode(bytes: &[u8], max_bits: u32) -> Vec<u8> {
    let mut out = BitWriter::new();
    let Some((&first, rest)) = bytes.split_first() else { return vec![] };
    let room = (1 << max_bits) - FIRST;
    let mut strings = Strings::new(max_bits);
    let (mut string, mut count) = (usize::from(first), 0);
    // What the last window of codes covered, and the most that a window has.
    let (mut covered, mut best) = (0usize, 0);
    for &byte in rest {
        covered += 1;
        match strings.find(string, byte) {
            Ok(longer) => {
                string = longer;
                continue;
            }
            Err(place) => {
                out.put(string as u64, width(count, max_bits));
                if count < room {
                    strings.insert(place, string, byte, FIRST + count);
                }
            }
        }
        count += 1;
        string = usize::from(byte);
        if count >= room && (count - room).is_multiple_of(WINDOW) {
            best = best.max(covered);
            if covered < best - best / 8 {
                out.put(CLEAR as u64, width(count, max_bits));
                strings.places.fill(0);
                (count, best) = (0, 0);
            }
            covered = 0;
        }
    }
    out.put(string as u64, width(count, max_bits));
    out.finish()
}

fn decode(stream: &[u8], total: usize, max_bits: u32) -> Result<Vec<u8>> {
    /// Bytes copied at a time; so many may be written past the end.
    const STEP: usize = 8;
    let mut codes = BitReader::new(stream, NAME);
    let corrupt = |what, at| Err(Error::corrupt(NAME, what, at));
    let room = (1 << max_bits) - FIRST;
    // Where each string stands in the output, and its length.
    let mut strings: Vec<(u32, u32)> = Vec::with_capacity(room.min(total));
    // The output grows as codes come in, so that a claimed length alone costs nothing.
    let mut out: Vec<u8> = vec![];
    let (mut at, mut count) = (0, 0);
    while at < total {
        let code = codes.take(width(count, max_bits))? as usize;
        let (from, len) = match code {
            0..CLEAR => (at, 1),
            CLEAR if count == 0 => return corrupt("the dictionary is emptied twice", at),
            CLEAR => {
                strings.clear();
                count = 0;
                continue;
            }
            _ => match strings.get(code - FIRST) {
                Some(&(from, len)) => (from as usize, len as usize),
                None => return corrupt("a code has no string yet", at),
            },
        };
        if len > total - at {
            return corrupt("codes go on past the end", at);
        }
        if out.len() < at + len + STEP {
            out.resize((at + len + STEP).max((2 * at).min(total + STEP)).max(1 << 12), 0);
        }
        if code < CLEAR {
            out[at] = code as u8;
        } else {
            for done in (0..len).step_by(STEP) {
                let mut step = [0; STEP];
                step.copy_from_slice(&out[from + done..from + done + STEP]);
                out[at + done..at + done + STEP].copy_from_slice(&step);
            }
            // The newest string ends with the first byte of what follows it: of itself, if it is used at once.
            if from + len > at {
                out[at + len - 1] = out[at];
            }
        }
        if strings.len() < room {
            strings.push((at as u32, len as u32 + 1));
        }
        count += 1;
        at += len;
    }
    out.truncate(total);
    codes.end()?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    fn round_trip(bytes: &[u8], max_bits: u8) -> usize {
        let lane = Lane::from(bytes.to_vec());
        let params = Lz78::new(max_bits).unwrap().encode(&lane).unwrap().params;
        assert!(Lz78::default().decode(&params, vec![], &mut budget()).unwrap() == lane, "{max_bits} bits");
        params.len()
    }

    proptest! {
        #[test]
        fn few_letters_return(bytes in prop::collection::vec(0..3u8, 0..3000), max_bits in 9..=16u8) {
            round_trip(&bytes, max_bits);
        }
    }

    /// Bytes of which one half is unlike the other.
    fn halves(len: usize) -> Vec<u8> {
        let mut state = 1u32;
        let mut next = |bound: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) % bound
        };
        (0..len).map(|at| if at < len / 2 { next(4) as u8 } else { 100 + next(4) as u8 }).collect()
    }

    #[test]
    fn a_full_dictionary_is_emptied_when_the_bytes_change() {
        for max_bits in [9, 10, 12] {
            let bytes = halves(400_000);
            let coded = round_trip(&bytes, max_bits);
            // Two bits a byte; without starting over, the second half would take nine to twelve.
            assert!(coded < bytes.len() * 3 / 8, "{coded} bytes at {max_bits} bits");
        }
        round_trip(&vec![7; 1 << 20], 16);
    }

    #[test]
    fn codes_without_string_and_past_the_end_are_corrupt() {
        let decode = |codes: &[u64], len: u8| {
            let mut stream = BitWriter::new();
            codes.iter().for_each(|&code| stream.put(code, 9));
            let params = [&[0, len, 16][..], &stream.finish()].concat();
            Lz78::default().decode(&params, vec![], &mut budget())
        };
        assert_eq!(decode(&[97, 257], 3).unwrap(), Lane::from(b"aaa".to_vec()));
        assert_eq!(decode(&[97, 256, 98, 257], 4).unwrap(), Lane::from(b"abbb".to_vec()));
        assert!(matches!(decode(&[257], 3), Err(Error::Corrupt { .. })));
        assert!(matches!(decode(&[97, 258], 3), Err(Error::Corrupt { .. })));
        assert!(matches!(decode(&[97, 257], 2), Err(Error::Corrupt { .. })));
        assert!(matches!(decode(&[97, 256, 256, 98], 2), Err(Error::Corrupt { .. })));
        assert!(matches!(decode(&[97, 98, 99], 2), Err(Error::Corrupt { .. })), "a code is left over");
        assert!(matches!(decode(&[97], 2), Err(Error::Truncated { .. })));
    }
}
