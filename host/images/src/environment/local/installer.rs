//! The installer of Python packages: uv, with the settings' indexes, proxies and certificates, for one build of an
//! environment. A machine without uv gets it from the package index, once, into the environment cache.

use super::certificates::gather;
use super::environment_cache::{BuildDirectory, Record};
use super::interpreter::{Interpreter, found};
use super::key::Key;
use super::tool::{Ended, Tool, Watch, place, tell, words};
use super::{LocalError, Recipe, obtain};
use crate::environment::packages::BYTECODE;
use crate::environment::tools::UV;
use crate::usage_store::LockGuard;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use longshore_engine::Engines;
use longshore_engine::task::blocking;
use longshore_model::address::masked;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The beginning of the hashed text: it changes when uv is installed in another way.
const VERSION: &str = "longshore-uv-1";

/// The cache of downloaded and built packages that uv reads and fills.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cache {
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

/// uv, for one build.
pub(super) struct Installer<'a> {
    engines: &'a Engines,
    watch: Watch<'a>,
    site: &'a BuildDirectory,
    certificates: Option<PathBuf>,
    uv: PathBuf,
    /// Protects the uv of the cache.
    _hold: Option<LockGuard>,
}

impl<'a> Installer<'a> {
    /// The installer for a build on an interpreter.
    pub(super) async fn new(
        parent: &Interpreter,
        engines: &'a Engines,
        watch: Watch<'a>,
        site: &'a BuildDirectory,
    ) -> Result<Self, LocalError> {
        let settings = engines.settings();
        let certificates = gather(settings.packages.ca_bundle.as_deref(), &site.home())?;
        let (uv, hold) = match uv(parent, engines) {
            Some(uv) => (uv, None),
            None => {
                let (uv, hold) = installed(parent, engines, watch).await?;
                (uv, Some(hold))
            }
        };
        Ok(Self { engines, watch, site, certificates, uv, _hold: hold })
    }

    /// Creates a virtual environment of an interpreter, which works after it is moved, and returns its interpreter.
    pub(super) async fn venv(&self, parent: &Interpreter, folder: &Path) -> Result<PathBuf, LocalError> {
        let arguments = ["venv", "--relocatable", "--no-project"];
        self.run(self.uv(&arguments, &parent.path, Cache::Shared).arguments([folder]), "").await?;
        Ok(folder.join("bin/python"))
    }

    /// A call of `uv pip install` for an interpreter; the caller adds requirements.
    pub(super) fn install(&self, arguments: &[&str], python: &Path, cache: Cache) -> Tool {
        let arguments = [&["pip", "install"], arguments].concat();
        self.uv(&arguments, python, cache)
            .arguments(cache.arguments())
            .arguments(&self.engines.settings().packages.pip_arguments)
            // The following arguments are no options, whatever a manifest contains.
            .arguments(["--"])
    }

    fn uv(&self, arguments: &[&str], python: &Path, cache: Cache) -> Tool {
        let settings = self.engines.settings();
        let packages = &settings.packages;
        let cache = match cache {
            Cache::Shared => settings.cache_folder.join("uv"),
            Cache::Own => self.site.home().join("uv"),
        };
        let mut tool = Tool::new(&self.uv, settings)
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

    /// Runs uv to its end, successful or not.
    pub(super) async fn ended(&self, tool: Tool) -> Result<Ended, LocalError> {
        tool.run(self.watch).await.map_err(|error| match error {
            LocalError::Start { program, source } if source.kind() == ErrorKind::NotFound => {
                LocalError::NoUv { uv: program }
            }
            error => error,
        })
    }

    /// Runs uv; `packages` are named by the error.
    pub(super) async fn run(&self, tool: Tool, packages: &str) -> Result<(), LocalError> {
        let ended = self.ended(tool).await?;
        if ended.status.success() { Ok(()) } else { Err(self.failure(&ended, packages)) }
    }

    /// The error for a call of uv that failed.
    pub(super) fn failure(&self, ended: &Ended, packages: &str) -> LocalError {
        // uv prints its progress before its error.
        let start = ended.lines.iter().position(|line| line.starts_with("error")).unwrap_or_default();
        LocalError::Python {
            packages: masked(packages),
            place: place(&ended.lines, self.site.shelf()),
            words: words(&ended.lines[start..]),
        }
    }

    /// Compiles the installed packages, without variables that reveal a cache, and without `site`, which would run code
    /// of the packages. Packages that do not compile work, but start more slowly.
    pub(super) async fn compile(&self, python: &Path) -> Result<(), LocalError> {
        let (home, settings) = (self.site.home(), self.engines.settings());
        let script = home.join("bytecode.py");
        let failed = |source| LocalError::Folder { path: script.clone(), source };
        let path = script.clone();
        blocking(move || std::fs::write(path, BYTECODE)).await.map_err(failed)?;
        let tool = Tool::new(python, settings).folder(&home).variable("HOME", &home);
        self.ended(tool.arguments(["-I", "-S"]).arguments([&script]).arguments(["site"])).await.map(drop)
    }
}

/// The uv of the settings, in `PATH`, or beside the interpreter, if it was installed there with pip; `None` if this
/// machine has none and the settings name none.
pub(super) fn uv(parent: &Interpreter, engines: &Engines) -> Option<PathBuf> {
    let settings = engines.settings();
    let uv = found(&settings.uv, &settings.path);
    if uv.components().count() > 1 {
        return Some(uv);
    }
    Some(parent.path.with_file_name("uv")).filter(|beside| beside.is_file())
}

/// The uv of the cache, which is installed there if it is missing.
async fn installed(
    parent: &Interpreter,
    engines: &Engines,
    watch: Watch<'_>,
) -> Result<(PathBuf, LockGuard), LocalError> {
    // It is a static program, the same whichever interpreter gets it.
    let mut key = Key::new(VERSION);
    key.add("uv", UV);
    let environment = obtain(&key.finish(), &InstalledUv { parent, engines, watch }, engines, watch).await?;
    Ok((environment.folder.join("python/bin/uv"), environment.hold))
}

/// How uv is installed: by the interpreter's own installer, in a virtual environment.
struct InstalledUv<'a> {
    parent: &'a Interpreter,
    engines: &'a Engines,
    watch: Watch<'a>,
}

impl Recipe for InstalledUv<'_> {
    fn build<'a>(&'a self, site: &'a BuildDirectory) -> BoxFuture<'a, Result<Record, LocalError>> {
        self.install(site).boxed()
    }
}

impl InstalledUv<'_> {
    async fn install(&self, site: &BuildDirectory) -> Result<Record, LocalError> {
        let settings = self.engines.settings();
        let requirement = format!("uv=={UV}");
        tell(self.watch.events, &format!("installing {requirement}, which installs packages"));
        let folder = site.folder().join("python");
        let tool = Tool::new(&self.parent.path, settings).folder(&site.home()).variable("HOME", site.home());
        self.succeeded(tool.arguments(["-m", "venv"]).arguments([&folder]).quietly()).await?;
        let packages = &settings.packages;
        let certificates = gather(packages.ca_bundle.as_deref(), &site.home())?;
        let mut tool = Tool::new(&folder.join("bin/python"), settings)
            .folder(&site.home())
            .variable("HOME", site.home())
            .variable("PIP_CONFIG_FILE", "/dev/null");
        let lists =
            [("PIP_EXTRA_INDEX_URL", &packages.extra_index_urls), ("PIP_TRUSTED_HOST", &packages.trusted_hosts)];
        for (name, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
            tool = tool.variable(name, values.join(" "));
        }
        if let Some(address) = &packages.index_url {
            tool = tool.variable("PIP_INDEX_URL", address);
        }
        if let Some(certificates) = &certificates {
            tool = tool.variable("PIP_CERT", certificates);
        }
        let pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-cache-dir", "--no-deps"];
        self.succeeded(tool.arguments(pip).arguments(["--only-binary=:all:", &requirement])).await?;
        let requirements = vec![requirement];
        Ok(Record { language: "python".into(), installed: requirements.clone(), requirements, ..Record::default() })
    }

    async fn succeeded(&self, tool: Tool) -> Result<(), LocalError> {
        let ended = tool.run(self.watch).await?;
        if ended.status.success() { Ok(()) } else { Err(LocalError::UvNotInstalled { words: words(&ended.lines) }) }
    }
}
