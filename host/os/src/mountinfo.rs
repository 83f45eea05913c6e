//! The mounts that this process sees, from `/proc/self/mountinfo` (proc(5)).

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The kernel's list of mounts.
const MOUNTS: &str = "/proc/self/mountinfo";

/// The most bytes of a line: two paths of 4,096 bytes, each byte escaped to at most four, and options.
const LINE_MAX: usize = 64 << 10;

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// The part of the file system that is mounted.
    pub root: PathBuf,
    /// The mount point.
    pub point: PathBuf,
    /// The type of the file system.
    file_system: Vec<u8>,
    /// The file system's options, separated by commas.
    options: Vec<u8>,
}

impl Mounted {
    /// Whether its file system has this type and this option.
    pub fn is_of(&self, file_system: &str, option: &str) -> bool {
        self.file_system == file_system.as_bytes()
            && self.options.split(|byte| *byte == b',').any(|found| found == option.as_bytes())
    }
}

/// All mounts, in the order of mounting. Blocks no longer than reading any kernel file.
pub fn mounted() -> io::Result<Vec<Mounted>> {
    read(BufReader::with_capacity(LINE_MAX, std::fs::File::open(MOUNTS)?))
}

/// Parses the kernel's text. Lines that cannot be parsed are skipped.
pub fn read(mut lines: impl BufRead) -> io::Result<Vec<Mounted>> {
    let (mut found, mut line) = (Vec::new(), Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        found.extend(parsed(line.trim_ascii_end()));
        line.clear();
    }
    Ok(found)
}

/// Numbers of the mount, its parent and the device, then root, point and options; optional fields and a hyphen; then
/// the file system, its source and its options.
fn parsed(line: &[u8]) -> Option<Mounted> {
    let mut fields = line.split(|byte| *byte == b' ');
    let root = path(fields.nth(3)?);
    let point = path(fields.next()?);
    let mut of_system = fields.skip_while(|field| *field != b"-").skip(1);
    let (file_system, options) = (of_system.next()?.to_vec(), of_system.nth(1)?.to_vec());
    Some(Mounted { root, point, file_system, options })
}

fn path(field: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(unescaped(field)))
}

/// Decodes blanks, tabs, line feeds and backslashes from three octal digits.
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
    fn a_line_is_read_by_its_fields() {
        let text = b"35 26 0:30 /a\\040b /sys/fs/cgroup/memory rw,nosuid shared:9 master:1 - cgroup cgroup rw,memory\n\
            22 28 0:20 / /sy\\134s rw - sysfs sysfs rw\n\
            short line\n";
        let [group, system] = &read(&text[..]).unwrap()[..] else { panic!("two lines make sense") };
        assert_eq!((&*group.root, &*group.point), ("/a b".as_ref(), "/sys/fs/cgroup/memory".as_ref()));
        assert!(group.is_of("cgroup", "memory") && !group.is_of("cgroup", "cpu") && !group.is_of("cgroup2", "memory"));
        assert_eq!((&*system.root, &*system.point), ("/".as_ref(), "/sy\\s".as_ref()));
        assert!(system.is_of("sysfs", "rw"));
    }

    #[test]
    fn the_kernel_says_what_is_mounted_here() {
        assert!(mounted().unwrap().iter().any(|mounted| mounted.point == std::path::Path::new("/proc")));
    }
}
