//! Compares an output with the table that a case expects, cell by cell. Cells are compared as what they mean: numbers
//! by value, times by instant, and no format's own way of writing them counts.

use crate::table::Table;

/// Relative difference of numbers that still counts as equal: what is left of a double after a short computation.
const TOLERANCE: f64 = 1e-9;

/// Says where two tables differ, or nothing.
pub(crate) fn difference(actual: &Table, expected: &Table) -> Option<String> {
    if actual.columns != expected.columns {
        return Some(format!("columns are {:?}, expected {:?}", actual.columns, expected.columns));
    }
    if actual.rows.len() != expected.rows.len() {
        return Some(format!("{} rows, expected {}: {:?}", actual.rows.len(), expected.rows.len(), head(actual)));
    }
    for (number, (found, wanted)) in actual.rows.iter().zip(&expected.rows).enumerate() {
        if found.len() != wanted.len() {
            return Some(format!("row {number} has {} cells, expected {}: {found:?}", found.len(), wanted.len()));
        }
        for ((name, found), wanted) in expected.columns.iter().zip(found).zip(wanted) {
            if !equal(found.as_deref(), wanted.as_deref()) {
                return Some(format!("row {number}, column `{name}`: {found:?}, expected {wanted:?}"));
            }
        }
    }
    None
}

fn head(table: &Table) -> &[Vec<Option<String>>] {
    &table.rows[..table.rows.len().min(5)]
}

fn equal(found: Option<&str>, wanted: Option<&str>) -> bool {
    let (Some(found), Some(wanted)) = (found, wanted) else {
        return found.is_none() && wanted.is_none();
    };
    if found == wanted {
        return true;
    }
    if let (Ok(a), Ok(b)) = (found.parse::<f64>(), wanted.parse::<f64>()) {
        return (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()) || (a.is_nan() && b.is_nan());
    }
    instant(found).is_some_and(|time| Some(time) == instant(wanted))
}

/// A time written in one of the usual ways, brought to one of them.
fn instant(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (date, rest) = text.split_at(10);
    let rest = rest.trim_start_matches(['T', ' ']);
    let zone_at = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(zone_at);
    let time = if time.contains('.') { time.trim_end_matches('0').trim_end_matches('.') } else { time };
    let time = if time.is_empty() { "00:00:00" } else { time };
    let zone = if matches!(zone, "Z" | "+00:00" | "+0000") { "Z" } else { zone };
    Some(format!("{date} {time}{zone}"))
}
