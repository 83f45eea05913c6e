//! What is left when something is killed that cannot tidy up after itself: the host, the agent. Runs the `longshore`
//! command as the conformance suite does, in folders of its own, and looks at what its own runs left: others may have
//! theirs on this machine.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod engine;

use engine::Fate;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long what was killed may take to be gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// Says where it is, and would go on for a minute.
const SCRIPT: &str = "\
import os, time
from longshore.api import Api
Api().write_output_records({'a': [1]})
print('at work on', os.uname().nodename, 'in', os.getcwd(), flush=True)
time.sleep(60)
";

/// A run that has begun, and where its script works: on which host, which is the container's id, and in which folder.
struct Begun {
    process: Child,
    home: command::Home,
    folder: tempfile::TempDir,
    host: String,
    script_folder: String,
    run_id: String,
    /// Where the host listens for this run.
    run_directory: PathBuf,
}

impl Begun {
    fn on(engine: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("killed-").tempdir().unwrap();
        std::fs::write(folder.path().join("script.py"), SCRIPT).unwrap();
        std::fs::write(folder.path().join("out.csv"), "as before\n").unwrap();
        let home = command::Home::new();
        let mut command = Command::new(command::path());
        command.args(["run", "script.py", "-o", "out.csv", "--engine", engine]).env("TMPDIR", folder.path());
        command.current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = home.of(&mut command).spawn().unwrap();
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let said = lines.map(Result::unwrap).find_map(|line| Some(line.split_once("at work on ")?.1.to_owned()));
        let said = said.expect("the script says where it works");
        let (host, script_folder) = said.split_once(" in ").unwrap();
        let (host, script_folder) = (host.to_owned(), script_folder.to_owned());
        let run_id = match script_folder.rsplit_once("longshore-") {
            Some((_, run_id)) => run_id.trim_end_matches("/work").to_owned(),
            None => docker(&["inspect", "--format", "{{index .Config.Labels \"longshore.run\"}}", &host]).remove(0),
        };
        let run_directory = run_directory(folder.path(), &run_id);
        Self { process, home, folder, host, script_folder, run_id, run_directory }
    }

    /// What the command says from now on, and how it ends.
    fn end(&mut self) -> (String, std::process::ExitStatus) {
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (said, self.process.wait().unwrap())
    }

    fn containers(&self) -> Vec<String> {
        docker(&["ps", "--all", "--quiet", "--filter", &format!("label=longshore.run={}", self.run_id)])
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("out.csv")).unwrap()
    }
}

/// The directory of a run that goes on, in the first of the places where it may be.
fn run_directory(temporary: &Path, run_id: &str) -> PathBuf {
    let own = format!("longshore-{}", rustix::process::geteuid().as_raw());
    let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let user = Some(PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw())));
    let folders = [session, user, Some(temporary.to_owned()), Some("/tmp".into())].into_iter().flatten();
    let folders = [PathBuf::from("/run/longshore")].into_iter().chain(folders.map(|folder| folder.join(&own)));
    let mut found = folders.map(|folder| folder.join("runs").join(run_id)).filter(|path| path.exists());
    found.next().expect("the run that goes on has its directory")
}

/// What the engine's own command line prints, line by line.
fn docker(arguments: &[&str]) -> Vec<String> {
    engine::docker(arguments).lines().map(str::to_owned).collect()
}

/// Processes whose working folder or arguments have this in them, by their id.
fn processes(of: &str) -> Vec<i32> {
    let has = |path: PathBuf| {
        let folder = std::fs::read_link(path.join("cwd")).unwrap_or_default();
        let arguments = std::fs::read(path.join("cmdline")).unwrap_or_default();
        folder.starts_with(of) || String::from_utf8_lossy(&arguments).contains(of)
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let numbered = all.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())));
    numbered.filter(|(_, path)| has(path.clone())).map(|(id, _)| id).collect()
}

fn soon(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A run after the kill: it removes what the killed host could not.
fn run_once_more(engine: &str, begun: &Begun) {
    std::fs::write(begun.folder.path().join("next.py"), "print('next')").unwrap();
    let mut next = Command::new(command::path());
    next.args(["run", "next.py", "--engine", engine]);
    next.env("TMPDIR", begun.folder.path()).current_dir(begun.folder.path());
    let next = begun.home.of(&mut next).output().unwrap();
    assert!(next.status.success(), "{next:?}");
}

#[test]
fn a_killed_host_takes_its_container_with_it() {
    let mut begun = Begun::on("docker");
    assert!(!begun.containers().is_empty());
    begun.process.kill().unwrap();
    assert_eq!(begun.end().1.signal(), Some(9));
    soon("the container is gone", || begun.containers().is_empty());
    run_once_more("docker", &begun);
    assert!(!begun.run_directory.exists());
    assert_eq!(begun.output(), "as before\n");
}

#[test]
fn a_killed_host_takes_its_script_with_it() {
    let mut begun = Begun::on("process");
    let work = begun.script_folder.clone();
    assert!(!processes(&work).is_empty());
    begun.process.kill().unwrap();
    assert_eq!(begun.end().1.signal(), Some(9));
    soon("the script is gone", || processes(&work).is_empty());
    run_once_more("process", &begun);
    assert!(!PathBuf::from(work).exists());
    assert!(!begun.run_directory.exists());
    assert_eq!(begun.output(), "as before\n");
}

#[test]
fn a_killed_container_is_an_engine_failure() {
    let mut begun = Begun::on("docker");
    docker(&["kill", &begun.host]);
    let (said, status) = begun.end();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("the agent ended without a report"), "{said}");
    assert!(begun.containers().is_empty());
    assert!(!begun.run_directory.exists());
    assert_eq!(begun.output(), "as before\n");
}

#[test]
fn an_agent_that_the_limit_of_memory_ends_is_out_of_memory() {
    let folder = tempfile::Builder::new().prefix("killed-").tempdir().unwrap();
    // Files of a block stand in memory, which the limit counts.
    std::fs::write(folder.path().join("data.bin"), vec![7; 30 << 20]).unwrap();
    std::fs::write(folder.path().join("script.py"), "print('never')").unwrap();
    let block = "name = \"big\"\nlanguage = \"python\"\nscript = \"script.py\"\n";
    std::fs::write(folder.path().join("block.toml"), block).unwrap();
    let arguments = ["run", ".", "--engine", "docker", "--memory", "16m"];
    let ended = command::longshore(folder.path(), &arguments);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("big out of memory after") && !said.contains("never"), "{said}");
}

#[test]
fn a_killed_agent_takes_its_script_with_it() {
    let mut begun = Begun::on("process");
    let work = begun.script_folder.clone();
    let agents = processes(&format!("/{}/shared/host.sock", begun.run_id));
    assert_eq!(agents.len(), 1);
    rustix::process::kill_process(rustix::process::Pid::from_raw(agents[0]).unwrap(), rustix::process::Signal::KILL)
        .unwrap();
    let (said, status) = begun.end();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("the agent ended without a report"), "{said}");
    soon("the script is gone", || processes(&work).is_empty());
    assert!(!PathBuf::from(work).exists());
    assert_eq!(begun.output(), "as before\n");
}

/// Stands before the engine. It lets no container start for as long as the file `stall` is there, and breaks off a wait for
/// the end of one, once, where the file `break-off` is.
fn faulty_engine(folder: &Path) -> PathBuf {
    let (path, stall, break_off) = (folder.join("engine.sock"), folder.join("stall"), folder.join("break-off"));
    engine::stand_before(&path, move |request| {
        if stall.exists() && request.contains("/start ") {
            Fate::Held
        } else if request.contains("/wait?") && std::fs::remove_file(&break_off).is_ok() {
            Fate::BrokenOff
        } else {
            Fate::PassedOn
        }
    });
    path
}

#[test]
fn an_engine_that_breaks_off_a_wait_is_asked_again() {
    let folder = tempfile::Builder::new().prefix("killed-").tempdir().unwrap();
    let (home, engine) = (command::Home::new(), faulty_engine(folder.path()));
    std::fs::write(folder.path().join("script.py"), "import os; print('on', os.uname().nodename)").unwrap();
    std::fs::write(folder.path().join("break-off"), "").unwrap();
    let mut run = Command::new(command::path());
    run.args(["run", "script.py", "--engine", "docker"]).env("DOCKER_HOST", format!("unix://{}", engine.display()));
    let output = home.of(&mut run).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !folder.path().join("break-off").exists(), "{said}");
    let printed = String::from_utf8_lossy(&output.stdout);
    let container = printed.lines().find_map(|line| line.split_once("on ")).unwrap().1;
    assert_eq!(docker(&["ps", "--all", "--quiet", "--filter", &format!("id={container}")]), Vec::<String>::new());
}

#[test]
fn what_a_killed_host_never_started_goes_and_what_lives_stays() {
    let folder = tempfile::Builder::new().prefix("killed-").tempdir().unwrap();
    let (home, engine) = (command::Home::new(), faulty_engine(folder.path()));
    let block = "name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\ndependencies = [\"humanize==4.2.0\"]\n";
    for (path, text) in [
        ("script.py", SCRIPT),
        ("next.py", "print('next')"),
        ("block/script.py", "import humanize"),
        ("block/block.toml", block),
    ] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let begin = |arguments: &[&str]| {
        let mut command = Command::new(command::path());
        command.args(arguments).current_dir(folder.path()).env("DOCKER_HOST", format!("unix://{}", engine.display()));
        home.of(&mut command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // All leases of this home, each with the containers of its host.
    let leases = || -> Vec<String> {
        let entries = std::fs::read_dir(home.state().join("longshore/leases")).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    };
    let containers = |lease: &str, status: &str| {
        let filters = [format!("label=longshore.lease={lease}"), format!("status={status}")];
        docker(&["ps", "--all", "--format", "{{.Names}}", "--filter", &filters[0], "--filter", &filters[1]])
    };
    let mut living = begin(&["run", "script.py", "--engine", "docker"]);
    let lines = BufReader::new(living.stdout.as_mut().unwrap()).lines();
    assert!(lines.map(Result::unwrap).any(|line| line.contains("at work on")));
    let alive = leases().remove(0);
    assert_eq!(containers(&alive, "running").len(), 1);
    for (arguments, name) in [
        (&["run", "next.py", "--engine", "docker"][..], "longshore-"),
        (&["images", "build", "block"][..], "longshore-build-"),
    ] {
        std::fs::write(folder.path().join("stall"), "").unwrap();
        let mut killed = begin(arguments);
        let created = || leases().into_iter().find(|lease| *lease != alive && !containers(lease, "created").is_empty());
        soon("a container that is not started", || created().is_some());
        let dead = created().unwrap();
        assert!(containers(&dead, "created")[0].starts_with(name));
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert_eq!(containers(&dead, "created").len(), 1);
        std::fs::remove_file(folder.path().join("stall")).unwrap();
        let next = begin(&["run", "next.py", "--engine", "docker"]).wait_with_output().unwrap();
        assert!(next.status.success(), "{next:?}");
        soon("what was not started is gone", || containers(&dead, "created").is_empty());
        assert_eq!(containers(&alive, "running").len(), 1);
        soon("no lease but the living one", || {
            drop(begin(&["run", "next.py", "--engine", "docker"]).wait_with_output());
            leases() == [alive.clone()]
        });
    }
    living.kill().unwrap();
    living.wait().unwrap();
    soon("the container is gone", || containers(&alive, "running").is_empty());
}

/// Runs a script of the process engine to its end, which detaches a process and does something to its agent first.
fn detached(act: &str) {
    let folder = tempfile::Builder::new().prefix("killed-").tempdir().unwrap();
    let script = format!(
        "import os, signal, subprocess, sys, time\n\
         child = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n\
         open({:?}, 'w').write(f\"{{child.pid}} {{os.environ['LONGSHORE_SOCKET']}}\")\n\
         {act}\n\
         time.sleep(1000)\n",
        folder.path().join("told").display().to_string()
    );
    std::fs::write(folder.path().join("script.py"), script).unwrap();
    let home = command::Home::new();
    let mut run = Command::new(command::path());
    run.args(["run", "script.py", "--engine", "process", "--timeout", "1s"]).env("TMPDIR", folder.path());
    let output = home.of(&mut run).current_dir(folder.path()).output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    let told = std::fs::read_to_string(folder.path().join("told")).unwrap();
    let (child, socket) = told.split_once(' ').unwrap();
    // Dead, though whoever has it now may not have asked for its end yet.
    let left = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    assert!(left.is_empty() || left.contains(") Z "), "{left:?}: {output:?}");
    assert_eq!(carrying(socket), Vec::<i32>::new(), "{output:?}");
}

/// Processes that have a run's socket in their environment.
fn carrying(socket: &str) -> Vec<i32> {
    let variable = format!("LONGSHORE_SOCKET={socket}");
    let has = |path: PathBuf| {
        let environment = std::fs::read(path.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|found| found == variable.as_bytes())
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let numbered = all.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())));
    numbered.filter(|(_, path)| has(path.clone())).map(|(id, _)| id).collect()
}

#[test]
fn a_script_that_stops_its_agent_leaves_nothing() {
    detached("os.kill(os.getppid(), signal.SIGSTOP)");
}

#[test]
fn a_script_that_kills_its_agent_leaves_nothing() {
    detached("os.kill(os.getppid(), signal.SIGKILL)");
}

#[test]
fn a_script_that_forks_on_and_on_beside_its_stopped_agent_leaves_nothing() {
    // Two that are never the same process for long, in sessions of their own.
    detached(
        "for _ in range(2):\n    if os.fork() == 0:\n        os.setsid()\n        while True:\n            \
         time.sleep(0.02)\n            if os.fork(): os._exit(0)\nos.kill(os.getppid(), signal.SIGSTOP)",
    );
}
