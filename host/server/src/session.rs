//! One connection of a caller: greeting, what it sends, its run, and what it is told. A caller cannot hold up its run or
//! the server: events that it does not read are dropped and counted by their queue, and one that reads nothing at the
//! end is left.

use crate::folder;
use crate::gather::{Gathered, Gathering};
use crate::rejection;
use crate::start::permit;
use crate::tally::{TalliedRun, Tally};
use crate::who::Who;
use longshore::config::SettingsDigests;
use longshore::serde_json::{self, Value};
use longshore::{Cancel, CancelLevel, Event, EventReceiver, Host, Prepared, RunRecord, Turn, events};
use longshore_protocol::limits::INLINE_MAX;
use longshore_protocol::{
    ConnectionError, Frame, FromCaller, Hello, Message, Payload, ProtocolError, Rejection, Role, Sending, Software,
    ToCaller, Version, send_once,
};
use longshore_run::connection::{self, Incoming, Outgoing, Wire};
use longshore_run::submission::{Taken, requested};
use longshore_segment::Segment;
use std::future::pending;
use std::time::Duration;
use tokio::net::UnixStream;

/// How long a caller may take for its greeting.
const GREETING: Duration = Duration::from_secs(10);

/// How long a caller may read nothing while its result waits.
const READING: Duration = Duration::from_secs(60);

/// Why a run is refused while the host drains.
const SHUTTING_DOWN: &str = "this host is shutting down";

/// What all connections of a server share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) host: Host,
    /// This program.
    pub(crate) software: Software,
    pub(crate) digests: SettingsDigests,
    /// Whether runs may have no container.
    pub(crate) allows_processes: bool,
    /// Cancelled once nothing new may begin.
    pub(crate) closing: Cancel,
    /// What was done.
    pub(crate) tally: Tally,
}

/// Refuses a connection that was just accepted, without a wait.
pub(crate) fn turn_away(socket: &UnixStream, reason: String) {
    if let Ok(mut sending) = Sending::new(Frame::new(&ToCaller::Refused { reason })) {
        // There is room for it, and a caller that has gone reads nothing.
        let _ = send_once(socket, &mut sending);
    }
}

/// Serves a connection to its end. Its turn is that in which it was accepted.
pub(crate) async fn serve(socket: UnixStream, turn: Turn, shared: &Shared) -> Result<(), ConnectionError> {
    let own = rustix::process::geteuid().as_raw();
    let credentials = socket.peer_cred().map_err(|source| ConnectionError::Io { doing: "opening", source })?;
    let (peer, who) = (credentials.uid(), Who::of_process(credentials.pid()));
    let (mut incoming, outgoing) = connection::open(Wire::Unix(socket));
    let greeted = if peer == own {
        tokio::time::timeout(GREETING, greet(&mut incoming)).await
    } else {
        tell_refused(&outgoing, format!("this host serves the user {own}, and the caller is the user {peer}")).await;
        return close(incoming, outgoing).await;
    };
    let (version, descriptors) = match greeted {
        Ok(Ok(_)) if shared.closing.is_cancelled() => {
            tell_refused(&outgoing, SHUTTING_DOWN).await;
            return close(incoming, outgoing).await;
        }
        Ok(Ok(greeted)) => greeted,
        Ok(Err(error)) => {
            tell_violation(&outgoing, &error).await;
            close(incoming, outgoing).await?;
            return Err(error);
        }
        Err(_) => {
            tell_refused(&outgoing, format!("no greeting came within {} s", GREETING.as_secs())).await;
            close(incoming, outgoing).await?;
            return Err(ConnectionError::Closed { expected: "hello" });
        }
    };
    let processes = shared.allows_processes.then(|| shared.digests.of_processes.clone());
    let (software, settings) = (shared.software.clone(), shared.digests.common.clone());
    tell(&outgoing, &ToCaller::Welcome { protocol: version, descriptors, software, settings, processes }).await;
    let mut caller = Connection { incoming: incoming.greeted(), outgoing, descriptors, who, turn };
    let served = caller.serve(shared).await;
    if let Err(error) = &served {
        tell_violation(&caller.outgoing, error).await;
    }
    close(caller.incoming, caller.outgoing).await?;
    served
}

async fn greet(incoming: &mut Incoming<Hello>) -> Result<(Version, bool), ConnectionError> {
    let (hello, version) = connection::greet(incoming).await?;
    if hello.role != Role::Caller {
        let received = serde_json::to_string(&hello.role).unwrap_or_default();
        let error = ProtocolError::Unexpected { expected: "a caller's hello", received: format!("one of {received}") };
        return Err(error.into());
    }
    Ok((version, incoming.passes_descriptors()))
}

/// A connection that is greeted.
struct Connection {
    incoming: Incoming<FromCaller>,
    outgoing: Outgoing,
    descriptors: bool,
    who: Who,
    turn: Turn,
}

impl Connection {
    /// Receives a run, and makes it. Whatever happens, a caller that reads is told how it ends.
    async fn serve(&mut self, shared: &Shared) -> Result<(), ConnectionError> {
        let gathered = tokio::select! {
            gathered = Box::pin(self.gather(shared)) => gathered?,
            () = shared.closing.cancelled() => {
                tell_refused(&self.outgoing, SHUTTING_DOWN).await;
                return Ok(());
            }
        };
        match gathered {
            Some(Ok(gathered)) => self.run(gathered, shared).await,
            Some(Err(rejection)) => {
                self.reject(rejection).await;
                Ok(())
            }
            None => {
                // It may have ended its half of the connection alone.
                tell_refused(&self.outgoing, "the connection ended before the run was started").await;
                Ok(())
            }
        }
    }

    /// Receives a run, and what belongs to it. `None` if the caller goes away before it starts it.
    async fn gather(&mut self, shared: &Shared) -> Result<Option<Result<Gathered, Rejection>>, ConnectionError> {
        let Some((message, _)) = self.incoming.receive().await? else { return Ok(None) };
        let FromCaller::Submit(submission) = message else { return Err(unexpected("submit", &message)) };
        let mut gathering = Gathering::new(*submission, shared.host.settings().work_folder.clone());
        loop {
            let Some((message, payload)) = self.incoming.receive().await? else { return Ok(None) };
            if message == FromCaller::Sent {
                tell(&self.outgoing, &ToCaller::Received).await;
                continue;
            }
            let taken = if Gathering::may_block(&message, &payload) {
                let taking = tokio::task::spawn_blocking(move || {
                    let taken = gathering.take(message, payload);
                    (gathering, taken)
                });
                let Ok((back, taken)) = taking.await else {
                    return Ok(Some(Err(rejection::plain(&"the host failed while it received the run"))));
                };
                gathering = back;
                taken
            } else {
                gathering.take(message, payload)
            };
            match taken {
                Ok(false) => {}
                Ok(true) => return Ok(Some(gathering.end().map_err(|error| rejection::plain(&error)))),
                Err(error) => return Ok(Some(Err(rejection::plain(&error)))),
            }
        }
    }

    async fn reject(&self, rejection: Rejection) {
        tell(&self.outgoing, &ToCaller::Rejected(rejection)).await;
    }

    /// Runs what was asked for.
    async fn run(&mut self, gathered: Gathered, shared: &Shared) -> Result<(), ConnectionError> {
        let Gathered { submission, along, folder, credits } = gathered;
        let Taken { mut request, tables, others } = match requested(submission, along) {
            Ok(taken) => taken,
            Err(error) => {
                self.reject(rejection::plain(&error)).await;
                return Ok(());
            }
        };
        let host = &shared.host;
        if let Err(refusal) = permit(&mut request.engine, shared.allows_processes) {
            self.reject(rejection::plain(&refusal)).await;
            return Ok(());
        }
        let seat = match host.admission().enter(self.turn) {
            Ok(seat) => seat,
            Err(full) => {
                self.reject(rejection::busy(&full)).await;
                return Ok(());
            }
        };
        request.caller = Some(self.who.0.clone());
        request.temporary_folder = Some(host.settings().temporary_folder.clone());
        let cancel = Cancel::new();
        let folder_of_caller = request.working_folder.clone();
        let preparing = folder::within(folder_of_caller.clone(), || request.prepare());
        let prepared = tokio::select! {
            prepared = preparing => prepared,
            violation = listen(&mut self.incoming, &cancel) => return Err(violation),
            // The check may wait for an open file without a limit. Its thread ends with that.
            () = cancel.cancelled() => {
                self.reject(rejection::cancelled()).await;
                return Ok(());
            }
            () = shared.closing.cancelled() => {
                tell_refused(&self.outgoing, SHUTTING_DOWN).await;
                return Ok(());
            }
        };
        let rejection = match prepared {
            Some(Ok(Ok(prepared))) => {
                let tallied = shared.tally.begin();
                self.incoming.expect_little();
                let record = run(host, prepared.seated(seat), &mut self.incoming, &self.outgoing, &cancel).await?;
                tallied.ended(&record);
                drop((folder, credits));
                let tables = tables.into_iter().filter_map(|(output, handle)| Some((output, handle.take().ok()?)));
                let tables = tables.map(|(output, table)| (Returned::Named(output), table));
                let others = others.map(|others| others.take()).unwrap_or_default();
                let others = others.into_iter().map(|(number, table)| (Returned::Other(number), table));
                conclude(&self.outgoing, &record, tables.chain(others).collect(), self.descriptors).await;
                return Ok(());
            }
            Some(Ok(Err(error))) => rejection::of_request(&error),
            Some(Err(error)) => {
                let folder = folder_of_caller.unwrap_or_default();
                rejection::plain(&format!("cannot enter the caller's folder `{}`: {error}", folder.display()))
            }
            None => rejection::plain(&"internal error while checking the run: please report it"),
        };
        self.reject(rejection).await;
        Ok(())
    }
}

/// Runs a block, and tells the caller what happens.
async fn run(
    host: &Host,
    prepared: Prepared,
    incoming: &mut Incoming<FromCaller>,
    outgoing: &Outgoing,
    cancel: &Cancel,
) -> Result<RunRecord, ConnectionError> {
    let (sender, happened) = events();
    let running =
        async { tokio::join!(host.run_prepared(prepared, sender, cancel), tell_events(happened, outgoing)).0 };
    tokio::pin!(running);
    tokio::select! {
        record = &mut running => Ok(record),
        violation = listen(incoming, cancel) => {
            // The run is cancelled already, and cleans up.
            running.await;
            Err(violation)
        }
    }
}

/// Ends a connection once what was said is written, unless the caller does not read it.
async fn close<M: Message>(incoming: Incoming<M>, outgoing: Outgoing) -> Result<(), ConnectionError> {
    drop(outgoing);
    // One that reads nothing for so long is left.
    let _ = tokio::time::timeout(READING, incoming.written()).await;
    Ok(())
}

/// Hears what the caller says of its run, which it cancels when the caller goes away. Returns only what breaks the
/// protocol; the run is cancelled then.
async fn listen(incoming: &mut Incoming<FromCaller>, cancel: &Cancel) -> ConnectionError {
    loop {
        match incoming.receive().await {
            Ok(Some((FromCaller::Cancel, _))) => cancel.cancel(CancelLevel::Gently),
            Ok(Some((FromCaller::Kill, _))) => cancel.cancel(CancelLevel::AtOnce),
            Ok(Some((other, _))) => {
                cancel.cancel(CancelLevel::Gently);
                return unexpected("cancel or kill", &other);
            }
            Ok(None) => {
                cancel.cancel(CancelLevel::Gently);
                return pending().await;
            }
            Err(error) => {
                cancel.cancel(CancelLevel::Gently);
                return error;
            }
        }
    }
}

/// Tells the caller what happens, until the run has ended.
async fn tell_events(mut happened: EventReceiver, outgoing: &Outgoing) {
    while let Some(event) = happened.recv().await {
        if let Event::Begun { run_id } = &event {
            TalliedRun::begun(run_id);
        }
        let frames = match event {
            Event::Log { source, bytes } => bytes
                .chunks(INLINE_MAX)
                .map(|part| Frame::with(&ToCaller::Log { source }, Payload::Inline(part.to_vec())))
                .collect(),
            event => match serde_json::to_value(&event) {
                Ok(Value::Object(event)) => vec![Frame::new(&ToCaller::Event { event })],
                _ => Vec::new(),
            },
        };
        for frame in frames {
            if !send(outgoing, frame).await {
                return;
            }
        }
    }
}

/// A table that is returned.
#[derive(Debug, Clone, Copy)]
enum Returned {
    /// By the output's position in the submission.
    Named(u32),
    /// By the output's number.
    Other(u32),
}

impl Returned {
    fn message(self, last: bool) -> ToCaller {
        match self {
            Self::Named(output) => ToCaller::Table { output, last },
            Self::Other(number) => ToCaller::Other { number, last },
        }
    }
}

/// Sends tables and record.
async fn conclude(outgoing: &Outgoing, record: &RunRecord, tables: Vec<(Returned, Segment)>, descriptors: bool) {
    for (output, table) in tables {
        if !send_table(outgoing, output, &table, descriptors).await {
            return;
        }
    }
    let record = serde_json::to_vec(record).unwrap_or_else(|_| b"null".to_vec());
    let mut parts = record.chunks(INLINE_MAX).peekable();
    while let Some(part) = parts.next() {
        let message = ToCaller::Record { last: parts.peek().is_none() };
        if !send(outgoing, Frame::with(&message, Payload::Inline(part.to_vec()))).await {
            return;
        }
    }
}

/// Sends a table. Returns whether the caller still reads.
async fn send_table(outgoing: &Outgoing, output: Returned, table: &Segment, descriptors: bool) -> bool {
    if descriptors && let Ok(descriptor) = table.share() {
        let payload = Payload::Descriptor { descriptor, length: table.length() };
        return send(outgoing, Frame::with(&output.message(true), payload)).await;
    }
    for (offset, length, last) in table.pieces(INLINE_MAX) {
        let Ok(bytes) = table.copy_out(offset, length) else { return false };
        if !send(outgoing, Frame::with(&output.message(last), Payload::Inline(bytes))).await {
            return false;
        }
    }
    true
}

async fn tell_refused(outgoing: &Outgoing, reason: impl Into<String>) {
    tell(outgoing, &ToCaller::Refused { reason: reason.into() }).await;
}

/// Tells a caller that breaks the protocol which rule that was. Nobody reads at the end of a connection that has failed.
async fn tell_violation(outgoing: &Outgoing, error: &ConnectionError) {
    if let ConnectionError::Protocol(error) = error {
        tell_refused(outgoing, error.to_string()).await;
    }
}

async fn tell(outgoing: &Outgoing, message: &impl Message) {
    send(outgoing, Frame::new(message)).await;
}

/// Sends a frame. Returns whether the caller still reads.
async fn send(outgoing: &Outgoing, frame: Frame) -> bool {
    matches!(tokio::time::timeout(READING, outgoing.send(frame)).await, Ok(Ok(())))
}

fn unexpected(expected: &'static str, message: &FromCaller) -> ConnectionError {
    ProtocolError::Unexpected { expected, received: message.name() }.into()
}
