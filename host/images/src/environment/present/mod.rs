//! The Python packages that an interpreter has, with what each needs: whether they meet what a block lists, and which of
//! them would no longer have what they need. As the interpreter lists them itself, so all of it is untrusted and bounded.

mod ask;
mod broken;
mod satisfied;

pub(super) use broken::{Broken, Change, may_break};

use longshore_model::package_name::normal_name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The program that lists them.
const PROGRAM: &str = include_str!("metadata.py");

/// How its answer begins.
const MARK: &str = "longshore:";

/// Maximum bytes of the answer: the largest images have 5,000 packages, each with 1 KB of needs.
const ANSWER_MAX: usize = 8 << 20;

/// The Python packages of an interpreter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PythonPackages {
    /// The values of the variables of conditions.
    values: BTreeMap<String, String>,
    /// The packages, by their normalized names.
    packages: BTreeMap<String, Package>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Package {
    version: String,
    needs: Vec<String>,
    /// Whether it is from a file or an address, and not from an index.
    fixed: bool,
}

/// The program's answer.
#[derive(Debug, Deserialize)]
struct Answer {
    values: BTreeMap<String, String>,
    packages: Vec<Listed>,
}

/// A package in the answer.
#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
    #[serde(flatten)]
    package: Package,
}

impl PythonPackages {
    /// Reads the program's output; `None` if it has no answer.
    pub(super) fn read(output: &[u8]) -> Option<Self> {
        let lines = output.get(..ANSWER_MAX).unwrap_or(output).split(|byte| *byte == b'\n');
        let answer = lines.filter_map(|line| line.strip_prefix(MARK.as_bytes())).next_back()?;
        let Answer { values, packages: listed } = serde_json::from_slice(answer).ok()?;
        let mut packages = BTreeMap::new();
        for Listed { name, package } in listed {
            // Of equal names, the first is the one imported.
            packages.entry(normal_name(&name)).or_insert(package);
        }
        Some(Self { values, packages })
    }
}

impl PythonPackages {
    /// Whether a package is installed, by its normalized name.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.packages.contains_key(name)
    }
}

#[cfg(test)]
impl PythonPackages {
    /// Packages with what they need, on CPython 3.11.
    pub(super) fn of(packages: &[(&str, &str, &[&str])]) -> Self {
        let values = [("python_version", "3.11"), ("os_name", "posix"), ("sys_platform", "linux")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let mut there = Self { values, packages: BTreeMap::new() };
        packages.iter().for_each(|(name, version, needs)| there.add(name, version, needs));
        there
    }

    pub(super) fn add(&mut self, name: &str, version: &str, needs: &[&str]) {
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        self.packages.insert(name.to_owned(), Package { version: version.to_owned(), needs, fixed: false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_among_other_lines() {
        let answer = br#"longshore:{"values":{"os_name":"posix"},"packages":[{"name":"Zope.Event","version":"5","needs":["a>1"],"fixed":true}]}"#;
        let read = PythonPackages::read(&[b"hello\xff\n", &answer[..], b"\nbye"].concat()).unwrap();
        assert!(read.packages.get("zope-event").is_some_and(|package| package.fixed && package.needs == ["a>1"]));
        for other in [&b""[..], b"longshore:", b"longshore:{}", b"longshore:[1", &answer[1..]] {
            assert_eq!(PythonPackages::read(other), None);
        }
        for end in 0..answer.len() {
            assert_eq!(PythonPackages::read(&answer[..end]), None, "{end}");
        }
    }

    #[test]
    fn this_machine_lists_its_packages() {
        let listed = std::process::Command::new("python3").args(["-I", "-c", PROGRAM]).output().unwrap();
        let read = PythonPackages::read(&listed.stdout).unwrap();
        assert_eq!(read.values["os_name"], "posix");
        assert!(read.values["python_version"].starts_with("3."));
    }
}
