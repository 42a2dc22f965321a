//! What `OpenSSL.crypto` offers: certificates, names, stores and keys.

pub(crate) mod pkey;
pub(crate) mod x509;
