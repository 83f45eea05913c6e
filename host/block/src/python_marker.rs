//! The condition of a requirement (PEP 508), such as `python_version < '3.11' and os_name == 'posix'`, in one pass, whatever
//! it says. Blocks are checked for its form; installers evaluate it, and so does who asks whether a requirement is met.

use longshore_model::package_name::normal_name;
use pep440_rs::{Version, VersionSpecifier};
use std::collections::BTreeMap;
use std::str::FromStr;

/// The deepest nesting of parentheses.
const DEPTH_MAX: usize = 20;

/// The variables of a condition.
const VARIABLES: [&str; 12] = [
    "python_version",
    "python_full_version",
    "os_name",
    "sys_platform",
    "platform_release",
    "platform_system",
    "platform_version",
    "platform_machine",
    "platform_python_implementation",
    "implementation_name",
    "implementation_version",
    "extra",
];

/// Comparisons, those that begin with another one first.
const OPERATORS: [&str; 9] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">", "in"];

/// The variables whose values are versions.
const VERSIONS: [&str; 3] = ["python_version", "python_full_version", "implementation_version"];

/// Whether a text is a condition.
pub(super) fn is_marker(text: &str) -> bool {
    holds(text, &BTreeMap::new(), "").is_some()
}

/// Whether a condition holds with these values of its variables, and for an extra, which may be empty; `None` if it is not a
/// condition.
pub(super) fn holds(text: &str, values: &BTreeMap<String, String>, extra: &str) -> Option<bool> {
    let mut rest = Rest { text, values, extra };
    let held = rest.alternatives(0)?;
    rest.text.trim().is_empty().then_some(held)
}

/// The unread rest of a text.
struct Rest<'a> {
    text: &'a str,
    values: &'a BTreeMap<String, String>,
    extra: &'a str,
}

/// A side of a comparison.
struct Operand<'a> {
    /// The variable; empty for a text in quotes.
    variable: &'static str,
    value: &'a str,
}

impl<'a> Rest<'a> {
    /// Consumes a sign.
    fn sign(&mut self, sign: &str) -> Option<()> {
        self.text = self.text.trim_start().strip_prefix(sign)?;
        Some(())
    }

    /// Consumes a word, which a letter does not follow.
    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.text.trim_start().strip_prefix(word)?;
        if rest.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
            return None;
        }
        self.text = rest;
        Some(())
    }

    fn alternatives(&mut self, depth: usize) -> Option<bool> {
        let mut held = self.all(depth)?;
        while self.word("or").is_some() {
            held |= self.all(depth)?;
        }
        Some(held)
    }

    fn all(&mut self, depth: usize) -> Option<bool> {
        let mut held = self.one(depth)?;
        while self.word("and").is_some() {
            held &= self.one(depth)?;
        }
        Some(held)
    }

    fn one(&mut self, depth: usize) -> Option<bool> {
        if self.sign("(").is_some() {
            if depth == DEPTH_MAX {
                return None;
            }
            let held = self.alternatives(depth + 1)?;
            self.sign(")")?;
            return Some(held);
        }
        let left = self.operand()?;
        let operator = if self.word("not").is_some() {
            self.word("in")?;
            "not in"
        } else {
            OPERATORS.into_iter().find(|operator| match *operator {
                "in" => self.word(operator).is_some(),
                operator => self.sign(operator).is_some(),
            })?
        };
        Some(compare(&left, operator, &self.operand()?))
    }

    fn operand(&mut self) -> Option<Operand<'a>> {
        for quote in ["'", "\""] {
            if self.sign(quote).is_some() {
                let (value, rest) = self.text.split_once(quote)?;
                self.text = rest;
                return Some(Operand { variable: "", value });
            }
        }
        let variable = VARIABLES.into_iter().find(|variable| self.word(variable).is_some())?;
        let value = match variable {
            "extra" => self.extra,
            variable => self.values.get(variable).map(String::as_str).unwrap_or_default(),
        };
        Some(Operand { variable, value })
    }
}

/// Compares versions where a side is one, else texts, of which none is less than another.
fn compare(left: &Operand<'_>, operator: &str, right: &Operand<'_>) -> bool {
    let has = |variables: &[&str]| variables.contains(&left.variable) || variables.contains(&right.variable);
    if has(&["extra"]) {
        let is_same = normal_name(left.value) == normal_name(right.value);
        return if operator == "!=" { !is_same } else { is_same };
    }
    if has(&VERSIONS)
        && let Ok(specifier) = VersionSpecifier::from_str(&format!("{operator}{}", right.value))
        && let Ok(version) = Version::from_str(left.value)
    {
        return specifier.contains(&version);
    }
    match operator {
        "==" | "===" | "<=" | ">=" => left.value == right.value,
        "!=" => left.value != right.value,
        "in" => right.value.contains(left.value),
        "not in" => !right.value.contains(left.value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_told_from_other_texts() {
        for good in [
            "python_version < '3.11'",
            "python_full_version>=\"3.9\"and(os_name=='nt' or sys_platform != 'win32')",
            "'linux' in sys_platform",
            "sys_platform not in 'a b'",
            "(((extra == 'x')))",
            "platform_machine == 'é'",
        ] {
            assert!(is_marker(good), "{good}");
        }
        for bad in [
            "",
            "python_version",
            "python_version <",
            "python_version < 3",
            "a == 'b'",
            "os_name == 'a' os_name == 'b'",
            "(os_name == 'a'",
            "os_name == 'a')",
            "os_name == 'a",
            "os_name == 'a' and",
            "os_name not 'a'",
            "python_versions == '1'",
            "os_name == 'a' # b",
        ] {
            assert!(!is_marker(bad), "{bad}");
        }
        assert!(!is_marker(&"(".repeat(100_000)));
    }

    #[test]
    fn conditions_hold_as_installers_evaluate_them() {
        let values = [
            ("python_version", "3.11"),
            ("python_full_version", "3.11.2"),
            ("sys_platform", "linux"),
            ("os_name", "posix"),
            ("platform_machine", "x86_64"),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        for (condition, expected) in [
            ("python_version < '3.9'", false),
            ("python_version >= '3.9'", true),
            ("'3.9' <= python_version", true),
            ("python_version == '3.*'", true),
            ("python_version ~= '3.8'", true),
            ("python_version in '2.7 3.11'", true),
            ("python_full_version > '3.11.1'", true),
            ("sys_platform == 'win32' or os_name == 'posix'", true),
            ("sys_platform == 'win32' or os_name == 'posix' and python_version < '3'", false),
            ("(sys_platform == 'win32' or os_name == 'posix') and python_version > '3'", true),
            ("sys_platform != 'win32'", true),
            ("'linux' in sys_platform", true),
            ("sys_platform not in 'linux darwin'", false),
            ("platform_machine > 'a'", false),
            ("extra == 'Data_Frames'", true),
            ("extra == 'other'", false),
            ("extra != 'other'", true),
        ] {
            assert_eq!(holds(condition, &values, "data-frames"), Some(expected), "{condition}");
        }
        assert_eq!(holds("extra == 'x'", &values, ""), Some(false));
        assert_eq!(holds("extra ==", &values, ""), None);
    }
}
