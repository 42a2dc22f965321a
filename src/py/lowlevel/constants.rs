//! The constants of `lib`, and its flags for what this library has.

use pyo3::prelude::*;

use crate::py::crypto::pkey::TYPES;
use crate::tls::constants::{ALL, MODES, VERIFICATION_CODES};
use crate::tls::verification::HOST_FLAGS;
use crate::tls::version;
use crate::tls::x509::STORE_FLAGS;

/// Prefixes of constants of `OpenSSL.SSL` that have an `SSL_` before them in C.
const PREFIXED: [&str; 4] = ["OP_", "VERIFY_", "SESS_CACHE_", "FILETYPE_"];
/// Such constants.
const PREFIXED_NAMES: [&str; 2] = ["SENT_SHUTDOWN", "RECEIVED_SHUTDOWN"];
/// Prefixes of those that have the same name in C.
const SAME: [&str; 5] = ["SSL_CB_", "SSL_ST_", "SSL3_", "TLS1_", "OPENSSL_"];

/// What the package cryptography says of its own OpenSSL: whether functions and constants are there.
/// Here: whether this library does what those are for, or has them in `lib`.
const FEATURES: &[(&str, u8)] = &[
    ("CUSTOM_EXT", 0),
    ("DTLS_GET_DATA_MTU", 1),
    ("ENGINE", 0),
    ("EVP_PKEY_DHX", 0),
    ("GET_EXTMS_SUPPORT", 0),
    ("IMPLICIT_RSA_REJECTION", 0),
    ("KEYLOG", 1),
    ("NEXTPROTONEG", 0),
    ("PRIME_CHECKS", 0),
    ("PSK", 0),
    ("PSK_TLSv1_3", 0),
    ("SET_CERT_CB", 0),
    ("SIGALGS", 1),
    ("SRTP", 1),
    ("SSL_COOKIE", 1),
    ("SSL_GET0_GROUP_NAME", 1),
    ("SSL_OP_IGNORE_UNEXPECTED_EOF", 1),
    ("SSL_ST", 0),
    ("SSL_VERIFY_CLIENT_POST_HANDSHAKE", 0),
    ("TLS_ST", 0),
    ("TLSv1_3_FUNCTIONS", 1),
    ("TLSv1_3_HS_FUNCTIONS", 0),
    ("UNEXPECTED_EOF_WHILE_READING", 1),
    ("VERIFIED_CHAIN", 1),
];

pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    for (name, value) in ALL {
        if PREFIXED.iter().any(|prefix| name.starts_with(prefix)) || PREFIXED_NAMES.contains(name) {
            module.add(format!("SSL_{name}"), value)?;
        } else if SAME.iter().any(|prefix| name.starts_with(prefix)) {
            module.add(*name, value)?;
        }
    }
    for (name, value) in MODES {
        module.add(format!("SSL_MODE_{name}"), value)?;
    }
    for (name, value) in VERIFICATION_CODES {
        module.add(format!("X509_V_{name}"), value)?;
    }
    for (name, value) in STORE_FLAGS {
        module.add(format!("X509_V_FLAG_{name}"), value)?;
    }
    for (name, value) in HOST_FLAGS {
        module.add(format!("X509_CHECK_FLAG_{name}"), value)?;
    }
    for (name, value) in TYPES {
        module.add(name.replace("TYPE_", "EVP_PKEY_"), value)?;
    }
    for (name, value) in FEATURES {
        module.add(format!("Cryptography_HAS_{name}"), value)?;
    }
    module.add("OPENSSL_VERSION_NUMBER", version::number())?;
    module.add("NID_undef", 0)?;
    module.add("ERR_LIB_EVP", 6) // err.h
}
