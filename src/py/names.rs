//! Names of attributes, as Python strings.
//!
//! They are made while the module is imported. `intern!` makes one when it is first asked for, and
//! gives the interpreter away in the middle of that. If another thread forks just then, the child
//! waits for ever for the thread that makes it.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

macro_rules! names {
    ($($name:ident),*) => {
        $(
            pub(super) fn $name(py: Python<'_>) -> &Bound<'_, PyString> {
                intern!(py, stringify!($name))
            }
        )*

        /// Makes them all.
        pub(super) fn prepare(py: Python<'_>) {
            $($name(py);)*
        }
    };
}

names!(bytes_sent, fileno);
