//! The class `_EllipticCurve`, and the curves there are.

use std::ffi::c_int;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PySet;

use super::failure::Result;
use crate::py::errors::deprecated;
use crate::tls::curve::Curve;

/// A named elliptic curve, from :func:`get_elliptic_curve`. Two objects are equal if they are the
/// same.
///
/// OpenSSL: ``EC_GROUP``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.crypto", name = "_EllipticCurve")]
pub(crate) struct EllipticCurve {
    curve: Curve,
}

impl EllipticCurve {
    /// The curve.
    pub(crate) fn curve(&self) -> &Curve {
        &self.curve
    }
}

#[pymethods]
impl EllipticCurve {
    /// OpenSSL's short name of the curve, a :class:`str` such as ``"prime256v1"``.
    #[getter]
    fn name(&self) -> &'static str {
        self.curve.name()
    }

    #[getter]
    fn _nid(&self) -> c_int {
        self.curve.nid()
    }

    /// Check that OpenSSL can compute on the curve.
    ///
    /// :raises Error: if it cannot.
    ///
    /// OpenSSL: ``EC_GROUP_new_by_curve_name``.
    #[pyo3(name = "_to_EC_KEY")]
    fn to_ec_key(&self) -> Result<()> {
        Ok(self.curve.check()?)
    }

    fn __repr__(&self) -> String {
        format!("<Curve '{}'>", self.curve.name())
    }
}

/// Get the elliptic curves that OpenSSL has. Deprecated.
///
/// :return: a set of objects with the attribute ``name``; the same set each time.
///
/// OpenSSL: ``EC_get_builtin_curves``.
#[pyfunction]
pub(crate) fn get_elliptic_curves(py: Python<'_>) -> PyResult<Py<PySet>> {
    static CURVES: PyOnceLock<Py<PySet>> = PyOnceLock::new();
    deprecated(
        py,
        "get_elliptic_curves is deprecated. You should use the APIs in cryptography instead.",
    )?;
    if let Some(curves) = CURVES.get(py) {
        return Ok(curves.clone_ref(py));
    }
    // Not in the middle of `get_or_try_init`: see `names`. Another thread may be quicker.
    let curves = Curve::builtin().into_iter().map(|curve| Py::new(py, EllipticCurve { curve }));
    let curves = PySet::new(py, curves.collect::<PyResult<Vec<_>>>()?)?.unbind();
    let _ = CURVES.set(py, curves.clone_ref(py));
    Ok(CURVES.get(py).unwrap_or(&curves).clone_ref(py))
}
