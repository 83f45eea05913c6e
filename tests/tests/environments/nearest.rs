//! Environments that are built on others, which have most of their packages: they are what they are on their own.

use crate::engine::{Fate, docker, stand_before};
use crate::place::{Place, ended};
use crate::served::{MAKE_WHEEL, Server, equipped};
use std::path::PathBuf;
use std::process::Command;

/// An index of six packages in two versions each. They have a folder in common, programs, data, a file that is for another
/// Python, and one that is moved on installation.
const INDEX: &str = r##"
for letter in "abcdef":
    folder = pathlib.Path(sys.argv[1]) / "simple" / f"longshore-near-{letter}"
    folder.mkdir(parents=True)
    links = ""
    for version in ("1.0", "2.0"):
        data = f"longshore_near_{letter}-{version}.data"
        files = {
            f"longshore_near_{letter}/__init__.py": f"VERSION = '{version}'\n",
            f"longshore_near_{letter}/other.py": "print 'for Python 2'\n",
            f"longshore_near_all/{letter}.py": f"LETTER = '{letter}'\n",
            f"{data}/scripts/longshore-near-{letter}": "#!python\nprint('ran')\n",
            f"{data}/data/share/longshore-near/{letter}": letter,
            **({f"{data}/purelib/longshore_near_moved.py": "MOVED = True\n"} if letter == "a" else {}),
        }
        name, digest = make_wheel(folder, f"longshore-near-{letter}", version, files)
        links += f'<a href="{name}#sha256={digest}">{name}</a>'
    (folder / "index.html").write_text(links)
"##;

/// All files of the packages: their kinds, modes, sizes and links, and the content of those of the index. Only bytecode of
/// the file that was moved has the time of its source.
const LIST: &str = r"
cd /opt/longshore/python
find . -type d -printf '%P %m\n' -o -printf '%P %y %m %s %l\n' | sort
find . -path '*near*' -type f ! -path '*moved*.pyc' | sort | xargs sha256sum
";

fn index(place: &Place) -> PathBuf {
    let folder = place.path().join("index");
    let made =
        Command::new("python3").args(["-c", &[MAKE_WHEEL, INDEX].concat(), folder.to_str().unwrap()]).status().unwrap();
    assert!(made.success());
    folder
}

fn settings(place: &Place, server: &Server) {
    let address = &server.address;
    place.settings(&format!("[python]\nindex_url = \"http://{address}/simple\"\ntrusted_hosts = [\"{address}\"]\n"));
}

/// Builds the environment of a list in a place.
fn build(place: &Place, name: &str, packages: &[String]) -> crate::place::Ended {
    let script = "print('ran')\n";
    place.block(name, "python", &format!("dependencies = {packages:?}"), script);
    place.longshore(&["images", "build", name])
}

fn listed(image: &str) -> String {
    docker(&["run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c", LIST])
}

/// Pseudo-random numbers below a limit.
pub(crate) fn numbers(mut seed: u32) -> impl FnMut(usize) -> usize {
    move |limit| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(seed >> 8).unwrap() % limit
    }
}

#[test]
fn an_environment_is_the_same_on_the_nearest_and_on_its_base() {
    let (near, apart) = (equipped(), Place::new());
    let server = Server::of(&index(&near), "");
    settings(&near, &server);
    settings(&apart, &server);
    let mut number = numbers(std::process::id());
    let mut letters: Vec<char> = "abcdef".chars().collect();
    let mut packages: Vec<String> = Vec::new();
    let mut below = String::new();
    // Each list has the one before, and one or two packages more.
    for (depth, more) in [2 + number(2), 1, 1 + number(2)].into_iter().enumerate() {
        let added: Vec<String> = (0..more)
            .map(|_| format!("longshore-near-{}=={}.0", letters.remove(number(letters.len())), 1 + number(2)))
            .collect();
        packages.extend(added.iter().cloned());
        let built = build(&near, "near", &packages);
        built.expect(0, &["made"]);
        let printed: Vec<_> = built.err.lines().filter_map(|line| line.trim().strip_prefix("+ ")).collect();
        let mut added: Vec<&str> = added.iter().map(String::as_str).collect();
        added.sort_unstable();
        assert_eq!(printed, added, "{built:#?}");
        assert_eq!(Place::label(built.image(), "longshore.depth"), depth.to_string(), "{packages:?}");
        if depth > 0 {
            assert_eq!(Place::label(built.image(), "longshore.parent"), below, "{packages:?}");
        }
        below = docker(&["inspect", "-f", "{{.Id}}", built.image()]).trim().to_owned();
    }
    let (one, other) = (build(&near, "near", &packages), build(&apart, "apart", &packages));
    one.expect(0, &["was there"]);
    let (one, other) = (one.image(), other.expect(0, &["made"]).image());
    assert_eq!(Place::label(other, "longshore.depth"), "0");
    assert_eq!(Place::label(one, "longshore.resolved"), Place::label(other, "longshore.resolved"));
    assert_eq!(Place::label(one, "longshore.parts"), Place::label(other, "longshore.parts"));
    assert_eq!(listed(one), listed(other), "{packages:?}");
    // Other words for the same packages need nothing at all.
    let words: Vec<String> = packages.iter().map(|package| format!("{package},!=1.5")).collect();
    let same = build(&near, "same", &words);
    same.expect(0, &["made"]);
    assert!(!same.err.contains("+ longshore-near"), "{same:#?}");
    assert_eq!(Place::label(same.image(), "longshore.parent"), below);
    assert_eq!(listed(same.image()), listed(other));
    near.longshore(&["images", "explain", same.image()]).expect(0, &["built on", one]);
    // What is below stays as long as it is used, and goes with it.
    near.prune_all().expect(0, &[]);
    assert_eq!(near.left(), Vec::<String>::new());
}

#[test]
fn a_build_that_fails_leaves_the_environment_below_it() {
    let place = equipped();
    let server = Server::of(&index(&place), "");
    settings(&place, &server);
    let packages = |letters: &str| -> Vec<String> {
        letters.chars().map(|letter| format!("longshore-near-{letter}==1.0")).collect()
    };
    let below = build(&place, "below", &packages("bc"));
    below.expect(0, &["made"]);
    let left = place.left();
    // Files are copied to `/` before a command, and to folders of the image only from one container to another.
    let path = place.path().join("engine.sock");
    stand_before(&path, |request| match request.lines().next() {
        Some(line) if line.starts_with("PUT ") && line.contains("path=%2Fopt") => Fate::BrokenOff,
        _ => Fate::PassedOn,
    });
    let script = place.block("above", "python", &format!("dependencies = {:?}", packages("bcd")), "print('ran')\n");
    let mut command = place.command(&["run", "--engine", "docker", script.to_str().unwrap()]);
    let failed = ended(command.env("DOCKER_HOST", format!("unix://{}", path.display())).output().unwrap());
    failed.expect(3, &["copying files between build containers"]);
    let since = std::time::Instant::now();
    while place.left() != left {
        assert!(since.elapsed() < crate::place::PATIENCE, "{:?} instead of {left:?}", place.left());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    place.run(&script).expect(0, &["+ longshore-near-d==1.0", "ran"]);
    // The name of what is below may go first: its layers stay as long as an image has them.
    docker(&["rmi", below.image()]);
    let above = place.run(&script);
    assert!(!above.expect(0, &["ran"]).err.contains("making"), "{above:#?}");
    place.prune_all().expect(0, &[]);
    assert_eq!(place.left(), Vec::<String>::new());
}
