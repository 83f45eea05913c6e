//! Runs one case: lays out its folder, starts the command, feeds and signals it, and collects what it said.

use crate::Suite;
use crate::case::{Case, Signal};
use crate::{command, expect, input};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a command may take beyond its case's deadline before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// The `longshore` command to test.
pub(crate) struct Command(PathBuf);

impl Command {
    /// `LONGSHORE_BIN`, else the release build.
    pub(crate) fn find() -> Result<Self, String> {
        let path = command::path();
        if path.is_file() {
            Ok(Self(path))
        } else {
            Err(format!("`{}` is missing: build it with `cargo build --release`, or set LONGSHORE_BIN", path.display()))
        }
    }
}

/// What a command left to look at.
pub(crate) struct Done {
    /// Its exit status; 128 and more for a signal.
    pub(crate) exit: i32,
    /// Its standard output.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error.
    pub(crate) stderr: String,
    /// How long it took.
    pub(crate) took: Duration,
    /// The most MiB that the command had resident.
    pub(crate) peak_mib: u64,
    /// Whether a resident host made the run.
    pub(crate) is_through_host: bool,
}

/// Runs a case on an engine, in a language, and says what was not as expected.
pub(crate) fn run(suite: &Suite, command: &Command, case: &Case, engine: &str, sdk: &str) -> Result<(), String> {
    let folder = tempfile::Builder::new().prefix("conformance-").tempdir().map_err(|error| error.to_string())?;
    let folder = folder.path();
    let mut process = std::process::Command::new(&command.0);
    process.current_dir(folder).args(case.command.as_deref().unwrap_or("run").split(' '));
    if case.has_program() {
        process.arg(program(suite, case, folder, sdk)?);
    }
    if case.command.is_none() {
        process.args(["--engine", case.engine.as_deref().unwrap_or(engine)]);
        process.args(case.json.then_some("--json"));
    }
    let mut stdin = None;
    for wanted in &case.inputs {
        let placed = input::place(suite, wanted, folder)?;
        process.args((!wanted.plain).then_some("--input")).arg(placed.argument);
        stdin = stdin.or(placed.stdin);
    }
    for output in &case.outputs {
        if let Some(before) = &output.before {
            let path = folder.join(&output.path);
            input::write(&path, before.as_bytes())?;
            let mode = match (output.writable, output.private) {
                (true, _) => Some(0o666),
                (false, true) => Some(0o600),
                (false, false) => None,
            };
            if let Some(mode) = mode {
                std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).map_err(|error| error.to_string())?;
            }
        }
        let path = output.name.as_ref().map_or_else(|| output.path.clone(), |name| format!("{name}={}", output.path));
        if output.passed {
            process.arg("--output").arg(path);
        }
    }
    for (name, value) in &case.options {
        process.arg("--option").arg(format!("{name}={}", option(value)));
    }
    if let Some(text) = &case.options_file {
        input::write(&folder.join("options.json"), text.as_bytes())?;
        process.args(["--options", "options.json"]);
    }
    process.args(case.args.iter().map(|argument| argument.replace("{dir}", &folder.display().to_string())));
    let cases = suite.cases.display().to_string();
    let variables = case.env.iter().map(|(name, value)| (name, value.replace("{cases}", &cases)));
    suite.home.of(&mut process);
    if let Some(resident) = &suite.resident {
        resident.of(&mut process);
    }
    process.envs(variables);
    let expected = case.expected(engine, sdk);
    let mut done = execute(process, stdin, case.signal.as_ref(), Duration::from_secs(expected.within))?;
    done.is_through_host = suite.resident.is_some();
    expect::check(case, expected, folder, &done).map_err(|wrong| {
        let stdout = String::from_utf8_lossy(&done.stdout[..done.stdout.len().min(6000)]).into_owned();
        let stderr = tail(&done.stderr, 6000);
        format!(
            "{}\n--- exit {} after {:?}, stdout:\n{stdout}\n--- stderr:\n{stderr}",
            wrong.join("\n"),
            done.exit,
            done.took
        )
    })
}

/// Lays out what is to run, and says how it is called on the command line.
fn program(suite: &Suite, case: &Case, folder: &Path, sdk: &str) -> Result<PathBuf, String> {
    if let Some(example) = &case.example {
        return Ok(suite.examples.join(example));
    }
    let bare = case.block.is_none() && case.files.is_empty() && case.shared.is_empty();
    let script = case.script_in(sdk);
    let name = if sdk == "r" { "script.R" } else { "script.py" };
    // Manifests are written once, for Python.
    let manifest = |text: &str| {
        if sdk != "r" {
            return text.to_owned();
        }
        let text = text.replace("language = \"python\"", "language = \"r\"").replace("\"PYTHON\"", "\"R\"");
        text.replace("script.py", name)
    };
    if bare {
        let path = folder.join(name);
        input::write(&path, script.unwrap_or_default().as_bytes())?;
        return Ok(case.target.as_ref().map_or(path, PathBuf::from));
    }
    let block = folder.join("block");
    std::fs::create_dir_all(&block).map_err(|error| error.to_string())?;
    let has_manifest = case.files.contains_key("block.toml") || case.files.contains_key("manifest.json");
    if let Some(text) = &case.block {
        input::write(&block.join("block.toml"), manifest(text).as_bytes())?;
    } else if !has_manifest && case.target.is_none() {
        let least = "name = \"case\"\nlanguage = \"python\"\nscript = \"script.py\"\n";
        input::write(&block.join("block.toml"), manifest(least).as_bytes())?;
    }
    if let Some(script) = script {
        input::write(&block.join(name), script.as_bytes())?;
    }
    for (name, text) in &case.files {
        let is_manifest = matches!(name.as_str(), "block.toml" | "manifest.json");
        let text = if is_manifest { manifest(text) } else { text.clone() };
        input::write(&block.join(name), text.as_bytes())?;
    }
    for name in &case.shared {
        let from = suite.cases.join("files").join(name);
        std::fs::copy(&from, block.join(name)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    Ok(case.target.as_ref().map_or(block, PathBuf::from))
}

fn option(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => serde_json::to_string(other).expect("a value of TOML is one of JSON"),
    }
}

fn execute(
    mut process: std::process::Command,
    stdin: Option<Vec<u8>>,
    signal: Option<&Signal>,
    within: Duration,
) -> Result<Done, String> {
    let started = Instant::now();
    process.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    let fed = child.stdin.take().zip(stdin).map(|(mut pipe, bytes)| {
        // A command that refuses its input closes the pipe, and says why itself.
        std::thread::spawn(move || drop(pipe.write_all(&bytes)))
    });
    let stdout = collect(child.stdout.take().expect("piped"));
    let stderr = collect(child.stderr.take().expect("piped"));
    let signalled = signal.map_or(Ok(()), |signal| send(signal, &child, &stderr.0, started + within));
    let (status, peak_mib) = wait(&mut child, started + within + PATIENCE);
    let took = started.elapsed();
    stdout.1.join().expect("collecting does not panic");
    stderr.1.join().expect("collecting does not panic");
    if let Some(fed) = fed {
        fed.join().expect("feeding does not panic");
    }
    let bytes = |shared: &Mutex<Vec<u8>>| std::mem::take(&mut *shared.lock().unwrap());
    let stderr = String::from_utf8_lossy(&bytes(&stderr.0)).into_owned();
    signalled.map_err(|wrong| format!("{wrong}\n--- stderr:\n{}", tail(&stderr, 6000)))?;
    let status = status.map_err(|wrong| format!("{wrong}\n--- stderr:\n{}", tail(&stderr, 6000)))?;
    let exit = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
    Ok(Done { exit, stdout: bytes(&stdout.0), stderr, took, peak_mib, is_through_host: false })
}

type Collected = (Arc<Mutex<Vec<u8>>>, std::thread::JoinHandle<()>);

fn collect(mut pipe: impl Read + Send + 'static) -> Collected {
    let shared = Arc::new(Mutex::new(Vec::new()));
    let target = Arc::clone(&shared);
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 1 << 16];
        while let Ok(count) = pipe.read(&mut buffer) {
            if count == 0 {
                break;
            }
            target.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
    });
    (shared, thread)
}

/// Waits for the marker in standard error, then signals.
fn send(signal: &Signal, child: &Child, stderr: &Mutex<Vec<u8>>, deadline: Instant) -> Result<(), String> {
    let pid = rustix::process::Pid::from_child(child);
    let number = match signal.name.as_str() {
        "INT" => rustix::process::Signal::INT,
        "TERM" => rustix::process::Signal::TERM,
        other => return Err(format!("no signal `{other}` here")),
    };
    while !String::from_utf8_lossy(&stderr.lock().unwrap()).contains(&signal.after) {
        if Instant::now() > deadline {
            return Err(format!("`{}` did not come", signal.after));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for time in 0..signal.times {
        if time > 0 {
            std::thread::sleep(Duration::from_millis(500));
        }
        // A command that has ended between two signals is what the case's expectations are for.
        let _ = rustix::process::kill_process(pid, number);
    }
    Ok(())
}

/// Waits for its end, and for the most MiB that it had resident.
fn wait(child: &mut Child, deadline: Instant) -> (Result<std::process::ExitStatus, String>, u64) {
    let mut peak_mib = 0;
    loop {
        peak_mib = resident_mib(child.id()).max(peak_mib);
        match child.try_wait().map_err(|error| error.to_string()) {
            Ok(Some(status)) => return (Ok(status), peak_mib),
            Ok(None) => {}
            Err(error) => return (Err(error), peak_mib),
        }
        if Instant::now() > deadline {
            let killed = child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string());
            let late = "the command did not end in time and was killed".into();
            return (Err(killed.map_or_else(|error| error, |_| late)), peak_mib);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The most that a process has had resident so far; 0 for one that has ended.
fn resident_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1024
}

fn tail(text: &str, bytes: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}
