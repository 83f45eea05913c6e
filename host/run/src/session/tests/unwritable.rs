//! Tests of connections that the host cannot write to.

use super::*;
use longshore_model::causes::chain;
use longshore_protocol::Frame;
use longshore_protocol::limits::MESSAGE_MAX;
use std::net::Shutdown;

/// Longer than a message may be: the host itself refuses to send it.
fn too_long() -> String {
    "x".repeat(MESSAGE_MAX + 1)
}

const UNWRITABLE: &str = "writing to the connection failed: ";

#[tokio::test]
async fn a_script_whose_connection_cannot_be_written_to_is_hung_up_on() {
    for kind in BOTH {
        let options = serde_json::Map::from_iter([("text".to_owned(), too_long().into())]);
        let seen = serve_with(kind, table(1), options, |mut connection| {
            connection.sender.send(&hello(Role::Script, connection.passes_descriptors())).unwrap();
            // It lives until the host hangs up, and never gets its welcome.
            connection.receiver.receive().unwrap().is_none()
        })
        .await;
        assert!(seen.script, "{kind:?}");
        let reason = seen.end.unwritable.unwrap();
        assert!(reason.starts_with(UNWRITABLE) && seen.end.violation.is_none(), "{kind:?}: {reason}");
    }
}

/// A session with an agent that is another thread.
async fn agent<T: Send + 'static>(
    wire: Wire,
    agent: impl FnOnce() -> T + Send + 'static,
) -> (AgentSession, tokio::task::JoinHandle<T>) {
    let agent = tokio::task::spawn_blocking(agent);
    let (mut incoming, outgoing) = open(wire);
    let (_, version) = greet(&mut incoming).await.unwrap();
    (AgentSession::welcome(incoming, outgoing, version, false), agent)
}

#[tokio::test]
async fn an_agent_whose_connection_cannot_be_written_to_is_hung_up_on() {
    for kind in BOTH {
        let (wire, mut connection) = connect::<ToAgent>(kind);
        let (session, agent) = agent(wire, move || {
            connection.sender.send(&hello(Role::Agent, connection.passes_descriptors())).unwrap();
            // It lives until the host hangs up.
            while connection.receiver.receive().unwrap().is_some() {}
        })
        .await;
        let file = ToAgent::File { path: too_long(), executable: false, last: true };
        session.remote().send(Frame::new(&file)).await.unwrap();
        let end = session.listen(logs(events().0), mpsc::channel(4).0, None).await;
        let AgentEnd::Lost(reason) = end else { panic!("{kind:?}: {end:?}") };
        assert!(reason.starts_with(UNWRITABLE), "{kind:?}: {reason}");
        agent.await.unwrap();
    }
}

#[tokio::test]
async fn an_agent_that_stops_reading_breaks_the_protocol_and_one_that_has_ended_is_heard() {
    for reports in [false, true] {
        let (host, other) = UnixStream::pair().unwrap();
        host.set_nonblocking(true).unwrap();
        let kept = other.try_clone().unwrap();
        let (session, agent) = agent(Wire::Unix(host.try_into().unwrap()), move || {
            let mut connection = SocketConnection::<ToAgent>::new(other);
            connection.sender.send(&hello(Role::Agent, true)).unwrap();
            if reports {
                connection.sender.send(&FromAgent::Started { pid: 7 }).unwrap();
                connection.sender.send(&FromAgent::Exited(exit())).unwrap();
            }
            kept.shutdown(if reports { Shutdown::Both } else { Shutdown::Read }).unwrap();
            kept
        })
        .await;
        // It is open until the session has ended.
        let kept = agent.await.unwrap();
        let writing = session.remote();
        // A writer that has failed has ended.
        while writing.send(Frame::new(&ToAgent::Start)).await.is_ok() {}
        let end = session.listen(logs(events().0), mpsc::channel(4).0, None).await;
        match end {
            AgentEnd::Exited { .. } if reports => {}
            AgentEnd::Violation(error) if !reports => {
                let expected = "expected a peer that reads, received `the end of its reading half`";
                assert!(chain(&error).ends_with(expected), "{}", chain(&error));
            }
            end => panic!("{end:?}"),
        }
        drop(kept);
    }
}
