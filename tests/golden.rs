//! Files of earlier versions decode for ever. A builder is never edited: a new case is a new name.
//!
//! `LOSSLAW_BLESS=1 cargo test --test golden` writes the files anew, which is allowed only before a format is released.

mod common;

use std::path::PathBuf;

use common::{Dialect, PLAIN, Random, Shape, csv};
use losslaw::codec::{Lz77, Rans};
use losslaw::{Pipeline, decompress};

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

fn v1_table_source() -> Vec<u8> {
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

fn v1_bytes_source() -> Vec<u8> {
    let mut random = Random(2);
    let words: Vec<Vec<u8>> = (0..60).map(|_| random.bytes(5).iter().map(|byte| b'a' + byte % 26).collect()).collect();
    (0..900).flat_map(|_| [&words[random.below(60) as usize][..], b" "].concat()).collect()
}

#[test]
fn v1_table() {
    let source = v1_table_source();
    assert_golden("v1_table.llw", &source, || {
        Pipeline::builder().block_rows(128).build().unwrap().compress(&source).unwrap().bytes
    });
}

#[test]
fn v1_bytes() {
    let source = v1_bytes_source();
    assert_golden("v1_bytes.llw", &source, || {
        let plan = Lz77::default().each(Rans::default());
        Pipeline::builder().codec(plan).build().unwrap().compress_bytes(&source).unwrap().bytes
    });
}

#[test]
fn v1_stored() {
    let source = Random(3).bytes(500);
    assert_golden("v1_stored.llw", &source, || Pipeline::builder().build().unwrap().compress(&source).unwrap().bytes);
}
