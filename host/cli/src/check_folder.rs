//! `longshore check` of a folder of blocks: a table with a row for each, and the reasons below it.

use crate::{BAD_INPUT, failure, help, printer};
use longshore::CheckedBlock;
use longshore::block::{FoundBlock, Loaded};
use longshore::human::{aligned, count};
use longshore::shown::{Shown, Word};
use serde_json::{Value, json};
use std::path::Path;

/// Width of the columns of a block and of its packages.
const BLOCK_WIDTH: usize = 40;
const PACKAGES_WIDTH: usize = 48;

/// A block of the folder.
struct Row {
    path: String,
    loaded: Option<Loaded>,
    checked: Option<CheckedBlock>,
    errors: Vec<String>,
}

impl Row {
    fn of(root: &Path, FoundBlock { path, loaded }: FoundBlock) -> Self {
        let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        match loaded {
            Ok(loaded) => {
                let checked = CheckedBlock::of(&loaded.block);
                let errors = checked.errors.iter().map(ToString::to_string).collect();
                Self { path: shown, loaded: Some(loaded), checked: Some(checked), errors }
            }
            Err(error) => Self { path: shown, loaded: None, checked: None, errors: vec![error.to_string()] },
        }
    }

    fn network(&self) -> String {
        match (&self.loaded, &self.checked) {
            (Some(loaded), _) if loaded.block.network => "yes".into(),
            (_, Some(checked)) if !checked.of_networks.is_empty() => {
                format!("likely: {}", checked.of_networks.join(", "))
            }
            _ => String::new(),
        }
    }

    fn declared(&self) -> Vec<String> {
        self.loaded.as_ref().map(|loaded| loaded.block.dependencies.clone()).unwrap_or_default()
    }

    /// The packages, or modules without a known package, that nothing declares.
    fn undeclared(&self) -> Vec<String> {
        let undeclared = self.checked.iter().flat_map(|checked| &checked.undeclared);
        undeclared.map(|found| found.package.clone().unwrap_or_else(|| found.module.clone())).collect()
    }

    fn unknown_kinds(&self) -> Vec<String> {
        self.loaded.as_ref().map(|loaded| loaded.unknown_kinds.clone()).unwrap_or_default()
    }

    fn runs(&self) -> &'static str {
        match (self.errors.is_empty(), self.undeclared().is_empty()) {
            (false, _) => "no",
            (true, false) => "lacks packages",
            (true, true) => "yes",
        }
    }

    fn cells(&self) -> [String; 6] {
        let language = self.loaded.as_ref().map(|loaded| loaded.block.language.to_string()).unwrap_or_default();
        let undeclared = self.undeclared().into_iter().map(|package| format!("{package} (undeclared)"));
        let packages: Vec<String> = self.declared().into_iter().chain(undeclared).collect();
        [
            Word::cut(&self.path, BLOCK_WIDTH).into(),
            self.runs().into(),
            language,
            self.network(),
            Word::cut(&packages.join(", "), PACKAGES_WIDTH).into(),
            self.unknown_kinds().join(", "),
        ]
    }

    fn json(&self) -> Value {
        let warnings = self.loaded.as_ref().map(|loaded| loaded.warnings.clone()).unwrap_or_default();
        json!({
            "path": self.path,
            "runs": self.errors.is_empty(),
            "language": self.loaded.as_ref().map(|loaded| loaded.block.language),
            "network": self.loaded.as_ref().is_some_and(|loaded| loaded.block.network),
            "network_modules": self.checked.as_ref().map(|checked| &checked.of_networks),
            "dependencies": self.declared(),
            "undeclared": self.checked.as_ref().map(|checked| &checked.undeclared),
            "unknown_option_kinds": self.unknown_kinds(),
            "warnings": warnings,
            "errors": self.errors,
        })
    }
}

/// Checks all blocks, and prints a table, or a list as JSON. The status is that of bad input if any cannot run.
pub(crate) fn check(folder: &Path, blocks: Vec<FoundBlock>, as_json: bool) -> u8 {
    let rows: Vec<Row> = blocks.into_iter().map(|found| Row::of(folder, found)).collect();
    let failed = rows.iter().filter(|row| !row.errors.is_empty()).count();
    if as_json {
        printer::json(&rows.iter().map(Row::json).collect::<Vec<_>>());
    } else {
        printer::out(&text(&rows));
    }
    if failed == 0 {
        return 0;
    }
    let all = count(rows.len() as u64, "block");
    failure::print_text(&format!("{failed} of {all} cannot be run"), BAD_INPUT)
}

fn text(rows: &[Row]) -> Shown {
    let heads = ["BLOCK", "RUNS", "LANGUAGE", "NETWORK", "PACKAGES", "UNKNOWN OPTION KINDS"].map(str::to_owned);
    let cells: Vec<[String; 6]> = std::iter::once(heads).chain(rows.iter().map(Row::cells)).collect();
    let mut text = aligned(&cells, &[]);
    for row in rows {
        let path = &row.path;
        row.errors.iter().for_each(|error| text.push(format!("{path}: error: {error}")));
        let notes = row.checked.iter().flat_map(|checked| &checked.notes);
        notes.for_each(|note| text.push(format!("{path}: note: {}", help::note(note))));
    }
    text
}
