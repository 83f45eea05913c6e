//! What people use works in a container: the packages of the images, those that a block names, workers of each kind,
//! servers on the container's own loopback, plots. Each is tried without a network and with one.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../command/mod.rs"]
mod command;

use command::User;

/// Packages that make threads and workers of their own, or look at the machine.
const PACKAGES: &str = r#"["numba", "plotly", "psutil"]"#;

/// How far an image may be from the size in its documents, in percent: packages that those of the requirements need may
/// change.
const OFF_MAX: u64 = 4;

/// The sizes of images in the table of a document, in megabytes.
fn documented_sizes() -> Vec<(String, u64)> {
    let text = std::fs::read_to_string(command::root().join("docs/images.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [image, .., size] = cells[..] else { return None };
        Some((
            image.strip_prefix("`longshore/")?.trim_end_matches('`').to_owned(),
            size.strip_suffix(" MB")?.parse().ok()?,
        ))
    });
    rows.collect()
}

#[test]
fn images_have_the_size_that_their_page_says() {
    let of_debian_12 = ["base", "python", "python-pandas2", "r"];
    let documented = documented_sizes();
    for image in of_debian_12 {
        let expected = documented.iter().find(|(name, _)| name == image).unwrap().1;
        let arguments = ["image", "inspect", "--format", "{{.Size}}", &format!("longshore/{image}:latest")];
        let asked = std::process::Command::new("docker").args(arguments).output().unwrap();
        let size: u64 = String::from_utf8(asked.stdout).unwrap().trim().parse().unwrap();
        let size = size / 1_000_000;
        assert!(
            size.abs_diff(expected) * 100 <= expected * OFF_MAX,
            "{image} has {size} MB, and docs/images.md says {expected} MB"
        );
    }
}

/// Runs a block of one script with each network.
fn works(language: &str, script: &str, text: &str, packages: &str) {
    let user = User::with_folder("libraries-");
    user.file(&format!("block/{script}"), text);
    let manifest = format!("name = \"libraries\"\nlanguage = \"{language}\"\nscript = \"{script}\"\n{packages}");
    user.file("block/block.toml", &manifest);
    for network in ["none", "bridge"] {
        let arguments = ["run", "block", "--engine", "docker", "--network", network, "--memory", "2g"];
        let output = user.command(&arguments).output().unwrap();
        let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
        assert!(output.status.success() && said.contains("fine:") && !said.contains("failed:"), "{network}: {said}");
        assert!(!said.to_lowercase().contains("warning"), "{network}: {said}");
    }
}

#[test]
fn what_python_and_its_image_have_works() {
    works("python", "common.py", include_str!("common.py"), "");
}

#[test]
fn what_r_and_its_image_have_works() {
    works("r", "common.R", include_str!("common.R"), "");
}

#[test]
fn packages_with_threads_workers_and_plots_work() {
    works("python", "installed.py", include_str!("installed.py"), &format!("dependencies = {PACKAGES}\n"));
}
