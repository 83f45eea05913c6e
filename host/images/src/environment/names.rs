//! Valid package names of a block: they become arguments of other programs, and must be names and nothing else.

use super::error::Place;
use super::lock::Lock;
use super::{EnvironmentError, dockerfile};
use longshore_block::{Block, Language, PythonSource, python_source};
use longshore_model::address;
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

/// Checks that a build in the block's own image can get its packages: one from git needs the program.
///
/// # Errors
/// [`EnvironmentError::Requirement`].
pub fn check_git(block: &Block) -> Result<(), EnvironmentError> {
    let is_git = |package: &String| package.split('=').next() == Some("git");
    let may_have_git = block.image.is_some() || block.dockerfile.is_some() || block.system_packages.iter().any(is_git);
    let of_git = |name: &&String| python_source(name) == Ok(PythonSource::Git);
    if block.language != Language::Python || may_have_git {
        return Ok(());
    }
    let Some(name) = block.dependencies.iter().find(of_git) else { return Ok(()) };
    let reason = format!(
        "`{}` is from git, which the image lacks: name a release, or the address of an archive, or list `git` among the \
         Debian packages",
        masked(name)
    );
    Err(EnvironmentError::Requirement { place: place(block, name), reason })
}

/// Checks the package names of a block, regardless of its lock.
///
/// # Errors
/// [`EnvironmentError::Name`], [`EnvironmentError::Requirement`].
pub(super) fn check_names(block: &Block) -> Result<(), EnvironmentError> {
    if block.language == Language::R && !block.caller_constraints.is_empty() {
        return Err(EnvironmentError::ConstraintsOfR);
    }
    for name in &block.system_packages {
        if !is_debian(name) {
            let right = "a name of lower-case letters, digits and `+-.`, or name=version";
            let place = block.origins.system_packages.get(name).cloned();
            return Err(EnvironmentError::Name { place: Place(place), kind: "Debian", name: name.clone(), right });
        }
    }
    for name in &block.dependencies {
        let place = place(block, name);
        match block.language {
            Language::Python if name.starts_with('-') => {
                let right = "a pip requirement such as `scikit-learn>=1.5`";
                return Err(EnvironmentError::Name { place, kind: "Python", name: masked(name), right });
            }
            Language::Python => {
                python_source(name).map_err(|reason| EnvironmentError::Requirement { place, reason })?;
            }
            Language::R => match name.parse::<RRequirement>() {
                Ok(_) => {}
                Err(error) if error.is_elsewhere() => {
                    let reason = format!("`{}`: {error}", masked(name));
                    return Err(EnvironmentError::Requirement { place, reason });
                }
                Err(_) => {
                    let right = "a name, with versions where they matter, such as `dplyr` or `dplyr>=1.1,<2`";
                    return Err(EnvironmentError::Name { place, kind: "R", name: name.clone(), right });
                }
            },
        }
    }
    Ok(())
}

/// A requirement as messages show it, without a password.
fn masked(requirement: &str) -> String {
    if requirement.contains("://") { address::masked(requirement) } else { requirement.to_owned() }
}

fn place(block: &Block, package: &str) -> Place {
    Place(block.origins.packages.get(package).cloned())
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
    }

    fn python(dependency: &str, place: &str) -> Block {
        let mut block = Block::empty("/b".into(), Language::Python);
        block.dependencies.push(dependency.into());
        block.origins.packages.insert(dependency.into(), place.into());
        block
    }

    #[test]
    fn what_no_build_can_get_has_its_place_and_reason() {
        let told =
            |block: &Block| check_names(block).and_then(|()| check_git(block)).map_err(|error| error.to_string());
        let git = python("git+https://user:secret@e.org/x", "`block.toml`, line 5");
        assert_eq!(
            told(&git).unwrap_err(),
            "`block.toml`, line 5: `git+https://user:***@e.org/x` is from git, which the image lacks: name a release, or \
             the address of an archive, or list `git` among the Debian packages"
        );
        let mut other = git.clone();
        other.image = Some("team/with-git".into());
        assert_eq!(told(&other), Ok(()));
        for (package, has_git) in [("git", true), ("git=1:2.39.5-0+deb12u2", true), ("gitk", false)] {
            let mut block = git.clone();
            block.system_packages.push(package.into());
            assert_eq!(told(&block).is_ok(), has_git, "{package}");
        }
        for fine in ["x @ https://e.org/x.whl", "https://e.org/x.whl", "six"] {
            assert_eq!(told(&python(fine, "")), Ok(()), "{fine}");
        }
        for bad in ["hg+https://e.org/x", "./x.whl", "file:///x", "a b"] {
            let told = told(&python(bad, "`manifest.json`, line 2")).unwrap_err();
            assert!(
                told.starts_with(&format!("`manifest.json`, line 2: `{bad}` is not a package requirement: ")),
                "{told}"
            );
        }
        for elsewhere in ["team/tool", "github::team/tool@v1", "git::https://e.org/x.git", "https://e.org/x.tar.gz"] {
            let mut r = python(elsewhere, "`block.toml`");
            r.language = Language::R;
            let told = told(&r).unwrap_err();
            assert!(
                told.starts_with(&format!("`block.toml`: `{elsewhere}`: packages are installed from repositories")),
                "{told}"
            );
        }
    }
}
