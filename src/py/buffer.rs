//! Callers' memory, lent to the core without a copy, and new `bytes` filled in place.
//!
//! The one file of the bindings with `unsafe` in it. A buffer is held through Python's buffer
//! protocol: as long as it is held its exporter may neither move nor free the memory.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::slice;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::tls;
use crate::tls::region::{Readable, Writable};

/// Something bytes-like to read from.
pub(super) enum Source<'py> {
    Bytes(Bound<'py, PyBytes>),
    Buffer(PyUntypedBuffer),
}

impl<'py> Source<'py> {
    /// Holds the memory of an object with the buffer protocol.
    ///
    /// Raises `TypeError` for other objects and `BufferError` for memory that is not contiguous.
    pub(super) fn of(value: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.clone()));
        }
        contiguous(value).map(Self::Buffer)
    }

    /// The memory.
    pub(super) fn readable(&self) -> Readable<'_> {
        match self {
            Self::Bytes(bytes) => Readable::from(bytes.as_bytes()),
            // SAFETY: the buffer is held for as long as `self` is borrowed, so its exporter keeps
            // the memory where it is. Other threads may write to it meanwhile, which `Readable`
            // allows for.
            Self::Buffer(buffer) => unsafe {
                Readable::new(buffer.buf_ptr().cast(), buffer.len_bytes())
            },
        }
    }
}

/// Something to write into.
pub(super) struct Target(PyUntypedBuffer);

impl Target {
    /// Holds the memory of an object with the buffer protocol.
    ///
    /// Raises `TypeError` for other objects and for memory that cannot be written to, and
    /// `BufferError` for memory that is not contiguous.
    pub(super) fn of(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = contiguous(value)?;
        if buffer.readonly() {
            return Err(PyTypeError::new_err("the buffer is read-only"));
        }
        Ok(Self(buffer))
    }

    /// The memory; how many bytes it has is independent of the size of its items.
    pub(super) fn writable(&self) -> Writable<'_> {
        // SAFETY: the buffer is held for as long as `self` is borrowed, so its exporter keeps the
        // memory where it is, and it is not read-only.
        unsafe { Writable::new(self.0.buf_ptr().cast(), self.0.len_bytes()) }
    }
}

fn contiguous(value: &Bound<'_, PyAny>) -> PyResult<PyUntypedBuffer> {
    let buffer = PyUntypedBuffer::get(value)?;
    if buffer.is_c_contiguous() {
        Ok(buffer)
    } else {
        Err(PyBufferError::new_err("the buffer is not contiguous"))
    }
}

/// The plaintext of one record: what a read can bring at most.
const RECORD: usize = 16 * 1024;

/// `bytes` of at most `limit` bytes, or as many as a record has, whichever is less. `read` writes
/// to the room that it is given and returns how many bytes it wrote.
pub(super) fn read_bytes<'py>(
    py: Python<'py>,
    limit: usize,
    read: impl FnOnce(&Writable<'_>) -> PyResult<usize>,
) -> PyResult<Bound<'py, PyBytes>> {
    // On the stack, and not cleared: most records are small, and the object is made once, of the
    // right size.
    let mut room = [MaybeUninit::<u8>::uninit(); RECORD];
    let count = read(&Writable::from(&mut room[..]).limit(limit))?.min(RECORD);
    // SAFETY: `read` is one of the core's, which have written as many bytes as they say.
    let bytes = unsafe { slice_of(&room[..count]) };
    Ok(PyBytes::new(py, bytes))
}

/// `bytes` of exactly `len` bytes. `write` writes all of them to the room that it is given, or
/// fails.
pub(super) fn new_bytes(
    py: Python<'_>,
    len: usize,
    write: impl FnOnce(&Writable<'_>) -> tls::Result<usize>,
) -> PyResult<Bound<'_, PyBytes>> {
    PyBytes::new_with(py, len, |room| {
        let written = write(&Writable::from(room))?;
        debug_assert_eq!(written, len);
        Ok(())
    })
}

/// # Safety
///
/// Every byte is initialised.
unsafe fn slice_of(bytes: &[MaybeUninit<u8>]) -> &[u8] {
    let pointer = bytes.as_ptr().cast();
    // SAFETY: same place, same length, and the caller's promise. The pointer is a slice's.
    #[expect(clippy::disallowed_methods, reason = "the pointer is not null")]
    unsafe {
        slice::from_raw_parts(pointer, bytes.len())
    }
}
