//! R vectors as memory: created and filled for reading, accessed for writing.

#![allow(unsafe_code, reason = "R's vectors are raw memory")]

use crate::altrep::character;
use crate::failure::Failure;
use crate::guard::{self, pointer};
use crate::text::Text;
use arrow_buffer::Buffer;
use extendr_api::{Attributes, Length, Rinternals, Robj};
use extendr_ffi::{R_xlen_t, Rf_allocVector, Rf_protect, Rf_unprotect, SET_STRING_ELT, SET_VECTOR_ELT, SEXP, SEXPTYPE};
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

/// R's NA among integers and logicals.
pub(crate) const NA_INTEGER: i32 = i32::MIN;

/// R's NA among integers of the package bit64.
pub(crate) const NA_INTEGER64: i64 = i64::MIN;

/// R's NA among doubles: a NaN with a special lower half.
const NA_DOUBLE: u64 = 0x7FF0_0000_0000_07A2;

/// R's NA among doubles.
pub(crate) fn na_double() -> f64 {
    f64::from_bits(NA_DOUBLE)
}

/// Whether a double is R's NA, and not just any NaN.
pub(crate) fn is_na(value: f64) -> bool {
    value.is_nan() && value.to_bits() & 0xFFFF_FFFF == NA_DOUBLE & 0xFFFF_FFFF
}

fn allocate(kind: SEXPTYPE, length: usize) -> Result<Robj, Failure> {
    let length = R_xlen_t::try_from(length).map_err(|_| Failure::memory())?;
    // SAFETY: at a top level of R's.
    guard::make(|| unsafe { Rf_allocVector(kind, length) })
}

/// Doubles, one by one.
pub(crate) fn doubles(length: usize, value: impl Fn(usize) -> f64) -> Result<Robj, Failure> {
    let mut vector = allocate(SEXPTYPE::REALSXP, length)?;
    let slice = vector.as_real_slice_mut().unwrap_or_default();
    slice.iter_mut().enumerate().for_each(|(row, place)| *place = value(row));
    Ok(vector)
}

/// Integers, one by one.
pub(crate) fn integers(length: usize, value: impl Fn(usize) -> i32) -> Result<Robj, Failure> {
    let mut vector = allocate(SEXPTYPE::INTSXP, length)?;
    let slice = vector.as_integer_slice_mut().unwrap_or_default();
    slice.iter_mut().enumerate().for_each(|(row, place)| *place = value(row));
    Ok(vector)
}

/// Logicals, one by one; `None` is NA.
pub(crate) fn logicals(length: usize, value: impl Fn(usize) -> Option<bool>) -> Result<Robj, Failure> {
    let vector = allocate(SEXPTYPE::LGLSXP, length)?;
    // SAFETY: a vector of logicals that was just made, with `length` of them.
    let slice = unsafe { std::slice::from_raw_parts_mut(extendr_ffi::LOGICAL(pointer(&vector)), length) };
    slice.iter_mut().enumerate().for_each(|(row, place)| *place = value(row).map_or(NA_INTEGER, i32::from));
    Ok(vector)
}

/// Bytes.
pub(crate) fn raws(bytes: &[u8]) -> Result<Robj, Failure> {
    let vector = allocate(SEXPTYPE::RAWSXP, bytes.len())?;
    // SAFETY: a raw vector that was just made, as long as `bytes`.
    unsafe { std::slice::from_raw_parts_mut(extendr_ffi::RAW(pointer(&vector)), bytes.len()) }.copy_from_slice(bytes);
    Ok(vector)
}

/// Text of a range of rows, all of it at once.
pub(crate) fn strings(text: &Text, rows: Range<usize>) -> Result<Robj, Failure> {
    characters(rows.len(), |row| text.get(rows.start + row))
}

/// Text, one by one. No value may contain a NUL.
pub(crate) fn characters<'a>(length: usize, value: impl Fn(usize) -> Option<&'a str>) -> Result<Robj, Failure> {
    let (rows, value) = (R_xlen_t::try_from(length).map_err(|_| Failure::memory())?, &value);
    guard::make(|| {
        // SAFETY: at a top level of R's; `value` returns references only, so a jump leaks nothing.
        unsafe {
            let vector = Rf_protect(Rf_allocVector(SEXPTYPE::STRSXP, rows));
            for row in 0..rows {
                SET_STRING_ELT(vector, row, character(value(row.unsigned_abs())));
            }
            Rf_unprotect(1);
            vector
        }
    })
}

/// A list of elements that exist.
pub(crate) fn list(elements: &[Robj]) -> Result<Robj, Failure> {
    let length = R_xlen_t::try_from(elements.len()).map_err(|_| Failure::memory())?;
    guard::make(|| {
        // SAFETY: at a top level of R's; the elements are alive, and putting them in makes nothing.
        unsafe {
            let vector = Rf_allocVector(SEXPTYPE::VECSXP, length);
            for (index, element) in (0..length).zip(elements) {
                SET_VECTOR_ELT(vector, index, pointer(element));
            }
            vector
        }
    })
}

/// An attribute that is text.
pub(crate) fn attribute(mut vector: Robj, name: &str, values: &[&str]) -> Result<Robj, Failure> {
    let value = characters(values.len(), |index| values.get(index).copied())?;
    vector.set_attrib(name, value).map_err(|error| Failure::data(error.to_string()))?;
    Ok(vector)
}

/// The logicals of a vector, as R stores them.
pub(crate) fn logical_slice(vector: &Robj) -> &[i32] {
    if !vector.is_logical() {
        return &[];
    }
    // SAFETY: a vector of logicals, alive as long as the slice.
    unsafe { std::slice::from_raw_parts(extendr_ffi::LOGICAL(pointer(vector)), vector.len()) }
}

/// The bytes of a raw vector; `None` for any other object.
pub(crate) fn bytes(vector: &Robj) -> Option<&[u8]> {
    // SAFETY: a raw vector, alive as long as the slice.
    vector.is_raw().then(|| unsafe { std::slice::from_raw_parts(extendr_ffi::RAW(pointer(vector)), vector.len()) })
}

/// Memory of an R vector as an Arrow buffer, without a copy. It must not be used after the vector may be collected:
/// writing an output copies it before the call with the vector returns.
pub(crate) fn borrow<T>(values: &[T]) -> Buffer {
    let bytes = std::mem::size_of_val(values);
    let Some(address) = NonNull::new(values.as_ptr().cast_mut().cast::<u8>()).filter(|_| bytes > 0) else {
        // Even for an empty buffer the address must be aligned.
        return Buffer::from_vec(Vec::<u128>::new());
    };
    // SAFETY: the memory is `values`; the caller keeps it alive as long as the buffer.
    unsafe { Buffer::from_custom_allocation(address, bytes, Arc::new(())) }
}

/// The memory address in an external pointer.
pub(crate) fn address(object: &Robj) -> *mut std::ffi::c_void {
    let object: SEXP = pointer(object);
    // SAFETY: R checks the type, and gives null for a pointer that was cleared.
    unsafe { extendr_ffi::R_ExternalPtrAddr(object) }
}
