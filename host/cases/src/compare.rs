//! Compares two tables by meaning: names, order and types of columns, and values.

use super::align::{Common, Pair};
use super::cell::Cell;
use super::difference::{NumberedRow, ROWS_MAX, RowDifference, TableDifference, TypeDifference};
use super::table::{Column, Table};
use longshore_table::ColumnKind;

/// The rules for equality.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Comparison {
    /// How far a number may be off: as a part of the expected one where that is beyond 1, else as it stands. Without
    /// it, whole numbers must be the same, and decimal ones to nine digits.
    pub tolerance: Option<f64>,
    /// Whether rows may be in any order.
    pub ignore_row_order: bool,
}

/// Returns the differences between a table and the expected one, if any. Types count where both formats have them;
/// widths, units and encodings never do.
#[must_use]
pub fn compare(expected: &Table, actual: &Table, comparison: Comparison) -> Option<TableDifference> {
    let matched = match_columns(expected, actual);
    let new_columns = (0..actual.columns.len()).filter(|at| !matched.contains(&Some(*at)));
    let columns: Vec<(&Column, &Column)> = expected
        .columns
        .iter()
        .zip(&matched)
        .filter_map(|(column, at)| at.map(|at| (column, &actual.columns[at])))
        .collect();
    let typed = expected.typed && actual.typed;
    let common = Common { columns, tolerance: comparison.tolerance };
    // Tables without a column in common have no rows to compare.
    let pairs = if common.columns.is_empty() {
        Vec::new()
    } else if comparison.ignore_row_order {
        common.in_any_order(expected.rows, actual.rows)
    } else {
        common.in_order(expected.rows, actual.rows)
    };
    let difference = TableDifference {
        missing_columns: names(expected.columns.iter().zip(&matched).filter(|(_, at)| at.is_none()).map(|(c, _)| c)),
        new_columns: names(new_columns.map(|at| &actual.columns[at])),
        types: common.columns.iter().filter(|_| typed).filter_map(type_difference).collect(),
        column_order: column_order(&matched).then(|| names(actual.columns.iter())),
        columns: names(common.columns.iter().map(|(column, _)| *column)),
        expected_rows: expected.rows,
        actual_rows: actual.rows,
        differing_rows: pairs.len(),
        rows: pairs.iter().take(ROWS_MAX).map(|pair| show(&common, *pair)).collect(),
    };
    (!difference.is_nothing()).then_some(difference)
}

/// For each expected column the actual one of the same name, the first that is not taken.
fn match_columns(expected: &Table, actual: &Table) -> Vec<Option<usize>> {
    let mut taken = vec![false; actual.columns.len()];
    let find = |column: &Column| {
        let at = (0..taken.len()).find(|at| !taken[*at] && actual.columns[*at].name == column.name)?;
        taken[at] = true;
        Some(at)
    };
    expected.columns.iter().map(find).collect()
}

/// Whether the columns present are in a different order.
fn column_order(matched: &[Option<usize>]) -> bool {
    let found: Vec<usize> = matched.iter().flatten().copied().collect();
    !found.is_sorted()
}

fn type_difference((expected, actual): &(&Column, &Column)) -> Option<TypeDifference> {
    // A column without any value is of any type: its writer had nothing to go by.
    let unknown = expected.kind == ColumnKind::Nothing || actual.kind == ColumnKind::Nothing;
    (expected.kind != actual.kind && !unknown).then(|| TypeDifference {
        column: expected.name.clone(),
        expected: expected.kind.to_string(),
        actual: actual.kind.to_string(),
    })
}

fn names<'a>(columns: impl Iterator<Item = &'a Column>) -> Vec<String> {
    columns.map(|column| column.name.clone()).collect()
}

fn show(common: &Common<'_>, pair: Pair) -> RowDifference {
    let (expected, actual) = (common.columns.iter().map(|pair| pair.0), common.columns.iter().map(|pair| pair.1));
    RowDifference {
        expected: pair.expected.map(|at| numbered(expected, at)),
        actual: pair.actual.map(|at| numbered(actual, at)),
        differing: common.differing(pair),
    }
}

fn numbered<'a>(columns: impl Iterator<Item = &'a Column>, at: usize) -> NumberedRow {
    let shown = |cell: &Cell| (*cell != Cell::Missing).then(|| cell.to_string());
    NumberedRow { number: at + 1, cells: columns.map(|column| shown(&column.cells[at])).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(csv: &str) -> Table {
        Table::parse("table", csv, &std::env::temp_dir()).unwrap()
    }

    fn difference(expected: &str, actual: &str, comparison: Comparison) -> Option<TableDifference> {
        compare(&table(expected), &table(actual), comparison)
    }

    const ANY_ORDER: Comparison = Comparison { tolerance: None, ignore_row_order: true };

    #[test]
    fn tables_are_compared_by_meaning() {
        let same = |expected: &str, actual: &str| difference(expected, actual, Comparison::default()).is_none();
        assert!(same("a,b\n1,x\n", "a,b\n1.0,x\n"));
        assert!(same("t\n2024-01-31\n", "t\n2024-01-31T00:00:00\n"));
        assert!(same("t\n2024-01-31T12:00:00Z\n", "t\n2024-01-31 14:00:00+02:00\n"));
        assert!(same("a,b\n,1\n", "a,b\n\"\",1\n"));
        assert!(!same("t\n2024-01-31T12:00:00Z\n", "t\n2024-01-31T12:00:00\n"));
        assert!(!same("a,b\n,1\n", "a,b\nx,1\n"));
        assert!(!same("a\ntrue\n", "a\nfalse\n"));
        assert!(!same("a\n", "a\n1\n"));
        assert!(same("a\n", "a\n"));
    }

    #[test]
    fn columns_are_told_by_name() {
        let found = difference("a,b,c\n1,2,3\n", "c,a,d\n3,1,2\n", Comparison::default()).unwrap();
        assert_eq!(found.missing_columns, ["b"]);
        assert_eq!(found.new_columns, ["d"]);
        assert_eq!(found.column_order.as_deref(), Some(&["c", "a", "d"].map(String::from)[..]));
        assert_eq!(found.differing_rows, 0);
        assert_eq!(difference("a\n1\n", "b\n1\n", Comparison::default()).unwrap().rows, []);
    }

    #[test]
    fn one_row_too_many_is_one_difference() {
        let found = difference("a\n1\n2\n3\n4\n", "a\n1\n2\n9\n3\n4\n", Comparison::default()).unwrap();
        assert_eq!((found.differing_rows, found.rows[0].expected.is_none()), (1, true));
        assert_eq!(found.rows[0].actual.as_ref().unwrap().number, 3);
        let found = difference("a\n1\n2\n3\n4\n", "a\n1\n3\n4\n", Comparison::default()).unwrap();
        assert_eq!((found.differing_rows, found.rows[0].expected.as_ref().unwrap().number), (1, 2));
        // A row that occurs three times is not set aside twice.
        let found = difference("a\n1\n1\n1\n", "a\n1\n1\n", Comparison::default()).unwrap();
        assert_eq!(found.differing_rows, 1);
    }

    #[test]
    fn rows_in_any_order_are_matched_once_each() {
        assert_eq!(difference("a,b\nx,1\ny,2\nx,1\n", "a,b\nx,1\nx,1\ny,2.0000000001\n", ANY_ORDER), None);
        let found = difference("a,b\nx,1\ny,2\n", "a,b\ny,3\nx,1\nx,1\n", ANY_ORDER).unwrap();
        assert_eq!(found.differing_rows, 2);
        // What is alike but for a number is shown together.
        assert_eq!(found.rows[0].differing, [1]);
        assert_eq!((found.rows[0].actual.as_ref().unwrap().number, found.rows[1].expected.is_none()), (1, true));
    }

    #[test]
    fn a_tolerance_is_relative_beyond_one() {
        let loose = Comparison { tolerance: Some(0.01), ..Comparison::default() };
        assert_eq!(difference("a,b\n1000,0\n", "a,b\n1009,0.009\n", loose), None);
        assert!(difference("a\n1000\n", "a\n1011\n", loose).is_some());
    }
}
