//! Settings as people meet them: files in their places, variables, `longshore config show`, and what a mistake does.
//! What may stand in a file is tested in `host/config/src`.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A home folder, a project in it, and nothing else from outside.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::Builder::new().prefix("settings-").tempdir().unwrap());
        fs::create_dir_all(machine.at("project/deep/down")).unwrap();
        machine
    }

    fn at(&self, path: &str) -> PathBuf {
        // Links resolved, as the command sees its current folder.
        self.0.path().canonicalize().unwrap().join(path)
    }

    fn write(&self, path: &str, text: &str) -> String {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Calls the command in a folder, with no variable but these.
    fn call(&self, folder: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        let mut command = Command::new(command::path());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.at("home"));
        command.args(arguments).current_dir(self.at(folder)).envs(variables.iter().copied()).output().unwrap()
    }

    /// Every setting, as `config show --json` has it.
    fn settings(&self, folder: &str, variables: &[(&str, &str)]) -> Vec<Value> {
        let output = self.call(folder, variables, &["config", "show", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The value and source of a setting.
fn setting<'a>(settings: &'a [Value], key: &str) -> (&'a Value, &'a str) {
    let found = settings.iter().find(|setting| setting["key"] == key).unwrap();
    (&found["value"], found["source"].as_str().unwrap())
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let machine = Machine::new();
    let key = "images.disk_budget";
    let budget = |variables: &[(&str, &str)]| {
        let settings = machine.settings("project/deep/down", variables);
        let (value, source) = setting(&settings, key);
        (value.as_u64().unwrap(), source.to_owned())
    };
    let user = machine.write("home/.config/longshore/longshore.toml", "[images]\ndisk_budget = \"2GB\"\n");
    assert_eq!(budget(&[]), (2_000_000_000, user));
    let elsewhere = machine.write("elsewhere/longshore/longshore.toml", "[images]\ndisk_budget = \"2GiB\"\n");
    let folder = machine.at("elsewhere").display().to_string();
    assert_eq!(budget(&[("XDG_CONFIG_HOME", &folder)]), (2 << 30, elsewhere));
    let above = machine.write("project/longshore.toml", "[images]\ndisk_budget = \"3GB\"\n");
    assert_eq!(budget(&[]), (3_000_000_000, above));
    let nearest = machine.write("project/deep/longshore.toml", "images.disk_budget = 4\n");
    assert_eq!(budget(&[]), (4, nearest));
    let named = machine.write("named.toml", "[images]\ndisk_budget = 5\n");
    assert_eq!(budget(&[("LONGSHORE_CONFIG", &named)]), (5, named.clone()));
    let variable = ("LONGSHORE_IMAGES_DISK_BUDGET", "6k");
    assert_eq!(budget(&[("LONGSHORE_CONFIG", &named), variable]), (6 << 10, variable.0.to_owned()));
}

#[test]
fn the_list_stands_in_columns_and_shows_no_password() {
    let machine = Machine::new();
    let text = "[python]\nindex_url = \"https://me:secret@pypi.example.com/simple\"\npip_arguments = [\"--index\", \
                \"t=https://me:secret@h/\"]\n[network]\nca_bundle = \"ca.pem\"\nhttp_proxy = \"me:secret@proxy:3128\"\n";
    let file = machine.write("project/longshore.toml", text);
    let output = machine.call("project", &[("HTTPS_PROXY", "http://me:secret@proxy:3128")], &["config", "show"]);
    let shown = stdout(&output);
    let wanted = [
        ("python.index_url", "https://me:***@pypi.example.com/simple", file.clone()),
        ("python.extra_index_urls", "-", "default".into()),
        ("python.pip_arguments", "--index t=https://me:***@h/", file.clone()),
        ("network.ca_bundle", &machine.at("project/ca.pem").display().to_string(), format!("{file}  (no such file)")),
        ("network.http_proxy", "me:***@proxy:3128", file),
        ("network.https_proxy", "http://me:***@proxy:3128", "HTTPS_PROXY".into()),
        ("images.low_mark", "0.8", "default".into()),
    ];
    for (key, value, source) in wanted {
        let line = shown.lines().find(|line| line.starts_with(&format!("{key} "))).unwrap();
        assert_eq!(narrow(line), narrow(&format!("{key} {value} {source}")));
    }
    let columns: Vec<usize> = shown.lines().filter_map(|line| line.strip_suffix("  default").map(str::len)).collect();
    let usual = columns.iter().min().unwrap();
    assert!(columns.iter().filter(|column| *column == usual).count() > 10, "{shown}");
    let everything = format!("{shown}{:?}", machine.settings("project", &[]));
    assert!(!everything.contains("secret"), "{everything}");
    fs::write(machine.at("project/ca.pem"), "").unwrap();
    assert!(!stdout(&machine.call("project", &[], &["config", "show"])).contains("no such file"));
}

/// A text with one space where there are more.
fn narrow(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_on_settings_shows_what_its_file_makes() {
    let page = fs::read_to_string(command::root().join("docs/settings.md")).unwrap();
    let fenced = |kind: &str| page.split_once(&format!("```{kind}\n")).unwrap().1.split("```").next().unwrap();
    let machine = Machine::new();
    machine.write("project/longshore.toml", fenced("toml"));
    let output = machine.call("project", &[], &["config", "show"]);
    let folder = machine.at("project").display().to_string();
    let shown: Vec<String> =
        stdout(&output).lines().map(|line| narrow(&line.replace(&folder, "/etc/longshore"))).collect();
    for line in fenced("text").lines() {
        assert!(shown.contains(&narrow(line)), "not shown: {line}\n{}", shown.join("\n"));
    }
    let json: Value = serde_json::from_str(fenced("json")).unwrap();
    let settings = machine.settings("project", &[]);
    let (value, source) = setting(&settings, json["key"].as_str().unwrap());
    assert_eq!(value, &json["value"]);
    assert_eq!(source.replace(&folder, "/etc/longshore"), json["source"]);
}

#[test]
fn a_mistake_ends_every_command_before_anything_starts() {
    let machine = Machine::new();
    let file = machine.write("project/longshore.toml", "[images]\ndisk_bugdet = 1\n");
    machine.write("project/script.py", "print('never')\n");
    let commands: &[&[&str]] =
        &[&["config", "show"], &["run", "script.py", "--engine", "process"], &["doctor"], &["images", "list"]];
    for arguments in commands {
        let output = machine.call("project", &[], arguments);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{arguments:?}");
        let said = format!("`{file}`, line 2: unknown key `images.disk_bugdet`: did you mean `disk_budget`?");
        assert!(stderr(&output).contains(&said), "{}", stderr(&output));
    }
    let output = machine.call(".", &[("LONGSHORE_CONFIG", "none.toml")], &["config", "show"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("`none.toml` does not exist, but LONGSHORE_CONFIG names it"),
        "{}",
        stderr(&output)
    );
    let output = machine.call(".", &[("LONGSHORE_CONFIG", "project")], &["config", "show"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot read the settings in `project`"), "{}", stderr(&output));
    let secret = "https:/me:secret@host";
    let output = machine.call(".", &[("PIP_INDEX_URL", secret)], &["config", "show"]);
    assert!(stderr(&output).contains("PIP_INDEX_URL is"), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(2));
    assert!(!stderr(&output).contains("secret"), "{}", stderr(&output));
}

#[test]
fn a_block_is_not_trusted_with_settings() {
    let machine = Machine::new();
    machine.write("block/longshore.toml", "[images]\npython = \"evil/image\"\nnonsense = 1\n");
    machine.write("block/script.py", "print('hello')\n");
    let output = machine.call("project", &[], &["check", "../block/script.py"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let settings = machine.settings("project", &[]);
    assert_eq!(setting(&settings, "images.python").1, "default");
}

#[test]
fn settings_of_files_reach_runs_and_arguments_win_over_them() {
    let machine = Machine::new();
    let file = machine
        .write("project/longshore.toml", "[images]\npython = \"longshore-test/from-settings:1\"\npull = \"never\"\n");
    machine.write("project/script.py", "print('never')\n");
    let run = |more: &[&str]| {
        let output = machine.call("project", &[], &[&["run", "script.py", "--engine", "docker"], more].concat());
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        stderr(&output)
    };
    assert!(run(&[]).contains("longshore-test/from-settings:1"), "{}", run(&[]));
    let said = run(&["--image", "longshore-test/from-argument:1"]);
    assert!(said.contains("longshore-test/from-argument:1") && !said.contains("from-settings"), "{said}");
    let doctor = stdout(&machine.call("project", &[], &["doctor"]));
    assert!(doctor.starts_with(&format!("ok       settings: `{file}`\n")), "{doctor}");
    assert!(doctor.contains("missing  Python image: "), "{doctor}");
}

#[test]
fn doctor_says_where_a_missing_bundle_was_named() {
    let machine = Machine::new();
    let output = machine.call("project", &[("SSL_CERT_FILE", "/nowhere/ca.pem")], &["doctor"]);
    assert_eq!(output.status.code(), Some(3));
    let said = "missing  setting `network.ca_bundle`: no such file: `/nowhere/ca.pem`, from SSL_CERT_FILE\n";
    assert!(stdout(&output).contains(said), "{}", stdout(&output));
    assert!(!Path::new("/nowhere").exists());
}

#[test]
fn the_engine_is_that_of_dockers_current_context() {
    let machine = Machine::new();
    // The folder of a context is named by the digest of its name: `printf team | sha256sum`.
    let digest = "ca8b22d0db83a22db163b560b3e4e51527e533d31d067b614a0c33c4d2df8432";
    let host = |socket: &str| format!("{{\"Name\":\"team\",\"Endpoints\":{{\"docker\":{{\"Host\":\"{socket}\"}}}}}}");
    let meta = format!("docker/contexts/meta/{digest}/meta.json");
    machine.write(&meta, &host("unix:///nowhere/team.sock"));
    machine.write("docker/config.json", "{\"currentContext\":\"team\"}");
    let docker = machine.at("docker").display().to_string();
    let socket = |variables: &[(&str, &str)]| {
        let variables = [&[("DOCKER_CONFIG", docker.as_str())], variables].concat();
        let settings = machine.settings("project", &variables);
        setting(&settings, "engine.socket").0.as_str().unwrap().to_owned()
    };
    assert_eq!(socket(&[]), "/nowhere/team.sock");
    assert_eq!(socket(&[("DOCKER_CONTEXT", "default")]), "/var/run/docker.sock");
    assert_eq!(socket(&[("DOCKER_HOST", "unix:///nowhere/other.sock")]), "/nowhere/other.sock");
    machine.write("docker/config.json", "{}");
    assert_eq!(socket(&[]), "/var/run/docker.sock");
    assert_eq!(socket(&[("DOCKER_CONTEXT", "team")]), "/nowhere/team.sock");
    machine.write(&meta, &host("ssh://team.example"));
    assert_eq!(socket(&[("DOCKER_CONTEXT", "team")]), "/var/run/docker.sock");
    // Where an engine is named, a script never runs without isolation by itself.
    machine.write(&meta, &host("unix:///nowhere/team.sock"));
    machine.write("project/script.py", "print('never')\n");
    let variables = [("DOCKER_CONFIG", docker.as_str()), ("DOCKER_CONTEXT", "team")];
    let output = machine.call("project", &variables, &["run", "script.py"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("`/nowhere/team.sock` is named as the socket"), "{}", stderr(&output));
}

#[test]
fn a_variable_that_is_almost_a_setting_is_reported() {
    let machine = Machine::new();
    let misspelt = [("LONGSHORE_PYHTON", "x"), ("LONGSHORE_OF_ANOTHER_PROGRAM", "x")];
    let output = machine.call("project", &misspelt, &["config", "show"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "note: `LONGSHORE_PYHTON` is not a setting: did you mean `LONGSHORE_PYTHON`?\n");
    let doctor = stdout(&machine.call("project", &misspelt, &["doctor"]));
    assert!(doctor.contains("optional variable: `LONGSHORE_OF_ANOTHER_PROGRAM` is not a setting\n"), "{doctor}");
}
