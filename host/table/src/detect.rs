//! Finds a text's dialect: the user's options, and for the rest what the first rows agree on. If the rows can be read
//! in two ways, nothing is guessed: an error names the option that decides.

use super::cell::Kind;
use super::dialect::Dialect;
use super::error::TableError;
use super::header::{are_numbered, has_header, has_one_more, is_second_line, kind_of, repetition};
use super::preamble::preamble;
use super::sample::{Sample, Table};
use super::surplus::surplus;
use longshore_model::table::{Delimiter, Format, ReadOptions};
use std::path::Path;

/// The dialect found, and notes about it for the user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Detected {
    pub(crate) dialect: Dialect,
    pub(crate) notes: Vec<String>,
}

/// Delimiters that are tried, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Finds a text's dialect by its first bytes. `all`: the text has no more bytes.
///
/// # Errors
/// If the rows can be read in two ways.
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
    base.header = options.header.map_or(base.header, |lines| lines.0);
    base.trim = options.trim.unwrap_or(base.trim);
    base.stray = options.stray.unwrap_or_default();
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
    let is_told = delimiter.is_some();
    let mut table = match delimiter {
        Some(delimiter) => read(&sample, Dialect { delimiter, ..base }, options),
        None => best(&sample, path, &base, options)?,
    };
    if !is_told && table.dialect.delimiter == Delimiter::Blanks {
        notes.push("cells are separated by blanks, and cells with blanks are quoted: `delimiter=blanks`".into());
    }
    if !table.is_whole() && options.escape.is_none() && sample.has(b"\\\"") {
        let escaped = sample.read(Dialect { escape: Some(b'\\'), ..table.dialect.clone() });
        if escaped.is_whole() {
            notes.push("a backslash before a quote makes it part of the text: `escape=none` if not".into());
            table = escaped;
        }
    }
    if !table.is_whole() && options.quote.is_none() && head.contains(&b'\'') {
        let quoted = sample.read(Dialect { quote: Some(b'\''), ..table.dialect.clone() });
        if quoted.is_whole() && quoted.width > 1 {
            notes.push("cells are in single quotes: `quote='`".into());
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
            notes.push(format!("{lines} not part of it: `skip={skip}`"));
            table = sample.read(Dialect { skip, ..table.dialect });
        }
    }
    if options.trim.is_none() {
        if has_blanks(&table) {
            table = sample.read(Dialect { trim: true, ..table.dialect });
        }
        if table.dialect.trim {
            notes.push("blanks after a delimiter are not part of the cells: `trim=no` if they are".into());
        }
    }
    table.dialect.trailing = options.trailing.unwrap_or_else(|| {
        let is_trailing = has_trailing(&table);
        if is_trailing {
            notes.push("every row ends with a delimiter after its last cell: `trailing=yes`".into());
        }
        is_trailing
    });
    table.dialect.row_names = match options.row_names {
        Some(has) => has,
        None if table.dialect.header == 0 || table.dialect.trailing || options.ragged.is_some() => false,
        None if !has_one_more(&table.rows) => false,
        None if are_numbered(&table.rows) => {
            notes.push("each row begins with its number, in a column without a name: `row_names=yes`".into());
            true
        }
        None => return Err(one_more(path, &table)),
    };
    if options.header.is_none() && !table.dialect.trailing && !table.dialect.row_names {
        let header = has_header(path, &table.rows)?;
        table.dialect.header = u64::from(header);
        if !header {
            notes.push(
                "its first row has values, not names, so columns are named by position: `header=yes` if it has names"
                    .into(),
            );
        } else if is_second_line(&table.rows) && repeated(&table).is_none() {
            let line = table.rows[1].line;
            notes.push(format!("line {line} has words over columns of values: `header=2` joins them to the names"));
        }
    }
    notes.extend(repeated(&table));
    if options.ragged.is_none() && !table.dialect.trailing && !table.dialect.row_names {
        let (found, note) = surplus(&table);
        table.dialect.surplus = found;
        notes.extend(note);
    }
    Ok(Detected { dialect: table.dialect, notes })
}

/// The note about a row that repeats the column names.
fn repeated(table: &Table) -> Option<String> {
    let header = usize::try_from(table.dialect.header).ok().filter(|header| *header > 0)?;
    let row = repetition(&table.rows, header)?;
    let remedy = if row == header {
        format!("`header={}` joins it to the names", row + 1)
    } else {
        format!("`rows={}` reads only the rows above it", row - header)
    };
    Some(format!("line {} repeats the column names and is read as a row: {remedy}", table.rows[row].line))
}

fn one_more(path: &Path, table: &Table) -> TableError {
    let reason =
        "every row has one cell more than the header: `row_names=yes` if the header has no name for the first column, \
         `ragged=cut` leaves out the last cell of each row"
            .into();
    TableError::Line { path: path.to_owned(), line: table.rows.get(1).map_or(1, |row| row.line), reason }
}

/// Whether every row has blanks after its delimiters, or blanks before quotes.
fn has_blanks(table: &Table) -> bool {
    if table.dialect.trim || table.dialect.delimiter == Delimiter::Blanks {
        return false;
    }
    let quote = table.dialect.quote.map(char::from);
    let behind = || table.rows.iter().flat_map(|row| row.cells.iter().zip(&row.quoted).skip(1));
    let begins_quoted = |(cell, quoted): (&String, &bool)| {
        !quoted && cell.starts_with(' ') && quote.is_some_and(|quote| cell.trim_start().starts_with(quote))
    };
    let is_blank_first = |(cell, quoted): (&String, &bool)| !quoted && cell.starts_with(' ');
    table.width > 1 && table.rows.len() > 1 && behind().all(is_blank_first) || behind().any(begins_quoted)
}

/// Whether every row ends with a delimiter that the header does not end with.
fn has_trailing(table: &Table) -> bool {
    let Some((first, rest)) = table.rows.split_first() else { return false };
    let ends_empty =
        |cells: &[String]| cells.len() == first.cells.len() + 1 && cells.last().is_some_and(String::is_empty);
    table.dialect.header == 1 && !rest.is_empty() && rest.iter().all(|row| ends_empty(&row.cells))
}

/// The first rows in a dialect; blanks before cells are trimmed if quotes are valid only then: `1, "a, b"`.
fn read(sample: &Sample<'_>, dialect: Dialect, options: &ReadOptions) -> Table {
    let plain = sample.read(dialect);
    let needle = match (&plain.dialect.delimiter, plain.dialect.quote) {
        (Delimiter::Byte(byte), Some(quote)) => vec![*byte, b' ', quote],
        (Delimiter::Text(text), Some(quote)) => [text.as_bytes(), &[b' ', quote]].concat(),
        _ => return plain,
    };
    if options.trim.is_some() || plain.is_whole() || !sample.has(&needle) {
        return plain;
    }
    let trimmed = sample.read(Dialect { trim: true, ..plain.dialect.clone() });
    if trimmed.share() > plain.share() { trimmed } else { plain }
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

/// The delimiter that most rows agree on.
fn best(sample: &Sample<'_>, path: &Path, base: &Dialect, options: &ReadOptions) -> Result<Table, TableError> {
    let mut tables: Vec<Table> = DELIMITERS
        .into_iter()
        .map(|byte| read(sample, Dialect { delimiter: Delimiter::Byte(byte), ..base.clone() }, options))
        .filter(|table| table.width > 1 && table.agree * 2 > table.rows.len())
        .collect();
    // Text of one column may contain any delimiter, if its name does not.
    let is_plain = |table: &Table| table.is_whole() && begins(table);
    if !tables.iter().any(is_plain) {
        tables.iter().try_for_each(|table| check_above(path, table))?;
    }
    tables.retain(|table| begins(table) || table.dialect.delimiter == Delimiter::Byte(b',') || preamble(table) > 0);
    // The first of the best: `max_by_key` would give the last.
    tables.sort_by_key(|table| std::cmp::Reverse(table.share()));
    let mut tables = tables.into_iter();
    let Some(best) = tables.next() else { return single(sample, path, base) };
    let rival = tables.next().filter(|rival| rival.share() == best.share() && best.is_whole());
    let best = match rival {
        Some(rival) => choose(path, best, rival)?,
        None => best,
    };
    if best.dialect.delimiter == Delimiter::Byte(b'|') {
        let doubled = sample.read(Dialect { delimiter: Delimiter::Text("||".into()), ..best.dialect.clone() });
        let gaps = best.rows.iter().all(|row| row.cells.iter().skip(1).step_by(2).all(String::is_empty));
        if gaps && doubled.is_whole() && doubled.width * 2 == best.width + 1 && doubled.width > 1 {
            return Ok(doubled);
        }
    }
    Ok(best)
}

/// Rejects a table whose lines above it may be the beginning of a text of one column.
fn check_above(path: &Path, table: &Table) -> Result<(), TableError> {
    let above = table.rows.iter().take_while(|row| row.cells.len() == 1).count();
    let (Some(first), Some(last)) = (table.rows.get(above), above.checked_sub(1).map(|last| &table.rows[last])) else {
        return Ok(());
    };
    let is_apart = above > 1 || first.line > last.line + 1;
    if begins(table) || !is_apart || preamble(table) > 0 {
        return Ok(());
    }
    let delimiter = String::from(table.dialect.delimiter.clone());
    let reason = format!(
        "from here on rows have {} cells separated by `{delimiter}`, but the lines above have one: `skip={}` leaves \
         those lines out, another `delimiter=` reads all as text in one column",
        table.width,
        first.line - 1
    );
    Err(TableError::Line { path: path.to_owned(), line: first.line, reason })
}

/// A text of one column, unless blanks separate several.
fn single(sample: &Sample<'_>, path: &Path, base: &Dialect) -> Result<Table, TableError> {
    let blanks = sample.read(Dialect { delimiter: Delimiter::Blanks, ..base.clone() });
    let aligned = sample.has(b"  ") || sample.head.contains(&b'\t');
    if blanks.is_whole() && blanks.width > 1 && blanks.rows.len() > 1 && aligned {
        return Err(TableError::Line {
            path: path.to_owned(),
            line: blanks.rows[0].line,
            reason: format!(
                "each row has {} words separated by blanks: `delimiter=blanks` reads them as columns, `delimiter=,` as \
                 text in one column",
                blanks.width
            ),
        });
    }
    let plain = sample.read(base.clone());
    // R writes tables in this form by default.
    let fits = blanks.is_whole() || has_one_more(&blanks.rows);
    Ok(if plain.broken && !blanks.broken && fits && blanks.width > 1 { blanks } else { plain })
}

/// Whether the first row is as long as the others, or lacks only the name of R's row names.
fn begins(table: &Table) -> bool {
    let first = table.rows.first().map_or(0, |row| row.cells.len());
    first == table.width || first > 1 && first + 1 == table.width
}

/// One of two delimiters that all rows agree on.
fn choose(path: &Path, best: Table, rival: Table) -> Result<Table, TableError> {
    let pair = (&best.dialect.delimiter, &rival.dialect.delimiter);
    // A comma between digits, in a text of semicolons, is a decimal comma.
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
                "its rows have {} cells separated by `{}`, or {} separated by `{}`: choose one with `delimiter=`",
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
        assert!(delimiter("a;b,c\nx;y,z\n").contains("choose one with `delimiter=`"));
    }

    #[test]
    fn what_is_above_the_table_is_found() {
        let skip = |text: &str| found(text).unwrap().dialect.skip;
        assert_eq!(skip("Sales of 2024\n\nid,name,price\n1,a,2\n2,b,3\n"), 2);
        assert_eq!(skip("# a comment, of two\n# lines\nid,name\n1,a\n2,b\n"), 2);
        assert_eq!(skip("##fileformat\n#id,name\n1,a\n2,b\n"), 1);
        assert_eq!(skip("#id,name\n1,a\n2,b\n"), 0);
        assert_eq!(skip("\"#id\",name\n\"#1\",a\n2,b\n"), 0);
        assert_eq!(skip("id,name\n1,a\n2,b\n"), 0);
        assert_eq!(skip("Sales,,\n,,\nid,name,price\n1,a,2\n2,b,3\n"), 2);
        assert_eq!(skip("Sales,,\nid,name,price\n1,a,2\n2,b,3\n"), 1);
        // The header may have only one name.
        assert_eq!(skip("id,,\n,a,2\n2,b,3\n"), 0);
        assert_eq!(skip("id,,\nx,y,z\nu,v,w\n"), 0);
    }

    #[test]
    fn a_first_row_of_values_is_no_header() {
        let header = |text: &str| found(text).map(|found| found.dialect.header > 0);
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
        assert!(found("a, b\n1, 2\n").trim && !found("a, b\n1,2\n").trim);
        assert!(found("a, b\nx, \"y, z\"\n").trim);
        assert!(found("a,b\n1,2,\n3,4,\n").trailing);
        assert!(!found("a,b,\n1,2,\n3,4,\n").trailing);
    }

    #[test]
    fn one_empty_cell_too_much_is_found_where_the_rows_say_which() {
        let rows: String = (1..=20).map(|row| format!("{row},\"x, {row}\",y,\n")).collect();
        let surplus = |row: &str| {
            let found = found(&format!("id,name,note,more\n{rows}{row}\n")).unwrap();
            (found.dialect.surplus.into_iter().collect::<Vec<_>>(), found.notes.len())
        };
        assert_eq!(surplus("21,,x,y,"), (vec![(22, 1)], 1));
        assert_eq!(surplus("21,x,,y,"), (vec![(22, 2)], 1));
        assert_eq!(surplus("21,x,y,,"), (vec![(22, 4)], 1));
        // In these rows, whichever cell is removed, one column would have another kind of value than in all other rows.
        for row in ["21,,x,y,z", "x,,y,z,", "21,x,y,z,u", ",,x,y,", "21,,,x,"] {
            assert_eq!(surplus(row), (Vec::new(), 0), "{row}");
        }
        // Nothing shows that a delimiter separates cells.
        let bare = rows.replace(['"', ' '], "").replace("x,", "x");
        let found = found(&format!("id,name,note,more\n{bare}21,,x,y,\n")).unwrap();
        assert!(found.dialect.surplus.is_empty());
    }

    #[test]
    fn rows_of_one_cell_more_begin_with_their_numbers() {
        assert!(found("a,b\n\"1\",x,y\n\"2\",u,v\n").unwrap().dialect.row_names);
        // The names may contain a comma.
        assert!(found("id,name\n1,Roe, Jo\n2,Doe, Al\n").unwrap_err().contains("row_names=yes"));
        assert!(found("a,b\nm,x,y\nn,u,v\n").unwrap_err().contains("row_names=yes"));
        let blanks = found("\"a\" \"b\"\n\"1\" 5 \"x y\"\n\"2\" 6 \"z\"\n").unwrap().dialect;
        assert!(blanks.row_names && blanks.delimiter == Delimiter::Blanks);
    }

    #[test]
    fn more_names_and_more_tables_are_noted() {
        let notes = |text: &str| found(text).unwrap().notes.join(" ");
        assert!(notes("id,weight\n,kg\n1,2\n2,3\n").contains("`header=2` joins them"));
        assert!(notes("id,weight\nid,weight\n1,2\n").contains("`header=2` joins it"));
        assert!(notes("id,name\n1,x\n2,y\nid,name\n3,z\n").contains("`rows=2` reads only the rows above it"));
        assert_eq!(notes("id,name\n1,x\n2,y\n"), "");
    }
}
