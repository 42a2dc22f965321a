//! Beginning a connection: its role, its socket, its handshake, what it offers.

use std::ffi::c_long;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use super::Connection;
use crate::py::arguments::{c_string, integer, protocols};
use crate::py::callbacks;
use crate::py::session::Session;

#[pymethods]
impl Connection {
    /// Make this end the server. After a handshake that is the beginning of a new connection, over
    /// what carried the old one.
    ///
    /// :raises RuntimeError: inside a callback of this connection.
    /// :raises ValueError: while a renegotiation has been asked for and is not finished.
    ///
    /// OpenSSL: ``SSL_set_accept_state``.
    fn set_accept_state(&self, py: Python<'_>) -> PyResult<()> {
        self.try_step(py, |step| step.set_accept_state())
    }

    /// Make this end the client. After a handshake that is the beginning of a new connection, over
    /// what carried the old one.
    ///
    /// :raises RuntimeError: inside a callback of this connection.
    /// :raises ValueError: while a renegotiation has been asked for and is not finished.
    ///
    /// OpenSSL: ``SSL_set_connect_state``.
    fn set_connect_state(&self, py: Python<'_>) -> PyResult<()> {
        self.try_step(py, |step| step.set_connect_state())
    }

    /// Connect the socket, and make this end the client. The handshake is still to be done.
    ///
    /// :param addr: what the socket's own ``connect`` takes.
    /// :return: what it returns. It also raises what that raises.
    fn connect<'py>(
        slf: &Bound<'py, Self>,
        addr: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().set_connect_state(slf.py())?;
        slf.getattr("_socket")?.call_method1("connect", (addr,))
    }

    /// As :meth:`connect`, with the socket's own ``connect_ex``.
    ///
    /// :param addr: what the socket's own ``connect_ex`` takes.
    /// :return: what it returns: 0, or an errno.
    fn connect_ex<'py>(
        slf: &Bound<'py, Self>,
        addr: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let connect_ex = slf.getattr("_socket")?.getattr("connect_ex")?;
        slf.call_method0("set_connect_state")?;
        connect_ex.call1((addr,))
    }

    /// Accept a connection on a listening socket, and make it one with the same context, as its
    /// server. The handshake is still to be done.
    ///
    /// :return: the new :class:`Connection`, and the peer's address, as the socket's own ``accept``
    ///     gives it.
    fn accept<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let py = slf.py();
        let accepted = slf.getattr("_socket")?.call_method0("accept")?;
        let (client, address): (Bound<'_, PyAny>, Bound<'_, PyAny>) = accepted.extract()?;
        let context = slf.get().get_context(py)?;
        let connection = py.get_type::<Self>().call1((context, client))?;
        connection.call_method0("set_accept_state")?;
        Ok((connection, address))
    }

    /// Shut the socket itself down, without a word to the peer's TLS.
    ///
    /// :param args: what the socket's own ``shutdown`` takes.
    /// :return: what it returns.
    #[pyo3(signature = (*args, **kwargs))]
    fn sock_shutdown<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.getattr("_socket")?.getattr("shutdown")?.call(args, kwargs)
    }

    /// Do the handshake, or, after :meth:`renegotiate`, another one.
    ///
    /// :raises WantReadError, WantWriteError: if it cannot go on yet. Call again.
    /// :raises ZeroReturnError, SysCallError: if the peer has closed the connection.
    /// :raises Error: if it fails.
    /// :raises RuntimeError: inside a callback of this connection.
    ///
    /// What a callback raises during the handshake is raised here.
    ///
    /// OpenSSL: ``SSL_do_handshake``.
    fn do_handshake(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, |core, wait| core.handshake(wait))
    }

    /// Ask for another handshake (TLS 1.2 and older). It is done by :meth:`do_handshake`, or along
    /// with the next data.
    ///
    /// :return: ``True``; ``False`` if one is pending already.
    /// :raises Error: if the connection cannot be renegotiated.
    ///
    /// OpenSSL: ``SSL_renegotiate``.
    fn renegotiate(slf: &Bound<'_, Self>) -> PyResult<bool> {
        if slf.call_method0("renegotiate_pending")?.is_truthy()? {
            return Ok(false);
        }
        slf.get().try_step(slf.py(), |step| step.renegotiate())?;
        Ok(true)
    }

    /// Whether another handshake has been asked for and is not done.
    ///
    /// :return: a :class:`bool`.
    ///
    /// OpenSSL: ``SSL_renegotiate_pending``.
    fn renegotiate_pending(&self, py: Python<'_>) -> PyResult<bool> {
        self.step(py, |step| step.renegotiate_pending())
    }

    /// Get how many times the connection was renegotiated.
    ///
    /// :return: the number of times.
    ///
    /// OpenSSL: ``SSL_total_renegotiations``.
    fn total_renegotiations(&self, py: Python<'_>) -> PyResult<c_long> {
        self.step(py, |step| step.total_renegotiations())
    }

    /// Add options to those of the context.
    ///
    /// :param int options: ``OP_*`` constants, combined with ``|``.
    /// :return: all options that are set.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``SSL_set_options``.
    fn set_options(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<u64> {
        let options = integer(options, "options must be an integer")?;
        self.step(py, |step| step.set_options(options))
    }

    /// Set the server name that a client asks for (RFC 6066 section 3).
    ///
    /// :param bytes name: a DNS name, at most 255 bytes.
    /// :raises TypeError: if it is not :class:`bytes`, or contains a NUL.
    /// :raises Error: if OpenSSL refuses it.
    ///
    /// OpenSSL: ``SSL_set_tlsext_host_name``.
    fn set_tlsext_host_name(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = name
            .cast::<PyBytes>()
            .map_err(|_| PyTypeError::new_err("name must be a byte string"))?
            .as_bytes();
        if name.contains(&0) {
            return Err(PyTypeError::new_err("name must not contain NUL byte"));
        }
        let name = c_string(name)?;
        self.try_step(py, |step| step.set_server_name(&name))
    }

    /// Get the server name that the client asked for.
    ///
    /// :return: the name as :class:`bytes`, or ``None``.
    ///
    /// OpenSSL: ``SSL_get_servername``.
    fn get_servername<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let name = self.step(py, |step| step.server_name())?;
        Ok(name.map(|name| PyBytes::new(py, &name)))
    }

    /// Set the protocols that a client offers (ALPN, RFC 7301).
    ///
    /// :param protos: a list of names, each of 1 to 255 :class:`bytes`, most wanted first.
    /// :raises ValueError: if the list is empty, or a name is too long.
    /// :raises Error: if OpenSSL refuses the list.
    ///
    /// OpenSSL: ``SSL_set_alpn_protos``.
    fn set_alpn_protos(&self, py: Python<'_>, protos: &Bound<'_, PyAny>) -> PyResult<()> {
        let names = protocols(protos)?;
        let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        self.try_step(py, |step| step.set_alpn_protocols(&names))
    }

    /// Have a client ask for a stapled OCSP response (RFC 6066 section 8): see
    /// :meth:`Context.set_ocsp_client_callback`.
    ///
    /// :raises Error: if OpenSSL fails.
    ///
    /// OpenSSL: ``SSL_set_tlsext_status_type``.
    fn request_ocsp(&self, py: Python<'_>) -> PyResult<()> {
        self.try_step(py, |step| step.request_ocsp())
    }

    /// Set who is told about the progress of this connection's handshakes, in place of the
    /// context's callback.
    ///
    /// :param callback: as for :meth:`Context.set_info_callback`.
    ///
    /// OpenSSL: ``SSL_set_info_callback``.
    fn set_info_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.inner()?;
        let callables = self.callables();
        callables.info.set(Some(callback));
        let info = callbacks::info(callables);
        self.step(py, |step| step.set_info_callback(info))
    }

    /// Get the session, for another connection with the same context to resume.
    ///
    /// With TLS 1.3 there is one to resume once data have been received after the handshake.
    ///
    /// :return: a :class:`Session`, or ``None`` before there is one. It stays good when this
    ///     connection is dropped without :meth:`shutdown`.
    ///
    /// OpenSSL: ``SSL_get1_session``, ``SSL_SESSION_dup``.
    fn get_session(&self, py: Python<'_>) -> PyResult<Option<Py<Session>>> {
        let session = self.try_step(py, |step| step.session())?;
        let context = self.context.get_or_none(py).unbind();
        session.map(|session| Session::wrap(py, session, context)).transpose()
    }

    /// Set the session that a client is to resume.
    ///
    /// :param Session session: from :meth:`get_session` of a connection with the same context.
    /// :raises TypeError: if it is no session.
    /// :raises ValueError: if it is from a connection with another context, or this connection's
    ///     handshake has begun.
    /// :raises RuntimeError: inside a callback of this connection.
    /// :raises Error: if OpenSSL refuses it.
    ///
    /// OpenSSL: ``SSL_set_session``.
    fn set_session(&self, py: Python<'_>, session: &Bound<'_, PyAny>) -> PyResult<()> {
        let session = session
            .cast::<Session>()
            .map_err(|_| PyTypeError::new_err("session must be a Session instance"))?;
        let (session, context) = session.get().get(py)?;
        if !context.is(self.context.get_or_none(py)) {
            return Err(PyValueError::new_err(
                "session must have been created by a Connection using the same Context as this one",
            ));
        }
        self.try_step(py, |step| step.set_session(session))
    }
}
