//! Registries of a test's own on loopback, images to put into them, and connections to them that break.

#![allow(dead_code, reason = "each test takes what it needs of it")]

use crate::engine::{self, docker};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A name with a password whose bytes are awkward in base64, and what `htpasswd -Bn` makes of it.
pub(crate) const USER: &str = "me";
/// The password.
pub(crate) const PASSWORD: &str = "se?cret>>~~";
const HTPASSWD: &str = "me:$2y$05$6ApveHS5tSvz90oTosBr.u9dvKPQiksAMc/2lyhp4aLXnoRPkSA6q";

/// A registry, which ends with this.
pub(crate) struct Registry {
    process: Child,
    /// Its address, which is how its images' names begin.
    pub(crate) address: String,
}

impl Registry {
    /// Starts one that keeps its images in a folder, open to everyone or to [`USER`] alone.
    pub(crate) fn start(folder: &Path, is_open: bool) -> Self {
        let storage = folder.join("storage");
        let name = if is_open { "open" } else { "closed" };
        let auth = if is_open {
            String::new()
        } else {
            let file = folder.join("htpasswd");
            std::fs::write(&file, format!("{HTPASSWD}\n")).unwrap();
            format!("auth: {{htpasswd: {{realm: test, path: \"{}\"}}}}\n", file.display())
        };
        let configuration = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: \
             \"{}\"}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n{auth}",
            storage.display()
        );
        let file = folder.join(format!("{name}.yml"));
        std::fs::write(&file, configuration).unwrap();
        let started = Command::new("docker-registry").arg("serve").arg(file).stderr(Stdio::piped()).spawn();
        let mut process = started.unwrap_or_else(|error| {
            panic!("tests need the command `docker-registry`, which `images/packages` installs: {error}")
        });
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.by_ref().find_map(|line| {
            let (_, after) = line.split_once("listening on ")?;
            Some(after.trim_matches(['"', '\\']).split(['"', '\\', ' ']).next().unwrap().to_owned())
        });
        let address = address.expect("the registry says where it listens");
        // It would stop at a full pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { process, address }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A name of an image, which is removed with this.
pub(crate) struct Image(pub(crate) String);

impl Image {
    /// Whether the engine has it.
    pub(crate) fn is_here(&self) -> bool {
        engine::has_image(&self.0)
    }

    /// Puts it into its registry, and takes it from the engine.
    pub(crate) fn push(&self) {
        docker(&["push", "--quiet", &self.0]);
        docker(&["rmi", &self.0]);
    }

    /// Makes one of a Dockerfile.
    pub(crate) fn build(name: &str, folder: &Path, dockerfile: &str) -> Self {
        engine::needed(dockerfile.split_whitespace().nth(1).unwrap());
        std::fs::write(folder.join("Dockerfile"), dockerfile).unwrap();
        docker(&["build", "--quiet", "--tag", name, folder.to_str().unwrap()]);
        Self(name.to_owned())
    }

    /// Makes one with nothing in it but so many bytes that no other image has.
    pub(crate) fn of_bytes(name: &str, folder: &Path, bytes: u64) -> Self {
        let content = folder.join("content");
        std::fs::create_dir_all(&content).unwrap();
        let mut random = std::fs::File::open("/dev/urandom").unwrap().take(bytes);
        std::io::copy(&mut random, &mut std::fs::File::create(content.join("bytes")).unwrap()).unwrap();
        let archive = folder.join("content.tar");
        let tar = Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&content).arg(".").status().unwrap();
        assert!(tar.success());
        docker(&["import", archive.to_str().unwrap(), name]);
        Self(name.to_owned())
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rmi", "--force", &self.0]).output();
    }
}

/// How a connection fares.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// It is ended at once.
    Refused,
    /// It is ended after so many bytes of the answer, if it is the first that comes so far.
    CutOnceAfter(usize),
    /// Nothing is ever answered.
    Silent,
    /// It goes on.
    Whole,
}

/// Stands before a registry and breaks connections, in the order in which they come. What comes after the last fate goes
/// on.
pub(crate) struct Breaking {
    /// Its address.
    pub(crate) address: String,
    /// Whether a connection was ended within an answer.
    pub(crate) has_cut: Arc<AtomicBool>,
}

impl Breaking {
    /// Starts one. It ends with the test's process.
    pub(crate) fn before(registry: &str, fates: Vec<Fate>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let registry: SocketAddr = registry.parse().unwrap();
        let has_cut = Arc::new(AtomicBool::new(false));
        let cut = Arc::clone(&has_cut);
        thread::spawn(move || {
            let count = AtomicUsize::new(0);
            let silent = Mutex::new(Vec::new());
            for connection in listener.incoming() {
                let connection = connection.unwrap();
                let fate = fates.get(count.fetch_add(1, Ordering::Relaxed)).copied().unwrap_or(Fate::Whole);
                let cut = Arc::clone(&cut);
                match fate {
                    Fate::Silent => silent.lock().unwrap().push(connection),
                    Fate::Refused => drop(connection),
                    Fate::CutOnceAfter(bytes) => drop(thread::spawn(move || pass(connection, registry, bytes, &cut))),
                    Fate::Whole => drop(thread::spawn(move || pass(connection, registry, usize::MAX, &cut))),
                }
            }
        });
        Self { address, has_cut }
    }
}

/// Passes a connection on, until so many bytes have come back, if it is the first that comes so far.
fn pass(mut client: TcpStream, registry: SocketAddr, bytes: usize, has_cut: &AtomicBool) {
    let mut server = TcpStream::connect(registry).unwrap();
    let (mut asks, mut asked) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut asks, &mut asked);
        let _ = asked.shutdown(Shutdown::Write);
    });
    let (mut buffer, mut passed) = (vec![0; 64 << 10], 0);
    while let Ok(read) = server.read(&mut buffer) {
        if read == 0 || client.write_all(&buffer[..read]).is_err() {
            break;
        }
        passed += read;
        if passed >= bytes && !has_cut.swap(true, Ordering::Relaxed) {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
