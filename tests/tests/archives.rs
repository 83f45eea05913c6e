//! Images as archives, with a real engine: written, taken in again, and refused. What the check of an archive says to
//! each kind of damage is tested beside it, in `host/archive/src/tests`; here it is what becomes of the engine's images.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod engine;

use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder, with the user's state in it, and the names that go with it.
struct Bench {
    folder: TempDir,
    names: RefCell<Vec<String>>,
}

/// How a command ended.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("archives-").tempdir().unwrap();
        Self { folder, names: RefCell::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(command::path());
        command.args(arguments).current_dir(self.folder.path());
        command.env("XDG_STATE_HOME", self.path("state")).env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    fn longshore(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    /// A name that is removed with this, whatever image has it.
    fn remember(&self, name: &str) -> String {
        self.names.borrow_mut().push(name.to_owned());
        name.to_owned()
    }

    /// Makes a tiny image that no other test has, and gives its name and id.
    fn image(&self, name: &str, labels: &[(&str, &str)]) -> (String, String) {
        let own = self.folder.path().file_name().unwrap().to_str().unwrap().to_lowercase().replace('-', "");
        let name = self.remember(&format!("longshore-test/{own}:{name}"));
        let mut layer = tar::Builder::new(std::fs::File::create(self.path("layer.tar")).unwrap());
        for (path, content) in [("etc/name", name.as_bytes()), ("usr/data", &[7; 100_000])] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            layer.append_data(&mut header, path, content).unwrap();
        }
        layer.finish().unwrap();
        let mut arguments = vec!["import".to_owned()];
        for (label, value) in labels {
            arguments.extend(["--change".to_owned(), format!("LABEL {label}={value}")]);
        }
        arguments.extend([self.path("layer.tar").display().to_string(), name.clone()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let id = docker(&arguments).unwrap();
        (name, id)
    }

    /// What `docker save` makes of an image, part by part.
    fn saved(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let path = self.path("saved.tar");
        docker(&["save", "-o", path.to_str().unwrap(), name]).unwrap();
        let mut archive = tar::Archive::new(std::fs::File::open(&path).unwrap());
        let entries =
            archive.entries().unwrap().map(Result::unwrap).filter(|entry| entry.header().entry_type().is_file());
        let mut parts = BTreeMap::new();
        for mut entry in entries {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            parts.insert(entry.path().unwrap().display().to_string(), content);
        }
        parts
    }

    fn write(&self, name: &str, parts: &BTreeMap<String, Vec<u8>>) {
        let mut archive = tar::Builder::new(std::fs::File::create(self.path(name)).unwrap());
        for (name, content) in parts {
            let mut header = tar::Header::new_gnu();
            // Past the library's own check.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            archive.append(&header, content.as_slice()).unwrap();
        }
        archive.finish().unwrap();
    }

    /// Sees that an archive is refused, with such a status and such words, and that no image came of it.
    fn refused(&self, archive: &str, id: &str, code: i32, said: &str) {
        let ended = self.longshore(&["images", "import", archive]);
        assert_eq!(ended.code, code, "{archive}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(said), "{archive}: {}", ended.stderr);
        assert_eq!((ended.stdout.as_str(), id_of(id), id_of(&imported(id))), ("", None, None), "{archive}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for name in self.names.borrow().iter() {
            let _ = docker(&["rmi", name]);
        }
    }
}

fn docker(arguments: &[&str]) -> Result<String, String> {
    let ended = Ended::from(Command::new("docker").args(arguments).output().unwrap());
    if ended.code == 0 { Ok(ended.stdout.trim().to_owned()) } else { Err(ended.stderr) }
}

fn id_of(reference: &str) -> Option<String> {
    engine::has_image(reference).then(|| docker(&["image", "inspect", "--format", "{{.Id}}", reference]).unwrap())
}

/// The name that an image of an id gets when it is taken in.
fn imported(id: &str) -> String {
    format!("longshore/imported:{}", &id["sha256:".len()..][..32])
}

/// What must be the same before and after: layers, labels, command, when it was made.
fn described(id: &str) -> Value {
    let text = docker(&["image", "inspect", id]).unwrap();
    let described: Value = serde_json::from_str(&text).unwrap();
    let parts = ["Id", "RootFS", "Config", "Created", "Architecture", "Os"];
    parts
        .into_iter()
        .map(|part| (part.to_owned(), described[0][part].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn an_image_is_the_same_after_its_archive() {
    let bench = Bench::new();
    for (archive, form) in [("a.tar", None), ("b.tar.gz", None), ("c.tar", Some("--oci")), ("d.tar.zst", Some("--oci"))]
    {
        let (name, id) = bench.image("same", &[("longshore.test", "a"), ("org.example", "b")]);
        let before = described(&id);
        std::fs::create_dir_all(bench.path("out")).unwrap();
        let path = format!("out/{archive}");
        std::fs::write(bench.path(&path), "as before").unwrap();
        let mut arguments = vec!["images", "export", &name, "-o", &path];
        arguments.extend(form);
        let exported = bench.longshore(&arguments);
        assert_eq!(exported.code, 0, "{}", exported.stderr);
        let size = std::fs::metadata(bench.path(&path)).unwrap().len();
        assert_eq!(exported.stdout, format!("{path}: {name} ({id}), {size} bytes\n"));
        let first = std::fs::read(bench.path(&path)).unwrap();
        assert_eq!(bench.longshore(&arguments).code, 0);
        assert!(std::fs::read(bench.path(&path)).unwrap() == first, "{path} differs each time");

        docker(&["rmi", &name]).unwrap();
        assert_eq!(id_of(&id), None);
        let here = bench.remember(&imported(&id));
        let taken = bench.longshore(&["images", "import", &path]);
        assert_eq!(taken.code, 0, "{}", taken.stderr);
        assert!(taken.stdout.starts_with(&format!("{here}: {id}, ")), "{}", taken.stdout);
        assert!(taken.stdout.ends_with(&format!(": longshore run BLOCK --image {here}\n")), "{}", taken.stdout);
        assert_eq!(described(&here), before);
        assert_eq!(id_of(&name), None, "the name in the archive came with it");
        let again = bench.longshore(&["images", "import", &path]);
        assert!(
            again.code == 0 && again.stdout.starts_with(&format!("{here}: already present, {id}")),
            "{}",
            again.stdout
        );
        docker(&["rmi", &here]).unwrap();
    }
    assert_eq!(names(&bench.path("out")), ["a.tar", "b.tar.gz", "c.tar", "d.tar.zst"]);
}

#[test]
fn archives_go_through_pipes_and_other_engines_take_them() {
    let bench = Bench::new();
    let (name, id) = bench.image("piped", &[]);
    let here = bench.remember(&imported(&id));
    let exporting = bench.command(&["images", "export", &id, "-o", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    let whole = exporting.wait_with_output().unwrap();
    assert!(whole.status.success());
    std::fs::write(bench.path("piped.tar"), &whole.stdout).unwrap();
    docker(&["rmi", &name]).unwrap();
    let loaded = docker(&["load", "-i", bench.path("piped.tar").to_str().unwrap()]).unwrap();
    assert_eq!((loaded, id_of(&name)), (format!("Loaded image: {name}"), Some(id.clone())));
    docker(&["rmi", &name]).unwrap();
    let archive = std::fs::File::open(bench.path("piped.tar")).unwrap();
    let mut cat = Command::new("cat").stdin(archive).stdout(Stdio::piped()).spawn().unwrap();
    let taken = bench.command(&["images", "import", "-"]).stdin(cat.stdout.take().unwrap()).output().unwrap();
    cat.wait().unwrap();
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    assert_eq!(id_of(&here), Some(id));
}

#[test]
fn one_archive_is_taken_in_by_many_at_once() {
    let bench = Bench::new();
    let (name, id) = bench.image("many", &[]);
    let here = bench.remember(&imported(&id));
    assert_eq!(bench.longshore(&["images", "export", &name, "-o", "a.tar"]).code, 0);
    docker(&["rmi", &name]).unwrap();
    let at_once = |state: fn(usize) -> String| -> Vec<Ended> {
        let begun = |at: usize| {
            let mut command = bench.command(&["images", "import", "a.tar"]);
            command.env("XDG_STATE_HOME", bench.path(&state(at))).stdout(Stdio::piped()).spawn().unwrap()
        };
        let all: Vec<_> = (0..4).map(begun).collect();
        all.into_iter().map(|import| import.wait_with_output().unwrap().into()).collect()
    };
    let ended = at_once(|_| "state".into());
    assert!(ended.iter().all(|one| one.code == 0 && one.stdout.contains(&id)));
    assert_eq!(ended.iter().filter(|one| !one.stdout.contains("already present")).count(), 1);
    assert_eq!(id_of(&here), Some(id.clone()));
    // Users have locks of their own.
    for _ in 0..4 {
        docker(&["rmi", &here]).unwrap();
        let ended = at_once(|at| format!("state {at}"));
        assert!(ended.iter().all(|one| one.code == 0 && one.stdout.contains(&id)));
        assert_eq!(id_of(&here), Some(id.clone()));
        let passing = docker(&["images", "-q", "--filter", "reference=longshore/incoming:*"]).unwrap();
        assert!(!passing.lines().any(|left| id.contains(left)), "{passing}");
    }
}

#[test]
fn what_is_damaged_or_hostile_changes_nothing() {
    let bench = Bench::new();
    let (name, id) = bench.image("damaged", &[]);
    let parts = bench.saved(&name);
    docker(&["rmi", &name]).unwrap();
    bench.write("whole.tar", &parts);
    let whole = std::fs::read(bench.path("whole.tar")).unwrap();

    for length in [0, 1, 511, 512, 3000, whole.len() / 2, whole.len() - 1024, whole.len() - 1] {
        std::fs::write(bench.path("cut.tar"), &whole[..length]).unwrap();
        let said = if length < 512 { "it is not a tar archive" } else { "it is cut off" };
        bench.refused("cut.tar", &id, 2, said);
    }
    let mut changed = whole.clone();
    let at = changed.windows(64).position(|bytes| bytes == [7; 64]).unwrap();
    changed[at] ^= 1;
    std::fs::write(bench.path("changed.tar"), changed).unwrap();
    bench.refused("changed.tar", &id, 2, "is damaged: its digest is `sha256:");
    bench.refused("nowhere.tar", &id, 2, "No such file or directory");

    let mut escaping = parts.clone();
    escaping.insert("../../tmp/longshore-was-here".into(), b"x".to_vec());
    bench.write("escaping.tar", &escaping);
    bench.refused("escaping.tar", &id, 2, "the name `../../tmp/longshore-was-here` leads out of its folder");

    // A configuration that is not named by its digest can say anything.
    let with_config = |archive: &str, change: &dyn Fn(&mut Value)| {
        let mut parts = parts.clone();
        let mut manifest: Value = serde_json::from_slice(&parts["manifest.json"]).unwrap();
        let config = manifest[0]["Config"].as_str().unwrap().to_owned();
        let mut said: Value = serde_json::from_slice(&parts.remove(&config).unwrap()).unwrap();
        change(&mut said);
        manifest[0]["Config"] = json!("config.json");
        parts.insert("config.json".into(), said.to_string().into_bytes());
        parts.insert("manifest.json".into(), manifest.to_string().into_bytes());
        bench.write(archive, &parts);
    };
    with_config("other.tar", &|config| config["architecture"] = json!("s390x"));
    bench.refused("other.tar", &id, 2, "the image is for `linux/s390x`, but this engine runs `linux/");
    // What only the engine understands, it refuses, and says so after it has answered that all is well.
    with_config("odd.tar", &|config| config["created"] = json!("some day"));
    bench.refused("odd.tar", &id, 3, "cannot load `odd.tar`, and nothing was changed");
    bench.refused("odd.tar", &id, 3, "some day");
    with_config("fine.tar", &|config| config["created"] = json!("2020-01-01T00:00:00Z"));
    let taken = bench.longshore(&["images", "import", "fine.tar"]);
    assert_eq!(taken.code, 0, "{}", taken.stderr);
    bench.remember(taken.stdout.split_once(": ").unwrap().0);
}

#[test]
fn no_name_in_an_archive_is_taken_over() {
    let bench = Bench::new();
    let (foreign, foreign_id) = bench.image("foreign", &[]);
    let (name, id) = bench.image("hostile", &[]);
    let mut parts = bench.saved(&name);
    docker(&["rmi", &name]).unwrap();
    let mut manifest: Value = serde_json::from_slice(&parts["manifest.json"]).unwrap();
    manifest[0]["RepoTags"] = json!([foreign, "longshore/python:0.1.0", "longshore/environment:00112233"]);
    parts.insert("manifest.json".into(), manifest.to_string().into_bytes());
    let repositories = json!({"longshore/python": {"0.1.0": "0".repeat(64)}});
    parts.insert("repositories".into(), repositories.to_string().into_bytes());
    bench.write("hostile.tar", &parts);
    let here = bench.remember(&imported(&id));
    let taken = bench.longshore(&["images", "import", "hostile.tar"]);
    assert_eq!(taken.code, 0, "{}", taken.stderr);
    let tags = docker(&["image", "inspect", "--format", "{{json .RepoTags}}", &id]).unwrap();
    assert_eq!(tags, format!(r#"["{here}"]"#));
    assert_eq!(id_of(&foreign), Some(foreign_id));
}

#[test]
fn an_environment_is_one_only_if_its_archive_is_trusted() {
    let bench = Bench::new();
    // A hash that no other run of this test has.
    let unique = bench
        .folder
        .path()
        .display()
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let hash = format!("{unique:016x}").repeat(4);
    let labels = [
        ("longshore.image-type", "generated"),
        ("longshore.environment", hash.as_str()),
        ("longshore.parent", "sha256:00"),
        ("longshore.base", "longshore/base:0.1.0"),
    ];
    let environment = bench.remember(&format!("longshore/environment:{}", &hash[..32]));
    let export = |name: &str, archive: &str| {
        let ended = bench.longshore(&["images", "export", name, "-o", archive]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        docker(&["rmi", name]).unwrap();
    };
    let (name, id) = bench.image("environment", &labels);
    export(&name, "environment.tar");
    let here = bench.remember(&imported(&id));
    assert_eq!(bench.longshore(&["images", "import", "environment.tar"]).code, 0);
    assert_eq!((id_of(&here), id_of(&environment)), (Some(id.clone()), None));
    // It has the labels, and is still not found by its hash.
    let not_found = bench.longshore(&["images", "export", &hash[..12], "-o", "x.tar"]);
    assert!(not_found.code == 2 && not_found.stderr.contains("there is no image"), "{}", not_found.stderr);
    let trusted = bench.longshore(&["images", "import", "--trust", "environment.tar"]);
    assert!(trusted.stdout.starts_with(&format!("{environment}: {id}, ")), "{}{}", trusted.stdout, trusted.stderr);
    assert_eq!(id_of(&environment), Some(id.clone()));
    let by_hash = bench.longshore(&["images", "export", &hash[..12], "-o", "x.tar"]);
    assert!(by_hash.code == 0 && by_hash.stdout.contains(&id), "{}{}", by_hash.stdout, by_hash.stderr);

    let close = format!("{}{}", &hash[..20], "0".repeat(44));
    let (near, _) = bench.image("near", &[("longshore.image-type", "generated"), ("longshore.environment", &close)]);
    let near_environment = bench.remember(&format!("longshore/environment:{}", &close[..32]));
    docker(&["tag", &near, &near_environment]).unwrap();
    let either = bench.longshore(&["images", "export", &hash[..12], "-o", "x.tar"]);
    let mut both = [environment.as_str(), near_environment.as_str()];
    both.sort_unstable();
    let said = format!("`{}` is ambiguous, it matches `{}`: give more digits", &hash[..12], both.join("`, `"));
    assert!(either.code == 2 && either.stderr.contains(&said), "{}", either.stderr);

    let (other, _) = bench.image("other", &labels);
    export(&other, "other.tar");
    let taken = bench.longshore(&["images", "import", "--trust", "other.tar"]);
    let said = format!("`{environment}` is another image, `{id}`");
    assert!(taken.code == 2 && taken.stderr.contains(&said), "{}", taken.stderr);
    assert_eq!(id_of(&environment), Some(id));

    let (plain, _) = bench.image("plain", &[]);
    export(&plain, "plain.tar");
    let taken = bench.longshore(&["images", "import", "--trust", "plain.tar"]);
    let said = "cannot trust its labels as those of a block's environment: it has no label `longshore.image-type`";
    assert!(taken.code == 2 && taken.stderr.contains(said), "{}", taken.stderr);
    assert!(taken.stderr.contains("help: `--trust` is for images that Longshore made for a block"), "{}", taken.stderr);
}

#[test]
fn an_archive_that_cannot_be_written_leaves_what_was_there() {
    let bench = Bench::new();
    let (name, _) = bench.image("unwritten", &[]);
    std::fs::create_dir(bench.path("folder.tar")).unwrap();
    for (image, target, code, said) in [
        ("longshore-test/no-such-image:1", "a.tar", 2, "there is no image `longshore-test/no-such-image:1`"),
        ("../containers/json?x=", "a.tar", 2, "there is no image"),
        (&name, "folder.tar", 2, "cannot write the archive to `folder.tar`: it is a folder"),
        (&name, "/dev/full", 3, "No space left on device"),
        (&name, "nowhere/a.tar", 2, "cannot write the archive to `nowhere/a.tar`: its folder does not exist"),
    ] {
        let ended = bench.longshore(&["images", "export", image, "-o", target]);
        assert_eq!(ended.code, code, "{target}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{target}: {}", ended.stderr);
    }
    assert!(!bench.path("a.tar").exists());
    assert_eq!(names(&bench.path("folder.tar")), [""; 0]);
}
