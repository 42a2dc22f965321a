//! What a certificate says, and saying something else.

use std::ffi::{CStr, c_int, c_long, c_uint, c_ulong};
use std::ptr;

use openssl_sys as ffi;

use super::certificate::Certificate;
use super::name::{self, Name};
use crate::tls::error::{CleanQueue, Error, Result, check, check_ptr};
use crate::tls::memory::{borrowed, taken};
use crate::tls::object::{Nid, long_name};
use crate::tls::pkey::PKey;
use crate::tls::sys::crypto as sys;

/// One of the two parties that a certificate names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Who signed it.
    Issuer,
    /// Whose it is.
    Subject,
}

/// One of the two ends of a certificate's validity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// The first moment.
    NotBefore,
    /// The last moment.
    NotAfter,
}

impl Certificate {
    /// The version, counted from zero: 2 stands for X.509 v3.
    ///
    /// OpenSSL: `X509_get_version`.
    #[doc(alias = "X509_get_version")]
    pub fn version(&self) -> c_long {
        // SAFETY: this value keeps the certificate alive.
        unsafe { ffi::X509_get_version(self.raw()) }
    }

    /// Sets the version, counted from zero.
    ///
    /// OpenSSL: `X509_set_version`.
    #[doc(alias = "X509_set_version")]
    pub fn set_version(&mut self, version: c_long) -> Result<()> {
        let _queue = CleanQueue::new();
        // SAFETY: nobody else has the certificate.
        check(unsafe { ffi::X509_set_version(self.unshared()?, version) }).map(drop)
    }

    /// The serial number, in hexadecimal digits.
    ///
    /// OpenSSL: `X509_get_serialNumber`, `BN_bn2hex`.
    #[doc(alias = "X509_get_serialNumber")]
    pub fn serial_number(&self) -> Result<String> {
        let _queue = CleanQueue::new();
        // SAFETY: the certificate owns the number; what the calls make is freed here.
        unsafe {
            let serial = ffi::X509_get_serialNumber(self.raw());
            let number = check_ptr(ffi::ASN1_INTEGER_to_BN(serial, ptr::null_mut()))?;
            let digits = ffi::BN_bn2hex(number);
            ffi::BN_free(number);
            let length = CStr::from_ptr(check_ptr(digits)?).to_bytes().len();
            Ok(String::from_utf8_lossy(&taken(digits.cast(), length)).into_owned())
        }
    }

    /// Sets the serial number, given in hexadecimal digits with a minus sign if it is negative.
    ///
    /// OpenSSL: `X509_set_serialNumber`.
    #[doc(alias = "X509_set_serialNumber")]
    pub fn set_serial_number(&mut self, digits: &CStr) -> Result<()> {
        let _queue = CleanQueue::new();
        // SAFETY: nobody else has the certificate, which copies the number; what the calls make is
        // freed here.
        unsafe {
            let mut number = ptr::null_mut();
            check(ffi::BN_hex2bn(&raw mut number, digits.as_ptr()))?;
            let serial = ffi::BN_to_ASN1_INTEGER(number, ptr::null_mut());
            ffi::BN_free(number);
            let serial = check_ptr(serial)?;
            let set =
                self.unshared().and_then(|raw| check(ffi::X509_set_serialNumber(raw, serial)));
            ffi::ASN1_INTEGER_free(serial);
            set.map(drop)
        }
    }

    /// A copy of the issuer's or the subject's name.
    ///
    /// OpenSSL: `X509_get_issuer_name`, `X509_get_subject_name`.
    #[doc(alias = "X509_get_subject_name")]
    pub fn name(&self, role: Role) -> Result<Name> {
        // SAFETY: the certificate owns the name; nobody changes it, since that takes `&mut self`
        // and an unshared handle.
        unsafe { Name::copy_of(name_of(self.raw(), role)) }
    }

    /// Sets the issuer's or the subject's name.
    ///
    /// OpenSSL: `X509_set_issuer_name`, `X509_set_subject_name`.
    #[doc(alias = "X509_set_subject_name")]
    pub fn set_name(&mut self, role: Role, name: &Name) -> Result<()> {
        let _queue = CleanQueue::new();
        let set = match role {
            Role::Issuer => ffi::X509_set_issuer_name,
            Role::Subject => ffi::X509_set_subject_name,
        };
        // SAFETY: nobody else has the certificate, which copies the name.
        check(unsafe { set(self.unshared()?, name.as_ptr()) }).map(drop)
    }

    /// [`Name::set_field`] for the issuer's or the subject's name in the certificate.
    pub fn set_name_field(&mut self, role: Role, nid: Nid, value: &[u8]) -> Result<()> {
        // SAFETY: nobody else has the certificate, which owns the name.
        unsafe { name::set_field(name_of(self.unshared()?, role), nid, value) }
    }

    /// The hash that names files in a directory of trusted certificates.
    ///
    /// OpenSSL: `X509_subject_name_hash`.
    #[doc(alias = "X509_subject_name_hash")]
    pub fn subject_name_hash(&self) -> c_ulong {
        let _queue = CleanQueue::new();
        // SAFETY: this value keeps the certificate alive.
        unsafe { ffi::X509_subject_name_hash(self.raw()) }
    }

    /// One end of the validity as an ASN.1 GeneralizedTime, `YYYYMMDDhhmmssZ`; `None` if it was
    /// never set.
    ///
    /// OpenSSL: `X509_get0_notBefore`, `X509_get0_notAfter`, `ASN1_TIME_to_generalizedtime`.
    #[doc(alias = "X509_get0_notAfter")]
    pub fn time(&self, limit: Limit) -> Result<Option<Vec<u8>>> {
        let _queue = CleanQueue::new();
        // SAFETY: the certificate owns the time; what the conversion makes is freed here.
        unsafe {
            let time = match limit {
                Limit::NotBefore => sys::X509_get0_notBefore(self.raw()),
                Limit::NotAfter => sys::X509_get0_notAfter(self.raw()),
            };
            if ffi::ASN1_STRING_length(time.cast()) == 0 {
                return Ok(None);
            }
            if ffi::ASN1_STRING_type(time.cast()) == ffi::V_ASN1_GENERALIZEDTIME {
                return Ok(Some(text(time.cast())));
            }
            let general = sys::ASN1_TIME_to_generalizedtime(time, ptr::null_mut());
            let general = check_ptr(general)?;
            let text = text(general.cast());
            ffi::ASN1_GENERALIZEDTIME_free(general);
            Ok(Some(text))
        }
    }

    /// Sets one end of the validity: `YYYYMMDDhhmmssZ` or `YYMMDDhhmmssZ`.
    ///
    /// OpenSSL: `ASN1_TIME_set_string`.
    #[doc(alias = "ASN1_TIME_set_string")]
    pub fn set_time(&mut self, limit: Limit, time: &CStr) -> Result<()> {
        let _queue = CleanQueue::new();
        // SAFETY: nobody else has the certificate, which owns the time; the text is copied.
        let set = unsafe { ffi::ASN1_TIME_set_string(self.time_mut(limit)?, time.as_ptr()) };
        if set == 1 { Ok(()) } else { Err(Error::Invalid("Invalid string")) }
    }

    /// Sets one end of the validity to so many seconds from now.
    ///
    /// OpenSSL: `X509_gmtime_adj`.
    #[doc(alias = "X509_gmtime_adj")]
    pub fn set_time_from_now(&mut self, limit: Limit, seconds: c_long) -> Result<()> {
        let _queue = CleanQueue::new();
        // SAFETY: nobody else has the certificate, which owns the time.
        check_ptr(unsafe { ffi::X509_gmtime_adj(self.time_mut(limit)?, seconds) }).map(drop)
    }

    /// The public key.
    ///
    /// OpenSSL: `X509_get_pubkey`.
    #[doc(alias = "X509_get_pubkey")]
    pub fn public_key(&self) -> Result<PKey> {
        let _queue = CleanQueue::new();
        // SAFETY: this value keeps the certificate alive; the key is a reference of its own.
        unsafe { Ok(PKey::from_ptr(check_ptr(ffi::X509_get_pubkey(self.raw()))?)) }
    }

    /// Sets the public key.
    ///
    /// OpenSSL: `X509_set_pubkey`.
    #[doc(alias = "X509_set_pubkey")]
    pub fn set_public_key(&mut self, key: &PKey) -> Result<()> {
        let _queue = CleanQueue::new();
        // SAFETY: nobody else has the certificate, which copies the public half of the key.
        check(unsafe { ffi::X509_set_pubkey(self.unshared()?, key.as_ptr()) }).map(drop)
    }

    /// Signs with a private key and a digest named as in `openssl dgst -list`.
    ///
    /// OpenSSL: `X509_sign`.
    #[doc(alias = "X509_sign")]
    pub fn sign(&mut self, key: &PKey, digest: &CStr) -> Result<()> {
        let _queue = CleanQueue::new();
        let digest = digest_by_name(digest)?;
        // SAFETY: nobody else has the certificate; the key and the static digest are only read.
        check(unsafe { ffi::X509_sign(self.unshared()?, key.as_ptr(), digest) }).map(drop)
    }

    /// The long name of the algorithm the certificate says it was signed with.
    ///
    /// OpenSSL: `X509_get0_tbs_sigalg`.
    #[doc(alias = "X509_get0_tbs_sigalg")]
    pub fn signature_algorithm(&self) -> Result<&'static CStr> {
        let _queue = CleanQueue::new();
        // SAFETY: the certificate owns the algorithm and its object.
        let nid = unsafe {
            let mut object = ptr::null();
            let algorithm = sys::X509_get0_tbs_sigalg(self.raw());
            ffi::X509_ALGOR_get0(&raw mut object, ptr::null_mut(), ptr::null_mut(), algorithm);
            ffi::OBJ_obj2nid(object)
        };
        if nid == ffi::NID_undef {
            return Err(Error::Invalid("Undefined signature algorithm"));
        }
        Ok(long_name(nid))
    }

    /// The digest of the DER encoding, with a digest named as in `openssl dgst -list`.
    ///
    /// OpenSSL: `X509_digest`.
    #[doc(alias = "X509_digest")]
    pub fn digest(&self, digest: &CStr) -> Result<Vec<u8>> {
        let _queue = CleanQueue::new();
        let digest = digest_by_name(digest)?;
        let mut buffer = [0; ffi::EVP_MAX_MD_SIZE as usize];
        let mut length: c_uint = 0;
        // SAFETY: this value keeps the certificate alive; no digest is longer than the buffer.
        check(unsafe {
            ffi::X509_digest(self.raw(), digest, buffer.as_mut_ptr(), &raw mut length)
        })?;
        Ok(buffer[..length as usize].to_vec())
    }

    /// How many extensions there are.
    ///
    /// OpenSSL: `X509_get_ext_count`.
    #[doc(alias = "X509_get_ext_count")]
    pub fn extension_count(&self) -> c_int {
        // SAFETY: this value keeps the certificate alive.
        unsafe { ffi::X509_get_ext_count(self.raw()) }
    }

    /// Takes over what was changed in another certificate since it was signed. Its encoding, from
    /// which this one was copied, has nothing of that.
    pub(super) fn carry_changes(&mut self, changed: &Self) -> Result<()> {
        for role in [Role::Issuer, Role::Subject] {
            let name = changed.name(role)?;
            if name.to_der()? != self.name(role)?.to_der()? {
                self.set_name(role, &name)?;
            }
        }
        // SAFETY: the certificates own their times and numbers, all of which are ASN.1 strings;
        // nobody else has this certificate, and the other is only read.
        unsafe {
            let raw = self.unshared()?;
            let (before, after) = (ffi::X509_getm_notBefore(raw), ffi::X509_getm_notAfter(raw));
            let serial = ffi::X509_get_serialNumber(changed.raw());
            check(sys::ASN1_STRING_copy(
                before.cast(),
                sys::X509_get0_notBefore(changed.raw()).cast(),
            ))?;
            check(sys::ASN1_STRING_copy(
                after.cast(),
                sys::X509_get0_notAfter(changed.raw()).cast(),
            ))?;
            check(ffi::X509_set_serialNumber(raw, serial)).map(drop)
        }
    }

    fn time_mut(&mut self, limit: Limit) -> Result<*mut ffi::ASN1_TIME> {
        let get = match limit {
            Limit::NotBefore => ffi::X509_getm_notBefore,
            Limit::NotAfter => ffi::X509_getm_notAfter,
        };
        // SAFETY: the certificate owns the time.
        check_ptr(unsafe { get(self.unshared()?) })
    }
}

/// # Safety
///
/// `certificate` is valid. It owns the result.
unsafe fn name_of(certificate: *mut ffi::X509, role: Role) -> *mut ffi::X509_NAME {
    // SAFETY: the caller's promise.
    unsafe {
        match role {
            Role::Issuer => ffi::X509_get_issuer_name(certificate),
            Role::Subject => ffi::X509_get_subject_name(certificate),
        }
    }
}

/// # Safety
///
/// `string` is valid, and nobody changes it meanwhile.
unsafe fn text(string: *const ffi::ASN1_STRING) -> Vec<u8> {
    // SAFETY: the caller's promise; the length is that of the data.
    unsafe {
        let length = usize::try_from(ffi::ASN1_STRING_length(string)).unwrap_or(0);
        borrowed(ffi::ASN1_STRING_get0_data(string), length).to_vec()
    }
}

/// OpenSSL: `EVP_get_digestbyname`.
fn digest_by_name(name: &CStr) -> Result<*const ffi::EVP_MD> {
    // SAFETY: reads a NUL-terminated string; the digests it knows are static.
    let digest = unsafe { ffi::EVP_get_digestbyname(name.as_ptr()) };
    if digest.is_null() { Err(Error::Invalid("No such digest method")) } else { Ok(digest) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::error::queue_is_empty;
    use crate::tls::object::nid;
    use crate::tls::x509::tests::{authority, name};

    #[test]
    fn empty_certificate_answers_and_does_not_encode() {
        let certificate = Certificate::new().unwrap();
        assert_eq!(certificate.version(), 0);
        assert_eq!(certificate.serial_number().unwrap(), "0");
        assert_eq!(certificate.time(Limit::NotAfter).unwrap(), None);
        assert_eq!(certificate.extension_count(), 0);
        assert!(certificate.public_key().is_err());
        assert!(certificate.signature_algorithm().is_err());
        assert!(certificate.to_der().is_err());
        assert!(queue_is_empty());
    }

    #[test]
    fn times_are_set_and_read() {
        let mut certificate = Certificate::new().unwrap();
        certificate.set_time(Limit::NotBefore, c"20200102030405Z").unwrap();
        assert_eq!(certificate.time(Limit::NotBefore).unwrap().unwrap(), b"20200102030405Z");
        certificate.set_time(Limit::NotAfter, c"200102030405Z").unwrap();
        assert_eq!(certificate.time(Limit::NotAfter).unwrap().unwrap(), b"20200102030405Z");
        let refused = certificate.set_time(Limit::NotAfter, c"tomorrow");
        assert!(matches!(refused, Err(Error::Invalid(_))));
        certificate.set_time_from_now(Limit::NotAfter, 60).unwrap();
        assert_eq!(certificate.time(Limit::NotAfter).unwrap().unwrap().len(), 15);
        assert!(certificate.set_time_from_now(Limit::NotAfter, c_long::MAX).is_err());
    }

    #[test]
    fn serial_numbers_may_be_large_and_negative() {
        let mut certificate = Certificate::new().unwrap();
        for digits in [c"0100000000000000000000000000000000", c"-05", c"0"] {
            certificate.set_serial_number(digits).unwrap();
            assert_eq!(certificate.serial_number().unwrap(), digits.to_str().unwrap());
        }
        assert!(certificate.set_serial_number(c"no number").is_err());
    }

    #[test]
    fn a_name_is_changed_in_place() {
        let mut certificate = Certificate::new().unwrap();
        let common_name = nid(c"CN").unwrap();
        certificate.set_name(Role::Subject, &name("first")).unwrap();
        certificate.set_name_field(Role::Subject, common_name, b"second").unwrap();
        assert_eq!(certificate.name(Role::Subject).unwrap().one_line().unwrap(), "/CN=second");
        assert_eq!(certificate.name(Role::Issuer).unwrap().one_line().unwrap(), "");
    }

    #[test]
    fn unknown_digests_are_refused() {
        let (mut certificate, key) = authority("root");
        assert!(matches!(certificate.digest(c"nope"), Err(Error::Invalid(_))));
        assert!(matches!(certificate.sign(&key, c"nope"), Err(Error::Invalid(_))));
    }
}
