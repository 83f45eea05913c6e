//! Locks.

use crate::place::Place;

const KEYS: &str = "system_packages = [\"tree\"]\ndependencies = [\"humanize<4.10\", \"numpy\"]";

#[test]
fn a_lock_fixes_what_is_installed() {
    let place = Place::new();
    let block = place.python("locked", KEYS, "humanize");
    place.longshore(&["lock", "locked"]).expect(0, &["longshore.lock: 3 packages"]);
    let path = block.join("longshore.lock");
    let text = std::fs::read_to_string(&path).unwrap();
    for part in [
        "name = \"humanize\"\nversion = \"4.9.0\"\nhashes = [\"sha256:",
        "name = \"numpy\"",
        "name = \"tree\"\nversion = \"2.1.0-1\"",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    place.run(&block).expect(0, &["humanize 4.9.0"]);
    // The hashes are looked at.
    let hash = text.split("sha256:").nth(1).unwrap().split('"').next().unwrap();
    let (before, after) = text.split_once("name = \"numpy\"").unwrap();
    let wrong = before.replace("sha256:", "sha256:0").replace(&format!("0{hash}"), &format!("0{}", &hash[1..]));
    let wrong = shorten(&wrong);
    std::fs::write(&path, format!("{wrong}name = \"numpy\"{after}")).unwrap();
    place.run(&block).expect(3, &["the Python packages", "cannot be installed", "ash"]);
}

/// Hashes of the right length that are no file's.
fn shorten(text: &str) -> String {
    text.split('"')
        .map(|part| if part.starts_with("sha256:") { &part[..part.len().min(71)] } else { part })
        .collect::<Vec<_>>()
        .join("\"")
}

#[test]
fn a_lock_that_is_not_the_blocks_is_refused_before_anything_starts() {
    let place = Place::new();
    let block = place.python("stale", "dependencies = [\"humanize<4.10\"]", "humanize");
    place.longshore(&["lock", "stale"]).expect(0, &["1 package"]);
    place.python("stale", "dependencies = [\"humanize<4.11\"]", "humanize");
    let refused = place.run(&block);
    let reason = "it was made for the packages humanize<4.10, and the block names humanize<4.11";
    refused.expect(2, &[reason, "help: rewrite the lock with `longshore lock`"]);
    place.longshore(&["images", "build", "stale"]).expect(2, &[reason]);
    std::fs::write(block.join("longshore.lock"), "version = 1\n").unwrap();
    place.run(&block).expect(2, &["longshore.lock` cannot be used", "missing field `base`"]);
    place.longshore(&["lock", "stale"]).expect(0, &["1 package"]);
    place.run(&block).expect(0, &["humanize 4.10.0"]);
}

#[test]
fn a_block_without_packages_has_nothing_to_lock() {
    let place = Place::new();
    let block = place.block("nothing", "python", "", "");
    place.longshore(&["lock", "nothing"]).expect(2, &["the block names no packages, so there is nothing to lock"]);
    assert!(!block.join("longshore.lock").exists());
}
