//! Models against a base: what comes back, what a base saves, and what happens when it is another one.

mod common;

use common::{Random, bodies, forge, wary};
use losslaw::model::{Base, Dtype, Model, ModelBuilder, put_float};
use losslaw::{BaseUse, Decoder, Effort, Error, Limits, ModelReader, Packed, Pipeline, decompress};
use proptest::prelude::*;

fn at(effort: Effort) -> Pipeline {
    Pipeline::builder().effort(effort).build().unwrap()
}

/// Bell-shaped noise of about this deviation.
fn bell(random: &mut Random, deviation: f64) -> f64 {
    ((0..6).map(|_| random.below(1 << 20)).sum::<u64>() as f64 / 3_145_728.0 - 1.0) * deviation * 4.2
}

/// How a tensor of the base becomes one of the model.
#[derive(Debug, Clone, Copy)]
enum Change {
    None,
    LastPlaces,
    Noise,
    Sparse,
    Specials,
    Renamed,
    Reshaped,
    Retyped,
    Missing,
    New,
}

const CHANGES: [Change; 10] = [
    Change::None,
    Change::LastPlaces,
    Change::Noise,
    Change::Sparse,
    Change::Specials,
    Change::Renamed,
    Change::Reshaped,
    Change::Retyped,
    Change::Missing,
    Change::New,
];

fn weights(dtype: Dtype, count: usize, random: &mut Random) -> Vec<u8> {
    let mut out = vec![];
    for _ in 0..count {
        if dtype.is_float() {
            put_float(&mut out, dtype, bell(random, 0.02)).unwrap();
        } else {
            out.extend(random.bytes(dtype.bits() / 8));
        }
    }
    out
}

fn changed(data: &[u8], dtype: Dtype, change: Change, random: &mut Random) -> Vec<u8> {
    let width = (dtype.bits() / 8).max(1);
    let specials = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e-40, -5e-324, f64::MAX, 6e-8];
    let mut out = data.to_vec();
    for (index, word) in out.chunks_exact_mut(width).enumerate() {
        match change {
            Change::LastPlaces => word[0] = word[0].wrapping_add(random.below(9) as u8),
            Change::Sparse if random.one_in(40) => word[0] ^= 5,
            Change::Noise if dtype.is_float() => {
                let tensor = losslaw::model::TensorView::new("w", dtype, &[1], word).unwrap();
                let mut moved = vec![];
                put_float(&mut moved, dtype, tensor.to_f64s().unwrap()[0] + bell(random, 2e-4)).unwrap();
                word.copy_from_slice(&moved);
            }
            Change::Specials if dtype.is_float() && index % 3 == 0 => {
                let mut special = vec![];
                put_float(&mut special, dtype, specials[random.below(9) as usize]).unwrap();
                // A payload of its own for what is no number.
                special[0] ^= u8::from(index % 2 == 0);
                word.copy_from_slice(&special);
            }
            _ => {}
        }
    }
    out
}

/// A base, and a model made from it.
fn pair(tensors: &[(usize, Vec<usize>, usize)], seed: u64) -> (Model<'static>, Model<'static>) {
    let mut random = Random(seed);
    let (mut base, mut model) = (Model::builder(), Model::builder().metadata("step", "2"));
    for (at, (dtype, shape, change)) in tensors.iter().enumerate() {
        let (dtype, change, name) = (Dtype::ALL[*dtype], CHANGES[*change], format!("w{at}"));
        // Elements that share bytes come in eights.
        let shape = if dtype.bits() < 8 { [&shape[..], &[8]].concat() } else { shape.clone() };
        let count: usize = shape.iter().product();
        let data =
            if dtype.bits() < 8 { random.bytes(count * dtype.bits() / 8) } else { weights(dtype, count, &mut random) };
        let new = changed(&data, dtype, change, &mut random);
        if !matches!(change, Change::New) {
            base = base.tensor(&name, dtype, &shape, &data).unwrap();
        }
        model = match change {
            Change::Missing => model,
            Change::Renamed => model.tensor(&format!("other.{name}"), dtype, &shape, &new).unwrap(),
            Change::Reshaped => model.tensor(&name, dtype, &[&shape[..], &[1]].concat(), &new).unwrap(),
            Change::Retyped => model.tensor(&name, Dtype::U8, &[new.len()], &new).unwrap(),
            _ => model.tensor(&name, dtype, &shape, &new).unwrap(),
        };
    }
    (base.build().unwrap(), model.build().unwrap())
}

/// Compresses against the base, and checks what must hold for any two models.
fn against(base: &Base, model: &Model<'_>, effort: Effort) -> Packed {
    let packed = at(effort).compress_model_against(base, model).unwrap();
    let (alone, source) = (at(effort).compress_model(model).unwrap(), model.to_safetensors());
    assert!(packed.bytes.len() * 1000 <= alone.bytes.len() * 1001, "{}\n{}", packed.report, alone.report);
    assert_eq!(packed.report.parts.iter().map(|part| part.bytes).sum::<u64>(), packed.bytes.len() as u64);
    let decoder = Decoder::default().with_base(base.clone());
    assert!(decoder.decompress(&packed.bytes).unwrap() == source);
    for tensor in model.tensors() {
        assert!(decoder.tensor(&packed.bytes, tensor.name()).unwrap().unwrap().view() == tensor);
    }
    let uses_base = packed.report.tensors.iter().any(|tensor| tensor.base != BaseUse::None);
    assert_eq!(decoder.base_of(&packed.bytes).unwrap(), uses_base.then(|| base.fingerprint()));
    assert_eq!(packed.report.base, uses_base.then(|| base.fingerprint()));
    match decompress(&packed.bytes) {
        Err(Error::MissingBase { needed }) => assert!(uses_base && needed == base.fingerprint()),
        restored => assert!(!uses_base && restored.unwrap() == source && packed.bytes == alone.bytes),
    }
    packed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn models_return_against_any_base(
        tensors in prop::collection::vec(
            (
                0..Dtype::ALL.len(),
                prop_oneof![
                    3 => prop::collection::vec(prop_oneof![Just(0usize), 1usize..5, 5usize..40], 0..4),
                    1 => (64usize..100, 64usize..100).prop_map(|(rows, width)| vec![rows, width]),
                ],
                0..CHANGES.len(),
            ),
            0..7,
        ),
        seed: u64,
        effort in 0usize..3,
    ) {
        let (base, model) = pair(&tensors, seed);
        against(&Base::from(&base), &model, Effort::ALL[effort]);
    }

    /// Large tensors of every dtype with a density, under every change.
    #[test]
    fn matrices_return_around_a_base(
        dtype in prop::sample::select(vec![Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::F64, Dtype::I8, Dtype::U16]),
        rows in 64usize..120, width in 64usize..120, change in 0..5usize, seed: u64,
    ) {
        let number = Dtype::ALL.iter().position(|&own| own == dtype).unwrap();
        let (base, model) = pair(&[(number, vec![rows, width], change)], seed);
        let base = Base::from(&base);
        for effort in Effort::ALL {
            against(&base, &model, effort);
        }
    }
}

/// A matrix, and one that differs by a matrix of low rank and some noise.
fn update(rows: usize, width: usize, rank: usize, noise: f64) -> (Model<'static>, Model<'static>) {
    let mut random = Random(21);
    let mut column = |len: usize| -> Vec<f64> { (0..len * rank).map(|_| bell(&mut random, 1.0)).collect() };
    let (left, right) = (column(rows), column(width));
    let old: Vec<f32> = (0..rows * width).map(|_| bell(&mut random, 0.02) as f32).collect();
    let moved = |(at, &old): (usize, &f32)| {
        let (row, column) = (at / width, at % width);
        let product: f64 = (0..rank).map(|k| left[row * rank + k] * right[column * rank + k]).sum();
        (f64::from(old) + 5e-4 * product + bell(&mut random, noise)) as f32
    };
    let new: Vec<f32> = old.iter().enumerate().map(moved).collect();
    let build = |weights: &[f32]| Model::builder().f32("w", &[rows, width], weights).unwrap().build().unwrap();
    (build(&old), build(&new))
}

#[test]
fn an_update_of_low_rank_costs_its_factors_and_its_noise() {
    let (base, model) = update(400, 300, 3, 1e-6);
    let base = Base::from(&base);
    for effort in Effort::ALL {
        let packed = against(&base, &model, effort);
        // Noise of 1e-6 has about 11 bits above the last place of weights of 0.02, and the factors have three columns.
        let tensor = &packed.report.tensors[0];
        assert!(tensor.method.contains("rank 3") && tensor.bits_per_weight < 13.5, "{}", packed.report);
        assert_eq!(tensor.base, BaseUse::Difference);
    }
}

#[test]
fn an_unrelated_base_is_not_asked_for() {
    let (first, _) = update(300, 300, 1, 1.0);
    let mut random = Random(4);
    let other: Vec<f32> = (0..300 * 300).map(|_| bell(&mut random, 0.03) as f32).collect();
    let other = Model::builder().f32("w", &[300, 300], &other).unwrap().build().unwrap();
    for effort in Effort::ALL {
        assert_eq!(against(&Base::from(&first), &other, effort).report.base, None);
    }
}

#[test]
fn equal_tensors_cost_a_few_bytes_under_any_name() {
    let (old, new) = update(100, 100, 2, 1e-5);
    let weights = |model: &Model<'_>| model.tensor("w").unwrap().data().to_vec();
    let build = |tensors: &[(&str, &[u8])]| {
        let add = |model: ModelBuilder, (name, data): &(&str, &[u8])| model.tensor(name, Dtype::F32, &[100, 100], data);
        tensors.iter().try_fold(Model::builder(), add).and_then(ModelBuilder::build).unwrap()
    };
    let (a, b) = (weights(&old), weights(&new));
    let base = Base::from(&build(&[("a", &a), ("b", &b)]));
    let packed = against(&base, &build(&[("a", &b), ("b", &b), ("c", &a)]), Effort::Fast);
    let report = &packed.report;
    assert!(packed.bytes.len() < 400, "{report}");
    let how: Vec<&str> = report.tensors.iter().map(|tensor| tensor.method.as_str()).collect();
    assert_eq!(how, ["equal to b of the base", "equal to a", "equal to a of the base"]);
}

#[test]
fn frozen_weights_of_a_tensor_cost_little() {
    let mut random = Random(9);
    let old: Vec<f32> = (0..400 * 256).map(|_| bell(&mut random, 0.05) as f32).collect();
    // One row in ten was trained.
    let moves = |at: usize| at / 256 % 10 == 3;
    let new: Vec<f32> =
        (0..old.len()).map(|at| old[at] + if moves(at) { bell(&mut random, 1e-4) as f32 } else { 0.0 }).collect();
    let build = |weights: &[f32]| Model::builder().f32("w", &[400, 256], weights).unwrap().build().unwrap();
    for effort in Effort::ALL {
        let packed = against(&Base::from(&build(&old)), &build(&new), effort);
        assert!(packed.report.tensors[0].bits_per_weight < 2.2, "{}", packed.report);
    }
}

#[test]
fn checkpoints_form_a_chain() {
    let mut random = Random(2);
    let mut weights: Vec<f32> = (0..200 * 150).map(|_| bell(&mut random, 0.02) as f32).collect();
    let steps: Vec<Model<'_>> = (0..4)
        .map(|_| {
            weights.iter_mut().for_each(|weight| *weight += bell(&mut random, 1e-5) as f32);
            Model::builder().f32("w", &[200, 150], &weights).unwrap().build().unwrap()
        })
        .collect();
    let packed: Vec<Packed> =
        steps.windows(2).map(|pair| against(&Base::from(&pair[0]), &pair[1], Effort::Balanced)).collect();
    let mut base = Base::from(&steps[0]);
    for (packed, step) in packed.iter().zip(&steps[1..]) {
        let restored = Decoder::default().with_base(base).decompress(&packed.bytes).unwrap();
        assert!(restored == step.to_safetensors());
        base = Base::from_safetensors(restored).unwrap();
    }
}

#[test]
fn another_base_is_an_error_that_names_both() {
    let (base, model) = update(100, 100, 1, 1e-5);
    let packed = at(Effort::Fast).compress_model_against(&Base::from(&base), &model).unwrap();
    let (right, wrong) = (Base::from(&base), Base::from(&model));
    let missing = decompress(&packed.bytes).unwrap_err();
    assert!(missing.to_string().contains(&right.fingerprint().to_string()), "{missing}");
    let decoder = Decoder::default().with_base(wrong.clone());
    for error in [decoder.decompress(&packed.bytes).unwrap_err(), decoder.tensor(&packed.bytes, "w").unwrap_err()] {
        assert!(matches!(error, Error::WrongBase { .. }));
        let text = error.to_string();
        let hash = |base: &Base| base.fingerprint().to_string();
        assert!(text.contains(&hash(&right)) && text.contains(&hash(&wrong)), "{text}");
    }
    // What needs no base does not mind one, and tensors are listed without any.
    let alone = at(Effort::Fast).compress_model(&model).unwrap();
    assert!(decoder.decompress(&alone.bytes).unwrap() == model.to_safetensors());
    assert_eq!(Decoder::default().tensors(&packed.bytes).unwrap()[0].base, BaseUse::Difference);
}

#[test]
fn damaged_differences_are_errors_and_never_other_weights() {
    let (mut random, (low_rank, moved)) = (Random(6), update(96, 80, 2, 1e-5));
    let (frozen, thawed) = pair(&[(Dtype::ALL.iter().position(|&d| d == Dtype::F32).unwrap(), vec![96, 80], 3)], 5);
    let (bytes, counted) = pair(&[(Dtype::ALL.iter().position(|&d| d == Dtype::I64).unwrap(), vec![90, 80], 1)], 7);
    for (old, new) in [(low_rank, moved), (frozen.clone(), thawed), (bytes, counted), (frozen.clone(), frozen)] {
        let (base, source) = (Base::from(&old), new.to_safetensors());
        for effort in Effort::ALL {
            let packed = at(effort).compress_model_against(&base, &new).unwrap();
            assert!(packed.report.base.is_some(), "{}", packed.report);
            let sections = bodies(&packed.bytes);
            for round in 0..300u64 {
                let target = random.below(sections.len() as u64) as usize;
                let mut body = sections[target].clone();
                random.harm(&mut body, round);
                let file = forge(&packed.bytes, target, &body);
                let restored = wary().with_base(base.clone()).decompress(&file);
                assert!(restored.map_or(true, |restored| restored == source), "round {round} at {effort}");
            }
        }
    }
}

#[test]
fn memory_is_bounded_by_the_limits() {
    let (base, model) = update(300, 300, 2, 1e-5);
    let base = Base::from(&base);
    for effort in Effort::ALL {
        let packed = at(effort).compress_model_against(&base, &model).unwrap();
        let small = Limits { memory_bytes: 100_000, ..Limits::default() };
        let error =
            Decoder::default().with_limits(small).with_base(base.clone()).decompress(&packed.bytes).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { what: "memory", .. }), "{error}");
    }
}

#[test]
fn a_real_checkpoint_costs_what_it_may() {
    let Some(folder) = std::env::var_os("LOSSLAW_DATA") else {
        println!("skipped: LOSSLAW_DATA names no folder of models");
        return;
    };
    let read = |name: &str| std::fs::read(std::path::Path::new(&folder).join("models").join(name));
    let files = (read("roberta-lora-step500-f32.safetensors"), read("roberta-lora-step1000-f32.safetensors"));
    let (Ok(old), Ok(new)) = files else {
        println!("skipped: the checkpoints are not there");
        return;
    };
    let base = Base::from_safetensors(old).unwrap();
    let model = Model::from_safetensors(&new).unwrap();
    for (effort, most) in Effort::ALL.into_iter().zip([1_720_000, 1_640_000, 1_640_000]) {
        let packed = against(&base, &model, effort);
        assert!(packed.bytes.len() <= most, "{effort}: {}", packed.report);
    }
}

#[test]
fn parts_of_a_large_tensor_lie_around_those_of_the_base() {
    let (rows, width) = (2200usize, 1000usize);
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let first: Vec<f32> = (0..rows * width).map(|_| next()).collect();
    // The first part moves a little, the second one stays.
    let second: Vec<f32> =
        first.iter().enumerate().map(|(at, &w)| if at < 1 << 20 { w + next() * 1e-4 } else { w }).collect();
    let model = |w: &[f32]| Model::builder().f32("w", &[rows, width], w).and_then(ModelBuilder::build).unwrap();
    let (base, second) = (Base::from(&model(&first)), model(&second));
    let packed = Pipeline::builder().build().unwrap().compress_model_against(&base, &second).unwrap();
    assert_eq!(packed.report.tensors[0].base, BaseUse::Difference);
    assert!(packed.bytes.len() < 2 * rows * width, "{}", packed.bytes.len());
    let open = |decoder| ModelReader::open(std::io::Cursor::new(&packed.bytes), decoder).unwrap();
    let reader = open(Decoder::default().with_base(base));
    let data = second.tensor("w").unwrap().data();
    for wanted in [0..3, 1040..1060, 2090..2100, 2199..2200] {
        let own = reader.rows("w", wanted.clone()).unwrap().unwrap();
        assert!(own.view().data() == &data[wanted.start * 4 * width..wanted.end * 4 * width], "{wanted:?}");
    }
    let mut file = vec![];
    reader.write_to(&mut file).unwrap();
    assert!(file == second.to_safetensors());
    assert!(matches!(open(Decoder::default()).rows("w", 0..1), Err(Error::MissingBase { .. })));
}
