//! Builds at the same time, builders that are killed, images that others remove.

use crate::engine::{Fate, docker, stand_before};
use crate::place::{PATIENCE, Place, ended, image};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
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
    assert!(lines.any(|line| line.contains("Setting up tree")));
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
    // At once, and while the engine makes the container, which it goes on with whoever waits for it.
    for delay in [Duration::ZERO, Duration::from_millis(500)] {
        let block = place.python("interrupted", "system_packages = [\"tree\"]", "humanize");
        let socket = place.path().join("engine.sock");
        let (asked, asks) = mpsc::channel();
        stand_before(&socket, move |request| {
            if request.contains("POST /containers/create?") {
                asked.send(()).unwrap();
                std::thread::sleep(delay);
            }
            Fate::PassedOn
        });
        let mut run = place.command(&["run", "--engine", "docker", block.to_str().unwrap()]);
        let mut run = run.env("DOCKER_HOST", format!("unix://{}", socket.display())).spawn().unwrap();
        let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains("making the environment")));
        if !delay.is_zero() {
            asks.recv_timeout(PATIENCE).unwrap();
        }
        let pid = rustix::process::Pid::from_raw(run.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(130));
        // Nobody comes after it who would remove what it leaves.
        assert_eq!(place.left(), [""; 0]);
        std::thread::sleep(delay);
        assert_eq!(place.left(), [""; 0]);
        std::fs::remove_file(&socket).unwrap();
    }
}

/// Stands before the engine, and removes an image at the worst moment: once, when a container of it is to be made.
fn engine_that_loses(place: &Place, image: &str) -> PathBuf {
    let path = place.path().join("engine.sock");
    let (image, is_done) = (image.to_owned(), Arc::new(AtomicBool::new(false)));
    stand_before(&path, move |request| {
        if request.contains("POST /containers/create?") && !is_done.swap(true, Ordering::SeqCst) {
            docker(&["rmi", "-f", &image]);
        }
        Fate::PassedOn
    });
    path
}

#[test]
fn an_image_that_is_removed_between_decision_and_start_is_made_again() {
    let place = Place::new();
    let block = place.python("removed", "dependencies = [\"humanize==4.6.0\"]", "humanize");
    let name = place.longshore(&["images", "build", "removed"]);
    let name = name.expect(0, &["made"]).image();
    let socket = engine_that_loses(&place, name);
    let mut run = place.command(&["run", "--engine", "docker", block.to_str().unwrap()]);
    let run = ended(run.env("DOCKER_HOST", format!("unix://{}", socket.display())).output().unwrap());
    run.expect(0, &["making the environment", "humanize 4.6.0"]);
    // Nobody builds a base image for it.
    let gone = image(&format!("{}:base", place.store), "FROM longshore/python:latest\nLABEL a=b\n");
    let bare = place.block("bare", "python", "", "print('ran')\n");
    std::fs::remove_file(&socket).unwrap();
    let socket = engine_that_loses(&place, &gone);
    let mut run = place.command(&["run", "--engine", "docker", "--image", &gone, bare.to_str().unwrap()]);
    let run = ended(run.env("DOCKER_HOST", format!("unix://{}", socket.display())).output().unwrap());
    run.expect(3, &[&gone]);
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
            let mut pruned = Vec::new();
            while !done.load(Ordering::Relaxed) {
                pruned.push(place.prune_all());
            }
            pruned
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
        for pruned in cleaner.join().unwrap() {
            pruned.expect(0, &[]);
        }
        assert!(runs.iter().all(Result::is_ok));
    });
}
