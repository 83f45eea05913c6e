//! Values for people: bytes, ages, counts, and rows in columns, for lists and reports. Sizes are in decimal units, as
//! for disks and budgets.

use crate::shown::{Shown, Word};
use std::time::Duration;

/// A number of bytes, such as `1.2 GB`.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "two or three digits are shown")]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1000.0, 0);
    // `1000 kB` is shown as 1 MB.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1000.0, unit + 1);
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// The age of something, such as `3 days ago`.
#[must_use]
pub fn ago(age: Duration) -> String {
    const UNITS: [(u64, &str); 6] = [
        (365 * 86_400, "year"),
        (30 * 86_400, "month"),
        (7 * 86_400, "week"),
        (86_400, "day"),
        (3600, "hour"),
        (60, "minute"),
    ];
    let seconds = age.as_secs();
    // Weeks start where a number of days is hard to read.
    let fits = |(length, name): &&(u64, &str)| seconds >= *length && (*name != "week" || seconds >= 2 * *length);
    match UNITS.iter().find(fits) {
        Some((length, name)) => format!("{} ago", count(seconds / length, name)),
        None => "just now".into(),
    }
}

/// A number of items, such as `1 image` and `2 images`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Aligns rows in columns; the first row has the headings, and columns in `numbers` are right-aligned. With no
/// rows below the headings, the result is empty.
#[must_use]
pub fn aligned<Row: AsRef<[String]>>(rows: &[Row], numbers: &[usize]) -> Shown {
    let mut shown = Shown::default();
    if rows.len() < 2 {
        return shown;
    }
    let rows: Vec<Vec<Word>> =
        rows.iter().map(|row| row.as_ref().iter().map(|cell| Word::of(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Word::width).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let blanks = std::iter::repeat_n(' ', width - cell.width());
            if numbers.contains(&column) {
                line.extend(blanks);
                line.push_str(cell.as_str());
            } else {
                line.push_str(cell.as_str());
                line.extend(blanks);
            }
            line.push_str("  ");
        }
        shown.push(line.trim_end());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_digits_or_three() {
        let rows = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_951, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (1_234_567_890, "1.2 GB"),
            (20_000_000_000, "20 GB"),
            (u64::MAX, "18447 PB"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn ages_are_in_the_largest_unit_that_says_something() {
        let rows = [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (3599, "59 minutes ago"),
            (2 * 3600, "2 hours ago"),
            (3 * 86_400, "3 days ago"),
            (13 * 86_400, "13 days ago"),
            (14 * 86_400, "2 weeks ago"),
            (45 * 86_400, "1 month ago"),
            (800 * 86_400, "2 years ago"),
        ];
        for (seconds, expected) in rows {
            assert_eq!(ago(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [["A", "ROWS", "B"], ["x", "5", ""], ["long", "1234567", "y"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows, &[1]).as_str(), "A        ROWS  B\nx           5\nlong  1234567  y\n");
        assert_eq!(aligned(&rows[..1], &[]), Shown::default());
        // As wide as a terminal shows them.
        let rows = [["日本", "a"], ["x\u{1b}[31m", "b\nc"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows, &[]).as_str(), "日本    a\nx�[31m  b c\n");
    }
}
