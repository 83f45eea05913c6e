//! The table of system calls, a text: a line for each, with its numbers, its name and its answer. A line that cannot be
//! read would refuse its call; a test reads every line.

use super::{Answer, Error};

/// The table. `tests/tests/seccomp.rs` compares it with the answers in a container.
const TABLE: &str = include_str!("calls.txt");

/// The answer to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Always the same.
    Always(Answer),
    /// It depends on the arguments.
    ByArguments,
}

/// A system call. Engines derive its number from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) rule: Rule,
}

/// All calls of the table.
pub(super) fn calls() -> impl Iterator<Item = Call> {
    lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(2);
        let name = words.next()?;
        let rule = match words.next()? {
            "allow" => Rule::Always(Answer::Allow),
            "eperm" => Rule::Always(Answer::Refuse(Error::Permission)),
            "arguments" => Rule::ByArguments,
            _ => Rule::Always(Answer::Refuse(Error::NoSuchCall)),
        };
        Some(Call { name, rule })
    })
}

fn lines() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// The numbers of an architecture by name.
    fn numbers(column: usize) -> BTreeMap<&'static str, u32> {
        let words = lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let numbered = words.filter(|words| words[column] != "-");
        numbered.map(|words| (words[2], words[column].parse().unwrap())).collect()
    }

    #[test]
    fn every_line_has_two_numbers_a_name_and_an_answer() {
        let mut names = BTreeSet::new();
        for line in lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(words.len(), 4, "{line}");
            assert!(words[..2].iter().all(|number| *number == "-" || number.parse::<u32>().is_ok()), "{line}");
            assert!(words[..2].iter().any(|number| *number != "-"), "{line}");
            assert!(["allow", "eperm", "enosys", "arguments"].contains(&words[3]), "{line}");
            assert!(names.insert(words[2]), "twice: {line}");
        }
        assert_eq!(calls().count(), names.len());
    }

    #[test]
    fn no_number_is_left_out() {
        let of = |column| numbers(column).into_values().collect::<BTreeSet<_>>();
        // Numbers in between are unused, or used by other architectures.
        let x86_64: BTreeSet<u32> = (0..=336).chain(424..=469).collect();
        assert_eq!(of(0), x86_64);
        let aarch64: BTreeSet<u32> = (0..=243).chain(260..=294).chain(424..=469).collect();
        assert_eq!(of(1), aarch64);
        assert_eq!((numbers(0).len(), numbers(1).len()), (x86_64.len(), aarch64.len()), "a number is there twice");
    }

    /// The numbers in the C library's headers of this machine, which are the kernel's.
    #[test]
    fn the_numbers_are_those_of_this_machines_headers() {
        let header = if cfg!(target_arch = "x86_64") {
            "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
        } else {
            "/usr/include/asm-generic/unistd.h"
        };
        let text = std::fs::read_to_string(header).unwrap();
        let defined = text.lines().filter_map(|line| {
            let mut words = line.strip_prefix("#define __NR_")?.split_whitespace();
            Some((words.next()?, words.next()?.parse::<u32>().ok()?))
        });
        let defined: BTreeMap<&str, u32> = defined.collect();
        assert!(defined.len() > 300, "{header}");
        let numbers = numbers(usize::from(!cfg!(target_arch = "x86_64")));
        let wrong = defined.iter().filter(|(name, number)| numbers.get(**name) != Some(*number));
        assert_eq!(wrong.collect::<Vec<_>>(), []);
    }
}
