//! Hints about files that a script could not open: not shared with it, not readable by its user, or not writable.

use super::facts::Facts;
use longshore_model::note::Note;
use longshore_model::remedy::Remedy;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Parts of the messages about a file that does not exist, from Python, R and their libraries.
const MISSING: [&str; 7] = [
    "No such file or directory",
    "cannot open file",
    "cannot open compressed file",
    "does not exist",
    "Failed to open",
    "No files found",
    "unable to open",
];

/// The message about a file that this user may not read.
const DENIED: &str = "Permission denied";

/// The message about a file that cannot be written.
const READ_ONLY: &str = "Read-only file system";

/// Most names that are looked for: a message has one or two.
const NAMES_MAX: usize = 16;

/// Most bytes of a path, on Linux.
const PATH_MAX: usize = 4096;

/// Pairs of quotation marks around names.
const QUOTES: [(char, char); 5] = [('\'', '\''), ('"', '"'), ('`', '`'), ('‘', '’'), ('“', '”')];

/// Folders of an image: a file that is missing there is none of this machine's.
const OF_IMAGES: [&str; 11] =
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/opt", "/proc", "/run", "/sbin", "/sys", "/usr"];

/// A file that the script was not given. Blocks.
///
/// Whether a file exists is told only of the folders of the block and of the caller: a script that is not trusted must not
/// learn from a hint what else there is on this machine.
pub(super) fn not_shared(printed: &str, facts: &Facts) -> Option<Note> {
    let seen = if facts.isolated {
        "the script sees only files that it was given"
    } else {
        "the script runs in a working folder of its own"
    };
    let note = |text: String, path: String| Note::new(text, Some(Remedy::ShareFile { path }));
    let names: Vec<String> = names(printed, &MISSING).collect();
    if let Some(path) = names.iter().find_map(|name| in_folders(name, facts)) {
        let real = path.canonicalize().ok()?;
        if facts.isolated && facts.mounts.iter().any(|mount| real.starts_with(&mount.path)) {
            let name = path.file_name()?.to_string_lossy();
            let text = format!("`{name}` is shared with the script as `{}`: open it by that path", real.display());
            return Some(Note::new(text, None));
        }
        let place = path.parent().unwrap_or(Path::new("/")).display();
        let text = format!("`{}` exists in `{place}`, but {seen}", path.file_name()?.to_string_lossy());
        return Some(note(text, path.to_string_lossy().into_owned()));
    }
    let elsewhere = names.into_iter().filter(|_| facts.isolated).find(|name| is_elsewhere(Path::new(name), facts))?;
    Some(note(format!("{seen}, and `{elsewhere}` is not one of them"), elsewhere))
}

/// A shared file that the script's user may not read. Blocks.
pub(super) fn not_readable(printed: &str, facts: &Facts) -> Option<Note> {
    if !facts.isolated {
        return None;
    }
    names(printed, &[DENIED]).find_map(|name| {
        let path = PathBuf::from(&name);
        let is_shared = facts.mounts.iter().any(|mount| path.starts_with(&mount.path));
        let metadata = path.metadata().ok().filter(|_| is_shared)?;
        let needed = if metadata.is_dir() { 0o005 } else { 0o004 };
        let remedy = Remedy::LetOthersRead { path: name.clone() };
        let text = format!("`{name}` is shared with the script, but only its owner may read it");
        (metadata.mode() & needed != needed).then(|| Note::new(text, Some(remedy)))
    })
}

/// A file that the script wanted to write where it may not.
pub(super) fn not_writable(printed: &str, facts: &Facts) -> Option<Note> {
    let name = names(printed, &[READ_ONLY]).next()?;
    let mount = facts.mounts.iter().find(|mount| Path::new(&name).starts_with(&mount.path));
    Some(match mount {
        Some(mount) => Note::new(
            format!("`{}` is shared with the script for reading only", mount.path.display()),
            Some(Remedy::ShareWritable { path: mount.path.to_string_lossy().into_owned() }),
        ),
        None => Note::new(
            format!("the script can write only in its working folder, `{}`, and in `/tmp`", facts.work_folder),
            Some(Remedy::KeepFiles),
        ),
    })
}

/// The names in the lines with one of these parts: those in quotation marks, and what follows the last colon.
fn names(printed: &str, parts: &[&str]) -> impl Iterator<Item = String> {
    let lines = printed.lines().filter(|line| parts.iter().any(|part| line.contains(part)));
    let mut found: Vec<String> = Vec::new();
    for line in lines {
        let after_colon = line.rsplit_once(": ").map(|(_, rest)| rest.trim().to_owned());
        let all = quoted(line).into_iter().chain(after_colon);
        for name in all.filter(|name| !name.is_empty() && name.len() <= PATH_MAX && !name.contains('\0')) {
            if found.len() < NAMES_MAX && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found.into_iter()
}

/// All texts in quotation marks of a line. A mark inside of a word is an apostrophe.
fn quoted(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some((at, open)) = rest.char_indices().find(|(_, mark)| QUOTES.iter().any(|(open, _)| open == mark)) {
        let close = QUOTES.iter().find(|(mark, _)| *mark == open).map_or(open, |(_, close)| *close);
        let inside = &rest[at + open.len_utf8()..];
        let in_a_word = rest[..at].ends_with(char::is_alphanumeric);
        match inside.find(close).filter(|_| !in_a_word) {
            Some(end) => {
                found.push(inside[..end].to_owned());
                rest = &inside[end + close.len_utf8()..];
            }
            None => rest = inside,
        }
    }
    found
}

/// The file below the folders of the block and the caller that a name in the script means, if it exists.
fn in_folders(name: &str, facts: &Facts) -> Option<PathBuf> {
    let given = Path::new(name);
    let relative = given.strip_prefix(&facts.work_folder).unwrap_or(given);
    let is_seen = !facts.isolated || facts.mounts.iter().any(|mount| relative.starts_with(&mount.path));
    if relative.is_absolute() && is_seen {
        return None;
    }
    facts.folders.iter().find_map(|folder| {
        let path = below(folder, relative)?;
        // A link must not lead out either.
        let real = path.canonicalize().ok()?;
        real.starts_with(folder.canonicalize().ok()?).then_some(path)
    })
}

/// A path in a folder, if it stays below it.
fn below(folder: &Path, path: &Path) -> Option<PathBuf> {
    let mut found = if path.is_absolute() { PathBuf::new() } else { folder.to_owned() };
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(found.pop()),
            part => found.push(part),
        }
    }
    (found.starts_with(folder) && found != folder).then_some(found)
}

/// Whether a path is meant for a file of this machine, and has no characters that mean something to a shell: the path is
/// the script's word, and advice repeats it.
fn is_elsewhere(path: &Path, facts: &Facts) -> bool {
    let is_plain = |character: char| character.is_alphanumeric() || "/._-+@,=".contains(character);
    let is_container = |folder: &str| path.starts_with(folder);
    let is_shared = facts.mounts.iter().any(|mount| path.starts_with(&mount.path));
    path.is_absolute()
        && path.to_str().is_some_and(|path| path.chars().all(is_plain))
        && path.parent().is_some_and(|parent| parent != Path::new("/"))
        && !is_shared
        && !["/tmp", &facts.work_folder].into_iter().chain(OF_IMAGES).any(is_container)
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_block::Language;
    use longshore_os::shared_file::SharedFile;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    fn facts(folder: &Path) -> Facts {
        Facts { folders: vec![folder.to_owned()], ..Facts::of_nothing(Language::Python) }
    }

    #[test]
    fn a_file_that_exists_here_is_named_in_each_message() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it's.csv");
        std::fs::write(&path, "").unwrap();
        std::fs::write(folder.path().join("a.csv"), "").unwrap();
        let facts = facts(folder.path());
        let absolute = folder.path().join("a.csv").display().to_string();
        for message in [
            "FileNotFoundError: [Errno 2] No such file or directory: 'a.csv'",
            "FileNotFoundError: [Errno 2] Failed to open local file '/work/a.csv'. Detail: [errno 2]",
            "FileNotFoundError: No such file or directory (os error 2): a.csv",
            "_duckdb.IOException: IO Error: No files found that match the pattern \"a.csv\"",
            "  cannot open file 'a.csv': No such file or directory",
            "Error: 'a.csv' does not exist in current working directory ('/work').",
            "  File 'a.csv' does not exist or is non-readable. getwd()=='/work'",
            "  cannot open compressed file 'a.csv', probable reason 'No such file or directory'",
        ] {
            let note = not_shared(message, &facts).unwrap_or_else(|| panic!("{message}"));
            assert_eq!(note.remedy, Some(Remedy::ShareFile { path: absolute.clone() }), "{message}");
            let expected = format!("`a.csv` exists in `{}`, but the script sees only", folder.path().display());
            assert!(note.text.starts_with(&expected), "{}", note.text);
        }
        let message = format!("No such file or directory: '{absolute}'");
        assert!(not_shared(&message, &facts).unwrap().text.starts_with("`a.csv` exists in "));
        assert!(not_shared("No such file or directory: \"it's.csv\"", &facts).is_some());
    }

    #[test]
    fn a_shared_file_is_named_with_the_path_that_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "").unwrap();
        let mut facts = facts(folder.path());
        facts.mounts = vec![SharedFile::open(path.clone(), false).unwrap().unwrap()];
        let note = not_shared("No such file or directory: 'a.csv'", &facts).unwrap();
        let expected = format!("`a.csv` is shared with the script as `{}`: open it by that path", path.display());
        assert_eq!((note.text, note.remedy), (expected, None));
    }

    #[test]
    fn other_files_are_not_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut facts = facts(folder.path());
        for name in [
            "none.csv",
            ".",
            "..",
            "",
            "/x",
            "/etc/passwd",
            "/usr/none",
            "/tmp/none/x",
            "/a/b; reboot",
            "/a/b -x",
            "/a/$(x)",
            "/work",
            "\0",
        ] {
            assert_eq!(not_shared(&format!("No such file or directory: '{name}'"), &facts), None, "{name}");
        }
        std::fs::write(folder.path().join("a.csv"), "").unwrap();
        assert_eq!(not_shared("ValueError: 'a.csv'", &facts), None);
        let absolute = folder.path().join("a.csv").display().to_string();
        facts.isolated = false;
        assert_eq!(not_shared(&format!("No such file or directory: '{absolute}'"), &facts), None);
        let note = not_shared("No such file or directory: 'a.csv'", &facts).unwrap();
        assert!(note.text.ends_with("runs in a working folder of its own"), "{}", note.text);
    }

    #[test]
    fn a_hint_does_not_tell_whether_files_outside_of_the_folders_exist() {
        let outside = tempfile::tempdir_in("/var/tmp").unwrap();
        let folder = outside.path().join("block");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(outside.path().join("secret"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.join("link")).unwrap();
        let facts = facts(&folder);
        let hint = |name: &str| not_shared(&format!("No such file or directory: '{name}'"), &facts);
        let absolute = |name: &str| outside.path().join(name).display().to_string();
        for name in ["../secret", "link/secret", "a/../../secret", "/work/../../secret"] {
            assert_eq!(hint(name), hint(&name.replace("secret", "none")), "{name}");
            assert_eq!(hint(name), None, "{name}");
        }
        for name in ["secret", "none"] {
            let name = absolute(name);
            let expected = format!("the script sees only files that it was given, and `{name}` is not one of them");
            assert_eq!(hint(&name).unwrap().text, expected);
        }
    }

    #[test]
    fn shared_files_that_cannot_be_read_or_written_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.csv");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let mut facts = facts(folder.path());
        let named = path.display().to_string();
        let denied = format!("PermissionError: [Errno 13] Permission denied: '{named}'");
        assert_eq!(not_readable(&denied, &facts), None);
        facts.mounts = vec![SharedFile::open(path.clone(), false).unwrap().unwrap()];
        let note = not_readable(&denied, &facts).unwrap();
        assert_eq!(note.remedy, Some(Remedy::LetOthersRead { path: named.clone() }));
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(not_readable(&denied, &facts), None);
        let written =
            |name: &str| not_writable(&format!("[Errno 30] Read-only file system: '{name}'"), &facts).unwrap();
        assert_eq!(written(&named).remedy, Some(Remedy::ShareWritable { path: named.clone() }));
        assert_eq!(written("/out.csv").remedy, Some(Remedy::KeepFiles));
    }

    #[test]
    fn any_text_has_an_end() {
        let facts = Facts::of_nothing(Language::R);
        for text in ["'", "''", "‘’", "‘", "a'b'c", "\"'`", "é: ", ": ", "No such file or directory: '", "'é"] {
            let line =
                format!("{text}No such file or directory{text}Permission denied{text}Read-only file system{text}");
            let _ = (not_shared(&line, &facts), not_readable(&line, &facts), not_writable(&line, &facts));
        }
    }
}
