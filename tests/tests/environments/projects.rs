//! Scripts and folders that list their packages as other tools do, in containers. Packages come from an index and a
//! repository of the tests' own, and one Debian package from the mirror of the image.

use crate::place::{Place, folder};
use crate::served::{MAKE_WHEEL, Server, equipped, indexed, with_repository};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints the versions that there are of the packages of the tests.
const PRINTS: &str = "from importlib.metadata import PackageNotFoundError, version\n\
    for package in ['letters', 'words']:\n    try: print(package, version(f'longshore-{package}'))\n    \
    except PackageNotFoundError: print('no', package)\n";

/// What it prints with both, the newest and an older one.
const BOTH: &str = "letters 1.0\nwords 1.1\n";

#[test]
fn a_script_lists_its_packages_and_has_its_lock_beside_it() {
    let (place, _server) = indexed();
    let script = place.path().join("tool.py");
    let text =
        format!("# /// script\n# requires-python = '>=3.9'\n# dependencies = ['longshore-words<2']\n# ///\n{PRINTS}");
    std::fs::write(&script, text.as_str()).unwrap();
    place.run(&script).expect(0, &["words 1.1"]);
    place.longshore(&["lock", "tool.py"]).expect(0, &["tool.py.longshore.lock: 1 package"]);
    let lock = std::fs::read_to_string(place.path().join("tool.py.longshore.lock")).unwrap();
    assert!(lock.contains("version = \"1.1\"\nhashes = [\"sha256:"), "{lock}");
    place.run(&script).expect(0, &["words 1.1"]);
    std::fs::write(&script, text.replace("<2", "<3")).unwrap();
    place
        .run(&script)
        .expect(2, &["it was made for the packages longshore-words<2, and the block names longshore-words<3"]);
    std::fs::write(&script, text.replace(">=3.9", ">=3.99")).unwrap();
    let other = place.run(&script);
    other.expect(3, &["the block needs Python >=3.99, and the image `longshore/python:", "` has Python 3."]);
    assert!(!other.err.contains("making the environment"), "{other:#?}");
}

#[test]
fn each_file_of_a_python_project_gives_what_it_lists() {
    let (place, server) = indexed();
    let requirements = "-r more.txt\n-c limits.txt\nlongshore-absent ; python_version < '3'\n";
    let project = "[project]\nname = 'x'\nversion = '1'\nrequires-python = '>=3.11'\n\
        dependencies = ['longshore-letters', 'longshore-words<2']\n";
    let environment = "channels: [conda-forge]\ndependencies:\n  - python>=3.9\n  - numpy\n  - pip:\n    \
        - longshore-letters\n    - longshore-words==1.1\n";
    let listed = [
        folder(
            &place,
            "requirements",
            &[
                ("requirements.txt", requirements),
                ("more.txt", "longshore_letters[none]>=1 # with words\n"),
                ("limits.txt", "longshore-words<2\n"),
                ("runtime.txt", "python-3.11\n"),
            ],
        ),
        folder(&place, "project", &[("pyproject.toml", project)]),
        folder(&place, "conda", &[("environment.yml", environment)]),
        folder(&place, "locked", &[("pyproject.toml", project)]),
    ];
    uv(&["lock", "--default-index", &format!("http://{}/simple", server.address)], &listed[3]);
    for block in &listed {
        std::fs::write(block.join("main.py"), PRINTS).unwrap();
        let ran = place.run(block);
        ran.expect(0, &[BOTH]);
    }
    // A lock of another tool stays what it is, whatever else its project would give.
    place.longshore(&["check", "locked"]).expect(0, &["uv.lock         yes     exactly 2 packages"]);
    std::fs::write(listed[0].join("runtime.txt"), "python-3.9\n").unwrap();
    place.run(&listed[0]).expect(3, &["the block needs Python ==3.9.*, and the image `longshore/python:"]);
}

#[test]
fn a_lock_leaves_as_pylock_and_others_install_it() {
    let (place, server) = indexed();
    let files = [("main.py", PRINTS), ("requirements.txt", "longshore-letters\nlongshore-words<2\n")];
    let block = folder(&place, "ours", &files);
    folder(&place, "theirs", &[("main.py", PRINTS)]);
    let refused = place.longshore(&["lock", "ours", "--export", "ours/pylock.toml"]);
    refused.expect(2, &["it would take the place of `requirements.txt`"]);
    place.longshore(&["lock", "ours", "--export", "x.toml"]).expect(2, &["`pylock.toml` or `pylock.NAME.toml`"]);
    assert!(!block.join("longshore.lock").exists());
    let exported = place.longshore(&["lock", "ours", "--export", "theirs/pylock.toml"]);
    exported.expect(0, &["ours/longshore.lock: 2 packages", "theirs/pylock.toml: 2 packages"]);
    let written = std::fs::read_to_string(place.path().join("theirs/pylock.toml")).unwrap();
    for part in
        ["lock-version = \"1.0\"", "created-by = \"longshore\"", "requires-python = \">=3.11", "platform_machine == "]
    {
        assert!(written.contains(part), "no `{part}` in {written}");
    }
    let theirs = place.path().join("theirs");
    place.longshore(&["check", "theirs"]).expect(0, &["pylock.toml  yes     exactly 2 packages, Python >=3.11"]);
    place.run(&theirs).expect(0, &[BOTH]);
    let target = theirs.join("installed");
    uv(&["pip", "install", "-r", "pylock.toml", "--target", target.to_str().unwrap()], &theirs);
    assert!(target.join("longshore_letters.py").exists() && target.join("longshore_words-1.1.dist-info").exists());

    // The same lock again, and with requirements that have its hashes.
    place.longshore(&["lock", "ours", "--export", "pylock.ours.toml"]).expect(0, &["pylock.ours.toml: 2 packages"]);
    assert_eq!(std::fs::read_to_string(place.path().join("pylock.ours.toml")).unwrap(), written);
    let lock = std::fs::read_to_string(block.join("longshore.lock")).unwrap();
    let digests: Vec<&str> = lock.split('"').filter_map(|part| part.strip_prefix("sha256:")).collect();
    let hashed = |digests: [&str; 2]| {
        let [letters, words] = digests;
        format!("longshore-letters==1.0 --hash=sha256:{letters}\nlongshore-words==1.1 \\\n  --hash=sha256:{words}\n")
    };
    std::fs::remove_file(block.join("longshore.lock")).unwrap();
    std::fs::write(block.join("requirements.txt"), hashed([digests[0], digests[1]])).unwrap();
    place.run(&block).expect(0, &[BOTH]);
    std::fs::write(block.join("requirements.txt"), hashed([digests[0], &"0".repeat(64)])).unwrap();
    place.run(&block).expect(3, &["the Python packages `longshore-letters==1.0`", "cannot be installed", "ash"]);
    // An index whose file is another one.
    drop(server);
    std::fs::write(block.join("longshore.lock"), lock.replace(digests[1], &"0".repeat(64))).unwrap();
    std::fs::write(block.join("requirements.txt"), "longshore-letters\nlongshore-words<2\n").unwrap();
    let other = Server::of(&place.path().join("index"), "");
    let address = &other.address;
    place.settings(&format!("[python]\nindex_url = \"http://{address}/simple\"\ntrusted_hosts = [\"{address}\"]\n"));
    let differs = place.longshore(&["lock", "ours", "--export", "pylock.toml"]);
    differs.expect(3, &["the index has no file of `longshore-words` 1.1 with a hash of the lock"]);
}

#[test]
fn debian_packages_of_apt_and_conda_are_there() {
    let (place, _server) = indexed();
    let script = format!("{PRINTS}import shutil\nprint('tree at', shutil.which('tree'))\n");
    let environment = "dependencies:\n  - tree\n  - pip:\n    - longshore-words==1.0\n";
    let conda = folder(&place, "conda", &[("main.py", &script), ("environment.yml", environment)]);
    place.run(&conda).expect(0, &["words 1.0", "tree at /usr/bin/tree"]);
    let files =
        [("main.py", &*script), ("requirements.txt", "longshore-words==1.0\n"), ("apt.txt", "# a tool\ntree\n")];
    let apt = place.run(&folder(&place, "apt", &files));
    apt.expect(0, &["words 1.0", "tree at /usr/bin/tree"]);
    // Whichever file names them, the environment is the same.
    assert!(!apt.err.contains("making the environment"), "{apt:#?}");
}

#[test]
fn an_renv_lock_gives_exact_versions_or_an_error() {
    let (place, _server) = with_repository();
    let script =
        "cat('above', format(packageVersion('longshoreabove')), 'zoo', format(packageVersion('zoo')), '\\n')\n";
    let lock = |above: &str, zoo: &str| {
        format!(
            "{{\"R\": {{\"Version\": \"4.2.2\"}}, \"Packages\": {{\n\
             \"longshoreabove\": {{\"Package\": \"longshoreabove\", \"Version\": \"{above}\", \"Source\": \"Repository\"}},\n\
             \"longshorebelow\": {{\"Package\": \"longshorebelow\", \"Version\": \"1.2\", \"Source\": \"Repository\"}},\n\
             \"zoo\": {{\"Package\": \"zoo\", \"Version\": \"{zoo}\", \"Source\": \"Repository\"}}}}}}\n"
        )
    };
    let block = folder(&place, "renv", &[("main.R", script), ("renv.lock", &lock("1.2", "1.8-11"))]);
    place.run(&block).expect(0, &["above 1.2 zoo 1.8.11"]);
    let lacks = |package: &str, version: &str| {
        format!("no repository has `{package}` in the version {version} that `renv.lock` names")
    };
    std::fs::write(block.join("renv.lock"), lock("1.3", "1.8-11")).unwrap();
    place.run(&block).expect(3, &[&lacks("longshoreabove", "1.3")]);
    std::fs::write(block.join("renv.lock"), lock("1.2", "1.8-99")).unwrap();
    place.run(&block).expect(3, &[&lacks("zoo", "1.8-99"), "Debian has 1.8-11"]);
    place.longshore(&["lock", "renv", "--export", "pylock.toml"]).expect(2, &["the block is in R"]);
    // The same packages as an R package lists its own.
    let description = "Package: x\nImports: longshoreabove (>= 1.0),\n    zoo\nSuggests: longshorenowhere\n";
    let files = [("main.R", script), ("DESCRIPTION", description), ("runtime.txt", "r-4.2\n")];
    place.run(&folder(&place, "described", &files)).expect(0, &["above 1.2 zoo 1.8.11"]);
}

#[test]
fn each_package_is_explained_by_the_file_that_lists_it() {
    let place = Place::new();
    let files = [
        ("main.py", PRINTS),
        ("requirements.txt", "# ours\n-r more.txt\npandas\n"),
        ("more.txt", "\nhumanize==4.9.0\nrequests-mock==1.12.1\n"),
        ("apt.txt", "tree\n"),
    ];
    folder(&place, "folder", &files);
    let listed = [
        "has no image of its own yet; it lists",
        "  pip humanize: `humanize==4.9.0` in `more.txt`, line 2",
        "  deb tree: `tree` in `apt.txt`",
        "help: build the image with `longshore images build folder`",
    ];
    place.longshore(&["images", "explain", "folder"]).expect(0, &listed);
    let built = place.longshore(&["images", "build", "folder"]);
    let explained = [
        "pip humanize==4.9.0: `humanize==4.9.0` in `more.txt`, line 2\n",
        "pip requests-mock==1.12.1: `requests-mock==1.12.1` in `more.txt`, line 3\n",
        "the base has it; `pandas` in `requirements.txt`, line 3\n",
        ": `tree` in `apt.txt`\n",
    ];
    place.longshore(&["images", "explain", "folder"]).expect(0, &explained);
    // The image alone tells the same.
    place.longshore(&["images", "explain", built.expect(0, &[]).image()]).expect(0, &explained);
    let json = place.longshore(&["images", "explain", "folder", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.expect(0, &[]).out).unwrap();
    let humanize = json["installed"].as_array().unwrap().iter().find(|package| package["name"] == "humanize").unwrap();
    assert_eq!(humanize["listed"][0]["place"], "`more.txt`, line 2", "{json}");
}

/// An index with a package that needs another one, a third one with an extra, and a fourth one on other systems.
const INDEX_OF_NEEDS: &str = r#"
def publish(package, needs=()):
    folder = pathlib.Path(sys.argv[1]) / "simple" / package
    folder.mkdir(parents=True)
    name, digest = make_wheel(folder, package, "1.5", {package.replace("-", "_") + ".py": ""}, needs)
    (folder / "index.html").write_text(f'<a href="{name}#sha256={digest}">{name}</a>')
publish("longshore-top", ["longshore_middle>=1", "longshore-extra; extra == 'more'", "longshore-other; os_name == 'nt'"])
publish("longshore-middle", ["longshore-below; python_version >= '3.10'", "longshore-other; python_version < '3.9'"])
publish("longshore-below")
publish("longshore-extra")
publish("longshore-other")
"#;

#[test]
fn packages_that_others_need_and_that_a_lock_holds_are_explained() {
    let place = equipped();
    let folder = place.path().join("index");
    let made = Command::new("python3").args(["-c", &[MAKE_WHEEL, INDEX_OF_NEEDS].concat()]).arg(&folder).status();
    assert!(made.unwrap().success());
    let server = Server::of(&folder, "");
    let address = &server.address;
    place.settings(&format!(
        "[python]\nindex_url = \"http://{address}/simple\"\ntrusted_hosts = [\"{address}\"]\n\
         constraints = [\"longshore-below<2\"]\n"
    ));
    let text = "# /// script\n# dependencies = ['longshore-top[more]', 'longshore-other<2']\n# ///\n";
    std::fs::write(place.path().join("tool.py"), text).unwrap();
    place.longshore(&["lock", "tool.py"]).expect(0, &["5 packages"]);
    place.longshore(&["images", "build", "tool.py"]).expect(0, &[]);
    let explained = place.longshore(&["images", "explain", "tool.py"]);
    let of_the_script = "in the metadata of `tool.py`";
    let lock = "version of `tool.py.longshore.lock`\n";
    explained.expect(
        0,
        &[
            &format!("pip longshore-top==1.5: `longshore-top[more]` {of_the_script}; {lock}"),
            &format!("pip longshore-other==1.5: `longshore-other<2` {of_the_script}; {lock}"),
            &format!("pip longshore-middle==1.5: needed by longshore-top; {lock}"),
            &format!("pip longshore-extra==1.5: needed by longshore-top[more]; {lock}"),
            &format!("pip longshore-below==1.5: needed by longshore-middle; bound by `longshore-below<2`; {lock}"),
        ],
    );
}

/// Runs uv, which the machine has beside the tests' Python or in `PATH`, in a folder.
fn uv(arguments: &[&str], folder: &Path) {
    let beside = std::env::var_os("LONGSHORE_PYTHON").map(|python| PathBuf::from(python).with_file_name("uv"));
    let program = beside.filter(|uv| uv.exists()).unwrap_or_else(|| "uv".into());
    let mut uv = Command::new(program);
    uv.args(arguments).current_dir(folder).env("UV_CACHE_DIR", folder.join(".uv")).env("UV_NO_CONFIG", "1");
    let ran = uv.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    // The folder is a block.
    std::fs::remove_dir_all(folder.join(".uv")).unwrap_or_default();
}

/// Makes a source archive as servers of repositories have it: its name is that of a tag, and it builds its own wheel.
const SOURCE: &str = r#"
folder = pathlib.Path(sys.argv[1])
backend = """
def build_wheel(folder, settings=None, metadata=None):
    name, _ = make_wheel(pathlib.Path(folder), "longshore-sounds", "3.0", {"longshore_sounds.py": ""})
    return name
"""
project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
project += '[project]\nname = "longshore-sounds"\nversion = "3.0"\n'
with zipfile.ZipFile(folder / "v3.zip", "w") as archive:
    archive.writestr("sounds-3/pyproject.toml", project)
    archive.writestr("sounds-3/backend.py", sys.argv[2] + backend)
"#;

#[test]
fn packages_come_from_addresses() {
    let (place, server) = indexed();
    let index = place.path().join("index");
    let made = Command::new("python3")
        .args(["-c", &[MAKE_WHEEL, SOURCE].concat(), index.to_str().unwrap(), MAKE_WHEEL])
        .status()
        .unwrap();
    assert!(made.success());
    let at = |path: &str| format!("http://{}/{path}", server.address);
    let wheel = at("simple/longshore-words/longshore_words-1.0-py3-none-any.whl");
    let prints =
        "from importlib.metadata import version\nprint(version('longshore-words'), version('longshore-sounds'))\n";
    let requirements = format!("longshore-words @ {wheel}\nlongshore-sounds @ {}\n", at("v3.zip"));
    let listed = folder(&place, "listed", &[("requirements.txt", &requirements), ("main.py", prints)]);
    place.run(&listed).expect(0, &["1.0 3.0\n"]);
    // A manifest may have the address alone.
    let declared = format!("dependencies = [\"{wheel}\", \"longshore-sounds @ {}\"]", at("v3.zip"));
    let declared = place.block("declared", "python", &declared, prints);
    place.run(&declared).expect(0, &["1.0 3.0\n"]);
    place.longshore(&["lock", "declared"]).expect(0, &["declared/longshore.lock: 2 packages"]);
    let lock = std::fs::read_to_string(declared.join("longshore.lock")).unwrap();
    for package in [
        format!("\"longshore-words\"\nversion = \"1.0\"\nurl = \"{wheel}\"\nhashes = [\"sha256:"),
        format!("\"longshore-sounds\"\nversion = \"3.0\"\nurl = \"{}\"\nhashes = [\"sha256:", at("v3.zip")),
    ] {
        assert!(lock.contains(&package), "it lacks {package}: {lock}");
    }
    place.run(&declared).expect(0, &["1.0 3.0\n"]);
    place.longshore(&["lock", "declared", "--export", "pylock.addresses.toml"]).expect(0, &["2 packages"]);
    let exported = std::fs::read_to_string(place.path().join("pylock.addresses.toml")).unwrap();
    assert!(exported.contains(&format!("archive]\nurl = \"{wheel}\"\n")), "{exported}");
    // What is at the address now is another file.
    std::fs::copy(index.join("simple/longshore-words/longshore_words-1.1-py3-none-any.whl"), index.join("v3.zip"))
        .unwrap();
    std::fs::write(declared.join("longshore.lock"), lock.replace("v3.zip\"\nhashes", "v3.zip?again\"\nhashes"))
        .unwrap();
    place.run(&declared).expect(3, &["cannot be installed: "]);
}
