//! Images that this machine lacks, from registries of the test's own: pulled, with credentials or without, over
//! connections that break; and what is said where they cannot be had. The images have nothing in them, so a run ends with
//! the sentence about its interpreter once its image is here.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod engine;
mod registry;

use registry::{Breaking, Fate, Image, PASSWORD, Registry, USER};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What a run says once its image is here.
const HERE: &str = "has no `python3`";

/// Bytes of an image: some packets, and quickly pushed.
const BYTES: u64 = 1 << 20;

/// A folder with a script, a Docker configuration, and a place for helpers.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("pulling-").tempdir().unwrap();
        for name in ["docker", "bin", "state", "cache", "work"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("script.py"), "print('never')").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the Docker configuration.
    fn configure(&self, configuration: &serde_json::Value) {
        std::fs::write(self.path("docker/config.json"), configuration.to_string()).unwrap();
    }

    /// Writes a credential helper.
    fn helper(&self, name: &str, program: &str) {
        let path = self.path("bin").join(format!("docker-credential-{name}"));
        std::fs::write(&path, format!("#!/bin/sh\n{program}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, image: &str) -> Command {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(command::path());
        command
            .args(["run", "script.py", "--engine", "docker", "--image", image])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("DOCKER_CONFIG", self.path("docker"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// Runs the script in an image. Gives the exit status and what was said.
    fn run(&self, image: &str) -> (Option<i32>, String) {
        said(&self.command(image).output().unwrap())
    }

    /// A registry with one image in it that everyone may have.
    fn open(&self) -> (Registry, Image) {
        let registry = Registry::start(&self.path("work"), true);
        let image = Image::of_bytes(&format!("{}/team/bytes:1", registry.address), &self.path("work"), BYTES);
        image.push();
        (registry, image)
    }

    /// The same image behind a password.
    fn closed(&self) -> (Registry, Image) {
        let (open, _) = self.open();
        drop(open);
        let registry = Registry::start(&self.path("work"), false);
        let image = Image(format!("{}/team/bytes:1", registry.address));
        (registry, image)
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn is_quiet_about_secrets(said: &str) -> bool {
    !said.contains(PASSWORD) && !said.contains("wrong-password")
}

fn auths(server: &str, password: &str) -> serde_json::Value {
    json!({"auths": {server: {"username": USER, "password": password}}})
}

#[test]
fn an_image_that_this_machine_lacks_is_pulled_once() {
    let bench = Bench::new();
    let (registry, image) = bench.open();
    assert!(!image.is_here());
    let (status, said) = bench.run(&image.0);
    assert_eq!(status, Some(3), "{said}");
    assert!(
        said.contains(&format!("pulling {} from {} …\n✓ pulled {}\n", image.0, registry.address, image.0)),
        "{said}"
    );
    assert!(said.contains(HERE) && image.is_here(), "{said}");
    let (_, said) = bench.run(&image.0);
    assert!(!said.contains("pulling") && said.contains(HERE), "{said}");
}

#[test]
fn an_image_is_pulled_by_its_digest() {
    let bench = Bench::new();
    let (registry, image) = bench.open();
    bench.run(&image.0);
    let format = "{{index .RepoDigests 0}}";
    let digest = engine::docker(&["image", "inspect", "--format", format, &image.0]);
    let by_digest = Image(digest.trim().to_owned());
    engine::docker(&["rmi", &image.0]);
    assert!(!by_digest.is_here());
    // The tag before a digest is for people.
    let (_, digest) = by_digest.0.split_once('@').unwrap();
    let (_, said) = bench.run(&format!("{}/team/bytes:5@{digest}", registry.address));
    assert!(said.contains("✓ pulled") && said.contains(HERE) && by_digest.is_here(), "{said}");
}

#[test]
fn credentials_of_the_docker_configuration_open_a_registry() {
    let bench = Bench::new();
    let (registry, image) = bench.closed();
    bench.configure(&auths(&registry.address, PASSWORD));
    let (_, said) = bench.run(&image.0);
    assert!(said.contains("✓ pulled") && said.contains(HERE), "{said}");
    assert!(is_quiet_about_secrets(&said), "{said}");
}

#[test]
fn a_credential_helper_is_asked_for_its_registry() {
    let bench = Bench::new();
    let (registry, image) = bench.closed();
    let asked = bench.path("asked");
    let answer = json!({"ServerURL": registry.address, "Username": USER, "Secret": PASSWORD});
    std::fs::write(bench.path("answer"), answer.to_string()).unwrap();
    let program = format!("echo \"$1 $(cat)\" > {}; cat {}", asked.display(), bench.path("answer").display());
    bench.helper("test", &program);
    bench.configure(&json!({"credHelpers": {&registry.address: "test"}, "credsStore": "not-asked"}));
    let (_, said) = bench.run(&image.0);
    assert!(said.contains("✓ pulled") && said.contains(HERE), "{said}");
    assert_eq!(std::fs::read_to_string(asked).unwrap(), format!("get {}\n", registry.address));
    assert!(is_quiet_about_secrets(&said), "{said}");
}

#[test]
fn a_registry_that_wants_credentials_is_named_with_what_to_do() {
    let bench = Bench::new();
    let (registry, image) = bench.closed();
    let (address, config) = (&registry.address, bench.path("docker/config.json"));
    let config = config.display();
    let none_sent = format!(
        "the registry `{address}` requires credentials for the image `{}`, or has no such image; none were sent, since \
         `{config}` has none for it: log in with `docker login {address}`",
        image.0
    );
    let refused = |origin: &str| {
        format!(
            "the registry `{address}` does not accept the credentials of {origin} for the image `{}`: log in again \
             with `docker login {address}`",
            image.0
        )
    };
    bench.helper("empty", "cat >/dev/null; echo credentials not found in native keychain; exit 1");
    bench.helper("wrong", r#"cat >/dev/null; echo '{"Username": "me", "Secret": "wrong-password"}'"#);
    bench.helper("locked", r#"cat >/dev/null; echo 'the key ring is locked'; exit 4"#);
    bench.helper("odd", r#"cat >/dev/null; echo '{"Secret": "wrong-password"}'"#);
    let failed = |text: &str| format!("cannot pull the image `{}`: {text}", image.0);
    let cases = [
        (json!({}), none_sent.clone()),
        (auths("other.example", PASSWORD), none_sent.clone()),
        (json!({"credsStore": "empty"}), none_sent),
        (auths(address, "wrong-password"), refused(&format!("`{config}`"))),
        (json!({"credsStore": "wrong"}), refused("the credential helper `docker-credential-wrong`")),
        (
            json!({"credsStore": "absent"}),
            failed(
                "cannot start the credential helper `docker-credential-absent`, which the Docker configuration names: \
                 install it, or remove `credsStore` or `credHelpers` from the configuration: No such file or \
                 directory (os error 2)",
            ),
        ),
        (
            json!({"credsStore": "locked"}),
            failed(&format!(
                "the credential helper `docker-credential-locked` failed for `{address}`: the key ring is locked (exit \
                 status: 4)"
            )),
        ),
        (
            json!({"credsStore": "odd"}),
            failed(&format!(
                "the credential helper `docker-credential-odd` returned unreadable credentials for `{address}`"
            )),
        ),
    ];
    for (configuration, expected) in cases {
        bench.configure(&configuration);
        let (status, said) = bench.run(&image.0);
        assert_eq!(status, Some(3), "{configuration}: {said}");
        assert!(said.contains(&expected), "{configuration}: {said}\nexpected: {expected}");
        assert!(is_quiet_about_secrets(&said) && !said.contains("attempt"), "{said}");
    }
}

#[test]
fn an_image_that_no_registry_has_is_asked_for_once() {
    let bench = Bench::new();
    let (registry, _image) = bench.open();
    for name in ["team/bytes:2", "team/nothing"] {
        let image = format!("{}/{name}", registry.address);
        let (status, said) = bench.run(&image);
        assert_eq!(status, Some(3), "{said}");
        let expected = format!("the registry `{}` has no image `{image}`: check its name and tag", registry.address);
        assert!(said.contains(&expected) && !said.contains("attempt"), "{said}");
    }
}

#[test]
fn a_registry_that_does_not_answer_is_tried_five_times() {
    let bench = Bench::new();
    // Nothing listens there.
    let (status, said) = bench.run("127.0.0.1:1/team/bytes:1");
    assert_eq!(status, Some(3), "{said}");
    let attempts: Vec<&str> = said.lines().filter(|line| line.starts_with("attempt ")).collect();
    assert_eq!(attempts.len(), 4, "{said}");
    assert!(attempts.iter().all(|line| line.contains("connection refused; retrying in ")), "{said}");
    let given_up = "cannot pull the image `127.0.0.1:1/team/bytes:1` from `127.0.0.1:1` in 5 attempts; the last: ";
    assert!(said.contains(given_up), "{said}");
}

#[test]
fn connections_that_break_are_made_again() {
    let bench = Bench::new();
    let (registry, image) = bench.open();
    drop(image);
    // The engine knocks twice, with TLS and without, so its first attempt fails whatever it makes of the others.
    let breaking = Breaking::before(&registry.address, vec![Fate::Refused; 6]);
    let image = Image(format!("{}/team/bytes:1", breaking.address));
    let (status, said) = bench.run(&image.0);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("attempt 1 failed: "), "{said}");
    assert!(said.contains("✓ pulled") && said.contains(HERE) && image.is_here(), "{said}");
}

#[test]
fn a_registry_that_dies_within_a_layer_is_asked_again() {
    // An engine that still holds the layer it has just pushed does not fetch it, which proves nothing.
    let cut = (0..3).any(|_| {
        let bench = Bench::new();
        let (registry, image) = bench.open();
        drop(image);
        let breaking = Breaking::before(&registry.address, vec![Fate::CutOnceAfter(200_000); 100]);
        let image = Image(format!("{}/team/bytes:1", breaking.address));
        let (status, said) = bench.run(&image.0);
        assert_eq!(status, Some(3), "{said}");
        assert!(said.contains("✓ pulled") && said.contains(HERE) && image.is_here(), "{said}");
        breaking.has_cut.load(Ordering::Relaxed)
    });
    assert!(cut);
}

#[test]
fn pulling_is_cancelled_like_the_rest_of_a_run() {
    let bench = Bench::new();
    let breaking = Breaking::before("127.0.0.1:1", vec![Fate::Silent; 100]);
    let image = format!("{}/team/bytes:1", breaking.address);
    let mut process = bench.command(&image).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(process.stderr.take().unwrap()));
    assert!(lines.next().unwrap().unwrap().starts_with("pulling "));
    let cancelled = Instant::now();
    let id = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let rest: String = lines.map(Result::unwrap).collect();
    assert_eq!(process.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("interrupted") && cancelled.elapsed() < Duration::from_secs(5), "{rest}");
}

#[test]
fn names_that_cannot_be_are_refused_before_anything_starts() {
    let bench = Bench::new();
    let cases = [
        ("Upper/Case:3", "its name `Upper/Case` must be lower case"),
        ("name:", "invalid tag ``"),
        ("name@sha256:12", "invalid digest `sha256:12`"),
        ("https://registry.example/name", "invalid registry `https:`"),
        ("", "it is empty"),
    ];
    for (image, reason) in cases {
        let (status, said) = bench.run(image);
        assert_eq!(status, Some(2), "{image}: {said}");
        assert!(said.contains(&format!("`{image}` is not a valid image name: {reason}")), "{image}: {said}");
    }
    let block = "name = \"Odd\"\nlanguage = \"python\"\nscript = \"script.py\"\nimage = \"Upper/Case\"\n";
    std::fs::write(bench.path("block.toml"), block).unwrap();
    let (status, said) = said(&command::longshore(bench.folder.path(), &["run", "."]));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("`Upper/Case` is not a valid image name"), "{said}");
}

#[test]
fn ours_are_never_pulled() {
    let bench = Bench::new();
    for image in ["longshore/no-such-image:7", "docker.io/longshore/no-such-image:7"] {
        let (status, said) = bench.run(image);
        assert_eq!(status, Some(3), "{said}");
        let expected = format!("there is no image `{image}`, which is built, not pulled");
        assert!(said.contains(&expected) && !said.contains("pulling"), "{said}");
    }
}
