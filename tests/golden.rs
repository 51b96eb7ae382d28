//! Files of earlier versions decode for ever. A builder is never edited: a new case is a new name.
//!
//! `LOSSLAW_BLESS=1 cargo test --test golden` writes the files anew, which is allowed only before a format is released.

mod common;

use std::path::PathBuf;

use common::{Dialect, PLAIN, Random, Shape, csv};
use losslaw::codec::{Lz77, Rans};
use losslaw::model::{Dtype, Model, ModelBuilder};
use losslaw::{Effort, Pipeline, decompress};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Compares both ways: the old file gives the source, and the source gives the old file.
fn assert_golden(name: &str, source: &[u8], build: impl Fn() -> Vec<u8>) {
    let written = build();
    if std::env::var_os("LOSSLAW_BLESS").is_some() {
        std::fs::write(path(name), &written).unwrap();
    }
    let kept = std::fs::read(path(name)).expect("the file is there; LOSSLAW_BLESS=1 makes it");
    assert!(decompress(&kept).unwrap() == source, "{name} no longer gives its source");
    assert!(written == kept, "{name}: the encoder writes {} bytes where {} were kept", written.len(), kept.len());
}

fn v5_table_source() -> Vec<u8> {
    let shapes = [
        Shape::Categories,
        Shape::Function,
        Shape::Integers,
        Shape::Sorted,
        Shape::Trimmed,
        Shape::Noisy,
        Shape::Dates,
        Shape::Codes,
        Shape::Text,
        Shape::OneHot,
        Shape::Missing,
        Shape::Affixed,
        Shape::Temporal,
    ];
    csv(&shapes, 300, Dialect { is_quoted: true, is_crlf: true, is_open: true, ..PLAIN }, 1)
}

fn v5_bytes_source() -> Vec<u8> {
    let mut random = Random(2);
    let words: Vec<Vec<u8>> = (0..60).map(|_| random.bytes(5).iter().map(|byte| b'a' + byte % 26).collect()).collect();
    (0..900).flat_map(|_| [&words[random.below(60) as usize][..], b" "].concat()).collect()
}

#[test]
fn v5_table() {
    let source = v5_table_source();
    assert_golden("v5_table.llw", &source, || {
        Pipeline::builder().block_rows(128).build().unwrap().compress(&source).unwrap().bytes
    });
}

#[test]
fn v5_table_balanced() {
    let source = v5_table_source();
    assert_golden("v5_table_balanced.llw", &source, || {
        Pipeline::builder().effort(Effort::Balanced).build().unwrap().compress(&source).unwrap().bytes
    });
}

#[test]
fn v5_table_max() {
    let source = v5_table_source();
    assert_golden("v5_table_max.llw", &source, || {
        Pipeline::builder().effort(Effort::Max).block_rows(200).build().unwrap().compress(&source).unwrap().bytes
    });
}

#[test]
fn v5_bytes_max() {
    let source = v5_bytes_source();
    assert_golden("v5_bytes_max.llw", &source, || {
        Pipeline::builder().effort(Effort::Max).build().unwrap().compress_bytes(&source).unwrap().bytes
    });
}

#[test]
fn v5_bytes() {
    let source = v5_bytes_source();
    assert_golden("v5_bytes.llw", &source, || {
        let plan = Lz77::default().each(Rans::default());
        Pipeline::builder().codec(plan).build().unwrap().compress_bytes(&source).unwrap().bytes
    });
}

#[test]
fn v5_stored() {
    let source = Random(3).bytes(500);
    assert_golden("v5_stored.llw", &source, || Pipeline::builder().build().unwrap().compress(&source).unwrap().bytes);
}

#[test]
fn what_was_written_before_the_first_release_is_refused_by_its_version() {
    for (name, version) in [("v1_stored.llw", 1), ("v2_stored.llw", 2), ("v3_stored.llw", 3), ("v4_stored.llw", 4)] {
        let refused = decompress(&std::fs::read(path(name)).unwrap());
        let is_named =
            matches!(refused, Err(losslaw::Error::UnsupportedVersion { major, minor: 0, .. }) if major == version);
        assert!(is_named, "{name}");
    }
}

fn v5_model_source() -> Vec<u8> {
    let mut random = Random(4);
    let mut bell = |count: usize| -> Vec<f32> {
        (0..count).map(|_| ((0..8).map(|_| random.below(1 << 20)).sum::<u64>() as f32 - 4_194_304.0) * 1e-8).collect()
    };
    let dense = bell(60 * 100);
    let sparse: Vec<f32> = dense.iter().map(|&weight| if weight > 0.005 { weight } else { 0.0 }).collect();
    let halves: Vec<u8> = bell(5000).iter().flat_map(|weight| weight.to_le_bytes()[2..].to_vec()).collect();
    let paired: Vec<f64> = (0..8192).map(|at| if at % 4 < 2 { 0.0 } else { [0.5, -1.5][at / 8 % 2] }).collect();
    Model::builder()
        .metadata("format", "pt")
        .f32("dense", &[60, 100], &dense)
        .and_then(|model| model.f32("bias", &[5], &dense[..5]))
        .and_then(|model| model.f32("sparse", &[60, 100], &sparse))
        .and_then(|model| model.tensor("halves", Dtype::BF16, &[50, 100], &halves))
        .and_then(|model| model.f64("paired", &[128, 64], &paired))
        .and_then(|model| {
            model.tensor("again", Dtype::F32, &[6000], &dense.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>())
        })
        .and_then(|model| model.tensor("chunks", Dtype::I8, &[3, 90_000], &vec![9; 270_000]))
        .and_then(|model| model.f32("norm", &[2], &[1.0, -0.0]))
        .and_then(ModelBuilder::build)
        .unwrap()
        .to_safetensors()
}

#[test]
fn v5_model() {
    let source = v5_model_source();
    assert_golden("v5_model.llw", &source, || Pipeline::builder().build().unwrap().compress(&source).unwrap().bytes);
}
