//! A finding about one requirement of runs.

use longshore_model::remedy::Remedy;

/// The state of one requirement of runs.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// The requirement.
    pub subject: String,
    /// Whether it is met.
    pub healthy: bool,
    /// Whether runs need it: on the engine that was asked about, in at least one language.
    pub needed: bool,
    /// The finding.
    pub finding: String,
    /// What fixes it.
    pub fix: Option<Fix>,
}

/// What fixes a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fix {
    /// A change of the machine: a command of its system, or what to do in words.
    Machine(String),
    /// What the caller can do with Longshore itself.
    Remedy(Remedy),
}

impl Diagnosis {
    /// The requirement is met.
    #[must_use]
    pub fn good(subject: &str, finding: impl Into<String>) -> Self {
        Self { subject: subject.into(), healthy: true, needed: true, finding: finding.into(), fix: None }
    }

    /// The requirement is not met.
    pub fn bad(subject: &str, finding: impl Into<String>, fix: impl Into<Fix>) -> Self {
        Self { subject: subject.into(), healthy: false, needed: true, finding: finding.into(), fix: Some(fix.into()) }
    }

    /// Marks all but those that are met as not needed.
    pub fn optional(all: &mut [Self]) {
        all.iter_mut().filter(|diagnosis| !diagnosis.healthy).for_each(|diagnosis| diagnosis.needed = false);
    }

    /// Marks those that are not met as not needed if another of them is met, such as one of several languages.
    pub fn one_of(all: &mut [Self]) {
        if all.iter().any(|diagnosis| diagnosis.healthy) {
            Self::optional(all);
        }
    }
}

impl From<&str> for Fix {
    fn from(words: &str) -> Self {
        Self::Machine(words.to_owned())
    }
}

impl From<Remedy> for Fix {
    fn from(remedy: Remedy) -> Self {
        Self::Remedy(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_is_enough() {
        let mut none = [Diagnosis::bad("a", "", ""), Diagnosis::bad("b", "", "")];
        Diagnosis::one_of(&mut none);
        assert!(none.iter().all(|diagnosis| diagnosis.needed));
        let mut some = [Diagnosis::bad("a", "", ""), Diagnosis::good("b", "")];
        Diagnosis::one_of(&mut some);
        assert_eq!(some.map(|diagnosis| (diagnosis.needed, diagnosis.healthy)), [(false, false), (true, true)]);
        Diagnosis::optional(&mut none);
        assert!(none.iter().all(|diagnosis| !diagnosis.needed));
    }
}
