//! The settings of runs: their history, their limits, and what they go through. Their places in the list of all are in
//! `list.rs`.

use super::setting::{PLAIN, Setting};
use super::slot::Slot;

const RUNS: Setting = Setting { table: "runs", ..PLAIN };

pub(super) const KEEP: Setting = Setting {
    key: "keep",
    slot: Slot::Count(|settings| &mut settings.runs.keep),
    variable: "LONGSHORE_RUNS_KEEP",
    about: "how many of the newest runs the history keeps; 0 for none",
    default: "200",
    example: "1000",
    ..RUNS
};

pub(super) const LOG_BYTES: Setting = Setting {
    key: "log_bytes",
    slot: Slot::Size(|settings| &mut settings.runs.log_bytes),
    variable: "LONGSHORE_RUNS_LOG_BYTES",
    about: "how much of a script's output the history keeps, half from its beginning, half from its end",
    default: "`1MB`",
    example: r#""10MB""#,
    ..RUNS
};

pub(super) const TIMEOUT: Setting = Setting {
    key: "timeout",
    slot: Slot::TimeOrNone(|settings| &mut settings.runs.timeout),
    variable: "LONGSHORE_RUNS_TIMEOUT",
    about: "the time limit of a script whose run sets none; it does not apply to blocks with the mode `stream`",
    default: "`1h`",
    example: r#""4h""#,
    ..RUNS
};

pub(super) const SERVER: Setting = Setting {
    key: "server",
    slot: Slot::Server(|settings| &mut settings.server),
    variable: "LONGSHORE_RUNS_SERVER",
    about: "the resident host that runs go through: `auto` is the user's own if one listens, `none` is none, a path is the \
            socket of one that must listen",
    default: "`auto`",
    example: r#""none""#,
    ..RUNS
};

pub(super) const CANCELLED_STATUS: Setting = Setting {
    key: "cancelled_status",
    slot: Slot::Status(|settings| &mut settings.runs.cancelled_status),
    variable: "LONGSHORE_RUNS_CANCELLED_STATUS",
    about: "the exit status of the command where the script cancels its run, so that a scheduler can tell nothing to do \
            from a failure",
    default: "1",
    example: "75",
    ..RUNS
};
