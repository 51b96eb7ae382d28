//! Trees as classifiers, beside those of another crate on the same rows.

use std::borrow::Cow;

use linfa::prelude::*;
use linfa_trees::DecisionTree;
use losslaw::Lane;
use losslaw::partition::{Classifier, Partitioner};
use losslaw::tree::{C45, Feature, Frame, FrameColumn, Mdl};

/// Features as hundred-thousandths, then the class.
fn frame(
    rows: usize,
    features: usize,
    value: impl Fn(usize, usize) -> f64,
    class: impl Fn(usize) -> usize,
) -> Frame<'static> {
    let column = |name: String, ordinals: Vec<u64>, ordered| FrameColumn {
        name,
        ordinals: Cow::Owned(Lane::narrowest(ordinals)),
        first_value: 0,
        ordered,
    };
    let ordinals = |f: usize| (0..rows).map(|row| (value(row, f) * 1e5).round() as u64).collect();
    let mut columns: Vec<_> = (0..features).map(|f| column(format!("feature {f}"), ordinals(f), true)).collect();
    columns.push(column("class".to_owned(), (0..rows).map(|row| class(row) as u64).collect(), false));
    Frame::new(columns, rows, rows)
}

fn accuracy(how: &dyn Partitioner, train: &Frame<'_>, held_out: &Frame<'_>) -> f64 {
    let target = train.columns().len() - 1;
    let features: Vec<Feature> = (0..target as u32).map(Feature::Column).collect();
    Classifier::fit(how, train, target, &features).unwrap().accuracy(held_out)
}

#[test]
fn held_out_rows_are_told_as_well_as_by_another_crate() {
    for (name, source) in [("iris", linfa_datasets::iris()), ("red wine", linfa_datasets::winequality())] {
        let (mut c45, mut mdl, mut theirs) = (0.0, 0.0, 0.0);
        // Every row is held out once: rows of equal number modulo 4 go to the end, behind the first three quarters.
        for fold in 0..4 {
            let (held_out, mut order): (Vec<usize>, Vec<usize>) = (0..source.nsamples()).partition(|r| r % 4 == fold);
            order.extend(held_out);
            let mut data = source.clone();
            for (place, &row) in order.iter().enumerate() {
                (0..source.nfeatures()).for_each(|f| data.records[[place, f]] = source.records[[row, f]]);
                data.targets[place] = source.targets[row];
            }
            let (train, held_out) = data.split_with_ratio(0.75);
            let model = DecisionTree::params().fit(&train).unwrap();
            theirs += f64::from(model.predict(&held_out).confusion_matrix(&held_out).unwrap().accuracy()) / 4.0;

            let [train, held_out] = [&train, &held_out].map(|part| {
                frame(part.nsamples(), part.nfeatures(), |row, f| part.records[[row, f]], |row| part.targets[row])
            });
            c45 += accuracy(&C45::default(), &train, &held_out) / 4.0;
            mdl += accuracy(&Mdl::default(), &train, &held_out) / 4.0;
            println!("{name} {fold}: C45 {c45:.4}, Mdl {mdl:.4}, linfa-trees {theirs:.4} so far");
        }
        println!("{name}: C45 {c45:.4}, Mdl {mdl:.4}, linfa-trees {theirs:.4}");
        assert!(c45 >= theirs - 0.02, "{name}: C45 {c45} against {theirs}");
    }
}
