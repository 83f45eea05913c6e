//! Formats of tables as HTTP names them: media types, in what is sent and in what is asked for.

use crate::problem::Problem;
use axum::http::{HeaderMap, StatusCode, header};
use longshore::table::{Compression, FileFormat, Format};

/// Media types and their formats; the first of a format is the one that answers have.
const MEDIA_TYPES: [(&str, Format); 11] = [
    ("application/vnd.apache.arrow.stream", Format::ArrowStream),
    ("application/vnd.apache.arrow.file", Format::ArrowFile),
    ("application/vnd.apache.parquet", Format::Parquet),
    ("application/x-parquet", Format::Parquet),
    ("text/csv", Format::Csv),
    ("text/tab-separated-values", Format::Tsv),
    ("application/x-ndjson", Format::Ndjson),
    ("application/jsonl", Format::Ndjson),
    ("application/ndjson", Format::Ndjson),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Format::Xlsx),
    ("application/json", Format::Json),
];

/// The format of a media type, whatever its parameters are.
pub(super) fn of_media_type(given: &str) -> Option<Format> {
    let bare = given.split(';').next().unwrap_or_default().trim();
    MEDIA_TYPES.iter().find(|(name, _)| bare.eq_ignore_ascii_case(name)).map(|(_, format)| *format)
}

/// The media type of a format.
pub(super) fn media_type(format: Format) -> &'static str {
    MEDIA_TYPES.iter().find(|(_, known)| *known == format).map_or("application/octet-stream", |(name, _)| name)
}

/// A format without compression, whose name is also the suffix of its files.
pub(super) fn plain(format: Format) -> FileFormat {
    FileFormat { format, compression: Compression::None }
}

/// The format that is asked for: by name, or the one that `Accept` likes best; `None` if it leaves the choice.
pub(super) fn wanted(named: Option<&str>, headers: &HeaderMap) -> Result<Option<Format>, Problem> {
    if let Some(name) = named {
        let format: FileFormat = name.parse().map_err(|error| Problem::invalid(format!("`format`: {error}")))?;
        if format.compression != Compression::None {
            return Err(Problem::invalid(format!("`format`: `{name}` is compressed: ask for the format within")));
        }
        return Ok(Some(format.format));
    }
    let accept: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok()).collect();
    let mut choices: Vec<(f32, &str)> = accept.iter().flat_map(|accept| accept.split(',')).map(weighed).collect();
    choices.retain(|(weight, _)| *weight > 0.0);
    // Stable: of equal ones the first.
    choices.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    for (_, choice) in &choices {
        if let Some(format) = of_media_type(choice) {
            return Ok(Some(format));
        }
        // Browsers name pages first.
        if choice.ends_with("/*") || *choice == "text/html" {
            return Ok(None);
        }
    }
    if choices.is_empty() {
        return Ok(None);
    }
    let known: Vec<&str> = MEDIA_TYPES.iter().map(|(name, _)| *name).collect();
    let detail = format!("no table can be sent as `{}`: known are {}", accept.join(", "), known.join(", "));
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "format not known", detail))
}

/// A media range, and how much it is liked.
fn weighed(choice: &str) -> (f32, &str) {
    let mut parts = choice.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)), range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_format_that_is_known_is_sent() {
        let asked = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            wanted(None, &headers)
        };
        for (accept, expected) in [
            ("text/csv", Some(Format::Csv)),
            ("text/csv; charset=utf-8", Some(Format::Csv)),
            ("TEXT/CSV", Some(Format::Csv)),
            ("text/csv;q=0.5, application/vnd.apache.parquet", Some(Format::Parquet)),
            ("image/png, text/csv;q=0.1", Some(Format::Csv)),
            ("application/json, text/csv;q=0.9", Some(Format::Json)),
            ("*/*", None),
            ("text/html,application/xhtml+xml,*/*;q=0.8", None),
            ("text/csv;q=0, */*", None),
        ] {
            assert_eq!(asked(accept).unwrap(), expected, "{accept}");
        }
        assert_eq!(asked("image/png").unwrap_err().status(), StatusCode::NOT_ACCEPTABLE);
        assert_eq!(wanted(None, &HeaderMap::new()).unwrap(), None);
        assert_eq!(wanted(Some("parquet"), &HeaderMap::new()).unwrap(), Some(Format::Parquet));
        for wrong in ["", "csv.gz", "exe", "../x"] {
            assert_eq!(wanted(Some(wrong), &HeaderMap::new()).unwrap_err().status(), StatusCode::BAD_REQUEST);
        }
        for (_, format) in MEDIA_TYPES {
            assert_eq!(of_media_type(media_type(format)), Some(format));
            assert_eq!(plain(format).name().parse::<FileFormat>().unwrap().format, format);
        }
    }
}
