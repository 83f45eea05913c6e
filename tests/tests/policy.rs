//! What `longshore run --explain` says of a container, against what a script sees from inside one: each line of the policy
//! that can be seen there. What is masked, refused or shared by runs is tried in the conformance and hostile suites.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::User;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Writes down what can be seen from inside.
const LOOK: &str = r#"
import json, os, resource

def text(path):
    try:
        return open(path).read()
    except OSError:
        return None

def limit(name):
    which = {"nofile": "NOFILE", "core": "CORE", "msgqueue": "MSGQUEUE", "sigpending": "SIGPENDING",
             "memlock": "MEMLOCK", "rtprio": "RTPRIO", "nice": "NICE"}[name]
    return resource.getrlimit(getattr(resource, "RLIMIT_" + which))

def size(path):
    found = os.statvfs(path)
    return found.f_blocks * found.f_frsize

def content(path):
    """Names in a folder, the first bytes of a file; None where there is neither."""
    try:
        return os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(64).hex()
    except FileNotFoundError:
        return None

# What interpreters and libraries look at: psutil, numpy, joblib, R, jemalloc and the C library.
NEEDED = ["/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/version", "/proc/vmstat",
          "/proc/self/maps", "/proc/self/status", "/proc/self/mountinfo", "/proc/self/fd", "/proc/net/dev", "/proc/mounts",
          "/proc/sys/kernel/osrelease", "/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu/online", "/sys/class/net",
          "/sys/fs/cgroup"]

asked = json.load(open("asked.json"))
group = lambda v2, v1: text(f"/sys/fs/cgroup/{v2}") or text(f"/sys/fs/cgroup/{v1}")
json.dump({
    "status": dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line),
    "limits": {name: limit(name) for name in asked["limits"]},
    "sizes": {path: size(path) for path in asked["folders"]},
    "mounts": [line.split() for line in open("/proc/self/mountinfo")],
    "memory": group("memory.max", "memory/memory.limit_in_bytes"),
    "pids": group("pids.max", "pids/pids.max"),
    "masked": {path: content(path) for path in asked["masked"]},
    "needed": [path for path in NEEDED if not content(path)],
    "frozen": [path for path in asked["read_only"] if os.path.exists(path) and not os.statvfs(path).f_flag & os.ST_RDONLY],
    "groups": text("/proc/self/cgroup"),
    "files": {path: os.statvfs(path).f_files for path in asked["folders"]},
    "shares": group("cpu.weight", "cpu/cpu.shares"),
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "names": [os.environ[name] for name in ("USER", "HOME")],
}, open("seen.json", "w"))
"#;

impl User {
    /// What `--explain --json` says.
    fn explained(&self, arguments: &[&str]) -> Value {
        let output = self.command(&[&["run", "--explain", "--json"], arguments].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn strings<'a>(values: &'a Value, key: &str) -> Vec<&'a str> {
    values.as_array().unwrap().iter().map(|value| value[key].as_str().unwrap()).collect()
}

#[test]
fn a_container_is_as_it_is_explained() {
    let user = User::with_folder("policy-");
    for folder in ["block", "read", "write"] {
        std::fs::create_dir(user.at(folder)).unwrap();
    }
    std::fs::set_permissions(user.at("write"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    user.file("block/look.py", LOOK);
    user.file("block/block.toml", "name = \"look\"\nlanguage = \"python\"\nscript = \"look.py\"\n");
    let write = format!("{}:rw", user.at("write").display());
    let plain: &[&str] = &["block", "--engine", "docker", "--memory", "700m", "--pids", "77"];
    let mounted = [plain, &["--mount", "read", "--mount", &write, "--network", "bridge"]].concat();
    for arguments in [plain, &mounted] {
        let explained = user.explained(arguments);
        let policy = &explained["policy"];
        let folders = strings(&policy["temporary"], "path");
        let limits = strings(&policy["process_limits"], "name");
        let (masked, read_only) = (&policy["masked"], &policy["read_only"]);
        let asked = serde_json::json!({"limits": limits, "folders": folders, "masked": masked, "read_only": read_only});
        user.file("block/asked.json", &asked.to_string());
        let kept = if arguments == plain { "plain" } else { "mounted" };
        let ran = user.command(&[&["run", "--json", "--keep", kept], arguments].concat()).output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
        let record: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let seen: Value = serde_json::from_str(&user.text(&format!("{kept}/seen.json"))).unwrap();
        compare(policy, &record, &seen, user.folder.path());
    }
}

fn compare(policy: &Value, record: &Value, seen: &Value, folder: &Path) {
    let status = |name: &str| seen["status"][name].as_str().unwrap_or_default().to_owned();
    let number = |value: &Value| value.as_u64().unwrap();
    let script = &record["held"]["script"];
    let (uid, gid) = (script["uid"].to_string(), script["gid"].to_string());
    assert_eq!(status("Uid"), [uid.as_str(); 4].join("\t"));
    assert_eq!(status("Gid"), [gid.as_str(); 4].join("\t"));
    assert!(status("Groups").split_whitespace().all(|group| group == gid), "{}", status("Groups"));
    assert_eq!(policy["script"]["capabilities"], serde_json::json!([]));
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&status(set), 16).unwrap(), 0, "{set}");
    }
    assert_eq!(policy["no_new_privileges"], true);
    assert_eq!(status("NoNewPrivs"), "1");
    assert_eq!(status("Seccomp"), "2");
    assert_eq!(policy["seccomp"]["hash"], record["held"]["seccomp_profile"]);
    assert!(["counted", "limited", "uncounted"].iter().any(|word| record["held"]["socket_memory"] == *word));
    assert_eq!(seen["names"], serde_json::json!(["longshore", "/work"]));
    for limit in policy["process_limits"].as_array().unwrap() {
        let found = &seen["limits"][limit["name"].as_str().unwrap()];
        assert_eq!(found, &serde_json::json!([limit["most"], limit["most"]]), "{limit}");
    }
    for temporary in policy["temporary"].as_array().unwrap() {
        let path = temporary["path"].as_str().unwrap();
        assert_eq!(seen["sizes"][path], temporary["bytes"], "{path}");
        assert_eq!(seen["files"][path], temporary["files"], "{path}");
        let options = options(seen, path);
        let expected = ["rw", "nosuid", "nodev", "noexec"];
        let executable = temporary["executable"] == true;
        for option in expected {
            assert_eq!(
                options.iter().any(|found| found == option),
                option != "noexec" || !executable,
                "{path}: {option}"
            );
        }
    }
    for (path, found) in seen["masked"].as_object().unwrap() {
        let is_empty = found.is_null() || found == "" || found.as_array().is_some_and(Vec::is_empty);
        assert!(is_empty, "{path} is not hidden: {found}");
    }
    assert_eq!(seen["needed"], serde_json::json!([]), "what programs need is hidden");
    assert_eq!(seen["frozen"], serde_json::json!([]), "what is to be read-only is not");
    // Of version 1 each controller's group, of version 2 the only one: all of them are the container's own root.
    assert!(seen["groups"].as_str().unwrap().lines().all(|line| line.ends_with(":/")), "{}", seen["groups"]);
    // Version 2 has a weight instead, 100 where nothing is said.
    let shares: u64 = seen["shares"].as_str().unwrap().trim().parse().unwrap();
    assert!(shares == number(&policy["cpu_shares"]) || shares < 100, "{shares}");
    for mount in policy["mounts"].as_array().unwrap() {
        let writable = mount["writable"] == true;
        let options = options(seen, mount["target"].as_str().unwrap());
        assert_eq!(options.iter().any(|found| found == "rw"), writable, "{mount}");
    }
    let below = |mount: &&Value| Path::new(mount["source"].as_str().unwrap()).starts_with(folder);
    let named = policy["mounts"].as_array().unwrap().iter().filter(below).count();
    assert_eq!(named, record["mounts"].as_array().unwrap().len());
    assert!(options(seen, "/").iter().any(|found| found == "ro") && policy["read_only_root"] == true);
    let memory: u64 = seen["memory"].as_str().unwrap().trim().parse().unwrap();
    assert_eq!(memory, number(&policy["memory_bytes"]));
    assert_eq!(seen["pids"].as_str().unwrap().trim(), policy["pids"].to_string());
    let network = policy["namespaces"]["network"].as_str().unwrap();
    assert_eq!(record["loosened"].to_string().contains("bridge"), network == "bridge", "{record}");
    assert_eq!(record["network"], network);
    let interfaces: Vec<&str> =
        seen["interfaces"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(interfaces.contains(&"eth0"), network == "bridge", "{interfaces:?}");
}

/// The options of the last mount at a path.
fn options(seen: &Value, path: &str) -> Vec<String> {
    let lines = seen["mounts"].as_array().unwrap().iter().rev();
    let line = lines.into_iter().find(|line| line[4] == path).unwrap_or_else(|| panic!("nothing is mounted at {path}"));
    line[5].as_str().unwrap().split(',').map(str::to_owned).collect()
}

#[test]
fn to_explain_starts_nothing_and_says_what_is_loosened() {
    let user = User::with_folder("policy-");
    user.file("script.py", "open('/nowhere')");
    let explained = user.explained(&["script.py", "--engine", "docker", "--network", "bridge", "--timeout", "5s"]);
    let loosened = explained["loosened"].to_string();
    assert!(loosened.contains("bridge") && explained["policy"]["namespaces"]["network"] == "bridge", "{explained}");
    assert!(explained["facts"]["kernel"].is_string() && explained["image_id"].is_string(), "{explained}");
    let process = user.explained(&["script.py", "--engine", "process"]);
    assert_eq!((&process["policy"], &process["facts"]), (&Value::Null, &Value::Null));
    // Neither is in the history, and no container was made.
    let runs = user.command(&["runs", "list", "--json"]).output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&runs.stdout).unwrap(), serde_json::json!([]));
    assert_eq!(user.home.left(), Vec::<String>::new());
    let text = user.command(&["run", "--explain", "script.py"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    for line in ["script ", "network ", "memory ", "loosened ", "in memory "] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line}: {text}");
    }
}

#[test]
fn an_image_that_is_not_there_is_not_pulled_to_explain() {
    let user = User::with_folder("policy-");
    user.file("script.py", "");
    let image = "longshore.invalid/nothing:1";
    let explained = user.explained(&["script.py", "--engine", "docker", "--image", image]);
    assert_eq!((&explained["image"], &explained["image_id"]), (&Value::from(image), &Value::Null));
    let listed = Command::new("docker").args(["images", "-q", image]).output().unwrap();
    assert_eq!(listed.stdout, b"");
}
