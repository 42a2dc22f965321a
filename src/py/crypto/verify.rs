//! The class `X509StoreContext`.

use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::arguments::missing;
use super::failure::Result;
use super::held::Held;
use super::store::X509Store;
use super::x509::X509;
use crate::py::arguments::fresh;
use crate::py::attachment::detach;
use crate::py::collector::Made;
use crate::tls::x509::{Certificate, Rejection, verify};

/// The verification of a certificate with a store (RFC 5280 section 6).
///
/// :param X509Store store: what is trusted.
/// :param X509 certificate: the certificate to verify.
/// :param chain: certificates that may be needed to reach a trusted one, but are not trusted
///     themselves; or ``None``.
/// :type chain: collections.abc.Sequence of X509, optional
/// :raises TypeError: if one of the chain is no :class:`X509`.
///
/// OpenSSL: ``X509_STORE_CTX``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.crypto")]
pub(crate) struct X509StoreContext {
    made: Made,
    held: Held<State>,
}

struct State {
    // Their classes are checked when they are used.
    store: Py<PyAny>,
    certificate: Py<PyAny>,
    chain: Vec<Certificate>,
}

impl X509StoreContext {
    /// The verified chain, or the exception.
    fn verify(&self, py: Python<'_>) -> Result<Vec<Certificate>> {
        let (store, certificate, chain) = self.held.read(py, |state| {
            let (store, certificate) = (state.store.clone_ref(py), state.certificate.clone_ref(py));
            (store.into_bound(py), certificate.into_bound(py), state.chain.clone())
        })?;
        let store = store.cast::<X509Store>().map_err(|_| missing(&store, "_store"))?;
        let store = store.get().store(py)?;
        let certificate = certificate.cast::<X509>().map_err(|_| missing(&certificate, "_x509"))?;
        let certificate = certificate.get().certificate(py)?;
        match detach(py, || verify(&store, &certificate, &chain))? {
            Ok(chain) => Ok(chain),
            Err(rejection) => Err(exception(py, rejection)?.into()),
        }
    }
}

#[pymethods]
impl X509StoreContext {
    #[new]
    #[pyo3(
        signature = (*_args, **_kwargs),
        text_signature = "(store, certificate, chain=None)"
    )]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { made: Made::default(), held: Held::nothing(uninitialised) }
    }

    #[pyo3(signature = (store, certificate, chain = None))]
    fn __init__(
        &self,
        py: Python<'_>,
        store: Py<PyAny>,
        certificate: Py<PyAny>,
        chain: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let chain = chain.map(certificates).transpose()?.unwrap_or_default();
        self.held.set(py, Some(State { store, certificate, chain }));
        Ok(())
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let copy = fresh(slf)?;
        let state = slf.get().held.read(py, |state| State {
            store: state.store.clone_ref(py),
            certificate: state.certificate.clone_ref(py),
            chain: state.chain.clone(),
        });
        copy.get().held.set(py, state.ok());
        Ok(copy)
    }

    /// Verify with another store from now on.
    ///
    /// :param X509Store store: the store.
    ///
    /// OpenSSL: ``X509_STORE_CTX_init``.
    fn set_store(&self, py: Python<'_>, store: Py<PyAny>) -> PyResult<()> {
        let old = self.held.change(py, |state| std::mem::replace(&mut state.store, store))?;
        drop(old);
        Ok(())
    }

    /// Verify the certificate. Other threads run meanwhile.
    ///
    /// :raises X509StoreContextError: if it is not to be trusted.
    /// :raises AttributeError: if the store or the certificate is of another class.
    ///
    /// OpenSSL: ``X509_verify_cert``.
    fn verify_certificate(&self, py: Python<'_>) -> Result<()> {
        self.verify(py).map(drop)
    }

    /// Verify the certificate. Other threads run meanwhile.
    ///
    /// :return: the chain, a list of :class:`X509`: the certificate first, a trusted one last.
    /// :raises X509StoreContextError: if it is not to be trusted.
    /// :raises AttributeError: if the store or the certificate is of another class.
    ///
    /// OpenSSL: ``X509_verify_cert``, ``X509_STORE_CTX_get1_chain``.
    fn get_verified_chain<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>> {
        Ok(super::certificates(py, self.verify(py)?, false)?)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        if !self.made.is() {
            return Ok(());
        }
        let visited = self.held.look(|state| {
            visit.call(&state.store)?;
            visit.call(&state.certificate)
        });
        visited.unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        self.held.clear();
    }
}

fn certificates(chain: &Bound<'_, PyAny>) -> PyResult<Vec<Certificate>> {
    // As the reference, takes what has a length and nothing else.
    if chain.len()? == 0 {
        return Ok(Vec::new());
    }
    chain
        .try_iter()?
        .map(|item| {
            let item = item?;
            let certificate = item
                .cast::<X509>()
                .map_err(|_| PyTypeError::new_err("One of the elements is not an X509 instance"))?;
            certificate.get().certificate(item.py())
        })
        .collect()
}

/// The `X509StoreContextError` for a rejection.
fn exception(py: Python<'_>, rejection: Rejection) -> PyResult<PyErr> {
    let class = py.import("OpenSSL.crypto")?.getattr("X509StoreContextError")?;
    let certificate = rejection.certificate.map(|found| X509::wrap(py, found)).transpose()?;
    let errors = (rejection.code, rejection.depth, &rejection.message).into_pyobject(py)?.to_list();
    Ok(PyErr::from_value(class.call1((rejection.message, errors, certificate))?))
}

fn uninitialised() -> PyErr {
    super::arguments::uninitialised("X509StoreContext")
}
