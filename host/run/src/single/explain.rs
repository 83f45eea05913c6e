//! Explains a run without starting anything: its engine, its image if it exists, its limits, and the policy of its
//! container.

use super::shape;
use crate::request::Prepared;
use longshore_engine::{EngineError, EngineFacts, Engines, Policy, RunImage};
use longshore_images::environment::{self, Bounds, EnvironmentError};
use longshore_model::causes::chain;
use longshore_model::engine_kind::EngineKind;
use longshore_model::limits::Limits;
use longshore_model::network::Network;
use longshore_model::note::Note;
use serde::Serialize;

/// The limits and policy of a run.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Explained {
    /// The block's name.
    pub block: String,
    /// The engine that it would run on.
    pub engine: EngineKind,
    /// The engine's facts about itself and the machine; `null` on the `process` engine.
    pub facts: Option<EngineFacts>,
    /// The image's name; `null` on the `process` engine.
    pub image: Option<String>,
    /// The image's id, if it exists: nothing is pulled or built.
    pub image_id: Option<String>,
    /// The bounds of its packages' versions.
    pub bounds: Bounds,
    /// The container's policy; `null` on the `process` engine, where a script has all rights of this user.
    pub policy: Option<Policy>,
    /// The limits of the run. The `process` engine enforces only those on time, open files, outputs and log.
    pub limits: Limits,
    /// Relaxations compared with the default policy.
    pub loosened: Vec<String>,
    /// Notes.
    pub notes: Vec<Note>,
}

/// Explains a run, and starts nothing.
///
/// # Errors
/// If the requested engine does not answer.
pub async fn explain(prepared: &Prepared, engines: &Engines) -> Result<Explained, EngineError> {
    let settings = engines.settings();
    let (chosen, note) = engines.choose(prepared.engine).await?;
    let mut notes: Vec<Note> = note.map(Note::from).into_iter().chain(prepared.notes.clone()).collect();
    let (mut image, mut name) = (None, None);
    let bounds = match Bounds::of(&prepared.block, settings).await {
        Ok(bounds) => bounds,
        Err(error) => {
            notes.push(chain(&error).into());
            Bounds::default()
        }
    };
    if let Some(store) = chosen.images() {
        let found = match prepared.image.as_deref() {
            Some(image) => {
                store.find(image).await.map(|found| (image.to_owned(), found)).map_err(EnvironmentError::from)
            }
            None => environment::find(&prepared.block, store.as_ref(), settings).await,
        };
        match found {
            Ok((found, there)) => {
                image = there.map(|there| RunImage::of(&found, there));
                if image.is_none() {
                    let text = format!(
                        "the image `{found}` does not exist yet: a run makes it; its volumes and its agent are not known"
                    );
                    notes.push(text.into());
                }
                name = Some(found);
            }
            Err(error) => {
                notes.push(Note::new(format!("cannot determine the image: {}", chain(&error)), error.remedy()));
            }
        }
    }
    let user = chosen.script_user(image.as_ref(), prepared.writes());
    notes.extend(user.as_ref().and_then(|user| user.note.clone()).map(Note::from));
    let mut limits = prepared.limits.clone();
    limits.timeout = prepared.time_limit(settings);
    let image_id = image.as_ref().map(|image| image.id.0.clone());
    let shape = shape(prepared, image, None);
    let policy = chosen.policy(&shape, user.as_ref(), &settings.runtime_folder.join("runs/RUN")).await;
    let policy = policy.unwrap_or_else(|error| {
        notes.push(Note::new(format!("cannot make a container: {}", chain(&error)), error.remedy()));
        None
    });
    let facts = chosen.facts().await;
    Ok(Explained {
        block: prepared.block.name.clone(),
        engine: chosen.kind(),
        policy,
        facts,
        image: name,
        image_id,
        bounds,
        loosened: loosened(prepared, &limits, chosen.kind()),
        limits,
        notes,
    })
}

/// Relaxations compared with the default policy.
pub(super) fn loosened(prepared: &Prepared, limits: &Limits, engine: EngineKind) -> Vec<String> {
    if !engine.isolates() {
        return vec!["no container: the script may do all that this user may".into()];
    }
    let network = (prepared.network != Network::None)
        .then(|| format!("network `{}`: the script may reach whatever that network reaches", prepared.network));
    let mounts = prepared.mounts.iter().map(|mount| {
        let what = if mount.writable { "may be written to" } else { "may be read" };
        format!("`{}` {what}", mount.path.display())
    });
    let time = limits.timeout.limit().is_none().then(|| "no limit of time".to_owned());
    network.into_iter().chain(mounts).chain(time).collect()
}
