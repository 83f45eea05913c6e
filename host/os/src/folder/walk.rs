//! Follows a path to the folder of its last name, one name at a time below open folders. Links are followed only if
//! this user or root made them: links of others, such as a script of an earlier run with access to the folder, are
//! rejected.

use super::{Folder, HELD, by_number};
use rustix::fs::{FileType, Mode, OFlags, PROC_SUPER_MAGIC, fstat, fstatfs, open, openat, readlinkat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

/// The most links that are followed: the kernel's limit.
const LINKS_MAX: usize = 40;

/// Flags to look at a name of any type.
const LOOKED_AT: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The end of a path.
#[derive(Debug)]
pub struct Walked {
    /// The folder of the last name.
    pub folder: Folder,
    /// The last name.
    pub name: OsString,
    /// The file of that name: never a link, except a link to a process's open file.
    pub found: Option<OwnedFd>,
    /// Whether it is a process's open file, such as `/dev/stdout`: that file itself, whatever its present name.
    pub(crate) is_open_file: bool,
    /// The links on the way, by paths that contain no links.
    pub(crate) links: Vec<PathBuf>,
}

/// Follows a path.
///
/// # Errors
/// A folder is missing, another user made a link, or the path has no last name.
pub fn walk(path: &Path) -> io::Result<Walked> {
    let own = rustix::process::geteuid().as_raw();
    follow(path, |owner| owner == 0 || owner == own)
}

/// The links on the way to an existing file, whoever made them, by paths that contain no links.
pub fn links_to(path: &Path) -> Vec<PathBuf> {
    // A path that cannot be followed is an error when it is opened.
    follow(path, |_| true).map(|walked| walked.links).unwrap_or_default()
}

fn follow(path: &Path, may: impl Fn(u32) -> bool) -> io::Result<Walked> {
    let mut steps = Vec::new();
    push(&mut steps, path);
    let mut folder = start(path)?;
    let mut links = Vec::new();
    while let Some(name) = steps.pop() {
        if name == ".." {
            folder = openat(&folder, "..", HELD, Mode::empty())?;
            continue;
        }
        let is_last = steps.is_empty();
        let found = match openat(&folder, &name, LOOKED_AT, Mode::empty()) {
            Err(Errno::NOENT) if is_last => return ended(folder, name, None, false, links),
            found => found?,
        };
        let facts = fstat(&found)?;
        if FileType::from_raw_mode(facts.st_mode) == FileType::Symlink {
            if fstatfs(&folder)?.f_type == PROC_SUPER_MAGIC {
                let through = openat(&folder, &name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
                if is_last {
                    return ended(folder, name, Some(through), true, links);
                }
                folder = through;
                continue;
            }
            let link = std::fs::read_link(by_number(&folder))?.join(&name);
            if !may(facts.st_uid) {
                return Err(foreign(&link, facts.st_uid));
            }
            if links.len() == LINKS_MAX {
                return Err(Errno::LOOP.into());
            }
            links.push(link);
            let target = PathBuf::from(OsString::from_vec(readlinkat(&found, "", Vec::new())?.into_bytes()));
            if target.is_absolute() {
                folder = start(&target)?;
            }
            push(&mut steps, &target);
        } else if is_last {
            return ended(folder, name, Some(found), false, links);
        } else {
            folder = found;
        }
    }
    // A path without a last name, such as `..`, is a folder.
    Err(io::Error::other("it is a folder"))
}

fn ended(
    folder: OwnedFd,
    name: OsString,
    found: Option<OwnedFd>,
    is_open_file: bool,
    links: Vec<PathBuf>,
) -> io::Result<Walked> {
    Ok(Walked { folder: Folder::of(folder)?, name, found, is_open_file, links })
}

fn start(path: &Path) -> io::Result<OwnedFd> {
    Ok(open(if path.is_absolute() { "/" } else { "." }, HELD, Mode::empty())?)
}

/// Pushes the names of a path onto those that are still to be followed.
fn push(steps: &mut Vec<OsString>, path: &Path) {
    let names = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    steps.extend(names);
}

fn foreign(link: &Path, user: u32) -> io::Error {
    io::Error::other(format!(
        "`{}` is a link that user {user} made, so it is not followed: name its target instead",
        link.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{lchown, symlink};

    #[test]
    fn links_of_others_lead_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(folder.path()).unwrap();
        let at = |name: &str| root.join(name);
        std::fs::create_dir(at("data")).unwrap();
        std::fs::write(at("data/x"), "").unwrap();
        for (name, to) in [("file", "data/x"), ("folder", "data"), ("new", "data/new")] {
            symlink(to, at(name)).unwrap();
        }
        for (path, end) in [("file", "x"), ("folder/x", "x"), ("new", "new"), ("data/../folder/./y", "y")] {
            let walked = walk(&at(path)).unwrap();
            assert_eq!(
                (walked.folder.path(), walked.name.as_os_str()),
                (at("data").as_path(), OsStr::new(end)),
                "{path}"
            );
            assert_eq!(walked.links.len(), 1, "{path}");
        }
        // Only root can change their owner.
        if ["file", "folder", "new"].iter().all(|name| lchown(at(name), Some(4356), None).is_ok()) {
            for path in ["file", "folder/x", "new"] {
                let said = walk(&at(path)).unwrap_err().to_string();
                let end = "is a link that user 4356 made, so it is not followed: name its target instead";
                assert!(said.ends_with(end), "{path}: {said}");
            }
        }
    }
}
