//! Packages from a server of the test's own, beside the engine: an index of Python packages that wants a password, and a
//! repository of R packages.

use crate::engine::{address, docker};
use crate::place::Place;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

/// Serves a folder to containers, and says on which port: with a password if one is given, by TLS if a certificate is. It is
/// a proxy too, whose every host has this folder.
const SERVER: &str = r#"
import base64, functools, http.server, pathlib, ssl, sys
host, folder, secret, certificate = sys.argv[1:5]
wanted = "Basic " + base64.b64encode(secret.encode()).decode()
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if secret and self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic realm=packages")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path.startswith("http://"):
            self.path = "/" + self.path.split("/", 3)[3]
        if self.path.startswith("/__linux__/bookworm/"):
            # A repository with binaries for Linux has them for those that say which R they are.
            kind = "/binary/" if "R (4.2" in self.headers.get("User-Agent", "") else "/"
            self.path = kind + self.path.split("/", 3)[3]
        page = pathlib.Path(self.translate_path(self.path)) / "index.json"
        if page.is_file():
            text = page.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            return
        super().do_GET()
    do_HEAD = do_GET
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer((host, 0), functools.partial(Handler, directory=folder))
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn of(folder: &Path, secret: &str) -> Self {
        Self::start(folder, secret, "")
    }

    fn start(folder: &Path, secret: &str, certificate: &str) -> Self {
        let host = address().to_string();
        let mut process = Command::new("python3")
            .args(["-c", SERVER, &host, folder.to_str().unwrap(), secret, certificate])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
        let port: u16 = port.trim().parse().unwrap_or_else(|_| panic!("nothing can be served at `{host}`"));
        Self { process, address: format!("{host}:{port}") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Makes a wheel by hand, which is a zip archive, and returns its name and hash.
pub(crate) const MAKE_WHEEL: &str = r#"
import base64, hashlib, pathlib, sys, zipfile

def make_wheel(folder, package, version, files, needs=()):
    module = package.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        **files,
        info + "/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {need}\n" for need in needs),
        info + "/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    name = f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text)}\n"
        wheel.writestr(info + "/RECORD", record + info + "/RECORD,,\n")
    return name, hashlib.sha256((folder / name).read_bytes()).hexdigest()
"#;

/// An index with three versions of a package, and one of another that needs it.
const WORDS: &str = r#"
simple = pathlib.Path(sys.argv[1]) / "simple"
for package, versions, needs in [
    ("longshore-words", ["1.0", "1.1", "2.0"], []),
    ("longshore-letters", ["1.0"], ["longshore-words"]),
]:
    (simple / package).mkdir(parents=True)
    links = ""
    for version in versions:
        code = {package.replace("-", "_") + ".py": f"version = '{version}'\n"}
        name, digest = make_wheel(simple / package, package, version, code, needs)
        links += f'<a href="{name}#sha256={digest}">{name}</a>'
    (simple / package / "index.html").write_text(links)
"#;

/// A place whose Python packages are from that index alone.
pub(crate) fn indexed() -> (Place, Server) {
    let place = equipped();
    let folder = place.path().join("index");
    let made =
        Command::new("python3").args(["-c", &[MAKE_WHEEL, WORDS].concat(), folder.to_str().unwrap()]).status().unwrap();
    assert!(made.success());
    let server = Server::of(&folder, "");
    let address = &server.address;
    place.settings(&format!("[python]\nindex_url = \"http://{address}/simple\"\ntrusted_hosts = [\"{address}\"]\n"));
    (place, server)
}

/// An index with one package in it.
const INDEX: &str = r#"
folder = pathlib.Path(sys.argv[1]) / "simple" / "longshore-test-package"
folder.mkdir(parents=True)
name, digest = make_wheel(folder, "longshore-test-package", "1.5", {"longshore_test_package/__init__.py": ""})
(folder / "index.html").write_text(f'<a href="{name}#sha256={digest}">{name}</a>')
"#;

/// Done once: where packages come from an index of a test's own, `uv`, which is not in it, must be there already.
static TOOLS: Once = Once::new();

/// A place on an engine that has `uv`, from the index of the machine's settings.
pub(crate) fn equipped() -> Place {
    TOOLS.call_once(|| {
        let place = Place::new();
        place.python("tools", "dependencies = [\"humanize==4.12.0\"]", "humanize");
        place.longshore(&["images", "build", "tools"]).expect(0, &["made"]);
    });
    Place::new()
}

fn index(place: &Place) -> std::path::PathBuf {
    let folder = place.path().join("index");
    let made =
        Command::new("python3").args(["-c", &[MAKE_WHEEL, INDEX].concat(), folder.to_str().unwrap()]).status().unwrap();
    assert!(made.success());
    folder
}

fn block(place: &Place, name: &str) -> std::path::PathBuf {
    let script = "from importlib.metadata import version\nprint('package', version('longshore-test-package'))\n";
    place.block(name, "python", "dependencies = [\"longshore-test-package\"]", script)
}

#[test]
fn a_password_of_an_index_is_nowhere() {
    let place = equipped();
    let server = Server::of(&index(&place), "ada:s3cr3t-word");
    let settings = |secret: &str| {
        let address = &server.address;
        place.settings(&format!(
            "[python]\nindex_url = \"http://{secret}{address}/simple\"\ntrusted_hosts = [\"{address}\"]\n"
        ));
    };
    let block = block(&place, "secret");
    settings("ada:wr0ng-word@");
    let refused = place.run(&block);
    refused.expect(3, &["the Python packages `longshore-test-package` cannot be installed", "401"]);
    assert!(!refused.err.contains("wr0ng-word"), "{refused:#?}");
    settings("ada:s3cr3t-word@");
    let ran = place.longshore(&["run", "--engine", "docker", "--json", block.to_str().unwrap()]);
    ran.expect(0, &["package 1.5"]);
    let built = place.longshore(&["images", "build", "secret"]);
    built.expect(0, &["was there"]);
    let image = built.image();
    let facts = docker(&["inspect", image]) + &docker(&["history", "--no-trunc", image]);
    let listed = place.longshore(&["images", "list"]);
    let explained = place.longshore(&["images", "explain", image]);
    for text in [&ran.err, &ran.out, &built.err, &built.out, &facts, &listed.out, &explained.out] {
        assert!(!text.contains("s3cr3t-word"), "{text}");
    }
    // Not in a file of the image either.
    let search =
        "command -v grep >/dev/null && { grep -rl s3cr3t-word /etc /opt /root /tmp /usr /var /work; echo searched; }";
    let searched = docker(&["run", "--rm", "--entrypoint", "sh", "--user", "0", image, "-c", search]);
    assert_eq!(searched, "searched\n");
    // Who asks is not part of what an environment is.
    settings("grace:s3cr3t-word@");
    assert_eq!(place.longshore(&["images", "build", "secret"]).expect(0, &["was there"]).image(), image);
}

#[test]
fn builds_go_through_a_proxy_that_is_set() {
    let place = equipped();
    let proxy = Server::of(&index(&place), "");
    let address = &proxy.address;
    // A host that is nowhere: only the proxy knows it.
    place.settings(&format!(
        "[python]\nindex_url = \"http://packages.invalid/simple\"\ntrusted_hosts = [\"packages.invalid\"]\n\
         [network]\nhttp_proxy = \"http://{address}\"\n"
    ));
    place.run(&block(&place, "proxied")).expect(0, &["package 1.5"]);
    let image = place.longshore(&["images", "build", "proxied"]);
    assert!(!docker(&["inspect", image.image()]).contains(address.as_str()));
}

/// An authority, and a server's certificate of it with its key, in the current folder.
const CERTIFICATES: &str = r#"
set -e
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=authority -keyout authority.key -out authority.crt
openssl req -newkey rsa:2048 -nodes -subj /CN=packages -keyout server.key -out server.csr
echo "subjectAltName=IP:$1" > names
openssl x509 -req -in server.csr -CA authority.crt -CAkey authority.key -CAcreateserial -days 1 -extfile names -out server.crt
cat server.crt server.key > server.pem
"#;

#[test]
fn builds_trust_the_certificates_that_are_set() {
    let place = equipped();
    let folder = index(&place);
    let made = Command::new("sh")
        .args(["-c", CERTIFICATES, "sh", &address().to_string()])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (key, path) = (place.path().join("server.pem"), place.path().join("authority.crt"));
    let path = path.to_str().unwrap();
    let server = Server::start(&folder, "", key.to_str().unwrap());
    let settings = |network: &str| {
        place.settings(&format!("[python]\nindex_url = \"https://{}/simple\"\n{network}", server.address));
    };
    let block = block(&place, "trusting");
    settings("[network]\nca_bundle = \"\"\n");
    place.run(&block).expect(3, &["the Python packages `longshore-test-package` cannot be installed", "ertificate"]);
    settings(&format!("[network]\nca_bundle = \"{path}\"\n"));
    place.run(&block).expect(0, &["package 1.5"]);
    settings("[network]\nca_bundle = \"nowhere.pem\"\n");
    place.python("other", "dependencies = [\"humanize\"]", "humanize");
    place.longshore(&["images", "build", "other"]).expect(3, &["cannot read the certificates in", "nowhere.pem"]);
}

#[test]
fn a_lock_can_be_built_from_another_mirror() {
    let place = equipped();
    let folder = index(&place);
    let first = Server::of(&folder, "");
    let settings = |server: &Server| {
        let address = &server.address;
        place
            .settings(&format!("[python]\nindex_url = \"http://{address}/simple\"\ntrusted_hosts = [\"{address}\"]\n"));
    };
    let block = block(&place, "mirrored");
    settings(&first);
    place.longshore(&["lock", "mirrored"]).expect(0, &["1 package"]);
    drop(first);
    let mirror = Server::of(&folder, "");
    settings(&mirror);
    place.run(&block).expect(0, &["package 1.5"]);
    // The same lock is the same environment, wherever its packages came from.
    place.settings("");
    let built = place.longshore(&["images", "build", "mirrored"]);
    built.expect(0, &["was there", "pip longshore-test-package==1.5"]);
}

/// A repository like CRAN with two packages, of which one needs the other, and one that cannot be installed.
const REPOSITORY: &str = r#"
folder <- commandArgs(TRUE)[1]
contrib <- file.path(folder, "src", "contrib")
dir.create(contrib, recursive = TRUE)
package <- function(name, needs, code, c = NULL, version = "1.2", place = contrib) {
  source <- file.path(tempdir(), name)
  unlink(source, recursive = TRUE)
  dir.create(place, FALSE, recursive = TRUE)
  dir.create(file.path(source, "R"), recursive = TRUE)
  writeLines(c(
    paste("Package:", name), paste("Version:", version), "Title: A Test", "Description: Of repositories.", "Author: Nobody",
    "Maintainer: Nobody <nobody@example.org>", "License: MIT", if (nzchar(needs)) paste("Imports:", needs)
  ), file.path(source, "DESCRIPTION"))
  writeLines(c("exportPattern('^[a-z]')", if (length(c)) sprintf("useDynLib(%s, twice)", name)),
    file.path(source, "NAMESPACE"))
  if (length(c)) {
    dir.create(file.path(source, "src"))
    writeLines(c, file.path(source, "src", "code.c"))
  }
  writeLines(code, file.path(source, "R", "code.R"))
  setwd(place)
  system2("R", c("CMD", "build", source), stdout = FALSE, stderr = FALSE)
}
package("longshorebelow", "", "answer <- function() 42")
package("longshoreabove", "longshorebelow", "double.answer <- function() 2 * longshorebelow::answer()")
package("longshorebroken", "", "this is no R")
package("rlang", "", "a <- 1", version = "0.1", place = file.path(contrib, "Archive", "rlang"))
package("longshorecompiled", "", "two.times <- function(x) .Call(twice, x)", c(
  '#include <Rinternals.h>', "SEXP twice(SEXP x) { return Rf_ScalarReal(2 * REAL(x)[0]); }"
))
archive <- function(name) file.path(contrib, "Archive", name)
package("longshorebelow", "", "answer <- function() 41", version = "1.1-3", place = archive("longshorebelow"))
package("longshorebelow", "", "answer <- function() 40", version = "1.0", place = archive("longshorebelow"))
package("longshoreabove", "longshorebelow (< 1.2)", "double.answer <- function() 2 * longshorebelow::answer()",
  version = "1.1", place = archive("longshoreabove"))
tools::write_PACKAGES(contrib)
# The same repository with a binary package.
binary <- file.path(folder, "binary", "src", "contrib")
dir.create(binary, recursive = TRUE)
setwd(binary)
system2("R", c("CMD", "INSTALL", "--build", paste0("--library=", tempdir()), file.path(contrib, "longshorecompiled_1.2.tar.gz")),
  stdout = FALSE, stderr = FALSE)
file.rename(list.files(binary), "longshorecompiled_1.2.tar.gz")
file.copy(file.path(contrib, c("PACKAGES", "PACKAGES.gz", "PACKAGES.rds")), binary)
"#;

/// A place whose R packages come from that repository.
pub(crate) fn with_repository() -> (Place, Server) {
    let place = Place::new();
    let folder = place.path().join("cran");
    let made =
        Command::new("Rscript").args(["--vanilla", "-e", REPOSITORY, folder.to_str().unwrap()]).status().unwrap();
    assert!(made.success());
    let server = Server::of(&folder, "");
    place.settings(&format!("[r]\nrepositories = [\"http://{}\"]\n", server.address));
    (place, server)
}

#[test]
fn a_compiler_comes_for_r_packages_that_need_one_and_goes_again() {
    let (place, _server) = with_repository();
    let script = "cat('twice', longshorecompiled::two.times(21), 'compiler', nzchar(Sys.which('gcc')), '\\n')\n";
    let block = place.block("compiled", "r", "dependencies = [\"longshorecompiled\"]", script);
    place.run(&block).expect(0, &["twice 42 compiler FALSE"]);
}

#[test]
fn a_repository_with_binaries_for_linux_serves_them() {
    let (place, server) = with_repository();
    place.settings(&format!("[r]\nrepositories = [\"http://{}/__linux__/bookworm/\"]\n", server.address));
    let script = "cat('twice', longshorecompiled::two.times(21), 'binary',\n\
                  grepl('x86_64|aarch64', packageDescription('longshorecompiled')$Built), '\\n')\n";
    let block = place.block("binary", "r", "dependencies = [\"longshorecompiled>=1.0\"]", script);
    let ran = place.run(&block);
    ran.expect(0, &["twice 42 binary TRUE"]);
    assert!(!ran.err.contains("r-base-dev"), "{ran:#?}");
    place.longshore(&["run", "--engine", "process", "binary"]).expect(0, &["twice 42 binary TRUE"]);
}

#[test]
fn r_packages_have_the_versions_that_the_block_names() {
    let (place, _server) = with_repository();
    let script = "cat('answer', double.answer(), format(packageVersion('longshorebelow')), '\\n')\n";
    let script = format!("library(longshoreabove)\n{script}");
    let with = |dependencies: &str| place.block("versions", "r", &format!("dependencies = [{dependencies}]"), &script);
    // From the archive, with what that version needs, which is in the archive too.
    let block = with("\"longshoreabove (< 1.2)\", \"zoo>=1.8\", \"data.table>=1.10,<2\"");
    place.run(&block).expect(0, &["answer 82 1.1.3"]);
    let built = place.longshore(&["images", "build", "versions"]);
    built.expect(0, &["was there", "r longshoreabove==1.1", "r longshorebelow==1.1-3", "deb r-cran-zoo="]);
    place.longshore(&["lock", "versions"]).expect(0, &[]);
    let lock = std::fs::read_to_string(block.join("longshore.lock")).unwrap();
    assert!(
        lock.contains("name = \"longshorebelow\"\nversion = \"1.1-3\"") && lock.contains("longshoreabove<1.2"),
        "{lock}"
    );
    place.run(&block).expect(0, &["answer 82 1.1.3"]);
    let stale = with("\"longshoreabove>=1.2\"");
    place.run(&stale).expect(2, &["it was made for the packages", "and the block names longshoreabove>=1.2"]);
    std::fs::remove_file(block.join("longshore.lock")).unwrap();
    with("\"longshoreabove==1.1\", \"data.table>=1.10\"");
    place.longshore(&["run", "--engine", "process", "versions"]).expect(0, &["answer 82 1.1.3"]);

    for (dependencies, reason) in [
        ("\"longshorebelow>=2\"", "no repository has `longshorebelow>=2` for R 4.2.2 (`http://"),
        ("\"longshorebelow>=2\"", " has 1.2, 1.1-3, 1.0): ask for a version that there is, or add a repository"),
        ("\"zoo>=99\"", "Debian has 1.8-11"),
        ("\"data.table==1.0.0\"", "R has 1.14.8"),
    ] {
        with(dependencies);
        for engine in ["docker", "process"] {
            if engine == "docker" || !reason.contains("Debian") {
                place.longshore(&["run", "--engine", engine, "versions"]).expect(3, &[reason]);
            }
        }
    }
}

#[test]
fn a_version_that_breaks_an_r_package_of_the_image_is_refused_if_both_are_listed() {
    let (place, _server) = with_repository();
    let script = "cat('rlang', format(packageVersion('rlang')), '\\n')\n";
    let both = place.block("both", "r", "dependencies = [\"rlang==0.1\", \"dplyr>=1.0\"]", script);
    place.run(&both).expect(3, &["the R packages", "`dplyr` 1.", "needs `rlang>=1.0", "`, not `rlang` 0.1"]);
    // Without the other, it need not work.
    let one = place.block("one", "r", "dependencies = [\"rlang==0.1\"]", script);
    for engine in ["docker", "process"] {
        let ran = place.longshore(&["run", "--engine", engine, one.to_str().unwrap()]);
        ran.expect(0, &["rlang 0.1", "note: packages of this R will not work: `", "`, not `rlang` 0.1"]);
    }
}

#[test]
fn r_packages_come_from_debian_and_from_a_repository() {
    let (place, _server) = with_repository();
    let script = "library(longshoreabove)\nlibrary(zoo)\n\
                  cat('answer', double.answer(), 'zoo', format(packageVersion('zoo')), '\\n')\n";
    let block = place.block("r", "r", "dependencies = [\"longshoreabove\", \"zoo\"]", script);
    place.run(&block).expect(0, &["answer 84 zoo 1."]);
    let built = place.longshore(&["images", "build", "r"]);
    built.expect(0, &["was there", "r longshoreabove==1.2", "r longshorebelow==1.2", "deb r-cran-zoo="]);

    place.longshore(&["lock", "r"]).expect(0, &[]);
    let lock = std::fs::read_to_string(block.join("longshore.lock")).unwrap();
    for part in ["name = \"longshoreabove\"\nversion = \"1.2\"", "name = \"longshorebelow\"", "name = \"r-cran-zoo\""] {
        assert!(lock.contains(part), "no `{part}` in {lock}");
    }
    place.run(&block).expect(0, &["answer 84 zoo 1."]);

    let nowhere = place.block("nowhere", "r", "dependencies = [\"longshorenowhere\"]", "");
    place
        .run(&nowhere)
        .expect(3, &["the R packages `longshorenowhere` cannot be installed: no repository has `longshorenowhere`"]);
    // What is only found in a script may be there for the day when it is needed.
    let found = place.path().join("found");
    std::fs::create_dir(&found).unwrap();
    let manifest = r#"{"name": "Found", "scriptFilename": "script.R", "language": "R"}"#;
    std::fs::write(found.join("manifest.json"), manifest).unwrap();
    std::fs::write(found.join("script.R"), "cat('is it there?', require(longshorenowhere), '\\n')\n").unwrap();
    let note = "no repository has the R package `longshorenowhere`: a script that needs it fails";
    place.run(&found).expect(0, &["is it there? FALSE", note]);

    let broken = place.block("broken", "r", "dependencies = [\"longshorebroken\"]", "library(longshorebroken)\n");
    let failed = place.run(&broken);
    failed.expect(3, &["of the R packages these could not be installed: `longshorebroken`"]);

    place.settings("[r]\nrepositories = [\"http://127.0.0.1:9\"]\n");
    let unreachable =
        "the repository `http://127.0.0.1:9` cannot be reached for the packages `longshorenowhere`: a script";
    place.run(&found).expect(0, &["is it there? FALSE", unreachable]);
    let built = place.longshore(&["images", "build", "found"]);
    assert!(!Place::label(built.expect(0, &["was there"]).image(), "longshore.expires").is_empty());
    let alone = place.block("alone", "r", "dependencies = [\"longshoreabove\"]", "");
    place
        .run(&alone)
        .expect(3, &["the repository `http://127.0.0.1:9` cannot be reached for the packages `longshoreabove`"]);
}
