//! `longshore images list`, `prune`, `pin`, `unpin` and `explain` against the real engine: what each image takes, what
//! goes first, what never goes, and what happens when builds, runs and other clean-ups are at work.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod engine;
mod handmade;

use handmade::{KB, Made, Plan, Store, docker, is_there};
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use std::io::Read;
use std::process::Stdio;

/// Bytes as each image adds them, by the last word of its name.
fn added(list: &[Value], made: &Made) -> u64 {
    let entry = list.iter().find(|entry| entry["id"] == made.id.as_str());
    entry.unwrap_or_else(|| panic!("{} is not in {list:#?}", made.name))["added_bytes"].as_u64().unwrap()
}

fn container(store: &Store, image: &str) -> String {
    docker(&["create", "--label", &format!("test={}", store.name), image])
}

#[test]
fn each_image_counts_by_what_it_adds() {
    let store = Store::new("adds", 100 * KB);
    let base = store.base(5);
    let layer = store.layer("layer", &base, 3, 40);
    let (one, two) = (store.generated("one", &layer, 1, 30), store.generated("two", &layer, 2, 3));
    let list = store.list();
    assert_eq!(list.len(), 3, "{list:#?}");
    for (made, bytes) in [(&layer, 3 * KB), (&one, KB), (&two, 2 * KB)] {
        assert_eq!(added(&list, made), bytes);
    }
    // Longest unused last, and a layer is as fresh as what is on it.
    let order: Vec<&str> = list.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(order[2], one.id);
    let days = |entry: &Value| entry["unused_seconds"].as_u64().unwrap() / 86_400;
    assert_eq!(list.iter().map(days).collect::<Vec<_>>(), [3, 3, 30]);
    store.used(&one, 2);
    let text = store.images(&["list"], 0);
    let first = text.lines().find(|line| line.starts_with(&one.hash[..12])).unwrap();
    for word in ["generated", "test/base:1", "humanize==4.12 tomli", "1.0 kB", "2 days ago"] {
        assert!(first.contains(word), "`{word}` is missing in {text}");
    }
    assert!(text.ends_with("3 images, 6.0 kB of the 100 kB budget\n"), "{text}");
}

#[test]
fn over_the_budget_those_unused_for_longest_go_down_to_the_low_mark() {
    let mut store = Store::new("budget", 30 * KB);
    let base = store.base(5);
    let layer = store.layer("layer", &base, 3, 50);
    let old = store.generated("old", &layer, 10, 40);
    let middle = store.generated("middle", &base, 10, 20);
    let new = store.generated("new", &base, 6, 10);
    assert!(store.images(&["prune"], 0).contains("nothing to remove: 29 kB of the 30 kB budget are taken"));
    store.budget = 25 * KB;
    let foreseen = store.images(&["prune", "--dry-run"], 0);
    assert!(
        foreseen.contains(&format!("would remove {} (humanize==4.12 tomli): 10 kB, last used 1 month ago", old.name))
    );
    assert!(
        foreseen.ends_with("would remove 1 image: 10 kB would be free, 19 kB of the 25 kB budget would be taken\n")
    );
    assert!(is_there(&old));
    let told = store.images(&["prune"], 0);
    assert!(told.ends_with("removed 1 image: 10 kB freed, 19 kB of the 25 kB budget are taken\n"), "{told}");
    assert_eq!(store.names(), ["layer", "middle", "new"]);
    // The layer carries nothing any more, and is the oldest now.
    store.budget = 18 * KB;
    store.images(&["prune"], 0);
    assert_eq!(store.names(), ["new"]);
    assert!(is_there(&base) && is_there(&new) && !is_there(&middle));
    store.budget = 0;
    store.images(&["prune"], 0);
    assert_eq!(store.names(), [""; 0]);
    assert!(is_there(&base));
    assert!(!store.ledger(&new.hash, "lock").exists(), "the ledger remembers what is gone");
}

#[test]
fn what_is_in_use_pinned_held_named_or_new_stays() {
    let store = Store::new("stays", 0);
    let base = store.base(1);
    let words = ["used", "pinned", "held", "built", "touched", "named", "extended", "free"];
    let made: Vec<Made> = (1..).zip(words).map(|(size, word)| store.generated(word, &base, size, 9)).collect();
    let [used, pinned, held, built, touched, named, extended, free] = &made[..] else { panic!() };
    let new = store.generated("new", &base, 9, 0);
    container(&store, &used.name);
    store.images(&["pin", &pinned.hash[..8]], 0);
    let (run, build) = (store.lock_file(&held.hash), store.lock_file(&built.hash));
    flock(&run, FlockOperation::LockShared).unwrap();
    flock(&build, FlockOperation::LockExclusive).unwrap();
    store.used(touched, 0);
    docker(&["tag", &named.name, &format!("{}/own:1", store.name)]);
    let extension = format!("{}/extended:1", store.name);
    let from = container(&store, &extended.name);
    docker(&["commit", &from, &extension]);
    docker(&["rm", &from]);
    let told = store.images(&["prune"], 0);
    let stays = |made: &Made, why: &str| {
        assert!(is_there(made), "{told}");
        let said = format!("kept {} (humanize==4.12 tomli): {why}\n", made.name);
        assert!(told.contains(&said), "`{said}` is missing in {told}");
    };
    stays(used, "in use by a container");
    stays(pinned, "pinned");
    stays(held, "in use by a build or a run");
    stays(built, "in use by a build or a run");
    stays(touched, "made or used in the last ten minutes");
    stays(&new, "made or used in the last ten minutes");
    assert!(is_there(named), "{told}");
    assert!(told.contains(": has a name not given by Longshore"), "{told}");
    stays(extended, "a custom image is built on it");
    assert!(!is_there(free), "{told}");
    drop((run, build));
    store.images(&["unpin", &pinned.name], 0);
    store.images(&["prune", "--all"], 0);
    assert_eq!(store.names(), ["extended", "named", "used"]);
}

#[test]
fn images_of_others_are_left_alone_but_for_those_marked() {
    let store = Store::new("others", 0);
    let other = Store::new("others-too", 0);
    let base = store.base(5);
    let foreign = other.generated("foreign", &base, 1, 90);
    let name = |word: &str| format!("{}/{word}:1", store.name);
    let (plain, marked, visokio) = (name("plain"), name("marked"), name("visokio"));
    let custom = |name, size, labels| Plan { name, below: Some(&base), kilobytes: size, days_old: 90, labels };
    let ours = ("longshore.image-type", "generated");
    let labels = vec![ours, ("longshore.parent", base.id.as_str())];
    let lost = Plan { name: "", below: Some(&base), kilobytes: 7, days_old: 90, labels };
    let made = store.load_all(&[
        custom(&plain, 1, vec![]),
        custom(&marked, 2, vec![("longshore.image-retention", "prune-on-cleanup")]),
        custom(&visokio, 3, vec![("visokio-image-retention", "prune-on-cleanup")]),
        lost,
    ]);
    let list = store.list();
    assert_eq!(list.len(), 3, "{list:#?}");
    assert_eq!((added(&list, &made[3]), added(&other.list(), &foreign)), (7 * KB, KB));
    let big = Store { name: store.name.clone(), folder: tempfile::tempdir().unwrap(), budget: 1 << 40 };
    // What has no name goes at any time; marked ones only when space is needed.
    let told = big.images(&["prune"], 0);
    assert!(told.contains("without a name"), "{told}");
    assert!(!is_there(&made[3]) && is_there(&made[1]) && is_there(&made[2]));
    store.images(&["prune"], 0);
    let there: Vec<bool> = made.iter().map(is_there).collect();
    assert_eq!(there, [true, false, false, false]);
    assert!(is_there(&foreign) && is_there(&base));
}

#[test]
fn a_chain_that_the_engine_knows_of_goes_from_its_top_though_its_base_lost_its_name() {
    let store = Store::new("chain", 1 << 40);
    let base = store.base(5);
    let commit = |from: &str, name: &str, hash: &str, parent: &str, size: u64| {
        let container = container(&store, from);
        let file = store.folder.path().join(hash);
        std::fs::write(&file, vec![b'x'; usize::try_from(size * KB).unwrap()]).unwrap();
        docker(&["cp", file.to_str().unwrap(), &format!("{container}:/{hash}")]);
        let labels = format!(
            "LABEL longshore.store={} longshore.environment={hash} longshore.parent={parent} longshore.image-type={}",
            store.name,
            if name.contains("layer") { "layer" } else { "generated" }
        );
        let id = docker(&["commit", "--change", &labels, &container, name]);
        docker(&["rm", &container]);
        id
    };
    let (one, two) = (store.hash("one"), store.hash("two"));
    let layer_name = format!("longshore/layer:{one}");
    let layer = commit(&base.name, &layer_name, &one, &base.id, 30);
    let top = commit(&layer, &format!("longshore/environment:{two}"), &two, &layer, 40);
    docker(&["rmi", &base.name]);
    let list = store.list();
    let adds = |id: &str| list.iter().find(|entry| entry["id"] == id).unwrap()["added_bytes"].as_u64().unwrap();
    assert_eq!((adds(&layer), adds(&top)), (30 * KB, 40 * KB), "{list:#?}");
    let told = store.images(&["prune"], 0);
    assert!(told.contains("nothing to remove"), "{told}");
    let told = store.images(&["prune", "--all"], 0);
    let at = |name: &str| told.find(&format!("removed {name}")).unwrap_or_else(|| panic!("{name}: {told}"));
    assert!(at("longshore/environment:") < at("longshore/layer:"), "{told}");
    assert!(told.contains("removed 2 images: 70 kB freed"), "{told}");
    assert!(store.list().is_empty());
}

#[test]
fn several_clean_ups_at_once_remove_no_more_than_one_would() {
    let store = Store::new("at-once", 100 * KB);
    let base = store.base(1);
    let made: Vec<Made> = (1..=20).map(|days| store.generated(&format!("{days:02}"), &base, 10, days)).collect();
    let mut prunes: Vec<_> = (0..6)
        .map(|_| {
            let mut command = store.command(&["prune"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    assert!(prunes.iter_mut().all(|prune| prune.wait().unwrap().success()));
    // 8 of 10 kB are four fifths of the budget.
    let left: Vec<bool> = made.iter().map(is_there).collect();
    assert_eq!(left, [vec![true; 8], vec![false; 12]].concat());
}

#[test]
fn a_run_that_starts_during_clean_ups_has_its_image() {
    let store = Store::new("starts", 0);
    let base = store.base(1);
    let made: Vec<Made> = (1..=12).map(|days| store.generated(&format!("{days:02}"), &base, days, days)).collect();
    let over = std::sync::atomic::AtomicBool::new(false);
    let (mut started, mut gone) = (0, 0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    store.images(&["prune", "--all"], 0);
                }
            });
        }
        // As a run does: it holds the image from finding it until its container is there.
        for one in made.iter().rev() {
            let lock = loop {
                let lock = store.lock_file(&one.hash);
                flock(&lock, FlockOperation::LockShared).unwrap();
                use std::os::unix::fs::MetadataExt;
                let there = std::fs::metadata(store.ledger(&one.hash, "lock"));
                if there.is_ok_and(|there| there.ino() == lock.metadata().unwrap().ino()) {
                    break lock;
                }
            };
            if is_there(one) {
                container(&store, &one.name);
                started += 1;
            } else {
                gone += 1;
            }
            drop(lock);
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(started + gone, 12);
    store.images(&["prune", "--all"], 0);
    assert_eq!(store.list().len(), started, "an image with a container went");
}

#[test]
fn folders_of_runs_without_a_container_count_in_the_same_budget() {
    let mut store = Store::new("folders", 1 << 40);
    let base = store.base(1);
    let image = store.generated("image", &base, 10, 5);
    let environments = store.folder.path().join("cache/longshore/environments");
    let folder = |word: &str, days: u64| {
        let hash = store.hash(word);
        let path = environments.join(&hash);
        std::fs::create_dir_all(path.join("lib")).unwrap();
        std::fs::write(path.join("size"), "20000").unwrap();
        std::fs::write(path.join("packages"), "tomli==2\n").unwrap();
        let record = r#"{"language": "python", "requirements": ["tomli==2"], "installed": ["tomli==2.0.0"]}"#;
        std::fs::write(path.join("environment.json"), record).unwrap();
        store.used(&Made { hash, ..image.clone() }, days);
        path
    };
    // They were made just now, which counts as a use.
    let (old, held) = (folder("old", 9), folder("held", 9));
    std::fs::create_dir(environments.join(format!(".trash-{}", store.hash("killed")))).unwrap();
    let list = store.images(&["list"], 0);
    assert!(list.ends_with("1 image and 2 folders, 50 kB of the 1.1 TB budget\n"), "{list}");
    let explained = store.images(&["explain", old.to_str().unwrap()], 0);
    assert!(explained.contains("packages for runs without a container") && explained.contains("tomli==2"));
    assert!(explained.contains("installed        pip tomli==2.0.0: listed as `tomli==2`\n"), "{explained}");
    store.budget = 20 * KB;
    store.images(&["prune"], 0);
    assert!(old.exists() && held.exists() && !is_there(&image), "folders made just now stay");
    assert!(std::fs::read_dir(&environments).unwrap().count() == 2, "the trash is still there");
    let run = store.lock_file(&store.hash("held"));
    flock(&run, FlockOperation::LockShared).unwrap();
    let told = store.images(&["prune", "--all"], 0);
    assert!(!old.exists() && held.exists(), "{told}");
    // Without an engine there are the folders.
    let mut command = store.command(&["list"]);
    let output = command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains("just now   in use\n"), "{printed}");
    assert!(printed.contains("note: no container engine answers at `/nowhere/docker.sock`"), "{printed}");
}

#[test]
fn an_image_is_explained_by_whatever_it_is_called() {
    let store = Store::new("explain", 100 * KB);
    let base = store.base(1);
    let layer = store.layer("layer", &base, 10, 30);
    let (one, two) = (store.generated("one", &layer, 20, 20), store.generated("two", &layer, 30, 10));
    let text = store.images(&["explain", &two.hash[..8]], 0);
    for said in [
        format!("{}\n", two.name),
        format!("  hash             {}\n", two.hash),
        "  base             test/base:1\n".into(),
        "  packages         humanize==4.12\n                   tomli\n".into(),
        "  installed        pip humanize==4.12.3: listed as `humanize==4.12`\n".into(),
        "                   pip tomli==2.2.1: listed as `tomli`\n".into(),
        "  note             which package needs which is unknown: ".into(),
        "  made             10 days ago\n".into(),
        "  size             30 kB, ".into(),
        // Of 60 kB; over 100 kB pruning starts, and this one goes second, where 20 kB before it are not enough.
        "after 40 kB more: 60 kB of the 100 kB budget are taken; position 2 of 3 images in the eviction order, after 20 kB"
            .into(),
    ] {
        assert!(text.contains(&said), "`{said}` is missing in {text}");
    }
    let container = container(&store, &one.name);
    let container = docker(&["inspect", "--format", "{{.Name}}", &container]);
    let text = store.images(&["explain", &one.id], 0);
    assert!(text.contains(&format!("containers       {}\n", &container[1..])), "{text}");
    assert!(text.contains("eviction         not now: in use by a container\n"), "{text}");
    let text = store.images(&["explain", &layer.name], 0);
    assert!(text.contains("not now: an image that stays is built on it"), "{text}");
    assert!(text.contains(&one.name) && text.contains(&two.name), "{text}");
    for (reference, said) in [
        ("nothing:1", "there is no image `nothing:1` among those made here"),
        ("nothing:1", "help: `longshore images list` lists the images"),
        (&two.hash[..5], "there is no image `"),
        (&base.name, "was not made here: clean-up never removes it"),
    ] {
        let text = store.images(&["pin", reference], 2);
        assert!(text.contains(said), "{text}");
    }
    let mut command = store.command(&["list"]);
    let output = command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_thousand_images_are_listed_in_no_time() {
    let store = Store::new("thousand", 1 << 40);
    let base = store.base(1);
    let hashes: Vec<String> = (0..1000).map(|number| store.hash(&number.to_string())).collect();
    let names: Vec<String> = hashes.iter().map(|hash| format!("longshore/environment:{}", &hash[..32])).collect();
    let plans = hashes.iter().zip(&names).map(|(hash, name)| Plan {
        name,
        below: Some(&base),
        kilobytes: 1,
        days_old: 9,
        labels: vec![
            ("longshore.image-type", "generated"),
            ("longshore.environment", hash.as_str()),
            ("longshore.parent", base.id.as_str()),
        ],
    });
    let made = store.load_all(&plans.collect::<Vec<_>>());
    made.iter().for_each(|made| store.used(made, 3));
    // Waiting for the engine takes no time of a processor's, so what the command takes of that is all beyond it; and it
    // asks the engine twice, whatever there is to list.
    let processor = || {
        let mut command = store.command(&["list", "--json"]);
        let mut command = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut text = String::new();
        command.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        let facts = std::fs::read_to_string(format!("/proc/{}/stat", command.id())).unwrap();
        assert!(command.wait().unwrap().success());
        assert_eq!(serde_json::from_str::<Vec<Value>>(&text).unwrap().len(), 1000);
        // In hundredths of a second: of its own, and of the kernel for it.
        facts
            .rsplit(") ")
            .next()
            .unwrap()
            .split(' ')
            .skip(11)
            .take(2)
            .map(|time| time.parse::<u64>().unwrap() * 10)
            .sum()
    };
    let least: u64 = (0..5).map(|_| processor()).min().unwrap();
    println!("1000 images are listed in {least} ms beyond the engine's own time");
    assert!(least < 200, "{least} ms");
}
