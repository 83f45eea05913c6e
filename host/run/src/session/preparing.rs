//! An agent before its run: the host sends the interpreter to start, hears that it waits, and notices its end. What its
//! report says is untrusted, as all that comes from a container.

use super::agent::AgentSession;
use super::files::send;
use longshore_model::causes::chain;
use longshore_protocol::limits::INLINE_MAX;
use longshore_protocol::{ConnectionError, Frame, FromAgent, Payload, Prepare, ToAgent};

/// An interpreter that waits for its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Whether it has printed anything.
    pub(crate) printed: bool,
    /// Its resident memory that no file backs, in bytes.
    pub(crate) memory_bytes: u64,
    /// Its report.
    pub(crate) report: Vec<u8>,
}

impl AgentSession {
    /// Whether it can start an interpreter before its run is known.
    pub(crate) fn prepares(&self) -> bool {
        self.prepares
    }

    /// Starts an interpreter, with these files and their contents, and waits until it waits for its run.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn prepare(&mut self, prepare: Prepare, files: Vec<(String, Vec<u8>)>) -> Result<Waiting, String> {
        send(&self.outgoing, Frame::new(&ToAgent::Prepare(prepare))).await;
        for (path, content) in files {
            let mut parts = content.chunks(INLINE_MAX).peekable();
            if parts.peek().is_none() {
                let message = ToAgent::File { path: path.clone(), executable: false, last: true };
                send(&self.outgoing, Frame::new(&message)).await;
            }
            while let Some(part) = parts.next() {
                let message = ToAgent::File { path: path.clone(), executable: false, last: parts.peek().is_none() };
                send(&self.outgoing, Frame::with(&message, Payload::Inline(part.to_vec()))).await;
            }
        }
        send(&self.outgoing, Frame::new(&ToAgent::Start)).await;
        match self.incoming.receive().await {
            Ok(Some((FromAgent::Ready { printed, memory_bytes }, payload))) => {
                Ok(Waiting { printed, memory_bytes, report: payload.into_bytes() })
            }
            other => Err(ended(other)),
        }
    }

    /// Waits until the agent no longer waits for its run. Cancel safe.
    pub(crate) async fn stops_waiting(&mut self) -> String {
        ended(self.incoming.receive().await)
    }
}

fn ended(received: Result<Option<(FromAgent, Payload)>, ConnectionError>) -> String {
    match received {
        Ok(Some((FromAgent::Failed { reason }, _))) => reason,
        Ok(Some(_)) => "the agent broke the protocol".into(),
        Ok(None) => "the agent ended".into(),
        Err(error) => chain(&error),
    }
}
