//! Options for writing a text. Their words are those of reading (`read_options.rs`): with the same options a text is
//! read back unchanged. The writers apply them to a format.

use super::date_format::{is_format, is_of_days};
use super::format::FileFormat;
use super::missing::is_missing;
use super::option_values::{Delimiter, Mark, TimeFormat, yes_or_no};
use super::option_words::pairs;
use super::text_encoding::TextEncoding;
use crate::hint::did_you_mean;
use serde::{Deserialize, Serialize};

/// Options for writing CSV and TSV.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WriteOptions {
    /// The separator of cells: characters, or `tab`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// Which cells are quoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quoting>,
    /// Whether the first row contains the names of the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The encoding: `utf-8`, `utf-16`, or a single-byte encoding such as `windows-1252`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Whether the file begins with a byte order mark, which Excel needs to recognize Unicode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bom: Option<bool>,
    /// The decimal mark: `.` or `,`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Mark>,
    /// How dates are written: a strftime format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<String>,
    /// How dates with a time of day are written: a strftime format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<TimeFormat>,
    /// The word for a missing value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The word for true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#true: Option<String>,
    /// The word for false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#false: Option<String>,
    /// The end of a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<LineEnd>,
}

/// Which cells are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quoting {
    /// Cells that would otherwise be read differently.
    #[default]
    Needed,
    /// All cells with a value.
    All,
    /// Names and text, and all other cells that need it.
    Text,
    /// None; a cell that needs quotes is an error.
    None,
}

/// The end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineEnd {
    /// A line feed, as on Unix.
    #[default]
    Lf,
    /// A carriage return and a line feed, as on Windows.
    Crlf,
}

impl WriteOptions {
    /// Whether no option is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds options as on a command line: `KEY=VALUE`, separated by blanks, with quotes around values that contain
    /// blanks. [`WriteOptions::check`] checks whether they are compatible, once all are given.
    ///
    /// # Errors
    /// What is wrong, and what would be valid.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        for (key, value) in pairs(text)? {
            self.set(&key, &value).map_err(|reason| format!("`{key}`: {reason}"))?;
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let text = value.to_owned();
        match key {
            "delimiter" => self.delimiter = Some(Delimiter::try_from(text)?),
            "quote" => {
                self.quote = Some(match value {
                    "needed" => Quoting::Needed,
                    "all" => Quoting::All,
                    "text" => Quoting::Text,
                    "none" => Quoting::None,
                    _ => return Err(format!("`{value}` is not one of needed, all, text and none")),
                });
            }
            "header" => self.header = Some(yes_or_no(value)?),
            "encoding" => self.encoding = Some(text),
            "bom" => self.bom = Some(yes_or_no(value)?),
            "decimal" => self.decimal = Some(Mark::try_from(text)?),
            "dates" => self.dates = Some(text),
            "times" => self.times = Some(TimeFormat::try_from(text)?),
            "missing" => self.missing = Some(text),
            "true" => self.r#true = Some(text),
            "false" => self.r#false = Some(text),
            "line" => {
                self.line = Some(match value {
                    "lf" => LineEnd::Lf,
                    "crlf" => LineEnd::Crlf,
                    _ => return Err(format!("`{value}` is neither lf nor crlf")),
                });
            }
            _ => {
                let near = did_you_mean(key, KEYS);
                return Err(format!("unknown writing option: known are {}{near}", KEYS.join(", ")));
            }
        }
        Ok(())
    }

    /// These options, completed by others where they are not given.
    #[must_use]
    pub fn or(self, others: &Self) -> Self {
        Self {
            delimiter: self.delimiter.or_else(|| others.delimiter.clone()),
            quote: self.quote.or(others.quote),
            header: self.header.or(others.header),
            encoding: self.encoding.or_else(|| others.encoding.clone()),
            bom: self.bom.or(others.bom),
            decimal: self.decimal.or(others.decimal),
            dates: self.dates.or_else(|| others.dates.clone()),
            times: self.times.or_else(|| others.times.clone()),
            missing: self.missing.or_else(|| others.missing.clone()),
            r#true: self.r#true.or_else(|| others.r#true.clone()),
            r#false: self.r#false.or_else(|| others.r#false.clone()),
            line: self.line.or(others.line),
        }
    }

    /// Checks whether a format has these options at all.
    ///
    /// # Errors
    /// What would be valid.
    pub fn fit(&self, format: FileFormat) -> Result<(), String> {
        if self.is_empty() || format.format.is_delimited() {
            return Ok(());
        }
        Err(format!("{format} has no writing options; CSV and TSV have"))
    }

    /// Checks that the options are compatible.
    ///
    /// # Errors
    /// The options that conflict, and why.
    pub fn check(&self) -> Result<(), String> {
        self.check_marks()?;
        self.check_words()?;
        let encoding = self.encoding.as_deref().map_or(Ok(TextEncoding::Utf8), TextEncoding::named)?;
        if self.bom == Some(true) && encoding.byte_order_mark().is_empty() {
            return Err(format!("`bom`: {} has no byte order mark: `encoding=utf-8` has one", encoding.name()));
        }
        let delimiter = self.delimiter.as_ref().map(Delimiter::text).unwrap_or_default();
        let words = [Some(&delimiter), self.missing.as_ref(), self.r#true.as_ref(), self.r#false.as_ref()];
        let foreign = words.into_iter().flatten().find_map(|word| encoding.lacks(word));
        if let Some(character) = foreign {
            return Err(format!("`encoding`: {} cannot encode `{character}` of another option", encoding.name()));
        }
        let Some(dates) = &self.dates else { return Ok(()) };
        if !is_format(dates) || !is_of_days(dates) {
            return Err(format!(
                "`dates`: `{dates}` is not a valid date format: use one such as `%d.%m.%Y`, and `times` for hours"
            ));
        }
        Ok(())
    }

    fn check_marks(&self) -> Result<(), String> {
        if self.delimiter == Some(Delimiter::Blanks) {
            return Err("`delimiter`: `blanks` is for reading only: use `tab` or `space`".into());
        }
        if !matches!(self.decimal, None | Some(Mark(Some(b'.' | b',')))) {
            return Err("`decimal` must be `.` or `,`".into());
        }
        let decimal = self.decimal.and_then(|mark| mark.0).unwrap_or(b'.');
        let delimiter = self.delimiter.as_ref().map(Delimiter::text);
        let separates = |byte: u8| match &delimiter {
            Some(delimiter) => delimiter.as_bytes().contains(&byte),
            None => byte == b',',
        };
        if self.quote == Some(Quoting::None) && separates(decimal) {
            let mark = char::from(decimal);
            return Err(format!(
                "`decimal` and `delimiter` are both `{mark}`, and `quote=none` leaves no way to tell them apart: \
                 use `delimiter=;`"
            ));
        }
        Ok(())
    }

    fn check_words(&self) -> Result<(), String> {
        let delimiter = self.delimiter.as_ref().map_or(",".into(), Delimiter::text);
        let named = [("missing", &self.missing), ("true", &self.r#true), ("false", &self.r#false)];
        for (key, word) in named {
            let Some(word) = word else { continue };
            let is_special =
                |character: char| matches!(character, '"' | '\n' | '\r') || delimiter.starts_with(character);
            if word.contains(is_special) {
                return Err(format!("`{key}`: `{word}` contains a delimiter, a quote or a line end"));
            }
            if word.trim() != word || word.is_empty() && key != "missing" || word.starts_with('#') {
                return Err(format!(
                    "`{key}`: `{word}` would not be read back: blanks around a word and a leading `#` are not kept"
                ));
            }
        }
        let (yes, no) = (self.r#true.as_deref().unwrap_or("true"), self.r#false.as_deref().unwrap_or("false"));
        if yes == no || yes.eq_ignore_ascii_case("false") || no.eq_ignore_ascii_case("true") {
            return Err(format!("`true` and `false` are written as `{yes}` and `{no}`, which cannot be told apart"));
        }
        let missing = self.missing.as_deref();
        if let Some(word) = [yes, no].into_iter().find(|word| missing == Some(*word) || is_missing(word)) {
            return Err(format!("`{word}` is read as missing, and cannot be true or false"));
        }
        Ok(())
    }
}

const KEYS: [&str; 12] = [
    "delimiter",
    "quote",
    "header",
    "encoding",
    "bom",
    "decimal",
    "dates",
    "times",
    "missing",
    "true",
    "false",
    "line",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<WriteOptions, String> {
        let mut options = WriteOptions::default();
        options.add(text).and_then(|()| options.check()).map(|()| options)
    }

    #[test]
    fn options_are_words() {
        let options = written("delimiter=; decimal=, bom=yes quote=text dates=%d.%m.%Y missing='not known' line=crlf");
        let options = options.unwrap();
        assert_eq!(options.delimiter, Some(Delimiter::Byte(b';')));
        assert_eq!((options.bom, options.quote, options.line), (Some(true), Some(Quoting::Text), Some(LineEnd::Crlf)));
        assert_eq!(options.missing.as_deref(), Some("not known"));
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<WriteOptions>(&json).unwrap(), options);
        assert_eq!(WriteOptions::default().or(&options), options);
    }

    #[test]
    fn delimiters_that_have_names_are_characters_among_words() {
        for text in
            ["delimiter=tab missing=nicht", "delimiter=space true=sure false=doubtful", "delimiter=tab quote=none"]
        {
            written(text).unwrap();
        }
        for text in ["delimiter=tab missing='a\tb'", "delimiter=space missing='not known'"] {
            assert!(written(text).unwrap_err().contains("contains a delimiter"), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        for (text, part) in [
            ("delimeter=;", "did you mean `delimiter`"),
            ("mark=yes", "known are delimiter, quote"),
            ("delimiter", "KEY=VALUE"),
            ("delimiter=blanks", "`tab` or `space`"),
            ("quote=some", "needed, all, text and none"),
            ("decimal=;", "`.` or `,`"),
            ("decimal=, quote=none", "use `delimiter=;`"),
            ("delimiter=. quote=none", "use `delimiter=;`"),
            ("encoding=klingon", "klingon"),
            ("encoding=shift_jis", "utf-8, utf-16"),
            ("encoding=latin-1 bom=yes", "no byte order mark"),
            ("encoding=latin-1 missing=☃", "cannot encode `☃`"),
            ("dates=dmy", "not a valid date format"),
            ("dates='%d.%m.%Y %H'", "`times` for hours"),
            ("times=dmy", "not a valid time format"),
            ("true=NA", "read as missing"),
            ("missing=ja true=ja", "read as missing"),
            ("true=x false=x", "cannot be told apart"),
            ("false=TRUE", "cannot be told apart"),
            ("missing=a,b", "contains a delimiter"),
            ("missing='x '", "would not be read back"),
            ("line=cr", "neither lf nor crlf"),
        ] {
            let error = written(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn only_text_has_options() {
        let options = written("delimiter=;").unwrap();
        let fits = |name: &str| options.fit(name.parse().unwrap());
        assert!(fits("csv.gz").is_ok() && fits("tsv").is_ok());
        assert!(fits("parquet").unwrap_err().starts_with("Parquet has no writing options"));
        assert!(fits("ndjson").is_err() && WriteOptions::default().fit("arrow".parse().unwrap()).is_ok());
    }
}
