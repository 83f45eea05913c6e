//! Images made by hand, as `docker load` takes them: with any labels, any age, and layers in common. They belong to a
//! store of the test's own, and are gone with it.

#![allow(dead_code, reason = "each test takes what it needs of it")]

use crate::command;
use crate::engine::{self, docker_may_fail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// Bytes in a kilobyte, as disks count them.
pub(crate) const KB: u64 = 1000;

/// A store of images with folders of its own, and what is known of them.
pub(crate) struct Store {
    pub(crate) name: String,
    pub(crate) folder: TempDir,
    pub(crate) budget: u64,
}

/// An image that is there.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) hash: String,
    pub(crate) layers: Vec<u64>,
}

/// What an image is made of.
pub(crate) struct Plan<'a> {
    pub(crate) name: &'a str,
    pub(crate) below: Option<&'a Made>,
    pub(crate) kilobytes: u64,
    pub(crate) days_old: u64,
    pub(crate) labels: Vec<(&'a str, &'a str)>,
}

impl Store {
    pub(crate) fn new(test: &str, budget: u64) -> Self {
        let folder = tempfile::Builder::new().prefix("images-").tempdir().unwrap();
        Self { name: format!("test-{test}-{}", std::process::id()), folder, budget }
    }

    /// Calls `longshore images`, and must have an exit status.
    pub(crate) fn images(&self, arguments: &[&str], status: i32) -> String {
        let output = self.command(arguments).output().unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {printed}");
        printed
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(command::path());
        command
            .arg("images")
            .args(arguments)
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .env("LONGSHORE_IMAGES_STORE", &self.name)
            .env("LONGSHORE_IMAGES_DISK_BUDGET", self.budget.to_string());
        command
    }

    /// The list, as JSON.
    pub(crate) fn list(&self) -> Vec<Value> {
        serde_json::from_str(&self.images(&["list", "--json"], 0)).unwrap()
    }

    /// The last parts of the names of all images in the list, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let list = self.list();
        let name = |entry: &Value| entry["names"][0].as_str().unwrap_or("(none)").rsplit(['/', ':']).next().map(tail);
        let mut names: Vec<String> = list.iter().filter_map(name).collect();
        names.sort();
        names
    }

    /// Where the ledger keeps a file.
    pub(crate) fn ledger(&self, hash: &str, file: &str) -> PathBuf {
        self.folder.path().join("state/longshore/images").join(hash).join(file)
    }

    /// Says that an image was used some days ago.
    pub(crate) fn used(&self, made: &Made, days: u64) {
        let path = self.ledger(&made.hash, "used");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = std::fs::File::create(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(days * 86_400)).unwrap();
    }

    /// A file that another process may lock, as runs and builds do.
    pub(crate) fn lock_file(&self, hash: &str) -> std::fs::File {
        let path = self.ledger(hash, "lock");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::options().create(true).append(true).open(path).unwrap()
    }

    /// An image made for blocks, by a name of one word.
    pub(crate) fn generated(&self, word: &str, below: &Made, kilobytes: u64, days_old: u64) -> Made {
        self.ours("environment", "generated", word, below, kilobytes, days_old)
    }

    /// An image that others are made on.
    pub(crate) fn layer(&self, word: &str, below: &Made, kilobytes: u64, days_old: u64) -> Made {
        self.ours("layer", "layer", word, below, kilobytes, days_old)
    }

    fn ours(&self, repository: &str, kind: &str, word: &str, below: &Made, kilobytes: u64, days_old: u64) -> Made {
        let hash = self.hash(word);
        let labels = vec![
            ("longshore.image-type", kind),
            ("longshore.environment", &hash),
            ("longshore.parent", &below.id),
            ("longshore.base", "test/base:1"),
            ("longshore.packages", "humanize==4.12\ntomli"),
            ("longshore.resolved", "pip humanize==4.12.3\npip tomli==2.2.1"),
        ];
        let name = format!("longshore/{repository}:{}{word}", &hash[..20]);
        self.load(&Plan { name: &name, below: Some(below), kilobytes, days_old, labels })
    }

    /// The hash of an environment that is called by a word.
    pub(crate) fn hash(&self, word: &str) -> String {
        hexadecimal(format!("{} {word}", self.name).as_bytes())
    }

    /// An image of somebody else's.
    pub(crate) fn base(&self, kilobytes: u64) -> Made {
        let name = format!("{}/base:1", self.name);
        self.load(&Plan { name: &name, below: None, kilobytes, days_old: 900, labels: Vec::new() })
    }

    /// Makes an image.
    pub(crate) fn load(&self, plan: &Plan<'_>) -> Made {
        self.load_all(std::slice::from_ref(plan)).pop().unwrap()
    }

    /// Makes many at once.
    pub(crate) fn load_all(&self, plans: &[Plan<'_>]) -> Vec<Made> {
        let mut archive = tar::Builder::new(Vec::new());
        let (mut manifest, mut all) = (Vec::new(), Vec::new());
        let mut written = std::collections::BTreeSet::new();
        for plan in plans {
            let mut layers = plan.below.map(|below| below.layers.clone()).unwrap_or_default();
            // A layer is told from others by its size and its place.
            layers.push(plan.kilobytes * 1000 + u64::try_from(layers.len()).unwrap());
            let mut labels: Vec<(&str, &str)> = plan.labels.clone();
            labels.push(("longshore.store", &self.name));
            let labels: serde_json::Map<String, Value> =
                labels.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            let made = days_ago(plan.days_old);
            let content: Vec<Vec<u8>> = layers.iter().map(|layer| layer_archive(&self.name, *layer)).collect();
            let config = json!({
                "architecture": "amd64", "os": "linux", "created": made,
                "config": {"Labels": labels, "Cmd": ["/x"]},
                "rootfs": {
                    "type": "layers",
                    "diff_ids": content.iter().map(|tar| format!("sha256:{}", hexadecimal(tar))).collect::<Vec<_>>(),
                },
                "history": layers.iter().map(|_| json!({"created": made, "created_by": "hand"})).collect::<Vec<_>>(),
            });
            let config = config.to_string().into_bytes();
            let digest = hexadecimal(&config);
            append(&mut archive, &format!("{digest}.json"), &config);
            let mut files = Vec::new();
            for tar in content {
                let file = format!("{}.tar", hexadecimal(&tar));
                if written.insert(file.clone()) {
                    append(&mut archive, &file, &tar);
                }
                files.push(file);
            }
            let names = if plan.name.is_empty() { vec![] } else { vec![plan.name] };
            manifest.push(json!({"Config": format!("{digest}.json"), "RepoTags": names, "Layers": files}));
            let hash = plan.labels.iter().find(|(key, _)| *key == "longshore.environment").map(|(_, hash)| *hash);
            let hash = hash.unwrap_or(&digest).to_owned();
            all.push(Made { id: format!("sha256:{digest}"), name: plan.name.to_owned(), hash, layers });
        }
        append(&mut archive, "manifest.json", Value::from(manifest).to_string().as_bytes());
        load(&archive.into_inner().unwrap());
        all
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let label = format!("label=longshore.store={}", self.name);
        // A second failure would hide the first.
        let listed = |arguments: &[&str]| String::from_utf8_lossy(&docker_may_fail(arguments).stdout).into_owned();
        let containers = listed(&["ps", "-aq", "--filter", &format!("label=test={}", self.name)]);
        for container in containers.lines() {
            docker_may_fail(&["rm", "-f", container]);
        }
        // Children may stand before their parents in the list, or after them.
        for _ in 0..4 {
            let images = listed(&["images", "-aq", "--no-trunc", "--filter", &label]);
            let mut images: Vec<&str> = images.lines().collect();
            images.dedup();
            for some in images.chunks(100) {
                docker_may_fail(&[&["rmi", "-f"], some].concat());
            }
        }
    }
}

/// Whether an image is there.
pub(crate) fn is_there(made: &Made) -> bool {
    engine::has_image(&made.id)
}

/// Calls `docker`, which must succeed. Gives what it prints without the line's end.
pub(crate) fn docker(arguments: &[&str]) -> String {
    engine::docker(arguments).trim().to_owned()
}

fn load(archive: &[u8]) {
    let mut docker =
        Command::new("docker").args(["load", "-q"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    docker.stdin.take().unwrap().write_all(archive).unwrap();
    assert!(docker.wait().unwrap().success());
}

/// A layer of one file.
fn layer_archive(store: &str, layer: u64) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let content = vec![b'.'; usize::try_from(layer / 1000 * KB).unwrap()];
    append(&mut archive, &format!("{store}-{layer}"), &content);
    archive.into_inner().unwrap()
}

fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, content: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.set_size(u64::try_from(content.len()).unwrap());
    header.set_mode(0o644);
    archive.append_data(&mut header, Path::new(name), content).unwrap();
}

fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The word at the end of a name.
fn tail(tag: &str) -> String {
    tag.get(20..).filter(|word| !word.is_empty()).unwrap_or(tag).to_owned()
}

/// RFC 3339, some days ago.
fn days_ago(days: u64) -> String {
    let output = Command::new("date").args(["-u", "-d", &format!("{days} days ago"), "+%Y-%m-%dT%H:%M:%SZ"]).output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}
