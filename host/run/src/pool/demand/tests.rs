//! Tests of what waits: single decisions, and generated histories.

use super::*;
use dice::Dice;

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../../../model/src/dice.rs"]
mod dice;

const LIMITS: Limits = Limits { members: 4, memory_bytes: 1 << 30, idle: Duration::from_secs(600), making: 2 };

fn after(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn what_was_asked_for_is_kept_until_it_was_idle() {
    let (start, mut demand) = (Instant::now(), Demand::new(LIMITS));
    assert_eq!(demand.steps(start, u64::MAX), []);
    demand.asked(&"a", start);
    assert_eq!(demand.steps(start, u64::MAX), [Step::Make("a")]);
    assert_eq!(demand.steps(start, u64::MAX), []);
    demand.made(&"a", 10);
    assert_eq!(demand.steps(after(start, 600), u64::MAX), []);
    demand.asked(&"a", after(start, 600));
    demand.gone(&"a");
    assert_eq!(demand.steps(after(start, 600), u64::MAX), [Step::Make("a")]);
    demand.made(&"a", 10);
    assert_eq!(demand.steps(after(start, 1200), u64::MAX), []);
    assert_eq!(demand.steps(after(start, 1201), u64::MAX), [Step::Drop("a")]);
    assert_eq!(demand.steps(after(start, 1300), u64::MAX), []);
    assert!(demand.is_empty());
}

#[test]
fn a_burst_gets_more_members_and_loses_them_again() {
    let (start, mut demand) = (Instant::now(), Demand::new(LIMITS));
    for _ in 0..100 {
        demand.asked(&"a", start);
    }
    for made in 0..4 {
        let steps = demand.steps(start, u64::MAX);
        assert_eq!(steps.len(), if made == 0 { 2 } else { usize::from(made < 3) }, "{made}");
        demand.made(&"a", 10);
    }
    let steps = demand.steps(after(start, 11), u64::MAX);
    assert_eq!(steps, [Step::Drop("a"), Step::Drop("a"), Step::Drop("a")]);
}

#[test]
fn the_most_recent_come_first_where_room_is_short() {
    let (start, mut demand) = (Instant::now(), Demand::new(Limits { memory_bytes: 100, ..LIMITS }));
    for (second, key) in ["a", "b", "c"].into_iter().enumerate() {
        demand.asked(&key, after(start, second as u64));
        assert_eq!(demand.steps(after(start, second as u64), u64::MAX), [], "64 MiB are assumed");
    }
    let mut demand = Demand::new(LIMITS);
    for (second, key) in ["a", "b", "c"].into_iter().enumerate() {
        let now = after(start, second as u64);
        demand.asked(&key, now);
        assert_eq!(demand.steps(now, u64::MAX), [Step::Make(key)]);
        demand.made(&key, 50 << 20);
    }
    // The machine needs its memory: there is room for one.
    let mut steps = demand.steps(after(start, 3), 60 << 20);
    steps.sort_by_key(|step| format!("{step:?}"));
    assert_eq!(steps, [Step::Drop("a"), Step::Drop("b")]);
    assert_eq!(demand.steps(after(start, 3), 0), [Step::Drop("c")]);
}

#[test]
fn failures_delay_the_next_attempt_and_one_success_forgets_them() {
    let (start, mut demand) = (Instant::now(), Demand::new(LIMITS));
    demand.asked(&"a", start);
    let mut now = start;
    for delay in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(demand.steps(now, u64::MAX), [Step::Make("a")], "{delay}");
        demand.failed(&"a", now);
        let before = now + Duration::from_secs(delay) - Duration::from_millis(1);
        assert_eq!(demand.steps(before, u64::MAX), []);
        now += Duration::from_secs(delay);
    }
    demand.steps(now, u64::MAX);
    demand.made(&"a", 10);
    demand.gone(&"a");
    assert_eq!(demand.steps(now, u64::MAX), [Step::Make("a")]);
}

/// Whatever happens in whatever order: never more than the limits allow, nothing made that nobody asked for, and
/// everything gone once nobody asks.
#[test]
fn generated_histories_stay_within_the_limits() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let limits = Limits {
            members: 1 + dice.roll(6),
            memory_bytes: (64 << 20) * (1 + dice.roll(8) as u64),
            idle: Duration::from_secs(1 + dice.roll(60) as u64),
            making: 1 + dice.roll(3),
        };
        let mut demand = Demand::new(limits);
        let mut now = Instant::now();
        let (mut making, mut ready): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for _ in 0..400 {
            now += Duration::from_millis(dice.roll(3000) as u64);
            match dice.roll(5) {
                0 | 1 => {
                    let key = dice.roll(5);
                    demand.asked(&key, now);
                    if let Some(at) = ready.iter().position(|ready| *ready == key) {
                        demand.gone(&ready.remove(at));
                    }
                }
                2 if !making.is_empty() => {
                    let key = making.remove(dice.roll(making.len()));
                    demand.made(&key, 64 << 20);
                    ready.push(key);
                }
                3 if !making.is_empty() => demand.failed(&making.remove(dice.roll(making.len())), now),
                4 if !ready.is_empty() => demand.gone(&ready.remove(dice.roll(ready.len()))),
                _ => {}
            }
            for step in demand.steps(now, u64::MAX) {
                match step {
                    Step::Make(key) => making.push(key),
                    Step::Drop(key) => {
                        let at = ready.iter().position(|ready| *ready == key).expect("only what is ready is dropped");
                        ready.remove(at);
                    }
                }
            }
            assert!(making.len() <= limits.making, "seed {seed}");
            assert!(making.len() + ready.len() <= limits.members, "seed {seed}");
            let memory = (making.len() + ready.len()) as u64 * (64 << 20);
            assert!(memory <= limits.memory_bytes, "seed {seed}");
        }
        now += Duration::from_secs(3600);
        making.drain(..).for_each(|key| demand.failed(&key, now));
        demand.steps(now, u64::MAX);
        // What was dropped is forgotten with the next look.
        assert_eq!(demand.steps(now, u64::MAX), []);
        assert!(demand.is_empty(), "seed {seed}");
    }
}
