//! Valid package names of a block: they become arguments of other programs, and must be names and nothing else.

use super::lock::Lock;
use super::{EnvironmentError, dockerfile};
use longshore_block::{Block, Language, is_requirement};
use longshore_model::day::AsOf;
use longshore_model::r_requirement::RRequirement;

/// Checks the package names of a block, and its lock, before anything starts.
///
/// # Errors
/// [`EnvironmentError::Name`] has the invalid name and the expected form, [`EnvironmentError::Lock`] the error in the
/// lock.
pub fn check(block: &Block) -> Result<(), EnvironmentError> {
    check_names(block)?;
    dockerfile::check(block)?;
    let Some(lock) = Lock::of(block)? else { return Ok(()) };
    lock.check_names(block)?;
    let day = block.as_of.and_then(|as_of| if let AsOf::Day(day) = as_of { Some(day) } else { None });
    lock.check_bounds(block, day, &block.caller_constraints)
}

/// Checks the package names of a block, regardless of its lock.
///
/// # Errors
/// [`EnvironmentError::Name`].
pub(super) fn check_names(block: &Block) -> Result<(), EnvironmentError> {
    if block.language == Language::R && !block.caller_constraints.is_empty() {
        return Err(EnvironmentError::ConstraintsOfR);
    }
    for name in &block.system_packages {
        if !is_debian(name) {
            return Err(wrong("Debian", name, "a name of lower-case letters, digits and `+-.`, or name=version"));
        }
    }
    for name in &block.dependencies {
        match block.language {
            Language::R if name.parse::<RRequirement>().is_err() => {
                return Err(wrong(
                    "R",
                    name,
                    "a name, with versions where they matter, such as `dplyr` or `dplyr>=1.1,<2`",
                ));
            }
            Language::Python if !is_requirement(name) => {
                return Err(wrong("Python", name, "a pip requirement such as `scikit-learn>=1.5`"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn wrong(kind: &'static str, name: &str, right: &'static str) -> EnvironmentError {
    EnvironmentError::Name { kind, name: name.to_owned(), right }
}

fn is_debian(text: &str) -> bool {
    let (name, version) = text.split_once('=').map_or((text, None), |(name, version)| (name, Some(version)));
    let lower = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let version_character = |character: char| character.is_ascii_alphanumeric() || "+-.:~".contains(character);
    name.len() > 1
        && name.starts_with(lower)
        && name.chars().all(|character| lower(character) || "+-.".contains(character))
        && version.is_none_or(|version| !version.is_empty() && version.chars().all(version_character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_is_none() {
        for good in ["libpoppler-cpp-dev", "g++", "libstdc++6", "tree=2.1.0-1", "x1=1:2~rc1+b2"] {
            assert!(is_debian(good), "{good}");
        }
        for bad in ["", "-y", "a", "A", "tree 2", "tree=", "tree;reboot", "$(x)", "tree/../x", "tree:"] {
            assert!(!is_debian(bad), "{bad}");
        }
        for good in [
            "scikit-learn>=1.5",
            "a[b,c]; python_version < '3.12'",
            "x @ https://example.org/x.whl",
            "git+https://e.org/x",
        ] {
            assert!(is_requirement(good), "{good}");
        }
        for bad in [
            "",
            "-r x.txt",
            "--index-url=x",
            "./x.whl",
            "/x",
            "a\nb",
            "file:///x",
            "scikit-learn>=>1",
            "a b",
            "a[b",
            "a=1",
        ] {
            assert!(!is_requirement(bad), "{bad}");
        }
    }
}
