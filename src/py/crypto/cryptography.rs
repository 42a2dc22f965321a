//! Objects of the package cryptography, in and out.
//!
//! The package is optional: it is imported when a caller asks for one of its objects, and a caller
//! who passes one has imported it already.

use pyo3::exceptions::{PyImportError, PyModuleNotFoundError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::failure::Result;
use crate::tls::pkey::PKey;
use crate::tls::x509::{Certificate, Name};

const X509: &str = "cryptography.x509";
const SERIALIZATION: &str = "cryptography.hazmat.primitives.serialization";

const ASYMMETRIC: &str = "cryptography.hazmat.primitives.asymmetric";

/// The kinds of private keys which cryptography takes as a seed only, since it does not read what
/// OpenSSL writes: OpenSSL's name, a module and a class.
const SEEDED_KINDS: [(&str, &str, &str); 5] = [
    ("ML-DSA-44", "mldsa", "MLDSA44PrivateKey"),
    ("ML-DSA-65", "mldsa", "MLDSA65PrivateKey"),
    ("ML-DSA-87", "mldsa", "MLDSA87PrivateKey"),
    ("ML-KEM-768", "mlkem", "MLKEM768PrivateKey"),
    ("ML-KEM-1024", "mlkem", "MLKEM1024PrivateKey"),
];

/// The kinds of keys the reference takes: a module, and how the names of its classes begin.
const KEY_KINDS: [(&str, &str); 5] = [
    ("dsa", "DSA"),
    ("ec", "EllipticCurve"),
    ("ed25519", "Ed25519"),
    ("ed448", "Ed448"),
    ("rsa", "RSA"),
];

/// A certificate as a `cryptography.x509.Certificate`.
pub(super) fn certificate<'py>(
    py: Python<'py>,
    certificate: &Certificate,
) -> Result<Bound<'py, PyAny>> {
    certificate_from_der(py, &certificate.to_der()?)
}

/// The same from the encoding.
pub(super) fn certificate_from_der<'py>(py: Python<'py>, der: &[u8]) -> Result<Bound<'py, PyAny>> {
    let der = PyBytes::new(py, der);
    Ok(import(py, X509)?.call_method1("load_der_x509_certificate", (der,))?)
}

/// A name as a `cryptography.x509.Name`.
pub(super) fn name<'py>(py: Python<'py>, name: &Name) -> Result<Bound<'py, PyAny>> {
    let der = PyBytes::new(py, &name.to_der()?);
    Ok(import(py, X509)?.getattr("Name")?.call_method1("from_bytes", (der,))?)
}

/// A key as an object of cryptography.
pub(super) fn key<'py>(
    py: Python<'py>,
    key: &PKey,
    only_public: bool,
) -> Result<Bound<'py, PyAny>> {
    let kind = SEEDED_KINDS.iter().find(|(kind, ..)| *kind == key.type_name());
    if let (false, Some((_, submodule, class)), Some(seed)) = (only_public, kind, key.seed()) {
        let module = import(py, &format!("{ASYMMETRIC}.{submodule}"))?;
        let class = module.getattr(*class)?;
        return Ok(class.call_method1("from_seed_bytes", (PyBytes::new(py, &seed),))?);
    }
    let module = import(py, SERIALIZATION)?;
    Ok(if only_public {
        module.call_method1("load_der_public_key", (PyBytes::new(py, &key.public_to_der()?),))?
    } else {
        let der = PyBytes::new(py, &key.private_to_der()?);
        module.call_method1("load_der_private_key", (der, py.None()))?
    })
}

/// A `cryptography.x509.Certificate` as a certificate of the core.
pub(super) fn certificate_from(value: &Bound<'_, PyAny>) -> Result<Certificate> {
    if !is_instance(value, X509, "Certificate")? {
        return Err(PyTypeError::new_err("Must be a certificate").into());
    }
    Ok(Certificate::from_der(public_bytes(value)?.as_bytes())?)
}

/// The DER encoding of a `cryptography.x509.CertificateRevocationList`.
pub(super) fn crl_to_der<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if !is_instance(value, X509, "CertificateRevocationList")? {
        return Err(PyTypeError::new_err(
            "CRL must be of type cryptography.x509.CertificateRevocationList",
        ));
    }
    public_bytes(value)
}

/// A key of cryptography as a key of the core, and whether it has only a public half.
pub(super) fn key_from(value: &Bound<'_, PyAny>) -> Result<(PKey, bool)> {
    let py = value.py();
    for (module, stem) in KEY_KINDS {
        let module = format!("{ASYMMETRIC}.{module}");
        if is_instance(value, &module, &format!("{stem}PublicKey"))? {
            let serialization = import(py, SERIALIZATION)?;
            let encoding = serialization.getattr("Encoding")?.getattr("DER")?;
            let format = serialization.getattr("PublicFormat")?.getattr("SubjectPublicKeyInfo")?;
            let der = value.call_method1("public_bytes", (encoding, format))?;
            return Ok((PKey::public_from_der(der.extract()?)?, true));
        }
        if is_instance(value, &module, &format!("{stem}PrivateKey"))? {
            let serialization = import(py, SERIALIZATION)?;
            let encoding = serialization.getattr("Encoding")?.getattr("DER")?;
            let format = serialization.getattr("PrivateFormat")?.getattr("PKCS8")?;
            let plain = serialization.call_method0("NoEncryption")?;
            let der = value.call_method1("private_bytes", (encoding, format, plain))?;
            return Ok((PKey::private_from_der(der.extract()?)?, false));
        }
    }
    Err(PyTypeError::new_err("Unsupported key type").into())
}

/// Fails if cryptography is not installed, with an `ImportError` that says what to install.
pub(super) fn required(py: Python<'_>) -> PyResult<()> {
    import(py, X509).map(drop)
}

fn public_bytes<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let encoding = import(value.py(), SERIALIZATION)?.getattr("Encoding")?.getattr("DER")?;
    Ok(value.call_method1("public_bytes", (encoding,))?.cast_into::<PyBytes>()?)
}

fn import<'py>(py: Python<'py>, module: &str) -> PyResult<Bound<'py, PyModule>> {
    py.import(module).map_err(|error| {
        if !error.is_instance_of::<PyModuleNotFoundError>(py) {
            return error;
        }
        let explained = PyImportError::new_err(
            "the package cryptography is needed for this: pip install pyopenssl-rs[cryptography]",
        );
        explained.set_cause(py, Some(error));
        explained
    })
}

/// Whether a value is an instance of a class of cryptography. The answer is no as long as nobody
/// has imported cryptography, and asking does not import it.
fn is_instance(value: &Bound<'_, PyAny>, module: &str, class: &str) -> PyResult<bool> {
    let py = value.py();
    let modules = py.import("sys")?.getattr("modules")?;
    if !modules.contains("cryptography")? {
        return Ok(false);
    }
    value.is_instance(&py.import(module)?.getattr(class)?)
}
