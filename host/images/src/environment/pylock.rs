//! Writes the Python packages of a lock as `pylock.toml` (PEP 751), the form that all installers read. That form has the
//! addresses of files, which a lock has not: the index is asked for the files of the exact versions, and those whose hashes
//! are in the lock are kept.

use super::builder::Builder;
use super::job::Job;
use super::lock::Lock;
use super::locking::{self, write};
use super::resolver::EnvironmentResolver;
use super::sources::PROLOGUE;
use super::steps::{self, Finish};
use super::{Bounds, EnvironmentError, Locked, bounds};
use crate::usage_store::UsageStore;
use longshore_block::{Block, Language, NeedsRole};
use longshore_engine::{Engines, StoreError};
use longshore_model::address::without_user;
use longshore_model::cancel::Cancel;
use longshore_model::event::Events;
use longshore_model::human::count;
use longshore_model::package_name::normal_name;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The name of such a file; others are `pylock.NAME.toml`.
const NAME: &str = "pylock.toml";

/// Prints the files of exact versions. A line has one file, so that no line is too long.
const READ: &str = r#"
uv=/run/longshore/tools/uv
[ -x "$uv" ] || exit 97
python=$(command -v python3 || command -v python)
"$uv" pip compile -q --python "$python" --no-header --no-annotate --no-deps --format pylock.toml requirements.in "$@" \
    > pylock.toml
sed -e 's/}, {/},\n{/g' pylock.toml | sed 's/^/longshore-locked: /'
"#;

/// The result of writing such a file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PylockWritten {
    /// The lock of the block, if it was missing and was written first.
    pub lock: Option<Locked>,
    /// The file.
    pub path: PathBuf,
    /// Number of packages in it.
    pub packages: usize,
    /// What the lock has besides, and this form cannot have.
    pub left_out: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    lock_version: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    environments: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<String>,
    created_by: String,
    #[serde(default)]
    packages: Vec<Package>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    /// The file at the address by which the block names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<File>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdist: Option<File>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    wheels: Vec<File>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_time: Option<toml::value::Datetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    hashes: BTreeMap<String, String>,
}

/// Writes the Python packages of a block's lock to a file. A missing lock is written first.
///
/// # Errors
/// [`EnvironmentError`]: the block has no Python packages, the file would be one of the block's, the index has not the
/// files of the lock, or one of the files cannot be written.
pub async fn write_pylock(
    block: &Block,
    path: &Path,
    engines: &Engines,
    events: &Events,
    cancel: &Cancel,
) -> Result<PylockWritten, EnvironmentError> {
    let wrong = |reason: String| EnvironmentError::Pylock { path: path.to_owned(), reason };
    let refused = |reason: String| EnvironmentError::PylockPath { path: path.to_owned(), reason };
    check_place(block, path).map_err(refused)?;
    let lock_path = Lock::path(block);
    let locked = match lock_path.exists() {
        true => None,
        false => Some(locking::lock(block, engines, events, cancel).await?),
    };
    let lock = Lock::read(&lock_path)?;
    lock.check_names(block)?;
    if lock.python.is_empty() {
        return Err(wrong("the lock has no Python packages".into()));
    }
    let bounds = Bounds::of(block, engines.settings()).await?;
    let settings = &bounds.applied(engines.settings());
    let store = engines.images().await.map_err(StoreError::from)?;
    let resolver = EnvironmentResolver { store: store.as_ref(), settings, events, cancel };
    let base = resolver.base_of(block).await?;
    let ledger = &UsageStore::new(&settings.state_folder);
    let builder = Builder { store: store.as_ref(), ledger, settings, events, lock: None };
    let job = Job {
        script: format!("{PROLOGUE}{READ}"),
        arguments: bounds::resolving(&settings.packages),
        files: vec![("requirements.in".into(), 0o644, lock.exact_versions().into_bytes())],
        environment: vec![("UV_CACHE_DIR".into(), "/tmp/longshore-build/cache".into())],
        tools: true,
        ..Job::default()
    };
    let read = async {
        let (build_container, finish) = builder.attempt(&base.image, &base.image.id, &job, &BTreeMap::new()).await?;
        build_container.remove().await?;
        Ok(finish)
    };
    let text = match resolver.in_time(read).await? {
        Finish { lock_is_cut: true, .. } => return Err(wrong("it would be too large".into())),
        Finish { status: 0, locked, .. } => locked.join("\n"),
        finish => return Err(wrong(steps::words(&finish))),
    };
    let document = document(&lock, &text).map_err(wrong)?;
    let written = toml::to_string(&document).map_err(|error| wrong(error.to_string()))?;
    write(path, &written).map_err(|source| EnvironmentError::Write { path: path.to_owned(), source })?;
    let left_out = [(lock.r.len(), "R package"), (lock.debian.len(), "Debian package")];
    let left_out = left_out.into_iter().filter(|(number, _)| *number > 0);
    let left_out = left_out.map(|(number, what)| count(number as u64, what)).collect();
    Ok(PylockWritten { lock: locked, path: path.to_owned(), packages: document.packages.len(), left_out })
}

/// Checks the name of the file, and that it is not one that the block would be read from.
fn check_place(block: &Block, path: &Path) -> Result<(), String> {
    if block.language != Language::Python {
        return Err("the block is in R, and this form is for Python packages".into());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let middle = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix(".toml"));
    if name != NAME && middle.is_none_or(|middle| middle.is_empty() || middle.contains('.')) {
        return Err(format!("the name of such a file is `{NAME}` or `pylock.NAME.toml`"));
    }
    let folder = longshore_os::publish::folder(path);
    let is_own = match (folder.canonicalize(), block.folder.canonicalize()) {
        (Ok(folder), Ok(own)) => block.whole_folder && folder == own,
        _ => false,
    };
    let listed = block.needs.iter().find(|file| file.role == NeedsRole::Used && file.file != NAME);
    match listed.filter(|_| is_own && name == NAME) {
        Some(file) => Err(format!(
            "it would take the place of `{}`, which lists the packages of the block: write it to another folder",
            file.file
        )),
        None => Ok(()),
    }
}

/// The document of a lock, of a document with all files of its versions.
fn document(lock: &Lock, text: &str) -> Result<Document, String> {
    let mut document: Document =
        toml::from_str(text).map_err(|error| format!("the installer's list cannot be read: {}", error.message()))?;
    let mut hashes: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for package in &lock.python {
        let known = hashes.entry((normal_name(&package.name), package.version.clone())).or_default();
        known.extend(package.hashes.iter().map(String::as_str));
    }
    for package in &mut document.packages {
        let (name, version) = (&package.name, &package.version);
        let known = hashes.remove(&(normal_name(name), version.clone()));
        let known = known.ok_or_else(|| format!("the index has `{name}` {version}, which is not in the lock"))?;
        let is_known =
            |file: &File| file.hashes.iter().any(|(kind, digest)| known.contains(format!("{kind}:{digest}").as_str()));
        package.wheels.retain(is_known);
        package.sdist = package.sdist.take().filter(is_known);
        package.archive = package.archive.take().filter(is_known);
        if package.wheels.is_empty() && package.sdist.is_none() && package.archive.is_none() {
            return Err(format!(
                "the index has no file of `{}` {} with a hash of the lock",
                package.name, package.version
            ));
        }
        // Passwords of an index are not for others.
        let files = package.wheels.iter_mut().chain(&mut package.sdist).chain(&mut package.archive);
        files.for_each(|file| file.url = without_user(&file.url));
        package.index = package.index.take().map(|index| without_user(&index));
    }
    if let Some((name, version)) = hashes.into_keys().next() {
        return Err(format!("the index has no `{name}` {version}, which is in the lock"));
    }
    document.environments = vec![format!(
        "sys_platform == 'linux' and platform_machine == '{}'",
        match lock.architecture.as_str() {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            other => other,
        }
    )];
    document.created_by = "longshore".into();
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same each time.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % limit
        }

        fn digest(&mut self) -> String {
            (0..64).map(|_| char::from(b"0123456789abcdef"[usize::try_from(self.below(16)).unwrap()])).collect()
        }
    }

    /// A lock, and the files that an index has of its versions, among them some that the lock does not know.
    fn made(numbers: &mut Numbers) -> (Lock, String) {
        let mut lock =
            "version = 1\nbase = \"b\"\narchitecture = \"amd64\"\ndependencies = []\nsystem_packages = []\n".to_owned();
        let mut index = "lock-version = \"1.0\"\ncreated-by = \"another\"\nrequires-python = \">=3.11.2\"\n".to_owned();
        for package in 0..=numbers.below(20) {
            let name = ["a-name", "A.Name", "name_"][usize::try_from(numbers.below(3)).unwrap()].to_owned()
                + &package.to_string();
            let version = format!("{}.{}rc1+local.{package}", numbers.below(9), numbers.below(9));
            let known: Vec<String> = (0..=numbers.below(4)).map(|_| numbers.digest()).collect();
            let hashes: Vec<String> = known.iter().map(|digest| format!("sha256:{digest}")).collect();
            lock.push_str(&format!("[[python]]\nname = \"{name}\"\nversion = \"{version}\"\nhashes = {hashes:?}\n"));
            let others: Vec<String> = (0..numbers.below(3)).map(|_| numbers.digest()).collect();
            let file = |digest: &String| {
                format!(
                    "{{ url = \"https://u:pass@index.example.org/{digest}.whl\", size = 3, hashes = {{ sha256 = \"{digest}\" }} }}"
                )
            };
            let wheels: Vec<String> = known.iter().skip(1).chain(&others).map(file).collect();
            index.push_str(&format!(
                "[[packages]]\nname = \"{}\"\nversion = \"{version}\"\nindex = \"https://u:pass@index.example.org/simple\"\n\
                 sdist = {}\nwheels = [{}]\n",
                normal_name(&name),
                file(&known[0]).replace(".whl", ".tar.gz"),
                wheels.join(",\n")
            ));
        }
        (toml::from_str(&lock).unwrap(), index)
    }

    #[test]
    fn what_leaves_is_read_back_as_the_same_packages() {
        let mut numbers = Numbers(7);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("main.py"), "").unwrap();
        for _ in 0..100 {
            let (lock, index) = made(&mut numbers);
            let text = toml::to_string(&document(&lock, &index).unwrap()).unwrap();
            assert!(!text.contains("pass") && text.contains("created-by = \"longshore\""), "{text}");
            std::fs::write(folder.path().join(NAME), &text).unwrap();
            let block = Block::load(folder.path()).unwrap().block;
            let of = |name: &str, version: &str, hashes: &[String]| {
                (normal_name(name), version.to_owned(), hashes.iter().cloned().collect::<BTreeSet<_>>())
            };
            let read: Vec<_> = block
                .pinned
                .unwrap()
                .packages
                .iter()
                .map(|package| of(&package.name, &package.version, &package.hashes))
                .collect();
            let locked: Vec<_> =
                lock.python.iter().map(|package| of(&package.name, &package.version, &package.hashes)).collect();
            assert_eq!(read, locked, "{text}");
            assert_eq!(block.requires_python.unwrap().to_string(), ">=3.11.2");
        }
    }

    #[test]
    fn files_that_the_lock_does_not_know_are_refused() {
        let (lock, index) = made(&mut Numbers(1));
        let refused = |lock: &Lock, index: &str| document(lock, index).unwrap_err();
        let mut other = lock.clone();
        other.python[0].hashes = vec![format!("sha256:{}", "0".repeat(64))];
        assert!(refused(&other, &index).starts_with("the index has no file of `"));
        other.python.remove(0);
        assert!(refused(&other, &index).ends_with("which is not in the lock"));
        let mut more = lock.clone();
        more.python.push(lock.python[0].clone());
        more.python[0].version = "77".into();
        assert!(refused(&more, &index).ends_with("which is in the lock"));
        assert!(refused(&lock, "lock-version = ").starts_with("the installer's list cannot be read: "));
    }
}
