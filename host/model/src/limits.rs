//! Limits of one run: the engine enforces some of them, the host the others. Every default suits both a laptop and a
//! server; every raised limit is listed in the run's record.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Limits of one run. The `process` engine cannot enforce memory, processors or processes, and the record states so.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Memory of the container in bytes, its tmpfs included, without swap.
    pub memory_bytes: u64,
    /// Processors, such as 1.5.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: u32,
    /// Open files of each process.
    pub open_files: u64,
    /// Bytes of all outputs together, both as received from the script and as written.
    pub output_bytes: u64,
    /// Bytes of stdout and stderr together that are shown and kept; more is dropped and counted.
    pub log_bytes: u64,
    /// Wall time of the script, from its start.
    #[serde(rename = "timeout_ms")]
    pub timeout: TimeLimit,
}

/// The time limit of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeLimit {
    /// The limit in the settings. It does not apply to a block that transforms a stream, which may never end.
    #[default]
    Default,
    /// No limit.
    None,
    /// This duration.
    After(Duration),
}

impl TimeLimit {
    /// The limit, after [`Self::settle`].
    #[must_use]
    pub fn limit(self) -> Option<Duration> {
        match self {
            Self::Default | Self::None => None,
            Self::After(time) => Some(time),
        }
    }

    /// The limit that applies if the settings have `default`.
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

impl<'a> Deserialize<'a> for TimeLimit {
    fn deserialize<D: serde::Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        let milliseconds = Option::<u64>::deserialize(deserializer)?;
        Ok(milliseconds.map_or(Self::None, |milliseconds| Self::After(Duration::from_millis(milliseconds))))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A script with pandas needs 150 MiB before it has any data; its inputs use the host's memory.
            memory_bytes: 4 << 30,
            cpus: None,
            // numpy, polars and Arrow each start a thread per processor: 200 on a machine with 64. A pool of as many
            // workers still fits.
            pids: 512,
            // Linux's default for a program; a script reads from segments, not from files.
            open_files: 1024,
            // Far more than one user's table, and less than a current disk.
            output_bytes: 256 << 30,
            // An hour of output at 18 KiB a second.
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
