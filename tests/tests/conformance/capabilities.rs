//! What an SDK cannot do, and why: `tests/cases/capabilities.toml`. A case that is named there for a language does not
//! run in it; one that is not named must have a script for it.

use crate::case::Case;
use std::collections::BTreeMap;
use std::path::Path;

/// Excuses by language and case; a case's name may end in `*`.
pub(crate) struct Capabilities(BTreeMap<String, BTreeMap<String, String>>);

impl Capabilities {
    /// Reads the file. One that cannot be read is no excuse.
    pub(crate) fn read(cases: &Path) -> Self {
        let text = std::fs::read_to_string(cases.join("capabilities.toml")).expect("the capabilities can be read");
        let excuses: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(&text).expect("they are valid");
        let reasoned = excuses.values().flatten().all(|(_, reason)| !reason.trim().is_empty());
        assert!(reasoned, "an excuse needs a reason");
        Self(excuses)
    }

    /// Whether a case need not run in a language.
    pub(crate) fn excuses(&self, sdk: &str, case: &str) -> bool {
        self.reason(sdk, case).is_some()
    }

    /// Why a case does not run in a language.
    pub(crate) fn reason(&self, sdk: &str, case: &str) -> Option<&str> {
        let excuses = self.0.get(sdk)?;
        excuses.iter().find(|(pattern, _)| matches(pattern, case)).map(|(_, reason)| reason.as_str())
    }

    /// An excuse that names no case, or one that has a script in that language after all, is wrong.
    pub(crate) fn stale(&self, cases: &[(String, Result<Case, String>)]) -> Result<(), String> {
        for (sdk, excuses) in &self.0 {
            for pattern in excuses.keys() {
                let mut excused = cases.iter().filter(|(name, _)| matches(pattern, name)).peekable();
                if excused.peek().is_none() {
                    return Err(format!("`{sdk}` is excused from `{pattern}`, and no case is called that"));
                }
                let has_script =
                    |case: &Result<Case, String>| case.as_ref().is_ok_and(|case| case.script_in(sdk).is_some());
                if let Some((name, _)) = excused.find(|(_, case)| has_script(case)) {
                    return Err(format!("`{sdk}` is excused from `{pattern}`, but `{name}` has a script for it"));
                }
            }
        }
        Ok(())
    }
}

fn matches(pattern: &str, case: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == case, |start| case.starts_with(start))
}
