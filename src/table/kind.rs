//! What holds for all rows of one column.

use super::{Entries, Number, Part};

/// Most special texts of one column, fixed by the format.
pub(super) const MAX_SPECIALS: usize = 8;

/// Longest prefix or suffix of a column, fixed by the format.
pub(super) const MAX_AFFIX: usize = 64;

/// A column: its name, what its cells mean, and what they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSchema {
    /// The name in the header without quotes and outer spaces, for display only.
    pub name: String,
    /// What the ordinals mean.
    pub kind: Kind,
    /// Physical columns of the file that this column stands for.
    pub span: usize,
    /// Bytes before the text of every cell that is neither an escape nor special.
    pub prefix: Vec<u8>,
    /// Bytes behind the text of every such cell.
    pub suffix: Vec<u8>,
    /// Frequent raw cells that are no numbers, most frequent first.
    pub specials: Vec<Vec<u8>>,
}

/// What the ordinals of a column mean; see the table in [`crate::table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Numbers or dates between a minimum and a maximum.
    Number(Number),
    /// Numbers or dates of few distinct values.
    Ranked {
        /// How a value is spelled.
        number: Number,
        /// The distinct values less the minimum, ascending.
        values: Vec<u64>,
    },
    /// Texts of few distinct values.
    Categorical {
        /// The distinct cells.
        entries: Entries,
    },
    /// Neighbouring columns of zeros and ones of which exactly one is 1 in every row.
    OneHot {
        /// Number of neighbouring columns.
        width: u32,
    },
    /// Texts that other cells of their row make up.
    Derived {
        /// What they are made of, in order.
        parts: Vec<Part>,
    },
    /// Texts of many distinct values.
    Text,
    /// No column of the file: how many units in the last place (zigzag) the float in the column before lies off its
    /// decimal.
    Noise,
}

impl ColumnSchema {
    /// The lowest ordinal that is a value: those below are the escape (0) and the specials.
    pub fn first_value(&self) -> u64 {
        match self.kind {
            Kind::Number(_) | Kind::Ranked { .. } | Kind::Derived { .. } => 1 + self.specials.len() as u64,
            _ => 0,
        }
    }

    /// Whether ordinal 0 is an escape, whose raw cell is kept.
    pub(crate) fn has_escapes(&self) -> bool {
        matches!(self.kind, Kind::Number(_) | Kind::Ranked { .. } | Kind::Derived { .. })
    }

    /// Whether a larger ordinal means a larger value, so that thresholds make sense.
    pub fn is_ordered(&self) -> bool {
        matches!(self.kind, Kind::Number(_) | Kind::Ranked { .. })
    }

    /// The number of possible ordinals, where the kind fixes it.
    pub fn cardinality(&self) -> Option<u64> {
        match &self.kind {
            Kind::Ranked { values, .. } => Some(self.first_value() + values.len() as u64),
            Kind::Categorical { entries } => Some(entries.len() as u64),
            Kind::OneHot { width } => Some(u64::from(*width)),
            Kind::Derived { .. } => Some(2),
            Kind::Number(_) | Kind::Text | Kind::Noise => None,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = |number: &Number| match number {
            Number::Integer { .. } => "integer",
            Number::Decimal { .. } => "decimal",
            Number::Code { .. } => "code",
            Number::DateTime { .. } => "date",
        };
        match self {
            Self::Number(kind) => f.write_str(number(kind)),
            Self::Ranked { number: kind, values } => write!(f, "{}, {} values", number(kind), values.len()),
            Self::Categorical { entries } => write!(f, "{} categories", entries.len()),
            Self::OneHot { width } => write!(f, "one of {width}"),
            Self::Derived { .. } => f.write_str("made of other cells"),
            Self::Text => f.write_str("text"),
            Self::Noise => f.write_str("float noise"),
        }
    }
}
