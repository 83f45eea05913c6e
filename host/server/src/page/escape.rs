//! How text stands in a page: shown, never interpreted. Templates write every value through it, so that no text of a
//! script, a block or a person is markup, changes direction, or is invisible.

use askama::filters::{Escaper, Html};
use longshore::shown::visible;
use std::fmt::{self, Write};

/// The escaper of all templates (`askama.toml`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, to: W, text: &str) -> fmt::Result {
        Html.write_escaped_str(to, &visible(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_directions_are_text() {
        let mut to = String::new();
        Visible.write_escaped_str(&mut to, "<script>\u{202e}&\"'\u{1b}[31mx").unwrap();
        assert_eq!(to, "&#60;script&#62;�&#38;&#34;&#39;x");
    }
}
