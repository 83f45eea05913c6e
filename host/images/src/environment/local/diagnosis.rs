//! The diagnosis of the `process` engine's interpreters: whether each has the SDK, or the first run can provide it.

use super::LocalError;
use super::base::{find, has_sdk, interpreter};
use super::installer::uv;
use super::interpreter::Interpreter;
use super::tool::{Tool, Watch};
use crate::environment::api::sdk_files;
use longshore_block::Language;
use longshore_engine::program::{Output, Program};
use longshore_engine::{Diagnosis, Engines, Fix, Interpreters, Started};
use longshore_model::cancel::Cancel;
use longshore_model::causes::chain;
use longshore_model::event::events;
use longshore_model::remedy::Remedy;
use std::io;
use std::time::Duration;
use tokio::process::Command;

/// How long an interpreter may take to print its version: loading R's packages takes seconds on a slow disk.
const DEADLINE: Duration = Duration::from_secs(60);

/// Bytes of its output that are read: a line.
const ANSWER_MAX: usize = 4 << 10;

/// Checks the interpreters of the engine `process`.
pub async fn diagnose(engines: &Engines) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for language in [Language::Python, Language::R] {
        found.push(diagnosis(language, engines).await);
    }
    Diagnosis::one_of(&mut found);
    let mut sdk = [sdk(engines)];
    // Images and interpreters may have it already.
    Diagnosis::optional(&mut sdk);
    found.extend(sdk);
    found
}

fn sdk(engines: &Engines) -> Diagnosis {
    let settings = engines.settings();
    let folder = settings.sdk_folder.display();
    let is_there = |language| sdk_files(language, settings).is_ok();
    if is_there(Language::Python) && is_there(Language::R) {
        Diagnosis::good("SDK", format!("wheels and R packages are in `{folder}`"))
    } else {
        Diagnosis::bad("SDK", format!("there are no wheels and R packages in `{folder}`"), Remedy::BuildSdk)
    }
}

async fn diagnosis(language: Language, engines: &Engines) -> Diagnosis {
    let subject = format!("{language} of the process engine");
    let (settings, cancel, (events, _)) = (engines.settings(), Cancel::new(), events());
    let watch = Watch { events: &events, cancel: &cancel };
    let bad = |error: LocalError| {
        let fix = error.remedy().map_or(Fix::Machine("correct the settings".into()), Fix::Remedy);
        Diagnosis::bad(&subject, chain(&error), fix)
    };
    let machine = match interpreter(language, settings, watch).await {
        Ok(machine) => machine,
        Err(error) => return bad(error),
    };
    let own = Interpreters::of_machine(settings);
    if has_sdk(&machine) {
        return ready(&subject, language, &own).await;
    }
    match find(language, &machine, settings) {
        Ok(Some(place)) => {
            let (python, libraries) = match language {
                Language::Python => (Some(place), Vec::new()),
                Language::R => (None, vec![place]),
            };
            ready(&subject, language, &own.with(python.as_deref(), &libraries)).await
        }
        Ok(None) if language == Language::Python && !has_installer(&machine, engines, watch).await => {
            let finding =
                format!("`{}` has no SDK, no `venv`, and there is no `uv` to install it", machine.path.display());
            Diagnosis::bad(&subject, finding, Remedy::InstallUv)
        }
        Ok(None) => {
            let path = machine.path.display();
            let version = if language == Language::R { format!("R {}", machine.version) } else { machine.version };
            Diagnosis::good(&subject, format!("`{path}` is {version}; the first run adds the SDK, in the cache folder"))
        }
        Err(error) => bad(error),
    }
}

/// Whether Python packages can be installed: by uv, or by an installer that gets it.
async fn has_installer(machine: &Interpreter, engines: &Engines, watch: Watch<'_>) -> bool {
    if uv(machine, engines).is_some_and(|uv| uv.is_file()) {
        return true;
    }
    let tool = Tool::new(&machine.path, engines.settings()).arguments(["-I", "-c", "import ensurepip, venv"]).quietly();
    tool.run(watch).await.is_ok_and(|ended| ended.status.success())
}

/// What an interpreter with the SDK says about itself.
async fn ready(subject: &str, language: Language, interpreters: &Interpreters) -> Diagnosis {
    let (started, option, program) = match language {
        Language::Python => (
            interpreters.start_python(),
            "-c",
            "import sys, longshore, omniscope.api, pandas, pyarrow\n\
             print('Python %d.%d.%d' % sys.version_info[:3], 'with longshore and pandas', pandas.__version__)",
        ),
        Language::R => (
            interpreters.start_r(),
            "-e",
            "library(longshore); library(omniscope.api); cat('R', format(getRversion()), 'with longshore')",
        ),
    };
    let shown = started.command.first().copied().unwrap_or_default().to_owned();
    match answer(started, &interpreters.path, option, program).await {
        Ok((Some(answer), _)) => Diagnosis::good(subject, answer),
        Ok((None, why)) => {
            let finding = format!("`{shown}` has an SDK that does not work: {why}");
            Diagnosis::bad(subject, finding, "install what it lacks, or name another interpreter in the settings")
        }
        Err(error) => Diagnosis::bad(
            subject,
            format!("cannot start `{shown}`: {error}"),
            "name another interpreter in the settings",
        ),
    }
}

/// The output of an interpreter that succeeds within the deadline, and the last line of its errors.
async fn answer(started: Started<'_>, path: &str, option: &str, program: &str) -> io::Result<(Option<String>, String)> {
    let (interpreter, arguments) = started.command.split_first().ok_or(io::ErrorKind::NotFound)?;
    let mut command = Command::new(interpreter);
    // A script sees no other variables either.
    command.args(arguments).args([option, program]).env_clear();
    command.env("PATH", path).env("LANG", "C.UTF-8").envs(started.variables);
    let Output { status, out, err } = Program::new(command).within(DEADLINE).output(ANSWER_MAX).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let why = text(&err).lines().last().unwrap_or_default().to_owned();
    Ok((status.success().then(|| text(&out)), why))
}
