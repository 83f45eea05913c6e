//! Links and folders that a script puts where the host writes, in a folder that is mounted for it to write to. Nothing
//! outside of that folder may change by it, and what the run was to write is right, or the run says that it failed.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::User;
use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a file is: owner, mode, changes, and what is in it or where it leads.
type Facts = (u32, u32, i64, Vec<u8>);

/// A folder `m` that the script may write to, with `m/sub` and `m/other`, and what it must not reach.
struct Bench {
    user: User,
}

impl Bench {
    fn new() -> Self {
        let user = User::with_folder("planted-");
        for folder in ["m/sub", "m/other", "victim/sub"] {
            std::fs::create_dir_all(user.at(folder)).unwrap();
        }
        for folder in ["m", "m/sub", "m/other"] {
            std::fs::set_permissions(user.at(folder), PermissionsExt::from_mode(0o777)).unwrap();
        }
        for name in ["out.csv", "second.csv", "kept", "file", "sub/file"] {
            user.file(&format!("victim/{name}"), "precious\n");
        }
        Self { user }
    }

    /// All that is outside of the folder, but for the command's own home, which is elsewhere.
    fn outside(&self) -> BTreeMap<PathBuf, Facts> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.user.at("victim"), self.user.at("block")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                let facts = std::fs::symlink_metadata(&path).unwrap();
                let text = std::fs::read_link(&path).map(|to| to.into_os_string().into_encoded_bytes());
                let text = text.or_else(|_| std::fs::read(&path)).unwrap_or_default();
                folders.extend(facts.is_dir().then(|| path.clone()));
                found.insert(path, (facts.uid(), facts.mode(), facts.ctime(), text));
            }
        }
        let names =
            std::fs::read_dir(self.user.folder.path()).unwrap().map(|entry| (entry.unwrap().path(), Facts::default()));
        found.extend(names);
        found
    }

    /// A script that does something before it writes its tables, and after.
    fn script(&self, before: &str, after: &str) {
        let (m, victim) = (self.user.at("m"), self.user.at("victim"));
        let text = format!(
            "import os, glob\nfrom longshore.api import Api\nM, V = {m:?}, {victim:?}\napi = Api()\n\
             open('authorized_keys', 'w').write('mine')\n{before}\n\
             for number in range({{OUTPUTS}}):\n    api.write_output_records({{'a': [1, 2]}}, number)\n\
             api.commit()\n{after}\n"
        );
        self.user.file("script.py", &text);
    }

    /// Runs the script. Nothing outside changes; says whether it succeeded, and what was said.
    fn run(&self, outputs: usize, engine: &str, arguments: &[&str]) -> (bool, String) {
        let script = self.user.text("script.py").replace("{OUTPUTS}", &outputs.to_string());
        self.user.file("script.py", &script);
        let before = self.outside();
        let all = [&["run", "script.py", "--engine", engine], arguments].concat();
        let output = self.user.command(&all).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{said}");
        assert_eq!(self.outside(), before, "{arguments:?}: {said}");
        (output.status.success(), said)
    }

    /// What a run that succeeded wrote.
    fn is_right(&self, path: &str) -> bool {
        let path = self.user.at(path);
        match path.extension().and_then(|suffix| suffix.to_str()) {
            Some("csv") => std::fs::read_to_string(&path).is_ok_and(|text| text == "a\n1\n2\n"),
            _ => std::fs::metadata(&path).is_ok_and(|found| found.len() > 0),
        }
    }
}

/// Puts a link in the place of the folder that outputs go to.
const REPLACE_FOLDER: &str = "os.rename(M + '/sub', M + '/old'); os.symlink(V, M + '/sub')";

#[test]
fn a_folder_that_is_replaced_is_an_error_in_each_format() {
    for suffix in ["csv", "parquet", "arrow", "xlsx", "ndjson", "csv.gz"] {
        let moments: &[(&str, &str)] =
            if suffix == "csv" { &[(REPLACE_FOLDER, ""), ("", REPLACE_FOLDER)] } else { &[(REPLACE_FOLDER, "")] };
        for (before, after) in moments {
            let bench = Bench::new();
            bench.script(before, after);
            let (succeeded, said) = bench.run(1, "docker", &["--mount", "m:rw", "-o", &format!("m/sub/out.{suffix}")]);
            assert!(!succeeded && said.contains("has been moved or replaced"), "{suffix}: {said}");
        }
    }
}

#[test]
fn what_is_put_in_the_place_of_an_output_or_beside_it_leads_nowhere() {
    for (before, after) in [
        ("os.symlink(V + '/out.csv', M + '/sub/out.csv')", ""),
        ("", "os.symlink(V + '/out.csv', M + '/sub/out.csv')"),
        ("", "os.mkdir(M + '/sub/out.csv')"),
        ("os.rename(M + '/sub', M + '/old'); os.mkdir(M + '/sub')", ""),
        ("os.symlink(V, M + '/sub/.out.csv'); [os.symlink(V + '/file', n) for n in [M + '/sub/.out.csv.x']]", ""),
        // The folder is back when the run ends.
        (REPLACE_FOLDER, "os.unlink(M + '/sub'); os.rename(M + '/old', M + '/sub')"),
    ] {
        let bench = Bench::new();
        bench.script(before, after);
        let arguments = ["--mount", "m:rw", "-o", "m/sub/out.csv", "-o", "m/other/second.csv"];
        let (succeeded, said) = bench.run(2, "docker", &arguments);
        assert!(said.contains("the script may write to"), "{said}");
        let right = bench.is_right("m/sub/out.csv") && bench.is_right("m/other/second.csv");
        assert!(succeeded == right, "{before:?} {after:?}: {succeeded}: {said}");
        assert!(succeeded || !bench.user.at("m/other/second.csv").exists(), "one alone: {said}");
    }
}

#[test]
fn kept_files_go_nowhere_else() {
    let planted = "
for name in glob.glob(M + '/sub/.kept*') + glob.glob(M + '/sub/kept*'):
    os.rename(name, M + '/sub/old'); os.symlink(V, name)
";
    for (before, empty) in [
        (planted, false),
        (planted, true),
        (REPLACE_FOLDER, false),
        ("os.symlink(V, M + '/sub/kept')", false),
        ("os.makedirs(M + '/sub/kept/x')", false),
        (
            "os.symlink(V, M + '/sub/link'); os.symlink(V, 'link'); os.makedirs('deep/er'); open('deep/er/x', 'w')",
            false,
        ),
    ] {
        let bench = Bench::new();
        if empty {
            std::fs::create_dir(bench.user.at("m/sub/kept")).unwrap();
        }
        bench.script(before, "");
        let (succeeded, said) = bench.run(0, "docker", &["--mount", "m:rw", "--keep", "m/sub/kept"]);
        let kept = bench.user.at("m/sub/kept/authorized_keys");
        let right = std::fs::read_to_string(kept).is_ok_and(|text| text == "mine");
        assert!(succeeded == right, "{before:?}: {succeeded}: {said}");
    }
}

#[test]
fn a_pipe_that_is_replaced_is_written_to_all_the_same() {
    let bench = Bench::new();
    let pipe = bench.user.at("m/sub/pipe.csv");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    bench.script("os.rename(M + '/sub/pipe.csv', M + '/p'); os.symlink(V + '/out.csv', M + '/sub/pipe.csv')", "");
    let reading = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
    let (succeeded, said) = bench.run(1, "docker", &["--mount", "m:rw", "-o", "m/sub/pipe.csv"]);
    assert!(succeeded, "{said}");
    assert_eq!(reading.join().unwrap(), "a\n1\n2\n");
}

#[test]
fn a_link_of_an_earlier_run_is_not_followed() {
    for (plant, path) in [
        (REPLACE_FOLDER, "m/sub/out.csv"),
        ("os.symlink(V + '/out.csv', M + '/sub/out.csv')", "m/sub/out.csv"),
        ("os.symlink(V, M + '/sub/x')", "m/sub/x/out.csv"),
    ] {
        let bench = Bench::new();
        bench.script(plant, "");
        assert!(bench.run(0, "docker", &["--mount", "m:rw"]).0);
        bench.script("", "");
        // With and without the mount that it was planted by.
        for arguments in [&["-o", path][..], &["-o", path, "--mount", "m:rw"], &["--keep", &format!("{path}.kept")]] {
            let outputs = usize::from(arguments[0] == "-o");
            let (succeeded, said) = bench.run(outputs, "docker", arguments);
            let is_through = arguments[0] == "-o" || plant != "os.symlink(V + '/out.csv', M + '/sub/out.csv')";
            assert!(succeeded != is_through, "{plant} {arguments:?}: {said}");
            assert!(!is_through || said.contains("so it is not followed: name its target instead"), "{said}");
        }
    }
}

#[test]
fn a_link_of_the_users_below_a_writable_mount_is_refused() {
    let bench = Bench::new();
    symlink(bench.user.at("victim"), bench.user.at("m/mine")).unwrap();
    bench.script("", "");
    let (succeeded, said) = bench.run(1, "docker", &["--mount", "m:rw", "-o", "m/mine/new.csv"]);
    assert!(!succeeded && said.contains("output 0 uses the link"), "{said}");
    let (succeeded, said) = bench.run(0, "docker", &["--mount", "m:rw", "-i", "m/mine/out.csv"]);
    assert!(!succeeded && said.contains("input 0 uses the link"), "{said}");
    let (succeeded, said) = bench.run(0, "docker", &["--mount", "m:rw", "--mount", "m/mine"]);
    assert!(!succeeded && said.contains("m/mine` uses the link"), "{said}");
    let (succeeded, said) = bench.run(1, "docker", &["--mount", "m/sub:rw", "--keep", "m/sub"]);
    assert!(!succeeded && said.contains("which the script may write to through a mount"), "{said}");
}

#[test]
fn parts_of_a_run_get_the_block_as_it_was_checked() {
    // A small block is kept in memory; of a large one, a file that has changed is an error.
    let (small, large) = ("harmless\n".to_owned(), "harmless\n".repeat(4000));
    for (data, is_kept) in [(small, true), (large, false)] {
        replaced_after_the_check(&data, is_kept);
    }
}

fn replaced_after_the_check(data: &str, is_kept: bool) {
    let bench = Bench::new();
    let user = &bench.user;
    user.file("victim/secret", "do not show\n");
    user.file("m/block/block.toml", "name = \"x\"\nlanguage = \"python\"\nscript = \"s.py\"\n");
    user.file("m/block/data.txt", data);
    let (m, victim) = (user.at("m"), user.at("victim"));
    let script = format!(
        "import os\nfrom longshore.api import Api\nM, V = {m:?}, {victim:?}\nprint('data:', open('data.txt').readline())\n\
         try:\n    os.rename(M + '/block/data.txt', M + '/old'); os.symlink(V + '/secret', M + '/block/data.txt')\n\
         except OSError as error:\n    print(error)\n\
         api = Api()\napi.write_output_records(api.read_input_records(), 0)\napi.commit()\n"
    );
    user.file("m/block/s.py", &script);
    user.file("in.csv", "g,a\nx,1\ny,2\n");
    std::fs::set_permissions(user.at("m/block"), PermissionsExt::from_mode(0o777)).unwrap();
    let before = bench.outside();
    let arguments = ["run", "m/block", "--engine", "docker", "--mount", "m:rw", "-i", "in.csv", "--partition-by", "g"];
    let output = user.command(&[&arguments[..], &["-o", "out.csv", "--jobs", "1"]].concat()).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if is_kept {
        assert!(output.status.success() && said.matches("data: harmless").count() == 2, "{said}");
        assert_eq!(std::fs::read_to_string(user.at("out.csv")).unwrap(), "g,a\nx,1\ny,2\n");
        std::fs::remove_file(user.at("out.csv")).unwrap();
    } else {
        assert!(!output.status.success() && said.contains("`data.txt` of the block has changed"), "{said}");
        assert!(said.contains("data: harmless"), "{said}");
    }
    assert_eq!(bench.outside(), before);
    assert!(!said.contains("do not show"), "{said}");
    assert!(said.contains("and thereby to its own block"), "{said}");
}

#[test]
fn whoever_swaps_folders_all_the_time_changes_nothing_outside() {
    // From inside of a container, as long as it lives.
    let swapping = "
import ctypes
libc = ctypes.CDLL(None)
def swap():
    os.symlink(V, M + '/link')
    while True:
        libc.renameat2(-100, (M + '/sub').encode(), -100, (M + '/link').encode(), 2)
if os.fork() == 0:
    swap()
";
    let bench = Bench::new();
    bench.script(swapping, "");
    let arguments = ["--mount", "m:rw", "-o", "m/sub/out.csv", "-o", "m/sub/second.csv", "--keep", "m/sub/kept"];
    let (succeeded, said) = bench.run(2, "docker", &arguments);
    let right = ["out.csv", "second.csv"]
        .map(|name| bench.is_right(&format!("m/sub/{name}")) || bench.is_right(&format!("m/link/{name}")));
    assert!(!succeeded || right == [true, true], "{said}");

    // From outside, while the host publishes; a link of another user's, as a script's would be.
    let bench = Bench::new();
    let (sub, link) = (bench.user.at("m/sub"), bench.user.at("m/link"));
    symlink(bench.user.at("victim"), &link).unwrap();
    lchown(&link, Some(4356), None).unwrap();
    let over = AtomicBool::new(false);
    let mut succeeded = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, &sub, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        bench.script("", "");
        for number in 0..10 {
            let (out, second, kept) =
                (format!("m/sub/out{number}.csv"), format!("m/sub/second{number}.csv"), format!("m/sub/kept{number}"));
            let (fine, _) = bench.run(2, "process", &["-o", &out, "-o", &second, "--keep", &kept]);
            succeeded += usize::from(fine);
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(succeeded <= written(&sub, "second").max(written(&link, "second")), "{succeeded}");
}

/// Files in a folder that begin so.
fn written(folder: &Path, start: &str) -> usize {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with(start)).count()
}
