//! Damaged and forged files are errors or give the very same bytes; nothing panics, hangs or returns other data.

mod common;

use std::time::{Duration, Instant};

use common::{Dialect, PLAIN, Random, Shape, bodies, csv, forge, rewrite, wary};
use losslaw::codec::{Bins, Lz77, Rans, Then};
use losslaw::container::{Container, Kind, Section, Tag};
use losslaw::model::{Model, ModelBuilder};
use losslaw::tree::{C45, Id3};
use losslaw::{Effort, Limits, Pipeline, PipelineBuilder};

/// A source and a container of it.
struct Case {
    name: &'static str,
    source: Vec<u8>,
    file: Vec<u8>,
}

fn case(name: &'static str, kind: Kind, source: Vec<u8>, builder: PipelineBuilder) -> Case {
    let pipeline = builder.build().unwrap();
    let packed = match kind {
        Kind::Table => pipeline.compress_table(&losslaw::table::Table::from_csv(&source).unwrap()),
        Kind::Bytes => pipeline.compress_bytes(&source),
        Kind::Model => pipeline.compress_model(&Model::from_safetensors(&source).unwrap()),
    };
    Case { name, source, file: packed.unwrap().bytes }
}

/// Blocks, text, escapes, missing cells, irregular lines, a tree.
fn mixed() -> Case {
    let shapes = [Shape::Categories, Shape::Function, Shape::Text, Shape::Missing, Shape::Fixed];
    let mut source = csv(&shapes, 54, Dialect { is_quoted: true, ..PLAIN }, 4);
    source.extend_from_slice(b"an irregular line\nred,f0,\"\",odd,2.50\n");
    case("mixed", Kind::Table, source, Pipeline::builder().block_rows(40).partitioner(Id3::default()))
}

/// Small tensors that share a unit, a sparse one, a few-valued one in two places, a dense one in two chunks.
fn model() -> Vec<u8> {
    let mut random = Random(8);
    let few: Vec<f64> = (0..4100).map(|_| [0.1, 0.2, 0.3][random.below(3) as usize]).collect();
    let sparse: Vec<f32> = (0..4200).map(|at| if at % 40 == 0 { 0.5 } else { 0.0 }).collect();
    Model::builder()
        .f32("bias", &[3], &[0.5, -1.0, f32::NAN])
        .and_then(|model| model.f64("few", &[41, 100], &few))
        .and_then(|model| model.f64("again", &[100, 41], &few))
        .and_then(|model| model.f32("sparse", &[42, 100], &sparse))
        .and_then(|model| model.tensor("empty", losslaw::model::Dtype::BF16, &[0, 4], &[]))
        .and_then(|model| model.f32("norm", &[2], &[1.0, 1.0]))
        .and_then(|model| model.tensor("chunks", losslaw::model::Dtype::U8, &[2, 70_000], &vec![7; 140_000]))
        .and_then(ModelBuilder::build)
        .unwrap()
        .to_safetensors()
}

/// Words of a vocabulary, texts made of other cells, escapes, all in streams that columns share.
fn texts() -> Vec<u8> {
    let mut random = Random(5);
    let words = ["red", "green", "grass", "of", "the", "home", "far", "away", "is", "blue", "sky", "over"];
    let mut csv = "id,note,page\n".to_owned();
    for row in 0..400 {
        let count = 3 + random.below(5);
        let note: Vec<&str> = (0..count).map(|_| words[random.below(12) as usize]).collect();
        let page = if row % 90 == 7 { "none".to_owned() } else { format!("x.org/{0}-{0}", row * row) };
        csv.extend([(row * row).to_string(), note.join(" "), page].join(",").chars().chain(['\n']));
    }
    csv.into_bytes()
}

fn cases() -> Vec<Case> {
    let dates = [Shape::Dates, Shape::Times, Shape::Noisy, Shape::Sorted, Shape::Codes, Shape::OneHot, Shape::Walk];
    let text = b"it was the best of times, it was the worst of times, it was the age of wisdom ".repeat(3);
    let steps: Vec<u8> = (0..600u32).map(|i| (i * i % 17) as u8).collect();
    vec![
        mixed(),
        case("dates", Kind::Table, csv(&dates, 24, PLAIN, 2), Pipeline::builder().block_rows(16)),
        case(
            "one tree",
            Kind::Table,
            csv(&[Shape::Categories, Shape::Function, Shape::Temporal], 70, PLAIN, 3),
            Pipeline::builder().one_tree(true).partitioner(C45 { min_leaf: 2, ..C45::default() }),
        ),
        case(
            "matches in columns",
            Kind::Table,
            csv(&[Shape::Temporal, Shape::Integers], 40, PLAIN, 3),
            Pipeline::builder().codec(Lz77::default().each(Rans::default())),
        ),
        case("matches", Kind::Bytes, text, Pipeline::builder().codec(Lz77::default().each(Rans::default()))),
        case("bins", Kind::Bytes, steps, Pipeline::builder().codec(Bins::default().then(Rans::default()))),
        case("model", Kind::Model, model(), Pipeline::builder()),
        case("texts", Kind::Table, texts(), Pipeline::builder().effort(Effort::Fast).block_rows(300)),
        case("stored", Kind::Bytes, Random(3).bytes(300), Pipeline::builder()),
        case("empty", Kind::Bytes, vec![], Pipeline::builder()),
    ]
}

#[test]
fn every_case_decodes_under_the_limits_that_hostile_files_meet() {
    for case in cases() {
        assert!(wary().decompress(&case.file).unwrap() == case.source, "{}", case.name);
        let stored =
            Container::open(&case.file, &Limits::default()).unwrap().sections().iter().any(|s| s.tag == Tag::Stored);
        assert_eq!(stored, case.name == "stored", "{}", case.name);
    }
}

/// Decodes a hostile file and says whether it was refused.
fn decode(case: &Case, file: &[u8], what: &dyn Fn() -> String) -> bool {
    let start = Instant::now();
    let decoded = wary().decompress(file);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "{}, {}: took {took:?}", case.name, what());
    match decoded {
        Err(_) => true,
        Ok(bytes) => {
            assert!(bytes == case.source, "{}, {}: other data came back", case.name, what());
            false
        }
    }
}

#[test]
fn the_texts_are_tokens() {
    let packed = Pipeline::builder().effort(Effort::Fast).block_rows(300).build().unwrap().compress(&texts()).unwrap();
    let columns = packed.report.columns;
    assert!(columns[1].plan.starts_with("Tokens"), "{}", columns[1].plan);
    assert_eq!(columns[2].kind, "made of other cells");
}

#[test]
fn every_flipped_bit_and_every_byte_set_to_00_or_ff_is_seen() {
    for case in cases() {
        for at in 0..case.file.len() {
            let bits = (0..8).map(|bit| case.file[at] ^ 1 << bit);
            for byte in bits.chain([0, 0xff]).filter(|&byte| byte != case.file[at]) {
                let mut file = case.file.clone();
                file[at] = byte;
                let refused = decode(&case, &file, &|| format!("byte {at} became {byte}"));
                // The minor version is the one byte that says nothing about how to read the rest.
                assert!(refused || at == 5, "{}: byte {at} became {byte} unseen", case.name);
            }
        }
    }
}

#[test]
fn every_prefix_and_every_longer_file_is_refused() {
    for case in cases() {
        for end in 0..case.file.len() {
            assert!(decode(&case, &case.file[..end], &|| format!("cut at {end}")), "{} cut at {end}", case.name);
        }
        for more in [&[0u8][..], &[0xff], &case.file] {
            assert!(decode(&case, &[&case.file, more].concat(), &|| "with more behind it".to_owned()));
        }
    }
}

/// Whether a forged section can change the output: what is stored has no second checksum, and the bytes before the
/// first row stand in the schema as they are.
fn is_kept_as_it_is(case: &Case, section: &Section<'_>, at: usize) -> bool {
    let header = case.source.split_inclusive(|&byte| byte == b'\n').next().unwrap_or(&[]);
    let place = section.body.windows(header.len().max(1)).position(|bytes| bytes == header);
    match section.tag {
        Tag::Stored => true,
        Tag::Schema => place.is_some_and(|start| (start..start + header.len()).contains(&at)),
        _ => false,
    }
}

#[test]
fn every_flipped_bit_below_the_checksums_is_an_error_or_changes_nothing() {
    for case in cases() {
        let container = Container::open(&case.file, &Limits::default()).unwrap();
        for (number, section) in container.sections().iter().enumerate() {
            for at in 0..section.body.len() {
                let bits = (0..8).map(|bit| section.body[at] ^ 1 << bit);
                for byte in bits.chain([0, 0xff]) {
                    let mut body = section.body.to_vec();
                    body[at] = byte;
                    let file = forge(&case.file, number, &body);
                    if is_kept_as_it_is(&case, section, at) {
                        let _ = wary().decompress(&file);
                    } else {
                        decode(&case, &file, &|| format!("{:?}, byte {at} became {byte}", section.tag));
                    }
                }
            }
        }
    }
}

#[test]
fn every_cut_below_the_checksums_is_an_error() {
    for case in cases().iter().filter(|case| case.name != "stored") {
        for (number, body) in bodies(&case.file).iter().enumerate() {
            for end in 0..body.len() {
                let what = || format!("section {number} cut at {end}");
                assert!(decode(case, &forge(&case.file, number, &body[..end]), &what), "{}, {}", case.name, what());
            }
        }
    }
}

#[test]
fn random_harm_below_the_checksums_never_panics() {
    let mut random = Random(99);
    for case in cases() {
        let bodies = bodies(&case.file);
        for _ in 0..if bodies.is_empty() { 0 } else { 1500 } {
            let number = random.below(bodies.len() as u64) as usize;
            let mut body = bodies[number].clone();
            for _ in 0..=random.below(4) {
                let at = random.below(body.len() as u64 + 1) as usize;
                let byte = [0, 1, 0x7f, 0x80, 0xff, random.next() as u8][random.below(6) as usize];
                match random.below(4) {
                    0 => body.insert(at, byte),
                    1 if at < body.len() => drop(body.remove(at)),
                    _ if at < body.len() => body[at] = byte,
                    _ => {}
                }
            }
            let _ = wary().decompress(&forge(&case.file, number, &body));
        }
    }
}

#[test]
fn sections_lost_doubled_swapped_or_renamed_are_errors_or_change_nothing() {
    const TAGS: [Tag; 10] = [
        Tag::Stored,
        Tag::Bytes,
        Tag::Schema,
        Tag::Trees,
        Tag::Models,
        Tag::Block,
        Tag::Columns,
        Tag::Header,
        Tag::Tensors,
        Tag::Weights,
    ];
    for case in cases() {
        let count = bodies(&case.file).len();
        for at in 0..count {
            // A file of bytes may end after any of its stretches, so a lost one leaves a shorter file.
            if !matches!(case.name, "stored" | "matches" | "bins") {
                assert!(decode(
                    &case,
                    &rewrite(&case.file, |s| {
                        s.remove(at);
                    }),
                    &|| format!("{at} lost")
                ));
            }
            assert!(decode(&case, &rewrite(&case.file, |s| s.insert(at, s[at])), &|| format!("{at} doubled")));
            for other in at + 1..count {
                decode(&case, &rewrite(&case.file, |s| s.swap(at, other)), &|| format!("{at} and {other} swapped"));
            }
            for tag in TAGS {
                if tag == Tag::Stored && case.name != "mixed" {
                    continue;
                }
                decode(&case, &rewrite(&case.file, |s| s[at].tag = tag), &|| format!("{at} renamed {tag:?}"));
            }
            for address in [1, 77, u64::MAX] {
                decode(&case, &rewrite(&case.file, |s| s[at].first = address), &|| format!("{at} first {address}"));
                decode(&case, &rewrite(&case.file, |s| s[at].second = address), &|| format!("{at} second {address}"));
            }
        }
    }
}

#[test]
fn the_sections_of_one_file_do_not_pass_in_another() {
    let cases = cases();
    for case in &cases {
        for other in cases.iter().filter(|other| other.name != "stored" && other.name != case.name) {
            for (number, _) in bodies(&case.file).iter().enumerate() {
                for body in bodies(&other.file) {
                    if case.name != "stored" {
                        let _ = wary().decompress(&forge(&case.file, number, &body));
                    }
                }
            }
        }
    }
}

#[test]
fn the_mixed_case_holds_what_it_should() {
    let case = mixed();
    let container = Container::open(&case.file, &Limits::default()).unwrap();
    let blocks = container.sections().iter().filter(|section| section.tag == Tag::Block).count();
    let report = Pipeline::builder()
        .block_rows(40)
        .partitioner(Id3::default())
        .build()
        .unwrap()
        .compress_table(&losslaw::table::Table::from_csv(&case.source).unwrap())
        .unwrap()
        .report;
    let bytes_of = |name: &str| report.parts.iter().find(|part| part.name == name).map_or(0, |part| part.bytes);
    assert_eq!(blocks, 2);
    assert!(bytes_of("text") > 0 && bytes_of("escapes") > 0 && bytes_of("trees") > 4, "{report}");
    assert!(report.columns.iter().any(|column| column.leaves > 1), "{report}");
}
