//! `Standardise`: minimum and greatest common divisor taken out.

use serde::{Deserialize, Serialize};

use super::{Block, Codec, CodecId, Encoded, Groups, dispatched, only};
use crate::lane::read_kind;
use crate::wire::{Reader, put_varint};
use crate::{Budget, Lane, LaneKind, Result, Word, with_kind, with_words};

/// Replaces each word x by (x − min) / gcd in the narrowest width: the field's frame of reference.
///
/// `min` is the least word, `gcd` the greatest common divisor of all x − min (1 when all words are equal).
///
/// Parameters: lane kind (1 byte), `min` and `gcd` (varints). With a shared scale from [`Codec::learn`], which is the
/// child's kind (1 byte), `min` and `gcd`, only the lane kind is left here, and all blocks have one child width.
///
/// # Errors
/// [`Error::Unsuitable`](crate::Error::Unsuitable) when a word does not fit a shared scale, because it was learnt from
/// other blocks.
///
/// # Example
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Standardise};
/// let prices = Lane::from(vec![1_000_500u32, 1_000_000, 1_001_250]);
/// assert_eq!(Standardise.encode(&prices)?.children, [Lane::from(vec![2u8, 0, 5])]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Standardise;

impl Codec for Standardise {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::STANDARDISE
    }

    fn name(&self) -> &'static str {
        "Standardise"
    }

    fn arity(&self) -> usize {
        1
    }

    fn carries_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let scale = Scale::of(&[input]);
        let mut params = vec![input.kind() as u8];
        scale.write(&mut params);
        scale.encode(input, params)
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "Standardise");
        let kind = read_kind(&mut reader)?;
        let (min, gcd) = (reader.varint()?, reader.varint()?);
        reader.end()?;
        restore(kind, min, gcd, &only(children, "Standardise")?, budget)
    }

    fn learn(&self, blocks: &[Block]) -> Result<Vec<u8>> {
        let scale = Scale::of(&blocks.iter().map(|block| &block.lane).collect::<Vec<_>>());
        let mut shared = vec![scale.kind as u8];
        scale.write(&mut shared);
        Ok(shared)
    }

    fn encode_grouped(&self, input: &Lane, _: &Groups, shared: &[u8]) -> Result<Encoded> {
        if shared.is_empty() {
            self.encode(input)
        } else {
            Scale::read(shared)?.encode(input, vec![input.kind() as u8])
        }
    }

    fn decode_grouped(
        &self,
        params: &[u8],
        children: Vec<Lane>,
        _: &Groups,
        shared: &[u8],
        budget: &mut Budget,
    ) -> Result<Lane> {
        if shared.is_empty() {
            return self.decode(params, children, budget);
        }
        let mut reader = Reader::new(params, "Standardise");
        let kind = read_kind(&mut reader)?;
        reader.end()?;
        let scale = Scale::read(shared)?;
        restore(kind, scale.min, scale.gcd, &only(children, "Standardise")?, budget)
    }
}

/// What all words of a lane, or of several blocks, have in common.
struct Scale {
    /// Narrowest width of the standardised words.
    kind: LaneKind,
    min: u64,
    gcd: u64,
}

impl Scale {
    fn of(lanes: &[&Lane]) -> Self {
        let (mut min, mut max) = (u64::MAX, 0);
        for lane in lanes {
            let (least, most) = with_words!(lane, words => dispatched(#[inline(always)] || extremes(words)));
            (min, max) = (min.min(least), max.max(most));
        }
        if min > max {
            return Self { kind: LaneKind::U8, min: 0, gcd: 1 };
        }
        let common =
            lanes.iter().fold(0, |common, lane| with_words!(lane, words => common_divisor(words, min, common)));
        let gcd = common.max(1);
        Self { kind: LaneKind::fitting((max - min) / gcd), min, gcd }
    }

    fn write(&self, out: &mut Vec<u8>) {
        put_varint(out, self.min);
        put_varint(out, self.gcd);
    }

    /// Reads a shared scale.
    fn read(shared: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(shared, "Standardise scale");
        let scale = Self { kind: read_kind(&mut reader)?, min: reader.varint()?, gcd: reader.varint()? };
        if scale.gcd == 0 {
            return Err(reader.corrupt("the divisor is zero"));
        }
        reader.end()?;
        Ok(scale)
    }

    fn encode(&self, input: &Lane, params: Vec<u8>) -> Result<Encoded> {
        let child =
            with_kind!(self.kind, C => with_words!(input, words => scaled::<_, C>(words, self).map(Word::wrap)));
        let child = child
            .ok_or(crate::Error::Unsuitable { codec: "Standardise", why: "a word does not fit the shared scale" })?;
        Ok(Encoded { params, children: vec![child] })
    }
}

/// Division of multiples of a number, without dividing.
///
/// An odd number has an inverse modulo 2^n, n the bits of the word `N`, and a word is a multiple exactly if its product with that
/// is not above the largest quotient there is.
///
/// Source: T. Granlund, P. L. Montgomery, "Division by invariant integers using multiplication", section 9, PLDI 1994.
#[derive(Clone, Copy)]
struct Exact<N> {
    twos: u32,
    inverse: N,
    /// The largest quotient.
    most: N,
}

impl<N: Word> Exact<N> {
    /// `divisor` is not zero.
    fn by(divisor: N) -> Self {
        let twos = divisor.trailing_zeros();
        let odd = divisor.wide() >> twos;
        // Right in the lowest three bits; each step doubles how many are right.
        let inverse = (0..5).fold(odd, |inverse, _| inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse))));
        Self { twos, inverse: N::low(inverse), most: N::max_value() / divisor }
    }

    /// The quotient of a multiple; of any other number a value above [`Exact::most`].
    #[inline(always)]
    fn quotient(&self, number: impl Word) -> N {
        N::low(number.wide().wrapping_mul(self.inverse.wide())).rotate_right(self.twos)
    }
}

/// The least and the largest word; none is both below and above all.
#[inline(always)]
fn extremes<W: Word>(words: &[W]) -> (u64, u64) {
    if words.is_empty() {
        return (u64::MAX, 0);
    }
    let both = words.iter().fold((W::max_value(), W::zero()), |(least, most), &word| (least.min(word), most.max(word)));
    (both.0.wide(), both.1.wide())
}

/// The greatest common divisor of `common` and of how far all words are above `min`.
fn common_divisor<W: Word>(words: &[W], min: u64, mut common: u64) -> u64 {
    let low = W::low(min);
    for block in words.chunks(256) {
        // One is final, and most lanes get there within a few words.
        if common == 1 {
            return 1;
        }
        let multiples = common > 0 && {
            if let (true, Ok(common)) = (size_of::<W>() < 8, u32::try_from(common)) {
                all_multiples(block, low, Exact::by(common))
            } else {
                all_multiples(block, low, Exact::by(common))
            }
        };
        if !multiples {
            common = block.iter().fold(common, |common, word| gcd(common, word.wide() - min));
        }
    }
    common
}

fn all_multiples<W: Word, N: Word>(words: &[W], min: W, exact: Exact<N>) -> bool {
    dispatched(
        #[inline(always)]
        || words.iter().fold(true, |all, &word| all & (exact.quotient(word - min) <= exact.most)),
    )
}

/// (word − min) / gcd of all words, unless one is no such multiple or too large for the width.
fn scaled<W: Word, C: Word>(words: &[W], scale: &Scale) -> Option<Vec<C>> {
    let (least, most) = dispatched(
        #[inline(always)]
        || extremes(words),
    );
    if words.is_empty() {
        return Some(vec![]);
    }
    if least < scale.min || (most - scale.min) / scale.gcd > C::max_value().wide() {
        return None;
    }
    let min = W::low(scale.min);
    if scale.gcd == 1 || least == scale.min && most == scale.min {
        return Some(dispatched(
            #[inline(always)]
            || words.iter().map(|&word| C::low((word - min).wide())).collect(),
        ));
    }
    // Vectors multiply words of 32 bits most quickly.
    match u32::try_from(scale.gcd) {
        Ok(gcd) if size_of::<W>() < 8 => quotients(words, min, Exact::by(gcd)),
        _ => quotients(words, min, Exact::by(scale.gcd)),
    }
}

fn quotients<W: Word, C: Word, N: Word>(words: &[W], min: W, exact: Exact<N>) -> Option<Vec<C>> {
    let mut largest = N::zero();
    let out = dispatched(
        #[inline(always)]
        || {
            let mut out = Vec::with_capacity(words.len());
            out.extend(words.iter().map(|&word| {
                let quotient = exact.quotient(word - min);
                largest = largest.max(quotient);
                C::low(quotient.wide())
            }));
            out
        },
    );
    (largest <= exact.most).then_some(out)
}

/// Inverse of [`Scale::encode`]. Words that a broken scale would move past the width wrap around.
fn restore(kind: LaneKind, min: u64, gcd: u64, child: &Lane, budget: &mut Budget) -> Result<Lane> {
    with_kind!(kind, W => {
        budget.reserve::<W>(child.len() as u64)?;
        Ok(W::wrap(with_words!(child, words => dispatched(#[inline(always)] || unscaled(words, min, gcd)))))
    })
}

#[inline(always)]
fn unscaled<C: Word, W: Word>(words: &[C], min: u64, gcd: u64) -> Vec<W> {
    let min = W::low(min);
    if gcd == 1 {
        return words.iter().map(|word| W::low(word.wide()).wrapping_add(&min)).collect();
    }
    words.iter().map(|word| W::low(word.wide().wrapping_mul(gcd)).wrapping_add(&min)).collect()
}

/// Greatest common divisor; zero is divided by everything.
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while a > 0 {
        (a, b) = (b % a, a);
    }
    b
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Error, Limits};

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    proptest! {
        #[test]
        fn multiples_above_a_minimum_return(
            min in any::<u32>(), step in 1..1000u64, times in prop::collection::vec(0..300u64, 0..50),
        ) {
            let lane = Lane::from(times.iter().map(|t| u64::from(min) + t * step).collect::<Vec<_>>());
            let coded = Standardise.encode(&lane).unwrap();
            prop_assert!(coded.children[0].kind() <= LaneKind::U16);
            prop_assert_eq!(Standardise.decode(&coded.params, coded.children, &mut budget()).unwrap(), lane);
        }
    }

    proptest! {
        #[test]
        fn products_divide(divisor in 1u64.., shift in 0..64u32, times in any::<u64>(), number in any::<u64>()) {
            fn check<N: Word>(divisor: u64, times: u64, number: u64) -> Result<(), TestCaseError> {
                let divisor = N::low(divisor).max(N::one());
                let exact = Exact::by(divisor);
                let times = N::low(times).min(exact.most);
                prop_assert_eq!(exact.quotient(times * divisor), times);
                let number = N::low(number);
                prop_assert_eq!(exact.quotient(number) <= exact.most, number % divisor == N::zero());
                Ok(())
            }
            check::<u32>(divisor >> shift, times, number)?;
            check::<u64>(divisor >> shift, times, number)?;
        }

        #[test]
        fn divisors_are_those_of_all_words(
            first in prop::collection::vec(0..1u64 << 40, 0..600), step in 1..100_000u64, second in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let lanes = [Lane::from(first.iter().map(|w| w * step).collect::<Vec<_>>()), Lane::from(second.clone())];
            let all = || lanes.iter().flat_map(Lane::to_u64s);
            let min = all().min().unwrap_or(0);
            let scale = Scale::of(&lanes.iter().collect::<Vec<_>>());
            prop_assert_eq!((scale.min, scale.gcd), (min, all().fold(0, |common, word| gcd(common, word - min)).max(1)));
        }
    }

    #[test]
    fn extremes_equal_words_and_nothing_return() {
        for words in [vec![], vec![7], vec![7, 7], vec![0, u64::MAX], vec![u64::MAX; 3]] {
            let lane = Lane::from(words);
            let coded = Standardise.encode(&lane).unwrap();
            assert_eq!(Standardise.decode(&coded.params, coded.children, &mut budget()).unwrap(), lane);
        }
    }

    #[test]
    fn blocks_share_scale_and_width() {
        let blocks: Vec<Block> = [vec![100u32, 130], vec![], vec![40_000]]
            .map(|words| Block { groups: Groups::whole(words.len()), lane: words.into() })
            .into();
        let shared = Standardise.learn(&blocks).unwrap();
        for Block { lane, groups } in blocks {
            let coded = Standardise.encode_grouped(&lane, &groups, &shared).unwrap();
            assert_eq!(coded.children[0].kind(), LaneKind::U16);
            let back = Standardise.decode_grouped(&coded.params, coded.children, &groups, &shared, &mut budget());
            assert_eq!(back.unwrap(), lane);
        }
        let refused = Standardise.encode_grouped(&Lane::from(vec![101u32]), &Groups::whole(1), &shared);
        assert!(matches!(refused, Err(Error::Unsuitable { codec: "Standardise", .. })));
    }
}
