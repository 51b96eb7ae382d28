//! `Balanced`: the leaves of a column's tree, each with counts that back off to those of its ancestors.

use std::borrow::Cow;

use super::beside::{Beside, Classes, History};
use super::figures::{Figures, Origin};
use super::values::{Base, MOST_BINS, Numbers, Values, word};
use super::{Known, SHORT_ROWS, Setting};
use crate::codec::adaptive::{BitSink, RangeDecoder, RangeEncoder};
use crate::codec::dispatched;
use crate::context::{BackoffModel, BackoffState, BinaryCoder, BinaryDecoder, BinaryEncoder, ContextCoder, Counter};
use crate::pipeline::transform::Transform;
use crate::tree::Tree;
use crate::{Budget, Lane, Result};

/// Levels between a leaf and the whole column.
const ANCESTORS: usize = 2;

/// Highest bits of an offset that are modelled; the others are as likely set as not.
const MODELLED: u32 = 3;

/// Most bits that a counter remembers: what a record may choose from. Rows that drift want small numbers.
const LIMITS: [u32; 4] = [1000, 400, 160, 60];

/// A column by the leaves of its tree.
#[derive(Debug, Clone)]
pub(super) struct Leaves {
    values: Values,
    /// Whether the symbol of the row before is a context, too.
    follows: bool,
    /// Other columns whose classes are a context.
    beside: Beside,
    /// Which of [`LIMITS`].
    limit: usize,
}

/// What the counts of a column are behind the rows of a block.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Counts {
    leaves: BackoffState,
    offsets: Vec<Counter>,
    /// The symbol before plus 1, if it is a context.
    before: u32,
    /// Classes of what stands beside the values.
    classes: Classes,
    /// Bytes of memory that all this takes.
    pub memory: u64,
}

/// The models worth a trial, each with the transform whose residuals it codes.
pub(super) fn propose(setting: &Setting<'_>, column: usize, transform: &Transform) -> Result<Vec<(Transform, Leaves)>> {
    let mut words = vec![];
    for number in 0..setting.blocks.len() {
        words.extend(setting.residuals_of(number, column, transform)?.to_u64s());
    }
    let ordered = setting.frame.columns()[column].ordered;
    let figures = if *transform == Transform::Plain { setting.figures(column) } else { Figures::default() };
    let ranks: Vec<u64> = words.into_iter().map(|value| word(&Base::Plain, figures, value, 0)).collect();
    let values = Values::fit(Base::Plain, figures, &Lane::narrowest(ranks.clone()), ordered);
    let symbol = |&rank: &u64| values.bins.bin_of(rank).map_or(0, |(bin, _)| bin as u8);
    let symbols: Vec<u8> = ranks[..setting.primer_rows()].iter().map(symbol).collect();
    let history = History { symbols: &symbols, count: values.bins.lowers.len() };
    let (follows, beside) = (history.follows(), history.beside(setting, column));
    let model = |beside: &Beside, limit| {
        (transform.clone(), Leaves { values: values.clone(), follows, beside: beside.clone(), limit })
    };
    let mut models = vec![model(&beside, 0), model(&beside, 2)];
    // In a short column one more context may cost more than it tells.
    if !beside.is_empty() && ranks.len() < SHORT_ROWS {
        models.push(model(&Beside::default(), 0));
    }
    Ok(models)
}

/// For each leaf: its ancestors two levels up and near the root, numbered.
fn ancestors(tree: Option<&Tree>, leaves: usize) -> (Vec<[u32; ANCESTORS]>, usize) {
    let Some(tree) = tree else { return (vec![[0; ANCESTORS]; leaves], 1) };
    let nodes = tree.nodes();
    let mut parents = vec![0u32; nodes.len()];
    let mut of_leaf = vec![[0; ANCESTORS]; leaves];
    for (index, node) in nodes.iter().enumerate() {
        if let Some((_, children)) = node.split() {
            children.iter().for_each(|&child| parents[child as usize] = index as u32);
        } else if let crate::tree::TreeNode::Leaf { leaf } = node {
            let up = parents[index];
            let far = parents[parents[parents[up as usize] as usize] as usize];
            of_leaf[*leaf as usize] = [up, far];
        }
    }
    (of_leaf, nodes.len())
}

impl Leaves {
    pub fn write(&self, numbers: &mut Numbers, out: &mut RangeEncoder) {
        self.values.write(numbers, out);
        self.beside.write(numbers, out);
        out.raw(u64::from(self.follows), 1);
        out.raw(self.limit as u64, 2);
    }

    pub fn read(index: u32, origin: Origin, numbers: &mut Numbers, source: &mut RangeDecoder<'_>) -> Result<Self> {
        let values = Values::read(index, origin, numbers, source)?;
        if values.base != Base::Plain {
            return Err(source.corrupt("leaves have a base"));
        }
        let beside = Beside::read(index, numbers, source)?;
        Ok(Self { values, beside, follows: source.raw(1) == 1, limit: source.raw(2) as usize })
    }

    /// Number of contexts of each level: leaf, its two ancestors and the column, or without a tree the column; then what the
    /// record names.
    fn levels(&self, known: &Known<'_>, nodes: usize) -> Vec<usize> {
        let mut levels = if known.tree.is_some() { vec![known.groups.len(), nodes, nodes, 1] } else { vec![1] };
        levels.extend(self.follows.then(|| self.values.path.symbols() + 1));
        levels.extend((!self.beside.is_empty()).then(|| self.beside.len()));
        levels
    }

    /// The stream of a block, begun with these counts or none, and what the counts are behind it.
    pub fn encode(&self, words: &Lane, known: &Known<'_>, begun: Option<Counts>) -> (Vec<u8>, Counts) {
        let mut coder = BinaryEncoder::default();
        let words = words.to_u64s();
        let (_, counts) = self.run(&words, known, begun, &mut coder, |_| Ok(())).expect("writing does not fail");
        (coder.finish(), counts)
    }

    /// Inverse of [`Leaves::encode`].
    pub fn decode(
        &self,
        stream: &[u8],
        known: &Known<'_>,
        begun: Option<Cow<'_, Counts>>,
        budget: &mut Budget,
    ) -> Result<(Lane, Counts)> {
        budget.spend(known.rows as u64 * 4 + Beside::memory(known.rows as u64) + self.memory(known))?;
        let mut coder = BinaryDecoder::new(stream, "columns");
        let begun = begun.map(Cow::into_owned);
        let (words, counts) = self.run(&[], known, begun, &mut coder, BinaryDecoder::check)?;
        coder.end()?;
        Ok((Lane::narrowest(words), counts))
    }

    /// Bytes of memory that counts take.
    fn memory(&self, known: &Known<'_>) -> u64 {
        let nodes = known.tree.map_or(1, |tree| tree.nodes().len());
        let symbols = self.values.path.symbols();
        let offsets = (MOST_BINS << MODELLED) * size_of::<Counter>();
        let fixed = (nodes * 24 + offsets) as u64 + Classes::MOST_MEMORY;
        fixed + BackoffModel::<1>::memory(symbols, &self.levels(known, nodes))
    }

    fn run<C: BinaryCoder>(
        &self,
        words: &[u64],
        known: &Known<'_>,
        begun: Option<Counts>,
        coder: &mut C,
        check: impl Fn(&C) -> Result<()>,
    ) -> Result<(Vec<u64>, Counts)> {
        // Loops over levels are unrolled, so there is one of each length.
        let of_tree = if known.tree.is_some() { ANCESTORS + 2 } else { 1 };
        match of_tree + usize::from(self.follows) + usize::from(!self.beside.is_empty()) {
            1 => self.run_in::<1, C>(words, known, begun, coder, check),
            2 => self.run_in::<2, C>(words, known, begun, coder, check),
            3 => self.run_in::<3, C>(words, known, begun, coder, check),
            4 => self.run_in::<4, C>(words, known, begun, coder, check),
            5 => self.run_in::<5, C>(words, known, begun, coder, check),
            _ => self.run_in::<6, C>(words, known, begun, coder, check),
        }
    }

    /// [`Leaves::run`] where there are so many levels.
    fn run_in<const LEVELS: usize, C: BinaryCoder>(
        &self,
        words: &[u64],
        known: &Known<'_>,
        begun: Option<Counts>,
        coder: &mut C,
        check: impl Fn(&C) -> Result<()>,
    ) -> Result<(Vec<u64>, Counts)> {
        let leaf_of_row = known.leaf_of_row();
        let (of_leaf, nodes) = ancestors(known.tree, known.groups.len());
        let (bins, limit) = (&self.values.bins, LIMITS[self.limit]);
        let levels: [usize; LEVELS] = self.levels(known, nodes).try_into().expect("the levels were counted");
        let path = self.values.path.clone();
        let (mut model, mut offsets, before, classes) = if let Some(counts) = begun {
            let Counts { leaves, offsets, before, classes, .. } = counts;
            (BackoffModel::resumed(path, &levels, limit, leaves), offsets, before, classes)
        } else {
            let offsets = vec![Counter::default(); MOST_BINS << MODELLED];
            (BackoffModel::with_path(path, &levels, limit), offsets, 0, self.beside.classes(known))
        };
        let beside = self.beside.of_rows(known, &classes);
        let mut context = [0; LEVELS];
        let of_tree = if known.tree.is_some() { ANCESTORS + 2 } else { 1 };
        if self.follows {
            context[of_tree] = before;
        }
        let mut out = Vec::with_capacity(known.rows);
        dispatched(
            #[inline(always)]
            || {
                for (row, &leaf) in leaf_of_row.iter().enumerate() {
                    let word = words.get(row).map(|&value| self.values.word(value, 0));
                    let (symbol, offset) =
                        word.map_or((0, 0), |word| bins.bin_of(word).expect("bins were fitted to the words"));
                    if of_tree > 1 {
                        let [up, far] = of_leaf[leaf as usize];
                        context[..3].copy_from_slice(&[leaf, up, far]);
                    }
                    if !self.beside.is_empty() {
                        context[LEVELS - 1] = beside[row];
                    }
                    let symbol = model.code(symbol, &context, coder);
                    let width = bins.widths[symbol];
                    let modelled = width.min(MODELLED);
                    let mut node = 1usize;
                    for shift in (width - modelled..width).rev() {
                        let counter = &mut offsets[symbol << MODELLED | node];
                        let bit = coder.code(offset >> shift & 1 == 1, counter.one());
                        counter.learn(bit, limit);
                        node = 2 * node + usize::from(bit);
                    }
                    let rest = width - modelled;
                    let high = (node ^ 1 << modelled) as u64;
                    let offset = if rest == 0 { high } else { (high << rest) | coder.code_raw(offset, rest) };
                    if self.follows {
                        context[of_tree] = symbol as u32 + 1;
                    }
                    out.push(self.values.value(bins.lowers[symbol].wrapping_add(offset), 0));
                    check(coder)?;
                }
                Ok::<_, crate::Error>(())
            },
        )?;
        let before = if self.follows { context[of_tree] } else { 0 };
        let leaves = model.into_state();
        Ok((out, Counts { leaves, offsets, before, classes, memory: self.memory(known) }))
    }
}
