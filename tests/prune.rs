//! Pruning changes what it says and nothing else, and what it leaves returns exactly.

mod common;

use std::collections::BTreeSet;

use common::Random;
use half::{bf16, f16};
use losslaw::model::{Dtype, Model, TensorView, put_float};
use losslaw::prune::{Except, L1, Lines, NofM, Pruned, Pruner, Structured, Threshold, TopK};
use losslaw::{Decoder, Error, Pipeline, decompress};
use proptest::prelude::*;

const FLOATS: [Dtype; 4] = [Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64];

/// The numbers of a tensor, read here and not by the crate.
fn numbers(dtype: Dtype, bytes: &[u8]) -> Vec<f64> {
    let pair = |b: &[u8]| u16::from_le_bytes([b[0], b[1]]);
    bytes
        .chunks(dtype.bits() / 8)
        .map(|b| match dtype {
            Dtype::F16 => f16::from_bits(pair(b)).to_f64(),
            Dtype::BF16 => f64::from(f32::from_bits(u32::from(pair(b)) << 16)),
            Dtype::F32 => f64::from(f32::from_le_bytes(b.try_into().unwrap())),
            _ => f64::from_le_bytes(b.try_into().unwrap()),
        })
        .collect()
}

/// Σz²/Σw² by compensated summation (A. Neumaier, ZAMM 54, 1974), which is not the way the crate adds.
fn norm_ratio(before: &[f64], after: &[f64]) -> f64 {
    let squares = |numbers: &[f64]| {
        let (mut sum, mut lost) = (0.0f64, 0.0f64);
        for square in numbers.iter().filter(|n| n.is_finite()).map(|n| n * n) {
            let next = sum + square;
            lost += if sum.abs() >= square { (sum - next) + square } else { (square - next) + sum };
            sum = next;
        }
        sum + lost
    };
    if squares(before) == 0.0 { 1.0 } else { squares(after) / squares(before) }
}

#[derive(Debug, Clone)]
enum Rule {
    Absolute(f64),
    Deviations(f64),
    TopK(f64),
    NofM(usize, usize),
    Lambda(f64),
    Share(f64),
    Structured(f64, Lines),
}

impl Rule {
    fn pruner(&self) -> Box<dyn Pruner> {
        match *self {
            Self::Absolute(cut) => Box::new(Threshold::absolute(cut).unwrap()),
            Self::Deviations(cut) => Box::new(Threshold::deviations(cut).unwrap()),
            Self::TopK(share) => Box::new(TopK::new(share).unwrap()),
            Self::NofM(n, m) => Box::new(NofM::new(n, m).unwrap()),
            Self::Lambda(lambda) => Box::new(L1::lambda(lambda).unwrap()),
            Self::Share(share) => Box::new(L1::share(share).unwrap()),
            Self::Structured(share, lines) => Box::new(Structured::new(share, lines).unwrap()),
        }
    }

    /// Checks the numbers that are left against what the rule says.
    fn check(&self, dtype: Dtype, row: usize, before: &[f64], after: &[f64], kept: usize) {
        let is_kept = |at: usize| after[at] != 0.0 || after[at].is_nan();
        let unchanged =
            |at: usize| after[at].to_bits() == before[at].to_bits() || after[at].is_nan() && before[at].is_nan();
        let count = |share: f64| (before.len() as f64 * share).round() as usize;
        for at in 0..before.len() {
            assert!(!before[at].is_nan() || after[at].is_nan(), "NaN stays");
            assert!(!matches!(self, Self::Lambda(_) | Self::Share(_)) || before[at].is_finite() || unchanged(at));
        }
        match *self {
            Self::Absolute(cut) => {
                for (at, weight) in before.iter().enumerate() {
                    let keeps = weight.is_nan() || weight.abs() >= cut && *weight != 0.0;
                    assert_eq!(is_kept(at), keeps);
                    assert!(!keeps || unchanged(at));
                }
            }
            Self::Deviations(_) => {
                let least = (0..before.len())
                    .filter(|&at| is_kept(at))
                    .map(|at| before[at].abs())
                    .fold(f64::INFINITY, f64::min);
                assert!(
                    (0..before.len()).all(|at| before[at].is_nan()
                        || before[at] == 0.0
                        || is_kept(at) == (before[at].abs() >= least))
                );
            }
            Self::TopK(share) => {
                let others = before.iter().filter(|n| !n.is_finite()).count();
                assert_eq!(kept, count(share).max(others));
                let most_dropped =
                    (0..before.len()).filter(|&at| !is_kept(at)).map(|at| before[at].abs()).fold(0.0, f64::max);
                assert!(
                    (0..before.len()).all(|at| !is_kept(at) || before[at].is_nan() || before[at].abs() >= most_dropped)
                );
            }
            Self::NofM(n, m) => {
                for (group, own) in before
                    .chunks(row)
                    .flat_map(|row| row.chunks(m))
                    .zip(after.chunks(row).flat_map(|row| row.chunks(m)))
                {
                    let left = own.iter().filter(|n| n.is_nan() || **n != 0.0).count();
                    let others = group.iter().filter(|n| !n.is_finite()).count();
                    let some = group.iter().filter(|n| n.is_nan() || **n != 0.0).count();
                    assert_eq!(left, some.min(n.max(others)));
                }
            }
            Self::Lambda(lambda) => {
                for at in (0..before.len()).filter(|&at| before[at].is_finite()) {
                    let shrunk = before[at].signum() * (before[at].abs() - lambda).max(0.0);
                    let mut rounded = vec![];
                    put_float(&mut rounded, dtype, shrunk).unwrap();
                    assert_eq!(numbers(dtype, &rounded)[0].abs().to_bits(), after[at].abs().to_bits());
                    assert!(after[at] == 0.0 || after[at].signum() == before[at].signum());
                }
            }
            Self::Share(share) => {
                let others = before.iter().filter(|n| !n.is_finite()).count();
                assert!(kept <= count(share).max(others));
                assert!(before.iter().zip(after).all(|(b, a)| !b.is_finite() || a.abs() <= b.abs()));
            }
            Self::Structured(share, lines) => {
                let line = |at: usize| if lines == Lines::Rows { at / row } else { at % row };
                let (rows, lost) = (before.len() / row, (0..before.len()).filter(|&at| !unchanged(at)));
                let dropped: BTreeSet<usize> = lost.map(line).collect();
                for at in (0..before.len()).filter(|&at| dropped.contains(&line(at))) {
                    assert!(after[at] == 0.0 && before[at].is_finite(), "a line is dropped as a whole");
                }
                let lines = if before.is_empty() {
                    0
                } else if lines == Lines::Rows {
                    rows
                } else {
                    row
                };
                assert!(dropped.len() <= lines - (lines as f64 * share).round() as usize);
            }
        }
    }
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        (0.0f64..2.0).prop_map(Rule::Absolute),
        (0.0f64..3.0).prop_map(Rule::Deviations),
        (0.0f64..=1.0).prop_map(Rule::TopK),
        (1usize..9).prop_flat_map(|m| (0..=m).prop_map(move |n| Rule::NofM(n, m))),
        (0.0f64..2.0).prop_map(Rule::Lambda),
        (0.0f64..=1.0).prop_map(Rule::Share),
        (0.0f64..=1.0, any::<bool>())
            .prop_map(|(share, rows)| Rule::Structured(share, if rows { Lines::Rows } else { Lines::Columns })),
    ]
}

fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -3.0f64..3.0,
        2 => prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, 0.5]),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-8, 1e300]),
    ]
}

proptest! {
    #[test]
    fn every_pruner_does_what_it_says_and_its_ratio_is_that_of_the_sums(
        weights in prop::collection::vec(weight(), 0..200), row in 1usize..12, float in 0usize..4, rule in rule(),
    ) {
        let dtype = FLOATS[float];
        let mut data = vec![];
        let rows = weights.len() / row;
        weights[..rows * row].iter().for_each(|&weight| put_float(&mut data, dtype, weight).unwrap());
        let shape = [rows, row];
        let tensor = TensorView::new("w", dtype, &shape, &data).unwrap();
        let pruned = rule.pruner().prune(tensor).unwrap();
        let (before, after) = (numbers(dtype, &data), numbers(dtype, &pruned.dense()));
        rule.check(dtype, row, &before, &after, pruned.kept());
        // Squares beyond the range of doubles have no ratio to compare.
        if before.iter().all(|n| !n.is_finite() || n.abs() < 1e100) {
            let (expected, ratio) = (norm_ratio(&before, &after), pruned.norm_ratio());
            prop_assert!((expected - ratio).abs() <= 1e-12 * expected.max(1.0), "{} and {}", expected, ratio);
        }

        // The same through a pipeline: dtypes that are no floats stay, and the file holds exactly the pruned model.
        let model = Model::builder()
            .tensor("w", dtype, &shape, &data).unwrap()
            .tensor("steps", Dtype::I64, &[1], &[9; 8]).unwrap()
            .build().unwrap();
        let packed = Pipeline::builder().pruner(rule.pruner()).build().unwrap().compress_model(&model).unwrap();
        let restored = decompress(&packed.bytes).unwrap();
        let back = Model::from_safetensors(&restored).unwrap();
        prop_assert_eq!(back.header(), model.header());
        prop_assert_eq!(back.tensor("w").unwrap().data(), pruned.dense());
        prop_assert_eq!(back.tensor("steps").unwrap().data(), &[9; 8]);
        let report = packed.report;
        let own = report.tensors[0].pruned.as_ref().unwrap();
        prop_assert_eq!((own.kept, own.norm_ratio), (pruned.kept() as u64, pruned.norm_ratio()));
        prop_assert!(report.tensors[1].pruned.is_none());
        prop_assert_eq!(report.norm_ratio().to_bits(), pruned.norm_ratio().to_bits());
        prop_assert_eq!(report.parts.iter().map(|part| part.bytes).sum::<u64>(), packed.bytes.len() as u64);
    }
}

#[test]
fn ten_million_equal_weights_cut_to_five_million_keep_exactly_half_the_norm() {
    let model = Model::builder().f32("w", &[2500, 4000], &vec![0.1; 10_000_000]).unwrap().build().unwrap();
    let pipeline = Pipeline::builder().pruner(TopK::new(0.5).unwrap()).build().unwrap();
    let packed = pipeline.compress(&model.to_safetensors()).unwrap();
    assert_eq!(packed.report.norm_ratio().to_bits(), 0.5f64.to_bits());
    assert_eq!(packed.report.tensors[0].pruned.as_ref().unwrap().kept, 5_000_000);
    assert!(packed.report.ratio() < 0.001, "{}", packed.report);
    let restored = Decoder::default().tensor(&packed.bytes, "w").unwrap().unwrap();
    let weights = restored.view().to_f64s().unwrap();
    assert!(
        weights[..5_000_000].iter().all(|weight| weight.to_bits() == f64::from(0.1f32).to_bits()),
        "the earlier of equal weights stay"
    );
    assert!(weights[5_000_000..].iter().all(|&weight| weight == 0.0));
}

#[test]
fn what_is_no_model_is_refused_by_a_pipeline_that_prunes() {
    let pipeline = Pipeline::builder().pruner(TopK::new(0.5).unwrap()).build().unwrap();
    let csv = b"a,b\n1,2\n3,4\n";
    let table = losslaw::table::Table::from_csv(csv).unwrap();
    for refused in
        [pipeline.compress(csv), pipeline.compress_bytes(csv), pipeline.compress_table(&table), pipeline.compress(&[])]
    {
        assert!(matches!(refused, Err(Error::InvalidConfig { field: "pruner", .. })));
    }
}

#[test]
fn settings_outside_their_range_are_refused_before_data_flow() {
    assert!(Threshold::absolute(-1.0).is_err() && Threshold::deviations(f64::NAN).is_err());
    assert!(TopK::new(1.01).is_err() && TopK::new(f64::NAN).is_err());
    assert!(NofM::new(5, 4).is_err() && NofM::new(0, 0).is_err());
    assert!(L1::lambda(f64::INFINITY).is_err() && L1::share(-0.1).is_err());
    let pruner: TopK = serde_json::from_str(r#"{"share":7.0}"#).unwrap();
    assert!(matches!(Pipeline::builder().pruner(pruner).build(), Err(Error::InvalidConfig { field: "share", .. })));
}

#[test]
fn settings_are_written_as_json_and_unknown_ones_refused() {
    fn back<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, text: &str) {
        assert_eq!(serde_json::to_string(value).unwrap(), text);
        assert_eq!(&serde_json::from_str::<T>(text).unwrap(), value);
        assert!(serde_json::from_str::<T>(&text.replacen('{', "{\"x\":1,", 1)).is_err());
    }
    back(&Threshold::deviations(0.5).unwrap(), r#"{"cut":{"deviations":0.5}}"#);
    back(&TopK::new(0.25).unwrap(), r#"{"share":0.25,"scope":"tensor"}"#);
    back(&NofM::new(2, 4).unwrap(), r#"{"n":2,"m":4}"#);
    back(&L1::share(0.5).unwrap(), r#"{"shrinkage":{"share":0.5}}"#);
}

#[test]
fn payloads_of_nan_and_infinities_outlive_every_pruner() {
    let bits = [0x7ffc_dead_beef_0001u64, 0xfff8_0000_0000_0002, f64::INFINITY.to_bits(), 0, 1 << 63, 1.0f64.to_bits()];
    let data: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let tensor = TensorView::new("w", Dtype::F64, &[2, 3], &data).unwrap();
    let rules = [
        Rule::Absolute(9.0),
        Rule::Deviations(9.0),
        Rule::TopK(0.5),
        Rule::TopK(0.0),
        Rule::Lambda(9.0),
        Rule::Share(0.0),
        Rule::NofM(2, 3),
        Rule::NofM(0, 2),
    ];
    for rule in rules {
        let dense = rule.pruner().prune(tensor).unwrap().dense();
        assert_eq!(dense[..16], data[..16], "{rule:?}");
        assert_eq!(dense[24..40], [0; 16], "{rule:?}: a dropped zero has no sign");
        assert_eq!(dense[16..24], data[16..24], "{rule:?}");
    }
}

#[test]
fn halves_are_pruned_by_their_values() {
    for (dtype, one) in [(Dtype::F16, f16::ONE.to_bits()), (Dtype::BF16, bf16::ONE.to_bits())] {
        let data = [one, 1, one | 0x8000].map(u16::to_le_bytes).concat();
        let tensor = TensorView::new("w", dtype, &[3], &data).unwrap();
        let pruned = Threshold::absolute(0.5).unwrap().prune(tensor).unwrap();
        assert_eq!(pruned.mask().iter_ones().collect::<Vec<_>>(), [0, 2]);
        assert!(NofM::new(1, 3).unwrap().prune(tensor).unwrap().mask()[0]);
    }
    let bytes = TensorView::new("w", Dtype::U8, &[3], &[1, 2, 3]).unwrap();
    assert!(matches!(TopK::new(0.5).unwrap().prune(bytes), Err(Error::InvalidConfig { field: "dtype", .. })));
}

#[test]
fn a_strange_pruner_that_answers_about_another_tensor_is_an_error() {
    #[derive(Debug)]
    struct Confused;
    impl Pruner for Confused {
        fn name(&self) -> &'static str {
            "Confused"
        }
        fn prune(&self, _: TensorView<'_>) -> losslaw::Result<Pruned> {
            let other = TensorView::new("other", Dtype::F32, &[1], &[0; 4])?;
            Pruned::keep(other, std::iter::once(true).collect())
        }
    }
    let model = Model::builder().f32("w", &[2], &[1.0, 2.0]).unwrap().build().unwrap();
    let refused = Pipeline::builder().pruner(Confused).build().unwrap().compress_model(&model);
    assert!(matches!(refused, Err(Error::InvalidConfig { field: "pruned tensor", .. })));
    let tensor = model.tensor("w").unwrap();
    assert!(Pruned::new(tensor, Random(1).bytes(3).iter().map(|b| b % 2 == 0).collect(), vec![]).is_err());
    assert!(Pruned::new(tensor, [true, false].iter().collect(), vec![0; 8]).is_err());
}

#[test]
fn a_share_of_the_model_is_exact_and_spares_what_is_excepted() {
    let mut random = Random(5);
    let mut weights = |count: usize| (0..count).map(|_| random.below(40) as f32 - 20.0).collect::<Vec<_>>();
    let [a, b, c] = [weights(300), weights(50), weights(77)];
    let model = Model::builder().f32("a", &[300], &a).unwrap().f32("b", &[50], &b).unwrap();
    let model = model.f32("c", &[7, 11], &c).unwrap().build().unwrap();
    for share in [0.0, 0.3, 0.5, 1.0] {
        let pruner = Except::new(TopK::of_model(share).unwrap(), ["b"]);
        let report = Pipeline::builder().pruner(pruner).build().unwrap().compress_model(&model).unwrap().report;
        let kept = |at: usize| report.tensors[at].pruned.as_ref().map(|pruned| pruned.kept);
        assert_eq!(kept(1), None);
        assert_eq!(kept(0).unwrap() + kept(2).unwrap(), (377.0 * share).round() as u64);
    }
}
