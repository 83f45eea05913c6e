//! Whether the kernel killed a process of this container because memory ran out, from the counters of its cgroup.

/// Paths of the counter in cgroup versions 2 and 1, as seen in a container.
const COUNTERS: [&str; 2] = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];

/// Processes that the kernel has killed in this cgroup so far; 0 where no counter can be read.
pub(crate) fn count() -> u64 {
    COUNTERS.iter().find_map(|path| parse(&std::fs::read_to_string(path).ok()?)).unwrap_or(0)
}

fn parse(counters: &str) -> Option<u64> {
    counters.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_the_counter_are_read() {
        assert_eq!(parse("low 0\nhigh 0\nmax 4\noom 1\noom_kill 2\n"), Some(2));
        assert_eq!(parse("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"), Some(1));
        assert_eq!(parse("oom_kill_disable 0\n"), None);
    }
}
