//! Builds that fail: what is said, and that nothing is left of them.

use crate::engine::docker;
use crate::place::{Place, image};

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
        (
            "python",
            "dependencies = [\"--index-url=http://x\"]",
            "the block names the Python package `--index-url=http://x`, which is none",
        ),
        ("python", "dependencies = [\"../x.whl\"]", "expected a requirement as pip has them"),
        (
            "python",
            "system_packages = [\"tree; reboot\"]",
            "the block names the Debian package `tree; reboot`, which is none",
        ),
        ("r", "dependencies = [\"zoo'); system('x\"]", "the block names the R package"),
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
