//! What containers are answered to system calls: every number is called in one, with and without a network, and compared
//! with the table (`host/engine/src/seccomp/calls.txt`), as are calls that are answered by their arguments. What is
//! allowed is answered as in a container that has no profile at all.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../command/mod.rs"]
mod command;
#[path = "../engine/mod.rs"]
mod engine;

use command::User;
use engine::{docker, needed};
use std::collections::BTreeMap;

const IMAGE: &str = "longshore/python";

const EPERM: &str = "1";
const ENOSYS: &str = "38";
const EPROTONOSUPPORT: &str = "93";
const EAFNOSUPPORT: &str = "97";

/// How a process ends that makes a call of another machine's (`SIGSYS`).
const SIGSYS: &str = "signal 31";

/// The newest call that each library knows which engines make filters with. Names that it does not know it skips, and
/// they are answered as if nobody knew them.
const KNOWN_EVERYWHERE: u32 = 450;

/// Makes the calls.
const ANSWERS: &str = include_str!("answers.py");

/// A call of the table, as this machine numbers it.
struct Call {
    name: String,
    answer: String,
}

fn table() -> BTreeMap<u32, Call> {
    let path = command::root().join("host/engine/src/seccomp/calls.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let column = usize::from(cfg!(target_arch = "aarch64"));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let calls = lines.filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = words[column].parse().ok()?;
        Some((number, Call { name: words[2].into(), answer: words[3].into() }))
    });
    calls.collect()
}

/// The script that makes the calls.
fn script() -> String {
    let numbers: BTreeMap<String, u32> = table().into_iter().map(|(number, call)| (call.name, number)).collect();
    ANSWERS.replacen("NUMBERS = {}", &format!("NUMBERS = {numbers:?}"), 1)
}

/// What was printed: answers by what was done.
fn answers(printed: &str) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    for line in printed.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["socket", family, kind, ref protocols @ ..] => answers.extend(protocols.iter().map(|protocol| {
                let (protocol, answer) = protocol.split_once(':').unwrap();
                (format!("socket {family} {kind} {protocol}"), answer.to_owned())
            })),
            ["call" | "clone" | "socketpair" | "personality" | "thread", what, ref answer @ ..] => {
                answers.insert(format!("{} {what}", words[0]), answer.join(" "));
            }
            ["ioctl", request, answer] => {
                // One answer for whatever stands in the bits that the kernel does not look at.
                let before = answers.insert(format!("ioctl {request}"), answer.to_owned());
                assert!(before.is_none_or(|before| before == answer), "{line}");
            }
            _ => {}
        }
    }
    answers
}

/// The answers of a run.
fn in_a_run(network: &str) -> BTreeMap<String, String> {
    let user = User::with_folder("seccomp-");
    user.file("answers.py", &script());
    let arguments = ["run", "answers.py", "--engine", "docker", "--network", network];
    let output = user.command(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    answers(&String::from_utf8_lossy(&output.stdout))
}

/// The kernel's own answers: those of a container without a profile, and without privileges all the same.
fn of_the_kernel() -> BTreeMap<String, String> {
    let bare = ["run", "--rm", "--network", "none", "--user", "4356:4357", "--cap-drop", "ALL", "--security-opt"];
    let options = ["no-new-privileges", "--security-opt", "seccomp=unconfined", "--entrypoint", "python3"];
    let script = script();
    answers(&docker(&[&bare[..], &options, &[needed(IMAGE), "-c", &script]].concat()))
}

/// What is to be answered to something. `None`: as the kernel does.
fn expected(table: &BTreeMap<u32, Call>, network: &str, what: &str) -> Option<&'static str> {
    let words: Vec<&str> = what.split_whitespace().collect();
    let numbers: Vec<u32> = words[1..].iter().filter_map(|word| word.parse().ok()).collect();
    match (words[0], &numbers[..]) {
        ("call", []) => Some(SIGSYS),
        ("call", [number]) if *number & 1 << 30 != 0 && *number < 1 << 31 => Some(SIGSYS),
        ("call", [number]) => match table.get(number).map(|call| (call.answer.as_str(), call.name.as_str())) {
            Some(("allow", _) | ("arguments", "ioctl" | "personality")) => None,
            Some(("eperm", _) | ("arguments", "clone")) => Some(EPERM),
            Some(("arguments", _)) => Some(EAFNOSUPPORT),
            _ => Some(ENOSYS),
        },
        // Namespaces.
        ("clone", [flags]) => (flags & 0x7e02_0000 != 0).then_some(EPERM),
        ("socket", [family, kind, protocol]) => match (family, kind, protocol) {
            (1, ..) | (2 | 10, 1, 0 | 6) | (2 | 10, 2, 0 | 17) => None,
            (2 | 10, 1 | 2, _) => Some(EPROTONOSUPPORT),
            (2 | 10, ..) => Some(EPERM),
            (16, 2 | 3, 0) if network != "none" => None,
            (16, 2 | 3, _) if network != "none" => Some(EPROTONOSUPPORT),
            (16, ..) if network != "none" => Some(EPERM),
            _ => Some(EAFNOSUPPORT),
        },
        ("socketpair", [family]) => (*family != 1).then_some(EAFNOSUPPORT),
        ("ioctl", [request]) => [0x5412, 0x541c, 0x5423].contains(request).then_some(EPERM),
        ("personality", [persona]) => (![0, u32::MAX].contains(persona)).then_some(ENOSYS),
        _ => None,
    }
}

/// Everything that is answered otherwise than it should be.
fn wrong(network: &str, kernel: &BTreeMap<String, String>) -> Vec<String> {
    let table = table();
    let answers = in_a_run(network);
    assert_eq!(answers.keys().collect::<Vec<_>>(), kernel.keys().collect::<Vec<_>>());
    let wrong = answers.iter().filter_map(|(what, answer)| {
        let own = &kernel[what];
        let expected = expected(&table, network, what).unwrap_or(own);
        let number = what.strip_prefix("call ").and_then(|number| number.parse::<u32>().ok());
        let is_unknown = number.is_some_and(|number| number > KNOWN_EVERYWHERE) && answer == ENOSYS;
        // What no kernel has is refused by the engine's word for it, in the place of the kernel's.
        let has_none = number.is_some_and(|number| !table.contains_key(&number)) && answer == EPERM && own == ENOSYS;
        // Nor has any a protocol beyond these, and who refuses it does not matter.
        let protocol = what.strip_prefix("socket ").and_then(|socket| socket.rsplit(' ').next()?.parse::<u32>().ok());
        let has_none = has_none || (protocol.is_some_and(|protocol| protocol >= 512) && answer != "0");
        // What no rule names is answered so by engines that drop the profile's own word for it.
        let has_none = has_none || (what.starts_with("personality") && expected == ENOSYS && answer == EPERM);
        let is_fine = answer == expected || is_unknown || has_none;
        (!is_fine).then(|| format!("{what}: {answer}, and not {expected} (the kernel: {own})"))
    });
    wrong.collect()
}

#[test]
fn every_call_is_answered_as_the_table_says() {
    let kernel = of_the_kernel();
    // Without it much would be answered otherwise: the comparison is one.
    let table = table();
    let refused = kernel.iter().filter(|(what, own)| expected(&table, "none", what).is_some_and(|it| it != *own));
    let names = refused.filter_map(|(what, _)| table.get(&what.strip_prefix("call ")?.parse().ok()?));
    let names: Vec<&str> = names.map(|call| call.name.as_str()).collect();
    for name in ["io_uring_setup", "keyctl", "ptrace", "userfaultfd", "unshare", "clone3", "process_vm_readv"] {
        assert!(names.contains(&name), "the kernel itself refuses `{name}`: {names:?}");
    }
    for network in ["none", "bridge"] {
        assert_eq!(wrong(network, &kernel), Vec::<String>::new(), "network `{network}`");
    }
}
