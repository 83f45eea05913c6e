//! Calls into R that may jump. R reports an error with a jump over the stack, and Rust's frames must not be jumped
//! over, so such calls run at a top level of their own, where the jump ends.

#![allow(unsafe_code, reason = "R's interface is C's")]

use crate::failure::Failure;
use extendr_api::{GetSexp, Robj};
use extendr_ffi::{
    R_ExternalPtrAddr, R_MakeExternalPtr, R_NilValue, R_RegisterCFinalizerEx, Rboolean, Rf_protect, Rf_unprotect, SEXP,
};
use std::ffi::c_void;

unsafe extern "C" {
    fn R_ToplevelExec(run: unsafe extern "C" fn(*mut c_void), data: *mut c_void) -> Rboolean;
    fn R_CheckUserInterrupt();
}

struct Call<F> {
    act: F,
    made: SEXP,
}

/// Makes an R object by calls that may run out of memory.
///
/// `act` must own nothing that needs dropping while it calls R: its stack is lost when R jumps.
pub(crate) fn make<F: Fn() -> SEXP + Copy>(act: F) -> Result<Robj, Failure> {
    unsafe extern "C" fn run<F: Fn() -> SEXP + Copy>(data: *mut c_void) {
        // SAFETY: `make` passes a `Call<F>` that lives until this returns, and nothing else accesses it meanwhile.
        let call = unsafe { &mut *data.cast::<Call<F>>() };
        call.made = (call.act)();
    }
    // SAFETY: `R_NilValue` is set when R starts.
    let mut call = Call { act, made: unsafe { R_NilValue } };
    // SAFETY: this is R's thread, since R called the binding; `F` is `Copy`, so nothing is left undropped by a jump;
    // and the result is protected by `from_sexp` before R can collect it.
    unsafe {
        if R_ToplevelExec(run::<F>, (&raw mut call).cast()) == Rboolean::FALSE {
            return Err(Failure::memory());
        }
        Ok(Robj::from_sexp(call.made))
    }
}

/// An external pointer that owns `state`, and drops it when R collects the pointer, or ends.
pub(crate) fn own<T>(state: T) -> Result<Robj, Failure> {
    unsafe extern "C" fn finalize<T>(pointer: SEXP) {
        // SAFETY: R calls it once, for a pointer that `own` made of a box of this type.
        drop(unsafe { Box::from_raw(R_ExternalPtrAddr(pointer).cast::<T>()) });
    }
    let address = Box::into_raw(Box::new(state)).cast::<c_void>();
    // If R runs out of memory here, the state is leaked: it is unknown whether R has registered the finalizer.
    make(|| {
        // SAFETY: at a top level of R's; the pointer is protected until it is returned.
        unsafe {
            let pointer = Rf_protect(R_MakeExternalPtr(address, R_NilValue, R_NilValue));
            R_RegisterCFinalizerEx(pointer, Some(finalize::<T>), Rboolean::TRUE);
            Rf_unprotect(1);
            pointer
        }
    })
}

/// Whether the user or the host has interrupted R. Clears the interrupt: the caller must act on it.
pub(crate) fn interrupted() -> bool {
    unsafe extern "C" fn check(_: *mut c_void) {
        // SAFETY: called by R at a top level of its own, where it may jump.
        unsafe { R_CheckUserInterrupt() }
    }
    // SAFETY: waits happen on R's thread, in calls that R made.
    unsafe { R_ToplevelExec(check, std::ptr::null_mut()) == Rboolean::FALSE }
}

/// The pointer of an object, for calls into R.
pub(crate) fn pointer(object: &Robj) -> SEXP {
    // SAFETY: it is used while `object` lives.
    unsafe { object.get() }
}
