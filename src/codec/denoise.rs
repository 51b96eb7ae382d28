//! `Denoise`: rare large words set apart.

use serde::{Deserialize, Serialize};

use super::ascending::bit_len;
use super::{Block, Codec, CodecId, Encoded, Groups};
use crate::mask::Mask;
use crate::wire::Reader;
use crate::{Budget, Error, Lane, LaneKind, Result, Word, with_kind, with_words};

/// Sets rare large words (outliers) apart, so that the others (inliers) are narrow: the field's patched coding.
///
/// A word is an outlier when it has more than `b` bits. Of all `b` that keep the asked share of inliers, the one with
/// the shortest estimated code is taken: n·b for the inliers, and for each of m outliers the full width and
/// log2(n/m) + 2 bits for its place. Nothing is lost: outliers are kept exactly.
///
/// Children: the inliers in the narrowest width, where the place of an outlier repeats the inlier before it (or 0); the
/// gaps between outliers, each the number of inliers since the last one; the outliers, as wide as the lane. There are no
/// parameters. [`Codec::learn`] shares the limit `b` (1 byte), so that all blocks have inliers of one width.
///
/// # Example
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Denoise};
/// let mut words = vec![3u32; 100];
/// words[40] = 1 << 30;
/// let children = Denoise::default().encode(&Lane::from(words))?.children;
/// assert_eq!(children[0], Lane::from(vec![3u8; 100]));
/// assert_eq!(children[1..], [Lane::from(vec![40u8]), Lane::from(vec![1u32 << 30])]);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: "Super-Scalar RAM-CPU Cache Compression" (PFOR), Zukowski, Héman, Nes, Boncz, ICDE 2006.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Denoise {
    keep: f64,
}

impl Default for Denoise {
    fn default() -> Self {
        Self { keep: 0.9 }
    }
}

impl Denoise {
    /// Keeps at least the share `keep` of all words as inliers.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] unless `keep` is from 0 to 1.
    pub fn new(keep: f64) -> Result<Self> {
        Self { keep }.check()
    }

    fn check(self) -> Result<Self> {
        if (0.0..=1.0).contains(&self.keep) { Ok(self) } else { Err(Error::config("keep", self.keep, "0.0..=1.0")) }
    }

    /// The bits of the widest inlier.
    fn limit(self, lanes: &[&Lane]) -> u32 {
        let mut with_len = [0u64; 65];
        for lane in lanes {
            with_words!(lane, words => words.iter().for_each(|word| with_len[bit_len(word.wide()) as usize] += 1));
        }
        let total: u64 = with_len.iter().sum();
        let most_outliers = ((1.0 - self.keep) * total as f64) as u64;
        let widest = (0..=64).rev().find(|&bits| with_len[bits as usize] > 0).unwrap_or(0);
        let cost = |bits: u32, outliers: u64| {
            let place = outliers.checked_ilog2().map_or(0, |log| u64::from(total.ilog2() - log) + 2);
            total * u64::from(bits) + outliers * (u64::from(widest) + place)
        };
        let (mut best, mut least, mut outliers) = (widest, cost(widest, 0), 0);
        for bits in (0..widest).rev() {
            outliers += with_len[bits as usize + 1];
            if outliers > most_outliers {
                break;
            }
            if cost(bits, outliers) < least {
                (best, least) = (bits, cost(bits, outliers));
            }
        }
        best
    }
}

impl Codec for Denoise {
    crate::saved_by_serde!(Codec, Self::check);

    fn id(&self) -> CodecId {
        CodecId::DENOISE
    }

    fn name(&self) -> &'static str {
        "Denoise"
    }

    fn arity(&self) -> usize {
        3
    }

    fn carries_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        Ok(with_words!(input, words => split(words, self.limit(&[input]))))
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        Reader::new(params, "Denoise").end()?;
        let [inliers, gaps, outliers] =
            children.try_into().map_err(|_| Error::corrupt("Denoise", "three child lanes are expected", 0))?;
        with_words!(&outliers, outliers => patch(&inliers, &gaps, outliers, budget))
    }

    fn learn(&self, blocks: &[Block]) -> Result<Vec<u8>> {
        Ok(vec![self.limit(&blocks.iter().map(|block| &block.lane).collect::<Vec<_>>()) as u8])
    }

    fn encode_grouped(&self, input: &Lane, _: &Groups, shared: &[u8]) -> Result<Encoded> {
        match shared {
            [] => self.encode(input),
            [limit @ 0..=64] => Ok(with_words!(input, words => split(words, u32::from(*limit)))),
            _ => Err(Error::corrupt("Denoise", "the shared limit is not one number of bits", 0)),
        }
    }
}

/// Inliers of at most `limit` bits, gaps, and outliers.
fn split<W: Word>(words: &[W], limit: u32) -> Encoded {
    let outside: Mask = words.iter().map(|word| bit_len(word.wide()) > limit).collect();
    let mut next = 0;
    let gaps = outside.iter_ones().map(|place| (place - std::mem::replace(&mut next, place + 1)) as u64).collect();
    let outliers = outside.iter_ones().map(|place| words[place]).collect();
    let inliers = with_kind!(LaneKind::fitting(u64::MAX.checked_shr(64 - limit).unwrap_or(0)), I => {
        let mut inlier = 0;
        let keep = |(word, outside): (&W, bool)| {
            if !outside {
                inlier = I::low(word.wide());
            }
            inlier
        };
        Word::wrap(words.iter().zip(outside.iter().by_vals()).map(keep).collect())
    });
    Encoded { params: vec![], children: vec![inliers, Lane::narrowest(gaps), Word::wrap(outliers)] }
}

/// Inverse of [`split`].
fn patch<W: Word>(inliers: &Lane, gaps: &Lane, outliers: &[W], budget: &mut Budget) -> Result<Lane> {
    if gaps.len() != outliers.len() {
        return Err(Error::corrupt("Denoise", "gaps and outliers differ in number", 0));
    }
    budget.reserve::<W>(inliers.len() as u64)?;
    let mut words: Vec<W> = with_words!(inliers, inliers => inliers.iter().map(|word| W::low(word.wide())).collect());
    let mut rest = words.as_mut_slice();
    with_words!(gaps, gaps => for (gap, &outlier) in gaps.iter().zip(outliers) {
        let gap = usize::try_from(gap.wide()).unwrap_or(usize::MAX);
        let Some((place, behind)) = std::mem::take(&mut rest).get_mut(gap..).and_then(<[W]>::split_first_mut) else {
            return Err(Error::corrupt("Denoise", "an outlier is past the end", 0));
        };
        *place = outlier;
        rest = behind;
    });
    Ok(W::wrap(words))
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
        fn words_return_at_any_share(
            words in prop::collection::vec(prop_oneof![9 => 0..100u32, 1 => any::<u32>()], 0..200), keep in 0.0..=1.0,
        ) {
            let lane = Lane::from(words);
            let coded = Denoise::new(keep).unwrap().encode(&lane).unwrap();
            prop_assert!(coded.children[2].len() as f64 <= (1.0 - keep) * lane.len() as f64);
            prop_assert_eq!(Denoise::default().decode(&coded.params, coded.children, &mut budget()).unwrap(), lane);
        }
    }

    #[test]
    fn neighbouring_outliers_and_wide_blocks_return() {
        let lane = Lane::from(vec![u64::MAX, u64::MAX - 1, 0, 0, 5, u64::MAX]);
        for limit in [0, 3, 64] {
            let coded = Denoise::default().encode_grouped(&lane, &Groups::whole(6), &[limit]).unwrap();
            assert_eq!(Denoise::default().decode(&[], coded.children, &mut budget()).unwrap(), lane);
        }
    }

    #[test]
    fn outliers_past_the_end_are_corrupt() {
        for gaps in [vec![3u64], vec![0, 2], vec![u64::MAX]] {
            let outliers = Lane::from(vec![9u8; gaps.len()]);
            let children = vec![Lane::from(vec![0u8; 2]), Lane::narrowest(gaps), outliers];
            assert!(matches!(Denoise::default().decode(&[], children, &mut budget()), Err(Error::Corrupt { .. })));
        }
    }
}
