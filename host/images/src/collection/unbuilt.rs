//! A block without an image of its own, which does not exist yet or is not needed: what its files list, and which versions
//! its lock or its base has. And each form of an explanation.

use super::error::ImagesError;
use super::explain::Explanation;
use super::origin::{Known, LockNames, PackageOrigin, origins};
use crate::environment::Lock;
use crate::fingerprint::Fingerprint;
use crate::fingerprint::needs::Needs;
use crate::listed;
use longshore_block::Block;
use longshore_model::remedy::Remedy;
use longshore_model::shown::Shown;
use serde::Serialize;

/// An explanation.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Explained {
    /// Of an image, or of a folder that replaces one.
    Image(Box<Explanation>),
    /// Of a block whose image does not exist.
    Unbuilt(Unbuilt),
    /// Of a block that runs in its base.
    InBase(InBase),
}

/// A block whose base has all that it lists.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct InBase {
    /// The block, as it was named.
    pub block: String,
    /// The base image.
    pub base: String,
    /// The packages that it lists.
    pub listed: Vec<PackageOrigin>,
}

/// A block whose image does not exist.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Unbuilt {
    /// The block, as it was named.
    pub block: String,
    /// The packages that it lists.
    pub listed: Vec<PackageOrigin>,
}

impl Unbuilt {
    pub(super) fn of(reference: &str, block: &Block) -> Result<Self, ImagesError> {
        Ok(Self { block: reference.to_owned(), listed: listed_in(block, None)? })
    }
}

impl InBase {
    /// `installed` are the packages of the base.
    pub(super) fn of(
        reference: &str,
        block: &Block,
        base: String,
        installed: Fingerprint,
    ) -> Result<Self, ImagesError> {
        let listed = listed_in(block, Some(&(installed, Needs::default())))?;
        Ok(Self { block: reference.to_owned(), base, listed })
    }
}

/// What a block lists, with the versions that its lock and an image have.
fn listed_in(block: &Block, image: Option<&(Fingerprint, Needs)>) -> Result<Vec<PackageOrigin>, ImagesError> {
    let (listed, lock) = (listed::of_block(block), lock(block)?);
    let constraints: Vec<String> = block.constraints.iter().map(ToString::to_string).collect();
    let known = Known { listed: &listed, constraints: &constraints, lock: lock.as_ref(), image, ..Known::default() };
    Ok(origins(&known))
}

/// The block's lock, if it has one.
pub(super) fn lock(block: &Block) -> Result<Option<LockNames>, ImagesError> {
    let failed = |source| ImagesError::Environment { block: block.name.clone(), source: Box::new(source) };
    let lock = Lock::of(block).map_err(failed)?;
    Ok(lock.map(|lock| {
        let (file, names) = lock.names(block);
        LockNames { file, packages: names.map(|(kind, name)| (kind.to_owned(), name.to_owned())).collect() }
    }))
}

impl Explained {
    /// The text for users.
    #[must_use]
    pub fn text(&self) -> Shown {
        match self {
            Self::Image(explanation) => explanation.text(),
            Self::Unbuilt(Unbuilt { block, listed }) => {
                let lists = if listed.is_empty() { "lists no packages" } else { "lists" };
                let mut text = Shown::line(format!("the block `{block}` has no image of its own yet; it {lists}"));
                listed.iter().for_each(|package| text.push(format!("  {}", package.text())));
                text
            }
            Self::InBase(InBase { block, base, listed }) => {
                let mut text =
                    Shown::line(format!("the block `{block}` runs in `{base}`, which has all that it lists"));
                listed.iter().for_each(|package| text.push(format!("  {}", package.text())));
                text
            }
        }
    }

    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Image(_) | Self::InBase(_) => None,
            Self::Unbuilt(Unbuilt { block, .. }) => Some(Remedy::BuildBlockImage { block: block.clone() }),
        }
    }
}
