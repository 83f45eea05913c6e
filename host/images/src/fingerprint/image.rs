//! The fingerprint of an image: taken once, in a container with no more rights than a script's, and cached, since an
//! image's id is the hash of its content.

use super::cache;
use super::error::FingerprintError;
use super::lines::Fingerprint;
use super::needs::Needs;
use super::probe::{Answer, Listing, command};
use longshore_engine::{BuildContainer, ImageStore, Interpreters, Printed, Step, StoreError};
use longshore_model::image_id::ImageId;
use std::path::Path;
use std::time::Duration;
use tokio::sync::Notify;

/// How long the package listing of an image may take. The largest need 5 s on a cold disk.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// The packages of an image, as its own interpreters see them. `name` denotes the image in errors.
pub async fn of_image(
    store: &dyn ImageStore,
    name: &str,
    id: &ImageId,
    interpreters: &Interpreters,
    state_folder: &Path,
) -> Result<Fingerprint, FingerprintError> {
    if let Some(known) = cache::load(state_folder, id) {
        return Ok(known);
    }
    let fingerprint = ask_image(store, name, id, interpreters).await?;
    cache::save(state_folder, id, &fingerprint);
    Ok(fingerprint)
}

/// The same, taken now, and not cached.
pub async fn ask_image(
    store: &dyn ImageStore,
    name: &str,
    id: &ImageId,
    interpreters: &Interpreters,
) -> Result<Fingerprint, FingerprintError> {
    ask_image_and(store, name, id, interpreters, None).await.map(|(fingerprint, _)| fingerprint)
}

/// The same, and whether a command succeeds in the same container.
pub(crate) async fn ask_image_and(
    store: &dyn ImageStore,
    name: &str,
    id: &ImageId,
    interpreters: &Interpreters,
    check: Option<Step>,
) -> Result<(Fingerprint, bool), FingerprintError> {
    let architecture = store.find(&id.0).await?.and_then(|image| image.architecture);
    let (answer, passed) = answer(store, name, id, interpreters, Listing::Packages, check).await?;
    Ok((answer.read(&place(name), architecture.as_deref())?, passed))
}

/// The packages of an image, and which of them need which.
pub(crate) async fn ask_needs(
    store: &dyn ImageStore,
    name: &str,
    id: &ImageId,
    interpreters: &Interpreters,
) -> Result<(Fingerprint, Needs), FingerprintError> {
    answer(store, name, id, interpreters, Listing::Needs, None).await?.0.read_needs(&place(name))
}

async fn answer(
    store: &dyn ImageStore,
    name: &str,
    id: &ImageId,
    interpreters: &Interpreters,
    listing: Listing,
    check: Option<Step>,
) -> Result<(Answer, bool), FingerprintError> {
    let mut probe = store.probe_container(id).await.map_err(|error| without_shell(name, error))?;
    let answer = ask(probe.as_mut(), name, command(interpreters, "", listing)).await;
    let passed = match check {
        Some(check) if answer.is_ok() => passes(probe.as_mut(), check).await,
        _ => Ok(true),
    };
    let removed = probe.remove().await;
    let answer = answer?;
    removed?;
    Ok((answer, passed?))
}

/// What a command prints in a container of an image, within bounds and in time.
pub(crate) async fn answer_of(
    store: &dyn ImageStore,
    id: &ImageId,
    step: Step,
    most: usize,
) -> Result<Vec<u8>, StoreError> {
    let mut probe = store.probe_container(id).await?;
    let mut output = Vec::new();
    let mut take = |printed: Printed<'_>| match printed {
        Printed::Out(bytes) if output.len() + bytes.len() <= most => output.extend_from_slice(bytes),
        Printed::Out(_) | Printed::Err(_) => {}
    };
    let ended = tokio::time::timeout(DEADLINE, probe.run(step, &mut take)).await;
    let removed = probe.remove().await;
    if let Ok(ended) = ended {
        ended?;
    }
    removed?;
    Ok(output)
}

/// Whether a command succeeds, in time.
async fn passes(probe: &mut dyn BuildContainer, check: Step) -> Result<bool, StoreError> {
    let ended = tokio::time::timeout(DEADLINE, probe.run(check, &mut |_| {})).await;
    ended.map_or(Ok(false), |ended| ended.map(|status| status == 0))
}

async fn ask(
    build_container: &mut dyn BuildContainer,
    name: &str,
    command: Vec<String>,
) -> Result<Answer, FingerprintError> {
    let step = Step { command, environment: Vec::new() };
    let (mut answer, full) = (Answer::default(), Notify::new());
    let mut take = |printed: Printed<'_>| match printed {
        Printed::Out(bytes) => {
            if !answer.out(bytes) {
                full.notify_one();
            }
        }
        Printed::Err(bytes) => answer.err(bytes),
    };
    let ended = tokio::select! {
        ended = build_container.run(step, &mut take) => ended.map(drop),
        // Its further output is not read.
        () = full.notified() => Ok(()),
        () = tokio::time::sleep(DEADLINE) => {
            return Err(FingerprintError::TooSlow { place: place(name), seconds: DEADLINE.as_secs() });
        }
    };
    ended.map_err(|error| without_shell(name, error))?;
    Ok(answer)
}

fn place(name: &str) -> String {
    format!("the image `{name}`")
}

/// Engines have many messages for a missing program; all of them contain one of these.
fn without_shell(image: &str, error: StoreError) -> FingerprintError {
    let missing = match &error {
        StoreError::Engine { source, .. } => source.answer().is_some_and(|words| {
            words.contains("executable file not found") || words.contains("no such file or directory")
        }),
        _ => false,
    };
    if missing {
        return FingerprintError::NoShell { image: image.to_owned(), source: error };
    }
    error.into()
}
