//! Attributes with an underscore, which programs use all the same.

use pyo3::prelude::*;

use super::Connection;

#[pymethods]
impl Connection {
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
