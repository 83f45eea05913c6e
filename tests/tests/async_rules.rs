//! The rules of asynchronous code that a machine can check, in the host's sources: nothing in it blocks, and no task is
//! started whose end nobody hears of, unless a comment says why. What is asynchronous is told by its braces: bodies of
//! `async fn` and `async` blocks, without what is handed to a thread from there.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod sources;

use sources::{code, host_sources};

/// Calls that wait for a disk, a lock, another process or the clock.
const BLOCKING: [&str; 19] = [
    "std::fs::",
    "fs::read",
    "fs::write",
    "fs::remove",
    "fs::rename",
    "fs::create_dir",
    "fs::metadata",
    "File::open(",
    "File::create(",
    "OpenOptions::new(",
    "thread::sleep(",
    ".blocking_recv(",
    ".blocking_send(",
    ".blocking_lock(",
    "flock(",
    "read_to_string(",
    "read_dir(",
    "std::process::Command",
    "tempfile::",
];

/// What takes work away from here: its arguments may block.
const THREADS: [&str; 4] = ["spawn_blocking(", "blocking(", "thread::spawn(", ".spawn(move ||"];

/// What starts a task or a thread.
const STARTS: [&str; 6] =
    ["tokio::spawn(", "tokio::task::spawn(", "spawn_blocking(", "thread::spawn(", "runtime.spawn(", "handle.spawn("];

/// Where what opens at `open` closes.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, letter) in code[open..].char_indices() {
        match letter {
            '{' | '(' => depth += 1,
            '}' | ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at;
        }
    }
    code.len()
}

fn line(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The calls that block in what is asynchronous, with their lines.
fn blocking(code: &str) -> Vec<(usize, &'static str)> {
    // What is handed to threads is none of it.
    let mut asynchronous = code.to_owned();
    for start in THREADS {
        let mut from = 0;
        while let Some(found) = asynchronous[from..].find(start) {
            let open = from + found + start.find('(').unwrap();
            let end = closing(&asynchronous, open);
            let blanks: String = asynchronous[open..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            asynchronous.replace_range(open..end, &blanks);
            from = open;
        }
    }
    let mut found = Vec::new();
    for start in ["async fn ", "async move {", "async {"] {
        let mut from = 0;
        while let Some(at) = asynchronous[from..].find(start) {
            let begin = from + at;
            let Some(open) = asynchronous[begin..].find('{').map(|open| begin + open) else { break };
            let body = &asynchronous[open..closing(&asynchronous, open)];
            for call in BLOCKING {
                found.extend(body.match_indices(call).map(|(at, _)| (line(&asynchronous, open + at), call)));
            }
            from = open;
        }
    }
    found.sort_unstable();
    found.dedup_by_key(|(line, _)| *line);
    found
}

/// The lines that start a task, drop its handle, and have no comment above that says why.
fn dropped(source: &str, code: &str) -> Vec<usize> {
    let lines: Vec<&str> = source.lines().collect();
    let starts_statement = |before: &str| matches!(before.trim(), "" | "drop(" | "let _ =" | "drop(tokio::task::");
    let is_dropped = |(number, text): &(usize, &str)| {
        let start = STARTS.iter().filter_map(|start| text.find(start)).min();
        // A value that a block or a call ends with is taken by somebody.
        start.is_some_and(|start| starts_statement(&text[..start])) && {
            let offset: usize = code.lines().take(*number).map(|line| line.len() + 1).sum();
            let open = offset + text.find('(').unwrap();
            let after = code[closing(code, open)..].trim_start_matches([')', ' ']);
            text.trim_start().starts_with("drop(") || after.starts_with(';')
        }
    };
    let is_explained = |number: usize| {
        let mut above = lines[..number].iter().rev();
        above.next().is_some_and(|line| line.trim_start().starts_with("//"))
    };
    code.lines()
        .enumerate()
        .filter(is_dropped)
        .map(|(number, _)| number)
        .filter(|number| !is_explained(*number))
        .map(|number| number + 1)
        .collect()
}

fn each_source(rule: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let found = host_sources().into_iter().flat_map(|(path, source)| {
        let found = rule(&source, &code(&source));
        found.into_iter().map(|found| format!("host/{}:{found}", path.display())).collect::<Vec<_>>()
    });
    found.collect()
}

#[test]
fn nothing_blocks_in_asynchronous_code() {
    let found = each_source(|_, code| blocking(code).iter().map(|(line, call)| format!("{line}: {call}")).collect());
    assert!(found.is_empty(), "this blocks a thread that others wait for: use `spawn_blocking`\n{}", found.join("\n"));
}

#[test]
fn no_task_is_started_and_forgotten() {
    let found = each_source(|source, code| dropped(source, code).iter().map(ToString::to_string).collect());
    assert!(found.is_empty(), "nobody hears of the end of this task: keep it, or say why not\n{}", found.join("\n"));
}

#[test]
fn what_the_rules_forbid_is_found() {
    let wrong = [
        "async fn x() { let a = '\"'; std::fs::read(a) }",
        "fn x() { y(async move { if a { File::open(b) } }) }",
        "async fn x() { \"}\"; // }\n flock(f) }",
    ];
    for source in wrong {
        assert_eq!(blocking(&code(source)).len(), 1, "{source}");
    }
    let right = [
        "fn x() { std::fs::read(a) }",
        "async fn x() { spawn_blocking(move || std::fs::read(a)).await }",
        "async fn x() { \"std::fs::read\" } // File::open(x)",
        "async fn x() {}\n#[cfg(test)]\nasync fn y() { std::fs::read(a) }",
    ];
    for source in right {
        assert_eq!(blocking(&code(source)), [], "{source}");
    }
    let forgotten = [
        "fn x() {\n    tokio::spawn(y());\n}",
        "fn x() {\n    drop(spawn_blocking(y));\n}",
        "    let _ = tokio::spawn(async {\n    });",
    ];
    for source in forgotten {
        assert_eq!(dropped(source, &code(source)).len(), 1, "{source}");
    }
    let kept = [
        "let task = tokio::spawn(y());",
        "fn x() {\n    tokio::spawn(y())\n}",
        "    // It ends by itself.\n    tokio::spawn(y());",
        "    tokio::spawn(y()).await;",
    ];
    for source in kept {
        assert_eq!(dropped(source, &code(source)), [], "{source}");
    }
}
