//! A sheet of an Excel workbook. Its cells are written once as text to an unnamed temporary file, and are then read
//! like CSV: with the same options, and the same rules for column types. Cells that the workbook stores as text stay
//! text.

use super::cell::Words;
use super::csv;
use super::detect::{Detected, detect};
use super::error::TableError;
use super::held::Held;
use super::rows::Rows;
use super::text_looks::names;
use super::workbook_cells::{Cells, Value, broken};
use super::workbook_parts::check_parts;
use calamine::{Reader, SheetType, SheetVisible, Xlsx};
use longshore_model::table::{ColumnType, Delimiter, Format, HeaderLines, Mark, ReadOptions};
use longshore_os::temporary::TemporaryFile;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

/// Bytes of the text from which its header is detected.
const HEAD_BYTES: u64 = 256 << 10;

/// Rows examined for titles above the table.
const ROWS_LOOKED: usize = 100;

/// Maximum number of cells of a sheet: one stray cell far away makes a table of a thousand million cells.
const CELLS_MAX: u64 = 500_000_000;

/// Characters of a text that a note shows.
const TEXT_SHOWN: usize = 40;

/// A sheet's rows, as text.
#[derive(Debug)]
pub(super) struct Sheet {
    text: Held,
}

/// A column of a sheet with text in it.
#[derive(Debug, Default)]
struct Column {
    texts: u64,
    others: u64,
    /// The row of the first text, and the text.
    first: Option<(u32, String)>,
}

/// The place of a sheet's table.
#[derive(Debug, Default)]
struct Extent {
    first_row: u32,
    last_row: u32,
    first_column: u32,
    last_column: u32,
    above: u32,
}

impl Sheet {
    /// Reads a workbook's sheet, the only one if none is named.
    ///
    /// # Errors
    /// An error of the workbook or the sheet, with the row if it concerns one.
    pub(super) fn open(
        path: &Path,
        file: File,
        options: &ReadOptions,
        temporary_folder: &Path,
    ) -> Result<(Self, csv::Layout), TableError> {
        let _room = check_parts(path, &file)?;
        let mut workbook = Xlsx::new(BufReader::new(file)).map_err(|error| broken(path, &error))?;
        let name = sheet_name(path, &mut workbook, options.sheet.as_deref())?;
        let extent = extent(path, &mut workbook, &name, options)?;
        let text = TemporaryFile::new_in(temporary_folder)
            .map_err(|source| TableError::Read { path: path.to_owned(), source })?;
        let written = write(path, &mut workbook, &name, &extent, options, text)?;
        written.read(path, &name, &extent, options)
    }

    /// The text, from its start.
    pub(super) fn text(&self, path: &Path) -> Result<File, TableError> {
        self.text.reopen().map_err(|source| TableError::Read { path: path.to_owned(), source })
    }
}

/// Selects the sheet.
fn sheet_name(path: &Path, workbook: &mut Xlsx<BufReader<File>>, wanted: Option<&str>) -> Result<String, TableError> {
    let sheets = workbook.sheets_metadata().to_vec();
    let of_cells: Vec<_> = sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).collect();
    let shown = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let unreadable = |reason: String| TableError::Unreadable { path: path.to_owned(), reason };
    if let Some(wanted) = wanted {
        let by_name = of_cells.iter().find(|sheet| sheet.name == wanted);
        let by_number = || wanted.parse::<usize>().ok()?.checked_sub(1).and_then(|index| of_cells.get(index));
        return by_name.or_else(by_number).map(|sheet| sheet.name.clone()).ok_or_else(|| {
            let names: Vec<_> = of_cells.iter().map(|sheet| sheet.name.clone()).collect();
            let near = longshore_model::hint::did_you_mean(wanted, names.iter().map(String::as_str));
            unreadable(format!("it has no sheet `{wanted}`: its sheets are {}{near}", shown(&names)))
        });
    }
    let mut with_cells = Vec::new();
    for sheet in of_cells.iter().filter(|sheet| sheet.visible == SheetVisible::Visible) {
        if Cells::open(path, workbook, &sheet.name)?.next()?.is_some() {
            with_cells.push(sheet.name.clone());
        }
    }
    match with_cells.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(unreadable("all of its visible sheets are empty".into())),
        several => Err(unreadable(format!(
            "it has {} sheets: choose one with `sheet={}` or another of {}",
            several.len(),
            if several[0].contains(' ') { format!("'{}'", several[0]) } else { several[0].clone() },
            shown(several)
        ))),
    }
}

/// Finds the table, and the number of rows above it.
fn extent(
    path: &Path,
    workbook: &mut Xlsx<BufReader<File>>,
    name: &str,
    options: &ReadOptions,
) -> Result<Extent, TableError> {
    let mut cells = Cells::open(path, workbook, name)?;
    let skip = options.skip.map_or(0, |skip| u32::try_from(skip).unwrap_or(u32::MAX));
    // For each of the first rows: its number, its number of values, and the first and the last column with a value.
    let mut rows: Vec<(u32, u32, u32, u32)> = Vec::new();
    let mut extent = Extent { first_column: u32::MAX, ..Extent::default() };
    let mut rest = (u32::MAX, 0);
    let below = options.footer.map_or(0, |footer| usize::try_from(footer).unwrap_or(usize::MAX));
    let (mut last, mut seen_rows) = (VecDeque::new(), 0_usize);
    while let Some((row, column, _)) = cells.next()? {
        if row < skip {
            continue;
        }
        if last.back() != Some(&row) {
            // One row more than are below the table.
            if last.len() > below {
                last.pop_front();
            }
            last.push_back(row);
            seen_rows += 1;
        }
        let is_full = rows.len() == ROWS_LOOKED;
        match rows.last_mut() {
            Some(last) if last.0 == row => *last = (row, last.1 + 1, last.2.min(column), last.3.max(column)),
            _ if is_full => rest = (rest.0.min(column), rest.1.max(column)),
            _ => rows.push((row, 1, column, column)),
        }
    }
    let widest = rows.iter().map(|row| row.1).max().unwrap_or(0);
    let is_title = |row: &&(u32, u32, u32, u32)| options.skip.is_none() && widest > 2 && row.1 * 2 <= widest;
    let titles = rows.iter().take_while(is_title).count();
    let Some(first) = rows.get(titles) else {
        let reason = format!("the sheet `{name}` has no cell with a value below its first {skip} rows");
        return Err(TableError::Unreadable { path: path.to_owned(), reason });
    };
    extent.first_row = first.0;
    // If all rows are below the table, its header remains.
    extent.last_row = if seen_rows > below { last.front().copied().unwrap_or(first.0) } else { first.0 };
    extent.last_row = extent.last_row.max(first.0);
    extent.above = if titles > 0 { first.0 } else { 0 };
    for row in &rows[titles..] {
        extent.first_column = extent.first_column.min(row.2);
        extent.last_column = extent.last_column.max(row.3);
    }
    extent.first_column = extent.first_column.min(rest.0);
    extent.last_column = extent.last_column.max(rest.1);
    let width = u64::from(extent.last_column - extent.first_column + 1);
    let height = u64::from(extent.last_row - extent.first_row + 1);
    if width * height > CELLS_MAX {
        let reason = format!(
            "the cells of the sheet `{name}` span {height} rows and {width} columns: remove the cell that is far from \
             the others"
        );
        return Err(TableError::Unreadable { path: path.to_owned(), reason });
    }
    Ok(extent)
}

/// A sheet that has been written as text.
struct Written {
    text: File,
    /// The row of the sheet for each line of the text.
    lines: Vec<u32>,
    columns: BTreeMap<u32, Column>,
    errors: u64,
    first_error: Option<(u32, String)>,
}

/// Writes the table's cells as text, with its rows padded to one length.
fn write(
    path: &Path,
    workbook: &mut Xlsx<BufReader<File>>,
    name: &str,
    extent: &Extent,
    options: &ReadOptions,
    text: TemporaryFile,
) -> Result<Written, TableError> {
    let failed = |source| TableError::Read { path: path.to_owned(), source };
    let mut to = BufWriter::with_capacity(1 << 20, text.try_clone().map_err(failed)?);
    let words = Words { missing: options.missing.clone(), ..Words::default() };
    let mut written =
        Written { text: text.into_file(), lines: Vec::new(), columns: BTreeMap::new(), errors: 0, first_error: None };
    let mut cells = Cells::open(path, workbook, name)?;
    let mut current: Option<(u32, u32)> = None;
    let mut ends = 1;
    let pad = |to: &mut BufWriter<TemporaryFile>, from: u32, until: u32| {
        (from..until).try_for_each(|_| to.write_all(b",")).map_err(failed)
    };
    while let Some((row, column, value)) = cells.next()? {
        if row < extent.first_row {
            continue;
        }
        if row > extent.last_row {
            break;
        }
        match current {
            Some((last, at)) if last == row && at < column => pad(&mut to, at, column)?,
            Some((last, at)) if last < row => {
                written.end(&mut to, last, at, ends, extent).map_err(failed)?;
                ends = 1;
                pad(&mut to, extent.first_column, column)?;
            }
            None => pad(&mut to, extent.first_column, column)?,
            Some(_) => {
                let reason = format!("the cells of row {} of the sheet `{name}` are not in order", row + 1);
                return Err(TableError::Damaged { path: path.to_owned(), reason });
            }
        }
        current = Some((row, column));
        let is_header = row == extent.first_row && options.header != Some(HeaderLines(0));
        match value {
            Value::Text(text) => {
                ends += line_ends(&text);
                write!(to, "\"{}\"", text.replace('"', "\"\"")).map_err(failed)?;
                if !is_header && !words.is_missing(&text) {
                    let found = written.columns.entry(column - extent.first_column).or_default();
                    found.texts += 1;
                    found.first.get_or_insert_with(|| (row, text.chars().take(TEXT_SHOWN).collect()));
                }
            }
            Value::Plain(text) => {
                to.write_all(text.as_bytes()).map_err(failed)?;
                if !is_header {
                    written.columns.entry(column - extent.first_column).or_default().others += 1;
                }
            }
            Value::Error(text) => {
                written.errors += 1;
                written.first_error.get_or_insert((row, text));
            }
        }
    }
    if let Some((row, at)) = current {
        written.end(&mut to, row, at, ends, extent).map_err(failed)?;
    }
    to.flush().map_err(failed)?;
    Ok(written)
}

/// The number of line ends in a cell, as counted in a text.
fn line_ends(text: &str) -> usize {
    let crlf = text.matches("\r\n").count();
    text.bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count() - crlf
}

impl Written {
    /// Ends a row whose last cell was in column `at`.
    fn end(
        &mut self,
        to: &mut BufWriter<TemporaryFile>,
        row: u32,
        at: u32,
        ends: usize,
        extent: &Extent,
    ) -> std::io::Result<()> {
        for _ in at..extent.last_column {
            to.write_all(b",")?;
        }
        to.write_all(b"\n")?;
        self.lines.extend(std::iter::repeat_n(row + 1, ends));
        Ok(())
    }

    /// Examines the text like CSV.
    fn read(
        self,
        path: &Path,
        name: &str,
        extent: &Extent,
        options: &ReadOptions,
    ) -> Result<(Sheet, csv::Layout), TableError> {
        let failed = |source| TableError::Read { path: path.to_owned(), source };
        let text = Held::Open(self.text);
        let mut as_csv = ReadOptions {
            delimiter: Some(Delimiter::Byte(b',')),
            quote: Some(Mark(Some(b'"'))),
            escape: Some(Mark(None)),
            skip: Some(0),
            footer: None,
            sheet: None,
            ..options.clone()
        };
        let mut head = Vec::new();
        text.reopen().map_err(failed)?.take(HEAD_BYTES).read_to_end(&mut head).map_err(failed)?;
        let all = (head.len() as u64) < HEAD_BYTES;
        let row_of = |error| match error {
            TableError::Line { path, line, reason } => {
                let at = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
                let line = self.lines.get(at).copied().map_or(line, u64::from);
                TableError::Line { path, line, reason }
            }
            error => error,
        };
        let Detected { mut dialect, mut notes } = detect(path, Format::Csv, &as_csv, &head, all).map_err(row_of)?;
        dialect.trailing = false;
        dialect.trim = false;
        let (_, first) = Rows::open(path, &dialect, head.as_slice()).map_err(row_of)?;
        let names = names(path, &dialect, &first).map_err(row_of)?;
        if extent.above > 0 {
            let rows = if extent.above == 1 { "row above the table is" } else { "rows above the table are" };
            notes.push(format!("{} {rows} not part of it: `skip={}`", extent.above, extent.above));
        }
        if let Some((row, cell)) = &self.first_error {
            let cells = if self.errors == 1 {
                "1 cell has an error".into()
            } else {
                format!("{} cells have errors", self.errors)
            };
            notes.push(format!(
                "{cells} instead of a value, such as {cell} in row {row}, and {} read as missing",
                if self.errors == 1 { "is" } else { "are" },
                row = row + 1
            ));
        }
        let looks_into_text = options.decimal.is_some() || options.thousands.is_some() || options.dates.is_some();
        for (place, column) in &self.columns {
            let Some(column_name) = names.get(*place as usize) else { continue };
            let is_said = options.types.contains_key(column_name) || options.types.contains_key("*");
            let (false, false, Some((row, example))) = (is_said, looks_into_text, &column.first) else { continue };
            as_csv.types.insert(column_name.clone(), ColumnType::Text);
            if column.others > column.texts {
                notes.push(format!(
                    "column `{column_name}` is text because of `{}` in row {}, where most others are numbers, dates or \
                     true and false: set `missing=` if it stands for a missing value",
                    example,
                    row + 1
                ));
            }
        }
        if !options.columns.is_empty() {
            as_csv.types.retain(|name, _| options.columns.contains(name) || options.types.contains_key(name));
        }
        let length = text.length().map_err(failed)?;
        let again = || text.reopen().map_err(failed);
        let detected = Detected { dialect, notes };
        let layout = csv::scan_ahead(path, detected, &as_csv, (head.as_slice(), length), again);
        let mut layout = layout.map_err(row_of)?;
        let found = &mut layout.findings.options;
        found.remove("delimiter");
        found.remove("quote");
        found.insert("sheet".into(), name.to_owned());
        let skip = options.skip.unwrap_or(u64::from(extent.above));
        let around = [("skip", skip), ("footer", options.footer.unwrap_or(0))];
        found.extend(
            around.into_iter().filter(|(_, rows)| *rows > 0).map(|(key, rows)| (key.to_owned(), rows.to_string())),
        );
        Ok((Sheet { text }, layout))
    }
}
