//! Mount points below a folder of this machine. Read-only is a property of one mount: a file system mounted below a
//! read-only folder would be writable in the container, so each is mounted by itself.

use longshore_os::mountinfo::{Mounted, mounted};
use std::io;
use std::path::{Path, PathBuf};

/// Every mount point below one of these folders, each once, and none of the folders themselves.
pub(super) fn below(folders: &[&Path]) -> io::Result<Vec<PathBuf>> {
    if folders.is_empty() {
        return Ok(Vec::new());
    }
    Ok(points_below(mounted()?, folders))
}

fn points_below(mounted: Vec<Mounted>, folders: &[&Path]) -> Vec<PathBuf> {
    let is_below = |point: &PathBuf| folders.iter().any(|folder| point != folder && point.starts_with(folder));
    let mut found: Vec<PathBuf> = mounted.into_iter().map(|mounted| mounted.point).filter(is_below).collect();
    // Several may be mounted on top of each other at one path.
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_os::mountinfo::read;

    #[test]
    fn mount_points_below_folders_are_found_once() {
        let text = b"22 28 0:20 / /sys rw - sysfs sysfs rw\n\
            30 1 8:1 / /data rw shared:1 - ext4 /dev/sda1 rw\n\
            31 30 0:40 / /data/a\\040b\\134c rw - tmpfs t rw\n\
            32 30 0:41 / /data/sub rw - tmpfs t rw\n\
            33 32 0:42 / /data/sub rw - tmpfs t rw\n\
            34 1 0:43 / /database rw - tmpfs t rw\n\
            short line\n";
        let found = |folders: &[&str]| {
            let folders: Vec<&Path> = folders.iter().map(Path::new).collect();
            points_below(read(&text[..]).unwrap(), &folders)
        };
        assert_eq!(found(&["/data"]), [PathBuf::from("/data/a b\\c"), "/data/sub".into()]);
        assert_eq!(found(&["/data/sub", "/sy"]), Vec::<PathBuf>::new());
        assert_eq!(found(&["/data", "/data"]).len(), 2);
    }

    #[test]
    fn the_kernel_says_what_is_mounted_here() {
        assert!(below(&[Path::new("/")]).unwrap().contains(&PathBuf::from("/proc")));
    }
}
