//! The house rules that a machine can check: which crate may link which, how many dependencies the agent has, where
//! unsafe code may stand, how long a file may be, and how it starts. The rules themselves are in ARCHITECTURE.md.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod sources;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use sources::{code, host_sources, root, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Of tokio, all but its channels: the feature without which it has no runtime.
const TOKIO: &str = "tokio/rt";

/// A crate, and what must never be linked into it: a crate, or a feature of one. A trailing `*` stands for any ending.
const NEVER: &[(&str, &[&str])] = &[
    (
        "longshore-protocol",
        &["tokio", "arrow-*", "parquet", "pyo3", "pyo3-*", "bollard", "bollard-*", "hyper", "longshore-segment"],
    ),
    (
        "longshore-agent",
        &[
            "tokio",
            "arrow-*",
            "parquet",
            "flatbuffers",
            "pyo3",
            "bollard",
            "longshore-client",
            "longshore-segment",
            "longshore",
        ],
    ),
    ("longshore-segment", &["tokio", "pyo3", "pyo3-*", "bollard", "longshore-client", "longshore", "longshore-agent"]),
    ("longshore-client", &["tokio", "pyo3", "pyo3-*", "extendr-*", "bollard", "longshore", "longshore-agent"]),
    ("longshore-model", &[TOKIO, "bollard*", "hyper", "arrow-*", "parquet", "clap"]),
    ("longshore-os", &[TOKIO, "bollard*", "hyper", "arrow-*", "parquet", "clap"]),
    ("longshore-table", &[TOKIO, "bollard*", "hyper", "clap"]),
    ("longshore-block", &[TOKIO, "bollard*", "hyper", "arrow-*", "parquet", "clap"]),
    ("longshore-config", &[TOKIO, "bollard*", "hyper", "arrow-*", "parquet", "clap"]),
    ("longshore-archive", &[TOKIO, "bollard*", "hyper", "arrow-*", "parquet", "clap"]),
    ("longshore-engine", &["bollard*", "hyper", "arrow-*", "parquet", "clap"]),
    ("longshore-engine-docker", &["arrow-*", "parquet", "clap", "axum"]),
    ("longshore-images", &["bollard*", "hyper", "arrow-*", "parquet", "clap"]),
    ("longshore-store", &[TOKIO, "bollard*", "hyper", "arrow-*", "parquet", "clap", "axum"]),
    ("longshore-run", &["bollard*", "hyper", "clap", "axum", "longshore-client"]),
    (
        "longshore-caller",
        &[
            TOKIO,
            "pyo3",
            "pyo3-*",
            "extendr-*",
            "bollard*",
            "hyper",
            "clap",
            "longshore",
            "longshore-model",
            "longshore-os",
            "longshore-table",
            "longshore-config",
            "longshore-block",
            "longshore-run",
            "longshore-client",
            "longshore-agent",
        ],
    ),
    ("longshore-server", &["clap", "indicatif", "longshore-client", "longshore-agent", "pyo3", "pyo3-*", "extendr-*"]),
    ("longshore-cases", &["bollard*", "hyper", "clap"]),
    ("longshore", &["clap", "indicatif", "axum", "longshore-client", "longshore-agent", "pyo3", "pyo3-*", "extendr-*"]),
    ("longshore-cli", &["longshore-client", "longshore-agent", "pyo3", "pyo3-*", "extendr-*"]),
    ("longshore-python", &["longshore", "longshore-model", "longshore-agent", "tokio", "bollard"]),
    ("longshore-r", &["longshore", "longshore-model", "longshore-agent", "tokio", "bollard"]),
];

/// A crate, and what it must not use itself, though a crate that it links does.
const NEVER_ITSELF: &[(&str, &[&str])] = &[("longshore-cli", &["axum", "bollard", "hyper", "askama", "utoipa"])];

/// PID 1 stays small: fewer direct dependencies than this.
const AGENT_DEPENDENCIES: usize = 10;

/// Lines of one source file, its tests apart.
const LINES_MAX: usize = 400;

fn metadata() -> Metadata {
    let manifest = root().join("Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("`cargo metadata` describes the workspace")
}

/// What a crate is made of along these edges, a crate and its features in each line.
fn tree(packages: &[&str], edges: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}", "--edges", edges])
        .args(packages)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree {packages:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Everything that is linked into a crate, and its features as they are when it is built alone, as `crate/feature`.
fn linked(package: &str) -> BTreeSet<String> {
    let tree = tree(&["--package", package], "normal");
    let mut linked = BTreeSet::new();
    for (described, features) in tree.lines().filter_map(|line| line.split_once('|')) {
        let Some(name) = described.split_whitespace().next().filter(|name| *name != package) else { continue };
        linked.insert(name.to_owned());
        let features = features.split([',', ' ']).filter(|feature| !feature.is_empty() && !feature.starts_with('('));
        linked.extend(features.map(|feature| format!("{name}/{feature}")));
    }
    linked
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

#[test]
fn no_crate_links_what_it_must_not() {
    let members: BTreeSet<String> = metadata().packages.iter().map(|package| package.name.to_string()).collect();
    for (package, forbidden) in NEVER {
        assert!(
            members.contains(*package),
            "the layer table names `{package}`, which the workspace lacks: {members:?}"
        );
        let linked = linked(package);
        for pattern in *forbidden {
            let found: Vec<&String> = linked.iter().filter(|name| matches(pattern, name)).collect();
            assert!(found.is_empty(), "`{package}` links {found:?}, which it must never (`cargo tree -p {package}`)");
        }
    }
}

#[test]
fn no_crate_uses_itself_what_it_must_not() {
    let metadata = metadata();
    for (package, forbidden) in NEVER_ITSELF {
        let found = metadata.packages.iter().find(|found| found.name == *package).expect("the workspace has it");
        for dependency in &found.dependencies {
            assert!(!forbidden.contains(&dependency.name.as_str()), "`{package}` uses `{}` itself", dependency.name);
        }
    }
}

#[test]
fn what_the_command_the_sdks_and_the_tests_share_is_compiled_once() {
    // A crate with other features is another one, and so is every crate that uses it.
    let described = |tree: String| -> BTreeMap<String, BTreeSet<String>> {
        let mut described = BTreeMap::<_, BTreeSet<_>>::new();
        for (name, features) in tree.lines().filter_map(|line| line.split_once('|')) {
            let features = features.trim_end_matches("(*)").trim().to_owned();
            described.entry(name.to_owned()).or_default().insert(features);
        }
        described
    };
    let command = described(tree(&["--package", "longshore-cli"], "normal"));
    let everything = ["--workspace", "--exclude", "longshore-python"];
    for (what, other) in [
        ("longshore-python", described(tree(&["--package", "longshore-python"], "normal"))),
        ("longshore-r", described(tree(&["--package", "longshore-r"], "normal"))),
        ("the tests", described(tree(&everything, "normal,dev"))),
    ] {
        let differing: Vec<String> = other
            .into_iter()
            .filter_map(|(name, own)| {
                let known = command.get(&name).filter(|known| own != **known)?;
                Some(format!("{name}: {own:?} in {what}, {known:?} in the command"))
            })
            .collect();
        assert!(
            differing.is_empty(),
            "name these features in the workspace's table, under \"Features alone\":\n{}",
            differing.join("\n")
        );
    }
}

#[test]
fn each_documented_target_has_a_folder_of_its_own() {
    // Cargo writes the documentation of all targets at once, into folders by name: two of a name remove each other's.
    let mut documented = BTreeMap::<String, BTreeSet<String>>::new();
    for package in metadata().packages {
        for target in package.targets.iter().filter(|target| target.doc) {
            documented.entry(target.name.replace('-', "_")).or_default().insert(package.name.to_string());
        }
    }
    documented.retain(|_, packages| packages.len() > 1);
    assert!(documented.is_empty(), "set `doc = false` for one target of each: {documented:?}");
}

#[test]
fn the_layer_table_knows_every_crate() {
    let known: BTreeSet<&str> = NEVER.iter().map(|(name, _)| *name).chain(["longshore-tests"]).collect();
    for package in metadata().packages {
        assert!(known.contains(package.name.as_str()), "`{}` has no row in the layer table", package.name);
        let folder = package.manifest_path.parent().unwrap().strip_prefix(root().to_str().unwrap()).unwrap();
        let row = format!("| {} | `{folder}` | ", package.name);
        assert!(architecture().contains(&row), "ARCHITECTURE.md has no row `{row}`");
    }
}

fn architecture() -> String {
    std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there")
}

#[test]
fn files_that_the_architecture_names_are_there() {
    let text = architecture();
    let quoted = text.split("```").step_by(2).flat_map(|text| text.split('`').skip(1).step_by(2));
    let folders = ["agent/", "host/", "images/", "sdk-python/", "sdk-r/", "tests/"];
    let named: BTreeSet<&str> = quoted.filter(|name| folders.iter().any(|folder| name.starts_with(folder))).collect();
    assert!(named.len() > 50, "{named:?}");
    // A test is named by its file and its name.
    let missing = named.iter().filter(|name| !root().join(name.split("::").next().unwrap()).exists());
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn the_agent_has_few_dependencies() {
    let metadata = metadata();
    let agent = metadata.packages.iter().find(|package| package.name.as_str() == "longshore-agent").unwrap();
    let direct: Vec<&str> = agent
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.as_str())
        .collect();
    assert!(direct.len() < AGENT_DEPENDENCIES, "the agent has {} dependencies: {direct:?}", direct.len());
}

#[test]
fn versions_stand_in_the_root_alone() {
    for package in metadata().packages {
        let text = std::fs::read_to_string(&package.manifest_path).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
            for (name, dependency) in dependencies {
                let inherited = dependency.get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(inherited, Some(true), "{}: `{name}` must say `workspace = true`", package.manifest_path);
            }
        }
        let lints = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        assert_eq!(lints, Some(true), "{} must inherit the workspace's lints", package.manifest_path);
    }
}

#[test]
fn sources_say_what_they_own_and_stay_short() {
    let mut broken = Vec::new();
    for path in sources("rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.starts_with("//!") {
            broken.push(format!("{} must start with `//!`", path.display()));
        }
        let is_test = path.components().any(|part| part.as_os_str() == "tests");
        let lines = text.split("#[cfg(test)]\nmod ").next().unwrap().lines().count();
        if !is_test && lines > LINES_MAX {
            broken.push(format!("{} has {lines} lines, {LINES_MAX} is the limit", path.display()));
        }
    }
    for path in sources("py") {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = if text.starts_with("#!") { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
        if !code.starts_with("\"\"\"") {
            broken.push(format!("{} must start with a docstring", path.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn unsafe_code_stands_only_where_the_architecture_says() {
    let architecture = architecture();
    let (_, after) = architecture.split_once("<!-- unsafe files -->").expect("ARCHITECTURE.md lists the unsafe files");
    let (list, _) = after.split_once("<!-- end -->").expect("the list of unsafe files ends");
    let named: BTreeSet<String> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let found: BTreeSet<String> = sources("rs")
        .into_iter()
        .filter(|path| has_unsafe(&std::fs::read_to_string(path).unwrap()))
        .map(|path| path.strip_prefix(root()).unwrap().display().to_string())
        .collect();
    assert_eq!(found, named, "left: files with unsafe code; right: files that ARCHITECTURE.md names");
}

#[test]
fn the_host_reads_files_whole_in_one_place() {
    // Whatever is at a path may be a pipe, a device or without an end: `small_file.rs` knows what to do about it.
    let whole = ["fs::read(", "fs::read_to_string("];
    for (path, text) in host_sources() {
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let found =
            code.lines().find(|line| whole.iter().any(|call| line.contains(call)) && !line.contains("\"/proc/"));
        assert!(found.is_none(), "{}: {found:?}: `small_file::read` has a limit", path.display());
    }
}

/// What changes files by their paths. Somebody who can write in a folder above may have put a link there.
const BY_PATH: [&str; 14] = [
    "fs::rename(",
    "fs::write(",
    "fs::create_dir",
    "fs::remove_",
    "fs::copy(",
    "fs::set_permissions(",
    "fs::hard_link(",
    "fs::symlink(",
    "fs::chown(",
    "File::create",
    "File::options(",
    "OpenOptions::new(",
    "DirBuilder::new(",
    "CWD",
];

/// Where that is done all the same, and why it is safe there. A script has another user than the host, wherever it is
/// held; the `process` engine holds nobody.
const CHANGED_BY_PATH: &[(&str, &str)] = &[
    ("cases/src/run.rs", "a locked folder that this user alone can enter"),
    ("cli/src/uninstall.rs", "files of this installation and folders of this user, whose names no script chooses"),
    ("engine/src/sockets.rs", "a file of the kernel's, of a group that a process of the container is in"),
    ("images/src/environment/local/base.rs", "a locked folder of the cache that this user alone can enter"),
    ("images/src/environment/local/certificates.rs", "a folder of the cache, before packages run"),
    ("images/src/environment/local/installer.rs", "a locked folder of the cache that this user alone can enter"),
    ("images/src/environment/local/interpreter.rs", "a folder of the cache"),
    ("images/src/environment/local/python.rs", "a locked folder of the cache that this user alone can enter"),
    ("images/src/environment/local/r.rs", "a locked folder of the cache that this user alone can enter"),
    (
        "images/src/environment/local/environment_cache.rs",
        "a locked folder of the cache that this user alone can enter",
    ),
    ("images/src/fingerprint/cache.rs", "a folder of the state"),
    ("store/src/database.rs", "a folder of the state that this user alone can enter"),
    ("store/src/hosts.rs", "a folder of the state that this user alone can enter"),
    ("store/src/takeover.rs", "an empty folder of the state"),
    ("images/src/pruning/caches.rs", "folders of the cache"),
    ("images/src/pruning/folders.rs", "folders of the cache"),
    ("os/src/locked_folder.rs", "the folder above those of ours, which is opened then"),
    ("engine/src/run_directory/mod.rs", "a socket in a folder that this user alone can enter"),
    ("engine/src/run_directory/waits.rs", "a mark in a folder that this user alone can enter"),
    ("engine/src/run_directory/runs.rs", "the runtime folder, whose owner and mode are looked at then"),
    ("os/src/publish/journal.rs", "a folder of the state that this user alone can enter"),
    ("os/src/publish/unpublished.rs", "`linkat` of an open file, by its number"),
    ("images/src/usage_store.rs", "a folder of the state"),
    ("server/src/outputs.rs", "a folder of the state that this user alone can enter"),
    ("server/src/socket.rs", "a socket and its lock in a folder that this user alone can enter"),
    ("cli/src/unit.rs", "the folder of this user's units"),
    ("engine-docker/src/lease.rs", "a locked folder of the state that this user alone can enter"),
];

/// Whether a line calls this, and not something whose name ends like it.
fn calls(line: &str, call: &str) -> bool {
    line.match_indices(call).any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric()))
}

#[test]
fn files_are_changed_by_descriptors_and_names() {
    let found = host_files_with(|code| code.lines().any(|line| BY_PATH.iter().any(|call| calls(line, call))));
    let known: BTreeSet<String> = CHANGED_BY_PATH.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(
        found, known,
        "left: files that change others by path; right: those with a reason. Use `folder::Folder`"
    );
}

/// Calls that read or change the surroundings of their process: its environment, folder, streams, signals and hooks, and
/// values that all hosts in it would share.
const SURROUNDINGS: [&str; 29] = [
    "env::var",
    "env::args",
    "env::set_",
    "env::remove_",
    "env::temp_dir(",
    "env::home_dir(",
    "env::current_",
    "path::absolute(",
    "tempfile::tempfile(",
    "tempfile::tempdir(",
    "tempfile::spooled_tempfile(",
    "tempfile::Builder",
    "TempDir::",
    "NamedTempFile::new(",
    "NamedTempFile::with_prefix(",
    "NamedTempFile::with_suffix(",
    "stdin()",
    "stdout()",
    "stderr()",
    "print!(",
    "println!(",
    "dbg!(",
    "process::exit(",
    "process::abort(",
    "signal::",
    "panic::set_hook(",
    "thread_local!",
    "static mut ",
    "umask(",
];

/// Types of a `static` that changes.
const CHANGING: [&str; 8] = ["Atomic", "Cell<", "Lazy", "Lock<", "Mutex<", "Once", "Condvar", "Sender<"];

/// Where the library does that all the same, and why.
const OF_THE_PROCESS: &[(&str, &str, &str)] = &[
    ("config/src/given.rs", "path::absolute(", "a variable's relative path, which the command passes"),
    ("images/src/environment/local/interpreter.rs", "path::absolute(", "a relative path of the settings"),
    ("run/src/request/inputs.rs", "path::absolute(", "a caller's relative path, for the record"),
    ("run/src/request/mod.rs", "path::absolute(", "a caller's relative path, for the record"),
    ("table/src/budget.rs", "static HOST", "memory, of which all hosts of a process have the same"),
    ("table/src/budget.rs", "static PIECES", "memory, of which all hosts of a process have the same"),
    ("table/src/guard.rs", "panic::set_hook(", "a process has one hook; outside of a guard it calls the previous one"),
    ("table/src/guard.rs", "static HOOK", "the hook is set once"),
    ("table/src/guard.rs", "thread_local!", "the hook's knowledge of its thread"),
    ("table/src/held.rs", "path::absolute(", "a caller's relative path, which is opened again later"),
];

/// The calls and values of a source that are not its own but its process's.
fn surroundings(source: &str) -> BTreeSet<String> {
    let code = code(source);
    let calls = SURROUNDINGS.iter().filter(|call| code.contains(**call)).map(|call| (*call).to_owned());
    let statics = code.lines().filter_map(|line| {
        let declared = line.split_once("static ").filter(|(before, _)| !before.ends_with(['\'', '&']))?.1;
        let (name, kind) = declared.split_once(':')?;
        CHANGING.iter().any(|changing| kind.contains(changing)).then(|| format!("static {name}"))
    });
    let mut found: BTreeSet<String> = calls.chain(statics).collect();
    if found.contains("thread_local!") {
        // Its values are statics too.
        found.retain(|call| call != "static GUARDED");
    }
    found
}

#[test]
fn the_library_reads_nothing_of_its_process() {
    let library = host_sources().into_iter().filter(|(path, _)| !path.starts_with("cli"));
    let found: BTreeSet<(String, String)> = library
        .flat_map(|(path, source)| {
            surroundings(&source).into_iter().map(move |call| (path.display().to_string(), call))
        })
        .collect();
    let known = OF_THE_PROCESS.iter().map(|(path, call, _)| ((*path).to_owned(), (*call).to_owned())).collect();
    assert_eq!(found, known, "left: what the library takes from its process; right: what has a reason");
}

#[test]
fn what_is_of_a_process_is_found() {
    let wrong = [
        ("fn x() { std::env::var_os(y) }", "env::var"),
        ("use std::env; fn x() { env::temp_dir() }", "env::temp_dir("),
        ("fn x() { std::env::current_dir() }", "env::current_"),
        ("fn x() { let a = '\"'; tempfile::tempfile() }", "tempfile::tempfile("),
        ("fn x() { NamedTempFile::new() }", "NamedTempFile::new("),
        ("fn x() { eprintln!(); }", "println!("),
        ("    static KNOWN: OnceLock<u8> = OnceLock::new();", "static KNOWN"),
        ("pub(crate) static COUNT: AtomicU8 = AtomicU8::new(0);", "static COUNT"),
    ];
    for (source, call) in wrong {
        assert!(surroundings(source).contains(call), "{source}: {:?}", surroundings(source));
    }
    let right = [
        "// std::env::var(x)\nfn x() { \"env::temp_dir()\" }",
        "fn x() { tempfile::tempfile_in(folder) }",
        "static NAMES: &[&str] = &[];",
        "fn x(encoding: &'static Mutex<u8>) {}",
        "fn x() {}\n#[cfg(test)]\nmod tests { fn y() { std::env::temp_dir() } }",
    ];
    for source in right {
        assert_eq!(surroundings(source), BTreeSet::new(), "{source}");
    }
}

#[test]
fn the_host_prints_in_few_places() {
    // They print nothing but `Shown` and its like, or write data to standard output. The library does neither.
    let few = [
        "cli/src/console/pulling.rs",
        "cli/src/console/status.rs",
        "cli/src/printer.rs",
        "cli/src/standard.rs",
        "cli/src/terminal.rs",
        "cli/src/usage.rs",
    ];
    let ways = ["stdout()", "stderr()", "print!(", "println!(", "dbg!(", ".print()", "ProgressBar", "/dev/tty"];
    let found = host_files_with(|code| code.lines().any(|line| ways.iter().any(|way| line.contains(way))));
    assert_eq!(found, few.map(str::to_owned).into(), "left: files that print; right: those that may");
}

#[test]
fn files_of_users_are_replaced_in_one_place() {
    // `publish` keeps modes, follows links and syncs. These rename what is their own, or make a folder that is new.
    let own = [
        "images/src/environment/local/interpreter.rs",
        "images/src/environment/local/environment_cache.rs",
        "os/src/folder/mod.rs",
        "images/src/pruning/folders.rs",
        "run/src/kept.rs",
        "os/src/publish/unpublished.rs",
        "server/src/outputs.rs",
    ];
    let found = host_files_with(|code| code.contains("fs::rename(") || code.contains("renameat("));
    assert_eq!(found, own.map(str::to_owned).into(), "left: files that rename; right: those that may");
}

/// Sources of the host whose code, tests and comments apart, is as is asked.
fn host_files_with(wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let code = |text: &str| {
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
    };
    let found = host_sources().into_iter().filter(|(_, text)| wanted(&code(text)));
    found.map(|(path, _)| path.display().to_string()).collect()
}

#[test]
fn the_images_of_python_differ_in_pandas_alone() {
    let requirements = |name: &str| {
        let text = std::fs::read_to_string(root().join("images").join(name)).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned);
        let (pandas, others): (Vec<String>, Vec<String>) = lines.partition(|line| line.starts_with("pandas=="));
        (pandas, others)
    };
    let (three, others) = requirements("python-requirements.txt");
    let (two, same) = requirements("python-pandas2-requirements.txt");
    assert_eq!(others, same);
    assert!(three[0].starts_with("pandas==3.") && two[0].starts_with("pandas==2."), "{three:?} {two:?}");
}

/// Whether code, comments apart, has an unsafe block, function, trait or attribute.
fn has_unsafe(text: &str) -> bool {
    let starts = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "unsafe extern", "#[unsafe("];
    text.lines()
        .map(|line| line.split("//").next().unwrap())
        .any(|line| starts.iter().any(|start| has_word(line, start)))
}

/// Whether `line` has `word` outside quotes, which is enough for this code.
fn has_word(line: &str, word: &str) -> bool {
    line.find(word).is_some_and(|at| line[..at].matches('"').count().is_multiple_of(2))
}
