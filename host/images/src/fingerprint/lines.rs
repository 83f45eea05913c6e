//! A fingerprint: everything that is installed, in lines, and the hash of them. The hashed text is a format with a
//! version: [`FORMAT`] first, then the lines sorted by their bytes, each ended by a line feed.

use super::line::Line;
use longshore_model::digest::hexadecimal;
use sha2::{Digest, Sha256};

/// The first line: the format and its version. Different versions never give equal hashes.
pub(super) const FORMAT: &str = "longshore-fingerprint 1";

/// The installed packages and programs, and their hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    hash: String,
    lines: Vec<Line>,
}

impl Fingerprint {
    /// The fingerprint of these lines, in any order.
    pub(crate) fn new(lines: impl IntoIterator<Item = Line>) -> Self {
        let mut lines: Vec<(String, Line)> = lines.into_iter().map(|line| (line.to_string(), line)).collect();
        lines.sort();
        lines.dedup();
        let mut hash = Sha256::new();
        for text in std::iter::once(FORMAT).chain(lines.iter().map(|(text, _)| text.as_str())) {
            hash.update(text);
            hash.update("\n");
        }
        Self { hash: hexadecimal(&hash.finalize()), lines: lines.into_iter().map(|(_, line)| line).collect() }
    }

    /// SHA-256 of the format's name and the lines, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The lines, in the order of the hash.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(lines: &[&str]) -> Fingerprint {
        Fingerprint::new(lines.iter().map(|line| line.parse().unwrap()))
    }

    #[test]
    fn the_hash_is_that_of_the_text() {
        let made = fingerprint(&["pip b 1", "architecture amd64", "pip a-b 1", "pip a 2", "pip b 1"]);
        let texts: Vec<String> = made.lines().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["architecture amd64", "pip a 2", "pip a-b 1", "pip b 1"]);
        let text = "longshore-fingerprint 1\narchitecture amd64\npip a 2\npip a-b 1\npip b 1\n";
        assert_eq!(made.hash(), hexadecimal(&Sha256::digest(text)));
        // `printf 'longshore-fingerprint 1\n' | sha256sum`: the format has not changed unnoticed.
        assert_eq!(fingerprint(&[]).hash(), "d4a8273c3d0e9ff99921bab9f86811c9fb629cf1def4b4cc30dc5729bfaff5b1");
        assert_ne!(made, fingerprint(&["architecture amd64", "pip a 2", "pip a-b 1"]));
    }
}
