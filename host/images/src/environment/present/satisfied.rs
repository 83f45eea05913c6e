//! Whether installed packages meet requirements, with all that they need themselves: then nothing has to be installed.

use super::{Package, PythonPackages};
use longshore_block::PythonRequirement;
use std::collections::BTreeSet;

impl PythonPackages {
    /// Whether all requirements are met. One that only a resolver can interpret is not.
    pub(in crate::environment) fn satisfy<'a>(&self, requirements: impl IntoIterator<Item = &'a str>) -> bool {
        // The packages of which something is needed, each with an extra, which may be empty.
        let mut seen: BTreeSet<(&str, String)> = BTreeSet::new();
        let mut queue: Vec<(&Package, String)> = Vec::new();
        let mut take = |text: &str, of_extra: &str, queue: &mut Vec<_>| {
            let Some(read) = PythonRequirement::of(text) else { return false };
            if !read.applies(&self.values, of_extra) {
                return true;
            }
            let there = self.packages.get_key_value(&read.name).filter(|(_, package)| read.allows(&package.version));
            let Some((name, package)) = there else { return false };
            let extras = read.extras.into_iter().chain([String::new()]);
            queue.extend(extras.filter(|extra| seen.insert((name, extra.clone()))).map(|extra| (package, extra)));
            read.url.is_none()
        };
        if !requirements.into_iter().all(|text| take(text, "", &mut queue)) {
            return false;
        }
        while let Some((package, extra)) = queue.pop() {
            if !package.needs.iter().all(|need| take(need, &extra, &mut queue)) {
                return false;
            }
        }
        true
    }

    /// Whether exactly these packages are installed, whatever they need.
    pub(in crate::environment) fn has<'a>(&self, exact: impl IntoIterator<Item = &'a str>) -> bool {
        exact.into_iter().all(|text| {
            PythonRequirement::of(text).is_some_and(|read| {
                let there = self.packages.get(&read.name).is_some_and(|package| read.allows(&package.version));
                !read.applies(&self.values, "") || there && read.url.is_none()
            })
        })
    }

    /// Whether the installed packages are within bounds, as far as these name them.
    pub(in crate::environment) fn are_within<'a>(&self, constraints: impl IntoIterator<Item = &'a str>) -> bool {
        constraints.into_iter().all(|text| {
            PythonRequirement::of(text).is_some_and(|read| {
                let allowed = self.packages.get(&read.name).is_none_or(|package| read.allows(&package.version));
                allowed || !read.applies(&self.values, "")
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages() -> PythonPackages {
        PythonPackages::of(&[
            ("scikit-learn", "1.9.1", &["numpy>=1.24", "joblib>=1.4", "pytest; extra == 'tests'", "bad need !"]),
            ("numpy", "2.4.6", &["other; python_version < '3'"]),
            ("joblib", "1.6.0", &["numpy; extra == 'arrays'", "joblib; extra == 'self'"]),
            ("requests", "2.34.2", &["pysocks>=1.5; extra == 'socks'", "chardet; extra == 'slow'"]),
            ("pysocks", "1.7", &[]),
            ("lacking", "1", &["absent"]),
        ])
    }

    #[test]
    fn what_is_there_meets_what_is_listed() {
        let mut packages = packages();
        assert!(!packages.satisfy(["scikit-learn"]), "it needs what nobody can read");
        packages.packages.get_mut("scikit-learn").unwrap().needs.pop();
        for (list, expected) in [
            (&["scikit-learn"][..], true),
            (&["Scikit_Learn >= 1.9, < 2", "numpy"], true),
            (&["scikit-learn<1.9"], false),
            (&["scikit-learn[tests]"], false),
            (&["joblib[arrays]"], true),
            (&["joblib[self]"], true),
            (&["requests[socks]"], true),
            (&["requests[SOCKS,unknown]"], true),
            (&["requests[socks,slow]"], false),
            (&["absent; python_version < '3'"], true),
            (&["absent; sys_platform == 'linux'"], false),
            (&["numpy @ https://x.example/numpy.whl"], false),
            (&["lacking"], false),
            (&["numpy", "absent"], false),
            (&["--pre"], false),
            (&[], true),
        ] {
            assert_eq!(packages.satisfy(list.iter().copied()), expected, "{list:?}");
        }
    }

    #[test]
    fn exact_packages_and_bounds_are_compared_alone() {
        let packages = packages();
        assert!(packages.has(["numpy==2.4.6", "lacking==1", "absent==1 ; os_name == 'nt'"]));
        for other in ["numpy==2.4.5", "absent==1", "numpy @ https://x.example/numpy.whl", "?"] {
            assert!(!packages.has([other]), "{other}");
        }
        assert!(packages.are_within(["numpy<3", "absent<1", "numpy<2; python_version < '3'"]));
        assert!(!packages.are_within(["numpy<2"]) && !packages.are_within(["numpy<2 ; os_name == 'posix'"]));
    }
}
