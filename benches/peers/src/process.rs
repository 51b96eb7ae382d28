//! One coder on one table in a process of its own, so that its memory is known.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Result;

/// Short decodes are repeated for so long.
const PATIENCE: Duration = Duration::from_millis(300);

/// A table, or the tables of a folder by name.
pub fn csv_files(path: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = if path.is_dir() {
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?
    } else {
        vec![path.to_owned()]
    };
    paths.retain(|path| path.extension().is_some_and(|end| end == "csv"));
    paths.sort();
    Ok(paths)
}

/// Starts this program once more, to code one table by one coder.
pub fn in_own_process(coder: &str, path: &Path) -> Result<Figures> {
    let out = Command::new(std::env::current_exe()?).args(["--one", coder]).arg(path).output()?;
    let said = String::from_utf8(out.stdout)?;
    let failed = || format!("{}, {coder}: {}", path.display(), String::from_utf8_lossy(&out.stderr)).into();
    Figures::read(&said).ok_or_else(failed)
}

/// What one process found out.
pub struct Figures {
    pub bytes: usize,
    /// Seconds.
    encode: f64,
    decode: f64,
    /// Units of 1,024 bytes; 0 where they are unknown.
    peak: u64,
}

impl Figures {
    /// Prints the figures for the process that waits for them.
    pub fn tell(&self) {
        println!("{} {} {} {}", self.bytes, self.encode, self.decode, self.peak);
    }

    fn read(said: &str) -> Option<Self> {
        let mut words = said.split_whitespace();
        let mut next = || words.next();
        Some(Self {
            bytes: next()?.parse().ok()?,
            encode: next()?.parse().ok()?,
            decode: next()?.parse().ok()?,
            peak: next()?.parse().ok()?,
        })
    }

    /// Three cells of a row: encoding and decoding in MB/s of the table's `raw` bytes, and peak memory in MB.
    pub fn speeds(&self, raw: u64) -> String {
        let speed = |seconds: f64| raw as f64 / 1e6 / seconds;
        let peak = if self.peak == 0 { "-".to_owned() } else { (self.peak * 1024 / 1_000_000).to_string() };
        format!("{:.1} | {:.0} | {peak}", speed(self.encode), speed(self.decode))
    }
}

/// Encodes once and decodes again and again, and compares.
pub fn figures<S: PartialEq>(
    source: &S,
    encode: impl Fn(&S) -> Result<Vec<u8>>,
    decode: impl Fn(&[u8]) -> Result<S>,
) -> Result<Figures> {
    let clock = Clock::start();
    let coded = encode(source)?;
    let encode = clock.seconds();
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while best.is_infinite() || begin.elapsed() < PATIENCE {
        let clock = Clock::start();
        let back = decode(&coded)?;
        best = best.min(clock.seconds());
        if back != *source {
            return Err("a decode differs from its source".into());
        }
    }
    Ok(Figures { bytes: coded.len(), encode, decode: best, peak: peak() })
}

/// Time that does not depend on what else the machine does, where that can be known.
struct Clock {
    wall: Instant,
    processor: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), processor: Self::processor() }
    }

    /// Seconds that this thread had the processor, of which Linux keeps count in steps of some milliseconds; seconds passed
    /// where that is too coarse or unknown.
    fn seconds(&self) -> f64 {
        let wall = self.wall.elapsed().as_secs_f64();
        match (self.processor, Self::processor()) {
            (Some(start), Some(end)) if end - start > 0.1 => end - start,
            _ => wall,
        }
    }

    fn processor() -> Option<f64> {
        let line = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
    }
}

/// The most memory this process held, in units of 1,024 bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
