//! What separates the cells of a text: told by the format, and by the header where the format leaves it open. Texts whose
//! cells are separated by something else are refused rather than read as one column.

use super::error::TableError;
use super::format::Format;
use std::path::Path;

/// Separators that are not looked for, but noticed.
const OTHERS: [(u8, &str); 2] = [(b'|', "`|`"), (b'\t', "tabs")];

/// Rows that must agree with the header about a separator before it is taken for one.
const ROWS_LOOKED_AT: usize = 20;

/// Commas, unless the header has none but semicolons, as spreadsheets of half of Europe write it; tabs in TSV.
///
/// # Errors
/// Where header and rows have one column, and some other separator equally often.
pub(super) fn delimiter(path: &Path, format: Format, head: &[u8]) -> Result<u8, TableError> {
    if format == Format::Tsv {
        return Ok(b'\t');
    }
    let mut lines = head.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty());
    let header = lines.next().unwrap_or_default();
    if header.contains(&b',') {
        return Ok(b',');
    }
    if header.contains(&b';') {
        return Ok(b';');
    }
    let count = |line: &[u8], separator: u8| line.iter().filter(|byte| **byte == separator).count();
    let rows: Vec<&[u8]> = lines.take(ROWS_LOOKED_AT).collect();
    for (separator, name) in OTHERS {
        let expected = count(header, separator);
        if expected > 0 && !rows.is_empty() && rows.iter().all(|row| count(row, separator) == expected) {
            let reason = format!(
                "its header and its rows have {name} where commas should be, {expected} in each: write it with commas, or \
                 with tabs and the suffix .tsv"
            );
            return Err(TableError::Line { path: path.to_owned(), line: 1, reason });
        }
    }
    Ok(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<char, String> {
        delimiter(Path::new("x.csv"), Format::Csv, text.as_bytes()).map(char::from).map_err(|error| error.to_string())
    }

    #[test]
    fn the_header_says_what_separates_cells() {
        assert_eq!(of("a,b\n1,2\n"), Ok(','));
        assert_eq!(of("a;b\n1;2\n"), Ok(';'));
        assert_eq!(of("a;b,c\n1;2\n"), Ok(','));
        assert_eq!(of("a|b\n"), Ok(','));
        assert_eq!(of("path|x\na\nb|c\n"), Ok(','));
        assert_eq!(delimiter(Path::new("x.tsv"), Format::Tsv, b"a,b\n").unwrap(), b'\t');
    }

    #[test]
    fn other_separators_are_refused() {
        assert!(of("a|b\n1|2\n3|4\n").unwrap_err().contains("`|` where commas should be"));
        assert!(of("a\tb\tc\r\n1\t2\t3\r\n").unwrap_err().contains("tabs where commas should be, 2 in each"));
    }
}
