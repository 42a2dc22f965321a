//! `ERR_*`: this thread's error queue.

use std::ffi::{CStr, c_int, c_ulong};

use pyo3::prelude::*;

use super::add_functions;
use super::arguments::Chars;
use super::handle::{Handle, Named};
use crate::tls::{error, queue};

/// ``unsigned long ERR_get_error(void)``: removes the oldest entry; 0 if there is none.
#[pyfunction(name = "ERR_get_error")]
fn get_error() -> c_ulong {
    queue::take().unwrap_or(0)
}

/// ``unsigned long ERR_peek_error(void)``: the oldest entry, which stays; 0 if there is none.
#[pyfunction(name = "ERR_peek_error")]
fn peek_error() -> c_ulong {
    queue::first().unwrap_or(0)
}

/// ``void ERR_clear_error(void)``: removes every entry.
#[pyfunction(name = "ERR_clear_error")]
fn clear_error() {
    error::clear_queue();
}

/// ``void ERR_put_error(int, int, int, const char *, int)``: adds an entry. OpenSSL no longer keeps
/// the number of the function; the file and the line are left out.
#[pyfunction(name = "ERR_put_error", signature = (library, function, reason, file, line, /))]
fn put_error(library: c_int, function: c_int, reason: c_int, file: Chars<'_>, line: c_int) {
    let _ = (function, file, line);
    queue::put_reason(library, reason);
}

/// ``const char *ERR_lib_error_string(unsigned long)``: the library that an entry names.
#[pyfunction(name = "ERR_lib_error_string", signature = (code, /))]
fn lib_error_string(code: c_ulong) -> Handle {
    text(queue::library_text(code))
}

/// ``const char *ERR_func_error_string(unsigned long)``: ``NULL`` since OpenSSL 3.0.
#[pyfunction(name = "ERR_func_error_string", signature = (code, /))]
fn func_error_string(code: c_ulong) -> Handle {
    let _ = code;
    Handle::null()
}

/// ``const char *ERR_reason_error_string(unsigned long)``: the reason that an entry names.
#[pyfunction(name = "ERR_reason_error_string", signature = (code, /))]
fn reason_error_string(code: c_ulong) -> Handle {
    text(queue::reason_text(code))
}

fn text(text: Option<&'static CStr>) -> Handle {
    text.map_or_else(Handle::null, |text| Handle::of(Named::Text(text)))
}

pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    add_functions!(
        module,
        get_error,
        peek_error,
        clear_error,
        put_error,
        lib_error_string,
        func_error_string,
        reason_error_string,
    );
    Ok(())
}
