//! Transforms: a column written relative to a reference that the decoder knows, row by row.
//!
//! A column's own history enters the fast effort here: leaves are decoded one after the other, so a tree cannot look
//! at earlier rows of its own column, but a transform can, once all residuals are there.

use std::collections::HashMap;

use crate::codec::{Registry, encode_auto};
use crate::wire::{Reader, put_bytes, put_varint, unzigzag, zigzag};
use crate::{Budget, Error, Lane, Result, Word, with_words};

/// A value for each row, known before the row's own value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    /// The value in the previous row; 0 in the first.
    Previous,
    /// The value of an earlier column in the same row.
    Column(u32),
    /// The value in the last row that had the same ordinal in an earlier column; 0 if there is none.
    LastIn(u32),
    /// A function of an earlier column; 0 where the table says nothing.
    Map(Table),
    /// As [`Reference::LastIn`], but where no row of the block had the ordinal before, what the table says: a block
    /// that decodes alone need not learn anew what all blocks have in common.
    Recalled(Table),
}

/// A function of an earlier column, stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// The earlier column.
    pub key: u32,
    /// Its ordinals that the table knows, ascending.
    pub keys: Vec<u64>,
    /// The value for each of them.
    pub values: Vec<u64>,
}

/// How a column's ordinals become the residuals that are coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Transform {
    /// The ordinals themselves.
    Plain,
    /// 0 where the ordinal equals its reference, else 1 + the ordinal.
    Match(Reference),
    /// The zigzag difference to the reference.
    Difference(Reference),
}

impl Transform {
    /// The residuals of a block. `column(i)` gives the ordinals of earlier columns.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] when an ordinal is too large to be marked.
    pub fn apply<'a>(&self, ordinals: &Lane, column: impl Fn(u32) -> &'a Lane) -> Result<Lane> {
        let values = match self {
            Self::Plain => return Ok(ordinals.clone()),
            Self::Match(_) | Self::Difference(_) => ordinals.to_u64s(),
        };
        if values.contains(&u64::MAX) {
            return Err(Error::Unsuitable { codec: "a transform", why: "an ordinal is too large" });
        }
        let mut residuals = Vec::with_capacity(values.len());
        self.walk(values.len(), column, |row, reference| {
            let value = values[row];
            residuals.push(match self {
                Self::Match(_) => {
                    if value == reference {
                        0
                    } else {
                        value + 1
                    }
                }
                _ => zigzag(value.wrapping_sub(reference) as i64),
            });
            value
        });
        Ok(Lane::narrowest(residuals))
    }

    /// The ordinals of a block. Any residuals give some ordinals.
    pub fn invert<'a>(&self, residuals: Lane, column: impl Fn(u32) -> &'a Lane) -> Lane {
        if *self == Self::Plain {
            return residuals;
        }
        let mut values = residuals.to_u64s();
        let is_match = matches!(self, Self::Match(_));
        self.walk(values.len(), column, |row, reference| {
            let residual = values[row];
            let value = if is_match {
                if residual == 0 { reference } else { residual - 1 }
            } else {
                reference.wrapping_add(unzigzag(residual) as u64)
            };
            values[row] = value;
            value
        });
        Lane::narrowest(values)
    }

    /// Calls `step(row, reference)` for each row; `step` answers with the row's value, which later references need.
    fn walk<'a>(&self, rows: usize, column: impl Fn(u32) -> &'a Lane, mut step: impl FnMut(usize, u64) -> u64) {
        match self {
            Self::Plain => {}
            Self::Match(Reference::Previous) | Self::Difference(Reference::Previous) => {
                let mut last = 0;
                (0..rows).for_each(|row| last = step(row, last));
            }
            Self::Match(Reference::Column(key)) | Self::Difference(Reference::Column(key)) => {
                with_words!(column(*key), words => words.iter().enumerate().for_each(|(row, reference)| {
                    step(row, reference.wide());
                }));
            }
            Self::Match(Reference::LastIn(key)) | Self::Difference(Reference::LastIn(key)) => {
                let last = Lookup::new(column(*key).max().unwrap_or(0));
                follow(last, column(*key), step);
            }
            Self::Match(Reference::Recalled(table)) | Self::Difference(Reference::Recalled(table)) => {
                let largest = column(table.key).max().unwrap_or(0);
                follow(table.lookup(largest), column(table.key), step);
            }
            Self::Match(Reference::Map(table)) | Self::Difference(Reference::Map(table)) => {
                let known = table.lookup(0);
                with_words!(column(table.key), words => words.iter().enumerate().for_each(|(row, key)| {
                    step(row, known.get(key.wide()));
                }));
            }
        }
    }

    fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Plain => None,
            Self::Match(reference) | Self::Difference(reference) => Some(reference),
        }
    }

    /// The table that is stored with it.
    pub fn table(&self) -> Option<&Table> {
        match self.reference()? {
            Reference::Map(table) | Reference::Recalled(table) => Some(table),
            Reference::Previous | Reference::Column(_) | Reference::LastIn(_) => None,
        }
    }

    /// The earlier column it looks at.
    pub fn key(&self) -> Option<u32> {
        match self.reference()? {
            Reference::Previous => None,
            Reference::Column(key) | Reference::LastIn(key) => Some(*key),
            Reference::Map(table) | Reference::Recalled(table) => Some(table.key),
        }
    }

    /// Appends the transform: a tag (0 plain; else 1 + 2·reference, + 1 for a difference), the key column, and for a
    /// table its keys (as gaps) and values as nodes.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let difference = u8::from(matches!(self, Self::Difference(_)));
        let tag = |reference: u8| 1 + 2 * reference + difference;
        match self.reference() {
            None => out.push(0),
            Some(Reference::Previous) => out.push(tag(0)),
            Some(Reference::Column(key)) => {
                out.push(tag(1));
                put_varint(out, u64::from(*key));
            }
            Some(Reference::LastIn(key)) => {
                out.push(tag(2));
                put_varint(out, u64::from(*key));
            }
            Some(Reference::Map(table)) => {
                out.push(tag(3));
                table.write(out)?;
            }
            Some(Reference::Recalled(table)) => {
                out.push(tag(4));
                table.write(out)?;
            }
        }
        Ok(())
    }

    /// Reads the rest of a transform of this tag, of a column that may refer to columns before `target`.
    pub fn read(
        tag: u8,
        reader: &mut Reader<'_>,
        target: u32,
        registry: &Registry,
        budget: &mut Budget,
    ) -> Result<Self> {
        let Some(tag) = tag.checked_sub(1) else { return Ok(Self::Plain) };
        let mut key = || match reader.varint()? {
            key if key < u64::from(target) => Ok(key as u32),
            _ => Err(reader.corrupt("a transform refers to a later column")),
        };
        let reference = match tag / 2 {
            0 => Reference::Previous,
            1 => Reference::Column(key()?),
            2 => Reference::LastIn(key()?),
            3 => Reference::Map(Table::read(key()?, reader, registry, budget)?),
            4 => Reference::Recalled(Table::read(key()?, reader, registry, budget)?),
            _ => return Err(reader.corrupt("unknown transform")),
        };
        Ok(if tag % 2 == 1 { Self::Difference(reference) } else { Self::Match(reference) })
    }

    /// A short text for reports; `name(i)` gives the name of a column.
    pub fn describe(&self, name: impl Fn(u32) -> String) -> String {
        let reference = match self.reference() {
            None => return "plain".to_owned(),
            Some(Reference::Previous) => "previous row".to_owned(),
            Some(Reference::Column(key)) => name(*key),
            Some(Reference::LastIn(key)) => format!("last row of same {}", name(*key)),
            Some(Reference::Map(table)) => format!("map of {} ({} entries)", name(table.key), table.keys.len()),
            Some(Reference::Recalled(table)) => {
                format!("last row of same {} (begun by {} entries)", name(table.key), table.keys.len())
            }
        };
        match self {
            Self::Difference(_) => format!("difference to {reference}"),
            _ => format!("match with {reference}"),
        }
    }
}

impl Table {
    /// The values by key, with room for keys up to `largest`.
    fn lookup(&self, largest: u64) -> Lookup {
        let mut known = Lookup::new(self.keys.last().copied().unwrap_or(0).max(largest));
        self.keys.iter().zip(&self.values).for_each(|(&key, &value)| known.set(key, value));
        known
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        put_varint(out, u64::from(self.key));
        let before = std::iter::once(0).chain(self.keys.iter().copied());
        let gaps = before.zip(&self.keys).map(|(last, key)| key - last);
        put_bytes(out, &encode_auto(&Lane::narrowest(gaps.collect()))?.1);
        put_bytes(out, &encode_auto(&Lane::narrowest(self.values.clone()))?.1);
        Ok(())
    }

    fn read(key: u32, reader: &mut Reader<'_>, registry: &Registry, budget: &mut Budget) -> Result<Self> {
        let gaps = registry.decode(reader.bytes()?, budget)?.to_u64s();
        let values = registry.decode(reader.bytes()?, budget)?.to_u64s();
        // The pairs, widened, and the table that is made of them.
        budget.spend(gaps.len() as u64 * 64)?;
        let (mut keys, mut last) = (Vec::with_capacity(gaps.len()), 0u64);
        for gap in gaps {
            last = last.checked_add(gap).ok_or_else(|| reader.corrupt("map keys overflow"))?;
            keys.push(last);
        }
        if keys.len() != values.len() {
            return Err(reader.corrupt("a map has not one value for each key"));
        }
        Ok(Self { key, keys, values })
    }
}

/// Calls `step` with the last value of each row's key, beginning with those in `last`.
fn follow(mut last: Lookup, keys: &Lane, mut step: impl FnMut(usize, u64) -> u64) {
    with_words!(keys, words => for (row, key) in words.iter().enumerate() {
        let value = step(row, last.get(key.wide()));
        last.set(key.wide(), value);
    });
}

/// Values by key, 0 where none was set: an array while keys are small, else a hash map.
enum Lookup {
    Dense(Vec<u64>),
    Sparse(HashMap<u64, u64>),
}

impl Lookup {
    const DENSE_BELOW: u64 = 1 << 20;

    fn new(largest_key: u64) -> Self {
        if largest_key < Self::DENSE_BELOW {
            Self::Dense(vec![0; largest_key as usize + 1])
        } else {
            Self::Sparse(HashMap::new())
        }
    }

    fn get(&self, key: u64) -> u64 {
        match self {
            Self::Dense(values) => usize::try_from(key).ok().and_then(|key| values.get(key)).copied().unwrap_or(0),
            Self::Sparse(values) => values.get(&key).copied().unwrap_or(0),
        }
    }

    fn set(&mut self, key: u64, value: u64) {
        match self {
            Self::Dense(values) => values[key as usize] = value,
            Self::Sparse(values) => {
                values.insert(key, value);
            }
        }
    }
}
