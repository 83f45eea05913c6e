//! `longshore setup` with images that others built: from archives and registries, checked before the first gets its name, and
//! nothing left of those that are refused. And what a later version says and does about the images of the former one.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod engine;
mod handmade;
mod registry;

use engine::has_image;
use handmade::{KB, Plan, Store, docker, is_there};
use registry::{Image, PASSWORD, Registry, USER};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Labels of a base image for Python.
const LABELS: [(&str, &str); 4] = [
    ("longshore.image-type", "base"),
    ("longshore.agent", VERSION),
    ("longshore.users", "43560-43815"),
    ("longshore.language", "python"),
];

/// Held by a test while the engine has images of a former version: another one removes those that nothing uses.
static FORMER: Mutex<()> = Mutex::new(());

/// A store, and base images with names that no other test and no person has.
struct Bench {
    store: Store,
}

impl Bench {
    fn new(test: &str) -> Self {
        Self { store: Store::new(test, 100 * KB) }
    }

    /// The name of an image for Python, as `setup` takes it.
    fn name(&self, word: &str) -> String {
        format!("python-{word}-{}", self.store.name)
    }

    fn image(&self, word: &str) -> String {
        format!("longshore/{}:{VERSION}", self.name(word))
    }

    /// Makes an image with all labels of one, but for those that are changed.
    fn make(&self, word: &str, changed: &[(&'static str, &'static str)]) -> String {
        let value = |name: &str| changed.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        let labels = LABELS.iter().map(|(name, as_is)| (*name, value(name).unwrap_or(as_is))).collect();
        let name = self.image(word);
        self.store.load(&Plan { name: &name, below: None, kilobytes: 3, days_old: 1, labels });
        name
    }

    /// Moves images into an archive.
    fn archive(&self, file: &str, images: &[&str]) -> String {
        let path = self.path(file);
        let path = path.to_str().unwrap();
        docker(&[&["save", "-o", path], images].concat());
        docker(&[&["rmi"], images].concat());
        path.to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.store.folder.path().join(name)
    }

    fn command(&self, words: &[&str], more: &[&str]) -> Command {
        let mut command = Command::new(command::path());
        command.arg("setup").args(words.iter().map(|word| self.name(word))).args(["--engine", "docker"]).args(more);
        command.env("XDG_STATE_HOME", self.path("state")).env("DOCKER_CONFIG", self.path("docker"));
        command
    }

    /// Calls `setup`, which must end in this way and say this; gives all that it says.
    fn setup(&self, words: &[&str], more: &[&str], status: i32, expected: &str) -> String {
        let output = self.command(words, more).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(status), "{words:?} {more:?}: {said}");
        assert!(said.contains(expected), "{words:?} {more:?} lacks `{expected}`: {said}");
        said
    }

    /// The engine's names with the name of this store in them, and the images that have no checked name.
    fn names(&self) -> Vec<String> {
        let all = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
        let label = format!("label=longshore.store={}", self.store.name);
        let passing = docker(&["images", "--format", "{{.Repository}}", "--filter", &label]);
        let mut names: Vec<String> =
            all.lines().filter(|name| name.contains(&self.store.name)).map(Into::into).collect();
        names.extend(passing.lines().filter(|name| *name == "longshore/incoming").map(Into::into));
        names.sort();
        names
    }
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

#[test]
fn an_archive_gives_the_images_that_are_asked_for_and_no_others() {
    let bench = Bench::new("archive");
    let images = ["one", "two", "three"].map(|word| bench.make(word, &[]));
    let other = bench.store.base(7);
    let archive = bench.archive("images.tar", &[&images[0], &images[1], &images[2], &other.name]);
    // The engine has other images of two of the names: one of a user, which stays, and a base image, which is there.
    docker(&["import", &archive, &other.name]);
    let own = docker(&["image", "inspect", "-f", "{{.Id}}", &other.name]);
    let ready = bench.setup(&["one", "two"], &["--from", &archive], 0, &format!("{} is ready\n", images[0]));
    assert!(ready.contains(&format!("{} is ready\n", images[1])), "{ready}");
    let latest = |image: &str| image.replace(VERSION, "latest");
    let mut expected =
        vec![images[0].clone(), images[1].clone(), latest(&images[0]), latest(&images[1]), other.name.clone()];
    expected.sort();
    assert_eq!(bench.names(), expected);
    assert_eq!(docker(&["image", "inspect", "-f", "{{.Id}}", &other.name]), own);

    let again = bench.setup(&["one", "two"], &["--from", &archive], 0, "");
    assert_eq!(again, format!("{} is there\n{} is there\n", images[0], images[1]));
    // Through a pipe, compressed.
    let mut zstd = Command::new("zstd").args(["-q", "-c", &archive]).stdout(Stdio::piped()).spawn().unwrap();
    let mut command = bench.command(&["one"], &["--again", "--from", "-"]);
    let output = command.stdin(zstd.stdout.take().unwrap()).output().unwrap();
    assert!(zstd.wait().unwrap().success() && output.status.success(), "{}", said(&output));
    let listed = Command::new(command::path()).args(["uninstall", "--list"]).output().unwrap();
    assert!(said(&listed).contains(&images[0]) && !said(&listed).contains(&other.name), "{}", said(&listed));
    docker(&["rmi", &other.name]);
}

#[test]
fn users_load_one_archive_at_once() {
    let bench = Bench::new("users");
    let images = ["one", "two"].map(|word| bench.make(word, &[]));
    let archive = bench.archive("images.tar", &[&images[0], &images[1]]);
    let latest = |image: &str| image.replace(VERSION, "latest");
    let mut expected = vec![images[0].clone(), images[1].clone(), latest(&images[0]), latest(&images[1])];
    expected.sort();
    for _ in 0..4 {
        let users: Vec<_> = ["a", "b", "c"]
            .map(|user| {
                // Their locks are in state folders of their own.
                let mut command = bench.command(&["one", "two"], &["--again", "--from", &archive]);
                command.env("XDG_STATE_HOME", bench.path(user)).stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().unwrap()
            })
            .into_iter()
            .map(|user| user.wait_with_output().unwrap())
            .collect();
        for output in users {
            assert!(output.status.success(), "{}", said(&output));
        }
        assert_eq!(bench.names(), expected);
        docker(&[&["rmi"], &expected.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    }
}

#[test]
fn what_is_no_base_image_of_this_version_changes_nothing() {
    let _alone = FORMER.lock().unwrap_or_else(PoisonError::into_inner);
    let bench = Bench::new("unfit");
    let good = bench.make("good", &[]);
    let unfit = [
        ("type", [("longshore.image-type", "generated")], "its labels are not those of a base image"),
        ("version", [("longshore.agent", "0.0.9")], "it has the agent of version `0.0.9` instead of "),
        ("users", [("longshore.users", "")], "it has no label with the users"),
        ("language", [("longshore.language", "r")], "it is for scripts in `r`"),
    ];
    let images: Vec<String> = unfit.iter().map(|(word, changed, _)| bench.make(word, changed)).collect();
    let names: Vec<&str> = [&good].into_iter().chain(&images).map(String::as_str).collect();
    let archive = bench.archive("images.tar", &names);
    for (word, _, reason) in unfit {
        let said = bench.setup(&["good", word], &["--from", &archive], 2, reason);
        assert!(said.contains(&format!("cannot use `{archive}` as `{}`", bench.image(word))), "{said}");
        assert_eq!(bench.names(), [""; 0]);
    }
    bench.setup(
        &["good", "missing"],
        &["--from", &archive],
        2,
        &format!("it has no image `{}`, but", bench.image("missing")),
    );
    // Damage in a layer of the second.
    let mut bytes = std::fs::read(&archive).unwrap();
    let layer = bytes.windows(64).rposition(|window| window == [b'.'; 64]).unwrap();
    bytes[layer] = b'!';
    std::fs::write(bench.path("damaged.tar"), bytes).unwrap();
    let damaged = bench.path("damaged.tar").to_str().unwrap().to_owned();
    bench.setup(&["good"], &["--from", &damaged], 2, "is damaged: its digest is");
    bench.setup(&["good"], &["--from", "/nowhere/images.tar"], 2, "No such file or directory");
    bench.setup(&["good"], &["--from", "team"], 2, "`team` has no images of Longshore");
    bench.setup(
        &["good"],
        &["--from", "registry.example.org/Team"],
        2,
        "`registry.example.org/Team` is not a valid registry",
    );
    bench.setup(&["good"], &[], 2, "those that can be built are base, python");
    assert_eq!(bench.names(), [""; 0]);

    // An image of a user's that has the name.
    docker(&["import", &archive, &good]);
    for more in [&["--from", &archive][..], &["--again", "--from", &archive]] {
        bench.setup(&["good"], more, 2, &format!("`{good}` is an image that is not of Longshore"));
    }
    assert_eq!(bench.names(), [good.as_str()]);
    docker(&["rmi", &good]);
    // What a host that was killed left.
    let left = Plan { name: "longshore/incoming:0", below: None, kilobytes: 4, days_old: 1, labels: LABELS.into() };
    let left = bench.store.load(&left);
    bench.setup(&["good"], &["--from", &archive], 0, &format!("{good} is ready"));
    assert!(!is_there(&left));
}

/// A registry with an image of this name in it, and its name there.
fn pushed(bench: &Bench, folder: &Path, is_open: bool, word: &str) -> (Registry, String) {
    let registry = Registry::start(folder, true);
    let there = Image(format!("{}/team/{}", registry.address, bench.image(word)));
    docker(&["tag", &bench.image(word), &there.0]);
    docker(&["rmi", &bench.image(word)]);
    there.push();
    let (registry, name) = match is_open {
        true => (registry, there.0.clone()),
        false => {
            drop(registry);
            let closed = Registry::start(folder, false);
            let name = format!("{}/team/{}", closed.address, bench.image(word));
            (closed, name)
        }
    };
    (registry, name)
}

#[test]
fn a_registry_gives_images_to_those_who_may_have_them() {
    let bench = Bench::new("registry");
    std::fs::create_dir(bench.path("docker")).unwrap();
    bench.make("good", &[]);
    let (registry, there) = pushed(&bench, bench.store.folder.path(), true, "good");
    let from = format!("{}/team/", registry.address);
    let said = bench.setup(&["good"], &["--from", &from], 0, &format!("{} is ready", bench.image("good")));
    assert!(said.contains(&format!("pulled {there}")), "{said}");
    // The registry's name is gone, so that the image is Longshore's alone.
    assert_eq!(bench.names(), [bench.image("good"), bench.image("good").replace(VERSION, "latest")]);
    let digests = docker(&["image", "inspect", "-f", "{{.RepoDigests}}", &bench.image("good")]);
    assert!(!digests.contains(&registry.address), "{digests}");
    let missing = bench.setup(&["good", "missing"], &["--again", "--from", &from], 3, "has no image `");
    assert!(missing.contains(&bench.image("missing")), "{missing}");
    assert_eq!(bench.names(), [bench.image("good"), bench.image("good").replace(VERSION, "latest")]);
    drop(registry);
    bench.setup(&["other"], &["--from", &from], 3, "cannot pull the image `");

    bench.make("closed", &[]);
    let (registry, _) = pushed(&bench, bench.store.folder.path(), false, "closed");
    let from = format!("{}/team", registry.address);
    bench.setup(&["closed"], &["--from", &from], 3, "requires credentials");
    let account = serde_json::json!({"auths": {&registry.address: {"username": USER, "password": PASSWORD}}});
    std::fs::write(bench.path("docker/config.json"), account.to_string()).unwrap();
    let said = bench.setup(&["closed"], &["--from", &from], 0, &format!("{} is ready", bench.image("closed")));
    assert!(!said.contains(PASSWORD), "{said}");
}

#[test]
fn a_registry_with_images_of_another_version_changes_nothing() {
    let _alone = FORMER.lock().unwrap_or_else(PoisonError::into_inner);
    let bench = Bench::new("older");
    bench.make("old", &[("longshore.agent", "0.0.9")]);
    let (registry, _) = pushed(&bench, bench.store.folder.path(), true, "old");
    let from = format!("{}/team", registry.address);
    bench.setup(&["old"], &["--from", &from], 2, "it has the agent of version `0.0.9`");
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn an_upgrade_keeps_state_and_pins_and_lets_former_images_go_by_the_budget() {
    let _alone = FORMER.lock().unwrap_or_else(PoisonError::into_inner);
    let mut bench = Bench::new("upgrade");
    let former = |word: &str, kilobytes| {
        let mut labels = LABELS.to_vec();
        labels[1].1 = "0.0.1";
        let name = format!("longshore/{}:0.0.1", bench.name(word));
        bench.store.load(&Plan { name: &name, below: None, kilobytes, days_old: 90, labels })
    };
    let (unused, used) = (former("unused", 5), former("used", 6));
    let block = |word: &str, days_old| {
        let hash = bench.store.hash(word);
        let labels = vec![
            ("longshore.image-type", "generated"),
            ("longshore.environment", hash.as_str()),
            ("longshore.parent", &used.id),
            ("longshore.base", &used.name),
            ("longshore.packages", "humanize"),
        ];
        let name = format!("longshore/environment:{}{word}", &hash[..20]);
        bench.store.load(&Plan { name: &name, below: Some(&used), kilobytes: 10, days_old, labels })
    };
    let (old, pinned) = (block("old", 60), block("pinned", 50));
    bench.store.used(&old, 60);
    bench.store.images(&["pin", &pinned.name], 0);
    let history = bench.path("state/longshore/database/of-before");
    std::fs::create_dir_all(&history).unwrap();

    let listed = bench.store.images(&["list"], 0);
    for base in [&unused, &used] {
        assert!(listed.contains(&format!("note: the base image {}", base.name)), "{listed}");
    }
    let foreseen = bench.store.images(&["prune", "--dry-run"], 0);
    assert!(
        foreseen.contains(&format!("would remove {}: a base image of a former version", unused.name)),
        "{foreseen}"
    );
    let removed = bench.store.images(&["prune"], 0);
    assert!(removed.contains(&format!("removed {}: a base image of a former version", unused.name)), "{removed}");
    assert!(!is_there(&unused) && is_there(&used) && is_there(&old) && is_there(&pinned));
    // Over the budget the images of blocks on it go too, except pinned ones, and what they are built on.
    bench.store.budget = 12 * KB;
    bench.store.images(&["prune"], 0);
    assert!(!is_there(&old) && is_there(&pinned) && has_image(&used.name));
    assert!(history.exists() && bench.store.ledger(&pinned.hash, "pinned").exists());
    bench.store.images(&["unpin", &pinned.name], 0);
    bench.store.budget = 0;
    bench.store.images(&["prune"], 0);
    bench.store.images(&["prune"], 0);
    assert!(!is_there(&pinned) && !is_there(&used) && history.exists());
}
