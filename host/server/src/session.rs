//! One connection of a caller: greeting, what it sends, its run, and what it is told. A caller cannot hold up its run or
//! the server: events that it does not read are dropped and counted by their queue, and one that reads nothing at the
//! end is left.

mod making;
mod telling;

use crate::asked::{Asked, Asking};
use crate::folder;
use crate::gather::Gathering;
use crate::rejection;
use crate::start::permit;
use crate::tally::Tally;
use crate::who::Who;
use longshore::config::SettingsDigests;
use longshore::{Cancel, CancelLevel, Host, RunRecord, Turn, events};
use longshore_protocol::{
    CHAINS, ConnectionError, Frame, FromCaller, Hello, Message, ProtocolError, Rejection, Role, Sending, Software,
    ToCaller, Version, send_once,
};
use longshore_run::connection::{self, Incoming, Outgoing, Wire};
use making::{Checked, KeptAlong, Requested, Returns};
use std::future::pending;
use std::time::Duration;
use telling::{conclude, tell, tell_events, tell_refused, tell_violation};
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
    let (protocol, capabilities) = (version, vec![CHAINS.to_owned()]);
    let welcome = ToCaller::Welcome { protocol, descriptors, software, settings, processes, capabilities };
    tell(&outgoing, &welcome).await;
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
            Some(Ok(gathered)) => Box::pin(self.run(gathered, shared)).await,
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
    async fn gather(&mut self, shared: &Shared) -> Result<Option<Result<Asked, Rejection>>, ConnectionError> {
        let Some((message, _)) = self.incoming.receive().await? else { return Ok(None) };
        let work_folder = &shared.host.settings().work_folder;
        let mut gathering = match message {
            FromCaller::Submit(submission) => Asking::run(*submission, work_folder),
            FromCaller::Chain(chain) => match Asking::chain(chain, work_folder) {
                Ok(asking) => asking,
                Err(error) => return Ok(Some(Err(rejection::plain(&error)))),
            },
            other => return Err(unexpected("submit or chain", &other)),
        };
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

    /// Runs what was asked for. A run may wait long for its turn, and many may wait: what is not in use then is boxed.
    async fn run(&mut self, asked: Asked, shared: &Shared) -> Result<(), ConnectionError> {
        let cancel = Cancel::new();
        let made = match Box::pin(self.make(asked, shared, &cancel)).await? {
            Made::Run(made) => *made,
            Made::Rejected(rejection) => {
                self.reject(rejection).await;
                return Ok(());
            }
            Made::Closing => {
                tell_refused(&self.outgoing, SHUTTING_DOWN).await;
                return Ok(());
            }
        };
        let MadeRun { checked, returns, along } = made;
        let tallied = shared.tally.begin();
        self.incoming.expect_little();
        let running = run(&shared.host, checked, &mut self.incoming, &self.outgoing, &cancel);
        let record = Box::pin(running).await?;
        tallied.ended(&record);
        drop(along);
        Box::pin(conclude(&self.outgoing, &record, returns.take(), self.descriptors)).await;
        Ok(())
    }

    /// Makes a run of what was asked for.
    async fn make(&mut self, asked: Asked, shared: &Shared, cancel: &Cancel) -> Result<Made, ConnectionError> {
        let Requested { mut request, returns, along } = match Requested::of(asked) {
            Ok(requested) => requested,
            Err(error) => return Ok(Made::Rejected(rejection::plain(&error))),
        };
        let host = &shared.host;
        for run in request.runs() {
            if let Err(refusal) = permit(&mut run.engine, shared.allows_processes) {
                return Ok(Made::Rejected(rejection::plain(&refusal)));
            }
        }
        let seat = match host.admission().enter(self.turn) {
            Ok(seat) => seat,
            Err(full) => return Ok(Made::Rejected(rejection::busy(&full))),
        };
        let mut folder_of_caller = None;
        for run in request.runs() {
            run.caller = Some(self.who.0.clone());
            run.temporary_folder = Some(host.settings().temporary_folder.clone());
            // All have the same.
            folder_of_caller.clone_from(&run.working_folder);
        }
        let preparing = folder::within(folder_of_caller.clone(), || request.prepare());
        let prepared = tokio::select! {
            prepared = preparing => prepared,
            violation = listen(&mut self.incoming, cancel) => return Err(violation),
            // The check may wait for an open file without a limit. Its thread ends with that.
            () = cancel.cancelled() => return Ok(Made::Rejected(rejection::cancelled())),
            () = shared.closing.cancelled() => return Ok(Made::Closing),
        };
        Ok(match prepared {
            Some(Ok(Ok(checked))) => Made::Run(Box::new(MadeRun { checked: checked.seated(seat), returns, along })),
            Some(Ok(Err(rejection))) => Made::Rejected(*rejection),
            Some(Err(error)) => {
                let folder = folder_of_caller.unwrap_or_default();
                let problem = format!("cannot enter the caller's folder `{}`: {error}", folder.display());
                Made::Rejected(rejection::plain(&problem))
            }
            None => Made::Rejected(rejection::plain(&"internal error while checking the run: please report it")),
        })
    }
}

/// What was made of what a caller asked for.
enum Made {
    Run(Box<MadeRun>),
    Rejected(Rejection),
    /// Nothing: the host is shutting down.
    Closing,
}

/// A run that can begin.
struct MadeRun {
    checked: Checked,
    returns: Returns,
    along: KeptAlong,
}

/// Runs a block, and tells the caller what happens.
async fn run(
    host: &Host,
    checked: Checked,
    incoming: &mut Incoming<FromCaller>,
    outgoing: &Outgoing,
    cancel: &Cancel,
) -> Result<RunRecord, ConnectionError> {
    let (sender, happened) = events();
    let running = async { tokio::join!(checked.run(host, sender, cancel), tell_events(happened, outgoing)).0 };
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

fn unexpected(expected: &'static str, message: &FromCaller) -> ConnectionError {
    ProtocolError::Unexpected { expected, received: message.name() }.into()
}
