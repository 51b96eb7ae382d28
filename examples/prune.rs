//! Prunes a classifier of red wines and a network, and refits what is left: `cargo run --release --example prune`.
//!
//! Eleven chemical tests and their 66 products tell whether tasters gave a wine more than five points of ten.

mod network;

use linfa::prelude::*;
use linfa_logistic::LogisticRegression;
use losslaw::model::Model;
use losslaw::prune::{Except, L1, NofM, Pruner, Threshold, TopK};
use losslaw::{Pipeline, decompress};
use ndarray::{Array1, Array2, Axis};
use network::Network;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wines = linfa_datasets::winequality();
    let (tests, is_good) = (features(&wines.records), wines.targets.mapv(|points| points > 5));
    let all: Vec<usize> = (0..tests.ncols()).collect();
    let weights = fit(&tests, &is_good, &all)?;
    let before = accuracy(&tests, &is_good, &weights);
    println!("trained: {} weights, accuracy {before:.4}", all.len());

    let (bias, rest) = weights.split_first().ok_or("there is a bias")?;
    let model = Model::builder().f64("weight", &[1, rest.len()], rest)?.f64("bias", &[1], &[*bias])?.build()?;
    let pruners: [Box<dyn Pruner>; 2] = [Box::new(Threshold::deviations(0.5)?), Box::new(L1::share(0.25)?)];
    for pruner in pruners {
        let name = pruner.name();
        let pipeline = Pipeline::builder().pruner(Except::new(pruner, ["bias"])).build()?;
        let packed = pipeline.compress_model(&model)?;
        let file = decompress(&packed.bytes)?;
        let pruned = Model::from_safetensors(&file)?.tensor("weight").ok_or("the tensor is there")?.to_f64s()?;
        let kept: Vec<usize> = all.iter().copied().filter(|&at| pruned[at] != 0.0).collect();
        let after = accuracy(&tests, &is_good, &[&[*bias], &pruned[..]].concat());
        let refitted = accuracy(&tests, &is_good, &fit(&tests, &is_good, &kept)?);
        let (kept, report) = (kept.len(), packed.report);
        println!("{name}: {kept} kept, C = {:.4}, C' = {:.4}", report.ratio(), report.norm_ratio());
        println!("  accuracy {after:.4} as pruned, {refitted:.4} with the kept weights fitted again");
    }

    networks()?;

    // The same training on data that were compressed in between.
    let rows = wines.records.rows().into_iter().map(|row| row.map(f64::to_string).to_vec().join(","));
    let csv = rows.zip(&is_good).fold(String::new(), |csv, (row, good)| csv + &format!("{row},{good}\n"));
    let packed = Pipeline::builder().build()?.compress(csv.as_bytes())?;
    let restored = String::from_utf8(decompress(&packed.bytes)?)?;
    let cells = || restored.lines().flat_map(|line| line.split(','));
    let numbers: Vec<f64> = cells().filter_map(|cell| cell.parse().ok()).collect();
    let again = features(&Array2::from_shape_vec(wines.records.dim(), numbers)?);
    let labels: Array1<bool> = cells().filter_map(|cell| cell.parse().ok()).collect();
    let after = accuracy(&again, &labels, &fit(&again, &labels, &all)?);
    println!("trained on data restored from {} of {} bytes: accuracy {after:.4}", packed.bytes.len(), csv.len());
    assert_eq!(before.to_bits(), after.to_bits(), "what comes back is the same, and so is what it teaches");
    Ok(())
}

/// Prunes a network of one hidden layer, and trains the weights that are left.
fn networks() -> Result<(), Box<dyn std::error::Error>> {
    let ((rows, is_good), (other_rows, other_good)) = network::wines();
    let mut trained = Network::new(rows.ncols(), 7);
    let all = trained.mask();
    trained.train(&rows, &is_good, 2000, &all);
    let accuracy = |network: &Network| network.accuracy(&other_rows, &other_good);
    let model = trained.to_model()?;
    let whole = Pipeline::builder().build()?.compress_model(&model)?.report;
    println!("network: accuracy {:.4}, C = {:.4}", accuracy(&trained), whole.ratio());
    let pruners: [Box<dyn Pruner>; 3] =
        [Box::new(TopK::new(0.5)?), Box::new(TopK::of_model(0.25)?), Box::new(NofM::new(2, 4)?)];
    for pruner in pruners {
        let name = pruner.name();
        let packed = Pipeline::builder().pruner(Except::new(pruner, ["*.bias"])).build()?.compress_model(&model)?;
        let pruned = Network::from_model(&Model::from_safetensors(&decompress(&packed.bytes)?)?)?;
        let mut refitted = pruned.clone();
        refitted.train(&rows, &is_good, 1000, &pruned.mask());
        let (kept, report) = (pruned.mask().first.sum() + pruned.mask().second.sum(), packed.report);
        println!("{name}: {kept} kept, C = {:.4}, C' = {:.4}", report.ratio(), report.norm_ratio());
        println!("  accuracy {:.4} as pruned, {:.4} trained under the mask", accuracy(&pruned), accuracy(&refitted));
    }
    Ok(())
}

/// A bias and the weights of all columns, zero unless kept, fitted to four fifths of the wines.
fn fit(tests: &Array2<f64>, is_good: &Array1<bool>, kept: &[usize]) -> linfa_logistic::error::Result<Vec<f64>> {
    let rows: Vec<usize> = (0..is_good.len()).filter(|row| row % 5 != 0).collect();
    let data = Dataset::new(tests.select(Axis(0), &rows).select(Axis(1), kept), is_good.select(Axis(0), &rows));
    let fitted = LogisticRegression::default().max_iterations(200).fit(&data)?;
    let mut weights = [vec![fitted.intercept()], vec![0.0; tests.ncols()]].concat();
    kept.iter().zip(fitted.params()).for_each(|(&column, &weight)| weights[column + 1] = weight);
    Ok(weights)
}

/// The share of the other wines that a bias and weights tell right.
fn accuracy(tests: &Array2<f64>, is_good: &Array1<bool>, weights: &[f64]) -> f64 {
    let sums = tests.dot(&Array1::from(weights[1..].to_vec())) + weights[0];
    let right = (0..is_good.len()).step_by(5).filter(|&row| (sums[row] > 0.0) == is_good[row]).count();
    right as f64 / is_good.len().div_ceil(5) as f64
}

/// Tests and their products, each with mean 0 and deviation 1.
fn features(tests: &Array2<f64>) -> Array2<f64> {
    let pairs = (0..tests.ncols()).flat_map(|a| (a..tests.ncols()).map(move |b| &tests.column(a) * &tests.column(b)));
    let columns = tests.columns().into_iter().map(|column| column.to_owned()).chain(pairs);
    let mut all = Array2::zeros((tests.nrows(), 0));
    for column in columns {
        let standard = (&column - column.mean().unwrap_or(0.0)) / column.std(0.0);
        all.push_column(standard.view()).expect("columns are equally long");
    }
    all
}
