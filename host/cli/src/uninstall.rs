//! `longshore uninstall`: lists what there is of Longshore on this machine, and removes it. State is kept unless it is
//! asked for; blocks, their locks and settings files are the user's own.

use crate::environment::installed_files;
use crate::{BAD_INPUT, failure, printer, unit};
use clap::Args;
use longshore::collection::{ImageCollection, ImagesError, Removal};
use longshore::human::{count, size};
use longshore::images::{How, ImageEntry};
use longshore::shown::{Shown, Word};
use longshore::{Host, Settings, folder_bytes};
use longshore_server::lock_of;
use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};

/// Exit status if something could not be removed.
const FAILED: u8 = 3;

/// What Longshore has in its cache folder; other programs may have more there.
const CACHED: [&str; 3] = ["environments", "interpreters", "uv"];

/// What Longshore has in its state folder: history (also of former versions, in `runs`), usage and pins, leases,
/// fingerprints, needs of packages, journals of publishing.
const STATE: [&str; 7] = ["database", "fingerprints", "images", "leases", "publishing", "python-packages", "runs"];

/// The folder of runs in the runtime folder.
const RUNS: &str = "runs";

#[derive(Debug, Args)]
pub(crate) struct UninstallArguments {
    /// List what there is, and remove nothing
    #[arg(long)]
    list: bool,
    /// Remove the state too: run history, pins and last uses
    #[arg(long)]
    all: bool,
    /// Remove without a question
    #[arg(long)]
    yes: bool,
}

/// Something of Longshore's on this machine.
struct Part {
    what: &'static str,
    name: String,
    bytes: Option<u64>,
    /// Why it is not removed.
    stays: Option<&'static str>,
}

impl Part {
    fn of(what: &'static str, name: impl Into<String>, bytes: Option<u64>) -> Self {
        Self { what, name: name.into(), bytes, stays: None }
    }

    fn line(&self) -> String {
        let bytes = self.bytes.map(|bytes| format!(", {}", size(bytes))).unwrap_or_default();
        let stays = self.stays.map(|why| format!(" (stays: {why})")).unwrap_or_default();
        format!("{:<12} {}{bytes}{stays}", self.what, self.name)
    }
}

/// Runs the command, and returns the exit status.
pub(crate) async fn uninstall(arguments: UninstallArguments, host: &Host, settings_files: &[PathBuf]) -> u8 {
    // Without an engine there may be folders only.
    let images = host.images().await;
    if let Err(error) = &images {
        failure::print_note(&format!("images are not listed: {error}"));
    }
    let images = images.ok();
    let parts = match parts(arguments.all, host, images.as_ref(), settings_files).await {
        Ok(parts) => parts,
        Err(error) => return failure::print_advised(&error, error.remedy(), FAILED),
    };
    printer::out(&parts.iter().map(|part| Shown::line(part.line())).collect());
    if arguments.list || parts.iter().all(|part| part.stays.is_some()) {
        return 0;
    }
    if let Some(runs) = runs_in_progress(host) {
        let text = format!("cannot remove anything while there are runs in `{}`: wait for their end", runs.display());
        return failure::print_text(&text, FAILED);
    }
    let socket = host.settings().server_socket();
    if longshore_caller::is_served(&socket) {
        let text = format!("cannot remove anything while a resident host listens on `{}`: end it", socket.display());
        return failure::print_text(&text, FAILED);
    }
    if !arguments.yes {
        if !std::io::stdin().is_terminal() {
            return failure::print_text("nothing is removed without a terminal to ask at: add `--yes`", BAD_INPUT);
        }
        match confirmed() {
            Ok(true) => {}
            Ok(false) => return 0,
            Err(error) => return failure::print(&error, FAILED),
        }
    }
    match removed(arguments.all, host, images.as_ref()).await {
        Ok(failures) if failures.is_empty() => printer::out(&Shown::line("everything that was listed is removed")),
        Ok(failures) => {
            failures.iter().for_each(|failure| failure::print_note(failure));
            FAILED
        }
        Err(error) => failure::print_advised(&error, error.remedy(), FAILED),
    }
}

/// The folder of this user's runs, if there are any. Those of a host that was killed are removed by the next run.
fn runs_in_progress(host: &Host) -> Option<PathBuf> {
    let runs = host.settings().runtime_folder.join(RUNS);
    let is_used = std::fs::read_dir(&runs).is_ok_and(|mut entries| entries.next().is_some());
    is_used.then_some(runs)
}

fn confirmed() -> std::io::Result<bool> {
    printer::ask(&Word::of("remove all of this? [y/N]"))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim()))
}

async fn parts(
    all: bool,
    host: &Host,
    images: Option<&ImageCollection<'_>>,
    settings_files: &[PathBuf],
) -> Result<Vec<Part>, ImagesError> {
    let settings = host.settings();
    let mut parts = Vec::new();
    if let Some(images) = images {
        for entry in images.list().await? {
            let stays = entry.pinned.then_some("it is pinned");
            parts.push(Part { stays, ..Part::of(kind(&entry), entry.title(), Some(entry.added_bytes)) });
        }
        for base in images.bases().await? {
            let name = if base.names.is_empty() { base.id.0 } else { base.names.join(", ") };
            let what = if base.is_former { "former base" } else { "base image" };
            parts.push(Part::of(what, name, Some(base.bytes)));
        }
        parts.extend(images.volumes().await?.into_iter().map(|name| Part::of("volume", name, None)));
    }
    let folder = |what, path: PathBuf| path.exists().then(|| Part::of(what, shown(&path), Some(folder_bytes(&path))));
    parts.extend(CACHED.iter().filter_map(|name| folder("cache", settings.cache_folder.join(name))));
    parts.extend(folder("runtime", settings.runtime_folder.clone()));
    let stays = (!all).then_some("history, pins and last uses; `--all` removes it");
    let state = STATE.iter().filter_map(|name| folder("state", settings.state_folder.join(name)));
    parts.extend(state.map(|part| Part { stays, ..part }));
    let stays = Some("it is yours");
    parts.extend(settings_files.iter().map(|path| Part { stays, ..Part::of("settings", shown(path), None) }));
    parts.extend(unit::written().iter().map(|path| Part::of("unit", shown(path), None)));
    parts.extend(program());
    Ok(parts)
}

fn kind(entry: &ImageEntry) -> &'static str {
    if entry.id.is_some() { "image" } else { "environment" }
}

/// The files of the installation that this program is in.
fn program() -> Vec<Part> {
    let Some(files) = installed_files() else { return Vec::new() };
    let stays = is_packaged().then_some("the Debian package; `sudo apt-get remove longshore` removes it");
    files.iter().map(|path| Part { stays, ..Part::of("program", shown(path), None) }).collect()
}

fn is_packaged() -> bool {
    let own = installed_files().and_then(|files| files.into_iter().next());
    own.is_some_and(|own| own == Path::new("/usr/bin/longshore"))
        && Path::new("/var/lib/dpkg/info/longshore.list").exists()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Removes what is listed and does not stay; returns what could not be removed.
async fn removed(all: bool, host: &Host, images: Option<&ImageCollection<'_>>) -> Result<Vec<String>, ImagesError> {
    let settings = host.settings();
    let mut failures = Vec::new();
    if let Some(images) = images {
        let report = images.prune(How::Everything).await?;
        failures.extend(report.failed.iter().map(|failure| format!("{}: {}", failure.what, failure.reason)));
        let kept = report.kept.len() + report.skipped.len();
        if kept > 0 {
            failures.push(format!("{} stay: in use, pinned or used by others", count(kept as u64, "image")));
        }
        let mut removals = images.remove_bases(&images.bases().await?).await?;
        removals.extend(images.remove_volumes(&images.volumes().await?).await?);
        failures.extend(
            removals.into_iter().filter_map(|Removal { name, failure, .. }| Some(format!("{name}: {}", failure?))),
        );
    }
    let own = settings.clone();
    let removing = tokio::task::spawn_blocking(move || remove_files(all, &own));
    failures.extend(removing.await.unwrap_or_else(|error| vec![error.to_string()]));
    Ok(failures)
}

/// Removes files and folders; returns what could not be removed.
fn remove_files(all: bool, settings: &Settings) -> Vec<String> {
    let mut failures = Vec::new();
    let mut paths: Vec<PathBuf> = CACHED.iter().map(|name| settings.cache_folder.join(name)).collect();
    let socket = settings.server_socket();
    paths.extend([lock_of(&socket), socket, settings.runtime_folder.join(RUNS), settings.runtime_folder.clone()]);
    paths.extend(unit::written());
    if all {
        paths.extend(STATE.iter().map(|name| settings.state_folder.join(name)));
    }
    if !is_packaged() {
        paths.extend(installed_files().unwrap_or_default());
    }
    for path in paths {
        let gone = match path.is_dir() {
            // Only if it is empty: a run may have begun since.
            true if path.starts_with(&settings.runtime_folder) => std::fs::remove_dir(&path),
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        match gone {
            Err(error) if error.kind() != ErrorKind::NotFound => failures.push(format!("{}: {error}", shown(&path))),
            _ => {}
        }
    }
    // Others may have files there.
    let _ = std::fs::remove_dir(&settings.cache_folder);
    let _ = std::fs::remove_dir(&settings.state_folder);
    failures
}
