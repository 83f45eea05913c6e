//! The condition of a requirement (PEP 508), such as `python_version < '3.11' and os_name == 'posix'`: only its form is
//! checked, in one pass, whatever it says. The installer evaluates it.

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

/// Whether a text is a condition.
pub(super) fn is_marker(text: &str) -> bool {
    let mut rest = Rest(text);
    rest.alternatives(0).is_some() && rest.0.trim().is_empty()
}

/// The unread rest of a text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// Consumes a sign.
    fn sign(&mut self, sign: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(sign)?;
        Some(())
    }

    /// Consumes a word, which a letter does not follow.
    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.0.trim_start().strip_prefix(word)?;
        if rest.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
            return None;
        }
        self.0 = rest;
        Some(())
    }

    fn alternatives(&mut self, depth: usize) -> Option<()> {
        self.all(depth)?;
        while self.word("or").is_some() {
            self.all(depth)?;
        }
        Some(())
    }

    fn all(&mut self, depth: usize) -> Option<()> {
        self.one(depth)?;
        while self.word("and").is_some() {
            self.one(depth)?;
        }
        Some(())
    }

    fn one(&mut self, depth: usize) -> Option<()> {
        if self.sign("(").is_some() {
            if depth == DEPTH_MAX {
                return None;
            }
            self.alternatives(depth + 1)?;
            return self.sign(")");
        }
        self.operand()?;
        if self.word("not").is_some() {
            self.word("in")?;
        } else {
            OPERATORS.into_iter().find_map(|operator| match operator {
                "in" => self.word(operator),
                operator => self.sign(operator),
            })?;
        }
        self.operand()
    }

    fn operand(&mut self) -> Option<()> {
        for quote in ["'", "\""] {
            if self.sign(quote).is_some() {
                let (_, rest) = self.0.split_once(quote)?;
                self.0 = rest;
                return Some(());
            }
        }
        VARIABLES.into_iter().find_map(|variable| self.word(variable))
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
}
