//! OpenSSL's own functions, called as a program in C would: nothing between the loop and libssl.

use std::ffi::c_int;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::ptr;

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::pkey::PKey;
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslSession, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use openssl_rust::tls::testing;
use openssl_sys as ffi;

use crate::end::{End, Library};

pub(crate) enum LibSsl {}

impl Library for LibSsl {
    type Contexts = (SslContext, SslContext);
    type End = Straight;

    fn contexts(version: i32) -> Self::Contexts {
        let (certificate, key) = testing::identity();
        let certificate = X509::from_der(&certificate.to_der().unwrap()).unwrap();
        let key = PKey::private_key_from_der(&key.private_to_der().unwrap()).unwrap();
        let version = match version {
            ffi::TLS1_2_VERSION => SslVersion::TLS1_2,
            _ => SslVersion::TLS1_3,
        };
        let builder = || {
            let mut builder = SslContextBuilder::new(SslMethod::tls()).unwrap();
            builder.set_min_proto_version(Some(version)).unwrap();
            builder.set_max_proto_version(Some(version)).unwrap();
            builder
        };
        let (mut client, mut server) = (builder(), builder());
        client.set_verify(SslVerifyMode::PEER);
        client.cert_store_mut().add_cert(certificate.clone()).unwrap();
        server.set_certificate(&certificate).unwrap();
        server.set_private_key(&key).unwrap();
        (client.build(), server.build())
    }

    fn in_memory((client, server): &Self::Contexts) -> [Straight; 2] {
        joined(Straight::in_memory(client), Straight::in_memory(server))
    }

    fn over((client, server): &Self::Contexts, [ours, theirs]: [UnixStream; 2]) -> [Straight; 2] {
        joined(Straight::over(client, ours), Straight::over(server, theirs))
    }
}

fn joined(client: Straight, server: Straight) -> [Straight; 2] {
    // SAFETY: both are alive, and nobody else has them.
    unsafe {
        ffi::SSL_set_connect_state(client.ssl.as_ptr());
        ffi::SSL_set_accept_state(server.ssl.as_ptr());
    }
    [client, server]
}

pub(crate) struct Straight {
    ssl: Ssl,
    /// Belong to `ssl`; null where it has a socket.
    incoming: *mut ffi::BIO,
    outgoing: *mut ffi::BIO,
    /// Closed after the connection.
    socket: Option<UnixStream>,
}

// SAFETY: the buffers belong to the SSL, which may move between threads, and they move with it.
unsafe impl Send for Straight {}

impl Straight {
    fn in_memory(context: &SslContext) -> Self {
        let ssl = Ssl::new(context).unwrap();
        // SAFETY: the SSL takes over both BIOs.
        unsafe {
            let incoming = ffi::BIO_new(ffi::BIO_s_mem());
            let outgoing = ffi::BIO_new(ffi::BIO_s_mem());
            ffi::SSL_set_bio(ssl.as_ptr(), incoming, outgoing);
            Self { ssl, incoming, outgoing, socket: None }
        }
    }

    fn over(context: &SslContext, socket: UnixStream) -> Self {
        let ssl = Ssl::new(context).unwrap();
        // SAFETY: the descriptor is open for as long as the SSL is alive.
        assert_eq!(unsafe { SSL_set_fd(ssl.as_ptr(), socket.as_raw_fd()) }, 1);
        Self { ssl, incoming: ptr::null_mut(), outgoing: ptr::null_mut(), socket: Some(socket) }
    }

    fn ssl(&self) -> *mut ffi::SSL {
        self.ssl.as_ref().as_ptr()
    }

    /// Panics unless the call that returned `code` found nothing to read, or, over a socket, nobody
    /// to read from.
    fn expect_empty(&self, code: c_int) {
        // SAFETY: the SSL is alive, and nothing was called since.
        let kind = unsafe { ffi::SSL_get_error(self.ssl(), code) };
        if kind == ffi::SSL_ERROR_WANT_READ {
            return;
        }
        // SAFETY: touches this thread's own queue.
        unsafe { ffi::ERR_clear_error() };
        let gone = [ffi::SSL_ERROR_SSL, ffi::SSL_ERROR_SYSCALL].contains(&kind);
        assert!(gone && self.socket.is_some(), "SSL_get_error: {kind}");
    }
}

impl End for Straight {
    type Session = SslSession;

    fn handshake(&self) -> bool {
        // SAFETY: the SSL is alive, and only this thread has it; so in every call below.
        let code = unsafe { ffi::SSL_do_handshake(self.ssl()) };
        if code != 1 {
            self.expect_empty(code);
        }
        code == 1
    }

    fn write(&self, data: &[u8]) {
        // SAFETY: see above; pointer and length are of one slice.
        let code = unsafe { ffi::SSL_write(self.ssl(), data.as_ptr().cast(), data.len() as c_int) };
        assert_eq!(code, data.len() as c_int);
    }

    fn read(&self, room: &mut [u8]) -> usize {
        // SAFETY: see above; pointer and length are of one slice.
        let code =
            unsafe { ffi::SSL_read(self.ssl(), room.as_mut_ptr().cast(), room.len() as c_int) };
        match usize::try_from(code) {
            Ok(count @ 1..) => count,
            _ => {
                self.expect_empty(code);
                0
            }
        }
    }

    fn take(&self, room: &mut [u8]) -> usize {
        // SAFETY: the BIO lives as long as the SSL; pointer and length are of one slice.
        let code =
            unsafe { ffi::BIO_read(self.outgoing, room.as_mut_ptr().cast(), room.len() as c_int) };
        usize::try_from(code).unwrap_or(0)
    }

    fn give(&self, data: &[u8]) {
        // SAFETY: the BIO lives as long as the SSL; pointer and length are of one slice.
        let code =
            unsafe { ffi::BIO_write(self.incoming, data.as_ptr().cast(), data.len() as c_int) };
        assert_eq!(code, data.len() as c_int);
    }

    fn session(&self) -> SslSession {
        self.ssl.session().unwrap().to_owned()
    }

    fn set_session(&self, session: &SslSession) {
        // SAFETY: see above; the SSL takes a reference to the session.
        assert_eq!(unsafe { ffi::SSL_set_session(self.ssl(), session.as_ptr()) }, 1);
    }

    fn is_resumed(&self) -> bool {
        self.ssl.session_reused()
    }

    fn pending(&self) -> usize {
        self.ssl.pending()
    }
}

impl Drop for Straight {
    fn drop(&mut self) {
        // Without this its session could not be resumed again.
        // SAFETY: see above.
        unsafe {
            ffi::SSL_set_shutdown(self.ssl(), ffi::SSL_SENT_SHUTDOWN | ffi::SSL_RECEIVED_SHUTDOWN)
        }
    }
}

unsafe extern "C" {
    fn SSL_set_fd(ssl: *mut ffi::SSL, fd: c_int) -> c_int;
}
