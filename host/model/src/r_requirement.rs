//! Requirements of R packages: a name, and the versions that fit. They are written as in `DESCRIPTION`, `dplyr (>= 1.1)`, or
//! as other tools do, `dplyr>=1.1,<2`; `==1.1.*` and `~=1.1` stand for their bounds. Versions compare as R compares them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The longest requirement: a name and a few versions have 100 characters.
const LENGTH_MAX: usize = 500;

/// The most numbers of a version: the longest published ones have six.
const NUMBERS_MAX: usize = 16;

/// The largest number of a version: R's largest integer.
const NUMBER_MAX: u32 = 2_147_483_647;

/// A version of R or of an R package: numbers, separated by dots and hyphens, which mean the same.
#[derive(Debug, Clone)]
pub struct RVersion {
    text: String,
    numbers: Vec<u32>,
}

/// A comparison with a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    AtLeast,
    Above,
    Exactly,
    Not,
    AtMost,
    Below,
}

/// A requirement of an R package, such as `dplyr>=1.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RRequirement {
    name: String,
    /// Sorted, each once.
    bounds: Vec<(Operator, RVersion)>,
}

/// A text is not a requirement of an R package.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct RRequirementError {
    reason: String,
    is_elsewhere: bool,
}

impl RRequirementError {
    /// Whether the package is from version control, an address or a file, which is not a mistake in a name.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.is_elsewhere
    }
}

impl RVersion {
    /// The numbers without zeros at the end.
    fn significant(&self) -> &[u32] {
        let length = self.numbers.iter().rposition(|number| *number != 0).map_or(0, |last| last + 1);
        &self.numbers[..length]
    }

    /// The first version that begins with the numbers of this one, raised by one at the last: what is below it begins with
    /// them.
    fn next(&self, length: usize) -> Option<Self> {
        let mut numbers = self.numbers[..length].to_vec();
        let last = numbers.last_mut()?;
        *last = last.checked_add(1).filter(|number| *number <= NUMBER_MAX)?;
        Some(Self { text: numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join("."), numbers })
    }
}

impl FromStr for RVersion {
    type Err = RRequirementError;

    fn from_str(text: &str) -> Result<Self, RRequirementError> {
        let wrong = || error(format!("`{text}` is not a version of R packages, which is like `1.1.4` or `1.8-11`"));
        let mut numbers = Vec::new();
        for part in text.split(['.', '-']) {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            let number = part.parse().ok().filter(|number| is_number && *number <= NUMBER_MAX).ok_or_else(wrong)?;
            if numbers.len() == NUMBERS_MAX {
                return Err(wrong());
            }
            numbers.push(number);
        }
        Ok(Self { text: text.to_owned(), numbers })
    }
}

impl fmt::Display for RVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for RVersion {
    fn eq(&self, other: &Self) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for RVersion {}

impl PartialOrd for RVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RVersion {
    /// By the first number that differs, where missing ones are zero.
    fn cmp(&self, other: &Self) -> Ordering {
        self.significant().cmp(other.significant())
    }
}

impl Operator {
    fn text(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::Above => ">",
            Self::Exactly => "==",
            Self::Not => "!=",
            Self::AtMost => "<=",
            Self::Below => "<",
        }
    }

    fn allows(self, ordering: Ordering) -> bool {
        match self {
            Self::AtLeast => ordering != Ordering::Less,
            Self::Above => ordering == Ordering::Greater,
            Self::Exactly => ordering == Ordering::Equal,
            Self::Not => ordering != Ordering::Equal,
            Self::AtMost => ordering != Ordering::Greater,
            Self::Below => ordering == Ordering::Less,
        }
    }
}

impl RRequirement {
    /// The name of the package.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether any version fits.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.bounds.is_empty()
    }

    /// Whether a version fits. A text that is not a version does not, unless any version fits.
    #[must_use]
    pub fn allows(&self, version: &str) -> bool {
        self.bounds.is_empty()
            || version
                .parse::<RVersion>()
                .is_ok_and(|version| self.bounds.iter().all(|(operator, bound)| operator.allows(version.cmp(bound))))
    }

    /// The requirements with one for each package, which has the bounds of all, in the order of the names' first appearance.
    #[must_use]
    pub fn merged(requirements: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut merged: Vec<Self> = Vec::new();
        for requirement in requirements {
            match merged.iter_mut().find(|known| known.name == requirement.name) {
                Some(known) => known.add(requirement.bounds),
                None => merged.push(requirement),
            }
        }
        merged
    }

    /// The requirement of exactly one version.
    #[must_use]
    pub fn exactly(name: &str, version: RVersion) -> Self {
        Self { name: name.to_owned(), bounds: vec![(Operator::Exactly, version)] }
    }

    fn add(&mut self, bounds: Vec<(Operator, RVersion)>) {
        self.bounds.extend(bounds);
        self.bounds.sort();
        self.bounds.dedup();
    }

    /// The bounds in one part between commas.
    fn bounds(part: &str) -> Result<Vec<(Operator, RVersion)>, RRequirementError> {
        let part = part.trim();
        let length = part.find(|character: char| !"<>=!~".contains(character)).unwrap_or(part.len());
        let (operator, version) = (&part[..length], part[length..].trim());
        let begin = |version: &str| version.strip_suffix(".*").map(str::to_owned);
        let all_that_begin = |version: RVersion, length: usize| {
            let end = version.next(length).ok_or_else(|| error(format!("`{version}` is too large")))?;
            Ok(vec![(Operator::AtLeast, version), (Operator::Below, end)])
        };
        let one = |operator| Ok(vec![(operator, version.parse()?)]);
        match operator {
            "==" if begin(version).is_some() => {
                let version: RVersion = begin(version).unwrap_or_default().parse()?;
                let length = version.numbers.len();
                all_that_begin(version, length)
            }
            "~=" => {
                let version: RVersion = version.parse()?;
                match version.numbers.len() {
                    1 => Err(error(format!("`~={version}` needs two numbers, as in `~={version}.0`"))),
                    length => all_that_begin(version, length - 1),
                }
            }
            ">=" => one(Operator::AtLeast),
            ">" => one(Operator::Above),
            "==" => one(Operator::Exactly),
            "!=" => one(Operator::Not),
            "<=" => one(Operator::AtMost),
            "<" => one(Operator::Below),
            _ => Err(error(format!("`{part}` is not a version with `>=`, `>`, `==`, `!=`, `<=` or `<` before it"))),
        }
    }
}

impl FromStr for RRequirement {
    type Err = RRequirementError;

    fn from_str(text: &str) -> Result<Self, RRequirementError> {
        if text.len() > LENGTH_MAX {
            return Err(error(format!("it has more than {LENGTH_MAX} characters")));
        }
        let text = text.trim();
        // As packages for development are written: `user/name`, `github::user/name`, `url::https://…`, `./name`.
        if !text.starts_with('-') && (text.contains('/') || text.contains("::")) {
            let reason = "packages are installed from repositories only, not from version control, addresses or files";
            return Err(RRequirementError { is_elsewhere: true, ..error(reason.into()) });
        }
        let inside = |character: char| character.is_ascii_alphanumeric() || character == '.';
        let (name, rest) = text.split_at(text.find(|character| !inside(character)).unwrap_or(text.len()));
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(error(
                "it does not begin with a name, which is a letter, then letters, digits and dots".into(),
            ));
        }
        let rest = rest.trim();
        let bounds = match rest.strip_prefix('(') {
            Some(inner) => inner.strip_suffix(')').ok_or_else(|| error("`)` is missing".into()))?,
            None => rest,
        };
        let mut requirement = Self { name: name.to_owned(), bounds: Vec::new() };
        if !rest.is_empty() {
            for part in bounds.split(',') {
                requirement.add(Self::bounds(part)?);
            }
        }
        Ok(requirement)
    }
}

impl fmt::Display for RRequirement {
    /// Without blanks, such as `dplyr>=1.1,<2`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        for (index, (operator, version)) in self.bounds.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{}{version}", operator.text())?;
        }
        Ok(())
    }
}

/// Versions of R with which something works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RVersions(RRequirement);

impl RVersions {
    /// The versions that `R (>= 4.3)` names; `None` if it names none.
    #[must_use]
    pub fn of(requirement: RRequirement) -> Option<Self> {
        (!requirement.is_bare()).then_some(Self(requirement))
    }

    /// All versions with the first two numbers of one: the third differs between machines.
    #[must_use]
    pub fn of_series(version: &str) -> Option<Self> {
        let numbers: Vec<&str> = version.split(['.', '-']).take(2).collect();
        format!("R=={}.*", numbers.join(".")).parse().ok().map(Self)
    }

    /// The versions that are among both.
    #[must_use]
    pub fn both(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let both = one.into_iter().chain(other).map(|versions| versions.0);
        RRequirement::merged(both).pop().map(Self)
    }

    /// Whether a version is among them. A text that is not a version is not.
    #[must_use]
    pub fn allows(&self, version: &str) -> bool {
        self.0.allows(version)
    }
}

impl fmt::Display for RVersions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.to_string().trim_start_matches(self.0.name()))
    }
}

impl serde::Serialize for RVersions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn error(reason: String) -> RRequirementError {
    RRequirementError { reason, is_elsewhere: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    fn read(text: &str) -> Result<String, String> {
        text.parse::<RRequirement>().map(|read| read.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_form_is_read() {
        for (text, expected) in [
            ("dplyr", "dplyr"),
            (" data.table ", "data.table"),
            ("dplyr>=1.1", "dplyr>=1.1"),
            ("ggplot2 (>= 3.4)", "ggplot2>=3.4"),
            ("ggplot2(>=3.4, < 4)", "ggplot2>=3.4,<4"),
            ("zoo == 1.8-11", "zoo==1.8-11"),
            ("a < 2 , >= 1.0, >=1.0", "a>=1.0,<2"),
            ("a==1.1.*", "a>=1.1,<1.2"),
            ("a~=1.1.3", "a>=1.1.3,<1.2"),
            ("a != 1.0", "a!=1.0"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
            assert_eq!(read(expected).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn versions_of_r_are_bounds_without_a_name() {
        let of = |text: &str| RVersions::of(text.parse().unwrap());
        let series = RVersions::of_series("4.2.1").unwrap();
        assert_eq!(
            (series.to_string().as_str(), series.allows("4.2.3"), series.allows("4.20.0")),
            (">=4.2,<4.3", true, false)
        );
        assert_eq!(RVersions::both(Some(series), of("R (>= 4.2.2)")).unwrap().to_string(), ">=4.2,>=4.2.2,<4.3");
        assert_eq!(RVersions::both(None, of("R (> 3.5)")).unwrap().to_string(), ">3.5");
        assert_eq!((of("R"), RVersions::of_series("x"), RVersions::both(None, None)), (None, None, None));
        assert!(!of("R (>= 4)").unwrap().allows("unknown"));
    }

    #[test]
    fn what_is_no_requirement_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "does not begin with a name"),
            ("-x", "does not begin with a name"),
            ("7zip", "does not begin with a name"),
            ("team/tool", "installed from repositories only"),
            ("bioc::limma", "installed from repositories only"),
            ("./tool_1.0.tar.gz", "installed from repositories only"),
            ("a b", "`b` is not a version with `>=`"),
            ("a@1.0", "`@1.0` is not a version with `>=`"),
            ("a=1.0", "`=1.0` is not a version with `>=`"),
            ("a>=", "`` is not a version of R packages"),
            ("a>=1.0,", "`` is not a version with `>=`"),
            ("a ()", "`` is not a version with `>=`"),
            ("a (>= 1.0", "`)` is missing"),
            ("a>=1.0.rc1", "`1.0.rc1` is not a version of R packages, which is like `1.1.4` or `1.8-11`"),
            ("a>=1..0", "is not a version"),
            ("a>=99999999999", "is not a version"),
            ("a>=1; x", "`1; x` is not a version"),
            ("a!=1.*", "is not a version"),
            ("a~=1", "needs two numbers"),
            ("a==2147483647.*", "`2147483647` is too large"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(read(&"a".repeat(LENGTH_MAX + 1)).unwrap_err().contains("500 characters"));
    }

    #[test]
    fn bounds_of_a_package_are_merged() {
        let all = ["b>=1.0", "a", "b<2", "b>=1.0"].map(|text| text.parse::<RRequirement>().unwrap());
        let merged: Vec<String> = RRequirement::merged(all).iter().map(ToString::to_string).collect();
        assert_eq!(merged, ["b>=1.0,<2", "a"]);
        let bounded: RRequirement = "b>=1.0,<2,!=1.5".parse().unwrap();
        for (version, allowed) in
            [("0.9", false), ("1.0", true), ("1.5", false), ("1.10", true), ("2", false), ("x", false)]
        {
            assert_eq!(bounded.allows(version), allowed, "{version}");
        }
        assert!("b".parse::<RRequirement>().unwrap().allows("anything"));
    }

    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_stays() {
        let pieces =
            ["a", "dplyr", ".", "-", "1", "10", "0", ">=", "<", "==", "=", "~", "!", "(", ")", ",", " ", "*", "é"];
        let mut dice = Dice(7);
        let mut read_texts = 0;
        for _ in 0..100_000 {
            let start = if dice.roll(4) == 0 { "" } else { "dplyr>=1" };
            let more: String = (0..dice.roll(7)).map(|_| pieces[dice.roll(pieces.len())]).collect();
            let text = format!("{start}{more}");
            if let Ok(read) = text.parse::<RRequirement>() {
                read_texts += 1;
                assert_eq!(read.to_string().parse::<RRequirement>().as_ref(), Ok(&read), "{text}");
                assert!(!read.to_string().contains([' ', '*', '(']), "{text}");
            }
        }
        assert!(read_texts > 5000, "{read_texts}");
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let order = ["0", "0.0.1", "0.1", "1", "1.0-1", "1.1", "1.1.0.9000", "1.2", "1.9", "1.10", "1.10.1", "2"];
        for (index, one) in order.iter().enumerate() {
            for (other_index, other) in order.iter().enumerate() {
                let (one, other): (RVersion, RVersion) = (one.parse().unwrap(), other.parse().unwrap());
                assert_eq!(one.cmp(&other), index.cmp(&other_index), "{one} {other}");
            }
        }
        let same = |one: &str, other: &str| one.parse::<RVersion>().unwrap() == other.parse::<RVersion>().unwrap();
        assert!(same("1.1-0", "1.1.0") && same("1.01", "1.1") && same("1", "1.0.0") && !same("1.1", "1.1.1"));
    }
}
