//! Folders with a `Dockerfile`, whose image is built as the base of the block. Images of ours are below them, so that
//! nothing is downloaded.

use crate::engine::{docker, needed};
use crate::place::{PATIENCE, Place, folder, image};
use crate::served::indexed;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

/// Two stages, and files that are copied by their names.
const STAGES: &str = "ARG BASE=longshore/python\nFROM ${BASE} AS made\nUSER root\n\
    RUN printf '#!/bin/sh\\ncat /opt/data/words.txt\\n' >/tool && chmod 755 /tool\n\n\
    FROM ${BASE}\nUSER root\nCOPY data \\\n    # with all that is in it\n    /opt/data/\nCOPY --from=made /tool /opt/tool\n\
    RUN echo memory $(cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null)\n";

const PRINTS: &str = "import subprocess\nfrom longshore.api import Api\napi = Api()\n\
    print('the tool', subprocess.run(['/opt/tool'], capture_output=True, text=True).stdout)\napi.close()\n";

#[test]
fn a_folder_with_a_dockerfile_runs_on_its_image() {
    let place = Place::new();
    place.settings("[build]\nmemory = \"600MiB\"\n");
    let files = [("main.py", PRINTS), ("Dockerfile", STAGES), ("requirements.txt", "no-such-package-of-anybody\n")];
    let block = folder(&place, "shop", &files);
    std::fs::create_dir(block.join("data")).unwrap();
    std::fs::write(block.join("data/words.txt"), "first words").unwrap();
    place.longshore(&["check", "shop"]).expect(
        0,
        &["Dockerfile        yes     base image, from `longshore/python`", "no      the image of `Dockerfile` counts"],
    );
    let explained = place.longshore(&["run", "--explain", "--engine", "docker", "shop"]);
    explained.expect(0, &["does not exist yet: a run makes it"]);
    assert_eq!(place.left(), [""; 0]);

    let first = place.run(&block);
    first.expect(0, &["the tool first words", "building the image of `Dockerfile`", "memory 629145600"]);
    // What no instruction copies changes nothing.
    std::fs::write(block.join("main.py"), format!("{PRINTS}print('changed')\n")).unwrap();
    let again = place.run(&block);
    again.expect(0, &["the tool first words", "changed"]);
    assert!(!again.err.contains("building"), "{again:#?}");
    let image = place.longshore(&["images", "build", "shop"]);
    image.expect(0, &["longshore/dockerfile:", " was there"]);
    let hash = image.image().rsplit(':').next().unwrap().to_owned();
    place.longshore(&["images", "list"]).expect(0, &[&format!("{}  dockerfile  longshore/python", &hash[..12])]);
    place.longshore(&["images", "explain", "shop"]).expect(0, &["built from the `Dockerfile` of a block", &hash]);
    place.longshore(&["fingerprint", "shop"]).expect(0, &["pandas"]);

    std::fs::write(block.join("data/words.txt"), "other words").unwrap();
    place.run(&block).expect(0, &["the tool other words", "building the image of `Dockerfile`"]);
    let pruned = place.prune_all();
    pruned.expect(0, &[&format!("removed longshore/dockerfile:{hash}")]);
    assert_eq!(place.left(), [""; 0]);
}

#[test]
fn a_manifest_adds_packages_to_the_image_and_an_image_replaces_it() {
    let (place, _server) = indexed();
    let script = "print(open('/opt/word').read())\n";
    let manifest = "name = \"x\"\nlanguage = \"python\"\nscript = \"main.py\"\n";
    let dockerfile = "FROM longshore/python\nUSER root\nRUN echo of the image >/opt/word\n";
    let block = folder(&place, "both", &[("main.py", script), ("block.toml", manifest), ("Dockerfile", dockerfile)]);
    place.run(&block).expect(0, &["of the image"]);
    std::fs::write(block.join("block.toml"), format!("{manifest}dependencies = [\"longshore-words<2\"]\n")).unwrap();
    place.longshore(&["lock", "both"]).expect(0, &["both/longshore.lock: 1 package"]);
    place.longshore(&["images", "build", "both"]).expect(0, &["longshore/environment:", "pip longshore-words==1.1"]);
    place.run(&block).expect(0, &["of the image"]);
    std::fs::remove_file(block.join("longshore.lock")).unwrap();
    std::fs::write(block.join("block.toml"), format!("{manifest}image = \"longshore/python\"\n")).unwrap();
    place.run(&block).expect(1, &["No such file or directory: '/opt/word'"]);
}

#[test]
fn what_cannot_be_built_is_an_error_with_its_step() {
    let place = Place::new();
    let failing = "FROM longshore/python\nRUN echo this is why && exit 7\nRUN echo never\n";
    let block = folder(&place, "fails", &[("main.py", ""), ("Dockerfile", failing)]);
    let failed = place.run(&block);
    let step = "/fails/Dockerfile`, at `RUN echo this is why && exit 7`:";
    failed.expect(3, &["cannot build the image of `", step, "this is why", "returned a non-zero code: 7"]);
    assert!(!failed.err.contains("echo never"), "{failed:#?}");
    place
        .longshore(&["images", "build", "fails"])
        .expect(3, &["`fails/Dockerfile`, at `RUN echo this is why && exit 7`:"]);
    let write = |text: &str| std::fs::write(block.join("Dockerfile"), text).unwrap();
    write("FROM longshore/python\nINSTALL everything\n");
    place.run(&block).expect(3, &["cannot build the image of `", "INSTALL"]);
    // Nothing is asked of the engine.
    write("FROM longshore/python\nCOPY . /all\n");
    std::os::unix::fs::symlink("/etc/passwd", block.join("link")).unwrap();
    for arguments in [&["check", "fails"][..], &["run", "fails"], &["images", "build", "fails"]] {
        place.longshore(arguments).expect(2, &["fails/link`"]);
    }
    std::fs::remove_file(block.join("link")).unwrap();
    write("FROM Python!\n");
    place.run(&block).expect(2, &["is built from `Python!`, which is not a valid image name"]);
    write("FROM longshore/python\nADD http://127.0.0.1:1/x /x\n");
    place.run(&block).expect(2, &["Dockerfile`, line 2: `ADD` of the address `http://127.0.0.1:1/x` is not built"]);
    let triggers = image(&format!("{}:triggers", place.store), "FROM longshore/base\nONBUILD RUN echo unseen\n");
    write(&format!("FROM {triggers}\n"));
    let refused = place.run(&block);
    docker(&["rmi", &triggers]);
    refused.expect(3, &["`ONBUILD`"]);
    write("FROM longshore/no-such-image\n");
    place.run(&block).expect(3, &["longshore/no-such-image"]);
    write("FROM longshore/python\nCOPY none.txt /\n");
    place.run(&block).expect(3, &["none.txt"]);
    write("FROM longshore/python\n");
    place.longshore(&["run", "--engine", "process", "fails"]).expect(3, &["`process` engine, which has no images"]);
    write(&format!("FROM {}\n", needed("debian:bookworm-slim")));
    std::fs::write(block.join("main.py"), "from longshore.api import Api\n").unwrap();
    place.run(&block).expect(3, &["cannot install the API in `longshore/dockerfile:", "it has no python3"]);
    place.settings("[build]\ndockerfiles = false\n");
    let forbidden = place.run(&block);
    assert!(forbidden.err.contains("`dockerfiles` in `[build]` of the settings is `false`"), "{forbidden:#?}");
}

#[test]
fn a_file_that_is_ignored_is_not_in_the_image() {
    let place = Place::new();
    let files = [
        ("main.py", "import os\nprint(sorted(os.listdir('/all')))\n"),
        ("Dockerfile", "FROM longshore/python\nCOPY . /all\n"),
        (".dockerignore", "**/*.key\n.*\nnotes*\n!notes.txt\n"),
        ("server.key", "secret"),
        ("notes.md", "x"),
        ("notes.txt", "x"),
    ];
    place.run(&folder(&place, "all", &files)).expect(0, &["['Dockerfile', 'main.py', 'notes.txt']"]);
}

#[test]
fn ctrl_c_ends_the_build_of_an_image() {
    let place = Place::new();
    let block = folder(
        &place,
        "long",
        &[("main.py", ""), ("Dockerfile", "FROM longshore/python\nRUN echo begun && sleep 300\n")],
    );
    let mut run = place.command(&["run", "--engine", "docker", block.to_str().unwrap()]).spawn().unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.trim() == "begun"));
    let label = format!("label=longshore.store={}", place.store);
    let containers = || docker(&["ps", "-aq", "--filter", &label]);
    let wait_until = |is_so: &dyn Fn() -> bool| {
        let since = Instant::now();
        while !is_so() {
            assert!(since.elapsed() < PATIENCE, "{:?}", place.left());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    // The engine may list a container after its first output.
    wait_until(&|| !containers().is_empty());
    let pid = rustix::process::Pid::from_raw(run.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    wait_until(&|| containers().is_empty());
}
