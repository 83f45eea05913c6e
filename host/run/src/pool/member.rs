//! One interpreter of the pool: made, then owned by a task that waits for its claim or its end. It is claimed by moving it
//! out of that task, so that it can be claimed once, and a claim that nobody takes ends it.

use super::hold::{Holding, Report};
use super::key::Key;
use crate::container::{Ending, NoAgent, Started, launch, wait_for_agent};
use crate::session::{Acceptor, AgentSession, Waiting};
use longshore_engine::run_directory::RunDirectory;
use longshore_engine::{Container, Engine, EngineError, Instance, ScriptUser};
use longshore_model::cancel::Cancel;
use longshore_model::causes::chain;
use longshore_model::run_id::new_run_id;
use std::path::Path;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long an interpreter may take to import what it is told to: the largest packages take half a minute on a busy disk.
const PREPARE_DEADLINE: Duration = Duration::from_secs(60);

/// An interpreter that waits.
#[derive(Debug)]
pub(super) struct Member {
    started: Started,
}

/// What is known of a member that waits.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) member: Member,
    pub(super) report: Report,
    pub(super) memory_bytes: u64,
}

/// Why a member was not made.
#[derive(Debug)]
pub(super) enum NotMade {
    /// The image's agent cannot prepare interpreters.
    Agent,
    /// Only so many of the imports can be done before the script is known, and why.
    Imports(usize, String),
    /// Its image is gone.
    Image,
    /// The container or the interpreter failed.
    Failed(String),
}

impl NotMade {
    fn of(error: EngineError) -> Self {
        match error {
            EngineError::ImageGone => Self::Image,
            error => Self::Failed(chain(&error)),
        }
    }
}

/// A request to take a member; the answer moves it.
pub(super) type Claim = oneshot::Sender<Started>;

impl Member {
    /// Makes a member. Whatever fails, nothing of it is left.
    pub(super) async fn make(
        key: &Key,
        engine: &dyn Engine,
        runtime_folder: &Path,
        stop: &Cancel,
    ) -> Result<Made, NotMade> {
        let name = new_run_id();
        let image = key.base.shape.image.as_ref();
        let directory = RunDirectory::create(runtime_folder, &name).await.map_err(NotMade::of)?;
        // From here on it may be ended by whoever removes its image.
        directory.begin_wait().map_err(NotMade::of)?;
        let user = engine.script_user(image, false);
        let listener = directory.listen(engine.peers(user.as_ref())).map_err(NotMade::of)?;
        let instance = Instance { name: &name, directory: &directory, user: user.as_ref() };
        let launched = launch(engine, &key.base.shape, instance, stop).await;
        let container = match launched {
            Ok(Some(container)) => container,
            Ok(None) => return Err(NotMade::Failed("the host is shutting down".into())),
            Err(error) => {
                directory.close().await;
                return Err(NotMade::of(error));
            }
        };
        let mut acceptor = Acceptor::new(listener);
        let agent = wait_for_agent(&mut acceptor, container.as_ref(), image, None, stop).await;
        let mut agent = match agent {
            Ok(agent) => agent,
            Err(error) => {
                drop(acceptor);
                end(container, directory, user).await;
                return Err(match error {
                    NoAgent::Image(reason, _) | NoAgent::Failed(reason) => NotMade::Failed(reason),
                    NoAgent::Cancelled => NotMade::Failed("the host is shutting down".into()),
                });
            }
        };
        let prepared = prepare(key, &mut agent, container.as_ref(), stop).await;
        let started = Started { directory, acceptor, container, agent: Ok(agent), user };
        match prepared {
            Ok((report, memory_bytes)) => Ok(Made { member: Self { started }, report, memory_bytes }),
            Err(why) => {
                Self { started }.end().await;
                Err(why)
            }
        }
    }

    /// Waits for a claim, which takes it, or for its end. Returns why it has ended; `None` if it was claimed, or is no
    /// longer wanted.
    pub(super) async fn wait(mut self, mut claim: oneshot::Receiver<Claim>) -> Option<String> {
        let Started { acceptor, container, agent, .. } = &mut self.started;
        let ended = tokio::select! {
            claimed = &mut claim => {
                match claimed {
                    // Whoever has taken it removes its image.
                    Ok(_) if !self.started.directory.take_wait() => self.end().await,
                    // A caller that was cancelled meanwhile takes nothing, and the member is not used again.
                    Ok(claim) => match claim.send(self.started) {
                        Ok(()) => {}
                        Err(started) => Self { started }.end().await,
                    },
                    Err(_) => self.end().await,
                }
                return None;
            }
            reason = stops_waiting(agent) => reason,
            ended = container.wait() => format!("its container has ended: {ended}"),
            _ = acceptor.next() => "it connected before its run".into(),
        };
        self.end().await;
        Some(ended)
    }

    /// Ends it, and waits until nothing of it is left.
    async fn end(self) {
        let Started { directory, acceptor, container, agent, user } = self.started;
        drop((agent, acceptor));
        end(container, directory, user).await;
    }
}

/// Lets an agent start the interpreter, and waits until it waits.
async fn prepare(
    key: &Key,
    agent: &mut AgentSession,
    container: &dyn Container,
    stop: &Cancel,
) -> Result<(Report, u64), NotMade> {
    if !agent.prepares() {
        return Err(NotMade::Agent);
    }
    let Holding { prepare, files } = Holding::new(key, &container.script_environment());
    let prepared = tokio::select! {
        prepared = tokio::time::timeout(PREPARE_DEADLINE, agent.prepare(prepare, files)) => prepared,
        () = stop.cancelled() => return Err(NotMade::Failed("the host is shutting down".into())),
    };
    // Whether the interpreter starts without imports is found out next.
    let unfit = |why: String| if key.preload.is_empty() { NotMade::Failed(why) } else { NotMade::Imports(0, why) };
    let Waiting { printed, memory_bytes, report } = match prepared {
        Ok(Ok(waiting)) => waiting,
        Ok(Err(why)) => return Err(unfit(why)),
        Err(_) => {
            return Err(unfit(format!("its imports took longer than {} s", PREPARE_DEADLINE.as_secs())));
        }
    };
    let report = Report::parse(&report);
    if printed || report.printed {
        return Err(unfit("it printed something before its run".into()));
    }
    match &report.failed {
        Some((number, why)) => Err(NotMade::Imports((*number).min(key.preload.len().saturating_sub(1)), why.clone())),
        None => Ok((report, memory_bytes)),
    }
}

async fn stops_waiting(agent: &mut Result<AgentSession, NoAgent>) -> String {
    match agent {
        Ok(agent) => agent.stops_waiting().await,
        Err(_) => std::future::pending().await,
    }
}

/// Ends a container that has no run.
async fn end(container: Box<dyn Container>, directory: RunDirectory, user: Option<ScriptUser>) {
    // Its agent ends when its connection closes; one that does not is killed.
    Ending { container, directory, cancel: Cancel::new(), _held: (user, None) }.end().await;
}
