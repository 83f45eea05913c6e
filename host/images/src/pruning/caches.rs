//! Downloaded packages, which are kept to speed up the next build: volumes for builds of images, a folder for those of
//! the `process` engine. They are in no budget, since they can be downloaded again; they are removed when everything
//! is.

use super::error::PruneError;
use crate::usage_store::UsageStore;
use longshore_config::settings::Settings;
use longshore_engine::ImageStore;
use longshore_engine::task::blocking;
use longshore_model::digest::is_hexadecimal;
use longshore_model::labels::CACHE_VOLUMES;

/// The folder's name in the usage store: builds hold its lock.
pub(crate) const FOLDER: &str = "packages-of-processes";

/// Removes the volumes of images that no longer exist: no build uses them again.
pub(super) async fn remove_abandoned(store: &dyn ImageStore) -> Result<(), PruneError> {
    for volume in store.volumes(CACHE_VOLUMES).await? {
        let image = volume.strip_prefix(CACHE_VOLUMES).and_then(|rest| rest.strip_prefix('-'));
        if let Some(image) = image.filter(|digits| is_hexadecimal(digits))
            && store.find(image).await?.is_none()
        {
            store.remove_volume(&volume).await?;
        }
    }
    Ok(())
}

/// Removes the caches that no build uses now. Returns their names.
pub(crate) async fn remove(
    store: Option<&dyn ImageStore>,
    ledger: &UsageStore,
    settings: &Settings,
) -> Result<Vec<String>, PruneError> {
    let mut removed = Vec::new();
    if let Some(store) = store {
        for volume in store.volumes(CACHE_VOLUMES).await? {
            if store.remove_volume(&volume).await? {
                removed.push(volume);
            }
        }
    }
    let (ledger, folder) = (ledger.clone(), settings.cache_folder.join("uv"));
    let path = folder.clone();
    let gone = blocking(move || match ledger.try_claim(FOLDER)? {
        Some(_held) if path.is_dir() => std::fs::remove_dir_all(&path).map(|()| true),
        _ => Ok(false),
    });
    if gone.await.map_err(|source| PruneError::UsageStore { path: folder.clone(), source })? {
        removed.push(folder.display().to_string());
    }
    Ok(removed)
}
