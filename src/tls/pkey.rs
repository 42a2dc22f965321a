//! Asymmetric keys.

use std::ffi::{CStr, c_int, c_void};
use std::fmt;
use std::ptr;

use foreign_types::ForeignType as _;
use openssl_sys as ffi;

use super::error::{CleanQueue, Error, Result, check, check_ptr};
use super::memory::{Source, written};
use super::passphrase::{PassphraseCallback, Prompt, refuse};
use super::secret::Secret;
use super::sys::crypto as sys;

/// The number of RSA keys. OpenSSL: `EVP_PKEY_RSA`.
pub const RSA: c_int = ffi::EVP_PKEY_RSA;
/// The number of DSA keys. OpenSSL: `EVP_PKEY_DSA`.
pub const DSA: c_int = ffi::EVP_PKEY_DSA;
/// The number of Diffie-Hellman keys. OpenSSL: `EVP_PKEY_DH`.
pub const DH: c_int = ffi::EVP_PKEY_DH;
/// The number of elliptic curve keys. OpenSSL: `EVP_PKEY_EC`.
pub const EC: c_int = ffi::EVP_PKEY_EC;

/// A key: public, or private with its public half. It never changes, and clones share the same
/// OpenSSL object.
///
/// OpenSSL: `EVP_PKEY`.
#[derive(Clone)]
pub struct PKey {
    handle: openssl::pkey::PKey<openssl::pkey::Private>,
}

/// A cipher to encrypt a private key with.
#[derive(Clone, Copy)]
pub struct Cipher(openssl::symm::Cipher);

impl PKey {
    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// `pointer` is a valid key, and the caller gives up one reference to it.
    pub(crate) unsafe fn from_ptr(pointer: *mut ffi::EVP_PKEY) -> Self {
        // SAFETY: the caller's promise.
        Self { handle: unsafe { openssl::pkey::PKey::from_ptr(pointer) } }
    }

    /// The pointer, for a call that does not keep it without taking its own reference.
    pub(crate) fn as_ptr(&self) -> *mut ffi::EVP_PKEY {
        self.handle.as_ptr()
    }

    /// Where OpenSSL's object is.
    pub fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    /// A key without any content.
    ///
    /// OpenSSL: `EVP_PKEY_new`.
    #[doc(alias = "EVP_PKEY_new")]
    pub fn empty() -> Result<Self> {
        let _queue = CleanQueue::new();
        // SAFETY: makes a key that nobody else has.
        unsafe { Ok(Self::from_ptr(check_ptr(ffi::EVP_PKEY_new())?)) }
    }

    /// Makes an RSA key with the public exponent 65537.
    ///
    /// OpenSSL: `RSA_generate_key_ex`.
    #[doc(alias = "RSA_generate_key_ex")]
    pub fn generate_rsa(bits: c_int) -> Result<Self> {
        let key = Self::empty()?;
        let _queue = CleanQueue::new();
        // SAFETY: `rsa` and `exponent` are made here. The key owns `rsa` once it is assigned; until
        // then, and when that fails, it is freed here. So is the exponent, which is copied.
        unsafe {
            let exponent = check_ptr(ffi::BN_new())?;
            let rsa = ffi::RSA_new();
            let made = check_ptr(rsa)
                .and_then(|_| check(ffi::BN_set_word(exponent, ffi::RSA_F4 as ffi::BN_ULONG)))
                .and_then(|_| check(ffi::RSA_generate_key_ex(rsa, bits, exponent, ptr::null_mut())))
                .and_then(|_| {
                    check(ffi::EVP_PKEY_assign(key.as_ptr(), ffi::EVP_PKEY_RSA, rsa.cast()))
                });
            ffi::BN_free(exponent);
            if let Err(error) = made {
                ffi::RSA_free(rsa);
                return Err(error);
            }
        }
        Ok(key)
    }

    /// Makes a DSA key, and its parameters first. That may take minutes for large keys.
    ///
    /// OpenSSL: `DSA_generate_parameters_ex`, `DSA_generate_key`.
    #[doc(alias = "DSA_generate_key")]
    pub fn generate_dsa(bits: c_int) -> Result<Self> {
        let key = Self::empty()?;
        let _queue = CleanQueue::new();
        // SAFETY: `dsa` is made and freed here; the key takes a reference of its own.
        unsafe {
            let dsa = check_ptr(ffi::DSA_new())?;
            let made = check(ffi::DSA_generate_parameters_ex(
                dsa,
                bits,
                ptr::null(),
                0,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            ))
            .and_then(|_| check(ffi::DSA_generate_key(dsa)))
            .and_then(|_| check(ffi::EVP_PKEY_set1_DSA(key.as_ptr(), dsa)));
            ffi::DSA_free(dsa);
            made?;
        }
        Ok(key)
    }

    /// Reads the first private key of a PEM text. Without a callback OpenSSL asks for the
    /// passphrase of an encrypted key at the terminal.
    ///
    /// OpenSSL: `PEM_read_bio_PrivateKey`.
    #[doc(alias = "PEM_read_bio_PrivateKey")]
    pub fn private_from_pem(pem: &[u8], passphrase: Option<&PassphraseCallback>) -> Result<Self> {
        let _queue = CleanQueue::new();
        let source = Source::new(pem)?;
        with_prompt(passphrase, |callback, userdata| {
            // SAFETY: the BIO and the prompt live until the call returns; the result is new.
            unsafe {
                let read = ffi::PEM_read_bio_PrivateKey(
                    source.as_ptr(),
                    ptr::null_mut(),
                    callback,
                    userdata,
                );
                Ok(Self::from_ptr(check_ptr(read)?))
            }
        })
    }

    /// Reads a private key in DER: PKCS#8, or the older form of its algorithm.
    ///
    /// OpenSSL: `d2i_PrivateKey_bio`.
    #[doc(alias = "d2i_PrivateKey_bio")]
    pub fn private_from_der(der: &[u8]) -> Result<Self> {
        let _queue = CleanQueue::new();
        let source = Source::new(der)?;
        // SAFETY: the BIO lives until the call returns; the result is new.
        unsafe {
            let read = sys::d2i_PrivateKey_bio(source.as_ptr(), ptr::null_mut());
            Ok(Self::from_ptr(check_ptr(read)?))
        }
    }

    /// Reads the first public key of a PEM text.
    ///
    /// OpenSSL: `PEM_read_bio_PUBKEY`.
    #[doc(alias = "PEM_read_bio_PUBKEY")]
    pub fn public_from_pem(pem: &[u8]) -> Result<Self> {
        let _queue = CleanQueue::new();
        let source = Source::new(pem)?;
        // SAFETY: the BIO lives until the call returns; the result is new.
        unsafe {
            let read = ffi::PEM_read_bio_PUBKEY(
                source.as_ptr(),
                ptr::null_mut(),
                Some(refuse),
                ptr::null_mut(),
            );
            Ok(Self::from_ptr(check_ptr(read)?))
        }
    }

    /// Reads a public key in DER (SubjectPublicKeyInfo).
    ///
    /// OpenSSL: `d2i_PUBKEY_bio`.
    #[doc(alias = "d2i_PUBKEY_bio")]
    pub fn public_from_der(der: &[u8]) -> Result<Self> {
        let _queue = CleanQueue::new();
        let source = Source::new(der)?;
        // SAFETY: the BIO lives until the call returns; the result is new.
        unsafe {
            let read = sys::d2i_PUBKEY_bio(source.as_ptr(), ptr::null_mut());
            Ok(Self::from_ptr(check_ptr(read)?))
        }
    }

    /// The private key in PEM (PKCS#8), encrypted if there is a cipher.
    ///
    /// OpenSSL: `PEM_write_bio_PrivateKey`.
    #[doc(alias = "PEM_write_bio_PrivateKey")]
    pub fn private_to_pem(
        &self,
        cipher: Option<Cipher>,
        passphrase: Option<&PassphraseCallback>,
    ) -> Result<Secret> {
        let _queue = CleanQueue::new();
        let cipher = cipher.map_or(ptr::null(), |cipher| cipher.0.as_ptr());
        with_prompt(passphrase, |callback, userdata| {
            // SAFETY: the BIO, the key and the prompt live until the call returns.
            written(|bio| unsafe {
                ffi::PEM_write_bio_PrivateKey(
                    bio,
                    self.as_ptr(),
                    cipher,
                    ptr::null(),
                    0,
                    callback,
                    userdata,
                )
            })
            .map(Secret::from)
        })
    }

    /// The private key in DER, in the older form of its algorithm if it has one.
    ///
    /// OpenSSL: `i2d_PrivateKey_bio`.
    #[doc(alias = "i2d_PrivateKey_bio")]
    pub fn private_to_der(&self) -> Result<Secret> {
        let _queue = CleanQueue::new();
        // SAFETY: the BIO and the key live until the call returns.
        written(|bio| unsafe { ffi::i2d_PrivateKey_bio(bio, self.as_ptr()) }).map(Secret::from)
    }

    /// A description of an RSA private key for people.
    ///
    /// OpenSSL: `RSA_print`.
    #[doc(alias = "RSA_print")]
    pub fn rsa_to_text(&self) -> Result<Secret> {
        let _queue = CleanQueue::new();
        let rsa = self.rsa()?;
        // SAFETY: the BIO and the key live until the call returns.
        written(|bio| unsafe { sys::RSA_print(bio, rsa.as_ptr(), 0) }).map(Secret::from)
    }

    /// The public key in PEM (SubjectPublicKeyInfo).
    ///
    /// OpenSSL: `PEM_write_bio_PUBKEY`.
    #[doc(alias = "PEM_write_bio_PUBKEY")]
    pub fn public_to_pem(&self) -> Result<Vec<u8>> {
        let _queue = CleanQueue::new();
        // SAFETY: the BIO and the key live until the call returns.
        written(|bio| unsafe { ffi::PEM_write_bio_PUBKEY(bio, self.as_ptr()) })
    }

    /// The public key in DER (SubjectPublicKeyInfo).
    ///
    /// OpenSSL: `i2d_PUBKEY_bio`.
    #[doc(alias = "i2d_PUBKEY_bio")]
    pub fn public_to_der(&self) -> Result<Vec<u8>> {
        let _queue = CleanQueue::new();
        // SAFETY: the BIO and the key live until the call returns.
        written(|bio| unsafe { ffi::i2d_PUBKEY_bio(bio, self.as_ptr()) })
    }

    /// OpenSSL's number for the kind of key; 0 for an empty one, and -1 for a kind that came after
    /// these numbers.
    ///
    /// OpenSSL: `EVP_PKEY_get_id`.
    #[doc(alias = "EVP_PKEY_get_id")]
    pub fn id(&self) -> c_int {
        // SAFETY: this value keeps the key alive.
        unsafe { ffi::EVP_PKEY_id(self.as_ptr()) }
    }

    /// OpenSSL's name for the kind of key, such as `RSA` or `ML-DSA-65`; empty for an empty one.
    ///
    /// OpenSSL: `EVP_PKEY_get0_type_name`.
    #[doc(alias = "EVP_PKEY_get0_type_name")]
    pub fn type_name(&self) -> &str {
        // SAFETY: this value keeps the key alive, and with it its name, which is NUL-terminated.
        unsafe {
            let name = sys::EVP_PKEY_get0_type_name(self.as_ptr());
            if name.is_null() {
                return "";
            }
            CStr::from_ptr(name).to_str().unwrap_or_default()
        }
    }

    /// What the key was made of, if it remembers that: the whole of a private key of ML-DSA or
    /// ML-KEM, the parameters of a DSA key.
    ///
    /// OpenSSL: `EVP_PKEY_get_octet_string_param`.
    #[doc(alias = "EVP_PKEY_get_octet_string_param")]
    pub fn seed(&self) -> Option<Secret> {
        let _queue = CleanQueue::new();
        // The longest, that of ML-KEM.
        let mut seed = vec![0; 64];
        let mut length = 0;
        // SAFETY: the call writes at most the length it is told into the buffer.
        let found = unsafe {
            ffi::EVP_PKEY_get_octet_string_param(
                self.as_ptr(),
                c"seed".as_ptr(),
                seed.as_mut_ptr(),
                seed.len(),
                &raw mut length,
            )
        };
        seed.truncate(length);
        (found == 1).then_some(Secret::from(seed))
    }

    /// The size in bits; 0 for an empty key.
    ///
    /// OpenSSL: `EVP_PKEY_get_bits`.
    #[doc(alias = "EVP_PKEY_get_bits")]
    pub fn bits(&self) -> c_int {
        let _queue = CleanQueue::new();
        // SAFETY: this value keeps the key alive.
        unsafe { ffi::EVP_PKEY_bits(self.as_ptr()) }
    }

    /// Fails unless this is an RSA private key whose numbers belong together.
    ///
    /// OpenSSL: `RSA_check_key`.
    #[doc(alias = "RSA_check_key")]
    pub fn check_rsa(&self) -> Result<()> {
        let _queue = CleanQueue::new();
        let rsa = self.rsa()?;
        // SAFETY: the key lives until the call returns.
        check(unsafe { ffi::RSA_check_key(rsa.as_ptr()) }).map(drop)
    }

    /// OpenSSL: `EVP_PKEY_get1_RSA`.
    fn rsa(&self) -> Result<openssl::rsa::Rsa<openssl::pkey::Private>> {
        // SAFETY: this value keeps the key alive; the result is a reference of its own.
        unsafe {
            let rsa = check_ptr(ffi::EVP_PKEY_get1_RSA(self.as_ptr()))?;
            Ok(openssl::rsa::Rsa::from_ptr(rsa))
        }
    }
}

impl fmt::Debug for PKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PKey").field("id", &self.id()).field("bits", &self.bits()).finish()
    }
}

impl Cipher {
    /// A cipher by a name as in `openssl enc -list`.
    ///
    /// OpenSSL: `EVP_get_cipherbyname`.
    #[doc(alias = "EVP_get_cipherbyname")]
    pub fn by_name(name: &CStr) -> Result<Self> {
        let _queue = CleanQueue::new();
        // SAFETY: reads a NUL-terminated string; the ciphers it knows are static.
        unsafe {
            let cipher = ffi::EVP_get_cipherbyname(name.as_ptr());
            if cipher.is_null() {
                return Err(Error::Invalid("Invalid cipher name"));
            }
            Ok(Self(openssl::symm::Cipher::from_ptr(cipher)))
        }
    }
}

/// What a kind of key is at bottom: RSA for what is an alias of RSA. 0 for an unknown kind.
///
/// OpenSSL: `EVP_PKEY_type`.
#[doc(alias = "EVP_PKEY_type")]
pub fn base_id(id: c_int) -> c_int {
    let _queue = CleanQueue::new();
    // SAFETY: takes a number.
    unsafe { sys::EVP_PKEY_type(id) }
}

/// Makes a call that may ask for a passphrase. What the callback failed with wins over what
/// OpenSSL made of it.
fn with_prompt<T>(
    passphrase: Option<&PassphraseCallback>,
    call: impl FnOnce(ffi::pem_password_cb, *mut c_void) -> Result<T>,
) -> Result<T> {
    let Some(ask) = passphrase else { return call(None, ptr::null_mut()) };
    let prompt = Prompt::new(ask, false);
    let done = call(prompt.callback(), prompt.userdata());
    prompt.finish().and(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::error::queue_is_empty;

    fn cipher() -> Option<Cipher> {
        Some(Cipher::by_name(c"aes-256-cbc").unwrap())
    }

    #[test]
    fn keys_are_read_back() {
        let key = PKey::generate_rsa(2048).unwrap();
        assert_eq!((key.id(), key.bits()), (RSA, 2048));
        key.check_rsa().unwrap();
        let der = key.private_to_der().unwrap();
        assert_eq!(PKey::private_from_der(&der).unwrap().private_to_der().unwrap(), der);
        let pem = key.private_to_pem(None, None).unwrap();
        let loaded = PKey::private_from_pem(&pem, None).unwrap();
        assert_eq!(loaded.private_to_der().unwrap(), der);
        let public = PKey::public_from_der(&key.public_to_der().unwrap()).unwrap();
        assert_eq!(public.public_to_pem().unwrap(), key.public_to_pem().unwrap());
        let public = PKey::public_from_pem(&key.public_to_pem().unwrap()).unwrap();
        assert!(public.check_rsa().is_err());
        let text = String::from_utf8(key.rsa_to_text().unwrap().to_vec()).unwrap();
        assert!(text.contains("(2048 bit"), "{text}");
        assert!(queue_is_empty());
    }

    #[test]
    fn passphrases_are_asked_for() {
        let key = PKey::generate_rsa(2048).unwrap();
        let ask = |_, _| Ok(b"secret".to_vec());
        let pem = key.private_to_pem(cipher(), Some(&ask)).unwrap();
        assert!(pem.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        let loaded = PKey::private_from_pem(&pem, Some(&ask)).unwrap();
        assert_eq!(loaded.private_to_der().unwrap(), key.private_to_der().unwrap());

        let wrong = |_, _| Ok(b"wrong".to_vec());
        assert!(matches!(PKey::private_from_pem(&pem, Some(&wrong)), Err(Error::Library(_))));
        let fail = |_, _| Err("my own".into());
        assert!(matches!(
            PKey::private_from_pem(&pem, Some(&fail)),
            Err(Error::Callback(error)) if error.to_string() == "my own"
        ));
        let long = |room, _| Ok(vec![b'x'; room + 1]);
        assert!(matches!(
            key.private_to_pem(cipher(), Some(&long)),
            Err(Error::Invalid("passphrase returned by callback is too long"))
        ));
        assert!(queue_is_empty());
    }

    #[test]
    fn keys_that_cannot_be_made_are_refused() {
        for bits in [-1, 0, 1, 100] {
            assert!(PKey::generate_rsa(bits).is_err());
        }
        assert!(PKey::generate_dsa(-5).is_err());
        assert!(queue_is_empty());
    }

    #[test]
    fn empty_key_answers_and_does_not_encode() {
        let key = PKey::empty().unwrap();
        assert_eq!((key.id(), key.bits()), (0, 0));
        assert!(key.private_to_der().is_err());
        assert!(key.private_to_pem(None, None).is_err());
        assert!(key.public_to_der().is_err());
        assert!(key.check_rsa().is_err());
        assert!(queue_is_empty());
    }

    #[test]
    fn garbage_is_refused() {
        for garbage in [&b""[..], b"x", b"\x30\x03\x02\x01\0", &[0x30; 1 << 16]] {
            assert!(PKey::private_from_der(garbage).is_err());
            assert!(PKey::private_from_pem(garbage, None).is_err());
            assert!(PKey::public_from_der(garbage).is_err());
            assert!(PKey::public_from_pem(garbage).is_err());
        }
        assert!(matches!(Cipher::by_name(c"nope"), Err(Error::Invalid(_))));
        assert_eq!(base_id(ffi::NID_rsa), RSA);
        assert_eq!(base_id(-1), 0);
        assert!(queue_is_empty());
    }
}
