//! The class `X509`.

use std::ffi::{CString, c_int, c_long, c_ulong};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyTuple, PyType};

use super::arguments::c_name;
use super::cryptography;
use super::failure::Result;
use super::held::Held;
use super::name::X509Name;
use super::pkey::PKey;
use crate::py::arguments::{fresh, integer};
use crate::py::errors::deprecated;
use crate::tls;
use crate::tls::object::Nid;
use crate::tls::x509::{Certificate, Limit, Name, Role};

/// An X.509 certificate (RFC 5280).
///
/// ``X509()`` is an empty one, to be filled in and signed.
///
/// :raises Error: if there is no memory.
///
/// OpenSSL: ``X509``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.crypto")]
pub(crate) struct X509 {
    held: Held<State>,
}

#[derive(Clone)]
struct State {
    certificate: Certificate,
    /// How often the issuer's and the subject's names were replaced. An `X509Name` of an earlier
    /// time is of no use any more.
    replaced: [usize; 2],
}

impl State {
    fn of(certificate: Certificate) -> Self {
        Self { certificate, replaced: [0; 2] }
    }
}

/// The certificate that a caller passed, and whether it was an `X509`: the other thing it may be is
/// a `cryptography.x509.Certificate`.
pub(crate) fn certificate_argument(value: &Bound<'_, PyAny>) -> PyResult<(Certificate, bool)> {
    Ok(match value.cast::<X509>() {
        Ok(certificate) => (certificate.get().certificate(value.py())?, true),
        Err(_) => (cryptography::certificate_from(value)?, false),
    })
}

impl X509 {
    /// A certificate of the core as a new object.
    pub(crate) fn wrap(py: Python<'_>, certificate: Certificate) -> PyResult<Py<Self>> {
        Py::new(py, Self { held: Held::new(State::of(certificate), uninitialised) })
    }

    /// Puts a certificate in the place of what is here.
    pub(crate) fn set_certificate(&self, py: Python<'_>, certificate: Certificate) {
        self.held.set(py, Some(State::of(certificate)));
    }

    /// The certificate, as it is now. It does not change when this object does.
    pub(crate) fn certificate(&self, py: Python<'_>) -> PyResult<Certificate> {
        Ok(self.read(py, |certificate| Ok(certificate.clone()))?)
    }

    /// A name of the certificate, if it was not replaced since `replaced` was the count.
    pub(super) fn name(&self, py: Python<'_>, role: Role, replaced: usize) -> Result<Option<Name>> {
        let read = |state: &State| {
            let current = state.replaced[role as usize] == replaced;
            current.then(|| state.certificate.name(role)).transpose()
        };
        Ok(self.held.read(py, read)??)
    }

    /// Changes a field of a name of the certificate, under the same condition.
    pub(super) fn set_name_field(
        &self,
        py: Python<'_>,
        role: Role,
        replaced: usize,
        nid: Nid,
        value: &[u8],
    ) -> Result<Option<()>> {
        let change = |state: &mut State| {
            let current = state.replaced[role as usize] == replaced;
            current.then(|| state.certificate.set_name_field(role, nid, value)).transpose()
        };
        Ok(self.held.change(py, change)??)
    }

    pub(super) fn read<T>(
        &self,
        py: Python<'_>,
        read: impl FnOnce(&Certificate) -> tls::Result<T>,
    ) -> Result<T> {
        Ok(self.held.read(py, |state| read(&state.certificate))??)
    }

    fn change<T>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut Certificate) -> tls::Result<T>,
    ) -> Result<T> {
        Ok(self.held.change(py, |state| change(&mut state.certificate))??)
    }

    fn name_object(slf: &Bound<'_, Self>, role: Role) -> Result<Py<X509Name>> {
        let replaced = slf.get().held.read(slf.py(), |state| state.replaced[role as usize])?;
        Ok(X509Name::of_certificate(slf, role, replaced)?)
    }

    fn replace_name(&self, name: &Bound<'_, PyAny>, role: Role) -> Result<()> {
        let name = name
            .cast::<X509Name>()
            .map_err(|_| PyTypeError::new_err("name must be an X509Name"))?;
        let value = name.get().name(name.py())?;
        let change = |state: &mut State| -> tls::Result<()> {
            state.certificate.set_name(role, &value)?;
            state.replaced[role as usize] += 1;
            Ok(())
        };
        Ok(self.held.change(name.py(), change)??)
    }

    fn set_time(&self, limit: Limit, when: &Bound<'_, PyAny>) -> Result<()> {
        let time = when
            .cast::<PyBytes>()
            .map_err(|_| PyTypeError::new_err("when must be a byte string"))?;
        let time =
            CString::new(time.as_bytes()).map_err(|_| PyValueError::new_err("Invalid string"))?;
        self.change(when.py(), |certificate| certificate.set_time(limit, &time))
    }

    fn adjust_time(&self, limit: Limit, amount: &Bound<'_, PyAny>) -> Result<()> {
        let seconds: c_long = integer(amount, "amount must be an integer")?;
        self.change(amount.py(), |certificate| {
            // A time that has no year in four digits is ignored, as in the reference.
            let _ = certificate.set_time_from_now(limit, seconds);
            Ok(())
        })
    }

    fn time<'py>(&self, py: Python<'py>, limit: Limit) -> Result<Option<Bound<'py, PyBytes>>> {
        let time = self.read(py, |certificate| certificate.time(limit))?;
        Ok(time.map(|time| PyBytes::new(py, &time)))
    }
}

#[pymethods]
impl X509 {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { held: Held::nothing(uninitialised) }
    }

    /// Make an empty certificate, to be filled in and signed.
    ///
    /// :raises Error: if there is no memory.
    ///
    /// OpenSSL: ``X509_new``.
    fn __init__(&self, py: Python<'_>) -> Result<()> {
        self.held.set(py, Some(State::of(Certificate::new()?)));
        Ok(())
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let copy = fresh(slf)?;
        copy.get().held.set(slf.py(), slf.get().held.copy(slf.py()));
        Ok(copy)
    }

    /// Get the certificate as an object of the package cryptography.
    ///
    /// :return: a ``cryptography.x509.Certificate`` with the same encoding.
    /// :raises ImportError: if cryptography is not installed.
    /// :raises ValueError: if cryptography is stricter about the encoding than OpenSSL.
    ///
    /// OpenSSL: ``i2d_X509``.
    fn to_cryptography<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        cryptography::certificate_from_der(py, &self.read(py, Certificate::to_der)?)
    }

    /// Make an :class:`X509` of a certificate of the package cryptography.
    ///
    /// :param crypto_cert: the certificate.
    /// :type crypto_cert: cryptography.x509.Certificate
    /// :return: an :class:`X509` with the same encoding.
    /// :raises ImportError: if cryptography is not installed.
    /// :raises TypeError: if it is anything else.
    ///
    /// OpenSSL: ``d2i_X509``.
    #[classmethod]
    fn from_cryptography(
        _cls: &Bound<'_, PyType>,
        crypto_cert: &Bound<'_, PyAny>,
    ) -> Result<Py<Self>> {
        let py = crypto_cert.py();
        cryptography::required(py)?;
        Ok(Self::wrap(py, cryptography::certificate_from(crypto_cert)?)?)
    }

    /// Set the version. Deprecated.
    ///
    /// :param int version: as it is encoded: 0 stands for version 1, 2 for version 3.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``X509_set_version``.
    fn set_version(&self, version: &Bound<'_, PyAny>) -> Result<()> {
        let py = version.py();
        use_builder(py, "set_version")?;
        let version: c_long = integer(version, "version must be an integer")?;
        self.change(py, |certificate| certificate.set_version(version))
    }

    /// Get the version.
    ///
    /// :return: as it is encoded, an :class:`int`: 0 stands for version 1, 2 for version 3.
    ///
    /// OpenSSL: ``X509_get_version``.
    fn get_version(&self, py: Python<'_>) -> Result<c_long> {
        self.read(py, |certificate| Ok(certificate.version()))
    }

    /// Get the public key.
    ///
    /// :return: a :class:`PKey` without a private half.
    /// :raises Error: if there is none, or OpenSSL does not know its kind.
    ///
    /// OpenSSL: ``X509_get_pubkey``.
    fn get_pubkey(&self, py: Python<'_>) -> Result<Py<PKey>> {
        Ok(PKey::wrap_public(py, self.read(py, Certificate::public_key)?)?)
    }

    /// Set the public key. Deprecated.
    ///
    /// :param PKey pkey: the key, of which only the public half is used.
    /// :raises TypeError: if it is no :class:`PKey`.
    ///
    /// OpenSSL: ``X509_set_pubkey``.
    fn set_pubkey(&self, pkey: &Bound<'_, PyAny>) -> Result<()> {
        let py = pkey.py();
        use_builder(py, "set_pubkey")?;
        let pkey = pkey
            .cast::<PKey>()
            .map_err(|_| PyTypeError::new_err("pkey must be a PKey instance"))?;
        let key = pkey.get().key(py)?;
        self.change(py, |certificate| certificate.set_public_key(&key))
    }

    /// Sign the certificate. Deprecated.
    ///
    /// :param PKey pkey: the signer's key, with its private half.
    /// :param str digest: the name of a digest, such as ``"sha256"``.
    /// :raises TypeError: if ``pkey`` is no :class:`PKey`.
    /// :raises ValueError: if it has no private half, or there is no such digest.
    /// :raises Error: if OpenSSL cannot sign with this key and digest.
    ///
    /// OpenSSL: ``X509_sign``.
    fn sign(&self, pkey: &Bound<'_, PyAny>, digest: &Bound<'_, PyAny>) -> Result<()> {
        let py = pkey.py();
        use_builder(py, "sign")?;
        let pkey = pkey
            .cast::<PKey>()
            .map_err(|_| PyTypeError::new_err("pkey must be a PKey instance"))?;
        let key = pkey.get().signing_key(py)?;
        let digest = digest_name(digest)?;
        self.change(py, |certificate| certificate.sign(&key, &digest))
    }

    /// Get the algorithm that the certificate was signed with.
    ///
    /// :return: its long name as :class:`bytes`, such as ``b"sha256WithRSAEncryption"``.
    /// :raises ValueError: if OpenSSL does not know the algorithm.
    ///
    /// OpenSSL: ``X509_get0_tbs_sigalg``.
    fn get_signature_algorithm<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let name = self.read(py, Certificate::signature_algorithm)?;
        Ok(PyBytes::new(py, name.to_bytes()))
    }

    /// Get the digest of the encoding, its fingerprint.
    ///
    /// :param str digest_name: the name of a digest, such as ``"sha256"``.
    /// :return: two upper-case hexadecimal digits for each byte, with colons between, as
    ///     :class:`bytes`.
    /// :raises ValueError: if there is no such digest.
    ///
    /// OpenSSL: ``X509_digest``.
    fn digest<'py>(&self, digest_name: &Bound<'py, PyAny>) -> Result<Bound<'py, PyBytes>> {
        let py = digest_name.py();
        let digest = self::digest_name(digest_name)?;
        let digest = self.read(py, |certificate| certificate.digest(&digest))?;
        let digits: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(PyBytes::new(py, digits.join(":").as_bytes()))
    }

    /// Get the hash of the subject, which names files in a directory of trusted certificates.
    ///
    /// :return: an :class:`int` of 32 bits.
    ///
    /// OpenSSL: ``X509_subject_name_hash``.
    fn subject_name_hash(&self, py: Python<'_>) -> Result<c_ulong> {
        self.read(py, |certificate| Ok(certificate.subject_name_hash()))
    }

    /// Set the serial number. Deprecated.
    ///
    /// :param int serial: the number, of any size.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``X509_set_serialNumber``.
    fn set_serial_number(&self, serial: &Bound<'_, PyAny>) -> Result<()> {
        let py = serial.py();
        use_builder(py, "set_serial_number")?;
        if !serial.is_instance_of::<PyInt>() {
            return Err(PyTypeError::new_err("serial must be an integer").into());
        }
        let digits: String = serial.call_method1("__format__", ("x",))?.extract()?;
        // Digits and a sign have no NUL in them; a subclass of int may say anything.
        let digits =
            CString::new(digits).map_err(|_| PyValueError::new_err("Invalid serial number"))?;
        self.change(py, |certificate| certificate.set_serial_number(&digits))
    }

    /// Get the serial number.
    ///
    /// :return: an :class:`int` of any size.
    ///
    /// OpenSSL: ``X509_get_serialNumber``.
    fn get_serial_number<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        let digits = self.read(py, Certificate::serial_number)?;
        Ok(py.get_type::<PyInt>().call1((digits, 16))?)
    }

    /// Set the end of the validity to so many seconds from now. Deprecated.
    ///
    /// :param int amount: seconds; negative for the past.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``X509_gmtime_adj``.
    #[pyo3(name = "gmtime_adj_notAfter")]
    fn gmtime_adj_not_after(&self, amount: &Bound<'_, PyAny>) -> Result<()> {
        use_builder(amount.py(), "gmtime_adj_notAfter")?;
        self.adjust_time(Limit::NotAfter, amount)
    }

    /// Set the beginning of the validity to so many seconds from now. Deprecated.
    ///
    /// :param int amount: seconds; negative for the past.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``X509_gmtime_adj``.
    #[pyo3(name = "gmtime_adj_notBefore")]
    fn gmtime_adj_not_before(&self, amount: &Bound<'_, PyAny>) -> Result<()> {
        use_builder(amount.py(), "gmtime_adj_notBefore")?;
        self.adjust_time(Limit::NotBefore, amount)
    }

    /// Whether the validity has ended.
    ///
    /// :return: a :class:`bool`.
    /// :raises ValueError: if the end of the validity was never set, or is not in UTC and to the
    ///     second.
    ///
    /// OpenSSL: ``X509_get0_notAfter``.
    fn has_expired(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let not_after = slf.call_method0("get_notAfter")?;
        if not_after.is_none() {
            return Err(PyValueError::new_err("Unable to determine notAfter"));
        }
        let text = not_after.call_method1("decode", ("utf-8",))?;
        let module = py.import("datetime")?;
        let datetime = module.getattr("datetime")?;
        let utc = module.getattr("timezone")?.getattr("utc")?;
        let not_after = datetime.call_method1("strptime", (text, "%Y%m%d%H%M%SZ"))?;
        let naive = PyDict::new(py);
        naive.set_item("tzinfo", py.None())?;
        let now = datetime.call_method1("now", (utc,))?.call_method("replace", (), Some(&naive))?;
        not_after.lt(now)
    }

    /// Get the beginning of the validity.
    ///
    /// :return: an ASN.1 GeneralizedTime, ``b"YYYYMMDDhhmmssZ"``; ``None`` if it was never set.
    ///
    /// OpenSSL: ``X509_get0_notBefore``.
    #[pyo3(name = "get_notBefore")]
    fn get_not_before<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyBytes>>> {
        self.time(py, Limit::NotBefore)
    }

    /// Set the beginning of the validity. Deprecated.
    ///
    /// :param bytes when: an ASN.1 time, ``b"YYYYMMDDhhmmssZ"``.
    /// :raises TypeError: if it is not :class:`bytes`.
    /// :raises ValueError: if it is not such a time.
    ///
    /// OpenSSL: ``ASN1_TIME_set_string``.
    #[pyo3(name = "set_notBefore")]
    fn set_not_before(&self, when: &Bound<'_, PyAny>) -> Result<()> {
        use_builder(when.py(), "set_notBefore")?;
        self.set_time(Limit::NotBefore, when)
    }

    /// Get the end of the validity.
    ///
    /// :return: an ASN.1 GeneralizedTime, ``b"YYYYMMDDhhmmssZ"``; ``None`` if it was never set.
    ///
    /// OpenSSL: ``X509_get0_notAfter``.
    #[pyo3(name = "get_notAfter")]
    fn get_not_after<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyBytes>>> {
        self.time(py, Limit::NotAfter)
    }

    /// Set the end of the validity. Deprecated.
    ///
    /// :param bytes when: an ASN.1 time, ``b"YYYYMMDDhhmmssZ"``.
    /// :raises TypeError: if it is not :class:`bytes`.
    /// :raises ValueError: if it is not such a time.
    ///
    /// OpenSSL: ``ASN1_TIME_set_string``.
    #[pyo3(name = "set_notAfter")]
    fn set_not_after(&self, when: &Bound<'_, PyAny>) -> Result<()> {
        use_builder(when.py(), "set_notAfter")?;
        self.set_time(Limit::NotAfter, when)
    }

    /// Get the name of who signed the certificate. Deprecated.
    ///
    /// :return: an :class:`X509Name`. Changing it changes the certificate, until
    ///     :meth:`set_issuer`.
    ///
    /// OpenSSL: ``X509_get_issuer_name``.
    fn get_issuer(slf: &Bound<'_, Self>) -> Result<Py<X509Name>> {
        use_apis(slf.py(), "get_issuer")?;
        Self::name_object(slf, Role::Issuer)
    }

    /// Set the name of who signs the certificate. Names that :meth:`get_issuer` returned are of no
    /// use any more. Deprecated.
    ///
    /// :param X509Name issuer: the name, which is copied.
    /// :raises TypeError: if it is anything else.
    ///
    /// OpenSSL: ``X509_set_issuer_name``.
    fn set_issuer(&self, issuer: &Bound<'_, PyAny>) -> Result<()> {
        use_builder(issuer.py(), "set_issuer")?;
        self.replace_name(issuer, Role::Issuer)
    }

    /// Get the name of whose certificate it is. Deprecated.
    ///
    /// :return: an :class:`X509Name`. Changing it changes the certificate, until
    ///     :meth:`set_subject`.
    ///
    /// OpenSSL: ``X509_get_subject_name``.
    fn get_subject(slf: &Bound<'_, Self>) -> Result<Py<X509Name>> {
        use_apis(slf.py(), "get_subject")?;
        Self::name_object(slf, Role::Subject)
    }

    /// Set the name of whose certificate it is. Names that :meth:`get_subject` returned are of no
    /// use any more. Deprecated.
    ///
    /// :param X509Name subject: the name, which is copied.
    /// :raises TypeError: if it is anything else.
    ///
    /// OpenSSL: ``X509_set_subject_name``.
    fn set_subject(&self, subject: &Bound<'_, PyAny>) -> Result<()> {
        use_builder(subject.py(), "set_subject")?;
        self.replace_name(subject, Role::Subject)
    }

    /// Get how many extensions there are.
    ///
    /// :return: an :class:`int`.
    ///
    /// OpenSSL: ``X509_get_ext_count``.
    fn get_extension_count(&self, py: Python<'_>) -> Result<c_int> {
        self.read(py, |certificate| Ok(certificate.extension_count()))
    }
}

fn uninitialised() -> PyErr {
    super::arguments::uninitialised("X509")
}

fn digest_name(name: &Bound<'_, PyAny>) -> Result<CString> {
    Ok(c_name(name)?.ok_or(tls::Error::Invalid("No such digest method"))?)
}

fn use_builder(py: Python<'_>, method: &str) -> PyResult<()> {
    deprecated(
        py,
        &format!(
            "X509.{method} is deprecated. You should use cryptography's CertificateBuilder instead."
        ),
    )
}

fn use_apis(py: Python<'_>, method: &str) -> PyResult<()> {
    deprecated(
        py,
        &format!("X509.{method} is deprecated. You should use cryptography's X.509 APIs instead."),
    )
}
