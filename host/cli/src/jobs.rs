//! The value of `--jobs`: how many parts of a run, or cases of a block, run at a time.

use std::num::NonZeroUsize;

/// Parses it.
pub(crate) fn at_least_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "expected a whole number, at least 1")
}
