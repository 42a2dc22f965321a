//! The callbacks of a context that follow and steer handshakes.

use pyo3::prelude::*;

use super::Context;
use crate::py::callbacks;

#[pymethods]
impl Context {
    /// Set who is told about the progress of handshakes, and about alerts.
    ///
    /// :param callback: called as ``callback(connection, where, return_code)``: where it happened,
    ///     as ``SSL_CB_*`` and ``SSL_ST_*`` bits, and a number that depends on it. An exception
    ///     that it raises is reported as unraisable.
    ///
    /// OpenSSL: ``SSL_CTX_set_info_callback``.
    fn set_info_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.info,
            callback,
            |settings, all| settings.set_info_callback(callbacks::info(all)),
        )
    }

    /// Set who is given the keys of connections, to read recordings of their traffic.
    ///
    /// :param callback: called as ``callback(connection, line)``, with a line of :class:`bytes` in
    ///     the format of NSS's key log. An exception that it raises is reported as unraisable.
    ///
    /// OpenSSL: ``SSL_CTX_set_keylog_callback``.
    fn set_keylog_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.keylog,
            callback,
            |settings, all| settings.set_keylog_callback(callbacks::keylog(all)),
        )
    }

    /// Set who is told the server name that a client asks for (RFC 6066 section 3).
    ///
    /// :param callback: called on the server as ``callback(connection)``. There
    ///     :meth:`Connection.get_servername` gives the name, and :meth:`Connection.set_context`
    ///     takes another certificate. An exception that it raises goes to :func:`sys.excepthook`,
    ///     and the handshake ends with a fatal alert.
    ///
    /// OpenSSL: ``SSL_CTX_set_tlsext_servername_callback``.
    fn set_tlsext_servername_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.server_name,
            callback,
            |settings, all| settings.set_server_name_callback(callbacks::server_name(all)),
        )
    }

    /// Set who chooses on a server among the protocols that a client offers (ALPN, RFC 7301).
    ///
    /// :param callback: called as ``callback(connection, protocols)``, with a list of
    ///     :class:`bytes`. It returns the one chosen, or :data:`NO_OVERLAPPING_PROTOCOLS` to go on
    ///     without. What it raises ends the handshake and is raised by the call that ran it.
    ///
    /// OpenSSL: ``SSL_CTX_set_alpn_select_cb``.
    fn set_alpn_select_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.alpn_select,
            callback,
            |settings, all| settings.set_alpn_select_callback(callbacks::alpn_select(all)),
        )
    }

    /// Set who gives the OCSP response that a server staples (RFC 6066 section 8).
    ///
    /// :param callback: called as ``callback(connection, data)`` when a client asks. It returns a
    ///     response in DER as :class:`bytes`; ``b""`` for none. What it raises ends the handshake
    ///     and is raised by the call that ran it.
    /// :param data: any object, passed on to the callback.
    ///
    /// OpenSSL: ``SSL_CTX_set_tlsext_status_cb``.
    #[pyo3(signature = (callback, data=None))]
    fn set_ocsp_server_callback(
        &self,
        py: Python<'_>,
        callback: Py<PyAny>,
        data: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        self.install(
            py,
            |all| &all.ocsp,
            callback,
            |settings, all| settings.set_ocsp_callback(callbacks::ocsp_server(all)),
        )?;
        self.inner()?.callables.ocsp_data.set(data);
        Ok(())
    }

    /// Set who judges the OCSP response that a server stapled (RFC 6066 section 8).
    ///
    /// :param callback: called as ``callback(connection, response, data)``, with the response in
    ///     DER as :class:`bytes`, empty if there was none. A true result accepts it, a false one
    ///     ends the handshake. What it raises does so, too, and is raised by the call that ran it.
    /// :param data: any object, passed on to the callback.
    ///
    /// A client has to ask for the response: see :meth:`Connection.request_ocsp`.
    ///
    /// OpenSSL: ``SSL_CTX_set_tlsext_status_cb``.
    #[pyo3(signature = (callback, data=None))]
    fn set_ocsp_client_callback(
        &self,
        py: Python<'_>,
        callback: Py<PyAny>,
        data: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        self.install(
            py,
            |all| &all.ocsp,
            callback,
            |settings, all| settings.set_ocsp_callback(callbacks::ocsp_client(all)),
        )?;
        self.inner()?.callables.ocsp_data.set(data);
        Ok(())
    }

    /// Set who makes the cookie that a DTLS client must return (RFC 6347 section 4.2.1).
    ///
    /// :param callback: called as ``callback(connection)``; it returns at most 255 :class:`bytes`.
    ///     What it raises is raised by the call that ran it.
    ///
    /// OpenSSL: ``SSL_CTX_set_cookie_generate_cb``.
    fn set_cookie_generate_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.cookie_generate,
            callback,
            |settings, all| settings.set_cookie_generate_callback(callbacks::cookie_generate(all)),
        )
    }

    /// Set who judges the cookie that a DTLS client returned (RFC 6347 section 4.2.1).
    ///
    /// :param callback: called as ``callback(connection, cookie)``; it returns whether the cookie
    ///     is one that was given out; ``hmac.compare_digest`` does not tell by its time where
    ///     two differ. What it raises is raised by the call that ran it.
    ///
    /// OpenSSL: ``SSL_CTX_set_cookie_verify_cb``.
    fn set_cookie_verify_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.cookie_verify,
            callback,
            |settings, all| settings.set_cookie_verify_callback(callbacks::cookie_verify(all)),
        )
    }
}
