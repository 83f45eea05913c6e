//! Paths of files that messages carry.

use crate::limits::PATH_MAX;

/// Whether a path is one of a file below a folder: relative, `/` between its parts, no `.` and no `..`.
#[must_use]
pub fn is_file_path(path: &str) -> bool {
    let is_plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    is_plain && path.len() <= PATH_MAX && !path.contains('\0')
}
