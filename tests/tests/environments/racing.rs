//! Builds at the same time, builders that are killed, images that others remove.

use crate::place::{PATIENCE, Place, docker, ended};
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn ten_runs_at_once_build_once() {
    let place = Place::new();
    let block = place.python("ten", "dependencies = [\"humanize==4.8.0\"]", "humanize");
    let block = block.to_str().unwrap();
    let runs: Vec<_> = (0..10).map(|_| place.command(&["run", "--engine", "docker", block]).spawn().unwrap()).collect();
    let ended: Vec<_> = runs.into_iter().map(|run| ended(run.wait_with_output().unwrap())).collect();
    for run in &ended {
        run.expect(0, &["humanize 4.8.0"]);
    }
    let builders = ended.iter().filter(|run| run.err.contains("+ humanize==4.8.0")).count();
    assert_eq!(builders, 1, "{ended:#?}");
    assert_eq!(place.left().len(), 1);
}

#[test]
fn a_builder_that_is_killed_leaves_nothing_and_the_next_one_builds() {
    let place = Place::new();
    // A package of the system first, so that there is time.
    let keys = "system_packages = [\"tree\"]\ndependencies = [\"humanize==4.7.0\"]";
    let block = place.python("killed", keys, "humanize");
    let mut run = place.command(&["run", "--engine", "docker", block.to_str().unwrap()]).spawn().unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("Selecting previously unselected package tree")));
    run.kill().unwrap();
    run.wait().unwrap();
    let since = Instant::now();
    while !place.left().is_empty() {
        assert!(since.elapsed() < PATIENCE, "{:?}", place.left());
        std::thread::sleep(Duration::from_millis(50));
    }
    place.run(&block).expect(0, &["humanize 4.7.0"]);
}

#[test]
fn ctrl_c_ends_a_build() {
    let place = Place::new();
    let block = place.python("interrupted", "system_packages = [\"tree\"]", "humanize");
    let mut run = place.command(&["run", "--engine", "docker", block.to_str().unwrap()]).spawn().unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("making the environment")));
    let pid = rustix::process::Pid::from_raw(run.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let since = Instant::now();
    while !place.left().is_empty() {
        assert!(since.elapsed() < PATIENCE, "{:?}", place.left());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_image_that_others_remove_is_made_again() {
    let place = Place::new();
    let block = place.python("removed", "dependencies = [\"humanize==4.6.0\"]", "humanize");
    let name = place.longshore(&["images", "build", "removed"]);
    let name = name.expect(0, &["made"]).image();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                docker(&["rmi", name]);
            }
        });
        for _ in 0..5 {
            place.run(&block).expect(0, &["humanize 4.6.0"]);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn builds_and_clean_ups_at_once_lose_nothing() {
    let place = Place::new();
    let blocks: Vec<_> = ["4.5.0", "4.4.0"]
        .into_iter()
        .map(|version| {
            let keys = format!("dependencies = [\"humanize=={version}\"]");
            (place.python(&format!("v{version}"), &keys, "humanize"), version)
        })
        .collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let cleaner = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                place.longshore(&["images", "prune", "--all"]).expect(0, &[]);
            }
        });
        let runs: Vec<_> = blocks
            .iter()
            .map(|(block, version)| {
                let place = &place;
                scope.spawn(move || {
                    for _ in 0..3 {
                        place.run(block).expect(0, &[&format!("humanize {version}")]);
                    }
                })
            })
            .collect();
        let runs: Vec<_> = runs.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        cleaner.join().unwrap();
        assert!(runs.iter().all(Result::is_ok));
    });
}
