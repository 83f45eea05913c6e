//! Why each package of an environment is there: the file that lists it, the packages that need it, the constraints and the
//! lock that hold its version, or the base image. Pure.

use crate::fingerprint::lines::Fingerprint;
use crate::fingerprint::needs::Needs;
use crate::listed::{ListedKind, ListedPackage};
use longshore_block::{cut_name, package_name};
use longshore_model::constraint::Constraint;
use longshore_model::package_name::normal_name;
use longshore_model::r_requirement::RRequirement;
use serde::Serialize;
use std::collections::BTreeSet;

/// Names in a line of a text.
const SHOWN_MAX: usize = 5;

/// A package of an environment, and why it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PackageOrigin {
    /// `pip`, `r` or `deb`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version; `null` if it is not known.
    pub version: Option<String>,
    /// Whether it is the base image's, and nothing was installed for it.
    pub of_base: bool,
    /// Where the block lists it.
    pub listed: Vec<Listed>,
    /// The packages that need it.
    pub needed_by: Vec<String>,
    /// Constraints on its version.
    pub constraints: Vec<String>,
    /// The lock that has its version.
    pub lock: Option<String>,
}

/// A package in a list of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// As it is listed, such as `humanize>=4`.
    pub text: String,
    /// The file, and the line where it is known; `null` if no file is known.
    pub place: Option<String>,
}

/// What is known about an environment.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    /// What the block lists.
    pub(super) listed: &'a [ListedPackage],
    /// The packages installed for it: `pip humanize==4.12.0`.
    pub(super) installed: &'a [String],
    /// All packages of its image, and their needs.
    pub(super) image: Option<&'a (Fingerprint, Needs)>,
    /// Constraints on versions.
    pub(super) constraints: &'a [String],
    /// The block's lock.
    pub(super) lock: Option<&'a LockNames>,
}

/// A lock.
#[derive(Debug)]
pub(super) struct LockNames {
    /// Its file.
    pub(super) file: String,
    /// The kinds and names of the packages in it.
    pub(super) packages: BTreeSet<(String, String)>,
}

/// The packages of an environment: those installed for it, and those that its block lists and its base has.
pub(super) fn origins(known: &Known<'_>) -> Vec<PackageOrigin> {
    let mut origins: Vec<PackageOrigin> = known.installed.iter().filter_map(|line| installed(line)).collect();
    for listed in known.listed {
        let place = Listed { text: listed.text.clone(), place: listed.place.clone() };
        match origins.iter_mut().find(|origin| origin.is_for(listed)) {
            Some(origin) => origin.listed.push(place),
            None => origins.push(PackageOrigin { listed: vec![place], ..not_installed(listed, known) }),
        }
    }
    for origin in &mut origins {
        origin.complete(known);
    }
    origins
}

/// A package in a line of the list of what was installed.
fn installed(line: &str) -> Option<PackageOrigin> {
    let (kind, rest) = line.split_once(' ')?;
    let separator = if kind == "deb" { "=" } else { "==" };
    let (name, version) = rest.split_once(separator)?;
    Some(PackageOrigin::new(kind, name, Some(version.to_owned())))
}

/// A package that is listed and was not installed: the base has it, or nothing was installed yet.
fn not_installed(listed: &ListedPackage, known: &Known<'_>) -> PackageOrigin {
    let (kind, name) = (listed.kind, listed.name());
    let lines = known.image.map(|(packages, _)| packages.lines()).unwrap_or_default();
    let found = lines.iter().find(|line| line.kind() == kind.in_fingerprints() && line.name() == name);
    let version = found.map(|line| line.version().to_owned());
    PackageOrigin { of_base: found.is_some(), ..PackageOrigin::new(kind.word(), &name, version) }
}

impl ListedPackage {
    /// The package's name, as installers compare it.
    fn name(&self) -> String {
        match self.kind {
            ListedKind::Python => package_name(&self.text).unwrap_or_else(|| self.text.clone()),
            ListedKind::R => {
                let requirement = self.text.parse::<RRequirement>();
                requirement.map_or_else(|_| self.text.clone(), |requirement| requirement.name().to_owned())
            }
            ListedKind::Debian => self.text.split('=').next().unwrap_or(&self.text).to_owned(),
        }
    }
}

impl PackageOrigin {
    fn new(kind: &str, name: &str, version: Option<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            version,
            of_base: false,
            listed: Vec::new(),
            needed_by: Vec::new(),
            constraints: Vec::new(),
            lock: None,
        }
    }

    /// Whether it is what a block lists. R packages may be Debian's.
    fn is_for(&self, listed: &ListedPackage) -> bool {
        let name = listed.name();
        match (listed.kind, self.kind.as_str()) {
            (ListedKind::Python, "pip") => normal_name(&self.name) == name,
            (ListedKind::R, "r") | (ListedKind::Debian, "deb") => self.name == name,
            (ListedKind::R, "deb") => self.name == format!("r-cran-{}", name.to_lowercase()),
            _ => false,
        }
    }

    fn complete(&mut self, known: &Known<'_>) {
        let kind = ListedKind::named(&self.kind).unwrap_or(ListedKind::Debian);
        if let Some((_, needs)) = known.image.filter(|_| !self.of_base) {
            self.needed_by = needs.needed_by(kind.in_fingerprints(), &self.name);
        }
        if kind == ListedKind::Python {
            let of_this = |text: &&String| {
                text.parse::<Constraint>().map_or_else(|_| cut_name(text).0 == self.name, |one| one.name() == self.name)
            };
            self.constraints = known.constraints.iter().filter(of_this).cloned().collect();
        }
        let has_this = |lock: &&LockNames| lock.packages.contains(&(self.kind.clone(), self.name.clone()));
        self.lock = known.lock.filter(has_this).map(|lock| lock.file.clone());
    }

    /// The text for users: the package, and why it is there.
    #[must_use]
    pub fn text(&self) -> String {
        let separator = if self.kind == "deb" { "=" } else { "==" };
        let version = self.version.as_ref().map(|version| format!("{separator}{version}")).unwrap_or_default();
        let mut reasons = Vec::new();
        if self.of_base {
            reasons.push("the base has it".to_owned());
        }
        reasons.extend(self.listed.iter().map(|Listed { text, place }| match place {
            Some(place) => format!("`{text}` in {place}"),
            None => format!("listed as `{text}`"),
        }));
        if !self.needed_by.is_empty() {
            reasons.push(format!("needed by {}", some(&self.needed_by)));
        }
        if !self.constraints.is_empty() {
            reasons.push(format!("bound by `{}`", self.constraints.join("`, `")));
        }
        reasons.extend(self.lock.iter().map(|lock| format!("version of `{lock}`")));
        let package = format!("{} {}{version}", self.kind, self.name);
        if reasons.is_empty() { package } else { format!("{package}: {}", reasons.join("; ")) }
    }
}

/// The first of several names.
fn some(names: &[String]) -> String {
    let shown = names[..names.len().min(SHOWN_MAX)].join(", ");
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(kind: ListedKind, text: &str, place: Option<&str>) -> ListedPackage {
        ListedPackage { kind, text: text.to_owned(), place: place.map(str::to_owned) }
    }

    #[test]
    fn each_package_has_its_reason() {
        let asked = [
            listed(ListedKind::Python, "Pandas_DQ>=1", Some("`requirements.txt`, line 2")),
            listed(ListedKind::Python, "numpy", Some("`main.py`")),
            listed(ListedKind::R, "data.table", Some("the code of `s.R`")),
            listed(ListedKind::R, "zoo", None),
            listed(ListedKind::Debian, "tree=2.1.0-1", Some("`apt.txt`")),
            listed(ListedKind::Python, "absent", None),
        ];
        let installed = [
            "deb r-cran-data.table=1.14.8-1",
            "deb tree=2.1.0-1",
            "pip pandas-dq==1.2",
            "pip six==1.16",
            "r zoo==1.8-11",
            "nonsense",
        ]
        .map(str::to_owned);
        let mut needs = Needs::default();
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            needs.python(name, "six", "-");
        }
        let fingerprint = Fingerprint::new(["pip numpy 2.4".parse().unwrap()]);
        let packages = [("pip".to_owned(), "six".to_owned())].into_iter().collect();
        let known = Known {
            listed: &asked,
            installed: &installed,
            image: Some(&(fingerprint, needs)),
            constraints: &["six<2".to_owned(), "other<1".to_owned()],
            lock: Some(&LockNames { file: "longshore.lock".to_owned(), packages }),
        };
        let texts: Vec<String> = origins(&known).iter().map(PackageOrigin::text).collect();
        assert_eq!(
            texts,
            [
                "deb r-cran-data.table=1.14.8-1: `data.table` in the code of `s.R`",
                "deb tree=2.1.0-1: `tree=2.1.0-1` in `apt.txt`",
                "pip pandas-dq==1.2: `Pandas_DQ>=1` in `requirements.txt`, line 2",
                "pip six==1.16: needed by a, b, c, d, e and 2 more; bound by `six<2`; version of `longshore.lock`",
                "r zoo==1.8-11: listed as `zoo`",
                "pip numpy==2.4: the base has it; `numpy` in `main.py`",
                "pip absent: listed as `absent`",
            ]
        );
    }
}
