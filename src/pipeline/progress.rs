//! Telling a caller how far the work has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a pipeline is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Taking the source apart and finding types.
    Typing,
    /// Trying transforms and growing trees, column by column.
    Learning,
    /// Coding blocks.
    Writing,
    /// Decoding and comparing.
    Verifying,
}

/// How far a stage has come: `done` of `total` steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The stage.
    pub stage: Stage,
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub total: usize,
    /// The column or tensor whose step was done last; empty before the first one and where steps have no names.
    pub name: &'a str,
}

/// What is told.
type Told = dyn Fn(Progress<'_>) + Send + Sync;

/// Whom to tell.
#[derive(Clone, Default)]
pub(super) struct Listener(Option<Arc<Told>>);

impl Listener {
    pub fn new(listener: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    pub fn tell(&self, stage: Stage, done: usize, total: usize) {
        self.tell_of(stage, done, total, "");
    }

    fn tell_of(&self, stage: Stage, done: usize, total: usize, name: &str) {
        if let Some(listener) = &self.0 {
            listener(Progress { stage, done, total, name });
        }
    }

    /// A function that tells of one more step, and what it was about, each time it is called.
    pub fn counter(&self, stage: Stage, total: usize) -> impl Fn(&str) + Send + Sync {
        let done = AtomicUsize::new(0);
        self.tell(stage, 0, total);
        move |name| self.tell_of(stage, done.fetch_add(1, Ordering::Relaxed) + 1, total, name)
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Listener" } else { "None" })
    }
}
