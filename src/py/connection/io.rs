//! Moving data, to and from the peer, and to and from memory buffers; and the end of it.

use std::ffi::c_int;

use pyo3::exceptions::{PyNotImplementedError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyTuple};

use super::Connection;
use crate::py::arguments::{Blame, bytes_or_text, integer};
use crate::py::attachment::detach;
use crate::py::buffer::{Source, Target, new_bytes, read_bytes};
use crate::py::callbacks::check_signals;
use crate::py::names;
use crate::tls::Error;
use crate::tls::connection::Step;
use crate::tls::region::Writable;

/// `socket.MSG_PEEK`.
const MSG_PEEK: i64 = libc::MSG_PEEK as i64;
/// The most that OpenSSL moves in one call.
const MAX_SIZE: usize = c_int::MAX as usize;

/// A number of bytes that a caller asked for: as many as C can express.
fn size(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let size: i64 = value.extract()?;
    let size = usize::try_from(size)
        .map_err(|_| PyValueError::new_err("the size must not be negative"))?;
    if size > MAX_SIZE {
        return Err(PyOverflowError::new_err(format!("integer {size} does not fit '32-bit int'")));
    }
    Ok(size)
}

/// Whether the flags of a read ask to leave the data.
fn is_peek(flags: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
    flags.map_or(Ok(false), |flags| flags.bitand(MSG_PEEK)?.is_truthy())
}

/// What is said to whoever uses memory buffers that are not there.
fn no_memory() -> PyErr {
    PyTypeError::new_err("Connection sock was not None")
}

impl Connection {
    fn read_into(&self, py: Python<'_>, room: &Writable<'_>, peek: bool) -> PyResult<usize> {
        if room.is_empty() {
            self.inner()?;
            return Ok(0);
        }
        if peek {
            self.transfer(py, |step| step.peek(room), |core, wait| core.peek(room, wait))
        } else {
            self.transfer(py, |step| step.read(room), |core, wait| core.read(room, wait))
        }
    }
}

#[pymethods]
impl Connection {
    /// Get how many bytes can be read without looking at the transport.
    ///
    /// :return: the number of bytes that have been decrypted and not been read.
    ///
    /// OpenSSL: ``SSL_pending``.
    fn pending(&self, py: Python<'_>) -> PyResult<c_int> {
        self.step(py, |step| step.pending())
    }

    /// Send data to the peer: at least one byte, and not always all.
    ///
    /// :param buf: the data, as :class:`bytes` or anything else with the buffer protocol; at most
    ///     2**31-1 bytes. A :class:`str` is taken with a warning, as UTF-8.
    /// :param flags: is ignored; it is there for compatibility with sockets.
    /// :return: how many bytes were sent.
    /// :raises ValueError: if there are too many.
    /// :raises WantReadError, WantWriteError: if nothing could be sent yet. Call again with the
    ///     same data.
    /// :raises ZeroReturnError, SysCallError, Error: if the connection is closed or has failed.
    /// :raises RuntimeError: in the handler of a signal that interrupted another write.
    ///
    /// OpenSSL: ``SSL_write``.
    #[pyo3(signature = (buf, flags=None), text_signature = "($self, buf, flags=0)")]
    fn send(
        &self,
        py: Python<'_>,
        buf: &Bound<'_, PyAny>,
        flags: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let _ = flags;
        let buf = bytes_or_text(buf, "buf", Blame::Caller)?;
        let source = Source::of(&buf)?;
        let data = source.readable();
        let len = if buf.is_exact_instance_of::<PyBytes>() { data.len() } else { buf.len()? };
        if len.max(data.len()) > MAX_SIZE {
            return Err(PyValueError::new_err("Cannot send more than 2**31-1 bytes at once."));
        }
        self.transfer(py, |step| step.write(data), |core, wait| core.write(data, wait))
    }

    /// Send all data to the peer.
    ///
    /// :param buf: the data, as :class:`bytes` or anything else with the buffer protocol. A
    ///     :class:`str` is taken with a warning, as UTF-8.
    /// :param flags: is ignored; it is there for compatibility with sockets.
    /// :return: how many bytes were sent: all of them.
    /// :raises WantReadError, WantWriteError: over a socket that is not blocking, if not all could
    ///     be sent. As with the exceptions below, the attribute ``bytes_sent`` of the exception
    ///     says how many were; call again with the others.
    /// :raises ZeroReturnError, SysCallError, Error: if the connection is closed or has failed.
    /// :raises RuntimeError: in the handler of a signal that interrupted another write.
    ///
    /// OpenSSL: ``SSL_write``.
    #[pyo3(signature = (buf, flags=None), text_signature = "($self, buf, flags=0)")]
    fn sendall(
        &self,
        py: Python<'_>,
        buf: &Bound<'_, PyAny>,
        flags: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let _ = flags;
        let buf = bytes_or_text(buf, "buf", Blame::Caller)?;
        let source = Source::of(&buf)?;
        let data = source.readable();
        let mut sent = 0;
        let outcome = self.run(py, |core, wait| {
            core.write_all(data, wait).map_err(|(count, error)| {
                sent = count;
                error
            })
        });
        outcome.map(|()| data.len()).inspect_err(|error| {
            // An exception class of the user's that takes no attributes goes without.
            let _ = error.value(py).setattr(names::bytes_sent(py), sent);
        })
    }

    /// Receive data from the peer.
    ///
    /// :param int bufsiz: the most bytes to return; however large it is, no more than 16384 come at
    ///     once. From a socket these are as many whole records as have come and fit (but the last
    ///     of them alone, if it is over 4 KiB), from memory buffers, and with
    ///     :const:`socket.MSG_PEEK`, those of one record.
    /// :param int flags: :const:`socket.MSG_PEEK` to leave the data to be received again; other
    ///     flags are ignored.
    /// :return: the data as :class:`bytes`, at least one, unless ``bufsiz`` is 0.
    /// :raises ValueError: if ``bufsiz`` is negative.
    /// :raises WantReadError, WantWriteError: if there are no data yet.
    /// :raises ZeroReturnError: if the peer has closed the connection in the proper way.
    /// :raises SysCallError, Error: if the connection has failed; ``SysCallError(-1, "Unexpected
    ///     EOF")`` if the peer went without a proper close.
    ///
    /// OpenSSL: ``SSL_read``, ``SSL_peek``.
    #[pyo3(signature = (bufsiz, flags=None))]
    fn recv<'py>(
        &self,
        py: Python<'py>,
        bufsiz: &Bound<'py, PyAny>,
        flags: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let limit = size(bufsiz)?;
        let peek = is_peek(flags)?;
        read_bytes(py, limit, |room| self.read_into(py, room, peek))
    }

    /// Receive data from the peer into a buffer.
    ///
    /// :param buffer: anything with the buffer protocol that can be written to.
    /// :param int nbytes: the most bytes to receive; ``None``, or more than there is room for, is
    ///     as many as there is room for.
    /// :param int flags: as for :meth:`recv`.
    /// :return: how many bytes were received; at least one, unless there is no room.
    /// :raises TypeError: if the buffer cannot be written to. Nothing is received then.
    /// :raises ValueError: if ``nbytes`` is negative.
    ///
    /// It raises otherwise what :meth:`recv` raises.
    ///
    /// OpenSSL: ``SSL_read``, ``SSL_peek``.
    #[pyo3(signature = (buffer, nbytes=None, flags=None))]
    fn recv_into(
        &self,
        py: Python<'_>,
        buffer: &Bound<'_, PyAny>,
        nbytes: Option<&Bound<'_, PyAny>>,
        flags: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let target = Target::of(buffer)?;
        let limit = match nbytes {
            None => target.len(),
            // However large, it is cut to what there is room for.
            Some(nbytes) if nbytes.gt(target.len())? => target.len(),
            Some(nbytes) => size(nbytes)?,
        };
        let peek = is_peek(flags)?;
        target.fill(py, limit, |room| self.read_into(py, room, peek))
    }

    /// Take bytes that are to be sent to the peer, from a connection with memory buffers.
    ///
    /// :param int bufsiz: the most bytes to return.
    /// :return: the bytes, at least one, unless ``bufsiz`` is 0.
    /// :raises TypeError: if the connection has a socket, or ``bufsiz`` is not an integer.
    /// :raises ValueError: if ``bufsiz`` is negative.
    /// :raises WantReadError: if there are none.
    fn bio_read<'py>(
        &self,
        py: Python<'py>,
        bufsiz: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let core = self.core()?;
        if core.descriptor().is_some() {
            return Err(no_memory());
        }
        if !bufsiz.is_instance_of::<PyInt>() {
            return Err(PyTypeError::new_err("bufsiz must be an integer"));
        }
        let limit = size(bufsiz)?;
        // Nobody can take the bytes between the look and the copy: this thread stays attached in
        // its step, and making the object runs no other code.
        let take = |step: &Step<'_>| {
            let len = step.untaken()?.min(limit);
            if len == 0 && limit > 0 {
                return Err(Error::WantRead.into());
            }
            new_bytes(py, len, |room| step.take(room))
        };
        loop {
            if let Some(step) = core.try_step() {
                return take(&step);
            }
            // Wait, detached, until the other thread's step is over.
            detach(py, || core.wait_for_step(&check_signals).map(drop))?;
        }
    }

    /// Give a connection with memory buffers bytes that have come from the peer.
    ///
    /// :param buf: the bytes, as :class:`bytes` or anything else with the buffer protocol. A
    ///     :class:`str` is taken with a warning, as UTF-8.
    /// :return: how many bytes were taken: all of them.
    /// :raises TypeError: if the connection has a socket.
    fn bio_write(&self, py: Python<'_>, buf: &Bound<'_, PyAny>) -> PyResult<usize> {
        let buf = bytes_or_text(buf, "buf", Blame::Caller)?;
        if self.core()?.descriptor().is_some() {
            return Err(no_memory());
        }
        let source = Source::of(&buf)?;
        let bytes = source.readable();
        self.try_step(py, |step| step.give(bytes))
    }

    /// Declare that no bytes will follow those given with :meth:`bio_write`.
    ///
    /// :raises TypeError: if the connection has a socket.
    fn bio_shutdown(&self, py: Python<'_>) -> PyResult<()> {
        if self.core()?.descriptor().is_some() {
            return Err(no_memory());
        }
        self.try_step(py, |step| step.end())
    }

    /// Close the connection in the proper way: send a close_notify, and, when called again, wait
    /// for the peer's.
    ///
    /// :return: whether the peer's close_notify has been received.
    /// :raises WantReadError, WantWriteError: if it cannot be done yet. Call again.
    /// :raises SysCallError, Error: if the connection has failed.
    ///
    /// OpenSSL: ``SSL_shutdown``.
    fn shutdown(&self, py: Python<'_>) -> PyResult<bool> {
        self.run(py, |core, wait| core.shutdown(wait))
    }

    /// Get which close_notify alerts have been exchanged.
    ///
    /// :return: :const:`SENT_SHUTDOWN` and :const:`RECEIVED_SHUTDOWN`, combined with ``|``.
    ///
    /// OpenSSL: ``SSL_get_shutdown``.
    fn get_shutdown(&self, py: Python<'_>) -> PyResult<c_int> {
        self.step(py, |step| step.shutdown_state())
    }

    /// Declare which close_notify alerts count as exchanged.
    ///
    /// :param int state: :const:`SENT_SHUTDOWN` and :const:`RECEIVED_SHUTDOWN`, combined with
    ///     ``|``.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``SSL_set_shutdown``.
    fn set_shutdown(&self, py: Python<'_>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let state = integer(state, "state must be an integer")?;
        self.step(py, |step| step.set_shutdown_state(state))
    }

    /// Whether the last call stopped because it needs data from the peer.
    ///
    /// :return: 1 or 0.
    ///
    /// OpenSSL: ``SSL_want_read``.
    fn want_read(&self, py: Python<'_>) -> PyResult<c_int> {
        self.step(py, |step| c_int::from(step.wants_read()))
    }

    /// Whether the last call stopped because it has data for the peer that could not be sent.
    ///
    /// :return: 1 or 0.
    ///
    /// OpenSSL: ``SSL_want_write``.
    fn want_write(&self, py: Python<'_>) -> PyResult<c_int> {
        self.step(py, |step| c_int::from(step.wants_write()))
    }

    /// A connection has no file object.
    ///
    /// :raises NotImplementedError: always.
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "($self, *args, **kwargs)")]
    fn makefile(
        &self,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        Err(PyNotImplementedError::new_err("Cannot make file object of OpenSSL.SSL.Connection"))
    }
}
