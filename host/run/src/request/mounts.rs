//! The files of the machine that a run's container sees: the files of options with those that belong to them, and the
//! caller's mounts. All are below the allowed folders once links are resolved, and each path occurs once. Engines mount
//! nothing else.

use super::RequestError;
use super::mounted::below;
use longshore_block::OptionFile;
use longshore_os::shared_file::SharedFile;
use rustix::fs::Access;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Most files that may belong to an option's file: a shapefile has about ten.
const SIBLINGS_MAX: usize = 64;

/// Most mount points below shared folders: each becomes a mount of the container. A home folder for each user of an
/// office makes about a hundred.
const MOUNTED_BELOW_MAX: usize = 256;

/// The container's own folders; a mount at one of these, or above, would hide it.
const CONTAINERS_OWN: [&str; 15] = [
    "/bin",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/opt/longshore",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",
    "/usr/bin",
    "/usr/lib",
    "/usr/local/bin",
    "/work",
];

/// Folders below which nothing may be shared: the kernel's, and the sockets of other runs.
const NO_FILES: [&str; 3] = ["/proc", "/sys", "/run/longshore"];

/// A file or folder that is mounted at its own path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mount {
    /// The path.
    pub path: PathBuf,
    /// Whether the script may write there.
    pub writable: bool,
}

impl Mount {
    /// A path that the script may read.
    #[must_use]
    pub fn read_only(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writable: false }
    }

    /// A path that the script may read and write.
    #[must_use]
    pub fn writable(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writable: true }
    }
}

/// The folders that shared files must be below; none means anywhere.
#[derive(Debug)]
pub(super) struct Allowed(Vec<PathBuf>);

impl Allowed {
    /// The folders without links. Each must exist.
    pub(super) fn resolve(folders: &[PathBuf]) -> Result<Self, RequestError> {
        let resolve = |folder: &PathBuf| {
            let failed = |source| RequestError::AllowedFolder { path: folder.clone(), source };
            let real = std::fs::canonicalize(folder).map_err(failed)?;
            // A file would allow only itself, which is most likely a mistake.
            std::fs::read_dir(&real).map_err(failed)?;
            Ok(real)
        };
        folders.iter().map(resolve).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a path without links is below one of them.
    fn holds(&self, path: &Path) -> bool {
        self.0.is_empty() || self.0.iter().any(|folder| path.starts_with(folder))
    }

    fn check(&self, what: &str, path: &Path) -> Result<(), RequestError> {
        if self.holds(path) {
            return Ok(());
        }
        let allowed: Vec<String> = self.0.iter().map(|folder| format!("`{}`", folder.display())).collect();
        Err(RequestError::NotAllowed { what: what.to_owned(), path: path.to_owned(), allowed: allowed.join(", ") })
    }
}

/// Everything that is mounted. `contained` is false for the `process` engine, where a script sees all paths anyway.
pub(super) fn mounts(
    asked: &[Mount],
    files: &[OptionFile],
    allowed: &Allowed,
    contained: bool,
) -> Result<Vec<SharedFile>, RequestError> {
    let mut found = Vec::new();
    for mount in asked {
        let failed = |source| RequestError::Mount { path: mount.path.clone(), source };
        let path = std::fs::canonicalize(&mount.path).map_err(failed)?;
        let wanted = if mount.writable { Access::READ_OK | Access::WRITE_OK } else { Access::READ_OK };
        rustix::fs::access(&path, wanted).map_err(|errno| failed(errno.into()))?;
        found.push(("the mount".to_owned(), path, mount.writable));
    }
    for file in files {
        let what = format!("option `{}`", file.option);
        let mount = |path| (what.clone(), path, !file.read_only);
        found.push(mount(file.path.clone()));
        found.extend(siblings(&file.path).into_iter().filter(|path| allowed.holds(path)).map(mount));
    }
    let mut shared = Vec::new();
    for (what, path, writable) in found {
        allowed.check(&what, &path)?;
        if contained && hides(&path) {
            return Err(RequestError::Hides { what, path });
        }
        let opened = SharedFile::open(path.clone(), writable);
        match opened.map_err(|source| RequestError::Mount { path: path.clone(), source })? {
            Ok(file) => shared.push(file),
            Err(kind) => return Err(RequestError::NotShared { what, path, kind }),
        }
    }
    let mut merged = merge(shared);
    if contained {
        merged.extend(mounted_below(&merged)?);
    }
    Ok(merged)
}

/// The mount points below read-only folders, to be mounted read-only as well. A writable folder is shared with
/// everything below it.
fn mounted_below(shared: &[SharedFile]) -> Result<Vec<SharedFile>, RequestError> {
    let read_only: Vec<&Path> = shared.iter().filter(|file| !file.writable).map(|file| file.path.as_path()).collect();
    let points = below(&read_only).map_err(|source| RequestError::Mounted { source })?;
    let nearest = |path: &Path| {
        let above = shared.iter().filter(|file| path.starts_with(&file.path));
        above.max_by_key(|file| file.path.as_os_str().len())
    };
    let mut found = Vec::new();
    for path in points {
        let Some(folder) = nearest(&path).filter(|file| !file.writable && file.path != path) else { continue };
        match SharedFile::open(path.clone(), false) {
            Ok(Ok(file)) => found.push(file),
            Ok(Err(kind)) => return Err(RequestError::MountedBelow { folder: folder.path.clone(), path, kind }),
            // Another file system is mounted over it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(RequestError::Mount { path, source }),
        }
        if found.len() > MOUNTED_BELOW_MAX {
            return Err(RequestError::ManyMountedBelow { folder: folder.path.clone(), most: MOUNTED_BELOW_MAX });
        }
    }
    Ok(found)
}

/// Notes on files that the container's user most likely cannot read.
pub(super) fn unreadable(files: &[OptionFile]) -> Vec<String> {
    let closed = |file: &&OptionFile| {
        // Others read a file with `r`, and look into a folder with `r` and `x`.
        let needed = if file.path.is_dir() { 0o5 } else { 0o4 };
        std::fs::metadata(&file.path).is_ok_and(|metadata| metadata.permissions().mode() & needed != needed)
    };
    let told = |file: &OptionFile| {
        let (option, path) = (&file.option, file.path.display());
        format!("option `{option}`: only the owner may read `{path}`, not the container's user: run `chmod o+rX` on it")
    };
    files.iter().filter(closed).map(told).collect()
}

/// The other files with a file's stem, as a shapefile has them: `roads.dbf` and `roads.shp.xml` for `roads.shp`.
fn siblings(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(stem)) = (path.parent(), path.file_stem().and_then(|stem| stem.to_str())) else {
        return Vec::new();
    };
    if !path.is_file() {
        return Vec::new();
    }
    let start = format!("{stem}.");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&start)));
    // A link leads to another file, which no option names.
    let files = named.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut siblings: Vec<PathBuf> = files.map(|entry| entry.path()).filter(|sibling| sibling != path).collect();
    siblings.sort();
    siblings.truncate(SIBLINGS_MAX);
    siblings
}

fn hides(path: &Path) -> bool {
    let own = CONTAINERS_OWN.iter().any(|own| Path::new(own).starts_with(path));
    own || NO_FILES.iter().any(|folder| path.starts_with(folder))
}

/// Each path once. A path below a folder that is mounted with at least the same rights needs no mount of its own, and
/// writable wins over read-only.
fn merge(mut mounts: Vec<SharedFile>) -> Vec<SharedFile> {
    mounts.sort_by(|a, b| a.path.cmp(&b.path).then(b.writable.cmp(&a.writable)));
    let mut merged: Vec<SharedFile> = Vec::new();
    for mount in mounts {
        let covers = |known: &SharedFile| mount.path.starts_with(&known.path) && (known.writable || !mount.writable);
        if !merged.iter().any(covers) {
            merged.push(mount);
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(path: &str, writable: bool) -> Mount {
        Mount { path: path.into(), writable }
    }

    #[test]
    fn each_path_is_mounted_once_with_the_greater_right() {
        let merged = |mounts: &[(&str, bool)]| {
            let shared = |path: &str, writable| {
                let mut file = SharedFile::open("/".into(), writable).unwrap().unwrap();
                file.path = path.into();
                file
            };
            let mounts = mounts.iter().map(|(path, writable)| shared(path, *writable)).collect();
            let merged: Vec<_> = merge(mounts).into_iter().map(|mount| (mount.path, mount.writable)).collect();
            merged.iter().map(|(path, writable)| format!("{}:{writable}", path.display())).collect::<Vec<_>>()
        };
        assert_eq!(merged(&[("/d/x", false), ("/d/x", true), ("/d/x", false)]), ["/d/x:true"]);
        assert_eq!(merged(&[("/d/x", false), ("/d", true)]), ["/d:true"]);
        assert_eq!(merged(&[("/d/x", true), ("/d", false), ("/d/y", false)]), ["/d:false", "/d/x:true"]);
        assert_eq!(merged(&[("/d", false), ("/dd", false)]), ["/d:false", "/dd:false"]);
    }

    #[test]
    fn what_a_container_needs_is_not_hidden() {
        for path in
            ["/", "/usr", "/usr/lib", "/opt", "/tmp", "/work", "/proc/self/environ", "/run/longshore/a/host.sock"]
        {
            assert!(hides(Path::new(path)), "{path}");
        }
        for path in ["/usr/share/data", "/opt/data", "/tmp/x", "/work/x", "/home", "/run/media/stick", "/data"] {
            assert!(!hides(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_file_comes_with_those_of_its_stem() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["roads.shp", "roads.dbf", "roads.shp.xml", "roads2.dbf", "roads", "other.shp"] {
            std::fs::write(root.join(name), "").unwrap();
        }
        std::fs::create_dir(root.join("roads.folder")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("roads.link")).unwrap();
        assert_eq!(siblings(&root.join("roads.shp")), [root.join("roads.dbf"), root.join("roads.shp.xml")]);
        assert_eq!(siblings(root), Vec::<PathBuf>::new());
    }

    #[test]
    fn files_outside_of_the_allowed_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(folder.path()).unwrap();
        let (inside, outside) = (root.join("inside"), root.join("outside"));
        for folder in [&inside, &outside] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("a.csv"), "").unwrap();
        }
        std::os::unix::fs::symlink(&inside, root.join("link")).unwrap();
        let allowed = Allowed::resolve(&[root.join("link")]).unwrap();
        let file = |path: &Path| OptionFile { option: "o".into(), path: path.to_owned(), read_only: true };
        let checked = |files: &[OptionFile]| mounts(&[], files, &allowed, true).map_err(|error| error.to_string());
        assert_eq!(checked(&[file(&inside.join("a.csv"))]).unwrap().len(), 1);
        let told = |error: String| error.replace(&root.display().to_string(), "R");
        assert_eq!(
            told(checked(&[file(&outside.join("a.csv"))]).unwrap_err()),
            "option `o` names `R/outside/a.csv`, which is not below an allowed folder (`R/inside`)"
        );
        assert_eq!(
            told(mounts(&[mount(&root.display().to_string(), true)], &[], &allowed, true).unwrap_err().to_string()),
            "the mount names `R`, which is not below an allowed folder (`R/inside`)"
        );
        assert_eq!(
            told(Allowed::resolve(&[root.join("none")]).unwrap_err().to_string()),
            "cannot allow the folder `R/none`: No such file or directory (os error 2)"
        );
        let all = Allowed::resolve(&[]).unwrap();
        let proc = mounts(&[mount("/usr", false)], &[], &all, true).unwrap_err().to_string();
        assert_eq!(
            proc,
            "the mount names `/usr`, which would hide files of the container itself: name a file or folder further below"
        );
        assert!(mounts(&[mount("/usr", false)], &[], &all, false).is_ok());
        // Also through a link, and as an option's file.
        let _listener = std::os::unix::net::UnixListener::bind(root.join("engine.sock")).unwrap();
        std::os::unix::fs::symlink(root.join("engine.sock"), root.join("notes.txt")).unwrap();
        let socket = mounts(&[mount(&root.join("notes.txt").display().to_string(), false)], &[], &all, true);
        assert_eq!(
            told(socket.unwrap_err().to_string()),
            "the mount names `R/engine.sock`, which is a socket: only files and folders can be shared with a container"
        );
        let socket = mounts(&[], &[file(&root.join("engine.sock"))], &all, true).unwrap_err().to_string();
        assert!(told(socket).starts_with("option `o` names `R/engine.sock`, which is a socket"));
    }
}
