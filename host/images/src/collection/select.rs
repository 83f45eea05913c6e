//! References to an image: a name, an id, the beginning of an environment's hash, or the block that runs in it.

use super::error::ImagesError;
use crate::environment::{EnvironmentError, hash_of_block};
use crate::pruning::entry::ImageEntry;
use longshore_block::Block;
use longshore_config::settings::Settings;
use longshore_engine::ImageStore;
use longshore_model::digest::{digits, prefix};
use std::path::Path;

/// Finds the only entry of this reference, by index.
pub(crate) fn select(entries: &[ImageEntry], reference: &str) -> Result<usize, ImagesError> {
    let named = |entry: &ImageEntry| {
        let tagged = |name: &String| name == reference || name.strip_suffix(":latest") == Some(reference);
        entry.names.iter().any(tagged) || entry.path.as_ref().is_some_and(|path| path.as_os_str() == reference)
    };
    if let Some(index) = entries.iter().position(named) {
        return Ok(index);
    }
    let not_found = || ImagesError::NotFound { reference: reference.to_owned() };
    let prefix = prefix(reference).ok_or_else(not_found)?;
    let begins = |entry: &ImageEntry| {
        entry.hash.starts_with(&prefix) || entry.id.as_deref().is_some_and(|id| digits(id).starts_with(&prefix))
    };
    let found: Vec<usize> = (0..entries.len()).filter(|index| begins(&entries[*index])).collect();
    match found[..] {
        [] => Err(not_found()),
        [index] => Ok(index),
        _ => {
            // An image that lost its name has the same hash as its successor, which is meant.
            let mut living = found.iter().filter(|index| !entries[**index].is_nameless());
            match (living.next(), living.next()) {
                (Some(index), None) => Ok(*index),
                _ => {
                    let names = found.iter().map(|index| entries[*index].title()).collect();
                    Err(ImagesError::Ambiguous { reference: reference.to_owned(), names })
                }
            }
        }
    }
}

/// A block, and where it runs.
pub(crate) struct BlockEnvironment {
    pub(crate) block: Block,
    pub(crate) place: BlockPlace,
}

/// Where a block runs.
pub(crate) enum BlockPlace {
    /// In the environment with this hash.
    Environment(String),
    /// In an environment on an image that does not exist yet, which decides the hash.
    Unknown,
    /// In its base, which has all packages that it lists.
    Base,
}

/// The environment in which a block runs, if the reference is the path of a block.
pub(crate) async fn environment_of_block(
    reference: &str,
    store: &dyn ImageStore,
    settings: &Settings,
) -> Option<Result<BlockEnvironment, ImagesError>> {
    let path = Path::new(reference);
    if !path.exists() {
        return None;
    }
    let block = || reference.to_owned();
    let loaded = match Block::load(path) {
        Ok(loaded) => loaded.block,
        Err(source) => return Some(Err(ImagesError::Block { block: block(), source: Box::new(source) })),
    };
    Some(match hash_of_block(&loaded, store, settings).await {
        Ok(Some(hash)) => Ok(BlockEnvironment { block: loaded, place: BlockPlace::Environment(hash) }),
        Err(EnvironmentError::NoImage { .. }) => Ok(BlockEnvironment { block: loaded, place: BlockPlace::Unknown }),
        Ok(None) if !loaded.dependencies.is_empty() => Ok(BlockEnvironment { block: loaded, place: BlockPlace::Base }),
        Ok(None) => Err(ImagesError::NoEnvironment { block: block() }),
        Err(source) => Err(ImagesError::Environment { block: block(), source: Box::new(source) }),
    })
}
