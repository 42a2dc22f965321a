//! What `OpenSSL.debug` asks the extension module.

use std::ffi::CStr;

use pyo3::prelude::*;

use crate::tls::context::{default_locations, fallback_locations};
use crate::tls::version::COMPILED_IN;

/// Whether OpenSSL is part of this module; otherwise it is the system's.
#[pyfunction(name = "_compiled_in")]
pub(super) fn compiled_in() -> bool {
    COMPILED_IN
}

/// Where ``Context.set_default_verify_paths`` looks for trusted certificates.
///
/// :return: OpenSSL's own file and directory; then lists of the files and the directories that are
///     tried when neither has a certificate.
#[pyfunction(name = "_trust_locations")]
pub(super) fn trust_locations() -> (String, String, Vec<String>, Vec<String>) {
    let (file, directory) = default_locations();
    let (files, directories) = fallback_locations();
    let texts = |paths: &[&CStr]| paths.iter().copied().map(text).collect();
    (text(file), text(directory), texts(files), texts(directories))
}

fn text(path: &CStr) -> String {
    path.to_string_lossy().into_owned()
}
