//! The diagnosis of a machine: what is missing there for runs, and what fixes it.

use super::diagnosis::Diagnosis;
use super::weakness::weaknesses;
use super::{EngineError, Engines, ImageStore, Interpreters, NoAnswer, Started, existing, socket_memory};
use crate::program::{Output, Program};
use crate::run_directory::check_runtime_folder;
use longshore_model::causes::chain;
use longshore_model::remedy::Remedy;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// How long an interpreter may take to print its version: loading R's packages takes seconds on a slow disk.
const DEADLINE: Duration = Duration::from_secs(60);

/// Bytes of its output that are read: a line.
const ANSWER_MAX: usize = 4 << 10;

/// Checks everything that runs need on this machine.
pub async fn diagnose(engines: &Engines) -> Vec<Diagnosis> {
    let settings = engines.settings();
    let mut found = Vec::new();
    match engines.isolating().await {
        Ok(engine) => {
            found.push(Diagnosis::good("engine", format!("answers at `{}`", settings.engine_socket.display())));
            if let Some(store) = engine.images() {
                found.push(image(store.as_ref(), "Python image", &settings.python_image).await);
                found.push(image(store.as_ref(), "Python image with pandas 2", &settings.python_pandas2_image).await);
                found.push(image(store.as_ref(), "R image", &settings.r_image).await);
            }
            let facts = engine.facts().await.unwrap_or_default();
            found.extend(weaknesses(&facts, socket_memory()));
        }
        Err(error) => {
            let fix = match &error {
                EngineError::Unreachable(NoAnswer::Denied { .. }) => {
                    "sudo usermod -aG docker $USER   (then log in again)"
                }
                EngineError::Unreachable(NoAnswer::NoSocket { .. }) => {
                    "sudo apt-get install docker.io && sudo systemctl start docker"
                }
                _ => "sudo systemctl start docker",
            };
            found.push(Diagnosis::bad("engine", first_line(&error), fix));
        }
    }
    found.push(match existing(&settings.agent) {
        Some(path) => Diagnosis::good("agent of the process engine", format!("`{}`", path.display())),
        None => Diagnosis::bad(
            "agent of the process engine",
            format!("not found at `{}`", settings.agent.display()),
            Remedy::BuildAgent,
        ),
    });
    let interpreters = Interpreters::of_machine(settings);
    found.push(python(&interpreters).await);
    found.push(r(&interpreters).await);
    found.push(runtime_folder(&settings.runtime_folder));
    found
}

async fn image(store: &dyn ImageStore, subject: &str, image: &str) -> Diagnosis {
    match store.find(image).await {
        Ok(Some(found)) => Diagnosis::good(subject, format!("`{image}` is {}", short(&found.id.0))),
        Ok(None) => Diagnosis::bad(subject, format!("there is no image `{image}`"), Remedy::BuildImages),
        Err(error) => Diagnosis::bad(subject, first_line(&error), Remedy::Diagnose),
    }
}

/// The output of an interpreter that succeeds within the deadline; `None` if it fails.
async fn answer(started: Started<'_>, path: &str, option: &str, program: &str) -> io::Result<Option<String>> {
    let (interpreter, arguments) = started.command.split_first().ok_or(io::ErrorKind::NotFound)?;
    let mut command = Command::new(interpreter);
    // A script sees no other variables either.
    command.args(arguments).args([option, program]).env_clear();
    command.env("PATH", path).env("LANG", "C.UTF-8").envs(started.variables);
    let Output { status, out, .. } = Program::new(command).within(DEADLINE).output(ANSWER_MAX).await?;
    Ok(status.success().then(|| String::from_utf8_lossy(&out).trim().to_owned()))
}

async fn python(interpreters: &Interpreters) -> Diagnosis {
    let subject = "Python of the process engine";
    let program =
        "import sys, longshore, omniscope.api; print('Python %d.%d.%d with longshore' % sys.version_info[:3])";
    let shown = &interpreters.python;
    match answer(interpreters.start_python(), &interpreters.path, "-c", program).await {
        Ok(Some(answer)) => Diagnosis::good(subject, answer),
        Ok(None) => Diagnosis::bad(
            subject,
            format!("`{shown}` lacks the module `longshore` or `omniscope.api`"),
            Remedy::InstallPython,
        ),
        Err(error) => Diagnosis::bad(subject, format!("cannot start `{shown}`: {error}"), Remedy::InstallPython),
    }
}

async fn r(interpreters: &Interpreters) -> Diagnosis {
    let subject = "R of the process engine";
    let program = "library(longshore); library(omniscope.api); cat('R', format(getRversion()), 'with longshore')";
    let shown = &interpreters.rscript;
    match answer(interpreters.start_r(), &interpreters.path, "-e", program).await {
        Ok(Some(answer)) => Diagnosis::good(subject, answer),
        Ok(None) => Diagnosis::bad(
            subject,
            format!("`{shown}` lacks the package `longshore` or `omniscope.api`"),
            Remedy::InstallR,
        ),
        Err(error) => Diagnosis::bad(subject, format!("cannot start `{shown}`: {error}"), Remedy::InstallR),
    }
}

fn runtime_folder(folder: &Path) -> Diagnosis {
    let shown = folder.display();
    let Err(error) = check_runtime_folder(folder) else {
        return Diagnosis::good("runtime folder", format!("`{shown}` is private to this user, or can be created"));
    };
    Diagnosis::bad("runtime folder", chain(&error), "export XDG_RUNTIME_DIR=/run/user/$(id -u)")
}

fn first_line(error: &dyn std::error::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn short(id: &str) -> &str {
    id.get(..19).unwrap_or(id)
}
