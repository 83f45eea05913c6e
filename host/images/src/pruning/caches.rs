//! Downloaded packages, which are kept so that the next build is quick: volumes for builds of images, a folder for those
//! of the `process` engine. They are in no budget, since all of it comes again; they go when everything is to go.

use super::error::PruneError;
use crate::usage_store::UsageStore;
use longshore_config::settings::Settings;
use longshore_engine::ImageStore;
use longshore_engine::task::blocking;
use longshore_model::digest::is_hexadecimal;
use longshore_model::labels::CACHE_VOLUMES;

/// What the ledger calls the folder: those who build hold it.
pub(crate) const FOLDER: &str = "packages-of-processes";

/// Removes the volumes of images that are gone: nothing is built on them any more.
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

/// Removes what no build uses at the moment. Gives what it was called.
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
