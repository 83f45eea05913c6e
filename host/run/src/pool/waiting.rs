//! The pool: members that wait, and the task that makes new ones and ends those that are no longer wanted. A claim takes a
//! lock for a look at the members and never waits for an engine, unless the settings want it to.

use super::demand::{Demand, Limits, Step};
use super::key::{Key, Miss, Need};
use super::member::{Made, Member, NotMade};
use super::state::{Handle, PoolStatus, State, suits};
use crate::container::Started;
use longshore_config::settings::{PoolSettings, Settings};
use longshore_engine::Engine;
use longshore_model::activity::Activities;
use longshore_os::available::available_memory;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// How often members are looked at while there are any: often enough to give memory back before the kernel wants it.
const LOOK: Duration = Duration::from_secs(1);

/// The part of the machine's memory that stays available: one of so many.
const RESERVE: u64 = 10;

/// The pool of a host; clones are the same.
#[derive(Debug, Clone)]
pub struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: PoolSettings,
    runtime_folder: PathBuf,
    state: Mutex<State>,
    /// Something has changed that may need steps.
    changed: Notify,
    /// Its tasks.
    tasks: Activities,
}

/// A member that a run has got.
pub(crate) struct Claimed {
    pub(crate) started: Started,
    /// What it has imported.
    pub(crate) preloaded: Vec<String>,
}

/// What there is for a run.
enum Found {
    Waits(Box<Handle>),
    OnItsWay(oneshot::Receiver<Handle>),
}

impl Pool {
    /// An empty pool with these settings. It does nothing before its first claim.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let pool = settings.pool;
        let limits = Limits {
            members: usize::try_from(pool.members).unwrap_or(usize::MAX),
            memory_bytes: pool.memory_bytes,
            idle: pool.idle,
            making: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        };
        Self(Arc::new(Inner {
            settings: pool,
            runtime_folder: settings.runtime_folder.clone(),
            state: Mutex::new(State::new(Demand::new(limits))),
            changed: Notify::new(),
            tasks: Activities::new(),
        }))
    }

    /// What there is in it.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let state = self.0.state();
        PoolStatus { making: state.demand.all_making(), ..state.status }
    }

    /// Ends all members, makes no more, and waits until nothing of them is left.
    pub async fn close(&self) {
        self.0.tasks.stop().cancel(longshore_model::cancel::CancelLevel::Gently);
        {
            let mut state = self.0.state();
            // Without its claim, a member ends.
            state.members.clear();
            state.awaited.clear();
        }
        self.0.changed.notify_one();
        self.0.tasks.end().await;
    }

    /// A member for a run, or why there is none. Waits for one that is being made for nobody else; `None` if `given_up`
    /// ends before.
    pub(crate) async fn claim(
        &self,
        need: &Need<'_>,
        engine: &Arc<dyn Engine>,
        given_up: impl Future<Output = ()>,
    ) -> Option<Result<Claimed, Miss>> {
        let claiming = async {
            let claimed = self.try_claim(need, engine).await;
            let mut state = self.0.state();
            match &claimed {
                Ok(_) => state.status.hits += 1,
                Err(_) => state.status.misses += 1,
            }
            claimed
        };
        tokio::select! {
            claimed = claiming => Some(claimed),
            () = given_up => None,
        }
    }

    async fn try_claim(&self, need: &Need<'_>, engine: &Arc<dyn Engine>) -> Result<Claimed, Miss> {
        let mut key = need.key()?;
        self.look()?;
        let mut reason = Miss::None;
        loop {
            let found = {
                let mut state = self.0.state();
                let found = state.ask(&mut key, need, engine, &mut reason, self.0.settings.wait)?;
                // What this run asks for is made for the next one.
                found.map_or_else(
                    || state.awaited(&key, self.0.settings.wait).map(Found::OnItsWay),
                    |it| Some(Found::Waits(Box::new(it))),
                )
            };
            self.0.changed.notify_one();
            let handle = match found {
                Some(Found::Waits(handle)) => *handle,
                Some(Found::OnItsWay(coming)) => coming.await.map_err(|_| reason.clone())?,
                None => return Err(reason),
            };
            suits(&handle.report, need)?;
            let preloaded = handle.key.preload.clone();
            let (claim, claimed) = oneshot::channel();
            // One that has ended meanwhile is passed over.
            if handle.claim.send(claim).is_ok()
                && let Ok(started) = claimed.await
            {
                return Ok(Claimed { started, preloaded });
            }
        }
    }

    /// Starts the task that makes and ends members, unless it runs.
    fn look(&self) -> Result<(), Miss> {
        let mut state = self.0.state();
        if std::mem::replace(&mut state.is_looking, true) {
            return Ok(());
        }
        let Ok(counted) = self.0.tasks.begin() else { return Err(Miss::ShuttingDown) };
        let inner = Arc::clone(&self.0);
        // It ends with the pool.
        tokio::spawn(async move {
            let _counted = counted;
            while !inner.tasks.stop().is_cancelled() {
                inner.step();
                // Without demand nothing changes with time.
                let is_idle = inner.state().demand.is_empty();
                tokio::select! {
                    () = inner.changed.notified() => {}
                    () = tokio::time::sleep(LOOK), if !is_idle => {}
                    () = inner.tasks.stop().cancelled() => {}
                }
            }
        });
        Ok(())
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds this lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the steps that are due.
    fn step(self: &Arc<Self>) {
        let available = available_memory();
        let mut state = self.state();
        let held = state.status.memory_bytes;
        let room = (available.saturating_add(held)).saturating_sub((available + held) / RESERVE);
        for step in state.demand.steps(Instant::now(), room) {
            match step {
                Step::Make(key) => self.begin_to_make(&mut state, key),
                Step::Drop(key) => state.drop_one(&key),
            }
        }
        state.tidy();
    }

    fn begin_to_make(self: &Arc<Self>, state: &mut State, key: Key) {
        let (Some(engine), Ok(counted)) = (state.engines.get(&key.base).cloned(), self.tasks.begin()) else {
            state.demand.failed(&key, Instant::now());
            return;
        };
        let inner = Arc::clone(self);
        // It ends with its member, and is counted until then.
        tokio::spawn(async move {
            let _counted = counted;
            let made = Member::make(&key, engine.0.as_ref(), &inner.runtime_folder, inner.tasks.stop()).await;
            match made {
                Ok(made) => inner.keep(key, made).await,
                Err(why) => inner.not_made(&key, why),
            }
            inner.changed.notify_one();
        });
    }

    async fn keep(self: &Arc<Self>, key: Key, made: Made) {
        let Made { member, report, memory_bytes } = made;
        let (claim, claimed) = oneshot::channel();
        let (base, number) = (key.base.clone(), {
            let mut state = self.state();
            state.numbers += 1;
            let number = state.numbers;
            if !self.tasks.stop().is_cancelled() {
                state.add(Handle { key, number, report, memory_bytes, claim });
            }
            number
        });
        self.changed.notify_one();
        if let Some(why) = member.wait(claimed).await {
            tracing::warn!("an interpreter that waited for a run has ended: {why}");
            // Whatever has ended it may go on for a moment, such as the removal of its image.
            self.state().lost(&base, number);
        }
    }

    /// Learns from a failure, and lets the runs that wait for it start their own.
    fn not_made(&self, key: &Key, why: NotMade) {
        let mut state = self.state();
        state.demand.failed(key, Instant::now());
        match why {
            NotMade::Agent => {
                state.demand.forget(key);
                state.old.insert(key.base.clone());
            }
            NotMade::Imports(number, why) => {
                tracing::info!("an interpreter is prepared with {number} imports of {}: {why}", key.preload.len());
                state.learn(key, number);
                return;
            }
            // A run would name another one.
            NotMade::Image => state.demand.forget(key),
            NotMade::Failed(why) => tracing::warn!("an interpreter cannot be prepared: {why}"),
        }
        state.awaited.remove(key);
    }
}
