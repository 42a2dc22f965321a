//! The class `X509Name`.

use std::cmp::Ordering;
use std::ffi::c_ulong;

use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};

use super::arguments::{c_name, missing};
use super::failure::Result;
use super::held::Held;
use super::x509::X509;
use crate::py::arguments::{fresh, type_name};
use crate::py::collector::Made;
use crate::py::errors::deprecated;
use crate::tls::object::{self, Nid};
use crate::tls::x509::{Name, Role};

/// A distinguished name (RFC 5280 section 4.1.2.4). Deprecated.
///
/// Its attributes are the fields of the name, under OpenSSL's short or long names: ``name.CN`` and
/// ``name.commonName`` are the same, a :class:`str`, or ``None`` if the name has no such field.
///
/// :param X509Name name: the name to copy.
/// :raises AttributeError: if it is anything else.
///
/// OpenSSL: ``X509_NAME``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.crypto")]
pub(crate) struct X509Name {
    made: Made,
    held: Held<Source>,
}

/// Where the name is.
enum Source {
    /// Here.
    Own(Name),
    /// In a certificate, unless it was replaced there since `replaced` was the count.
    Certificate { certificate: Py<X509>, role: Role, replaced: usize },
}

impl X509Name {
    /// A name of the core as a new object.
    pub(crate) fn wrap(py: Python<'_>, name: Name) -> PyResult<Py<Self>> {
        Py::new(py, Self::of(Source::Own(name)))
    }

    /// A name in a certificate as a new object: changes of it are changes of the certificate.
    pub(super) fn of_certificate(
        certificate: &Bound<'_, X509>,
        role: Role,
        replaced: usize,
    ) -> PyResult<Py<Self>> {
        let py = certificate.py();
        let certificate = certificate.clone().unbind();
        Py::new(py, Self::of(Source::Certificate { certificate, role, replaced }))
    }

    /// The name, as it is now. It does not change when this object does.
    pub(crate) fn name(&self, py: Python<'_>) -> PyResult<Name> {
        let (certificate, role, replaced) = match self.held.read(py, |source| source.share(py))? {
            Source::Own(name) => return Ok(name),
            Source::Certificate { certificate, role, replaced } => (certificate, role, replaced),
        };
        certificate.get().name(py, role, replaced)?.ok_or_else(no_such_attribute)
    }

    fn set_field(&self, py: Python<'_>, nid: Nid, value: &[u8]) -> Result<()> {
        let change = |source: &mut Source| match source {
            Source::Own(name) => name.set_field(nid, value).map(|()| None),
            Source::Certificate { certificate, role, replaced } => {
                Ok(Some((certificate.clone_ref(py), *role, *replaced)))
            }
        };
        let Some((certificate, role, replaced)) = self.held.change(py, change)?? else {
            return Ok(());
        };
        let set = certificate.get().set_name_field(py, role, replaced, nid, value)?;
        Ok(set.ok_or_else(no_such_attribute)?)
    }

    fn of(source: Source) -> Self {
        Self { made: Made::default(), held: Held::new(source, no_such_attribute) }
    }
}

impl Source {
    /// The same place once more; of a name here, the name as it is now.
    fn share(&self, py: Python<'_>) -> Self {
        match self {
            Self::Own(name) => Self::Own(name.clone()),
            Self::Certificate { certificate, role, replaced } => Self::Certificate {
                certificate: certificate.clone_ref(py),
                role: *role,
                replaced: *replaced,
            },
        }
    }
}

#[pymethods]
impl X509Name {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(*args, **kwargs)")]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        if cls.is(cls.py().get_type::<Self>()) {
            deprecated(cls.py(), DEPRECATED)?;
        }
        Ok(Self { made: Made::default(), held: Held::nothing(no_such_attribute) })
    }

    #[classmethod]
    #[pyo3(signature = (**_kwargs))]
    fn __init_subclass__(
        cls: &Bound<'_, PyType>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        deprecated(cls.py(), DEPRECATED)
    }

    #[classattr]
    fn __deprecated__() -> &'static str {
        DEPRECATED
    }

    /// Copy a name.
    ///
    /// :param X509Name name: the name.
    /// :raises AttributeError: if it is anything else.
    ///
    /// OpenSSL: ``X509_NAME_dup``.
    fn __init__(&self, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = name.py();
        let other = name.cast::<Self>().map_err(|_| missing(name, "_name"))?;
        self.held.set(py, Some(Source::Own(other.get().name(py)?)));
        Ok(())
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let copy = fresh(slf)?;
        copy.get().held.set(slf.py(), Some(Source::Own(slf.get().name(slf.py())?)));
        Ok(copy)
    }

    fn __getattr__(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> Result<Option<Py<PyAny>>> {
        let nid = nid(name)?;
        let Some(value) = self.name(py)?.field(nid)? else { return Ok(None) };
        Ok(Some(PyBytes::new(py, &value).call_method1("decode", ("utf-8",))?.unbind()))
    }

    fn __setattr__(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyString>,
        value: &Bound<'_, PyAny>,
    ) -> Result<()> {
        if name.to_cow()?.starts_with('_') {
            return Ok(slf.getattr("__dict__")?.set_item(name, value)?);
        }
        if !name.is_exact_instance_of::<PyString>() {
            return Err(PyTypeError::new_err(format!(
                "attribute name must be string, not '{:.200}'",
                type_name(value)
            ))
            .into());
        }
        let nid = nid(name)?;
        let value = if value.is_instance_of::<PyString>() {
            value.call_method1("encode", ("utf-8",))?
        } else {
            value.clone()
        };
        let value = value.cast_into::<PyBytes>().map_err(|error| {
            let name = type_name(&error.into_inner());
            PyTypeError::new_err(format!("the value must be a str or bytes, not {name}"))
        })?;
        slf.get().set_field(slf.py(), nid, value.as_bytes())
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyString>) -> PyResult<()> {
        slf.getattr("__dict__")?.del_item(name).map_err(|_| missing(slf, &name.to_string_lossy()))
    }

    fn __richcmp__(
        &self,
        py: Python<'_>,
        other: &Bound<'_, PyAny>,
        op: CompareOp,
    ) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented()) };
        let ordering: Ordering = self.name(py)?.compare(&other.get().name(py)?);
        Ok(op.matches(ordering).into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self, py: Python<'_>) -> Result<String> {
        Ok(format!("<X509Name object '{}'>", self.name(py)?.one_line()?))
    }

    /// Get the hash of the name, which names files in a directory of trusted certificates.
    ///
    /// :return: an :class:`int` of 32 bits.
    ///
    /// OpenSSL: ``X509_NAME_hash_ex``.
    fn hash(&self, py: Python<'_>) -> PyResult<c_ulong> {
        Ok(self.name(py)?.hash())
    }

    /// Get the DER encoding.
    ///
    /// :return: :class:`bytes`.
    ///
    /// OpenSSL: ``i2d_X509_NAME``.
    fn der<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.name(py)?.to_der()?))
    }

    /// Get the fields, in the order that they have in the name.
    ///
    /// :return: a list of pairs of :class:`bytes`: the short name of the field, and the value as it
    ///     is encoded.
    ///
    /// OpenSSL: ``X509_NAME_get_entry``.
    fn get_components<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>> {
        let fields = self.name(py)?.fields();
        let pair = |field: &crate::tls::x509::Field| {
            (PyBytes::new(py, field.name.to_bytes()), PyBytes::new(py, &field.value))
        };
        Ok(fields.iter().map(pair).collect())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        if !self.made.is() {
            return Ok(());
        }
        let visited = self.held.look(|source| match source {
            Source::Own(_) => Ok(()),
            Source::Certificate { certificate, .. } => visit.call(certificate),
        });
        visited.unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        self.held.clear();
    }
}

const DEPRECATED: &str =
    "X509Name support in pyOpenSSL is deprecated. You should use the APIs in cryptography.";

/// The number of a kind of field.
fn nid(name: &Bound<'_, PyAny>) -> PyResult<Nid> {
    c_name(name)?.and_then(|name| object::nid(&name)).ok_or_else(no_such_attribute)
}

fn no_such_attribute() -> PyErr {
    PyAttributeError::new_err("No such attribute")
}
