//! A place for blocks whose images are nobody else's: with a store of its own, a state folder of its own, and nothing left
//! of it when it goes.

use crate::command;
use crate::engine::{docker, docker_may_fail, needed};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// How long the engine may take to notice that something is gone.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Caches of packages belong to the engine, and a clean-up of everything removes those that no build uses at the moment.
/// Whoever looks into one reads this meanwhile.
pub(crate) static CACHES: RwLock<()> = RwLock::new(());

/// The place.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    pub(crate) store: String,
}

/// How a command ended, with its streams as text.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    /// A fresh one.
    pub(crate) fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let place = Self {
            folder: tempfile::Builder::new().prefix("environments-").tempdir().unwrap(),
            store: format!("test-{}-{number}", std::process::id()),
        };
        place.settings("");
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the settings of this place; `text` besides the name of its store.
    pub(crate) fn settings(&self, text: &str) {
        let store = &self.store;
        let (images, others) = text.split_once("[images]\n").map_or(("", text), |(others, images)| (images, others));
        std::fs::write(
            self.path().join("longshore.toml"),
            format!("{others}\n[images]\nstore = \"{store}\"\n{images}"),
        )
        .unwrap();
    }

    /// Makes a block of a language: keys of its manifest, and its script.
    pub(crate) fn block(&self, name: &str, language: &str, keys: &str, script: &str) -> PathBuf {
        let folder = self.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let file = if language == "r" { "script.R" } else { "script.py" };
        let manifest = format!("name = \"{name}\"\nlanguage = \"{language}\"\nscript = \"{file}\"\n{keys}\n");
        std::fs::write(folder.join("block.toml"), manifest).unwrap();
        std::fs::write(folder.join(file), script).unwrap();
        folder
    }

    /// A block in Python that prints the version of a package.
    pub(crate) fn python(&self, name: &str, keys: &str, module: &str) -> PathBuf {
        let script = format!(
            "from importlib.metadata import version\nfrom longshore.api import Api\nimport {module}\n\
             api = Api()\nprint('{module}', version('{module}'), flush=True)\napi.close()\n"
        );
        self.block(name, "python", keys, &script)
    }

    /// Removes all images of this place, and caches.
    pub(crate) fn prune_all(&self) -> Ended {
        let _alone = CACHES.write().unwrap_or_else(PoisonError::into_inner);
        self.longshore(&["images", "prune", "--all"])
    }

    /// The command in this place, to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(command::path());
        command
            .args(arguments)
            .current_dir(self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Calls the command in this place.
    pub(crate) fn longshore(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().unwrap())
    }

    /// Runs a block in a container.
    pub(crate) fn run(&self, block: &Path) -> Ended {
        self.longshore(&["run", "--engine", "docker", block.to_str().unwrap()])
    }

    /// What the engine has of this place: ids of images, and of containers, running or not.
    pub(crate) fn left(&self) -> Vec<String> {
        let label = format!("label=longshore.store={}", self.store);
        let images = docker(&["images", "-q", "--no-trunc", "--filter", &label]);
        let containers = docker(&["ps", "-aq", "--filter", &label]);
        images.lines().chain(containers.lines()).map(str::to_owned).collect()
    }

    /// The value of a label of an image.
    pub(crate) fn label(image: &str, label: &str) -> String {
        docker(&["inspect", "-f", &format!("{{{{index .Config.Labels \"{label}\"}}}}"), image]).trim().to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let label = format!("label=longshore.store={}", self.store);
        // A second failure would hide the first.
        let listed = |arguments: &[&str]| String::from_utf8_lossy(&docker_may_fail(arguments).stdout).into_owned();
        for container in listed(&["ps", "-aq", "--filter", &label]).lines() {
            docker_may_fail(&["rm", "-f", container]);
        }
        // Images on top of others go before them; each round takes the topmost.
        for _ in 0..5 {
            let names = listed(&["images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "--filter", &label]);
            for line in names.lines() {
                let (name, id) = line.split_once(' ').unwrap();
                docker_may_fail(&["rmi", "-f", if name.contains("<none>") { id } else { name }]);
            }
        }
    }
}

impl Ended {
    /// The name of the image that `images build` prints.
    pub(crate) fn image(&self) -> &str {
        self.out.split_whitespace().next().unwrap()
    }

    /// Asserts the exit status, and that standard error has all of these texts.
    pub(crate) fn expect(&self, status: i32, texts: &[&str]) -> &Self {
        assert_eq!(self.status, status, "{self:#?}");
        for text in texts {
            assert!(self.err.contains(text) || self.out.contains(text), "no `{text}` in {self:#?}");
        }
        self
    }
}

/// A folder with these files.
pub(crate) fn folder(place: &Place, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = place.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    for (file, text) in files {
        std::fs::write(folder.join(file), text).unwrap();
    }
    folder
}

/// How a command ended.
pub(crate) fn ended(output: Output) -> Ended {
    Ended {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Builds an image of a text of a Dockerfile, and gives its name.
pub(crate) fn image(name: &str, dockerfile: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    needed(dockerfile.lines().next().unwrap().strip_prefix("FROM ").unwrap());
    std::fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    let built =
        Command::new("docker").args(["build", "-q", "-t", name, "."]).current_dir(folder.path()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    name.to_owned()
}
