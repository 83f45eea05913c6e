//! What goes wrong with interpreters that wait: imports that fail, print, end their process, or connect; members that are
//! killed; hosts that are. The process engine runs an interpreter here whose packages are this test's.

use super::{COLD, POOLED, Ran, below, has, resident, run, soon};
use crate::command::{Home, Resident, User};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

/// Packages that do what packages should not do.
const PACKAGES: [(&str, &str); 8] = [
    ("slow.py", "import time\ntime.sleep(3)\n"),
    ("hangs.py", "import time\ntime.sleep(1000)\n"),
    ("prints.py", "print('from a package')\n"),
    ("fails.py", "raise RuntimeError('on purpose')\n"),
    ("ends.py", "import os\nos._exit(3)\n"),
    ("threads.py", "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"),
    ("reads.py", "import os\nVALUE = os.environ.get('MODE', 'none')\n"),
    (
        "connects.py",
        "import os, socket\nS = socket.socket(socket.AF_UNIX)\nS.connect(os.environ['LONGSHORE_SOCKET'])\n",
    ),
];

/// A user with an interpreter that finds these packages.
fn interpreter(home: &User) -> String {
    for (name, text) in PACKAGES {
        home.file(&format!("packages/{name}"), text);
    }
    let packages = home.at("packages");
    let python = std::env::var("LONGSHORE_PYTHON").unwrap_or_else(|_| "/usr/bin/python3".into());
    let text =
        format!("#!/bin/sh\nPYTHONPATH=\"${{PYTHONPATH:+$PYTHONPATH:}}{}\" exec {python} \"$@\"\n", packages.display());
    home.file("python", &text);
    let path = home.at("python");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

struct Place {
    user: User,
    python: String,
}

impl Place {
    fn new() -> Self {
        let user = User::with_folder("pool-");
        let python = interpreter(&user);
        Self { user, python }
    }

    fn resident(&self, variables: &[(&str, &str)]) -> Resident {
        let variables = [variables, &[("LONGSHORE_PYTHON", self.python.as_str())]].concat();
        resident(&self.user.home, &variables)
    }

    fn run(&self, resident: &Resident, script: &str, arguments: &[&str]) -> Ran {
        self.user.file("work/script.py", script);
        let mut command =
            self.user.command(&[&["run", "--json", "work/script.py", "--engine", "process"], arguments].concat());
        Ran::of(&resident.of(&mut command).env("LONGSHORE_PYTHON", &self.python).output().unwrap())
    }
}

#[test]
fn imports_that_cannot_be_done_before_are_done_by_the_script() {
    let place = Place::new();
    let (cold, pooled) = (place.resident(COLD), place.resident(POOLED));
    let cases: [(&str, &[&str], usize); 8] = [
        ("import json\nimport prints\nprint('end')\n", &[], 0),
        ("import json\nimport fails\n", &[], 1),
        ("import json\nimport ends\n", &[], 0),
        ("import json\nimport threads\nprint(len(__import__('os').listdir('/proc/self/task')))\n", &[], 2),
        ("import json\nimport connects\nprint('end')\n", &[], 2),
        ("import reads\nprint(reads.VALUE)\n", &[], 1),
        ("import reads\nprint(reads.VALUE)\n", &["--env", "OTHER=1"], 1),
        ("import reads\nprint(reads.VALUE)\n", &["--env", "MODE=given"], 0),
    ];
    for (script, arguments, imports) in cases {
        let before = place.run(&cold, script, arguments);
        // What a member cannot do is known once it was tried.
        let first = place.run(&pooled, script, arguments);
        let now = place.run(&pooled, script, arguments);
        assert_eq!(before.printed, first.printed, "{script}");
        assert_eq!(before.printed, now.printed, "{script}");
        assert_eq!(before.facts(), now.facts(), "{script}");
        assert_eq!((now.result(), now.preloaded()), ("hit", imports), "{script}: {} {}", now.why(), pooled.log());
    }
}

#[test]
fn imports_that_hang_are_left_to_the_script() {
    let place = Place::new();
    let pooled = place.resident(POOLED);
    // The script has its own limit; the import before it has one of the host's.
    let ran = place.run(&pooled, "import hangs\n", &["--timeout", "2s"]);
    assert_eq!((ran.result(), ran.preloaded()), ("hit", 0), "{} {}", ran.why(), pooled.log());
    assert_eq!(ran.record["outcome"], "timed_out");
}

#[test]
fn a_run_that_is_cancelled_while_it_waits_takes_nothing() {
    let place = Place::new();
    let pooled = place.resident(POOLED);
    place.user.file("work/script.py", "import slow\nprint('end')\n");
    let start = || {
        let mut command = place.user.command(&["run", "--json", "work/script.py", "--engine", "process"]);
        pooled.of(&mut command).env("LONGSHORE_PYTHON", &place.python);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let cancelled = start();
    let imports = || below(pooled.pid()).into_iter().any(|pid| has(pid, "cmdline", "script.py"));
    soon("an interpreter is being prepared", imports);
    kill_process(Pid::from_child(&cancelled), Signal::INT).unwrap();
    let output = cancelled.wait_with_output().unwrap();
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), record["outcome"].as_str()), (Some(130), Some("interrupted")), "{record}");
    // What was being prepared is for the next run.
    soon("it waits", || waiting(&pooled).is_some());
    let member = waiting(&pooled).unwrap();
    assert_eq!(Ran::of(&start().wait_with_output().unwrap()).result(), "hit");
    soon("it was used", || !has(member, "cmdline", "script.py"));
}

#[test]
fn a_member_that_is_killed_is_replaced_and_no_run_notices() {
    let place = Place::new();
    let pooled = place.resident(&[]);
    let script = "import json\nprint('end')\n";
    assert_eq!(place.run(&pooled, script, &[]).result(), "miss");
    for victim in ["longshore-agent", "script.py"] {
        soon("a member waits", || waiting(&pooled).is_some());
        let killed = below(pooled.pid()).into_iter().find(|pid| has(*pid, "cmdline", victim)).unwrap();
        kill_process(Pid::from_raw(i32::try_from(killed).unwrap()).unwrap(), Signal::KILL).unwrap();
        soon("it is gone", || !has(killed, "cmdline", victim));
        let ran = place.run(&pooled, script, &[]);
        assert_eq!(ran.record["outcome"], "succeeded", "{victim}");
    }
    soon("another one waits", || waiting(&pooled).is_some());
    assert_eq!(place.run(&pooled, script, &[]).result(), "hit");
}

/// A process whose interpreter waits, as the pipe that it reads shows.
fn waiting(resident: &Resident) -> Option<u32> {
    let opened = |pid: u32| {
        let folder = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        folder
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .any(|target| target.ends_with(".longshore-hold/go"))
    };
    below(resident.pid()).into_iter().find(|pid| has(*pid, "cmdline", "script.py") && opened(*pid))
}

#[test]
fn nothing_of_a_run_is_in_a_member_before_its_claim() {
    let place = Place::new();
    let pooled = place.resident(&[]);
    // Nothing may be called by a name that holds the secret.
    let secret = format!("s{}e", std::process::id());
    place.user.file(
        "work/block.toml",
        "name = 'a'\nlanguage = 'python'\nscript = 'script.py'\n[[options]]\nname = 'key'\nkind = 'password'\n",
    );
    place.user.file("work/data.txt", &secret);
    let script = format!("import json\nprint(open('data.txt').read(), {secret:?})\n");
    place.user.file("work/script.py", &script);
    let go = || {
        let key = format!("key={secret}");
        let variable = format!("GIVEN={secret}");
        let arguments =
            ["run", "--json", "work", "--engine", "process", "--option", &key, "--env", &variable, "--", &secret];
        let mut command = place.user.command(&arguments);
        Ran::of(&pooled.of(&mut command).env("LONGSHORE_PYTHON", &place.python).output().unwrap())
    };
    assert_eq!(go().result(), "miss");
    soon("a member waits", || waiting(&pooled).is_some());
    let member = waiting(&pooled).unwrap();
    for pid in below(pooled.pid()) {
        for file in ["cmdline", "environ", "status", "maps"] {
            assert!(!has(pid, file, &secret), "{pid} {file}");
        }
    }
    assert!(!memory_has(member, &secret));
    let folder = std::fs::read_link(format!("/proc/{member}/cwd")).unwrap();
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, [".longshore-hold"]);
    // The same look finds it once it is there.
    let ran = go();
    assert_eq!((ran.result(), ran.record["outcome"].as_str()), ("hit", Some("succeeded")));
    assert!(ran.printed.iter().any(|line| line.contains(&secret) || line.contains('*')), "{:?}", ran.printed);
}

/// Whether the memory of a process has this text.
fn memory_has(pid: u32, text: &str) -> bool {
    use std::io::{Read, Seek, SeekFrom};
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    maps.lines().filter(|line| line.contains(" rw")).any(|line| {
        let range = line.split(' ').next().unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        memory.seek(SeekFrom::Start(start)).is_ok()
            && memory.read_exact(&mut bytes).is_ok()
            && bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn a_host_that_is_killed_with_members_leaves_nothing_and_one_that_stops_neither() {
    let user = User::with_folder("pool-");
    user.file("script.py", "import json\nprint(1)\n");
    let containers = |home: &Home| {
        let lease = std::fs::read_dir(home.state().join("longshore/leases")).into_iter().flatten().flatten();
        let leases: Vec<String> = lease.map(|entry| entry.file_name().into_string().unwrap()).collect();
        leases
            .iter()
            .flat_map(|lease| {
                let label = format!("label=longshore.lease={lease}");
                let listed =
                    std::process::Command::new("docker").args(["ps", "-aq", "--filter", &label]).output().unwrap();
                String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
    };
    for signal in [Signal::KILL, Signal::TERM] {
        let pooled = resident(&user.home, &[]);
        assert_eq!(run(&user, &pooled, &["script.py", "--engine", "docker"]).result(), "miss");
        soon("members wait", || !containers(&user.home).is_empty());
        let there = containers(&user.home);
        pooled.signal(signal);
        pooled.ended();
        if signal == Signal::KILL {
            // Whoever comes next removes what is left.
            let next = resident(&user.home, COLD);
            assert_eq!(run(&user, &next, &["script.py", "--engine", "docker"]).record["outcome"], "succeeded");
        }
        let exists =
            |id: &str| std::process::Command::new("docker").args(["inspect", id]).output().unwrap().status.success();
        soon("its containers are gone", || !there.iter().any(|id| exists(id)));
    }
}

/// An image is not in use by what only waits: it can be removed while interpreters wait in it, and is made again for the
/// next run.
#[test]
fn images_are_removed_while_interpreters_wait_in_them() {
    let user = User::with_folder("pool-");
    user.file("block/Dockerfile", "FROM longshore/python\nRUN true\n");
    user.file("block/main.py", "import json\nprint('end')\n");
    let pooled = resident(&user.home, &[]);
    let ran = || run(&user, &pooled, &["block", "--engine", "docker"]);
    let waiting = || user.home.left().iter().filter(|line| line.starts_with("container")).count();
    let images = |arguments: &[&str]| {
        let output = user.command(&[&["images"], arguments].concat()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!((ran().result(), ran().record["outcome"].as_str()), ("miss", Some("succeeded")));
    soon("an interpreter waits", || waiting() > 0 && ran().result() == "hit");
    for _ in 0..3 {
        soon("an interpreter waits", || waiting() > 0);
        // Until the engine has removed the container of the run itself.
        soon("nothing uses it", || !images(&["list", "--json"]).contains("\"in_use\": true"));
        assert!(waiting() > 0);
        images(&["prune", "--all"]);
        let listed: serde_json::Value = serde_json::from_str(&images(&["list", "--json"])).unwrap();
        assert_eq!(listed.as_array().map(Vec::len), Some(0), "{listed}");
        soon("its container is gone", || waiting() == 0);
        let again = ran();
        assert_eq!((again.result(), again.record["outcome"].as_str()), ("miss", Some("succeeded")), "{}", again.why());
    }
}
