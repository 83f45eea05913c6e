//! Options for reading a text. What is not given is detected from the text.

use super::bad_rows::{BadRows, LaterFields};
use super::format::{FileFormat, Format};
use super::option_values::{ColumnType, DateStyle, Delimiter, HeaderLines, Mark, Ragged, Stray, TimeFormat, yes_or_no};
use super::option_words::{pairs, word};
use crate::hint::did_you_mean;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Options for reading CSV, TSV and similar formats. A given option overrides what is detected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadOptions {
    /// The format, if the suffix does not determine it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The separator of cells: characters, `tab`, or `blanks` for any number of blanks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// The quote around cells that contain a delimiter or a line end; `none` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<Mark>,
    /// The escape before a character to be taken literally, such as `\`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escape: Option<Mark>,
    /// The beginning of lines that are comments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Lines above the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<u64>,
    /// Rows below the table, such as sums.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<u64>,
    /// How many of the first rows contain the names of the columns; several names are joined by blanks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderLines>,
    /// Whether the header has no name for the first column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_names: Option<bool>,
    /// Whether blanks before a cell are removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trim: Option<bool>,
    /// Whether rows, but not the header, end with a delimiter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trailing: Option<bool>,
    /// The treatment of quotes inside a cell that are not doubled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stray: Option<Stray>,
    /// The encoding, by its WHATWG name, such as `windows-1252`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The decimal mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Mark>,
    /// The thousands mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<Mark>,
    /// How dates are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<DateStyle>,
    /// How dates with a time of day are written, if not as dates alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<TimeFormat>,
    /// Words for a missing value, in columns of text too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Words for true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub r#true: Vec<String>,
    /// Words for false.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub r#false: Vec<String>,
    /// The treatment of rows with too few or too many cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ragged: Option<Ragged>,
    /// The most rows to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// For JSON, the path of fields to the list of rows, separated by points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For a workbook, the sheet: its name, or its number from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The treatment of invalid rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_rows: Option<BadRows>,
    /// The treatment of fields that the first rows of an NDJSON stream lack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub later: Option<LaterFields>,
    /// The columns to read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The types of columns, by name; `*` stands for all others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, ColumnType>,
}

impl ReadOptions {
    /// Whether no option is given, apart from the format.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { format: self.format.clone(), ..Self::default() }
    }

    /// Checks that a format has all given options.
    ///
    /// # Errors
    /// The option that it lacks, and the options that it has.
    pub fn check_fit(&self, format: Format) -> Result<(), String> {
        let has = of_format(format);
        let given = self.given();
        let Some(key) = given.keys().find(|key| !is_of(format, key)) else { return Ok(()) };
        let key = if key == "types" { "type.COLUMN" } else { key.as_str() };
        Err(match has {
            [] => format!("{format}, which has no option `{key}` and no other reading options"),
            _ => format!("{format}, which has no option `{key}`: it has {}", has.join(", ")),
        })
    }

    /// The given options that apply to a format.
    #[must_use]
    pub fn fitting(&self, format: Format) -> Self {
        let mut given = self.given();
        given.retain(|key, _| is_of(format, key));
        let mut fitting: Self = serde_json::from_value(Value::Object(given)).unwrap_or_default();
        if !format.is_delimited() {
            // The notation of dates applies to CSV only.
            for column in fitting.types.values_mut() {
                match column {
                    ColumnType::Date(format) | ColumnType::Time(format) => *format = None,
                    _ => {}
                }
            }
        }
        fitting
    }

    /// The given options, by their keys.
    fn given(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(given)) => given,
            _ => Map::new(),
        }
    }

    /// Adds options as on a command line: `KEY=VALUE`, separated by blanks, with quotes around values that contain
    /// blanks. `missing`, `true`, `false` and `columns` may be repeated; a column's type is `type.NAME=TYPE`.
    ///
    /// # Errors
    /// What is wrong, and what would be valid.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        for (key, value) in pairs(text)? {
            self.set(&key, &value)?;
        }
        self.check()
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let named = |reason: String| format!("`{key}`: {reason}");
        let number = || value.parse::<u64>().map_err(|_| named(format!("`{value}` is not a number of lines")));
        let mark = || Mark::try_from(value.to_owned()).map_err(named).map(Some);
        match key {
            "format" => self.format = Some(value.to_owned()),
            "delimiter" => self.delimiter = Some(Delimiter::try_from(value.to_owned()).map_err(named)?),
            "quote" => self.quote = mark()?,
            "escape" => self.escape = mark()?,
            "comment" => self.comment = Some(value.to_owned()),
            "skip" => self.skip = Some(number()?),
            "footer" => self.footer = Some(number()?),
            "header" => self.header = Some(HeaderLines::try_from(value).map_err(named)?),
            "row_names" => self.row_names = Some(yes_or_no(value).map_err(named)?),
            "trim" => self.trim = Some(yes_or_no(value).map_err(named)?),
            "trailing" => self.trailing = Some(yes_or_no(value).map_err(named)?),
            "stray" => self.stray = Some(Stray::try_from(value).map_err(named)?),
            "encoding" => self.encoding = Some(value.to_owned()),
            "decimal" => self.decimal = mark()?,
            "thousands" => self.thousands = mark()?,
            "dates" => self.dates = Some(DateStyle::try_from(value.to_owned()).map_err(named)?),
            "times" => self.times = Some(TimeFormat::try_from(value.to_owned()).map_err(named)?),
            "missing" => self.missing.push(value.to_owned()),
            "true" => self.r#true.push(value.to_owned()),
            "false" => self.r#false.push(value.to_owned()),
            "ragged" => self.ragged = Some(Ragged::try_from(value).map_err(named)?),
            "rows" => self.rows = Some(number()?),
            "bad_rows" => self.bad_rows = Some(BadRows::named(value).map_err(named)?),
            "later" => self.later = Some(LaterFields::named(value).map_err(named)?),
            "path" => self.path = Some(value.to_owned()),
            "sheet" => self.sheet = Some(value.to_owned()),
            "columns" => self.columns.push(value.to_owned()),
            _ => match key.strip_prefix("type.") {
                Some(column) => {
                    let column_type = ColumnType::try_from(value.to_owned()).map_err(named)?;
                    self.types.insert(column.to_owned(), column_type);
                }
                None => return Err(unknown(key)),
            },
        }
        Ok(())
    }

    /// These options, completed by others where they are not given and do not conflict.
    #[must_use]
    pub fn or(self, others: &Self) -> Self {
        let words = |own: &Vec<String>, others: &Vec<String>, taken: [&Vec<String>; 2]| {
            if own.is_empty() {
                others.iter().filter(|word| !taken.iter().any(|taken| taken.contains(word))).cloned().collect()
            } else {
                own.clone()
            }
        };
        let (missing, yes, no) = (&self.missing, &self.r#true, &self.r#false);
        let missing = words(missing, &others.missing, [yes, no]);
        let r#true = words(yes, &others.r#true, [&self.missing, no]);
        let r#false = words(no, &others.r#false, [&self.missing, yes]);
        // A mark has one meaning: a new meaning replaces the old one.
        let unless = |mark: Option<Mark>, taken: Option<Mark>| mark.filter(|_| mark != taken);
        let delimits = |mark: Mark| matches!((&self.delimiter, mark.0), (Some(Delimiter::Byte(own)), Some(quote)) if *own == quote);
        let quotes = |delimiter: &Delimiter| matches!((delimiter, self.quote), (Delimiter::Byte(byte), Some(Mark(Some(own)))) if *byte == own);
        let mut types = others.types.clone();
        types.extend(self.types);
        Self {
            format: self.format.or_else(|| others.format.clone()),
            quote: self.quote.or_else(|| others.quote.filter(|quote| !delimits(*quote))),
            delimiter: self
                .delimiter
                .clone()
                .or_else(|| others.delimiter.clone().filter(|delimiter| !quotes(delimiter))),
            escape: self.escape.or(others.escape),
            comment: self.comment.or_else(|| others.comment.clone()),
            skip: self.skip.or(others.skip),
            footer: self.footer.or(others.footer),
            header: self.header.or(others.header),
            row_names: self.row_names.or(others.row_names),
            trim: self.trim.or(others.trim),
            trailing: self.trailing.or(others.trailing),
            stray: self.stray.or(others.stray),
            encoding: self.encoding.or_else(|| others.encoding.clone()),
            decimal: self.decimal.or_else(|| unless(others.decimal, self.thousands)),
            thousands: self.thousands.or_else(|| unless(others.thousands, self.decimal)),
            dates: self.dates.or_else(|| others.dates.clone()),
            times: self.times.or_else(|| others.times.clone()),
            missing,
            r#true,
            r#false,
            ragged: self.ragged.or(others.ragged),
            rows: self.rows.or(others.rows),
            bad_rows: self.bad_rows.or(others.bad_rows),
            later: self.later.or(others.later),
            path: self.path.or_else(|| others.path.clone()),
            sheet: self.sheet.or_else(|| others.sheet.clone()),
            columns: if self.columns.is_empty() { others.columns.clone() } else { self.columns },
            types,
        }
    }

    /// Checks that the options are compatible.
    ///
    /// # Errors
    /// The options that conflict, and why.
    pub fn check(&self) -> Result<(), String> {
        if let (Some(decimal), Some(thousands)) = (self.decimal, self.thousands)
            && decimal == thousands
        {
            return Err("`decimal` and `thousands` are the same mark".into());
        }
        if self.decimal.is_some_and(|mark| mark.0.is_none()) {
            return Err("`decimal` cannot be `none`: use `.` or `,`".into());
        }
        if let (Some(Delimiter::Byte(delimiter)), Some(Mark(Some(quote)))) = (&self.delimiter, self.quote)
            && *delimiter == quote
        {
            return Err("`delimiter` and `quote` are the same character".into());
        }
        if self.comment.as_ref().is_some_and(|comment| comment.is_empty() || comment.contains(['\n', '\r'])) {
            return Err("`comment` cannot be empty or contain a line end".into());
        }
        let words = || self.r#true.iter().chain(&self.r#false);
        if let Some(word) = words().find(|word| self.missing.contains(word)) {
            return Err(format!("`{word}` cannot be missing and true or false"));
        }
        if let Some(word) = self.r#true.iter().find(|word| self.r#false.contains(word)) {
            return Err(format!("`{word}` cannot be both true and false"));
        }
        if let Some(name) = &self.format {
            let format = name.parse::<FileFormat>().map_err(|error| error.to_string())?;
            self.check_fit(format.format).map_err(|reason| format!("`format` is {reason}"))?;
        }
        if let Some(encoding) = &self.encoding {
            super::text_encoding::named(encoding)?;
        }
        Ok(())
    }
}

impl fmt::Display for ReadOptions {
    /// The options as on a command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = serde_json::to_value(self).unwrap_or_default();
        let mut words = Vec::new();
        for (key, value) in options.as_object().into_iter().flatten() {
            match value {
                Value::Array(values) => words.extend(values.iter().map(|value| word(key, value))),
                Value::Object(types) => {
                    words.extend(types.iter().map(|(column, value)| word(&format!("type.{column}"), value)));
                }
                value => words.push(word(key, value)),
            }
        }
        f.write_str(&words.join(" "))
    }
}

const KEYS: [&str; 27] = [
    "format",
    "delimiter",
    "quote",
    "escape",
    "comment",
    "skip",
    "footer",
    "header",
    "row_names",
    "trim",
    "trailing",
    "stray",
    "encoding",
    "decimal",
    "thousands",
    "dates",
    "times",
    "missing",
    "true",
    "false",
    "ragged",
    "rows",
    "columns",
    "bad_rows",
    "path",
    "sheet",
    "later",
];

/// The options of a format, besides its name and the types of its columns.
fn of_format(format: Format) -> &'static [&'static str] {
    match format {
        Format::Csv | Format::Tsv => &KEYS[..KEYS.len() - 3],
        Format::Json => &["encoding", "path"],
        Format::Ndjson => &["encoding", "bad_rows", "later"],
        Format::Xlsx => &OF_WORKBOOKS,
        Format::Parquet | Format::ArrowFile | Format::ArrowStream => &[],
    }
}

fn is_of(format: Format, key: &str) -> bool {
    key == "format" || of_format(format).contains(&key) || key == "types" && format.takes_types()
}

/// The options for a workbook's sheet.
const OF_WORKBOOKS: [&str; 12] = [
    "sheet",
    "skip",
    "footer",
    "header",
    "decimal",
    "thousands",
    "dates",
    "missing",
    "true",
    "false",
    "rows",
    "columns",
];

fn unknown(key: &str) -> String {
    let near = did_you_mean(key, KEYS);
    format!("unknown reading option `{key}`: known are {} and type.COLUMN{near}", KEYS.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ReadOptions, String> {
        let mut options = ReadOptions::default();
        options.add(text).map(|()| options)
    }

    #[test]
    fn options_are_words() {
        let options =
            read("delimiter=; decimal=, quote=' missing=n/a missing='not known' type.zip=text header=no").unwrap();
        assert_eq!(options.delimiter, Some(Delimiter::Byte(b';')));
        assert_eq!(options.decimal, Some(Mark(Some(b','))));
        assert_eq!(options.quote, Some(Mark(Some(b'\''))));
        assert_eq!(options.missing, ["n/a", "not known"]);
        assert_eq!(options.header, Some(HeaderLines(0)));
        assert_eq!(options.types["zip"], ColumnType::Text);
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<ReadOptions>(&json).unwrap(), options);
        assert_eq!(read(&options.to_string()).unwrap(), options, "{options}");
        let options = read("quote=none 'missing=' 'missing=\"x\"' skip=2 type.*=date:%d.%m.%Y 'delimiter= '").unwrap();
        assert_eq!(read(&options.to_string()).unwrap(), options, "{options}");
    }

    #[test]
    fn what_cannot_be_is_said() {
        for (text, part) in [
            ("delimeter=;", "did you mean `delimiter`"),
            ("delimiter", "KEY=VALUE"),
            ("skip=some", "is not a number of lines"),
            ("quote=ab", "neither one character"),
            ("type.a=money", "use text, integer"),
            ("type.a=date:dd", "is not a valid date format"),
            ("decimal=, thousands=,", "the same mark"),
            ("encoding=klingon", "klingon"),
            ("dates=dym", "dmy, mdy, ymd"),
            ("missing='a", "not closed"),
            ("true=x false=x", "both true and false"),
            ("format=parquet skip=2", "which has no option `skip`"),
            ("type.a=numbr", "did you mean `number`"),
            ("ragged=maybe", "error, fill, cut and skip"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn options_take_the_place_of_those_that_they_go_against() {
        let merged = |own: &str, others: &str| {
            let merged = read(own).unwrap().or(&read(others).unwrap());
            merged.check().unwrap();
            merged
        };
        let marks = merged("thousands=,", "decimal=,");
        assert_eq!((marks.decimal, marks.thousands), (None, Some(Mark(Some(b',')))));
        let marks = merged("decimal=,", "thousands=, skip=2");
        assert_eq!((marks.decimal, marks.thousands, marks.skip), (Some(Mark(Some(b','))), None, Some(2)));
        assert_eq!(merged("quote=;", "delimiter=;").delimiter, None);
        assert_eq!(merged("delimiter='", "quote='").quote, None);
        let words = merged("missing=x true=y", "true=x false=y false=z");
        assert_eq!(
            (words.missing, words.r#true, words.r#false),
            (vec!["x".into()], vec!["y".into()], vec!["z".into()])
        );
    }
}
