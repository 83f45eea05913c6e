//! Python packages of a block: a virtual environment in front of the interpreter's own packages.
//!
//! The environment holds only what the interpreter lacks. uv resolves the block's requirements against the
//! interpreter's packages, as if it were to install them there, in a dry run: fitting packages stay, missing ones are
//! added, conflicting ones are replaced. Packages of the interpreter that would no longer work are resolved again with
//! these: a block that needs an older numpy gets a matching pandas, or an error. Only those changes are installed in the
//! environment, which searches the interpreter's packages after its own. A separate environment would download pandas and
//! pyarrow for every block that names one small package.

use super::base::{self, Base};
use super::environment_cache::{BuildDirectory, EnvironmentCache, Record};
use super::installer::{Cache, Installer};
use super::interpreter::Interpreter;
use super::key::Key;
use super::tool::{Ended, Watch, tell};
use super::{LocalEnvironment, LocalError, Recipe, check_version, obtain};
use crate::environment::base_packages;
use crate::environment::bounds::{self, concern_base};
use crate::environment::conflict::{Next, ROUNDS_MAX, Together, is_unsolvable};
use crate::environment::present::{Change, PythonPackages, may_break};
use crate::environment::requirement::normalised;
use crate::environment::steps::gives_way;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use longshore_block::{Block, Language, Pandas, PinnedPackage, cut_name, package_name};
use longshore_config::settings::{PackageSettings, Settings};
use longshore_engine::Engines;
use longshore_engine::task::blocking;
use longshore_model::address::{masked, without_user};
use longshore_model::event::Event;
use longshore_model::package_name::normal_name;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The beginning of the hashed text: it changes when environments are built in another way.
const VERSION: &str = "longshore-python-1";

/// The file that adds the interpreter's packages to an environment. It is read after all others, so that they have
/// lower priority than the environment's own; `addsitedir` also reads the interpreter's files of this kind.
const LINK: &str = "zz-longshore.pth";

/// The block's environment: that of the base, with the packages that the block needs besides.
pub(crate) async fn ensure(
    block: &Block,
    engines: &Engines,
    settings: &Settings,
    watch: Watch<'_>,
) -> Result<LocalEnvironment, LocalError> {
    check_version(block, &base::interpreter(Language::Python, settings, watch).await?)?;
    let Base { interpreter: parent, hold, .. } = base::ensure(Language::Python, block.pandas, engines, watch).await?;
    let base =
        LocalEnvironment { python: Some(parent.path.clone()), holds: Vec::from_iter(hold), ..Default::default() };
    if block.dependencies.is_empty() && !concern_base(block, &settings.packages) {
        return Ok(base);
    }
    let needs = Needs::new(block, parent, &settings.packages);
    if needs.are_there() {
        return Ok(base);
    }
    let hash = needs.hash(settings);
    if EnvironmentCache::new(settings).find(&hash).is_some_and(|record| record.installed.is_empty()) {
        return Ok(base);
    }
    let made = obtain(&hash, &Building { needs: &needs, engines, packages: &settings.packages, watch }, engines, watch)
        .await?;
    if made.record.installed.is_empty() {
        return Ok(base);
    }
    let python = Some(made.folder.join("python/bin/python"));
    Ok(LocalEnvironment { python, holds: base.holds.into_iter().chain([made.hold]).collect(), ..base })
}

/// The requirements of a block, and its interpreter.
#[derive(Debug)]
struct Needs {
    requirements: Vec<String>,
    parent: Interpreter,
    /// The interpreter's packages with their versions.
    present: BTreeMap<String, String>,
    /// The bounds of the versions, a line each.
    bounds: Vec<String>,
}

impl Needs {
    fn new(block: &Block, parent: Interpreter, packages: &PackageSettings) -> Self {
        let present = present(&parent.libraries);
        // The exact packages of another tool's lock are the requirements then.
        let mut requirements = match &block.pinned {
            Some(pinned) => pinned.packages.iter().map(PinnedPackage::requirement).collect(),
            None => normalised(&block.dependencies),
        };
        // As of a day a constraint does it.
        requirements.extend(older_pandas(block, &requirements, &present).filter(|_| packages.as_of.is_none()));
        let bounds = bounds::lines(packages);
        if !bounds.is_empty() {
            requirements.extend(base_packages::names().filter(|name| present.contains_key(*name)).map(str::to_owned));
        }
        Self { requirements, parent, present, bounds }
    }

    /// Whether no resolution is needed: all requirements are bare names of packages that the interpreter has.
    fn are_there(&self) -> bool {
        self.bounds.is_empty() && self.requirements.iter().all(|requirement| self.present.contains_key(requirement))
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
        self.bounds.iter().for_each(|line| key.add("bound", line));
        key.finish()
    }
}

/// A block that is written for pandas 2 and names packages gets pandas 2 if the interpreter has a later one, as in its
/// image. Not if it names its own version of pandas; and a block without packages runs with the interpreter's.
fn older_pandas(block: &Block, requirements: &[String], present: &BTreeMap<String, String>) -> Option<String> {
    let version = present.get("pandas")?;
    let later = version.split('.').next()?.parse::<u32>().is_ok_and(|major| major > 2);
    let says = |text: &String| package_name(text).as_deref() == Some("pandas") && text != "pandas";
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

/// The build of one environment.
struct Building<'a> {
    needs: &'a Needs,
    engines: &'a Engines,
    /// With the bounds of the versions.
    packages: &'a PackageSettings,
    watch: Watch<'a>,
}

impl Recipe for Building<'_> {
    fn build<'a>(&'a self, site: &'a BuildDirectory) -> BoxFuture<'a, Result<Record, LocalError>> {
        self.packages(site).boxed()
    }
}

impl Building<'_> {
    async fn packages(&self, site: &BuildDirectory) -> Result<Record, LocalError> {
        let requirements = self.needs.requirements.clone();
        let named = requirements.join(", ");
        tell(self.watch.events, &format!("installing {}", masked(&named)));
        let installer = Installer::new(&self.needs.parent, self.engines, self.watch, site).await?;
        // Wheels first: installing them runs none of their code, so it may fill the cache that all environments read.
        // Packages that must be built get a cache of their own.
        let bounds = self.bounds(site).await?;
        let installed = match self.installed(site, &installer, &bounds, Cache::Shared).await? {
            Ok(installed) => installed,
            Err(ended) if !gives_way(&ended.lines) => return Err(installer.failure(&ended, &named)),
            Err(_) => {
                let installed = self.installed(site, &installer, &bounds, Cache::Own).await?;
                installed.map_err(|ended| installer.failure(&ended, &named))?
            }
        };
        Ok(Record { language: "python".into(), requirements, installed, ..Record::default() })
    }

    /// Installs the packages that the interpreter lacks, and returns them.
    async fn installed(
        &self,
        site: &BuildDirectory,
        installer: &Installer<'_>,
        bounds: &[String],
        cache: Cache,
    ) -> Result<Result<Vec<String>, Ended>, LocalError> {
        let installed = match self.resolve(installer, bounds, cache).await? {
            Ok(installed) if !installed.is_empty() => installed,
            others => return Ok(others),
        };
        // The environment is moved when it is complete.
        let folder = site.folder().join("python");
        let python = match folder.is_dir() {
            // Of an attempt without building.
            true => folder.join("bin/python"),
            false => installer.venv(&self.needs.parent, &folder).await?,
        };
        let bounds = bounds::resolving(self.packages);
        let arguments: Vec<&str> = ["--no-deps"].into_iter().chain(bounds.iter().map(String::as_str)).collect();
        let ended = installer.ended(installer.install(&arguments, &python, cache).arguments(&installed)).await?;
        if !ended.status.success() {
            return Ok(Err(ended));
        }
        installer.compile(&python).await?;
        self.link(&folder)?;
        Ok(Ok(installed))
    }

    /// The packages that the interpreter lacks, and those of it that must change for them. Exactly these are installed, so
    /// nothing is resolved twice.
    async fn resolve(
        &self,
        installer: &Installer<'_>,
        bounds: &[String],
        cache: Cache,
    ) -> Result<Result<Vec<String>, Ended>, LocalError> {
        const BASE: &str = "this Python";
        let requirements = &self.needs.requirements;
        let (python, mut together, mut more) = (&self.needs.parent.path, Together::default(), Vec::new());
        let mut there = None;
        let refuse = |together: &Together| LocalError::Conflict {
            packages: masked(&requirements.join(", ")),
            reason: together.reason(requirements, BASE),
        };
        for _ in 0..ROUNDS_MAX {
            // Only what the block names is built.
            let own: &[String] = if matches!(cache, Cache::Own) { &more } else { &[] };
            let wheels = own.iter().flat_map(|text| ["--only-binary", cut_name(text).0]);
            let arguments = ["--dry-run", "--break-system-packages"].into_iter().chain(wheels);
            let arguments: Vec<&str> = arguments.chain(bounds.iter().map(String::as_str)).collect();
            let tool = installer.install(&arguments, python, cache).arguments(requirements).arguments(&more);
            let ended = installer.ended(tool).await?;
            if !ended.status.success() {
                let is_conflict = !more.is_empty() && is_unsolvable(&ended.lines);
                return if is_conflict { Err(refuse(&together)) } else { Ok(Err(ended)) };
            }
            if there.is_none() && may_break(&ended.lines) {
                there = PythonPackages::of_interpreter(python, &self.engines.settings().path).await;
            }
            let added: Vec<Change> =
                ended.lines.iter().filter_map(|line| Change::of(line.strip_prefix(" + ")?)).collect();
            let next = there.as_ref().map(|there| together.next(there, &added, self.packages.as_of.is_some(), false));
            match next.unwrap_or(Next::Install) {
                Next::Install => {
                    if let Some(note) = together.note(&added, BASE) {
                        self.watch.events.tell(Event::Note(note.into()));
                    }
                    return Ok(Ok(changes(&ended.lines, requirements)));
                }
                Next::Resolve(names) => more.extend(names),
                Next::Refuse => break,
            }
        }
        Err(refuse(&together))
    }

    /// The arguments for the bounds of the versions, and the file of the constraints.
    async fn bounds(&self, site: &BuildDirectory) -> Result<Vec<String>, LocalError> {
        let mut arguments = bounds::installing(self.packages);
        let text = bounds::constraints(self.packages);
        if !text.is_empty() {
            const FILE: &str = "constraints.txt";
            let path = site.home().join(FILE);
            let failed = |source| LocalError::Folder { path: path.clone(), source };
            let file = path.clone();
            blocking(move || std::fs::write(file, text)).await.map_err(failed)?;
            // uv runs in this folder.
            arguments.extend(["-c", FILE].map(str::to_owned));
        }
        Ok(arguments)
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
}

/// The packages that uv would install, as requirements: exact versions, or the URL that the block names.
fn changes(lines: &[String], requirements: &[String]) -> Vec<String> {
    let installed = lines.iter().filter_map(|line| line.strip_prefix(" + "));
    let mut changes: Vec<String> = installed.map(|change| requirement_of(change, requirements)).collect();
    changes.sort();
    changes
}

/// The requirement of a package that uv would install: `a==1`, `a @ https://…` or `a==1 (from https://…)`. uv hides
/// passwords in addresses, so they are taken from the block's requirements.
fn requirement_of(change: &str, requirements: &[String]) -> String {
    let pinned = change.split_whitespace().next().unwrap_or(change);
    let named = |text: &&String| text.contains("://") && package_name(text) == package_name(pinned);
    if let Some(found) = requirements.iter().find(named) {
        return found.clone();
    }
    let address = change.split_once(" @ ").or_else(|| change.split_once(" (from "));
    let Some(address) = address.map(|(_, address)| address.trim_end_matches(')')) else { return pinned.to_owned() };
    let is_it = |text: &&String| package_name(text).is_none() && without_user(text) == without_user(address);
    let address = requirements.iter().find(is_it).map_or(address, String::as_str);
    format!("{} @ {address}", cut_name(pinned).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(dependencies: &[&str], pandas: Pandas, present: &[(&str, &str)]) -> Needs {
        bounded(dependencies, pandas, present, &PackageSettings::default())
    }

    fn bounded(dependencies: &[&str], pandas: Pandas, present: &[(&str, &str)], packages: &PackageSettings) -> Needs {
        let mut block = longshore_block::Block::empty(PathBuf::new(), Language::Python);
        block.dependencies = dependencies.iter().map(|text| (*text).to_owned()).collect();
        block.pandas = pandas;
        let folder = tempfile::tempdir().unwrap();
        for (name, version) in present {
            std::fs::create_dir(folder.path().join(format!("{name}-{version}.dist-info"))).unwrap();
        }
        let libraries = vec![folder.path().to_owned(), PathBuf::from("/nowhere")];
        let parent = Interpreter { path: "/p/python3".into(), version: "CPython 3.11.2".into(), libraries };
        Needs::new(&block, parent, packages)
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
    fn with_bounds_the_interpreters_packages_are_resolved_too() {
        let has = [("numpy", "2.4.6"), ("longshore", "0.1.0"), ("six", "1")];
        let mut packages = PackageSettings::default();
        packages.constraints = vec!["numpy<2".parse().unwrap()];
        let constrained = bounded(&["six"], Pandas::Three, &has, &packages);
        assert!(!constrained.are_there());
        assert_eq!(constrained.requirements, ["six", "numpy"]);
        let settings = Settings::default();
        assert_ne!(constrained.hash(&settings), needs(&["six"], Pandas::Three, &has).hash(&settings));
        packages.as_of = Some("2023-06-01".parse().unwrap());
        let dated = bounded(&["six"], Pandas::Three, &has, &packages);
        assert_ne!(constrained.hash(&settings), dated.hash(&settings));
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
        let lines = [" + b @ https://***:***@x/b.whl", " + c==1 (from https://x/c.zip)", " + d @ git+https://x/d@00ff"];
        let requirements = ["https://u:p@x/b.whl", "https://x/c.zip", "git+https://x/d@v1"].map(str::to_owned);
        assert_eq!(
            changes(&lines.map(str::to_owned), &requirements),
            ["b @ https://u:p@x/b.whl", "c @ https://x/c.zip", "d @ git+https://x/d@00ff"]
        );
        assert_eq!(changes(&["Would make no changes".to_owned()], &[]), Vec::<String>::new());
    }
}
