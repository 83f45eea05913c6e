//! The decision which interpreters wait, and how many of each: as many as were asked for lately, within the limits. Pure
//! state: it is told what happens, and says what to do. Nothing here knows what an interpreter is.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The time over which runs are counted: some refills, each of which takes about a second.
const WINDOW: Duration = Duration::from_secs(10);

/// The memory that is assumed for an interpreter that was never measured: Python with pandas takes about as much.
const MEMORY: u64 = 64 << 20;

/// The delay after a failure, doubled with each further one.
const RETRY: Duration = Duration::from_secs(1);

/// The longest of these delays.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The most keys that are remembered; the oldest is forgotten.
const KEYS_MAX: usize = 1000;

/// The limits of what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Members in all.
    pub(super) members: usize,
    /// Bytes of all of them.
    pub(super) memory_bytes: u64,
    /// How long a member waits for a run.
    pub(super) idle: Duration,
    /// Members that are made at the same time.
    pub(super) making: usize,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<K> {
    Make(K),
    Drop(K),
}

#[derive(Debug)]
struct Entry {
    /// When runs asked for it, the newest last.
    asked: VecDeque<Instant>,
    last: Instant,
    ready: usize,
    making: usize,
    memory: u64,
    failures: u32,
    not_before: Option<Instant>,
}

/// What was asked for, and what there is.
#[derive(Debug)]
pub(super) struct Demand<K> {
    limits: Limits,
    entries: HashMap<K, Entry>,
}

impl<K: Clone + Eq + Hash> Demand<K> {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, entries: HashMap::new() }
    }

    /// A run asks for a member.
    pub(super) fn asked(&mut self, key: &K, now: Instant) {
        if self.entries.len() >= KEYS_MAX && !self.entries.contains_key(key) {
            let idle = self.entries.iter().filter(|(_, entry)| entry.ready + entry.making == 0);
            let oldest = idle.min_by_key(|(_, entry)| entry.last).map(|(key, _)| key.clone());
            oldest.map(|oldest| self.entries.remove(&oldest));
        }
        let members = self.limits.members;
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry {
            asked: VecDeque::new(),
            last: now,
            ready: 0,
            making: 0,
            memory: MEMORY,
            failures: 0,
            not_before: None,
        });
        entry.last = now;
        entry.asked.push_back(now);
        // More are never kept.
        while entry.asked.len() > members {
            entry.asked.pop_front();
        }
    }

    /// A member was made, and takes this much memory; 0 if that is not known.
    pub(super) fn made(&mut self, key: &K, memory: u64) {
        self.change(key, |entry| {
            entry.making = entry.making.saturating_sub(1);
            entry.ready += 1;
            entry.memory = if memory == 0 { MEMORY } else { memory };
            (entry.failures, entry.not_before) = (0, None);
        });
    }

    /// A member could not be made.
    pub(super) fn failed(&mut self, key: &K, now: Instant) {
        self.change(key, |entry| entry.making = entry.making.saturating_sub(1));
        self.delay(key, now);
    }

    /// The next member is not made at once, and after several such times later still.
    pub(super) fn delay(&mut self, key: &K, now: Instant) {
        self.change(key, |entry| {
            let delay = RETRY.saturating_mul(1 << entry.failures.min(6)).min(RETRY_MAX);
            entry.failures += 1;
            entry.not_before = Some(now + delay);
        });
    }

    /// A member was claimed, or has ended.
    pub(super) fn gone(&mut self, key: &K) {
        self.change(key, |entry| entry.ready = entry.ready.saturating_sub(1));
    }

    /// No more of these are made.
    pub(super) fn forget(&mut self, key: &K) {
        self.change(key, |entry| entry.asked.clear());
    }

    /// Members of all keys that are being made.
    pub(super) fn all_making(&self) -> usize {
        self.entries.values().map(|entry| entry.making).sum()
    }

    /// Members that are being made.
    pub(super) fn making(&self, key: &K) -> usize {
        self.entries.get(key).map_or(0, |entry| entry.making)
    }

    /// The keys that are remembered.
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.entries.keys()
    }

    /// Whether nothing is remembered.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The steps towards what is wanted now, which are taken to be done. `room` is the memory that the machine can give.
    pub(super) fn steps(&mut self, now: Instant, room: u64) -> Vec<Step<K>> {
        let idle = self.limits.idle;
        self.entries.retain(|_, entry| {
            let is_wanted = now.saturating_duration_since(entry.last) <= idle.max(RETRY_MAX);
            entry.ready + entry.making > 0 || is_wanted
        });
        let targets = self.targets(now, room);
        let mut making = self.all_making();
        let mut steps = Vec::new();
        for (key, entry) in &mut self.entries {
            let target = targets.get(key).copied().unwrap_or(0);
            for _ in target..entry.ready + entry.making {
                if entry.ready > 0 {
                    entry.ready -= 1;
                    steps.push(Step::Drop(key.clone()));
                }
            }
        }
        // One that is being made and no longer wanted takes its place until it is made.
        let held = |entry: &Entry| (entry.ready + entry.making) as u64 * entry.memory;
        let mut members: usize = self.entries.values().map(|entry| entry.ready + entry.making).sum();
        let mut memory: u64 = self.entries.values().map(held).sum();
        // The most recent first.
        let mut keys: Vec<K> = targets.keys().cloned().collect();
        keys.sort_by_key(|key| std::cmp::Reverse(self.entries.get(key).map(|entry| entry.last)));
        for key in keys {
            let target = targets.get(&key).copied().unwrap_or(0);
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            let may = entry.not_before.is_none_or(|at| now >= at);
            let fits = |members: usize, memory: u64| {
                members < self.limits.members
                    && memory.saturating_add(entry.memory) <= self.limits.memory_bytes.min(room)
            };
            while may && making < self.limits.making && entry.ready + entry.making < target && fits(members, memory) {
                entry.making += 1;
                making += 1;
                members += 1;
                memory += entry.memory;
                steps.push(Step::Make(key.clone()));
            }
        }
        steps
    }

    /// How many members of each key there should be: one of each, the most recently asked for first, and then as many as
    /// runs asked for within the window.
    fn targets(&self, now: Instant, room: u64) -> HashMap<K, usize> {
        let mut keys: Vec<(&K, &Entry)> = self.entries.iter().filter(|(_, entry)| !entry.asked.is_empty()).collect();
        keys.retain(|(_, entry)| now.saturating_duration_since(entry.last) <= self.limits.idle);
        keys.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.last));
        let (mut members, mut memory) = (self.limits.members, self.limits.memory_bytes.min(room));
        let mut targets = HashMap::new();
        for round in 1..=self.limits.members {
            for (key, entry) in &keys {
                let lately = entry.asked.iter().filter(|at| now.saturating_duration_since(**at) <= WINDOW).count();
                if lately.max(1) >= round && members > 0 && entry.memory <= memory {
                    members -= 1;
                    memory -= entry.memory;
                    *targets.entry((*key).clone()).or_insert(0) += 1;
                }
            }
        }
        targets
    }

    fn change(&mut self, key: &K, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(key) {
            change(entry);
        }
    }
}

#[cfg(test)]
mod tests;
