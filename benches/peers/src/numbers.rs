//! Lanes of 32-bit numbers: losslaw's plan by trial, pco and zstd.

use losslaw::codec::{Registry, encode_auto};
use losslaw::{Budget, Lane, Limits};
use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};

use crate::measure::{Measured, measure};
use crate::table::Table;
use crate::{Result, common};

const NUMBERS: usize = 1 << 20;

pub fn print() -> Result<()> {
    let coders = ["losslaw by trial", "pco -8", "zstd -19"];
    let mut table = Table::begin("Numbers", "1,048,576 generated numbers of 32 bits", coders, 1);
    for (name, numbers) in [
        ("time stamps with jitter", common::ramp(NUMBERS)),
        ("prices", common::prices(NUMBERS)),
        ("counts with outliers", common::outliers(NUMBERS)),
        ("200 codes", common::codes(NUMBERS)),
    ] {
        table.row(name, 4 * NUMBERS, &measured(&numbers)?);
    }
    table.end();
    Ok(())
}

fn measured(numbers: &[u32]) -> Result<[Measured; 3]> {
    let (registry, lane) = (Registry::default(), Lane::from(numbers.to_vec()));
    let config = ChunkConfig::default();
    let bytes = lane.to_le_bytes();
    Ok([
        measure(
            numbers,
            |_| Ok(encode_auto(&lane)?.1),
            |c| match registry.decode(c, &mut Budget::new(&Limits::default()))? {
                Lane::U32(words) => Ok(words),
                _ => Err("a lane came back with another width".into()),
            },
        )?,
        measure(numbers, |n| Ok(simple_compress(n, &config)?), |c| Ok(simple_decompress::<u32>(c)?))?,
        measure(&bytes[..], |b| Ok(zstd::bulk::compress(b, 19)?), |c| Ok(zstd::bulk::decompress(c, bytes.len())?))?,
    ])
}
