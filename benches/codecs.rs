//! Every codec, both ways, on the input it is made for. Speeds are in bytes of that input.
//!
//! A codec is measured alone: encoding ends with its parameters and child lanes, decoding begins there.

mod common;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use losslaw::codec::{
    Bins, BitPack, Block, Codec, Delta, Denoise, Dictionary, Groups, Huffman, Lz77, Lz77Effort, Rans, Rle, Standardise,
    Store,
};
use losslaw::{Budget, Lane, Limits, Result};

const WORDS: usize = 1 << 18;

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let c = &mut criterion;
    let exponents = Lane::from(common::exponents(WORDS));
    let text = Lane::from(common::text(WORDS));
    let ramp = Lane::from(common::ramp(WORDS));
    let prices = Lane::from(common::prices(WORDS));

    plain(c, "store", "u32", &Store, &prices)?;
    plain(c, "rle", "u8", &Rle, &Lane::from(common::runs(WORDS)))?;
    plain(c, "huffman", "u8", &Huffman::default(), &exponents)?;
    plain(c, "huffman", "text", &Huffman::default(), &text)?;
    plain(c, "rans", "u8", &Rans::default(), &exponents)?;
    plain(c, "rans", "text", &Rans::default(), &text)?;
    plain(c, "rans32", "u8", &Rans { lanes: Some(32) }, &exponents)?;
    plain(c, "bit_pack", "u32", &BitPack, &prices)?;
    plain(c, "delta", "u32", &Delta::default(), &ramp)?;
    plain(c, "delta2", "u32", &Delta::new(2)?, &ramp)?;
    plain(c, "standardise", "u32", &Standardise, &prices)?;
    plain(c, "denoise", "u32", &Denoise::default(), &Lane::from(common::outliers(WORDS)))?;
    plain(c, "dictionary", "u32", &Dictionary, &Lane::from(common::codes(WORDS)))?;
    plain(c, "bins", "u32", &Bins::default(), &prices)?;
    plain(c, "lz77_fast", "text", &Lz77 { effort: Lz77Effort::Fast }, &text)?;
    plain(c, "lz77", "text", &Lz77::default(), &text)?;

    for leaves in [1, 500] {
        grouped(c, "huffman", leaves, &Huffman::default())?;
        grouped(c, "rans", leaves, &Rans::default())?;
    }
    criterion.final_summary();
    Ok(())
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
            BatchSize::LargeInput,
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
