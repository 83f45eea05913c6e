//! `DESCRIPTION`, the description of an R package: the packages that it imports and depends on, with their versions.

use super::folder_files::FolderFiles;
use super::parsed::{PACKAGES_MAX, Parsed, Reading};
use crate::error::BlockError;
use longshore_model::r_requirement::RRequirement;
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
    let mut requirements = Vec::new();
    for Field { line, name, value } in fields(&text) {
        if name == "Remotes" {
            parsed.warnings.push(format!(
                "`{FILE}`, line {line}: `Remotes` is ignored: packages are installed from repositories only"
            ));
        }
        if !FIELDS.contains(&name) {
            continue;
        }
        for entry in entries(&value) {
            let wrong = |reason: String| BlockError::Line { path: files.path(FILE), line, reason };
            let requirement: RRequirement =
                entry.parse().map_err(|error| wrong(format!("`{name}` has `{entry}`: {error}")))?;
            if requirement.name() == "R" {
                parsed.remarks.push(format!("`{FILE}`, line {line}: the version of `{entry}` is not checked"));
                continue;
            }
            if requirements.len() == PACKAGES_MAX {
                return Err(wrong(format!("it lists more than {PACKAGES_MAX} packages")));
            }
            requirements.push(requirement);
        }
    }
    parsed.dependencies = RRequirement::merged(requirements).iter().map(ToString::to_string).collect();
    if parsed.dependencies.is_empty() {
        return Ok(Reading::Nothing("it has no `Imports` and no `Depends`".into()));
    }
    Ok(parsed.into())
}

/// The entries between the commas of a field.
fn entries(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|entry| !entry.is_empty())
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
