//! Texts of all kinds, read in blocks and record by record: the findings, the rows and the errors are the same.

use crate::blocks::Sizes;
use crate::csv::{Layout, scan, scan_in_blocks, stored};
use crate::detect::Detected;
use crate::dialect::Dialect;
use crate::dice::Dice;
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use longshore_model::table::{ColumnType, DateStyle, Delimiter, Mark, Order, OrderName, ReadOptions};
use std::io::Cursor;
use std::path::Path;

/// A cell of a kind, before it is quoted.
fn cell(kind: usize, dice: &mut Dice) -> String {
    let (large, day, month) = (dice.roll(1 << 31), 1 + dice.roll(28), 1 + dice.roll(12));
    match kind {
        0 => format!("{}", large % 1000),
        1 => format!("-{large}{large}"),
        2 => format!("{}.{:02}", large % 1000, large % 100),
        3 => format!("{}.{:03}", 1 + large % 100, large % 1000),
        4 => format!("2024-{month:02}-{day:02}"),
        5 => format!("{day}/{month}/2024"),
        6 => format!("{day:02}.{month:02}.2024"),
        7 => format!("2024-{month:02}-{day:02} 10:{month:02}:{day:02}"),
        8 => format!("2024-{month:02}-{day:02}T10:{month:02}:{day:02}.{large:010}Z"),
        9 => format!("2024-{month:02}-{day:02}T10:{month:02}:{day:02}.123456789"),
        10 => dice.one(&["true", "false", "FALSE"]).into(),
        11 => format!("Köln {}", large % 50),
        12 => dice.one(&["x,\"y\"", "two\nlines", "\"", "5\" pipe", "\r\n", " blanks ", "NA"]).into(),
        13 => format!("{},{:02}", large % 100, large % 100),
        14 => dice.one(&["NA", "", "null", "n/v", "-", "."]).into(),
        15 => "x".repeat(large % 300),
        16 => format!("{:04}-{month:02}-{day:02}", 1500 + large % 1000),
        17 => format!("{:.17e}", large as f64 / 7.0),
        _ => String::new(),
    }
}

/// A text whose columns may change their kind at some row.
fn text(dice: &mut Dice) -> Vec<u8> {
    let width = 1 + dice.roll(4);
    let rows = 20 + dice.roll(400);
    let sound = dice.roll(3) > 0;
    let kinds: Vec<(usize, usize, usize)> = (0..width)
        .map(|_| (dice.roll(19), dice.roll(19), if dice.roll(5) > 0 { rows } else { dice.roll(rows) }))
        .collect();
    let missing = 2 + dice.roll(10);
    let end = dice.one(&["\n", "\n", "\n", "\r\n", "\r\n", "\r"]);
    let mut text = dice.one(&["", "", "\u{feff}", "\n"]).as_bytes().to_vec();
    let names: Vec<String> = (0..width).map(|at| format!("c{at}")).collect();
    text.extend_from_slice(format!("{}{end}", names.join(",")).as_bytes());
    for row in 0..rows {
        for (at, (first, then, change)) in kinds.iter().enumerate() {
            let kind = if dice.roll(missing) == 0 {
                14 + 4 * dice.roll(2)
            } else if row < *change {
                *first
            } else {
                *then
            };
            let cell = cell(kind, dice);
            let quoted = cell.contains(['\n', '\r', ',']) || cell.starts_with('"') || dice.roll(12) == 0;
            let cell = if quoted { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell };
            text.extend_from_slice(if at > 0 { b"," } else { b"" });
            text.extend_from_slice(cell.as_bytes());
        }
        if !sound && dice.roll(150) == 0 {
            text.extend_from_slice(dice.one::<[u8]>(&[b",x", b"\xff", b"\"", b"\n\"", b"\n\"x\" ,", b"\n\n"]));
        }
        let end = if dice.roll(40) == 0 { dice.one(&["\n\n", "\r", "\r\n", "\r\r\n"]) } else { end };
        text.extend_from_slice(end.as_bytes());
    }
    text.truncate(text.len() - dice.roll(3));
    text
}

fn options(dice: &mut Dice) -> ReadOptions {
    let mut options = ReadOptions::default();
    match dice.roll(20) {
        0 => options.missing = vec!["n/v".into(), "7".into()],
        1 => options.dates = Some(DateStyle::Order(OrderName(Order::DayMonthYear))),
        2 => options.decimal = Some(Mark(Some(b','))),
        3 => options.columns = vec!["c0".into()],
        4 => options.types = [("*".into(), ColumnType::Text)].into(),
        5 => options.types = [("c0".into(), ColumnType::Number)].into(),
        6 => options.types = [("c0".into(), ColumnType::Time(None))].into(),
        7 => options.types = [("c0".into(), ColumnType::Boolean)].into(),
        8 => options.r#true = vec!["1".into()],
        _ => {}
    }
    options
}

/// The findings and the rows, or the error.
fn read(layout: Result<Layout, crate::TableError>, text: &[u8]) -> Result<(String, RecordBatch), String> {
    let layout = layout.map_err(|error| error.to_string())?;
    let found = format!("{:?} {} {:?}", layout.schema, layout.rows, layout.findings);
    let batches = || stored(Path::new("x.csv"), &layout, Cursor::new(text.to_vec())).unwrap();
    let all = |batches: Vec<RecordBatch>| concat_batches(&layout.schema, &batches).unwrap();
    let first = all(batches().collect::<Result<_, _>>().unwrap());
    let again = all(batches().collect::<Result<_, _>>().unwrap());
    assert_eq!(first, again, "what is read again is what was read first");
    Ok((found, first))
}

#[test]
fn texts_in_blocks_are_read_as_they_are_record_by_record() {
    let (mut kept, mut in_blocks, mut texts) = (0, 0, 0);
    for seed in 0..600 {
        let mut dice = Dice(seed);
        let text = text(&mut dice);
        let options = options(&mut dice);
        let dialect = Dialect {
            delimiter: Delimiter::Byte(if dice.roll(30) == 0 { b';' } else { b',' }),
            quote: (dice.roll(20) > 0).then_some(b'"'),
            header: u64::from(dice.roll(5) > 0),
            skip: u64::from(dice.roll(20) == 0),
            ..Dialect::default()
        };
        let detected = || Detected { dialect: dialect.clone(), notes: vec!["a note".into()] };
        let path = Path::new("x.csv");
        let sizes = Sizes { block: 20 + dice.roll(400), head: 20 + dice.roll(2000) };
        let head = &text[..text.len().min(sizes.head)];
        let again = || Ok(Cursor::new(text.clone()));
        let blocks = scan_in_blocks(path, detected(), &options, (head, text.len() as u64), sizes, again);
        if let Ok(layout) = &blocks {
            texts += 1;
            in_blocks += usize::from(layout.plain.is_some());
            kept += usize::from(layout.kept.is_there());
        }
        let shown = || format!("seed {seed}, {sizes:?}, {options:?}, {dialect:?}:\n{}", String::from_utf8_lossy(&text));
        let one_by_one = read(scan(path, detected(), &options, &text[..]), &text);
        let blocks = read(blocks, &text);
        match (&blocks, &one_by_one) {
            (Ok((found, batch)), Ok((expected, records))) => {
                assert_eq!(found, expected, "{}", shown());
                assert_eq!(batch, records, "{}", shown());
            }
            _ => assert_eq!(blocks.as_ref().err(), one_by_one.as_ref().err(), "{}", shown()),
        }
    }
    // Otherwise hardly anything would have been compared.
    assert!(kept > 30 && in_blocks > 150 && texts > 300, "{kept} and {in_blocks} of {texts}");
}
