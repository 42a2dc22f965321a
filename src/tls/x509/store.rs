//! Trust stores.

use std::ffi::{CStr, c_char, c_int, c_ulong};
use std::fmt;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use openssl_sys as ffi;

use super::certificate::Certificate;
use crate::tls::borrowed;
use crate::tls::error::{CleanQueue, Result, check, check_ptr, library_error};
use crate::tls::memory::Source;
use crate::tls::sys::crypto as sys;

/// Flags for [`Store::set_flags`] (`x509_vfy.h`: `X509_V_FLAG_*`), with their names.
pub const STORE_FLAGS: &[(&str, c_ulong)] = &[
    ("CRL_CHECK", ffi::X509_V_FLAG_CRL_CHECK),
    ("CRL_CHECK_ALL", ffi::X509_V_FLAG_CRL_CHECK_ALL),
    ("IGNORE_CRITICAL", ffi::X509_V_FLAG_IGNORE_CRITICAL),
    ("X509_STRICT", ffi::X509_V_FLAG_X509_STRICT),
    ("ALLOW_PROXY_CERTS", ffi::X509_V_FLAG_ALLOW_PROXY_CERTS),
    ("POLICY_CHECK", ffi::X509_V_FLAG_POLICY_CHECK),
    ("EXPLICIT_POLICY", ffi::X509_V_FLAG_EXPLICIT_POLICY),
    ("INHIBIT_MAP", ffi::X509_V_FLAG_INHIBIT_MAP),
    ("CHECK_SS_SIGNATURE", ffi::X509_V_FLAG_CHECK_SS_SIGNATURE),
    ("PARTIAL_CHAIN", ffi::X509_V_FLAG_PARTIAL_CHAIN),
];

/// Trusted certificates, revocation lists, and how to verify with them. Clones share the same
/// OpenSSL object.
///
/// OpenSSL: `X509_STORE`.
pub struct Store {
    pointer: *mut ffi::X509_STORE,
}

// SAFETY: the reference count is atomic, and OpenSSL locks the store's objects. It does not lock
// the list of lookups and the parameters: `hold` orders the calls that change them.
unsafe impl Send for Store {}
// SAFETY: as above.
unsafe impl Sync for Store {}

impl Store {
    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// `pointer` is a valid store, and the caller gives up one reference to it.
    pub(crate) unsafe fn from_ptr(pointer: *mut ffi::X509_STORE) -> Self {
        Self { pointer }
    }

    /// The pointer, for a call that does not keep it without taking its own reference.
    pub(crate) fn as_ptr(&self) -> *mut ffi::X509_STORE {
        self.pointer
    }

    /// Where OpenSSL's object is.
    pub fn address(&self) -> usize {
        self.pointer.addr()
    }

    /// An empty store.
    ///
    /// OpenSSL: `X509_STORE_new`.
    #[doc(alias = "X509_STORE_new")]
    pub fn new() -> Result<Self> {
        let _queue = CleanQueue::new();
        // SAFETY: makes a store that nobody else has.
        unsafe { Ok(Self::from_ptr(check_ptr(ffi::X509_STORE_new())?)) }
    }

    /// Trusts a certificate.
    ///
    /// OpenSSL: `X509_STORE_add_cert`.
    #[doc(alias = "X509_STORE_add_cert")]
    pub fn add_certificate(&self, certificate: &Certificate) -> Result<()> {
        let _queue = CleanQueue::new();
        // SAFETY: both are alive, and the store takes a reference of its own.
        check(unsafe { ffi::X509_STORE_add_cert(self.pointer, certificate.as_ptr()) }).map(drop)
    }

    /// Adds a revocation list, in DER.
    ///
    /// OpenSSL: `d2i_X509_CRL_bio`, `X509_STORE_add_crl`.
    #[doc(alias = "X509_STORE_add_crl")]
    pub fn add_crl(&self, der: &[u8]) -> Result<()> {
        let _queue = CleanQueue::new();
        let source = Source::new(der)?;
        // SAFETY: the BIO lives until the list is read; the store takes a reference of its own, and
        // ours is given up here.
        unsafe {
            let crl = check_ptr(sys::d2i_X509_CRL_bio(source.as_ptr(), ptr::null_mut()))?;
            let added = check(sys::X509_STORE_add_crl(self.pointer, crl));
            ffi::X509_CRL_free(crl);
            added.map(drop)
        }
    }

    /// Turns verification flags (`X509_V_FLAG_…`) on.
    ///
    /// OpenSSL: `X509_STORE_set_flags`.
    #[doc(alias = "X509_STORE_set_flags")]
    pub fn set_flags(&self, flags: c_ulong) -> Result<()> {
        let _queue = CleanQueue::new();
        let _alone = hold();
        // SAFETY: this value keeps the store alive.
        check(unsafe { ffi::X509_STORE_set_flags(self.pointer, flags) }).map(drop)
    }

    /// Verifies as of a moment, in seconds since 1970, and not as of now.
    ///
    /// OpenSSL: `X509_VERIFY_PARAM_set_time`, `X509_STORE_set1_param`.
    #[doc(alias = "X509_VERIFY_PARAM_set_time")]
    pub fn set_time(&self, time: i64) -> Result<()> {
        let _queue = CleanQueue::new();
        let _alone = hold();
        // SAFETY: the parameters are made and freed here; the store copies them.
        unsafe {
            let parameters = check_ptr(ffi::X509_VERIFY_PARAM_new())?;
            ffi::X509_VERIFY_PARAM_set_time(parameters, time as libc::time_t);
            let set = check(ffi::X509_STORE_set1_param(self.pointer, parameters));
            ffi::X509_VERIFY_PARAM_free(parameters);
            set.map(drop)
        }
    }

    /// Trusts what is in OpenSSL's own default file, or in the one that the environment variable
    /// `SSL_CERT_FILE` names. It is no failure if nothing is there.
    ///
    /// OpenSSL: `X509_LOOKUP_file`, `X509_LOOKUP_load_file`.
    #[doc(alias = "X509_LOOKUP_load_file")]
    pub fn load_default_file(&self) -> Result<()> {
        let _queue = CleanQueue::new();
        // SAFETY: null stands for the default file.
        unsafe { self.read(ptr::null(), ffi::X509_FILETYPE_DEFAULT).map(drop) }
    }

    /// Looks certificates up, when they are needed, in OpenSSL's own default directory, or in those
    /// that the environment variable `SSL_CERT_DIR` names. It is no failure if nothing is there.
    ///
    /// OpenSSL: `X509_LOOKUP_hash_dir`, `X509_LOOKUP_add_dir`; `X509_LOOKUP_store`,
    /// `X509_LOOKUP_add_store`.
    #[doc(alias = "X509_LOOKUP_add_dir")]
    #[doc(alias = "X509_LOOKUP_add_store")]
    pub fn search_default_directory(&self) -> Result<()> {
        let _queue = CleanQueue::new();
        let _alone = hold();
        let default = ffi::X509_FILETYPE_DEFAULT;
        // SAFETY: as above.
        unsafe {
            let directories = self.lookup(ffi::X509_LOOKUP_hash_dir())?;
            ffi::X509_LOOKUP_add_dir(directories, ptr::null(), default);
            let stores = self.lookup(sys::X509_LOOKUP_store())?;
            ffi::X509_LOOKUP_ctrl(stores, sys::X509_L_ADD_STORE, ptr::null(), 0, ptr::null_mut());
        }
        Ok(())
    }

    /// Trusts the certificates of a PEM file, and looks others up in a directory as
    /// `openssl rehash` names them.
    ///
    /// OpenSSL: `X509_STORE_load_locations`.
    #[doc(alias = "X509_STORE_load_locations")]
    pub fn load_locations(&self, file: Option<&CStr>, directory: Option<&CStr>) -> Result<()> {
        let _queue = CleanQueue::new();
        if file.is_none() && directory.is_none() {
            return Err(library_error());
        }
        // SAFETY: the strings are read before the calls return.
        unsafe {
            if let Some(file) = file {
                check(self.read(file.as_ptr(), ffi::X509_FILETYPE_PEM)?)?;
            }
            if let Some(directory) = directory {
                let _alone = hold();
                let directories = self.lookup(ffi::X509_LOOKUP_hash_dir())?;
                let (path, kind) = (directory.as_ptr(), ffi::X509_FILETYPE_PEM);
                check(ffi::X509_LOOKUP_add_dir(directories, path, kind))?;
            }
        }
        Ok(())
    }

    /// Has the store trust what is in a file. That may take long, so others can change the store
    /// meanwhile: certificates are added one by one, under OpenSSL's lock.
    ///
    /// # Safety
    ///
    /// `file` is a NUL-terminated string, or, for the default, null.
    unsafe fn read(&self, file: *const c_char, kind: c_int) -> Result<c_int> {
        let alone = hold();
        // SAFETY: the method is a static table.
        let files = unsafe { self.lookup(ffi::X509_LOOKUP_file())? };
        drop(alone);
        let load = sys::X509_L_FILE_LOAD;
        // SAFETY: the store keeps its lookups, and this value the store.
        Ok(unsafe { ffi::X509_LOOKUP_ctrl(files, load, file, kind.into(), ptr::null_mut()) })
    }

    /// The store's lookup of a kind, which it has from now on. To be called under the lock.
    ///
    /// OpenSSL: `X509_STORE_add_lookup`.
    ///
    /// # Safety
    ///
    /// `method` is a static table.
    #[doc(alias = "X509_STORE_add_lookup")]
    unsafe fn lookup(&self, method: *mut ffi::X509_LOOKUP_METHOD) -> Result<*mut ffi::X509_LOOKUP> {
        // SAFETY: this value keeps the store alive.
        check_ptr(unsafe { ffi::X509_STORE_add_lookup(self.pointer, method) })
    }

    /// Whether it holds nothing. What a lookup may find does not count.
    pub fn is_empty(&self) -> Result<bool> {
        let _queue = CleanQueue::new();
        // SAFETY: the list stays as it is during the call.
        borrowed::with_objects(self, |objects| unsafe { ffi::OPENSSL_sk_num(objects) } <= 0)
    }
}

/// For [`hold`]. A fork has it, too: nothing is read while it is locked.
static CONFIGURING: Mutex<()> = Mutex::new(());

pub(crate) type Held = MutexGuard<'static, ()>;

/// Keeps other threads from changing what OpenSSL does not lock, until the guard is dropped.
pub(crate) fn hold() -> Held {
    CONFIGURING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.pointer).finish()
    }
}

impl Clone for Store {
    fn clone(&self) -> Self {
        // SAFETY: this value keeps the store alive; the clone gets a reference of its own.
        unsafe {
            sys::X509_STORE_up_ref(self.pointer);
            Self::from_ptr(self.pointer)
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: gives up the reference that this value owns.
        unsafe { ffi::X509_STORE_free(self.pointer) }
    }
}
