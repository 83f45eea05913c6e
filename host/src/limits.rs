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
    #[serde(rename = "timeout_ms", serialize_with = "milliseconds")]
    pub timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A script with pandas needs 150 MiB before it has any data; its inputs are the host's memory, not its own.
            memory_bytes: 4 << 30,
            cpus: None,
            // numpy and polars start a thread for each processor; a pool of 64 workers still fits.
            pids: 512,
            open_files: 4096,
            // Far beyond a table that one person asks for, and short of filling a disk of this decade.
            output_bytes: 256 << 30,
            // An hour of a chatty script, at 18 KiB a second.
            log_bytes: 64 << 20,
            timeout: None,
        }
    }
}

fn milliseconds<S: serde::Serializer>(timeout: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)).serialize(serializer)
}
