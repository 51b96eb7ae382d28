//! Where bins begin and end: the cheapest cut of a sorted lane into ranges.

use super::super::ascending::bit_len;
use super::Table;
use crate::Word;
use crate::log2::log2;

/// Ranges of words among which the cuts are chosen; more cost time and gain little.
const CANDIDATES: u64 = 512;

/// Bits a bin costs besides its bounds: its offset width, and its share in the symbol tables of whoever codes it.
const BIN_BITS: u64 = 20;

/// Counts up to here have their logarithms in a list.
const LISTED: u64 = 1 << 13;

/// Distinct words, ascending, each with the number of times it occurs.
pub(super) fn count_words(lanes: &[&crate::Lane]) -> Vec<(u64, u64)> {
    /// Up to here a table of counts is quicker than sorting.
    const DIRECT: u64 = 1 << 16;
    let most = lanes.iter().filter_map(|lane| lane.max()).max().unwrap_or(0);
    if most < DIRECT {
        let mut counts = vec![0u64; most as usize + 1];
        for lane in lanes {
            crate::with_words!(lane, words => words.iter().for_each(|w| counts[w.wide() as usize] += 1));
        }
        return (0..).zip(counts).filter(|&(_, count)| count > 0).collect();
    }
    if u32::try_from(most).is_ok() {
        let mut words = Vec::with_capacity(lanes.iter().map(|lane| lane.len()).sum());
        for lane in lanes {
            crate::with_words!(lane, own => words.extend(own.iter().map(|w| w.wide() as u32)));
        }
        count_sorted(words)
    } else {
        count_sorted(lanes.iter().flat_map(|lane| lane.to_u64s()).collect::<Vec<u64>>())
    }
}

fn count_sorted<W: Word>(mut words: Vec<W>) -> Vec<(u64, u64)> {
    words.sort_unstable();
    words.chunk_by(|a, b| a == b).map(|run| (run[0].wide(), run.len() as u64)).collect()
}

/// The table with the least estimated code length of at most `max_bins` bins.
///
/// A word costs −log2 of its bin's share and the bits of its offset; a bin costs [`BIN_BITS`] and its lower bound.
/// The cuts are found by dynamic programming over at most about 2 [`CANDIDATES`] ranges, in fixed-point integers, so
/// that they are the same on every machine.
pub(super) fn fit(counted: &[(u64, u64)], max_bins: usize) -> Table {
    let candidates = candidates(counted);
    let costs = Costs::new(&candidates);
    let mut starts = costs.best_starts();
    // Offsets are beyond the reach of contexts, symbols are not: whole words as symbols may cost a little more.
    if counted.len() <= max_bins && candidates.len() == counted.len() {
        let single: Vec<usize> = (0..counted.len()).collect();
        let (few, all) = (costs.total(&starts), costs.total(&single));
        if all <= few + few / 64 {
            starts = single;
        }
    }
    costs.merge_to(&mut starts, max_bins);
    let ends = starts.iter().skip(1).copied().chain([candidates.len()]);
    let bounds = starts.iter().zip(ends).map(|(&start, end)| (candidates[start].low, candidates[end - 1].high));
    let (lowers, widths) = bounds.map(|(low, high)| (low, bit_len(high - low))).unzip();
    Table { lowers, widths }
}

/// A range of words that is not cut.
struct Range {
    low: u64,
    high: u64,
    count: u64,
}

/// Single words where there are few, else ranges of about equal count; a frequent word stands alone.
fn candidates(counted: &[(u64, u64)]) -> Vec<Range> {
    let single = |&(word, count): &(u64, u64)| Range { low: word, high: word, count };
    if counted.len() as u64 <= CANDIDATES {
        return counted.iter().map(single).collect();
    }
    let total: u64 = counted.iter().map(|&(_, count)| count).sum();
    let full = total.div_ceil(CANDIDATES);
    let mut ranges: Vec<Range> = vec![];
    for next in counted {
        match ranges.last_mut() {
            Some(last) if last.count < full && next.1 < full => {
                last.high = next.0;
                last.count += next.1;
            }
            _ => ranges.push(single(next)),
        }
    }
    ranges
}

/// Code lengths of runs of candidates, in units of 2⁻¹⁶ bit.
struct Costs {
    lows: Vec<u64>,
    highs: Vec<u64>,
    /// Words before each candidate, and in all.
    before: Vec<u64>,
    /// log2 of the number of words.
    log_total: u64,
    /// log2 of small counts: looking it up is quicker.
    logs: Vec<u32>,
}

impl Costs {
    fn new(ranges: &[Range]) -> Self {
        let mut before = vec![0];
        before.extend(ranges.iter().scan(0, |sum, range| {
            *sum += range.count;
            Some(*sum)
        }));
        let (lows, highs) = ranges.iter().map(|range| (range.low, range.high)).unzip();
        let log_total = before.last().copied().filter(|&total| total > 0).map_or(0, log2);
        let listed = before.last().map_or(0, |&total| total.min(LISTED));
        let logs = (0..=listed).map(|count| log2(count) as u32).collect();
        Self { lows, highs, before, log_total, logs }
    }

    /// What one bin of the candidates `start..end` costs.
    fn bin(&self, start: usize, end: usize) -> u64 {
        self.bin_of(self.before[end] - self.before[start], self.highs[end - 1] - self.lows[start])
    }

    /// What a bin of `count` words costs whose lowest and highest are `distance` apart.
    #[inline]
    fn bin_of(&self, count: u64, distance: u64) -> u64 {
        let extent = u64::from(bit_len(distance));
        count * ((extent << 16) + self.log_total - self.log2(count)) + ((BIN_BITS + extent) << 16)
    }

    #[inline]
    fn log2(&self, count: u64) -> u64 {
        self.logs.get(count as usize).map_or_else(|| log2(count), |&log| u64::from(log))
    }

    fn total(&self, starts: &[usize]) -> u64 {
        let ends = starts.iter().skip(1).copied().chain([self.lows.len()]);
        starts.iter().zip(ends).map(|(&start, end)| self.bin(start, end)).sum()
    }

    /// First candidates of the bins of the cheapest cut.
    fn best_starts(&self) -> Vec<usize> {
        let len = self.lows.len();
        let mut best = vec![0u64; len + 1];
        let mut from = vec![0usize; len + 1];
        for end in 1..=len {
            let (count, high) = (self.before[end], self.highs[end - 1]);
            let mut least = (u64::MAX, 0);
            let starts = best[..end].iter().zip(&self.before[..end]).zip(&self.lows[..end]);
            // From the shortest bin on: where the offsets alone cost more than the least, longer ones do, too.
            for (start, ((best, before), low)) in starts.enumerate().rev() {
                let (words, distance) = (count - before, high - low);
                if (words * u64::from(bit_len(distance))) << 16 > least.0 {
                    break;
                }
                let cost = best + self.bin_of(words, distance);
                // The first of equals.
                if cost <= least.0 {
                    least = (cost, start);
                }
            }
            (best[end], from[end]) = least;
        }
        let mut starts = vec![];
        let mut end = len;
        while end > 0 {
            end = from[end];
            starts.push(end);
        }
        starts.reverse();
        starts
    }

    /// Merges neighbouring bins, the cheapest merge first, until at most `max_bins` are left.
    fn merge_to(&self, starts: &mut Vec<usize>, max_bins: usize) {
        while starts.len() > max_bins {
            let end = |bin: usize| starts.get(bin).copied().unwrap_or(self.lows.len());
            let added = |bin: usize| {
                let (start, cut, end) = (starts[bin - 1], starts[bin], end(bin + 1));
                self.bin(start, end) as i64 - self.bin(start, cut) as i64 - self.bin(cut, end) as i64
            };
            let cheapest = (1..starts.len()).min_by_key(|&bin| added(bin)).expect("there are two bins");
            starts.remove(cheapest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_far_clusters_become_two_bins() {
        let counted: Vec<(u64, u64)> = (0..64).map(|i| (i, 100)).chain((0..64).map(|i| (1 << 40 | i, 100))).collect();
        let table = fit(&counted, 20);
        assert_eq!((table.lowers, table.widths), (vec![0, 1 << 40], vec![6, 6]));
    }

    #[test]
    fn few_words_become_single_bins() {
        let counted: Vec<(u64, u64)> = (0..200).map(|i| (i * i, 300)).collect();
        let table = fit(&counted, 256);
        assert_eq!(table.lowers, counted.iter().map(|c| c.0).collect::<Vec<_>>());
        assert!(table.widths.iter().all(|&width| width == 0));
    }

    #[test]
    fn no_more_bins_than_allowed_are_made_and_all_words_are_covered() {
        let counted: Vec<(u64, u64)> = (0..900u64).map(|i| (i * i * i, 1 + i * 7919 % 1000)).collect();
        for max_bins in [1, 2, 17, 256] {
            let table = fit(&counted, max_bins);
            assert!(table.lowers.len() <= max_bins);
            assert!(counted.iter().all(|&(word, _)| table.bin_of(word).is_some()));
        }
    }

    proptest::proptest! {
        #[test]
        fn the_cheapest_cut_is_found_though_long_bins_are_not_priced(
            words in proptest::collection::btree_map(0u64..1 << 40, 1u64..400, 1..60), shift in 0u32..40,
        ) {
            let counted: std::collections::BTreeMap<u64, u64> = words.into_iter().map(|(w, n)| (w >> shift, n)).collect();
            let costs = Costs::new(&candidates(&counted.into_iter().collect::<Vec<_>>()));
            let len = costs.lows.len();
            let mut best = vec![(0, 0)];
            for end in 1..=len {
                let least = (0..end).map(|start| (best[start].0 + costs.bin(start, end), start)).min();
                best.push(least.unwrap());
            }
            let (mut starts, mut end) = (vec![], len);
            while end > 0 {
                end = best[end].1;
                starts.insert(0, end);
            }
            proptest::prop_assert_eq!(costs.best_starts(), starts);
        }
    }
}
