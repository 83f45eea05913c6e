//! The state of the pool: the members that wait, the runs that wait for one, what was learnt of imports. Nothing here waits;
//! `waiting` holds the lock around it.

use super::demand::Demand;
use super::hold::Report;
use super::key::{Base, Key, Miss, Need};
use super::member::Claim;
use longshore_engine::Engine;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// Most lists of imports of which it is remembered how many can be done before a run. All are forgotten beyond.
const LEARNT_MAX: usize = 1000;

/// What there is in a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// Interpreters that wait.
    pub waiting: usize,
    /// Interpreters that are being made.
    pub making: usize,
    /// Memory of those that wait which no file backs, in bytes.
    pub memory_bytes: u64,
    /// Runs that got one.
    pub hits: u64,
    /// Runs that could have got one, and started their own.
    pub misses: u64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) demand: Demand<Key>,
    pub(super) members: HashMap<Base, Vec<Handle>>,
    /// Runs that wait for a member that is being made.
    pub(super) awaited: HashMap<Key, VecDeque<oneshot::Sender<Handle>>>,
    /// How many of these imports can be done before a run.
    pub(super) learnt: HashMap<Key, usize>,
    /// Images whose agents cannot prepare interpreters.
    pub(super) old: HashSet<Base>,
    pub(super) engines: HashMap<Base, SharedEngine>,
    pub(super) status: PoolStatus,
    /// The number of the newest member.
    pub(super) numbers: u64,
    pub(super) is_looking: bool,
}

/// A member that waits, as a claim sees it.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) key: Key,
    /// Tells this one from others of its key.
    pub(super) number: u64,
    pub(super) report: Report,
    pub(super) memory_bytes: u64,
    pub(super) claim: oneshot::Sender<Claim>,
}

#[derive(Clone)]
pub(super) struct SharedEngine(pub(super) Arc<dyn Engine>);

impl std::fmt::Debug for SharedEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0.kind())
    }
}

/// Whether a member with this report is good for a run.
pub(super) fn suits(report: &Report, need: &Need<'_>) -> Result<(), Miss> {
    if let Some(module) = need.modules().into_iter().find(|module| report.modules.contains(*module)) {
        return Err(Miss::Module(module.to_owned()));
    }
    match need.variables.iter().find(|name| report.has_read(&[name])) {
        Some(variable) => Err(Miss::Variable((*variable).to_owned())),
        None => Ok(()),
    }
}

impl State {
    pub(super) fn new(demand: Demand<Key>) -> Self {
        Self {
            demand,
            members: HashMap::new(),
            awaited: HashMap::new(),
            learnt: HashMap::new(),
            old: HashSet::new(),
            engines: HashMap::new(),
            status: PoolStatus::default(),
            numbers: 0,
            is_looking: false,
        }
    }

    /// Learns how many of the imports of a key can be done before a run. The runs that wait for it wait for one that has
    /// done these.
    pub(super) fn learn(&mut self, key: &Key, imports: usize) {
        self.demand.forget(key);
        if self.learnt.len() >= LEARNT_MAX {
            self.learnt.clear();
        }
        self.learnt.insert(key.clone(), imports);
        let shorter = self.usable(key.clone());
        self.demand.asked(&shorter, Instant::now());
        if let Some(awaited) = self.awaited.remove(key) {
            self.awaited.entry(shorter.clone()).or_default().extend(awaited);
            self.serve(&shorter);
        }
    }

    /// A key without the imports that cannot be done before a run.
    pub(super) fn usable(&self, mut key: Key) -> Key {
        while let Some(imports) = self.learnt.get(&key) {
            key = key.with_first(*imports);
        }
        key
    }

    /// Looks for a member for a run, and notes what it asks for.
    pub(super) fn ask(
        &mut self,
        key: &mut Key,
        need: &Need<'_>,
        engine: &Arc<dyn Engine>,
        reason: &mut Miss,
        all_imports: bool,
    ) -> Result<Option<Handle>, Miss> {
        if self.old.contains(&key.base) {
            return Err(Miss::Agent);
        }
        *key = self.usable(key.clone());
        let found = self.take(key, need, reason, all_imports);
        if found.is_none() && *reason != Miss::None {
            // No member with these imports is ever good for it.
            *key = key.with_first(0);
        }
        self.engines.insert(key.base.clone(), SharedEngine(Arc::clone(engine)));
        self.demand.asked(key, Instant::now());
        Ok(found)
    }

    /// Takes the member that has done the most of the imports, and no other; or all of them.
    fn take(&mut self, key: &Key, need: &Need<'_>, reason: &mut Miss, all_imports: bool) -> Option<Handle> {
        let members = self.members.get(&key.base)?;
        let mut best: Option<usize> = None;
        for (at, member) in members.iter().enumerate() {
            let done = &member.key.preload;
            let is_fit = key.preload.starts_with(done) && (!all_imports || key.preload.len() == done.len());
            if !is_fit || best.is_some_and(|best| members[best].key.preload.len() >= done.len()) {
                continue;
            }
            match suits(&member.report, need) {
                Ok(()) => best = Some(at),
                Err(miss) => *reason = miss,
            }
        }
        let number = members[best?].number;
        self.remove(&key.base, number)
    }

    /// Adds a member.
    pub(super) fn add(&mut self, handle: Handle) {
        let key = handle.key.clone();
        self.demand.made(&key, handle.memory_bytes);
        self.put(handle);
        self.serve(&key);
    }

    /// Forgets what concerns nothing that is asked for any more.
    pub(super) fn tidy(&mut self) {
        let asked: HashSet<&Base> = self.demand.keys().map(|key| &key.base).collect();
        self.engines.retain(|base, _| asked.contains(base));
        self.old.retain(|base| asked.contains(base));
    }

    fn put(&mut self, handle: Handle) {
        self.status.waiting += 1;
        self.status.memory_bytes += handle.memory_bytes;
        self.members.entry(handle.key.base.clone()).or_default().push(handle);
    }

    /// A member that is being made for nobody else, or by all means one of those that will be made.
    pub(super) fn awaited(&mut self, key: &Key, by_all_means: bool) -> Option<oneshot::Receiver<Handle>> {
        let awaited = self.awaited.get(key).map_or(0, VecDeque::len);
        if !by_all_means && self.demand.making(key) <= awaited {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.awaited.entry(key.clone()).or_default().push_back(sender);
        // One with fewer imports than the run looked for may be there.
        self.serve(key);
        Some(receiver)
    }

    /// Gives members with this key to the runs that wait for them.
    pub(super) fn serve(&mut self, key: &Key) {
        let Some(mut awaited) = self.awaited.remove(key) else { return };
        while !awaited.is_empty() {
            let Some(handle) = self.detach(&key.base, |member| member.key == *key) else { break };
            let Some(waiting) = awaited.pop_front() else { break };
            match waiting.send(handle) {
                Ok(()) => self.demand.gone(key),
                // A run that was cancelled meanwhile takes none.
                Err(handle) => self.put(handle),
            }
        }
        if !awaited.is_empty() {
            self.awaited.insert(key.clone(), awaited);
        }
    }

    /// Removes a member by its number.
    pub(super) fn remove(&mut self, base: &Base, number: u64) -> Option<Handle> {
        let handle = self.detach(base, |member| member.number == number)?;
        self.demand.gone(&handle.key);
        Some(handle)
    }

    /// Removes a member that has ended by itself. Another one is made a moment later.
    pub(super) fn lost(&mut self, base: &Base, number: u64) {
        if let Some(handle) = self.remove(base, number) {
            self.demand.delay(&handle.key, Instant::now());
        }
    }

    /// Removes a member that is no longer wanted, which the demand has counted already.
    pub(super) fn drop_one(&mut self, key: &Key) {
        // Without its claim, a member ends.
        drop(self.detach(&key.base, |member| member.key == *key));
    }

    fn detach(&mut self, base: &Base, is_it: impl Fn(&Handle) -> bool) -> Option<Handle> {
        let members = self.members.get_mut(base)?;
        let handle = members.remove(members.iter().position(is_it)?);
        if members.is_empty() {
            self.members.remove(base);
        }
        self.status.waiting -= 1;
        self.status.memory_bytes -= handle.memory_bytes;
        Some(handle)
    }
}
