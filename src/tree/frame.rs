//! What a partitioner sees: columns as ordinals, and features made of them and of their history.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::binned::{self, BinnedFeature};
use crate::{Lane, Word, with_words};

/// A number known about each row before the target is decoded.
///
/// Values are ordinals; 0 stands for "missing" in the three history features, where the first row has no history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Feature {
    /// The ordinal of a column in the same row.
    Column(u32),
    /// 1 + the column's ordinal in the previous row.
    Previous(u32),
    /// 1 + the zigzag difference of the column's ordinal to the previous row: 1 means "unchanged".
    Delta(u32),
    /// 1 + the ordinal that `column` had in the last row with the same ordinal in `key`.
    LastIn {
        /// The column whose value is looked up.
        column: u32,
        /// The column that must agree.
        key: u32,
    },
}

impl Feature {
    /// The largest column index that must be known.
    pub fn newest_column(self) -> u32 {
        match self {
            Self::Column(c) | Self::Previous(c) | Self::Delta(c) => c,
            Self::LastIn { column, key } => column.max(key),
        }
    }

    /// The feature's value in each row. `column(i)` gives the ordinals of column `i`.
    pub fn values<'a>(self, column: impl Fn(u32) -> &'a Lane) -> Cow<'a, Lane> {
        match self {
            Self::Column(c) => Cow::Borrowed(column(c)),
            Self::Previous(c) => Cow::Owned(with_words!(column(c), words => {
                let previous = words.iter().map(|w| w.wide().saturating_add(1));
                Lane::narrowest(std::iter::once(0).chain(previous).take(words.len()).collect())
            })),
            Self::Delta(c) => Cow::Owned(with_words!(column(c), words => {
                let changes = words.windows(2).map(|pair| {
                    let difference = pair[1].wide().wrapping_sub(pair[0].wide()) as i64;
                    crate::wire::zigzag(difference).saturating_add(1)
                });
                Lane::narrowest(std::iter::once(0).chain(changes).take(words.len()).collect())
            })),
            Self::LastIn { column: c, key } => {
                let mut last: HashMap<u64, u64> = HashMap::new();
                let (values, keys) = (column(c).to_u64s(), column(key).to_u64s());
                let seen = keys.iter().zip(&values).map(|(&k, &v)| last.insert(k, v.saturating_add(1)).unwrap_or(0));
                Cow::Owned(Lane::narrowest(seen.collect()))
            }
        }
    }
}

/// One column as a partitioner sees it.
#[derive(Debug, Clone)]
pub struct FrameColumn<'a> {
    /// The column's name, for reports.
    pub name: String,
    /// One ordinal a row.
    pub ordinals: Cow<'a, Lane>,
    /// Ordinals below this one stand for missing and other special values.
    pub first_value: u64,
    /// Whether the order of ordinals means something: a number or a date, not a category.
    pub ordered: bool,
}

/// Columns of equal length, ready for learning.
///
/// Binned forms of features are made once and shared by all trees learnt from the same frame.
#[derive(Debug)]
pub struct Frame<'a> {
    columns: Vec<FrameColumn<'a>>,
    rows: usize,
    sample: Vec<u32>,
    binned: Vec<[OnceLock<Arc<BinnedFeature>>; 3]>,
}

impl<'a> Frame<'a> {
    /// A frame of columns that all have `rows` ordinals.
    ///
    /// At most `sample_rows` rows, evenly spread, are used for learning.
    pub fn new(columns: Vec<FrameColumn<'a>>, rows: usize, sample_rows: usize) -> Self {
        let take = rows.min(sample_rows);
        let sample = (0..take).map(|i| (i as u64 * rows as u64 / take as u64) as u32).collect();
        let binned = columns.iter().map(|_| Default::default()).collect();
        Self { columns, rows, sample, binned }
    }

    /// A frame of text columns, each category numbered in the order of its text.
    ///
    /// ```
    /// let frame = losslaw::tree::Frame::categories(&[("sky", &["cloud", "clear", "cloud"])]);
    /// assert_eq!(frame.columns()[0].ordinals.to_u64s(), [1, 0, 1]);
    /// ```
    pub fn categories(columns: &[(&str, &[&str])]) -> Frame<'static> {
        let rows = columns.first().map_or(0, |column| column.1.len());
        let column = |&(name, cells): &(&str, &[&str])| {
            let mut texts = cells.to_vec();
            texts.sort_unstable();
            texts.dedup();
            let place = |cell| texts.binary_search(cell).expect("every cell is among the texts") as u64;
            let ordinals = Cow::Owned(Lane::narrowest(cells.iter().map(place).collect()));
            FrameColumn { name: name.to_owned(), ordinals, first_value: 0, ordered: false }
        };
        Frame::new(columns.iter().map(column).collect(), rows, rows)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns.
    pub fn columns(&self) -> &[FrameColumn<'a>] {
        &self.columns
    }

    /// The rows used for learning, ascending.
    pub fn sample(&self) -> &[u32] {
        &self.sample
    }

    /// Whether larger values of a feature mean more of something, and where its proper values begin.
    pub fn nature(&self, feature: Feature) -> (bool, u64) {
        match feature {
            Feature::Column(c) => (self.columns[c as usize].ordered, self.columns[c as usize].first_value),
            Feature::Previous(c) | Feature::LastIn { column: c, .. } => {
                let column = &self.columns[c as usize];
                (column.ordered, column.first_value + 1)
            }
            Feature::Delta(_) => (true, 1),
        }
    }

    /// The feature's value in each row.
    pub fn values(&self, feature: Feature) -> Cow<'_, Lane> {
        feature.values(|c| &*self.columns[c as usize].ordinals)
    }

    /// The feature on the sampled rows, in few bins.
    pub fn binned(&self, feature: Feature) -> Arc<BinnedFeature> {
        let make = || {
            let (ordered, first) = self.nature(feature);
            Arc::new(binned::bin(&self.values(feature).gather(&self.sample), ordered, first))
        };
        match feature {
            Feature::Column(c) => self.binned[c as usize][0].get_or_init(make).clone(),
            Feature::Previous(c) => self.binned[c as usize][1].get_or_init(make).clone(),
            Feature::Delta(c) => self.binned[c as usize][2].get_or_init(make).clone(),
            Feature::LastIn { .. } => make(),
        }
    }
}
