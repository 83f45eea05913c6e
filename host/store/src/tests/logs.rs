//! What is kept of logs, and what is added to them.

use super::{State, printed, record, roll};
use crate::writer::Command;
use longshore_model::event::Event;
use longshore_model::outcome::Outcome;
use longshore_protocol::LogSource;

/// The log of a run with these events.
fn kept(log_bytes: u64, events: &[Event]) -> String {
    let state = State::new();
    let recording = state.begin("1-a", log_bytes);
    events.iter().for_each(|event| recording.take(event));
    recording.end(Outcome::Succeeded, record(Outcome::Succeeded), 1).unwrap();
    let history = state.history();
    String::from_utf8(history.log(&history.find("last").unwrap()).unwrap()).unwrap()
}

fn kept_pieces(log_bytes: u64, pieces: &[&str]) -> String {
    kept(log_bytes, &pieces.iter().map(|piece| printed(piece.as_bytes())).collect::<Vec<_>>())
}

#[test]
fn the_beginning_and_the_end_of_a_log_stay() {
    assert_eq!(kept_pieces(100, &["one\n", "two\n"]), "one\ntwo\n");
    assert_eq!(kept_pieces(8, &["one\n", "two\n"]), "one\ntwo\n");
    let expected = "one\n… 8 bytes are left out here …\nlast\n";
    assert_eq!(kept_pieces(10, &["one\n", "two\nthr\n", "last\n"]), expected);
    assert_eq!(kept_pieces(10, &["one\ntwo\nthr\nlast\n"]), expected);
    assert_eq!(kept_pieces(10, &["one\nt", "wo\nthr\nla", "st\n"]), expected);
    assert_eq!(kept_pieces(0, &["one\n"]), "… 4 bytes are left out here …\n");
    // Cut at lines, as far as there are any.
    let expected = "a\n… 11 bytes are left out here …\nkl\n";
    assert_eq!(kept_pieces(10, &["a\nbcd", "efgh\nij\nkl\n"]), expected);
    assert_eq!(kept_pieces(4, &["abcdefgh"]), "ab… 4 bytes are left out here …\ngh");
    assert_eq!(kept_pieces(100, &["1%\r", "2%\r3%", "\r\ndone"]), "1%\r2%\r3%\r\ndone");
}

#[test]
fn lines_of_two_streams_do_not_mix_and_a_build_is_kept_unless_the_script_starts() {
    let of = |source, text: &str| Event::Log { source, bytes: text.as_bytes().to_vec() };
    let events = [
        of(LogSource::Stdout, "ou"),
        of(LogSource::Stderr, "err\n"),
        of(LogSource::Stdout, "t\nlast"),
        of(LogSource::Stderr, "e"),
        Event::Error("bad".into()),
        Event::Message("shown while it runs".into()),
    ];
    assert_eq!(kept(100, &events), "err\nout\nerror: bad\nlaste");
    let building = Event::Building { line: "no such package".into() };
    assert_eq!(kept(100, std::slice::from_ref(&building)), "no such package\n");
    assert_eq!(kept(100, &[building, Event::Connected, Event::Error("bad".into())]), "error: bad\n");
}

/// Whatever is printed in whatever pieces and batches, its beginning and end are kept as if it were known as a whole.
#[test]
fn a_log_is_kept_as_if_it_came_at_once() {
    let mut seed = 7;
    let mut roll = |sides| roll(&mut seed, sides);
    let state = State::new();
    for number in 0..150 {
        let (length, limit) = (roll(4000), [0, 1, 7, 100, 1000, 10_000][roll(6)]);
        let line = 1 + roll(60);
        let letter = |at| if at % line == line - 1 { b'\n' } else { b"abcdefghijk"[at % 11] };
        let text: Vec<u8> = (0..length).map(letter).collect();
        let id = format!("{number:04}-a");
        let recording = state.begin(&id, limit);
        let mut rest = &text[..];
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(rest.len().min(1 + roll(900)));
            recording.take(&printed(piece));
            if roll(4) == 0 {
                recording.commands.send(Command::Now).unwrap();
            }
            rest = others;
        }
        recording.end(Outcome::Succeeded, record(Outcome::Succeeded), 1000).unwrap();
        let (history, half) = (state.history(), usize::try_from(limit / 2).unwrap());
        let run = history.find(&id).unwrap();
        let kept = history.log(&run).unwrap();
        if text.len() <= 2 * half {
            assert_eq!(kept, text, "{id}");
            continue;
        }
        let shown = String::from_utf8(kept).unwrap();
        let (before, after) = shown.split_once("… ").unwrap();
        let (left_out, after) = after.split_once(" bytes are left out here …\n").unwrap();
        assert!(text.starts_with(before.as_bytes()) && text.ends_with(after.as_bytes()), "{id}: {shown}");
        assert_eq!(before.len() + after.len() + left_out.parse::<usize>().unwrap(), text.len(), "{id}");
        assert!(before.len() <= half && after.len() <= half, "{id}");
        let is_cut = |kept: &str| kept.len() + line >= half;
        assert!(is_cut(before) && is_cut(after), "{id}: {shown}");
        // What is no longer kept is not there either.
        let bytes: i64 = state.raw().query_row("SELECT sum(length(bytes)) FROM log", [], |row| row.get(0)).unwrap();
        assert!(bytes <= 150 * 14_000, "{bytes}");
    }
}

#[test]
fn who_follows_is_told_what_is_left_out() {
    let state = State::new();
    let recording = state.begin("1-a", 20);
    let history = state.history();
    let run = history.find("last").unwrap();
    for number in 0..100 {
        recording.take(&printed(format!("line {number}\n").as_bytes()));
        recording.commands.send(Command::Now).unwrap();
    }
    recording.end(Outcome::Succeeded, record(Outcome::Succeeded), 10).unwrap();
    let (mut bytes, mut left_out, mut position) = (Vec::new(), 0, 0);
    loop {
        let piece = history.log_after(&run, position).unwrap();
        if piece.bytes.is_empty() {
            break;
        }
        (left_out, position) = (left_out + piece.left_out, piece.position);
        bytes.extend(piece.bytes);
    }
    assert_eq!((position, left_out + bytes.len() as u64), (790, 790));
    assert!(bytes.starts_with(b"line 0\n") && bytes.ends_with(b"line 99\n") && left_out > 700, "{left_out}");
}
