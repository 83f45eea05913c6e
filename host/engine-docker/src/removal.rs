//! Removal of a container in any state.

use bollard::errors::Error as ApiError;
use bollard::query_parameters::RemoveContainerOptions;
use std::time::{Duration, Instant};

/// How long a removal that is in progress is waited for, and how often it is looked at.
const DEADLINE: Duration = Duration::from_secs(10);
const LOOKS: Duration = Duration::from_millis(20);

/// Removes a container, and waits until it is removed, also if another removal is in progress.
pub(super) async fn remove(api: &bollard::Docker, name: &str) -> Result<(), ApiError> {
    let begun = Instant::now();
    loop {
        let force = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
        match api.remove_container(name, Some(force)).await {
            Err(ApiError::DockerResponseServerError { status_code: 404, .. }) => return Ok(()),
            Err(ApiError::DockerResponseServerError { status_code: 409, .. }) if begun.elapsed() < DEADLINE => {
                tokio::time::sleep(LOOKS).await;
            }
            removed => return removed,
        }
    }
}
