//! What a connection has negotiated, and where it stands.

use std::ffi::{CStr, c_char, c_int, c_long, c_uchar, c_uint};
use std::ptr;
use std::sync::Arc;

use foreign_types::ForeignTypeRef;
use openssl_sys as ffi;

use super::{Step, new_ssl};
use crate::tls::callbacks::{InfoCallback, trampolines};
use crate::tls::context::{Context, alpn_list};
use crate::tls::error::{Error, Result, check, check_ptr, clear_queue, library_error};
use crate::tls::memory::{borrowed, wipe};
use crate::tls::secret::Secret;
use crate::tls::session::Session;
use crate::tls::sys;

/// `tls1.h`.
const TLSEXT_STATUSTYPE_OCSP: c_long = 1;

impl Step<'_> {
    /// Makes this end the client, or the server, from the beginning. After a handshake that is a
    /// new connection; fails with [`Error::Invalid`] while a renegotiation is asked for.
    ///
    /// OpenSSL: `SSL_set_connect_state`.
    #[doc(alias = "SSL_set_connect_state")]
    pub fn set_connect_state(&self) -> Result<()> {
        self.forget_handshake()?;
        // SAFETY: the SSL is alive and this thread holds its lock; so in every other call here.
        unsafe { ffi::SSL_set_connect_state(self.as_ptr()) }
        Ok(())
    }

    /// Makes this end the server, from the beginning.
    ///
    /// OpenSSL: `SSL_set_accept_state`.
    #[doc(alias = "SSL_set_accept_state")]
    pub fn set_accept_state(&self) -> Result<()> {
        self.forget_handshake()?;
        // SAFETY: see above.
        unsafe { ffi::SSL_set_accept_state(self.as_ptr()) }
        Ok(())
    }

    /// Lets the next handshake be the first one, if there has been one.
    ///
    /// To begin anew OpenSSL takes the keys away, but remembers that there was a handshake: and
    /// between two handshakes it accepts data, which without keys is anybody's plain text.
    ///
    /// OpenSSL: `SSL_clear`.
    #[doc(alias = "SSL_clear")]
    fn forget_handshake(&self) -> Result<()> {
        self.refuse_inside()?;
        if self.finished().is_none() && self.peer_finished().is_none() {
            return Ok(());
        }
        if self.renegotiate_pending() {
            return Err(Error::Invalid("a renegotiation has been asked for and is not finished"));
        }
        clear_queue();
        // SAFETY: see above.
        check(unsafe { sys::SSL_clear(self.as_ptr()) })?;
        self.locked.unfinished.set(false);
        self.locked.closed.set(false);
        Ok(())
    }

    /// How many bytes of decrypted data can be read without the transport.
    ///
    /// OpenSSL: `SSL_pending`.
    #[doc(alias = "SSL_pending")]
    pub fn pending(&self) -> c_int {
        // SAFETY: see above.
        unsafe { ffi::SSL_pending(self.as_ptr()) }
    }

    /// Whether the last call stopped because it wants to read.
    ///
    /// OpenSSL: `SSL_want_read`.
    #[doc(alias = "SSL_want_read")]
    pub fn wants_read(&self) -> bool {
        // SAFETY: see above.
        unsafe { sys::SSL_want(self.as_ptr()) == sys::SSL_READING }
    }

    /// Whether the last call stopped because it wants to write.
    ///
    /// OpenSSL: `SSL_want_write`.
    #[doc(alias = "SSL_want_write")]
    pub fn wants_write(&self) -> bool {
        // SAFETY: see above.
        unsafe { sys::SSL_want(self.as_ptr()) == sys::SSL_WRITING }
    }

    /// Which close_notify alerts have been sent (1) and received (2). One that came behind data
    /// counts as received once a read or a shutdown has reported it.
    ///
    /// OpenSSL: `SSL_get_shutdown`.
    #[doc(alias = "SSL_get_shutdown")]
    pub fn shutdown_state(&self) -> c_int {
        // SAFETY: see above.
        let state = unsafe { ffi::SSL_get_shutdown(self.as_ptr()) };
        if self.locked.closed.get() { state & !ffi::SSL_RECEIVED_SHUTDOWN } else { state }
    }

    /// Declares which close_notify alerts count as sent (1) and received (2).
    ///
    /// OpenSSL: `SSL_set_shutdown`.
    #[doc(alias = "SSL_set_shutdown")]
    pub fn set_shutdown_state(&self, state: c_int) {
        // The next read is still to report a close that has been met.
        let closed = self.locked.closed.get() && state & ffi::SSL_RECEIVED_SHUTDOWN == 0;
        self.locked.closed.set(closed);
        let received = if closed { ffi::SSL_RECEIVED_SHUTDOWN } else { 0 };
        // SAFETY: see above.
        unsafe { ffi::SSL_set_shutdown(self.as_ptr(), state | received) }
    }

    /// Where the handshake stands, in words.
    ///
    /// OpenSSL: `SSL_state_string_long`.
    #[doc(alias = "SSL_state_string_long")]
    pub fn state_string(&self) -> Vec<u8> {
        // SAFETY: see above; the string is static.
        unsafe { owned(ffi::SSL_state_string_long(self.as_ptr())) }.unwrap_or_default()
    }

    /// Adds options (`SSL_OP_*`) to those of the context, and returns all that are set.
    ///
    /// OpenSSL: `SSL_set_options`.
    #[doc(alias = "SSL_set_options")]
    pub fn set_options(&self, options: u64) -> u64 {
        // SAFETY: see above.
        unsafe { sys::SSL_set_options(self.as_ptr(), options) }
    }

    /// Goes on with another context: its certificates and its callbacks. Options, versions, and how the
    /// peer is verified stay as they are.
    ///
    /// OpenSSL: `SSL_set_SSL_CTX`.
    #[doc(alias = "SSL_set_SSL_CTX")]
    pub fn set_context(&self, context: &Context) -> Result<()> {
        let callbacks = context.callbacks();
        clear_queue();
        // SAFETY: see above.
        let has_chosen = unsafe {
            sys::SSL_in_init(self.as_ptr()) == 1 && sys::SSL_in_before(self.as_ptr()) == 0
        };
        if has_chosen && !self.state().is_naming() {
            self.keep_certificates(context)?;
        }
        context.while_unchanging(|context| {
            // SAFETY: see above; the SSL takes a reference to the context.
            check_ptr(unsafe { ffi::SSL_set_SSL_CTX(self.as_ptr(), context) })
        })?;
        self.state().set_current(callbacks);
        Ok(())
    }

    /// Gives the certificates and keys another owner. A handshake that has chosen one of them goes on
    /// with it, but OpenSSL would free them with the context's exchange.
    ///
    /// OpenSSL: `SSL_copy_session_id`, which shares them.
    fn keep_certificates(&self, context: &Context) -> Result<()> {
        let owner = new_ssl(context)?;
        // SAFETY: both SSLs are alive and this thread's.
        check(unsafe { sys::SSL_copy_session_id(owner.as_ptr(), self.as_ptr()) })?;
        self.locked.replaced.borrow_mut().push(owner);
        Ok(())
    }

    /// Has this connection's own info callback run in place of the context's.
    ///
    /// OpenSSL: `SSL_set_info_callback`.
    #[doc(alias = "SSL_set_info_callback")]
    pub fn set_info_callback(&self, callback: Arc<InfoCallback>) {
        self.state().set_info(callback);
        // SAFETY: see above; the trampoline has the type that is asked for.
        unsafe { sys::SSL_set_info_callback(self.as_ptr(), Some(trampolines::info)) }
    }

    /// The name of the server: asked for by the client, or known to the server.
    ///
    /// OpenSSL: `SSL_get_servername`.
    #[doc(alias = "SSL_get_servername")]
    pub fn server_name(&self) -> Option<Vec<u8>> {
        // SAFETY: see above; the SSL keeps the string while its lock is held.
        unsafe { owned(ffi::SSL_get_servername(self.as_ptr(), ffi::TLSEXT_NAMETYPE_host_name)) }
    }

    /// The name of the server that a client asks for (RFC 6066 section 3): at most 255 bytes.
    ///
    /// OpenSSL: `SSL_set_tlsext_host_name`.
    #[doc(alias = "SSL_set_tlsext_host_name")]
    pub fn set_server_name(&self, name: &CStr) -> Result<()> {
        clear_queue();
        // SAFETY: see above; OpenSSL copies the string.
        let code = unsafe {
            ffi::SSL_ctrl(
                self.as_ptr(),
                ffi::SSL_CTRL_SET_TLSEXT_HOSTNAME,
                c_long::from(ffi::TLSEXT_NAMETYPE_host_name),
                name.as_ptr().cast_mut().cast(),
            )
        };
        if code == 1 { Ok(()) } else { Err(library_error()) }
    }

    /// Has a client ask for a stapled OCSP response (RFC 6066 section 8).
    ///
    /// OpenSSL: `SSL_set_tlsext_status_type`.
    #[doc(alias = "SSL_set_tlsext_status_type")]
    pub fn request_ocsp(&self) -> Result<()> {
        clear_queue();
        let command = ffi::SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE;
        // SAFETY: see above.
        let code = unsafe { sys::ssl_ctrl(self.as_ptr(), command, TLSEXT_STATUSTYPE_OCSP) };
        if code == 1 { Ok(()) } else { Err(library_error()) }
    }

    /// The protocols that this client offers, most wanted first (RFC 7301).
    ///
    /// OpenSSL: `SSL_set_alpn_protos`.
    #[doc(alias = "SSL_set_alpn_protos")]
    pub fn set_alpn_protocols(&self, protocols: &[&[u8]]) -> Result<()> {
        let list = alpn_list(protocols)?;
        let len = c_uint::try_from(list.len())
            .map_err(|_| Error::Invalid("the list of protocols is too long"))?;
        clear_queue();
        // SAFETY: see above; OpenSSL copies the list. This function returns 0 for success.
        if unsafe { ffi::SSL_set_alpn_protos(self.as_ptr(), list.as_ptr(), len) } != 0 {
            return Err(library_error());
        }
        Ok(())
    }

    /// The protocol that was agreed on; empty for none.
    ///
    /// OpenSSL: `SSL_get0_alpn_selected`.
    #[doc(alias = "SSL_get0_alpn_selected")]
    pub fn alpn_protocol(&self) -> Vec<u8> {
        let mut pointer: *const c_uchar = ptr::null();
        let mut len: c_uint = 0;
        // SAFETY: see above; room for one pointer and one length. The SSL keeps the bytes while its
        // lock is held.
        unsafe {
            ffi::SSL_get0_alpn_selected(self.as_ptr(), &raw mut pointer, &raw mut len);
            borrowed(pointer, len as usize).to_vec()
        }
    }

    /// The SRTP protection profile that was agreed on (RFC 5764).
    ///
    /// OpenSSL: `SSL_get_selected_srtp_profile`.
    #[doc(alias = "SSL_get_selected_srtp_profile")]
    pub fn srtp_profile(&self) -> Option<Vec<u8>> {
        // SAFETY: see above; the profile is static, or null.
        unsafe { owned(ffi::SSL_get_selected_srtp_profile(self.as_ptr()).as_ref()?.name) }
    }

    /// The protocol version in words, such as `TLSv1.3`.
    ///
    /// OpenSSL: `SSL_get_version`.
    #[doc(alias = "SSL_get_version")]
    pub fn version_name(&self) -> String {
        // SAFETY: see above; the string is static.
        unsafe { text(ffi::SSL_get_version(self.as_ptr())) }.unwrap_or_default()
    }

    /// The protocol version as it stands in records, such as `0x304`.
    ///
    /// OpenSSL: `SSL_version`.
    #[doc(alias = "SSL_version")]
    pub fn version(&self) -> c_int {
        // SAFETY: see above.
        unsafe { ffi::SSL_version(self.as_ptr()) }
    }

    /// The cipher suite that was agreed on.
    ///
    /// OpenSSL: `SSL_get_current_cipher`.
    #[doc(alias = "SSL_get_current_cipher")]
    pub fn cipher(&self) -> Option<Cipher> {
        // SAFETY: see above; ciphers are static.
        unsafe {
            let cipher = ffi::SSL_get_current_cipher(self.as_ptr());
            if cipher.is_null() {
                return None;
            }
            Some(Cipher {
                name: text(ffi::SSL_CIPHER_get_name(cipher)).unwrap_or_default(),
                version: text(ffi::SSL_CIPHER_get_version(cipher)).unwrap_or_default(),
                bits: ffi::SSL_CIPHER_get_bits(cipher, ptr::null_mut()),
            })
        }
    }

    /// The names of the cipher suites that this end supports, most wanted first.
    ///
    /// OpenSSL: `SSL_get_cipher_list`.
    #[doc(alias = "SSL_get_cipher_list")]
    pub fn cipher_names(&self) -> Vec<String> {
        // SAFETY: see above; the names are static, and null ends the list.
        (0..).map_while(|n| unsafe { text(sys::SSL_get_cipher_list(self.as_ptr(), n)) }).collect()
    }

    /// The name of the group that the key exchange used, such as `x25519`.
    ///
    /// OpenSSL: `SSL_get0_group_name`; before 3.2, `SSL_get_negotiated_group`.
    #[doc(alias = "SSL_get0_group_name")]
    pub fn group_name(&self) -> Option<String> {
        // Without a session OpenSSL would read through a null pointer.
        if !self.has_session() {
            return None;
        }
        // SAFETY: see above; the string is static.
        unsafe { text(sys::group_name(self.as_ptr())) }
    }

    /// Asks for a new handshake (TLS 1.2 and older).
    ///
    /// OpenSSL: `SSL_renegotiate`.
    #[doc(alias = "SSL_renegotiate")]
    pub fn renegotiate(&self) -> Result<()> {
        clear_queue();
        // SAFETY: see above.
        check(unsafe { sys::SSL_renegotiate(self.as_ptr()) })?;
        Ok(())
    }

    /// Whether a new handshake has been asked for and is not finished.
    ///
    /// OpenSSL: `SSL_renegotiate_pending`.
    #[doc(alias = "SSL_renegotiate_pending")]
    pub fn renegotiate_pending(&self) -> bool {
        // SAFETY: see above.
        unsafe { sys::SSL_renegotiate_pending(self.as_ptr()) == 1 }
    }

    /// How many times the connection has been renegotiated.
    ///
    /// OpenSSL: `SSL_total_renegotiations`.
    #[doc(alias = "SSL_total_renegotiations")]
    pub fn total_renegotiations(&self) -> c_long {
        // SAFETY: see above.
        unsafe { sys::ssl_ctrl(self.as_ptr(), sys::SSL_CTRL_GET_TOTAL_RENEGOTIATIONS, 0) }
    }

    /// The session, for another connection of the same context to resume; `None` before there is
    /// one.
    ///
    /// It is a copy: OpenSSL declares a connection's own session unfit for resumption when the
    /// connection is dropped without a close_notify.
    ///
    /// OpenSSL: `SSL_get1_session`, `SSL_SESSION_dup`.
    #[doc(alias = "SSL_get1_session")]
    pub fn session(&self) -> Result<Option<Session>> {
        clear_queue();
        // SAFETY: see above; the session is only read.
        unsafe { Session::copy_of(ffi::SSL_get_session(self.as_ptr())) }
    }

    /// Whether the handshake resumed a session.
    ///
    /// OpenSSL: `SSL_session_reused`.
    #[doc(alias = "SSL_session_reused")]
    pub fn is_resumed(&self) -> bool {
        // SAFETY: see above.
        unsafe { ffi::SSL_session_reused(self.as_ptr()) == 1 }
    }

    /// The session that a client is to resume.
    ///
    /// Fails with [`Error::Reentrant`] inside a callback of the connection, and with
    /// [`Error::Invalid`] once the handshake has begun: OpenSSL would free what it knows of it, and
    /// crash, or fail when the next ticket comes.
    ///
    /// OpenSSL: `SSL_set_session`.
    #[doc(alias = "SSL_set_session")]
    pub fn set_session(&self, session: &Session) -> Result<()> {
        self.refuse_inside()?;
        // SAFETY: see above.
        if unsafe { sys::SSL_in_before(self.as_ptr()) } == 0 {
            return Err(Error::Invalid("a session can only be set before the handshake"));
        }
        clear_queue();
        // A copy, for the reason that `session` gives one.
        // SAFETY: the session is alive and not being changed.
        let Some(session) = (unsafe { Session::copy_of(session.as_ptr())? }) else { return Ok(()) };
        // SAFETY: see above; the SSL takes a reference to the session.
        check(unsafe { ffi::SSL_set_session(self.as_ptr(), session.as_ptr()) })?;
        Ok(())
    }

    /// Whether there is a session, complete or not.
    fn has_session(&self) -> bool {
        // SAFETY: see above.
        unsafe { !ffi::SSL_get_session(self.as_ptr()).is_null() }
    }

    /// The random bytes in the client's hello; `None` before there is a session.
    ///
    /// OpenSSL: `SSL_get_client_random`.
    #[doc(alias = "SSL_get_client_random")]
    pub fn client_random(&self) -> Option<Vec<u8>> {
        if !self.has_session() {
            return None;
        }
        // SAFETY: see above; the room is as large as its length says.
        let get = |room, len| unsafe { ffi::SSL_get_client_random(self.as_ptr(), room, len) };
        Some(fill(get))
    }

    /// The random bytes in the server's hello; `None` before there is a session.
    ///
    /// OpenSSL: `SSL_get_server_random`.
    #[doc(alias = "SSL_get_server_random")]
    pub fn server_random(&self) -> Option<Vec<u8>> {
        if !self.has_session() {
            return None;
        }
        // SAFETY: see above; the room is as large as its length says.
        let get = |room, len| unsafe { ffi::SSL_get_server_random(self.as_ptr(), room, len) };
        Some(fill(get))
    }

    /// The session's master key (TLS 1.2) or resumption master secret (TLS 1.3); `None` before there
    /// is a session. Fails where the session has no such secret yet.
    ///
    /// OpenSSL: `SSL_SESSION_get_master_key`.
    #[doc(alias = "SSL_SESSION_get_master_key")]
    pub fn master_key(&self) -> Result<Option<Secret>> {
        if !self.has_session() {
            return Ok(None);
        }
        clear_queue();
        // SAFETY: see above; the room is as large as its length says.
        let key = Secret::from(fill(|room, len| unsafe {
            ffi::SSL_SESSION_get_master_key(ffi::SSL_get_session(self.as_ptr()), room, len)
        }));
        if key.is_empty() { Err(library_error()) } else { Ok(Some(key)) }
    }

    /// The Finished message that this end sent, or expects to send; `None` before there is one.
    ///
    /// OpenSSL: `SSL_get_finished`.
    #[doc(alias = "SSL_get_finished")]
    pub fn finished(&self) -> Option<Vec<u8>> {
        // SAFETY: see above; the room is as large as its length says.
        let message =
            fill(|room, len| unsafe { ffi::SSL_get_finished(self.as_ptr(), room.cast(), len) });
        (!message.is_empty()).then_some(message)
    }

    /// The Finished message that the peer sent; `None` before there is one.
    ///
    /// OpenSSL: `SSL_get_peer_finished`.
    #[doc(alias = "SSL_get_peer_finished")]
    pub fn peer_finished(&self) -> Option<Vec<u8>> {
        // SAFETY: see above; the room is as large as its length says.
        let message = fill(|room, len| unsafe {
            ffi::SSL_get_peer_finished(self.as_ptr(), room.cast(), len)
        });
        (!message.is_empty()).then_some(message)
    }

    /// Key material for another protocol (RFC 5705, RFC 8446 section 7.5): `len` bytes, the same at
    /// both ends.
    ///
    /// OpenSSL: `SSL_export_keying_material`.
    #[doc(alias = "SSL_export_keying_material")]
    pub fn export_keying_material(
        &self,
        label: &[u8],
        len: usize,
        context: Option<&[u8]>,
    ) -> Result<Secret> {
        let mut room = Vec::new();
        room.try_reserve_exact(len).map_err(|_| Error::Syscall { errno: libc::ENOMEM })?;
        room.resize(len, 0);
        let mut room = Secret::from(room);
        clear_queue();
        let (pointer, context_len) =
            context.map_or((ptr::null(), 0), |context| (context.as_ptr(), context.len()));
        // SAFETY: see above; each pointer goes with its length.
        check(unsafe {
            ffi::SSL_export_keying_material(
                self.as_ptr(),
                room.as_mut_ptr(),
                len,
                label.as_ptr().cast(),
                label.len(),
                pointer,
                context_len,
                c_int::from(context.is_some()),
            )
        })?;
        Ok(room)
    }
}

/// A cipher suite.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cipher {
    /// OpenSSL's name for it, such as `TLS_AES_256_GCM_SHA384`.
    pub name: String,
    /// The protocol version that brought it, such as `TLSv1.3`.
    pub version: String,
    /// The strength of its key, in bits.
    pub bits: c_int,
}

/// Collects what a function writes into room it is given; it returns how many bytes.
fn fill(write: impl FnOnce(*mut c_uchar, usize) -> usize) -> Vec<u8> {
    // The largest of these are Finished messages and master keys: a digest, 64 bytes at most.
    let mut room = [0; 128];
    let len = write(room.as_mut_ptr(), room.len()).min(room.len());
    let written = room[..len].to_vec();
    wipe(&mut room);
    written
}

/// A C string, copied; `None` for null.
///
/// # Safety
///
/// Unless null, `string` is NUL-terminated and lives during the call.
unsafe fn owned(string: *const c_char) -> Option<Vec<u8>> {
    // SAFETY: not null, and the caller's promise.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_bytes().to_vec())
}

/// As [`owned`], for names that OpenSSL made itself.
///
/// # Safety
///
/// As for [`owned`].
unsafe fn text(string: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    unsafe { owned(string) }.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
