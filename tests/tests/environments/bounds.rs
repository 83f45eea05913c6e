//! Bounds on versions: packages as of a day, and constraints. The index with the packages of the tests is the tests' own and
//! has the days on which its files were published; what the image has besides comes from the package index, as of a day.

use crate::place::Place;
use crate::served::{MAKE_WHEEL, Server, equipped};
use std::process::Command;

/// An index with three versions of a package, of which the second replaced a function, and the third another one.
const INDEX: &str = r#"
import json
folder = pathlib.Path(sys.argv[1]) / "simple" / "longshore-dated"
folder.mkdir(parents=True)
releases = [
    ("1.4", "2023-03-15T10:00:00Z", "def mean_of(values):\n    return sum(values) / len(values)\n"),
    ("2.0", "2024-02-01T10:00:00Z", "def mean(values):\n    return sum(values) / len(values)\n"),
    ("2.1", "2025-05-05T10:00:00Z", "def average(values):\n    return sum(values) / len(values)\n"),
]
files = []
for version, day, code in releases:
    name, digest = make_wheel(folder, "longshore-dated", version, {"longshore_dated.py": code})
    files.append({"filename": name, "url": name, "hashes": {"sha256": digest}, "upload-time": day})
page = {"meta": {"api-version": "1.1"}, "name": "longshore-dated", "files": files}
(folder / "index.json").write_text(json.dumps(page))
"#;

/// A script of 2023 that uses a package of the index.
const OF_2023: &str = "import longshore_dated\nprint('mean', longshore_dated.mean_of([1, 2, 3]))\n";

/// A script of 2023 that uses what the image has: numpy and pandas removed both names since.
const UNNAMED_OF_2023: &str = "\
import numpy as np\nimport pandas as pd\nfrom longshore.api import Api\n\
api = Api()\ntable = pd.DataFrame({'a': [np.float_(1.5)]}).applymap(str)\n\
print('versions', pd.__version__, np.__version__)\napi.write_output_records(table)\napi.close()\n";

/// A place where that index comes before the machine's.
fn dated() -> (Place, Server) {
    let place = equipped();
    let folder = place.path().join("index");
    let made =
        Command::new("python3").args(["-c", &[MAKE_WHEEL, INDEX].concat(), folder.to_str().unwrap()]).status().unwrap();
    assert!(made.success());
    let server = Server::of(&folder, "");
    settings(&place, &server, "");
    (place, server)
}

fn settings(place: &Place, server: &Server, more: &str) {
    let address = &server.address;
    place.settings(&format!(
        "[python]\nextra_index_urls = [\"http://{address}/simple\"]\ntrusted_hosts = [\"{address}\"]\n{more}"
    ));
}

#[test]
fn scripts_of_2023_run_as_of_their_day_and_fail_today() {
    let (place, _server) = dated();
    let keys = "dependencies = [\"longshore-dated\"]";
    let block = place.block("dated", "python", keys, OF_2023);
    place.run(&block).expect(1, &["AttributeError", "mean_of"]);
    let unnamed = place.block("unnamed", "python", "", UNNAMED_OF_2023);
    place.run(&unnamed).expect(1, &["AttributeError", "float_"]);

    place.block("dated", "python", &format!("{keys}\nas_of = 2023-06-01"), OF_2023);
    place.run(&block).expect(0, &["mean 2.0", "+ longshore-dated==1.4", "+ pandas==2.0.2"]);
    // The same packages without a change of the block, and so the same image apart from the name that the block has.
    let output = place.path().join("out.csv");
    let arguments = ["run", "--engine", "docker", "--as-of", "2023-06-01", "--json", "-o"];
    let ran = place.longshore(&[&arguments[..], &[output.to_str().unwrap(), "unnamed"]].concat());
    ran.expect(0, &["versions 2.0.2 1.24.3", "\"as_of\":\"2023-06-01\""]);
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "a\n1.5\n");

    let built = place.longshore(&["images", "build", "dated"]);
    built.expect(0, &["was there", "pip longshore-dated==1.4", "pip numpy==1.24.3", "pip pyarrow==14.0.1"]);
    assert_eq!(Place::label(built.image(), "longshore.as-of"), "2023-06-01");
    place.longshore(&["images", "explain", "dated"]).expect(0, &["packages as of   2023-06-01"]);
    place.longshore(&["run", "--explain", "dated"]).expect(0, &["packages as of", "2023-06-01", built.image()]);
    let tomorrow = place.longshore(&["images", "build", "dated", "--as-of", "2024-02-01"]);
    tomorrow.expect(0, &["made", "pip longshore-dated==2.0"]);
    place
        .longshore(&["images", "build", "dated", "--as-of", "2022-12-31"])
        .expect(3, &["longshore-dated", "2023-01-01"]);

    place.longshore(&["lock", "dated"]).expect(0, &[]);
    let lock = std::fs::read_to_string(block.join("longshore.lock")).unwrap();
    for part in ["as_of = \"2023-06-01\"", "name = \"longshore-dated\"\nversion = \"1.4\"", "name = \"pandas\""] {
        assert!(lock.contains(part), "no `{part}` in {lock}");
    }
    place.run(&block).expect(0, &["mean 2.0"]);
    let refused = place.longshore(&["run", "--as-of", "2024-02-01", "dated"]);
    let reason = "it was made as of 2023-06-01, and 2024-02-01 is requested";
    refused.expect(2, &[reason, "help: rewrite the lock with `longshore lock`"]);
}

#[test]
fn the_day_of_the_last_commit_is_a_day() {
    let (place, _server) = dated();
    let keys = "dependencies = [\"longshore-dated\"]\nas_of = \"manifest\"";
    let block = place.block("committed", "python", keys, OF_2023);
    let git = |arguments: &[&str]| {
        let names = ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"];
        let mut git = Command::new("git");
        git.envs(names.map(|name| (name, "test"))).env("GIT_COMMITTER_DATE", "2023-07-01T00:00:00Z");
        assert!(git.args(arguments).current_dir(&block).status().unwrap().success());
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "the block"]);
    let output = place.longshore(&["run", "--engine", "process", "--json", block.to_str().unwrap()]);
    output.expect(0, &["mean 2.0", "+ longshore-dated==1.4", "\"as_of\":\"2023-07-01\""]);
}

#[test]
fn constraints_fix_a_block_without_touching_it() {
    let (place, server) = dated();
    let block = place.block("old", "python", "dependencies = [\"longshore-dated\"]", OF_2023);
    let run = |arguments: &[&str]| place.longshore(&[&["run", "--json", "old"], arguments].concat());
    run(&[]).expect(1, &["mean_of"]);
    let constrained = run(&["--constraint", "Longshore_Dated < 2"]);
    constrained.expect(0, &["mean 2.0", "\"constraints\":[\"longshore-dated<2\"]"]);
    let local = run(&["--constraint", "longshore-dated<2", "--engine", "process"]);
    local.expect(0, &["mean 2.0", "+ longshore-dated==1.4"]);
    std::fs::write(place.path().join("limits.txt"), "# after the accident\nlongshore-dated<2\n").unwrap();
    let built = place.longshore(&["images", "build", "old", "--constraint", "limits.txt"]);
    built.expect(0, &["was there", "pip longshore-dated==1.4"]);
    assert_eq!(Place::label(built.image(), "longshore.constraints"), "longshore-dated<2");
    // Of the operator, for all blocks and for this one.
    settings(&place, &server, "constraints = [\"longshore-dated<2\"]\n");
    run(&[]).expect(0, &["mean 2.0"]);
    settings(&place, &server, "[python.block_constraints]\nother = [\"longshore-dated<2\"]\n");
    run(&[]).expect(1, &["mean_of"]);
    settings(&place, &server, "[python.block_constraints]\nold = [\"longshore-dated<2\"]\n");
    run(&[]).expect(0, &["mean 2.0"]);
    place.longshore(&["images", "explain", "old"]).expect(0, &["constraints      longshore-dated<2"]);
    // A lock is within them, or refused.
    settings(&place, &server, "");
    place.longshore(&["lock", "old"]).expect(0, &["1 package"]);
    let reason = "it has longshore-dated 2.1, and `longshore-dated<2` is required";
    run(&["--constraint", "longshore-dated<2"]).expect(2, &[reason, "help: rewrite the lock with `longshore lock`"]);
    settings(&place, &server, "constraints = [\"longshore-dated<2\"]\n");
    run(&[]).expect(3, &[reason]);
    place.longshore(&["lock", "old"]).expect(0, &["1 package"]);
    run(&[]).expect(0, &["mean 2.0"]);
    let lock = std::fs::read_to_string(block.join("longshore.lock")).unwrap();
    assert!(lock.contains("constraints = [\"longshore-dated<2\"]"), "{lock}");
}

#[test]
fn a_constraint_on_what_the_image_has_replaces_it() {
    let place = equipped();
    let block = place.block("plain", "python", "", "import numpy\nprint('numpy', numpy.__version__)\n");
    let ran =
        place.longshore(&["run", "--engine", "docker", "--constraint", "numpy<2.4,>=2.3", block.to_str().unwrap()]);
    ran.expect(0, &["numpy 2.3."]);
}

#[test]
fn invalid_bounds_start_nothing() {
    let place = Place::new();
    place.block("r", "r", "dependencies = [\"zoo\"]", "library(zoo)\n");
    let end = "; write a package and its versions, such as `scikit-learn<=1.7.2`";
    for (arguments, reason) in [
        (&["--constraint", "numpy"][..], format!("`numpy` is not a constraint: it names no version{end}")),
        (&["--constraint", "numpy<2"], "constraints are for Python packages, and the block is in R".into()),
        (&["--as-of", "2023-02-30"], "`2023-02-30` is not a day: write it as in `2023-06-01`".into()),
        (&["--as-of", "2023-06-01", "--image", "x"], "leave it out, or leave out `--as-of` and `--constraint`".into()),
    ] {
        place.longshore(&[&["run", "r"], arguments].concat()).expect(2, &[&reason]);
    }
    let built = place.longshore(&["images", "build", "r", "--as-of", "2023-06-01"]);
    built.expect(2, &["cannot install R packages as of 2023-06-01: no repository of that day is known"]);
    place.settings("[python]\nconstraints = [\"numpy\"]\n");
    place.longshore(&["run", "r"]).expect(2, &["`python.constraints` is `numpy`: it must be a list of packages with"]);
}

#[test]
fn r_packages_as_of_a_day_come_from_the_repository_of_that_day() {
    let place = Place::new();
    let script = r#"
folder <- commandArgs(TRUE)[1]
for (day in c("2023-06-01", "2024-06-01")) {
  contrib <- file.path(folder, day, "src", "contrib")
  dir.create(contrib, recursive = TRUE)
  source <- file.path(tempdir(), day, "longshoredated")
  dir.create(file.path(source, "R"), recursive = TRUE)
  writeLines(c("Package: longshoredated", paste("Version:", sub("-.*", ".1", day)), "Title: A Test", "Description: Of days.",
    "Author: Nobody", "Maintainer: Nobody <nobody@example.org>", "License: MIT"), file.path(source, "DESCRIPTION"))
  writeLines("exportPattern('^[a-z]')", file.path(source, "NAMESPACE"))
  writeLines("year <- function() 0", file.path(source, "R", "code.R"))
  setwd(contrib)
  system2("R", c("CMD", "build", source), stdout = FALSE, stderr = FALSE)
  tools::write_PACKAGES(contrib)
}
"#;
    let folder = place.path().join("cran");
    let made = Command::new("Rscript").args(["--vanilla", "-e", script, folder.to_str().unwrap()]).status().unwrap();
    assert!(made.success());
    let server = Server::of(&folder, "");
    place.settings(&format!("[r]\nsnapshot = \"http://{}/{{date}}\"\n", server.address));
    let script = "cat('version', format(packageVersion('longshoredated')), '\\n')\n";
    let block = place.block("r", "r", "dependencies = [\"longshoredated\"]\nas_of = \"2023-06-01\"", script);
    place.run(&block).expect(0, &["version 2023"]);
    place.longshore(&["run", "--engine", "process", "--as-of", "2024-06-01", "r"]).expect(0, &["version 2024"]);
}
