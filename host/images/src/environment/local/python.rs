//! Python packages of a block: a virtual environment in front of the interpreter's own packages.
//!
//! The environment holds only what the interpreter lacks. uv resolves the block's requirements against the
//! interpreter's packages, as if it were to install them there, in a dry run: fitting packages stay, missing ones are
//! added, conflicting ones are replaced. Only those changes are installed in the environment, which searches the
//! interpreter's packages after its own. The SDK and its table libraries are always part of that resolution: a block
//! that needs an older numpy gets a matching pandas, or an error. A separate environment would download pandas and
//! pyarrow for every block that names one small package.

use super::certificates::gather;
use super::environment_cache::{Acquired, BuildDirectory, EnvironmentCache, Record};
use super::interpreter::{Interpreter, found};
use super::key::Key;
use super::tool::{Ended, Tool, Watch, place, tell, words};
use super::{LocalEnvironment, LocalError, make_room, within};
use crate::environment::requirement::{normalised, package};
use crate::environment::steps::gives_way;
use crate::pruning::caches;
use longshore_block::{Block, Pandas};
use longshore_config::settings::Settings;
use longshore_engine::Engines;
use longshore_engine::task::blocking;
use longshore_model::address::masked;
use longshore_model::package_name::normal_name;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The beginning of the hashed text: it changes when environments are built in another way.
const VERSION: &str = "longshore-python-1";

/// Prints the version and the folders of packages, without those of the user and of variables.
const QUESTION: [&str; 3] = [
    "-I",
    "-c",
    "import platform, site\n\
     for line in [platform.python_implementation() + ' ' + platform.python_version(), *site.getsitepackages()]:\n    \
     print('longshore:' + line)",
];

/// The SDK and its table libraries: an environment never breaks one of those that the interpreter has.
const PARTNERS: [&str; 6] = ["longshore", "numpy", "omniscope-api", "pandas", "polars", "pyarrow"];

/// Compiles the packages of the Python that runs it.
const COMPILE: &str = include_str!("../compile.py");

/// The file that adds the interpreter's packages to an environment. It is read after all others, so that they have
/// lower priority than the environment's own; `addsitedir` also reads the interpreter's files of this kind.
const LINK: &str = "zz-longshore.pth";

/// The block's environment; `None` if the interpreter has all packages that it needs.
pub(crate) async fn ensure(
    block: &Block,
    engines: &Engines,
    watch: Watch<'_>,
) -> Result<Option<LocalEnvironment>, LocalError> {
    let settings = engines.settings();
    let parent = Interpreter::ask(&settings.python, &QUESTION, None, settings, watch).await?;
    let needs = Needs::new(block, parent);
    if needs.are_there() {
        return Ok(None);
    }
    let shelf = EnvironmentCache::new(settings);
    let hash = needs.hash(settings);
    loop {
        if shelf.find(&hash).is_some_and(|record| record.installed.is_empty()) {
            return Ok(None);
        }
        match shelf.take(&hash, watch.cancel).await? {
            Acquired::InstalledEnvironment(standing) if standing.record.installed.is_empty() => return Ok(None),
            Acquired::InstalledEnvironment(standing) => {
                let python = interpreter(&standing.folder);
                return Ok(Some(LocalEnvironment {
                    python: Some(python),
                    r_library: None,
                    hash,
                    _hold: standing.hold,
                }));
            }
            Acquired::BuildDirectory(site) => {
                let certificates = gather(settings.packages.ca_bundle.as_deref(), &site.home())?;
                // The cache of downloads must not be removed during the build.
                let _cache = shelf.share(caches::FOLDER, watch.cancel).await?;
                let builder = Builder { needs: &needs, settings, watch, site: &site, certificates };
                let record = within(settings, builder.build()).await?;
                site.publish(&record)?;
                make_room(engines, watch.events).await;
            }
        }
    }
}

/// The interpreter of an environment.
fn interpreter(folder: &Path) -> PathBuf {
    folder.join("python/bin/python")
}

/// The requirements of a block, and its interpreter.
#[derive(Debug)]
struct Needs {
    requirements: Vec<String>,
    parent: Interpreter,
    /// The interpreter's packages with their versions.
    present: BTreeMap<String, String>,
}

impl Needs {
    fn new(block: &Block, parent: Interpreter) -> Self {
        let present = present(&parent.libraries);
        let mut requirements = normalised(&block.dependencies);
        requirements.extend(older_pandas(block, &requirements, &present));
        Self { requirements, parent, present }
    }

    /// Whether no resolution is needed: all requirements are bare names of packages that the interpreter has.
    fn are_there(&self) -> bool {
        self.requirements.iter().all(|requirement| self.present.contains_key(requirement))
    }

    /// The name of the environment: a hash of everything that determines its content.
    fn hash(&self, settings: &Settings) -> String {
        let mut key = Key::of(VERSION, &self.parent);
        self.requirements.iter().for_each(|requirement| key.add("requirement", requirement));
        self.present.iter().for_each(|(name, version)| key.add("present", &format!("{name} {version}")));
        let packages = &settings.packages;
        packages.index_url.iter().for_each(|address| key.add("index", &masked(address)));
        packages.extra_index_urls.iter().for_each(|address| key.add("extra index", &masked(address)));
        packages.pip_arguments.iter().for_each(|argument| key.add("argument", &masked(argument)));
        key.finish()
    }

    /// The SDK and table libraries that the interpreter has.
    fn partners(&self) -> impl Iterator<Item = &str> {
        PARTNERS.iter().copied().filter(|partner| self.present.contains_key(*partner))
    }
}

/// A block that is written for pandas 2 and names packages gets pandas 2 if the interpreter has a later one, as in its
/// image. Not if it names its own version of pandas; and a block without packages runs with the interpreter's.
fn older_pandas(block: &Block, requirements: &[String], present: &BTreeMap<String, String>) -> Option<String> {
    let version = present.get("pandas")?;
    let later = version.split('.').next()?.parse::<u32>().is_ok_and(|major| major > 2);
    let says = |text: &String| package(text).as_deref() == Some("pandas") && text != "pandas";
    (block.pandas == Pandas::Two && later && !requirements.iter().any(says)).then(|| "pandas<3,>=2".into())
}

/// The packages in some folders with their versions, under the names in their metadata. The first folder has priority.
fn present(libraries: &[PathBuf]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in libraries.iter().filter_map(|library| std::fs::read_dir(library).ok()).flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let facts = name.strip_suffix(".dist-info").or_else(|| name.strip_suffix(".egg-info"));
        if let Some((name, version)) = facts.and_then(|facts| facts.split_once('-')) {
            let version = version.split('-').next().unwrap_or(version);
            all.entry(normal_name(name)).or_insert_with(|| version.to_owned());
        }
    }
    all
}

/// The cache of downloaded and built packages that uv reads and fills.
#[derive(Debug, Clone, Copy)]
enum Cache {
    /// The cache of all environments; building is not allowed.
    Shared,
    /// A cache of this environment alone, removed with its build.
    Own,
}

impl Cache {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Shared => &["--no-build"],
            Self::Own => &[],
        }
    }
}

/// The build of one environment.
struct Builder<'a> {
    needs: &'a Needs,
    settings: &'a Settings,
    watch: Watch<'a>,
    site: &'a BuildDirectory,
    certificates: Option<PathBuf>,
}

impl Builder<'_> {
    async fn build(&self) -> Result<Record, LocalError> {
        let requirements = self.needs.requirements.clone();
        tell(self.watch.events, &format!("installing {}", masked(&requirements.join(", "))));
        // Wheels first: installing them runs none of their code, so it may fill the cache that all environments read.
        // Packages that must be built get a cache of their own.
        let (installed, cache) = match self.resolve(Cache::Shared).await? {
            Ok(installed) => (installed, Cache::Shared),
            Err(ended) if !gives_way(&ended.lines) => return Err(self.failure(&ended)),
            Err(_) => {
                let resolved = self.resolve(Cache::Own).await?;
                (resolved.map_err(|ended| self.failure(&ended))?, Cache::Own)
            }
        };
        if !installed.is_empty() {
            self.install(&installed, cache).await?;
        }
        Ok(Record { language: "python".into(), requirements, installed, ..Record::default() })
    }

    /// The packages that the interpreter lacks. Exactly these are installed, so nothing is resolved twice.
    async fn resolve(&self, cache: Cache) -> Result<Result<Vec<String>, Ended>, LocalError> {
        let mut needed: Vec<&str> = self.needs.requirements.iter().map(String::as_str).collect();
        needed.extend(self.needs.partners());
        let python = &self.needs.parent.path;
        let tool = self
            .uv(&["pip", "install", "--dry-run", "--break-system-packages"], python, cache)
            .arguments(cache.arguments())
            .arguments(&self.settings.packages.pip_arguments)
            // The following arguments are no options, whatever a manifest contains.
            .arguments(["--"])
            .arguments(needed);
        let ended = self.ended(tool).await?;
        Ok(if ended.status.success() { Ok(changes(&ended.lines, &self.needs.requirements)) } else { Err(ended) })
    }

    async fn install(&self, changes: &[String], cache: Cache) -> Result<(), LocalError> {
        let folder = self.site.folder().join("python");
        // The environment is moved when it is complete.
        let venv = ["venv", "--relocatable", "--no-project"];
        self.run(self.uv(&venv, &self.needs.parent.path, cache).arguments([&folder])).await?;
        let python = interpreter(&self.site.folder());
        let tool = self
            .uv(&["pip", "install", "--no-deps"], &python, cache)
            .arguments(cache.arguments())
            .arguments(&self.settings.packages.pip_arguments)
            .arguments(["--"])
            .arguments(changes);
        self.run(tool).await?;
        self.compile(&python).await?;
        self.link(&folder)
    }

    /// Compiles the installed packages, without variables that reveal a cache, and without `site`, which would run code
    /// of the packages. Packages that do not compile work, but start more slowly.
    async fn compile(&self, python: &Path) -> Result<(), LocalError> {
        let script = self.site.home().join("compile.py");
        let failed = |source| LocalError::Folder { path: script.clone(), source };
        let path = script.clone();
        blocking(move || std::fs::write(path, COMPILE)).await.map_err(failed)?;
        let tool = Tool::new(python, self.settings).folder(&self.site.home()).variable("HOME", self.site.home());
        self.ended(tool.arguments(["-I", "-S"]).arguments([&script])).await.map(drop)
    }

    /// Adds the interpreter's packages to the environment.
    fn link(&self, folder: &Path) -> Result<(), LocalError> {
        let failed = |source| LocalError::Folder { path: folder.to_owned(), source };
        let libraries = self.needs.parent.libraries.iter().filter(|library| library.is_dir());
        let lines: Vec<String> = libraries
            .map(|library| {
                // A JSON string is a valid Python string.
                let text = serde_json::Value::from(library.to_string_lossy());
                format!("import site; site.addsitedir({text})\n")
            })
            .collect();
        let own = std::fs::read_dir(folder.join("lib")).map_err(failed)?.flatten();
        for library in own.map(|entry| entry.path().join("site-packages")).filter(|library| library.is_dir()) {
            std::fs::write(library.join(LINK), lines.concat()).map_err(failed)?;
        }
        Ok(())
    }

    /// A call of uv for an interpreter.
    fn uv(&self, arguments: &[&str], python: &Path, cache: Cache) -> Tool {
        let packages = &self.settings.packages;
        let cache = match cache {
            Cache::Shared => self.settings.cache_folder.join("uv"),
            Cache::Own => self.site.home().join("uv"),
        };
        let mut tool = Tool::new(&uv(self.settings), self.settings)
            .folder(&self.site.home())
            .trusting(self.certificates.as_deref())
            .variable("HOME", self.site.home())
            .variable("UV_CACHE_DIR", cache)
            // The settings and the choice of the interpreter are Longshore's alone.
            .variable("UV_NO_CONFIG", "1")
            .variable("UV_PYTHON_DOWNLOADS", "never")
            .variable("UV_NO_PROGRESS", "1");
        if let Some(address) = &packages.index_url {
            tool = tool.variable("UV_DEFAULT_INDEX", address);
        }
        for (name, values) in [("UV_INDEX", &packages.extra_index_urls), ("UV_INSECURE_HOST", &packages.trusted_hosts)]
        {
            if !values.is_empty() {
                tool = tool.variable(name, values.join(" "));
            }
        }
        tool.arguments(arguments).arguments([Path::new("--python"), python])
    }

    async fn ended(&self, tool: Tool) -> Result<Ended, LocalError> {
        tool.run(self.watch).await.map_err(|error| match error {
            LocalError::Start { program, source } if source.kind() == std::io::ErrorKind::NotFound => {
                LocalError::NoUv { uv: program }
            }
            error => error,
        })
    }

    async fn run(&self, tool: Tool) -> Result<(), LocalError> {
        let ended = self.ended(tool).await?;
        if ended.status.success() { Ok(()) } else { Err(self.failure(&ended)) }
    }

    fn failure(&self, ended: &Ended) -> LocalError {
        // uv prints its progress before its error.
        let start = ended.lines.iter().position(|line| line.starts_with("error")).unwrap_or_default();
        LocalError::Python {
            packages: masked(&self.needs.requirements.join(", ")),
            place: place(&ended.lines, self.site.shelf()),
            words: words(&ended.lines[start..]),
        }
    }
}

/// Path of uv: from the settings, in `PATH`, or beside the interpreter, if it was installed there with pip.
fn uv(settings: &Settings) -> PathBuf {
    let uv = found(&settings.uv, &settings.path);
    let beside = settings.python.with_file_name("uv");
    if uv.components().count() == 1 && beside.is_file() { beside } else { uv }
}

/// The packages that uv would install, as requirements: exact versions, or the URL that the block names.
fn changes(lines: &[String], requirements: &[String]) -> Vec<String> {
    let installed = lines.iter().filter_map(|line| line.strip_prefix(" + "));
    let mut changes: Vec<String> = installed
        .map(|change| {
            let pinned = change.split_whitespace().next().unwrap_or(change);
            let named = |text: &&String| text.contains("://") && package(text) == package(pinned);
            requirements.iter().find(named).cloned().unwrap_or_else(|| pinned.to_owned())
        })
        .collect();
    changes.sort();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_block::Language;

    fn needs(dependencies: &[&str], pandas: Pandas, present: &[(&str, &str)]) -> Needs {
        let mut block = longshore_block::Block::empty(PathBuf::new(), Language::Python);
        block.dependencies = dependencies.iter().map(|text| (*text).to_owned()).collect();
        block.pandas = pandas;
        let folder = tempfile::tempdir().unwrap();
        for (name, version) in present {
            std::fs::create_dir(folder.path().join(format!("{name}-{version}.dist-info"))).unwrap();
        }
        let libraries = vec![folder.path().to_owned(), PathBuf::from("/nowhere")];
        Needs::new(&block, Interpreter { path: "/p/python3".into(), version: "CPython 3.11.2".into(), libraries })
    }

    #[test]
    fn a_glance_is_enough_for_packages_of_any_version() {
        let has = [("Scikit_Learn", "1.9.1"), ("pandas", "3.1.1")];
        for (dependencies, pandas, there) in [
            (&["scikit-learn", "Pandas"][..], Pandas::Three, true),
            (&["scikit-learn>=1"], Pandas::Three, false),
            (&["scikit-learn", "six"], Pandas::Three, false),
            (&["scikit-learn[x]"], Pandas::Three, false),
            (&["scikit-learn"], Pandas::Two, false),
        ] {
            assert_eq!(needs(dependencies, pandas, &has).are_there(), there, "{dependencies:?} {pandas:?}");
        }
    }

    #[test]
    fn a_block_for_pandas_2_gets_it_unless_it_says_which_it_needs() {
        let added = |dependencies: &[&str], version: &str| {
            needs(dependencies, Pandas::Two, &[("pandas", version)]).requirements.contains(&"pandas<3,>=2".to_owned())
        };
        assert!(added(&["six"], "3.1.1") && added(&["pandas"], "3.0"));
        assert!(!added(&["pandas>=3"], "3.1.1") && !added(&["six"], "2.3.3"));
        assert_eq!(needs(&["six"], Pandas::Two, &[]).requirements, ["six"]);
        assert_eq!(needs(&["six"], Pandas::Three, &[("pandas", "3.1")]).requirements, ["six"]);
    }

    #[test]
    fn the_hash_is_over_everything_that_decides() {
        let settings = Settings::default();
        let has = [("numpy", "2.4.6")];
        let hash = |dependencies: &[&str], present: &[(&str, &str)], settings: &Settings| {
            needs(dependencies, Pandas::Three, present).hash(settings)
        };
        let first = hash(&["Six", "numpy < 2"], &has, &settings);
        assert_eq!(first.len(), 32);
        assert_eq!(first, hash(&["numpy<2", "six", "six "], &has, &settings));
        assert_ne!(first, hash(&["numpy<2"], &has, &settings));
        assert_ne!(first, hash(&["six", "numpy<2"], &[("numpy", "2.4.7")], &settings));
        let mut mirrored = settings.clone();
        mirrored.packages.index_url = Some("https://u:old@x.example/simple".into());
        let mirror = hash(&["six", "numpy<2"], &has, &mirrored);
        assert_ne!(first, mirror);
        mirrored.packages.index_url = Some("https://u:new@x.example/simple".into());
        assert_eq!(mirror, hash(&["six", "numpy<2"], &has, &mirrored));
        mirrored.packages.pip_arguments = vec!["--pre".into()];
        assert_ne!(mirror, hash(&["six", "numpy<2"], &has, &mirrored));
    }

    #[test]
    fn only_what_would_change_is_installed() {
        let lines = [
            "Resolved 6 packages",
            " - numpy==2.4.6",
            " + numpy==1.26.4",
            " + torch==2.1+cpu",
            " + a==1 (from https://x/a)",
        ];
        let lines = lines.map(str::to_owned);
        let requirements = ["a @ https://x/a".to_owned(), "numpy<2".to_owned()];
        assert_eq!(changes(&lines, &requirements), ["a @ https://x/a", "numpy==1.26.4", "torch==2.1+cpu"]);
        assert_eq!(changes(&["Would make no changes".to_owned()], &[]), Vec::<String>::new());
    }
}
