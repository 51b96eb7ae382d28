//! Bytes of no known structure: stretches under the plan that a trial picks, or the input as it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::{Decoder, Effort, Pipeline, Stage};
use crate::codec::{Plan, encode_auto, encode_mixed};
use crate::container::{Container, Kind, Tag, Writer};
use crate::report::{ColumnReport, Report, seconds_since};
use crate::threads::each;
use crate::{Budget, Error, Lane, Result};

/// Bytes of one stretch.
const STRETCH: usize = 8 << 20;

/// Compresses bytes; `report` is filled as far as this knows.
pub(super) fn compress(pipeline: &Pipeline, bytes: &[u8], report: &mut Report) -> Result<Vec<u8>> {
    let start = Instant::now();
    let stretches: Vec<&[u8]> = bytes.chunks(STRETCH).collect();
    let tick = pipeline.listener.counter(Stage::Writing, stretches.len());
    let coded = each(pipeline.threads, stretches.len(), |number| {
        let lane = Lane::U8(stretches[number].to_vec());
        let coded = match &pipeline.plan {
            Some(plan) => (plan.clone(), plan.encode(&lane)?),
            None if pipeline.effort == Effort::Max => encode_mixed(&lane)?,
            None => encode_auto(&lane)?,
        };
        tick("");
        Ok(coded)
    })?;
    report.timings.learning = seconds_since(start);

    let start = Instant::now();
    let mut writer = Writer::new(Kind::Bytes);
    for (number, (stretch, (_, node))) in stretches.iter().zip(&coded).enumerate() {
        let mut body = crc32fast::hash(stretch).to_le_bytes().to_vec();
        body.extend(node);
        writer.section(Tag::Bytes, number as u64, 0, &body);
    }
    let mut out = writer.finish();
    let stored = store(bytes);
    let by_plan = out.len() < stored.len();
    let values = if by_plan { coded.iter().map(|(_, node)| node.len()).sum() } else { bytes.len() };
    if !by_plan {
        out = stored;
    }
    report.kind = Kind::Bytes;
    report.add("values", values);
    report.add("container", out.len() - values);
    report.blocks = if by_plan { coded.len() as u64 } else { 1 };
    let plans = coded.iter().map(|(plan, node)| describe(plan, node.len()));
    report.columns = if by_plan { plans.collect() } else { vec![] };
    report.timings.writing = seconds_since(start);
    Ok(out)
}

/// The container of bytes as they are: at most 64 bytes more.
fn store(bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Kind::Bytes);
    if !bytes.is_empty() {
        writer.section(Tag::Stored, 0, 0, bytes);
    }
    writer.finish()
}

fn describe(plan: &Plan, bytes: usize) -> ColumnReport {
    ColumnReport {
        name: "bytes".to_owned(),
        kind: "bytes".to_owned(),
        transform: "plain".to_owned(),
        plan: plan.to_string(),
        leaves: 1,
        asks: vec![],
        parents: vec![],
        bytes: bytes as u64,
        bits_per_value: 0.0,
    }
}

/// Decodes a file of bytes.
pub(super) fn decompress(decoder: &Decoder, container: &Container<'_>) -> Result<Vec<u8>> {
    let sections = container.sections();
    let (total, allowed) = (AtomicU64::new(0), decoder.limits.output_bytes);
    let stretches = each(decoder.threads, sections.len(), |number| {
        let section = &sections[number];
        let mut reader = section.reader();
        if (section.first, section.second) != (number as u64, 0) {
            return Err(reader.corrupt("stretches are out of order"));
        }
        let stretch = match section.tag {
            Tag::Stored => section.body.to_vec(),
            Tag::Bytes => {
                let checksum = reader.u32()?;
                let mut budget = Budget::new(&decoder.limits);
                let Lane::U8(bytes) = decoder.registry.decode(reader.rest(), &mut budget)? else {
                    return Err(reader.corrupt("a stretch does not hold bytes"));
                };
                if crc32fast::hash(&bytes) != checksum {
                    return Err(Error::Checksum { part: "decoded bytes", index: number as u64 });
                }
                bytes
            }
            _ => return Err(reader.corrupt("a section has no place in a file of bytes")),
        };
        // A running total, so that a file of many small sections stops before all of them lie in memory.
        let asked = total.fetch_add(stretch.len() as u64, Ordering::Relaxed) + stretch.len() as u64;
        if asked > allowed {
            return Err(Error::LimitExceeded { what: "output bytes", asked, allowed });
        }
        Ok(stretch)
    })?;
    Ok(stretches.concat())
}
