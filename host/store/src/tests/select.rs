//! Selected runs against what all of them are: every filter and every page of generated histories.

use super::{PATIENCE, State, record, roll, run};
use crate::{End, NewRun, Selection, Which};
use longshore_model::cancel::Cancel;
use longshore_model::outcome::Outcome;
use std::time::Instant;

const OUTCOMES: [Outcome; 6] = [
    Outcome::Succeeded,
    Outcome::Failed,
    Outcome::Cancelled,
    Outcome::Interrupted,
    Outcome::OutOfMemory,
    Outcome::EnvironmentFailed,
];

fn begin(state: &State, number: u64, block: &str) -> crate::RunRecording {
    let new = NewRun { block: block.to_owned(), started_ms: 1000 * number, ..run(&format!("{number:05x}-a"), 0) };
    state.recorder.begin(new, &Cancel::new()).unwrap()
}

#[test]
fn filters_and_pages_give_the_runs_that_a_look_at_all_of_them_gives() {
    let state = State::new();
    let mut seed = 3;
    let mut open = Vec::new();
    for number in 0..300 {
        let block = ["a", "b", "<b> & c"][roll(&mut seed, 3)];
        let recording = begin(&state, number, block);
        match roll(&mut seed, 8) {
            0 => open.push(recording),
            1 => drop(recording),
            _ => {
                let outcome = OUTCOMES[roll(&mut seed, OUTCOMES.len())];
                recording.end(outcome, record(outcome), 1000).unwrap();
            }
        }
    }
    let history = state.history();
    let all = || history.list(usize::MAX, Which::All).unwrap();
    // Those without an end are marked on another thread.
    let deadline = Instant::now() + PATIENCE;
    while all().iter().filter(|run| run.end() == End::Running).count() != open.len() {
        assert!(Instant::now() < deadline);
    }
    let all = all();
    for _ in 0..200 {
        let end = (roll(&mut seed, 2) == 0).then(|| End::ALL[roll(&mut seed, 5)]);
        let block = (roll(&mut seed, 2) == 0).then(|| ["a", "<b> & c", "none"][roll(&mut seed, 3)].to_owned());
        let time = |seed: &mut u64| (roll(seed, 2) == 0).then(|| 1000 * roll(seed, 320) as u64);
        let (since_ms, until_ms) = (time(&mut seed), time(&mut seed));
        let expected: Vec<&str> = all
            .iter()
            .filter(|run| end.is_none_or(|end| run.end() == end))
            .filter(|run| block.as_ref().is_none_or(|block| run.block == *block))
            .filter(|run| since_ms.is_none_or(|since| run.started_ms >= since))
            .filter(|run| until_ms.is_none_or(|until| run.started_ms < until))
            .map(|run| run.run_id.as_str())
            .collect();
        let most = 1 + roll(&mut seed, 60);
        let mut selection = Selection { end, block, since_ms, until_ms, before: None };
        let mut found = Vec::new();
        loop {
            let page = history.select(most, &selection).unwrap();
            found.extend(page.iter().map(|run| run.run_id.clone()));
            let Some(last) = page.last().filter(|_| page.len() == most) else { break };
            selection.before = Some(last.run_id.clone());
        }
        assert_eq!(found, expected, "{selection:?}");
    }
    let since = 150_000;
    let ends = history.ends_since(since).unwrap();
    let count = |end: End| all.iter().filter(|run| run.started_ms >= since && run.end() == end).count() as u64;
    let counted = [ends.running, ends.succeeded, ends.failed, ends.cancelled, ends.lost];
    assert_eq!(counted, End::ALL.map(count));
    assert_eq!(history.blocks(1000).unwrap().len(), 3);
    let mark = history.mark(50).unwrap();
    assert_eq!(history.mark(50).unwrap(), mark);
    begin(&state, 400, "a").end(Outcome::Succeeded, record(Outcome::Succeeded), 1000).unwrap();
    assert_ne!(history.mark(50).unwrap(), mark);
    drop(open);
}
