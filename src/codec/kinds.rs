//! How the table of one group relates to those described before it.

use super::adaptive::{BitModel, BitSink, RangeDecoder};

/// A group's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Table<T> {
    /// The group has no words.
    Empty,
    /// All words are one symbol; the stream holds nothing of them.
    Constant(u16),
    /// At least two symbols.
    Coded(T),
}

/// Number of words that are in the stream.
pub(super) fn coded_words<T>(sizes: &[usize], tables: &[Table<T>]) -> usize {
    sizes.iter().zip(tables).filter(|(_, table)| matches!(table, Table::Coded(_))).map(|(size, _)| size).sum()
}

/// What is said about a group that has words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// All words are one symbol.
    Constant,
    /// The base's table is used as it is.
    Same,
    /// The table is described against its base.
    Coded,
}

/// Codes a group's kind, and whether its base is the last table rather than the pooled one.
pub(super) struct KindModel {
    models: [[BitModel; 3]; 128],
    context: usize,
}

impl KindModel {
    pub fn new() -> Self {
        Self { models: [[BitModel::default(); 3]; 128], context: 0 }
    }

    /// Contexts: how large the group is, and what the last one was.
    fn models(&mut self, total: u64) -> &mut [BitModel; 3] {
        let size = total.max(1).ilog2().min(15) as usize;
        &mut self.models[size * 8 + self.context]
    }

    pub fn encode<S: BitSink>(&mut self, kind: Kind, from_last: bool, total: u64, sink: &mut S) {
        let models = self.models(total);
        sink.bit(&mut models[0], kind == Kind::Constant);
        if kind != Kind::Constant {
            sink.bit(&mut models[1], kind == Kind::Same);
            sink.bit(&mut models[2], from_last);
        }
    }

    pub fn decode(&mut self, total: u64, decoder: &mut RangeDecoder<'_>) -> (Kind, bool) {
        let models = self.models(total);
        if decoder.bit(&mut models[0]) {
            return (Kind::Constant, false);
        }
        let kind = if decoder.bit(&mut models[1]) { Kind::Same } else { Kind::Coded };
        (kind, decoder.bit(&mut models[2]))
    }

    /// Remembers a group as the last one.
    pub fn follow(&mut self, kind: Kind, from_last: bool) {
        self.context = 1 + kind as usize * 2 + usize::from(from_last);
    }
}
