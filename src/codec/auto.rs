//! Choosing a plan for a lane by trial.

use super::{
    Bins, BitPack, Codec, Constant, ContextMix, Delta, Dictionary, Huffman, Lms, Lz77, Lz77Effort, Map, Plan, Planes,
    Rans, Rle, Standardise, Store, Then,
};
use crate::{Error, Lane, Result, with_words};

/// Words on which candidates are tried.
const SAMPLE: usize = 1 << 16;
/// Stretches of a longer lane that make up its sample.
const STRETCHES: usize = 8;

/// Mixed contexts that take less by one part in so many than other plans do on a sample are not compared with these in full.
const FAR_LESS: u64 = 4;

/// A multiple of the lengths of all records that plans look for.
const RECORDS: usize = 840;

/// One way to code a lane, and perhaps a cheaper one that tells how well it will do.
struct Candidate {
    plan: Plan,
    trial: Option<Plan>,
}

impl From<Plan> for Candidate {
    fn from(plan: Plan) -> Self {
        Self { plan, trial: None }
    }
}

/// All candidates that do not depend on the lane; the earlier wins a tie.
fn candidates() -> Vec<Candidate> {
    let binned = || Bins::default().then(Rans::default());
    let lz77 = |effort| Lz77 { effort }.each(Rans::default());
    vec![
        Plan::from(Store).into(),
        Plan::from(BitPack).into(),
        Plan::new(Rle, [binned(), binned()]).into(),
        Plan::new(Map, [binned(), binned()]).into(),
        Plan::from(Huffman::default()).into(),
        Plan::from(Rans::default()).into(),
        binned().into(),
        Delta::default().then(binned()).into(),
        Standardise.then(BitPack).into(),
        Plan::new(Dictionary, [binned(), Delta::default().then(BitPack)]).into(),
        Candidate { plan: lz77(Lz77Effort::Smallest), trial: Some(lz77(Lz77Effort::Fast)) },
    ]
}

/// Candidates for lanes of one word, and for bytes that are samples or records.
fn candidates_of(lane: &Lane) -> Result<Vec<Candidate>> {
    // A sample of equal words would not tell.
    if with_words!(lane, words => words.windows(2).all(|pair| pair[0] == pair[1])) {
        return Ok(vec![Plan::from(Constant).into()]);
    }
    let Lane::U8(bytes) = lane else { return Ok(vec![]) };
    let samples = Lms::guess(bytes).into_iter().map(|how| {
        let of_bytes = Plan::from(Rans::default());
        how.each(if how.width == 1 { of_bytes } else { Bins::default().then(of_bytes) }).into()
    });
    let mut found: Vec<Candidate> = samples.collect();
    if let Some(planes) = Planes::guess(bytes) {
        // Each plane is a lane of its own kind.
        let children = planes.encode(&sample(lane))?.children;
        let plans = children.iter().map(|child| Ok(fixed(child)?.swap_remove(0).plan)).collect::<Result<Vec<_>>>()?;
        found.push(Plan::new(planes, plans).into());
    }
    Ok(found)
}

/// The plan that codes a sample of the lane into the fewest bytes.
///
/// A lane of up to 65,536 words is its own sample; of a longer one eight stretches, evenly spread, are taken.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::auto;
/// let lines = Lane::from(b"the same line again and again\n".repeat(50));
/// assert!(auto(&lines)?.to_string().starts_with("Lz77"));
/// # Ok::<(), losslaw::Error>(())
/// ```
pub fn auto(lane: &Lane) -> Result<Plan> {
    Ok(ranked(lane)?.swap_remove(0).plan)
}

/// Codes a lane by the plan that suits it, never into more bytes than [`Store`] needs; returns the plan and the node.
///
/// Of the two plans that code the sample best both are tried on the whole lane if they come close to each other.
pub fn encode_auto(lane: &Lane) -> Result<(Plan, Vec<u8>)> {
    encode_by(lane, ranked(lane)?)
}

/// [`encode_auto`] of what is ranked.
fn encode_by(lane: &Lane, ranked: Vec<Tried>) -> Result<(Plan, Vec<u8>)> {
    let close = ranked[0].bytes + ranked[0].bytes / 16;
    let stored = Plan::from(Store);
    let node = stored.encode(lane)?;
    let mut best = (stored, node);
    for Tried { plan, node, .. } in ranked.into_iter().take(2).filter(|tried| tried.bytes <= close) {
        match node.map_or_else(|| plan.encode(lane), Ok) {
            Ok(node) if node.len() < best.1.len() => best = (plan, node),
            // What suits a sample need not suit the lane.
            Ok(_) | Err(Error::Unsuitable { .. }) => (),
            Err(error) => return Err(error),
        }
    }
    Ok(best)
}

/// Like [`encode_auto`], but bytes are also tried under [`ContextMix`], which is slow and mostly far smaller.
///
/// The strides tried are those at which bytes of the sample resemble each other most.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::encode_mixed;
/// let words = b"some of these words, or all of these words, or none of some words".to_vec();
/// assert_eq!(encode_mixed(&Lane::from(words))?.0.to_string(), "ContextMix");
/// # Ok::<(), losslaw::Error>(())
/// ```
pub fn encode_mixed(lane: &Lane) -> Result<(Plan, Vec<u8>)> {
    let Lane::U8(bytes) = lane else { return encode_auto(lane) };
    let sample = sample(lane);
    let ranked = ranked(lane)?;
    let mut plans: Vec<Plan> = ContextMix::promising(bytes).into_iter().map(Plan::from).collect();
    if plans.len() > 1 && sample.len() < lane.len() {
        let mut tried = vec![];
        for plan in plans {
            tried.extend(suited(plan.encode(&sample))?.map(|node| (node.len(), plan)));
        }
        plans = tried.into_iter().min_by_key(|tried| tried.0).map(|(_, plan)| plan).into_iter().collect();
    }
    let mut mixed: Option<(Plan, Vec<u8>)> = None;
    for plan in plans {
        if let Some(node) = suited(plan.encode(lane))?
            && mixed.as_ref().is_none_or(|mixed| node.len() < mixed.1.len())
        {
            mixed = Some((plan, node));
        }
    }
    let Some(mixed) = mixed else { return encode_by(lane, ranked) };
    // What the whole lane would take at the best rate of the sample.
    let most = ranked[0].bytes as u64 * lane.len() as u64 / sample.len().max(1) as u64;
    if mixed.1.len() as u64 * FAR_LESS < most * (FAR_LESS - 1) {
        return Ok(mixed);
    }
    let best = encode_by(lane, ranked)?;
    Ok(if mixed.1.len() < best.1.len() { mixed } else { best })
}

/// What was coded, if it could be.
fn suited(coded: Result<Vec<u8>>) -> Result<Option<Vec<u8>>> {
    match coded {
        Ok(node) => Ok(Some(node)),
        Err(Error::Unsuitable { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A candidate that was tried on a sample.
struct Tried {
    bytes: usize,
    plan: Plan,
    /// What it made of the lane, if that was its own sample and the plan itself was tried.
    node: Option<Vec<u8>>,
}

/// The candidates that can code the lane, by the bytes their trials take for its sample.
fn ranked(lane: &Lane) -> Result<Vec<Tried>> {
    tried(lane, candidates().into_iter().chain(candidates_of(lane)?))
}

/// Those among them that do not depend on the lane.
fn fixed(lane: &Lane) -> Result<Vec<Tried>> {
    tried(lane, candidates())
}

fn tried(lane: &Lane, candidates: impl IntoIterator<Item = Candidate>) -> Result<Vec<Tried>> {
    let sample = sample(lane);
    let mut ranked = vec![];
    let mut least = usize::MAX;
    for Candidate { plan, trial } in candidates {
        // A node of many parts cannot win where a simple one takes fewer bytes than their heads.
        if least <= plan.least_bytes() {
            continue;
        }
        match trial.as_ref().unwrap_or(&plan).encode(&sample) {
            Ok(node) => {
                least = least.min(node.len());
                let is_final = trial.is_none() && sample.len() == lane.len();
                ranked.push(Tried { bytes: node.len(), plan, node: is_final.then_some(node) });
            }
            Err(Error::Unsuitable { .. }) => (),
            Err(error) => return Err(error),
        }
    }
    // Stable, so that the order of the candidates settles ties.
    ranked.sort_by_key(|tried| tried.bytes);
    Ok(ranked)
}

fn sample(lane: &Lane) -> Lane {
    if lane.len() <= SAMPLE {
        return lane.clone();
    }
    let stretch = SAMPLE / STRETCHES;
    // Records of up to eight words go on across the seams of the stretches.
    let in_step = |k: usize, start: usize| start - (start - stretch * k) % RECORDS;
    let starts = (0..STRETCHES).map(|k| in_step(k, (lane.len() - stretch) * k / (STRETCHES - 1)));
    lane.gather(&starts.flat_map(|start| start as u32..(start + stretch) as u32).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::Registry;
    use crate::{Budget, Limits};

    /// Words without any pattern.
    fn noise(len: usize) -> Vec<u64> {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 29
        };
        (0..len).map(|_| next()).collect()
    }

    fn name(lane: &Lane) -> String {
        auto(lane).unwrap().to_string()
    }

    #[test]
    fn each_kind_of_data_gets_its_plan() {
        assert_eq!(name(&Lane::from(noise(5000))), "Store");
        assert_eq!(name(&Lane::from(vec![9u16; 5000])), "Constant");
        let waves: Vec<u8> = noise(5000)
            .iter()
            .enumerate()
            .flat_map(|(t, n)| {
                let phase = t as i16 % 400 - 200;
                (phase.abs() * 60 - 6000 + (n >> 58) as i16).to_le_bytes()
            })
            .collect();
        assert!(name(&Lane::from(waves)).starts_with("Lms"));
        // Records of which only the last byte changes from one to the next.
        let records: Vec<u8> = noise(4000).iter().flat_map(|n| [1, 2, 3, 4, 5, 6, (n >> 50) as u8]).collect();
        assert!(name(&Lane::from(records)).starts_with("Planes"));
        let skewed: Vec<u8> = noise(5000).iter().map(|n| u8::from((n >> 40).is_multiple_of(10))).collect();
        assert_eq!(name(&Lane::from(skewed)), "Rans");
        let pieces = noise(50).iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>().repeat(20);
        assert!(name(&Lane::from(pieces)).starts_with("Lz77"));
    }

    #[test]
    fn the_sample_of_a_long_lane_reaches_from_end_to_end() {
        let lane = Lane::from((0..1u32 << 20).collect::<Vec<_>>());
        let sample = sample(&lane);
        let reach = (1 << 20) - RECORDS as u64..1 << 20;
        assert_eq!((sample.len(), sample.get(0)), (SAMPLE, Some(0)));
        assert!(reach.contains(&sample.max().unwrap()));
        let in_step = |(at, word): (usize, u64)| (at as u64).abs_diff(word).is_multiple_of(RECORDS as u64);
        assert!(sample.to_u64s().into_iter().enumerate().all(in_step), "records are cut");
    }

    proptest! {
        #[test]
        fn lanes_return_and_are_never_larger_than_stored(
            words in prop::collection::vec(prop_oneof![0u64..5, any::<u64>()], 0..200),
            shift in 0u32..64,
        ) {
            let lane = Lane::narrowest(words.iter().map(|word| word >> shift).collect());
            let (_, node) = encode_auto(&lane).unwrap();
            for Candidate { plan, .. } in candidates() {
                // What heads take at least is never more than a node.
                prop_assert!(plan.encode(&lane).map_or(true, |node| node.len() >= plan.least_bytes()), "{}", plan);
            }
            prop_assert!(node.len() <= Plan::from(Store).encode(&lane).unwrap().len());
            prop_assert_eq!(Registry::default().decode(&node, &mut Budget::new(&Limits::default())).unwrap(), lane);
        }
    }
}
