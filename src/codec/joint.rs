//! Lanes of one block under `Bins → Rans` that share their streams, so that a short one costs no head and no states.

use std::sync::Arc;

use super::alphabet::Alphabet;
use super::bins::Table;
use super::rans::{self, Rans, Run};
use super::{Groups, Learned, entropy};
use crate::bits::{BitReader, BitWriter};
use crate::wire::{Reader, put_bytes};
use crate::{Budget, Error, Lane, LaneKind, Limits, Result};

/// Collects lanes of a block, each with what its blocks share.
///
/// Layout: the states behind their length, one stream of `Rans` for the bins of all lanes, one lane after the other; the
/// offsets behind their length, one bit stream.
#[derive(Debug, Default)]
pub(crate) struct Joint {
    parts: Vec<Part>,
    offsets: BitWriter,
}

/// The bins of one lane, group after group.
#[derive(Debug)]
struct Part {
    symbols: Vec<u8>,
    sizes: Vec<usize>,
    model: Arc<(Alphabet, rans::Tables)>,
}

impl Part {
    fn run(&self) -> Run<'_, u8> {
        Run { symbols: &self.symbols, sizes: &self.sizes, tables: &self.model.1 }
    }
}

impl Joint {
    /// Adds a lane, given what `Bins → Rans` learned from all its blocks.
    pub fn push(&mut self, lane: &Lane, groups: &Groups, learned: &Learned) -> Result<()> {
        let symbols = Table::read(learned.at(0))?.split(lane, &mut self.offsets)?;
        let Lane::U8(symbols) = groups.gather(&symbols.into()) else { unreachable!("bins are bytes") };
        let sizes = entropy::sizes(groups);
        let model = entropy::read_once::<Rans>(learned.shared(1), &sizes, &mut Budget::new(&Limits::default()))?;
        self.parts.push(Part { symbols, sizes, model });
        Ok(())
    }

    /// Appends all lanes.
    pub fn write(self, out: &mut Vec<u8>) -> Result<()> {
        let runs: Vec<Run<'_, u8>> = self.parts.iter().map(Part::run).collect();
        put_bytes(out, &rans::write(&runs, None)?);
        put_bytes(out, &self.offsets.finish());
        Ok(())
    }
}

/// Takes the lanes of a [`Joint`] apart in the order in which they were pushed.
pub(crate) struct JointReader<'a> {
    states: rans::Stream<'a>,
    offsets: BitReader<'a>,
}

impl<'a> JointReader<'a> {
    /// Begins to read what [`Joint::write`] wrote.
    pub fn new(reader: &mut Reader<'a>) -> Result<Self> {
        Ok(Self { states: rans::Stream::new(reader.bytes()?)?, offsets: BitReader::new(reader.bytes()?, "offsets") })
    }

    /// The next lane. One that asks for more offsets than there are may only be found out at the end.
    pub fn lane(&mut self, groups: &Groups, learned: &Learned, budget: &mut Budget) -> Result<Lane> {
        let bins = Table::read(learned.at(0))?;
        let sizes = entropy::sizes(groups);
        let model = entropy::read_once::<Rans>(learned.shared(1), &sizes, budget)?;
        let (alphabet, tables) = &*model;
        if alphabet.kind() != LaneKind::U8 {
            return Err(Error::corrupt("columns", "bins are no bytes", 0));
        }
        let mut symbols = vec![0u8; budget.reserve::<u8>(groups.rows() as u64)?];
        self.states.read(&sizes, tables, &mut symbols)?;
        let Lane::U8(symbols) = groups.scatter(Lane::U8(symbols))? else { unreachable!("bins are bytes") };
        bins.join(bins.kind(), &symbols, &mut self.offsets, budget)
    }

    /// Fails unless all lanes were read.
    pub fn end(mut self) -> Result<()> {
        self.states.end()?;
        self.offsets.end()
    }
}
