//! Values as pages show them: times, durations, sizes, ends of runs.

use chrono::{DateTime, SecondsFormat, Utc};
use longshore::history::{End, HistoryEntry};
use longshore::human;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// A moment, for a `time` element.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// As machines read it.
    pub(crate) exact: String,
    /// As people read it.
    pub(crate) relative: String,
}

impl Moment {
    /// So many milliseconds after 1970.
    pub(crate) fn of_ms(milliseconds: u64) -> Self {
        let moment = i64::try_from(milliseconds).ok().and_then(DateTime::<Utc>::from_timestamp_millis);
        let moment = moment.unwrap_or_default();
        let age = Utc::now().signed_duration_since(moment).to_std().unwrap_or_default();
        Self { exact: moment.to_rfc3339_opts(SecondsFormat::Secs, true), relative: human::ago(age) }
    }

    pub(crate) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::of_ms(u64::try_from(since.as_millis()).unwrap_or_default())
    }
}

/// A duration, such as `0.35 s`, `12.4 s`, `3 min 05 s`.
pub(crate) fn took(milliseconds: f64) -> String {
    let seconds = milliseconds / 1000.0;
    match seconds {
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 99.95 => format!("{s:.1} s"),
        s => {
            let whole = Duration::try_from_secs_f64(s).unwrap_or_default().as_secs();
            match whole {
                0..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
                _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
            }
        }
    }
}

/// The sign beside an end's colour.
pub(crate) fn sign(end: End) -> &'static str {
    match end {
        End::Running => "●",
        End::Succeeded => "✓",
        End::Failed => "✗",
        End::Cancelled => "⊘",
        End::Lost => "?",
    }
}

/// How a run ended, in a word or a few.
pub(crate) fn outcome(run: &HistoryEntry) -> String {
    match run.end() {
        End::Failed => run.outcome().unwrap_or("failed").replace('_', " "),
        end => end.name().to_owned(),
    }
}

/// A value of a record, as text.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A part of a whole, in percent.
#[allow(clippy::cast_precision_loss, reason = "a bar has some hundred pixels")]
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 100.0).clamp(0.0, 100.0) }
}

/// An id of a run, short enough for a list and long enough to be found by it.
pub(crate) fn short(id: &str) -> &str {
    id.split_once('-').map_or(id, |(_, short)| short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_or_three_digits() {
        let rows = [(0.0, "0.00 s"), (9_994.0, "9.99 s"), (12_340.0, "12.3 s"), (185_000.0, "3 min 05 s")];
        for (milliseconds, expected) in rows {
            assert_eq!(took(milliseconds), expected);
        }
        assert_eq!(took(3_660_000.0), "1 h 01 min");
        assert_eq!(took(f64::NAN), "0 min 00 s");
    }

    #[test]
    fn moments_are_exact_and_relative() {
        let moment = Moment::of_ms(1_700_000_000_123);
        assert_eq!(moment.exact, "2023-11-14T22:13:20Z");
        assert!(moment.relative.ends_with("ago"));
        let _ = Moment::of_ms(u64::MAX);
    }
}
