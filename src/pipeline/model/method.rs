//! Methods: the ways to code the words of a unit.

use super::against::difference;
use super::dense::Dense;
use super::lanes::Lanes;
use super::sparse::Sparse;
use super::unit::Unit;
use crate::codec::Plan;
use crate::report::BaseUse;
use crate::wire::Reader;
use crate::{Lane, Result};

/// What naming the base costs a file: a tensor that needs it must save more.
pub const BASE_BYTES: usize = 48;

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
    /// The bytes of the base.
    Base = 4,
    /// Differences from a base under plans.
    LanesAgainst = 5,
    /// A mask, and differences that are not zero under plans.
    SparseAgainst = 6,
    /// Weights under a density around a base.
    DenseAgainst = 7,
}

impl Method {
    /// The method numbered `code` on the wire.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self> {
        match reader.u8()? {
            0 => Ok(Self::Equal),
            1 => Ok(Self::Lanes),
            2 => Ok(Self::Sparse),
            3 => Ok(Self::Dense),
            4 => Ok(Self::Base),
            5 => Ok(Self::LanesAgainst),
            6 => Ok(Self::SparseAgainst),
            7 => Ok(Self::DenseAgainst),
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
            Self::Base => "equal to the base",
            Self::LanesAgainst => "lanes against the base",
            Self::SparseAgainst => "mask and lanes against the base",
            Self::DenseAgainst => "density around the base",
        }
    }

    /// What the base is to tensors of this method.
    pub fn base_use(self) -> BaseUse {
        match self {
            Self::Equal | Self::Lanes | Self::Sparse | Self::Dense => BaseUse::None,
            Self::Base => BaseUse::Equal,
            Self::LanesAgainst | Self::SparseAgainst | Self::DenseAgainst => BaseUse::Difference,
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
    /// Lanes, or mask and words, of differences from a base.
    Differences(Box<Self>),
}

/// The name of the plane that is a mask.
pub const MASK: &str = "mask";

/// What the bytes of chunks are spent on, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct Planes(Vec<(String, usize)>);

impl Planes {
    /// Adds bytes to the plane of a name.
    pub fn add(&mut self, name: &str, bytes: usize) {
        match self.0.iter_mut().find(|plane| plane.0 == name) {
            Some(plane) => plane.1 += bytes,
            None => self.0.push((name.to_owned(), bytes)),
        }
    }

    /// Hands out each name and its bytes.
    pub fn each(&self, mut take: impl FnMut(&str, usize)) {
        self.0.iter().for_each(|(name, bytes)| take(name, *bytes));
    }

    /// Bytes of the mask.
    pub fn mask_bytes(&self) -> usize {
        self.0.iter().filter(|plane| plane.0 == MASK).map(|plane| plane.1).sum()
    }
}

/// A unit as it will stand in the file.
#[derive(Debug, Default)]
pub struct Coded {
    /// What all chunks share.
    pub shared: Vec<u8>,
    /// The chunks, their checksums not included.
    pub chunks: Vec<Vec<u8>>,
    /// What they are made of.
    pub planes: Planes,
    /// The words in the order in which they are coded, if it is another.
    pub words: Option<Lane>,
}

impl Coded {
    /// Takes the place of a larger one.
    pub fn replace(self, coding: Coding, best: &mut (Self, Coding)) {
        if self.bytes() < best.0.bytes() {
            *best = (self, coding);
        }
    }

    /// Bytes of what is shared and of the chunks.
    pub fn bytes(&self) -> usize {
        self.shared.len() + self.chunks.iter().map(Vec::len).sum::<usize>()
    }
}

impl Coding {
    /// The method on the wire.
    pub fn method(&self) -> Method {
        match self {
            Self::Lanes(_) => Method::Lanes,
            Self::Sparse(_) => Method::Sparse,
            Self::Dense(dense) if dense.is_centred() => Method::DenseAgainst,
            Self::Dense(_) => Method::Dense,
            Self::Differences(own) if matches!(**own, Self::Lanes(_)) => Method::LanesAgainst,
            Self::Differences(_) => Method::SparseAgainst,
        }
    }

    /// Words of a chunk.
    pub fn chunk_words(&self, unit: &Unit) -> usize {
        match self {
            Self::Lanes(_) | Self::Sparse(_) | Self::Differences(_) => unit.chunk_words(unit.row),
            Self::Dense(dense) => dense.chunk_words(unit),
        }
    }

    /// Codes the words of a unit, given those of a base in the same order if there is one.
    pub fn encode(&self, words: &Lane, base: Option<&Lane>, unit: &Unit) -> Result<Coded> {
        let chunk_words = self.chunk_words(unit);
        let cut = || -> Vec<Lane> {
            let starts = (0..words.len()).step_by(chunk_words);
            starts.map(|start| words.slice(start..words.len().min(start + chunk_words))).collect()
        };
        match self {
            Self::Lanes(lanes) => lanes.encode(&cut()),
            Self::Sparse(sparse) => sparse.encode(&cut(), unit.row),
            Self::Dense(dense) => Ok(dense.encode(words, base.filter(|_| dense.is_centred()), unit)),
            Self::Differences(own) => {
                let base = base.expect("there are no differences without a base");
                own.encode(&difference(words, base, unit.form.is_rotated), None, unit)
            }
        }
    }
}

impl std::fmt::Display for Coding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lanes(lanes) => lanes.fmt(f),
            Self::Sparse(sparse) => sparse.fmt(f),
            Self::Dense(dense) => dense.fmt(f),
            Self::Differences(own) => write!(f, "differences, {own}"),
        }
    }
}

/// The coding that was asked for by name.
pub fn asked(plan: &Plan) -> Coding {
    Coding::Lanes(Lanes::whole(plan.clone()))
}
