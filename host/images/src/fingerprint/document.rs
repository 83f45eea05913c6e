//! A fingerprint as JSON: the output of `--json`, the content of the cache, and the input of later comparisons.

use super::lines::{FORMAT, Fingerprint};
use serde::{Deserialize, Serialize};

/// Maximum bytes of a saved fingerprint: the maximum of an image's package listing, and as much again for the JSON.
pub(crate) const DOCUMENT_MAX: u64 = 2 * super::probe::PRINTED_MAX as u64;

/// A fingerprint and its subject.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(super) format: String,
    /// The subject of the fingerprint.
    #[serde(default)]
    pub(super) subject: Option<String>,
    /// The image's id; `null` for a machine's fingerprint.
    #[serde(default)]
    pub image: Option<String>,
    pub(super) hash: String,
    pub(super) lines: Vec<String>,
}

impl Document {
    pub(crate) fn new(fingerprint: &Fingerprint, subject: Option<&str>, image: Option<&str>) -> Self {
        Self {
            format: FORMAT.into(),
            subject: subject.map(str::to_owned),
            image: image.map(str::to_owned),
            hash: fingerprint.hash().to_owned(),
            lines: fingerprint.lines().iter().map(ToString::to_string).collect(),
        }
    }

    /// The document in a text, and its fingerprint; or what is not valid.
    pub(crate) fn read(text: &[u8]) -> Result<(Self, Fingerprint), String> {
        let document: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if document.format != FORMAT {
            return Err(format!(
                "its format is `{}`, and this version reads `{FORMAT}`",
                document.format.escape_debug()
            ));
        }
        let line =
            |text: &String| text.parse().map_err(|()| format!("`{}` is not a fingerprint line", text.escape_debug()));
        let lines = document.lines.iter().map(line).collect::<Result<Vec<_>, String>>()?;
        let fingerprint = Fingerprint::new(lines);
        if fingerprint.hash() != document.hash {
            return Err("its hash does not match its lines: it was changed".into());
        }
        Ok((document, fingerprint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_back_and_a_changed_one_is_refused() {
        let fingerprint = Fingerprint::new(["pip numpy 2.0", "os debian 12.9"].map(|line| line.parse().unwrap()));
        let text = serde_json::to_string(&Document::new(&fingerprint, Some("x"), None)).unwrap();
        let (document, read) = Document::read(text.as_bytes()).unwrap();
        assert_eq!((document.subject.as_deref(), &read), (Some("x"), &fingerprint));
        let changes = [
            ("numpy 2.0", "numpy 2.1", "its hash does not match its lines: it was changed"),
            (
                "fingerprint 1",
                "fingerprint 2",
                "its format is `longshore-fingerprint 2`, and this version reads `longshore-fingerprint 1`",
            ),
            ("pip numpy", "conda numpy", "`conda numpy 2.0` is not a fingerprint line"),
            ("pip numpy", "pip \\u001b[2Jnumpy", "`pip \\u{1b}[2Jnumpy 2.0` is not a fingerprint line"),
            ("\"lines\"", "\"line\"", "missing field `lines`"),
            ("{", "", "invalid type"),
        ];
        for (from, to, reason) in changes {
            let error = Document::read(text.replace(from, to).as_bytes()).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
