//! The differences between a table and the expected one, and how they are shown.

use longshore_model::human::aligned;
use longshore_model::shown::Shown;
use serde::Serialize;

/// Maximum number of rows shown.
pub(super) const ROWS_MAX: usize = 20;

/// Maximum number of columns shown: with cells of full width, slightly wider than a wide terminal.
const COLUMNS_MAX: usize = 8;

/// Maximum width of a cell.
const CELL_MAX: usize = 24;

/// The marks around a cell that differs.
const MARKS: [char; 2] = ['»', '«'];

/// The difference between a table and the expected one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableDifference {
    /// Expected columns that are absent.
    pub missing_columns: Vec<String>,
    /// Columns that are present but not expected.
    pub new_columns: Vec<String>,
    /// Columns of another type, if both formats have types.
    pub types: Vec<TypeDifference>,
    /// The actual columns, if the expected ones are in a different order.
    pub column_order: Option<Vec<String>>,
    /// The columns that both tables have, which are those of `rows`.
    pub columns: Vec<String>,
    /// The expected number of rows.
    pub expected_rows: usize,
    /// The actual number of rows.
    pub actual_rows: usize,
    /// The number of rows that differ.
    pub differing_rows: usize,
    /// The first of these, at most twenty.
    pub rows: Vec<RowDifference>,
}

/// A column of another type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeDifference {
    /// The column.
    pub column: String,
    /// Such as `integer`.
    pub expected: String,
    /// Such as `decimal`.
    pub actual: String,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// The expected row; `None` if the actual row is not expected.
    pub expected: Option<NumberedRow>,
    /// The actual row; `None` if it is missing.
    pub actual: Option<NumberedRow>,
    /// Which of `columns` differ, by position.
    pub differing: Vec<usize>,
}

/// A row and its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NumberedRow {
    /// Its number, from 1, the header not counted.
    pub number: usize,
    /// Its cells as text; `None` if there is no value.
    pub cells: Vec<Option<String>>,
}

impl TableDifference {
    /// Whether the tables are equal.
    pub(super) fn is_nothing(&self) -> bool {
        let columns = self.missing_columns.is_empty() && self.new_columns.is_empty() && self.column_order.is_none();
        columns && self.types.is_empty() && self.differing_rows == 0 && self.expected_rows == self.actual_rows
    }

    /// The difference as lines of text.
    #[must_use]
    pub fn describe(&self) -> Shown {
        let mut text = Shown::default();
        for column in &self.missing_columns {
            text.push(format!("column `{column}` is missing"));
        }
        for column in &self.new_columns {
            text.push(format!("column `{column}` is new"));
        }
        for TypeDifference { column, expected, actual } in &self.types {
            text.push(format!("column `{column}` is {actual}, expected {expected}"));
        }
        if let Some(order) = &self.column_order {
            text.push(format!("the columns are in a different order: {}", order.join(", ")));
        }
        if self.expected_rows != self.actual_rows {
            text.push(format!("it has {}, expected {}", rows(self.actual_rows), self.expected_rows));
        }
        if self.differing_rows > 0 {
            self.rows_table(&mut text);
        }
        text
    }

    fn rows_table(&self, text: &mut Shown) {
        let differ = if self.differing_rows == 1 { "differs" } else { "differ" };
        text.push(format!("{} {differ}:", rows(self.differing_rows)));
        let shown = self.shown_columns();
        let mut lines = vec![vec!["row".to_owned(), String::new()]];
        lines[0].extend(shown.iter().map(|column| cut(&self.columns[*column], 0)));
        for row in &self.rows {
            let from = |column: usize| row.first_difference(column);
            for (what, side) in [("expected", &row.expected), ("actual", &row.actual)] {
                let Some(side) = side else {
                    lines.push(vec!["–".into(), what.into(), "no such row".into()]);
                    continue;
                };
                let cell = |column: &usize| {
                    let cell =
                        side.cells[*column].as_deref().map_or_else(|| "–".into(), |cell| cut(cell, from(*column)));
                    let differs = row.differing.contains(column);
                    if differs { format!("{}{cell}{}", MARKS[0], MARKS[1]) } else { cell }
                };
                let mut cells = vec![side.number.to_string(), what.into()];
                cells.extend(shown.iter().map(cell));
                lines.push(cells);
            }
        }
        *text += aligned(&lines, &[0]).indented();
        let more = self.differing_rows - self.rows.len();
        if more > 0 {
            text.push(format!("… and {more} more"));
        }
        let hidden = self.columns.len() - shown.len();
        if hidden > 0 {
            text.push(format!("({hidden} more columns are not shown)"));
        }
    }

    /// The columns shown: those that differ, then the leftmost of the others, in their order.
    fn shown_columns(&self) -> Vec<usize> {
        let differs = |column: &usize| self.rows.iter().any(|row| row.differing.contains(column));
        let (mut shown, rest): (Vec<usize>, Vec<usize>) = (0..self.columns.len()).partition(differs);
        // One place is reserved for the first column, which usually identifies the row.
        shown.truncate(COLUMNS_MAX - 1);
        let left = COLUMNS_MAX - shown.len();
        shown.extend(rest.into_iter().take(left));
        shown.sort_unstable();
        shown
    }
}

impl RowDifference {
    /// The position from which two cells differ, in characters.
    fn first_difference(&self, column: usize) -> usize {
        let cell =
            |row: &Option<NumberedRow>| row.as_ref().and_then(|row| row.cells[column].clone()).unwrap_or_default();
        let (expected, actual) = (cell(&self.expected), cell(&self.actual));
        expected.chars().zip(actual.chars()).take_while(|(a, b)| a == b).count()
    }
}

/// The part of a cell that contains the position from which it differs.
fn cut(cell: &str, from: usize) -> String {
    const BEFORE: usize = 8;
    let characters: Vec<char> = cell.chars().collect();
    if characters.len() <= CELL_MAX {
        return characters.into_iter().collect();
    }
    let start = if from + BEFORE < CELL_MAX { 0 } else { (from - BEFORE).min(characters.len() - CELL_MAX) };
    let end = (start + CELL_MAX).min(characters.len());
    let mut shown: Vec<char> = characters[start..end].to_vec();
    if start > 0 {
        shown[0] = '…';
    }
    if end < characters.len() {
        shown[CELL_MAX - 1] = '…';
    }
    shown.into_iter().collect()
}

fn rows(count: usize) -> String {
    if count == 1 { "1 row".into() } else { format!("{count} rows") }
}

#[cfg(test)]
mod tests {
    use crate::{Comparison, Table, compare};

    fn described(expected: &str, actual: &str) -> String {
        let table = |csv: &str| Table::parse("table", csv, &std::env::temp_dir()).unwrap();
        compare(&table(expected), &table(actual), Comparison::default()).unwrap().describe().to_string()
    }

    #[test]
    fn a_difference_is_told_in_lines() {
        assert_eq!(
            described(
                "region,total,share\nnorth,12.5,0.5\nsouth,7,\nwest,1,0.1\n",
                "total,region,sum\n12.5,north,1\n8,south,1\n1,west,1\n2,east,1\n"
            ),
            "column `share` is missing\n\
             column `sum` is new\n\
             the columns are in a different order: total, region, sum\n\
             it has 4 rows, expected 3\n\
             2 rows differ:\n  \
               row            region       total\n    \
                 2  expected  south        »7«\n    \
                 2  actual    south        »8«\n    \
                 –  expected  no such row\n    \
                 4  actual    east         2\n"
        );
    }

    #[test]
    fn long_cells_and_many_rows_are_cut() {
        let long = format!("a\n{}old\n", "x".repeat(60));
        assert_eq!(
            described(&long, &long.replace("old", "new")),
            "1 row differs:\n  \
               row            a\n    \
                 1  expected  »…xxxxxxxxxxxxxxxxxxxxold«\n    \
                 1  actual    »…xxxxxxxxxxxxxxxxxxxxnew«\n"
        );
        let many = |from: usize| (from..from + 30).fold(String::from("a\n"), |text, row| format!("{text}{row}\n"));
        let text = described(&many(100), &many(200));
        assert!(text.starts_with("30 rows differ:\n") && text.ends_with("… and 10 more\n"), "{text}");
        assert_eq!(text.lines().count(), 1 + 1 + 40 + 1);
    }

    #[test]
    fn of_many_columns_those_that_differ_are_shown() {
        let columns: Vec<String> = (0..12).map(|column| format!("c{column}")).collect();
        let table = |last: &str| format!("{}\n{}{last}\n", columns.join(","), "1,".repeat(11));
        let text = described(&table("2"), &table("3"));
        assert!(text.contains("c0  c1  c2  c3  c4  c5  c6  c11\n"), "{text}");
        assert!(text.ends_with("(4 more columns are not shown)\n"), "{text}");
    }
}
