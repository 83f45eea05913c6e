//! The packages of an environment: listed by its image, in a container with no more rights than a script's, and never
//! taken from the output of a build. A package can give false data about itself, but only in a valid form and within
//! bounds.

use super::{EnvironmentError, LayerKind, Plan};
use crate::fingerprint::{Fingerprint, FingerprintError, Kind, Line, ask_image, ask_image_and, of_image, only};
use longshore_block::Language;
use longshore_config::settings::Settings;
use longshore_engine::{ImageStore, Interpreters, RunImage, Step, StoredImage};
use longshore_model::image_id::ImageId;
use std::collections::BTreeSet;

/// Maximum bytes of the list in an image's label: 5,000 packages of 60 bytes each are 300 kB; this is three times that.
const LIST_MAX: usize = 1 << 20;

/// The packages of a plan's image beyond those of its base, a line each: `pip humanize==4.12.0`; and whether a command
/// succeeds in it.
pub(super) async fn added(
    store: &dyn ImageStore,
    plan: &Plan,
    image: &ImageId,
    check: Option<Step>,
    settings: &Settings,
) -> Result<(Vec<String>, bool), EnvironmentError> {
    let name = plan.name();
    let asked = interpreters(plan);
    let asking = ask_image_and(store, &name, image, &asked, check);
    let (before, (after, passed)) = futures_util::future::try_join(of_base(store, plan, settings), asking)
        .await
        .map_err(|source| EnvironmentError::Installed { source: Box::new(source) })?;
    Ok((list(&before, &after)?, passed))
}

/// All packages of a plan's base.
async fn of_base(store: &dyn ImageStore, plan: &Plan, settings: &Settings) -> Result<Fingerprint, FingerprintError> {
    let all = Interpreters::of_image(&RunImage::of(&plan.base_name, plan.base.clone()));
    match of_image(store, &plan.base_name, &plan.base.id, &all, &settings.state_folder).await {
        // The interpreter that no layer uses may be incomplete.
        Err(FingerprintError::Program { .. }) => {
            ask_image(store, &plan.base_name, &plan.base.id, &interpreters(plan)).await
        }
        before => before,
    }
}

/// All packages of a plan's image, as seen by the interpreters that its layers use.
pub(super) async fn all_of(
    store: &dyn ImageStore,
    plan: &Plan,
    image: &ImageId,
) -> Result<Fingerprint, EnvironmentError> {
    let all = ask_image(store, &plan.name(), image, &interpreters(plan)).await;
    all.map_err(|source| EnvironmentError::Installed { source: Box::new(source) })
}

/// All packages of a block's base, as seen by the interpreter of its language.
pub(super) async fn of_block(
    store: &dyn ImageStore,
    language: Language,
    base: &StoredImage,
    name: &str,
) -> Result<Fingerprint, EnvironmentError> {
    let asked = only(Interpreters::of_image(&RunImage::of(name, base.clone())), language);
    let all = ask_image(store, name, &base.id, &asked).await;
    all.map_err(|source| EnvironmentError::Installed { source: Box::new(source) })
}

fn interpreters(plan: &Plan) -> Interpreters {
    let mut asked = Interpreters::of_image(&RunImage::of(&plan.base_name, plan.base.clone()));
    let is_for = |language: Language| {
        plan.layers.iter().any(|layer| [LayerKind::Packages(language), LayerKind::Api(language)].contains(&layer.kind))
    };
    for (language, program) in [(Language::Python, &mut asked.python), (Language::R, &mut asked.rscript)] {
        if !is_for(language) {
            program.clear();
        }
    }
    asked
}

/// The lines that only the second has.
fn list(before: &Fingerprint, after: &Fingerprint) -> Result<Vec<String>, EnvironmentError> {
    let known: BTreeSet<&Line> = before.lines().iter().collect();
    let added: Vec<&Line> = after.lines().iter().filter(|line| !known.contains(line)).collect();
    let debian: BTreeSet<&str> = added.iter().filter(|line| line.kind() == Kind::Deb).map(|line| line.name()).collect();
    let named = |line: &&Line| {
        let (name, version) = (line.name(), line.version());
        match line.kind() {
            Kind::Pip => Some(format!("pip {name}=={version}")),
            // Packages from Debian are listed as Debian's only.
            Kind::RPackage if debian.contains(format!("r-cran-{}", name.to_lowercase()).as_str()) => None,
            Kind::RPackage => Some(format!("r {name}=={version}")),
            Kind::Deb => Some(format!("deb {name}={version}")),
            _ => None,
        }
    };
    let mut lines: Vec<String> = added.iter().filter_map(named).collect();
    lines.sort();
    lines.dedup();
    if lines.iter().map(|line| line.len() + 1).sum::<usize>() > LIST_MAX {
        return Err(EnvironmentError::TooManyPackages { count: lines.len(), most: LIST_MAX });
    }
    Ok(lines)
}

/// Python packages of an image as constraints for a resolver, a line each. An invalid name or version would be read as
/// an option.
pub(super) fn constraints(installed: &Fingerprint) -> String {
    let is_name = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.chars().all(|character| character.is_ascii_alphanumeric() || ".-_".contains(character))
    };
    let is_version = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_digit())
            && text.chars().all(|character| character.is_ascii_alphanumeric() || ".+!-_".contains(character))
    };
    let python = installed.lines().iter().filter(|line| line.kind() == Kind::Pip);
    let lines = python.filter(|line| is_name(line.name()) && is_version(line.version()));
    lines.map(|line| format!("{}=={}\n", line.name(), line.version())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(lines: &[&str]) -> Fingerprint {
        Fingerprint::new(lines.iter().map(|line| line.parse().unwrap()))
    }

    #[test]
    fn what_was_added_or_changed_is_listed_once() {
        let before = fingerprint(&["pip numpy 2.4", "pip six 1", "r-package stats 4.2", "deb libc6 2 amd64"]);
        let after = fingerprint(&[
            "pip numpy 1.26",
            "pip six 1",
            "r-package stats 4.2",
            "r-package zoo 1.8-11",
            "r-package mine 1.2",
            "deb libc6 2 amd64",
            "deb r-cran-zoo 1.8-11-1 all",
            "os debian 12",
        ]);
        let listed = ["deb r-cran-zoo=1.8-11-1", "pip numpy==1.26", "r mine==1.2"];
        assert_eq!(list(&before, &after).unwrap(), listed);
    }

    #[test]
    fn a_list_has_an_end() {
        let lines: Vec<String> = (0..30_000).map(|number| format!("pip package-{number:040} 1")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let listed = list(&fingerprint(&[]), &fingerprint(&lines));
        assert!(matches!(listed, Err(EnvironmentError::TooManyPackages { count: 30_000, .. })), "{listed:?}");
    }

    #[test]
    fn no_name_is_an_option() {
        let installed = fingerprint(&[
            "pip --index-url=http://x 1",
            "pip a 1.0+cpu",
            "pip b 1.0@0123abc",
            "pip c --hash=sha256:00",
            "pip -r 1",
            "pip d unknown",
        ]);
        assert_eq!(constraints(&installed), "a==1.0+cpu\n");
    }
}
