//! The control groups of a process, from `/proc/PID/cgroup` (cgroups(7)).

/// A group in one hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlGroup<'a> {
    /// Its path below the root of its hierarchy.
    pub path: &'a str,
    /// The controllers of the hierarchy, separated by commas.
    controllers: &'a str,
    /// Whether it is of version 2, whose single hierarchy has all controllers.
    pub is_unified: bool,
}

impl ControlGroup<'_> {
    /// Whether it is of version 1 and has this controller.
    pub fn counts(&self, controller: &str) -> bool {
        self.controllers.split(',').any(|word| word == controller)
    }
}

/// The groups in the text of such a file. Lines that cannot be parsed are skipped.
pub fn control_groups(text: &str) -> impl Iterator<Item = ControlGroup<'_>> {
    text.lines().filter_map(|line| {
        let (number, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        Some(ControlGroup { path, controllers, is_unified: number == "0" && controllers.is_empty() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_told_apart_by_what_they_count() {
        let text = "12:name=systemd:/a\n5:cpu,memory:/docker/b:c\nmemory\n\n3::/odd\n0::/system.slice\n";
        let of_memory: Vec<_> = control_groups(text).filter(|group| group.counts("memory")).collect();
        assert_eq!(of_memory.iter().map(|group| group.path).collect::<Vec<_>>(), ["/docker/b:c"]);
        let unified: Vec<_> = control_groups(text).filter(|group| group.is_unified).collect();
        assert_eq!(unified.iter().map(|group| group.path).collect::<Vec<_>>(), ["/system.slice"]);
    }
}
