//! `longshore images list`.

use super::failed;
use crate::printer;
use longshore::Host;
use longshore::collection::totals;
use longshore::human::{ago, aligned, count, size};
use longshore::images::{ImageEntry, Kind};
use longshore::shown::{Shown, Word};

/// Width of the packages column: the rest of a terminal of 120.
const PACKAGES_WIDTH: usize = 32;

/// Width of the base column.
const BASE_WIDTH: usize = 24;

/// Runs the command, and returns the exit status.
pub(crate) async fn list(json: bool, host: &Host) -> u8 {
    let images = match host.images().await {
        Ok(images) => images,
        Err(error) => return failed(&error),
    };
    let entries = match images.list().await {
        Ok(entries) => entries,
        Err(error) => return failed(&error),
    };
    if json {
        return printer::json(&entries);
    }
    let mut text = table(&entries);
    let (total, count_of_images, folders) = totals(&entries);
    let mut what = count(count_of_images as u64, "image");
    if folders > 0 {
        what.push_str(&format!(" and {}", count(folders as u64, "folder")));
    }
    text.push(format!("{what}, {} of the {} budget", size(total), size(images.budget())));
    images.note().into_iter().for_each(|note| text.push(format!("note: {note}")));
    match images.bases().await {
        Ok(bases) => bases.iter().filter(|base| base.is_former).for_each(|base| {
            let names = if base.names.is_empty() { base.id.0.clone() } else { base.names.join(", ") };
            text.push(format!("note: the base image {names}, {}, is of a former version", size(base.bytes)));
        }),
        Err(error) => return failed(&error),
    }
    printer::out(&text)
}

/// The entries as a table.
pub(super) fn table(entries: &[ImageEntry]) -> Shown {
    let heads = ["HASH", "KIND", "BASE", "PACKAGES", "SIZE", "LAST USED", "STATE"].map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(heads).chain(entries.iter().map(row)).collect();
    aligned(&rows, &[4])
}

fn row(entry: &ImageEntry) -> [String; 7] {
    let packages = entry.packages.iter().chain(&entry.system_packages).map(String::as_str);
    let packages = packages.collect::<Vec<_>>().join(" ");
    let named = match entry.kind {
        // These have no list of packages, or a less informative one than their name.
        Kind::Custom | Kind::Imported => entry.title(),
        Kind::Dockerfile if entry.names.is_empty() => "stage of a build".into(),
        Kind::Dockerfile | Kind::Folder | Kind::Generated | Kind::Layer => packages,
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
        Word::cut(base, BASE_WIDTH).into(),
        Word::cut(if named.is_empty() { "-" } else { &named }, PACKAGES_WIDTH).into(),
        size(entry.added_bytes),
        ago(entry.unused_seconds),
        state.to_owned(),
    ]
}
