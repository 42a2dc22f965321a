//! Certificates: the handle, who shares it, and its encodings. What they say is in `fields`.

use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use foreign_types::ForeignType as _;
use openssl_sys as ffi;

use super::fields::Role;
use super::name;
use crate::tls::error::{CleanQueue, Result, check_ptr, clear_queue};
use crate::tls::memory::{Source, written};
use crate::tls::passphrase;
use crate::tls::sys::crypto as sys;

/// An X.509 certificate (RFC 5280). Clones share the same OpenSSL object until one of them changes:
/// what a context, a connection or another thread was given stays as it is.
///
/// As in OpenSSL, the names, times and serial number of a certificate that was loaded or signed can
/// be changed and read back, while its encoding stays what was signed until it is signed again.
///
/// OpenSSL: `X509`.
pub struct Certificate {
    handle: openssl::x509::X509,
    /// Somebody else may have the handle, so that it must not be changed.
    shared: AtomicBool,
}

impl Certificate {
    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// `pointer` is a valid certificate, and the caller gives up one reference to it.
    pub(crate) unsafe fn from_ptr(pointer: *mut ffi::X509) -> Self {
        // SAFETY: the caller's promise. There may be more references.
        unsafe { Self::of(pointer, true) }
    }

    /// The pointer, for a call that takes a reference of its own, or none. From now on the
    /// certificate counts as shared.
    pub(crate) fn as_ptr(&self) -> *mut ffi::X509 {
        self.shared.store(true, Ordering::Relaxed);
        self.raw()
    }

    /// Where OpenSSL's object is. It stays there, unchanged, for as long as this value lives or a
    /// clone: from now on the certificate counts as shared.
    pub fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    /// A certificate without any content, to be filled in and signed.
    ///
    /// OpenSSL: `X509_new`.
    #[doc(alias = "X509_new")]
    pub fn new() -> Result<Self> {
        let _queue = CleanQueue::new();
        // SAFETY: makes a certificate that nobody else has, with two empty names in it.
        unsafe {
            let certificate = Self::of(check_ptr(ffi::X509_new())?, false);
            name::settle(ffi::X509_get_issuer_name(certificate.raw()));
            name::settle(ffi::X509_get_subject_name(certificate.raw()));
            Ok(certificate)
        }
    }

    /// Reads the first certificate of a PEM text.
    ///
    /// OpenSSL: `PEM_read_bio_X509`.
    #[doc(alias = "PEM_read_bio_X509")]
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let _queue = CleanQueue::new();
        let source = Source::new(pem)?;
        // SAFETY: the BIO lives until the call returns; the result is new.
        unsafe {
            let read = ffi::PEM_read_bio_X509(
                source.as_ptr(),
                ptr::null_mut(),
                Some(passphrase::refuse),
                ptr::null_mut(),
            );
            Ok(Self::of(check_ptr(read)?, false))
        }
    }

    /// Reads a DER or BER encoding. What follows it is ignored.
    ///
    /// OpenSSL: `d2i_X509_bio`.
    #[doc(alias = "d2i_X509_bio")]
    pub fn from_der(der: &[u8]) -> Result<Self> {
        let _queue = CleanQueue::new();
        let source = Source::new(der)?;
        // SAFETY: the BIO lives until the call returns; the result is new.
        unsafe {
            Ok(Self::of(check_ptr(ffi::d2i_X509_bio(source.as_ptr(), ptr::null_mut()))?, false))
        }
    }

    /// The certificate in PEM.
    ///
    /// OpenSSL: `PEM_write_bio_X509`.
    #[doc(alias = "PEM_write_bio_X509")]
    pub fn to_pem(&self) -> Result<Vec<u8>> {
        let _queue = CleanQueue::new();
        // SAFETY: the BIO and the certificate live until the call returns.
        written(|bio| unsafe { ffi::PEM_write_bio_X509(bio, self.raw()) })
    }

    /// The certificate in DER.
    ///
    /// OpenSSL: `i2d_X509_bio`.
    #[doc(alias = "i2d_X509_bio")]
    pub fn to_der(&self) -> Result<Vec<u8>> {
        let _queue = CleanQueue::new();
        // SAFETY: as in `to_pem`.
        written(|bio| unsafe { ffi::i2d_X509_bio(bio, self.raw()) })
    }

    /// A description for people.
    ///
    /// OpenSSL: `X509_print_ex`.
    #[doc(alias = "X509_print_ex")]
    pub fn to_text(&self) -> Result<Vec<u8>> {
        let _queue = CleanQueue::new();
        // SAFETY: as in `to_pem`.
        written(|bio| unsafe { sys::X509_print_ex(bio, self.raw(), 0, 0) })
    }

    /// # Safety
    ///
    /// `pointer` is a valid certificate, and the caller gives up one reference to it; it is the
    /// only one unless `shared`.
    unsafe fn of(pointer: *mut ffi::X509, shared: bool) -> Self {
        // SAFETY: the caller's promise.
        let handle = unsafe { openssl::x509::X509::from_ptr(pointer) };
        Self { handle, shared: AtomicBool::new(shared) }
    }

    pub(super) fn raw(&self) -> *mut ffi::X509 {
        self.handle.as_ptr()
    }

    /// The pointer to a certificate that nobody else has: to a copy, if this one is shared.
    pub(super) fn unshared(&mut self) -> Result<*mut ffi::X509> {
        if *self.shared.get_mut() {
            *self = self.copy()?;
        }
        Ok(self.raw())
    }

    /// A copy that nobody else has.
    ///
    /// OpenSSL: `X509_dup`.
    #[doc(alias = "X509_dup")]
    pub fn copy(&self) -> Result<Self> {
        // SAFETY: this value keeps the certificate alive.
        let copied = unsafe { ffi::X509_dup(self.raw()) };
        let mut copy = if copied.is_null() {
            // It was made here and never signed, so that it has no encoding to copy.
            clear_queue();
            let mut copy = Self::new()?;
            copy.set_version(self.version())?;
            if let Ok(key) = self.public_key() {
                copy.set_public_key(&key)?;
            }
            copy
        } else {
            // SAFETY: nobody else has what was just made.
            unsafe { Self::of(copied, false) }
        };
        copy.carry_changes(self)?;
        Ok(copy)
    }
}

impl Clone for Certificate {
    fn clone(&self) -> Self {
        self.shared.store(true, Ordering::Relaxed);
        Self { handle: self.handle.clone(), shared: AtomicBool::new(true) }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.name(Role::Subject)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::error::queue_is_empty;
    use crate::tls::object::nid;
    use crate::tls::x509::Limit;
    use crate::tls::x509::tests::{authority, name};

    #[test]
    fn encodings_are_read_back() {
        let (certificate, _) = authority("root");
        let der = certificate.to_der().unwrap();
        let pem = certificate.to_pem().unwrap();
        assert_eq!(Certificate::from_der(&der).unwrap().to_der().unwrap(), der);
        assert_eq!(Certificate::from_pem(&pem).unwrap().to_der().unwrap(), der);
        let text = String::from_utf8(certificate.to_text().unwrap()).unwrap();
        assert!(text.contains("CN=root"));
        assert_eq!(certificate.digest(c"sha256").unwrap().len(), 32);
        assert_eq!(certificate.signature_algorithm().unwrap(), c"sha256WithRSAEncryption");
    }

    #[test]
    fn bad_encodings_are_refused() {
        let (certificate, _) = authority("root");
        let der = certificate.to_der().unwrap();
        for end in 0..der.len() {
            assert!(Certificate::from_der(&der[..end]).is_err(), "cut at {end}");
        }
        assert!(Certificate::from_der(&vec![0x30; 1 << 20]).is_err());
        assert!(Certificate::from_pem(&vec![b'-'; 1 << 20]).is_err());
        assert!(queue_is_empty());
    }

    #[test]
    fn encrypted_pem_does_not_ask_at_the_terminal() {
        let pem = b"-----BEGIN CERTIFICATE-----\n\
            Proc-Type: 4,ENCRYPTED\n\
            DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\n\
            AAAAAAAAAAAAAAAAAAAAAA==\n\
            -----END CERTIFICATE-----\n";
        assert!(Certificate::from_pem(pem).is_err());
    }

    #[test]
    fn a_clone_does_not_change_with_the_original() {
        let (mut original, _) = authority("root");
        let clone = original.clone();
        let der = clone.to_der().unwrap();
        original.set_name_field(Role::Subject, nid(c"CN").unwrap(), b"changed").unwrap();
        assert_eq!(clone.name(Role::Subject).unwrap().one_line().unwrap(), "/CN=root");
        assert_eq!(original.name(Role::Subject).unwrap().one_line().unwrap(), "/CN=changed");
        assert_eq!(clone.to_der().unwrap(), der);
    }

    #[test]
    fn changes_after_signing_survive_the_parting_of_clones() {
        let (mut original, key) = authority("root");
        original.set_name_field(Role::Issuer, nid(c"CN").unwrap(), b"issuer").unwrap();
        original.set_time(Limit::NotAfter, c"20300102030405Z").unwrap();
        original.set_serial_number(c"77").unwrap();
        let clone = original.clone();
        original.set_version(0).unwrap();
        assert_ne!(original.raw(), clone.raw());
        assert_eq!(original.name(Role::Issuer).unwrap().one_line().unwrap(), "/CN=issuer");
        assert_eq!(original.time(Limit::NotAfter).unwrap().unwrap(), b"20300102030405Z");
        assert_eq!(original.serial_number().unwrap(), "77");
        original.sign(&key, c"sha256").unwrap();
        let loaded = Certificate::from_der(&original.to_der().unwrap()).unwrap();
        assert_eq!(loaded.serial_number().unwrap(), "77");
    }

    #[test]
    fn unfinished_certificates_part_too() {
        let mut original = Certificate::new().unwrap();
        original.set_version(2).unwrap();
        original.set_name(Role::Subject, &name("unfinished")).unwrap();
        original.set_serial_number(c"0123").unwrap();
        original.set_time(Limit::NotAfter, c"20300102030405Z").unwrap();
        let (_, key) = authority("root");
        original.set_public_key(&key).unwrap();
        let clone = original.clone();
        original.set_name_field(Role::Subject, nid(c"CN").unwrap(), b"UNFINISHED").unwrap();
        assert_eq!(clone.name(Role::Subject).unwrap().one_line().unwrap(), "/CN=unfinished");
        assert_eq!(original.name(Role::Subject).unwrap().one_line().unwrap(), "/CN=UNFINISHED");
        assert_eq!(original.version(), 2);
        assert_eq!(original.serial_number().unwrap(), "0123");
        assert_eq!(original.time(Limit::NotAfter).unwrap().unwrap(), b"20300102030405Z");
        assert_eq!(original.public_key().unwrap().bits(), 2048);
        assert!(queue_is_empty());
    }
}
