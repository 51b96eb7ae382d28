//! Coding a model.

use std::collections::HashMap;
use std::io::{Read, Seek, Write};
use std::time::Instant;

use super::against::Against;
use super::head::Head;
use super::method::{self, Coded, Coding, Method, Planes};
use super::source::{InFile, Source};
use super::unit::Unit;
use super::{header, share, share_planes};
use crate::container::{Kind, Stream, Tag};
use crate::model::{Base, Model};
use crate::pipeline::{Pipeline, Stage};
use crate::report::{BaseUse, Report, TensorReport, seconds_since};
use crate::threads::{count, each};
use crate::wire::{put_bytes, put_varint};
use crate::{Budget, Error, Limits, Result};

/// Bytes of weights that one thread is given at a time when a file is read in places.
const BATCH: usize = 16 << 20;

/// A unit as sections, and what the report says of it.
struct Packed {
    method: String,
    base: BaseUse,
    /// Bytes of what all chunks share.
    head_bytes: usize,
    /// What chunks are made of.
    planes: Planes,
    head: Vec<u8>,
    chunks: Vec<Vec<u8>>,
}

/// Compresses a model in memory, against a base if there is one; `report` is filled as far as this knows.
pub fn compress(pipeline: &Pipeline, base: Option<&Base>, model: &Model<'_>, report: &mut Report) -> Result<Vec<u8>> {
    let data = model.data();
    let source = Source { text: model.header(), tensors: model.infos(), weights: &data };
    let against = base.map(|base| Against::new(base, source.tensors));
    // The caller verifies the whole.
    write(pipeline, source, against.as_ref(), vec![], usize::MAX, false, report)
}

/// Compresses a file that is read in places; each unit is decoded and compared before it is written if the pipeline
/// verifies.
pub fn compress_from<R: Read + Seek + Send>(
    pipeline: &Pipeline,
    file: &InFile<R>,
    out: impl Write,
    report: &mut Report,
) -> Result<()> {
    let source = Source { text: &file.text, tensors: &file.header.tensors, weights: file };
    write(pipeline, source, None, out, BATCH * count(pipeline.threads), pipeline.verify, report)?;
    report.verified = pipeline.verify;
    Ok(())
}

fn write<W: Write>(
    pipeline: &Pipeline,
    source: Source<'_>,
    against: Option<&Against>,
    out: W,
    batch: usize,
    verify: bool,
    report: &mut Report,
) -> Result<W> {
    let start = Instant::now();
    let tensors = source.tensors;
    let units = Unit::divide(tensors);
    let twins = twins(&units, source)?;
    let tick = pipeline.listener.counter(Stage::Learning, units.len());
    let mut stream = Stream::new(Kind::Model, out)?;
    let text = header::write(source.text, pipeline.effort)?;
    stream.section(Tag::Header, 0, 0, &text)?;
    report.add("header", text.len());
    let mut listed: Vec<TensorReport> = tensors.iter().map(TensorReport::of).collect();
    let mut inside = text.len() as u64;
    let mut next = 0;
    report.timings.learning = seconds_since(start);
    while next < units.len() {
        let start = Instant::now();
        let first = next;
        let mut bytes = 0usize;
        while next < units.len() && (next == first || bytes.saturating_add(units[next].byte_len()) <= batch) {
            bytes = bytes.saturating_add(units[next].byte_len());
            next += 1;
        }
        let packed = each(pipeline.threads, next - first, |at| {
            let (unit, twin) = (&units[first + at], twins[first + at]);
            let packed = match twin {
                Some(tensor) => equal(unit, tensor, source)?,
                None => pack(pipeline, against, unit, source, verify)?,
            };
            tick(&tensors[unit.tensors[0]].name);
            Ok(packed)
        })?;
        report.timings.learning += seconds_since(start);
        let start = Instant::now();
        // With a base all units are in one batch, so that it is known whether one needs it.
        if let Some(against) = against.filter(|_| packed.iter().any(|packed| packed.base != BaseUse::None)) {
            let base = against.base.fingerprint();
            let mut body = vec![];
            put_varint(&mut body, base.bytes);
            body.extend(base.hash);
            stream.section(Tag::Base, 0, 0, &body)?;
            report.add("base", body.len());
            report.base = Some(base);
            inside += body.len() as u64;
        }
        for (unit, packed) in units[first..next].iter().zip(&packed) {
            let (address, part) = (unit.tensors[0] as u64, unit.part as u64);
            stream.section(Tag::Tensors, address, part, &packed.head)?;
            for (number, chunk) in (0..).zip(&packed.chunks) {
                stream.section(Tag::Weights, address, unit.chunk_address(number), chunk)?;
            }
            let bytes = packed.head.len() + packed.chunks.iter().map(Vec::len).sum::<usize>();
            report.add("tables", packed.head_bytes);
            let mask_bytes = packed.planes.mask_bytes();
            if mask_bytes > 0 {
                report.add("masks", mask_bytes);
            }
            report.add("values", bytes - packed.head_bytes - mask_bytes);
            inside += bytes as u64;
            share(&mut listed, unit, tensors, &packed.method, packed.base, bytes);
            share_planes(&mut listed, unit, tensors, &packed.planes);
        }
        report.timings.writing += seconds_since(start);
    }
    let (out, all) = stream.finish()?;
    report.add("container", (all - inside) as usize);
    report.compressed_bytes = all;
    report.blocks = units.len() as u64;
    report.tensors = listed;
    Ok(out)
}

/// For each unit of one tensor the number of an earlier tensor with the same bytes at the same part, found by hash and
/// then compared.
fn twins(units: &[Unit], source: Source<'_>) -> Result<Vec<Option<usize>>> {
    let mut known: HashMap<(usize, usize, u32), Vec<usize>> = HashMap::new();
    let mut twins = vec![];
    for (at, unit) in units.iter().enumerate() {
        twins.push(None);
        let [_] = *unit.tensors.as_slice() else { continue };
        let own = unit.gather(source.tensors, source.weights)?;
        let alike = known.entry((unit.part, own.len(), crc32fast::hash(&own))).or_default();
        for &earlier in alike.iter() {
            if units[earlier].gather(source.tensors, source.weights)? == own {
                twins[at] = Some(units[earlier].tensors[0]);
                break;
            }
        }
        if twins[at].is_none() {
            alike.push(at);
        }
    }
    Ok(twins)
}

/// A unit that has the bytes of an earlier tensor.
fn equal(unit: &Unit, tensor: usize, source: Source<'_>) -> Result<Packed> {
    let bytes = unit.gather(source.tensors, source.weights)?;
    let method = format!("equal to {}", source.tensors[tensor].name);
    Ok(Packed::named(Method::Equal, method, tensor as u64, &bytes))
}

impl Packed {
    /// A unit whose bytes are elsewhere.
    fn named(code: Method, method: String, number: u64, bytes: &[u8]) -> Self {
        let mut head = vec![code as u8];
        put_varint(&mut head, number);
        head.extend(crc32fast::hash(bytes).to_le_bytes());
        Self { method, base: code.base_use(), head_bytes: head.len(), planes: Planes::default(), head, chunks: vec![] }
    }
}

/// A unit whose bytes are in the base: its tensors of the same names, or one of any name.
fn in_base(against: &Against, unit: &Unit, source: Source<'_>, bytes: &[u8]) -> Option<Packed> {
    if bytes.len() <= method::BASE_BYTES {
        return None;
    }
    if against.knows(unit) && *against.bytes(unit, source.tensors) == *bytes {
        return Some(Packed::named(Method::Base, "equal to the base".to_owned(), 0, bytes));
    }
    let tensor = against.find(unit, source.tensors, bytes)?;
    let method = format!("equal to {} of the base", against.base.infos()[tensor].name);
    Some(Packed::named(Method::Base, method, tensor as u64 + 1, bytes))
}

fn pack(
    pipeline: &Pipeline,
    against: Option<&Against>,
    unit: &Unit,
    source: Source<'_>,
    verify: bool,
) -> Result<Packed> {
    let bytes = unit.gather(source.tensors, source.weights)?;
    if let Some(packed) = against.and_then(|against| in_base(against, unit, source, &bytes)) {
        return Ok(packed);
    }
    let words = unit.form.words(&bytes);
    let (coding, mut coded) = if let Some(plan) = &pipeline.plan {
        let coding = method::asked(plan);
        let coded = coding.encode(&words, None, unit)?;
        (coding, coded)
    } else {
        let against = against.filter(|against| against.knows(unit));
        let base = against.map(|against| unit.form.words(&against.bytes(unit, source.tensors)));
        Coding::best(&words, base.as_ref(), unit, &source.tensors[unit.tensors[0]].shape, pipeline.effort)?
    };
    drop(words);
    let chunk_bytes = coding.chunk_words(unit) * unit.form.kind.width();
    let in_order = coded.words.take().map(|words| unit.form.bytes(words));
    let checksums = in_order.as_deref().unwrap_or(&bytes).chunks(chunk_bytes).map(crc32fast::hash);
    let packed = sections(unit, &coding, &coded, checksums);
    if verify {
        check(pipeline, unit, &packed, &bytes)?;
    }
    Ok(packed)
}

fn sections(unit: &Unit, coding: &Coding, coded: &Coded, checksums: impl Iterator<Item = u32>) -> Packed {
    let mut head = vec![coding.method() as u8];
    put_varint(&mut head, coding.chunk_words(unit) as u64);
    put_bytes(&mut head, &coded.shared);
    let head_bytes = head.len();
    let chunks = coded.chunks.iter().zip(checksums);
    let mut chunks: Vec<Vec<u8>> = chunks.map(|(chunk, sum)| [&sum.to_le_bytes()[..], chunk].concat()).collect();
    if chunks.len() == 1 {
        head.append(&mut chunks[0]);
        chunks.clear();
    }
    let (method, base) = (coding.to_string(), coding.method().base_use());
    Packed { method, base, head_bytes, planes: coded.planes.clone(), head, chunks }
}

/// Decodes a unit that needs no base and compares it.
fn check(pipeline: &Pipeline, unit: &Unit, packed: &Packed, bytes: &[u8]) -> Result<()> {
    let (decoder, budget) = (pipeline.decoder()?, Budget::new(&Limits::default()));
    let Head::Coded(coded) = Head::read(unit, &packed.head, packed.chunks.len(), &budget)? else {
        return Err(Error::Verification { part: "tensors" });
    };
    let mut restored = Vec::with_capacity(bytes.len());
    for at in 0..coded.count(unit) {
        let body = coded.only().unwrap_or_else(|| &packed.chunks[at]);
        restored.extend(coded.chunk(&decoder, unit, at, body, None, &budget)?);
    }
    if coded.restore(unit, restored, &budget)? != bytes {
        return Err(Error::Verification { part: "tensors" });
    }
    Ok(())
}
