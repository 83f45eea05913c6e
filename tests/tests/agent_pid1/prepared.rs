//! Interpreters that are started before their run is known. A shell is one here: it reports, waits, and reads what it is
//! to do, as the host's own programs for Python and R do.

use super::{Agent, WAYS, Way};
use longshore_protocol::{Begin, Exit, ExitStatus, FromAgent, Payload, Prepare, ToAgent};

/// Reports, waits for its run, and prints what it has got.
const HELD: &str = "echo module a > .hold/ready; read -r _ < .hold/go; tr '\\0' '\\n' < .hold/run; cat a.txt; exit 7";

impl Agent {
    /// Prepares a shell with a script that is called in the working folder.
    fn prepare(&mut self, script: &str) -> Begin {
        let begin = self.begin(&["sh", "-c", script]);
        let prepare = Prepare {
            program: begin.program.clone(),
            environment: [("HELD", "yes"), ("PATH", "/usr/bin:/bin")].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
            folder: begin.folder.clone(),
            user: None,
            open_files: Some(256),
            hold: ".hold".into(),
        };
        self.tell(&ToAgent::Prepare(prepare));
        self.file(".hold/preload", b"");
        self.file("a.txt", b"");
        self.tell(&ToAgent::Start);
        begin
    }

    fn file(&mut self, path: &str, bytes: &[u8]) {
        let message = ToAgent::File { path: path.into(), executable: false, last: true };
        let payload = if bytes.is_empty() { Payload::None } else { Payload::Inline(bytes.to_vec()) };
        self.connection.sender.send_with(&message, payload).unwrap();
    }

    fn start_run(&mut self, begin: Begin) -> Exit {
        self.tell(&ToAgent::Begin(begin));
        self.file("a.txt", b"in place\n");
        self.tell(&ToAgent::Start);
        assert!(matches!(self.hear(), FromAgent::Started { .. }));
        self.exit()
    }
}

#[test]
fn an_interpreter_gets_its_run_when_it_waits() {
    for way in WAYS {
        let mut agent = Agent::start(way);
        let begin = agent.prepare(HELD);
        let ready = agent.hear();
        assert!(matches!(ready, FromAgent::Ready { printed: false, .. }), "{ready:?}");
        let mut begin = Begin { environment: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(), ..begin };
        begin.program.push("given".into());
        let exit = agent.start_run(begin);
        assert_eq!((exit.status, agent.text().as_str()), (ExitStatus::Code(7), "agiven\nuHELD\nin place\n"), "{way:?}");
        assert_eq!(agent.end(), 0);
    }
}

#[test]
fn what_is_printed_early_is_told_and_what_is_printed_while_waiting_is_the_runs() {
    let script = "echo early; echo > .hold/ready; until [ -e is-heard ]; do sleep 0.01; done; echo late; : > late; \
                  read -r _ < .hold/go";
    let mut agent = Agent::start(Way::Process);
    let begin = agent.prepare(script);
    let ready = agent.hear();
    assert!(matches!(ready, FromAgent::Ready { printed: true, .. }), "{ready:?}");
    let folder = std::path::PathBuf::from(&begin.folder);
    std::fs::write(folder.join("is-heard"), "").unwrap();
    while !folder.join("late").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    agent.start_run(begin);
    assert_eq!(agent.text(), "late\n");
    agent.end();
}

#[test]
fn an_interpreter_that_ends_early_and_a_run_of_another_program_are_told() {
    for way in WAYS {
        let mut agent = Agent::start(way);
        agent.prepare("echo why >&2; exit 3");
        let expected = "the interpreter ended with exit status 3 before its run: why";
        assert_eq!(agent.hear(), FromAgent::Failed { reason: expected.into() }, "{way:?}");
        assert_eq!(agent.end(), 0);

        let mut agent = Agent::start(way);
        let begin = agent.prepare(HELD);
        agent.hear();
        agent.tell(&ToAgent::Begin(Begin { program: vec!["true".into()], ..begin }));
        agent.tell(&ToAgent::Start);
        let expected = "the run is of another program than the one that was prepared";
        assert_eq!(agent.hear(), FromAgent::Failed { reason: expected.into() }, "{way:?}");
        agent.end();
    }
}

#[test]
fn nothing_outlives_a_host_that_goes_while_an_interpreter_waits() {
    for way in WAYS {
        let mut agent = Agent::start(way);
        agent.prepare("sleep 1000 & echo > .hold/ready; read -r _ < .hold/go");
        agent.hear();
        // The agent ends once no process is left below it.
        assert_eq!(agent.end(), 3, "{way:?}");
    }
}
