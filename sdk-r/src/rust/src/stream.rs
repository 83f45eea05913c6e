//! Tables by the Arrow C stream interface, for the packages arrow and nanoarrow: passed in both directions without a
//! copy.

#![allow(unsafe_code, reason = "the C stream interface passes raw pointers")]

use crate::client::{input_name, output_name};
use crate::failure::{Failure, answer};
use crate::guard;
use crate::vectors;
use arrow_array::RecordBatchIterator;
use arrow_array::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use extendr_api::prelude::*;
use longshore_client::Client;
use std::sync::Arc;

/// Fills the C stream at an address with a whole input. Returns whether the input is connected.
#[extendr]
fn client_read_stream(client: ExternalPtr<Arc<Client>>, input: Robj, stream: Robj) -> Robj {
    let table = client.read_input(&input_name(&input)).map_err(Failure::from);
    answer(table.and_then(|table| {
        let Some(table) = table else { return Ok(false.into()) };
        let target = target(&stream)?;
        let batches: Vec<_> = table.batches.into_iter().map(|decoded| Ok(decoded.batch)).collect();
        let reader = RecordBatchIterator::new(batches, table.schema);
        // SAFETY: the R side passes a pointer to an allocated, empty C stream.
        unsafe { target.write(FFI_ArrowArrayStream::new(Box::new(reader))) };
        Ok(true.into())
    }))
}

/// Appends the tables of a C stream to an output. The stream is consumed.
#[extendr]
fn client_write_stream(client: ExternalPtr<Arc<Client>>, output: Robj, stream: Robj) -> Robj {
    answer(target(&stream).and_then(|source| {
        // SAFETY: the R side passes a pointer to a C stream that nothing else reads meanwhile; it is left released.
        let mut reader = unsafe { ArrowArrayStreamReader::from_raw(source) }
            .map_err(|error| Failure::data(format!("the stream cannot be read: {error}")))?;
        let written = match output.is_null() {
            true => client.write_chunk(&mut reader),
            false => client.write_output(&output_name(&output), &mut reader),
        };
        written.map(|()| ().into()).map_err(Failure::from)
    }))
}

/// The table of a C stream in shared memory, for a run of another block. The stream is consumed.
#[extendr]
fn caller_stream(stream: Robj) -> Robj {
    answer(target(&stream).and_then(|source| {
        // SAFETY: the R side passes a pointer to a C stream that nothing else reads meanwhile; it is left released.
        let mut reader = unsafe { ArrowArrayStreamReader::from_raw(source) }
            .map_err(|error| Failure::data(format!("the stream cannot be read: {error}")))?;
        Ok(ExternalPtr::new(longshore_caller::write_table(&mut reader)?).into())
    }))
}

/// A pointer to an empty C stream, in the form that nanoarrow uses.
#[extendr]
fn stream_allocate() -> Robj {
    answer(guard::own(FFI_ArrowArrayStream::empty()))
}

fn target(stream: &Robj) -> Result<*mut FFI_ArrowArrayStream, Failure> {
    let address = vectors::address(stream).cast::<FFI_ArrowArrayStream>();
    if address.is_null() { Err(Failure::data("the stream's pointer is empty: it was used up")) } else { Ok(address) }
}

extendr_module! {
    mod stream;
    fn client_read_stream;
    fn client_write_stream;
    fn caller_stream;
    fn stream_allocate;
}
