//! Words under plans of codecs: as one lane, or each byte of them as a lane of its own.

use super::method::{Coded, Planes};
use super::words::{join, planes};
use crate::codec::{Block, Groups, Huffman, Learned, Plan, Rans, Registry, Store};
use crate::lane::LaneKind;
use crate::wire::{Reader, put_bytes};
use crate::{Budget, Lane, Result, with_kind};

/// Which lanes words become; the numbers are on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Split {
    /// One lane of words.
    Whole = 0,
    /// One lane for each byte of a word, the top bytes first.
    Planes = 1,
}

impl Split {
    fn lanes(self, words: &Lane) -> Vec<Lane> {
        match self {
            Self::Whole => vec![words.clone()],
            Self::Planes => planes(words),
        }
    }

    fn count(self, kind: LaneKind) -> usize {
        match self {
            Self::Whole => 1,
            Self::Planes => kind.width(),
        }
    }
}

/// How words are split, and the plan of each lane.
#[derive(Debug, Clone)]
pub struct Lanes {
    split: Split,
    plans: Vec<Plan>,
}

impl Lanes {
    /// All words under one plan.
    pub fn whole(plan: impl Into<Plan>) -> Self {
        Self { split: Split::Whole, plans: vec![plan.into()] }
    }

    /// Byte planes, each under the plan that codes its sample best.
    pub fn planes(sample: &Lane) -> Result<Self> {
        let plan = |plane: &Lane| {
            let mut best: Option<(usize, Plan)> = None;
            for plan in [Store.into(), Huffman::default().into(), Rans::default().into()] {
                let bytes = Plan::encode(&plan, plane)?.len();
                if best.as_ref().is_none_or(|(least, _)| bytes < *least) {
                    best = Some((bytes, plan));
                }
            }
            Ok(best.expect("there are three plans").1)
        };
        let plans = planes(sample).iter().map(plan).collect::<Result<_>>()?;
        Ok(Self { split: Split::Planes, plans })
    }

    /// What all chunks share, and each chunk: the node of each lane behind its length.
    pub fn encode(&self, chunks: &[Lane]) -> Result<Coded> {
        let mut shared = vec![self.split as u8];
        let mut coded = vec![vec![]; chunks.len()];
        let mut planes = Planes::default();
        let mut split: Vec<Vec<Lane>> = chunks.iter().map(|words| self.split.lanes(words)).collect();
        for (at, plan) in self.plans.iter().enumerate() {
            let blocks: Vec<Block> = split
                .iter_mut()
                .map(|lanes| std::mem::replace(&mut lanes[at], Lane::U8(vec![])))
                .map(|lane| Block { groups: Groups::whole(lane.len()), lane })
                .collect();
            let learned = plan.learn(blocks.clone())?;
            learned.write(&mut shared);
            let name = match self.split {
                Split::Whole => "words".to_owned(),
                Split::Planes => format!("byte {}", self.plans.len() - 1 - at),
            };
            for (block, out) in blocks.iter().zip(&mut coded) {
                let before = out.len();
                put_bytes(out, &plan.encode_grouped(&block.lane, &block.groups, &learned)?);
                planes.add(&name, out.len() - before);
            }
        }
        Ok(Coded { shared, chunks: coded, planes, words: None })
    }
}

impl std::fmt::Display for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.split == Split::Planes {
            f.write_str("planes: ")?;
        }
        for (at, plan) in self.plans.iter().enumerate() {
            write!(f, "{}{plan}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// What the chunks of a unit share, as it was read.
#[derive(Debug)]
pub struct SharedLanes {
    split: Split,
    kind: LaneKind,
    learned: Vec<Learned>,
}

impl SharedLanes {
    /// Reads what [`Lanes::encode`] returned first.
    pub fn read(reader: &mut Reader<'_>, kind: LaneKind, budget: &mut Budget) -> Result<Self> {
        let split = match reader.u8()? {
            0 => Split::Whole,
            1 => Split::Planes,
            _ => return Err(reader.corrupt("unknown split of words")),
        };
        let learned = (0..split.count(kind)).map(|_| Learned::read(reader, budget)).collect::<Result<_>>()?;
        Ok(Self { split, kind, learned })
    }

    /// The `len` words of a chunk, whose nodes are all the rest of `reader`.
    pub fn decode(
        &self,
        reader: &mut Reader<'_>,
        len: usize,
        registry: &Registry,
        budget: &mut Budget,
    ) -> Result<Lane> {
        // The order of a group of all words, and the joined words.
        budget.reserve::<u32>(len as u64)?;
        with_kind!(self.kind, W => budget.reserve::<W>(len as u64))?;
        let groups = Groups::whole(len);
        let mut lanes = vec![];
        for learned in &self.learned {
            lanes.push(registry.decode_grouped(reader.bytes()?, &groups, learned, budget)?);
        }
        reader.end()?;
        let words = match self.split {
            Split::Whole => lanes.swap_remove(0),
            Split::Planes => join(self.kind, &lanes)?,
        };
        if words.kind() != self.kind {
            return Err(reader.corrupt("words have the wrong width"));
        }
        Ok(words)
    }
}
