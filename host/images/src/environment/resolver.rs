//! What finding and building images have in common: base images, deadlines, locks and clean-up.

use super::EnvironmentError;
use super::custom::bring;
use crate::credentials::Credentials;
use crate::pruning;
use crate::usage_store::{LockGuard, UsageStore};
use longshore_config::settings::Settings;
use longshore_engine::{ImageStore, StoredImage};
use longshore_model::cancel::Cancel;
use longshore_model::event::{Event, Events};
use std::time::Duration;

/// Attempts to find a newly built image, or to build it, while others remove it.
pub(super) const ATTEMPTS: usize = 3;

/// How long the removal of build containers may take: an engine kills and removes one in a second.
const SETTLE_DEADLINE: Duration = Duration::from_secs(10);

/// Finds and builds environments.
pub(super) struct EnvironmentResolver<'a> {
    pub(super) store: &'a dyn ImageStore,
    pub(super) settings: &'a Settings,
    pub(super) events: &'a Events,
    pub(super) cancel: &'a Cancel,
}

impl EnvironmentResolver<'_> {
    /// Finds a base image, and pulls it if it is missing.
    pub(super) async fn base(&self, name: &str) -> Result<StoredImage, EnvironmentError> {
        let credentials = Credentials::new(&self.settings.docker_config);
        tokio::select! {
            found = bring(self.store, name, self.settings, &credentials, self.events) => Ok(found?),
            () = self.cancel.cancelled() => Err(EnvironmentError::Cancelled),
        }
    }

    /// Work in build containers, until the deadline of builds or a cancel. Then its containers are removed first.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, EnvironmentError>>,
    ) -> Result<T, EnvironmentError> {
        let given_up = tokio::select! {
            done = work => return done,
            () = tokio::time::sleep(self.settings.build.deadline()) => {
                EnvironmentError::Deadline { minutes: self.settings.build.minutes }
            }
            () = self.cancel.cancelled() => EnvironmentError::Cancelled,
        };
        // An engine that does not answer must not keep the caller: the next host removes its containers.
        let _ = tokio::time::timeout(SETTLE_DEADLINE, self.store.settle()).await;
        Err(given_up)
    }

    /// Cleans up after a build. A failure here does not fail the build, whose image is new and stays.
    pub(super) async fn make_room(&self, ledger: &UsageStore) {
        let note = match pruning::prune(Some(self.store), ledger, self.settings, pruning::How::AfterBuild).await {
            Ok(report) => report.summary(),
            Err(error) => Some(format!("cannot clean up the images made here: {error}")),
        };
        if let Some(note) = note {
            self.events.tell(Event::Note(note.into()));
        }
    }

    /// Waits for a lock of the usage store, which may take as long as another build.
    pub(super) async fn locked(
        &self,
        taking: impl Future<Output = std::io::Result<LockGuard>>,
    ) -> Result<LockGuard, EnvironmentError> {
        let taken = tokio::select! {
            taken = taking => taken,
            () = self.cancel.cancelled() => return Err(EnvironmentError::Cancelled),
        };
        taken.map_err(|source| EnvironmentError::UsageStore { folder: self.settings.state_folder.clone(), source })
    }
}
