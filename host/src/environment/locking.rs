//! Writing locks: the environment is made without one, and what is in it then is written down.

use super::builder::{Builder, lines};
use super::ensure::{Office, base_name, plan};
use super::lock::{Lock, LockedPackage};
use super::names::check_names;
use super::sources::PROLOGUE;
use super::steps::{self, Job};
use super::{EnvironmentError, tools};
use crate::block::{Block, Language};
use crate::cancel::Cancel;
use crate::event::Events;
use crate::publish::Unpublished;
use crate::run::new_run_id;
use crate::settings::Settings;
use crate::store::{DockerStore, ImageStore, Ledger, StoredImage, WorkshopPlan, labels};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

/// Resolves the requirements once more, to the versions that are installed, and prints them with the hashes of all files
/// of these versions; and the versions of the named Debian packages.
const READ: &str = r#"
if [ -s requirements.in ]; then
    uv=/run/longshore/tools/uv
    [ -x "$uv" ] || exit 97
    python=$(command -v python3 || command -v python)
    "$uv" pip freeze --python "$python" | grep -v ' @ ' > constraints.txt
    "$uv" pip compile -q --python "$python" --no-header --no-annotate --generate-hashes -c constraints.txt requirements.in \
        > requirements.txt
    # One line for each package.
    sed -e ':a' -e '/\\$/N; s/ *\\\n */ /; ta' requirements.txt | sed 's/^/longshore-resolved: locked /'
fi
for package in "$@"; do
    dpkg-query -W -f 'longshore-resolved: deb ${Package}=${Version}\n' "${package%%=*}"
done
"#;

/// What came of locking.
#[derive(Debug, Clone)]
pub struct Locked {
    /// The file that was written.
    pub path: PathBuf,
    /// Packages in it.
    pub packages: usize,
}

/// Writes the lock of a block beside its manifest, in the place of one that is there.
///
/// # Errors
/// [`EnvironmentError`]: the environment cannot be made, or the file cannot be written.
pub async fn lock(
    block: &Block,
    settings: &Settings,
    events: &Events,
    cancel: &Cancel,
) -> Result<Locked, EnvironmentError> {
    let path = Lock::path(block);
    let wrong = |reason: &str| EnvironmentError::Lock { path: path.clone(), reason: reason.into() };
    if !block.whole_folder || block.dependencies.is_empty() && block.system_packages.is_empty() {
        return Err(wrong("the block names no packages, so there is nothing to write down"));
    }
    check_names(block)?;
    let store = DockerStore::connect(&settings.engine_socket).await?;
    let office = Office { store: &store, settings, events, cancel };
    let name = base_name(block, settings);
    let base = office.base(name).await?;
    let Some(plan) = plan(block, base.clone(), name, None, settings)? else {
        return Err(wrong("the block names no packages, so there is nothing to write down"));
    };
    let ready = office.ready(&plan, None).await?;
    let mut written = Lock::new(block, &base, name);
    let mut found = lines(&ready.image, labels::RESOLVED);
    let read = read(block, &written, &ready.image, &store, settings, events);
    found.extend(tokio::select! {
        read = read => read?,
        () = cancel.wait() => return Err(EnvironmentError::Cancelled),
    });
    for line in &found {
        take(line, &mut written);
    }
    for list in [&mut written.python, &mut written.r, &mut written.debian] {
        list.sort();
        list.dedup();
    }
    let text = written.text().map_err(|error| wrong(&error.to_string()))?;
    write(&path, &text).map_err(|source| EnvironmentError::Write { path: path.clone(), source })?;
    Ok(Locked { path, packages: written.python.len() + written.r.len() + written.debian.len() })
}

/// Asks the environment's image what is in it.
async fn read(
    block: &Block,
    lock: &Lock,
    image: &StoredImage,
    store: &dyn ImageStore,
    settings: &Settings,
    events: &Events,
) -> Result<Vec<String>, EnvironmentError> {
    let ledger = Ledger::new(&settings.state_folder);
    let builder = Builder { store, ledger: &ledger, settings, events, lock: None };
    let is_python = block.language == Language::Python && !block.dependencies.is_empty();
    let requirements = if is_python { lock.dependencies.join("\n") + "\n" } else { String::new() };
    let job = Job {
        script: format!("{PROLOGUE}{READ}"),
        arguments: lock.system_packages.clone(),
        files: vec![("requirements.in".into(), 0o644, requirements.into_bytes())],
        environment: vec![("UV_CACHE_DIR".into(), "/tmp/longshore-build/cache".into())],
        tools: is_python,
        cache: false,
    };
    let volumes = job.tools.then(|| tools::volume(false)).into_iter().collect();
    let plan = WorkshopPlan { image: image.id.clone(), network: true, volumes, labels: BTreeMap::new() };
    let mut workshop = store.workshop(&plan).await?;
    let finish = builder.run(workshop.as_mut(), &job).await;
    workshop.remove().await?;
    let finish = finish?;
    if finish.status == 0 {
        return Ok(finish.resolved);
    }
    let path = Lock::path(block);
    Err(EnvironmentError::Lock { path, reason: format!("it cannot be written: {}", steps::words(&finish)) })
}

/// Takes a line about a package into a lock.
fn take(line: &str, lock: &mut Lock) {
    let package = |name: &str, version: &str, hashes: Vec<String>| LockedPackage {
        name: name.to_owned(),
        version: version.to_owned(),
        hashes,
    };
    let Some((kind, rest)) = line.split_once(' ') else { return };
    match kind {
        "locked" => {
            let mut words = rest.split_whitespace();
            let named = words.next().and_then(|first| first.split_once("=="));
            let hashes = words.filter_map(|word| word.strip_prefix("--hash=")).map(str::to_owned).collect();
            lock.python.extend(named.map(|(name, version)| package(name, version, hashes)));
        }
        "r" => lock.r.extend(rest.split_once("==").map(|(name, version)| package(name, version, Vec::new()))),
        "deb" => lock.debian.extend(rest.split_once('=').map(|(name, version)| package(name, version, Vec::new()))),
        // What uv installed is in the lines with hashes, with what was there before.
        _ => {}
    }
}

/// Writes a file whole, or not at all.
fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    let unpublished = Unpublished::create(path, &new_run_id())?;
    unpublished.writer()?.write_all(text.as_bytes())?;
    unpublished.publish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_packages_end_in_their_lists() {
        let text = "version = 1\nbase = \"b\"\narchitecture = \"amd64\"\ndependencies = []\nsystem_packages = []\n";
        let mut lock: Lock = toml::from_str(text).unwrap();
        for line in [
            "locked humanize==4.13.0 --hash=sha256:ab --hash=sha256:cd",
            "pip humanize==4.13.0",
            "deb tree=2.1.0-1",
            "r zoo==1.8-11",
            "nonsense",
        ] {
            take(line, &mut lock);
        }
        assert_eq!(lock.requirements(), "humanize==4.13.0 --hash=sha256:ab --hash=sha256:cd\n");
        assert_eq!(lock.debian_lines(), ["debian tree=2.1.0-1"]);
        assert_eq!((lock.r[0].name.as_str(), lock.r[0].version.as_str(), lock.r.len()), ("zoo", "1.8-11", 1));
    }
}
