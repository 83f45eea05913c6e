//! README, and the pages for image authors and operators, run as they stand, in containers: environments, images,
//! archives, fingerprints, and what stands beside the images. What becomes of their fences is in `page/mod.rs`; besides
//! that, each Dockerfile is built by a command, and each script runs. Images that a page calls `team/…` have names of the
//! test's own.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod engine;
mod page;
#[allow(dead_code, reason = "most of it is for the tests of environments")]
#[path = "environments/place.rs"]
mod place;

use engine::{docker, docker_may_fail};
use page::{fences, page};
use place::Place;
use std::process::Command;

/// Where a page is tried out, and nothing left of it afterwards.
struct Desk {
    // Its images stand on those that the page builds, and go first.
    place: Option<Place>,
    /// What stands for `team` in names of images.
    team: String,
}

impl Desk {
    fn new() -> Self {
        let place = Place::new();
        Self { team: format!("{}-team", place.store), place: Some(place) }
    }

    /// A shell at this desk.
    fn shell(&self, command: &str) -> Command {
        let folder = self.place.as_ref().unwrap().path();
        let mut shell = page::shell(folder, command);
        shell.env("XDG_STATE_HOME", folder.join("state")).env("XDG_CACHE_HOME", folder.join("cache"));
        shell
    }

    /// Runs a page. Everything in it that is to be built or run must be.
    fn run(&self, name: &str) {
        let mut uncalled: Vec<String> = Vec::new();
        for fence in fences(&page(name)) {
            // What would be pulled has no such name.
            let text = fence.text.replace("team/", &format!("{}/", self.team));
            if let Some(file) = fence.file() {
                fence.write(self.place.as_ref().unwrap().path(), &text);
                if ["dockerfile", "python", "r"].contains(&fence.kind.as_str()) {
                    uncalled.push(file.split('/').next().unwrap().to_owned());
                }
            } else if fence.kind == "console" {
                uncalled.retain(|file| !text.split_whitespace().any(|word| word == file));
                fence.run(&text, |command| self.shell(command));
            } else {
                assert!(fence.kind != "dockerfile", "{name}, line {}: the Dockerfile has no name", fence.line);
            }
        }
        assert_eq!(uncalled, Vec::<String>::new(), "{name}: no command calls these");
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let own = format!("reference={}/*", self.team);
        let own = docker(&["images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "--filter", &own]);
        self.place = None;
        for line in own.lines() {
            let (name, id) = line.split_once(' ').unwrap();
            docker_may_fail(&["rmi", "-f", name]);
            // Packages for what was made on it, if anything was.
            let volumes = docker(&["volume", "ls", "-q", "--filter", &format!("name=longshore-packages-{id}")]);
            volumes.lines().for_each(|volume| drop(docker_may_fail(&["volume", "rm", volume])));
        }
    }
}

#[test]
fn the_first_page_runs() {
    Desk::new().run("README.md");
}

#[test]
fn the_page_on_environments_runs() {
    Desk::new().run("docs/environments.md");
}

#[test]
fn the_page_on_projects_runs() {
    Desk::new().run("docs/projects.md");
}

#[test]
fn the_page_on_images_runs() {
    Desk::new().run("docs/images.md");
}

#[test]
fn the_page_on_archives_runs() {
    Desk::new().run("docs/archives.md");
}

#[test]
fn the_page_on_fingerprints_runs() {
    Desk::new().run("docs/fingerprints.md");
}

#[test]
fn the_page_beside_the_images_runs() {
    Desk::new().run("images/README.md");
}

#[test]
fn the_page_on_images_names_every_command() {
    let help = command::longshore(&command::root(), &["images", "--help"]);
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.split_once("Commands:\n").unwrap().1.lines().take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    let page = page("docs/images.md");
    let is_named =
        |name: &&str| page.contains(&format!("longshore images {name} ")) || page.contains(&format!("`{name} "));
    let missing: Vec<&str> = commands.iter().copied().filter(|name| *name != "help" && !is_named(name)).collect();
    assert!(commands.len() > 5 && missing.is_empty(), "docs/images.md does not name {missing:?} of {commands:?}");
}

#[test]
fn a_command_without_its_subcommand_shows_its_help() {
    for group in ["images", "runs", "config"] {
        let alone = command::longshore(&command::root(), &[group]);
        let help = command::longshore(&command::root(), &[group, "-h"]);
        assert_eq!((alone.status.code(), help.status.code()), (Some(2), Some(0)));
        assert!(!help.stdout.is_empty() && alone.stderr == help.stdout, "{group}");
    }
}
