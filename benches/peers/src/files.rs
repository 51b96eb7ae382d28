//! Whole files: losslaw, zstd, xz and lz4.

use losslaw::{Effort, Pipeline, decompress};

use crate::measure::{Measured, measure};
use crate::table::Table;
use crate::{Result, common};

pub fn print(paths: &[String]) -> Result<()> {
    let mut table = Table::begin("Files", "file", ["losslaw fast", "zstd -3", "zstd -19", "xz -9e", "lz4"], 1);
    let mut row = |name: &str, source: &[u8]| -> Result<()> {
        table.row(name, source.len(), &coders(source).map_err(|error| format!("{name}: {error}"))?);
        Ok(())
    };
    if paths.is_empty() {
        row("generated lineitem, 20,000 rows", common::lineitem(20_000).as_bytes())?;
        row("generated text", &common::text(1 << 20))?;
        row("generated runs", &common::runs(1 << 20))?;
    }
    for path in paths {
        let source = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        row(path.rsplit('/').next().unwrap_or(path), &source)?;
    }
    table.end();
    Ok(())
}

fn coders(source: &[u8]) -> Result<[Measured; 5]> {
    let pipeline = Pipeline::builder().effort(Effort::Fast).build()?;
    let zstd = |level| {
        measure(source, |s| Ok(zstd::bulk::compress(s, level)?), |c| Ok(zstd::bulk::decompress(c, source.len())?))
    };
    Ok([
        measure(source, |s| Ok(pipeline.compress(s)?.bytes), |c| Ok(decompress(c)?))?,
        zstd(3)?,
        zstd(19)?,
        measure(
            source,
            |s| Ok(liblzma::encode_all(s, 9 | liblzma::stream::PRESET_EXTREME)?),
            |c| Ok(liblzma::decode_all(c.as_slice())?),
        )?,
        measure(source, |s| Ok(lz4_flex::block::compress(s)), |c| Ok(lz4_flex::block::decompress(c, source.len())?))?,
    ])
}
