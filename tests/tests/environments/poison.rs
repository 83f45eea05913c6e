//! Packages that would change what other environments are made of: they leave nothing in a cache, whatever of them runs
//! when Python starts, and whatever programs they bring.

use crate::engine::docker;
use crate::place::{CACHES, Place, image};
use crate::served::{MAKE_WHEEL, Server, equipped};
use std::path::Path;
use std::process::Command;
use std::sync::PoisonError;

/// A wheel in an index, and in a folder beside it. Its `.pth`, its `sitecustomize` and its programs, which have the names
/// of those that scripts call, leave a file wherever caches and tools may be, if it can be written there.
const WHEEL: &str = r##"
folder = pathlib.Path(sys.argv[1]) / "simple" / "longshore-poison"
folder.mkdir(parents=True)
places = "/run/longshore/cache", "/run/longshore/tools"
poison = (
    "import os; [open(f + '/poisoned', 'a').close() for f in ("
    f"os.environ.get('UV_CACHE_DIR', ''), *{places!r}) if f and os.path.isdir(f) and os.access(f, os.W_OK)]\n"
)
program = (
    "#!/bin/sh\nfor f in \"$UV_CACHE_DIR\" " + " ".join(places) + "; do\n"
    "    if [ -n \"$f\" ] && [ -w \"$f\" ]; then echo > \"$f/poisoned\"; fi\ndone\nexec \"/bin/${0##*/}\" \"$@\"\n"
)
files = {
    "longshore_poison.py": "",
    "longshore_poison.pth": poison,
    "sitecustomize.py": poison,
    **{f"longshore_poison-1.0.data/scripts/{name}": program for name in ("cat", "rm", "sed", "sh", "xargs")},
}
# Nor can it be compiled into what is not its own.
files |= {"longshore_poison_data/other.py": "", "longshore_poison_data/__pycache__": "no folder"}
name, digest = make_wheel(folder, "longshore-poison", "1.0", files)
(folder / "index.html").write_text(f'<a href="{name}#sha256={digest}">{name}</a>')
other = folder.parent / "longshore-harmless"
other.mkdir()
name, digest = make_wheel(other, "longshore-harmless", "1.0", {"longshore_harmless.py": ""})
(other / "index.html").write_text(f'<a href="{name}#sha256={digest}">{name}</a>')
"##;

fn index(place: &Place) -> std::path::PathBuf {
    let folder = place.path().join("poison");
    let made =
        Command::new("python3").args(["-c", &[MAKE_WHEEL, WHEEL].concat(), folder.to_str().unwrap()]).status().unwrap();
    assert!(made.success());
    folder
}

/// Says that the package is there, and compiled.
const SCRIPT: &str = "import os, longshore_poison\nprint('poison', os.path.exists(longshore_poison.__cached__))\n";

#[test]
fn no_package_can_change_the_cache_that_other_environments_are_made_from() {
    let _unchanged = CACHES.read().unwrap_or_else(PoisonError::into_inner);
    let place = equipped();
    let server = Server::of(&index(&place), "");
    let address = &server.address;
    place.settings(&format!("[python]\nindex_url = \"http://{address}/simple\"\ntrusted_hosts = [\"{address}\"]\n"));
    // A cache of the test's own, which builds on this image share: no other test has the same image.
    let dockerfile = format!("FROM longshore/python:latest\nLABEL poison={}\n", place.store);
    let base = image(&format!("{}:poison", place.store), &dockerfile);
    let id = docker(&["inspect", "-f", "{{.Id}}", &base]);
    let cache = format!("longshore-packages-{}", &id.trim().trim_start_matches("sha256:")[..12]);
    let keys = format!("image = \"{base}\"\ndependencies = [\"longshore-poison\"]");
    let block = place.block("poison", "python", &keys, SCRIPT);
    place.run(&block).expect(0, &["+ longshore-poison==1.0", "poison True"]);
    let built = place.longshore(&["images", "build", "poison"]);
    built.expect(0, &["was there", "pip longshore-poison==1.0"]);
    // What is added to an environment with that package is installed where none of it is.
    let both = keys.replace("\"longshore-poison\"", "\"longshore-poison\", \"longshore-harmless\"");
    let above = place.run(&place.block("above", "python", &both, SCRIPT));
    above.expect(0, &["+ longshore-harmless==1.0", "poison True"]);
    assert!(!above.err.contains("+ longshore-poison"), "{above:#?}");
    let tools = docker(&["volume", "ls", "-q", "--filter", "name=longshore-tools-uv"]);
    for volume in [cache.as_str()].into_iter().chain(tools.lines()) {
        let mount = format!("{volume}:/volume:ro");
        let list = ["run", "--rm", "--user", "0", "-v", &mount, "--entrypoint", "find", "longshore/python:latest"];
        let listed = docker(&[&list[..], &["/volume", "-name", "poisoned", "-o", "-name", "*poison*.whl"]].concat());
        assert!(!listed.contains("poisoned"), "{volume}: {listed}");
        let all = docker(&[&list[..], &["/volume", "-type", "f"]].concat());
        assert!(!all.is_empty(), "{volume} was not used");
        // Its bytecode is in the cache, and has been made without running it.
        assert_eq!(volume == cache, all.contains("longshore_poison.cpython-"), "{all}");
    }
    // Nor is anything that the build was given in the image.
    let search = ["run", "--rm", "--user", "0", "--entrypoint", "find", built.image(), "/tmp", "-mindepth", "1"];
    assert_eq!(docker(&search), "");
    // Before its image is gone: then whoever cleans up may remove it too.
    docker(&["volume", "rm", &cache]);
    drop(place);
    docker(&["rmi", "-f", &base]);
}

#[test]
fn no_package_runs_on_the_process_engine_before_its_script() {
    let place = Place::new();
    let wheels = index(&place).join("simple/longshore-poison");
    place
        .settings(&format!("[python]\npip_arguments = [\"--no-index\", \"--find-links\", \"{}\"]\n", wheels.display()));
    let block = place.block("poison", "python", "dependencies = [\"longshore-poison\"]", SCRIPT);
    let ran = place.longshore(&["run", "--engine", "process", block.to_str().unwrap()]);
    ran.expect(0, &["installing longshore-poison", "poison True"]);
    let cache = place.path().join("cache/longshore/uv");
    assert!(cache.is_dir());
    assert_eq!(named(&cache, "poisoned"), Vec::<String>::new());
}

/// Files of a name below a folder.
fn named(folder: &Path, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(named(&path, name));
        } else if entry.file_name() == name {
            found.push(path.display().to_string());
        }
    }
    found
}
