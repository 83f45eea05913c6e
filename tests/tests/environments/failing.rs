//! Builds that fail: what is said, and that nothing is left of them.

use crate::engine::docker;
use crate::place::{PATIENCE, Place, image};
use std::time::{Duration, Instant};

#[test]
fn packages_that_cannot_be_had_are_named_with_the_reason() {
    let place = Place::new();
    for (keys, text) in [
        (
            "dependencies = [\"no-such-package-anywhere-x\"]",
            "no-such-package-anywhere-x was not found in the package registry",
        ),
        ("dependencies = [\"humanize==0.0.99\"]", "there is no version of humanize==0.0.99"),
        ("dependencies = [\"humanize<4\", \"humanize>=4\"]", "your requirements are unsatisfiable"),
        (
            "system_packages = [\"no-such-package-x\"]",
            "the Debian packages `no-such-package-x` cannot be installed: Unable to locate package no-such-package-x",
        ),
    ] {
        let block = place.python("impossible", keys, "humanize");
        place.run(&block).expect(3, &[text]);
        place.longshore(&["images", "build", "impossible"]).expect(3, &[text]);
        assert_eq!(place.left(), Vec::<String>::new(), "{keys}");
    }
}

#[test]
fn what_is_no_name_of_a_package_starts_nothing() {
    let place = Place::new();
    for (language, keys, text) in [
        ("python", "dependencies = [\"--index-url=http://x\"]", "invalid Python package name `--index-url=http://x`"),
        (
            "python",
            "dependencies = [\"../x.whl\"]",
            "is not a package requirement: it is a path, and builds see no files of this machine",
        ),
        ("python", "system_packages = [\"tree; reboot\"]", "invalid Debian package name `tree; reboot`"),
        ("r", "dependencies = [\"zoo'); system('x\"]", "invalid R package name `zoo'); system('x`"),
    ] {
        let block = place.block("nonsense", language, keys, "");
        place.run(&block).expect(2, &[text]);
        place.longshore(&["images", "build", "nonsense"]).expect(2, &[text]);
        place.longshore(&["lock", "nonsense"]).expect(2, &[text]);
    }
    assert_eq!(place.left(), Vec::<String>::new());
}

#[test]
fn without_a_network_it_says_so() {
    let place = Place::new();
    // Nobody listens there.
    place.settings(
        "[python]\nindex_url = \"http://127.0.0.1:9/simple\"\n[debian]\nmirror = \"http://127.0.0.1:9/debian\"\n",
    );
    let block = place.python("alone", "dependencies = [\"humanize==4.11.0\"]", "humanize");
    place.run(&block).expect(3, &["the Python packages `humanize==4.11.0` cannot be installed", "127.0.0.1:9"]);
    let block = place.python("alone", "system_packages = [\"tree\"]", "humanize");
    place.run(&block).expect(3, &["the Debian packages `tree` cannot be installed", "127.0.0.1:9"]);
    assert_eq!(place.left(), Vec::<String>::new());
    // What the base image has needs no network.
    let block =
        place.python("there", "dependencies = [\"numpy>=2\", \"pandas\", \"x; python_version < '3'\"]", "numpy");
    place.run(&block).expect(0, &["numpy 2."]);
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let place = Place::new();
    let base = image(&format!("{}:full", place.store), "FROM longshore/python:latest\nRUN true\n");
    // The packages of this base come by a disk that has no room for them.
    let id = docker(&["inspect", "-f", "{{.Id}}", &base]);
    let volume = format!("longshore-packages-{}", &id.trim().trim_start_matches("sha256:")[..12]);
    docker(&["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=16k", &volume]);
    let keys = format!("image = \"{base}\"\ndependencies = [\"humanize==4.10.0\"]");
    let block = place.python("full", &keys, "humanize");
    let failed = place.run(&block);
    failed.expect(
        3,
        &["the Python packages `humanize==4.10.0` cannot be installed: the disk is full", "No space left on device"],
    );
    assert_eq!(place.left(), Vec::<String>::new());
    docker(&["volume", "rm", &volume]);
    docker(&["rmi", "-f", &base]);
}

#[test]
fn a_build_has_limits_and_the_error_names_the_one_it_reached() {
    let place = Place::new();
    let server = crate::served::Server::of(&sources(&place), "");
    let address = &server.address;
    for (name, limit, said) in [
        ("memory", "memory = \"64MB\"", "the build took more memory than its limit of 64 MB"),
        ("disk", "disk = \"20MB\"", "the build wrote more to disk than its limit of 20 MB"),
        ("processes", "processes = 40", "the build started more processes than its limit of 40"),
    ] {
        place.settings(&format!(
            "[python]\nindex_url = \"http://{address}/simple\"\ntrusted_hosts = [\"{address}\"]\n[build]\n{limit}\n"
        ));
        let keys = format!("dependencies = [\"longshore-takes-{name}\"]");
        let block = place.block(name, "python", &keys, "");
        place.run(&block).expect(3, &[said, &format!("raise `{name}` in `[build]` of the settings")]);
        assert_eq!(place.left(), Vec::<String>::new(), "{name}");
    }
    place.settings("[build]\nminutes = 0\n");
    let block = place.python("late", "dependencies = [\"humanize==4.3.0\"]", "humanize");
    place.run(&block).expect(3, &["the build took more than 0 minutes", "raise `minutes` in `[build]`"]);
    // Whoever ends in the middle leaves it to the engine to see that.
    let since = Instant::now();
    while !place.left().is_empty() {
        assert!(since.elapsed() < PATIENCE, "{:?}", place.left());
        std::thread::sleep(Duration::from_millis(50));
    }
    let local = place.longshore(&["run", "--engine", "process", block.to_str().unwrap()]);
    local.expect(3, &["installing the packages took more than 0 minutes"]);
}

/// An index of packages that must be built, whose building takes much of something. They build themselves: there is no
/// network to get a builder from.
const SOURCES: &str = r#"
import io, pathlib, sys, tarfile
takes = {
    "memory": "held = bytearray(200_000_000)",
    "disk": "open('/usr/large', 'wb').write(bytes(60_000_000))",
    "processes": "import subprocess\n    [subprocess.Popen(['sleep', '60']) for _ in range(100)]",
}
for name, code in takes.items():
    package = f"longshore-takes-{name}"
    folder = pathlib.Path(sys.argv[1]) / "simple" / package
    folder.mkdir(parents=True)
    stem = f"longshore_takes_{name}-1.0"
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
    builder = f"""
import zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    {code}
    info = "{stem}.dist-info"
    with zipfile.ZipFile(folder + "/{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(info + "/METADATA", {metadata!r})
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return "{stem}-py3-none-any.whl"
"""
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "builder"\nbackend-path = ["."]\n',
        "builder.py": builder,
        "PKG-INFO": metadata,
    }
    with tarfile.open(folder / f"{stem}.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{stem}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    (folder / "index.html").write_text(f'<a href="{stem}.tar.gz">{stem}.tar.gz</a>')
"#;

fn sources(place: &Place) -> std::path::PathBuf {
    let folder = place.path().join("sources");
    let made = std::process::Command::new("python3").args(["-c", SOURCES, folder.to_str().unwrap()]).status().unwrap();
    assert!(made.success());
    folder
}
