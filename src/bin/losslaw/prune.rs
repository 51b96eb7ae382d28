//! The command that changes a model.

use losslaw::model::{Dtype, Model};
use losslaw::prune::{Except, L1, Lines, NofM, Pruner, Structured, Threshold, TopK};
use losslaw::{Error, Pipeline, PrunedReport, Report, Result, decompress};
use serde::Serialize;

use crate::commands::bad_data;
use crate::files::{self, Output};
use crate::{Failure, PruneArgs, PruneRule, show};

/// What happened to one tensor.
#[derive(Serialize)]
struct Line {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    /// Bytes of the compressed tensor before pruning.
    bytes_before: u64,
    /// Bytes of the compressed tensor after pruning.
    bytes_after: u64,
    pruned: Option<PrunedReport>,
}

#[derive(Serialize)]
struct Account {
    pruner: &'static str,
    /// Bytes of the model, before and after.
    model_bytes: u64,
    compressed_bytes_before: u64,
    compressed_bytes_after: u64,
    norm_ratio: f64,
    tensors: Vec<Line>,
}

pub fn prune(args: &PruneArgs) -> std::result::Result<(), Failure> {
    let rule = pruner(&args.rule).map_err(|error| Failure {
        path: args.input.clone(),
        what: format!("is not pruned: {error}"),
        code: 2,
    })?;
    let source = files::read(&args.input)?;
    let output = Output::new(&args.output, &args.input)?;
    let rule = Except::new(rule, &args.except);
    let (account, pruned) = run(&source, rule, args.threads.into()).map_err(|error| bad_data(&args.input, &error))?;
    output.write(&pruned)?;
    if args.json {
        show::json(&account);
    } else {
        show::line(&account);
    }
    Ok(())
}

/// The rule that was asked for; the command line lets exactly one through.
fn pruner(rule: &PruneRule) -> Result<Box<dyn Pruner>> {
    Ok(match *rule {
        PruneRule { threshold: Some(cut), .. } => Box::new(Threshold::absolute(cut)?),
        PruneRule { std: Some(cut), .. } => Box::new(Threshold::deviations(cut)?),
        PruneRule { keep: Some(share), .. } => Box::new(TopK::new(share)?),
        PruneRule { keep_of_model: Some(share), .. } => Box::new(TopK::of_model(share)?),
        PruneRule { keep_rows: Some(share), .. } => Box::new(Structured::new(share, Lines::Rows)?),
        PruneRule { keep_columns: Some(share), .. } => Box::new(Structured::new(share, Lines::Columns)?),
        PruneRule { l1: Some(lambda), .. } => Box::new(L1::lambda(lambda)?),
        PruneRule { n_of_m: Some((n, m)), .. } => Box::new(NofM::new(n, m)?),
        _ => {
            return Err(Error::config(
                "rule",
                "none",
                "a rule: --threshold, --std, --keep, --l1, --n-of-m or another of the list that --help shows",
            ));
        }
    })
}

/// Compresses the model as it is and pruned, and returns the pruned model as it was restored.
fn run(source: &[u8], pruner: impl Pruner + 'static, threads: usize) -> Result<(Account, Vec<u8>)> {
    let model = Model::from_safetensors(source)?;
    let name = pruner.name();
    let before = Pipeline::builder().threads(threads).verify(false).build()?.compress_model(&model)?.report;
    let packed = Pipeline::builder().threads(threads).pruner(pruner).build()?.compress_model(&model)?;
    let pruned = decompress(&packed.bytes)?;
    Ok((account(name, &before, &packed.report), pruned))
}

fn account(pruner: &'static str, before: &Report, after: &Report) -> Account {
    let line = |(before, after): (&losslaw::TensorReport, &losslaw::TensorReport)| Line {
        name: after.name.clone(),
        dtype: after.dtype,
        shape: after.shape.clone(),
        bytes_before: before.bytes,
        bytes_after: after.bytes,
        pruned: after.pruned.clone(),
    };
    Account {
        pruner,
        model_bytes: after.original_bytes,
        compressed_bytes_before: before.compressed_bytes,
        compressed_bytes_after: after.compressed_bytes,
        norm_ratio: after.norm_ratio(),
        tensors: before.tensors.iter().zip(&after.tensors).map(line).collect(),
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.tensors.iter().map(|t| t.name.chars().count()).max().unwrap_or(0).max(6);
        write!(f, "{:width$}  {:5} {:>16}  {:>10}  {:>8}", "tensor", "dtype", "shape", "kept", "C'")?;
        writeln!(f, "  {:>10}  {:>10}", "bytes", "pruned")?;
        for tensor in &self.tensors {
            let shape = format!("{:?}", tensor.shape);
            write!(f, "{:width$}  {:5} {shape:>16}  ", tensor.name, tensor.dtype.name())?;
            match &tensor.pruned {
                Some(pruned) => write!(f, "{:>10}  {:>8.4}", pruned.kept, pruned.norm_ratio)?,
                None => write!(f, "{:>10}  {:>8}", "all", "-")?,
            }
            writeln!(f, "  {:>10}  {:>10}", tensor.bytes_before, tensor.bytes_after)?;
        }
        let (before, after) = (self.compressed_bytes_before, self.compressed_bytes_after);
        write!(
            f,
            "\n{}: C' = {:.6}; compressed {before} bytes as it was, {after} pruned, ",
            self.pruner, self.norm_ratio
        )?;
        write!(f, "of {} uncompressed", self.model_bytes)
    }
}
