//! Sizes that a file claims are refused before memory is spent on them.

mod common;

use std::sync::{Mutex, PoisonError};

use common::{Dialect, PLAIN, Random, Shape, bodies, csv, forge, rewrite, wary};
use losslaw::codec::{CodecId, Groups, Learned, Lz77, Plan, Rans, Registry, Store};
use losslaw::container::{HEADER_BYTES, Kind, Tag, Writer};
use losslaw::model::{Dtype, Model, ModelBuilder};
use losslaw::table::{Schema, Table};
use losslaw::tree::Id3;
use losslaw::wire::{Reader, put_bytes, put_varint};
use losslaw::{Budget, Decoder, Effort, Error, Lane, Limits, Pipeline, decompress};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// One measurement at a time: the allocator counts for all threads.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const SOME: usize = 10 << 20;
const HUGE: u64 = 1 << 60;

/// What `work` returns and the bytes it held at most beyond those held before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let out = work();
    (out, ALLOCATOR.peak_usage().saturating_sub(before))
}

/// Runs a test alone.
fn alone(test: impl FnOnce()) {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    test();
}

/// That the file is refused for its size or its contradictions, in little memory.
fn assert_refused(what: &str, decode: impl FnOnce() -> losslaw::Result<()>) {
    let (result, bytes) = peak(decode);
    let error = result.expect_err(what);
    let expected = matches!(error, Error::LimitExceeded { .. } | Error::Corrupt { .. } | Error::Truncated { .. });
    assert!(expected, "{what}: {error}");
    assert!(bytes < SOME, "{what}: {bytes} bytes were allocated");
}

fn varint(value: u64) -> Vec<u8> {
    let mut out = vec![];
    put_varint(&mut out, value);
    out
}

/// A table with everything that has a length: blocks, text, escapes, irregular lines, trees, dictionaries.
fn table() -> Vec<u8> {
    let shapes = [Shape::Categories, Shape::Function, Shape::Text, Shape::Missing, Shape::Fixed, Shape::OneHot];
    let mut source = csv(&shapes, 80, Dialect { is_quoted: true, ..PLAIN }, 4);
    source.extend_from_slice(b"an irregular line\nred,f0,\"\",1,2.50,0,1,0,0\n");
    let table = Table::from_csv(&source).unwrap();
    let pipeline = Pipeline::builder().block_rows(50).partitioner(Id3::default()).build().unwrap();
    pipeline.compress_table(&table).unwrap().bytes
}

/// A model with a shared unit, a mask, a repeated tensor and chunks.
fn model() -> Vec<u8> {
    let sparse: Vec<f32> = (0..4200).map(|at| if at % 40 == 0 { at as f32 } else { 0.0 }).collect();
    let model = Model::builder()
        .f32("bias", &[3], &[0.5, -1.0, 2.0])
        .and_then(|model| model.f32("sparse", &[42, 100], &sparse))
        .and_then(|model| model.f32("again", &[42, 100], &sparse))
        .and_then(|model| model.tensor("chunks", Dtype::U8, &[2, 70_000], &vec![7; 140_000]))
        .and_then(ModelBuilder::build)
        .unwrap();
    Pipeline::builder().build().unwrap().compress_model(&model).unwrap().bytes
}

fn files() -> Vec<Vec<u8>> {
    let text = b"it was the best of times, it was the worst of times, it was the age of wisdom ".repeat(3);
    let matches = Pipeline::builder().codec(Lz77::default().each(Rans::default())).build().unwrap();
    let one_tree = Pipeline::builder().one_tree(true).partitioner(Id3::default()).build().unwrap();
    let shapes = [Shape::Categories, Shape::Function, Shape::Temporal];
    let shared = one_tree.compress_table(&Table::from_csv(&csv(&shapes, 150, PLAIN, 3)).unwrap()).unwrap();
    vec![table(), model(), shared.bytes, matches.compress_bytes(&text).unwrap().bytes]
}

#[test]
fn a_huge_number_at_any_place_of_any_section_stays_within_the_limits() {
    alone(|| {
        for file in files() {
            wary().decompress(&file).expect("the limits allow the file as it is");
            for (number, body) in bodies(&file).iter().enumerate() {
                for at in 0..body.len() {
                    let own = body[at..].iter().take_while(|&&byte| byte >= 0x80).count() + 1;
                    for claim in [varint(HUGE), varint(1 << 24)] {
                        // In place of the number that may stand here, and over whatever stands here.
                        let spliced = [&body[..at], &claim, &body[(at + own).min(body.len())..]].concat();
                        let over = [&body[..at], &claim, &body[(at + claim.len()).min(body.len())..]].concat();
                        for forged in [spliced, over] {
                            let forged = forge(&file, number, &forged);
                            let (result, bytes) = peak(|| wary().decompress(&forged).map(drop));
                            assert!(bytes < SOME, "section {number}, byte {at}: {bytes} bytes, {result:?}");
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn random_harm_stays_within_the_limits() {
    alone(|| {
        let mut random = Random(5);
        for file in files() {
            let bodies = bodies(&file);
            for _ in 0..1500 {
                let number = random.below(bodies.len() as u64) as usize;
                let mut body = bodies[number].clone();
                for _ in 0..=random.below(3) {
                    let at = random.below(body.len() as u64) as usize;
                    body[at] = random.next() as u8;
                }
                let forged = forge(&file, number, &body);
                let (result, bytes) = peak(|| wary().decompress(&forged).map(drop));
                assert!(bytes < SOME, "section {number}: {bytes} bytes, {result:?}");
            }
        }
    });
}

#[test]
fn lengths_of_the_container_are_refused() {
    alone(|| {
        let file = table();
        for field in 0..3 {
            let mut forged = file[..HEADER_BYTES].to_vec();
            forged.push(Tag::Schema as u8);
            (0..3).for_each(|at| put_varint(&mut forged, if at == field { HUGE } else { 0 }));
            forged.extend_from_slice(&file[HEADER_BYTES + 4..]);
            let (result, bytes) = peak(|| decompress(&forged).map(drop));
            assert!(result.is_err() && bytes < SOME, "field {field}: {bytes} bytes");
        }
        // An index that claims more sections than there are.
        let mut forged = file[..file.len() - 16].to_vec();
        forged.extend_from_slice(&HUGE.to_le_bytes());
        forged.extend_from_slice(&file[file.len() - 8..]);
        assert_refused("offset of the index", || decompress(&forged).map(drop));
        let few = Decoder::default().with_limits(Limits { sections: 2, ..Limits::default() });
        let error = few.decompress(&file).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { what: "sections", .. }), "{error}");
    });
}

#[test]
fn claims_of_a_schema_are_refused() {
    alone(|| {
        let table = |body: &[u8]| {
            let mut writer = Writer::new(Kind::Table);
            writer.section(Tag::Schema, 0, 0, body);
            writer.finish()
        };
        // Rows, blocks, length of the schema; flags, delimiter, header, start, columns; tag, prefix, suffix, specials.
        let cases: [(&str, Vec<u8>); 5] = [
            ("length", [&[1, 1][..], &varint(HUGE)].concat()),
            ("start", [&[0, b',', 0][..], &varint(HUGE)].concat()),
            ("columns", [&[0, b',', 0, 0][..], &varint(HUGE)].concat()),
            ("prefix", [&[0, b',', 0, 0, 1, 0][..], &varint(HUGE)].concat()),
            ("specials", [&[0, b',', 0, 0, 1, 0, 0, 0][..], &varint(HUGE)].concat()),
        ];
        for (what, bytes) in cases {
            let mut body = bytes.clone();
            if what != "length" {
                body = vec![1, 1];
                put_bytes(&mut body, &bytes);
                let budget = &mut Budget::new(&Limits::default());
                let lanes = &mut std::iter::empty();
                assert_refused(what, || Schema::read(&mut Reader::new(&bytes, "schema"), lanes, budget).map(drop));
            }
            assert_refused(what, || decompress(&table(&body)).map(drop));
        }
        for (what, body) in [("rows", [varint(HUGE), vec![1]]), ("blocks", [vec![1], varint(HUGE)])] {
            let mut body = body.concat();
            put_bytes(&mut body, &[0, b',', 0, 0, 0]);
            let mut writer = Writer::new(Kind::Table);
            writer.section(Tag::Schema, 0, 0, &body);
            writer.section(Tag::Trees, 0, 0, &[0, 0]);
            let file = writer.finish();
            assert_refused(what, || decompress(&file).map(drop));
        }
    });
}

#[test]
fn leaves_and_tree_nodes_are_counted() {
    alone(|| {
        let mut writer = Writer::new(Kind::Table);
        let mut schema = vec![0, 0];
        put_bytes(&mut schema, &[0, b',', 0, 0, 0]);
        writer.section(Tag::Schema, 0, 0, &schema);
        writer.section(Tag::Trees, 0, 0, &varint(HUGE));
        let file = writer.finish();
        assert_refused("leaves", || decompress(&file).map(drop));
        let few = Decoder::default().with_limits(Limits { tree_nodes: 1, ..Limits::default() });
        let error = few.decompress(&table()).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { what: "tree nodes", .. }), "{error}");
    });
}

#[test]
fn claims_of_every_codec_are_refused() {
    alone(|| {
        let registry = Registry::default();
        let node = |id: CodecId, arity: usize, params: &[u8]| {
            let mut node = varint(u64::from(id.0));
            put_bytes(&mut node, params);
            put_varint(&mut node, arity as u64);
            (0..arity).for_each(|_| node.extend([0, 1, 0, 0]));
            node
        };
        let budget = || Budget::new(&Limits::default());
        for codec in registry.iter().filter(|codec| codec.id() != CodecId::STORE) {
            for (at, kind) in (0..4).flat_map(|at| (0..4u8).map(move |kind| (at, kind))) {
                let params = [&vec![kind; at][..], &varint(HUGE), &[0; 20]].concat();
                let node = node(codec.id(), codec.arity(), &params);
                let what = format!("{} with a huge number at {at}", codec.name());
                let (result, bytes) = peak(|| registry.decode(&node, &mut budget()));
                assert!(bytes < SOME, "{what}: {bytes} bytes");
                assert!(result.map_or(0, |lane| lane.len()) < 1000, "{what}");
                let learned = Learned::default();
                let groups = Groups::whole(3);
                let (_, bytes) = peak(|| registry.decode_grouped(&node, &groups, &learned, &mut budget()).is_err());
                assert!(bytes < SOME, "{what}, grouped: {bytes} bytes");
            }
        }
        let cases = [
            ("length of parameters", [vec![0], varint(HUGE)].concat()),
            ("children", [vec![0, 0], varint(HUGE)].concat()),
            ("codec id", varint(HUGE)),
        ];
        for (what, node) in cases {
            assert_refused(what, || registry.decode(&node, &mut budget()).map(drop));
        }
        for bytes in [varint(HUGE), [vec![1], varint(HUGE)].concat()] {
            assert_refused("learned", || Learned::read(&mut Reader::new(&bytes, "models"), &mut budget()).map(drop));
        }
    });
}

#[test]
fn plans_deeper_than_the_format_allows_are_refused_without_recursion_to_the_bottom() {
    alone(|| {
        // Bins in bins in bins: each has one child.
        let table = [1u8, 0];
        let mut node = vec![];
        for _ in 0..100_000 {
            put_varint(&mut node, u64::from(CodecId::BINS.0));
            put_bytes(&mut node, &table);
            node.push(1);
        }
        let registry = Registry::default();
        assert_refused("deep plan", || registry.decode(&node, &mut Budget::new(&Limits::default())).map(drop));
    });
}

/// A lane of equal words costs a few bytes however long it is.
fn constant_lane(words: usize) -> Vec<u8> {
    Plan::from(Rans::default()).encode(&Lane::from(vec![7u8; words])).unwrap()
}

#[test]
fn many_small_sections_of_large_stretches_stop_at_the_limit_of_output() {
    alone(|| {
        let words = vec![7u8; 1 << 22];
        let mut body = crc32fast::hash(&words).to_le_bytes().to_vec();
        body.extend(constant_lane(words.len()));
        drop(words);
        let mut writer = Writer::new(Kind::Bytes);
        (0..200).for_each(|number| {
            writer.section(Tag::Bytes, number, 0, &body);
        });
        let file = writer.finish();
        assert!(file.len() < 10_000, "{} bytes", file.len());
        let limits = Limits { output_bytes: 16 << 20, memory_bytes: 32 << 20, ..Limits::default() };
        let (result, bytes) = peak(|| Decoder::default().with_limits(limits).decompress(&file));
        assert!(matches!(result, Err(Error::LimitExceeded { what: "output bytes", .. })));
        assert!(bytes < 64 << 20, "{bytes} bytes");
    });
}

#[test]
fn a_small_table_of_long_blocks_is_refused_before_its_rows_are_written() {
    alone(|| {
        // A column of one long category: 200,000 rows of 1000 bytes in a few hundred bytes of file.
        let row = format!("{},1\n", "x".repeat(1000));
        let source = row.repeat(20_000).into_bytes();
        let table = Table::from_csv(&source).unwrap();
        // Mixed contexts of a schema would take a megabyte by themselves.
        let builder = Pipeline::builder().effort(Effort::Fast).verify(false).block_rows(5000);
        let file = builder.build().unwrap().compress_table(&table).unwrap().bytes;
        drop((source, table));
        assert!(file.len() < 10_000, "{} bytes", file.len());
        let limits = Limits { output_bytes: 1 << 20, ..Limits::default() };
        let (result, bytes) = peak(|| Decoder::default().with_limits(limits).decompress(&file));
        assert!(matches!(result, Err(Error::LimitExceeded { what: "output bytes", .. })));
        assert!(bytes < 1 << 20, "{bytes} bytes");
        // Blocks that claim to be short are stopped while they are written.
        let container = losslaw::container::Container::open(&file, &Limits::default()).unwrap();
        let blocks: Vec<usize> =
            (0..container.sections().len()).filter(|&at| container.sections()[at].tag == Tag::Block).collect();
        let bodies: Vec<Vec<u8>> = blocks.iter().map(|&at| with_claim(container.sections()[at].body)).collect();
        let forged = rewrite(&file, |sections| {
            blocks.iter().zip(&bodies).for_each(|(&at, body)| sections[at].body = body);
        });
        let limits = Limits { output_bytes: 1 << 20, memory_bytes: 8 << 20, ..Limits::default() };
        assert_refused("short claims", || Decoder::default().with_limits(limits).decompress(&forged).map(drop));
    });
}

#[test]
fn a_model_of_huge_tensors_is_refused_before_they_are_made() {
    alone(|| {
        // A header that claims tensors of many terabytes, coded as one chunk of the largest lane.
        let claims = [1u64 << 50, 1 << 39, 1 << 33];
        for claim in claims {
            let text = format!(r#"{{"w":{{"dtype":"U8","shape":[{claim}],"data_offsets":[0,{claim}]}}}}"#);
            let mut header = varint(text.len() as u64);
            header.extend(crc32fast::hash(text.as_bytes()).to_le_bytes());
            put_bytes(&mut header, &Plan::from(Store).encode(&Lane::from(text.into_bytes())).unwrap());
            for chunk in [claim, 1 << 24] {
                let mut body = [vec![1], varint(chunk)].concat();
                put_bytes(&mut body, &[0, 0]);
                let mut writer = Writer::new(Kind::Model);
                writer.section(Tag::Header, 0, 0, &header);
                writer.section(Tag::Tensors, 0, 0, &body);
                let file = writer.finish();
                assert_refused("huge tensors", || decompress(&file).map(drop));
                assert_refused("huge tensor", || Decoder::default().tensor(&file, "w").map(drop));
            }
        }
        // A header whose numbers would take far more memory than its text.
        let shape = vec!["1"; 200_000].join(",");
        let text = format!(r#"{{"w":{{"dtype":"U8","shape":[{shape}],"data_offsets":[0,1]}}}}"#);
        let mut header = varint(text.len() as u64);
        header.extend(crc32fast::hash(text.as_bytes()).to_le_bytes());
        put_bytes(&mut header, &Plan::from(Store).encode(&Lane::from(text.into_bytes())).unwrap());
        let mut writer = Writer::new(Kind::Model);
        writer.section(Tag::Header, 0, 0, &header);
        let file = writer.finish();
        let limits = Limits { memory_bytes: 4 << 20, ..Limits::default() };
        assert_refused("wide shape", || Decoder::default().with_limits(limits).decompress(&file).map(drop));
    });
}

/// The body of a block that claims a hundred bytes of CSV.
fn with_claim(body: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(body, "block");
    let rows = reader.varint().unwrap();
    reader.varint().unwrap();
    [varint(rows), varint(100), reader.rest().to_vec()].concat()
}
