//! The settings of interpreters that wait for runs in a resident host. Their places in the list of all are in `list.rs`.

use super::setting::{PLAIN, Setting};
use super::slot::Slot;

const POOL: Setting = Setting { table: "pool", ..PLAIN };

pub(super) const MEMBERS: Setting = Setting {
    key: "members",
    slot: Slot::Count(|settings| &mut settings.pool.members),
    variable: "LONGSHORE_POOL_MEMBERS",
    about: "how many interpreters wait for runs in a resident host, each in a container of its own; 0 for none",
    default: "8",
    example: "32",
    ..POOL
};

pub(super) const MEMORY: Setting = Setting {
    key: "memory",
    slot: Slot::Size(|settings| &mut settings.pool.memory_bytes),
    variable: "LONGSHORE_POOL_MEMORY",
    about: "how much memory they may take together; they give way earlier where the machine needs it",
    default: "`1GiB`",
    example: r#""4GiB""#,
    ..POOL
};

pub(super) const IDLE: Setting = Setting {
    key: "idle",
    slot: Slot::Time(|settings| &mut settings.pool.idle),
    variable: "LONGSHORE_POOL_IDLE",
    about: "how long one waits after the last run that it would have been for",
    default: "`10m`",
    example: r#""1h""#,
    ..POOL
};

pub(super) const WAIT: Setting = Setting {
    key: "wait",
    slot: Slot::Switch(|settings| &mut settings.pool.wait),
    variable: "LONGSHORE_POOL_WAIT",
    about: "whether a run waits until one is prepared for it, instead of starting its own, for tests of what depends on that",
    default: "`false`",
    example: "true",
    ..POOL
};
