//! What a step of a chain gets from others: its run waits for these tables once its container is there, and connects
//! them before its script begins. `chain` passes them on.

use super::Prepared;
use longshore_block::{InputDeclaration, OptionValues};
use longshore_segment::{Segment, Taken};
use longshore_table::{TableSource, check_columns, columns};
use std::sync::Arc;
use tokio::sync::watch;

/// A table on its way between two steps, with the memory that it takes.
#[derive(Debug)]
pub(crate) struct PassedTable {
    pub(crate) segment: Segment,
    pub(crate) _memory: Taken,
}

/// A table that has arrived or not.
pub(crate) type Arrival = watch::Receiver<Option<Arc<PassedTable>>>;

/// An input that gets its table from another step.
#[derive(Debug, Clone)]
pub(crate) struct Awaited {
    /// The input's number.
    pub(crate) input: usize,
    /// The output that it is connected to, in words.
    pub(crate) from: String,
    pub(crate) table: Arrival,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upstream(pub(crate) Vec<Awaited>);

/// Why a step does not get its tables.
#[derive(Debug)]
pub(crate) enum Unconnected {
    /// A step before it did not succeed.
    NotWritten,
    /// A table does not fit its input; with the reason.
    Unfit(String),
}

impl Prepared {
    /// Waits for the tables of other steps, and connects them.
    pub(crate) async fn connect(&mut self) -> Result<(), Unconnected> {
        let mut tables = Vec::new();
        for mut awaited in std::mem::take(&mut self.upstream).0 {
            let arrived = awaited.table.wait_for(Option::is_some).await.map_err(|_| Unconnected::NotWritten)?;
            tables.push((awaited.input, awaited.from, arrived.clone().ok_or(Unconnected::NotWritten)?));
        }
        if tables.is_empty() {
            return Ok(());
        }
        // Checking a table reads all of it.
        let mut connected = self.clone();
        let connecting = tokio::task::spawn_blocking(move || connected.set(tables).map(|()| connected));
        let connected = connecting.await.unwrap_or_else(|broken| Err(format!("a table cannot be read: {broken}")));
        *self = connected.map_err(Unconnected::Unfit)?;
        Ok(())
    }

    /// Sets the tables of inputs, and the options that name columns of theirs. Blocks.
    fn set(&mut self, tables: Vec<(usize, String, Arc<PassedTable>)>) -> Result<(), String> {
        let mut feeds: Vec<Option<TableSource>> = Vec::new();
        for (number, from, table) in tables {
            let declaration = self.block.inputs.as_deref().and_then(|declared| declared.get(number));
            let feed = open(declaration, &from, &table.segment)
                .map_err(|reason| format!("{from} does not fit {}: {reason}", self.called(number)))?;
            feeds.resize_with(feeds.len().max(number + 1), || None);
            feeds[number] = Some(feed);
        }
        feeds.resize_with(feeds.len().max(self.inputs.feeds().count()), || None);
        self.inputs = self.inputs.with(feeds.into_iter());
        let known: Vec<_> = self.inputs.feeds().map(|feed| feed.map(|feed| columns(&feed.known_schema()))).collect();
        let options = OptionValues::resolve(&self.block, &self.given_options, &known);
        self.options = options.map_err(|error| error.to_string())?;
        Ok(())
    }

    fn called(&self, number: usize) -> String {
        match self.block.inputs.as_deref().and_then(|declared| declared.get(number)) {
            Some(input) => format!("input {number} (`{}`) of `{}`", input.name, self.block.name),
            None => format!("input {number} of `{}`", self.block.name),
        }
    }
}

fn open(declaration: Option<&InputDeclaration>, from: &str, segment: &Segment) -> Result<TableSource, String> {
    let shared = segment.share().and_then(|shared| Segment::receive(shared, segment.length()));
    let feed = TableSource::of_segment(from, shared.map_err(|error| error.to_string())?);
    let feed = feed.map_err(|error| error.to_string())?;
    if let Some(declaration) = declaration {
        check_columns(&feed.known_schema(), &declaration.columns)?;
    }
    Ok(feed)
}
