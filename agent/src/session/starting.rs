//! The start of a run's interpreter: at once, or prepared, so that it waits for its run. The block's files are unpacked
//! first, and the agent gives up its rights once the interpreter runs.

use super::holding::Held;
use super::{Running, expect, goodbye, unexpected};
use crate::error::{AgentError, StartError};
use crate::hold::Hold;
use crate::keep::Unchanged;
use crate::rights::Apart;
use crate::spawn::{Interpreter, spawn};
use crate::unpack::Unpacker;
use longshore_protocol::{Begin, FromAgent, Prepare, Receiver, SocketConnection, ToAgent};
use nix::sys::signalfd::SignalFd;
use std::path::Path;
use std::process::Child;

/// A connection to the host on which only the greeting has passed.
pub(super) struct Greeted<'a> {
    pub(super) connection: SocketConnection<ToAgent>,
    pub(super) signals: SignalFd,
    pub(super) socket: &'a Path,
}

impl Greeted<'_> {
    /// Runs a script whose interpreter was not prepared.
    pub(super) fn run(mut self, begin: &Begin) -> Result<(), AgentError> {
        match self.start(begin.into(), || Ok(()))? {
            Ok((child, unpacker, ())) => {
                let mut running = Running::new(self.connection, self.signals, child)?;
                let outcome = running.begin(begin, unpacker.into_unchanged(), 0.0);
                running.run(outcome)
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Prepares an interpreter, waits for its run, and runs that.
    pub(super) fn prepare(mut self, prepare: &Prepare) -> Result<(), AgentError> {
        let (child, unpacker, mut hold) = match self.start(prepare.into(), || Hold::create(prepare))? {
            Ok(started) => started,
            Err(error) => return self.fail(&error),
        };
        let mut running = Running::new(self.connection, self.signals, child)?;
        let begin = match running.hold(&mut hold) {
            Ok(Held::Begun(begin)) => begin,
            Ok(Held::Ended(reason)) => return running.fail(reason),
            Err(error) => return running.run(Err(error)),
        };
        let used = running.processor_time();
        match running.unpack_more(unpacker.again()) {
            Ok(unpacked) => match unpacked.and_then(|files| Ok((files, hold.release(prepare, &begin)?))) {
                Ok((files, go)) => {
                    running.go = Some(go);
                    let outcome = running.begin(&begin, files, used);
                    running.run(outcome)
                }
                Err(error) => running.fail(error.to_string()),
            },
            Err(error) => running.run(Err(error)),
        }
    }

    /// Unpacks the files, and starts an interpreter. `pipes` makes what it needs besides.
    fn start<T>(
        &mut self,
        interpreter: Interpreter<'_>,
        pipes: impl FnOnce() -> Result<T, StartError>,
    ) -> Result<Result<(Child, Unpacker, T), StartError>, AgentError> {
        let apart = Apart::of(interpreter.user);
        let allowed = apart.map_or(Ok(()), Apart::touch_files_as_script);
        let unpacked = unpack(&mut self.connection.receiver, Unpacker::new(interpreter.folder), allowed)?;
        let started = unpacked.and_then(|unpacker| {
            let made = pipes()?;
            Ok((spawn(interpreter, self.socket, apart)?, unpacker, made))
        });
        if let Some(apart) = apart {
            apart.give_up_rights().map_err(|errno| AgentError::system("capset")(errno.into()))?;
        }
        Ok(started)
    }

    fn fail(mut self, error: &StartError) -> Result<(), AgentError> {
        self.connection.sender.send(&FromAgent::Failed { reason: error.to_string() })?;
        goodbye(&self.connection)
    }
}

impl Running {
    /// Receives the files of the run for which an interpreter waits.
    fn unpack_more(&mut self, unpacker: Unpacker) -> Result<Result<Unchanged, StartError>, AgentError> {
        self.block_on_host(true)?;
        let unpacked = unpack(&mut self.receiver, unpacker, Ok(()))?;
        self.block_on_host(false)?;
        Ok(unpacked.map(Unpacker::into_unchanged))
    }
}

/// Receives files until Start. If a file cannot be written, the start fails.
fn unpack(
    receiver: &mut Receiver<ToAgent>,
    mut unpacker: Unpacker,
    mut outcome: Result<(), StartError>,
) -> Result<Result<Unpacker, StartError>, AgentError> {
    loop {
        match expect(receiver)? {
            (ToAgent::File { path, executable, last }, payload) => {
                if outcome.is_ok() {
                    outcome = unpacker.part(&path, executable, last, &payload.into_bytes());
                }
            }
            (ToAgent::Start, _) => return Ok(outcome.map(|()| unpacker)),
            (ToAgent::Cancel | ToAgent::Kill, _) => return Err(AgentError::HostGone),
            (other, _) => return Err(unexpected("file or start", &other)),
        }
    }
}
