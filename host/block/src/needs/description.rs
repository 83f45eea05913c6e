//! `DESCRIPTION`, the description of an R package: the packages that it imports and depends on.

use super::folder_files::FolderFiles;
use super::parsed::{PACKAGES_MAX, Parsed, Reading};
use super::renv_lock::is_name;
use crate::error::BlockError;
use longshore_os::small_file::WRITTEN_MAX;

/// The file.
pub(super) const FILE: &str = "DESCRIPTION";

/// The fields that list what a script needs.
const FIELDS: [&str; 2] = ["Depends", "Imports"];

/// Reads the file.
pub(super) fn read(files: &FolderFiles) -> Result<Reading, BlockError> {
    let Some(text) = files.read_text(FILE, WRITTEN_MAX)? else {
        return Ok(Reading::Nothing("it does not exist".into()));
    };
    let mut parsed = Parsed::default();
    for Field { line, name, value } in fields(&text) {
        if name == "Remotes" {
            parsed.warnings.push(format!(
                "`{FILE}`, line {line}: `Remotes` is ignored: packages are installed from repositories only"
            ));
        }
        if !FIELDS.contains(&name) {
            continue;
        }
        for entry in value.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (package, version) = match entry.split_once('(') {
                Some((package, version)) => (package.trim(), Some(version.trim_end_matches(')').trim())),
                None => (entry, None),
            };
            let wrong = |reason: String| BlockError::Line { path: files.path(FILE), line, reason };
            if !is_name(package) {
                return Err(wrong(format!("`{name}` has `{package}`, which is not the name of a package")));
            }
            if parsed.dependencies.len() == PACKAGES_MAX {
                return Err(wrong(format!("it lists more than {PACKAGES_MAX} packages")));
            }
            if let Some(version) = version {
                parsed
                    .remarks
                    .push(format!("`{FILE}`, line {line}: the version of `{package} ({version})` is not checked"));
            }
            if package != "R" && !parsed.dependencies.iter().any(|known| known == package) {
                parsed.dependencies.push(package.to_owned());
            }
        }
    }
    if parsed.dependencies.is_empty() {
        return Ok(Reading::Nothing("it has no `Imports` and no `Depends`".into()));
    }
    Ok(parsed.into())
}

/// A field of a file in Debian's control format.
struct Field<'a> {
    line: usize,
    name: &'a str,
    value: String,
}

/// The fields of a file: a line that begins with white space continues the one before.
fn fields(text: &str) -> Vec<Field<'_>> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with([' ', '\t']) {
            if let Some(field) = fields.last_mut() {
                field.value.push(' ');
                field.value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push(Field { line: number + 1, name: name.trim(), value: value.trim().to_owned() });
        }
    }
    fields
}
