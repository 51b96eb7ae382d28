//! The columns of a block from its sections.

use std::borrow::Cow;

use super::super::Decoder;
use super::super::adaptive::{Known, Primed};
use super::super::transform::Transform;
use super::flag;
use super::read::{ASSIGNED_BYTES, ColumnModel, Models, read_count};
use crate::codec::{Groups, JointReader};
use crate::container::Section;
use crate::partition::Partition;
use crate::table::ended::split;
use crate::table::{ColumnData, Kind, RowData};
use crate::tree::BlockWalks;
use crate::tree::wire::Recorded;
use crate::wire::Reader;
use crate::{Budget, Lane, Result, Word, with_words};

/// Bytes a row takes while it walks down a tree, its features not counted: its place, a copy of it, its branch.
const WALK_BYTES: u64 = 4 + 4 + 1;

/// Bytes a row takes while a transform is undone: the residual, the key and the value, all widened.
const INVERSION_BYTES: u64 = 3 * 8;

/// Bytes that a byte of ended texts takes: a length, a copy of it, and itself.
const ENDED_BYTES: u64 = 8 + 8 + 1;

/// Flags of texts that end with a byte of their own.
const ENDED_TEXT: u8 = flag::TEXT | flag::ENDED;

/// Reads the columns of one block in their order.
pub(super) struct BlockColumns<'a> {
    pub decoder: &'a Decoder,
    pub models: &'a Models,
    /// All rows in one group.
    pub whole: &'a Groups,
    /// The groups of the one tree of all columns.
    pub shared: Option<&'a Groups>,
    pub walks: BlockWalks<'a>,
    /// What the counts of primed columns begin with.
    pub primed: Primed<'a>,
}

impl BlockColumns<'_> {
    /// Appends the columns of a section to `data`.
    pub fn section(
        &mut self,
        section: &Section<'_>,
        block: u64,
        data: &mut RowData,
        budget: &mut Budget,
    ) -> Result<()> {
        let (first, models) = (data.columns.len(), self.models);
        let mut reader = section.reader();
        let count = read_count(section, &mut reader, (block, first), models.columns.len())?;
        let own = &models.columns[first..first + count];
        let is_any_joint = own.iter().any(|model| model.is_joint);
        let mut joint = is_any_joint.then(|| JointReader::new(&mut reader)).transpose()?;
        let mut escapes = vec![];
        for (index, model) in (first..).zip(own) {
            let column = match &mut joint {
                Some(joint) if model.is_joint => self.joint(index, joint, data, budget)?,
                _ if model.is_primed => self.primed(index, reader.bytes()?, data, budget)?,
                _ => self.alone(index, reader.bytes()?, data, budget)?,
            };
            if (model.is_joint || model.is_primed) && models.schema.columns[index].has_escapes() {
                escapes.push((index, zeros(&column.ordinals)));
            }
            data.columns.push(column);
        }
        joint.map_or(Ok(()), JointReader::end)?;
        if escapes.iter().any(|&(_, count)| count > 0) {
            let mut cells = self.escapes(&mut reader, budget)?.into_iter();
            for (index, count) in escapes {
                data.columns[index].escapes.extend(cells.by_ref().take(count));
            }
            if cells.next().is_some() {
                return Err(reader.corrupt("escapes are left over"));
            }
        }
        reader.end()
    }

    /// A column whose residuals are the next lane of joint streams.
    fn joint(
        &mut self,
        index: usize,
        joint: &mut JointReader<'_>,
        data: &RowData,
        budget: &mut Budget,
    ) -> Result<ColumnData> {
        let ColumnModel { transform, recorded, learned, .. } = &self.models.columns[index];
        let groups = self.groups(index, recorded, &[], data, budget)?;
        let residuals = joint.lane(&groups, learned, budget)?;
        let ordinals = undone(transform, residuals, data, budget)?;
        Ok(ColumnData { ordinals, escapes: vec![], text: vec![] })
    }

    /// A column whose record is nothing but its primed stream.
    fn primed(&mut self, index: usize, bytes: &[u8], data: &RowData, budget: &mut Budget) -> Result<ColumnData> {
        let models = self.models;
        let ColumnModel { transform, recorded, .. } = &models.columns[index];
        let begun = self.primed.begin(index);
        let paid = begun.as_ref().map_or(0, |counts| counts.memory);
        let groups = self.groups(index, recorded, &[], data, budget)?;
        let columns: Vec<&Lane> = data.columns.iter().map(|column| &column.ordinals).collect();
        let known = Known { rows: data.rows, tree: recorded.tree(), groups: &groups, columns: &columns };
        let (residuals, counts) = models.stream(index, bytes).decode(&known, begun, budget)?;
        self.primed.end(index, counts, paid, budget)?;
        let ordinals = undone(transform, residuals, data, budget)?;
        Ok(ColumnData { ordinals, escapes: vec![], text: vec![] })
    }

    /// A column that has a record.
    fn alone(&mut self, index: usize, record: &[u8], data: &RowData, budget: &mut Budget) -> Result<ColumnData> {
        let (registry, models) = (&self.decoder.registry, self.models);
        let ColumnModel { transform, recorded, learned, .. } = &models.columns[index];
        let mut reader = Reader::new(record, "columns");
        let flags = reader.u8()?;
        let is_assigned = matches!(recorded, Recorded::Assigned(_));
        let is_text = matches!(models.schema.columns[index].kind, Kind::Text);
        let fits = (flags & flag::ASSIGNED != 0, flags & flag::TEXT != 0) == (is_assigned, is_text);
        if !fits || flags > flag::ESCAPES | flag::TEXT | flag::ASSIGNED | flag::ADAPTIVE && flags != ENDED_TEXT {
            return Err(reader.corrupt("flags do not fit the column"));
        }
        if flags == ENDED_TEXT {
            let lane = registry.decode_learned(reader.bytes()?, learned, budget)?;
            reader.end()?;
            // Each text ends with one byte of the lane at least.
            budget.spend(lane.len() as u64 * ENDED_BYTES)?;
            let (lengths, text) = split(&lane, "text")?;
            if lengths.len() != data.rows {
                return Err(reader.corrupt("there are more or fewer texts than rows"));
            }
            return Ok(ColumnData { ordinals: Lane::narrowest(lengths), escapes: vec![], text });
        }
        let assigned = if flags & flag::ASSIGNED != 0 { reader.bytes()? } else { &[] };
        let groups = self.groups(index, recorded, assigned, data, budget)?;
        let residuals = if flags & flag::ADAPTIVE != 0 {
            let columns: Vec<&Lane> = data.columns.iter().map(|column| &column.ordinals).collect();
            let known = Known { rows: data.rows, tree: recorded.tree(), groups: &groups, columns: &columns };
            models.stream(index, reader.bytes()?).decode(&known, None, budget)?.0
        } else {
            registry.decode_grouped(reader.bytes()?, &groups, learned, budget)?
        };
        if residuals.len() != data.rows {
            return Err(reader.corrupt("a column has the wrong number of rows"));
        }
        let ordinals = undone(transform, residuals, data, budget)?;
        let escapes = if flags & flag::ESCAPES != 0 { self.escapes(&mut reader, budget)? } else { vec![] };
        let text = if flags & flag::TEXT != 0 {
            let Lane::U8(text) = registry.decode(reader.bytes()?, budget)? else {
                return Err(reader.corrupt("text is no bytes"));
            };
            text
        } else {
            vec![]
        };
        reader.end()?;
        Ok(ColumnData { ordinals, escapes, text })
    }

    /// The groups of a column, given the node of its leaf numbers if they are stored.
    fn groups(
        &mut self,
        index: usize,
        recorded: &Recorded,
        assigned: &[u8],
        data: &RowData,
        budget: &mut Budget,
    ) -> Result<Cow<'_, Groups>> {
        let rows = data.rows as u64;
        Ok(match (recorded, self.shared) {
            (Recorded::Whole, _) => Cow::Borrowed(self.whole),
            (Recorded::Tree(tree), _) => {
                budget.spend(rows * (WALK_BYTES + tree.features().len() as u64 * 8))?;
                let column = |c: u32| &data.columns[c as usize].ordinals;
                let by_codes = self.walks.groups(index, tree.leaves(), column);
                Cow::Owned(by_codes.unwrap_or_else(|| tree.groups(column, data.rows)))
            }
            (Recorded::Assigned(leaves), _) => {
                let leaf_of_row = self.decoder.registry.decode(assigned, budget)?;
                budget.spend(rows * ASSIGNED_BYTES)?;
                let partition = Partition::Assigned { leaves: *leaves, leaf_of_row };
                Cow::Owned(partition.groups(|_| unreachable!("leaf numbers are stored"), data.rows)?)
            }
            (Recorded::Shared, Some(groups)) => Cow::Borrowed(groups),
            (Recorded::Shared, None) => {
                return Err(crate::Error::corrupt("columns", "there is no shared partition", 0));
            }
        })
    }

    /// Cells from two nodes, each behind its length: their lengths, and their bytes.
    fn escapes(&self, reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Vec<Vec<u8>>> {
        let lengths = self.decoder.registry.decode(reader.bytes()?, budget)?;
        budget.spend(lengths.len() as u64 * (8 + size_of::<Vec<u8>>() as u64))?;
        let Lane::U8(bytes) = self.decoder.registry.decode(reader.bytes()?, budget)? else {
            return Err(reader.corrupt("escapes are no bytes"));
        };
        let mut cells = Reader::new(&bytes, "escapes");
        let mut escapes = vec![];
        for length in lengths.to_u64s() {
            let cell = cells.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            budget.spend(cell.len() as u64)?;
            escapes.push(cell.to_vec());
        }
        cells.end()?;
        Ok(escapes)
    }
}

/// The ordinals of a column, given what its transform left.
fn undone(transform: &Transform, residuals: Lane, data: &RowData, budget: &mut Budget) -> Result<Lane> {
    if *transform != Transform::Plain {
        budget.spend(data.rows as u64 * INVERSION_BYTES)?;
    }
    Ok(transform.invert(residuals, |c| &data.columns[c as usize].ordinals))
}

/// How many words are 0.
fn zeros(lane: &Lane) -> usize {
    with_words!(lane, words => words.iter().filter(|word| word.wide() == 0).count())
}
