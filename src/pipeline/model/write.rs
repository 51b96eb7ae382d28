//! Coding a model.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Instant;

use super::against::Against;
use super::method::{self, Coded, Coding, Method};
use super::share;
use super::unit::Unit;
use crate::codec::encode_auto;
use crate::container::{Kind, Tag, Writer};
use crate::model::{Base, Model, TensorInfo};
use crate::pipeline::{Pipeline, Stage};
use crate::report::{BaseUse, Report, TensorReport, seconds_since};
use crate::threads::each;
use crate::wire::{put_bytes, put_varint};
use crate::{Lane, Result};

/// Bytes of the header that are coded as one lane.
const STRETCH: usize = 8 << 20;

/// A unit that is coded, or found before.
enum Packed {
    Coded(Coding, Coded, Vec<u32>),
    Equal {
        tensor: usize,
        checksum: u32,
    },
    /// The base's own words for the unit, or one of its tensors.
    Base {
        tensor: Option<usize>,
        checksum: u32,
    },
}

/// Compresses a model, against a base if there is one; `report` is filled as far as this knows.
pub fn compress(pipeline: &Pipeline, base: Option<&Base>, model: &Model<'_>, report: &mut Report) -> Result<Vec<u8>> {
    let start = Instant::now();
    let tensors = model.infos();
    let units = Unit::divide(tensors);
    let twins = twins(&units, model);
    let against = base.map(|base| Against::new(base, tensors));
    let known = base.map(Known::new).unwrap_or_default();
    let tick = pipeline.listener.counter(Stage::Learning, units.len());
    let packed = each(pipeline.threads, units.len(), |number| {
        let (unit, against) = (&units[number], against.as_ref());
        let bytes = unit.gather(tensors, model.data());
        let equal = twins[number].map(|tensor| Packed::Equal { tensor, checksum: crc32fast::hash(&bytes) });
        let equal = equal.or_else(|| in_base(against?, &known, unit, tensors, &bytes));
        let packed = equal.map_or_else(|| pack(pipeline, against, unit, tensors, bytes), Ok)?;
        tick();
        Ok(packed)
    })?;
    report.timings.learning = seconds_since(start);

    let start = Instant::now();
    let mut writer = Writer::new(Kind::Model);
    let header = header_body(model.header())?;
    writer.section(Tag::Header, 0, 0, &header);
    report.add("header", header.len());
    report.base =
        base.filter(|_| packed.iter().any(|packed| packed.base_use() != BaseUse::None)).map(Base::fingerprint);
    let mut inside = header.len();
    if let Some(base) = report.base {
        let mut body = vec![];
        put_varint(&mut body, base.bytes);
        body.extend(base.hash);
        writer.section(Tag::Base, 0, 0, &body);
        report.add("base", body.len());
        inside += body.len();
    }
    let mut listed: Vec<TensorReport> = tensors.iter().map(TensorReport::of).collect();
    for (unit, packed) in units.iter().zip(&packed) {
        let bytes = write(&mut writer, unit, packed, report);
        inside += bytes;
        let method = match packed {
            Packed::Coded(coding, ..) => coding.to_string(),
            Packed::Equal { tensor, .. } => format!("equal to {}", tensors[*tensor].name),
            Packed::Base { tensor: None, .. } => "equal to the base".to_owned(),
            Packed::Base { tensor: Some(tensor), .. } => {
                let base = base.expect("a tensor is equal to one of the base");
                format!("equal to {} of the base", base.infos()[*tensor].name)
            }
        };
        share(&mut listed, unit, tensors, &method, packed.base_use(), bytes);
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

/// Tensors of a base by length and checksum.
#[derive(Debug, Default)]
struct Known(HashMap<(usize, u32), Vec<usize>>);

impl Known {
    fn new(base: &Base) -> Self {
        let mut known = Self::default();
        for number in 0..base.infos().len() {
            let bytes = base.data(number);
            known.0.entry((bytes.len(), crc32fast::hash(bytes))).or_default().push(number);
        }
        known
    }
}

impl Packed {
    fn base_use(&self) -> BaseUse {
        match self {
            Self::Coded(coding, ..) => coding.method().base_use(),
            Self::Equal { .. } => BaseUse::None,
            Self::Base { .. } => BaseUse::Equal,
        }
    }
}

/// A unit whose bytes are in the base: its tensors of the same names, or one of any name.
fn in_base(against: &Against<'_>, known: &Known, unit: &Unit, tensors: &[TensorInfo], bytes: &[u8]) -> Option<Packed> {
    if bytes.len() <= method::BASE_BYTES {
        return None;
    }
    let checksum = crc32fast::hash(bytes);
    if against.knows(unit) && *against.bytes(unit, tensors) == *bytes {
        return Some(Packed::Base { tensor: None, checksum });
    }
    let alike = known.0.get(&(bytes.len(), checksum)).filter(|_| unit.tensors.len() == 1)?;
    let tensor = alike.iter().copied().find(|&number| against.base.data(number) == bytes)?;
    Some(Packed::Base { tensor: Some(tensor), checksum })
}

fn pack(
    pipeline: &Pipeline,
    against: Option<&Against<'_>>,
    unit: &Unit,
    tensors: &[TensorInfo],
    bytes: Cow<'_, [u8]>,
) -> Result<Packed> {
    let words = unit.form.words(&bytes);
    let (coding, mut coded) = if let Some(plan) = &pipeline.plan {
        let coding = method::asked(plan);
        let coded = coding.encode(&words, None, unit)?;
        (coding, coded)
    } else {
        let against = against.filter(|against| against.knows(unit));
        let base = against.map(|against| unit.form.words(&against.bytes(unit, tensors)));
        Coding::best(&words, base.as_ref(), unit, &tensors[unit.tensors[0]].shape, pipeline.effort)?
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
        Packed::Base { tensor, checksum } => {
            body.push(Method::Base as u8);
            put_varint(&mut body, tensor.map_or(0, |tensor| tensor as u64 + 1));
            body.extend(checksum.to_le_bytes());
            writer.section(Tag::Tensors, first, 0, &body);
            report.add("tables", body.len());
            return body.len();
        }
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
