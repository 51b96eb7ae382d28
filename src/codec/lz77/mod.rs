//! `Lz77`: earlier stretches of a lane repeated.
//!
//! The lane is parsed into sequences, each some literals and then a match: a length and how far back the same words
//! occurred. Finding matches, choosing among them, and writing them down are three files:
//! `finder`, `parse` with its `prices`, and `sequences`; `split` sends each literal to a lane of its context.

mod finder;
mod parse;
mod prices;
mod sequences;
mod split;

use serde::{Deserialize, Serialize};

use self::sequences::{Lanes, OFFSET_LANES, join};
use self::split::{CLASSES, Split};
use super::dispatch::dispatched;
use super::{Codec, CodecId, Encoded, Huffman, Plan, Store};
use crate::bits::{BitReader, BitWriter};
use crate::lane::{put_shape, read_shape};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, Result, Word, with_kind, with_words};

const NAME: &str = "Lz77";

/// How hard [`Lz77`] looks for a short code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lz77Effort {
    /// Hash chains and a lazy parse.
    Fast,
    /// Binary trees and the cheapest way through all matches, priced by what an earlier parse used; all literals are
    /// of one class, which decodes quickly.
    #[default]
    Strong,
    /// The strong parse with literals in up to eight classes: the fewest bytes, and slower to decode.
    Smallest,
}

/// Repeats earlier stretches of the lane, any distance back.
///
/// The lane is a row of sequences: `run` literals, then `length` (2 or more) words equal to those `distance` before.
/// What follows the last sequence is literals. A number n below 16 has the code n and no extra bits; from 16 on, with
/// e = ⌊log2 n⌋, the code is 16 + 2 (e − 4) + (bit e − 1 of n) and the low e − 1 bits are extra. An offset 0, 1 or 2
/// means the latest, second or third latest distance (1, 2, 4 at first), which becomes the latest; any other distance
/// d has the code 3 + code of d − 1.
///
/// Children: eight lanes of literals, chosen by a class of the word before; codes of the runs; codes of the lengths
/// less 2; four lanes of offset codes, for matches of length 2, 3, 4 and longer. Parameters: the lane's shape, then
/// bits, lowest first: the number of classes less one (3); if there are several, for each of 256 low bytes of a word
/// before, whether its class differs from that of the byte before it (1) and if so the class (3); then the extra bits
/// of run, length and offset for each sequence.
///
/// ```
/// use losslaw::codec::{Lz77, Rans, Registry};
/// use losslaw::{Budget, Lane, Limits};
/// let lane = Lane::from(b"to be or not to be, that is the question; ".repeat(100));
/// let bytes = Lz77::default().each(Rans::default()).encode(&lane)?;
/// assert!(bytes.len() < 220);
/// assert_eq!(Registry::default().decode(&bytes, &mut Budget::new(&Limits::default()))?, lane);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: J. Ziv and A. Lempel, "A universal algorithm for sequential data compression", IEEE Trans. Inf. Theory
/// 23(3), 1977; repeated distances after LZX (J. Forbes, 1995), classes of literals after Brotli (RFC 7932, 2016).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lz77 {
    /// How hard to look.
    pub effort: Lz77Effort,
}

impl Lz77 {
    /// Number of child lanes.
    pub const ARITY: usize = CLASSES + 2 + OFFSET_LANES;

    /// A plan that codes every child lane by `child`.
    pub fn each(self, child: impl Into<Plan>) -> Plan {
        Plan::new(self, vec![child.into(); Self::ARITY])
    }

    /// The plan of the strong parse: [`Lz77Effort::Strong`], its codes and literals under [`Huffman`].
    ///
    /// On text it takes 2 to 5 % more bytes than [`Lz77Effort::Smallest`] under [`Rans`](super::Rans), and decodes
    /// faster by a third.
    ///
    /// ```
    /// use losslaw::codec::{Lz77, Registry};
    /// use losslaw::{Budget, Lane, Limits};
    /// let lane = Lane::from(b"to be or not to be, that is the question; ".repeat(100));
    /// let bytes = Lz77::strong().encode(&lane)?;
    /// assert!(bytes.len() < 220);
    /// assert_eq!(Registry::default().decode(&bytes, &mut Budget::new(&Limits::default()))?, lane);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn strong() -> Plan {
        let mut children = vec![Plan::from(Huffman::default()); Self::ARITY];
        // The lanes of further classes are empty.
        children[1..CLASSES].fill(Store.into());
        Plan::new(Self { effort: Lz77Effort::Strong }, children)
    }
}

impl Codec for Lz77 {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::LZ77
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn arity(&self) -> usize {
        Self::ARITY
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        Ok(with_words!(input, words => encode(words, self.effort)))
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        if children.len() != Self::ARITY {
            return Err(Error::corrupt(NAME, "the number of child lanes is wrong", 0));
        }
        let mut reader = Reader::new(params, NAME);
        let (kind, len) = read_shape(&mut reader, budget)?;
        let mut bits = BitReader::new(reader.rest(), NAME);
        let split = Split::read(&mut bits)?;
        let codes = |index: usize| children[index].words::<u8>(NAME);
        let offsets = [codes(CLASSES + 2)?, codes(CLASSES + 3)?, codes(CLASSES + 4)?, codes(CLASSES + 5)?];
        let codes = [codes(CLASSES)?, codes(CLASSES + 1)?];
        Ok(with_kind!(kind, W => {
            let literals: Vec<&[W]> = children[..CLASSES].iter().map(|c| c.words(NAME)).collect::<Result<_>>()?;
            W::wrap(dispatched(
                #[inline(always)]
                || join(len, &split, &literals, codes, offsets, &mut bits),
            )?)
        }))
    }

    // Matches reach across groups.
    fn ignores_groups(&self) -> bool {
        true
    }
}

fn encode<W: Word>(words: &[W], effort: Lz77Effort) -> Encoded {
    let (sequences, split) = match effort {
        Lz77Effort::Fast => {
            let sequences = parse::fast(words);
            let split = parse::classes(words, &sequences);
            (sequences, split)
        }
        Lz77Effort::Smallest => parse::strong(words, parse::classes),
        Lz77Effort::Strong => parse::strong(words, |_, _| Split::one()),
    };
    let mut params = vec![];
    put_shape(&mut params, W::KIND, words.len());
    let mut bits = BitWriter::new();
    split.write(&mut bits);
    let mut lanes = Lanes::split(words, &sequences, &split, &mut bits);
    params.extend(bits.finish());
    lanes.literals.resize(CLASSES, vec![]);
    let mut children: Vec<Lane> = lanes.literals.into_iter().map(W::wrap).collect();
    children.extend([lanes.runs, lanes.lengths].into_iter().chain(lanes.offsets).map(Lane::from));
    Encoded { params, children }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::put_varint;
    use crate::{LaneKind, Limits};

    const BOTH: [Lz77; 2] = [Lz77 { effort: Lz77Effort::Fast }, Lz77 { effort: Lz77Effort::Smallest }];

    fn decode(coded: Encoded) -> Result<Lane> {
        Lz77::default().decode(&coded.params, coded.children, &mut Budget::new(&Limits::default()))
    }

    /// Bytes under a perfect static coder of order zero, tables left out.
    fn estimate(coded: &Encoded) -> usize {
        let entropy = |lane: &Lane| {
            let mut counts = BTreeMap::new();
            lane.to_u64s().into_iter().for_each(|word| *counts.entry(word).or_insert(0.0) += 1.0);
            counts.values().map(|n: &f64| n * (lane.len() as f64 / n).log2()).sum::<f64>()
        };
        coded.params.len() + (coded.children.iter().map(entropy).sum::<f64>() / 8.0).ceil() as usize
    }

    /// Sentences of words drawn by a small generator, some words far more often than others.
    fn text(bytes: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let words: Vec<Vec<u8>> =
            (0..1500).map(|_| (0..2 + next(7)).map(|_| b"etaoinshrdlucmfwyp"[next(18) as usize]).collect()).collect();
        let mut out = vec![];
        while out.len() < bytes {
            let most = 1 + next(1500);
            out.extend(&words[next(most) as usize]);
            out.push(if next(9) == 0 { b'\n' } else { b' ' });
        }
        out.truncate(bytes);
        out
    }

    /// Pieces that repeat each other, runs and noise.
    fn pieces() -> impl Strategy<Value = Vec<u64>> {
        let piece = prop_oneof![
            prop::collection::vec(0u64..4, 1..40),
            prop::collection::vec(any::<u64>(), 1..40),
            (any::<u64>(), 1usize..600).prop_map(|(word, length)| vec![word; length]),
        ];
        (prop::collection::vec(piece, 1..6), prop::collection::vec(any::<prop::sample::Index>(), 0..12))
            .prop_map(|(pieces, order)| order.iter().flat_map(|index| index.get(&pieces).clone()).collect())
    }

    proptest! {
        #[test]
        fn lanes_of_every_width_return(words in pieces(), kind in prop::sample::select(&LaneKind::ALL[..])) {
            let lane = with_kind!(kind, W => W::wrap(words.into_iter().map(W::low).collect()));
            for lz77 in BOTH.into_iter().chain([Lz77 { effort: Lz77Effort::Strong }]) {
                prop_assert_eq!(&decode(lz77.encode(&lane).unwrap()).unwrap(), &lane);
            }
        }

        #[test]
        fn any_parameters_and_children_end_without_a_panic(
            head in (0u8..5, 0u64..300),
            bits in prop::collection::vec(any::<u8>(), 0..40),
            children in prop::collection::vec(prop::collection::vec(0u8..22, 0..20), Lz77::ARITY),
        ) {
            let mut params = vec![head.0];
            put_varint(&mut params, head.1);
            params.extend(bits);
            let _ = decode(Encoded { params, children: children.into_iter().map(Lane::from).collect() });
        }

        #[test]
        fn a_changed_byte_ends_without_a_panic(at in any::<prop::sample::Index>(), change in 1u8..) {
            let mut coded = Lz77::default().encode(&Lane::from(text(2000))).unwrap();
            *at.get_mut(&mut coded.params) ^= change;
            let _ = decode(coded);
        }
    }

    #[test]
    fn each_cut_of_the_parameters_is_an_error() {
        let coded = Lz77::default().encode(&Lane::from(text(2000))).unwrap();
        for cut in 0..coded.params.len() {
            assert!(decode(Encoded { params: coded.params[..cut].to_vec(), ..coded.clone() }).is_err());
        }
    }

    /// A lane of `len` bytes made of one literal and one sequence.
    fn single(len: u64, literals: &[u8], run: u8, length: u8, offset: u8) -> Result<Lane> {
        let mut params = vec![LaneKind::U8 as u8];
        put_varint(&mut params, len);
        params.push(0);
        let mut children = vec![Lane::empty(LaneKind::U8); Lz77::ARITY];
        children[0] = Lane::from(literals.to_vec());
        children[CLASSES] = Lane::from(vec![run]);
        children[CLASSES + 1] = Lane::from(vec![length]);
        children[CLASSES + 2 + usize::from(length).min(3)] = Lane::from(vec![offset]);
        decode(Encoded { params, children })
    }

    #[test]
    fn each_broken_rule_has_its_name() {
        let what = |result: Result<Lane>| result.unwrap_err().to_string();
        assert_eq!(single(6, b"ab", 2, 2, 4).unwrap(), Lane::from(b"ababab".to_vec()));
        assert!(what(single(6, b"ab", 2, 2, 5)).contains("begins before"));
        assert!(what(single(6, b"ab", 2, 3, 4)).contains("ends behind"));
        assert!(what(single(6, b"ab", 7, 2, 4)).contains("ends behind"));
        assert!(what(single(6, b"abc", 2, 2, 4)).contains("left over"));
        assert!(what(single(7, b"ab", 2, 2, 4)).contains("literal is missing"));
        assert!(what(single(6, b"ab", 2, 255, 4)).contains("too large"));
        assert!(what(single(6, b"ab", 2, 2, 255)).contains("too large"));
        assert!(matches!(single(1 << 40, b"ab", 2, 2, 4), Err(Error::LimitExceeded { .. })));
    }

    #[test]
    fn text_shrinks_to_a_known_size() {
        let lane = Lane::from(text(200_000));
        let [fast, smallest] = BOTH.map(|lz77| estimate(&lz77.encode(&lane).unwrap()));
        println!("text of {} bytes: fast {fast}, smallest {smallest}", lane.len());
        assert!(smallest < 76_000 && fast < 88_000, "fast {fast}, smallest {smallest}");
    }

    #[test]
    fn the_strong_plan_has_one_class_of_literals() {
        let lane = Lane::from(text(20_000));
        let coded = Lz77 { effort: Lz77Effort::Strong }.encode(&lane).unwrap();
        assert!(coded.children[1..CLASSES].iter().all(Lane::is_empty));
        assert_eq!(decode(coded).unwrap(), lane);
        let bytes = Lz77::strong().encode(&lane).unwrap();
        let back = crate::codec::Registry::default().decode(&bytes, &mut Budget::new(&Limits::default()));
        assert_eq!(back.unwrap(), lane);
    }

    #[test]
    fn zeros_and_periods_of_a_full_lane_take_little_time_and_space() {
        let zeros = Lane::from(vec![0u8; 1 << 24]);
        let periods = Lane::from((0..1u32 << 22).map(|i| (i % 1000 * 7) as u8).collect::<Vec<_>>());
        for lane in [zeros, periods] {
            for lz77 in BOTH {
                let coded = lz77.encode(&lane).unwrap();
                assert!(estimate(&coded) < 1200);
                assert_eq!(decode(coded).unwrap(), lane);
            }
        }
    }
}
