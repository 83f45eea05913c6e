//! `requirements.txt`, as pip reads it: requirements with their hashes, and other files of requirements (`-r`) and
//! constraints (`-c`). Sources of packages are settings of the machine: options for them are reported and ignored.

use super::folder_files::FolderFiles;
use super::parsed::{PACKAGES_MAX, Parsed, Reading};
use crate::error::BlockError;
use crate::needed::PinnedPackage;
use crate::python_requirement::{self, PythonRequirement};
use longshore_model::address::masked;
use longshore_model::constraint::{Constraint, ConstraintError};
use longshore_os::small_file::WRITTEN_MAX;
use std::collections::BTreeSet;

/// The most files that one names, directly and through others.
const FILES_MAX: usize = 50;

/// The bytes of a digest in hexadecimal digits, for each algorithm that installers accept.
const DIGESTS: [(&str, usize); 3] = [("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// pip's options that name another file, with their kinds.
const FILES: [(&str, Kind); 4] = [
    ("--requirement", Kind::Requirements),
    ("-r", Kind::Requirements),
    ("--constraint", Kind::Constraints),
    ("-c", Kind::Constraints),
];

/// What a file's lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Requirements,
    Constraints,
}

/// A requirement, and where it is.
#[derive(Debug)]
struct Entry {
    file: String,
    line: usize,
    requirement: PythonRequirement,
    hashes: Vec<String>,
}

/// Reads the file `name`, and those that it names.
pub(super) fn read(files: &FolderFiles, name: &str) -> Result<Reading, BlockError> {
    let mut reader =
        Reader { files, seen: BTreeSet::new(), entries: Vec::new(), hashed: false, parsed: Parsed::default() };
    reader.file(name, Kind::Requirements, None)?;
    reader.finish()
}

/// Reads a list of requirements that is part of another file, which may name files too.
pub(super) fn read_lines(files: &FolderFiles, name: &str, lines: &[(usize, String)]) -> Result<Parsed, BlockError> {
    let mut reader =
        Reader { files, seen: BTreeSet::new(), entries: Vec::new(), hashed: false, parsed: Parsed::default() };
    for (number, line) in lines {
        reader.line(name, *number, line, Kind::Requirements)?;
    }
    match reader.finish()? {
        Reading::Needs(parsed) => Ok(*parsed),
        _ => Ok(Parsed::default()),
    }
}

struct Reader<'a> {
    files: &'a FolderFiles,
    seen: BTreeSet<(String, bool)>,
    entries: Vec<Entry>,
    /// Whether each requirement must have hashes.
    hashed: bool,
    parsed: Parsed,
}

impl Reader<'_> {
    fn wrong<T>(&self, file: &str, line: usize, reason: String) -> Result<T, BlockError> {
        Err(BlockError::Line { path: self.files.path(file), line, reason })
    }

    fn file(&mut self, name: &str, kind: Kind, named: Option<(&str, usize)>) -> Result<(), BlockError> {
        let Some(text) = self.files.read_text(name, WRITTEN_MAX)? else {
            let (file, line) = named.unwrap_or((name, 1));
            return self.wrong(file, line, format!("it names `{name}`, which does not exist"));
        };
        if !self.seen.insert((name.to_owned(), kind == Kind::Constraints)) {
            return Ok(());
        }
        if self.seen.len() > FILES_MAX {
            let (file, line) = named.unwrap_or((name, 1));
            return self.wrong(file, line, format!("more than {FILES_MAX} files name each other"));
        }
        for (number, line) in logical_lines(&text) {
            self.line(name, number, &line, kind)?;
        }
        Ok(())
    }

    fn line(&mut self, file: &str, number: usize, line: &str, kind: Kind) -> Result<(), BlockError> {
        let line = without_comment(line).trim();
        if line.is_empty() {
            return Ok(());
        }
        if let Some(variable) = line.split_once("${").and_then(|(_, rest)| rest.split_once('}')) {
            let reason = format!("it has the variable `{}`, and variables are not read: write its value", variable.0);
            return self.wrong(file, number, reason);
        }
        if line.starts_with('-') {
            return self.option(file, number, line, kind);
        }
        let (text, options) = split_options(line);
        let requirement = match python_requirement::read(text) {
            Ok(requirement) => requirement,
            Err(_) if is_folder_itself(text) => {
                self.warn(
                    file,
                    number,
                    format!("`{text}` is ignored: the block's folder is not installed as a package"),
                );
                return Ok(());
            }
            Err(reason) => return self.wrong(file, number, reason),
        };
        let hashes = self.hashes(file, number, options)?;
        if self.entries.len() + self.parsed.constraints.len() >= PACKAGES_MAX {
            return self.wrong(file, number, format!("it lists more than {PACKAGES_MAX} packages"));
        }
        match kind {
            Kind::Constraints => match constraint(&requirement) {
                Ok(constraint) => self.parsed.constraints.extend(constraint),
                Err(reason) => return self.wrong(file, number, reason),
            },
            Kind::Requirements => {
                self.entries.push(Entry { file: file.to_owned(), line: number, requirement, hashes });
            }
        }
        Ok(())
    }

    /// A line that is an option of pip.
    fn option(&mut self, file: &str, number: usize, line: &str, kind: Kind) -> Result<(), BlockError> {
        for (option, named) in FILES {
            let Some(rest) = line.strip_prefix(option) else { continue };
            // A long option is separated from its value; a short one may be followed by it.
            if option.starts_with("--") && !rest.starts_with(['=', ' ', '\t']) {
                continue;
            }
            let target = rest.trim_start_matches('=').trim();
            let named = if kind == Kind::Constraints { kind } else { named };
            return match beside(file, target) {
                Ok(target) => self.file(&target, named, Some((file, number))),
                Err(reason) => self.wrong(file, number, format!("`{option} {}` is not read: {reason}", masked(target))),
            };
        }
        let word = line.split([' ', '\t', '=']).next().unwrap_or(line);
        let value = line[word.len()..].trim_start_matches('=').trim();
        match word {
            "--require-hashes" => self.hashed = true,
            "-e" | "--editable" if is_folder_itself(value) => {
                self.warn(
                    file,
                    number,
                    format!("`{line}` is ignored: the block's folder is not installed as a package"),
                );
            }
            "-e" | "--editable" => {
                let of_files = || format!("`{}` is not installed: builds see no files of this machine", masked(line));
                let of_addresses = python_requirement::read(value).err().filter(|_| value.contains("://"));
                return self.wrong(file, number, of_addresses.unwrap_or_else(of_files));
            }
            "-i" | "--index-url" | "--extra-index-url" | "--find-links" | "-f" | "--no-index" | "--trusted-host" => {
                let line = masked(line);
                self.warn(file, number, format!("`{line}` is ignored: the settings name the sources of packages"));
            }
            _ => self.warn(file, number, format!("`{}` is ignored", masked(line))),
        }
        Ok(())
    }

    fn warn(&mut self, file: &str, line: usize, text: String) {
        /// More than a screen has.
        const MOST: usize = 50;
        if self.parsed.warnings.len() < MOST {
            self.parsed.warnings.push(format!("`{file}`, line {line}: {text}"));
        }
    }

    /// The hashes among the options of a requirement.
    fn hashes(&mut self, file: &str, number: usize, options: &str) -> Result<Vec<String>, BlockError> {
        let mut hashes = Vec::new();
        let mut words = options.split_whitespace();
        while let Some(word) = words.next() {
            let hash = match word.strip_prefix("--hash") {
                Some("") => words.next().unwrap_or_default(),
                Some(rest) => rest.trim_start_matches('='),
                None => {
                    self.warn(file, number, format!("`{word}` is ignored"));
                    continue;
                }
            };
            if !is_hash(hash) {
                return self.wrong(file, number, format!("`{hash}` is not a hash: expected `sha256:` and 64 digits"));
            }
            hashes.push(hash.to_owned());
        }
        Ok(hashes)
    }

    fn finish(mut self) -> Result<Reading, BlockError> {
        if self.hashed || self.entries.iter().any(|entry| !entry.hashes.is_empty()) {
            self.parsed.pinned = Some(self.pinned()?);
        }
        let place = |entry: &Entry| (entry.requirement.text.clone(), entry.file.clone(), entry.line);
        self.parsed.places = self.entries.iter().map(place).collect();
        self.parsed.dependencies = self.entries.into_iter().map(|entry| entry.requirement.text).collect();
        if self.parsed.dependencies.is_empty() && self.parsed.constraints.is_empty() {
            return Ok(Reading::Nothing("it lists no packages".into()));
        }
        Ok(self.parsed.into())
    }

    /// With one hash, every requirement must be exact and have hashes, as for pip.
    fn pinned(&self) -> Result<Vec<PinnedPackage>, BlockError> {
        let pinned = |entry: &Entry| {
            let Entry { file, line, requirement, hashes } = entry;
            let PythonRequirement { name, text, exact, url, marker, .. } = requirement;
            if hashes.is_empty() {
                let reason = format!("`{text}` has no `--hash`: with one hash, every requirement must have its hashes");
                return self.wrong(file, *line, reason);
            }
            if exact.is_none() && url.is_none() {
                let reason = format!("`{text}` is not an exact version: with hashes, write `{name}==VERSION`");
                return self.wrong(file, *line, reason);
            }
            Ok(PinnedPackage {
                name: name.clone(),
                version: exact.clone().unwrap_or_default(),
                url: url.clone(),
                marker: marker.clone(),
                hashes: hashes.clone(),
            })
        };
        self.entries.iter().map(pinned).collect()
    }
}

/// The constraint of a line; none if it allows every version.
fn constraint(requirement: &PythonRequirement) -> Result<Option<Constraint>, String> {
    /// Reading longer conditions takes long, and constraints have none or short ones.
    const CONDITION_MAX: usize = 200;
    let PythonRequirement { name, text, marker, .. } = requirement;
    if marker.as_ref().is_some_and(|marker| marker.len() > CONDITION_MAX) {
        return Err(format!("the condition of `{name}` is longer than {CONDITION_MAX} characters"));
    }
    let versions = text.split(';').next().unwrap_or_default();
    if !versions.contains(['<', '>', '=', '~', '!', '@']) {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: ConstraintError| error.to_string())
}

/// Whether a text is the hash of a file.
pub(super) fn is_hash(text: &str) -> bool {
    let Some((algorithm, digest)) = text.split_once(':') else { return false };
    let length = DIGESTS.iter().find(|(name, _)| *name == algorithm).map(|(_, length)| *length);
    length == Some(digest.len()) && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a path is that of the block's folder itself.
fn is_folder_itself(text: &str) -> bool {
    matches!(text.split('[').next().unwrap_or(text).trim(), "." | "./")
}

/// The lines of a file: those that end with a backslash continue. The number is that of the first.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut continues = false;
    for (number, line) in text.lines().enumerate() {
        let is_comment = line.trim_start().starts_with('#');
        let (part, goes_on) = match line.strip_suffix('\\') {
            Some(part) if !is_comment => (part, true),
            _ => (line, false),
        };
        match lines.last_mut().filter(|_| continues) {
            Some((_, before)) => before.push_str(if is_comment { "" } else { part }),
            None => lines.push((number + 1, part.to_owned())),
        }
        continues = goes_on;
    }
    lines
}

/// The line up to a `#` at its beginning or after white space.
fn without_comment(line: &str) -> &str {
    let starts = |at: &usize| line[..*at].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices('#').map(|(at, _)| at).find(starts).map_or(line, |at| &line[..at])
}

/// A requirement, and the options after it.
fn split_options(line: &str) -> (&str, &str) {
    let at = line.match_indices('-').map(|(at, _)| at).find(|at| line[..*at].ends_with([' ', '\t']));
    at.map_or((line, ""), |at| (line[..at].trim_end(), &line[at..]))
}

/// The path below the block's folder of a file that another one names.
fn beside(file: &str, target: &str) -> Result<String, &'static str> {
    if target.contains("://") {
        return Err("files are read from the block's folder, not from an address");
    }
    if target.is_empty() {
        return Err("it names no file");
    }
    if target.starts_with('/') {
        return Err("it is outside of the block's folder");
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop().ok_or("it is outside of the block's folder")?),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}
