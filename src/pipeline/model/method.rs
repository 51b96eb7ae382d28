//! Methods: the ways to code the words of a unit, and which one codes it best.

use super::lanes::{Lanes, SharedLanes};
use super::sparse::{SharedSparse, Sparse, part};
use super::unit::Unit;
use super::words::Form;
use crate::codec::{Bins, BitPack, Delta, Dictionary, Lz77, Lz77Effort, Plan, Rans, Registry, Store, Then, auto};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, Result};

/// Words on which methods are tried.
const SAMPLE: usize = 1 << 16;

/// How a unit is coded; the numbers are on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    /// The bytes of an earlier tensor.
    Equal = 0,
    /// Words under plans.
    Lanes = 1,
    /// A mask, and the words that are not zero under plans.
    Sparse = 2,
}

impl Method {
    /// The method numbered `code` on the wire.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self> {
        match reader.u8()? {
            0 => Ok(Self::Equal),
            1 => Ok(Self::Lanes),
            2 => Ok(Self::Sparse),
            _ => Err(reader.corrupt("unknown method")),
        }
    }

    /// The name in reports that do not know the plans.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal to another",
            Self::Lanes => "lanes",
            Self::Sparse => "mask and lanes",
        }
    }
}

/// A method with its settings.
#[derive(Debug, Clone)]
pub enum Coding {
    /// Words under plans.
    Lanes(Lanes),
    /// Mask and words.
    Sparse(Sparse),
}

/// A unit as it will stand in the file.
#[derive(Debug, Default)]
pub struct Coded {
    /// What all chunks share.
    pub shared: Vec<u8>,
    /// The chunks, their checksums not included.
    pub chunks: Vec<Vec<u8>>,
    /// Bytes of the chunks that are masks.
    pub mask_bytes: usize,
}

impl Coded {
    fn bytes(&self) -> usize {
        self.shared.len() + self.chunks.iter().map(Vec::len).sum::<usize>()
    }
}

impl Coding {
    /// The method on the wire.
    pub fn method(&self) -> Method {
        match self {
            Self::Lanes(_) => Method::Lanes,
            Self::Sparse(_) => Method::Sparse,
        }
    }

    /// Codes the chunks of a unit.
    pub fn encode(&self, chunks: &[Lane], unit: &Unit) -> Result<Coded> {
        match self {
            Self::Lanes(lanes) => {
                let (shared, chunks) = lanes.encode(chunks)?;
                Ok(Coded { shared, chunks, mask_bytes: 0 })
            }
            Self::Sparse(sparse) => {
                let (shared, chunks, mask_bytes) = sparse.encode(chunks, unit.row)?;
                Ok(Coded { shared, chunks, mask_bytes })
            }
        }
    }

    /// The coding that a trial on a sample finds, and the unit under it, never larger than its words stored.
    pub fn best(chunks: &[Lane], unit: &Unit) -> Result<(Self, Coded)> {
        let sample = sample(chunks, unit);
        let mut best: Option<(Self, Coded)> = None;
        for coding in candidates(&sample, unit)? {
            let coded = match coding.encode(std::slice::from_ref(&sample), unit) {
                Ok(coded) => coded,
                Err(Error::Unsuitable { .. }) => continue,
                Err(error) => return Err(error),
            };
            if best.as_ref().is_none_or(|(_, least)| coded.bytes() < least.bytes()) {
                best = Some((coding, coded));
            }
        }
        let stored = Self::Lanes(Lanes::whole(Store));
        let plain = stored.encode(chunks, unit)?;
        let (coding, coded) = match best {
            Some(best) if sample.len() == unit.words => best,
            Some((coding, _)) => {
                let coded = coding.encode(chunks, unit)?;
                (coding, coded)
            }
            None => return Ok((stored, plain)),
        };
        Ok(if plain.bytes() <= coded.bytes() { (stored, plain) } else { (coding, coded) })
    }
}

impl std::fmt::Display for Coding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lanes(lanes) => lanes.fmt(f),
            Self::Sparse(sparse) => sparse.fmt(f),
        }
    }
}

/// A stretch of whole rows, where there are rows, from the middle of a unit.
fn sample(chunks: &[Lane], unit: &Unit) -> Lane {
    let chunk = &chunks[chunks.len() / 2];
    let end = chunk.len().min(SAMPLE);
    let end = if unit.row > 0 && unit.row < end { end - end % unit.row } else { end };
    chunk.slice(0..end)
}

/// What is tried; the earlier wins a tie.
fn candidates(sample: &Lane, unit: &Unit) -> Result<Vec<Coding>> {
    let mut lanes = dense(sample, unit.form)?;
    if unit.form.is_rotated {
        // Few distinct floats, or stretches that come again. Nothing else that `auto` tries suits floats.
        lanes.push(Lanes::whole(Plan::new(Dictionary, [binned(), Delta::default().then(BitPack)])));
        lanes.push(Lanes::whole(Lz77 { effort: Lz77Effort::Fast }.each(Rans::default())));
    } else {
        lanes.push(Lanes::whole(auto(sample)?));
    }
    let mut candidates: Vec<Coding> = lanes.into_iter().map(Coding::Lanes).collect();
    let (mask, words) = part(sample);
    if (1..sample.len() - sample.len() / 64).contains(&words.len()) {
        for lanes in dense(&words, unit.form)? {
            candidates.push(Coding::Sparse(Sparse::new(&mask, unit.row, lanes)));
        }
    }
    Ok(candidates)
}

/// Lanes for words of which few are equal.
fn dense(sample: &Lane, form: Form) -> Result<Vec<Lanes>> {
    let (binned, planes) = (Lanes::whole(binned()), Lanes::planes(sample)?);
    Ok(if form.kind.width() == 1 { vec![planes, binned] } else { vec![binned, planes] })
}

fn binned() -> Plan {
    Bins::default().then(Rans::default())
}

/// What the chunks of a unit share, as it was read.
#[derive(Debug)]
pub enum Shared {
    Lanes(SharedLanes),
    Sparse(SharedSparse),
}

impl Shared {
    /// Reads what all chunks share.
    pub fn read(method: Method, bytes: &[u8], form: Form, budget: &mut Budget) -> Result<Self> {
        let mut reader = Reader::new(bytes, "tensors");
        let shared = match method {
            Method::Equal => return Err(reader.corrupt("an equal tensor shares nothing")),
            Method::Lanes => Self::Lanes(SharedLanes::read(&mut reader, form.kind, budget)?),
            Method::Sparse => Self::Sparse(SharedSparse::read(&mut reader, form.kind, budget)?),
        };
        reader.end()?;
        Ok(shared)
    }

    /// The words of one chunk.
    pub fn decode(
        &self,
        reader: &mut Reader<'_>,
        (len, row): (usize, usize),
        registry: &Registry,
        budget: &mut Budget,
    ) -> Result<Lane> {
        match self {
            Self::Lanes(lanes) => lanes.decode(reader, len, registry, budget),
            Self::Sparse(sparse) => sparse.decode(reader, (len, row), registry, budget),
        }
    }
}

/// The coding that was asked for by name.
pub fn asked(plan: &Plan) -> Coding {
    Coding::Lanes(Lanes::whole(plan.clone()))
}
