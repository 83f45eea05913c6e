//! Reads tables completely as a run does, checks included, and prints the time: `read FILE [TIMES]`. The bench compares
//! it with other readers of the same files; a run adds the interpreter's start and the segment.

use longshore::table::{FileFormat, ReadOptions, Source, TableError};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("a file is needed")?;
    let times: usize = arguments.next().map_or(Ok(1), |times| times.parse())?;
    for _ in 0..times {
        let begun = Instant::now();
        let source = Source::open_as(
            Path::new(&path),
            FileFormat::from_path(Path::new(&path))?,
            &ReadOptions::default(),
            &std::env::temp_dir(),
        )?;
        let checked = begun.elapsed();
        let rows = source.batches()?.try_fold(0, |rows, batch| Ok::<_, TableError>(rows + batch?.num_rows()))?;
        let read = begun.elapsed();
        writeln!(std::io::stdout(), "{:.4} {:.4} {rows}", read.as_secs_f64(), checked.as_secs_f64())?;
    }
    Ok(())
}
