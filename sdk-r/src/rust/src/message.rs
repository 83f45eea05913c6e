//! Fast messages. A script may show one in every turn of a loop, where a binding's work for its arguments costs more
//! than the message. This routine reads R's objects in place, and leaves everything that is not plain to
//! `client_message`.

#![allow(unsafe_code, reason = "R's interface is C's")]

use crate::failure::answer;
use crate::guard;
use extendr_api::prelude::*;
use extendr_ffi::{
    ALTREP, LENGTH, R_CHAR, R_MakeExternalPtr, R_NaString, R_NilValue, Rboolean, Rf_install, SEXP, SEXPTYPE,
    STRING_ELT, TYPEOF, cetype_t,
};
use longshore_client::Client;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::{Arc, Mutex, PoisonError, Weak};

#[allow(improper_ctypes, reason = "R's objects are opaque, and passed by pointer")]
unsafe extern "C" {
    fn Rf_inherits(object: SEXP, class: *const c_char) -> Rboolean;
    fn Rf_getCharCE(text: SEXP) -> c_int;
}

/// The client of the script's only API object.
static CURRENT: Mutex<Weak<Client>> = Mutex::new(Weak::new());

/// Sets the client that this routine uses.
pub(crate) fn set_current(client: &Arc<Client>) {
    *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(client);
}

/// `show` as a pointer for `.Call`, which accepts routines that are not in a library's table.
#[extendr]
fn message_routine() -> Robj {
    answer(guard::make(|| {
        // SAFETY: at a top level of R's. R calls the address with the two arguments that its callers pass.
        unsafe { R_MakeExternalPtr(show as *mut c_void, Rf_install(c"native symbol".as_ptr()), R_NilValue) }
    }))
}

/// Shows a message by replacing one that waits to be sent. Returns `NULL`; if that is not possible, the text.
unsafe extern "C" fn show(api: SEXP, text: SEXP) -> SEXP {
    // SAFETY: R calls this with two objects that live until it returns. Nothing here allocates in R or jumps: a string
    // that is not ALTREP has its bytes, which end with a zero.
    unsafe {
        let is_api = Rf_inherits(api, c"longshore_api".as_ptr()) == Rboolean::TRUE;
        let is_one = TYPEOF(text) == SEXPTYPE::STRSXP && ALTREP(text) == 0 && LENGTH(text) == 1;
        if is_api && is_one && plain(STRING_ELT(text, 0)).is_some_and(replace) { R_NilValue } else { text }
    }
}

/// The text of an element, if it is UTF-8 and not missing.
///
/// # Safety
/// `element` is an element of a vector of strings, and outlives the text.
unsafe fn plain<'a>(element: SEXP) -> Option<&'a str> {
    // SAFETY: as promised.
    let (missing, bytes, marked) = unsafe {
        (element == R_NaString, CStr::from_ptr(R_CHAR(element)), Rf_getCharCE(element) == cetype_t::CE_UTF8 as c_int)
    };
    let known = !missing && (marked || bytes.to_bytes().is_ascii());
    bytes.to_str().ok().filter(|_| known)
}

fn replace(text: &str) -> bool {
    let client = CURRENT.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
    client.is_some_and(|client| client.is_here() && client.replace_message(text))
}

extendr_module! {
    mod message;
    fn message_routine;
}
