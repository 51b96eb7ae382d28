//! Methods: the ways to code the words of a unit, and which one codes it best.

use super::dense::{Dense, SharedDense};
use super::lanes::{Lanes, SharedLanes};
use super::sparse::{SharedSparse, Sparse, part};
use super::unit::Unit;
use super::words::Form;
use crate::codec::{
    Bins, BitPack, Constant, Delta, Dictionary, Lz77, Lz77Effort, Plan, Rans, Registry, Store, Then, auto,
};
use crate::wire::Reader;
use crate::{Budget, Effort, Error, Lane, Result, Word, with_words};

/// Fewest and most words on which plans are tried, and the share of a unit between.
const SAMPLE: std::ops::RangeInclusive<usize> = 1 << 13..=1 << 15;
const SAMPLED: usize = 16;

/// Stretches of a sample.
const STRETCHES: usize = 4;

/// Plans that are tried on a whole unit.
const TRIALS: usize = 2;

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
    /// Weights under a density.
    Dense = 3,
}

impl Method {
    /// The method numbered `code` on the wire.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self> {
        match reader.u8()? {
            0 => Ok(Self::Equal),
            1 => Ok(Self::Lanes),
            2 => Ok(Self::Sparse),
            3 => Ok(Self::Dense),
            _ => Err(reader.corrupt("unknown method")),
        }
    }

    /// The name in reports that do not know the plans.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal to another",
            Self::Lanes => "lanes",
            Self::Sparse => "mask and lanes",
            Self::Dense => "density",
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
    /// A density.
    Dense(Box<Dense>),
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
    /// The words in the order in which they are coded, if it is another.
    pub words: Option<Lane>,
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
            Self::Dense(_) => Method::Dense,
        }
    }

    /// Words of a chunk.
    pub fn chunk_words(&self, unit: &Unit) -> usize {
        match self {
            Self::Lanes(_) | Self::Sparse(_) => unit.chunk_words(unit.row),
            Self::Dense(dense) => dense.chunk_words(unit),
        }
    }

    /// Codes the words of a unit.
    pub fn encode(&self, words: &Lane, unit: &Unit) -> Result<Coded> {
        let chunk_words = self.chunk_words(unit);
        let cut = || -> Vec<Lane> {
            let starts = (0..words.len()).step_by(chunk_words);
            starts.map(|start| words.slice(start..words.len().min(start + chunk_words))).collect()
        };
        let (shared, chunks, mask_bytes) = match self {
            Self::Lanes(lanes) => {
                let (shared, chunks) = lanes.encode(&cut())?;
                (shared, chunks, 0)
            }
            Self::Sparse(sparse) => sparse.encode(&cut(), unit.row)?,
            Self::Dense(dense) => {
                let (chunks, mask_bytes) = dense.chunks(words, unit);
                (dense.shared(), chunks, mask_bytes)
            }
        };
        Ok(Coded { shared, chunks, mask_bytes, words: None })
    }

    /// The best coding of a unit, never larger than its words stored. Plans are tried on a sample.
    pub fn best(words: &Lane, unit: &Unit, shape: &[usize], effort: Effort) -> Result<(Self, Coded)> {
        // Nothing else is tried on long holes.
        let is_long = unit.words >= *SAMPLE.end();
        if is_long && with_words!(words, words => words.windows(2).all(|pair| pair[0] == pair[1])) {
            let constant = Self::Lanes(Lanes::whole(Constant));
            return Ok((constant.clone(), constant.encode(words, unit)?));
        }
        let stored = Self::Lanes(Lanes::whole(Store));
        let mut best = (stored.encode(words, unit)?, stored);
        // What plans have to beat at the fastest effort; others try the same plans, so that they never end above it.
        let mut limit = best.0.bytes();
        let densities = Dense::candidates(words, unit, shape, effort);
        for (at, (dense, turned)) in densities.into_iter().enumerate() {
            let spared = dense.spared() as usize;
            let dense = Self::Dense(Box::new(dense));
            let mut coded = dense.encode(turned.as_ref().unwrap_or(words), unit)?;
            coded.words = turned;
            if at == 0 {
                limit = limit.min(coded.bytes() + spared);
            }
            if coded.bytes() < best.0.bytes() {
                best = (coded, dense);
            }
        }
        if let Some(dense) = Dense::of_new(words, unit, shape) {
            let dense = Self::Dense(Box::new(dense));
            let coded = dense.encode(words, unit)?;
            limit = limit.min(coded.bytes());
            if coded.bytes() < best.0.bytes() {
                best = (coded, dense);
            }
        }
        // The density that does best with static tables is the one to mix.
        let mixed = match &best.1 {
            Self::Dense(dense) if effort == Effort::Max => Some(Self::Dense(Box::new(dense.mixed()))),
            _ => None,
        };
        if let Some(mixed) = mixed {
            let mut coded = mixed.encode(best.0.words.as_ref().unwrap_or(words), unit)?;
            if coded.bytes() < best.0.bytes() {
                coded.words = best.0.words.take();
                best = (coded, mixed);
            }
        }
        if let Some((coding, coded)) = Self::planned(words, unit, limit)?
            && coded.bytes() < best.0.bytes()
        {
            best = (coded, coding);
        }
        Ok((best.1, best.0))
    }

    /// The best plans for a unit, if a sample promises less than so many bytes.
    fn planned(words: &Lane, unit: &Unit, most: usize) -> Result<Option<(Self, Coded)>> {
        let sample = sample(words, unit);
        let part = Unit { words: sample.len(), ..unit.clone() };
        let mut tried: Vec<(Self, Coded)> = vec![];
        for coding in candidates(&sample, unit)? {
            match coding.encode(&sample, &part) {
                Ok(coded) => tried.push((coding, coded)),
                Err(Error::Unsuitable { .. }) => (),
                Err(error) => return Err(error),
            }
        }
        // Stable: the earlier candidate wins a tie.
        tried.sort_by_key(|(_, coded)| coded.bytes());
        let mut trials = 0;
        for (coding, coded) in tried {
            if sample.len() == unit.words {
                return Ok(Some((coding, coded)));
            }
            // What all chunks share weighs more in a sample.
            let promise = (coded.bytes() as u64 * 255 / 256) * unit.words as u64;
            if promise >= most as u64 * sample.len() as u64 || trials == TRIALS {
                break;
            }
            match coding.encode(words, unit) {
                Ok(coded) if coded.bytes() < most => return Ok(Some((coding, coded))),
                Ok(_) => trials += 1,
                // It suits the sample only.
                Err(Error::Unsuitable { .. }) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

impl std::fmt::Display for Coding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lanes(lanes) => lanes.fmt(f),
            Self::Sparse(sparse) => sparse.fmt(f),
            Self::Dense(dense) => dense.fmt(f),
        }
    }
}

/// Stretches of whole rows, where there are rows, evenly spread over a unit.
fn sample(words: &Lane, unit: &Unit) -> Lane {
    let len = (words.len() / SAMPLED).clamp(*SAMPLE.start(), *SAMPLE.end());
    if words.len() <= len {
        return words.clone();
    }
    let stretch = len / STRETCHES;
    // Where rows are longer, groups of a pattern are not cut at least.
    let unbroken = if unit.row > 0 && unit.row < stretch { unit.row } else { 16 };
    let whole = |at: usize| at - at % unbroken;
    let stretch = whole(stretch);
    let starts = (0..STRETCHES).map(|k| whole((words.len() - stretch) / (STRETCHES - 1) * k));
    words.gather(&starts.flat_map(|start| start as u32..(start + stretch) as u32).collect::<Vec<_>>())
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
    Dense(SharedDense),
}

impl Shared {
    /// Reads what all chunks share.
    pub fn read(method: Method, bytes: &[u8], unit: &Unit, budget: &mut Budget) -> Result<Self> {
        let mut reader = Reader::new(bytes, "tensors");
        let shared = match method {
            Method::Equal => return Err(reader.corrupt("an equal tensor shares nothing")),
            Method::Lanes => Self::Lanes(SharedLanes::read(&mut reader, unit.form.kind, budget)?),
            Method::Sparse => Self::Sparse(SharedSparse::read(&mut reader, unit.form.kind, budget)?),
            Method::Dense => Self::Dense(SharedDense::read(&mut reader, unit, budget)?),
        };
        reader.end()?;
        Ok(shared)
    }

    /// Words of the rows that chunks hold whole; 0 where there are none.
    pub fn row(&self, unit: &Unit) -> usize {
        match self {
            Self::Lanes(_) | Self::Sparse(_) => unit.row,
            Self::Dense(dense) => dense.row(),
        }
    }

    /// Whether words stand in another order than in the tensor.
    pub fn reorders(&self) -> bool {
        matches!(self, Self::Dense(dense) if dense.is_turned())
    }

    /// Puts the words of all chunks where they belong.
    pub fn restore(&self, words: Lane) -> Lane {
        match self {
            Self::Lanes(_) | Self::Sparse(_) => words,
            Self::Dense(dense) => with_words!(words, words => Word::wrap(dense.restore(words))),
        }
    }

    /// The words of one chunk.
    pub fn decode(
        &self,
        reader: &mut Reader<'_>,
        len: usize,
        unit: &Unit,
        registry: &Registry,
        budget: &mut Budget,
    ) -> Result<Lane> {
        match self {
            Self::Lanes(lanes) => lanes.decode(reader, len, registry, budget),
            Self::Sparse(sparse) => sparse.decode(reader, (len, unit.row), registry, budget),
            Self::Dense(dense) => dense.decode(reader, len, unit, budget),
        }
    }
}

/// The coding that was asked for by name.
pub fn asked(plan: &Plan) -> Coding {
    Coding::Lanes(Lanes::whole(plan.clone()))
}
