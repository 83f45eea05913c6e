//! Runs over HTTP: what goes in and comes out, who is let in, and peers that send what is wrong, too slow, or not at all.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "http/client.rs"]
mod client;
mod command;

use client::{Answer, Client, Form, Open};
use command::{Resident, User};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// How long something may take that takes milliseconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(60);

const DOUBLE: &str = "\
from longshore.api import Api
api = Api()
table = api.read_input_records()
print('rows:', len(table))
table['n'] = table['n'] * 2
api.write_output_records(table)
";

/// A host that serves HTTP, and its user.
struct Served {
    user: User,
    resident: Resident,
    /// One without a token.
    nobody: Client,
    /// One with a token.
    client: Client,
    /// What it printed last, which is the link.
    link: String,
}

fn served(arguments: &[&str]) -> Served {
    let user = User::with_folder("http-");
    let resident = Resident::start(&user.home, &[&["--http", "0", "--allow-processes"], arguments].concat());
    with(user, resident)
}

fn with(user: User, resident: Resident) -> Served {
    let log = || resident.log();
    soon("it says where it serves", || log().contains("/signin/"));
    let link = log().lines().map(str::trim).find(|line| line.contains("/signin/")).unwrap().to_owned();
    let address = link.strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap();
    let nobody = Client::new(address);
    let client = bearer(&nobody, &token(&user, &["test"]));
    Served { user, resident, nobody, client, link }
}

fn token(user: &User, arguments: &[&str]) -> String {
    let added = user.command(&[&["server", "token", "add"], arguments].concat()).output().unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    String::from_utf8(added.stdout).unwrap().trim().to_owned()
}

fn bearer(client: &Client, token: &str) -> Client {
    client.with("Authorization", &format!("Bearer {token}"))
}

fn soon(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A script that is run without a container.
fn script(text: &str) -> Form {
    Form::default().file("file", "it.py", text).text("run", r#"{"engine": "process"}"#)
}

impl Served {
    fn run(&self, id: &str) -> Value {
        self.client.get(&format!("/api/v1/runs/{id}")).json(200)
    }

    /// Starts a run, and returns its id.
    fn start(&self, form: &Form) -> String {
        self.client.post("/api/v1/runs", form).json(202)["run_id"].as_str().unwrap().to_owned()
    }

    fn ended(&self, id: &str) -> Value {
        soon("the run ends", || self.run(id)["state"] != "running");
        self.run(id)
    }

    /// Files and folders that it works with.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
        let names = entries.filter(|entry| entry.path().join("named-by-test").exists());
        names.map(|entry| entry.path().display().to_string()).collect()
    }
}

#[test]
fn a_table_goes_in_and_comes_back_in_each_format() {
    let served = served(&[]);
    let form = script(DOUBLE).file("input", "table.csv", "n,t\n1,a\n2,\"b \"\"c\"\"\"\n3,\n");
    let asked = |accept: &str| served.client.with("Accept", accept).post("/api/v1/runs", &form);
    let csv = asked("text/csv");
    let id = csv.header("longshore-run").unwrap().to_owned();
    assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv")));
    assert_eq!(csv.text(), "n,t\n2,a\n4,\"b \"\"c\"\"\"\n6,\n");
    assert_eq!(served.run(&id)["record"]["inputs"][0]["path"], "table.csv");
    let ndjson = asked("application/x-ndjson, text/csv;q=0.5").text();
    assert_eq!(ndjson, "{\"n\":2,\"t\":\"a\"}\n{\"n\":4,\"t\":\"b \\\"c\\\"\"}\n{\"n\":6,\"t\":null}\n");
    // What it answers in any format goes in again in that format, and is the same.
    for (media_type, suffix) in [
        ("application/vnd.apache.arrow.stream", "arrows"),
        ("application/vnd.apache.arrow.file", "arrow"),
        ("application/vnd.apache.parquet", "parquet"),
        ("text/tab-separated-values", "tsv"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        ("text/csv", "csv"),
    ] {
        let answer = asked(media_type);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)));
        let bytes = answer.bytes();
        for input in [
            script(DOUBLE).file("input", &format!("again.{suffix}"), &bytes),
            script(DOUBLE).part(&format!("name=\"input.0\"\r\nContent-Type: {media_type}"), &bytes),
        ] {
            let again = served.client.post("/api/v1/runs?format=ndjson", &input);
            let text = again.text();
            assert_eq!(
                text,
                ndjson
                    .replace(":2", ":4 ")
                    .replace(":6", ":12")
                    .replace("\"n\":4,\"t\":\"b", "\"n\":8,\"t\":\"b")
                    .replace(":4 ", ":4"),
                "{media_type}"
            );
        }
    }
    // Later, too: by number, as the client likes it.
    let outputs = served.client.get(&format!("/api/v1/runs/{id}/outputs")).json(200);
    assert_eq!(outputs["outputs"][0]["rows"], 3);
    let href = outputs["outputs"][0]["href"].as_str().unwrap();
    assert_eq!(served.client.get(&format!("{href}?format=tsv")).text(), "n\tt\n2\ta\n4\t\"b \"\"c\"\"\"\n6\t\n");
    assert_eq!(served.client.get(&format!("/api/v1/runs/{id}/outputs/1")).status, 404);
    assert_eq!(served.client.with("Accept", "image/png").get(href).status, 406);
}

#[test]
fn a_known_block_runs_in_a_container_with_its_options() {
    let user = User::with_folder("http-");
    user.file(
        "blocks/scale/block.toml",
        "name = \"Scale\"\nlanguage = \"python\"\nscript = \"s.py\"\n[[options]]\nname = \"by\"\nkind = \"integer\"\nmandatory = true\n\
         [[outputs]]\nid = \"scaled\"\n",
    );
    user.file(
        "blocks/scale/s.py",
        "from longshore.api import Api\napi = Api()\ntable = api.read_input_records()\ntable['n'] *= api.get_option('by')\n\
         api.write_output_records(table)\n",
    );
    let blocks = user.at("blocks").display().to_string();
    // Without `--allow-processes`: a container, or nothing.
    let resident = Resident::start(&user.home, &["--http", "0", "--blocks", &blocks]);
    let served = with(user, resident);
    let blocks = served.client.get("/api/v1/blocks").json(200);
    assert_eq!(
        (&blocks["blocks"][0]["name"], &blocks["blocks"][0]["block"]["name"]),
        (&json!("scale"), &json!("Scale")),
        "{blocks}"
    );
    assert_eq!(served.client.get("/api/v1/blocks/scale").json(200)["block"]["options"][0]["name"], "by");
    assert_eq!(served.client.get("/api/v1/blocks/..%2F..").status, 404);
    let form = Form::default().text("block", "scale").file("input", "t.csv", "n\n7\n");
    let by_text = served.client.with("Accept", "text/csv").post("/api/v1/runs", &form.clone().text("option.by", "3"));
    let id = by_text.header("longshore-run").unwrap().to_owned();
    assert_eq!(by_text.text(), "n\n21\n");
    let record = served.run(&id)["record"].clone();
    assert_eq!((&record["engine"], &record["fresh_container"]), (&json!("docker"), &json!(true)));
    assert_eq!(served.client.get(&format!("/api/v1/runs/{id}/outputs")).json(200)["outputs"][0]["id"], "scaled");
    let by_json = form.clone().text("run", r#"{"options": {"by": 4}}"#);
    assert_eq!(served.client.with("Accept", "text/csv").post("/api/v1/runs", &by_json).text(), "n\n28\n");
    let missing = served.client.post("/api/v1/runs", &form).json(422);
    assert!(missing["problems"][0].as_str().unwrap().contains("`by`"), "{missing}");
    let process =
        served.client.post("/api/v1/runs", &form.text("option.by", "1").text("run", r#"{"engine": "process"}"#));
    assert!(process.json(422)["detail"].as_str().unwrap().contains("containers alone"));
}

#[test]
fn nobody_comes_in_without_a_valid_token_at_any_address() {
    let served = served(&[]);
    let ended = bearer(&served.nobody, &token(&served.user, &["short", "--expires", "1ms"]));
    let revoked = bearer(&served.nobody, &token(&served.user, &["gone"]));
    assert_eq!(revoked.get("/api/v1/version").status, 200);
    assert!(served.user.command(&["server", "token", "revoke", "gone"]).status().unwrap().success());
    let description = served.client.get("/api/v1/openapi.json").json(200);
    let mut addresses: Vec<(String, String)> =
        ["/", "/runs", "/metrics", "/nothing", "/api/v1/nothing", "/api/v1/openapi.json"]
            .map(|path| ("GET".into(), path.into()))
            .into();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let path = path.replace(['{', '}'], "");
        addresses.extend(methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    assert!(addresses.len() > 15, "{addresses:?}");
    for (method, path) in &addresses {
        let strangers = [
            served.nobody.clone(),
            served.nobody.with("Authorization", "Bearer longshore_0000"),
            served.nobody.with("Authorization", "Basic dGVzdDp0ZXN0"),
            served.nobody.with("Authorization", "Bearer "),
            served.nobody.with("Cookie", "longshore_session=longshore_0000"),
            ended.clone(),
            revoked.clone(),
        ];
        for stranger in strangers {
            let answer = stranger.send(method, path, b"");
            let expected = if path == "/api/v1/health" { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{method} {path}: {stranger:?} {answer:?}");
            assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        }
        // With one it is known: whatever else is wrong, it is not who asks.
        let known = served.client.send(method, path, b"");
        assert_ne!(known.status, 401, "{method} {path}");
    }
    // A browser is sent to the sign-in.
    let browser = served.nobody.with("Accept", "text/html").get("/runs?state=failed");
    assert_eq!((browser.status, browser.header("location")), (303, Some("/signin?next=/runs%3Fstate%3Dfailed")));
}

#[test]
fn a_browser_signs_in_with_a_token_or_once_by_the_link() {
    let served = served(&[]);
    let own = format!("http://{}", served.nobody.address);
    let page = served.nobody.with("Accept", "text/html");
    let post = |client: &Client, path: &str, body: &str| {
        client.with("Content-Type", "application/x-www-form-urlencoded").send("POST", path, body.as_bytes())
    };
    let path = served.link.strip_prefix(&own).unwrap().to_owned();
    let session = |answer: &Answer| {
        let cookie = answer.header("set-cookie").unwrap().to_owned();
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict");
        page.with("Cookie", pair)
    };
    let by_link = page.get(&path);
    assert_eq!((by_link.status, by_link.header("location")), (303, Some("/")));
    let by_link = session(&by_link);
    assert_eq!(page.get(&path).status, 401, "a link is used once");
    let secret = token(&served.user, &["browser"]);
    let from_here = page.with("Origin", &own);
    assert_eq!(
        post(&page, "/signin", &format!("token={secret}")).status,
        403,
        "another site's form has no such origin"
    );
    assert_eq!(post(&from_here, "/signin", "token=longshore_00").status, 401);
    let by_token = post(&from_here, "/signin", &format!("token={secret}&next=/runs"));
    assert_eq!((by_token.status, by_token.header("location")), (303, Some("/runs")));
    let elsewhere = post(&from_here, "/signin", &format!("token={secret}&next=//example.org"));
    assert_eq!(elsewhere.header("location"), Some("/"));
    let by_token = session(&by_token);
    for session in [&by_link, &by_token] {
        assert_eq!(session.get("/api/v1/runs").status, 200);
        // What changes something comes from a page of this host.
        let cancel = "/api/v1/runs/none/cancel";
        assert_eq!(session.send("POST", cancel, b"").status, 403);
        assert_eq!(session.with("Origin", "http://example.org").send("POST", cancel, b"").status, 403);
        assert_eq!(session.with("Origin", &own).send("POST", cancel, b"").status, 404);
    }
    assert_eq!(post(&by_link.with("Origin", &own), "/signout", "").status, 303);
    assert_eq!(by_link.get("/api/v1/runs").status, 303, "the session has ended");
    assert!(served.user.command(&["server", "token", "revoke", "browser"]).status().unwrap().success());
    assert_eq!(by_token.get("/api/v1/runs").status, 303, "it ends with its token");
    // Secrets are not in the database.
    let database = std::fs::read(served.user.home.state().join("longshore/database/longshore.sqlite")).unwrap();
    assert!(!database.windows(secret.len()).any(|part| part == secret.as_bytes()));
}

#[test]
fn forms_that_are_wrong_say_what_is_wrong_and_leave_nothing() {
    let served = served(&[]);
    let it = || script("print(1)\n").file("file", "named-by-test", "");
    let cases: Vec<(Form, u16, &str)> = vec![
        (Form::default(), 400, "the block is missing"),
        (Form::default().text("block", "none"), 404, "there is no block `none`"),
        (Form::default().text("block", "../x"), 404, "there is no block"),
        (it().text("block", "none"), 400, "files of one were sent along"),
        (it().text("unknown", "x"), 400, "the part `unknown` is not known"),
        (it().text("option.", "x"), 400, "is not known"),
        (it().text("run", "{}"), 400, "`run` was sent twice"),
        (Form::default().file("file", "it.py", "").text("run", "{\"mounts\": []}"), 400, "unknown field `mounts`"),
        (Form::default().file("file", "it.py", "").text("run", "{\"keep\": \"/tmp/x\"}"), 400, "unknown field `keep`"),
        (Form::default().file("file", "it.py", "").text("run", "{"), 400, "`run`: EOF"),
        (Form::default().file("file", "it.py", "").text("run", "{\"engine\": \"none\"}"), 422, "`engine`: `none`"),
        (Form::default().file("file", "it.py", "").text("run", "{\"network\": \"a b\"}"), 422, "network"),
        (Form::default().file("file", "it.py", "").text("run", "{\"limits\": {\"memory_bytes\": 1}}"), 422, "memory"),
        (Form::default().file("file", "../it.py", ""), 400, "not a path below the block's folder"),
        (Form::default().file("file", "/etc/it.py", ""), 400, "not a path below the block's folder"),
        (Form::default().file("file", "a/../../it.py", ""), 400, "not a path below the block's folder"),
        (it().file("file", "it.py", "x"), 400, "it was sent twice"),
        (Form::default().part("name=\"file\"", b"x"), 400, "needs a file name"),
        (it().file("input", "table.exe", ""), 400, "the format of the table `table.exe` is not known"),
        (it().part("name=\"input\"", b""), 400, "is not known"),
        (it().file("input", "t.csv", "n\n\"1\n"), 422, "t.csv"),
        (it().file("input.none", "t.csv", "n\n1\n"), 422, "none"),
        (it().part("name=\"option.x\"", b"\xff"), 400, "is not UTF-8"),
        (it().text("option.x", "1"), 422, "`x`"),
        (it().text("script", "../x.py"), 422, "script"),
        (it().text("option.x", &"x".repeat(2 << 20)), 400, "more than 1048576 bytes"),
    ];
    for (form, status, words) in &cases {
        let answer = served.client.post("/api/v1/runs", form);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{words}: {answer:?}");
        let problem = answer.json(*status);
        let said = format!("{} {}", problem["detail"], problem["problems"]);
        assert!(said.contains(words), "{words}: {problem}");
    }
    // Not a form at all, and one that is cut.
    let typed = |content_type: &str, body: &[u8]| {
        served.client.with("Content-Type", content_type).send("POST", "/api/v1/runs", body)
    };
    assert!((400..500).contains(&typed("application/json", b"{}").status));
    assert!((400..500).contains(&typed("multipart/form-data", b"").status));
    let whole = it().body();
    for cut in (0..whole.len()).step_by(17) {
        let answer = typed(&it().content_type(), &whole[..cut]);
        assert!((400..500).contains(&answer.status), "{cut}: {answer:?}");
    }
    for path in ["/api/v1/runs?limit=0", "/api/v1/runs?limit=x", "/api/v1/runs?unknown=1", "/api/v1/runs?limit=1001"] {
        assert_eq!(problem(&served.client, "GET", path).0, 400, "{path}");
    }
    assert_eq!(served.client.get("/api/v1/runs").json(200)["runs"], json!([]), "nothing was started");
    soon("nothing is left", || served.left().is_empty());
}

/// An option that names a file names one of the block.
#[test]
fn no_option_reaches_a_file_of_the_host() {
    let served = served(&[]);
    served.user.file("secret.txt", "a secret");
    let block = "name = \"b\"\nlanguage = \"python\"\nscript = \"s.py\"\n[[options]]\nname = \"f\"\nkind = \"file\"\n";
    let form = Form::default()
        .file("file", "block.toml", block)
        .file("file", "s.py", "from longshore.api import Api\nprint(open(Api().get_option('f')).read())\n")
        .text("run", r#"{"engine": "process"}"#);
    for path in [served.user.at("secret.txt").display().to_string(), "/etc/passwd".into(), "../../etc/passwd".into()] {
        let answer = served.client.post("/api/v1/runs?wait=true", &form.clone().text("option.f", &path));
        assert_eq!(answer.status, 422, "{path}: {answer:?}");
    }
}

#[test]
fn a_run_is_followed_to_its_end_from_anywhere() {
    let served = served(&[]);
    let text = "import time\nfor i in range(5):\n    print('line', i, flush=True)\n    time.sleep(0.3)\n";
    let id = served.start(&script(text));
    let whole: String = (0..5).map(|i| format!("line {i}\n")).collect();
    let log = served.client.get(&format!("/api/v1/runs/{id}/log?follow=true"));
    assert_eq!(log.text(), whole);
    assert_eq!(served.client.get(&format!("/api/v1/runs/{id}/log")).text(), whole);
    // Events, as a browser has them: those that it has seen do not come again.
    let events = |client: &Client| {
        let text = client.get(&format!("/api/v1/runs/{id}/events")).text();
        let log: Vec<Value> = text
            .split("\n\n")
            .filter(|event| event.contains("event: log"))
            .map(|event| {
                serde_json::from_str(event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap()).unwrap()
            })
            .collect();
        assert!(text.contains("\"state\":\"ended\"") && text.trim_end().ends_with("event: end\ndata: {}"), "{text}");
        log.iter().map(|event| event["text"].as_str().unwrap()).collect::<String>()
    };
    assert_eq!(events(&served.client), whole);
    assert_eq!(events(&served.client.with("Last-Event-ID", "7")), whole[7..]);
    assert_eq!(events(&served.client.with("Last-Event-ID", "1000")), "");
    assert_eq!(served.client.get("/api/v1/runs/none/log").status, 404);
}

/// The status of an answer that must be a problem, and what methods it names.
fn problem(client: &Client, method: &str, path: &str) -> (u16, Option<String>) {
    let answer = client.send(method, path, b"");
    let (status, allowed) = (answer.status, answer.header("allow").map(str::to_owned));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}");
    if method != "HEAD" {
        let problem = answer.json(status);
        assert_eq!(problem["status"], status, "{method} {path}");
        assert!(!problem["detail"].as_str().unwrap().is_empty() && !problem["title"].as_str().unwrap().is_empty());
    }
    (status, allowed)
}

#[test]
fn every_error_is_a_problem_whoever_finds_it() {
    let served = served(&[]);
    for (method, path, status) in [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("PATCH", "/api/v1/runs", 405),
        ("POST", "/api/v1/version", 405),
        ("GET", "/api/v1/runs/x/outputs/-1", 400),
        ("GET", "/api/v1/runs/x/outputs/99999999999", 400),
        ("GET", "/api/v1/runs/%FF/log", 400),
        ("GET", "/api/v1/runs?limit=%", 400),
        ("GET", "/api/v1/runs/none/events?after=x", 400),
        ("POST", "/api/v1/runs?wait=maybe", 400),
        ("HEAD", "/api/v1/runs/none", 404),
    ] {
        let (found, allowed) = problem(&served.client, method, path);
        assert_eq!(found, status, "{method} {path}");
        assert_eq!(allowed.is_some(), status == 405, "{method} {path}: {allowed:?}");
    }
    let page = served.client.with("Accept", "text/html").get("/api/v1/runs?limit=x");
    assert_eq!((page.status, page.header("content-type")), (400, Some("text/html; charset=utf-8")));
}

/// What becomes of the tables of runs whose records are removed while no host is there.
#[test]
fn tables_go_with_their_records_however_those_go() {
    let first = served(&[]);
    let id = first.start(&script(DOUBLE).file("input", "t.csv", "n\n1\n"));
    first.ended(&id);
    assert_eq!(first.client.get(&format!("/api/v1/runs/{id}/outputs/0?format=csv")).text(), "n\n2\n");
    let kept = first.user.home.state().join("longshore/outputs").join(&id);
    assert!(first.user.command(&["runs", "remove", &id]).status().unwrap().success());
    assert!(kept.is_dir());
    let Served { user, resident, .. } = first;
    let again = resident.again(&user.home, &["--http", "0"]);
    soon("they are removed", || !kept.exists());
    drop(again);
}

#[test]
fn lists_are_read_page_by_page_and_filtered() {
    let served = served(&[]);
    let mut ids: Vec<String> = (0..5)
        .map(|number| {
            let text = if number % 2 == 0 { "print(1)\n" } else { "raise ValueError(1)\n" };
            let id = served.start(&script(text));
            served.ended(&id);
            id
        })
        .collect();
    ids.reverse();
    let read = |filter: &str| {
        let (mut read, mut before) = (Vec::new(), String::new());
        loop {
            let page = served.client.get(&format!("/api/v1/runs?limit=2{filter}{before}")).json(200);
            let runs = page["runs"].as_array().unwrap();
            assert!(runs.len() <= 2);
            read.extend(runs.iter().map(|run| run["run_id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { return read };
            before = format!("&before={next}");
        }
    };
    assert_eq!(read(""), ids);
    assert_eq!(read("&state=failed"), [ids[1].clone(), ids[3].clone()]);
    assert_eq!(read("&state=succeeded&block=it").len(), 3);
    assert!(read("&block=other").is_empty() && read("&state=running").is_empty());
}

#[test]
fn runs_are_cancelled_and_removed_with_all_that_is_theirs() {
    let served = served(&[]);
    let id = served.start(&script("import time\nprint('x', flush=True)\ntime.sleep(600)\n"));
    let at = |path: &str| format!("/api/v1/runs/{id}{path}");
    assert_eq!(served.client.send("DELETE", &at(""), b"").status, 409);
    assert_eq!(served.client.send("POST", &at("/cancel"), b"").status, 202);
    let ended = served.ended(&id);
    assert_ne!(ended["outcome"], "succeeded", "{ended}");
    assert_eq!(served.client.send("POST", &at("/cancel"), b"").status, 409);
    assert_eq!(served.client.send("DELETE", &at(""), b"").status, 204);
    assert_eq!(served.client.get(&at("")).status, 404);
    let id = served.start(&script(DOUBLE).file("input", "t.csv", "n\n1\n"));
    served.ended(&id);
    assert_eq!(served.client.get(&format!("/api/v1/runs/{id}/outputs/0?format=csv")).text(), "n\n2\n");
    let kept = served.user.home.state().join("longshore/outputs").join(&id);
    assert!(kept.is_dir());
    assert_eq!(served.client.send("DELETE", &format!("/api/v1/runs/{id}"), b"").status, 204);
    assert!(!kept.exists());
}

#[test]
fn a_run_ends_with_the_peer_that_waits_for_it_and_not_with_one_that_does_not() {
    let served = served(&[]);
    let form = script("import time\nprint('x', flush=True)\ntime.sleep(600)\n");
    let waiting = served.client.with("Content-Type", &form.content_type());
    let mut socket = waiting.begin("POST", "/api/v1/runs?wait=true", form.body().len());
    socket.write_all(&form.body()).unwrap();
    let runs = || served.client.get("/api/v1/runs").json(200)["runs"].as_array().unwrap().clone();
    soon("the run has begun", || runs().iter().any(|run| run["state"] == "running"));
    drop(socket);
    soon("it is cancelled", || runs().iter().all(|run| run["state"] == "ended"));
    assert_ne!(runs()[0]["outcome"], "succeeded");
    // Nobody waits for this one.
    let id = served.start(&script("import time\ntime.sleep(1)\n"));
    assert_eq!(served.ended(&id)["outcome"], "succeeded");
    // A run that fails is a problem where a table is asked for, and a record where it is waited for.
    let fails = script("raise ValueError('no such thing')\n");
    let problem = served.client.with("Accept", "text/csv").post("/api/v1/runs", &fails).json(422);
    assert_eq!((&problem["title"], &problem["outcome"]), (&json!("the run did not succeed"), &json!("failed")));
    assert!(problem["detail"].as_str().unwrap().contains("no such thing"), "{problem}");
    assert_eq!(served.client.post("/api/v1/runs?wait=true", &fails).json(200)["outcome"], "failed");
    let nothing = served.client.with("Accept", "text/csv").post("/api/v1/runs", &script("print(1)\n")).json(422);
    assert_eq!(nothing["title"], "no table");
}

#[test]
fn peers_that_do_not_go_on_hold_up_nobody_and_are_ended() {
    let served = served(&[]);
    let form = script("print(1)\n").file("file", "named-by-test", vec![b'x'; 1000]);
    let typed = served.client.with("Content-Type", &form.content_type());
    let body = form.body();
    // Heads that do not end, bodies that do not, and answers that nobody reads.
    let mut stalled = Vec::new();
    for _ in 0..30 {
        let mut head = std::net::TcpStream::connect(served.nobody.address).unwrap();
        head.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").unwrap();
        let mut sent = typed.begin("POST", "/api/v1/runs", body.len() + 1_000_000_000);
        sent.write_all(&body[..body.len() - 40]).unwrap();
        stalled.extend([head, sent]);
    }
    let large = script("print('x' * 99 + '\\n', end='')\n".repeat(3).as_str());
    let unread = served.start(&large);
    served.ended(&unread);
    for _ in 0..20 {
        stalled.push(served.client.begin("GET", &format!("/api/v1/runs/{unread}/log"), 0));
    }
    let begun = Instant::now();
    assert_eq!(served.client.get("/api/v1/version").status, 200);
    assert_eq!(served.client.post("/api/v1/runs?wait=true", &script("print(2)\n")).json(200)["outcome"], "succeeded");
    assert!(begun.elapsed() < PATIENCE);
    // The first two: the host ends them by itself.
    for socket in &mut stalled[..2] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    drop(stalled);
    soon("nothing is left", || served.left().is_empty());
}

#[test]
fn a_host_that_is_told_to_end_answers_what_it_has_begun() {
    let served = served(&[]);
    let form = script("import time\nprint('x', flush=True)\ntime.sleep(3)\n");
    let waiting = served.client.with("Content-Type", &form.content_type());
    let mut socket = waiting.begin("POST", "/api/v1/runs?wait=true", form.body().len());
    socket.write_all(&form.body()).unwrap();
    let id = || Some(served.client.get("/api/v1/runs").json(200)["runs"][0]["run_id"].as_str()?.to_owned());
    soon("the run has begun", || id().is_some());
    // One that follows a run is told that it ends.
    let mut following = served.client.open("GET", &format!("/api/v1/runs/{}/events", id().unwrap()), b"");
    assert_eq!(following.status, 200);
    assert!(!following.line().is_empty());
    served.resident.signal(Signal::TERM);
    let answer = Open::of(socket);
    assert_eq!(answer.status, 200);
    assert!(served.resident.ended().success());
    let left: BTreeSet<String> = served.left().into_iter().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn after_a_kill_the_next_host_knows_how_runs_ended_and_nothing_is_left() {
    let Served { user, resident, client, .. } = served(&[]);
    let form = Form::default().file("file", "it.py", "import time\nprint('x', flush=True)\ntime.sleep(600)\n");
    let form = form.file("file", "named-by-test", "");
    let started = [form.clone(), form.text("run", r#"{"engine": "process"}"#)].map(|form| {
        let id = client.post("/api/v1/runs", &form).json(202)["run_id"].as_str().unwrap().to_owned();
        soon("it runs", || client.get(&format!("/api/v1/runs/{id}/log")).text() == "x\n");
        id
    });
    let again = resident.again(&user.home, &["--http", "0", "--allow-processes"]);
    soon("it says where it serves", || again.log().matches("/signin/").count() == 2);
    let log = again.log();
    let address = log.lines().rev().find_map(|line| line.trim().strip_prefix("http://")?.split('/').next()).unwrap();
    let token = token(&user, &["second"]);
    let client = bearer(&Client::new(address.parse().unwrap()), &token);
    for id in &started {
        let run = client.get(&format!("/api/v1/runs/{id}")).json(200);
        assert_eq!(run["state"], "lost", "{run}");
        assert_eq!(client.get(&format!("/api/v1/runs/{id}/log?follow=true")).text(), "x\n");
    }
    let list = ["ps", "--all", "--format", "{{.Names}}", "--filter", "name=longshore-"];
    let containers =
        || String::from_utf8(std::process::Command::new("docker").args(list).output().unwrap().stdout).unwrap();
    soon("no container is left", || !started.iter().any(|id| containers().contains(id)));
    let served = Served { nobody: client.clone(), client, user, resident: again, link: String::new() };
    soon("no folder is left", || served.left().is_empty());
}

#[test]
fn kept_tables_have_a_budget() {
    let served = served(&["--outputs", "200k"]);
    let text = "from longshore.api import Api\nimport pandas\nApi().write_output_records(pandas.DataFrame({'n': range(12000)}))\n";
    let ids: Vec<String> = (0..4).map(|_| served.start(&script(text))).inspect(|id| drop(served.ended(id))).collect();
    let kept = |id: &String| {
        served.client.get(&format!("/api/v1/runs/{id}/outputs")).json(200)["outputs"].as_array().unwrap().len()
    };
    soon("the oldest are removed", || ids.iter().map(kept).collect::<Vec<_>>() == [0, 0, 1, 1]);
    let gone = served.client.get(&format!("/api/v1/runs/{}/outputs/0", ids[0])).json(404);
    assert!(gone["detail"].as_str().unwrap().contains("newer ones took its room"), "{gone}");
}

#[test]
fn the_host_tells_what_it_does_and_has() {
    let served = served(&[]);
    served.client.post("/api/v1/runs?wait=true", &script("print(1)\n")).json(200);
    served.client.post("/api/v1/runs?wait=true", &script("raise ValueError(1)\n")).json(200);
    let metrics = served.client.get("/metrics").text();
    for line in [
        "longshore_runs_running 0",
        "longshore_runs_total{outcome=\"succeeded\"} 1",
        "longshore_runs_total{outcome=\"failed\"} 1",
        "longshore_run_seconds_count 2",
        "longshore_http_answers_total{status=\"200\"} 2",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line}: {metrics}");
    }
    // Each run has a line in the log when it begins and when it ends, with its id.
    let id = served.client.get("/api/v1/runs/last").json(200)["run_id"].as_str().unwrap().to_owned();
    let log = served.resident.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
    assert!(matches!(lines[..], [begun, ended] if begun.contains("run begun") && ended.contains("failed")), "{log}");
    assert!(!log.contains("Bearer") && log.matches("longshore_").count() == 1, "no secret but the link's: {log}");
    let system = served.client.get("/api/v1/system").json(200);
    assert_eq!((&system["ended"], &system["allows_processes"]), (&json!(2), &json!(true)));
    assert!(system["requirements"].as_array().unwrap().iter().any(|found| found["subject"] == "engine"), "{system}");
    let environments = served.client.get("/api/v1/environments").json(200);
    assert_eq!(environments["environments"], json!([]));
    for path in ["/api/v1/environments/none", "/api/v1/environments/none/pin"] {
        let answer = served.client.send(if path.ends_with("pin") { "PUT" } else { "GET" }, path, b"");
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    assert_eq!(served.client.send("POST", "/api/v1/system/prune", b"").json(200)["removed"], json!([]));
}
