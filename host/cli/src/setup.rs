//! `longshore setup`: provides what runs need on this machine: images for the container engine, by the scripts that are
//! installed with this program, or the environments of the engine `process`.

use crate::console::{Look, Watcher};
use crate::engine_argument::EngineArgument;
use crate::signals::{INTERRUPTED, Signals};
use crate::{BAD_INPUT, failure, printer};
use clap::Args;
use longshore::block::{Block, Language, Pandas};
use longshore::environment::{Bounds, LocalError, local};
use longshore::shown::Shown;
use longshore::{Cancel, Host};
use std::path::PathBuf;
use std::process::Command;

/// Exit status for an engine or an environment that failed.
const FAILED: u8 = 3;

#[derive(Debug, Args)]
pub(crate) struct SetupArguments {
    /// Images to provide, such as python or r; all if not given
    #[arg(value_name = "IMAGE", value_parser = image)]
    images: Vec<String>,
    /// Registry, such as registry.example.com/team, or archive of `docker save` to get images from, instead of building
    /// them on Debian
    #[arg(long, value_name = "REGISTRY|FILE")]
    from: Option<String>,
    /// Engine to prepare: auto is docker, or process if no engine is installed
    #[arg(long, value_enum, default_value_t = EngineArgument::Auto)]
    engine: EngineArgument,
    /// Provide images that exist again
    #[arg(long)]
    again: bool,
}

fn image(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if is_name && !text.starts_with(['-', '.']) {
        Ok(text.to_owned())
    } else {
        Err("expected the name of an image without `longshore/`, such as python".into())
    }
}

/// Runs the command, and returns the exit status.
pub(crate) async fn setup(arguments: SetupArguments, host: &Host) -> u8 {
    match host.engines().choose(arguments.engine.into()).await {
        Ok((engine, note)) => {
            note.iter().for_each(|note| failure::print_note(note));
            if engine.kind().isolates() { images(&arguments, host) } else { environments(&arguments, host).await }
        }
        Err(error) => failure::print_advised(&error, error.remedy(), FAILED),
    }
}

/// Provides images by a script, which prints what it does.
fn images(arguments: &SetupArguments, host: &Host) -> u8 {
    let settings = host.settings();
    let script = settings.sdk_folder.with_file_name("images").join("setup");
    if !script.is_file() {
        let text = format!("cannot provide images: there is no `{}`: install Longshore again", script.display());
        return failure::print_text(&text, FAILED);
    }
    if let Some(from) = arguments.from.as_ref().filter(|from| is_path(from) && !PathBuf::from(from).is_file()) {
        return failure::print_text(&format!("cannot provide images: there is no file `{from}`"), BAD_INPUT);
    }
    let mut command = Command::new("bash");
    command.arg(&script).args(["--version", env!("CARGO_PKG_VERSION")]);
    command.arg("--agent").arg(&settings.agent).arg("--sdk").arg(&settings.sdk_folder);
    command.args(arguments.from.iter().flat_map(|from| ["--from", from]));
    command.args(arguments.again.then_some("--again")).args(&arguments.images);
    command.env("DOCKER_HOST", format!("unix://{}", settings.engine_socket.display()));
    let packages = &settings.packages;
    for (name, value) in [
        ("PIP_INDEX_URL", &packages.index_url),
        ("DEBIAN_MIRROR", &packages.debian_mirror),
        ("HTTP_PROXY", &packages.http_proxy),
        ("HTTPS_PROXY", &packages.https_proxy),
        ("NO_PROXY", &packages.no_proxy),
    ] {
        command.envs(value.iter().map(|value| (name, value)));
    }
    command.envs(packages.ca_bundle.iter().map(|bundle| ("LONGSHORE_CA_BUNDLE", bundle)));
    match command.status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED),
        Err(error) => failure::print_text(&format!("cannot start `bash`: {error}"), FAILED),
    }
}

/// Whether it is written as a path: the name of a registry's folder has no suffix of an archive and no dot at its start.
fn is_path(from: &str) -> bool {
    from.starts_with(['/', '.', '~']) || [".tar", ".tar.gz", ".tgz", ".tar.zst"].iter().any(|end| from.ends_with(end))
}

/// Creates the environments of the engine `process`, for the languages that this machine has.
async fn environments(arguments: &SetupArguments, host: &Host) -> u8 {
    if !arguments.images.is_empty() || arguments.from.is_some() {
        return failure::print_text("cannot provide images: the engine `process` has none", BAD_INPUT);
    }
    let cancel = Cancel::new();
    let signals = Signals::cancelling(&cancel);
    let (events, happened) = longshore::events();
    let console = match Watcher::start(Look::default(), happened, &cancel) {
        Ok(console) => console,
        Err(error) => return failure::print(&error, FAILED),
    };
    let mut text = Shown::default();
    let mut failed = None;
    let mut ready = 0;
    for (what, language, pandas) in [
        ("Python with pandas 3", Language::Python, Pandas::Three),
        ("Python with pandas 2", Language::Python, Pandas::Two),
        ("R", Language::R, Pandas::Three),
    ] {
        let mut block = Block::empty(PathBuf::new(), language);
        block.pandas = pandas;
        match local::ensure(&block, &Bounds::default(), host.engines(), &events, &cancel).await {
            Ok(_) => {
                ready += 1;
                text.push(format!("{what} of the `process` engine is ready"));
            }
            Err(error @ LocalError::NoInterpreter { .. }) => text.push(format!("{what}: {error}")),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    drop(events);
    console.clear(&cancel).await;
    drop(signals);
    printer::out(&text);
    match failed {
        None if ready > 0 => 0,
        None => FAILED,
        Some(LocalError::Cancelled) => INTERRUPTED,
        Some(error) => failure::print_advised(&error, error.remedy(), FAILED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_told_from_registries() {
        for path in ["/srv/images.tar", "images.tar.gz", "./images", "~/x"] {
            assert!(is_path(path), "{path}");
        }
        for registry in ["registry.example.com/team", "localhost:5000", "team"] {
            assert!(!is_path(registry), "{registry}");
        }
        assert!(image("python-pandas2").is_ok() && image("r-4.5").is_ok());
        assert!(image("--again").is_err() && image("longshore/r").is_err() && image("").is_err());
    }
}
