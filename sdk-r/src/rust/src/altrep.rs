//! Vectors that are views: numbers in the segment, and text whose elements are made when they are accessed. Each keeps
//! the memory that it points into alive until R collects the vector.

#![allow(unsafe_code, reason = "ALTREP is C callbacks over raw pointers")]

use crate::failure::Failure;
use crate::guard;
use crate::text::Text;
use arrow_buffer::Buffer;
use extendr_api::Robj;
use extendr_ffi::{
    ALTREP, MARK_NOT_MUTABLE, R_CHAR, R_ExternalPtrAddr, R_NaString, R_NilValue, R_altrep_class_t, R_altrep_data1,
    R_altrep_data2, R_altrep_inherits, R_make_altinteger_class, R_make_altreal_class, R_make_altstring_class,
    R_new_altrep, R_set_altrep_Length_method, R_set_altrep_data2, R_set_altstring_Elt_method,
    R_set_altstring_Set_elt_method, R_set_altvec_Dataptr_method, R_set_altvec_Dataptr_or_null_method, R_xlen_t,
    Rboolean, Rf_allocVector, Rf_mkCharLenCE, SET_STRING_ELT, SEXP, SEXPTYPE, STRING_ELT, STRING_PTR_RO, cetype_t,
};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::str::Utf8Error;
use std::sync::OnceLock;

/// Numbers in this process's own memory: mapped privately, so that a write is not visible elsewhere.
struct Numbers {
    memory: Buffer,
    length: usize,
}

/// Text whose elements are made on access. Made elements are in the vector's second slot, which also keeps them alive.
struct Unseen {
    /// `None` when all elements have been made.
    text: RefCell<Option<Text>>,
    length: usize,
    seen: Vec<Cell<u64>>,
    left: Cell<usize>,
}

impl Unseen {
    fn has_seen(&self, row: usize) -> bool {
        self.seen[row / 64].get() & (1 << (row % 64)) != 0
    }
}

unsafe extern "C" {
    fn Rf_getCharCE(string: *mut c_void) -> c_int;
}

/// The classes, made once.
struct Classes {
    doubles: R_altrep_class_t,
    integers: R_altrep_class_t,
    strings: R_altrep_class_t,
}

// SAFETY: R has one thread, and only calls made by R reach this.
unsafe impl Send for Classes {}
// SAFETY: as above.
unsafe impl Sync for Classes {}

static CLASSES: OnceLock<Classes> = OnceLock::new();

fn classes() -> &'static Classes {
    CLASSES.get_or_init(|| {
        let (package, none) = (c"longshore".as_ptr(), std::ptr::null_mut());
        // SAFETY: called on R's thread; names are static, and methods have the types that R expects.
        unsafe {
            let doubles = R_make_altreal_class(c"longshore_doubles".as_ptr(), package, none);
            let integers = R_make_altinteger_class(c"longshore_integers".as_ptr(), package, none);
            let strings = R_make_altstring_class(c"longshore_strings".as_ptr(), package, none);
            for class in [doubles, integers] {
                R_set_altrep_Length_method(class, Some(numbers_length));
                R_set_altvec_Dataptr_method(class, Some(numbers_pointer));
                R_set_altvec_Dataptr_or_null_method(class, Some(numbers_pointer_or_null));
            }
            R_set_altrep_Length_method(strings, Some(strings_length));
            R_set_altvec_Dataptr_method(strings, Some(strings_pointer));
            R_set_altvec_Dataptr_or_null_method(strings, Some(strings_pointer_or_null));
            R_set_altstring_Elt_method(strings, Some(strings_element));
            R_set_altstring_Set_elt_method(strings, Some(strings_set_element));
            Classes { doubles, integers, strings }
        }
    })
}

/// Doubles over `memory`, which must contain them at its start, aligned.
pub(crate) fn doubles(memory: Buffer, length: usize) -> Result<Robj, Failure> {
    view(classes().doubles, Numbers { memory, length })
}

/// Integers over `memory`, which must contain them at its start, aligned, and none that R treats as NA.
pub(crate) fn integers(memory: Buffer, length: usize) -> Result<Robj, Failure> {
    view(classes().integers, Numbers { memory, length })
}

/// Text whose elements are made on access.
pub(crate) fn strings(text: Text) -> Result<Robj, Failure> {
    let length = text.len();
    let seen = vec![Cell::new(0); length.div_ceil(64)];
    view(classes().strings, Unseen { text: RefCell::new(Some(text)), length, seen, left: Cell::new(length) })
}

/// A vector of a class over a state that it owns.
fn view<T>(class: R_altrep_class_t, state: T) -> Result<Robj, Failure> {
    let owner = guard::own(state)?;
    let pointer = guard::pointer(&owner);
    guard::make(|| {
        // SAFETY: at a top level of R's; `owner` keeps the pointer until the vector does.
        unsafe {
            let vector = R_new_altrep(class, pointer, R_NilValue);
            MARK_NOT_MUTABLE(vector);
            vector
        }
    })
}

/// The state of a vector of this module's classes.
///
/// # Safety
/// `vector` is of a class whose state is a `T`.
unsafe fn state<'a, T>(vector: SEXP) -> &'a T {
    // SAFETY: the first slot is the pointer that `view` made, and the vector keeps it alive.
    unsafe { &*R_ExternalPtrAddr(R_altrep_data1(vector)).cast::<T>() }
}

fn length(length: usize) -> R_xlen_t {
    R_xlen_t::try_from(length).unwrap_or(R_xlen_t::MAX)
}

unsafe extern "C" fn numbers_length(vector: SEXP) -> R_xlen_t {
    // SAFETY: registered for numbers alone.
    length(unsafe { state::<Numbers>(vector) }.length)
}

unsafe extern "C" fn numbers_pointer(vector: SEXP, _writable: Rboolean) -> *mut c_void {
    // SAFETY: registered for numbers alone. The memory is this process's own and mapped for writing, so R may.
    unsafe { state::<Numbers>(vector) }.memory.as_ptr().cast_mut().cast()
}

unsafe extern "C" fn numbers_pointer_or_null(vector: SEXP) -> *const c_void {
    // SAFETY: registered for numbers alone.
    unsafe { state::<Numbers>(vector) }.memory.as_ptr().cast()
}

unsafe extern "C" fn strings_length(vector: SEXP) -> R_xlen_t {
    // SAFETY: registered for strings alone.
    length(unsafe { state::<Unseen>(vector) }.length)
}

/// The plain vector with the made elements; it is made on the first access.
///
/// # Safety
/// As for `state`, of strings. May jump.
unsafe fn plain(vector: SEXP) -> SEXP {
    // SAFETY: the second slot is a string vector of this module or nil.
    unsafe {
        let plain = R_altrep_data2(vector);
        if plain != R_NilValue {
            return plain;
        }
        let made = Rf_allocVector(SEXPTYPE::STRSXP, length(state::<Unseen>(vector).length));
        R_set_altrep_data2(vector, made);
        made
    }
}

unsafe extern "C" fn strings_element(vector: SEXP, index: R_xlen_t) -> SEXP {
    // SAFETY: registered for strings alone, and R requests existing elements only. R may jump out of `plain` and
    // `character`: until then nothing here is borrowed or owned.
    unsafe {
        let plain = plain(vector);
        let unseen = state::<Unseen>(vector);
        let at = usize::try_from(index).unwrap_or(0);
        if !unseen.has_seen(at) {
            if let Some(text) = (*unseen.text.as_ptr()).as_ref() {
                SET_STRING_ELT(plain, index, character(text.get(at)));
            }
            let word = &unseen.seen[at / 64];
            word.set(word.get() | (1 << (at % 64)));
            unseen.left.set(unseen.left.get() - 1);
            if unseen.left.get() == 0 {
                unseen.text.replace(None);
            }
        }
        STRING_ELT(plain, index)
    }
}

unsafe extern "C" fn strings_pointer(vector: SEXP, _writable: Rboolean) -> *mut c_void {
    // SAFETY: registered for strings alone; each element is made before the pointer is returned.
    unsafe {
        for index in 0..state::<Unseen>(vector).length {
            strings_element(vector, length(index));
        }
        STRING_PTR_RO(plain(vector)).cast_mut().cast()
    }
}

unsafe extern "C" fn strings_pointer_or_null(vector: SEXP) -> *const c_void {
    // SAFETY: registered for strings alone.
    unsafe {
        let all_seen = state::<Unseen>(vector).left.get() == 0;
        if all_seen && R_altrep_data2(vector) != R_NilValue {
            return STRING_PTR_RO(R_altrep_data2(vector)).cast();
        }
    }
    std::ptr::null()
}

unsafe extern "C" fn strings_set_element(vector: SEXP, index: R_xlen_t, value: SEXP) {
    // SAFETY: registered for strings alone. The element is marked as made before it is replaced.
    unsafe {
        strings_element(vector, index);
        SET_STRING_ELT(R_altrep_data2(vector), index, value);
    }
}

/// An R string: NA for `None`.
///
/// # Safety
/// On R's thread. May jump. The text contains no NUL.
pub(crate) unsafe fn character(text: Option<&str>) -> SEXP {
    // SAFETY: R copies the bytes; a length beyond its limit is R's error.
    unsafe {
        match text {
            Some(text) => {
                let length = c_int::try_from(text.len()).unwrap_or(-1);
                Rf_mkCharLenCE(text.as_ptr().cast(), length, cetype_t::CE_UTF8)
            }
            None => R_NaString,
        }
    }
}

/// Text by row, of plain vectors and of views.
pub(crate) enum Strings<'a> {
    /// A vector of R's: all elements exist.
    Plain(&'a Robj),
    /// A view of this module: elements that are not made yet are read without making R strings.
    Unseen(&'a Robj),
}

impl<'a> Strings<'a> {
    /// A character vector. An ALTREP vector of another class is made to create all its strings.
    pub(crate) fn of(vector: &'a Robj) -> Result<Self, Failure> {
        let pointer = guard::pointer(vector);
        // SAFETY: `vector` is alive, and R's thread is this one.
        unsafe {
            if ALTREP(pointer) == 0 {
                return Ok(Self::Plain(vector));
            }
            if R_altrep_inherits(pointer, classes().strings) == Rboolean::TRUE {
                return Ok(Self::Unseen(vector));
            }
        }
        guard::make(|| {
            // SAFETY: at a top level of R's.
            unsafe {
                STRING_PTR_RO(pointer);
                R_NilValue
            }
        })?;
        Ok(Self::Plain(vector))
    }

    /// The text of an existing row; `None` is NA. Fails if it is not valid UTF-8.
    pub(crate) fn get(&self, row: usize) -> Result<Option<Cow<'a, str>>, Utf8Error> {
        let index = length(row);
        match self {
            // SAFETY: all strings exist, and the vector keeps them.
            Self::Plain(vector) => unsafe { text(STRING_ELT(guard::pointer(vector), index)) },
            // SAFETY: `of` has checked the class. Made elements are in the plain vector; nothing is made here.
            Self::Unseen(vector) => unsafe {
                let vector = guard::pointer(vector);
                let unseen = state::<Unseen>(vector);
                if unseen.has_seen(row) {
                    return text(STRING_ELT(R_altrep_data2(vector), index));
                }
                let values = (*unseen.text.as_ptr()).as_ref();
                Ok(values.and_then(|values| values.get(row)).map(Cow::Borrowed))
            },
        }
    }
}

/// The text of an R string; `None` for NA. R marks text as Latin-1, UTF-8, or not at all, which is UTF-8 here.
///
/// # Safety
/// `string` is a string of R's that outlives `'a`.
unsafe fn text<'a>(string: SEXP) -> Result<Option<Cow<'a, str>>, Utf8Error> {
    // SAFETY: R ends its strings with a NUL, and they contain none.
    unsafe {
        if string == R_NaString {
            return Ok(None);
        }
        let bytes = std::ffi::CStr::from_ptr(R_CHAR(string)).to_bytes();
        if Rf_getCharCE(string.cast()) == cetype_t::CE_LATIN1 as c_int {
            return Ok(Some(bytes.iter().map(|byte| char::from(*byte)).collect()));
        }
        std::str::from_utf8(bytes).map(|text| Some(Cow::Borrowed(text)))
    }
}
