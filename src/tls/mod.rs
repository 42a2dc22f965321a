//! The core: OpenSSL's TLS objects with owners, locks and `Result`s. No Python here.
//!
//! | file | topic |
//! |---|---|
//! | `error` | what can go wrong, and reading OpenSSL's error queue |
//! | `x509` | certificates, names, trust stores, verification |
//! | `pkey`, `curve`, `passphrase` | keys, named elliptic curves, asking for passphrases |
//! | `object` | OpenSSL's names and numbers for attribute types, algorithms and curves |
//! | `rand` | the random number generator |
//! | `memory` | bytes in and out of OpenSSL, through memory BIOs |
//! | `sys` | declarations that `openssl-sys` lacks |

pub mod curve;
pub mod error;
mod memory;
pub mod object;
pub mod passphrase;
pub mod pkey;
pub mod rand;
mod sys;
pub mod x509;

pub use error::{Error, ErrorStack, Result};
