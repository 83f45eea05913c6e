//! What one run may use. Every bound has a default that suits a laptop and a server alike, and every loosening shows
//! in the run's record.

use serde::Serialize;
use std::time::Duration;

/// Bounds of one run. The `process` engine has no container to hold memory, processors or processes to them, and
/// the record says so.
#[derive(Debug, Clone, Serialize)]
pub struct Limits {
    /// Memory of the container in bytes, its tmpfs included, without swap.
    pub memory_bytes: u64,
    /// Processors, such as 1.5.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: u32,
    /// Open files of each process.
    pub open_files: u64,
    /// Bytes of all outputs together, as they come from the script, and as they are written.
    pub output_bytes: u64,
    /// Bytes of stdout and stderr together that are shown and kept; more is dropped and counted.
    pub log_bytes: u64,
    /// Wall time of the script, from its start.
    #[serde(rename = "timeout_ms")]
    pub timeout: TimeLimit,
}

/// How long a script may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeLimit {
    /// As long as the settings say. They do not bound a block that transforms a stream, which may never end.
    #[default]
    Default,
    /// For ever.
    None,
    /// So long.
    After(Duration),
}

impl TimeLimit {
    /// The limit, once it is settled.
    #[must_use]
    pub fn limit(self) -> Option<Duration> {
        match self {
            Self::Default | Self::None => None,
            Self::After(time) => Some(time),
        }
    }

    /// What holds where the settings say `default`.
    #[must_use]
    pub fn settle(self, default: Option<Duration>) -> Self {
        match self {
            Self::Default => default.map_or(Self::None, Self::After),
            settled => settled,
        }
    }
}

impl Serialize for TimeLimit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.limit().map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).serialize(serializer)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A script with pandas needs 150 MiB before it has any data; its inputs are the host's memory, not its own.
            memory_bytes: 4 << 30,
            cpus: None,
            // numpy, polars and Arrow start a thread for each processor each: 200 on a machine with 64. A pool of as many
            // workers still fits.
            pids: 512,
            // What Linux gives a program that does not ask for more; a script reads from segments, not from files.
            open_files: 1024,
            // Far beyond a table that one person asks for, and short of filling a disk of this decade.
            output_bytes: 256 << 30,
            // An hour of a chatty script, at 18 KiB a second.
            log_bytes: 64 << 20,
            timeout: TimeLimit::Default,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_says_nothing_has_the_settings_limit() {
        let (hour, minute) = (Duration::from_secs(3600), Duration::from_secs(60));
        assert_eq!(TimeLimit::Default.settle(Some(hour)), TimeLimit::After(hour));
        assert_eq!(TimeLimit::Default.settle(None), TimeLimit::None);
        assert_eq!(TimeLimit::None.settle(Some(hour)), TimeLimit::None);
        assert_eq!(TimeLimit::After(minute).settle(Some(hour)), TimeLimit::After(minute));
        let written =
            |timeout| serde_json::to_value(Limits { timeout, ..Limits::default() }).unwrap()["timeout_ms"].clone();
        assert_eq!(
            (written(TimeLimit::After(minute)), written(TimeLimit::None)),
            (60_000.into(), serde_json::Value::Null)
        );
    }
}
