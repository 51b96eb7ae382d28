//! Partitions in a file: all trees of a table in one adaptive bit stream.
//!
//! Cuts are few: every tree that asks a feature for a threshold chooses among the same cuts. They are listed once for
//! each feature, and a node names its cut by its place in that list.

use std::collections::{BTreeMap, BTreeSet};

use super::{Feature, MAX_BRANCHES, MAX_TREE_DEPTH, Tree, TreeFeature, TreeNode};
use crate::codec::adaptive::{BitModel, BitSink, RangeDecoder, RangeEncoder, UIntModel};
use crate::{Budget, Result};

/// How one column is partitioned, as a file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Not at all.
    Whole,
    /// By a tree.
    Tree(Tree),
    /// By leaf numbers stored with each block; this many leaves.
    Assigned(u32),
    /// By the leaf numbers that all columns of the block share.
    Shared,
}

impl Recorded {
    /// The tree, if there is one.
    pub fn tree(&self) -> Option<&Tree> {
        if let Self::Tree(tree) = self { Some(tree) } else { None }
    }
}

/// The adaptive models, the same for writing and reading.
#[derive(Default)]
struct Models {
    recorded: UIntModel,
    leaves: UIntModel,
    features: UIntModel,
    history: UIntModel,
    column: UIntModel,
    cuts: UIntModel,
    gap: UIntModel,
    is_leaf: [BitModel; 16],
    shape: UIntModel,
    feature: UIntModel,
    values: UIntModel,
    value_gap: UIntModel,
    missing: BitModel,
}

fn raw_bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// Writes how each column is partitioned, in the order of the columns.
pub(crate) fn write(columns: &[Recorded]) -> Vec<u8> {
    let mut cuts: BTreeMap<Feature, BTreeSet<u64>> = BTreeMap::new();
    for recorded in columns {
        let Recorded::Tree(tree) = recorded else { continue };
        for node in &tree.nodes {
            if let TreeNode::Threshold { feature, at, .. } = node {
                cuts.entry(tree.features[*feature as usize].feature).or_default().insert(*at);
            }
        }
    }
    let cuts: BTreeMap<Feature, Vec<u64>> = cuts.into_iter().map(|(f, set)| (f, set.into_iter().collect())).collect();
    let (mut sink, mut models) = (RangeEncoder::default(), Models::default());
    models.features.encode(cuts.len() as u64, &mut sink);
    for (&feature, list) in &cuts {
        write_feature(feature, &mut models, &mut sink);
        models.cuts.encode(list.len() as u64, &mut sink);
        let mut last = 0;
        for &cut in list {
            models.gap.encode(cut - last, &mut sink);
            last = cut;
        }
    }
    for recorded in columns {
        match recorded {
            Recorded::Whole => models.recorded.encode(0, &mut sink),
            Recorded::Tree(tree) => {
                models.recorded.encode(1, &mut sink);
                write_tree(tree, &cuts, &mut models, &mut sink);
            }
            Recorded::Assigned(leaves) => {
                models.recorded.encode(2, &mut sink);
                models.leaves.encode(u64::from(*leaves), &mut sink);
            }
            Recorded::Shared => models.recorded.encode(3, &mut sink),
        }
    }
    sink.finish()
}

fn write_feature(feature: Feature, models: &mut Models, sink: &mut RangeEncoder) {
    let (history, column, key) = match feature {
        Feature::Column(c) => (0, c, None),
        Feature::Previous(c) => (1, c, None),
        Feature::Delta(c) => (2, c, None),
        Feature::LastIn { column, key } => (3, column, Some(key)),
    };
    models.history.encode(history, sink);
    models.column.encode(u64::from(column), sink);
    if let Some(key) = key {
        models.column.encode(u64::from(key), sink);
    }
}

fn write_tree(tree: &Tree, cuts: &BTreeMap<Feature, Vec<u64>>, models: &mut Models, sink: &mut RangeEncoder) {
    models.features.encode(tree.features.len() as u64, sink);
    tree.features.iter().for_each(|f| write_feature(f.feature, models, sink));
    let mut depths = vec![0usize; tree.nodes.len()];
    for (index, node) in tree.nodes.iter().enumerate() {
        let depth = depths[index];
        let split = node.split();
        sink.bit(&mut models.is_leaf[depth.min(15)], split.is_none());
        let Some((feature, children)) = split else { continue };
        children.iter().for_each(|&child| depths[child as usize] = depth + 1);
        models.feature.encode(u64::from(feature), sink);
        let TreeFeature { feature, first_value } = tree.features[feature as usize];
        match node {
            TreeNode::Threshold { at, missing_low, .. } => {
                models.shape.encode(0, sink);
                let list = &cuts[&feature];
                let place = list.binary_search(at).expect("every cut is listed");
                sink.raw(place as u64, raw_bits(list.len()));
                if first_value > 0 {
                    sink.bit(&mut models.missing, *missing_low);
                }
            }
            TreeNode::ValueSet { values, missing_inside, .. } => {
                models.shape.encode(1, sink);
                write_values(values, models, sink);
                if first_value > 0 {
                    sink.bit(&mut models.missing, *missing_inside);
                }
            }
            TreeNode::Multiway { values, .. } => {
                models.shape.encode(2, sink);
                write_values(values, models, sink);
            }
            TreeNode::Leaf { .. } => {}
        }
    }
}

fn write_values(values: &[u64], models: &mut Models, sink: &mut RangeEncoder) {
    models.values.encode(values.len() as u64, sink);
    let mut next = 0;
    for &value in values {
        models.value_gap.encode(value - next, sink);
        next = value.saturating_add(1);
    }
}

/// Reads what [`write()`] wrote for `count` columns. `first_value` tells where a feature's proper values begin.
pub(crate) fn read(
    bytes: &[u8],
    count: usize,
    first_value: impl Fn(Feature) -> u64,
    budget: &mut Budget,
) -> Result<Vec<Recorded>> {
    let mut source = RangeDecoder::new(bytes, "trees");
    let mut models = Models::default();
    let mut cuts = BTreeMap::new();
    for _ in 0..models.features.decode(&mut source) {
        source.check()?;
        budget.spend(size_of::<(Feature, Vec<u64>)>() as u64)?;
        let feature = read_feature(&mut models, &mut source, count)?;
        let mut list = vec![];
        let mut last = 0u64;
        for _ in 0..models.cuts.decode(&mut source) {
            source.check()?;
            budget.spend(8)?;
            last = last.checked_add(models.gap.decode(&mut source)).ok_or_else(|| source.corrupt("cuts overflow"))?;
            list.push(last);
        }
        cuts.insert(feature, list);
    }
    let mut columns = vec![];
    for column in 0..count {
        let recorded = match models.recorded.decode(&mut source) {
            0 => Recorded::Whole,
            1 => Recorded::Tree(read_tree(&cuts, column, &first_value, &mut models, &mut source, budget)?),
            2 => Recorded::Assigned(budget.nodes(models.leaves.decode(&mut source))? as u32),
            3 => Recorded::Shared,
            _ => return Err(source.corrupt("unknown kind of partition")),
        };
        source.check()?;
        columns.push(recorded);
    }
    source.end()?;
    Ok(columns)
}

fn read_feature(models: &mut Models, source: &mut RangeDecoder<'_>, columns: usize) -> Result<Feature> {
    let history = models.history.decode(source);
    let column = models.column.decode(source);
    let key = if history == 3 { models.column.decode(source) } else { 0 };
    if column.max(key) >= columns as u64 {
        return Err(source.corrupt("a feature names an unknown column"));
    }
    let column = column as u32;
    match history {
        0 => Ok(Feature::Column(column)),
        1 => Ok(Feature::Previous(column)),
        2 => Ok(Feature::Delta(column)),
        3 => Ok(Feature::LastIn { column, key: key as u32 }),
        _ => Err(source.corrupt("unknown kind of feature")),
    }
}

fn read_tree(
    cuts: &BTreeMap<Feature, Vec<u64>>,
    target: usize,
    first_value: impl Fn(Feature) -> u64,
    models: &mut Models,
    source: &mut RangeDecoder<'_>,
    budget: &mut Budget,
) -> Result<Tree> {
    let mut features = vec![];
    for _ in 0..models.features.decode(source) {
        source.check()?;
        // The walk keeps lists for each feature.
        budget.nodes(1)?;
        budget.spend(size_of::<TreeFeature>() as u64)?;
        // Only columns before the target are known when its rows are divided.
        let feature = read_feature(models, source, target)?;
        features.push(TreeFeature { feature, first_value: first_value(feature) });
    }
    let (mut nodes, mut leaves) = (vec![], 0u32);
    let mut open = vec![(None, 0usize)];
    while let Some((parent, depth)) = open.pop() {
        source.check()?;
        budget.nodes(1)?;
        if depth > MAX_TREE_DEPTH {
            return Err(source.corrupt("a path is too long"));
        }
        let index = nodes.len();
        if let Some((parent, branch)) = parent {
            let parent: &mut TreeNode = &mut nodes[parent];
            parent.set_child(branch, index as u32);
        }
        if source.bit(&mut models.is_leaf[depth.min(15)]) {
            nodes.push(TreeNode::Leaf { leaf: leaves });
            leaves += 1;
            continue;
        }
        let feature = models.feature.decode(source);
        let Some(&TreeFeature { feature: asked, first_value }) = features.get(feature.min(1 << 32) as usize) else {
            return Err(source.corrupt("a node names an unknown feature"));
        };
        let feature = feature as u32;
        let shape = models.shape.decode(source);
        let node = match shape {
            0 => {
                let list = cuts.get(&asked).map_or(&[][..], Vec::as_slice);
                let at = list.get(source.raw(raw_bits(list.len())) as usize);
                let at = *at.ok_or_else(|| source.corrupt("a node names an unknown cut"))?;
                let missing_low = first_value == 0 || source.bit(&mut models.missing);
                TreeNode::Threshold { feature, at, missing_low, low: 0, high: 0 }
            }
            1 => {
                let values = read_values(u64::MAX, models, source, budget)?;
                let missing_inside = first_value > 0 && source.bit(&mut models.missing);
                TreeNode::ValueSet { feature, values, missing_inside, inside: 0, outside: 0 }
            }
            2 => {
                let values = read_values(MAX_BRANCHES as u64 - 2, models, source, budget)?;
                let children = vec![0; values.len() + 2];
                TreeNode::Multiway { feature, values, children }
            }
            _ => return Err(source.corrupt("unknown kind of node")),
        };
        let branches = node.split().map_or(0, |split| split.1.len());
        nodes.push(node);
        open.extend((0..branches).rev().map(|branch| (Some((index, branch)), depth + 1)));
    }
    Tree::new(features, nodes)
}

fn read_values(most: u64, models: &mut Models, source: &mut RangeDecoder<'_>, budget: &mut Budget) -> Result<Vec<u64>> {
    let count = models.values.decode(source);
    if count > most {
        return Err(source.corrupt("a node lists too many values"));
    }
    let (mut values, mut next) = (vec![], 0u64);
    for _ in 0..count {
        source.check()?;
        budget.spend(8)?;
        let value = next.checked_add(models.value_gap.decode(source));
        let value = value.ok_or_else(|| source.corrupt("a value list overflows"))?;
        values.push(value);
        next = value.checked_add(1).ok_or_else(|| source.corrupt("a value list overflows"))?;
    }
    Ok(values)
}
