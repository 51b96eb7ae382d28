//! Which earlier samples stand near a sample.

use super::Lms;

/// Most samples that predict one.
pub(super) const MOST_INPUTS: usize = 32;

/// Distances back to neighbours, in samples.
#[derive(Debug, Clone)]
pub(super) struct Neighbours {
    /// The last sample of the same channel, which stands for the level.
    pub level: usize,
    /// The samples whose differences to the level predict the next one.
    pub inputs: Vec<usize>,
    /// The samples whose residuals tell how large the next one is, the nearest first.
    pub errors: Vec<usize>,
    /// Left, above, above left: for the median predictor of pictures.
    pub corner: Option<[usize; 3]>,
}

impl Neighbours {
    pub fn new(how: Lms) -> Self {
        let (channels, row) = (usize::from(how.channels), how.row as usize);
        let others = 1..channels;
        let (mut inputs, errors, corner) = if row == 0 {
            let own = (2..=if channels == 1 { 24 } else { 16 }).map(|back| back * channels);
            let beside = others.flat_map(|other| (0..3).map(move |back| other + back * channels));
            let errors = (1..=6).map(|back| back * channels).collect();
            (own.chain(beside).collect::<Vec<_>>(), errors, None)
        } else {
            // From a pixel: left, above, above left, above right, two left, two above, two above right.
            let near =
                [row, row + channels, row - channels, 2 * channels, 2 * row, 2 * row - channels, row - 2 * channels];
            // The sample of another channel, and those around it that have become known.
            let beside = others.flat_map(|other| {
                [other, other + channels, other + row, other + row + channels, other + row - channels]
            });
            let errors = vec![channels, row, row - channels, row + channels, 1, 2 * channels];
            (near.into_iter().chain(beside).collect(), errors, Some([channels, row, row + channels]))
        };
        inputs.truncate(MOST_INPUTS);
        Self { level: channels, inputs, errors, corner }
    }
}
