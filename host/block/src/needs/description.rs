//! `DESCRIPTION`, the description of an R package: the packages that it imports and depends on, with their versions.

use super::folder_files::FolderFiles;
use super::parsed::{PACKAGES_MAX, Parsed, Reading, cut};
use crate::error::BlockError;
use longshore_model::address::masked;
use longshore_model::r_requirement::{RRequirement, RVersions};
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
    let mut remotes = None;
    for Field { line, name, value } in fields(&text) {
        if name == "Remotes" {
            remotes = Some((line, value));
            continue;
        }
        if !FIELDS.contains(&name) {
            continue;
        }
        for entry in entries(&value) {
            let wrong = |reason: String| BlockError::Line { path: files.path(FILE), line, reason };
            let requirement: RRequirement =
                entry.parse().map_err(|error| wrong(format!("`{name}` has `{entry}`: {error}")))?;
            if requirement.name() == "R" {
                parsed.requires_r = RVersions::both(parsed.requires_r.take(), RVersions::of(requirement));
                continue;
            }
            if requirements.len() == PACKAGES_MAX {
                return Err(wrong(format!("it lists more than {PACKAGES_MAX} packages")));
            }
            requirements.push(requirement);
        }
    }
    if let Some((line, remotes)) = remotes {
        check_remotes(files, line, &remotes, &requirements)?;
        parsed.warnings.push(format!(
            "`{FILE}`, line {line}: `Remotes` is ignored: packages are installed from repositories only"
        ));
    }
    parsed.dependencies = RRequirement::merged(requirements).iter().map(ToString::to_string).collect();
    if parsed.dependencies.is_empty() && parsed.requires_r.is_none() {
        return Ok(Reading::Nothing("it has no `Imports` and no `Depends`".into()));
    }
    Ok(parsed.into())
}

/// Refuses packages that are from elsewhere: one of the same name in a repository may be another one.
fn check_remotes(
    files: &FolderFiles,
    line: usize,
    remotes: &str,
    requirements: &[RRequirement],
) -> Result<(), BlockError> {
    for remote in entries(remotes) {
        let name = of_remote(remote);
        if requirements.iter().any(|requirement| Some(requirement.name()) == name) {
            let name = name.unwrap_or_default();
            let shown = if remote.contains("://") { masked(remote) } else { remote.to_owned() };
            let reason = format!("`{name}` is from `{}` (`Remotes`)", cut(&shown));
            let reason = format!("{reason}, and packages are installed from repositories only: use a release of it");
            return Err(BlockError::Line { path: files.path(FILE), line, reason });
        }
    }
    Ok(())
}

/// The package of an entry of `Remotes`, such as `user/name`, `name=gitlab::user/other@v1` or `url::https://h/name.tar.gz`;
/// none if it is from a repository.
fn of_remote(remote: &str) -> Option<&str> {
    if let Some((name, source)) = remote.split_once('=')
        && !name.contains(['/', ':'])
    {
        return of_remote(source).map(|_| name.trim());
    }
    let (kind, place) = remote.split_once("::").unwrap_or(("", remote));
    if ["cran", "bioc", "version"].contains(&kind) {
        return None;
    }
    let place = place.trim_end_matches('/');
    // After the user and the name, a repository may have a folder.
    let parts: Vec<&str> = place.split('/').collect();
    let name = match parts[..] {
        [_, name, ..] if !place.contains(':') && !matches!(kind, "local" | "svn") => name,
        _ => parts.last().copied().unwrap_or(place),
    };
    let end = name.find(['_', ':', '@', '#']).unwrap_or(name.len());
    Some(name[..end].trim_end_matches(".git").trim_end_matches(".zip").trim_end_matches(".tar.gz"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_name_their_package() {
        for (remote, name) in [
            ("team/tool", Some("tool")),
            ("github::team/tool/sub/folder@v1", Some("tool")),
            ("tool=gitlab::team/other", Some("tool")),
            ("git::https://git.example.org/team/tool.git", Some("tool")),
            ("git@git.example.org:team/tool.git", Some("tool")),
            ("url::https://example.org/src/tool_1.0.tar.gz", Some("tool")),
            ("url::https://example.org/tool.zip#x", Some("tool")),
            ("local::/home/me/tool", Some("tool")),
            ("bitbucket::team/tool#12", Some("tool")),
            ("cran::tool", None),
            ("bioc::3.19/tool", None),
            ("", Some("")),
            ("é::", Some("")),
        ] {
            assert_eq!(of_remote(remote), name, "{remote}");
        }
    }
}
