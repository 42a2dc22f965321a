//! Callers' memory, lent to the core without a copy, and new `bytes` filled in place.
//!
//! One of the two files of the bindings with `unsafe` in them. A buffer is held through Python's buffer
//! protocol: as long as it is held its exporter may neither move nor free the memory.

#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};
use std::mem::MaybeUninit;
use std::{ptr, slice};

use pyo3::exceptions::{PyBufferError, PyMemoryError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::tls;
use crate::tls::region::{Readable, Writable};

/// Something bytes-like to read from.
pub(super) enum Source<'py> {
    Bytes(Bound<'py, PyBytes>),
    Buffer(View<'py>),
}

impl<'py> Source<'py> {
    /// Holds the memory of an object with the buffer protocol.
    ///
    /// Raises `TypeError` for other objects and `BufferError` for memory that is not contiguous.
    pub(super) fn of(value: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.clone()));
        }
        View::of(value, ffi::PyBUF_SIMPLE).map(Self::Buffer)
    }

    /// The memory.
    pub(super) fn readable(&self) -> Readable<'_> {
        match self {
            Self::Bytes(bytes) => Readable::from(bytes.as_bytes()),
            // SAFETY: the buffer is held for as long as `self` is borrowed, so its exporter keeps
            // the memory where it is. Other threads may write to it meanwhile, which `Readable`
            // allows for.
            Self::Buffer(view) => unsafe { Readable::new(view.pointer(), view.len()) },
        }
    }
}

/// Something to write into.
pub(super) struct Target<'py>(View<'py>);

impl<'py> Target<'py> {
    /// Holds the memory of an object with the buffer protocol.
    ///
    /// Raises `TypeError` for other objects and for memory that cannot be written to, and
    /// `BufferError` for memory with gaps between items that are not bytes.
    pub(super) fn of(value: &Bound<'py, PyAny>) -> PyResult<Self> {
        let view = View::of(value, ffi::PyBUF_FULL_RO)?;
        if view.0.readonly != 0 {
            return Err(PyTypeError::new_err("the buffer is read-only"));
        }
        if view.0.itemsize != 1 && !view.is_contiguous() {
            return Err(PyBufferError::new_err("memory with gaps must have items of one byte"));
        }
        Ok(Self(view))
    }

    /// How many bytes there is room for, whatever the size of the items is.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Lets `read` fill the first `limit` bytes. It writes to the room that it is given and returns
    /// how many bytes it wrote.
    pub(super) fn fill(
        &self,
        py: Python<'_>,
        limit: usize,
        read: impl FnOnce(&Writable<'_>) -> PyResult<usize>,
    ) -> PyResult<usize> {
        let limit = limit.min(self.len());
        if self.0.is_contiguous() {
            // SAFETY: the buffer is held for as long as `self` is borrowed, so its exporter keeps
            // the memory where it is, and it is not read-only.
            return read(&unsafe { Writable::new(self.0.pointer(), limit) });
        }
        // Memory with gaps: there is no room to lend, so the bytes are copied to their places.
        let bytes = read_bytes(py, limit, read)?;
        let len = bytes.as_bytes().len();
        // SAFETY: the view is held and writable, and has room for as many bytes. With the memory
        // contiguous in the order of C on one side, this copies them one by one.
        let code = unsafe {
            let from = bytes.as_bytes().as_ptr().cast_mut().cast();
            ffi::PyBuffer_FromContiguous(
                (&raw const *self.0.0).cast_mut(),
                from,
                len as ffi::Py_ssize_t,
                ORDER,
            )
        };
        if code == 0 { Ok(len) } else { Err(PyErr::fetch(py)) }
    }
}

/// The order of C, for the buffer functions.
const ORDER: c_char = b'C' as c_char;

/// Memory that an object exports, held until this is dropped. An exporter may have put pointers
/// into the structure itself, which therefore stays in its place.
pub(super) struct View<'py>(Box<ffi::Py_buffer>, Python<'py>);

impl<'py> View<'py> {
    /// Raises what the exporter raises: `TypeError` if the object exports no memory, `BufferError`
    /// if it does not have what the flags ask for.
    fn of(value: &Bound<'py, PyAny>, flags: c_int) -> PyResult<Self> {
        let mut view = Box::new(ffi::Py_buffer::new());
        // SAFETY: the structure is empty, and lives in its place until it is released.
        if unsafe { ffi::PyObject_GetBuffer(value.as_ptr(), &raw mut *view, flags) } == 0 {
            Ok(Self(view, value.py()))
        } else {
            Err(PyErr::fetch(value.py()))
        }
    }

    fn pointer(&self) -> *mut u8 {
        self.0.buf.cast()
    }

    fn len(&self) -> usize {
        usize::try_from(self.0.len).unwrap_or(0)
    }

    fn is_contiguous(&self) -> bool {
        // SAFETY: the structure is filled.
        unsafe { ffi::PyBuffer_IsContiguous(&raw const *self.0, ORDER) != 0 }
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        // SAFETY: it was filled, and is released once, by a thread that is attached: the token beside
        // it cannot get into what runs detached.
        unsafe { ffi::PyBuffer_Release(&raw mut *self.0) }
    }
}

/// The plaintext of one record at most (RFC 8446 section 5.1): with as much room a read never leaves
/// part of a record behind.
const RECORD: usize = 16 * 1024;

/// `bytes` of at most `limit` bytes, or as many as a record can have, whichever is less. `read` writes
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
    let size = ffi::Py_ssize_t::try_from(len).map_err(|_| PyMemoryError::new_err(()))?;
    // SAFETY: without a string to copy, the object's bytes are not initialised. It is ours alone, and
    // nobody sees it before they are.
    let (bytes, room) = unsafe {
        let bytes =
            Bound::from_owned_ptr_or_err(py, ffi::PyBytes_FromStringAndSize(ptr::null(), size))?;
        let room = ffi::PyBytes_AsString(bytes.as_ptr()).cast::<u8>();
        (bytes.cast_into_unchecked::<PyBytes>(), Writable::new(room, len))
    };
    if write(&room)? == len {
        Ok(bytes)
    } else {
        Err(PyMemoryError::new_err("fewer bytes came than there were"))
    }
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
