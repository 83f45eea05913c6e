//! The R functions for the connection. Every function returns a value or a `longshore_failure`; none raises.

use crate::altrep::Strings;
use crate::columns;
use crate::failure::{Failure, answer};
use crate::how::How;
use crate::parsed;
use crate::vectors;
use crate::write::Columns;
use crate::{guard, message};
use extendr_api::prelude::*;
use longshore_client::{
    Chunks, Client, ClientError, ConnectSettings, InputBatches, InputName, InputTable, OutputName, Software, Word,
};
use serde_json::Value;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

/// Connects to the host's socket, or to the folder of a dry run; a path that is not set is empty.
#[extendr]
fn client_connect(socket: &str, dry_run: &str) -> Robj {
    let path = |text: &str| Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty());
    let settings = ConnectSettings {
        socket: path(socket),
        dry_run: path(dry_run),
        software: Software { name: "longshore for R".into(), version: env!("CARGO_PKG_VERSION").into() },
        interrupted: Box::new(guard::interrupted),
    };
    let client = Client::connect(settings).map(Arc::new).inspect(message::set_current);
    answer(client.map(|client| ExternalPtr::new(client).into()).map_err(Failure::from))
}

/// The run's facts: id, block's name, script's file name, whether it is in a container, and the options.
#[extendr]
fn client_facts(client: ExternalPtr<Arc<Client>>) -> Robj {
    let facts = client.facts();
    let names: Vec<&str> = facts.options.keys().map(String::as_str).collect();
    let values = facts.options.values().map(option).collect::<Result<Vec<_>, _>>();
    answer(values.and_then(|values| {
        let options = vectors::attribute(vectors::list(&values)?, "names", &names)?;
        Ok(list!(
            run_id = facts.run_id.as_str(),
            block_name = facts.block_name.as_str(),
            file_name = facts.file_name.as_str(),
            container = facts.container,
            options = options
        )
        .into())
    }))
}

/// An option's value; `NULL` if it is not set.
fn option(value: &Value) -> Result<Robj, Failure> {
    match value {
        Value::Array(values) => parsed::texts(values),
        Value::Object(_) => Err(Failure::data("an option is a JSON object, which no kind of option allows")),
        other => parsed::value(other),
    }
}

/// A whole input: a list of columns, names and the number of rows, or `NULL`.
#[extendr]
fn client_read(client: ExternalPtr<Arc<Client>>, input: Robj, how: List) -> Robj {
    let table = client.read_input(&input_name(&input)).map_err(Failure::from);
    answer(table.and_then(|table| table.map_or(Ok(().into()), |table| whole(table, &How::new(&how)))))
}

fn whole(table: InputTable, how: &How) -> Result<Robj, Failure> {
    let batches: Vec<_> = table.batches.into_iter().map(|decoded| decoded.batch).collect();
    columns::table(&table.schema, &batches, how)
}

/// An input batch by batch, for `batches_next`, or `NULL`.
#[extendr]
fn client_read_batches(client: ExternalPtr<Arc<Client>>, input: Robj) -> Robj {
    let batches = client.read_batches(&input_name(&input)).map_err(Failure::from);
    answer(batches.map(|batches| batches.map_or(().into(), |batches| ExternalPtr::new(RefCell::new(batches)).into())))
}

/// The next batch, in the form of `client_read`, or `NULL` after the last.
#[extendr]
fn batches_next(batches: ExternalPtr<RefCell<InputBatches>>, how: List) -> Robj {
    let next = batches.borrow_mut().next().transpose().map_err(Failure::from);
    answer(next.and_then(|decoded| {
        let Some(decoded) = decoded else { return Ok(().into()) };
        columns::table(&decoded.batch.schema(), &[decoded.batch], &How::new(&how))
    }))
}

/// The stream that the script transforms, for `chunks_next`.
#[extendr]
fn client_chunks(client: ExternalPtr<Arc<Client>>) -> Robj {
    let chunks = client.chunks().map_err(Failure::from);
    answer(chunks.map(|chunks| ExternalPtr::new(RefCell::new(chunks)).into()))
}

/// The next chunk, in the form of `client_read`, or `NULL` after the last.
#[extendr]
fn chunks_next(chunks: ExternalPtr<RefCell<Chunks>>, how: List) -> Robj {
    let next = chunks.borrow_mut().next().transpose().map_err(Failure::from);
    answer(next.and_then(|table| table.map_or(Ok(().into()), |table| whole(table, &How::new(&how)))))
}

/// Appends columns to an output, by number from 0 or by id; without an output, the result of a chunk.
#[extendr]
fn client_write(client: ExternalPtr<Arc<Client>>, output: Robj, names: Robj, columns: List, rows: f64) -> Robj {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the R side gives a length")]
    let columns = Columns::new(&names, &columns, rows as usize);
    answer(columns.and_then(|mut columns| {
        let written = match output.is_null() {
            true => client.write_chunk(&mut columns),
            false => client.write_output(&output_name(&output), &mut columns),
        };
        match (columns.failure(), written) {
            (Some(failure), _) => Err(failure),
            (None, written) => written.map(|()| ().into()).map_err(Failure::from),
        }
    }))
}

/// The input that R passes: a number from 0, or a name.
pub(crate) fn input_name(input: &Robj) -> InputName {
    match input.as_str() {
        Some(name) => InputName::Name(name.into()),
        None => InputName::Number(input.as_integer().unwrap_or_default().unsigned_abs()),
    }
}

/// The output that R passes: a number from 0, or an id.
pub(crate) fn output_name(output: &Robj) -> OutputName {
    match output.as_str() {
        Some(id) => OutputName::Id(id.into()),
        None => OutputName::Number(output.as_integer().unwrap_or_default().unsigned_abs()),
    }
}

/// Shows a message; `message_routine` is faster.
#[extendr]
fn client_message(client: ExternalPtr<Arc<Client>>, text: Robj) -> Robj {
    let Ok(texts) = Strings::of(&text) else { return answer(Err(Failure::memory())) };
    let shown = texts.get(0).map(|text| text.unwrap_or("NA".into()));
    let shown = shown.unwrap_or_else(|_| "(a message that is not valid UTF-8)".into());
    done(client.update_message(&shown))
}

/// Shows progress.
#[extendr]
fn client_progress(client: ExternalPtr<Arc<Client>>, fraction: f64, text: Option<&str>) -> Robj {
    done(client.update_progress(fraction, text))
}

/// Shows and logs an error message.
#[extendr]
fn client_error(client: ExternalPtr<Arc<Client>>, text: &str) -> Robj {
    done(client.error(text))
}

/// Reports an error that ends the script.
#[extendr]
fn client_uncaught(client: ExternalPtr<Arc<Client>>, summary: &str) -> Robj {
    done(client.uncaught(summary))
}

/// Gives the verdict.
#[extendr]
fn client_conclude(client: ExternalPtr<Arc<Client>>, word: &str, message: Option<&str>) -> Robj {
    let word = match word {
        "commit" => Word::Commit,
        "close" => Word::Close,
        "cancel" => Word::Cancel,
        _ => Word::Abort,
    };
    done(client.conclude(word, message).map(drop))
}

/// Whether the script has given its verdict.
#[extendr]
fn client_concluded(client: ExternalPtr<Arc<Client>>) -> bool {
    client.has_concluded()
}

/// Ends a dry run in favour of a new one; `FALSE` in a run.
#[extendr]
fn client_replace_dry_run(client: ExternalPtr<Arc<Client>>) -> bool {
    client.replace_dry_run()
}

/// Reports that the script ends.
#[extendr]
fn client_end(client: ExternalPtr<Arc<Client>>) -> Robj {
    done(client.end())
}

fn done(result: Result<(), ClientError>) -> Robj {
    answer(result.map(|()| ().into()).map_err(Failure::from))
}

extendr_module! {
    mod client;
    fn client_connect;
    fn client_facts;
    fn client_read;
    fn client_read_batches;
    fn batches_next;
    fn client_chunks;
    fn chunks_next;
    fn client_write;
    fn client_message;
    fn client_progress;
    fn client_error;
    fn client_uncaught;
    fn client_conclude;
    fn client_concluded;
    fn client_replace_dry_run;
    fn client_end;
}
