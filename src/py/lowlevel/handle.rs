//! The class of handles, and the attributes of other classes that hand them out.

use std::ffi::CStr;
use std::sync::{Arc, Mutex};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PySlice, PyTuple, PyType};
use pyo3::{PyTraverseError, PyTypeCheck, PyVisit};

use super::arguments::{Of, until_nul};
use crate::py::collector::{Made, Slot};
use crate::py::connection::Connection;
use crate::py::context::Context;
use crate::py::crypto::name::X509Name;
use crate::py::crypto::pkey::PKey;
use crate::py::crypto::store::X509Store;
use crate::py::crypto::x509::X509;
use crate::tls;
use crate::tls::bio::Bio;
use crate::tls::method::Method;
use crate::tls::x509::{Certificate, Name, Store};

/// An opaque handle for an object of OpenSSL's, or for memory, to be passed to the functions of
/// ``OpenSSL._util.lib``.
///
/// It keeps alive what it names. ``int()`` gives the address, which stays the same for as long as the
/// handle lives. Two handles are equal if they have the same one. Every handle is true but ``NULL``.
///
/// Handles of ``ffi.new`` and ``ffi.from_buffer`` have a length, and items that can be read and
/// assigned.
#[pyclass(frozen, weakref, dict, module = "OpenSSL._rust", name = "CData")]
pub(crate) struct Handle {
    made: Made,
    named: Named,
    address: usize,
    /// What it names, if that is an object of Python's.
    object: Slot,
}

/// A BIO that several handles may name; `None` once it was freed.
pub(super) type SharedBio = Arc<Mutex<Option<Bio>>>;

/// What a handle names.
#[derive(Clone)]
pub(super) enum Named {
    Null,
    /// The `Context` in the slot.
    Context,
    /// Whom the peers of its connections must prove to be.
    ContextParameters,
    /// The `Connection` in the slot.
    Connection,
    /// Whom its peer must prove to be.
    ConnectionParameters,
    /// The memory of the `memoryview` in the slot.
    Memory {
        unsigned: bool,
    },
    Certificate(Certificate),
    Name(Name),
    Key(tls::pkey::PKey),
    Store(Store),
    Method(Method),
    Dh(tls::dh::Parameters),
    Bio(SharedBio),
    Text(&'static CStr),
}

impl Named {
    /// The type that it has in C.
    fn c_type(&self) -> &'static str {
        match self {
            Self::Null => "void *",
            Self::Context => "SSL_CTX *",
            Self::ContextParameters | Self::ConnectionParameters => "X509_VERIFY_PARAM *",
            Self::Connection => "SSL *",
            Self::Memory { unsigned: false } => "char[]",
            Self::Memory { unsigned: true } => "unsigned char[]",
            Self::Certificate(_) => "X509 *",
            Self::Name(_) => "X509_NAME *",
            Self::Key(_) => "EVP_PKEY *",
            Self::Store(_) => "X509_STORE *",
            Self::Method(_) => "SSL_METHOD *",
            Self::Dh(_) => "DH *",
            Self::Bio(_) => "BIO *",
            Self::Text(_) => "char *",
        }
    }
}

impl Handle {
    /// A handle for an object of the core.
    pub(super) fn of(named: Named) -> Self {
        let address = match &named {
            Named::Certificate(certificate) => certificate.address(),
            Named::Name(name) => name.address(),
            Named::Key(key) => key.address(),
            Named::Store(store) => store.address(),
            Named::Method(method) => method.address(),
            Named::Dh(parameters) => parameters.address(),
            Named::Bio(bio) => {
                let bio = bio.try_lock();
                bio.ok().and_then(|bio| bio.as_ref().map(Bio::address)).unwrap_or(0)
            }
            Named::Text(text) => text.as_ptr().addr(),
            // What the object in the slot names has to be asked for.
            Named::Null
            | Named::Context
            | Named::ContextParameters
            | Named::Connection
            | Named::ConnectionParameters
            | Named::Memory { .. } => 0,
        };
        Self { made: Made::default(), named, address, object: Slot::default() }
    }

    /// The handle that names nothing.
    pub(super) fn null() -> Self {
        Self::of(Named::Null)
    }

    /// A handle for what belongs to an object of Python's.
    pub(super) fn in_object(named: Named, address: usize, object: &Bound<'_, PyAny>) -> Self {
        let object = Slot::new(object.clone().unbind());
        Self { made: Made::default(), named, address, object }
    }

    pub(super) fn named(&self) -> &Named {
        &self.named
    }

    /// The object in the slot, which is of this class.
    pub(super) fn object<'py, T: PyTypeCheck>(&self, py: Python<'py>) -> PyResult<Bound<'py, T>> {
        let object = self.object.get(py).and_then(|object| object.cast_into::<T>().ok());
        object.ok_or_else(|| PyValueError::new_err("the garbage collector took what was named"))
    }

    /// A refusal of this handle where another type is wanted.
    pub(super) fn refused(&self, wanted: &str) -> PyErr {
        let given = self.named.c_type();
        PyTypeError::new_err(format!("a handle of type '{wanted}' is needed, not '{given}'"))
    }

    /// The memory that it names.
    fn memory<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        match self.named {
            Named::Memory { .. } => self.object(py),
            _ => Err(self.refused("char[]")),
        }
    }

    /// The bytes of the memory that it names.
    pub(super) fn bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(self.memory(py)?.call_method0("tobytes")?.cast_into()?)
    }

    /// Writes bytes at the front of the memory that it names.
    pub(super) fn write(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<()> {
        let memory = self.memory(py)?;
        let front = PySlice::new(py, 0, isize::try_from(bytes.len())?, 1);
        memory.set_item(front, PyBytes::new(py, bytes))
    }
}

#[pymethods]
impl Handle {
    fn __repr__(&self) -> String {
        format!("<OpenSSL handle '{}' {:#x}>", self.named.c_type(), self.address)
    }

    fn __bool__(&self) -> bool {
        self.address != 0
    }

    fn __int__(&self) -> usize {
        self.address
    }

    fn __hash__(&self) -> u64 {
        self.address as u64
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        self.address == other.get().address
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.memory(py)?.len()
    }

    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = index.py();
        let item = self.memory(py)?.get_item(index)?;
        match (&self.named, item.extract::<u8>()) {
            (Named::Memory { unsigned: true }, Ok(_)) => Ok(item),
            (_, Ok(byte)) => Ok(PyBytes::new(py, &[byte]).into_any()),
            // A slice, which is the same memory.
            (named, _) => {
                let unsigned = matches!(named, Named::Memory { unsigned: true });
                Ok(Bound::new(py, Self::_of_memory(&item, unsigned)?)?.into_any())
            }
        }
    }

    fn __setitem__(&self, index: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let memory = self.memory(index.py())?;
        match value.extract::<[u8; 1]>() {
            // One byte for one place.
            Ok([byte]) if index.hasattr("__index__")? => memory.set_item(index, byte),
            _ => memory.set_item(index, value),
        }
    }

    fn __enter__<'py>(slf: &Bound<'py, Self>) -> Bound<'py, Self> {
        slf.clone()
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {}

    /// The memory of a handle of ``ffi.new`` or ``ffi.from_buffer``, as a ``memoryview``.
    fn _memory<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        self.memory(py)
    }

    /// Another handle for the same.
    fn _again(&self, py: Python<'_>) -> Self {
        let object = self.object.get(py).map_or_else(Slot::default, |it| Slot::new(it.unbind()));
        Self { made: Made::default(), named: self.named.clone(), address: self.address, object }
    }

    /// A handle for memory.
    ///
    /// :param exporter: an object with the buffer protocol.
    /// :param unsigned: whether items are numbers, and not ``bytes`` of length 1.
    /// :raises TypeError: if it has no memory.
    #[staticmethod]
    fn _of_memory(exporter: &Bound<'_, PyAny>, unsigned: bool) -> PyResult<Self> {
        let memory = PyMemoryView::from(exporter)?.call_method1("cast", ("B",))?;
        let address = PyBuffer::<u8>::get(&memory)?.buf_ptr().addr();
        Ok(Self::in_object(Named::Memory { unsigned }, address, &memory))
    }

    /// The handle that names nothing.
    #[staticmethod]
    fn _null() -> Self {
        Self::null()
    }

    /// The bytes before the first NUL in what it names.
    ///
    /// :param maxlen: how many bytes to look at; all of them if it is negative.
    /// :raises TypeError: if it names neither text nor memory.
    fn _string<'py>(&self, py: Python<'py>, maxlen: isize) -> PyResult<Bound<'py, PyBytes>> {
        let memory;
        let bytes = match &self.named {
            Named::Text(text) => text.to_bytes(),
            _ => {
                memory = self.bytes(py)?;
                memory.as_bytes()
            }
        };
        let bytes =
            usize::try_from(maxlen).ok().and_then(|most| bytes.get(..most)).unwrap_or(bytes);
        Ok(PyBytes::new(py, until_nul(bytes)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.made.is() {
            return Ok(());
        }
        self.object.traverse(&visit)
    }

    fn __clear__(&self) {
        self.object.clear();
    }
}

#[pymethods]
impl Context {
    /// A handle for OpenSSL's ``SSL_CTX``, for programs that use ``OpenSSL._util``.
    #[getter]
    fn _context(slf: &Bound<'_, Self>) -> PyResult<Handle> {
        let address = slf.get().core()?.address();
        Ok(Handle::in_object(Named::Context, address, slf.as_any()))
    }
}

#[pymethods]
impl Connection {
    /// A handle for OpenSSL's ``SSL``, for programs that use ``OpenSSL._util``.
    #[getter]
    fn _ssl(slf: &Bound<'_, Self>) -> PyResult<Handle> {
        let address = slf.get().step(slf.py(), |step| step.address())?;
        Ok(Handle::in_object(Named::Connection, address, slf.as_any()))
    }
}

#[pymethods]
impl X509 {
    /// A handle for OpenSSL's ``X509``, for programs that use ``OpenSSL._util``.
    #[getter]
    fn _x509(&self, py: Python<'_>) -> PyResult<Handle> {
        Ok(Handle::of(Named::Certificate(self.certificate(py)?)))
    }

    /// A certificate that a handle names.
    ///
    /// :param x509: the handle.
    /// :return: an object of this class.
    /// :raises TypeError: if it is no handle of a certificate.
    #[classmethod]
    fn _from_raw_x509_ptr<'py>(
        cls: &Bound<'py, PyType>,
        x509: Of<Certificate>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let new = cls.call_method1("__new__", (cls,))?;
        new.cast::<Self>()?.get().set_certificate(cls.py(), x509.0);
        Ok(new)
    }
}

#[pymethods]
impl X509Name {
    /// A handle for OpenSSL's ``X509_NAME``, for programs that use ``OpenSSL._util``.
    #[getter]
    fn _name(&self, py: Python<'_>) -> PyResult<Handle> {
        Ok(Handle::of(Named::Name(self.name(py)?)))
    }
}

#[pymethods]
impl PKey {
    /// A handle for OpenSSL's ``EVP_PKEY``, for programs that use ``OpenSSL._util``.
    #[getter]
    fn _pkey(&self, py: Python<'_>) -> PyResult<Handle> {
        Ok(Handle::of(Named::Key(self.key(py)?)))
    }
}

#[pymethods]
impl X509Store {
    /// A handle for OpenSSL's ``X509_STORE``, for programs that use ``OpenSSL._util``.
    #[getter]
    fn _store(&self, py: Python<'_>) -> PyResult<Handle> {
        Ok(Handle::of(Named::Store(self.store(py)?)))
    }
}
