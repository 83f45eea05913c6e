//! The settings that bound the versions of packages: constraints, and repositories with a state for each day. Their places
//! in the list of all are in `list.rs`.

use super::setting::{PLAIN, Setting};
use super::slot::Slot;

const PYTHON: Setting = Setting { table: "python", ..PLAIN };
const R: Setting = Setting { table: "r", ..PLAIN };
const DEBIAN: Setting = Setting { table: "debian", ..PLAIN };

pub(super) const CONSTRAINTS: Setting = Setting {
    key: "constraints",
    slot: Slot::Constraints(|settings| &mut settings.packages.constraints),
    variable: "LONGSHORE_PYTHON_CONSTRAINTS",
    about: "versions that no environment may exceed, for every block; nothing is installed for them",
    default: "none",
    example: r#"["scikit-learn<=1.7.2", "numpy<2"]"#,
    ..PYTHON
};

pub(super) const BLOCK_CONSTRAINTS: Setting = Setting {
    key: "block_constraints",
    slot: Slot::BlockConstraints(|settings| &mut settings.packages.block_constraints),
    variable: "LONGSHORE_PYTHON_BLOCK_CONSTRAINTS",
    about: "the same for single blocks, by the block's name",
    default: "none",
    example: r#"{ "Sales by region" = ["numpy<2"] }"#,
    ..PYTHON
};

pub(super) const CRAN_SNAPSHOT: Setting = Setting {
    key: "snapshot",
    slot: Slot::DatedOrNone(|settings| &mut settings.packages.cran_snapshot),
    variable: "LONGSHORE_R_SNAPSHOT",
    about: "the repository for blocks whose packages are as of a day; `{date}` stands for the day, as in `2023-06-01`",
    default: "none: such blocks fail if they need packages",
    example: r#""https://cran.example.com/{date}""#,
    ..R
};

pub(super) const DEBIAN_SNAPSHOT: Setting = Setting {
    key: "snapshot",
    slot: Slot::DatedOrNone(|settings| &mut settings.packages.debian_snapshot),
    variable: "LONGSHORE_DEBIAN_SNAPSHOT",
    about: "the mirror for blocks whose packages are as of a day; `{date}` stands for the day, as in `20230601`",
    default: "none: such blocks get Debian packages from `mirror`",
    example: r#""http://snapshot.example.com/debian/{date}T235959Z""#,
    ..DEBIAN
};
