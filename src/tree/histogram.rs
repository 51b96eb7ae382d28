//! Class counts in the bins of one feature, over the rows of one node.

use super::binned::BinnedFeature;

/// The classes of one target in the rows of one node; classes that do not occur are left out.
#[derive(Default)]
pub(super) struct Classes {
    /// Class of each row, in the order of the node's rows.
    of_row: Vec<u8>,
    /// Rows of each class.
    totals: Vec<u32>,
    /// What the classes are called elsewhere, ascending.
    names: Vec<u8>,
}

impl Classes {
    /// Looks up the classes of a node's rows, given how many there are of each.
    pub fn fill(&mut self, class: &[u8], counts: &[u32], rows: &[u32]) {
        self.totals.clear();
        self.names.clear();
        for (name, &count) in (0..).zip(counts).filter(|(_, count)| **count > 0) {
            self.totals.push(count);
            self.names.push(name);
        }
        places_of(&self.names, class, rows, &mut self.of_row);
    }

    /// Whether there is anything to tell apart.
    pub fn differ(&self) -> bool {
        self.totals.len() > 1
    }

    /// What the classes are called elsewhere.
    pub fn names(&self) -> &[u8] {
        &self.names
    }
}

/// The place of each row's class among some names.
pub(super) fn places_of(names: &[u8], class: &[u8], rows: &[u32], out: &mut Vec<u8>) {
    let mut places = [0u8; 256];
    names.iter().zip(0..).for_each(|(&name, place)| places[usize::from(name)] = place);
    out.clear();
    out.extend(rows.iter().map(|&row| places[usize::from(class[row as usize])]));
}

/// Rows that are in other branches of the same node.
pub(super) struct Others<'a> {
    /// The classes of the node.
    pub names: &'a [u8],
    /// The rows.
    pub rows: &'a [u32],
    /// The place of each row's class among the names.
    pub of_row: &'a [u8],
}

/// Changes the cell of each row's bin and class; a bin has `width` cells.
fn for_cells(
    cells: &mut [u32],
    binned: &BinnedFeature,
    (of_row, width): (&[u8], usize),
    rows: &[u32],
    change: impl Fn(&mut u32),
) {
    let bins = &*binned.bin_of_row;
    for (&row, &class) in rows.iter().zip(of_row) {
        change(&mut cells[usize::from(bins[row as usize]) * width + usize::from(class)]);
    }
}

/// Class counts in the bins of one feature, over the rows of one node.
///
/// Many rows are counted cell by cell. Few rows would leave most cells empty, so their classes are sorted by bin
/// instead, and a bin is read row by row: the work is in proportion to the smaller of both.
#[derive(Default)]
pub(super) struct Histogram {
    is_sorted: bool,
    cells: Vec<u32>,
    sorted: Vec<u8>,
    /// Where each bin begins in `sorted`.
    starts: Vec<u32>,
    bins: Vec<u8>,
    /// Number of classes.
    pub classes: usize,
    /// Rows of each class.
    pub totals: Vec<u32>,
    /// Rows in each bin.
    pub sizes: Vec<u32>,
}

impl Histogram {
    /// Counts the classes of some rows.
    pub fn fill(&mut self, binned: &BinnedFeature, classes: &Classes, rows: &[u32]) {
        self.begin(classes);
        self.is_sorted = rows.len() < binned.len() * self.classes;
        if self.is_sorted {
            self.sort(binned, classes, rows);
            return;
        }
        self.cells.clear();
        self.cells.resize(binned.len() * self.classes, 0);
        let width = self.classes;
        for_cells(&mut self.cells, binned, (&classes.of_row, width), rows, |cell| *cell += 1);
        self.count_sizes();
    }

    /// The counts of a node's rows that are not in its other branches; whether this is less work than [`Self::fill`]
    /// for so many rows, else nothing is done.
    pub fn fill_rest(
        &mut self,
        binned: &BinnedFeature,
        classes: &Classes,
        rows: usize,
        whole: &[u32],
        others: &Others<'_>,
    ) -> bool {
        self.begin(classes);
        let width = others.names.len();
        if rows < binned.len() * self.classes || others.rows.len() + whole.len() / 4 > rows {
            return false;
        }
        self.is_sorted = false;
        self.cells.clear();
        self.cells.extend_from_slice(whole);
        for_cells(&mut self.cells, binned, (others.of_row, width), others.rows, |cell| *cell -= 1);
        if self.classes < width {
            // Classes that are all in other branches are left out, so that every cell moves towards the front.
            let places: Vec<usize> =
                (0..width).filter(|&place| classes.names.binary_search(&others.names[place]).is_ok()).collect();
            let mut next = 0;
            for bin in 0..binned.len() {
                for &place in &places {
                    self.cells[next] = self.cells[bin * width + place];
                    next += 1;
                }
            }
            self.cells.truncate(next);
        }
        self.count_sizes();
        true
    }

    /// Counts cell by cell, for [`Self::fill_rest`] of branches; nothing if there are none. `room` is used next.
    pub fn keep(&mut self, room: Vec<u32>) -> Option<Vec<u32>> {
        (!self.is_sorted).then(|| std::mem::replace(&mut self.cells, room))
    }

    fn begin(&mut self, classes: &Classes) {
        self.totals.clone_from(&classes.totals);
        self.classes = self.totals.len();
        self.sizes.clear();
    }

    fn count_sizes(&mut self) {
        self.sizes.extend(self.cells.chunks(self.classes).map(|bin| bin.iter().sum::<u32>()));
    }

    fn sort(&mut self, binned: &BinnedFeature, classes: &Classes, rows: &[u32]) {
        let (bin_of_row, mut sizes) = (&*binned.bin_of_row, [0u32; 256]);
        self.bins.clear();
        self.bins.extend(rows.iter().map(|&row| bin_of_row[row as usize]));
        self.bins.iter().for_each(|&bin| sizes[usize::from(bin)] += 1);
        self.sizes.extend_from_slice(&sizes[..binned.len()]);
        self.starts.clear();
        let (mut next, mut end) = ([0u32; 256], 0);
        for (place, &size) in next.iter_mut().zip(&self.sizes) {
            self.starts.push(end);
            *place = end;
            end += size;
        }
        self.sorted.resize(rows.len(), 0);
        let sorted = &mut *self.sorted;
        for (&bin, &class) in self.bins.iter().zip(&classes.of_row) {
            let place = &mut next[usize::from(bin)];
            sorted[*place as usize] = class;
            *place += 1;
        }
    }

    /// What is in a bin.
    #[inline(always)]
    pub fn bin(&self, bin: usize) -> Bin<'_> {
        if self.is_sorted {
            let start = self.starts[bin] as usize;
            Bin::Rows(&self.sorted[start..start + self.sizes[bin] as usize])
        } else {
            Bin::Counts(&self.cells[bin * self.classes..][..self.classes])
        }
    }
}

/// The classes of the rows in a bin.
pub(super) enum Bin<'a> {
    /// Row by row.
    Rows(&'a [u8]),
    /// Rows of each class.
    Counts(&'a [u32]),
}

impl Bin<'_> {
    /// Tells classes and counts that sum to those of the bin.
    #[inline(always)]
    pub fn each(&self, mut tell: impl FnMut(usize, u32)) {
        match self {
            Self::Rows(classes) => classes.iter().for_each(|&class| tell(usize::from(class), 1)),
            Self::Counts(counts) => {
                counts
                    .iter()
                    .enumerate()
                    .filter(|(_, count)| **count > 0)
                    .for_each(|(class, &count)| tell(class, count));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::binned::Bins;
    use super::*;
    use crate::tree::cuts::Cuts;
    use crate::tree::grow::{Criterion, Growth, Shape};

    fn best(bin_of_row: &[u8], class: &[u8], ordered: bool, sorted: bool) -> Option<(Shape, u64, u64)> {
        let bins = if ordered {
            Bins::Ordered { tops: (0..6).collect() }
        } else {
            Bins::Categories { values: (0..7).collect(), others: false }
        };
        let binned = BinnedFeature { bin_of_row: bin_of_row.to_vec(), bins, is_constant: false };
        let rows: Vec<u32> = (0..class.len() as u32).collect();
        let mut counts = vec![0; 9];
        class.iter().for_each(|&c| counts[usize::from(c)] += 1);
        let mut classes = Classes::default();
        classes.fill(class, &counts, &rows);
        let mut histogram = Histogram::default();
        histogram.fill(&binned, &classes, &rows);
        if sorted != histogram.is_sorted {
            // The other form, from the same rows.
            histogram.is_sorted = sorted;
            if sorted {
                histogram.sizes.clear();
                histogram.sort(&binned, &classes, &rows);
            } else {
                histogram.cells = vec![0; 8 * histogram.classes];
                for (&bin, &class) in bin_of_row.iter().zip(&classes.of_row) {
                    histogram.cells[usize::from(bin) * histogram.classes + usize::from(class)] += 1;
                }
            }
        }
        let how = Growth {
            criterion: Criterion::Gain,
            multiway: false,
            min_leaf: 2,
            max_leaves: 9,
            max_depth: 9,
            min_gain_bits: 0,
            split_bits: None,
            handed_down: usize::MAX,
            fresh_levels: None,
        };
        Cuts::default().best(&histogram, &binned, &how).map(|c| (c.shape, c.gain, c.split_info))
    }

    proptest! {
        #[test]
        fn what_another_branch_leaves_is_what_is_counted(
            rows in prop::collection::vec((0u8..3, 0u8..5, any::<bool>()), 60..200), own_class in 0u8..5,
        ) {
            // One class may be all in the other branch.
            let other = |&&(_, class, low): &&(u8, u8, bool)| low || class == own_class;
            let (others, own): (Vec<u32>, Vec<u32>) =
                (0..rows.len() as u32).partition(|&row| other(&&rows[row as usize]));
            let bin_of_row: Vec<u8> = rows.iter().map(|row| row.0).collect();
            let class: Vec<u8> = rows.iter().map(|row| row.1).collect();
            let bins = Bins::Categories { values: vec![0, 1], others: false };
            let binned = BinnedFeature { bin_of_row, bins, is_constant: false };
            let node = |rows: &[u32]| {
                let mut counts = vec![0; 5];
                rows.iter().for_each(|&row| counts[usize::from(class[row as usize])] += 1);
                let mut classes = Classes::default();
                classes.fill(&class, &counts, rows);
                classes
            };
            let all: Vec<u32> = (0..rows.len() as u32).collect();
            let (whole, classes) = (node(&all), node(&own));
            let (mut counted, mut plain, mut rest) = <(Histogram, Histogram, Histogram)>::default();
            counted.fill(&binned, &whole, &all);
            let cells = counted.keep(vec![]).expect("there are more rows than cells");
            let mut of_row = vec![];
            places_of(whole.names(), &class, &others, &mut of_row);
            let others = Others { names: whole.names(), rows: &others, of_row: &of_row };
            if rest.fill_rest(&binned, &classes, own.len(), &cells, &others) {
                plain.fill(&binned, &classes, &own);
                prop_assert_eq!((rest.cells, rest.sizes, rest.totals), (plain.cells, plain.sizes, plain.totals));
            } else {
                prop_assert!(own.len() < 3 * classes.names().len() || others.rows.len() + cells.len() / 4 > own.len());
            }
        }

        #[test]
        fn counted_and_sorted_rows_show_the_same_split(
            rows in prop::collection::vec((0u8..8, 0u8..9), 1..200), ordered: bool,
        ) {
            let (bins, class): (Vec<u8>, Vec<u8>) = rows.into_iter().unzip();
            prop_assert_eq!(best(&bins, &class, ordered, true), best(&bins, &class, ordered, false));
        }
    }
}
