//! `longshore peek`.

use crate::{BAD_INPUT, failure, printer};
use clap::Args;
use longshore::human::{aligned, count};
use longshore::shown::{Shown, Word};
use longshore::table::{FileFormat, Glance, Peek, ReadOptions, Source, Words};
use std::path::{Path, PathBuf};

/// Characters of a value that are shown.
const VALUE_SHOWN: usize = 30;

/// Characters of a cell that are shown before an error.
const CELL_SHOWN: usize = 60;

/// Columns that are shown before an error.
const COLUMNS_SHOWN: usize = 12;

/// The text for a missing value.
const MISSING: &str = "(missing)";

#[derive(Debug, Args)]
pub(crate) struct PeekArguments {
    /// The table's file
    path: PathBuf,
    /// Options for reading: `delimiter=;`, `decimal=,`, `encoding=latin-1`, …; repeatable
    #[arg(long = "read", value_name = "KEY=VALUE …")]
    read: Vec<String>,
    /// Format of a file without a known suffix, such as csv or parquet
    #[arg(long, value_name = "FORMAT")]
    format: Option<FileFormat>,
    /// Number of first rows to show
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    rows: usize,
    /// Read a large file completely, not only its ends and a sample from between them
    #[arg(long)]
    all: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Shows a table as a script will see it.
pub(crate) fn peek(arguments: &PeekArguments, temporary_folder: &Path) -> u8 {
    let mut options = ReadOptions::default();
    for text in &arguments.read {
        if let Err(reason) = options.add(text) {
            return failure::print_text(&format!("`--read {text}`: {reason}"), BAD_INPUT);
        }
    }
    let format =
        arguments.format.filter(|_| options.format.is_none() && FileFormat::from_path(&arguments.path).is_err());
    let looked = match arguments.all {
        true => Source::find(&arguments.path, format, &options, temporary_folder)
            .and_then(|source| Peek::of(&source, arguments.rows)),
        false => Peek::quick(&arguments.path, format, &options, arguments.rows, temporary_folder),
    };
    match looked {
        Ok(peek) if arguments.json => printer::json(&peek),
        Ok(peek) => printer::out(&text(&peek)),
        Err(error) => {
            let glance = error.glance().map(|glance| glance_text("", glance));
            printer::err(&glance.unwrap_or_default());
            failure::print(&error, BAD_INPUT)
        }
    }
}

/// A cell cut to the columns that are shown.
fn cut(text: &str, columns: usize) -> String {
    Word::cut(text, columns).into()
}

/// The beginning of a text file, shown before the error about it.
pub(crate) fn glance_text(what: &str, glance: &Glance) -> Shown {
    let options = glance.options.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let with =
        if glance.options.is_empty() { ", and begins with".into() } else { format!(" read with {}", Words(options)) };
    let mut text = Shown::line(format!("{what}{}{with}", glance.format));
    let cells = |row: &Vec<String>| row.iter().map(|cell| cut(cell, CELL_SHOWN)).collect::<Vec<_>>();
    let mut rows: Vec<Vec<String>> = glance.rows.iter().map(cells).collect();
    rows.iter_mut().for_each(|row| row.truncate(COLUMNS_SHOWN));
    if rows.len() == 1 {
        rows.push(Vec::new());
    }
    text += aligned(&rows, &[]).indented();
    text.push("");
    text
}

fn text(peek: &Peek) -> Shown {
    let about = if peek.sample.is_some() { "about " } else { "" };
    let files = if peek.files > 1 { format!(" in {} files", peek.files) } else { String::new() };
    let (rows, columns) = (count(peek.rows, "row"), count(peek.columns.len() as u64, "column"));
    let mut text = Shown::line(format!("{}{files}: {about}{rows}, {columns}", peek.format));
    if let Some(sample) = &peek.sample {
        text.push(format!(
            "from a sample of {}, {} of {} MiB: `--all` reads all of it",
            count(sample.rows, "row"),
            sample.bytes >> 20,
            sample.of_bytes >> 20
        ));
    }
    if let Some(reading) = &peek.reading {
        if !reading.options.is_empty() {
            let options = reading.options.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            text.push(format!("read with {}", Words(options)));
        }
        reading.all_notes().for_each(|note| text.push(format!("note: {note}")));
    }
    let mut table = vec![["column", "type", "missing", "least", "greatest"].map(str::to_owned)];
    table.extend(peek.columns.iter().map(|column| {
        let value = |value: &Option<String>| cut(value.as_deref().unwrap_or_default(), VALUE_SHOWN);
        let (name, data_type) = (cut(&column.name, VALUE_SHOWN), cut(&column.data_type, VALUE_SHOWN));
        [name, data_type, column.nulls.to_string(), value(&column.least), value(&column.greatest)]
    }));
    text.push("");
    text += aligned(&table, &[2]).indented();
    let mut rows: Vec<Vec<String>> = vec![peek.columns.iter().map(|column| cut(&column.name, VALUE_SHOWN)).collect()];
    let shown =
        |value: &Option<String>| value.as_deref().map_or_else(|| MISSING.into(), |value| cut(value, VALUE_SHOWN));
    rows.extend(peek.first.iter().map(|row| row.iter().map(shown).collect()));
    if rows.len() > 1 {
        text.push("");
        text += aligned(&rows, &[]).indented();
    }
    text
}
