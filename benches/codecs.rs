//! Every codec, both ways, on the input it is made for. Speeds are in bytes of that input.
//!
//! A codec is measured alone: encoding ends with its parameters and child lanes, decoding begins there.

mod common;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use losslaw::codec::{
    Bins, BitPack, BitPlanes, Block, Codec, Constant, ContextMix, Delta, Denoise, Dictionary, Groups, Huffman, Lms,
    Lz77, Lz77Effort, Lz78, Map, Planes, Rans, Rle, Standardise, Store,
};
use losslaw::{Budget, Lane, LaneKind, Limits, Result, with_kind};

/// Bytes of most lanes.
const BYTES: usize = 1 << 20;
/// Words of the others.
const WORDS: usize = 1 << 18;

fn main() -> Result<()> {
    let times =
        Criterion::default().warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(300));
    let mut criterion = times.sample_size(10).configure_from_args();
    let c = &mut criterion;
    memory_speed(c)?;

    let exponents = Lane::from(common::exponents(BYTES));
    let text = Lane::from(common::text(BYTES));
    let prices = Lane::from(common::prices(WORDS));
    plain(c, "huffman", "exponents", &Huffman::default(), &exponents)?;
    plain(c, "huffman", "text", &Huffman::default(), &text)?;
    plain(c, "rans", "exponents", &Rans::default(), &exponents)?;
    plain(c, "rans", "text", &Rans::default(), &text)?;
    plain(c, "rans32", "exponents", &Rans { lanes: Some(32) }, &exponents)?;
    plain(c, "dictionary", "u32", &Dictionary, &Lane::from(common::codes(WORDS)))?;
    plain(c, "map", "u32", &Map, &Lane::from(common::outliers(WORDS)))?;
    plain(c, "denoise", "u32", &Denoise::default(), &Lane::from(common::outliers(WORDS)))?;
    plain(c, "bins", "u32", &Bins::default(), &prices)?;
    plain(c, "lz77_fast", "text", &Lz77 { effort: Lz77Effort::Fast }, &text)?;
    plain(c, "lz77", "text", &Lz77::default(), &Lane::from(common::text(WORDS / 4)))?;
    plain(c, "lz78", "text", &Lz78::default(), &text)?;
    // These two work through tens of thousands of words in a repeat.
    plain(c, "lms", "u8", &Lms::default(), &Lane::from(common::exponents(WORDS / 8)))?;
    plain(c, "context_mix", "text", &ContextMix::default(), &Lane::from(common::text(WORDS / 8)))?;

    for leaves in [1, 500] {
        grouped(c, "huffman", leaves, &Huffman::default())?;
        grouped(c, "rans", leaves, &Rans::default())?;
    }
    criterion.final_summary();
    Ok(())
}

/// Codecs that do little with a word, at every width, on lanes of equally many bytes.
fn memory_speed(c: &mut Criterion) -> Result<()> {
    for kind in LaneKind::ALL {
        let (words, len) = (format!("{kind:?}").to_lowercase(), BYTES / kind.width());
        let ramp = lane(kind, common::ramp(len));
        plain(c, "store", &words, &Store, &ramp)?;
        plain(c, "constant", &words, &Constant, &lane(kind, vec![7u8; len]))?;
        plain(c, "rle", &words, &Rle, &lane(kind, common::runs(len)))?;
        plain(c, "delta", &words, &Delta::default(), &ramp)?;
        plain(c, "delta2", &words, &Delta::new(2)?, &ramp)?;
        plain(
            c,
            "bit_pack",
            &words,
            &BitPack,
            &lane(kind, common::prices(len).iter().map(|price| price % 61).collect()),
        )?;
        plain(
            c,
            "standardise",
            &words,
            &Standardise,
            &lane(kind, common::prices(len).iter().map(|p| p % 50 * 5).collect()),
        )?;
        plain(c, "planes", &words, &Planes::default(), &ramp)?;
        plain(c, "bit_planes", &words, &BitPlanes, &ramp)?;
    }
    for stride in [2, 3, 8] {
        plain(c, "planes", &format!("records of {stride}"), &Planes::new(stride)?, &Lane::from(common::text(BYTES)))?;
    }
    Ok(())
}

/// Numbers as words of a width, the high bits of wide ones cut off.
fn lane<N: Into<u64>>(kind: LaneKind, numbers: Vec<N>) -> Lane {
    with_kind!(kind, W => Lane::from(numbers.into_iter().map(|number| number.into() as W).collect::<Vec<W>>()))
}

fn budget() -> Budget {
    Budget::new(&Limits::default())
}

fn plain(c: &mut Criterion, name: &str, words: &str, codec: &dyn Codec, lane: &Lane) -> Result<()> {
    let coded = codec.encode(lane)?;
    assert_eq!(&codec.decode(&coded.params, coded.children.clone(), &mut budget())?, lane);

    let mut group = c.benchmark_group(format!("{name}/encode"));
    group.throughput(Throughput::Bytes(lane.byte_len() as u64));
    group.bench_function(words, |b| b.iter(|| codec.encode(black_box(lane))));
    group.finish();

    let mut group = c.benchmark_group(format!("{name}/decode"));
    group.throughput(Throughput::Bytes(lane.byte_len() as u64));
    group.bench_function(words, |b| {
        let children = || coded.children.clone();
        b.iter_batched(
            children,
            |children| codec.decode(black_box(&coded.params), children, &mut budget()),
            // So that the children are at hand, as they are when they have just been decoded.
            BatchSize::PerIteration,
        );
    });
    group.finish();
    Ok(())
}

/// One stream with a table for each leaf; learning the tables is measured apart, as a file pays for it once.
fn grouped(c: &mut Criterion, name: &str, leaves: usize, codec: &dyn Codec) -> Result<()> {
    let (words, leaf_of_row) = common::leaves(WORDS, leaves);
    let block = Block { lane: Lane::from(words), groups: Groups::from_leaf_of_row(&leaf_of_row, leaves)? };
    let blocks = [block];
    let [Block { lane, groups }] = &blocks;
    let shared = codec.learn(&blocks)?;
    let coded = codec.encode_grouped(lane, groups, &shared)?;
    let decode = || codec.decode_grouped(black_box(&coded.params), vec![], groups, &shared, &mut budget());
    assert!(coded.children.is_empty(), "an entropy coder ends a plan");
    assert_eq!(&decode()?, lane);

    let mut group = c.benchmark_group(format!("{name}/grouped{leaves}"));
    group.throughput(Throughput::Bytes(lane.byte_len() as u64));
    group.bench_function("learn", |b| b.iter(|| codec.learn(black_box(&blocks))));
    group.bench_function("encode", |b| b.iter(|| codec.encode_grouped(black_box(lane), groups, &shared)));
    group.bench_function("decode", |b| b.iter(decode));
    group.finish();
    Ok(())
}
