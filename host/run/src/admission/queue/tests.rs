//! The queue, over written and over generated sequences of arrivals, ends and departures.

use super::*;

const TOTALS: Demand = Demand { memory_bytes: 100, millicpus: 8000 };

fn demand(memory_bytes: u64) -> Demand {
    Demand { memory_bytes, millicpus: 1000 }
}

fn all(queue: &mut Queue) -> Vec<Hold> {
    std::iter::from_fn(|| queue.admit()).collect()
}

fn caller(name: &str) -> Caller {
    Caller::from(name)
}

/// Which runs these are, by the order of their arrival.
fn tickets(holds: &[Hold]) -> Vec<u64> {
    holds.iter().map(|hold| hold.ticket.number / 2 - 1).collect()
}

fn arrive(queue: &mut Queue, caller: &Caller, demand: Demand) -> Ticket {
    let turn = queue.turn();
    queue.arrive(turn, caller, demand)
}

#[test]
fn runs_have_room_until_a_total_is_reached() {
    let mut queue = Queue::new(TOTALS);
    for _ in 0..12 {
        arrive(&mut queue, &caller("a"), demand(1));
    }
    let held = all(&mut queue);
    assert_eq!((held.len(), queue.waiting(), queue.admitted()), (8, 4, 8));
    queue.release(&held[0]);
    assert_eq!(tickets(&all(&mut queue)), [8]);
    let mut queue = Queue::new(TOTALS);
    arrive(&mut queue, &caller("a"), demand(60));
    arrive(&mut queue, &caller("a"), demand(60));
    assert_eq!(tickets(&all(&mut queue)), [0]);
}

#[test]
fn what_is_more_than_all_there_is_runs_alone() {
    let mut queue = Queue::new(TOTALS);
    arrive(&mut queue, &caller("a"), demand(1));
    let small = all(&mut queue);
    arrive(&mut queue, &caller("a"), demand(1000));
    assert_eq!(tickets(&all(&mut queue)), [0; 0]);
    queue.release(&small[0]);
    let large = all(&mut queue);
    assert_eq!((tickets(&large), queue.held().memory_bytes), (vec![1], 100));
    arrive(&mut queue, &caller("b"), demand(1));
    assert_eq!(tickets(&all(&mut queue)), [0; 0]);
    queue.release(&large[0]);
    assert_eq!(tickets(&all(&mut queue)), [2]);
}

#[test]
fn without_bounds_nothing_waits() {
    let mut queue = Queue::new(Demand::default());
    for _ in 0..1000 {
        arrive(&mut queue, &caller("a"), demand(1 << 40));
    }
    assert_eq!((all(&mut queue).len(), queue.waiting()), (1000, 0));
}

/// Admits one at a time, in this order of callers.
fn order(queue: &mut Queue, names: &[(Ticket, &str)], most: usize) -> String {
    let mut order = String::new();
    for _ in 0..most {
        let Some(hold) = queue.admit() else { break };
        order.push_str(names.iter().find(|(ticket, _)| *ticket == hold.ticket).unwrap().1);
        queue.release(&hold);
    }
    order
}

#[test]
fn a_callers_burst_does_not_delay_another_by_more_than_a_run() {
    let mut queue = Queue::new(Demand { millicpus: 1000, ..TOTALS });
    let named = |queue: &mut Queue, name: &'static str| (arrive(queue, &caller(name), demand(1)), name);
    let mut names: Vec<_> = (0..20).map(|_| named(&mut queue, "a")).collect();
    assert_eq!(order(&mut queue, &names, 5), "aaaaa");
    names.extend((0..5).map(|_| named(&mut queue, "b")));
    // One that comes later has no claim on what it did not ask for.
    assert_eq!(order(&mut queue, &names, 30), "bababababaaaaaaaaaaa");
}

#[test]
fn who_holds_less_is_next_although_who_holds_more_came_first() {
    let mut queue = Queue::new(Demand { millicpus: 4000, ..TOTALS });
    for _ in 0..10 {
        arrive(&mut queue, &caller("long"), demand(1));
    }
    let long = all(&mut queue);
    let mine: Vec<_> = (0..3).map(|_| arrive(&mut queue, &caller("mine"), demand(1))).collect();
    let mut admitted = Vec::new();
    for hold in &long[..2] {
        queue.release(hold);
        admitted.extend(all(&mut queue));
    }
    assert_eq!(admitted.iter().map(|hold| hold.ticket).collect::<Vec<_>>(), mine[..2]);
    // Both hold two now, and the next is who gives one back.
    queue.release(&admitted[0]);
    assert_eq!(queue.admit().unwrap().ticket, mine[2]);
    queue.release(&long[2]);
    assert_eq!(tickets(&all(&mut queue)), [4]);
}

#[test]
fn a_large_run_is_overtaken_but_not_for_ever() {
    let mut queue = Queue::new(TOTALS);
    arrive(&mut queue, &caller("small"), demand(20));
    let mut running = all(&mut queue);
    let large = arrive(&mut queue, &caller("large"), demand(90));
    let mut overtaken = 0;
    loop {
        // Small runs of others keep coming, and end one after another.
        arrive(&mut queue, &caller(&format!("other {overtaken}")), demand(20));
        let admitted = all(&mut queue);
        if admitted.iter().any(|hold| hold.ticket == large) {
            break;
        }
        overtaken += admitted.len() as u64;
        running.extend(admitted);
        assert!(overtaken <= PATIENCE, "it waits for ever");
        queue.release(&running.remove(0));
    }
    assert_eq!(overtaken, PATIENCE);
}

#[test]
fn who_asked_first_is_first_even_if_it_arrives_later() {
    let mut queue = Queue::new(Demand { millicpus: 1000, ..TOTALS });
    let running = {
        arrive(&mut queue, &caller("a"), demand(1));
        queue.admit().unwrap()
    };
    let (first, second) = (queue.turn(), queue.turn());
    let later = queue.arrive(second, &caller("a"), demand(1));
    let earlier = queue.arrive(first, &caller("a"), demand(1));
    assert_eq!((queue.place(&caller("a"), earlier), queue.place(&caller("a"), later)), (1, 2));
    queue.release(&running);
    assert_eq!(queue.admit().unwrap().ticket, earlier);
}

#[test]
fn places_are_those_of_turns() {
    let mut queue = Queue::new(Demand { millicpus: 1000, ..TOTALS });
    arrive(&mut queue, &caller("x"), demand(1));
    let _running = queue.admit().unwrap();
    let mut told = Vec::new();
    for name in ["a", "a", "a", "b", "b", "c"] {
        let ticket = arrive(&mut queue, &caller(name), demand(1));
        told.push((ticket, queue.place(&caller(name), ticket)));
    }
    assert_eq!(told.iter().map(|(_, place)| *place).collect::<Vec<_>>(), [1, 2, 3, 2, 4, 3]);
    let places: BTreeMap<_, _> = queue.places().into_iter().collect();
    assert_eq!(told.iter().map(|(ticket, _)| places[ticket]).collect::<Vec<_>>(), [1, 4, 6, 2, 5, 3]);
}

/// Numbers from a generator with a fixed seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A queue beside a plain account of what it must hold to.
struct Checked {
    queue: Queue,
    waiting: Vec<(Caller, Ticket, Demand)>,
    running: Vec<Hold>,
    /// How many were admitted since each waiting run became the first of its caller.
    overtaken: HashMap<Ticket, u64>,
}

impl Checked {
    fn admit(&mut self, callers: u64) {
        while let Some(hold) = self.queue.admit() {
            let at = self.waiting.iter().position(|(_, ticket, _)| *ticket == hold.ticket).expect("it waits");
            let (caller, ticket, _) = self.waiting.remove(at);
            assert!(
                self.waiting.iter().all(|(other, later, _)| *other != caller || *later > ticket),
                "within a caller in order of arrival"
            );
            self.overtaken.remove(&ticket);
            for (_, first, _) in firsts(&self.waiting) {
                *self.overtaken.entry(first).or_default() += 1;
            }
            // After its patience each waits for one turn of all others.
            let most = self.overtaken.values().max().copied().unwrap_or_default();
            assert!(most <= PATIENCE + callers, "overtaken by {most}");
            self.running.push(hold);
            self.check();
        }
        self.check();
        if self.running.is_empty() {
            assert!(self.waiting.is_empty(), "an idle machine admits");
        }
    }

    fn check(&self) {
        let sum = self.running.iter().fold(Demand::default(), |sum, hold| sum.plus(hold.demand));
        assert_eq!(sum, self.queue.held());
        assert!(sum.fits(Demand::default(), TOTALS), "{sum:?}");
        assert_eq!((self.running.len(), self.waiting.len()), (self.queue.admitted(), self.queue.waiting()));
    }
}

fn firsts(waiting: &[(Caller, Ticket, Demand)]) -> Vec<(Caller, Ticket, Demand)> {
    let mut firsts: BTreeMap<Caller, (Ticket, Demand)> = BTreeMap::new();
    for (caller, ticket, demand) in waiting {
        let first = firsts.entry(Arc::clone(caller)).or_insert((*ticket, *demand));
        if *ticket < first.0 {
            *first = (*ticket, *demand);
        }
    }
    firsts.into_iter().map(|(caller, (ticket, demand))| (caller, ticket, demand)).collect()
}

#[test]
fn over_generated_sequences_totals_hold_and_everybody_is_admitted() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let callers = 1 + dice.roll(6);
        let mut checked =
            Checked { queue: Queue::new(TOTALS), waiting: vec![], running: vec![], overtaken: HashMap::new() };
        for _ in 0..400 {
            match dice.roll(5) {
                0..=2 => {
                    let (caller, demand) = (caller(&dice.roll(callers).to_string()), generated(&mut dice));
                    let ticket = arrive(&mut checked.queue, &caller, demand);
                    checked.waiting.push((caller, ticket, demand));
                }
                3 if !checked.running.is_empty() => {
                    let at = usize::try_from(dice.roll(checked.running.len() as u64)).unwrap();
                    checked.queue.release(&checked.running.remove(at));
                }
                _ if !checked.waiting.is_empty() => {
                    let at = usize::try_from(dice.roll(checked.waiting.len() as u64)).unwrap();
                    let (caller, ticket, _) = checked.waiting.remove(at);
                    checked.overtaken.remove(&ticket);
                    checked.queue.leave(&caller, ticket);
                    // One that is not there any more changes nothing.
                    checked.queue.leave(&caller, ticket);
                }
                _ => {}
            }
            checked.admit(callers);
        }
        // All that wait are admitted once those before them end.
        while !checked.running.is_empty() {
            let at = usize::try_from(dice.roll(checked.running.len() as u64)).unwrap();
            checked.queue.release(&checked.running.remove(at));
            checked.admit(callers);
        }
        assert_eq!((checked.waiting.len(), checked.queue.held()), (0, Demand::default()));
        assert!(checked.queue.callers.is_empty() && checked.queue.ranks.is_empty() && checked.queue.heads.is_empty());
    }
}

fn generated(dice: &mut Dice) -> Demand {
    let memory_bytes = match dice.roll(8) {
        0 => 60 + dice.roll(100),
        _ => dice.roll(30),
    };
    Demand { memory_bytes, millicpus: 250 * (1 + dice.roll(8)) }
}

#[test]
fn two_callers_with_the_same_demand_are_admitted_in_turns() {
    for seed in 0..100 {
        let mut dice = Dice(seed);
        let places = 1 + dice.roll(6);
        let mut queue = Queue::new(Demand { millicpus: 1000 * places, ..TOTALS });
        let mut names = HashMap::new();
        for (name, runs) in [("a", 20 + dice.roll(200)), ("b", 20 + dice.roll(200))] {
            for _ in 0..runs {
                names.insert(arrive(&mut queue, &caller(name), demand(1)), name);
            }
        }
        let (mut admitted, mut running) = ([0_i64; 2], std::collections::VecDeque::new());
        let mut left = [names.values().filter(|name| **name == "a").count(), 0];
        left[1] = names.len() - left[0];
        loop {
            for hold in all(&mut queue) {
                let at = usize::from(names[&hold.ticket] == "b");
                admitted[at] += 1;
                left[at] -= 1;
                running.push_back(hold);
                if left.iter().all(|left| *left > 0) {
                    assert!((admitted[0] - admitted[1]).abs() <= 1, "{admitted:?}");
                }
            }
            // Runs take the same time.
            let Some(ended) = running.pop_front() else { break };
            queue.release(&ended);
        }
        assert_eq!(left, [0, 0]);
    }
}
