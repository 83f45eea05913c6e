//! What is mounted below a folder on this machine, by `/proc/self/mountinfo` (proc(5)). Read-only is a property of one
//! mount: what is mounted below a folder that a container shall only read would be writable there, so each of these is
//! shared by itself.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Where the kernel says what is mounted.
const MOUNTS: &str = "/proc/self/mountinfo";

/// Bytes of a line: two paths of 4,096 bytes, each of them escaped to at most four, and options.
const LINE_MAX: usize = 64 << 10;

/// Every mount point below one of these folders, each once, and none of the folders themselves.
pub(super) fn below(folders: &[&Path]) -> io::Result<Vec<PathBuf>> {
    if folders.is_empty() {
        return Ok(Vec::new());
    }
    read(BufReader::with_capacity(LINE_MAX, std::fs::File::open(MOUNTS)?), folders)
}

fn read(mut mounts: impl BufRead, folders: &[&Path]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut line = Vec::new();
    while mounts.read_until(b'\n', &mut line)? > 0 {
        if let Some(point) = mount_point(&line) {
            let is_below = |folder: &&Path| point != **folder && point.starts_with(folder);
            if folders.iter().any(is_below) {
                found.push(point);
            }
        }
        line.clear();
    }
    // Several may be mounted on top of each other at one place.
    found.sort();
    found.dedup();
    Ok(found)
}

/// The fifth field of a line.
fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let field = line.split(|byte| *byte == b' ').nth(4)?;
    Some(PathBuf::from(OsString::from_vec(unescaped(field))))
}

/// Blanks, tabs, line feeds and backslashes are written as three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) => {
                bytes.push(escaped);
                rest = &after[3..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

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
            read(&text[..], &folders).unwrap()
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
