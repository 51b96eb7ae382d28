//! The number of threads changes neither the bytes written nor the bytes read.

mod common;

use common::{Dialect, PLAIN, Random, Shape, csv};
use losslaw::model::Model;
use losslaw::tree::C45;
use losslaw::{Decoder, Pipeline, PipelineBuilder};

fn assert_same(build: impl Fn() -> PipelineBuilder, source: &[u8]) {
    let one = build().threads(1).build().unwrap().compress(source).unwrap();
    for threads in [0, 2, 5] {
        let many = build().threads(threads).build().unwrap().compress(source).unwrap();
        assert!(many.bytes == one.bytes, "{threads} threads write other bytes");
        assert_eq!(many.report.parts, one.report.parts);
        assert_eq!(many.report.columns, one.report.columns);
        assert_eq!(many.report.tensors, one.report.tensors);
        let decoder = Decoder::default().with_threads(threads);
        assert!(decoder.decompress(&one.bytes).unwrap() == source, "{threads} threads read other bytes");
    }
}

#[test]
fn tables_are_the_same_on_any_number_of_threads() {
    let shapes = [Shape::Integers, Shape::Function, Shape::Text, Shape::Missing, Shape::Temporal, Shape::OneHot];
    let quoted = Dialect { is_quoted: true, is_ragged: false, ..PLAIN };
    for dialect in [PLAIN, quoted] {
        let source = csv(&shapes, 1500, dialect, 5);
        assert_same(|| Pipeline::builder().block_rows(200), &source);
    }
    let source = csv(&shapes, 1500, quoted, 6);
    assert_same(|| Pipeline::builder().block_rows(400).partitioner(C45::default()), &source);
    assert_same(|| Pipeline::builder().block_rows(400).one_tree(true), &source);
}

#[test]
fn bytes_are_the_same_on_any_number_of_threads() {
    // More than one stretch of eight mebibytes, repeated so that matches stay cheap to find.
    let source = Random(1).bytes(1 << 16).repeat(140);
    assert_same(Pipeline::builder, &source);
}

#[test]
fn models_are_the_same_on_any_number_of_threads() {
    let weights: Vec<f32> = Random(9).bytes(90_000).into_iter().map(|byte| f32::from(byte) - 127.5).collect();
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let add = |model: losslaw::model::ModelBuilder, (at, name): (usize, &&str)| {
        let rows = [1, 60, 2, 300, 80, 3, 300][at];
        model.f32(name, &[rows, 100], &weights[..rows * 100]).unwrap()
    };
    let model = names.iter().enumerate().fold(Model::builder(), add).build().unwrap();
    assert_same(Pipeline::builder, &model.to_safetensors());
}

#[test]
fn damage_is_an_error_on_any_number_of_threads() {
    let source = csv(&[Shape::Integers, Shape::Categories], 900, PLAIN, 8);
    let file = Pipeline::builder().block_rows(100).build().unwrap().compress(&source).unwrap().bytes;
    let bodies = common::bodies(&file);
    for (number, body) in bodies.iter().enumerate() {
        let mut body = body.clone();
        let last = body.len() - 1;
        body[last] ^= 1;
        let forged = common::forge(&file, number, &body);
        for threads in [1, 2, 5] {
            let decoded = Decoder::default().with_threads(threads).decompress(&forged);
            assert!(decoded.is_err() || decoded.is_ok_and(|bytes| bytes == source));
        }
    }
}
