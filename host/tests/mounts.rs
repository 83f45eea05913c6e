//! A run's container sees only those files of the machine that were checked.

#![allow(clippy::unwrap_used, reason = "a test may")]

use longshore::{Cancel, EngineChoice, Host, Mount, Outcome, RunRecord, RunRequest, Settings};
use std::path::Path;
use std::process::Command;

/// Prepares a run of a program that mounts a folder, does something to the machine, and runs it.
async fn run(folder: &Path, program: &str, meanwhile: impl FnOnce()) -> RunRecord {
    let script = folder.join("script.py");
    std::fs::write(&script, program).unwrap();
    let mut spec = RunRequest::new(script.to_str().unwrap());
    spec.engine = EngineChoice::Docker;
    spec.recorded = false;
    spec.mounts.push(Mount::read_only(folder.join("data")));
    let prepared = spec.prepare().unwrap();
    meanwhile();
    let socket = std::env::var("DOCKER_HOST").unwrap_or_default();
    let mut settings = Settings::default();
    settings.engine_socket = socket.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").into();
    settings.runtime_folder = folder.join("run");
    settings.state_folder = folder.join("state");
    settings.cache_folder = folder.join("cache");
    let (events, _happened) = longshore::events();
    Host::new(settings).run_prepared(prepared, events, &Cancel::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_replaced_after_its_check_is_not_mounted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for name in ["data", "secret"] {
        std::fs::create_dir(root.join(name)).unwrap();
        std::fs::write(root.join(name).join("told"), name).unwrap();
    }
    let replace = || {
        std::fs::rename(root.join("data"), root.join("meant")).unwrap();
        std::os::unix::fs::symlink("secret", root.join("data")).unwrap();
    };
    let program = format!("print(open({:?}).read())", root.join("data/told"));
    let record = run(&root, &program, replace).await;
    assert_eq!(record.outcome, Outcome::EnvironmentFailed, "{record:?}");
    let told = format!("{record:?}");
    assert!(told.contains("was replaced after it was checked"), "{told}");
    // The runtime folder belongs to the run, and is empty.
    assert_eq!(std::fs::read_dir(root.join("run/runs")).unwrap().count(), 0);
}

/// Runs a command in this machine's own mount namespace, as root, which every user of the engine can do.
fn on_this_machine(command: &[&str]) {
    let image = Settings::default().python_image;
    let run = ["run", "--rm", "--pid", "host", "--network", "none", "--user", "0:0"];
    let needed = ["SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE"].map(|name| format!("--cap-add={name}"));
    let open = ["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"];
    let target = std::process::id().to_string();
    let enter = ["--entrypoint", "nsenter", &image, "--target", &target, "--mount", "--"];
    let status = Command::new("docker").args(run).args(needed).args(open).args(enter).args(command).status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// A file system in memory, until this is dropped.
struct Mounted(String);

impl Mounted {
    fn at(path: &Path) -> Self {
        let path = path.to_str().unwrap().to_owned();
        on_this_machine(&["mount", "-t", "tmpfs", "-o", "mode=1777,size=1m", "longshore-test", &path]);
        std::fs::write(Path::new(&path).join("told"), "below").unwrap();
        Self(path)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        on_this_machine(&["umount", &self.0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_mounted_below_a_read_only_folder_is_read_only_too() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (below, deeper) = (root.join("data/a b\\c"), root.join("data/a b\\c/deeper"));
    std::fs::create_dir_all(&below).unwrap();
    let _below = Mounted::at(&below);
    std::fs::create_dir(&deeper).unwrap();
    let _deeper = Mounted::at(&deeper);
    let program = format!(
        "import os\n\
         for folder in ({below:?}, {deeper:?}):\n    \
             assert open(os.path.join(folder, 'told')).read() == 'below'\n    \
             for path in ('new', 'told'):\n        \
                 try:\n            \
                     open(os.path.join(folder, path), 'w').write('changed')\n        \
                 except OSError as error:\n            \
                     assert error.errno == 30, error\n        \
                 else:\n            \
                     raise SystemExit(f'{{folder}} can be written to')\n",
    );
    let record = run(&root, &program, || ()).await;
    assert_eq!(record.outcome, Outcome::Succeeded, "{record:?}");
    for folder in [&below, &deeper] {
        assert_eq!(std::fs::read_to_string(folder.join("told")).unwrap(), "below");
        assert!(!folder.join("new").exists());
    }
}
