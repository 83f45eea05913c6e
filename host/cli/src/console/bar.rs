//! The progress bar of a run, with its message beside it.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use longshore::shown::Word;
use std::time::Duration;

/// Steps of the bar.
const STEPS: u64 = 1000;

/// Columns of a message: more than the widest terminal leaves beside the bar, which cuts it to its own width.
const MESSAGE_COLUMNS: usize = 400;

/// How often the bar is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// A bar, which may be hidden.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar on standard error.
    pub(super) fn new(visible: bool) -> Self {
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{spinner} {bar:30} {percent:>3}% {wide_msg}");
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        Self(style.map_or(bar.clone(), |style| bar.with_style(style)))
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.0.is_hidden()
    }

    pub(super) fn set_message(&self, text: &str) {
        if !self.is_hidden() {
            self.0.set_message(String::from(Word::message(text, MESSAGE_COLUMNS)));
        }
    }

    /// Moves to a fraction from 0 to 1.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a fraction is from 0 to 1, and its steps are few"
    )]
    pub(super) fn set_fraction(&self, fraction: f64) {
        self.0.set_position((fraction * STEPS as f64) as u64);
    }

    /// Animates the bar.
    pub(super) fn tick(&self) {
        self.0.enable_steady_tick(TICK);
    }

    /// Prints while the bar is hidden.
    pub(super) fn suspend(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
