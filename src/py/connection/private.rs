//! Attributes with an underscore, which programs use all the same.

use pyo3::prelude::*;

use super::{Connection, attributes};

#[pymethods]
impl Connection {
    /// What carries the connection; ``None`` for memory buffers. Programs that subclass assign it.
    #[getter]
    fn _socket<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.socket.get_or_none(py)
    }

    #[setter(_socket)]
    fn set_inner_socket(slf: &Bound<'_, Self>, value: Option<Py<PyAny>>) -> PyResult<()> {
        if value.is_some() {
            attributes::delegate(slf)?;
        }
        slf.get().socket.set(value);
        Ok(())
    }

    /// As :meth:`get_context`.
    #[getter(_context)]
    fn context_attribute<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.inner()?;
        Ok(self.context.get_or_none(py))
    }

    /// As :meth:`get_app_data`.
    #[getter(_app_data)]
    fn app_data_attribute<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.inner()?;
        Ok(self.app_data.get_or_none(py))
    }

    #[setter(_app_data)]
    fn set_app_data_attribute(&self, data: Py<PyAny>) {
        self.app_data.set(Some(data));
    }
}
