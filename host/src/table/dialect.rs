//! How a text's records and cells are told apart: what the user says of it, and for the rest what the first rows agree
//! about. Nothing is guessed where the rows can be read in two ways: that is an error which names the option that says.

use super::cell::Kind;
use super::cells::Record;
use super::error::TableError;
use super::format::Format;
use super::header::{Row, has_header, has_names, kind_of};
use super::option_values::{Delimiter, Mark, Ragged};
use super::options::ReadOptions;
use super::records::{RecordError, Records};
use std::path::Path;

/// How a text's records and cells are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: Delimiter,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    /// What a line begins with that is no record.
    pub(crate) comment: Option<String>,
    /// Lines above the table.
    pub(crate) skip: u64,
    /// Rows below the table.
    pub(crate) footer: u64,
    /// Whether the first record has the names of the columns.
    pub(crate) header: bool,
    /// Whether blanks before a cell are none of it.
    pub(crate) blanks: bool,
    /// Whether every row ends with a delimiter that the header does not end with.
    pub(crate) trailing: bool,
    pub(crate) ragged: Ragged,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            delimiter: Delimiter::Byte(b','),
            quote: Some(b'"'),
            escape: None,
            comment: None,
            skip: 0,
            footer: 0,
            header: true,
            blanks: false,
            trailing: false,
            ragged: Ragged::Error,
        }
    }
}

/// What was found, and what of it the user should know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Detected {
    pub(crate) dialect: Dialect,
    pub(crate) notes: Vec<String>,
}

/// Delimiters that are looked for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Rows that are looked at.
const ROWS_MAX: usize = 1000;

/// Finds a text's dialect by its first bytes. `all` says that there are no more.
///
/// # Errors
/// Where the rows can be read in two ways.
pub(crate) fn detect(
    path: &Path,
    format: Format,
    options: &ReadOptions,
    head: &[u8],
    all: bool,
) -> Result<Detected, TableError> {
    let mut base = Dialect { ragged: options.ragged.unwrap_or_default(), ..Dialect::default() };
    base.quote = options.quote.map_or(base.quote, |mark| mark.0);
    base.escape = options.escape.and_then(|mark| mark.0);
    base.comment.clone_from(&options.comment);
    base.skip = options.skip.unwrap_or(0);
    base.footer = options.footer.unwrap_or(0);
    base.header = options.header.unwrap_or(true);
    let mut notes = Vec::new();
    let mut delimiter = options.delimiter.clone();
    if format == Format::Tsv {
        delimiter = delimiter.or(Some(Delimiter::Byte(b'\t')));
    }
    if let (None, Some(byte)) = (options.skip, separator_line(head)) {
        base.skip = 1;
        delimiter = delimiter.or(Some(Delimiter::Byte(byte)));
    }
    let sample = Sample { head, all };
    let mut table = match delimiter {
        Some(delimiter) => sample.read(Dialect { delimiter, ..base }),
        None => sample.best(path, base)?,
    };
    if !table.is_whole() && options.escape.is_none() && memchr::memmem::find(head, b"\\\"").is_some() {
        let escaped = sample.read(Dialect { escape: Some(b'\\'), ..table.dialect.clone() });
        if escaped.is_whole() {
            notes.push("a backslash before a quote makes it one of the text: `escape=none` if not".into());
            table = escaped;
        }
    }
    if !table.is_whole() && options.quote.is_none() && head.contains(&b'\'') {
        let quoted = sample.read(Dialect { quote: Some(b'\''), ..table.dialect.clone() });
        if quoted.is_whole() && quoted.width > 1 {
            notes.push("cells are in quotes of the kind ': `quote='`".into());
            table = quoted;
        }
    }
    if options.skip.is_none() && table.dialect.skip == 0 {
        let skip = preamble(&table);
        if skip > 0 {
            let lines = if skip == 1 {
                "the line above the table is".into()
            } else {
                format!("the {skip} lines above the table are")
            };
            notes.push(format!("{lines} not of it: `skip={skip}`"));
            table = sample.read(Dialect { skip, ..table.dialect });
        }
    }
    let quote = table.dialect.quote.map(char::from);
    let after_delimiter = || {
        table
            .rows
            .iter()
            .flat_map(|row| row.cells.iter().zip(&row.quoted).skip(1).map(|(cell, quoted)| (cell, *quoted)))
    };
    let begins_quoted = |(cell, quoted): (&String, bool)| {
        !quoted && cell.starts_with(' ') && quote.is_some_and(|quote| cell.trim_start().starts_with(quote))
    };
    let is_blank_first = |(cell, quoted): (&String, bool)| !quoted && cell.starts_with(' ');
    let all_blank = table.width > 1 && table.rows.len() > 1 && after_delimiter().all(is_blank_first);
    if table.dialect.delimiter != Delimiter::Blanks && (all_blank || after_delimiter().any(begins_quoted)) {
        notes.push("blanks after a delimiter are no part of the cells".into());
        table = sample.read(Dialect { blanks: true, ..table.dialect });
    }
    if let Some((first, rest)) = table.rows.split_first()
        && table.dialect.header
        && !rest.is_empty()
        && rest
            .iter()
            .all(|row| row.cells.len() == first.cells.len() + 1 && row.cells.last().is_some_and(String::is_empty))
    {
        notes.push("every row ends with a delimiter behind its last cell".into());
        table.dialect.trailing = true;
    }
    if options.header.is_none() && !table.dialect.trailing {
        table.dialect.header = has_header(path, &table.rows)?;
        if !table.dialect.header {
            notes.push(
                "its first row has values, not names, so columns are named by their places: `header=yes` if it does"
                    .into(),
            );
        }
    }
    Ok(Detected { dialect: table.dialect, notes })
}

/// The delimiter of a first line `sep=;`, as Excel writes it.
fn separator_line(head: &[u8]) -> Option<u8> {
    let line = head.split(|byte| matches!(byte, b'\n' | b'\r')).next()?;
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    match line.split_at_checked(4)? {
        (word, [byte]) if word.eq_ignore_ascii_case(b"sep=") => Some(*byte),
        _ => None,
    }
}

/// The first rows of a text.
struct Sample<'a> {
    head: &'a [u8],
    all: bool,
}

/// Rows as a dialect has them.
struct Table {
    dialect: Dialect,
    rows: Vec<Row>,
    /// The cells of most rows.
    width: usize,
    /// Rows with that many.
    agree: usize,
    broken: bool,
}

impl Table {
    /// Whether all rows agree.
    fn is_whole(&self) -> bool {
        !self.broken && self.agree == self.rows.len()
    }
}

impl Sample<'_> {
    fn read(&self, dialect: Dialect) -> Table {
        let mut records = Records::new(&dialect, self.head);
        let (mut rows, mut record, mut broken) = (Vec::new(), Record::default(), false);
        while rows.len() < ROWS_MAX {
            match records.next(&mut record) {
                Ok(true) => {
                    let cells = record.cells().map(|(cell, _)| String::from_utf8_lossy(cell).into_owned()).collect();
                    let quoted = record.cells().map(|(_, quoted)| quoted).collect();
                    rows.push(Row { line: record.line(), cells, quoted });
                }
                Ok(false) => break,
                // What the end of the sample cuts is not broken.
                Err(RecordError::Open { .. }) if !self.all => break,
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        if !self.all && rows.len() > 1 && rows.len() < ROWS_MAX && !broken {
            rows.pop();
        }
        let mut counts: Vec<(usize, usize)> = Vec::new();
        for row in &rows {
            match counts.iter_mut().find(|(width, _)| *width == row.cells.len()) {
                Some((_, count)) => *count += 1,
                None => counts.push((row.cells.len(), 1)),
            }
        }
        let (width, agree) = counts.into_iter().max_by_key(|(_, count)| *count).unwrap_or_default();
        Table { dialect, rows, width, agree, broken }
    }

    /// The delimiter that most rows agree about.
    fn best(&self, path: &Path, base: Dialect) -> Result<Table, TableError> {
        let mut tables: Vec<Table> = DELIMITERS
            .into_iter()
            .map(|byte| self.read(Dialect { delimiter: Delimiter::Byte(byte), ..base.clone() }))
            .filter(|table| table.width > 1 && table.agree * 2 > table.rows.len())
            .collect();
        // Text of one column may have anything in it, if its name has not.
        for table in &tables {
            self.check_above(path, table)?;
        }
        tables.retain(|table| begins(table) || table.dialect.delimiter == Delimiter::Byte(b',') || preamble(table) > 0);
        let share = |table: &Table| table.agree * 1000 / table.rows.len().max(1) * usize::from(!table.broken);
        // The first of the best: `max_by_key` would give the last.
        tables.sort_by_key(|table| std::cmp::Reverse(share(table)));
        let mut tables = tables.into_iter();
        let Some(best) = tables.next() else { return self.single(path, base) };
        let rival = tables.next().filter(|rival| share(rival) == share(&best) && best.is_whole());
        let best = match rival {
            Some(rival) => choose(path, best, rival)?,
            None => best,
        };
        if best.dialect.delimiter == Delimiter::Byte(b'|') {
            let doubled = self.read(Dialect { delimiter: Delimiter::Text("||".into()), ..best.dialect.clone() });
            let gaps = best.rows.iter().all(|row| row.cells.iter().skip(1).step_by(2).all(String::is_empty));
            if gaps && doubled.is_whole() && doubled.width * 2 == best.width + 1 && doubled.width > 1 {
                return Ok(doubled);
            }
        }
        Ok(best)
    }

    /// Whether what is above a table may be the beginning of a text of one column.
    fn check_above(&self, path: &Path, table: &Table) -> Result<(), TableError> {
        let above = table.rows.iter().take_while(|row| row.cells.len() == 1).count();
        let (Some(first), Some(last)) = (table.rows.get(above), above.checked_sub(1).map(|last| &table.rows[last]))
        else {
            return Ok(());
        };
        let is_apart = above > 1 || first.line > last.line + 1;
        if begins(table) || !is_apart || preamble(table) > 0 {
            return Ok(());
        }
        let delimiter = String::from(table.dialect.delimiter.clone());
        let reason = format!(
            "from here on rows have {} cells with `{delimiter}` between them, and the lines above have one: `skip={}` \
             leaves those out, `delimiter=` with another reads all as text in one column",
            table.width,
            first.line - 1
        );
        Err(TableError::Line { path: path.to_owned(), line: first.line, reason })
    }

    /// A text of one column, unless it has several that blanks separate.
    fn single(&self, path: &Path, base: Dialect) -> Result<Table, TableError> {
        let blanks = self.read(Dialect { delimiter: Delimiter::Blanks, ..base.clone() });
        let aligned = memchr::memmem::find(self.head, b"  ").is_some() || self.head.contains(&b'\t');
        if blanks.is_whole() && blanks.width > 1 && blanks.rows.len() > 1 && aligned {
            return Err(TableError::Line {
                path: path.to_owned(),
                line: blanks.rows[0].line,
                reason: format!(
                    "each row has {} words with blanks between them: `delimiter=blanks` reads them as columns, \
                     `delimiter=,` as text in one",
                    blanks.width
                ),
            });
        }
        Ok(self.read(base))
    }
}

/// Whether the first row is as long as the others, or has no name for R's names of rows.
fn begins(table: &Table) -> bool {
    let first = table.rows.first().map_or(0, |row| row.cells.len());
    first == table.width || first > 1 && first + 1 == table.width
}

/// One of two delimiters about which all rows agree.
fn choose(path: &Path, best: Table, rival: Table) -> Result<Table, TableError> {
    let pair = (&best.dialect.delimiter, &rival.dialect.delimiter);
    // A comma between digits, in a text of semicolons, is before decimals.
    if pair == (&Delimiter::Byte(b','), &Delimiter::Byte(b';'))
        && rival.rows.iter().skip(1).all(|row| row.cells.iter().all(|cell| commas_are_decimal(cell)))
    {
        return Ok(rival);
    }
    let typed = |table: &Table| {
        let cells = || table.rows.iter().skip(1).flat_map(|row| &row.cells);
        let typed = cells().filter(|cell| kind_of(std::iter::once(*cell)) != Kind::Text).count();
        typed * 1000 / cells().count().max(1)
    };
    match (typed(&best), typed(&rival)) {
        (one, other) if one > other => Ok(best),
        (one, other) if one < other => Ok(rival),
        _ => {
            let name = |table: &Table| String::from(table.dialect.delimiter.clone());
            let reason = format!(
                "its rows have {} cells with `{}` between them, or {} with `{}`: `delimiter=` says which",
                best.width,
                name(&best),
                rival.width,
                name(&rival)
            );
            Err(TableError::Line { path: path.to_owned(), line: best.rows.first().map_or(1, |row| row.line), reason })
        }
    }
}

fn commas_are_decimal(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).all(|at| bytes[at] != b',' || at > 0 && digit(at - 1) && digit(at + 1))
}

/// Lines above the table: titles, which have few cells, and comments.
fn preamble(table: &Table) -> u64 {
    let comments =
        table.rows.iter().take_while(|row| row.cells.first().is_some_and(|cell| cell.starts_with('#'))).count();
    if comments > 0 && table.dialect.comment.is_none() {
        let Some(next) = table.rows.get(comments) else { return 0 };
        let last = &table.rows[comments - 1];
        // The names may be the last of them: `#CHROM`.
        let has_names = last.cells.len() == next.cells.len() && next.cells.len() > 1;
        let first = if has_names { last } else { next };
        return if first.cells.len() == table.width { first.line - 1 } else { 0 };
    }
    let few = (table.width / 2).max(1);
    let above = table.rows.iter().take_while(|row| row.cells.len() <= few).count();
    let (Some(last), Some(first)) = (above.checked_sub(1).and_then(|last| table.rows.get(last)), table.rows.get(above))
    else {
        return 0;
    };
    let is_table = table.width > 1 && first.cells.len() == table.width;
    // It may be the name of the one column that there is.
    if is_table && last.line < first.line && has_names(&table.rows[above..]) { first.line - 1 } else { 0 }
}

/// A dialect in words.
pub(crate) fn describe(dialect: &Dialect) -> Vec<(&'static str, String)> {
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
    all.push(("header", if dialect.header { "yes" } else { "no" }.into()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<Detected, String> {
        let options = ReadOptions::default();
        detect(Path::new("x.csv"), Format::Csv, &options, text.as_bytes(), true).map_err(|error| error.to_string())
    }

    fn delimiter(text: &str) -> String {
        found(text).map_or_else(|error| error, |found| found.dialect.delimiter.into())
    }

    #[test]
    fn rows_say_what_separates_cells() {
        assert_eq!(delimiter("a,b\n1,2\n"), ",");
        assert_eq!(delimiter("a;b\n1;2\n"), ";");
        assert_eq!(delimiter("a|b\n1|2\n"), "|");
        assert_eq!(delimiter("a\tb\n1\t2\n"), "tab");
        assert_eq!(delimiter("a||b\n1||2\n"), "||");
        assert_eq!(delimiter("a;price, net\nx;1\ny;2\n"), ";");
        assert_eq!(delimiter("name;price,net\nx;1,5\ny;2,5\n"), ";");
        assert_eq!(delimiter("id,tags\n1,a;b\n2,c\n"), ",");
        assert_eq!(delimiter("sep=;\na;b\n1;2\n"), ";");
        assert_eq!(delimiter("a\n1\n2\n"), ",");
        assert_eq!(delimiter("path\na\nb|c\n"), ",");
        assert!(delimiter("a   b\n1   2\n").contains("delimiter=blanks"));
        assert!(delimiter("a;b,c\nx;y,z\n").contains("`delimiter=` says which"));
    }

    #[test]
    fn what_is_above_the_table_is_found() {
        let skip = |text: &str| found(text).unwrap().dialect.skip;
        assert_eq!(skip("Sales of 2024\n\nid,name,price\n1,a,2\n2,b,3\n"), 2);
        assert_eq!(skip("# a comment, of two\n# lines\nid,name\n1,a\n2,b\n"), 2);
        assert_eq!(skip("##fileformat\n#id,name\n1,a\n2,b\n"), 1);
        assert_eq!(skip("#id,name\n1,a\n2,b\n"), 0);
        assert_eq!(skip("id,name\n1,a\n2,b\n"), 0);
    }

    #[test]
    fn a_first_row_of_values_is_no_header() {
        let header = |text: &str| found(text).map(|found| found.dialect.header);
        assert_eq!(header("1,a\n2,b\n3,c\n"), Ok(false));
        assert_eq!(header("id,name\n2,b\n3,c\n"), Ok(true));
        assert_eq!(header("a,b\nc,d\n"), Ok(true));
        assert_eq!(header("2024-01-01,x\n2024-01-02,y\n"), Ok(false));
        assert_eq!(header("2019,2020,2021\n1,2,3\n"), Ok(true));
        assert_eq!(header("a,2019\nb,2020\n"), Ok(false));
        assert!(header("1,2,3\n4,5,6\n").unwrap_err().contains("header=yes"));
        assert_eq!(header("country,2019\nx,1\n"), Ok(true));
    }

    #[test]
    fn quotes_escapes_blanks_and_ends_are_found() {
        let found = |text: &str| found(text).unwrap().dialect;
        assert_eq!(found("a,b\n'1,5',2\n'x',3\n").quote, Some(b'\''));
        assert_eq!(found("a,b\n\"x \\\"y\\\", z\",2\n").escape, Some(b'\\'));
        assert!(found("a, b\n1, 2\n").blanks && !found("a, b\n1,2\n").blanks);
        assert!(found("a, b\nx, \"y, z\"\n").blanks);
        assert!(found("a,b\n1,2,\n3,4,\n").trailing);
        assert!(!found("a,b,\n1,2,\n3,4,\n").trailing);
    }
}
