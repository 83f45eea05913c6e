//! Scripts and folders that list their packages as other tools do, in containers. Python packages come from the package
//! index, exact R packages from a repository of the test's own.

use crate::place::Place;
use crate::served::{MAKE_WHEEL, Server, equipped, with_repository};
use std::path::PathBuf;
use std::process::Command;

const PRINTS: &str = "from importlib.metadata import version\nprint('humanize', version('humanize'))\n";

/// A folder with these files.
fn folder(place: &Place, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = place.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    for (file, text) in files {
        std::fs::write(folder.join(file), text).unwrap();
    }
    folder
}

#[test]
fn a_script_lists_its_packages_and_has_its_lock_beside_it() {
    let place = Place::new();
    let script = place.path().join("tool.py");
    let text =
        format!("# /// script\n# requires-python = '>=3.9'\n# dependencies = ['humanize<4.10']\n# ///\n{PRINTS}");
    std::fs::write(&script, text.as_str()).unwrap();
    place.run(&script).expect(0, &["humanize 4.9.0"]);
    place.longshore(&["lock", "tool.py"]).expect(0, &["tool.py.longshore.lock: 1 package"]);
    let lock = std::fs::read_to_string(place.path().join("tool.py.longshore.lock")).unwrap();
    assert!(lock.contains("version = \"4.9.0\"\nhashes = [\"sha256:"), "{lock}");
    place.run(&script).expect(0, &["humanize 4.9.0"]);
    std::fs::write(&script, text.replace("<4.10", "<4.11")).unwrap();
    place.run(&script).expect(2, &["it was made for the packages humanize<4.10, and the block names humanize<4.11"]);
    std::fs::write(&script, text.replace(">=3.9", ">=3.99")).unwrap();
    let other = place.run(&script);
    other.expect(3, &["the block needs Python >=3.99, and the image `longshore/python:", "` has Python 3."]);
    assert!(!other.err.contains("making the environment"), "{other:#?}");
}

#[test]
fn a_folder_with_requirements_runs() {
    let place = Place::new();
    let requirements = "-r more.txt\n-c limits.txt\n";
    let files = [
        ("main.py", PRINTS),
        ("requirements.txt", requirements),
        ("more.txt", "humanize<4.11\n"),
        ("limits.txt", "six<2\n"),
    ];
    place.run(&folder(&place, "plain", &files)).expect(0, &["humanize 4.10.0"]);
}

#[test]
fn hashes_of_requirements_are_compared() {
    let place = Place::new();
    let hashed = |hash: &str| format!("humanize==4.9.0 --hash=sha256:{hash}\n");
    let wrong = hashed(&"0".repeat(64));
    let block = folder(&place, "hashed", &[("main.py", PRINTS), ("requirements.txt", &wrong)]);
    place.run(&block).expect(3, &["the Python packages `humanize==4.9.0` cannot be installed", "ash"]);
    // The hashes of a lock of ours are those of the index.
    std::fs::write(block.join("requirements.txt"), "humanize==4.9.0\n").unwrap();
    place.longshore(&["lock", "hashed"]).expect(0, &["1 package"]);
    let lock = std::fs::read_to_string(block.join("longshore.lock")).unwrap();
    std::fs::remove_file(block.join("longshore.lock")).unwrap();
    let hashes: String = lock
        .split('"')
        .filter_map(|part| part.strip_prefix("sha256:"))
        .map(|hash| format!(" --hash=sha256:{hash}"))
        .collect();
    std::fs::write(block.join("requirements.txt"), format!("humanize==4.9.0{hashes}\n")).unwrap();
    place.run(&block).expect(0, &["humanize 4.9.0"]);
}

#[test]
fn a_conda_environment_gives_its_packages() {
    let place = Place::new();
    let environment = "dependencies:\n  - python>=3.9\n  - tree\n  - pip:\n    - humanize==4.8.0\n";
    let script = format!("{PRINTS}import shutil\nprint('tree at', shutil.which('tree'))\n");
    let block = folder(&place, "conda", &[("main.py", &script), ("environment.yml", environment)]);
    place.run(&block).expect(0, &["humanize 4.8.0", "tree at /usr/bin/tree"]);
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
