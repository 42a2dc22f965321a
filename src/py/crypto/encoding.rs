//! Loading and dumping certificates.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::arguments::{FileType, buffer as data, missing};
use super::failure::Result;
use super::x509::X509;
use crate::tls::x509::Certificate;

/// Load a certificate.
///
/// :param int type: :const:`FILETYPE_PEM` or :const:`FILETYPE_ASN1`.
/// :param buffer: the encoded certificate; a :class:`str` has to be ASCII. Of several the first is
///     loaded.
/// :type buffer: bytes or str
/// :return: an :class:`X509`.
/// :raises ValueError: for another type.
/// :raises Error: if OpenSSL cannot read it.
///
/// OpenSSL: ``PEM_read_bio_X509``, ``d2i_X509_bio``.
#[pyfunction]
pub(crate) fn load_certificate(
    r#type: &Bound<'_, PyAny>,
    buffer: &Bound<'_, PyAny>,
) -> Result<Py<X509>> {
    let data = data(buffer)?;
    let certificate = match FileType::of(r#type)? {
        FileType::Pem => Certificate::from_pem(data.as_bytes())?,
        FileType::Asn1 => Certificate::from_der(data.as_bytes())?,
        FileType::Text | FileType::Unknown => return Err(FileType::refused_loading().into()),
    };
    Ok(X509::wrap(buffer.py(), certificate)?)
}

/// Dump a certificate.
///
/// :param int type: :const:`FILETYPE_PEM`, :const:`FILETYPE_ASN1`, or :const:`FILETYPE_TEXT` for a
///     description for people.
/// :param X509 cert: the certificate.
/// :return: :class:`bytes`.
/// :raises ValueError: for another type.
/// :raises AttributeError: if ``cert`` is no :class:`X509`.
/// :raises Error: if the certificate is not complete.
///
/// OpenSSL: ``PEM_write_bio_X509``, ``i2d_X509_bio``, ``X509_print_ex``.
#[pyfunction]
pub(crate) fn dump_certificate<'py>(
    r#type: &Bound<'py, PyAny>,
    cert: &Bound<'py, PyAny>,
) -> Result<Bound<'py, PyBytes>> {
    let dump = match FileType::of(r#type)? {
        FileType::Pem => Certificate::to_pem,
        FileType::Asn1 => Certificate::to_der,
        FileType::Text => Certificate::to_text,
        FileType::Unknown => return Err(FileType::refused_dumping().into()),
    };
    let certificate = cert.cast::<X509>().map_err(|_| missing(cert, "_x509"))?;
    Ok(PyBytes::new(cert.py(), &certificate.get().read(cert.py(), dump)?))
}
