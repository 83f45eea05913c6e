//! The last line of the terminal while something works: a spinner with a text, and a bar once progress is reported. It
//! is one line of the terminal's width, and hidden while other lines are printed.

use crate::terminal::Stream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use longshore::shown::Word;
use std::fmt;
use std::time::Duration;

/// Steps of the bar.
const STEPS: u64 = 1000;

/// Columns of a text: more than the widest terminal has beside a bar, which cuts it to its own width.
const TEXT_COLUMNS: usize = 400;

/// Most columns of the bar, which takes at most a third of the line.
const BAR_COLUMNS: usize = 30;

/// How often the line is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// The line.
#[derive(Debug)]
pub(super) struct Status {
    is_animated: bool,
    line: Option<ProgressBar>,
    has_progress: bool,
}

impl Status {
    /// A line that is not shown yet, or never if it is not animated.
    pub(super) fn new(is_animated: bool) -> Self {
        Self { is_animated, line: None, has_progress: false }
    }

    /// Whether it can be shown.
    pub(super) fn is_animated(&self) -> bool {
        self.is_animated
    }

    /// Whether it is shown.
    pub(super) fn is_shown(&self) -> bool {
        self.line.is_some()
    }

    /// Shows a text beside the spinner, or beside the bar.
    pub(super) fn text(&mut self, text: &str) {
        if let Some(line) = self.shown() {
            line.set_message(String::from(Word::message(text, TEXT_COLUMNS)));
        }
    }

    /// Shows the bar at a fraction from 0 to 1.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a fraction is from 0 to 1, and its steps are few"
    )]
    pub(super) fn progress(&mut self, fraction: f64) {
        let begins = !std::mem::replace(&mut self.has_progress, true);
        let Some(line) = self.shown() else { return };
        if begins {
            line.set_style(style(true));
            line.set_message("");
        }
        line.set_position((fraction * STEPS as f64) as u64);
    }

    /// Removes the spinner; a bar stays.
    pub(super) fn started(&mut self) {
        if !self.has_progress {
            self.clear();
        }
    }

    /// Prints while the line is hidden.
    pub(super) fn suspend(&self, print: impl FnOnce()) {
        match &self.line {
            Some(line) => line.suspend(print),
            None => print(),
        }
    }

    /// Removes the line.
    pub(super) fn clear(&mut self) {
        if let Some(line) = self.line.take() {
            line.finish_and_clear();
        }
    }

    fn shown(&mut self) -> Option<&ProgressBar> {
        if !self.is_animated {
            return None;
        }
        let has_progress = self.has_progress;
        Some(self.line.get_or_insert_with(|| {
            let line = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
            line.set_style(style(has_progress));
            line.enable_steady_tick(TICK);
            line
        }))
    }
}

fn style(has_progress: bool) -> ProgressStyle {
    let form = if has_progress { "{spinner} {meter} {percent:>3}% {wide_msg}" } else { "{spinner} {wide_msg}" };
    // The forms are valid.
    let style = ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.with_key("meter", |state: &ProgressState, target: &mut dyn fmt::Write| {
        let columns = BAR_COLUMNS.min(Stream::Err.columns().unwrap_or_default() / 3);
        // An error of the target is one of the terminal.
        let _ = target.write_str(&meter(state.pos(), columns));
    })
}

fn meter(position: u64, columns: usize) -> String {
    let full = usize::try_from(position).unwrap_or(usize::MAX).saturating_mul(columns) / 1000;
    let full = full.min(columns);
    format!("{}{}", "█".repeat(full), "░".repeat(columns - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_fills_its_columns() {
        assert_eq!(meter(0, 4), "░░░░");
        assert_eq!(meter(500, 4), "██░░");
        assert_eq!(meter(1000, 4), "████");
        assert_eq!(meter(u64::MAX, 2), "██");
        assert_eq!(meter(500, 0), "");
    }
}
