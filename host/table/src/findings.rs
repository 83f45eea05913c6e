//! The findings about a text: how it is read, and the reasons for the types of its columns. They are in the record of a
//! run, in the output of `peek`, and in a note if they make a column text.

use super::dialect::Dialect;
use super::verdict::{Example, Reason, Verdict};
use longshore_model::table::{HeaderLines, Mark, Ragged, Stray};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Characters of a cell that are shown.
const CELL_SHOWN: usize = 40;

/// How a text is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The equivalent options.
    pub options: BTreeMap<String, String>,
    /// Notes about unusual properties, and about rows that were left out.
    pub notes: Vec<String>,
    /// Each column.
    pub columns: Vec<ColumnFindings>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnFindings {
    /// Its name.
    pub name: String,
    /// Its type, as Arrow names it.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Why it is text, if most of its cells are something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Findings {
    pub(super) fn new<'a>(
        dialect: &Dialect,
        notes: Vec<String>,
        columns: impl Iterator<Item = (&'a str, &'a Verdict)>,
    ) -> Self {
        let column = |(name, verdict): (&str, &Verdict)| ColumnFindings {
            name: name.to_owned(),
            data_type: verdict.kind.data_type().to_string(),
            reason: verdict.reason.as_ref().map(|reason| in_words(name, reason)),
        };
        let options = describe(dialect).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { options, notes, columns: columns.map(column).collect() }
    }

    /// All notes for the user.
    pub fn all_notes(&self) -> impl Iterator<Item = &str> {
        let reasons = self.columns.iter().filter_map(|column| column.reason.as_deref());
        self.notes.iter().map(String::as_str).chain(reasons)
    }
}

/// A dialect as options.
pub(super) fn describe(dialect: &Dialect) -> Vec<(&'static str, String)> {
    let mark = |mark: Option<u8>| String::from(Mark(mark));
    let mut all = vec![("delimiter", String::from(dialect.delimiter.clone())), ("quote", mark(dialect.quote))];
    if dialect.escape.is_some() {
        all.push(("escape", mark(dialect.escape)));
    }
    if let Some(comment) = &dialect.comment {
        all.push(("comment", comment.clone()));
    }
    if dialect.skip > 0 {
        all.push(("skip", dialect.skip.to_string()));
    }
    if dialect.footer > 0 {
        all.push(("footer", dialect.footer.to_string()));
    }
    if dialect.row_names {
        all.push(("row_names", "yes".into()));
    }
    if dialect.trim {
        all.push(("trim", "yes".into()));
    }
    if dialect.trailing {
        all.push(("trailing", "yes".into()));
    }
    if dialect.stray != Stray::Error {
        all.push(("stray", dialect.stray.name().into()));
    }
    if dialect.ragged != Ragged::Error {
        all.push(("ragged", dialect.ragged.name().into()));
    }
    all.push(("header", HeaderLines(dialect.header).into()));
    all
}

/// Why a column is text.
pub(crate) fn in_words(name: &str, reason: &Reason) -> String {
    let shown = |example: &Example| {
        let cell: String = example.cell.chars().take(CELL_SHOWN).collect();
        let more = if cell.len() < example.cell.len() { "…" } else { "" };
        (format!("`{cell}{more}`"), example.line)
    };
    match reason {
        Reason::Mixed { example, others } => {
            let (cell, line) = shown(example);
            let cause = format!("column `{name}` is text because of {cell} in line {line}");
            if example.cell.parse::<f64>().is_ok() && !example.cell.trim_start_matches('-').starts_with('0') {
                return format!("{cause}, which has more digits than a 64-bit number holds");
            }
            format!(
                "{cause}, where nearly all others are {others}: `missing={}` if it stands for a missing value",
                example.cell
            )
        }
        Reason::Marks(example) => {
            let (cell, line) = shown(example);
            format!(
                "column `{name}` is text because {cell} in line {line} is ambiguous (a comma before decimals or \
                 between thousands): set `decimal=,` or `thousands=,`"
            )
        }
        Reason::Order(example) => {
            let (cell, line) = shown(example);
            format!(
                "column `{name}` is text because {cell} in line {line} is ambiguous (day first or month first), or its \
                 dates are in several orders: set `dates=dmy` or `dates=mdy`"
            )
        }
    }
}
