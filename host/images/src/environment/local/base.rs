//! What a block's packages are added to: an interpreter with the SDK. If the interpreter of the settings has it, it is
//! used as it is. Otherwise an environment is created from the interpreter and the SDK's packages that belong to this
//! program, once, like that of a block: for Python with the table libraries in the versions of the images.

use super::environment_cache::{BuildDirectory, EnvironmentCache, Record};
use super::installer::{Cache, Installer};
use super::interpreter::Interpreter;
use super::key::Key;
use super::tool::{Tool, Watch, tell, words};
use super::{LocalError, Recipe, obtain};
use crate::environment::api::sdk_files;
use crate::environment::base_packages::{self, PANDAS_2, PANDAS_3};
use crate::usage_store::LockGuard;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use longshore_block::{Language, Pandas};
use longshore_config::settings::Settings;
use longshore_engine::Engines;
use longshore_engine::task::blocking;
use longshore_model::event::Event;
use longshore_os::program::{find_program, unreachable_program};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The beginning of the hashed text: it changes when these environments are built in another way.
const VERSION: &str = "longshore-base-1";

/// The oldest Python that has these packages.
const OLDEST_PYTHON: (u32, u32) = (3, 11);

/// Prints the version and the folders of packages, without those of the user and of variables.
const ASK_PYTHON: [&str; 3] = [
    "-I",
    "-c",
    "import platform, site\n\
     for line in [platform.python_implementation() + ' ' + platform.python_version(), *site.getsitepackages()]:\n    \
     print('longshore:' + line)",
];

/// Prints the version and the libraries.
const ASK_R: [&str; 3] =
    ["--vanilla", "-e", "cat(paste0('longshore:', c(as.character(getRversion()), .libPaths()), '\\n'), sep = '')"];

/// Installs the R packages of the SDK, which are archives of installed packages, into a library.
const INSTALL_R: &str = "arguments <- commandArgs(TRUE)
options(warn = 2)
for (archive in arguments[-1]) utils::install.packages(archive, arguments[1], repos = NULL, type = 'source')
";

/// An interpreter with the SDK.
pub(super) struct Base {
    pub(super) interpreter: Interpreter,
    /// R's library with the SDK, if it is not one of R's own or of the settings.
    pub(super) library: Option<PathBuf>,
    /// Prevents its removal; `None` if it is the machine's own.
    pub(super) hold: Option<LockGuard>,
}

/// The interpreter of a language, as the settings name it.
pub(super) async fn interpreter(
    language: Language,
    settings: &Settings,
    watch: Watch<'_>,
) -> Result<Interpreter, LocalError> {
    let asked = match language {
        Language::Python => Interpreter::ask(&settings.python, &ASK_PYTHON, None, settings, watch).await,
        Language::R => {
            Interpreter::ask(&settings.rscript, &ASK_R, settings.r_library.as_deref(), settings, watch).await
        }
    };
    asked.map_err(|error| match error {
        LocalError::Start { program, source } if source.kind() == ErrorKind::NotFound => {
            LocalError::NoInterpreter { program, language }
        }
        error => error,
    })
}

/// What is to be known of an interpreter in `PATH` that would be used if it could be reached, such as that of an active
/// virtual environment in another user's home.
fn passed_over(language: Language, settings: &Settings) -> Option<String> {
    let program = match language {
        Language::Python => &settings.python,
        Language::R => &settings.rscript,
    };
    let name = Path::new(program.file_name()?);
    // A program that the settings name is not looked for.
    if find_program(name, &settings.path).as_ref() != Some(program) {
        return None;
    }
    let (place, reason) = unreachable_program(name, &settings.path)?;
    let reason = match reason.kind() {
        ErrorKind::PermissionDenied => "cannot be read by this user".to_owned(),
        ErrorKind::NotFound => "is a link to a file that does not exist".to_owned(),
        _ => format!("cannot be read: {reason}"),
    };
    let (place, program) = (place.display(), program.display());
    Some(format!("`{program}` runs the script, as `{place}` before it in `PATH` {reason}"))
}

/// Whether an interpreter has the SDK.
pub(super) fn has_sdk(interpreter: &Interpreter) -> bool {
    interpreter.libraries.iter().any(|library| library.join("longshore").is_dir())
}

/// Provides an interpreter with the SDK, and creates its environment if that is missing.
pub(super) async fn ensure(
    language: Language,
    pandas: Pandas,
    engines: &Engines,
    watch: Watch<'_>,
) -> Result<Base, LocalError> {
    if let Some(note) = passed_over(language, engines.settings()) {
        watch.events.tell(Event::Note(note.into()));
    }
    let machine = interpreter(language, engines.settings(), watch).await?;
    if has_sdk(&machine) {
        return Ok(Base { interpreter: machine, library: None, hold: None });
    }
    let parts = Parts::of(language, pandas, machine, engines.settings())?;
    let made = obtain(&parts.hash(), &Building { parts: &parts, engines, watch }, engines, watch).await?;
    let place = parts.place(&made.folder);
    Ok(match language {
        Language::Python => {
            let interpreter = Interpreter::ask(&place, &ASK_PYTHON, None, engines.settings(), watch).await?;
            Base { interpreter, library: None, hold: Some(made.hold) }
        }
        Language::R => {
            let mut interpreter = parts.machine;
            interpreter.libraries.insert(0, place.clone());
            Base { interpreter, library: Some(place), hold: Some(made.hold) }
        }
    })
}

/// The place of the SDK that an interpreter without it has in the cache; `None` if the next run creates it.
pub(super) fn find(
    language: Language,
    machine: &Interpreter,
    settings: &Settings,
) -> Result<Option<PathBuf>, LocalError> {
    let parts = Parts::of(language, Pandas::Three, machine.clone(), settings)?;
    let (cache, hash) = (EnvironmentCache::new(settings), parts.hash());
    Ok(cache.find(&hash).map(|_| parts.place(&cache.path(&hash))))
}

/// What an environment is made of.
struct Parts {
    language: Language,
    machine: Interpreter,
    requirements: Vec<&'static str>,
    sdk: Vec<PathBuf>,
    /// Names, sizes and times of the SDK's files.
    facts: Vec<String>,
}

impl Parts {
    fn of(language: Language, pandas: Pandas, machine: Interpreter, settings: &Settings) -> Result<Self, LocalError> {
        let requirements = match (language, pandas) {
            (Language::R, _) => "",
            (Language::Python, Pandas::Two) => PANDAS_2,
            (Language::Python, Pandas::Three) => PANDAS_3,
        };
        let requirements = base_packages::requirements(requirements).collect();
        if language == Language::Python && is_older(&machine.version) {
            let (major, minor) = OLDEST_PYTHON;
            let (program, version) = (machine.path, machine.version);
            return Err(LocalError::OldPython { program, version, needed: format!("{major}.{minor}") });
        }
        let failed = |source| LocalError::Sdk { folder: settings.sdk_folder.clone(), source };
        let sdk = sdk_files(language, settings).map_err(failed)?;
        let facts = |path: &PathBuf| {
            let facts = path.metadata()?;
            Ok(format!("{} {} {} {}", path.display(), facts.len(), facts.mtime(), facts.mtime_nsec()))
        };
        let facts = sdk.iter().map(facts).collect::<std::io::Result<_>>().map_err(failed)?;
        Ok(Self { language, machine, requirements, sdk, facts })
    }

    fn hash(&self) -> String {
        let mut key = Key::of(VERSION, &self.machine);
        self.requirements.iter().for_each(|requirement| key.add("requirement", requirement));
        self.facts.iter().for_each(|facts| key.add("sdk", facts));
        key.finish()
    }

    /// The interpreter or library of an environment.
    fn place(&self, folder: &Path) -> PathBuf {
        folder.join(match self.language {
            Language::Python => "python/bin/python",
            Language::R => "library",
        })
    }
}

/// Whether a Python, such as `CPython 3.9.2`, is older than the packages need.
fn is_older(version: &str) -> bool {
    let number = version.rsplit(' ').next().unwrap_or(version);
    let mut numbers = number.split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return false };
    (major, minor) < OLDEST_PYTHON
}

/// The build of one environment.
struct Building<'a> {
    parts: &'a Parts,
    engines: &'a Engines,
    watch: Watch<'a>,
}

impl Recipe for Building<'_> {
    fn build<'a>(&'a self, site: &'a BuildDirectory) -> BoxFuture<'a, Result<Record, LocalError>> {
        match self.parts.language {
            Language::Python => self.python(site).boxed(),
            Language::R => self.r(site).boxed(),
        }
    }
}

impl Building<'_> {
    async fn python(&self, site: &BuildDirectory) -> Result<Record, LocalError> {
        let Parts { machine, requirements, sdk, .. } = self.parts;
        let packages = requirements.join(", ");
        tell(
            self.watch.events,
            &format!("creating the Python environment of the `process` engine, once: the SDK, {packages}"),
        );
        let installer = Installer::new(machine, self.engines, self.watch, site).await?;
        let python = installer.venv(machine, &site.folder().join("python")).await?;
        let tool = installer.install(&[], &python, Cache::Shared).arguments(requirements).arguments(sdk);
        installer.run(tool, &packages).await?;
        installer.compile(&python).await?;
        Ok(self.record())
    }

    async fn r(&self, site: &BuildDirectory) -> Result<Record, LocalError> {
        tell(self.watch.events, "creating the R library of the `process` engine, once: the SDK");
        let (home, library) = (site.home(), self.parts.place(&site.folder()));
        let script = home.join("install.R");
        let failed = |source| LocalError::Folder { path: library.clone(), source };
        let files = (library.clone(), script.clone());
        let making = blocking(move || std::fs::create_dir(&files.0).and_then(|()| std::fs::write(&files.1, INSTALL_R)));
        making.await.map_err(failed)?;
        let ended = Tool::new(&self.parts.machine.path, self.engines.settings())
            .folder(&home)
            .variable("HOME", &home)
            .variable("TMPDIR", &home)
            .arguments([Path::new("--vanilla"), &script, &library])
            .arguments(&self.parts.sdk)
            .quietly()
            .run(self.watch)
            .await?;
        if ended.status.success() {
            return Ok(self.record());
        }
        Err(LocalError::R { package: "longshore".into(), place: String::new(), words: words(&ended.lines) })
    }

    fn record(&self) -> Record {
        let own = self.parts.sdk.iter().filter_map(|path| path.file_name()?.to_str()?.split(['-', '_']).next());
        let requirements: Vec<String> = self.parts.requirements.iter().copied().chain(own).map(str::to_owned).collect();
        let language = match self.parts.language {
            Language::Python => "python",
            Language::R => "r",
        };
        Record { language: language.into(), installed: requirements.clone(), requirements, ..Record::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(version: &str) -> Interpreter {
        Interpreter { path: "/usr/bin/python3".into(), version: version.into(), libraries: Vec::new() }
    }

    /// Settings with a folder of SDKs.
    fn settings(folder: &Path) -> Settings {
        let mut settings = Settings::default();
        settings.sdk_folder = folder.into();
        settings
    }

    #[test]
    fn both_pandas_have_environments_of_their_own_that_change_with_the_sdk() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let parts = |pandas| Parts::of(Language::Python, pandas, machine("CPython 3.12.1"), &settings);
        assert!(matches!(parts(Pandas::Three), Err(LocalError::Sdk { .. })));
        for name in ["longshore-0.1.0-abi3.whl", "omniscope_api-0.1.0-py3.whl"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let (three, two) = (parts(Pandas::Three).unwrap(), parts(Pandas::Two).unwrap());
        assert!(three.requirements.iter().any(|line| line.starts_with("pandas==3.")), "{:?}", three.requirements);
        assert!(two.requirements.iter().any(|line| line.starts_with("pandas==2.")), "{:?}", two.requirements);
        assert_ne!(three.hash(), two.hash());
        assert_eq!(three.hash(), parts(Pandas::Three).unwrap().hash());
        std::fs::write(folder.path().join("longshore-0.1.0-abi3.whl"), "new").unwrap();
        assert_ne!(three.hash(), parts(Pandas::Three).unwrap().hash());
    }

    #[test]
    fn a_python_that_is_too_old_is_refused_before_anything_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        for (version, older) in
            [("CPython 3.9.2", true), ("CPython 3.11.0rc1", false), ("PyPy 4.0", false), ("x", false)]
        {
            let parts = Parts::of(Language::Python, Pandas::Three, machine(version), &settings(folder.path()));
            assert_eq!(matches!(parts, Err(LocalError::OldPython { .. })), older, "{version}");
        }
    }

    #[test]
    fn the_sdk_is_found_in_any_library() {
        let folder = tempfile::tempdir().unwrap();
        let mut found = machine("CPython 3.12.1");
        found.libraries = vec!["/nowhere".into(), folder.path().into()];
        assert!(!has_sdk(&found));
        std::fs::create_dir(folder.path().join("longshore")).unwrap();
        assert!(has_sdk(&found));
    }
}
