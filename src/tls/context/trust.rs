//! Whom a context trusts, and which authorities it names to clients.

use std::ffi::{CStr, OsStr, c_int, c_uint};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::{env, fs, ptr};

use openssl::ex_data::Index;
use openssl::ssl::SslContext;
use openssl_sys as ffi;

use super::Settings;
use super::roots::{self, Source};
use super::setting::Setting;
use crate::tls::borrowed;
use crate::tls::callbacks::VerifyCallback;
use crate::tls::error::{Result, check, check_ptr, clear_queue, library_error};
use crate::tls::sys;
use crate::tls::verification::Identity;
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
    /// One that other contexts may have, too, with what a file held.
    Shared(Store),
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
        if file.is_none() && directory.is_none() {
            clear_queue();
            // SAFETY: the SSL_CTX is alive; with nothing to load this fails, and says why.
            check(unsafe {
                ffi::SSL_CTX_load_verify_locations(self.as_ptr(), ptr::null(), ptr::null())
            })?;
        }
        if let Some(file) = file {
            self.trust(Source::At(file.into()))?;
        }
        if let Some(directory) = directory {
            self.search(Setting::TrustDirectory(directory.into()))?;
        }
        Ok(())
    }

    /// Trusts what a file holds: with the store that others share, if there is nothing else.
    fn trust(&self, source: Source) -> Result<()> {
        self.check_unused()?;
        let store = roots::store(source)?;
        if !matches!(*self.builder.trust.borrow(), Trust::Nobody) {
            self.own_store()?;
            return self.store().map_or(Ok(()), |own| borrowed::copy_objects(&store, &own));
        }
        // SAFETY: both are alive; the SSL_CTX takes a reference to the store.
        unsafe { sys::SSL_CTX_set1_cert_store(self.as_ptr(), store.as_ptr()) };
        self.builder.trust.replace(Trust::Shared(store));
        Ok(())
    }

    /// Has certificates looked for when they are needed, in a store that nobody shares: OpenSSL
    /// keeps there what it finds, even if that is taken away later.
    fn search(&self, directory: Setting) -> Result<()> {
        self.check_unused()?;
        self.own_store()?;
        self.apply(directory)
    }

    /// Sees to it that no other context uses the store: somebody is going to add to it.
    pub(super) fn own_store(&self) -> Result<()> {
        if let Trust::Shared(shared) = &*self.builder.trust.borrow() {
            let own = Store::new()?;
            borrowed::copy_objects(shared, &own)?;
            if self.check_unused().is_err() {
                // A connection in another thread may be verifying with it, on a pointer that OpenSSL
                // does not count.
                keep(self.as_ptr(), shared.clone())?;
            }
            // SAFETY: both are alive; the SSL_CTX takes a reference to the store.
            unsafe { sys::SSL_CTX_set1_cert_store(self.as_ptr(), own.as_ptr()) };
        }
        self.builder.trust.replace(Trust::Own);
        Ok(())
    }

    fn store(&self) -> Option<Store> {
        // SAFETY: the SSL_CTX is alive and keeps its store; the handle has a reference of its own.
        unsafe { borrowed::store(ffi::SSL_CTX_get_cert_store(self.as_ptr())) }
    }

    /// Trusts what is in OpenSSL's own default locations, which the environment variables
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` override.
    ///
    /// OpenSSL: `SSL_CTX_set_default_verify_paths`.
    #[doc(alias = "SSL_CTX_set_default_verify_paths")]
    pub fn set_default_verify_paths(&self) -> Result<()> {
        self.trust(Source::Default)?;
        self.search(Setting::DefaultTrustDirectory)
    }

    /// Trusts what is in the first of the files that is one, and in the first of the directories
    /// that is one.
    pub fn load_first<P: AsRef<CStr>>(&self, files: &[P], directories: &[P]) -> Result<()> {
        if let Some(file) = files.iter().map(AsRef::as_ref).find(|path| as_path(path).is_file()) {
            self.load_verify_locations(Some(file), None)?;
        }
        let mut directories = directories.iter().map(AsRef::as_ref);
        if let Some(directory) = directories.find(|path| as_path(path).is_dir()) {
            self.load_verify_locations(None, Some(directory))?;
        }
        Ok(())
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

    /// Whom the peer's certificate must name.
    ///
    /// OpenSSL: `X509_VERIFY_PARAM_set1_host`, `X509_VERIFY_PARAM_set1_ip`.
    #[doc(alias = "X509_VERIFY_PARAM_set1_host")]
    #[doc(alias = "X509_VERIFY_PARAM_set1_ip")]
    pub fn set_identity(&self, identity: Identity) -> Result<()> {
        self.apply(Setting::Identity(identity))
    }

    /// How names of hosts are compared (`X509_CHECK_FLAG_*`).
    ///
    /// OpenSSL: `X509_VERIFY_PARAM_set_hostflags`.
    #[doc(alias = "X509_VERIFY_PARAM_set_hostflags")]
    pub fn set_host_flags(&self, flags: c_uint) -> Result<()> {
        self.apply(Setting::HostFlags(flags))
    }

    /// The trusted certificates. The store may be added to at any time.
    ///
    /// OpenSSL: `SSL_CTX_get_cert_store`.
    #[doc(alias = "SSL_CTX_get_cert_store")]
    pub fn certificate_store(&self) -> Result<Option<Store>> {
        self.own_store()?;
        Ok(self.store())
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
pub fn default_locations() -> (&'static CStr, &'static CStr) {
    // SAFETY: both return static NUL-terminated strings.
    unsafe {
        (
            CStr::from_ptr(sys::crypto::X509_get_default_cert_file()),
            CStr::from_ptr(sys::crypto::X509_get_default_cert_dir()),
        )
    }
}

/// The well-known locations to try when [`fallback_is_needed`]: files, directories.
pub fn fallback_locations() -> (&'static [&'static CStr], &'static [&'static CStr]) {
    (&FILES, &DIRECTORIES)
}

/// Whether no certificate is in the locations that the linked OpenSSL was built to look in, and the
/// environment names no others. That they are there says little: installing an OpenSSL makes an
/// empty directory.
pub fn fallback_is_needed() -> bool {
    let named = |variable| env::var_os(variable).is_some();
    !named("SSL_CERT_FILE")
        && !named("SSL_CERT_DIR")
        && roots::store(Source::Default).and_then(|store| store.is_empty()).unwrap_or(false)
        && !has_hashed_certificates(as_path(default_locations().1))
}

/// Whether a directory has files with the names that `openssl rehash` gives to certificates.
fn has_hashed_certificates(directory: &Path) -> bool {
    let is_hashed = |name: &[u8]| {
        name.split_at_checked(8).is_some_and(|(hash, number)| {
            hash.iter().all(u8::is_ascii_hexdigit)
                && number.strip_prefix(b".").is_some_and(|number| {
                    !number.is_empty() && number.iter().all(u8::is_ascii_digit)
                })
        })
    };
    fs::read_dir(directory).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| is_hashed(entry.file_name().as_bytes())))
    })
}

fn as_path(path: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(path.to_bytes()))
}

/// Keeps a store alive as long as the `SSL_CTX`, which has kept none before.
///
/// OpenSSL: `SSL_CTX_set_ex_data`.
fn keep(context: *mut ffi::SSL_CTX, store: Store) -> Result<()> {
    static INDEX: OnceLock<Index<SslContext, Store>> = OnceLock::new();
    let index = match INDEX.get() {
        Some(index) => index,
        // Two threads may both get here; the slot of the one that loses stays empty.
        None => {
            let index = SslContext::new_ex_index().map_err(|_| library_error())?;
            INDEX.get_or_init(|| index)
        }
    };
    let store = Box::into_raw(Box::new(store));
    // SAFETY: the SSL_CTX is alive, and frees a box of this type that hangs there with itself.
    let kept = check(unsafe { ffi::SSL_CTX_set_ex_data(context, index.as_raw(), store.cast()) });
    kept.map(drop).inspect_err(|_| {
        // SAFETY: the SSL_CTX did not take it, so it is still ours.
        drop(unsafe { Box::from_raw(store) });
    })
}

/// Adds what one context's store holds to another's, with its flags and its time.
pub(super) fn copy(from: *mut ffi::SSL_CTX, to: *mut ffi::SSL_CTX) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashed_names_are_certificates_to_a_search() {
        let directory = env::temp_dir().join(format!("trusted-{}", std::process::id()));
        assert!(!has_hashed_certificates(&directory));
        fs::create_dir(&directory).unwrap();
        for name in ["README", "ca.pem", "0a1b2c3d.r0", "0a1b2c3d.", "0a1b2c3.0", "0a1b2c3d"] {
            fs::write(directory.join(name), b"").unwrap();
            assert!(!has_hashed_certificates(&directory), "{name}");
        }
        fs::write(directory.join("0a1b2c3d.0"), b"").unwrap();
        assert!(has_hashed_certificates(&directory));
        fs::remove_dir_all(&directory).unwrap();
    }
}
