//! One coder on one source: bytes and the speed of decoding.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Result;

/// Fewest decodes of which the best counts.
const REPEATS: usize = 3;
/// Short decodes are repeated for at least this long.
const PATIENCE: Duration = Duration::from_millis(300);

/// What a coder made of a source.
pub struct Measured {
    /// Bytes of the output.
    pub bytes: usize,
    /// Source bytes restored in a second, in millions.
    pub speed: f64,
}

/// Encodes, decodes several times and compares.
pub fn measure<S: PartialEq + ?Sized, E: AsRef<[u8]>, D: AsRef<S>>(
    source: &S,
    encode: impl FnOnce(&S) -> Result<E>,
    mut decode: impl FnMut(&E) -> Result<D>,
) -> Result<Measured> {
    let coded = encode(source)?;
    let (begin, mut best, mut repeats) = (Instant::now(), Duration::MAX, 0);
    while repeats < REPEATS || begin.elapsed() < PATIENCE {
        let start = Instant::now();
        let back = black_box(decode(black_box(&coded))?);
        best = best.min(start.elapsed());
        if back.as_ref() != source {
            return Err("a decode differs from its source".into());
        }
        repeats += 1;
    }
    Ok(Measured { bytes: coded.as_ref().len(), speed: size_of_val(source) as f64 / best.as_secs_f64() / 1e6 })
}
