//! The packages that would no longer have what they need if others were replaced. The packages that replace them have it, since
//! a resolver chose these together; it does not look at the others.

use super::PythonPackages;
use longshore_block::PythonRequirement;
use std::collections::BTreeMap;
use std::fmt;

/// A package that is about to be replaced, with the new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::environment) struct Change {
    /// Its normalized name.
    pub(in crate::environment) name: String,
    /// Its version.
    pub(in crate::environment) version: String,
}

/// A package that would no longer work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::environment) struct Broken {
    /// Its name.
    pub(in crate::environment) package: String,
    /// Its version.
    pub(in crate::environment) version: String,
    /// Its requirement, without a condition.
    need: String,
    /// The name of the package that it needs.
    pub(in crate::environment) needed: String,
    /// The version which that package would have.
    pub(in crate::environment) instead: String,
    /// Whether it must stay, since no index has it.
    pub(in crate::environment) stays: bool,
    /// The requirement with which all is resolved again: the package in another version, or what it needs if no index has it.
    pub(in crate::environment) ask: String,
}

/// The SDK, which is on no index.
const SDK: [&str; 2] = ["longshore", "omniscope-api"];

/// A need that a package does not declare: an import fails without it.
struct Undeclared {
    package: &'static str,
    /// Its versions that have the need.
    versions: &'static str,
    need: &'static str,
    /// The requirement of a version without the need.
    ask: &'static str,
}

/// The undeclared needs of packages of the images.
const UNDECLARED: [Undeclared; 1] =
    [Undeclared { package: "pyarrow", versions: "pyarrow>=26", need: "numpy>=2", ask: "pyarrow<26" }];

impl Change {
    /// A package that uv is about to install, as in `numpy==1.26.4`.
    pub(in crate::environment) fn of(pin: &str) -> Option<Self> {
        let (name, version) = pin.split_once("==")?;
        let name = longshore_model::package_name::normal_name(name.trim());
        Some(Self { name, version: version.split_whitespace().next()?.to_owned() })
    }
}

impl Broken {
    /// Whether it is the SDK, which as of a day is used with older packages than it asks for.
    pub(in crate::environment) fn is_sdk(&self) -> bool {
        SDK.contains(&self.package.as_str())
    }

    /// The requirement that would not be met, in backticks.
    pub(in crate::environment) fn need(&self) -> String {
        format!("`{}`", self.need)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` {} needs {}", self.package, self.version, self.need())
    }
}

/// Whether changes, with their signs, may break something: they replace a package, or add one with needs that it does not
/// declare.
pub(in crate::environment) fn may_break<'a>(changes: impl IntoIterator<Item = &'a String>) -> bool {
    changes.into_iter().any(|change| {
        let change = change.trim_start();
        let added = change.strip_prefix("+ ").and_then(Change::of);
        change.starts_with("- ")
            || added.is_some_and(|added| UNDECLARED.iter().any(|undeclared| undeclared.package == added.name))
    })
}

impl PythonPackages {
    /// The packages that work now, and not with these changes: of each, the first of its needs that is not met.
    pub(in crate::environment) fn broken_by(&self, changes: &[Change]) -> Vec<Broken> {
        let new: BTreeMap<&str, &str> =
            changes.iter().map(|change| (change.name.as_str(), change.version.as_str())).collect();
        let mut broken: Vec<Broken> = Vec::new();
        for (name, package) in self.packages.iter().filter(|(name, _)| !new.contains_key(name.as_str())) {
            let breaks = |text: &String| {
                let read = PythonRequirement::of(text)?;
                let instead = new.get(read.name.as_str())?;
                let works = self.packages.get(&read.name).is_some_and(|before| read.allows(&before.version));
                if !works || read.allows(instead) || !read.applies(&self.values, "") {
                    return None;
                }
                let need = format!("{}{}", read.name, without_blanks(&read.versions.to_string()));
                let stays = package.fixed || SDK.contains(&name.as_str());
                Some(Broken {
                    stays,
                    ask: if stays { need.clone() } else { name.clone() },
                    package: name.clone(),
                    version: package.version.clone(),
                    need,
                    needed: read.name.clone(),
                    instead: (*instead).to_owned(),
                })
            };
            broken.extend(package.needs.iter().find_map(breaks));
        }
        for broken_too in UNDECLARED.iter().filter_map(|undeclared| self.breaks(undeclared, &new)) {
            broken.retain(|broken| broken.package != broken_too.package);
            broken.push(broken_too);
        }
        broken
    }

    /// Requirements of packages in versions without the undeclared needs that are not met here.
    pub(in crate::environment) fn avoided(&self) -> impl Iterator<Item = &'static str> {
        let is_met = |undeclared: &&Undeclared| {
            let need = PythonRequirement::of(undeclared.need);
            need.is_none_or(|need| self.packages.get(&need.name).is_none_or(|there| need.allows(&there.version)))
        };
        UNDECLARED.iter().filter(move |undeclared| !is_met(undeclared)).map(|undeclared| undeclared.ask)
    }

    /// The package with an undeclared need, if it is not met after changes to it or to what it needs.
    fn breaks(&self, undeclared: &Undeclared, new: &BTreeMap<&str, &str>) -> Option<Broken> {
        let Undeclared { package, versions, need, ask } = *undeclared;
        let (versions, need) = (PythonRequirement::of(versions)?, PythonRequirement::of(need)?);
        let then = |name: &str| {
            let there = self.packages.get(name).map(|package| package.version.as_str());
            new.get(name).copied().or(there)
        };
        let is_changed = new.contains_key(package) || new.contains_key(need.name.as_str());
        let (version, instead) = (then(package)?, then(&need.name)?);
        (is_changed && versions.allows(version) && !need.allows(instead)).then(|| Broken {
            package: package.to_owned(),
            version: version.to_owned(),
            need: format!("{}{}", need.name, need.versions),
            needed: need.name.clone(),
            instead: instead.to_owned(),
            stays: false,
            ask: ask.to_owned(),
        })
    }
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(packages: &PythonPackages, changes: &[&str]) -> Vec<String> {
        let changes: Vec<Change> = changes.iter().filter_map(|pin| Change::of(pin)).collect();
        packages.broken_by(&changes).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_works_and_would_not_is_broken() {
        let packages = PythonPackages::of(&[
            ("pandas", "3.1.1", &["numpy>=2.0.2; python_version < '3.14'", "numpy>=2.3; python_version >= '3.14'"]),
            ("scipy", "1.17.1", &["numpy<2.7,>=1.26.4", "pytest; extra == 'tests'"]),
            ("numpy", "2.4.6", &[]),
            ("pyarrow", "20", &[]),
            ("longshore", "0.1.0", &["pyarrow>=16"]),
            ("odd", "1", &["numpy (<2)", "pandas===3.1.1", "?"]),
            ("old", "1", &["numpy<2"]),
        ]);
        assert_eq!(broken(&packages, &["numpy==2.5"]), Vec::<String>::new());
        assert_eq!(broken(&packages, &["Numpy==1.26.4"]), ["`pandas` 3.1.1 needs `numpy>=2.0.2`"]);
        assert_eq!(broken(&packages, &["numpy==1.26.4", "pandas==3.0.6"]), ["`odd` 1 needs `pandas===3.1.1`"]);
        assert_eq!(
            broken(&packages, &["numpy==1.20 (from https://x.example)"]),
            ["`pandas` 3.1.1 needs `numpy>=2.0.2`", "`scipy` 1.17.1 needs `numpy>=1.26.4,<2.7`"]
        );
        assert_eq!(broken(&packages, &["pytest==1", "?"]), Vec::<String>::new());
        let asked = |package: &str| packages.broken_by(&[Change::of(package).unwrap()]).remove(0).ask;
        assert_eq!((asked("numpy==1.26.4").as_str(), asked("pyarrow==15").as_str()), ("pandas", "pyarrow>=16"));
    }

    #[test]
    fn needs_that_are_not_declared_count() {
        let packages = PythonPackages::of(&[("pyarrow", "26.0.1", &[]), ("numpy", "2.4.6", &[])]);
        let old = PythonPackages::of(&[("numpy", "1.26.4", &[])]);
        for (packages, changes, expected) in [
            (&packages, &["numpy==1.26.4"][..], &["`pyarrow` 26.0.1 needs `numpy>=2`"][..]),
            (&packages, &["numpy==1.26.4", "pyarrow==25.0.1"], &[]),
            (&packages, &["numpy==2.5"], &[]),
            (&packages, &["six==1"], &[]),
            (&old, &["pyarrow==27"], &["`pyarrow` 27 needs `numpy>=2`"]),
            (&old, &["pyarrow==27", "numpy==2.5"], &[]),
            (&old, &["six==1"], &[]),
        ] {
            assert_eq!(broken(packages, changes), expected, "{changes:?}");
        }
        assert_eq!((packages.avoided().count(), old.avoided().collect::<Vec<_>>()), (0, vec!["pyarrow<26"]));
        let may_break =
            |changes: &[&str]| super::may_break(&changes.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        assert!(may_break(&[" - a==1"]) && may_break(&["+ PyArrow==1"]) && !may_break(&["+ a==1", "? unknown"]));
    }
}
