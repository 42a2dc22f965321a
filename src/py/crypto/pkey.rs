//! The class `PKey`, and loading and dumping keys.

use std::ffi::c_int;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyTuple, PyType};

use super::arguments::{FileType, buffer as data, c_name, missing};
use super::failure::Result;
use super::held::Held;
use super::{cryptography, passphrase as prompt};
use crate::py::arguments::{fresh, integer};
use crate::py::attachment::detach;
use crate::py::errors::{CryptoError, deprecated};
use crate::tls;
use crate::tls::pkey::{self, Cipher};

/// The kinds of keys that have a constant.
pub(crate) const TYPES: [(&str, c_int); 4] = [
    ("TYPE_RSA", pkey::RSA),
    ("TYPE_DSA", pkey::DSA),
    ("TYPE_DH", pkey::DH),
    ("TYPE_EC", pkey::EC),
];

/// An asymmetric key: public, or private with its public half.
///
/// ``PKey()`` is one without any content, for :meth:`generate_key`.
///
/// OpenSSL: ``EVP_PKEY``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.crypto")]
pub(crate) struct PKey {
    held: Held<State>,
}

#[derive(Clone)]
struct State {
    key: pkey::PKey,
    only_public: bool,
    initialised: bool,
}

/// The key that a caller passed, and whether it was a `PKey`: the other thing it may be is a key of
/// cryptography.
pub(crate) fn key_argument(value: &Bound<'_, PyAny>) -> PyResult<(pkey::PKey, bool)> {
    Ok(match value.cast::<PKey>() {
        Ok(key) => (key.get().key(value.py())?, true),
        Err(_) => (cryptography::key_from(value)?.0, false),
    })
}

impl PKey {
    /// A public key of the core as a new object.
    pub(super) fn wrap_public(py: Python<'_>, key: pkey::PKey) -> PyResult<Py<Self>> {
        Py::new(py, Self::of(State { key, only_public: true, initialised: true }))
    }

    /// A private key of the core as a new object.
    fn wrap_private(py: Python<'_>, key: pkey::PKey) -> PyResult<Py<Self>> {
        Py::new(py, Self::of(State { key, only_public: false, initialised: true }))
    }

    /// The key, as it is now.
    pub(crate) fn key(&self, py: Python<'_>) -> PyResult<pkey::PKey> {
        Ok(self.state(py)?.key)
    }

    /// The key, if there is something to sign with.
    pub(super) fn signing_key(&self, py: Python<'_>) -> PyResult<pkey::PKey> {
        let state = self.state(py)?;
        if state.only_public {
            return Err(PyValueError::new_err("Key only has public part"));
        }
        if !state.initialised {
            return Err(PyValueError::new_err("Key is uninitialized"));
        }
        Ok(state.key)
    }

    fn of(state: State) -> Self {
        Self { held: Held::new(state, uninitialised) }
    }

    fn state(&self, py: Python<'_>) -> PyResult<State> {
        self.held.read(py, State::clone)
    }
}

#[pymethods]
impl PKey {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { held: Held::nothing(uninitialised) }
    }

    /// Make a key without any content, for :meth:`generate_key`.
    ///
    /// OpenSSL: ``EVP_PKEY_new``.
    fn __init__(&self, py: Python<'_>) -> Result<()> {
        let key = pkey::PKey::empty()?;
        self.held.set(py, Some(State { key, only_public: false, initialised: false }));
        Ok(())
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let copy = fresh(slf)?;
        copy.get().held.set(slf.py(), slf.get().held.copy(slf.py()));
        Ok(copy)
    }

    /// Get the key as an object of the package cryptography.
    ///
    /// :return: a private key if there is a private half, otherwise a public key.
    /// :raises ImportError: if cryptography is not installed.
    ///
    /// It raises what cryptography raises for a kind of key that it does not know.
    ///
    /// OpenSSL: ``i2d_PrivateKey_bio``, ``i2d_PUBKEY_bio``.
    fn to_cryptography_key<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        let state = self.state(py)?;
        cryptography::key(py, &state.key, state.only_public)
    }

    /// Make a :class:`PKey` of a key of the package cryptography.
    ///
    /// :param crypto_key: the key: RSA, DSA, elliptic curve, Ed25519 or Ed448.
    /// :type crypto_key: a private or public key of cryptography
    /// :return: a :class:`PKey`.
    /// :raises ImportError: if cryptography is not installed.
    /// :raises TypeError: if it is anything else.
    ///
    /// OpenSSL: ``d2i_PrivateKey_bio``, ``d2i_PUBKEY_bio``.
    #[classmethod]
    fn from_cryptography_key(
        _cls: &Bound<'_, PyType>,
        crypto_key: &Bound<'_, PyAny>,
    ) -> Result<Py<Self>> {
        let py = crypto_key.py();
        cryptography::required(py)?;
        let (key, only_public) = cryptography::key_from(crypto_key)?;
        Ok(Py::new(py, Self::of(State { key, only_public, initialised: true }))?)
    }

    /// Make a new key, in place of what is here. Other threads run meanwhile. Deprecated.
    ///
    /// :param int type: :const:`TYPE_RSA` or :const:`TYPE_DSA`.
    /// :param int bits: the size, in bits.
    /// :raises TypeError: if one of them is not an integer.
    /// :raises ValueError: if ``bits`` is not positive.
    /// :raises Error: for another type, or a size that OpenSSL does not accept.
    ///
    /// OpenSSL: ``RSA_generate_key_ex``, ``DSA_generate_key``.
    fn generate_key(&self, r#type: &Bound<'_, PyAny>, bits: &Bound<'_, PyAny>) -> Result<()> {
        let py = bits.py();
        deprecated(
            py,
            "PKey.generate_key is deprecated. You should use the key generation APIs in \
             cryptography instead.",
        )?;
        if !r#type.is_instance_of::<PyInt>() {
            return Err(PyTypeError::new_err("type must be an integer").into());
        }
        if !bits.is_instance_of::<PyInt>() {
            return Err(PyTypeError::new_err("bits must be an integer").into());
        }
        let generate = if r#type.eq(pkey::RSA)? {
            if bits.le(0)? {
                return Err(PyValueError::new_err("Invalid number of bits").into());
            }
            pkey::PKey::generate_rsa
        } else if r#type.eq(pkey::DSA)? {
            pkey::PKey::generate_dsa
        } else {
            return Err(CryptoError::new_err("No such key type").into());
        };
        let bits = integer(bits, "bits must be an integer")?;
        let key = detach(py, || generate(bits))?;
        self.held.set(py, Some(State { key, only_public: false, initialised: true }));
        Ok(())
    }

    /// Check that the numbers of an RSA private key belong together. Deprecated.
    ///
    /// :return: ``True``.
    /// :raises TypeError: if it is not an RSA private key.
    /// :raises Error: if they do not.
    ///
    /// OpenSSL: ``RSA_check_key``.
    fn check(slf: &Bound<'_, Self>) -> Result<bool> {
        let py = slf.py();
        deprecated(
            py,
            "PKey.check is deprecated. You should use the APIs in cryptography instead.",
        )?;
        let state = slf.get().state(py)?;
        if state.only_public {
            return Err(PyTypeError::new_err("public key only").into());
        }
        if pkey::base_id(slf.call_method0("type")?.extract()?) != pkey::RSA {
            return Err(PyTypeError::new_err("Only RSA keys can currently be checked.").into());
        }
        detach(py, || state.key.check_rsa())?;
        Ok(true)
    }

    /// Get the kind of key.
    ///
    /// :return: :const:`TYPE_RSA`, :const:`TYPE_DSA` or another of OpenSSL's numbers; 0 if there is
    ///     no key yet, and -1 for kinds without a number.
    ///
    /// OpenSSL: ``EVP_PKEY_get_id``.
    fn r#type(&self, py: Python<'_>) -> PyResult<c_int> {
        Ok(self.key(py)?.id())
    }

    /// Get the size of the key.
    ///
    /// :return: in bits; 0 if there is no key yet.
    ///
    /// OpenSSL: ``EVP_PKEY_get_bits``.
    fn bits(&self, py: Python<'_>) -> PyResult<c_int> {
        Ok(self.key(py)?.bits())
    }

    #[getter]
    fn _only_public(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.state(py)?.only_public)
    }

    #[getter]
    fn _initialized(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.state(py)?.initialised)
    }
}

/// Load a private key.
///
/// :param int type: :const:`FILETYPE_PEM` or :const:`FILETYPE_ASN1`.
/// :param buffer: the encoded key; a :class:`str` has to be ASCII.
/// :type buffer: bytes or str
/// :param passphrase: for an encrypted PEM key: the passphrase, or a callable that is called with 0
///     and returns it as :class:`bytes`. Without it OpenSSL asks at the terminal.
/// :type passphrase: bytes or collections.abc.Callable, optional
/// :return: a :class:`PKey`.
/// :raises ValueError: for another type, a passphrase with :const:`FILETYPE_ASN1`, or a passphrase
///     that is longer than the 1024 bytes that OpenSSL has room for.
/// :raises TypeError: if the passphrase is neither bytes nor callable.
/// :raises Error: if OpenSSL cannot read it.
///
/// What the callable raises is raised unchanged.
///
/// OpenSSL: ``PEM_read_bio_PrivateKey``, ``d2i_PrivateKey_bio``.
#[pyfunction]
#[pyo3(signature = (r#type, buffer, passphrase = None))]
pub(crate) fn load_privatekey(
    r#type: &Bound<'_, PyAny>,
    buffer: &Bound<'_, PyAny>,
    passphrase: Option<&Bound<'_, PyAny>>,
) -> Result<Py<PKey>> {
    let py = buffer.py();
    let data = data(buffer)?;
    let file_type = FileType::of(r#type)?;
    only_pem_is_encrypted(file_type, passphrase)?;
    let bytes = data.as_bytes();
    let key = match file_type {
        FileType::Pem => {
            let passphrase = prompt::callback(passphrase)?;
            detach(py, || pkey::PKey::private_from_pem(bytes, passphrase.as_deref()))?
        }
        FileType::Asn1 => detach(py, || pkey::PKey::private_from_der(bytes))?,
        FileType::Text | FileType::Unknown => return Err(FileType::refused_loading().into()),
    };
    Ok(PKey::wrap_private(py, key)?)
}

/// Load a public key.
///
/// :param int type: :const:`FILETYPE_PEM` or :const:`FILETYPE_ASN1`.
/// :param buffer: the encoded key (SubjectPublicKeyInfo); a :class:`str` has to be ASCII.
/// :type buffer: bytes or str
/// :return: a :class:`PKey` without a private half.
/// :raises ValueError: for another type.
/// :raises Error: if OpenSSL cannot read it.
///
/// OpenSSL: ``PEM_read_bio_PUBKEY``, ``d2i_PUBKEY_bio``.
#[pyfunction]
pub(crate) fn load_publickey(
    r#type: &Bound<'_, PyAny>,
    buffer: &Bound<'_, PyAny>,
) -> Result<Py<PKey>> {
    let data = data(buffer)?;
    let key = match FileType::of(r#type)? {
        FileType::Pem => pkey::PKey::public_from_pem(data.as_bytes())?,
        FileType::Asn1 => pkey::PKey::public_from_der(data.as_bytes())?,
        FileType::Text | FileType::Unknown => return Err(FileType::refused_loading().into()),
    };
    Ok(PKey::wrap_public(buffer.py(), key)?)
}

/// Dump a private key. Deprecated.
///
/// :param int type: :const:`FILETYPE_PEM`, :const:`FILETYPE_ASN1` or :const:`FILETYPE_TEXT`.
/// :param PKey pkey: the key.
/// :param str cipher: for an encrypted PEM key, the name of a cipher.
/// :param passphrase: for an encrypted PEM key: the passphrase, or a callable that is called with 1
///     and returns it as :class:`bytes`.
/// :type passphrase: bytes or collections.abc.Callable, optional
/// :return: the key as :class:`bytes`.
/// :raises TypeError: if ``pkey`` is no :class:`PKey`, if there is a cipher and no passphrase, if
///     the passphrase is neither bytes nor callable, or for the text of a key that is not RSA.
/// :raises ValueError: for another type or cipher, a passphrase without :const:`FILETYPE_PEM`, or a
///     passphrase that is longer than the 1024 bytes that OpenSSL has room for.
/// :raises Error: if OpenSSL cannot write it.
///
/// What the callable raises is raised unchanged.
///
/// OpenSSL: ``PEM_write_bio_PrivateKey``, ``i2d_PrivateKey_bio``, ``RSA_print``.
#[pyfunction]
#[pyo3(signature = (r#type, pkey, cipher = None, passphrase = None))]
pub(crate) fn dump_privatekey<'py>(
    r#type: &Bound<'py, PyAny>,
    pkey: &Bound<'py, PyAny>,
    cipher: Option<&Bound<'py, PyAny>>,
    passphrase: Option<&Bound<'py, PyAny>>,
) -> Result<Bound<'py, PyBytes>> {
    let py = pkey.py();
    let pkey = pkey.cast::<PKey>().map_err(|_| PyTypeError::new_err("pkey must be a PKey"))?;
    let cipher = match cipher {
        None => None,
        Some(_) if passphrase.is_none() => {
            return Err(PyTypeError::new_err(
                "if a value is given for cipher one must also be given for passphrase",
            )
            .into());
        }
        Some(name) => Some(cipher_by_name(name)?),
    };
    let file_type = FileType::of(r#type)?;
    only_pem_is_encrypted(file_type, passphrase)?;
    let key = pkey.get().key(py)?;
    let dumped = match file_type {
        FileType::Pem => {
            let passphrase = prompt::callback(passphrase)?;
            detach(py, || key.private_to_pem(cipher, passphrase.as_deref()))?
        }
        FileType::Asn1 => key.private_to_der()?,
        FileType::Text if key.id() == pkey::RSA => key.rsa_to_text()?,
        FileType::Text => {
            return Err(
                PyTypeError::new_err("Only RSA keys are supported for FILETYPE_TEXT").into()
            );
        }
        FileType::Unknown => return Err(FileType::refused_dumping().into()),
    };
    Ok(PyBytes::new(py, &dumped))
}

/// Dump a public key.
///
/// :param int type: :const:`FILETYPE_PEM` or :const:`FILETYPE_ASN1`.
/// :param PKey pkey: the key, of which only the public half is dumped.
/// :return: the key (SubjectPublicKeyInfo) as :class:`bytes`.
/// :raises ValueError: for another type.
/// :raises AttributeError: if ``pkey`` is no :class:`PKey`.
/// :raises Error: if OpenSSL cannot write it.
///
/// OpenSSL: ``PEM_write_bio_PUBKEY``, ``i2d_PUBKEY_bio``.
#[pyfunction]
pub(crate) fn dump_publickey<'py>(
    r#type: &Bound<'py, PyAny>,
    pkey: &Bound<'py, PyAny>,
) -> Result<Bound<'py, PyBytes>> {
    let py = pkey.py();
    let key = || pkey.cast::<PKey>().map_err(|_| missing(pkey, "_pkey"))?.get().key(py);
    let dumped = match FileType::of(r#type)? {
        FileType::Pem => key()?.public_to_pem()?,
        FileType::Asn1 => key()?.public_to_der()?,
        FileType::Text | FileType::Unknown => return Err(FileType::refused_loading().into()),
    };
    Ok(PyBytes::new(py, &dumped))
}

fn cipher_by_name(name: &Bound<'_, PyAny>) -> Result<Cipher> {
    let name = c_name(name)?.ok_or(tls::Error::Invalid("Invalid cipher name"))?;
    Ok(Cipher::by_name(&name)?)
}

fn only_pem_is_encrypted(
    file_type: FileType,
    passphrase: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    if file_type != FileType::Pem && passphrase.is_some() {
        return Err(PyValueError::new_err("only FILETYPE_PEM key format supports encryption"));
    }
    Ok(())
}

fn uninitialised() -> PyErr {
    super::arguments::uninitialised("PKey")
}
