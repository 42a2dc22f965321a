//! TLS and DTLS over OpenSSL, for Python.
//!
//! Two layers, one direction:
//!
//! * [`tls`] is the core: contexts, connections, sessions, certificates and keys over OpenSSL's
//!   `SSL_CTX`, `SSL`, `SSL_SESSION`, `X509` and `EVP_PKEY`. It holds all `unsafe` code but
//!   that of two files, `py/attachment.rs` and `py/buffer.rs`, and knows nothing of Python.
//! * `py` (feature `python`) is the extension module `OpenSSL._rust`: the classes, functions and
//!   exceptions of `OpenSSL.SSL` and `OpenSSL.crypto`, over the core alone.

pub mod tls;

#[cfg(feature = "python")]
mod py;
