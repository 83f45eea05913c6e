//! Constraints on the versions of Python packages: an operator or a caller restricts what a resolver may choose, without
//! a change of the block. A constraint installs nothing.

use pep508_rs::pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{Requirement, VerbatimUrl, VersionOrUrl};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The longest constraint: a name, a few versions and a marker have 200 characters.
const LENGTH_MAX: usize = 1000;

/// The most constraints of a file: the largest published lists have under 1,000.
const COUNT_MAX: usize = 5000;

/// A constraint, such as `scikit-learn<=1.7.2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    name: String,
    versions: VersionSpecifiers,
    /// In normal form; empty if it applies everywhere.
    marker: String,
}

/// A text is not a constraint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a constraint: {reason}; write a package and its versions, such as `scikit-learn<=1.7.2`")]
pub struct ConstraintError {
    text: String,
    reason: String,
}

/// A file has a line that is not a constraint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {source}")]
pub struct ConstraintsError {
    line: usize,
    source: ConstraintError,
}

impl Constraint {
    /// The constraints in the text of a file: one in each line, with comments and empty lines, as pip reads them.
    ///
    /// # Errors
    /// [`ConstraintsError`] has the first line that is not a constraint.
    pub fn lines(text: &str) -> Result<Vec<Self>, ConstraintsError> {
        let mut found = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            // As pip: a comment begins the line, or follows a blank.
            let line = if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or_default().trim() };
            if line.is_empty() {
                continue;
            }
            let wrong = |source| ConstraintsError { line: index + 1, source };
            if found.len() == COUNT_MAX {
                return Err(wrong(error(line, &format!("a file has at most {COUNT_MAX}"))));
            }
            found.push(line.parse().map_err(wrong)?);
        }
        Ok(found)
    }

    /// The package, in the normal form of names.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it applies to some interpreters and platforms only.
    #[must_use]
    pub fn is_conditional(&self) -> bool {
        !self.marker.is_empty()
    }

    /// Whether it allows a version. A version that cannot be read is not allowed.
    #[must_use]
    pub fn allows(&self, version: &str) -> bool {
        version.parse::<Version>().is_ok_and(|version| self.versions.contains(&version))
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        let wrong = |reason: &str| error(text, reason);
        if text.len() > LENGTH_MAX {
            return Err(wrong(&format!("it has more than {LENGTH_MAX} characters")));
        }
        if text.trim_start().starts_with('-') {
            return Err(wrong("options and hashes have no meaning in constraints"));
        }
        let (package, marker) = text.split_once(';').unwrap_or((text, ""));
        if package.contains('[') || marker.contains("extra") {
            return Err(wrong("extras have no meaning in constraints"));
        }
        if !begins_with_name(package) {
            return Err(wrong("it does not begin with the name of a package"));
        }
        let read = Requirement::<VerbatimUrl>::from_str(text);
        let read = read.map_err(|error| wrong(error.to_string().lines().next().unwrap_or_default()))?;
        let versions = match read.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(versions)) if !versions.is_empty() => versions,
            Some(VersionOrUrl::Url(_)) => return Err(wrong("an address is not a version")),
            _ => return Err(wrong("it names no version")),
        };
        let marker = read.marker.try_to_string().unwrap_or_default();
        Ok(Self { name: read.name.to_string(), versions, marker })
    }
}

/// Whether a text begins with a valid name. The parser expects it: it panics at names that end with a dot.
fn begins_with_name(text: &str) -> bool {
    let inside = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let text = text.trim_start();
    let name = &text[..text.find(|character| !inside(character)).unwrap_or(text.len())];
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.ends_with(|last: char| last.is_ascii_alphanumeric())
}

fn error(text: &str, reason: &str) -> ConstraintError {
    /// Enough of a text for an error.
    const SHOWN: usize = 80;
    let text: String = text.chars().filter(|character| !character.is_control()).take(SHOWN).collect();
    ConstraintError { text, reason: reason.to_owned() }
}

/// In normal form: equal constraints have equal texts.
impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut versions: Vec<String> = self.versions.iter().map(ToString::to_string).collect();
        versions.sort();
        write!(f, "{}{}", self.name, versions.join(","))?;
        if self.marker.is_empty() { Ok(()) } else { write!(f, " ; {}", self.marker) }
    }
}

impl<'a> Deserialize<'a> for Constraint {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Constraint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    fn constraint(text: &str) -> Constraint {
        text.parse().unwrap()
    }

    fn reason(text: &str) -> String {
        text.parse::<Constraint>().unwrap_err().to_string()
    }

    #[test]
    fn equal_constraints_are_written_the_same() {
        for (text, normal) in [
            ("scikit-learn<=1.7.2", "scikit-learn<=1.7.2"),
            ("Scikit_Learn <= 1.7.2", "scikit-learn<=1.7.2"),
            ("numpy>=1.20, <2", "numpy<2,>=1.20"),
            ("numpy (<2)", "numpy<2"),
            ("a==1.*", "a==1.*"),
            ("a===1.0+cpu", "a===1.0+cpu"),
            ("a!=1.3,~=1.2", "a!=1.3,~=1.2"),
            ("a<2;python_version<'3.12'", "a<2 ; python_full_version < '3.12'"),
        ] {
            assert_eq!(constraint(text).to_string(), normal, "{text}");
            assert_eq!(constraint(normal), constraint(text), "{text}");
        }
    }

    #[test]
    fn versions_are_compared_as_python_compares_them() {
        let below = constraint("a<2");
        assert!(below.allows("1.99") && below.allows("1!0") == constraint("a<1!1").allows("1!2"));
        assert!(!below.allows("2") && !below.allows("2.0.1") && !below.allows("not a version"));
        assert!(constraint("a<=1.7.2").allows("1.7.2") && !constraint("a<=1.7.2").allows("1.7.2.1"));
        assert!(constraint("a==1.*").allows("1.5") && !constraint("a==1.*").allows("2.0"));
        assert!(constraint("a<2; sys_platform == 'win32'").is_conditional() && !below.is_conditional());
    }

    #[test]
    fn the_error_names_the_cause_and_the_form() {
        let end = "; write a package and its versions, such as `scikit-learn<=1.7.2`";
        for (text, cause) in [
            ("numpy", "it names no version"),
            ("numpy[x]<2", "extras have no meaning in constraints"),
            ("numpy @ https://x.example/a.whl", "an address is not a version"),
            ("2.0.<3", "it does not begin with the name of a package"),
            ("numpy<2; extra == 'x'", "extras have no meaning in constraints"),
            ("--hash=sha256:00", "options and hashes have no meaning in constraints"),
            ("-c other.txt", "options and hashes have no meaning in constraints"),
        ] {
            assert_eq!(reason(text), format!("`{text}` is not a constraint: {cause}{end}"));
        }
        for text in ["", "<2", "numpy<", "numpy<two", "numpy<2 --hash=sha256:00", "a b<2", "a<2\nb<3", "é<2"] {
            assert!(reason(text).ends_with(end), "{text}");
        }
        assert!(reason(&"a".repeat(10_000)).len() < 300);
    }

    #[test]
    fn a_file_is_read_as_pip_reads_it() {
        let text = "\u{feff}# made by hand\r\n\r\nnumpy<2  # for now\r\nscikit-learn<=1.7.2\n";
        assert_eq!(Constraint::lines(text).unwrap(), [constraint("numpy<2"), constraint("scikit-learn<=1.7.2")]);
        assert_eq!(Constraint::lines("").unwrap(), []);
        let error = Constraint::lines("numpy<2\n\n-r more.txt\n").unwrap_err().to_string();
        assert!(error.starts_with("line 3: `-r more.txt` is not a constraint: "), "{error}");
        let many = "a<2\n".repeat(COUNT_MAX + 1);
        assert!(Constraint::lines(&many).unwrap_err().to_string().starts_with("line 5001: "));
    }

    #[test]
    fn any_text_is_a_constraint_or_an_error() {
        let mut dice = Dice(11);
        let parts = [
            "a",
            "scikit-learn",
            "<",
            "<=",
            "==",
            "===",
            "~=",
            "!=",
            ",",
            ";",
            " ",
            "1",
            "2.0",
            ".*",
            "[",
            "]",
            "(",
            ")",
            "@",
            "python_version",
            "'3.12'",
            "\"",
            "and",
            "extra",
            "é",
            "\u{0}",
            "\n",
            "https://x",
            "#",
            "-",
            "+cpu",
            "99999999999999999999",
        ];
        for _ in 0..50_000 {
            let text: String = (0..dice.roll(9)).map(|_| dice.one(&parts)).collect();
            let _ = Constraint::lines(&text);
            if let Ok(read) = text.parse::<Constraint>() {
                assert_eq!(read.to_string().parse::<Constraint>().as_ref(), Ok(&read), "{text}");
                let _ = read.allows("1.0");
            }
        }
    }
}
