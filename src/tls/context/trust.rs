//! Whom a context trusts, and which authorities it names to clients.

use std::ffi::{CStr, CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::{env, iter, mem, ptr};

use openssl_sys as ffi;

use super::Settings;
use super::roots::{self, Origin};
use super::setting::Setting;
use crate::tls::borrowed;
use crate::tls::callbacks::VerifyCallback;
use crate::tls::error::{Result, check, check_ptr, clear_queue};
use crate::tls::sys;
use crate::tls::x509::{Certificate, Name, Store};

/// Where systems keep their trusted certificates in one file.
const FILES: [&CStr; 5] = [
    c"/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Gentoo
    c"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL 6
    c"/etc/ssl/ca-bundle.pem",             // openSUSE
    c"/etc/pki/tls/cacert.pem",            // OpenELEC
    c"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7
];
/// Where systems keep their trusted certificates in a directory.
const DIRECTORIES: [&CStr; 1] = [c"/etc/ssl/certs"];

/// Whose store a context has.
#[derive(Default)]
pub(super) enum Trust {
    /// Its own, empty, and not handed out.
    #[default]
    Nobody,
    /// One that other contexts may have, too, and where that looks for more.
    Shared { store: Store, searches: Vec<Setting> },
    /// Its own.
    Own,
}

impl Settings<'_> {
    /// Trusts the certificates in a PEM file, and those that are found in a directory by the hash
    /// of their names when they are needed.
    ///
    /// OpenSSL: `SSL_CTX_load_verify_locations`.
    #[doc(alias = "SSL_CTX_load_verify_locations")]
    pub fn load_verify_locations(
        &self,
        file: Option<&CStr>,
        directory: Option<&CStr>,
    ) -> Result<()> {
        self.check_unused()?;
        if let (Some(file), None, true) = (file, directory, self.trusts_nobody()) {
            let origin = Origin::File(file.into());
            let store =
                roots::store(origin, &[file], |store| store.load_locations(Some(file), None))?;
            return self.share(store, &[]);
        }
        self.own_store()?;
        clear_queue();
        let pointer = |path: Option<&CStr>| path.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: the SSL_CTX is alive; each path is NUL-terminated or null.
        check(unsafe {
            ffi::SSL_CTX_load_verify_locations(self.as_ptr(), pointer(file), pointer(directory))
        })?;
        // What the file held is in the store by now, which `renew` copies.
        if let Some(directory) = directory {
            self.record(Setting::TrustDirectory(directory.into()));
        }
        Ok(())
    }

    /// Trusts what the platform trusts: OpenSSL's own default locations (which the environment
    /// variables `SSL_CERT_FILE` and `SSL_CERT_DIR` override), or, when neither of these is there,
    /// the first of the well-known ones that is.
    ///
    /// OpenSSL: `SSL_CTX_set_default_verify_paths`.
    #[doc(alias = "SSL_CTX_set_default_verify_paths")]
    pub fn set_default_verify_paths(&self) -> Result<()> {
        self.check_unused()?;
        let (mut file, mut directory) = (None, None);
        if !default_locations_exist() {
            let there = |path: &&CStr| exists(path);
            file = FILES.into_iter().find(there);
            directory = DIRECTORIES.into_iter().find(there);
        }
        let searches: Vec<_> = iter::once(Setting::DefaultTrust)
            .chain(directory.map(|directory| Setting::TrustDirectory(directory.into())))
            .collect();
        if self.trusts_nobody() {
            let (default, _) = default_locations();
            let variables = (env::var_os("SSL_CERT_FILE"), env::var_os("SSL_CERT_DIR"));
            let default = match &variables.0 {
                Some(file) => CString::new(file.as_bytes()).unwrap_or(default),
                None => default,
            };
            let files: Vec<&CStr> = [Some(default.as_c_str()), file]
                .into_iter()
                .flatten()
                .filter(|file| exists(file))
                .collect();
            let origin = Origin::Platform { file: variables.0, directory: variables.1 };
            let store = roots::store(origin, &files, |store| {
                store.load_default_locations()?;
                file.map_or(Ok(()), |file| store.load_locations(Some(file), None))?;
                directory.map_or(Ok(()), |directory| store.load_locations(None, Some(directory)))
            })?;
            return self.share(store, &searches);
        }
        self.own_store()?;
        for search in searches {
            self.apply(search)?;
        }
        file.map_or(Ok(()), |file| self.load_verify_locations(Some(file), None))
    }

    /// Whether the store is as it was made, and nobody has a handle on it.
    fn trusts_nobody(&self) -> bool {
        matches!(*self.builder.trust.borrow(), Trust::Nobody)
    }

    /// Uses a store that other contexts use, too. `searches`: where it looks for more.
    fn share(&self, store: Store, searches: &[Setting]) -> Result<()> {
        clear_queue();
        // SAFETY: both are alive; the SSL_CTX takes a reference to the store.
        unsafe { sys::SSL_CTX_set1_cert_store(self.as_ptr(), store.as_ptr()) };
        searches.iter().for_each(|search| self.record(search.clone()));
        *self.builder.trust.borrow_mut() = Trust::Shared { store, searches: searches.to_vec() };
        Ok(())
    }

    /// Sees to it that no other context uses the store: somebody is going to add to it.
    pub(super) fn own_store(&self) -> Result<()> {
        let trust = self.builder.trust.replace(Trust::Own);
        let Trust::Shared { store: shared, searches } = trust else { return Ok(()) };
        let copy = || {
            let own = Store::new()?;
            clear_queue();
            borrowed::copy_store(&shared, &own)?;
            Ok(own)
        };
        let own = match copy() {
            Ok(own) => own,
            Err(error) => {
                self.builder.trust.replace(Trust::Shared { store: shared, searches });
                return Err(error);
            }
        };
        // SAFETY: both are alive; the SSL_CTX takes a reference to the store.
        unsafe { sys::SSL_CTX_set1_cert_store(self.as_ptr(), own.as_ptr()) };
        if self.check_unused().is_err() {
            // A connection in another thread may be verifying with it, on a pointer that OpenSSL
            // does not count: it is never freed.
            mem::forget(shared);
        }
        searches.iter().try_for_each(|search| search.apply(self.as_ptr()))
    }

    /// Whether the peer's certificate is asked for and checked (`SSL_VERIFY_*`), and who decides;
    /// without a callback, OpenSSL does.
    ///
    /// OpenSSL: `SSL_CTX_set_verify`.
    #[doc(alias = "SSL_CTX_set_verify")]
    pub fn set_verify(&self, mode: c_int, callback: Option<Arc<VerifyCallback>>) -> Result<()> {
        self.apply(Setting::Verify { mode, callback: callback.is_some() })?;
        self.builder.callbacks.borrow_mut().verify = callback;
        Ok(())
    }

    /// The trusted certificates. The store may be added to at any time.
    ///
    /// OpenSSL: `SSL_CTX_get_cert_store`.
    #[doc(alias = "SSL_CTX_get_cert_store")]
    pub fn certificate_store(&self) -> Result<Option<Store>> {
        self.own_store()?;
        // SAFETY: the SSL_CTX is alive and keeps its store; the handle has a reference of its own.
        Ok(unsafe { borrowed::store(ffi::SSL_CTX_get_cert_store(self.as_ptr())) })
    }

    /// The authorities whose certificates a server asks its clients for.
    ///
    /// OpenSSL: `SSL_CTX_set_client_CA_list`.
    #[doc(alias = "SSL_CTX_set_client_CA_list")]
    pub fn set_client_cas(&self, names: Vec<Name>) -> Result<()> {
        self.apply(Setting::ClientCas(names))
    }

    /// As [`Self::set_client_cas`], with the subjects of the certificates in a PEM file.
    ///
    /// OpenSSL: `SSL_load_client_CA_file`.
    #[doc(alias = "SSL_load_client_CA_file")]
    pub fn load_client_cas(&self, file: &CStr) -> Result<()> {
        self.check_unused()?;
        clear_queue();
        // SAFETY: the path is NUL-terminated; the list is read and freed here.
        let names = unsafe {
            let list = check_ptr(ffi::SSL_load_client_CA_file(file.as_ptr()))?;
            let names = borrowed::names(list);
            borrowed::free_names(list);
            names
        };
        self.apply(Setting::ClientCas(names?))
    }

    /// One more authority, the subject of a certificate.
    ///
    /// OpenSSL: `SSL_CTX_add_client_CA`.
    #[doc(alias = "SSL_CTX_add_client_CA")]
    pub fn add_client_ca(&self, certificate: Certificate) -> Result<()> {
        self.apply(Setting::ClientCa(certificate))
    }
}

/// The locations that the linked OpenSSL was built to look in: a file and a directory.
///
/// OpenSSL: `X509_get_default_cert_file`, `X509_get_default_cert_dir`.
#[doc(alias = "X509_get_default_cert_file")]
pub fn default_locations() -> (CString, CString) {
    // SAFETY: both return static NUL-terminated strings.
    unsafe {
        (
            CStr::from_ptr(sys::X509_get_default_cert_file()).into(),
            CStr::from_ptr(sys::X509_get_default_cert_dir()).into(),
        )
    }
}

/// The well-known locations that are tried when the default ones are not there: files, directories.
pub fn fallback_locations() -> (&'static [&'static CStr], &'static [&'static CStr]) {
    (&FILES, &DIRECTORIES)
}

fn default_locations_exist() -> bool {
    let (file, directory) = default_locations();
    env::var_os("SSL_CERT_FILE").is_some()
        || env::var_os("SSL_CERT_DIR").is_some()
        || exists(&file)
        || exists(&directory)
}

fn exists(path: &CStr) -> bool {
    path.to_str().is_ok_and(|path| Path::new(path).exists())
}

/// Adds what one context's store holds to another's, with its flags and its time.
pub(super) fn copy(from: *mut ffi::SSL_CTX, to: *mut ffi::SSL_CTX) -> Result<()> {
    clear_queue();
    // SAFETY: both are alive and keep their stores; the handles have references of their own.
    let stores = unsafe {
        let store = |context| borrowed::store(ffi::SSL_CTX_get_cert_store(context));
        (store(from), store(to))
    };
    match stores {
        (Some(from), Some(to)) => borrowed::copy_store(&from, &to),
        _ => Ok(()),
    }
}
