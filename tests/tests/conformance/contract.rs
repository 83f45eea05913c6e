//! `docs/contract.md`: the guarantees for scripts, with the cases that verify each. The guarantees are in
//! `tests/cases/contract.toml`, and each case lists those that it verifies; a section without a case is a failure.

use crate::case::Case;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use toml::Spanned;

/// The contract's sections.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contract {
    /// Headings by section prefix.
    titles: BTreeMap<String, Spanned<String>>,
    /// Sentences by section.
    sections: BTreeMap<String, Spanned<String>>,
}

impl Contract {
    /// Reads the sections. None can be shown without them.
    pub(crate) fn read(cases: &Path) -> Self {
        let text = std::fs::read_to_string(cases.join("contract.toml")).expect("the contract can be read");
        toml::from_str(&text).expect("the contract is valid")
    }

    /// Checks that every section has a case, and that every section listed in a case exists.
    pub(crate) fn check(&self, cases: &[(String, Result<Case, String>)]) -> Result<(), String> {
        let mut wrong = Vec::new();
        for (name, case) in cases {
            let named = case.as_ref().map_or(&[][..], |case| &case.contract);
            let unknown = named.iter().filter(|section| !self.sections.contains_key(*section));
            wrong.extend(unknown.map(|section| format!("`{name}` lists `{section}`, which is not a section")));
        }
        for section in self.sections.keys() {
            if showing(section, cases).is_empty() {
                wrong.push(format!("no case verifies `{section}`"));
            }
            if !self.titles.contains_key(self.title_of(section)) {
                wrong.push(format!("`{section}` has no title above it"));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// The document's text.
    pub(crate) fn text(&self, cases: &[(String, Result<Case, String>)]) -> String {
        let mut text =
            "# Script contract\n\nThe guarantees for a script and its caller, in both languages and on both \
                        engines, and the [conformance cases](conformance.md) that verify them. Functions have their \
                        Python names here: R names have `.` instead of `_`, and `None` is `NULL` in R. This page is \
                        generated from `tests/cases`; a guarantee without a case fails the suite.\n"
                .to_owned();
        for (title, heading) in in_order(&self.titles) {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "\n## {heading}\n\n| guarantee | cases |\n|---|---|");
            let below = in_order(&self.sections).filter(|(section, _)| self.title_of(section) == title);
            for (section, sentence) in below {
                let shown: Vec<String> = showing(section, cases).into_iter().map(|name| format!("`{name}`")).collect();
                let _ = writeln!(text, "| {} | {} |", sentence.replace('|', "\\|"), shown.join(", "));
            }
        }
        text
    }

    /// The longest title that is a prefix of a section.
    fn title_of<'a>(&self, section: &'a str) -> &'a str {
        let mut title = section;
        while !self.titles.contains_key(title) {
            match title.rsplit_once('.') {
                Some((above, _)) => title = above,
                None => return title,
            }
        }
        title
    }
}

/// The entries of a table in the order of the file.
fn in_order(table: &BTreeMap<String, Spanned<String>>) -> impl Iterator<Item = (&str, &str)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(_, text)| text.span().start);
    entries.into_iter().map(|(key, text)| (key.as_str(), text.get_ref().as_str()))
}

/// The cases that verify a section.
fn showing<'a>(section: &str, cases: &'a [(String, Result<Case, String>)]) -> Vec<&'a str> {
    let shows = |case: &Result<Case, String>| {
        case.as_ref().is_ok_and(|case| case.contract.iter().any(|shown| shown == section))
    };
    cases.iter().filter(|(_, case)| shows(case)).map(|(name, _)| name.as_str()).collect()
}
