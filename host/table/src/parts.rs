//! A table in many files: in a folder, or matching a pattern. All have the same columns; the keys in their folder
//! names, such as `year=2024`, are columns too.

use super::batches::Batches;
use super::column_kind::without_type;
use super::csv;
use super::detect::Detected;
use super::dialect::Dialect;
use super::error::TableError;
use super::findings::Findings;
use super::held::{Chained, Held};
use super::parts_found::Found;
use super::parts_types::{common, noun, option_of, typed, with_keys};
use super::table_file::TableFile;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use longshore_model::table::{ColumnType, FileFormat, Format, ReadOptions};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Notes about files that are shown; further ones are counted.
const NOTES_SHOWN: usize = 10;

/// The files of a table.
#[derive(Debug)]
pub(super) struct Parts {
    path: PathBuf,
    format: FileFormat,
    parts: Vec<Arc<TableFile>>,
    /// The columns in the files.
    own: Vec<FieldRef>,
    /// The columns from folder names, with a row for each file.
    keys: Option<RecordBatch>,
    notes: Vec<String>,
    findings: Option<Findings>,
}

impl Parts {
    /// Opens and checks all files.
    ///
    /// # Errors
    /// If a file is invalid, or two files do not form one table.
    pub(super) fn open(
        path: &Path,
        files: Vec<Found>,
        format: Option<FileFormat>,
        options: &ReadOptions,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        let formats = formats(path, &files, format)?;
        let (own_options, key_options) = split(options, &files);
        if own_options.columns.is_empty() && !options.columns.is_empty() {
            let reason = "`columns` selects only columns from folder names: select a column of the files too".into();
            return Err(TableError::Unreadable { path: path.to_owned(), reason });
        }
        let takes_keys = options.columns.is_empty() || !key_options.columns.is_empty();
        let mut parts = Self {
            path: path.to_owned(),
            format: formats[0],
            parts: Vec::with_capacity(files.len()),
            own: Vec::new(),
            keys: None,
            notes: Vec::new(),
            findings: None,
        };
        parts.keys = if takes_keys { parts.read_keys(&files, &key_options)? } else { None };
        let mut left = options.rows;
        for (file, format) in files.iter().zip(formats) {
            if left == Some(0) {
                break;
            }
            let options = ReadOptions { rows: left, ..own_options.clone() };
            let part = TableFile::open(&file.path, format, &options, temporary_folder)?;
            left = left.map(|left| left.saturating_sub(part.rows().unwrap_or(0)));
            parts.parts.push(Arc::new(part.closed()?));
        }
        parts.own = match parts.parts.first().is_some_and(|part| part.layout().is_some()) {
            true => parts.widen(&own_options, temporary_folder)?,
            false => parts.same()?,
        };
        if let Some(name) = parts.doubled() {
            let reason =
                format!("`{name}` is both a column of its files and a key in their folder names: rename one of them");
            return Err(parts.unreadable(reason));
        }
        parts.findings = parts.found();
        Ok(parts)
    }

    /// The folder or the pattern.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of files.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    pub(super) fn format(&self) -> FileFormat {
        self.format
    }

    pub(super) fn schema(&self) -> SchemaRef {
        let keys = self.keys.iter().flat_map(|keys| keys.schema_ref().fields().iter().cloned().collect::<Vec<_>>());
        Arc::new(Schema::new(self.own.iter().cloned().chain(keys).collect::<Vec<_>>()))
    }

    /// The columns; those without a value in any file have no type.
    pub(super) fn known_schema(&self) -> SchemaRef {
        let schema = self.schema();
        let has_nothing = |index: usize| {
            let Some(field) = self.own.get(index) else { return false };
            self.parts.iter().all(|part| part.layout().is_some() && typed(part, field.name()).is_none())
        };
        without_type(&schema, has_nothing)
    }

    /// The number of rows, if all files state it.
    pub(super) fn rows(&self) -> Option<u64> {
        self.parts.iter().map(|part| part.rows()).sum()
    }

    /// The findings: how the first file is read, and the notes about all files.
    pub(super) fn findings(&self) -> Option<&Findings> {
        self.findings.as_ref()
    }

    fn found(&self) -> Option<Findings> {
        let mut findings = self.parts.first().and_then(|part| part.findings()).cloned().unwrap_or_default();
        findings.columns.clear();
        findings.notes.clone_from(&self.notes);
        let of_part = |part: &Arc<TableFile>| {
            let found = part.findings().map(|found| found.all_notes().map(str::to_owned).collect::<Vec<_>>());
            let name = part.path().display().to_string();
            found.unwrap_or_default().into_iter().map(move |note| format!("`{name}`: {note}"))
        };
        let mut notes = self.parts.iter().flat_map(of_part);
        findings.notes.extend(notes.by_ref().take(NOTES_SHOWN));
        let more = notes.count();
        if more > 0 {
            findings.notes.push(format!("and {more} more notes about other files"));
        }
        Some(findings).filter(|findings| *findings != Findings::default())
    }

    /// The rows of all files, one file after another.
    pub(super) fn batches(&self) -> Batches {
        let schema = self.schema();
        let own = self.own.clone();
        let keys = self.keys.clone();
        // Each file is opened when it is reached.
        let rows = self.parts.clone().into_iter().enumerate().flat_map(move |(index, part)| {
            let keys = keys.as_ref().map(|keys| keys.slice(index, 1));
            let (schema, own) = (Arc::clone(&schema), own.clone());
            let batches: Batches = part.batches().unwrap_or_else(|error| Box::new(std::iter::once(Err(error))));
            let path = part.path().to_owned();
            batches.map(move |batch| {
                with_keys(&batch?, &own, keys.as_ref(), &schema)
                    .map_err(|source| TableError::Arrow { path: path.clone(), source })
            })
        });
        Box::new(rows)
    }

    /// The number of bytes of all files, and the bytes, one file after another.
    ///
    /// # Errors
    /// If a file cannot be opened again.
    pub(super) fn bytes(&self) -> std::io::Result<(u64, Box<dyn Read + Send>)> {
        let files = self.parts.iter().map(|part| part.held().again()).collect::<std::io::Result<Vec<_>>>()?;
        let length = files.iter().map(Held::length).sum::<std::io::Result<u64>>()?;
        Ok((length, Box::new(Chained::new(files))))
    }

    /// The columns of files that store their types, which must be the same in all files.
    fn same(&self) -> Result<Vec<FieldRef>, TableError> {
        let Some((first, rest)) = self.parts.split_first() else { return Ok(Vec::new()) };
        let schema = first.schema();
        for part in rest {
            self.check_names(first, part)?;
            let other = part.schema();
            for field in schema.fields() {
                let Ok(found) = other.field_with_name(field.name()) else { continue };
                if found.data_type() != field.data_type() {
                    let name = field.name();
                    let remedy = match self.format.format.takes_types() {
                        true => format!(": set `type.{name}=`"),
                        false => String::new(),
                    };
                    return Err(self.unreadable(format!(
                        "its files have different columns: `{name}` is {} in `{}`, but {} in `{}`{remedy}",
                        field.data_type(),
                        first.path().display(),
                        found.data_type(),
                        part.path().display()
                    )));
                }
            }
        }
        Ok(schema.fields().iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect())
    }

    /// The columns of texts, each of the narrowest type that holds the values of all files. A file that has other types
    /// when read alone is opened again.
    fn widen(&mut self, options: &ReadOptions, temporary_folder: &Path) -> Result<Vec<FieldRef>, TableError> {
        let first = &self.parts[0];
        for part in &self.parts[1..] {
            self.check_names(first, part)?;
        }
        let schema = first.schema();
        let mut wanted = BTreeMap::new();
        for field in schema.fields() {
            let found = self.parts.iter().filter_map(|part| Some((part.path(), typed(part, field.name())?)));
            let found: Vec<_> = found.collect();
            let Some((_, kind)) = found.first() else { continue };
            let common = common(found.iter().map(|(_, kind)| kind));
            let differs =
                found.iter().find(|(_, other)| other != kind && (*other == common || common != DataType::Utf8));
            if let (DataType::Utf8, Some((path, other))) =
                (&common, differs.or(found.iter().find(|(_, other)| other != kind)))
            {
                self.notes.push(format!(
                    "column `{}` is text because it is {} in `{}`, but {} in `{}`: set `type.{}=`",
                    field.name(),
                    noun(kind),
                    found[0].0.display(),
                    noun(other),
                    path.display(),
                    field.name()
                ));
            }
            wanted.insert(field.name().clone(), common);
        }
        let mut index = 0;
        while index < self.parts.len() {
            let part = &self.parts[index];
            let other = part.schema();
            let differs = |(name, kind): &(&String, &DataType)| {
                other.field_with_name(name).is_ok_and(|field| field.data_type() != *kind)
            };
            let types: Vec<_> =
                wanted.iter().filter(differs).map(|(name, kind)| (name.clone(), option_of(kind))).collect();
            index += 1;
            if types.is_empty() {
                continue;
            }
            let mut again = options.clone();
            again.types.extend(types.iter().cloned());
            again.rows = options.rows.and(part.rows());
            match TableFile::open(part.path(), part.format(), &again, temporary_folder) {
                Ok(opened) => self.parts[index - 1] = Arc::new(opened.closed()?),
                // For example, a value has more digits than a double holds: these columns are text in all files.
                Err(error) if types.iter().any(|(_, kind)| *kind != ColumnType::Text) => {
                    self.notes.push(format!("columns whose types differ between files are read as text: {error}"));
                    for (name, _) in types {
                        wanted.insert(name, DataType::Utf8);
                    }
                    index = 0;
                }
                Err(error) => return Err(error),
            }
        }
        let fields = schema.fields().iter().map(|field| {
            let kind = wanted.get(field.name()).unwrap_or(field.data_type());
            Arc::new(Field::new(field.name(), kind.clone(), true))
        });
        Ok(fields.collect())
    }

    /// Checks that two files have columns of the same names.
    fn check_names(&self, first: &TableFile, other: &TableFile) -> Result<(), TableError> {
        let (own, others) = (first.schema(), other.schema());
        let lacking = |schema: &Schema, of: &Schema| {
            of.fields()
                .iter()
                .find(|field| schema.field_with_name(field.name()).is_err())
                .map(|field| field.name().clone())
        };
        let (with, without, name) = match (lacking(&others, &own), lacking(&own, &others)) {
            (Some(name), _) => (first, other, name),
            (None, Some(name)) => (other, first, name),
            (None, None) => return Ok(()),
        };
        Err(self.unreadable(format!(
            "its files have different columns: `{name}` is in `{}`, but not in `{}`",
            with.path().display(),
            without.path().display()
        )))
    }

    /// The columns from folder names, read like cells of text.
    fn read_keys(&self, files: &[Found], options: &ReadOptions) -> Result<Option<RecordBatch>, TableError> {
        let names: Vec<&str> = files[0].keys.iter().map(|(name, _)| name.as_str()).collect();
        let is_other = |file: &&Found| !file.keys.iter().map(|(name, _)| name.as_str()).eq(names.iter().copied());
        if let Some(other) = files.iter().find(is_other) {
            return Err(self.unreadable(format!(
                "the folder names of its files have different keys: `{}` and `{}`",
                files[0].path.display(),
                other.path.display()
            )));
        }
        if names.is_empty() {
            return Ok(None);
        }
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut text = names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(",");
        for file in files {
            let cells = file.keys.iter().map(|(_, value)| value.as_deref().map(quoted).unwrap_or_default());
            text.push('\n');
            text.push_str(&cells.collect::<Vec<_>>().join(","));
        }
        text.push('\n');
        let detected = Detected { dialect: Dialect::default(), notes: Vec::new() };
        let layout = csv::scan(&self.path, detected, options, text.as_bytes())?;
        let batches = csv::stored(&self.path, &layout, Cursor::new(text.into_bytes()))?;
        let batches = batches.collect::<Result<Vec<_>, _>>()?;
        let whole = arrow_select::concat::concat_batches(&layout.schema, &batches);
        whole.map(Some).map_err(|source| TableError::Arrow { path: self.path.clone(), source })
    }

    /// A name that both a column and a key have.
    fn doubled(&self) -> Option<&str> {
        let keys = self.keys.as_ref()?.schema_ref();
        self.own.iter().map(|field| field.name().as_str()).find(|name| keys.field_with_name(name).is_ok())
    }

    fn unreadable(&self, reason: String) -> TableError {
        TableError::Unreadable { path: self.path.clone(), reason }
    }
}

/// The format of each file, which is the same for all, with any compression.
fn formats(path: &Path, files: &[Found], given: Option<FileFormat>) -> Result<Vec<FileFormat>, TableError> {
    let unreadable = |reason: String| TableError::Unreadable { path: path.to_owned(), reason };
    let mut formats: Vec<FileFormat> = Vec::with_capacity(files.len());
    for file in files {
        let format = match given {
            Some(format) => format,
            None => FileFormat::from_path(&file.path).map_err(|_| {
                unreadable(format!(
                    "`{}` in it has no table's suffix: select the tables with a pattern such as `{}`, or set `format=` \
                     for all files",
                    file.path.display(),
                    path.join("*.csv").display()
                ))
            })?,
        };
        if let Some(first) = formats.first().filter(|first| first.format != format.format) {
            return Err(unreadable(format!(
                "its files are of different formats: `{}` is {}, and `{}` is {}",
                files[0].path.display(),
                first.format,
                file.path.display(),
                format.format
            )));
        }
        if format.format == Format::Xlsx {
            return Err(unreadable("one table cannot be read from several workbooks: name one of them".into()));
        }
        formats.push(format);
    }
    Ok(formats)
}

/// The options for columns in the files, and those for keys in folder names.
fn split(options: &ReadOptions, files: &[Found]) -> (ReadOptions, ReadOptions) {
    let is_key = |name: &String| files[0].keys.iter().any(|(key, _)| key == name);
    let (mut own, mut keys) = (options.clone(), ReadOptions::default());
    own.format = None;
    own.types.retain(|name, _| !is_key(name));
    own.columns.retain(|name| !is_key(name));
    keys.columns = options.columns.iter().filter(|name| is_key(name)).cloned().collect();
    keys.types = options.types.clone();
    keys.types.retain(|name, _| is_key(name) || name == "*");
    (own, keys)
}
