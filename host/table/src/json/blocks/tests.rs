//! Texts of all kinds, read in blocks and line by line: the findings, the rows and the errors are the same.

use crate::bad_rows::Rules;
use crate::blocks::Sizes;
use crate::dice::Dice;
use crate::json::{Form, Layout, scan, scan_in_blocks, stored};
use crate::{ReadOptions, TableError};
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use std::io::Cursor;
use std::path::Path;

/// A value of a kind.
fn value(kind: usize, dice: &mut Dice) -> String {
    let (large, day, month) = (dice.roll(1 << 31), 1 + dice.roll(28), 1 + dice.roll(12));
    match kind {
        0 => format!("{}", large % 1000),
        1 => format!("-{}{large}", 1 + large),
        2 => format!("{}.{:02}", large % 1000, large % 100),
        3 => format!("{:.17e}", large as f64 / 7.0),
        4 => format!("\"2024-{month:02}-{day:02}\""),
        5 => format!("\"2024-{month:02}-{day:02} 10:{month:02}:{day:02}\""),
        6 => format!("\"2024-{month:02}-{day:02}T10:00:00.{large:010}Z\""),
        7 => dice.one(&["true", "false"]).into(),
        8 => format!("\"Köln {}\"", large % 50),
        9 => dice.one(&["\"\\u00fc\\n\"", "\"\\\"\"", "\"\\\\\"", "\" \"", "\"\"", "\"\\ud83d\\ude00\""]).into(),
        10 => dice.one(&["\"NaN\"", "\"Infinity\"", "\"NA\"", "null"]).into(),
        11 => format!("[{}]", dice.one(&["", "1", "1, null", "\"]\",\"x\"", "1.5", "[1]", "{\"d\":\"[\"}"])),
        12 => format!("{{\"a\":{},\"b\":[{day}]}}", dice.one(&["1", "null", "1.5", "\"}\""])),
        13 => format!("{{{}}}", dice.one(&["", "\"c\":1", "\"a\":2", "\"b\":[]"])),
        14 => format!("\"{}\"", "x".repeat(large % 300)),
        15 => format!("\"{large}\""),
        _ => "null".into(),
    }
}

/// A text whose fields may change their kind at some row.
fn text(dice: &mut Dice) -> Vec<u8> {
    let width = dice.roll(5);
    let rows = 20 + dice.roll(300);
    let sound = dice.roll(4) > 0;
    let kinds: Vec<(usize, usize, usize)> = (0..width)
        .map(|_| (dice.roll(17), dice.roll(17), if dice.roll(5) > 0 { rows } else { dice.roll(rows) }))
        .collect();
    let names = ["id", "ü", "\\u00fc\\\"", "n.a", "x"];
    let (lacks, turns) = (2 + dice.roll(20), 2 + dice.roll(60));
    let blank = dice.one(&["", "", " ", "\t"]);
    let mut text = dice.one(&["", "", "\u{feff}", "\n", "\u{feff}\u{feff}"]).as_bytes().to_vec();
    for row in 0..rows {
        let mut fields: Vec<String> = Vec::new();
        for (at, (first, then, change)) in kinds.iter().enumerate() {
            let kind = if row < *change { *first } else { *then };
            if dice.roll(lacks) > 0 {
                let value = if dice.roll(lacks) == 0 { "null".into() } else { value(kind, dice) };
                fields.push(format!("{blank}\"{}\":{blank}{value}", names[at]));
            }
        }
        if dice.roll(turns) == 0 {
            fields.reverse();
        }
        if !sound && dice.roll(100) == 0 {
            let wrong =
                ["\"new\":1", "\"id\":1,\"id\":2", "\"x\":01", "\"x\":[1}", "x", "\"x\":{\"a\":1}", "\"a\0\":1"];
            fields.push(dice.one(&wrong).into());
        }
        text.extend_from_slice(format!("{{{}}}", fields.join(",")).as_bytes());
        if !sound && dice.roll(200) == 0 {
            let wrong: [&[u8]; 5] = [b"\xff", b"\n7", b"\n[]", b"\xc2\xa0", b"\n\xef\xbb\xbf{}"];
            text.extend_from_slice(wrong[dice.roll(5)]);
        }
        text.extend_from_slice(dice.one(&["\n", "\n", "\n", "\n", "\r\n", "\n\n", " \n\t\n"]).as_bytes());
    }
    text.truncate(text.len() - dice.roll(3));
    text
}

/// The findings and the rows, or the error.
fn read(layout: Result<Layout, TableError>, text: &[u8]) -> Result<(String, RecordBatch), String> {
    let layout = layout.map_err(|error| error.to_string())?;
    let found = format!("{:?} {:?} {}", layout.schema, layout.plan, layout.rows);
    let all = || {
        let batches = stored(Path::new("x.ndjson"), &layout, Form::Lines, Cursor::new(text.to_vec())).unwrap();
        let batches: Vec<RecordBatch> = batches.collect::<Result<_, _>>().unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64, layout.rows);
        // Without columns there is nothing to concatenate.
        if layout.schema.fields().is_empty() {
            return RecordBatch::new_empty(layout.schema.clone());
        }
        concat_batches(&layout.schema, &batches).unwrap()
    };
    let first = all();
    assert_eq!(first, all(), "what is read again is what was read first");
    Ok((found, first))
}

#[test]
fn texts_in_blocks_are_read_as_they_are_line_by_line() {
    let (mut kept, mut in_blocks, mut texts) = (0, 0, 0);
    for seed in 0..600 {
        let mut dice = Dice(seed);
        let text = text(&mut dice);
        let path = Path::new("x.ndjson");
        let sizes = Sizes { block: 60 + dice.roll(600), head: 20 + dice.roll(3000) };
        let blocks = scan_in_blocks(path, text.len() as u64, sizes, || Ok(Cursor::new(text.clone())));
        if let Ok(layout) = &blocks {
            texts += 1;
            in_blocks += usize::from(layout.cut.is_some());
            kept += usize::from(layout.kept.is_there());
        }
        let shown = || format!("seed {seed}, {sizes:?}:\n{}", String::from_utf8_lossy(&text));
        let blocks = read(blocks, &text);
        let one_by_one = read(scan(path, Form::Lines, &ReadOptions::default(), Rules::default(), &text[..]), &text);
        match (&blocks, &one_by_one) {
            (Ok((found, batch)), Ok((expected, lines))) => {
                assert_eq!(found, expected, "{}", shown());
                assert_eq!(batch, lines, "{}", shown());
            }
            _ => assert_eq!(blocks.as_ref().err(), one_by_one.as_ref().err(), "{}", shown()),
        }
    }
    // Otherwise hardly anything would have been compared.
    assert!(kept > 80 && in_blocks > 100 && texts > 200, "{kept} and {in_blocks} of {texts}");
}
