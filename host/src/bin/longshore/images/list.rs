//! `longshore images list`.

use super::failed;
use crate::{check, failure};
use longshore::Settings;
use longshore::images::words::{ago, count, size};
use longshore::images::{ImageCollection, ImageEntry, Kind, totals};
use std::fmt::Write;

/// Columns that packages may take: what fits beside the others on a terminal of 120.
const PACKAGES_WIDTH: usize = 32;

/// Columns that a base may take.
const BASE_WIDTH: usize = 24;

/// Runs the command, and gives the exit status back.
pub(crate) async fn list(json: bool, settings: &Settings) -> u8 {
    let images = match ImageCollection::open(settings).await {
        Ok(images) => images,
        Err(error) => return failed(&error),
    };
    let entries = match images.list().await {
        Ok(entries) => entries,
        Err(error) => return failed(&error),
    };
    if json {
        return match serde_json::to_string_pretty(&entries) {
            Ok(text) => check::print(&format!("{text}\n")),
            Err(error) => failure::print(&error, 3),
        };
    }
    let mut text = table(&entries);
    let (total, count_of_images, folders) = totals(&entries);
    let mut what = count(count_of_images as u64, "image");
    if folders > 0 {
        what.push_str(&format!(" and {}", count(folders as u64, "folder")));
    }
    text.push_str(&format!("{what}, {} of the {} budget\n", size(total), size(images.budget())));
    text.extend(images.note().map(|note| format!("note: {note}\n")));
    check::print(&text)
}

/// Aligned columns. There is no table of nothing.
pub(super) fn table(entries: &[ImageEntry]) -> String {
    let heads = ["HASH", "KIND", "BASE", "PACKAGES", "SIZE", "LAST USED", "STATE"].map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(heads).chain(entries.iter().map(row)).collect();
    if rows.len() == 1 {
        return String::new();
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Numbers are read from their end. Writing to a string does not fail.
            let _ = if column == 4 { write!(line, "{cell:>width$}  ") } else { write!(line, "{cell:<width$}  ") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(entry: &ImageEntry) -> [String; 7] {
    let packages = entry.packages.iter().chain(&entry.system_packages).map(String::as_str);
    let packages = packages.collect::<Vec<_>>().join(" ");
    let named = match entry.kind {
        // These have no list of packages, or one that says less than their name.
        Kind::Custom | Kind::Imported => entry.title(),
        Kind::Folder | Kind::Generated | Kind::Layer => packages,
    };
    let base = entry.base.as_deref().unwrap_or("-");
    let state = match (entry.in_use, entry.pinned) {
        (true, true) => "in use, pinned",
        (true, false) => "in use",
        (false, true) => "pinned",
        (false, false) => entry.protection.map_or("", |why| why.reason()),
    };
    [
        entry.short_hash().to_owned(),
        entry.kind.as_str().to_owned(),
        cut(base, BASE_WIDTH),
        cut(if named.is_empty() { "-" } else { &named }, PACKAGES_WIDTH),
        size(entry.added_bytes),
        ago(entry.unused_seconds),
        state.to_owned(),
    ]
}

/// What fits into a column. Labels are anybody's words: a character that is none is not shown.
fn cut(text: &str, width: usize) -> String {
    let shown: Vec<char> = text.chars().map(|character| if character.is_control() { '?' } else { character }).collect();
    match shown.len() > width {
        true => shown[..width - 1].iter().chain(&['…']).collect(),
        false => shown.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(cut("pandas", 6), "pandas");
        assert_eq!(cut("scikit-learn", 6), "sciki…");
        assert_eq!(cut("a\u{1b}[31mb\n", 9), "a?[31mb?");
    }
}
