//! What people use works in a container: the packages of the images, those that a block names, workers of each kind,
//! servers on the container's own loopback, plots. Each is tried without a network and with one.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../command/mod.rs"]
mod command;

use command::User;

/// Packages that make threads and workers of their own, or look at the machine.
const PACKAGES: &str = r#"["joblib", "matplotlib", "numba", "plotly", "psutil", "scikit-learn"]"#;

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
