//! `Standardise`: minimum and greatest common divisor taken out.

use serde::{Deserialize, Serialize};

use super::{Block, Codec, CodecId, Encoded, Groups, only};
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
        let extremes =
            |lane: &&Lane| with_words!(lane, words => Some((words.iter().min()?.wide(), words.iter().max()?.wide())));
        let both = |a: (u64, u64), b: (u64, u64)| (a.0.min(b.0), a.1.max(b.1));
        let (min, max) = lanes.iter().filter_map(extremes).reduce(both).unwrap_or((0, 0));
        let mut common = 0;
        for lane in lanes {
            common = with_words!(lane, words => words.iter().try_fold(common, |common, word| {
                // One is final, and most lanes get there within a few words.
                if common == 1 { Err(1) } else { Ok(gcd(common, word.wide() - min)) }
            }))
            .unwrap_or_else(|one| one);
        }
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
        let most = u64::MAX >> (64 - self.kind.bits());
        let child = with_kind!(self.kind, C => with_words!(input, words => {
            let scaled = |word: &_| {
                let above = Word::wide(*word).checked_sub(self.min)?;
                let scaled = if self.gcd == 1 { above } else { above / self.gcd };
                (scaled <= most && scaled * self.gcd == above).then_some(C::low(scaled))
            };
            words.iter().map(scaled).collect::<Option<Vec<C>>>().map(Word::wrap)
        }));
        let child = child
            .ok_or(crate::Error::Unsuitable { codec: "Standardise", why: "a word does not fit the shared scale" })?;
        Ok(Encoded { params, children: vec![child] })
    }
}

/// Inverse of [`Scale::encode`]. Words that a broken scale would move past the width wrap around.
fn restore(kind: LaneKind, min: u64, gcd: u64, child: &Lane, budget: &mut Budget) -> Result<Lane> {
    with_kind!(kind, W => {
        budget.reserve::<W>(child.len() as u64)?;
        let word = |scaled: u64| W::low(min.wrapping_add(scaled.wrapping_mul(gcd)));
        Ok(W::wrap(with_words!(child, words => words.iter().map(|w| word(w.wide())).collect())))
    })
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
