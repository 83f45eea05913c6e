//! Writes locks: the environment is built without one, and its packages are recorded.

use super::base_packages;
use super::bounds::{self, concern_base};
use super::builder::Builder;
use super::ensure::plan;
use super::interpreter_version::check_image;
use super::job::Job;
use super::labelled::lines;
use super::lock::{Lock, LockedPackage};
use super::names::{check_git, check_names};
use super::present::PythonPackages;
use super::resolver::EnvironmentResolver;
use super::sources::PROLOGUE;
use super::steps::{self, Finish};
use super::{Bounds, EnvironmentError, installed};
use crate::fingerprint::{Fingerprint, Kind};
use crate::usage_store::UsageStore;
use longshore_block::{Block, Language, package_name};
use longshore_engine::{Engines, StoreError, StoredImage};
use longshore_model::cancel::Cancel;
use longshore_model::event::Events;
use longshore_model::labels;
use longshore_model::package_name::normal_name;
use longshore_model::run_id::new_run_id;
use longshore_os::publish::Unpublished;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Resolves the requirements again, to the installed versions, and prints them with the hashes of all files of these
/// versions. It runs on the base, so that no package can influence its own lock.
const READ: &str = r#"
uv=/run/longshore/tools/uv
[ -x "$uv" ] || exit 97
python=$(command -v python3 || command -v python)
"$uv" pip compile -q --python "$python" --no-header --no-annotate --generate-hashes -c constraints.txt requirements.in "$@" \
    > requirements.txt
# One line for each package.
sed -e ':a' -e '/\\$/N; s/ *\\\n */ /; ta' requirements.txt | sed 's/^/longshore-locked: locked /'
"#;

/// The result of locking.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Locked {
    /// The written file.
    pub path: PathBuf,
    /// Number of packages in it.
    pub packages: usize,
}

/// Writes the lock of a block beside its manifest or script, and replaces an existing one.
///
/// # Errors
/// [`EnvironmentError`]: the environment cannot be built, or the file cannot be written.
pub async fn lock(
    block: &Block,
    engines: &Engines,
    events: &Events,
    cancel: &Cancel,
) -> Result<Locked, EnvironmentError> {
    let path = Lock::path(block);
    let wrong = |reason: &str| EnvironmentError::Lock { path: path.clone(), reason: reason.into() };
    check_names(block)?;
    check_git(block)?;
    let bounds = Bounds::of(block, engines.settings()).await?;
    let settings = &bounds.applied(engines.settings());
    let names_packages = !block.dependencies.is_empty() || !block.system_packages.is_empty();
    if !names_packages && !concern_base(block, &settings.packages) {
        return Err(wrong("the block names no packages, so there is nothing to lock"));
    }
    let store = engines.images().await.map_err(StoreError::from)?;
    let resolver = EnvironmentResolver { store: store.as_ref(), settings, events, cancel };
    let provided = resolver.base_of(block).await?;
    let (base, name) = (&provided.image, provided.name.as_str());
    check_image(block, base, name, store.as_ref(), settings).await?;
    // The exact packages of another tool's lock are those of this one.
    let pinned = Lock::pinned(block);
    let plan = plan(block, base.clone(), name, pinned.as_ref(), store.as_ref(), settings).await?;
    let ready = match &plan {
        Some(plan) => Some(resolver.ready(plan, pinned.as_ref()).await?),
        None => None,
    };
    let mut written = Lock::new(block, base, name, &settings.packages);
    // Of the base alone, nothing is installed.
    let mut found = ready.as_ref().map(|ready| lines(&ready.image, labels::RESOLVED)).unwrap_or_default();
    let read = async {
        let fingerprint = match (&plan, &ready) {
            (Some(plan), Some(ready)) => installed::all_of(store.as_ref(), plan, &ready.image.id).await?,
            _ => installed::of_block(store.as_ref(), block.language, base, name).await?,
        };
        let mut read = of_debian(&written.system_packages, &fingerprint);
        let is_bounded = concern_base(block, &settings.packages);
        if block.language == Language::Python && (!block.dependencies.is_empty() || is_bounded) {
            let mut wanted = written.dependencies.clone();
            // Some are in the place of those of the base, and needed by nothing that is listed.
            let there = PythonPackages::of_image(store.as_ref(), &base.id, &settings.state_folder).await;
            let added = pip_versions(&found).into_keys();
            let replaces = |name: &String| there.as_ref().is_some_and(|there| there.has_name(name));
            wanted.extend(added.filter(|name| replaces(name) && !is_named(&written.dependencies, name)));
            // What the base has for scripts was resolved too.
            let found = fingerprint.lines().iter().filter(|line| is_bounded && line.kind() == Kind::Pip);
            let found = found.filter(|line| base_packages::names().any(|name| name == normal_name(line.name())));
            wanted.extend(found.map(|line| line.name().to_owned()));
            let wanted = wanted.join("\n") + "\n";
            let builder = Builder {
                store: store.as_ref(),
                ledger: &UsageStore::new(&settings.state_folder),
                settings,
                events,
                lock: None,
            };
            read.extend(hashed(&builder, base, wanted, installed::constraints(&fingerprint), &path).await?);
        }
        Ok::<_, EnvironmentError>(read)
    };
    found.extend(resolver.in_time(read).await?);
    let versions = pip_versions(&found);
    for line in &found {
        take(line, &versions, &mut written);
    }
    for list in [&mut written.python, &mut written.r, &mut written.debian] {
        list.sort();
        list.dedup();
    }
    let text = written.text().map_err(|error| wrong(&error.to_string()))?;
    write(&path, &text).map_err(|source| EnvironmentError::Write { path: path.clone(), source })?;
    Ok(Locked { path, packages: written.python.len() + written.r.len() + written.debian.len() })
}

/// Whether a requirement is about a package.
fn is_named(requirements: &[String], name: &str) -> bool {
    requirements.iter().any(|text| package_name(text).as_deref() == Some(name))
}

/// The versions of the named Debian packages.
fn of_debian(named: &[String], installed: &Fingerprint) -> Vec<String> {
    let named: BTreeSet<&str> = named.iter().map(|name| name.split('=').next().unwrap_or(name)).collect();
    let lines = installed.lines().iter().filter(|line| line.kind() == Kind::Deb && named.contains(line.name()));
    lines.map(|line| format!("deb {}={}", line.name(), line.version())).collect()
}

/// Python packages with the hashes of their files.
async fn hashed(
    builder: &Builder<'_>,
    base: &StoredImage,
    wanted: String,
    constraints: String,
    path: &Path,
) -> Result<Vec<String>, EnvironmentError> {
    let file = |name: &str, text: String| (name.to_owned(), 0o644, text.into_bytes());
    let job = Job {
        script: format!("{PROLOGUE}{READ}"),
        arguments: bounds::resolving(&builder.settings.packages),
        files: vec![file("requirements.in", wanted), file("constraints.txt", constraints)],
        environment: vec![("UV_CACHE_DIR".into(), "/tmp/longshore-build/cache".into())],
        tools: true,
        ..Job::default()
    };
    let (build_container, finish) = builder.attempt(base, &base.id, &job, &BTreeMap::new()).await?;
    build_container.remove().await?;
    let wrong = |reason: String| EnvironmentError::Lock { path: path.to_owned(), reason };
    match finish {
        Finish { lock_is_cut: true, .. } => {
            Err(wrong("it would exceed the size limit of locks: name fewer packages".into()))
        }
        Finish { status: 0, locked, .. } => Ok(locked),
        finish => Err(wrong(format!("it cannot be written: {}", steps::words(&finish)))),
    }
}

/// The versions of Python packages, by their normalized names.
fn pip_versions(lines: &[String]) -> BTreeMap<String, String> {
    let pinned = lines.iter().filter_map(|line| line.strip_prefix("pip ")?.split_once("=="));
    pinned.map(|(name, version)| (normal_name(name), version.to_owned())).collect()
}

/// Adds a line about a package to a lock.
fn take(line: &str, versions: &BTreeMap<String, String>, lock: &mut Lock) {
    let package = |name: &str, version: &str, hashes: Vec<String>| LockedPackage {
        name: name.to_owned(),
        version: version.to_owned(),
        url: None,
        hashes,
        exact: None,
    };
    let Some((kind, rest)) = line.split_once(' ') else { return };
    match kind {
        "locked" => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let hashes = words.iter().filter_map(|word| word.strip_prefix("--hash=")).map(str::to_owned).collect();
            match words[..] {
                [name, "@", url, ..] => {
                    let version = versions.get(&normal_name(name)).map_or("0", String::as_str);
                    lock.python.push(LockedPackage { url: Some(url.to_owned()), ..package(name, version, hashes) });
                }
                [first, ..] => {
                    lock.python.extend(first.split_once("==").map(|(name, version)| package(name, version, hashes)));
                }
                [] => {}
            }
        }
        "r" => lock.r.extend(rest.split_once("==").map(|(name, version)| package(name, version, Vec::new()))),
        "deb" => lock.debian.extend(rest.split_once('=').map(|(name, version)| package(name, version, Vec::new()))),
        // Python packages are in the lines with hashes, including those of the base.
        _ => {}
    }
}

/// Writes a file completely, or not at all.
pub(super) fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
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
        let folder = tempfile::tempdir().unwrap();
        for line in [
            "locked humanize==4.13.0 --hash=sha256:ab --hash=sha256:cd",
            "pip humanize==4.13.0",
            "deb tree=2.1.0-1",
            "r zoo==1.8-11",
            "locked words @ https://x.example/words.zip --hash=sha256:ef",
            "locked",
            "nonsense",
        ] {
            take(line, &pip_versions(&["pip Words==1.5".to_owned()]), &mut lock);
        }
        let words = "words @ https://x.example/words.zip --hash=sha256:ef\n";
        assert_eq!(lock.requirements(), format!("humanize==4.13.0 --hash=sha256:ab --hash=sha256:cd\n{words}"));
        assert_eq!(lock.python[1].version, "1.5");
        let path = Path::new("longshore.lock");
        let read = |text: &str| {
            std::fs::write(folder.path().join(path), text).unwrap();
            Lock::read(&folder.path().join(path)).map_err(|error| error.to_string())
        };
        let text = lock.text().unwrap();
        assert_eq!(read(&text).unwrap(), lock);
        for other in ["file:///x.zip", "https://x.example/a.zip --index-url=x", "../x", "https://x.example/a.exe"] {
            assert!(read(&text.replace("https://x.example/words.zip", other)).is_err(), "{other}");
        }
        assert_eq!(lock.debian_lines(), ["debian tree=2.1.0-1"]);
        assert_eq!((lock.r[0].name.as_str(), lock.r[0].version.as_str(), lock.r.len()), ("zoo", "1.8-11", 1));
    }
}
