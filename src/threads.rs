//! The same work on one thread or on many; results come back in order either way.

use crate::{Error, Result};

/// Threads that so many stand for: 0 means one for each core, and all are one without the feature `parallel`.
pub(crate) fn count(threads: usize) -> usize {
    if cfg!(not(feature = "parallel")) {
        return 1;
    }
    if threads > 0 { threads } else { std::thread::available_parallelism().map_or(1, std::num::NonZero::get) }
}

/// Applies `work` to each index below `count` and returns the results in order.
///
/// With the feature `parallel` and `threads` other than 1 the work is shared; 0 means one thread for each core.
#[cfg(feature = "parallel")]
pub(crate) fn each<T: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> Result<T> + Send + Sync,
) -> Result<Vec<T>> {
    use rayon::prelude::*;
    if threads == 1 || count < 2 {
        return (0..count).map(work).collect();
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Error::Io(std::io::Error::other(error)))?;
    pool.install(|| (0..count).into_par_iter().with_max_len(1).map(work).collect())
}

/// Applies `work` to each index below `count` and returns the results in order.
#[cfg(not(feature = "parallel"))]
pub(crate) fn each<T>(_threads: usize, count: usize, work: impl Fn(usize) -> Result<T>) -> Result<Vec<T>> {
    (0..count).map(work).collect::<Result<_, Error>>()
}
