//! The words for the end of a run: its outputs, its kept files, and the verdict.

use longshore::human::{aligned, count, size};
use longshore::shown::{Shown, Word};
use longshore::table::Preview;
use longshore::{EngineKind, KeptRecord, Outcome, OutputRecord, RunRecord, StepRecord, UnsavedRecord};
use std::path::Path;

/// Columns of a value in a preview.
const VALUE_COLUMNS: usize = 24;

/// Columns of a cell in the table of steps.
const STEP_COLUMNS: usize = 60;

/// The text for a missing value.
const MISSING: &str = "(missing)";

/// A published output.
pub(super) fn written(output: &OutputRecord) -> String {
    let (rows, bytes) = (count(output.rows, "row"), size(output.bytes));
    let place = match output.path.as_path() {
        path if path == Path::new("-") => "standard output".to_owned(),
        path => path.display().to_string(),
    };
    format!("✓ {}: wrote {rows} ({bytes}) to {place}", name(output.index, output.id.as_deref()))
}

/// An output that nobody asked for, and how to save it.
pub(super) fn unsaved(output: &UnsavedRecord) -> String {
    let number = if output.index == 0 { String::new() } else { format!("{}=", output.index) };
    let name = name(output.index, output.id.as_deref());
    format!("{name}: {}, not saved: -o {number}FILE", count(output.rows, "row"))
}

/// The first rows of an output, as far as the terminal has room for them.
pub(super) fn first_rows(rows: u64, preview: &Preview, columns: usize) -> Shown {
    // Two columns for the indent, and two between cells.
    let (mut taken, mut shown) = (2, 0);
    let cell = |text: &str| Word::cut(text, VALUE_COLUMNS);
    let value = |row: &[Option<String>], column: usize| match row.get(column) {
        Some(Some(text)) => cell(text),
        _ => cell(MISSING),
    };
    for (column, name) in preview.columns.iter().enumerate() {
        let widest = preview.rows.iter().map(|row| value(row, column).width()).max().unwrap_or_default();
        taken += widest.max(cell(name).width()) + 2;
        if taken > columns + 2 {
            break;
        }
        shown += 1;
    }
    let mut table = vec![preview.columns[..shown].iter().map(|name| String::from(cell(name))).collect::<Vec<_>>()];
    table.extend(preview.rows.iter().map(|row| (0..shown).map(|column| value(row, column).into()).collect()));
    let mut text = aligned(&table, &[]).indented();
    let more_rows = rows.saturating_sub(preview.rows.len() as u64);
    let more_columns = preview.columns.len() - shown + preview.more_columns;
    let more = [(more_rows, "row"), (more_columns as u64, "column")];
    let more: Vec<String> = more.iter().filter(|(more, _)| *more > 0).map(|(more, what)| count(*more, what)).collect();
    if !more.is_empty() {
        text.push(format!("  … and {} more", more.join(" and ")));
    }
    text
}

/// The kept files.
pub(super) fn kept(kept: &KeptRecord) -> String {
    let (files, folder) = (count(kept.files, "file"), kept.folder.display());
    let counted = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let left_out = [
        counted(kept.special, "links or special files"),
        counted(kept.unreadable, "that cannot be read"),
        counted(kept.beyond, "beyond the limit"),
    ];
    let left_out = left_out.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let left_out = if left_out.is_empty() { left_out } else { format!("; left out: {left_out}") };
    format!("✓ kept: {files}, {}, in {folder}{left_out}", size(kept.bytes))
}

/// The steps of a chain: how each ended, and what passed to it.
pub(super) fn steps(steps: &[StepRecord]) -> Shown {
    let mut table = Vec::new();
    for step in steps {
        let ended = step.outcome.map_or_else(|| "not run".to_owned(), |outcome| outcome.name().replace('_', " "));
        let took = step.outcome.map_or_else(String::new, |_| seconds(step.timings_ms.run));
        let passed = step.passed.iter().filter_map(|table| {
            let rows = count(table.rows?, "row");
            Some(format!("{rows} from {}", table.from))
        });
        let passed = passed.collect::<Vec<_>>().join(", ");
        table.push([step.name.clone(), ended, took, passed].map(|cell| String::from(Word::cut(&cell, STEP_COLUMNS))));
    }
    let table: Vec<Vec<String>> = table.into_iter().map(Vec::from).collect();
    aligned(&table, &[]).indented()
}

/// The verdict. `signal` is what ended the run from outside.
pub(super) fn verdict(record: &RunRecord, signal: Option<&str>) -> String {
    let (name, took) = (&record.block, seconds(record.timings_ms.total));
    if record.outcome.is_success() {
        return ran(record);
    }
    if let (Outcome::Interrupted, Some(signal)) = (record.outcome, signal) {
        return format!("✗ {name} interrupted after {took}: {signal}");
    }
    let outcome = record.outcome.name().replace('_', " ");
    let message = record.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
    format!("✗ {name} {outcome} after {took}{message}")
}

fn ran(record: &RunRecord) -> String {
    let place = match (record.engine, &record.image) {
        (EngineKind::Docker, Some(image)) => {
            format!("in a fresh container of image {}", image.trim_start_matches("sha256:").get(..12).unwrap_or(image))
        }
        (EngineKind::Docker, None) => "in a fresh container".into(),
        (EngineKind::Process, _) => "as a process of this machine, without isolation".into(),
    };
    let timings = record.timings_ms;
    if let Some(partitions) = &record.partitions {
        let (count, name) = (partitions.len(), &record.block);
        let place = place
            .replace("in a fresh container", "each in a fresh container")
            .replace("as a process", "each as a process");
        return format!("✓ {count} partitions of {name} ran {place} in {}", seconds(timings.total));
    }
    if let Some(steps) = &record.steps {
        return format!("✓ {} ran in {}", count(steps.len() as u64, "step"), seconds(timings.total));
    }
    format!("✓ {} ran {place} in {} (script {})", record.block, seconds(timings.total), seconds(timings.run))
}

fn name(index: u32, id: Option<&str>) -> String {
    let id = id.map(|id| format!(" ({id})")).unwrap_or_default();
    format!("output {index}{id}")
}

fn seconds(milliseconds: f64) -> String {
    format!("{:.2} s", milliseconds / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_fits_into_the_terminal() {
        let mut preview = Preview::default();
        preview.columns = (0..10).map(|column| format!("column_{column}")).collect();
        preview.rows = vec![vec![Some("x".repeat(60)); 10], vec![None; 10]];
        for (columns, shown) in [(200, 7), (80, 3), (40, 1), (10, 0)] {
            let text = first_rows(7, &preview, columns).to_string();
            let left = 10 - shown;
            let more = format!("  … and 5 rows and {left} columns more\n");
            assert!(text.ends_with(&more), "{columns}: {text}");
            assert_eq!(text.matches("column_").count(), shown, "{columns}: {text}");
            let table = text.trim_end_matches(&more);
            assert!(table.lines().all(|line| Word::of(line).width() <= columns), "{columns}: {text}");
        }
        preview.columns.truncate(1);
        preview.rows = vec![vec![Some("1".into())], vec![None]];
        assert_eq!(first_rows(2, &preview, 40).as_str(), "  column_0\n  1\n  (missing)\n");
    }
}
