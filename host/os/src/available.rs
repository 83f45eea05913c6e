//! The memory that there is, and that available to this process: the least of the machine's, its control groups' and, for
//! the latter, its own limit of address space. Budgets are shares of it; they are counted elsewhere.

use crate::control_group::{ControlGroup, control_groups};
use crate::small_file::{WRITTEN_MAX, read_text};
use rustix::process::{Resource, getrlimit};
use std::path::Path;

/// The assumption if the figure is unknown: a gibibyte, the smallest machine that runs containers.
const UNKNOWN: u64 = 1 << 30;

/// Bytes of address space reserved for threads' stacks and the allocator's arenas, which are mapped but unused: 64
/// threads of 2 MiB and eight arenas of 64 MiB are 640 MiB, of which at least half are mapped when this is called.
const MAPPED: u64 = 320 << 20;

/// The folder of control groups.
const GROUPS: &str = "/sys/fs/cgroup";

/// A control group's files: the limit, the usage, and the line of reclaimable memory in the statistics.
type Files = (&'static str, &'static str, &'static str);

/// The files of version 2, and of version 1.
const UNIFIED: Files = ("memory.max", "memory.current", "inactive_file ");
const SPLIT: Files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ");

/// Bytes of memory that can be used without harming other processes.
pub fn available_memory() -> u64 {
    let machine = text("/proc/meminfo").and_then(|meminfo| kibibytes(&meminfo, "MemAvailable:"));
    let group = text("/proc/self/cgroup").and_then(|groups| of_groups(&groups, Path::new(GROUPS), left_of));
    [machine, group, of_address_space()].into_iter().flatten().min().unwrap_or(UNKNOWN)
}

/// Bytes of memory that there are: the machine's, or the least limit of the process's control groups.
#[must_use]
pub fn whole_memory() -> u64 {
    let machine = text("/proc/meminfo").and_then(|meminfo| kibibytes(&meminfo, "MemTotal:"));
    let group = text("/proc/self/cgroup").and_then(|groups| of_groups(&groups, Path::new(GROUPS), limit_of));
    [machine, group].into_iter().flatten().min().unwrap_or(UNKNOWN)
}

/// The memory that this process has now, in bytes; `None` if the kernel does not tell.
#[must_use]
pub fn resident_memory() -> Option<u64> {
    text("/proc/self/status").and_then(|status| kibibytes(&status, "VmRSS:"))
}

/// The text of a kernel file.
fn text(path: impl AsRef<Path>) -> Option<String> {
    read_text(path.as_ref(), WRITTEN_MAX).ok()
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The rest of the limit of address space; `None` without a limit.
fn of_address_space() -> Option<u64> {
    let most = getrlimit(Resource::As).current?;
    let mapped = text("/proc/self/status").and_then(|status| kibibytes(&status, "VmSize:"))?;
    Some(most.saturating_sub(mapped).saturating_sub(MAPPED))
}

/// The least figure of the process's groups and their ancestors; `None` if none has a limit.
fn of_groups(groups: &str, root: &Path, figure: fn(&Path, Files) -> Option<u64>) -> Option<u64> {
    let least = |group: ControlGroup<'_>| {
        let (root, files) = match group {
            group if group.is_unified => (root.to_owned(), UNIFIED),
            group if group.counts("memory") => (root.join("memory"), SPLIT),
            _ => return None,
        };
        // In a container the path is the machine's, and the container's own group is the root.
        let within = Path::new(group.path.trim_start_matches('/'));
        within.ancestors().filter_map(|group| figure(&root.join(group), files)).min()
    };
    control_groups(groups).filter_map(least).min()
}

fn number(group: &Path, name: &str) -> Option<u64> {
    text(group.join(name))?.trim().parse().ok()
}

/// Without a limit it is a word, or a number larger than any machine's memory.
fn limit_of(group: &Path, (limit, ..): Files) -> Option<u64> {
    number(group, limit).filter(|limit| *limit < 1 << 60)
}

fn left_of(group: &Path, files @ (_, used, dropped): Files) -> Option<u64> {
    let limit = limit_of(group, files)?;
    let of_files = text(group.join("memory.stat")).and_then(|statistics| {
        statistics.lines().find_map(|line| line.strip_prefix(dropped))?.trim().parse::<u64>().ok()
    });
    Some(limit.saturating_sub(number(group, used)?.saturating_sub(of_files.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_a_group_and_those_above_it_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let left = |groups: &str| of_groups(groups, root.path(), left_of);
        let limit = |groups: &str| of_groups(groups, root.path(), limit_of);
        assert_eq!(left("0::/a/b\n"), None);
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "100\n");
        assert_eq!(left("0::/a/b\n"), None);
        write("a/memory.max", "5000\n");
        write("a/memory.current", "3000\n");
        assert_eq!(left("1:cpu:/\n0::/a/b\n"), Some(2000));
        assert_eq!((limit("0::/a/b\n"), limit("0::/b\n")), (Some(5000), None));
        write("a/memory.stat", "anon 7\ninactive_file 500\n");
        assert_eq!(left("0::/a/b\n"), Some(2500));
        write("memory/c/memory.limit_in_bytes", "1000\n");
        write("memory/c/memory.usage_in_bytes", "1001\n");
        assert_eq!(left("0::/a/b\n4:cpu,memory:/c\n"), Some(0));
        // As a container sees it, whose group is the root.
        write("memory/memory.limit_in_bytes", "400\n");
        write("memory/memory.usage_in_bytes", "0\n");
        assert_eq!(left("4:memory:/docker/x\n"), Some(400));
    }

    #[test]
    fn a_figure_of_the_kernel_is_bytes() {
        assert_eq!(kibibytes("MemTotal: 9 kB\nMemAvailable:   12 kB\n", "MemAvailable:"), Some(12 << 10));
        assert_eq!(kibibytes("MemTotal: 9 kB\n", "MemAvailable:"), None);
        assert!(available_memory() > 0 && whole_memory() >= available_memory());
        assert!(resident_memory().is_some_and(|bytes| bytes > 0));
    }
}
