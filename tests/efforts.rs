//! The efforts `Balanced` and `Max`: what they write returns, is never larger than what `Fast` writes, does not depend
//! on threads, and bears damage.

mod common;

use std::time::{Duration, Instant};

use common::{Dialect, PLAIN, Random, Shape, assert_promises, bodies, csv, forge, wary};
use losslaw::codec::{Codec, ContextMix};
use losslaw::{Budget, Decoder, Effort, Error, Lane, Limits, Pipeline};
use proptest::prelude::*;

fn pipeline(effort: Effort) -> Pipeline {
    Pipeline::builder().effort(effort).verify(false).build().unwrap()
}

/// Columns that depend on each other, on the row before, and on both.
fn related(rows: usize) -> Vec<u8> {
    let mut random = Random(11);
    let mut out = b"kind,size,price,time,note\n".to_vec();
    let mut time = 0;
    for _ in 0..rows {
        let kind = random.below(6);
        let size = kind * 40 + random.below(30);
        time += 1 + random.below(4);
        let price = size * 7 + random.below(9);
        let note = ["", "sold out", "sold", "returned, broken"][(kind % 3 + random.below(2)) as usize];
        let note = if note.contains(',') { format!("\"{note}\"") } else { note.to_owned() };
        out.extend(format!("{kind},{size},{}.{:02},{time},{note}\n", price / 100, price % 100).into_bytes());
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_table_returns_at_every_effort(
        shapes in prop::collection::vec(prop::sample::select(Shape::ALL.to_vec()), 1..6),
        rows in 0usize..220,
        seed in any::<u64>(),
        block_rows in prop::sample::select(vec![7usize, 100, 1 << 16]),
        (is_quoted, is_crlf, is_ragged) in any::<(bool, bool, bool)>(),
    ) {
        let source = csv(&shapes, rows, Dialect { is_crlf, is_quoted, is_ragged, ..PLAIN }, seed);
        for effort in [Effort::Balanced, Effort::Max] {
            let pipeline = Pipeline::builder().effort(effort).block_rows(block_rows).verify(false).build().unwrap();
            assert_promises(&pipeline, &source);
        }
    }

    #[test]
    fn any_bytes_return_at_max(source in prop::collection::vec(any::<u8>(), 0..2000)) {
        assert_promises(&pipeline(Effort::Max), &source);
    }
}

#[test]
fn all_shapes_return_together_and_the_report_names_the_effort() {
    let source = csv(&Shape::ALL, 600, Dialect { is_quoted: true, ..PLAIN }, 1);
    for effort in [Effort::Balanced, Effort::Max] {
        let packed = assert_promises(&pipeline(effort), &source);
        assert_eq!((packed.report.effort, packed.report.effort_asked), (effort, effort));
        assert_eq!(packed.report.blocks, 1);
    }
}

#[test]
fn each_effort_is_smaller_than_the_quicker_one_where_columns_tell_of_each_other() {
    let source = related(3000);
    let bytes = Effort::ALL.map(|effort| pipeline(effort).compress(&source).unwrap().bytes.len());
    assert!(bytes[1] < bytes[0] && bytes[2] < bytes[1], "{bytes:?}");
    let report = pipeline(Effort::Max).compress(&source).unwrap().report;
    assert!(report.columns.iter().any(|column| column.plan == "mixed contexts"), "{report}");
}

#[test]
fn threads_change_no_byte() {
    let source = related(900);
    for effort in [Effort::Balanced, Effort::Max] {
        let build = |threads| Pipeline::builder().effort(effort).threads(threads).block_rows(300).build().unwrap();
        let one = build(1).compress(&source).unwrap().bytes;
        assert!(build(3).compress(&source).unwrap().bytes == one);
        assert!(Decoder::default().with_threads(3).decompress(&one).unwrap() == source);
    }
}

#[test]
fn small_blocks_begin_with_what_the_first_ones_taught() {
    let source = related(140_000);
    let pack = |rows| {
        let builder = Pipeline::builder().effort(Effort::Balanced).block_rows(rows).verify(false);
        builder.build().unwrap().compress(&source).unwrap().bytes
    };
    let (whole, small) = (pack(1 << 20), pack(2000));
    assert!(small.len() * 100 <= whole.len() * 104, "{} bytes in small blocks, {} in one", small.len(), whole.len());
    // The primer has 65 blocks: a block is decoded alone inside it, at its end, behind it and at the end of the table.
    let lines: Vec<&[u8]> = source.split_inclusive(|&byte| byte == b'\n').collect();
    for number in [1usize, 64, 65, 69] {
        let block = Decoder::default().block(&small, number as u64).unwrap().unwrap();
        assert!(block == lines[1 + number * 2000..][..2000].concat(), "block {number}");
    }
    for threads in [1, 2] {
        assert!(Decoder::default().with_threads(threads).decompress(&small).unwrap() == source, "{threads} threads");
    }
}

#[test]
fn counts_of_a_primer_are_paid_for_while_other_blocks_decode() {
    let source = related(3000);
    let pipeline = Pipeline::builder().effort(Effort::Balanced).block_rows(500).verify(false).build().unwrap();
    let file = pipeline.compress(&source).unwrap().bytes;
    let with = |memory_bytes| Decoder::default().with_limits(Limits { memory_bytes, ..Limits::default() });
    let least = |number| {
        let is_enough = |&bytes: &u64| with(bytes).block(&file, number).is_ok();
        (0..26).rev().fold(1 << 26, |most: u64, bit| Some(most - (1 << bit)).filter(is_enough).unwrap_or(most))
    };
    // Whether blocks are decoded alone or one after the other, counts that are kept cost the same.
    let most = (0..6).map(least).max().unwrap();
    assert!(matches!(with(most - 1).decompress(&file), Err(Error::LimitExceeded { .. })));
    assert!(with(most).decompress(&file).unwrap() == source);
}

#[test]
fn damage_is_an_error_or_the_same_bytes() {
    let source = related(60);
    for effort in [Effort::Balanced, Effort::Max] {
        let packed = Pipeline::builder().effort(effort).block_rows(40).build().unwrap().compress(&source).unwrap();
        let is_any_primed = packed.report.columns.iter().any(|column| column.plan.starts_with("primed"));
        assert!(is_any_primed, "{}", packed.report);
        let file = packed.bytes;
        assert!(wary().decompress(&file).unwrap() == source);
        for length in 0..file.len() {
            assert!(wary().decompress(&file[..length]).is_err(), "{effort}: cut to {length}");
        }
        // Forged sections have good checksums, so that damage reaches the models.
        for (number, body) in bodies(&file).iter().enumerate() {
            for at in 0..body.len() {
                for change in [1u8, 0x80, 0xff] {
                    let mut body = body.clone();
                    body[at] ^= change;
                    let start = Instant::now();
                    let decoded = wary().decompress(&forge(&file, number, &body));
                    assert!(start.elapsed() < Duration::from_secs(5), "{effort}: section {number}, byte {at}");
                    assert!(decoded.is_err() || decoded.is_ok_and(|bytes| bytes == source), "{effort}: {number}, {at}");
                }
            }
        }
    }
}

#[test]
fn small_limits_refuse_large_models() {
    let source = related(5000);
    let file = pipeline(Effort::Max).compress(&source).unwrap().bytes;
    let small = Decoder::default().with_limits(Limits { memory_bytes: 1 << 18, ..Limits::default() });
    assert!(matches!(small.decompress(&file), Err(Error::LimitExceeded { .. })));
    let text = Lane::from(b"a rose is a rose is a rose, and so on. ".repeat(200));
    let coded = ContextMix::default().encode(&text).unwrap();
    let mut budget = Budget::new(&Limits { memory_bytes: 1 << 15, ..Limits::default() });
    assert!(matches!(
        ContextMix::default().decode(&coded.params, vec![], &mut budget),
        Err(Error::LimitExceeded { .. })
    ));
}

#[test]
fn differences_as_wide_as_a_word_return() {
    // Under a difference to the row before, one step of 2^63 would look like a missing value.
    let far: String = (0..6000i64)
        .map(|row| if row % 50 == 7 { i64::MIN + row % 3 } else { row % 60 })
        .fold(String::new(), |all, value| all + &format!("{value},{}\n", value.wrapping_add(1) % 1000));
    let edges: String = (0..6000).fold(String::new(), |all, row| {
        all + &format!("{}\n", [i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 2][row / 40 % 4])
    });
    for source in [far, edges] {
        for effort in Effort::ALL {
            let packed = Pipeline::builder().effort(effort).build().unwrap().compress(source.as_bytes()).unwrap();
            assert!(losslaw::decompress(&packed.bytes).unwrap() == source.as_bytes(), "{effort}");
        }
    }
}
