//! Images named by blocks and callers: found on this machine, or pulled from their registries with the credentials of
//! the Docker configuration, with repeated attempts. Longshore's own images are never pulled. Layers on top of them are
//! not decided here.

use crate::credentials::Credentials;
use crate::environment::PullError;
use longshore_config::settings::{Pull, Settings};
use longshore_engine::{ImageStore, Login, PullFailure, StoredImage};
use longshore_model::event::{Event, Events, PullStep};
use longshore_model::pull_progress::LayerProgress;
use longshore_model::reference::Reference;
use std::time::Duration;

/// Attempts to pull if failures are transient: with the delays below, 7.5 s in all.
const ATTEMPTS: u32 = 5;

/// The delay after the first attempt. Each further one is twice as long: 0.5 s, 1 s, 2 s, 4 s.
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// Finds an image in a store, and pulls it if it is missing and may be pulled.
pub(crate) async fn bring(
    store: &dyn ImageStore,
    image: &str,
    settings: &Settings,
    credentials: &Credentials,
    events: &Events,
) -> Result<StoredImage, PullError> {
    let reference =
        Reference::parse(image).map_err(|source| PullError::Reference { image: image.to_owned(), source })?;
    if let Some(found) = store.find(image).await? {
        return Ok(found);
    }
    let image = image.to_owned();
    if reference.is_id() {
        return Err(PullError::NoSuchId { image });
    }
    if reference.is_ours() {
        return Err(PullError::NotBuilt { image });
    }
    if settings.images.pull == Pull::Never {
        return Err(PullError::Never { image });
    }
    pull(store, reference, &image, credentials, events).await
}

/// Pulls an image, also if the store has one of this name.
pub(crate) async fn pull(
    store: &dyn ImageStore,
    reference: Reference,
    image: &str,
    credentials: &Credentials,
    events: &Events,
) -> Result<StoredImage, PullError> {
    let pulling = Pulling { store, reference, image: image.to_owned(), credentials, events };
    pulling.pull().await?;
    let found = store.find(image).await?;
    found.ok_or_else(|| PullError::Gone { registry: pulling.registry(), image: pulling.image.clone() })
}

/// An image that is being pulled.
struct Pulling<'a> {
    store: &'a dyn ImageStore,
    reference: Reference,
    image: String,
    credentials: &'a Credentials,
    events: &'a Events,
}

impl Pulling<'_> {
    async fn pull(&self) -> Result<(), PullError> {
        let login = self.credentials.of(&self.reference).await;
        let login = login.map_err(|source| PullError::Credentials { image: self.image.clone(), source })?;
        let mut attempt = 1;
        loop {
            self.tell(PullStep::Begun { registry: self.registry(), attempt });
            let mut progress = |layer: LayerProgress| {
                // A slow reader gets the layers' next progress.
                self.events.tell(self.event(PullStep::Layer(layer)));
            };
            match self.store.pull(&self.reference, login.as_ref(), &mut progress).await {
                Ok(()) => {
                    self.tell(PullStep::Pulled);
                    return Ok(());
                }
                Err(PullFailure::Transient { reason }) if attempt < ATTEMPTS => {
                    let delay = delay_after(attempt, random());
                    self.tell(PullStep::Failed { attempt, reason, delay });
                    tokio::time::sleep(delay).await;
                    attempt += 1;
                }
                Err(failure) => return Err(self.explain(failure, login.as_ref(), attempt)),
            }
        }
    }

    /// Explains a failure to the user who named the image.
    fn explain(&self, failure: PullFailure, login: Option<&Login>, attempts: u32) -> PullError {
        let (image, registry) = (self.image.clone(), self.registry());
        let command =
            if self.reference.is_on_hub() { "docker login".into() } else { format!("docker login {registry}") };
        match (failure, login) {
            (PullFailure::Refused, None) => {
                PullError::LoginNeeded { image, registry, place: self.credentials.place(), login: command }
            }
            (PullFailure::Refused, Some(sent)) => {
                PullError::LoginRefused { image, registry, origin: sent.origin.clone(), login: command }
            }
            (PullFailure::Unknown, _) => PullError::Unknown { image, registry },
            (PullFailure::TooMany, _) => PullError::TooMany { registry, login: command },
            (PullFailure::OtherArchitecture, _) => {
                PullError::OtherArchitecture { image, architecture: std::env::consts::ARCH.into() }
            }
            (PullFailure::Untrusted { reason }, _) => PullError::Untrusted { registry, reason },
            (PullFailure::NoHost, _) => PullError::NoHost { image, registry },
            (PullFailure::DiskFull, _) => PullError::DiskFull { image },
            (PullFailure::Transient { reason }, _) => PullError::GivenUp { image, registry, attempts, reason },
            (PullFailure::Other { reason }, _) => PullError::Failed { image, registry, reason },
            (PullFailure::Engine(source), _) => {
                PullError::Store(longshore_engine::StoreError::Engine { doing: "pulling an image", source })
            }
        }
    }

    fn registry(&self) -> String {
        self.reference.registry().to_owned()
    }

    fn event(&self, step: PullStep) -> Event {
        Event::Pulling { image: self.image.clone(), step }
    }

    fn tell(&self, step: PullStep) {
        // A pull continues without a watcher.
        self.events.tell(self.event(step));
    }
}

/// The delay after an attempt, randomly a quarter more or less, so that many clients do not retry at the same time.
fn delay_after(attempt: u32, random: u8) -> Duration {
    let share = 0.75 + f64::from(random) / f64::from(u8::MAX) / 2.0;
    (FIRST_DELAY * 2_u32.saturating_pow(attempt.saturating_sub(1))).mul_f64(share)
}

fn random() -> u8 {
    let mut random = [0];
    // Without random bytes the delay is the shortest.
    let _ = rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty());
    random[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_engine::Engines;
    use longshore_engine_docker::DockerConnector;

    #[test]
    fn delays_double_and_vary_by_a_quarter() {
        let seconds = |attempt, random| delay_after(attempt, random).as_secs_f64();
        for (attempt, middle) in [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0)] {
            assert!((seconds(attempt, 0) - middle * 0.75).abs() < 1e-9);
            assert!((seconds(attempt, 255) - middle * 1.25).abs() < 1e-9);
        }
    }

    /// The results for missing images, with an engine that answers, and a registry that must not be asked.
    async fn brought(image: &str, pull: Pull) -> (Result<StoredImage, PullError>, Option<Event>) {
        let mut settings = Settings::default();
        settings.images.pull = pull;
        let store = Engines::new(settings.clone()).with(DockerConnector).images().await.unwrap();
        let credentials = Credentials::new(&settings.docker_config);
        let (events, mut happened) = longshore_model::event::events();
        let brought = bring(store.as_ref(), image, &settings, &credentials, &events).await;
        drop(events);
        (brought, happened.recv().await)
    }

    #[tokio::test]
    async fn what_must_not_be_pulled_is_not() {
        let (never, told) = brought("127.0.0.1:1/none:1", Pull::Never).await;
        assert!(matches!(never, Err(PullError::Never { .. })) && told.is_none(), "{never:?} {told:?}");
        let (ours, told) = brought("longshore/no-such-image:7", Pull::Missing).await;
        assert!(matches!(ours, Err(PullError::NotBuilt { .. })) && told.is_none(), "{ours:?} {told:?}");
        let (id, told) = brought(&"0a".repeat(32), Pull::Missing).await;
        assert!(matches!(id, Err(PullError::NoSuchId { .. })) && told.is_none(), "{id:?} {told:?}");
        let (wrong, told) = brought("Upper/Case", Pull::Missing).await;
        assert!(matches!(wrong, Err(PullError::Reference { .. })) && told.is_none(), "{wrong:?} {told:?}");
    }
}
