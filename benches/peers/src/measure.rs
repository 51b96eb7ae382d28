//! One coder on one source: bytes and both speeds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Result;

/// Fewest decodes of which the best counts.
const REPEATS: usize = 3;
/// Short decodes and encodes are repeated for at least this long.
const PATIENCE: Duration = Duration::from_millis(300);

/// What a coder made of a source.
pub struct Measured {
    /// Bytes of the output.
    pub bytes: usize,
    /// Source bytes encoded in a second, in millions.
    pub encode: f64,
    /// Source bytes restored in a second, in millions.
    pub speed: f64,
}

/// Encodes once or more, decodes several times and compares.
pub fn measure<S: PartialEq + ?Sized, E: AsRef<[u8]>, D: AsRef<S>>(
    source: &S,
    mut encode: impl FnMut(&S) -> Result<E>,
    mut decode: impl FnMut(&E) -> Result<D>,
) -> Result<Measured> {
    let (begin, mut encoding) = (Instant::now(), Duration::MAX);
    let coded = loop {
        let start = Instant::now();
        let coded = black_box(encode(black_box(source))?);
        encoding = encoding.min(start.elapsed());
        if begin.elapsed() >= PATIENCE {
            break coded;
        }
    };
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
    let speed = |time: Duration| size_of_val(source) as f64 / time.as_secs_f64() / 1e6;
    Ok(Measured { bytes: coded.as_ref().len(), encode: speed(encoding), speed: speed(best) })
}
