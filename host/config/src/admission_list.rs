//! The settings of admission: what runs may take of their machine together. Their places in the list of all are in
//! `list.rs`.

use super::setting::{PLAIN, Setting};
use super::slot::Slot;

const ADMISSION: Setting = Setting { table: "admission", ..PLAIN };

pub(super) const MEMORY: Setting = Setting {
    key: "memory",
    slot: Slot::SizeOrAuto(|settings| &mut settings.admission.memory_bytes),
    variable: "LONGSHORE_ADMISSION_MEMORY",
    about: "the memory that the runs of a host may take together, counted by their limits; further runs wait. `0` for no \
            bound",
    default: "`auto`: 80 % of the memory of the machine or of the host's control group",
    example: r#""64GiB""#,
    ..ADMISSION
};

pub(super) const CPUS: Setting = Setting {
    key: "cpus",
    slot: Slot::CountOrAuto(|settings| &mut settings.admission.cpus),
    variable: "LONGSHORE_ADMISSION_CPUS",
    about: "the processors that the runs of a host may take together, counted by their limits; a run without such a limit \
            counts as one. `0` for no bound",
    default: "`auto`: twice the processors that the host may use, at least 4",
    example: "32",
    ..ADMISSION
};

pub(super) const QUEUE: Setting = Setting {
    key: "queue",
    slot: Slot::Count(|settings| &mut settings.admission.queue),
    variable: "LONGSHORE_ADMISSION_QUEUE",
    about: "how many runs of a host may wait; further ones are refused",
    default: "10000",
    example: "500",
    ..ADMISSION
};
