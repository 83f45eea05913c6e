//! The columns of a text before their first cell and after their last: their names, the types that the user sets, and
//! the types that their cells determine.

use super::cell::{Kind, Unit, Words};
use super::cells::Record;
use super::column_names::unique;
use super::contract::{OTHERS, not_among};
use super::days::Dates;
use super::dialect::Dialect;
use super::error::TableError;
use super::findings::in_words;
use super::marks::Marks;
use super::seen::Seen;
use super::verdict::{Hints, Style, Verdict};
use longshore_model::table::{ColumnType, DateStyle, Mark, OrderName, ReadOptions, TimeFormat, is_of_days};
use std::path::Path;
use std::sync::Arc;

/// A column while its cells are examined.
#[derive(Clone)]
pub(super) struct Looked {
    pub(super) name: String,
    /// The position of its cell in a row.
    pub(super) place: usize,
    pub(super) hints: Hints,
    /// The type set by the user, if any.
    wanted: Option<ColumnType>,
    seen: Seen,
}

/// The columns to read, before their first cell.
pub(super) fn looked(
    path: &Path,
    dialect: &Dialect,
    options: &ReadOptions,
    first: &Record,
) -> Result<Vec<Looked>, TableError> {
    let names = names(path, dialect, first)?;
    let unknown =
        options.columns.iter().chain(options.types.keys()).find(|name| *name != OTHERS && !names.contains(name));
    if let Some(name) = unknown {
        return Err(no_column(path, first.line(), name, &names));
    }
    let column = |(place, name): (usize, String)| looked_as(options, &name, place);
    let is_read = |(_, name): &(usize, String)| options.columns.is_empty() || options.columns.contains(name);
    Ok(names.into_iter().enumerate().filter(is_read).map(column).collect())
}

/// A column with the user's options, before its first cell.
pub(super) fn looked_as(options: &ReadOptions, name: &str, place: usize) -> Looked {
    let default = |mark: Option<Mark>, default: Option<u8>| mark.map_or(default, |mark| mark.0);
    let marks = (options.decimal.is_some() || options.thousands.is_some()).then(|| {
        let decimal = default(options.decimal, Some(b'.')).unwrap_or(b'.');
        // If only one mark is set, the other one follows from it.
        let other = if decimal == b',' { Some(b'.') } else { None };
        let thousands = default(options.thousands, other);
        let decimal = if thousands == Some(decimal) && options.decimal.is_none() { b',' } else { decimal };
        Marks { decimal, thousands }
    });
    let dates = dates(options);
    let (missing, yes, no) = (options.missing.clone(), options.r#true.clone(), options.r#false.clone());
    let words = Arc::new(Words { missing, yes, no });
    let wanted = options.types.get(name).or_else(|| options.types.get(OTHERS)).cloned();
    let is_dates = matches!(wanted, Some(ColumnType::Date(_) | ColumnType::Time(_)));
    let mut hints = Hints { words, marks, dates, is_dates, look: true };
    match &wanted {
        Some(ColumnType::Date(Some(format)) | ColumnType::Time(Some(format))) => {
            hints.dates = Some(Dates::Format(format.clone()));
        }
        Some(ColumnType::Boolean) => {
            let words = Arc::make_mut(&mut hints.words);
            words.yes.extend(YES.map(str::to_owned));
            words.no.extend(NO.map(str::to_owned));
        }
        _ => {}
    }
    Looked { name: name.to_owned(), place, hints, wanted, seen: Seen::default() }
}

/// The formats of dates and times, if the user sets them.
fn dates(options: &ReadOptions) -> Option<Dates> {
    let dates = options.dates.clone().map(|style| match style {
        DateStyle::Order(OrderName(order)) => Dates::Ordered(order),
        DateStyle::Format(format) => Dates::Format(format),
    });
    let times = match (&dates, &options.times) {
        (_, Some(TimeFormat(format))) => Dates::Format(format.clone()),
        // A format of dates does not apply to times.
        (Some(Dates::Format(format)), None) if is_of_days(format) => Dates::Iso,
        (_, None) => return dates,
    };
    Some(Dates::Each { dates: Box::new(dates.unwrap_or_default()), times: Box::new(times) })
}

/// Words for true in a column whose type is set to boolean, besides `true`.
const YES: [&str; 10] = ["1", "yes", "Yes", "YES", "y", "Y", "t", "T", "on", "On"];

/// Words for false.
const NO: [&str; 10] = ["0", "no", "No", "NO", "n", "N", "f", "F", "off", "Off"];

fn no_column(path: &Path, line: u64, name: &str, names: &[String]) -> TableError {
    TableError::Line { path: path.to_owned(), line, reason: not_among(name, names.iter().map(String::as_str)) }
}

/// The names of the columns: those of the header, or their positions.
pub(super) fn names(path: &Path, dialect: &Dialect, first: &Record) -> Result<Vec<String>, TableError> {
    if dialect.header == 0 {
        return Ok((1..=first.len()).map(|place| format!("column_{place}")).collect());
    }
    let line = first.line();
    let name = |(index, (name, _)): (usize, (&[u8], bool))| {
        let name = cell(path, line, &format!("{}", index + 1), name)?;
        if name.contains('\0') {
            let reason = format!("the name of column {} has a NUL character in it: remove it", index + 1);
            return Err(TableError::Line { path: path.to_owned(), line, reason });
        }
        Ok(name.to_owned())
    };
    Ok(unique(first.cells().enumerate().map(name).collect::<Result<_, _>>()?))
}

impl Looked {
    /// Whether a cell fits the column.
    ///
    /// # Errors
    /// The reason, if it does not.
    pub(super) fn check(&self, path: &Path, line: u64, bytes: Option<(&[u8], bool)>) -> Result<(), TableError> {
        let Some((bytes, _)) = bytes else { return Ok(()) };
        let text = cell(path, line, &self.name, bytes)?;
        let Some(wanted) = self.wanted.as_ref().filter(|wanted| **wanted != ColumnType::Text) else { return Ok(()) };
        let mut alone = Seen::default();
        if alone.note_in(text, line, &self.hints) && !alone.last_is(wanted) {
            return Err(self.unfit(path, line, text, wanted));
        }
        Ok(())
    }

    /// Adds a cell; `None` if the row has no cell for the column.
    pub(super) fn note(&mut self, path: &Path, line: u64, bytes: Option<(&[u8], bool)>) -> Result<(), TableError> {
        let Some((bytes, _)) = bytes else { return Ok(()) };
        let text = cell(path, line, &self.name, bytes)?;
        match &self.wanted {
            Some(ColumnType::Text) => self.seen.note_text(),
            wanted => {
                let is_value = self.seen.note_in(text, line, &self.hints);
                if let Some(wanted) = wanted.as_ref().filter(|wanted| is_value && !self.seen.last_is(wanted)) {
                    return Err(self.unfit(path, line, text, wanted));
                }
            }
        }
        Ok(())
    }

    /// Whether no further cell can change its type.
    pub(super) fn is_settled(&self) -> bool {
        self.wanted == Some(ColumnType::Text) || self.seen.is_plainly_text()
    }

    /// Whether its type can depend on the order and number of its cells: they must then be seen one by one.
    pub(super) fn is_open(&self) -> bool {
        !self.is_settled() && !self.seen.is_of_one_group()
    }

    /// Whether the user sets words for true or false.
    pub(super) fn has_words(&self) -> bool {
        !self.hints.words.yes.is_empty() || !self.hints.words.no.is_empty()
    }

    /// Whether plain cells of a kind would add no information.
    pub(super) fn knows(&self, kind: Kind) -> bool {
        self.seen.knows(kind)
    }

    /// The state for workers that continue in parallel.
    pub(super) fn onward(&self) -> Self {
        if self.is_settled() { self.clone() } else { Self { seen: self.seen.onward(), ..self.clone() } }
    }

    /// Adds the observations of a worker that continued from this state.
    pub(super) fn join(&mut self, later: &Self) {
        self.seen.join(&later.seen);
    }

    fn unfit(&self, path: &Path, line: u64, text: &str, wanted: &ColumnType) -> TableError {
        let wanted = String::from(wanted.clone());
        let reason = format!(
            "column `{}` has `{text}`, expected `{wanted}`: `type.{}=text` reads it as text, `missing={text}` as a \
             missing value",
            self.name, self.name
        );
        TableError::Line { path: path.to_owned(), line, reason }
    }

    /// The column's type, given the type that the user sets.
    fn verdict(&self, path: &Path, others: &Style) -> Result<Verdict, TableError> {
        let mut verdict = self.seen.verdict(&self.hints, others);
        let Some(wanted) = &self.wanted else { return Ok(verdict) };
        let kind = match (wanted, verdict.kind) {
            (ColumnType::Text, _) => return Ok(Verdict { kind: Kind::Text, ..Verdict::default() }),
            (ColumnType::Boolean, Kind::Boolean | Kind::Nothing) => Kind::Boolean,
            (ColumnType::Integer, Kind::Integer | Kind::Nothing) => Kind::Integer,
            (ColumnType::Number, Kind::Decimal | Kind::Nothing) => Kind::Decimal,
            (ColumnType::Number, Kind::Integer) if self.seen.fits_doubles() => Kind::Decimal,
            (ColumnType::Date(_), Kind::Date | Kind::Nothing) => Kind::Date,
            (ColumnType::Time(_), Kind::Date | Kind::Nothing) => Kind::Naive(Unit::Micros),
            (ColumnType::Time(_), kind @ (Kind::Naive(_) | Kind::Zoned(_))) => kind,
            _ => {
                let wanted = String::from(wanted.clone());
                let why = verdict.reason.as_ref().map(|reason| format!(": {}", in_words(&self.name, reason)));
                let why = why.unwrap_or_default();
                let reason = format!("column `{}` has values that are not `{wanted}`{why}", self.name);
                return Err(TableError::Damaged { path: path.to_owned(), reason });
            }
        };
        verdict.kind = kind;
        Ok(verdict)
    }
}

/// The type of each column. The style of numbers and dates in some columns may decide that of others.
pub(super) fn verdicts(path: &Path, columns: &[Looked]) -> Result<Vec<Verdict>, TableError> {
    let alone: Vec<Verdict> =
        columns.iter().map(|column| column.seen.verdict(&column.hints, &Style::default())).collect();
    let mut marks: Vec<Marks> =
        alone.iter().map(|verdict| verdict.style.marks).filter(|marks| *marks != Marks::PLAIN).collect();
    let mut dates: Vec<Dates> =
        alone.into_iter().map(|verdict| verdict.style.dates).filter(|dates| *dates != Dates::Iso).collect();
    marks.dedup();
    dates.dedup();
    // If they disagree, they decide nothing.
    let one = |marks: Vec<Marks>| if let [one] = marks.as_slice() { *one } else { Marks::PLAIN };
    let dates = if dates.len() == 1 { dates.pop() } else { None };
    let others = Style { marks: one(marks), dates: dates.unwrap_or_default() };
    columns.iter().map(|column| column.verdict(path, &others)).collect()
}

pub(super) fn cell<'a>(path: &Path, line: u64, column: &str, bytes: &'a [u8]) -> Result<&'a str, TableError> {
    std::str::from_utf8(bytes).map_err(|error| TableError::Line {
        path: path.to_owned(),
        line,
        reason: format!(
            "column `{column}` is not UTF-8: byte 0x{:02x} at place {} of the cell: set `encoding=`, such as \
             windows-1252",
            bytes[error.valid_up_to()],
            error.valid_up_to() + 1
        ),
    })
}
