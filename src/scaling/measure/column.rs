//! A column of a table under a decision tree.

use std::borrow::Cow;

use super::counts::Counts;
use super::{CodeLength, Source};
use crate::codec::{Bins, Block, Groups, Plan, Rans, Then};
use crate::partition::{Partition, Partitioner, Target};
use crate::scaling::random::Random;
use crate::table::{Kind, Table};
use crate::tree::{Feature, Frame, FrameColumn, Mdl};
use crate::{Error, Lane, Result};

/// Columns of more distinct values than this are coded by class and offset inside the class.
const MAX_CLASSES: usize = 4096;

/// Rows after which a prequential model has its first tree; it gets a new one at each doubling.
const FIRST_TREE: usize = 128;

/// In which order rows are learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// That of the table: what a growing file sees.
    AsIs,
    /// Shuffled with this seed: rows of one distribution, for which laws are meant.
    Shuffled(u64),
}

/// One column of a table, each cell coded in its leaf of a tree over the columns before it.
///
/// The size of a model is its most leaves. Two-part lengths are the bytes that the crate's own tree and its own
/// codecs ([`Bins`] above [`Rans`]) write; the other two use adaptive counts in leaves, backed by those of all rows.
#[derive(Debug)]
pub struct ColumnSource {
    columns: Vec<FrameColumn<'static>>,
    target: usize,
    features: Vec<Feature>,
    held_out: usize,
    /// What is counted of each row, and bits that are not predicted.
    classes: Vec<u32>,
    raw_bits: Vec<u8>,
    alphabet: usize,
}

impl ColumnSource {
    /// A column by its name. The last fifth of the rows, in the order asked for, is held out for
    /// [`CodeLength::HeldOut`].
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the table has no such column of values, or not even ten rows.
    ///
    /// ```
    /// use losslaw::scaling::{CodeLength, ColumnSource, RowOrder, measure};
    /// use losslaw::table::Table;
    /// let csv: String = (0..2000).map(|i| format!("{},{}\n", i % 12, i % 12 / 4)).collect();
    /// let table = Table::from_csv(("month,season\n".to_owned() + &csv).as_bytes())?;
    /// let season = ColumnSource::new(&table, "season", RowOrder::Shuffled(1))?;
    /// let runs = measure(&season, CodeLength::HeldOut, &[100, 1600], &[1, 4], 1, |_| ())?;
    /// // With leaves for months the season is known; without, it takes log2(3) bits.
    /// assert!(runs.runs()[3].loss < 0.1 && runs.runs()[1].loss > 1.5);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn new(table: &Table, column: &str, order: RowOrder) -> Result<Self> {
        let target =
            table.column_index(column).ok_or_else(|| Error::config("column", column, "the columns of the table"))?;
        if matches!(table.columns()[target].kind, Kind::Text) {
            return Err(Error::config("column", column, "columns of values; measure text with ContextSource"));
        }
        let rows = table.rows();
        if rows < 10 {
            return Err(Error::config("rows", rows, "10 or more"));
        }
        let mut places: Vec<u32> = (0..rows as u32).collect();
        if let RowOrder::Shuffled(seed) = order {
            Random::new(seed, 0).shuffle(&mut places);
        }
        let frame = table.frame();
        let columns: Vec<_> = frame.columns()[..=target]
            .iter()
            .map(|column| FrameColumn {
                name: column.name.clone(),
                ordinals: Cow::Owned(column.ordinals.gather(&places)),
                ..*column
            })
            .collect();
        let features = (0..target as u32).map(Feature::Column).collect();
        let (classes, raw_bits, alphabet) = classes(&columns[target].ordinals);
        Ok(Self { columns, target, features, held_out: rows / 5, classes, raw_bits, alphabet })
    }

    /// Holds out another number of rows at the end; with 0 all may be learnt from, and nothing can be held out.
    #[must_use]
    pub fn held_out(mut self, rows: usize) -> Self {
        self.held_out = rows.min(self.classes.len());
        self
    }

    /// What the first rows say.
    fn partition(&self, rows: usize, leaves: usize) -> Result<Partition> {
        if leaves < 2 {
            return Ok(Partition::Whole);
        }
        let first = |column: &FrameColumn<'static>| FrameColumn {
            ordinals: Cow::Owned(column.ordinals.slice(0..rows)),
            name: column.name.clone(),
            ..*column
        };
        let frame = Frame::new(self.columns.iter().map(first).collect(), rows, rows);
        let mdl = Mdl { max_leaves: leaves, ..Mdl::default() };
        mdl.partition(&frame, Target::Column(self.target), &self.features)
    }

    fn groups(&self, partition: &Partition, rows: usize) -> Result<Groups> {
        // A tree looks at the rows that are asked for, but at whole lanes where it looks at history.
        partition.groups(|c| &*self.columns[c as usize].ordinals, rows)
    }

    /// The leaf of each of the first rows.
    fn leaf_of_row(&self, partition: &Partition, rows: usize) -> Result<Vec<u32>> {
        let groups = self.groups(partition, rows)?;
        let mut leaf_of_row = vec![0; rows];
        for group in 0..groups.len() {
            groups.members(group).iter().for_each(|&row| leaf_of_row[row as usize] = group as u32);
        }
        Ok(leaf_of_row)
    }

    fn two_part(&self, rows: usize, leaves: usize) -> Result<f64> {
        let partition = self.partition(rows, leaves)?;
        let groups = self.groups(&partition, rows)?;
        let plan: Plan = Bins::default().then(Rans::default());
        let lane = self.columns[self.target].ordinals.slice(0..rows);
        let learned = plan.learn(vec![Block { lane: lane.clone(), groups: groups.clone() }])?;
        let mut model = vec![];
        learned.write(&mut model);
        let tree = if let Partition::Tree(tree) = &partition { tree.coded_bytes() } else { 0 };
        let bytes = model.len() + tree + plan.encode_grouped(&lane, &groups, &learned)?.len();
        Ok(8.0 * bytes as f64 / rows as f64)
    }

    fn held_out_bits(&self, rows: usize, leaves: usize) -> Result<f64> {
        let all = self.classes.len();
        let mut model = Leaves::new(self.alphabet, self.leaf_of_row(&self.partition(rows, leaves)?, all)?);
        (0..rows).for_each(|row| model.learn(row, self.classes[row]));
        let bits = (all - self.held_out..all)
            .map(|row| f64::from(self.raw_bits[row]) - model.probability(row, self.classes[row]).log2());
        Ok(bits.sum::<f64>() / self.held_out as f64)
    }

    fn prequential(&self, data: &[usize], leaves: usize) -> Result<Vec<f64>> {
        let Some(&most) = data.last() else { return Ok(vec![]) };
        let (mut out, mut bits, mut next_tree) = (vec![], 0.0, FIRST_TREE);
        let mut model = Leaves::new(self.alphabet, vec![0; most]);
        for row in 0..most {
            if row == next_tree {
                model = Leaves::new(self.alphabet, self.leaf_of_row(&self.partition(row, leaves)?, most)?);
                (0..row).for_each(|row| model.learn(row, self.classes[row]));
                next_tree *= 2;
            }
            bits += f64::from(self.raw_bits[row]) - model.probability(row, self.classes[row]).log2();
            model.learn(row, self.classes[row]);
            if data.get(out.len()) == Some(&(row + 1)) {
                out.push(bits / (row + 1) as f64);
            }
        }
        Ok(out)
    }
}

impl Source for ColumnSource {
    fn len(&self) -> usize {
        self.classes.len() - self.held_out
    }

    fn code_lengths(&self, kind: CodeLength, data: &[usize], model: usize) -> Result<Vec<f64>> {
        match kind {
            CodeLength::Prequential => self.prequential(data, model),
            CodeLength::TwoPart => data.iter().map(|&rows| self.two_part(rows, model)).collect(),
            CodeLength::HeldOut if self.held_out == 0 => Err(Error::config("held out", 0, "1 or more rows")),
            CodeLength::HeldOut => data.iter().map(|&rows| self.held_out_bits(rows, model)).collect(),
        }
    }
}

/// Counts in leaves, backed by those of all rows.
struct Leaves {
    leaf_of_row: Vec<u32>,
    whole: Counts,
    counts: Vec<Counts>,
    uniform: f64,
}

impl Leaves {
    fn new(alphabet: usize, leaf_of_row: Vec<u32>) -> Self {
        let leaves = leaf_of_row.iter().max().map_or(0, |&leaf| leaf as usize + 1);
        let uniform = 1.0 / alphabet.max(1) as f64;
        Self { leaf_of_row, whole: Counts::default(), counts: vec![Counts::default(); leaves], uniform }
    }

    fn probability(&self, row: usize, class: u32) -> f64 {
        let wider = self.whole.probability(class, self.uniform);
        self.counts[self.leaf_of_row[row] as usize].probability(class, wider)
    }

    fn learn(&mut self, row: usize, class: u32) {
        self.whole.add(class);
        self.counts[self.leaf_of_row[row] as usize].add(class);
    }
}

/// Each value as itself where there are few; otherwise its leading four bits, the others being raw. Returns classes,
/// raw bits and the number of classes.
fn classes(ordinals: &Lane) -> (Vec<u32>, Vec<u8>, usize) {
    let values = ordinals.to_u64s();
    let mut distinct = values.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() <= MAX_CLASSES {
        let class = |value| distinct.partition_point(|&other| other < value) as u32;
        return (values.iter().map(|&value| class(value)).collect(), vec![0; values.len()], distinct.len());
    }
    let raw = |value: u64| (64 - value.leading_zeros()).saturating_sub(4);
    let class = |value: u64| raw(value) * 16 + (value >> raw(value)) as u32;
    let raw_bits = values.iter().map(|&value| raw(value) as u8).collect();
    (values.iter().map(|&value| class(value)).collect(), raw_bits, 61 * 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_and_raw_bits_tell_every_value() {
        let words: Vec<u64> = (0..5000).chain([1 << 20, u64::MAX]).collect();
        let (classes, raw, alphabet) = classes(&Lane::U64(words.clone()));
        assert!(classes.iter().all(|&class| (class as usize) < alphabet));
        for ((word, class), raw) in words.iter().zip(classes).zip(raw) {
            let low = u64::from(class % 16) << raw;
            assert!((low..=low + ((1u64 << raw) - 1)).contains(word), "{word}");
        }
    }
}
