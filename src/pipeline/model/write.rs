//! Coding a model.

use std::collections::HashMap;
use std::time::Instant;

use super::method::{self, Coded, Coding, Method};
use super::share;
use super::unit::Unit;
use crate::codec::encode_auto;
use crate::container::{Kind, Tag, Writer};
use crate::model::{Model, TensorInfo};
use crate::pipeline::{Pipeline, Stage};
use crate::report::{Report, TensorReport, seconds_since};
use crate::threads::each;
use crate::wire::{put_bytes, put_varint};
use crate::{Lane, Result};

/// Bytes of the header that are coded as one lane.
const STRETCH: usize = 8 << 20;

/// A unit that is coded, or found before.
enum Packed {
    Coded(Coding, Coded, Vec<u32>),
    Equal { tensor: usize, checksum: u32 },
}

/// Compresses a model; `report` is filled as far as this knows.
pub fn compress(pipeline: &Pipeline, model: &Model<'_>, report: &mut Report) -> Result<Vec<u8>> {
    let start = Instant::now();
    let tensors = model.infos();
    let units = Unit::divide(tensors);
    let twins = twins(&units, model);
    let tick = pipeline.listener.counter(Stage::Learning, units.len());
    let packed = each(pipeline.threads, units.len(), |number| {
        let packed = match twins[number] {
            Some(tensor) => {
                Packed::Equal { tensor, checksum: crc32fast::hash(&units[number].gather(tensors, model.data())) }
            }
            None => pack(pipeline, &units[number], tensors, model.data())?,
        };
        tick(&tensors[units[number].tensors[0]].name);
        Ok(packed)
    })?;
    report.timings.learning = seconds_since(start);

    let start = Instant::now();
    let mut writer = Writer::new(Kind::Model);
    let header = header_body(model.header())?;
    writer.section(Tag::Header, 0, 0, &header);
    report.add("header", header.len());
    let mut listed: Vec<TensorReport> = tensors.iter().map(TensorReport::of).collect();
    let mut inside = header.len();
    for (unit, packed) in units.iter().zip(&packed) {
        let bytes = write(&mut writer, unit, packed, report);
        inside += bytes;
        let method = match packed {
            Packed::Coded(coding, ..) => coding.to_string(),
            Packed::Equal { tensor, .. } => format!("equal to {}", tensors[*tensor].name),
        };
        share(&mut listed, unit, tensors, &method, bytes);
    }
    let out = writer.finish();
    report.add("container", out.len() - inside);
    report.blocks = units.len() as u64;
    report.tensors = listed;
    report.timings.writing = seconds_since(start);
    Ok(out)
}

/// For each unit of one tensor the number of an earlier tensor with the same bytes, found by hash and then compared.
fn twins(units: &[Unit], model: &Model<'_>) -> Vec<Option<usize>> {
    let tensors = model.infos();
    let bytes = |number: usize| &model.data()[tensors[number].range.clone()];
    let mut known: HashMap<(usize, u32), Vec<usize>> = HashMap::new();
    units
        .iter()
        .map(|unit| {
            let [number] = *unit.tensors.as_slice() else { return None };
            let own = bytes(number);
            let alike = known.entry((own.len(), crc32fast::hash(own))).or_default();
            let twin = alike.iter().copied().find(|&earlier| bytes(earlier) == own);
            if twin.is_none() {
                alike.push(number);
            }
            twin
        })
        .collect()
}

fn pack(pipeline: &Pipeline, unit: &Unit, tensors: &[TensorInfo], data: &[u8]) -> Result<Packed> {
    let bytes = unit.gather(tensors, data);
    let words = unit.form.words(&bytes);
    let (coding, mut coded) = match &pipeline.plan {
        Some(plan) => {
            let coding = method::asked(plan);
            let coded = coding.encode(&words, unit)?;
            (coding, coded)
        }
        None => Coding::best(&words, unit, &tensors[unit.tensors[0]].shape, pipeline.effort)?,
    };
    let chunk_bytes = coding.chunk_words(unit) * unit.form.kind.width();
    let bytes = coded.words.take().map_or(bytes, |words| unit.form.bytes(words).into());
    let checksums = bytes.chunks(chunk_bytes).map(crc32fast::hash).collect();
    Ok(Packed::Coded(coding, coded, checksums))
}

/// Appends the sections of a unit, adds their bytes to parts, and returns how many these are.
fn write(writer: &mut Writer, unit: &Unit, packed: &Packed, report: &mut Report) -> usize {
    let first = unit.tensors[0] as u64;
    let mut body = vec![];
    let (coding, coded, checksums) = match packed {
        Packed::Equal { tensor, checksum } => {
            body.push(Method::Equal as u8);
            put_varint(&mut body, *tensor as u64);
            body.extend(checksum.to_le_bytes());
            writer.section(Tag::Tensors, first, 0, &body);
            report.add("tables", body.len());
            return body.len();
        }
        Packed::Coded(coding, coded, checksums) => (coding, coded, checksums),
    };
    body.push(coding.method() as u8);
    put_varint(&mut body, coding.chunk_words(unit) as u64);
    put_bytes(&mut body, &coded.shared);
    report.add("tables", body.len());
    let head_bytes = body.len();
    let chunks: Vec<Vec<u8>> =
        coded.chunks.iter().zip(checksums).map(|(chunk, sum)| [&sum.to_le_bytes()[..], chunk].concat()).collect();
    let chunk_bytes: usize = chunks.iter().map(Vec::len).sum();
    if let [only] = chunks.as_slice() {
        body.extend_from_slice(only);
        writer.section(Tag::Tensors, first, 0, &body);
    } else {
        writer.section(Tag::Tensors, first, 0, &body);
        for (number, chunk) in (0..).zip(&chunks) {
            writer.section(Tag::Weights, first, number, chunk);
        }
    }
    if coded.mask_bytes > 0 {
        report.add("masks", coded.mask_bytes);
    }
    report.add("values", chunk_bytes - coded.mask_bytes);
    head_bytes + chunk_bytes
}

fn header_body(text: &[u8]) -> Result<Vec<u8>> {
    let mut body = vec![];
    put_varint(&mut body, text.len() as u64);
    body.extend(crc32fast::hash(text).to_le_bytes());
    for stretch in text.chunks(STRETCH) {
        put_bytes(&mut body, &encode_auto(&Lane::U8(stretch.to_vec()))?.1);
    }
    Ok(body)
}
