//! `longshore peek`.

use crate::BAD_INPUT;
use crate::check::{print, print_json};
use crate::columns::{aligned, cut};
use crate::failure;
use clap::Args;
use longshore::table::{FileFormat, Peek, ReadOptions, Source};
use longshore::words::count;
use std::path::PathBuf;

/// Characters of a value that are shown.
const VALUE_SHOWN: usize = 30;

/// What stands for a missing value.
const MISSING: &str = "(missing)";

#[derive(Debug, Args)]
pub(crate) struct PeekArguments {
    /// The table's file
    path: PathBuf,
    /// How it is read: `delimiter=;`, `decimal=,`, `encoding=latin-1` and others; repeatable
    #[arg(long = "read", value_name = "KEY=VALUE …")]
    read: Vec<String>,
    /// Format of a file without a known suffix, such as csv or parquet
    #[arg(long, value_name = "FORMAT")]
    format: Option<FileFormat>,
    /// First rows that are shown
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    rows: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Shows what a script will see of a table.
pub(crate) fn peek(arguments: &PeekArguments) -> u8 {
    let mut options = ReadOptions::default();
    for text in &arguments.read {
        if let Err(reason) = options.add(text) {
            return failure::print_text(&format!("`--read {text}`: {reason}"), BAD_INPUT);
        }
    }
    let named = options.format.as_ref().map(|name| name.parse());
    let format = match (named, arguments.format) {
        (Some(format), _) => format,
        (None, Some(format)) if FileFormat::from_path(&arguments.path).is_err() => Ok(format),
        (None, _) => FileFormat::from_path(&arguments.path),
    };
    let looked = format
        .and_then(|format| Source::open_as(&arguments.path, format, &options))
        .and_then(|source| Peek::of(&source, arguments.rows));
    match looked {
        Ok(peek) if arguments.json => print_json(&peek),
        Ok(peek) => print(&text(&peek)),
        Err(error) => failure::print(&error, BAD_INPUT),
    }
}

fn text(peek: &Peek) -> String {
    let mut text =
        format!("{}: {}, {}\n", peek.format, count(peek.rows, "row"), count(peek.columns.len() as u64, "column"));
    if let Some(reading) = &peek.reading {
        let options = reading.options.iter().map(|(key, value)| {
            if value.contains(' ') { format!("{key}='{value}'") } else { format!("{key}={value}") }
        });
        text.push_str(&format!("read with {}\n", options.collect::<Vec<_>>().join(" ")));
        text.extend(reading.all_notes().map(|note| format!("note: {note}\n")));
    }
    let mut table = vec![["column", "type", "missing", "least", "greatest"].map(str::to_owned)];
    table.extend(peek.columns.iter().map(|column| {
        let value = |value: &Option<String>| cut(value.as_deref().unwrap_or_default(), VALUE_SHOWN);
        let (name, data_type) = (cut(&column.name, VALUE_SHOWN), cut(&column.data_type, VALUE_SHOWN));
        [name, data_type, column.nulls.to_string(), value(&column.least), value(&column.greatest)]
    }));
    text.push('\n');
    text.push_str(&aligned(&table, &[2]));
    let mut rows: Vec<Vec<String>> = vec![peek.columns.iter().map(|column| cut(&column.name, VALUE_SHOWN)).collect()];
    let shown =
        |value: &Option<String>| value.as_deref().map_or_else(|| MISSING.into(), |value| cut(value, VALUE_SHOWN));
    rows.extend(peek.first.iter().map(|row| row.iter().map(shown).collect()));
    if rows.len() > 1 {
        text.push('\n');
        text.push_str(&aligned(&rows, &[]));
    }
    text
}
