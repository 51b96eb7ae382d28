//! The command line of losslaw.
//!
//! Exit codes: 0 success; 1 the data failed (damage, a difference); 2 usage, or a path that cannot be read or written.

mod commands;
mod files;
mod prune;
mod scaling;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use losslaw::Effort;

/// Lossless compression for tables, models and other files of machine learning.
#[derive(Debug, Parser)]
#[command(name = "losslaw", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compress a file: as a model (safetensors) or a table if it is one, else as bytes.
    Compress(CompressArgs),
    /// Restore a file, byte for byte.
    Decompress(DecompressArgs),
    /// Show what a compressed file is made of, without decoding it.
    Inspect(InspectArgs),
    /// Show how the columns of a table are coded, beside what they would cost by themselves. Writes nothing.
    Explain(ExplainArgs),
    /// Decode a compressed file wholly and say whether it is intact.
    Verify(VerifyArgs),
    /// Drop weights of a safetensors model. This changes the model; its shapes and names stay.
    Prune(PruneArgs),
    /// Measure code length, fit scaling laws, forecast.
    #[command(subcommand)]
    Scaling(scaling::Command),
}

#[derive(Debug, clap::Args)]
struct CompressArgs {
    /// The file to compress.
    input: PathBuf,
    /// Where the compressed file goes; an existing file is replaced, on success only.
    output: PathBuf,
    /// How much time to spend for how few bytes; balanced if not said.
    #[arg(long, value_enum)]
    effort: Option<EffortArg>,
    /// Threads to use, 0 for one each core; the output is the same for any number.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Do not decode and compare the output before it is written.
    #[arg(long)]
    no_verify: bool,
    /// An earlier checkpoint, a safetensors file: a model is coded as what differs from it, and needs it to be restored.
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Most rows of a block that decodes alone; by effort if not given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    block_rows: Option<u32>,
    /// Parts and settings from a file of JSON, as `PipelineConfig::to_json` writes it, instead of those above.
    #[arg(long, value_name = "JSON", conflicts_with_all = ["effort", "threads", "block_rows", "no_verify"])]
    pipeline: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct DecompressArgs {
    /// The compressed file.
    input: PathBuf,
    /// Where the restored file goes; an existing file is replaced, on success only.
    output: PathBuf,
    /// The safetensors file that it was compressed against.
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Threads to use, 0 for one each core.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,
    /// Print sizes and time as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct InspectArgs {
    /// The compressed file.
    file: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ExplainArgs {
    /// The table, a CSV file.
    table: PathBuf,
    /// How much time to spend for how few bytes.
    #[arg(long, value_enum, default_value = "balanced")]
    effort: EffortArg,
    /// Threads to use, 0 for one each core.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,
    /// Draw the bytes of each column into this folder, with the numbers as CSV.
    #[cfg(feature = "plot")]
    #[arg(long, value_name = "FOLDER")]
    svg: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    /// The compressed file.
    file: PathBuf,
    /// The file it was made from, to be compared.
    original: Option<PathBuf>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct PruneArgs {
    /// The model, a safetensors file.
    input: PathBuf,
    /// Where the pruned model goes, a safetensors file again; an existing file is replaced, on success only.
    output: PathBuf,
    #[command(flatten)]
    rule: PruneRule,
    /// Leave tensors of these names alone; `*` stands for any run of characters.
    #[arg(long, value_name = "NAME")]
    except: Vec<String>,
    /// Threads to use, 0 for one each core.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Which weights are dropped.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct PruneRule {
    /// Drop weights of a smaller magnitude.
    #[arg(long, value_name = "T")]
    threshold: Option<f64>,
    /// Drop weights of a magnitude below so many standard deviations of their tensor.
    #[arg(long, value_name = "S")]
    std: Option<f64>,
    /// Keep this share of each tensor, from 0 to 1: the largest weights.
    #[arg(long, value_name = "SHARE")]
    keep: Option<f64>,
    /// Keep this share of all weights of the model together.
    #[arg(long, value_name = "SHARE")]
    keep_of_model: Option<f64>,
    /// Keep this share of the rows of each tensor: those of the largest norms.
    #[arg(long, value_name = "SHARE")]
    keep_rows: Option<f64>,
    /// Keep this share of the columns of each tensor.
    #[arg(long, value_name = "SHARE")]
    keep_columns: Option<f64>,
    /// Shrink all weights by this much, and drop those that become zero.
    #[arg(long, value_name = "LAMBDA")]
    l1: Option<f64>,
    /// Keep the N largest of each M weights in a row, for instance 2:4.
    #[arg(long, value_name = "N:M", value_parser = parse_pattern)]
    n_of_m: Option<(usize, usize)>,
}

fn parse_pattern(text: &str) -> Result<(usize, usize), String> {
    let numbers = text.split_once(':').and_then(|(n, m)| Some((n.parse().ok()?, m.parse().ok()?)));
    numbers.ok_or_else(|| "write two numbers, like 2:4".to_owned())
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EffortArg {
    Fast,
    Balanced,
    Max,
}

impl From<EffortArg> for Effort {
    fn from(effort: EffortArg) -> Self {
        match effort {
            EffortArg::Fast => Self::Fast,
            EffortArg::Balanced => Self::Balanced,
            EffortArg::Max => Self::Max,
        }
    }
}

/// Why a command ends without success: one line for people and an exit code.
#[derive(Debug)]
struct Failure {
    path: PathBuf,
    what: String,
    code: u8,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Compress(args) => commands::compress(&args),
        Command::Decompress(args) => commands::decompress(&args),
        Command::Inspect(args) => commands::inspect(&args),
        Command::Explain(args) => commands::explain(&args),
        Command::Verify(args) => commands::verify(&args),
        Command::Prune(args) => prune::prune(&args),
        Command::Scaling(command) => scaling::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { path, what, code }) => {
            eprintln!("losslaw: {}: {what}", path.display());
            ExitCode::from(code)
        }
    }
}
