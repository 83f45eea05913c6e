//! What a run takes of its machine, and what all runs may take together. A run takes what its limits allow it: nobody
//! knows before it starts how much of that it will need.

use longshore_config::settings::AdmissionSettings;
use longshore_model::limits::Limits;
use longshore_os::available::whole_memory;
use std::thread::available_parallelism;

/// The part of the machine's memory that runs may take: four fifths. The rest is the host's own, with the tables that it
/// holds for runs, and that of other programs.
const MEMORY_SHARE: (u64, u64) = (4, 5);

/// Runs for each processor: a run waits for its container, for disks and for its caller for about half of its time.
const RUNS_PER_CPU: u64 = 2;

/// The fewest processors that runs may take: a machine with one or two still runs a short script beside long ones.
const CPUS_MIN: u64 = 4;

/// A processor in thousandths, in which limits such as 1.5 are counted.
const CPU: u64 = 1000;

/// Memory and processors: of a run, of several, or of all together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Bytes of memory.
    pub(crate) memory_bytes: u64,
    /// Thousandths of a processor.
    pub(crate) millicpus: u64,
}

impl Demand {
    /// What all runs may take: by the settings, else by this machine. 0 stands for no bound.
    pub(super) fn totals(settings: &AdmissionSettings) -> Self {
        let memory = || whole_memory() / MEMORY_SHARE.1 * MEMORY_SHARE.0;
        let cpus = || available_parallelism().map_or(1, |cpus| cpus.get() as u64).saturating_mul(RUNS_PER_CPU);
        Self {
            memory_bytes: settings.memory_bytes.unwrap_or_else(memory),
            millicpus: settings.cpus.unwrap_or_else(|| cpus().max(CPUS_MIN)).saturating_mul(CPU),
        }
    }

    /// What a run with these limits takes. One without a limit of processors counts as one: it may use more, but so may
    /// all others, and they share them.
    pub(super) fn of(limits: &Limits) -> Self {
        Self { memory_bytes: limits.memory_bytes, millicpus: limits.cpus.map_or(CPU, millicpus) }
    }

    /// This demand, where no part is more than all there is.
    pub(super) fn at_most(self, totals: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.min(totals.memory_bytes),
            millicpus: self.millicpus.min(totals.millicpus),
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            millicpus: self.millicpus.saturating_add(other.millicpus),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.saturating_sub(other.memory_bytes),
            millicpus: self.millicpus.saturating_sub(other.millicpus),
        }
    }

    /// Whether this much is left of the totals while others hold `held`.
    pub(super) fn fits(self, held: Self, totals: Self) -> bool {
        let sum = self.plus(held);
        sum.memory_bytes <= totals.memory_bytes && sum.millicpus <= totals.millicpus
    }

    /// The greater of its two shares of the totals, in parts of 2^32; at least 1, so that every run counts.
    pub(super) fn share(self, totals: Self) -> u64 {
        let share = |part: u64, whole: u64| {
            let share = (u128::from(part) << 32).checked_div(u128::from(whole)).unwrap_or_default();
            u64::try_from(share).unwrap_or(u64::MAX)
        };
        let (memory, cpus) = (share(self.memory_bytes, totals.memory_bytes), share(self.millicpus, totals.millicpus));
        memory.max(cpus).max(1)
    }

    /// How many runs with this demand have room at the same time; at least one.
    pub(super) fn most(self, totals: Self) -> usize {
        let room = |part: u64, whole: u64| whole.checked_div(part).unwrap_or(u64::MAX);
        let bounded = self.at_most(totals);
        let most = room(bounded.memory_bytes, totals.memory_bytes).min(room(bounded.millicpus, totals.millicpus));
        usize::try_from(most.max(1)).unwrap_or(usize::MAX)
    }
}

/// Thousandths, rounded up: a limit is checked to be a positive number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and the limit is positive")]
fn millicpus(cpus: f64) -> u64 {
    (cpus * 1000.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(memory_bytes: u64, millicpus: u64) -> Demand {
        Demand { memory_bytes, millicpus }
    }

    #[test]
    fn a_run_counts_with_its_limits_and_as_one_processor_without_one() {
        let of = |cpus| {
            let mut limits = Limits::default();
            (limits.memory_bytes, limits.cpus) = (7, cpus);
            Demand::of(&limits)
        };
        assert_eq!(of(None), demand(7, 1000));
        assert_eq!(of(Some(0.25)), demand(7, 250));
        assert_eq!(of(Some(1.5)), demand(7, 1500));
    }

    #[test]
    fn totals_are_measured_unless_they_are_set() {
        let measured = Demand::totals(&AdmissionSettings::default());
        assert!(measured.memory_bytes > 0 && measured.millicpus >= CPUS_MIN * CPU, "{measured:?}");
        let set = AdmissionSettings { memory_bytes: Some(5), cpus: Some(3), ..AdmissionSettings::default() };
        assert_eq!(Demand::totals(&set), demand(5, 3000));
    }

    #[test]
    fn the_share_is_that_of_the_scarcer_resource() {
        let totals = demand(100, 4000);
        assert_eq!(demand(50, 1000).share(totals), 1 << 31);
        assert_eq!(demand(1, 4000).share(totals), 1 << 32);
        assert_eq!(demand(0, 0).share(totals), 1);
        // Without a bound nothing is scarce.
        assert_eq!(demand(50, 1000).share(demand(0, 0)), 1);
    }

    #[test]
    fn as_many_have_room_as_fit_and_at_least_one() {
        let totals = demand(100, 4000);
        assert_eq!(demand(30, 1000).most(totals), 3);
        assert_eq!(demand(1, 1500).most(totals), 2);
        assert_eq!(demand(1000, 1).most(totals), 1);
        assert_eq!(demand(1000, 1).most(demand(0, 0)), usize::MAX);
        assert_eq!(demand(1000, 1).most(demand(0, 8)), 8);
    }
}
