//! Matches the rows of two tables: by position, or by content where the order is free.

use super::table::Column;
use std::collections::{HashMap, VecDeque};

/// Columns that two tables have in common, as pairs: the expected one and the actual one.
pub(super) struct Common<'a> {
    pub(super) columns: Vec<(&'a Column, &'a Column)>,
    pub(super) tolerance: Option<f64>,
}

/// A row of each table, from 0; at least one is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) expected: Option<usize>,
    pub(super) actual: Option<usize>,
}

impl Common<'_> {
    /// Positions of the columns in which two rows differ.
    pub(super) fn differing(&self, pair: Pair) -> Vec<usize> {
        let (Some(expected), Some(actual)) = (pair.expected, pair.actual) else { return Vec::new() };
        let differs = |(at, (wanted, found)): (usize, &(&Column, &Column))| {
            (!found.cells[actual].is(&wanted.cells[expected], self.tolerance)).then_some(at)
        };
        self.columns.iter().enumerate().filter_map(differs).collect()
    }

    fn same(&self, expected: usize, actual: usize) -> bool {
        self.columns.iter().all(|(wanted, found)| found.cells[actual].is(&wanted.cells[expected], self.tolerance))
    }

    /// The rows that differ, row by row. Where one table is longer, what is the same at both ends is set aside first,
    /// so that one row too many does not make every row after it a difference.
    pub(super) fn in_order(&self, expected: usize, actual: usize) -> Vec<Pair> {
        let shorter = expected.min(actual);
        let (mut head, mut tail) = (0, 0);
        if expected != actual {
            head = (0..shorter).take_while(|row| self.same(*row, *row)).count();
            tail = (0..shorter - head).take_while(|row| self.same(expected - 1 - row, actual - 1 - row)).count();
        }
        let row = |row: usize, rows: usize| (row < rows - tail).then_some(row);
        (head..expected.max(actual) - tail)
            .map(|at| Pair { expected: row(at, expected), actual: row(at, actual) })
            .filter(
                |pair| !matches!((pair.expected, pair.actual), (Some(wanted), Some(found)) if self.same(wanted, found)),
            )
            .collect()
    }

    /// The rows without an equal in the other table. Rows that differ only in their numbers are paired.
    pub(super) fn in_any_order(&self, expected: usize, actual: usize) -> Vec<Pair> {
        let exact: Vec<_> =
            self.columns.iter().filter(|(wanted, found)| !wanted.kind.is_number() && !found.kind.is_number()).collect();
        let expected_key = |row: usize| exact.iter().map(|(wanted, _)| wanted.cells[row].key()).collect::<Vec<_>>();
        let actual_key = |row: usize| exact.iter().map(|(_, found)| found.cells[row].key()).collect::<Vec<_>>();
        let mut left: HashMap<Vec<String>, VecDeque<usize>> = HashMap::new();
        for row in 0..actual {
            left.entry(actual_key(row)).or_default().push_back(row);
        }
        let mut lonely = Vec::new();
        for row in 0..expected {
            let rows = left.get_mut(&expected_key(row));
            // The first of them as a rule: tables mostly keep the order of what they were made from.
            let found = rows.and_then(|rows| {
                let at = rows.iter().position(|actual| self.same(row, *actual))?;
                rows.remove(at)
            });
            if found.is_none() {
                lonely.push(row);
            }
        }
        let mut pairs: Vec<Pair> = lonely
            .into_iter()
            .map(|row| {
                let near = left.get_mut(&expected_key(row)).and_then(VecDeque::pop_front);
                Pair { expected: Some(row), actual: near }
            })
            .collect();
        let mut rest: Vec<usize> = left.into_values().flatten().collect();
        rest.sort_unstable();
        pairs.extend(rest.into_iter().map(|row| Pair { expected: None, actual: Some(row) }));
        pairs
    }
}
