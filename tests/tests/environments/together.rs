//! Requirements that are resolved together with the packages of the image, and lists that need nothing but those.

use crate::engine::docker;
use crate::nearest::numbers;
use crate::place::{Place, folder, image};
use crate::served::{MAKE_WHEEL, Server, equipped};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

/// The packages, each in the versions 1 to 4.
const PACKAGES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// The versions of all packages in the image.
const VERSION: usize = 2;

/// Makes the wheels of packages, whose needs are the second argument: `NAME VERSION NEED…` in each line.
const INDEX: &str = r##"
for line in sys.argv[2].splitlines():
    letter, version, *needs = line.split()
    package = f"longshore-{letter}"
    folder = pathlib.Path(sys.argv[1]) / "simple" / package
    folder.mkdir(parents=True, exist_ok=True)
    code = {f"longshore_{letter}.py": f"VERSION = {version}\n"}
    name, digest = make_wheel(folder, package, f"{version}.0", code, [f"longshore-{need}" for need in needs])
    with open(folder / "index.html", "a") as page:
        page.write(f'<a href="{name}#sha256={digest}">{name}</a>\n')
"##;

/// The versions of a package's need, lowest and highest: of each package and version, of each needed package.
type Needs = BTreeMap<(usize, usize), BTreeMap<usize, (usize, usize)>>;

/// Needs of each version of packages on others. Versions of the same number always fit.
fn needs(mut number: impl FnMut(usize) -> usize) -> Needs {
    let mut all = Needs::new();
    for package in 0..PACKAGES.len() {
        for version in 1..=4 {
            let needed: Vec<usize> = (0..PACKAGES.len()).filter(|other| *other != package && number(3) == 0).collect();
            let mut range = || (version - number(2).min(version - 1), version + number(2));
            all.insert((package, version), needed.into_iter().map(|other| (other, range())).collect());
        }
    }
    all
}

/// Whether there are versions of all packages with which a list and all needs are met.
fn is_possible(needs: &Needs, list: &[(usize, usize, usize)]) -> bool {
    (0..4_usize.pow(5)).any(|choice| {
        let version = |package: usize| 1 + choice / 4_usize.pow(u32::try_from(package).unwrap()) % 4;
        let listed = list.iter().all(|(package, low, high)| (*low..=*high).contains(&version(*package)));
        let met = |package: usize| {
            needs[&(package, version(package))]
                .iter()
                .all(|(other, (low, high))| (*low..=*high).contains(&version(*other)))
        };
        listed && (0..PACKAGES.len()).all(met)
    })
}

/// An index of these packages, and an image that has all of them in one version, from an index of its own.
fn with_packages(place: &Place, needs: &Needs) -> (Server, String) {
    let mut lines = String::new();
    for ((package, version), needed) in needs {
        write!(lines, "{} {version}", PACKAGES[*package]).unwrap();
        for (other, (low, high)) in needed {
            write!(lines, " {}>={low}.0,<={high}.0", PACKAGES[*other]).unwrap();
        }
        lines.push('\n');
    }
    let index = place.path().join("index");
    let made = Command::new("python3").args(["-c", &[MAKE_WHEEL, INDEX].concat()]).arg(&index).arg(lines).status();
    assert!(made.unwrap().success());
    let server = Server::of(&index, "");
    let address = &server.address;
    let pins: Vec<String> = PACKAGES.iter().map(|letter| format!("longshore-{letter}=={VERSION}.0")).collect();
    let base = image(
        &format!("{}:1", place.store),
        &format!(
            "FROM longshore/python:latest\nUSER 0\nRUN pip install -q --no-deps --index-url http://{address}/simple \
             --trusted-host {} {}\nUSER 4356:4357\n",
            address.split(':').next().unwrap(),
            pins.join(" ")
        ),
    );
    place.settings(&format!("[python]\nindex_url = \"http://{address}/simple\"\ntrusted_hosts = [\"{address}\"]\n"));
    (server, base)
}

/// The versions of the packages in an image, each of whose needs are met there.
fn checked(image: &str) -> Vec<usize> {
    let check = "python3 -m pip check >&2 && python3 -I -c 'import longshore_a, longshore_b, longshore_c, longshore_d, \
                 longshore_e\nfor m in \"abcde\": print(globals()[\"longshore_\" + m].VERSION)'";
    let printed = docker(&["run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c", check]);
    printed.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn all_packages_of_an_environment_work_together_or_it_is_refused() {
    let place = equipped();
    let mut number = numbers(std::process::id());
    let mut needs = needs(&mut number);
    // One pin that others must give way to, and one that nothing can.
    needs.entry((0, VERSION)).or_default().insert(1, (2, 3));
    needs.entry((0, 1)).or_default().insert(1, (1, 1));
    let (_server, base) = with_packages(&place, &needs);
    let mut lists = vec![vec![(1, 1, 1)], vec![(0, VERSION, VERSION), (1, 1, 1)]];
    for _ in 0..2 {
        let mut range = || (number(5), 1 + number(3), 3 + number(2));
        lists.push(vec![range(), range()]);
        let pinned = 1 + number(4);
        lists.push(vec![(number(5), pinned, pinned)]);
    }
    for list in lists {
        let texts: Vec<String> = list
            .iter()
            .map(|(package, low, high)| format!("longshore-{}>={low}.0,<={high}.0", PACKAGES[*package]))
            .collect();
        let keys = format!("image = \"{base}\"\ninstall_api = false\ndependencies = {texts:?}");
        place.block("listed", "python", &keys, "print('ran')\n");
        let built = place.longshore(&["images", "build", "listed"]);
        if !is_possible(&needs, &list) {
            built.expect(3, &["cannot"]);
            let words = ["does not work with the image `", "your requirements are unsatisfiable"];
            assert!(words.iter().any(|words| built.err.contains(words)), "{texts:?} {needs:?} {built:#?}");
            assert_eq!(place.left(), Vec::<String>::new());
            continue;
        }
        let versions = checked(built.expect(0, &[]).image());
        for (package, low, high) in &list {
            assert!((*low..=*high).contains(&versions[*package]), "{texts:?} {versions:?}");
        }
        // Nothing changes where nothing asks for it.
        if list.iter().all(|(_, low, high)| (*low..=*high).contains(&VERSION)) {
            built.expect(0, &["(base image, no packages to install)"]);
            assert_eq!(versions, [VERSION; 5], "{texts:?}");
        }
        if built.image() != base {
            docker(&["rmi", "-f", built.image()]);
        }
    }
    drop(place);
    docker(&["rmi", "-f", &base]);
}

/// Prints what the images of Longshore have.
const USES: &str = "import numpy, pandas, pyarrow, sklearn\nfrom longshore.api import Api\napi = Api()\n\
    frame = pandas.DataFrame({'a': numpy.arange(3)})\nprint('numpy', numpy.__version__, 'sum', frame['a'].sum())\n\
    api.write_output_records(frame)\napi.close()\n";

#[test]
fn an_old_numpy_comes_with_what_works_with_it_also_in_locks() {
    let place = Place::new();
    let script = |pin: &str| format!("# /// script\n# dependencies = ['{pin}']\n# ///\n{USES}");
    let path = place.path().join("old.py");
    std::fs::write(&path, script("numpy==1.26.4")).unwrap();
    let ran = place.run(&path);
    let note = "note: the environment has other versions than the image `longshore/python:";
    ran.expect(0, &["numpy 1.26.4 sum 3", note, "`pyarrow` 25", "which needs `numpy>=2`", "+ numpy==1.26.4"]);
    place.longshore(&["lock", "old.py"]).expect(0, &["old.py.longshore.lock: "]);
    let lock = std::fs::read_to_string(place.path().join("old.py.longshore.lock")).unwrap();
    for name in ["numpy", "pandas", "pyarrow"] {
        assert!(lock.contains(&format!("name = \"{name}\"")), "{lock}");
    }
    place.run(&path).expect(0, &["numpy 1.26.4 sum 3"]);
    // A lock without them is of an environment that does not work.
    let (start, end) = lock.split_once("[[python]]\nname = \"pandas\"").unwrap();
    let end = end.split_once("[[python]]").unwrap().1;
    let cut = format!("{start}[[python]]{end}");
    std::fs::write(place.path().join("old.py.longshore.lock"), cut).unwrap();
    let reason = "cannot install the packages of the block's lock: `numpy==1.26.4` does not work with the image";
    place.run(&path).expect(3, &[reason, "in which `pandas` 3", "help: rewrite the lock with `longshore lock`"]);
    std::fs::remove_file(place.path().join("old.py.longshore.lock")).unwrap();
    // What the SDK needs cannot give way.
    std::fs::write(&path, script("pyarrow==15.0.2")).unwrap();
    let reason = "`pyarrow==15.0.2` does not work with the image `longshore/python:";
    let refused = place.run(&path);
    refused
        .expect(3, &[reason, "in which `longshore` ", " needs `pyarrow>=16`", "help: list versions that work with it"]);
    let local = place.longshore(&["run", "--engine", "process", "old.py"]);
    local.expect(3, &["`pyarrow==15.0.2` does not work with this Python, in which `longshore` "]);
    std::fs::write(&path, script("numpy==1.26.4")).unwrap();
    place.longshore(&["run", "--engine", "process", "old.py"]).expect(0, &["numpy 1.26.4 sum 3", "+ pyarrow==25"]);
}

#[test]
fn lists_of_what_the_image_has_build_nothing() {
    let place = Place::new();
    // Nobody listens there.
    place.settings("[python]\nindex_url = \"http://127.0.0.1:9/simple\"\n");
    let version = "from importlib.metadata import version\nprint('scikit-learn', version('scikit-learn'))\n";
    for (name, requirements) in [
        ("unpinned", "scikit-learn\n"),
        ("ranges", "Scikit_Learn>=1.2,<9\nnumpy>2\nrequests[use_chardet_on_py3,none]>=2; python_version < '3'\n"),
        ("nothing", "# no packages\n\nabsent; sys_platform == 'win32'\n"),
    ] {
        let block = folder(&place, name, &[("main.py", version), ("requirements.txt", requirements)]);
        let ran = place.run(&block);
        assert!(!ran.expect(0, &["scikit-learn 1."]).err.contains("making"), "{ran:#?}");
        let built = place.longshore(&["images", "build", name]);
        built.expect(0, &["longshore/python:", "(base image, no packages to install)"]);
        place.longshore(&["images", "explain", name]).expect(0, &["which has all that it lists\n  pip "]);
    }
    let r = place.block("r", "r", "dependencies = [\"dplyr>=1.0\", \"jsonlite\"]", "library(dplyr)\ncat('ran\\n')\n");
    let ran = place.run(&r);
    assert!(!ran.expect(0, &["ran"]).err.contains("making"), "{ran:#?}");
    place
        .longshore(&["images", "explain", "r"])
        .expect(0, &["runs in `longshore/r:", "r dplyr==1.", "the base has it"]);
    place.longshore(&["run", "--explain", "unpinned"]).expect(0, &["longshore/python:"]);
    // A bound that the image meets is no reason either; others are.
    let bounded = place.longshore(&["images", "build", "unpinned", "--constraint", "numpy<9"]);
    bounded.expect(0, &["(base image, no packages to install)"]);
    place.longshore(&["images", "build", "unpinned", "--constraint", "numpy<1"]).expect(3, &["127.0.0.1:9"]);
    assert_eq!(place.left(), Vec::<String>::new());
    // A lock of it is one of the image's versions, which need not be installed.
    place.settings("");
    place.longshore(&["lock", "unpinned"]).expect(0, &["packages"]);
    let ran = place.run(&place.path().join("unpinned"));
    assert!(!ran.expect(0, &["scikit-learn 1."]).err.contains("making"), "{ran:#?}");
    assert_eq!(place.left(), Vec::<String>::new());
}
