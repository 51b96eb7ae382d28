//! Code lengths and the canonical codes they stand for.

use crate::{Error, Result};

/// Longest code: a lookup table of 2^11 entries of two bytes stays in the first-level cache, and five codes fit one load.
pub(super) const MAX_LENGTH: u32 = 11;

/// Symbols and the lengths of their codes, symbols ascending; at least two.
pub type Lengths = Vec<(u16, u8)>;

/// The lengths, none above [`MAX_LENGTH`], that code `counts` in the fewest bits; a count of 0 gets length 0.
///
/// Package-merge: each of the 11 levels offers every symbol as a coin of its count; two neighbours of one level become a
/// package on the next. The cheapest 2n − 2 coins of the last level say how often each symbol was bought: its length.
///
/// Source: L. Larmore and D. Hirschberg, "A fast algorithm for optimal length-limited Huffman codes", J. ACM 37(3), 1990.
pub(super) fn optimal(counts: &[u64]) -> Vec<u8> {
    let mut leaves: Vec<(u64, usize)> =
        counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(index, &count)| (count, index)).collect();
    leaves.sort_unstable();
    let mut lengths = vec![0; counts.len()];
    let most = (2 * leaves.len()).saturating_sub(2);
    // Of each level: which of its coins are leaves, cheapest first.
    let mut levels: Vec<Vec<bool>> = Vec::with_capacity(MAX_LENGTH as usize);
    let mut coins: Vec<u64> = vec![];
    for _ in 0..MAX_LENGTH {
        let mut packages = coins.as_chunks::<2>().0.iter().map(|[a, b]| a + b).peekable();
        let mut own = leaves.iter().map(|leaf| leaf.0).peekable();
        let (mut next, mut is_leaf) = (Vec::with_capacity(most), Vec::with_capacity(most));
        while next.len() < most {
            let leaf = match (own.peek(), packages.peek()) {
                (Some(leaf), Some(package)) => leaf <= package,
                (leaf, package) if leaf.is_none() && package.is_none() => break,
                (leaf, _) => leaf.is_some(),
            };
            next.extend(if leaf { own.next() } else { packages.next() });
            is_leaf.push(leaf);
        }
        levels.push(is_leaf);
        coins = next;
    }
    let mut bought = most;
    for is_leaf in levels.iter().rev() {
        let own = is_leaf[..bought].iter().filter(|leaf| **leaf).count();
        leaves[..own].iter().for_each(|&(_, index)| lengths[index] += 1);
        bought = 2 * (bought - own);
    }
    lengths
}

/// Fails unless the lengths fill the code space exactly, Σ 2^−length = 1.
pub(super) fn check(lengths: &Lengths, part: &'static str, at: usize) -> Result<()> {
    let filled: u32 = lengths.iter().map(|&(_, length)| 1 << (MAX_LENGTH - u32::from(length))).sum();
    match filled.cmp(&(1 << MAX_LENGTH)) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(Error::corrupt(part, "code lengths leave codes unused", at)),
        std::cmp::Ordering::Greater => Err(Error::corrupt(part, "code lengths claim too many codes", at)),
    }
}

/// The canonical codes: shorter before longer, then by symbol; the first bit of a code is its highest.
pub(super) fn codes(lengths: &Lengths) -> impl Iterator<Item = (u16, u8, u16)> {
    let mut next = [0u16; MAX_LENGTH as usize + 2];
    for &(_, length) in lengths {
        next[usize::from(length) + 1] += 1;
    }
    // From here `next[l]` is the first code of length l.
    let mut code = 0;
    for slot in &mut next[1..] {
        code = (code + *slot) << 1;
        *slot = code;
    }
    lengths.iter().map(move |&(symbol, length)| {
        let slot = &mut next[usize::from(length)];
        let code = *slot;
        *slot += 1;
        (symbol, length, code)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(lengths: &[u8]) -> Lengths {
        lengths.iter().enumerate().filter(|(_, l)| **l > 0).map(|(s, &l)| (s as u16, l)).collect()
    }

    proptest! {
        #[test]
        fn optimal_lengths_fill_the_code_space(counts in prop::collection::vec(1u64..1 << 40, 2..1024), low in 0u32..40) {
            let lengths = optimal(&counts.iter().map(|c| (c >> low).max(1)).collect::<Vec<_>>());
            prop_assert!(check(&list(&lengths), "test", 0).is_ok());
            let codes: Vec<_> = codes(&list(&lengths)).collect();
            for pair in codes.windows(2).filter(|pair| pair[0].1 == pair[1].1) {
                prop_assert_ne!(pair[0].2, pair[1].2);
            }
        }
    }

    #[test]
    fn lengths_are_those_of_huffman_where_the_limit_does_not_bind() {
        assert_eq!(optimal(&[5, 0, 9, 12, 13, 16, 45]), [4, 0, 4, 3, 3, 3, 1]);
        assert_eq!(optimal(&[1, 1]), [1, 1]);
    }

    #[test]
    fn codes_follow_length_and_symbol() {
        let found: Vec<_> = codes(&vec![(3, 2), (5, 1), (9, 2)]).collect();
        assert_eq!(found, [(3, 2, 0b10), (5, 1, 0b0), (9, 2, 0b11)]);
    }

    #[test]
    fn lengths_that_leave_or_exceed_the_code_space_are_corrupt() {
        assert!(check(&vec![(0, 1), (1, 2)], "test", 0).unwrap_err().to_string().contains("unused"));
        assert!(check(&vec![(0, 1), (1, 1), (2, 11)], "test", 0).unwrap_err().to_string().contains("too many"));
    }
}
