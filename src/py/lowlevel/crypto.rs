//! `BIO_*`, `DH_*`, `X509_*`, `OBJ_*`: reading parameters of Diffie-Hellman, and what certificates
//! and their names are asked for.

use std::cell::Cell;
use std::ffi::{CStr, c_int};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::add_functions;
use super::arguments::{Chars, Null, Of, Room, handle_or_null};
use super::handle::{Handle, Named, SharedBio};
use crate::py::attachment::detach;
use crate::tls::bio::Bio;
use crate::tls::context::default_locations;
use crate::tls::dh::Parameters;
use crate::tls::object;
use crate::tls::x509::{Certificate, Name};

thread_local! {
    /// What a function left in C's `errno`.
    static ERRNO: Cell<c_int> = const { Cell::new(0) };
}

/// The number of the error that a function of ``lib`` met last on this thread, as ``errno`` has it.
#[pyfunction(name = "_last_errno")]
pub(crate) fn last_errno() -> c_int {
    ERRNO.get()
}

/// Sets what :func:`_last_errno` answers on this thread.
///
/// :param int number: the number.
#[pyfunction(name = "_set_last_errno")]
pub(crate) fn set_last_errno(number: c_int) {
    ERRNO.set(number);
}

fn named(bio: Bio) -> Named {
    Named::Bio(Arc::new(Mutex::new(Some(bio))))
}

/// ``BIO *BIO_new_file(const char *, const char *)``: opens a file, in a mode of ``fopen``.
#[pyfunction(name = "BIO_new_file", signature = (path, mode, /))]
fn bio_new_file(py: Python<'_>, path: Chars<'_>, mode: Chars<'_>) -> PyResult<Handle> {
    let (path, mode) = (path.string()?, mode.string()?);
    handle_or_null(detach(py, || {
        let opened = Bio::open(&path, &mode);
        if opened.is_err() {
            ERRNO.set(io::Error::last_os_error().raw_os_error().unwrap_or(0));
        }
        opened.map(named)
    }))
}

/// ``BIO *BIO_new_mem_buf(const void *, int)``: to read bytes from, which are copied. All of them if
/// the number is -1.
#[pyfunction(name = "BIO_new_mem_buf", signature = (bytes, length, /))]
fn bio_new_mem_buf(bytes: Chars<'_>, length: c_int) -> PyResult<Handle> {
    let string;
    let bytes = if length == -1 {
        string = bytes.string()?;
        Some(string.as_bytes())
    } else {
        let length = usize::try_from(length)
            .map_err(|_| PyValueError::new_err("a number of bytes is not negative"))?;
        bytes.counted(length)?
    };
    let bytes = bytes.ok_or_else(|| PyTypeError::new_err("bytes are needed, not NULL"))?;
    handle_or_null(Bio::of(bytes).map(named))
}

/// ``int BIO_free(BIO *)``: closes it. Answers 0 if there is nothing to close.
#[pyfunction(name = "BIO_free", signature = (bio, /))]
fn bio_free(py: Python<'_>, bio: Of<Option<SharedBio>>) -> c_int {
    let Some(bio) = bio.0 else { return 0 };
    // Closing it waits for nothing but a thread that reads from it.
    let freed = detach(py, || bio.lock().unwrap_or_else(PoisonError::into_inner).take());
    c_int::from(freed.is_some())
}

/// ``DH *PEM_read_bio_DHparams(BIO *, NULL, NULL, NULL)``: parameters of Diffie-Hellman.
///
/// :raises ValueError: if the BIO was freed.
#[pyfunction(name = "PEM_read_bio_DHparams", signature = (bio, reuse, callback, userdata, /))]
fn pem_read_bio_dhparams(
    py: Python<'_>,
    bio: Of<SharedBio>,
    reuse: Of<Null>,
    callback: Of<Null>,
    userdata: Of<Null>,
) -> PyResult<Handle> {
    let _ = (reuse, callback, userdata);
    let read = detach(py, || {
        let mut bio = bio.0.lock().unwrap_or_else(PoisonError::into_inner);
        bio.as_mut().map(Parameters::read)
    });
    let read = read.ok_or_else(|| PyValueError::new_err("the BIO was freed"))?;
    handle_or_null(read.map(Named::Dh))
}

/// ``void DH_free(DH *)``: nothing is to be done. What handles name is freed with the last of them.
#[pyfunction(name = "DH_free", signature = (dh, /))]
fn dh_free(dh: Of<Option<Parameters>>) {
    drop(dh);
}

/// ``void X509_free(X509 *)``: as ``DH_free``.
#[pyfunction(name = "X509_free", signature = (x509, /))]
fn x509_free(x509: Of<Option<Certificate>>) {
    drop(x509);
}

/// ``int X509_up_ref(X509 *)``: nothing is to be done, each handle has a reference of its own.
#[pyfunction(name = "X509_up_ref", signature = (x509, /))]
fn x509_up_ref(x509: Of<Certificate>) -> c_int {
    drop(x509);
    1
}

/// ``X509 *X509_dup(const X509 *)``: another certificate that says the same.
#[pyfunction(name = "X509_dup", signature = (x509, /))]
fn x509_dup(x509: Of<Certificate>) -> PyResult<Handle> {
    handle_or_null(x509.0.copy().map(Named::Certificate))
}

/// ``char *X509_NAME_oneline(const X509_NAME *, char *, int)``: writes the name, such as
/// ``/C=US/CN=example``, and a NUL, as much as there is room for.
///
/// :raises ValueError: if the memory is smaller than the number says, or there is no room at all.
#[pyfunction(name = "X509_NAME_oneline", signature = (name, buffer, size, /))]
fn x509_name_oneline<'py>(
    py: Python<'py>,
    name: Of<Name>,
    buffer: Room<'py>,
    size: c_int,
) -> PyResult<Bound<'py, Handle>> {
    let handle = buffer.0;
    if usize::try_from(size).is_ok_and(|size| handle.len().is_ok_and(|there| there < size)) {
        return Err(PyValueError::new_err("the memory is smaller than that"));
    }
    let line = name.0.one_line_in(size)?;
    handle.get().write(py, line.as_bytes_with_nul())?;
    Ok(handle)
}

/// ``const char *X509_get_default_cert_file(void)``: where OpenSSL looks for trusted certificates.
#[pyfunction(name = "X509_get_default_cert_file")]
fn x509_get_default_cert_file() -> Handle {
    Handle::of(Named::Text(default_locations().0))
}

/// ``const char *X509_get_default_cert_dir(void)``: as ``X509_get_default_cert_file``; the directory.
#[pyfunction(name = "X509_get_default_cert_dir")]
fn x509_get_default_cert_dir() -> Handle {
    Handle::of(Named::Text(default_locations().1))
}

/// ``int OBJ_txt2nid(const char *)``: OpenSSL's number for an object; 0 if it knows none.
#[pyfunction(name = "OBJ_txt2nid", signature = (name, /))]
fn obj_txt2nid(name: Chars<'_>) -> PyResult<c_int> {
    Ok(object::nid(&name.string()?).unwrap_or(0))
}

/// ``const char *OBJ_nid2sn(int)``: the object's short name.
#[pyfunction(name = "OBJ_nid2sn", signature = (nid, /))]
fn obj_nid2sn(nid: c_int) -> Handle {
    text(object::short_name(nid))
}

/// ``const char *OBJ_nid2ln(int)``: the object's long name.
#[pyfunction(name = "OBJ_nid2ln", signature = (nid, /))]
fn obj_nid2ln(nid: c_int) -> Handle {
    text(object::long_name(nid))
}

/// `NULL` for a name that there is not.
fn text(name: &'static CStr) -> Handle {
    if name.is_empty() { Handle::null() } else { Handle::of(Named::Text(name)) }
}

pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    add_functions!(
        module,
        bio_new_file,
        bio_new_mem_buf,
        bio_free,
        pem_read_bio_dhparams,
        dh_free,
        x509_free,
        x509_up_ref,
        x509_dup,
        x509_name_oneline,
        x509_get_default_cert_file,
        x509_get_default_cert_dir,
        obj_txt2nid,
        obj_nid2sn,
        obj_nid2ln,
    );
    Ok(())
}
