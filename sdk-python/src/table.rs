//! Python classes for inputs: as Arrow streams, and column by column as memory for numpy.

use crate::column::Column;
use crate::error::raise;
use crate::interval;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{ArrowError, DataType, FieldRef, TimeUnit};
use longshore_client::{InputBatches, InputTable};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::{PyChunkedArray, PyRecordBatch, PyTable};
use std::sync::Mutex;

/// A whole input.
#[pyclass(frozen, module = "longshore._longshore")]
pub(crate) struct Table {
    table: InputTable,
}

impl Table {
    pub(crate) fn new(table: InputTable) -> Self {
        Self { table }
    }

    /// A table that a run returned.
    pub(crate) fn of_parts(schema: arrow_schema::SchemaRef, batches: Vec<longshore_client::DecodedBatch>) -> Self {
        Self { table: InputTable { schema, batches } }
    }

    fn batches(&self) -> impl Iterator<Item = RecordBatch> {
        self.table.batches.iter().map(|decoded| decoded.batch.clone())
    }

    fn field(&self, index: usize) -> PyResult<&FieldRef> {
        self.table.schema.fields().get(index).ok_or_else(|| PyIndexError::new_err("no such column"))
    }

    /// The pieces of a column, one of each batch.
    fn pieces(&self, index: usize) -> Vec<&dyn Array> {
        self.table.batches.iter().map(|decoded| decoded.batch.column(index).as_ref()).collect()
    }

    /// A column in one piece: the memory of the segment, unless the table has several batches.
    fn whole(&self, index: usize) -> PyResult<ArrayRef> {
        let field = self.field(index)?;
        match self.table.batches.as_slice() {
            [] => Ok(arrow_array::new_empty_array(field.data_type())),
            [one] => Ok(one.batch.column(index).clone()),
            _ => arrow_select::concat::concat(&self.pieces(index)).map_err(broken),
        }
    }
}

#[pymethods]
impl Table {
    /// The columns' names, in order.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.table.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The number of rows.
    #[getter]
    fn rows(&self) -> usize {
        self.table.batches.iter().map(|decoded| decoded.batch.num_rows()).sum()
    }

    /// The columns' types, as Arrow writes them.
    #[getter]
    fn types(&self) -> Vec<String> {
        self.table.schema.fields().iter().map(|field| field.data_type().to_string()).collect()
    }

    /// A column's numpy kind: `int`, `float`, `bool`, `date`, `date64`, `timestamp`, `time`, `duration`, `text`, or
    /// `other`.
    fn kind(&self, index: usize) -> PyResult<&'static str> {
        let field = self.field(index)?;
        Ok(match field.data_type() {
            data_type if data_type.is_integer() => "int",
            DataType::Float16 | DataType::Float32 | DataType::Float64 => "float",
            DataType::Boolean => "bool",
            DataType::Date32 => "date",
            DataType::Date64 => "date64",
            DataType::Timestamp(..) => "timestamp",
            DataType::Time32(_) | DataType::Time64(_) => "time",
            DataType::Duration(_) => "duration",
            DataType::Utf8 | DataType::LargeUtf8 => "text",
            _ => "other",
        })
    }

    /// A timestamp column's zone, if it has one.
    fn zone(&self, index: usize) -> Option<String> {
        match self.table.schema.fields().get(index)?.data_type() {
            DataType::Timestamp(_, zone) => zone.as_ref().map(ToString::to_string),
            _ => None,
        }
    }

    /// A column's values as memory, undefined where null; only for kinds that are numbers, dates or booleans.
    fn values(&self, index: usize) -> PyResult<Column> {
        if let [one] = self.table.batches.as_slice()
            && let Some((_, bytes)) = one.boolean_bytes.iter().find(|(column, _)| *column == index)
        {
            return Ok(Column::new(bytes.as_ptr(), bytes.len(), "|b1", bytes.clone()));
        }
        let column = self.whole(index)?;
        let data = column.to_data();
        if *column.data_type() == DataType::Boolean {
            let bits = BooleanBuffer::new(data.buffers()[0].clone(), data.offset(), data.len());
            return Ok(bytes(bits.iter().map(u8::from).collect()));
        }
        let typestr = typestr(column.data_type()).ok_or_else(|| PyValueError::new_err("not a column of numbers"))?;
        let width = column.data_type().primitive_width().unwrap_or(1);
        let buffer = data.buffers()[0].slice_with_length(data.offset() * width, data.len() * width);
        Ok(Column::new(buffer.as_ptr(), data.len(), typestr, buffer))
    }

    /// Which values are null, as booleans; `None` if none is.
    fn nulls(&self, index: usize) -> PyResult<Option<Column>> {
        self.field(index)?;
        let pieces = self.pieces(index);
        if pieces.iter().all(|piece| piece.logical_null_count() == 0) {
            return Ok(None);
        }
        let mut nulls = Vec::with_capacity(self.rows());
        for piece in pieces {
            match piece.logical_nulls() {
                Some(valid) => nulls.extend(valid.iter().map(|valid| u8::from(!valid))),
                None => nulls.resize(nulls.len() + piece.len(), 0),
            }
        }
        Ok(Some(bytes(nulls)))
    }

    /// A column as a `pyarrow.ChunkedArray`.
    fn arrow_column<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let field = self.field(index)?;
        let columns = self.table.batches.iter().map(|decoded| interval::column(decoded.batch.column(index)));
        let pieces = columns.collect::<Result<_, _>>().map_err(broken)?;
        PyChunkedArray::try_new(pieces, interval::field(field))?.into_pyarrow(py)
    }

    /// The table as a `pyarrow.Table`.
    fn to_pyarrow<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let batches = self.batches().map(interval::batch).collect::<Result<_, _>>().map_err(broken)?;
        PyTable::try_new(batches, interval::schema(&self.table.schema))?.into_pyarrow(py)
    }

    /// The table as an Arrow C stream.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let table = PyTable::try_new(self.batches().collect(), self.table.schema.clone())?;
        Bound::new(py, table)?.call_method1("__arrow_c_stream__", (requested_schema,))
    }
}

/// An input batch by batch: an iterator of `pyarrow.RecordBatch`.
#[pyclass(frozen, module = "longshore._longshore")]
pub(crate) struct Batches {
    batches: Mutex<InputBatches>,
}

impl Batches {
    pub(crate) fn new(batches: InputBatches) -> Self {
        Self { batches: Mutex::new(batches) }
    }
}

#[pymethods]
impl Batches {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let next = py.detach(|| {
            let mut batches = self.batches.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            batches.next()
        });
        match next {
            None => Ok(None),
            Some(Err(error)) => Err(raise(error)),
            Some(Ok(decoded)) => {
                let batch = interval::batch(decoded.batch).map_err(broken)?;
                PyRecordBatch::new(batch).into_pyarrow(py).map(Some)
            }
        }
    }
}

/// A stream chunk by chunk: an iterator of `Table`.
#[pyclass(frozen, module = "longshore._longshore")]
pub(crate) struct Chunks {
    chunks: Mutex<longshore_client::Chunks>,
}

impl Chunks {
    pub(crate) fn new(chunks: longshore_client::Chunks) -> Self {
        Self { chunks: Mutex::new(chunks) }
    }
}

#[pymethods]
impl Chunks {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Table>> {
        let next = py.detach(|| self.chunks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next());
        next.transpose().map(|table| table.map(Table::new)).map_err(raise)
    }
}

fn bytes(values: Vec<u8>) -> Column {
    Column::new(values.as_ptr(), values.len(), "|b1", values)
}

/// numpy's name of a type, for types with the same memory layout in numpy.
fn typestr(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Int8 => "|i1",
        DataType::Int16 => "<i2",
        DataType::Int32 | DataType::Date32 => "<i4",
        DataType::Int64 | DataType::Date64 => "<i8",
        DataType::UInt8 => "|u1",
        DataType::UInt16 => "<u2",
        DataType::UInt32 => "<u4",
        DataType::UInt64 => "<u8",
        DataType::Float16 => "<f2",
        DataType::Float32 => "<f4",
        DataType::Float64 => "<f8",
        DataType::Timestamp(TimeUnit::Second, _) => "<M8[s]",
        DataType::Timestamp(TimeUnit::Millisecond, _) => "<M8[ms]",
        DataType::Timestamp(TimeUnit::Microsecond, _) => "<M8[us]",
        DataType::Timestamp(TimeUnit::Nanosecond, _) => "<M8[ns]",
        DataType::Duration(TimeUnit::Second) => "<m8[s]",
        DataType::Duration(TimeUnit::Millisecond) => "<m8[ms]",
        DataType::Duration(TimeUnit::Microsecond) => "<m8[us]",
        DataType::Duration(TimeUnit::Nanosecond) => "<m8[ns]",
        _ => return None,
    })
}

fn broken(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
