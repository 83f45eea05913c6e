//! `longshore fingerprint` on images, blocks and saved fingerprints, and the hashes in a run's record: what is the same
//! has the same hash, and each change is seen in the one hash that it belongs to. Images may say what they like.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod engine;

use command::{path, root};
use engine::docker;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A folder with state of its own, in which the command is called.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("fingerprint-").tempdir().unwrap())
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(path());
        command.args(arguments).current_dir(self.folder());
        command.env("XDG_STATE_HOME", self.folder().join("state")).env("XDG_CACHE_HOME", self.folder().join("cache"));
        command
    }

    fn call(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Calls the command, which must end with this exit status, and gives what it prints.
    fn printed(&self, arguments: &[&str], status: i32) -> String {
        let output = self.call(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str], status: i32) -> Value {
        serde_json::from_str(&self.printed(&[arguments, &["--json"]].concat(), status)).unwrap()
    }

    /// What is said about something that does not work.
    fn refused(&self, arguments: &[&str], status: i32) -> String {
        let output = self.call(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
        said
    }
}

/// An image of a test's own. It goes with the test.
struct Image(String);

impl Image {
    /// An image made of another by a command of root's.
    fn changed(name: &str, from: &str, command: &str) -> Self {
        let image = Self::named(name);
        let container = image.0.replace(['/', ':'], "-");
        let run =
            ["run", "--name", &container, "--user", "0", "--network", "none", "--entrypoint", "/bin/sh", from, "-c"];
        docker(&[&run[..], &[command]].concat());
        docker(&["commit", "--change", "USER 4356:4357", &container, &image.0]);
        docker(&["rm", &container]);
        image
    }

    fn named(name: &str) -> Self {
        Self(format!("longshore-test/fingerprint-{name}:{}", std::process::id()))
    }

    /// The containers that are made of it.
    fn containers(&self) -> String {
        docker(&["ps", "--all", "--quiet", "--filter", &format!("ancestor={}", self.0)])
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rmi", "--force", &self.0]).output();
    }
}

fn ours(name: &str) -> String {
    format!("longshore/{name}:{VERSION}")
}

fn lines(fingerprint: &Value) -> Vec<&str> {
    fingerprint["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect()
}

/// SHA-256 of a text, made by another program.
fn sha256(text: &str) -> String {
    let mut sum = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    sum.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(sum.wait_with_output().unwrap().stdout).unwrap()[..64].to_owned()
}

#[test]
fn images_say_what_is_in_them() {
    let bench = Bench::new();
    let has = |found: &Value, start: &str| lines(found).iter().any(|line| line.starts_with(start));
    let images = [
        (ours("python"), &["python 3.", "pip numpy ", "pip longshore ", "pip pandas 3."][..], &["r "][..]),
        (
            ours("r"),
            &["r 4.", "r-package longshore ", "r-package data.table ", "r-package base "],
            &["python ", "pip "],
        ),
        (ours("base"), &[], &["python ", "pip ", "r ", "r-package "]),
        ("debian:bookworm-slim".into(), &[], &["python ", "pip ", "r ", "r-package "]),
    ];
    for (image, there, not_there) in &images {
        let found = bench.json(&["fingerprint", image], 0);
        for start in ["architecture ", "os debian 12.", "deb libc6 ", "deb dpkg "].iter().chain(*there) {
            assert!(has(&found, start), "{image} lacks `{start}`: {found}");
        }
        for start in *not_there {
            assert!(!has(&found, start), "{image} has `{start}`");
        }
        let text: String =
            ["longshore-fingerprint 1"].iter().chain(&lines(&found)).map(|line| format!("{line}\n")).collect();
        assert_eq!(found["hash"], sha256(&text), "{image}");
        // What is remembered says the same, and what is damaged is made again.
        let id = found["image"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
        let kept = bench.folder().join("state/longshore/fingerprints").join(format!("{id}.json"));
        assert_eq!(bench.json(&["fingerprint", image], 0), found);
        fs::write(&kept, "{\"lines\":").unwrap();
        assert_eq!(bench.json(&["fingerprint", image], 0), found);
        assert!(fs::metadata(kept).unwrap().len() > 1000);
    }
}

#[test]
fn a_block_has_the_fingerprint_of_where_it_would_run() {
    let bench = Bench::new();
    bench.write("script.py", "");
    bench.write("script.R", "");
    bench.write(
        "own/block.toml",
        "name = \"b\"\nlanguage = \"python\"\nscript = \"s.py\"\nimage = \"debian:bookworm-slim\"\ninstall_api = false\n",
    );
    bench.write("own/s.py", "");
    for (block, image) in
        [("script.py", ours("python")), ("script.R", ours("r")), ("own", "debian:bookworm-slim".into())]
    {
        assert!(bench.printed(&["fingerprint", block, &image], 0).ends_with(&format!("the same in {image}\n")));
    }
    for (block, is_there, is_not) in [("script.py", "python", "r"), ("script.R", "r", "python")] {
        let found = bench.json(&["fingerprint", block, "--engine", "process"], 0);
        assert_eq!(found["image"], Value::Null);
        let kinds: Vec<&str> = lines(&found).iter().map(|line| line.split_once(' ').unwrap().0).collect();
        assert!(kinds.contains(&is_there) && !kinds.contains(&is_not), "{found}");
        assert!(kinds.contains(&"deb") && kinds.contains(&"os"));
    }
}

#[test]
fn two_of_them_differ_where_something_else_is_installed() {
    let bench = Bench::new();
    let (three, two) = (ours("python"), ours("python-pandas2"));
    let printed = bench.printed(&["fingerprint", &three, &two], 1);
    let (head, rest) = printed.split_once("\n\n").unwrap();
    assert!(head.starts_with("first   ") && head.contains(&format!("{three}\nsecond  ")) && head.ends_with(&two));
    assert!(rest.starts_with("pip\n  pandas 3.") && rest.contains(" -> 2.") && rest.contains(" only in the second\n"));
    assert!(!rest.contains("numpy") && !rest.contains("deb"), "{rest}");
    fs::write(bench.folder().join("then.json"), bench.printed(&["fingerprint", &three, "--json"], 0)).unwrap();
    let same = bench.json(&["fingerprint", "then.json", &three], 0);
    assert_eq!((&same["same"], &same["differences"]), (&true.into(), &Value::Array(Vec::new())));
    let differ = bench.json(&["fingerprint", &two, "then.json"], 1);
    assert_eq!(differ["same"], false);
    assert_ne!(differ["first"]["hash"], differ["second"]["hash"]);
    let pandas = differ["differences"].as_array().unwrap().iter().find(|one| one["name"] == "pandas").unwrap();
    assert_eq!(pandas["kind"], "pip");
    assert!(
        pandas["first"].as_str().unwrap().starts_with("2.") && pandas["second"].as_str().unwrap().starts_with("3.")
    );
}

#[test]
fn what_is_no_subject_is_told() {
    let bench = Bench::new();
    let nothing =
        "`none` is neither a path (a block's folder, a script, a lock, a fingerprint saved as .json) nor an image";
    assert!(bench.refused(&["fingerprint", "none"], 2).contains(nothing));
    assert!(bench.refused(&["fingerprint", "No Image!"], 2).contains("`No Image!` is neither a path"));
    assert!(bench.refused(&["fingerprint", "none.json"], 2).contains("`none.json` is neither a path"));
    let without = bench.refused(&["fingerprint", "debian:bookworm-slim", "--engine", "process"], 2);
    assert!(
        without.contains("`debian:bookworm-slim` is not a block, and the engine `process` has no images"),
        "{without}"
    );
    bench.write("debian/x", "");
    let folder = bench.refused(&["fingerprint", "debian"], 2);
    assert!(folder.contains("`debian` is a path, but not a block; for an image of that name"), "{folder}");
    bench.write(
        "own/block.toml",
        "name = \"b\"\nlanguage = \"python\"\nscript = \"s.py\"\nimage = \"longshore-test/none:1\"\n",
    );
    bench.write("own/s.py", "");
    let gone = bench.refused(&["fingerprint", "own"], 2);
    assert!(gone.contains("the image `longshore-test/none:1` of the block `own` does not exist"), "{gone}");
    bench.write(
        "own/block.toml",
        "name = \"b\"\nlanguage = \"python\"\nscript = \"s.py\"\ndependencies = [\"none-such-1f2e\"]\n",
    );
    let unmade = bench.refused(&["fingerprint", "own"], 2);
    assert!(unmade.contains("the image `longshore/environment:") && unmade.contains("does not exist"), "{unmade}");
    let mut saved = bench.json(&["fingerprint", "debian:bookworm-slim"], 0);
    saved["lines"][0] = "architecture s390x".into();
    bench.write("changed.json", &saved.to_string());
    let changed = bench.refused(&["fingerprint", "changed.json"], 2);
    assert!(
        changed.contains("`changed.json` is not a valid fingerprint: its hash does not match its lines"),
        "{changed}"
    );
    for text in ["", "[]", "{}", "{\"format\": \"\\u001b[2J\", \"hash\": \"\", \"lines\": []}"] {
        bench.write("other.json", text);
        let said = bench.refused(&["fingerprint", "other.json"], 2);
        assert!(said.contains("`other.json` is not a valid fingerprint: ") && !said.contains('\u{1b}'), "{said}");
    }
}

#[test]
fn an_image_may_say_what_it_likes() {
    let images = [
        ("nonsense", "#!/bin/sh\necho longshore:pip", "has an invalid line: `pip`"),
        ("endless", "#!/bin/sh\nwhile :; do echo longshore:pip; done", "exceeds 8388608 bytes"),
        ("zeros", "#!/bin/sh\nexec cat /dev/zero", "exceeds 8388608 bytes"),
        ("broken", "#!/bin/sh\nprintf 'n\\033[2Jo\\n' >&2\nexit 1", "`python3` failed: n [2Jo"),
        (
            "confined",
            "#!/bin/sh\n{ id -u; sed -n s/CapEff//p /proc/self/status; ls /sys/class/net; touch /x; } >&2\nexit 1",
            "`python3` failed: 4356 : 0000000000000000 lo touch: cannot touch '/x': Read-only file system",
        ),
        ("killer", "#!/bin/sh\nkill -9 $PPID", "ended early: "),
    ];
    for (name, program, said) in images {
        let bench = Bench::new();
        let python = "/usr/local/bin/python3";
        let command = format!("cat >{python} <<'EOF'\n{program}\nEOF\nchmod 755 {python}");
        let image = Image::changed(name, &ours("base"), &command);
        let told = bench.refused(&["fingerprint", &image.0], 3);
        assert!(told.contains(said) && told.contains(&image.0) && !told.contains('\u{1b}'), "{told}");
        assert_eq!(image.containers(), "");
        assert!(!bench.folder().join("state/longshore/fingerprints").exists());
    }
    let image = Image::named("noshell");
    let mut import = Command::new("docker")
        .args(["import", "-", &image.0])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let archive = Command::new("tar").args(["-c", "-C", root().to_str().unwrap(), "LICENSE"]).output().unwrap().stdout;
    import.stdin.take().unwrap().write_all(&archive).unwrap();
    assert!(import.wait().unwrap().success());
    let told = Bench::new().refused(&["fingerprint", &image.0], 3);
    assert!(told.contains("it has no `/bin/sh`; a fingerprint needs `sh`"), "{told}");
    assert_eq!(image.containers(), "");
}

/// Waits until a container of an image is running, or there is none in any state.
fn wait_for_containers(image: &Image, some: bool) {
    let (begun, ancestor) = (Instant::now(), format!("ancestor={}", image.0));
    let running = || docker(&["ps", "--quiet", "--filter", &ancestor, "--filter", "status=running"]);
    while if some { running().is_empty() } else { !image.containers().is_empty() } {
        assert!(begun.elapsed() < Duration::from_secs(60), "containers: `{}`", image.containers());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_image_that_takes_for_ever_is_not_waited_for_and_leaves_nothing() {
    let slow = "printf '#!/bin/sh\nexec sleep 1000\n' >/usr/local/bin/Rscript && chmod 755 /usr/local/bin/Rscript";
    let image = Image::changed("slow", &ours("python"), slow);
    let bench = Bench::new();
    let mut killed = bench.command(&["fingerprint", &image.0]).spawn().unwrap();
    wait_for_containers(&image, true);
    killed.kill().unwrap();
    killed.wait().unwrap();
    wait_for_containers(&image, false);
    bench.write("script.py", COPY);
    bench.write("in.csv", "a\n1\n");
    let run = ["run", "script.py", "-q", "--engine", "docker", "--image", &image.0, "-i", "in.csv", "-o", "out.csv"];
    let record = bench.json(&run, 0);
    assert_eq!(record["fingerprint"], Value::Null);
    let said = record["notes"][0].as_str().unwrap();
    assert!(said.starts_with("the environment has no fingerprint: it was not taken in time"), "{said}");
    assert!(record["code_hash"].is_string() && record["data_hashes"][0].is_string());
    wait_for_containers(&image, false);
}

const COPY: &str = "from longshore.api import Api\napi = Api()\n\
    api.write_output_records(api.read_input_records())\napi.close()\n";

const BLOCK: &str = "name = \"copy\"\nlanguage = \"python\"\nscript = \"script.py\"\n\n\
    [[options]]\nname = \"secret\"\nkind = \"password\"\n";

/// The hashes of code, data and environment of a run.
fn hashes(bench: &Bench, arguments: &[&str]) -> [Value; 3] {
    let run = ["run", "copy", "-q", "-i", "in.csv", "-o", "out.csv"];
    let record = bench.json(&[&run[..], arguments].concat(), 0);
    assert_eq!(record["notes"], Value::Array(Vec::new()), "{record}");
    assert!(!record.to_string().contains("hunter2"));
    ["code_hash", "data_hashes", "fingerprint"].map(|key| record[key].clone())
}

#[test]
fn each_change_of_a_run_is_seen_in_the_hash_it_belongs_to() {
    let package = "/opt/longshore/python/lib/python3.11/site-packages/added-1.0.dist-info";
    let origin = r#"{"url": "https://example.org/added.git", "vcs_info": {"vcs": "git", "commit_id": "1f2e"}}"#;
    let metadata = format!(
        "mkdir {package} && printf 'Name: Added.Package\\nVersion: 1.0\\n' >{package}/METADATA && \
         echo '{origin}' >{package}/direct_url.json"
    );
    let changed = Image::changed("package", &ours("python"), &metadata);
    // Another image, with the same in it.
    let touched = Image::changed("touched", &ours("python"), "date >/opt/touched");
    for engine in ["docker", "process"] {
        let bench = Bench::new();
        bench.write("copy/block.toml", BLOCK);
        bench.write("copy/script.py", COPY);
        bench.write("in.csv", "a\n1\n");
        let engine = ["--engine", engine];
        let with = |more: &[&str]| hashes(&bench, &[&engine[..], more].concat());
        let [code, data, environment] = with(&[]);
        assert_eq!(data, serde_json::json!([sha256("a\n1\n")]));
        let there = bench.json(&[&["fingerprint", "copy"], &engine[..]].concat(), 0);
        assert_eq!(environment, there["hash"]);
        // No password is in any of them.
        let same = [code.clone(), data.clone(), environment.clone()];
        assert_eq!(with(&["--option", "secret=hunter2"]), same);
        assert_eq!(with(&["--partition-by", "a"]), same);
        if engine[1] == "docker" {
            assert_eq!(with(&["--image", &touched.0]), same);
            let [same_code, same_data, other] = with(&["--image", &changed.0]);
            assert_eq!((&same_code, &same_data), (&code, &data));
            assert_ne!(other, environment);
            let printed = bench.printed(&["fingerprint", "copy", &changed.0], 1);
            assert!(printed.ends_with("\n\npip\n  added-package 1.0@1f2e only in the second\n"), "{printed}");
        }
        bench.write("in.csv", "a\n2\n");
        let [same_code, other, same_environment] = with(&[]);
        assert_eq!((&same_code, &same_environment), (&code, &environment));
        assert_ne!(other, data);
        bench.write("in.csv", "a\n1\n");
        bench.write("copy/more.py", "");
        let [other, same_data, same_environment] = with(&[]);
        assert_eq!((&same_data, &same_environment), (&data, &environment));
        assert_ne!(other, code);
        fs::remove_file(bench.folder().join("copy/more.py")).unwrap();
        assert_eq!(with(&[]), same);
    }
}
