//! Images that are made, what is in them, and what is not.

use crate::engine::docker;
use crate::place::{Place, image};

#[test]
fn a_package_is_installed_once_and_found_again() {
    let place = Place::new();
    let block = place.python("first", "dependencies = [\"humanize == 4.12.0\"]", "humanize");
    place.run(&block).expect(0, &["making the environment", "+ humanize==4.12.0", "humanize 4.12.0"]);
    let again = place.run(&block);
    again.expect(0, &["humanize 4.12.0"]);
    assert!(!again.err.contains("making"), "{again:#?}");
    // The same packages in other words are the same environment.
    let other = place.python("other", "dependencies = [\"Humanize==4.12.0\"]", "humanize");
    assert!(!place.run(&other).expect(0, &[]).err.contains("making"));
    let built = place.longshore(&["images", "build", block.to_str().unwrap()]);
    built.expect(0, &["was there", "pip humanize==4.12.0"]);
    let name = built.image();
    assert_eq!(Place::label(name, "longshore.image-type"), "generated");
    assert_eq!(format!("longshore/environment:{}", Place::label(name, "longshore.environment")), name);
    assert_eq!(Place::label(name, "longshore.packages"), "humanize==4.12.0");
    assert_eq!(Place::label(name, "longshore.resolved"), "pip humanize==4.12.0");
    assert_eq!(Place::label(name, "visokio-image-type"), "");
    assert_eq!(
        docker(&["inspect", "-f", "{{.Config.User}} {{.Config.Entrypoint}}", name]).trim(),
        "4356:4357 [/usr/local/bin/longshore-agent]"
    );
}

#[test]
fn blocks_with_conflicting_packages_do_not_see_each_other() {
    let place = Place::new();
    let old = place.python("old", "dependencies = [\"humanize==4.9.0\"]", "humanize");
    let new = place.python("new", "dependencies = [\"humanize==4.12.0\"]", "humanize");
    let without = place.python("without", "", "humanize");
    place.run(&old).expect(0, &["humanize 4.9.0"]);
    place.run(&new).expect(0, &["humanize 4.12.0"]);
    place.run(&without).expect(1, &["No module named 'humanize'"]);
    place.run(&old).expect(0, &["humanize 4.9.0"]);
}

#[test]
fn a_change_of_one_list_reuses_the_layers_below() {
    let place = Place::new();
    // No other test has this layer, whose name does not say whose store it is in.
    let block = |packages: &str| {
        let keys = format!("system_packages = [\"hello\"]\ndependencies = [{packages}]");
        place.python("layers", &keys, "humanize")
    };
    place.run(&block("\"humanize==4.9.0\"")).expect(0, &["Setting up hello", "humanize 4.9.0"]);
    let again = place.run(&block("\"humanize==4.12.0\""));
    again.expect(0, &["humanize 4.12.0"]);
    assert!(!again.err.contains("Setting up hello"), "{again:#?}");
    let built = place.longshore(&["images", "build", "layers"]);
    built.expect(0, &["pip humanize==4.12.0", "deb hello="]);
    let parent = Place::label(built.image(), "longshore.parent");
    assert_eq!(Place::label(&parent, "longshore.image-type"), "layer");
    assert_eq!(Place::label(&parent, "longshore.system-packages"), "hello");
    // What was downloaded for that layer goes after it.
    let cache = format!("longshore-packages-{}", &parent.trim_start_matches("sha256:")[..12]);
    let caches = || docker(&["volume", "ls", "-q", "--filter", &format!("name={cache}")]);
    assert_eq!(caches().trim(), cache);
    let label = format!("label=longshore.store={}", place.store);
    let images = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", &label]);
    docker(&["rmi", "-f"].into_iter().chain(images.lines()).collect::<Vec<_>>());
    place.longshore(&["images", "prune"]).expect(0, &[]);
    assert_eq!(caches(), "");
}

#[test]
fn packages_of_the_system_are_there_and_their_lists_are_not() {
    let place = Place::new();
    let script = "import os, subprocess\nprint(subprocess.run(['tree', '--version'], capture_output=True, text=True).stdout)\n\
                  print('lists', os.listdir('/var/lib/apt/lists'), 'build', os.path.exists('/tmp/longshore-build'))\n";
    let block = place.block("system", "python", "system_packages = [\"tree\"]", script);
    place.run(&block).expect(0, &["tree v", "lists [] build False"]);
}

#[test]
fn an_image_of_others_gets_the_api() {
    let place = Place::new();
    let base = image(
        &format!("{}:1", place.store),
        "FROM debian:bookworm-slim\nRUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 ca-certificates >/dev/null\n",
    );
    let keys = format!("image = \"{base}\"\ninstall_api = true\ndependencies = [\"humanize==4.12.0\"]");
    let block = place.python("custom", &keys, "humanize");
    place.run(&block).expect(0, &["humanize 4.12.0"]);
    let built = place.longshore(&["images", "build", "custom"]);
    assert_eq!(Place::label(built.image(), "longshore.agent"), env!("CARGO_PKG_VERSION"));
    assert_eq!(Place::label(built.image(), "longshore.base"), base);
    docker(&["rmi", "-f", built.image()]);
    drop(place);
    docker(&["rmi", "-f", &base]);
}

#[test]
fn an_image_that_cannot_have_the_api_is_told_what_it_lacks() {
    let place = Place::new();
    let without = image(&format!("{}:none", place.store), "FROM debian:bookworm-slim\nRUN true\n");
    // All that is asked of an old Python is its version, and it says so by its exit status.
    let old = image(
        &format!("{}:old", place.store),
        "FROM debian:bookworm-slim\nRUN printf '#!/bin/sh\\necho 3.8.1\\ncase \"$2\" in *exit*) exit 1;; esac\\n' >/usr/bin/python3 && chmod +x /usr/bin/python3\n",
    );
    for (base, language, reason) in [
        (&without, "python", "it has no python3, and Python 3.9 or newer is needed"),
        (&old, "python", "it has Python 3.8.1, and Python 3.9 or newer is needed"),
        (&without, "r", "it has no Rscript, and R 4.2 or newer is needed"),
    ] {
        let keys = format!("image = \"{base}\"\ninstall_api = true");
        let block = place.block("lacks", language, &keys, "");
        place.run(&block).expect(3, &[&format!("cannot install the API in `{base}`: {reason}")]);
    }
    assert_eq!(place.left(), Vec::<String>::new());
    docker(&["rmi", "-f", &without, &old]);
}

#[test]
fn labels_of_omniscope_are_there_where_they_are_asked_for() {
    let place = Place::new();
    place.settings("[images]\nvisokio_labels = true\n");
    place.python("labels", "dependencies = [\"humanize==4.12.0\"]", "humanize");
    let built = place.longshore(&["images", "build", "labels"]);
    built.expect(0, &["made"]);
    assert_eq!(Place::label(built.image(), "visokio-image-type"), "custom-block-generated");
}
