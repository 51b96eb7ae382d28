//! Any table in any dialect, and any bytes, return byte for byte through every kind of pipeline.

mod common;

use common::{Dialect, PLAIN, Random, Shape, assert_promises, csv};
use losslaw::codec::{Bins, Lz77, Plan, Rans, Store, Then};
use losslaw::container::Kind;
use losslaw::partition::Whole;
use losslaw::tree::{C45, Id3, Mdl};
use losslaw::{Effort, Pipeline, PipelineBuilder, decompress};
use proptest::prelude::*;

fn dialect() -> impl Strategy<Value = Dialect> {
    let delimiter = prop::sample::select(vec![b',', b';', b'\t', b'|']);
    (delimiter, any::<[bool; 4]>(), prop::bool::weighted(0.2), prop::bool::weighted(0.1)).prop_map(
        |(delimiter, [is_crlf, has_header, is_quoted, is_open], is_ragged, is_binary)| Dialect {
            delimiter,
            is_crlf,
            has_header,
            is_quoted,
            is_open,
            is_ragged,
            is_binary,
        },
    )
}

fn table(rows: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    let shapes = prop::collection::vec(prop::sample::select(&Shape::ALL[..]), 1..8);
    (shapes, rows, dialect(), any::<u64>()).prop_map(|(shapes, rows, dialect, seed)| csv(&shapes, rows, dialect, seed))
}

/// Every partitioner, every hand-set plan, and one tree for all, by number.
fn settings(number: usize) -> PipelineBuilder {
    let builder = Pipeline::builder();
    match number {
        0 => builder,
        1 => builder.partitioner(Id3::default()),
        2 => builder.partitioner(C45::default()),
        3 => builder.partitioner(Mdl::default()),
        4 => builder.partitioner(Whole),
        5 => builder.one_tree(true),
        6 => builder.one_tree(true).partitioner(C45::default()),
        _ => plans().swap_remove(number - 7).1(builder),
    }
}

type Step = Box<dyn Fn(PipelineBuilder) -> PipelineBuilder>;

fn plans() -> Vec<(&'static str, Step)> {
    let with = |plan: Plan| -> Step { Box::new(move |builder| builder.codec(plan.clone())) };
    vec![
        ("Store", with(Store.into())),
        ("Rans", with(Rans::default().into())),
        ("Bins", with(Bins::default().then(Rans::default()))),
        ("Lz77", with(Lz77::default().each(Rans::default()))),
        ("Id3, Lz77", {
            let plan = with(Lz77::default().each(Rans::default()));
            Box::new(move |builder| plan(builder).partitioner(Id3::default()))
        }),
        ("one tree, Bins", {
            let plan = with(Bins::default().then(Rans::default()));
            Box::new(move |builder| plan(builder).one_tree(true))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_table_returns_in_blocks_of_any_length(
        source in table(0..150),
        block_rows in prop::sample::select(vec![1usize, 7, 100, 1 << 16]),
        setting in 0usize..13,
    ) {
        let pipeline = settings(setting).block_rows(block_rows).verify(false).build().unwrap();
        assert_promises(&pipeline, &source);
    }

    #[test]
    fn longer_tables_return(source in table(300..800), setting in 0usize..13) {
        assert_promises(&settings(setting).block_rows(250).verify(false).build().unwrap(), &source);
    }

    #[test]
    fn any_bytes_return(source in prop::collection::vec(any::<u8>(), 0..3000), setting in 0usize..13) {
        assert_promises(&settings(setting).verify(false).build().unwrap(), &source);
    }

    #[test]
    fn bytes_that_nearly_are_a_table_return(source in "[a-c0-9,;\"\n\r. -]{0,400}", setting in 0usize..13) {
        assert_promises(&settings(setting).block_rows(7).verify(false).build().unwrap(), source.as_bytes());
    }
}

#[test]
fn every_shape_of_column_returns_alone_and_in_many_blocks() {
    let pipeline = Pipeline::builder().block_rows(64).build().unwrap();
    for shape in Shape::ALL {
        for seed in 0..3 {
            assert_promises(&pipeline, &csv(&[shape], 300, PLAIN, seed));
        }
    }
}

#[test]
fn all_shapes_together_return_as_a_table() {
    let source = csv(&Shape::ALL, 500, Dialect { is_quoted: true, ..PLAIN }, 1);
    for setting in 0..7 {
        let packed = assert_promises(&settings(setting).block_rows(200).build().unwrap(), &source);
        assert_eq!((packed.report.kind, packed.report.rows, packed.report.blocks), (Kind::Table, 500, 3));
        assert!(packed.report.verified);
    }
}

/// Texts of few words, texts that other cells make up, and columns that are nearly empty.
#[test]
fn texts_of_all_kinds_return_in_many_blocks_at_every_effort() {
    let mut csv = String::from("id,note,address,rest\n");
    let words = ["red", "green", "sold", "to", "Ann", "x.y"];
    for row in 0..3000usize {
        let picks = (0..row * 7 % 12).map(|k| words[(row * row / 3 + k * k) % words.len()]).collect::<Vec<_>>();
        let address = if row % 500 == 3 { "none".to_owned() } else { format!("x.org/{0}-{0}", row * 31) };
        let rest = if row % 37 == 5 { format!("{}.5", row % 811) } else { String::new() };
        let note = picks.join(if row % 5 == 0 { "  " } else { " " });
        csv.extend([(row * 31).to_string(), note, address, rest].join(",").chars().chain(['\n']));
    }
    for effort in Effort::ALL {
        for rows in [700, 3000] {
            let pipeline = Pipeline::builder().effort(effort).block_rows(rows).build().unwrap();
            let packed = assert_promises(&pipeline, csv.as_bytes());
            assert_eq!(packed.report.blocks, 3000usize.div_ceil(rows) as u64);
        }
    }
}

#[test]
fn odd_sources_return() {
    let mut sources: Vec<Vec<u8>> =
        ["", "\n", "\r\n", "a", "a\n", ",", ",\n", ",\n,\n", "\"", "\"\"\n\"\"\n", "a,b", "a,b\n"]
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect();
    sources.push(b"1,2\n".repeat(1000));
    sources.push(b"1,2\r\n".repeat(1000)[..4998].to_vec());
    sources.push(b"a,b\n1,2\n\n\n\n3,4\n\n".repeat(40));
    sources.push(vec![0; 100_000]);
    sources.push(vec![b'\n'; 10_000]);
    sources.push(vec![b','; 200]);
    sources.push(b"\xef\xbb\xbfa;b\n1;2\n3;4\n".to_vec());
    sources.push([b"a,b\n".to_vec(), vec![b'x'; 70_000], b",1\n2,3\n".to_vec()].concat());
    sources.push(format!("{}\n", vec!["0"; 200].join(",")).repeat(3).into_bytes());
    sources.push((0..500).flat_map(|i| format!("{},{}\n", u64::MAX - i, i64::MIN).into_bytes()).collect());
    for source in &sources {
        for block_rows in [1, 100] {
            assert_promises(&Pipeline::builder().block_rows(block_rows).build().unwrap(), source);
        }
    }
}

#[test]
fn bytes_of_no_use_to_any_codec_grow_by_at_most_64() {
    let noise = Random(7).bytes(200_000);
    let packed = assert_promises(&Pipeline::builder().build().unwrap(), &noise);
    assert_eq!(packed.report.kind, Kind::Bytes);
    let packed = Pipeline::builder().codec(Rans::default()).build().unwrap().compress_bytes(&noise).unwrap();
    assert!(packed.bytes.len() <= noise.len() + 64);
}

#[test]
fn a_table_read_before_compresses_to_its_csv() {
    let source = csv(&[Shape::Integers, Shape::Text, Shape::Function], 400, PLAIN, 3);
    let table = losslaw::table::Table::from_csv(&source).unwrap();
    let packed = Pipeline::builder().block_rows(150).build().unwrap().compress_table(&table).unwrap();
    assert_eq!(packed.report.kind, Kind::Table);
    assert!(decompress(&packed.bytes).unwrap() == source);
}
