//! Which installed packages need which others, as their own metadata says: the answer to why a package is there that no
//! block lists. Untrusted, as packages describe themselves; bounded by the length of the listing.

use super::line::Kind;
use longshore_model::package_name::normal_name;
use std::collections::{BTreeMap, BTreeSet};

/// The needs of installed packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The packages that need one, each with the extra of it that does; empty if it does without one.
    by: BTreeMap<(Kind, String), BTreeSet<(String, String)>>,
}

impl Needs {
    /// A Python package that needs another, with an extra unless it is `-`.
    pub(crate) fn python(&mut self, package: &str, needed: &str, extra: &str) {
        let extra = if extra == "-" { "" } else { extra };
        self.add(Kind::Pip, &normal_name(package), &normal_name(needed), extra);
    }

    /// An R package that needs another.
    pub(super) fn r(&mut self, package: &str, needed: &str) {
        self.add(Kind::RPackage, package, needed, "");
    }

    /// A Debian package with its dependencies, as its control file lists them.
    pub(super) fn debian(&mut self, package: &str, dependencies: &str) {
        for alternative in dependencies.split([',', '|']) {
            // The listing has `%20` for a blank.
            let name = alternative.trim_start_matches("%20").split(['%', '(', ':', '[']).next();
            self.add(Kind::Deb, package, name.unwrap_or_default(), "");
        }
    }

    fn add(&mut self, kind: Kind, package: &str, needed: &str, extra: &str) {
        if !needed.is_empty() && package != needed {
            let by = self.by.entry((kind, needed.to_owned())).or_default();
            by.insert((package.to_owned(), extra.to_owned()));
        }
    }

    /// The packages that need one, sorted. Those of which only an extra needs it count if no other does: whether the extra
    /// was asked for is not recorded.
    pub(crate) fn needed_by(&self, kind: Kind, name: &str) -> Vec<String> {
        let Some(by) = self.by.get(&(kind, name.to_owned())) else { return Vec::new() };
        let plain: Vec<String> =
            by.iter().filter(|(_, extra)| extra.is_empty()).map(|(name, _)| name.clone()).collect();
        if !plain.is_empty() {
            return plain;
        }
        by.iter().map(|(name, extra)| format!("{name}[{extra}]")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_found_by_what_is_needed() {
        let mut needs = Needs::default();
        needs.python("Pandas", "Python_DateUtil", "-");
        needs.python("arrow", "python-dateutil", "-");
        needs.python("pandas", "openpyxl", "excel");
        needs.python("six", "six", "-");
        needs.r("xts", "zoo");
        needs.debian("r-cran-zoo", "libc6%20(>=%202.14),r-base-core%20(>=%204.2),%20a:any%20|%20b");
        let by = |kind, name| needs.needed_by(kind, name);
        assert_eq!(by(Kind::Pip, "python-dateutil"), ["arrow", "pandas"]);
        assert_eq!(by(Kind::Pip, "openpyxl"), ["pandas[excel]"]);
        assert_eq!(by(Kind::RPackage, "zoo"), ["xts"]);
        for name in ["libc6", "r-base-core", "a", "b"] {
            assert_eq!(by(Kind::Deb, name), ["r-cran-zoo"], "{name}");
        }
        assert!(
            by(Kind::Pip, "six").is_empty() && by(Kind::RPackage, "six").is_empty() && by(Kind::Deb, "").is_empty()
        );
    }
}
