//! The diagnosis of a machine: what its engines lack for runs, and what fixes it. The interpreters of the engine
//! `process` are diagnosed where their environments are created.

use super::diagnosis::{Diagnosis, Fix};
use super::installed::isolating_engine;
use super::weakness::weaknesses;
use super::{Engine, EngineError, Engines, ImageStore, NoAnswer, existing, socket_memory};
use crate::run_directory::check_runtime_folder;
use longshore_config::settings::Settings;
use longshore_model::causes::chain;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::remedy::Remedy;
use std::path::Path;

/// Checks what runs on these engines need on this machine, interpreters apart. The second value tells whether the engine
/// `process` must work: it was chosen, or is the only one.
pub async fn diagnose(engines: &Engines, choice: EngineChoice) -> (Vec<Diagnosis>, bool) {
    let settings = engines.settings();
    let (mut found, process_is_needed) = match engines.isolating().await {
        Ok(engine) => (engine_and_images(engine.as_ref(), settings).await, choice == EngineChoice::Process),
        Err(error) => {
            let is_installed = isolating_engine(settings).is_some() || is_denied(&error);
            let takes_process = choice == EngineChoice::Process || choice == EngineChoice::Auto && !is_installed;
            (vec![Diagnosis::bad("engine", error.to_string(), engine_fix(&error))], takes_process)
        }
    };
    if process_is_needed {
        Diagnosis::optional(&mut found);
    }
    let mut agent = [agent(settings)];
    if !process_is_needed {
        Diagnosis::optional(&mut agent);
    }
    found.extend(agent);
    found.push(runtime_folder(&settings.runtime_folder));
    (found, process_is_needed)
}

async fn engine_and_images(engine: &dyn Engine, settings: &Settings) -> Vec<Diagnosis> {
    let mut found = vec![Diagnosis::good("engine", format!("answers at `{}`", settings.engine_socket.display()))];
    if let Some(store) = engine.images() {
        found.extend(images(store.as_ref(), settings).await);
    }
    let facts = engine.facts().await.unwrap_or_default();
    found.extend(weaknesses(&facts, socket_memory()));
    found
}

/// The base images: one language is enough, but an image that the settings name must exist.
async fn images(store: &dyn ImageStore, settings: &Settings) -> Vec<Diagnosis> {
    let usual = Settings::default();
    let (mut own, mut named) = (Vec::new(), Vec::new());
    for (subject, name, usual) in [
        ("Python image", &settings.python_image, usual.python_image),
        ("Python image with pandas 2", &settings.python_pandas2_image, usual.python_pandas2_image),
        ("R image", &settings.r_image, usual.r_image),
    ] {
        let found = image(store, subject, name).await;
        if *name == usual { own.push(found) } else { named.push(found) }
    }
    Diagnosis::one_of(&mut own);
    own.extend(named);
    own
}

fn is_denied(error: &EngineError) -> bool {
    matches!(error, EngineError::Unreachable(NoAnswer::Denied { .. }))
}

/// The command that makes the engine answer, as far as this machine has it.
fn engine_fix(error: &EngineError) -> Fix {
    if is_denied(error) {
        return Remedy::JoinEngineGroup.into();
    }
    let sudo = if rustix::process::geteuid().is_root() { "" } else { "sudo " };
    let has = |path: &str| Path::new(path).exists();
    let start = if has("/run/systemd/system") {
        format!("{sudo}systemctl start docker")
    } else {
        format!("start the engine, such as with `{sudo}dockerd`")
    };
    let is_there = |program: &str| ["/usr/bin", "/usr/sbin"].iter().any(|folder| has(&format!("{folder}/{program}")));
    let words = if is_there("dockerd") || is_there("podman") {
        start
    } else if has("/usr/bin/apt-get") {
        format!("{sudo}apt-get install docker.io")
    } else {
        "install Docker or Podman".to_owned()
    };
    Fix::Machine(format!("{words}   (or name the engine's socket in `DOCKER_HOST`)"))
}

fn agent(settings: &Settings) -> Diagnosis {
    let subject = "agent of the process engine";
    match existing(&settings.agent) {
        Some(path) => Diagnosis::good(subject, format!("`{}`", path.display())),
        None => Diagnosis::bad(subject, format!("not found at `{}`", settings.agent.display()), Remedy::BuildAgent),
    }
}

async fn image(store: &dyn ImageStore, subject: &str, image: &str) -> Diagnosis {
    match store.find(image).await {
        Ok(Some(found)) => Diagnosis::good(subject, format!("`{image}` is {}", short(&found.id.0))),
        Ok(None) => Diagnosis::bad(subject, format!("there is no image `{image}`"), Remedy::BuildImages),
        Err(error) => Diagnosis::bad(subject, error.to_string(), Remedy::Diagnose),
    }
}

fn runtime_folder(folder: &Path) -> Diagnosis {
    let shown = folder.display();
    let Err(error) = check_runtime_folder(folder) else {
        return Diagnosis::good("runtime folder", format!("`{shown}` is private to this user, or can be created"));
    };
    Diagnosis::bad("runtime folder", chain(&error), "export XDG_RUNTIME_DIR=/run/user/$(id -u)")
}

fn short(id: &str) -> &str {
    id.get(..19).unwrap_or(id)
}
