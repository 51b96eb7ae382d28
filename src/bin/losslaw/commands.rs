//! The commands that compress, restore and look.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use losslaw::container::{Container, HEADER_BYTES, Kind, Summary};
use losslaw::model::{Base, Fingerprint, Model};
use losslaw::{
    Catalogue, Decoder, Effort, Error, Limits, ModelReader, Pipeline, PipelineBuilder, PipelineConfig, Report,
    TensorReport,
};
use serde::Serialize;

use crate::files::{self, Output};
use crate::{CompressArgs, DecompressArgs, ExplainArgs, Failure, InspectArgs, VerifyArgs, show};

/// A failure of the data in a file, exit code 1, with advice where the error itself has none.
pub fn bad_data(path: &Path, error: &Error) -> Failure {
    let advice = match error {
        Error::NotAContainer => "; name a file that `losslaw compress` wrote",
        Error::MissingBase { .. } | Error::WrongBase { .. } => "; name it with --base",
        Error::Corrupt { .. } | Error::Truncated { .. } | Error::Checksum { .. } => "; restore the file from a copy",
        _ => "",
    };
    Failure { path: path.to_owned(), what: format!("{error}{advice}"), code: 1 }
}

pub fn compress(args: &CompressArgs) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Account<'a> {
        #[serde(flatten)]
        report: &'a Report,
        ratio: f64,
    }
    let input = files::open(&args.input)?;
    let base = args.base.as_deref().map(base).transpose()?;
    let output = Output::new(&args.output, &args.input)?;
    let builder = if let Some(path) = &args.pipeline {
        PipelineBuilder::from(saved(path)?)
    } else {
        let effort = args.effort.map_or_else(Effort::default, Effort::from);
        Pipeline::builder().effort(effort).threads(args.threads.into()).verify(!args.no_verify)
    };
    let builder = match args.block_rows {
        Some(rows) => builder.block_rows(rows as usize),
        None => builder,
    };
    let bar = show::bar();
    let listener = bar.clone();
    let pipeline = builder.progress(move |progress| show::advance(&listener, progress)).build();
    let bad = |error| bad_data(&args.input, &error);
    let report = pipeline.map_err(bad).and_then(|pipeline| {
        if base.is_none()
            && let Some(report) = compress_model(&pipeline, &input, &output)?
        {
            return Ok(report);
        }
        let source = files::read(&args.input)?;
        let packed = match &base {
            Some(base) => {
                Model::from_safetensors(&source).and_then(|model| pipeline.compress_model_against(base, &model))
            }
            None => pipeline.compress(&source),
        };
        let packed = packed.map_err(bad)?;
        output.write(&packed.bytes).map(|()| packed.report)
    });
    bar.finish_and_clear();
    let report = &report?;
    // Who named no effort has not asked for another one.
    if report.effort != report.effort_asked && (args.effort.is_some() || args.pipeline.is_some()) {
        eprintln!(
            "losslaw: effort {} is not built for this kind of file; {} was used",
            report.effort_asked, report.effort
        );
    }
    if args.json {
        show::json(&Account { report, ratio: report.ratio() });
    } else {
        show::line(report);
    }
    Ok(())
}

/// The base in a safetensors file.
fn base(path: &Path) -> Result<Base, Failure> {
    Base::from_safetensors(files::read(path)?).map_err(|error| bad_data(path, &error))
}

/// A file of fewer bytes may be smaller as bytes than as a model.
const SMALL: u64 = 1 << 20;

/// A file of more bytes is not taken into memory, even if no unit of it becomes smaller.
const LARGE: u64 = 1 << 30;

/// Compresses a model piece by piece, so that it need not fit into memory; `None` if the file is none, or is left to the
/// pipeline.
fn compress_model(pipeline: &Pipeline, input: &File, output: &Output) -> Result<Option<Report>, Failure> {
    let length = input.metadata().map_or(0, |known| known.len());
    if length < SMALL {
        return Ok(None);
    }
    let report = output.write_with(|file| pipeline.compress_model_from(input, file))?.ok();
    Ok(report.filter(|report| report.compressed_bytes <= length || length > LARGE))
}

/// The pipeline that a file of JSON describes.
fn saved(path: &Path) -> Result<Pipeline, Failure> {
    let json = String::from_utf8_lossy(&files::read(path)?).into_owned();
    PipelineConfig::from_json(&json).and_then(|config| config.build(&Catalogue::default())).map_err(|error| Failure {
        path: path.to_owned(),
        what: error.to_string(),
        code: 2,
    })
}

/// Where the header of a container says what it holds.
const KIND_AT: usize = 6;

pub fn decompress(args: &DecompressArgs) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Account {
        compressed_bytes: u64,
        original_bytes: u64,
        seconds: f64,
    }
    let mut input = files::open(&args.input)?;
    let output = Output::new(&args.output, &args.input)?;
    let start = Instant::now();
    let decoder = Decoder::default().with_threads(args.threads.into());
    let decoder = match args.base.as_deref().map(base).transpose()? {
        Some(base) => decoder.with_base(base),
        None => decoder,
    };
    let bad = |error| bad_data(&args.input, &error);
    // A pipe can be read once only.
    let length = input.metadata().map_or(0, |known| if known.is_file() { known.len() } else { 0 });
    let mut head = vec![];
    let is_read = length > 0 && (&mut input).take(HEADER_BYTES as u64).read_to_end(&mut head).is_ok();
    let (compressed_bytes, original_bytes) = if is_read && head.get(KIND_AT) == Some(&(Kind::Model as u8)) {
        // Piece by piece, so that neither file need fit into memory.
        let reader = ModelReader::open(input, decoder).map_err(bad)?;
        (length, output.write_with(|file| reader.write_to(file))?.map_err(bad)?)
    } else {
        let packed = files::read(&args.input)?;
        let source = decoder.decompress(&packed).map_err(bad)?;
        output.write(&source)?;
        (packed.len() as u64, source.len() as u64)
    };
    let seconds = start.elapsed().as_secs_f64();
    if args.json {
        show::json(&Account { compressed_bytes, original_bytes, seconds });
    } else {
        show::line(format_args!("{compressed_bytes} → {original_bytes} bytes in {seconds:.2} s"));
    }
    Ok(())
}

pub fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Account {
        file_bytes: usize,
        #[serde(flatten)]
        summary: Summary,
        /// What must be there to restore a model.
        #[serde(skip_serializing_if = "Option::is_none")]
        base: Option<String>,
        /// The tensors of a model.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tensors: Vec<TensorReport>,
    }
    let bytes = files::read(&args.file)?;
    let bad = |error| bad_data(&args.file, &error);
    let container = Container::open(&bytes, &Limits::default()).map_err(bad)?;
    let summary = container.summary().map_err(bad)?;
    let decoder = Decoder::default();
    let (tensors, base) = match summary.kind {
        Kind::Model => (decoder.tensors(&bytes).map_err(bad)?, decoder.base_of(&bytes).map_err(bad)?),
        Kind::Table | Kind::Bytes => (vec![], None),
    };
    let base = base.map(|base: Fingerprint| base.to_string());
    if args.json {
        show::json(&Account { file_bytes: bytes.len(), summary, base, tensors });
    } else {
        show::line(show::summary(&summary, base.as_deref(), &tensors, bytes.len() as u64));
    }
    Ok(())
}

pub fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    let source = files::read(&args.table)?;
    let bar = show::bar();
    let listener = bar.clone();
    let builder = Pipeline::builder().effort(args.effort.into()).threads(args.threads.into());
    let explanation = builder
        .progress(move |progress| show::advance(&listener, progress))
        .build()
        .and_then(|pipeline| pipeline.explain(&source));
    bar.finish_and_clear();
    let explanation = explanation.map_err(|error| bad_data(&args.table, &error))?;
    #[cfg(feature = "plot")]
    if let Some(folder) = &args.svg {
        let plot = losslaw::scaling::plot::bytes_by_part(&explanation.report);
        plot.write(folder, "bytes_by_part").map_err(|error| bad_data(folder, &error))?;
    }
    if args.json {
        show::json(&explanation);
    } else {
        show::line(explanation.to_string().trim_end());
    }
    Ok(())
}

pub fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    /// What `verify --json` prints.
    #[derive(Default, Serialize)]
    struct Account {
        /// Whether the file decodes wholly.
        intact: bool,
        /// Bytes of the restored source.
        restored_bytes: Option<usize>,
        /// Whether the restored source equals the original, if one was given.
        identical: Option<bool>,
        /// Offset of the first byte that differs.
        first_difference: Option<usize>,
        error: Option<String>,
    }
    let packed = files::read(&args.file)?;
    let original = args.original.as_deref().map(files::read).transpose()?;
    let mut account = Account::default();
    let mut failure = None;
    match Decoder::default().with_threads(0).decompress(&packed) {
        Err(error) => failure = Some(bad_data(&args.file, &error)),
        Ok(restored) => {
            (account.intact, account.restored_bytes) = (true, Some(restored.len()));
            account.first_difference = original.as_ref().and_then(|original| first_difference(&restored, original));
            account.identical = original.as_ref().map(|_| account.first_difference.is_none());
        }
    }
    if let (Some(at), Some(original)) = (account.first_difference, &args.original) {
        let what = format!("differs from {} at byte {at}; compress the original again", original.display());
        failure = Some(Failure { path: args.file.clone(), what, code: 1 });
    }
    account.error = failure.as_ref().map(|failure| failure.what.clone());
    if args.json {
        show::json(&account);
    } else if let (Some(bytes), None) = (account.restored_bytes, &failure) {
        let how = if original.is_some() { "intact and equal to the original" } else { "intact" };
        show::line(format_args!("{how}: {bytes} bytes"));
    }
    failure.map_or(Ok(()), Err)
}

/// Where two byte strings part; the end of the shorter if it begins the longer.
fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    match a.iter().zip(b).position(|(a, b)| a != b) {
        None if a.len() != b.len() => Some(a.len().min(b.len())),
        at => at,
    }
}
