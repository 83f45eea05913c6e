//! Whether a base lacks packages of a block's language. Where it has all of them, in versions that fit, nothing is installed
//! and no image is built: the block runs in the base itself.

use super::bounds::concern_base;
use super::packages::r_requirements;
use super::present::PythonPackages;
use super::{Lock, lock};
use crate::fingerprint::{Kind, of_image};
use longshore_block::{Block, Language};
use longshore_config::settings::Settings;
use longshore_engine::{ImageStore, Interpreters, RunImage, StoredImage};
use longshore_model::r_requirement::RRequirement;

/// Whether a base lacks packages that a block lists, or has some beyond the bounds. It does if that is unknown.
pub(super) async fn lacks_packages(
    block: &Block,
    base: &StoredImage,
    base_name: &str,
    lock: Option<&Lock>,
    store: &dyn ImageStore,
    settings: &Settings,
) -> bool {
    if block.dependencies.is_empty() && !concern_base(block, &settings.packages) {
        return false;
    }
    // As of a day, what is installed counts as not installed; and arguments of installers may ask for anything.
    if settings.packages.as_of.is_some() || !settings.packages.pip_arguments.is_empty() {
        return true;
    }
    match block.language {
        Language::Python => {
            let Some(there) = PythonPackages::of_image(store, &base.id, &settings.state_folder).await else {
                return true;
            };
            let constraints: Vec<String> = settings.packages.constraints.iter().map(ToString::to_string).collect();
            let has_all = match lock {
                Some(lock) => there.has(lock.exact_versions().lines()),
                None => there.satisfy(lock::dependencies(block).iter().map(String::as_str)),
            };
            !has_all || !there.are_within(constraints.iter().map(String::as_str))
        }
        Language::R => {
            let interpreters = Interpreters::of_image(&RunImage::of(base_name, base.clone()));
            let found = of_image(store, base_name, &base.id, &interpreters, &settings.state_folder).await;
            let Ok(found) = found else { return true };
            let version = |name: &str| {
                let line = found.lines().iter().find(|line| line.kind() == Kind::RPackage && line.name() == name);
                line.map(|line| line.version())
            };
            let is_there = |text: &String| {
                let read = text.parse::<RRequirement>();
                read.is_ok_and(|read| version(read.name()).is_some_and(|version| read.allows(version)))
            };
            !r_requirements(&lock::dependencies(block), lock).iter().all(is_there)
        }
    }
}
