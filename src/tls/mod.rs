//! The core: OpenSSL's TLS objects with owners, locks and `Result`s. No Python here.
//!
//! | file | topic |
//! |---|---|
//! | `error` | what can go wrong, and reading OpenSSL's error queue |
//! | `x509`, `pkey` | certificates, names, trust stores; keys |
//! | `sys` | declarations that `openssl-sys` lacks |

pub mod error;
pub mod pkey;
mod sys;
pub mod x509;

pub use error::{Error, ErrorStack, Result};
