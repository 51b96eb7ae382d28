//! Every table, model and other file of a folder returns byte for byte.
//!
//! `LOSSLAW_DATA` names the folder, with `tables`, `models` and `misc`; files above 20 MB wait for `LOSSLAW_DATA_LARGE`.

use std::path::{Path, PathBuf};

use losslaw::{Pipeline, decompress};

const LARGE: u64 = 20_000_000;

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

#[test]
fn every_file_of_the_folder_returns() {
    let Some(folder) = std::env::var_os("LOSSLAW_DATA").map(PathBuf::from) else {
        eprintln!("skipped: LOSSLAW_DATA names no folder");
        return;
    };
    let with_large = std::env::var_os("LOSSLAW_DATA_LARGE").is_some();
    let files = ["tables", "models", "misc"].map(|kind| files(&folder.join(kind))).concat();
    assert!(!files.is_empty(), "LOSSLAW_DATA holds no tables, models or misc");
    // What comes out is compared here, so the pipeline need not do it as well.
    let pipeline = Pipeline::builder().verify(false).build().unwrap();
    for path in files {
        if !with_large && path.metadata().unwrap().len() > LARGE {
            eprintln!("skipped: {} is large", path.display());
            continue;
        }
        let source = std::fs::read(&path).unwrap();
        let packed = pipeline.compress(&source).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(decompress(&packed.bytes).unwrap() == source, "{} differs", path.display());
        let (before, after) = (source.len(), packed.bytes.len());
        assert!(after <= before + 64, "{} grew from {before} to {after}", path.display());
        eprintln!("{:>11} {after:>10} {:.4} {}", before, packed.report.ratio(), path.display());
    }
}
