//! A plan: the tree of codecs that was asked for, and the nodes that record it in a file.
//!
//! A node on the wire is: codec id (varint), length of the parameters (varint), the parameters, number of children
//! (varint), the children. Only ids and parameters are recorded; configurations are not.

use std::sync::Arc;

use super::{Block, Codec, Encoded, Groups, Registry, Shared};
use crate::limits::MAX_PLAN_DEPTH;
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{Budget, Error, Lane, Result};

/// A codec and the plans of its children. A child without a plan is stored.
///
/// ```
/// use losslaw::codec::{Delta, Plan, Rans, Registry, Then};
/// use losslaw::{Budget, Lane, Limits};
/// let plan: Plan = Delta::default().then(Rans::default());
/// let lane = Lane::from((0..1000u32).map(|i| i * 3).collect::<Vec<_>>());
/// let bytes = plan.encode(&lane)?;
/// assert!(bytes.len() < 40);
/// assert_eq!(plan.to_string(), "Delta → Rans");
/// assert_eq!(Registry::default().decode(&bytes, &mut Budget::new(&Limits::default()))?, lane);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Plan {
    codec: Arc<dyn Codec>,
    children: Vec<Plan>,
}

/// What the blocks of a lane share, one byte string for each codec along the chain of first children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    shared: Vec<Shared>,
}

impl Learned {
    /// Byte strings for the codecs of a chain, or one that something else understands.
    pub(crate) fn new(shared: Vec<Vec<u8>>) -> Self {
        Self { shared: shared.into_iter().map(Shared::from).collect() }
    }

    /// Whether nothing is shared.
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// Bytes shared at one depth of the chain; empty where nothing was learnt.
    pub fn at(&self, depth: usize) -> &[u8] {
        self.shared.get(depth).map_or(&[], Shared::bytes)
    }

    /// What is shared at one depth of the chain.
    pub(super) fn shared(&self, depth: usize) -> &Shared {
        static NOTHING: std::sync::LazyLock<Shared> = std::sync::LazyLock::new(Shared::default);
        self.shared.get(depth).unwrap_or_else(|| &*NOTHING)
    }

    /// Appends all byte strings behind their number and lengths.
    pub fn write(&self, out: &mut Vec<u8>) {
        put_varint(out, self.shared.len() as u64);
        self.shared.iter().for_each(|shared| put_bytes(out, shared.bytes()));
    }

    /// Reads what [`Learned::write`] wrote.
    pub fn read(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Self> {
        let count = reader.varint_to(u64::from(MAX_PLAN_DEPTH), "too many shared models")?;
        let mut shared = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let bytes = reader.bytes()?;
            budget.spend(bytes.len() as u64)?;
            shared.push(bytes.to_vec().into());
        }
        Ok(Self { shared })
    }
}

impl<C: Codec + 'static> From<C> for Plan {
    fn from(codec: C) -> Self {
        Self::new(codec, [])
    }
}

/// Composes codecs: `a.then(b)` gives the first child of `a` to `b`.
///
/// ```
/// use losslaw::codec::{Bins, Delta, Rans, Then};
/// assert_eq!(Delta::default().then(Bins::default()).then(Rans::default()).to_string(), "Delta → Bins → Rans");
/// ```
pub trait Then: Into<Plan> {
    /// A plan that hands the last first-child lane on to `next`.
    #[must_use]
    fn then(self, next: impl Into<Plan>) -> Plan {
        let mut plan = self.into();
        let mut last = &mut plan;
        while !last.children.is_empty() {
            last = &mut last.children[0];
        }
        last.children.push(next.into());
        plan
    }
}
impl<T: Into<Plan>> Then for T {}

/// Fewest bytes of a node's head.
const HEAD_BYTES: usize = 3;

impl Plan {
    /// A codec and the plans of its children, in the codec's order.
    pub fn new(codec: impl Codec + 'static, children: impl IntoIterator<Item = Plan>) -> Self {
        Self::from_arc(Arc::new(codec), children)
    }

    /// A shared codec, such as one of [`Registry::iter`], and the plans of its children.
    pub fn from_arc(codec: Arc<dyn Codec>, children: impl IntoIterator<Item = Plan>) -> Self {
        Self { codec, children: children.into_iter().collect() }
    }

    /// The codec at the root.
    pub fn codec(&self) -> &dyn Codec {
        &*self.codec
    }

    /// The plans of its children.
    pub fn children(&self) -> &[Plan] {
        &self.children
    }

    /// Adds the plan's codecs to a registry, unless their ids are known already.
    pub(crate) fn register(&self, registry: &mut Registry) -> Result<()> {
        if registry.get(self.codec.id()).is_err() {
            registry.insert(self.codec.clone())?;
        }
        self.children.iter().try_for_each(|child| child.register(registry))
    }

    /// Checks what a file could not hold.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the plan is deeper than [`MAX_PLAN_DEPTH`] or a codec has more plans than children.
    pub fn check(&self) -> Result<()> {
        self.check_below(MAX_PLAN_DEPTH)
    }

    fn check_below(&self, depth: u32) -> Result<()> {
        if depth <= 1 {
            return Err(Error::config("plan depth", MAX_PLAN_DEPTH + 1, "1..=7 codecs above the stored lanes"));
        }
        if self.children.len() > self.codec.arity() {
            return Err(Error::config("plan", self, "at most one plan for each child lane of a codec"));
        }
        self.children.iter().try_for_each(|child| child.check_below(depth - 1))
    }

    /// Codes a lane as one node.
    pub fn encode(&self, lane: &Lane) -> Result<Vec<u8>> {
        let mut out = vec![];
        self.encode_into(lane, &mut out)?;
        Ok(out)
    }

    /// What the heads of its nodes take at least: of each an id, a length and a number of children.
    pub(crate) fn least_bytes(&self) -> usize {
        HEAD_BYTES + self.children.iter().map(Self::least_bytes).sum::<usize>()
    }

    fn encode_into(&self, lane: &Lane, out: &mut Vec<u8>) -> Result<()> {
        let coded = self.codec.encode(lane)?;
        self.head(&coded, out);
        for (index, child) in coded.children.iter().enumerate() {
            self.child(index).encode_into(child, out)?;
        }
        Ok(())
    }

    /// Learns what the blocks of a lane share.
    pub fn learn(&self, blocks: Vec<Block>) -> Result<Learned> {
        let (lanes, groups) = blocks.into_iter().map(|block| (block.lane, block.groups)).unzip();
        Ok(self.begin(lanes)?.finish(groups)?.0)
    }

    /// Codes the blocks of a lane as far as the groups do not matter.
    pub(crate) fn begin(&self, lanes: Vec<Lane>) -> Result<Begun> {
        let frames = lanes.iter().map(|_| <[Vec<u8>; 2]>::default()).collect();
        let mut begun = Begun { plan: Some(self.clone()), learned: Learned::default(), frames, lanes };
        while let Some(plan) = begun.plan.take_if(|plan| plan.codec.carries_groups()) {
            begun.advance(&plan)?;
            begun.plan = plan.children.into_iter().next();
        }
        Ok(begun)
    }

    /// Codes a lane divided into groups, with what its blocks share.
    pub fn encode_grouped(&self, lane: &Lane, groups: &Groups, learned: &Learned) -> Result<Vec<u8>> {
        let mut out = vec![];
        self.encode_grouped_into(lane, groups, learned, 0, &mut out)?;
        Ok(out)
    }

    fn encode_grouped_into(
        &self,
        lane: &Lane,
        groups: &Groups,
        learned: &Learned,
        depth: usize,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let coded = self.codec.encode_block(lane, groups, learned.shared(depth))?;
        self.head(&coded, out);
        for (index, child) in coded.children.iter().enumerate() {
            if index == 0 && self.codec.carries_groups() {
                self.child(0).encode_grouped_into(child, groups, learned, depth + 1, out)?;
            } else {
                self.child(index).encode_into(child, out)?;
            }
        }
        Ok(())
    }

    /// The plan of a child lane; with groups the children come group after group.
    fn child(&self, index: usize) -> Plan {
        self.children.get(index % self.codec.arity()).cloned().unwrap_or_else(|| super::Store.into())
    }

    fn head(&self, coded: &Encoded, out: &mut Vec<u8>) {
        put_varint(out, u64::from(self.codec.id().0));
        put_bytes(out, &coded.params);
        put_varint(out, coded.children.len() as u64);
    }
}

/// Blocks of a lane behind the codecs that carry groups, which do not look at them: only what follows depends on a
/// partition, so that several partitions can be tried for the price of one.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    /// What is left to do.
    plan: Option<Plan>,
    learned: Learned,
    /// For each block what stands before and behind the node that is left to write.
    frames: Vec<[Vec<u8>; 2]>,
    lanes: Vec<Lane>,
}

impl Begun {
    fn advance(&mut self, plan: &Plan) -> Result<()> {
        let whole = |lane: &Lane| Block { lane: lane.clone(), groups: Groups::whole(lane.len()) };
        let blocks: Vec<Block> = self.lanes.iter().map(whole).collect();
        let shared = Shared::from(plan.codec.learn(&blocks)?);
        for ((block, lane), [head, tail]) in blocks.iter().zip(&mut self.lanes).zip(&mut self.frames) {
            let mut coded = plan.codec.encode_block(&block.lane, &block.groups, &shared)?;
            plan.head(&coded, head);
            let mut rest = vec![];
            for (index, child) in coded.children.iter().enumerate().skip(1) {
                plan.child(index).encode_into(child, &mut rest)?;
            }
            rest.append(tail);
            *tail = rest;
            *lane = coded.children.swap_remove(0);
        }
        self.learned.shared.push(shared);
        Ok(())
    }

    /// Codes the blocks with the groups of each; returns what they share and their nodes.
    pub fn finish(&self, groups: Vec<Groups>) -> Result<(Learned, Vec<Vec<u8>>)> {
        let mut learned = self.learned.clone();
        let blocks = self.lanes.iter().cloned().zip(groups).map(|(lane, groups)| Block { lane, groups });
        let blocks: Vec<Block> = blocks.collect();
        if let Some(plan) = &self.plan {
            learned.shared.push(plan.codec.learn(&blocks)?.into());
        }
        let plan = self.plan.clone().unwrap_or_else(|| super::Store.into());
        let mut nodes = vec![];
        for (block, [head, tail]) in blocks.iter().zip(&self.frames) {
            let mut node = head.clone();
            plan.encode_grouped_into(&block.lane, &block.groups, &learned, self.learned.shared.len(), &mut node)?;
            node.extend_from_slice(tail);
            nodes.push(node);
        }
        Ok((learned, nodes))
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.codec.name())?;
        match self.children.as_slice() {
            [] => Ok(()),
            [child] => write!(f, " → {child}"),
            [first, rest @ ..] if rest.iter().all(|child| child.to_string() == first.to_string()) => {
                write!(f, " → {} × ({first})", self.children.len())
            }
            [first, rest @ ..] => {
                write!(f, " → ({first}")?;
                rest.iter().try_for_each(|child| write!(f, ", {child}"))?;
                f.write_str(")")
            }
        }
    }
}

impl Registry {
    /// Decodes a byte string that is exactly one node.
    pub fn decode(&self, node: &[u8], budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(node, "plan");
        let lane = self.decode_node(&mut reader, None, budget)?;
        reader.end()?;
        Ok(lane)
    }

    /// Decodes a byte string that is exactly one node written by [`Plan::encode_grouped`].
    pub fn decode_grouped(&self, node: &[u8], groups: &Groups, learned: &Learned, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(node, "plan");
        let lane = self.decode_node(&mut reader, Some((groups, learned, 0)), budget)?;
        reader.end()?;
        if lane.len() != groups.rows() {
            return Err(reader.corrupt("a lane does not fit its groups"));
        }
        Ok(lane)
    }

    /// Decodes a byte string that is exactly one node; if anything was learned, the node's codec does without groups.
    pub(crate) fn decode_learned(&self, node: &[u8], learned: &Learned, budget: &mut Budget) -> Result<Lane> {
        if learned.is_empty() {
            return self.decode(node, budget);
        }
        let mut reader = Reader::new(node, "plan");
        let mut id = Reader::new(node, "plan");
        let id = id.varint_to(u64::from(u16::MAX), "a codec id is too large")?;
        if !self.get(super::CodecId(id as u16))?.ignores_groups() {
            return Err(reader.corrupt("a codec that needs groups has none"));
        }
        let lane = self.decode_node(&mut reader, Some((&Groups::whole(0), learned, 0)), budget)?;
        reader.end()?;
        Ok(lane)
    }

    fn decode_node(
        &self,
        reader: &mut Reader<'_>,
        grouped: Option<(&Groups, &Learned, usize)>,
        budget: &mut Budget,
    ) -> Result<Lane> {
        budget.descend(|budget| {
            let id = reader.varint_to(u64::from(u16::MAX), "a codec id is too large")?;
            let codec = self.get(super::CodecId(id as u16))?;
            let params = reader.bytes()?;
            let count = reader.varint()?;
            let per_group = grouped.filter(|_| !codec.carries_groups()).map_or(1, |(groups, ..)| groups.len());
            let own = codec.arity() as u64;
            if count != own && count != own * per_group as u64 {
                return Err(reader.corrupt("a codec has the wrong number of children"));
            }
            let mut children = Vec::with_capacity(count.min(1024) as usize);
            for index in 0..count {
                let handed_on = grouped.filter(|_| index == 0 && codec.carries_groups());
                let handed_on = handed_on.map(|(groups, learned, depth)| (groups, learned, depth + 1));
                children.push(self.decode_node(reader, handed_on, budget)?);
            }
            match grouped {
                None => codec.decode(params, children, budget),
                Some((groups, learned, depth)) => {
                    codec.decode_block(params, children, groups, learned.shared(depth), budget)
                }
            }
        })
    }
}
