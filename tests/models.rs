//! Models go in and come out byte for byte; what is no model is said to be none.

mod common;

use common::{Random, assert_promises};
use losslaw::codec::Rans;
use losslaw::model::{Dtype, Model, ModelBuilder};
use losslaw::{Decoder, Effort, Error, Limits, Pipeline, decompress};
use proptest::prelude::*;

/// Weights of every sort that a file may hold, as bytes of an element.
fn bytes_of(dtype: Dtype, count: usize, sort: u8, random: &mut Random) -> Vec<u8> {
    let width = dtype.bits() / 8;
    if sort == 0 || width == 0 {
        return random.bytes(count * dtype.bits() / 8);
    }
    let specials = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e-40, -5e-324, f64::MAX];
    let mut out = vec![];
    for _ in 0..count {
        let r = random.next();
        let normal = ((r % 1000) as f64 + (r / 1000 % 1000) as f64 - 1000.0) * 1e-4;
        let value = match sort {
            2 if r.is_multiple_of(3) => specials[(r / 3 % 9) as usize],
            3 if !r.is_multiple_of(5) => 0.0,
            4 => [0.5, -0.25, 3.0][(r % 3) as usize],
            _ => normal,
        };
        let start = out.len();
        if dtype.is_float() {
            losslaw::model::put_float(&mut out, dtype, value).unwrap();
        } else {
            out.extend(((value * 1e4) as i64).to_le_bytes());
            out.resize(start + width, 0);
        }
        if sort == 2 && value.is_nan() {
            // A payload of its own below the quiet bit.
            out[start] ^= r as u8;
        }
    }
    out
}

/// A tensor to be: dtype, shape, sort of weights.
fn tensor() -> impl Strategy<Value = (usize, Vec<usize>, u8)> {
    (0..Dtype::ALL.len(), prop::collection::vec(prop_oneof![Just(0usize), 1usize..5, 5usize..40], 0..4), 0u8..5)
}

fn build(tensors: &[(usize, Vec<usize>, u8)], names: &[String], seed: u64) -> ModelBuilder {
    let mut random = Random(seed);
    let mut builder = Model::builder().metadata("format", "pt");
    for (at, (dtype, shape, sort)) in tensors.iter().enumerate() {
        let dtype = Dtype::ALL[*dtype];
        // Elements that share bytes come in eights.
        let shape = if dtype.bits() < 8 { [&shape[..], &[8]].concat() } else { shape.clone() };
        let data = bytes_of(dtype, shape.iter().product(), *sort, &mut random);
        let name = format!("{at}.{}", names.get(at).map_or("w", String::as_str));
        builder = builder.tensor(&name, dtype, &shape, &data).unwrap();
    }
    builder
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn models_of_every_dtype_and_shape_return(
        tensors in prop::collection::vec(tensor(), 0..7),
        names in prop::collection::vec(".{0,12}", 7),
        seed: u64,
        shift in 0usize..8,
        effort in 0usize..3,
    ) {
        let model = build(&tensors, &names, seed).build().unwrap();
        let file = model.to_safetensors();
        let pipeline = Pipeline::builder().effort(Effort::ALL[effort]).build().unwrap();
        let packed = pipeline.compress_model(&model).unwrap();
        prop_assert_eq!(decompress(&packed.bytes).unwrap(), &file[..]);
        prop_assert_eq!(packed.report.effort, Effort::ALL[effort]);
        prop_assert_eq!(packed.report.parts.iter().map(|part| part.bytes).sum::<u64>(), packed.bytes.len() as u64);
        // A buffer at any address reads the same, and each tensor decodes alone.
        let moved = [&vec![7; shift][..], &file].concat();
        let again = Model::from_safetensors(&moved[shift..]).unwrap();
        let container = [&vec![7; shift][..], &packed.bytes].concat();
        for tensor in again.tensors() {
            let alone = Decoder::default().tensor(&container[shift..], tensor.name()).unwrap().unwrap();
            prop_assert_eq!(alone.view(), tensor);
        }
        prop_assert!(Decoder::default().tensor(&packed.bytes, "no such tensor").unwrap().is_none());
    }

    /// Matrices large enough for units of their own, whose rows and columns differ in scale and predict each other.
    #[test]
    fn matrices_of_every_kind_return_at_every_effort(
        dtype in 0usize..Dtype::ALL.len(), rows in 1usize..90, width in 1usize..90, sort in 0u8..8, seed: u64,
    ) {
        let dtype = Dtype::ALL[dtype];
        let (rows, width) = (8 * rows, 8 * width);
        let mut random = Random(seed);
        let mut data = vec![];
        for row in 0..rows {
            let mut last = 0f64;
            for column in 0..width {
                let noise = (0..4).map(|_| random.below(2001) as f64 - 1000.0).sum::<f64>() * 1e-5;
                let value = match sort {
                    5 => (noise + last) * (1 + row % 7) as f64,
                    6 => if noise.abs() < 0.01 { 0.0 } else { noise },
                    7 => ((row * column % 64) as f64 - 31.5) * 1e-3,
                    _ => noise * (1 + column % 5) as f64 + 0.3,
                };
                last = value * 0.5;
                if sort < 4 {
                    data.extend(bytes_of(dtype, 1 + usize::from(dtype.bits() < 8) * 7, sort, &mut random));
                } else if dtype.is_float() {
                    losslaw::model::put_float(&mut data, dtype, value).unwrap();
                } else {
                    data.extend(((value * 1e3) as i64).to_le_bytes());
                    data.truncate((row * width + column + 1) * dtype.bits() / 8);
                }
            }
        }
        data.resize(rows * width * dtype.bits() / 8, 0);
        let model = Model::builder().tensor("w", dtype, &[rows, width], &data).unwrap().build().unwrap();
        let mut sizes = vec![];
        for effort in Effort::ALL {
            let packed = Pipeline::builder().effort(effort).build().unwrap().compress_model(&model).unwrap();
            prop_assert!(packed.report.verified);
            let alone = Decoder::default().tensor(&packed.bytes, "w").unwrap().unwrap();
            prop_assert!(alone.view() == model.tensor("w").unwrap());
            sizes.push(packed.bytes.len());
        }
        prop_assert!(sizes[2] <= sizes[1] + 16, "{:?}", sizes);
    }

    #[test]
    fn files_of_models_keep_every_promise(tensors in prop::collection::vec(tensor(), 0..5), seed: u64) {
        let file = build(&tensors, &[], seed).build().unwrap().to_safetensors();
        assert_promises(&Pipeline::builder().build().unwrap(), &file);
    }

    #[test]
    fn any_bytes_are_a_model_or_an_error_but_never_a_panic(
        head in "\\{[\\{\\}\\[\\]\":,a-cF0-9 ]{0,40}", length in 0u64..60, data in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let file = [&length.to_le_bytes()[..], head.as_bytes(), &data].concat();
        if let Ok(model) = Model::from_safetensors(&file) {
            prop_assert_eq!(model.to_safetensors(), &file[..]);
        }
        assert_promises(&Pipeline::builder().build().unwrap(), &file);
    }
}

/// A file with this header and so many bytes behind it.
fn file(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn a_header_of_any_spelling_is_kept() {
    let spelled = r#"{ "b" : {"data_offsets":[4,6],"dtype":"F16","shape":[1],"note":[{}]},
        "__metadata__":{"z":"1","a":"é"}, "a":{"shape":[ 2,2 ],"dtype":"I8","data_offsets":[0,4]}}   "#;
    let file = file(spelled, 6);
    let model = Model::from_safetensors(&file).unwrap();
    assert_eq!(model.tensors().map(|tensor| tensor.name()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(model.metadata(), [("z".to_owned(), "1".to_owned()), ("a".to_owned(), "é".to_owned())]);
    assert_promises(&Pipeline::builder().build().unwrap(), &file);
}

#[test]
fn each_broken_rule_of_the_format_is_named() {
    let one = |entry: &str| format!(r#"{{"w":{entry}}}"#);
    let entry = |dtype: &str, shape: &str, offsets: &str| {
        one(&format!(r#"{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}"#))
    };
    let float = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    let cases = [
        (file(&one(float), 5), "5 follow the header"),
        (file(&one(float), 3), "3 follow the header"),
        (file(&entry("F32", "[2]", "[0,4]"), 4), "cannot have the bytes 0 to 4"),
        (file(&entry("F32", "[1]", "[4,0]"), 4), "cannot have the bytes 4 to 0"),
        (file(&entry("F32", "[1]", "[4,8]"), 8), "leaves a gap at byte 0"),
        (file(&entry("F4", "[3]", "[0,1]"), 1), "cannot have"),
        (file(&entry("U8", "[4294967296,4294967296]", "[0,0]"), 0), "cannot have"),
        (file(&entry("F64", "[2305843009213693952]", "[0,0]"), 0), "cannot have"),
        (file(&entry("F33", "[1]", "[0,4]"), 4), "F33"),
        (file(&entry("F32", "[-1]", "[0,4]"), 4), "-1"),
        (file(&entry("F32", "[1]", "[0]"), 4), "the header"),
        (file(&format!(r#"{{"w":{float},"v":{float}}}"#), 4), "overlaps another tensor at byte 0"),
        (
            file(&format!(r#"{{"w":{float},"w":{{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}}}"#), 8),
            "there are two tensors \"w\"",
        ),
        (file(r#"{"__metadata__":{"a":1}}"#, 0), "the header"),
        (file(r#"{"__metadata__":{},"__metadata__":{}}"#, 0), "two entries of metadata"),
        (file(" {}", 0), "does not begin with a brace"),
        (file("{} x", 0), "the header"),
        (file("{", 0), "the header"),
        (file("[]", 0), "does not begin with a brace"),
        (u64::MAX.to_le_bytes().to_vec(), "is longer than the file"),
        ([&200_000_000u64.to_le_bytes()[..], b"{}"].concat(), "is longer than the file"),
        (vec![2, 0, 0], "there is no length"),
    ];
    for (file, says) in cases {
        let error = Model::from_safetensors(&file).unwrap_err();
        assert!(matches!(error, Error::NotAModel(_)) && error.to_string().contains(says), "{says}: {error}");
        assert_promises(&Pipeline::builder().build().unwrap(), &file);
    }
    let deep = format!("{{\"w\":{}", "[".repeat(100_000));
    assert!(Model::from_safetensors(&file(&deep, 0)).is_err(), "no recursion to the bottom");
}

#[test]
fn names_that_cannot_stand_side_by_side_are_refused() {
    let twice = Model::builder().f32("w", &[1], &[1.0]).unwrap().f64("w", &[1], &[1.0]).unwrap();
    assert!(twice.build().unwrap_err().to_string().contains("two tensors"));
    assert!(Model::builder().f32("__metadata__", &[0], &[]).unwrap().build().is_err());
    assert!(Model::builder().f32("w", &[2], &[1.0]).is_err());
}

fn report_of(model: &Model<'_>) -> losslaw::Report {
    let packed = Pipeline::builder().build().unwrap().compress_model(model).unwrap();
    assert!(decompress(&packed.bytes).unwrap() == model.to_safetensors());
    packed.report
}

#[test]
fn each_kind_of_tensor_gets_its_method() {
    let mut random = Random(11);
    let mut gaussian = |count: usize| -> Vec<f32> {
        (0..count)
            .map(|_| (0..12).map(|_| random.below(1 << 24) as f32 / (1 << 24) as f32).sum::<f32>() - 6.0)
            .collect()
    };
    let dense = gaussian(300 * 700);
    let sparse: Vec<f32> = dense.iter().map(|&w| if w.abs() > 1.6 { w } else { 0.0 }).collect();
    let few: Vec<f32> = dense.iter().map(|w| [0.123_456_7f32, -1.75, 9.5][w.to_bits() as usize % 3]).collect();
    let model = Model::builder()
        .f32("dense", &[300, 700], &dense)
        .and_then(|model| model.f32("copy", &[700, 300], &dense))
        .and_then(|model| model.f32("sparse", &[300, 700], &sparse))
        .and_then(|model| model.f32("few", &[300, 700], &few))
        .and_then(|model| model.f32("bias", &[70], &dense[..70]))
        .and_then(|model| model.f32("norm", &[90], &dense[..90]))
        .and_then(ModelBuilder::build)
        .unwrap();
    let report = report_of(&model);
    let of = |name: &str| report.tensors.iter().find(|tensor| tensor.name == name).unwrap();
    assert!((23.0..25.0).contains(&of("dense").bits_per_weight), "{report}");
    assert_eq!((of("copy").method.as_str(), of("copy").bytes < 20), ("equal to dense", true));
    // A ninth of the weights at 24 bits, and a mask of half a bit.
    assert!(of("sparse").method.starts_with("mask") && of("sparse").bits_per_weight < 3.2, "{report}");
    assert!(of("few").bits_per_weight < 1.6, "log2 of 3 is 1.585: {report}");
    assert_eq!(of("bias").method, of("norm").method);
    let weights: u64 = report.tensors.iter().map(|tensor| tensor.bytes).sum();
    let other: u64 = report
        .parts
        .iter()
        .filter(|part| matches!(part.name.as_str(), "header" | "container"))
        .map(|part| part.bytes)
        .sum();
    assert_eq!(weights + other, report.compressed_bytes, "the bytes of tensors and the other parts are the file");
}

#[test]
fn a_pattern_of_two_in_four_costs_what_it_must() {
    let mut random = Random(5);
    let mut weights = vec![0f32; 512 * 512];
    for group in weights.chunks_mut(4) {
        let [first, second] = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]][random.below(6) as usize];
        (group[first], group[second]) = (1.0, 1.0);
    }
    let model = Model::builder().f32("w", &[512, 512], &weights).unwrap().build().unwrap();
    // Six patterns for four weights are 0.646 bits a weight.
    let report = report_of(&model);
    assert!(report.tensors[0].bits_per_weight < 0.67, "{report}");
}

#[test]
fn large_tensors_are_cut_and_all_settings_give_the_same_model() {
    let weights: Vec<f32> = (0..700u32 * 500).map(|i| (i.wrapping_mul(2_654_435_761) >> 12) as f32 * 1e-6).collect();
    let model = Model::builder().f32("w", &[700, 500], &weights).unwrap().build().unwrap();
    let one = Pipeline::builder().build().unwrap().compress_model(&model).unwrap();
    let two = Pipeline::builder().threads(2).build().unwrap().compress_model(&model).unwrap();
    assert!(one.bytes == two.bytes);
    let asked = Pipeline::builder().codec(Rans::default()).build().unwrap().compress_model(&model).unwrap();
    assert_eq!(asked.report.tensors[0].method, "Rans");
    assert!(decompress(&asked.bytes).unwrap() == model.to_safetensors());
    let chunks = |bytes: &[u8]| {
        let container = losslaw::container::Container::open(bytes, &Limits::default()).unwrap();
        container.sections().iter().filter(|section| section.tag == losslaw::container::Tag::Weights).count()
    };
    assert_eq!(chunks(&one.bytes), 3, "262 rows of 500 come to most of 131,072 words");
    let few = Decoder::default().with_limits(Limits { output_bytes: 1000, ..Limits::default() });
    assert!(matches!(few.decompress(&one.bytes), Err(Error::LimitExceeded { what: "output bytes", .. })));
    let table = Pipeline::builder().build().unwrap().compress(b"a,b\n1,2\n").unwrap();
    assert!(matches!(Decoder::default().tensors(&table.bytes), Err(Error::WrongKind { expected: "a model", .. })));
}

#[test]
fn the_tensors_of_a_file_are_listed_without_decoding() {
    let model = Model::builder().f32("a", &[2, 3], &[0.5; 6]).unwrap().f64("b", &[], &[1.0]).unwrap().build().unwrap();
    let packed = Pipeline::builder().build().unwrap().compress_model(&model).unwrap();
    let listed = Decoder::default().tensors(&packed.bytes).unwrap();
    let sizes =
        |tensors: &[losslaw::TensorReport]| tensors.iter().map(|t| (t.name.clone(), t.bytes)).collect::<Vec<_>>();
    assert_eq!(sizes(&listed), sizes(&packed.report.tensors));
}

/// A file with a damaged body in its first section of this tag: checksums of sections are right again.
fn damaged(file: &[u8], tag: losslaw::container::Tag, mut change: impl FnMut(&mut Vec<u8>)) -> Vec<u8> {
    let container = losslaw::container::Container::open(file, &Limits::default()).unwrap();
    let mut writer = losslaw::container::Writer::new(losslaw::container::Kind::Model);
    let mut is_first = true;
    for section in container.sections() {
        let mut body = section.body.to_vec();
        if section.tag == tag && std::mem::take(&mut is_first) {
            change(&mut body);
        }
        writer.section(section.tag, section.first, section.second, &body);
    }
    writer.finish()
}

#[test]
fn damaged_densities_are_errors_and_never_other_weights() {
    let mut random = Random(3);
    let mut last = 0f32;
    let dense: Vec<f32> = (0..96 * 64)
        .map(|_| {
            last = 0.7 * last + (0..6).map(|_| random.below(1000) as f32 - 499.5).sum::<f32>() * 1e-5;
            last
        })
        .collect();
    let sparse: Vec<f32> = dense.iter().map(|&weight| if weight.abs() > 0.02 { weight } else { 0.0 }).collect();
    // Sizes that differ from column to column, but for the mirrored one.
    let table: Vec<f32> = (0..96usize * 64)
        .map(|at| (at / 64 * (at % 64) % 64) as f32 * (1.0 + (at % 64).min(64 - at % 64) as f32 * 0.137_119))
        .collect();
    for (at, weights) in [dense, sparse, table].into_iter().enumerate() {
        let model = Model::builder().f32("w", &[96, 64], &weights).unwrap().build().unwrap();
        let source = model.to_safetensors();
        for effort in Effort::ALL {
            let packed = Pipeline::builder().effort(effort).build().unwrap().compress_model(&model).unwrap();
            let method = &packed.report.tensors[0].method;
            assert!(method.contains(["density", "mask", "repeats"][at]), "{at}: {}", packed.report);
            for round in 0..300u64 {
                let file = damaged(&packed.bytes, losslaw::container::Tag::Tensors, |body| random.harm(body, round));
                assert!(decompress(&file).map_or(true, |restored| restored == source), "round {round} at {effort}");
            }
        }
    }
}

/// Numbers without any pattern, about bell-shaped.
fn bell(count: usize, scale: f64) -> Vec<f64> {
    let mut random = Random(17);
    (0..count)
        .map(|_| ((0..6).map(|_| random.below(1 << 20)).sum::<u64>() as f64 / 3_145_728.0 - 1.0) * scale)
        .collect()
}

#[test]
fn tensors_of_odd_shapes_and_sizes_return_at_every_effort() {
    let floats = |shape: &[usize], scale: f64| {
        let words = bell(shape.iter().product(), scale);
        Model::builder().f32("w", shape, &words.iter().map(|&w| w as f32).collect::<Vec<_>>()).unwrap().build().unwrap()
    };
    let mut models: Vec<Model<'_>> =
        [&[5000][..], &[1, 5000], &[5000, 1], &[1500, 1, 3], &[2, 150_000]].map(|shape| floats(shape, 0.02)).into();
    // Weights near the end of the range of doubles, and a tensor that is one number but for its first.
    models.push(Model::builder().f64("w", &[64, 128], &bell(64 * 128, 1e300)).unwrap().build().unwrap());
    let padded: Vec<u8> = (0..200_000u64).flat_map(|at| (7 + u64::from(at == 0)).to_le_bytes()).collect();
    models.push(Model::builder().tensor("ids", Dtype::I64, &[200_000], &padded).unwrap().build().unwrap());
    for model in &models {
        let source = model.to_safetensors();
        for effort in Effort::ALL {
            let packed = Pipeline::builder().effort(effort).build().unwrap().compress_model(model).unwrap();
            assert!(decompress(&packed.bytes).unwrap() == source, "{effort}: {:?}", packed.report.tensors[0].shape);
        }
    }
}

/// Numbers like those of [`bell`] whose low bits are noise, too.
fn fine_bell(count: usize, scale: f64) -> Vec<f32> {
    let mut random = Random(23);
    let noisy = |w: f64| f32::from_bits((w as f32).to_bits() ^ random.below(1 << 12) as u32);
    bell(count, scale).into_iter().map(noisy).collect()
}

/// Bits of each weight of a matrix of `width` columns.
fn bits_at(effort: Effort, weights: &[f32], width: usize) -> f64 {
    let shape = [weights.len() / width, width];
    let model = Model::builder().f32("w", &shape, weights).unwrap().build().unwrap();
    let packed = Pipeline::builder().effort(effort).build().unwrap().compress_model(&model).unwrap();
    assert!(decompress(&packed.bytes).unwrap() == model.to_safetensors());
    packed.report.tensors[0].bits_per_weight
}

#[test]
fn rows_that_came_from_half_floats_do_not_pay_for_their_low_bits() {
    let weights = fine_bell(256 * 512, 0.05);
    let cut = |(at, &w): (usize, &f32)| if at / 512 % 2 == 0 { f32::from_bits(w.to_bits() & 0xffff_0000) } else { w };
    let halves: Vec<f32> = weights.iter().enumerate().map(cut).collect();
    for effort in Effort::ALL {
        let (whole, half) = (bits_at(effort, &weights, 512), bits_at(effort, &halves, 512));
        assert!(whole - half > 7.5, "half of the rows lack sixteen bits: {whole} and {half} at {effort}");
    }
}

#[test]
fn columns_of_a_pruned_matrix_predict_others() {
    // Each weight follows the one before; a third is kept.
    let mut last = 0f64;
    let mut follow = |(at, noise): (usize, &f64)| {
        last = if at % 64 == 0 { *noise } else { 0.95 * last + 0.3 * noise };
        if last.abs() > 0.2 { last as f32 } else { 0.0 }
    };
    let weights: Vec<f32> = bell(2000 * 64, 1.0).iter().enumerate().map(&mut follow).collect();
    let kept = weights.iter().filter(|&&w| w != 0.0).count();
    assert!((0.2..0.5).contains(&(kept as f64 / weights.len() as f64)), "{kept} kept");
    let [fast, balanced, max] = Effort::ALL.map(|effort| bits_at(effort, &weights, 64));
    assert!(balanced < fast && max < balanced, "{fast}, {balanced}, {max}");
}

#[test]
fn planes_of_a_tensor_come_to_its_bits() {
    // Rows of seven scales.
    let scale = |at: usize| 2f32.powi((at / 400 % 7) as i32);
    let weights: Vec<f32> = fine_bell(300 * 400, 0.05).iter().enumerate().map(|(at, &w)| w * scale(at)).collect();
    let pruned: Vec<f32> = weights.iter().map(|&w| if w.abs() > 0.1 { w } else { 0.0 }).collect();
    let model = Model::builder()
        .f32("dense", &[300, 400], &weights)
        .and_then(|model| model.f32("pruned", &[300, 400], &pruned))
        .and_then(ModelBuilder::build)
        .unwrap();
    let names = |report: &losslaw::TensorReport| -> Vec<String> {
        report.planes.iter().map(|plane| plane.name.clone()).collect()
    };
    for effort in Effort::ALL {
        let report = Pipeline::builder().effort(effort).build().unwrap().compress_model(&model).unwrap().report;
        assert_eq!(names(&report.tensors[0]), ["scales", "cells", "bits below cells"]);
        assert_eq!(names(&report.tensors[1]), ["scales", "mask", "cells", "bits below cells"]);
        for tensor in &report.tensors {
            let sum: f64 = tensor.planes.iter().map(|plane| plane.bits_per_weight).sum();
            let shared = tensor.bits_per_weight - sum;
            assert!((0.0..0.1).contains(&shared), "{shared} bits are what chunks share: {tensor:?}");
        }
    }
    let asked = Pipeline::builder().codec(Rans::default()).build().unwrap().compress_model(&model).unwrap();
    assert_eq!(names(&asked.report.tensors[0]), ["words"]);
}
