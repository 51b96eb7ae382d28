//! Every codec of the registry, at every width, plain and in groups, alone and in plans, with sound and damaged bytes.

use std::sync::Arc;

use losslaw::codec::{Block, Codec, Groups, Learned, Plan, Registry};
use losslaw::{Budget, Error, Lane, LaneKind, Limits, with_kind, with_words};
use proptest::prelude::*;

/// The codecs of the default registry; codecs that join it are tested from then on.
fn codecs() -> Vec<Arc<dyn Codec>> {
    Registry::default().iter().cloned().collect()
}

fn budget() -> Budget {
    Budget::new(&Limits { memory_bytes: 64 << 20, ..Limits::default() })
}

/// The words of a lane cut to a width.
fn lane(kind: LaneKind, words: &[u64]) -> Lane {
    with_kind!(kind, W => Lane::from(words.iter().map(|&word| word as W).collect::<Vec<W>>()))
}

/// Words shaped like the field: columns and weights have runs, ramps, few values, outliers, or nothing to find.
fn words() -> impl Strategy<Value = Vec<u64>> {
    let runs = prop::collection::vec((any::<u64>(), 1..60usize), 0..12)
        .prop_map(|runs| runs.into_iter().flat_map(|(word, length)| vec![word; length]).collect());
    let ramp = (any::<u64>(), any::<i8>(), 0..300u64)
        .prop_map(|(first, step, len)| (0..len).map(|i| first.wrapping_add((step as u64).wrapping_mul(i))).collect());
    let few = (prop::collection::vec(any::<u64>(), 1..9), prop::collection::vec(any::<prop::sample::Index>(), 0..300))
        .prop_map(|(values, picks)| picks.iter().map(|pick| *pick.get(&values)).collect());
    let outliers = prop::collection::vec(prop_oneof![30 => 0..20u64, 1 => any::<u64>()], 0..300);
    let equal = (any::<u64>(), 0..300usize).prop_map(|(word, len)| vec![word; len]);
    let extremes = prop::collection::vec(prop::sample::select(vec![0, 1, u64::MAX, u64::MAX - 1, 1 << 63]), 0..40);
    let any_words = prop::collection::vec(any::<u64>(), 0..300);
    prop_oneof![runs, ramp, few, outliers, equal, extremes, any_words, Just(vec![]), any::<u64>().prop_map(|w| vec![w])]
}

fn kinds() -> impl Strategy<Value = LaneKind> {
    prop::sample::select(LaneKind::ALL.to_vec())
}

/// A codec of the registry with plans for all of its children, `depth` codecs deep.
fn plans(depth: u32) -> BoxedStrategy<Plan> {
    let codec = prop::sample::select(codecs());
    if depth == 1 {
        return codec.prop_map(|codec| Plan::from_arc(codec, [])).boxed();
    }
    codec
        .prop_flat_map(move |codec| {
            let children = prop::collection::vec(plans(depth - 1), codec.arity());
            children.prop_map(move |children| Plan::from_arc(codec.clone(), children))
        })
        .boxed()
}

/// Groups in which word `i` is in group `i·i mod count`, so that some are empty and sizes differ.
fn groups(rows: usize, count: usize) -> Groups {
    let leaf_of_row: Vec<u32> = (0..rows).map(|row| (row * row % count) as u32).collect();
    Groups::from_leaf_of_row(&leaf_of_row, count).expect("every number is below the count")
}

/// The result of an encoder that may refuse lanes its documentation names.
fn suitable<T>(result: losslaw::Result<T>) -> Option<T> {
    match result {
        Err(Error::Unsuitable { .. }) => None,
        result => Some(result.expect("an encoder fails only on unsuitable lanes")),
    }
}

/// Codes blocks with what they share, or alone when `learn` is false, and compares what comes back.
fn blocks_return(plan: &Plan, blocks: &[Block], learn: bool) -> Result<(), TestCaseError> {
    let learned = if learn { suitable(plan.learn(blocks.to_vec())) } else { Some(Learned::default()) };
    let Some(learned) = learned else { return Ok(()) };
    for Block { lane, groups } in blocks {
        let Some(bytes) = suitable(plan.encode_grouped(lane, groups, &learned)) else { continue };
        prop_assert_eq!(&bytes, &plan.encode_grouped(lane, groups, &learned).unwrap(), "{} is not deterministic", plan);
        let back = Registry::default().decode_grouped(&bytes, groups, &learned, &mut budget());
        prop_assert_eq!(&back.unwrap(), lane, "{} in {} groups", plan, groups.len());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_codec_returns_every_lane(words in words()) {
        for (codec, kind) in codecs().into_iter().flat_map(|codec| LaneKind::ALL.map(|kind| (codec.clone(), kind))) {
            let (plan, lane) = (Plan::from_arc(codec, []), lane(kind, &words));
            let Some(bytes) = suitable(plan.encode(&lane)) else { continue };
            prop_assert_eq!(&bytes, &plan.encode(&lane).unwrap(), "{} is not deterministic", plan);
            prop_assert_eq!(Registry::default().decode(&bytes, &mut budget()).unwrap(), lane, "{} at {:?}", plan, kind);
        }
    }

    #[test]
    fn every_codec_returns_grouped_blocks(first in words(), second in words(), kind in kinds()) {
        for (codec, count) in codecs().into_iter().flat_map(|codec| [1, 2, 500].map(|count| (codec.clone(), count))) {
            let blocks = [&first, &second].map(|words| Block { lane: lane(kind, words), groups: groups(words.len(), count) });
            for learn in [false, true] {
                blocks_return(&Plan::from_arc(codec.clone(), []), &blocks, learn)?;
            }
        }
    }

    #[test]
    fn plans_three_deep_return(plan in plans(3), first in words(), second in words(), kind in kinds(), count in 1..20usize) {
        plan.check().unwrap();
        let lanes = [&first, &second].map(|words| lane(kind, words));
        if let Some(bytes) = suitable(plan.encode(&lanes[0])) {
            prop_assert_eq!(&Registry::default().decode(&bytes, &mut budget()).unwrap(), &lanes[0], "{}", plan);
        }
        let blocks = lanes.map(|lane| Block { groups: groups(lane.len(), count), lane });
        for learn in [false, true] {
            blocks_return(&plan, &blocks, learn)?;
        }
    }
}

/// Small lanes with something in them for each codec.
fn samples() -> Vec<Lane> {
    let words: Vec<u64> = (0..40).map(|i| if i == 17 { u64::MAX } else { i / 3 % 5 * 100 }).collect();
    LaneKind::ALL.map(|kind| lane(kind, &words)).into_iter().chain([Lane::U16(vec![]), Lane::U32(vec![7; 9])]).collect()
}

/// Each single bit turned, and each prefix.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let flip = |bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    (0..bytes.len() * 8).map(flip).chain((0..bytes.len()).map(|len| bytes[..len].to_vec()))
}

#[test]
fn damaged_nodes_are_decoded_or_refused_within_the_budget() {
    let registry = Registry::default();
    for (codec, lane) in
        codecs().into_iter().flat_map(|codec| samples().into_iter().map(move |lane| (codec.clone(), lane)))
    {
        let plan = Plan::from_arc(codec, []);
        let Some(bytes) = suitable(plan.encode(&lane)) else { continue };
        for bytes in damaged(&bytes) {
            let _ = registry.decode(&bytes, &mut budget());
        }
        for len in 0..bytes.len() {
            assert!(
                registry.decode(&bytes[..len], &mut budget()).is_err(),
                "{plan} took {len} of {} bytes",
                bytes.len()
            );
        }
    }
}

#[test]
fn damaged_groups_and_shared_models_are_decoded_or_refused_within_the_budget() {
    let registry = Registry::default();
    for (codec, lane) in
        codecs().into_iter().flat_map(|codec| samples().into_iter().map(move |lane| (codec.clone(), lane)))
    {
        let plan = Plan::from_arc(codec, []);
        let groups = groups(lane.len(), 3);
        let Some(learned) = suitable(plan.learn(vec![Block { lane: lane.clone(), groups: groups.clone() }])) else {
            continue;
        };
        let Some(bytes) = suitable(plan.encode_grouped(&lane, &groups, &learned)) else { continue };
        for bytes in damaged(&bytes) {
            let _ = registry.decode_grouped(&bytes, &groups, &learned, &mut budget());
        }
        let mut written = vec![];
        learned.write(&mut written);
        for written in damaged(&written) {
            let mut reader = losslaw::wire::Reader::new(&written, "test");
            if let Ok(learned) = Learned::read(&mut reader, &mut budget()) {
                let _ = registry.decode_grouped(&bytes, &groups, &learned, &mut budget());
            }
        }
    }
}

/// Stale words behind the end of a buffer, and what an instance coded before, reach no byte.
#[test]
fn a_used_buffer_and_a_used_codec_give_the_bytes_of_new_ones() {
    let words: Vec<u64> = (0..700).map(|i| i / 7 % 11 * 100).collect();
    for (codec, kind) in codecs().into_iter().flat_map(|codec| LaneKind::ALL.map(|kind| (codec.clone(), kind))) {
        let new = codec.configured(&codec.settings().unwrap()).unwrap();
        let sound = lane(kind, &words);
        let dirty = with_kind!(kind, W => {
            let mut buffer: Vec<W> = vec![W::MAX; 5000];
            buffer.clear();
            buffer.extend(words.iter().map(|&word| word as W));
            Lane::from(buffer)
        });
        let Some(expected) = suitable(new.encode(&sound)) else { continue };
        suitable(codec.encode(&lane(kind, &[u64::MAX; 1500])));
        assert_eq!(suitable(codec.encode(&dirty)).as_ref(), Some(&expected), "{} at {kind:?}", codec.name());
        for _ in 0..2 {
            let children = expected.children.iter().map(|child| {
                with_words!(child, words => {
                    let mut buffer = vec![Default::default(); words.len() + 5000];
                    buffer.clear();
                    buffer.extend_from_slice(words);
                    Lane::from(buffer)
                })
            });
            let back = codec.decode(&expected.params, children.collect(), &mut budget());
            assert_eq!(back.unwrap(), sound, "{} at {kind:?}", codec.name());
        }
    }
}

/// What is wrong is said by name.
#[test]
fn corrupt_parameters_and_children_are_named() {
    let bytes = |bytes: &[u8]| Lane::from(bytes.to_vec());
    let planes = |first: &[u8], second: &[u8]| {
        let mut children = vec![bytes(&[]); 8];
        (children[0], children[1]) = (bytes(first), bytes(second));
        children
    };
    let cases: Vec<(&str, &[u8], Vec<Lane>, &str)> = vec![
        ("Rle", &[], vec![bytes(&[1, 2]), bytes(&[1])], "values and lengths differ in number"),
        ("Rle", &[], vec![bytes(&[1, 2]), bytes(&[1, 0])], "a run is empty"),
        ("Rle", &[], vec![bytes(&[1, 2]), Lane::from(vec![u64::MAX, 1])], "run lengths overflow"),
        ("Delta", &[3], vec![bytes(&[1])], "the order is above two"),
        ("BitPack", &[0, 1, 9, 0, 0], vec![], "packed words are wider than the lane"),
        ("BitPack", &[0, 1, 3, 1, 0], vec![], "bits are left over"),
        ("BitPack", &[0, 1, 3, 9], vec![], "bits are left over"),
        ("BitPack", &[0, 0, 3, 0], vec![], "bits are left over"),
        ("Planes", &[4, 2], planes(&[1], &[2]), "unknown lane kind"),
        ("Planes", &[1, 3], planes(&[1], &[2]), "the number of planes does not fit the lane"),
        ("Planes", &[0, 1], planes(&[1], &[2]), "there are planes of no weight"),
        ("Planes", &[1, 2], planes(&[1], &[2, 3]), "planes differ in length"),
        ("Planes", &[0, 2], planes(&[1], &[2, 3]), "planes do not make up records"),
        ("BitPlanes", &[0, 1], vec![bytes(&[0; 7])], "the planes have another length than the words"),
        ("BitPlanes", &[0, 1], vec![bytes(&[2; 8])], "bits stand past the last word"),
        ("Constant", &[0, 3, 0x80, 0x02], vec![], "the word is wider than the lane"),
        ("Map", &[0, 3, 5], vec![bytes(&[3]), bytes(&[9])], "an exception is past the end"),
        ("Map", &[0, 3, 5], vec![bytes(&[0, 0]), bytes(&[9])], "gaps and exceptions differ in number"),
        ("Map", &[0, 3, 5], vec![bytes(&[0]), Lane::from(vec![9u16])], "a child lane has the wrong width"),
        ("Dictionary", &[], vec![bytes(&[0, 2]), bytes(&[5, 6])], "an index is past the last word"),
    ];
    for (name, params, children, expected) in cases {
        let error = Registry::default().named(name).unwrap().decode(params, children, &mut budget()).unwrap_err();
        assert!(matches!(&error, Error::Corrupt { what, .. } if *what == expected), "{name}: {error}, not: {expected}");
    }
}
