//! Which `SSL_METHOD` a context is made of, and the protocol version that it implies.

use std::ffi::c_int;

use openssl_sys as ffi;

use super::constants;

/// The protocol family and the ends that a context serves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Method {
    kind: Kind,
    version: Option<c_int>,
}

impl Method {
    /// The method with this number, one of the `*_METHOD` constants; `None` for a number that names
    /// no method, or a protocol that OpenSSL no longer has (SSL 2 and 3).
    pub fn from_number(number: i64) -> Option<Self> {
        let (kind, version) = match number {
            constants::SSLv23_METHOD | constants::TLS_METHOD => (Kind::Tls, None),
            constants::TLSv1_METHOD => (Kind::Tls, Some(ffi::TLS1_VERSION)),
            constants::TLSv1_1_METHOD => (Kind::Tls, Some(ffi::TLS1_1_VERSION)),
            constants::TLSv1_2_METHOD => (Kind::Tls, Some(ffi::TLS1_2_VERSION)),
            constants::TLS_SERVER_METHOD => (Kind::TlsServer, None),
            constants::TLS_CLIENT_METHOD => (Kind::TlsClient, None),
            constants::DTLS_METHOD => (Kind::Dtls, None),
            constants::DTLS_SERVER_METHOD => (Kind::DtlsServer, None),
            constants::DTLS_CLIENT_METHOD => (Kind::DtlsClient, None),
            _ => return None,
        };
        Some(Self { kind, version })
    }

    /// The one protocol version to speak, where the method's name asks for one.
    pub fn version(self) -> Option<c_int> {
        self.version
    }

    /// Where OpenSSL's table is.
    pub fn address(self) -> usize {
        self.as_ptr().addr()
    }

    /// OpenSSL: `TLS_method` and its siblings.
    pub(crate) fn as_ptr(self) -> *const ffi::SSL_METHOD {
        // SAFETY: these functions take nothing and return pointers to static tables.
        unsafe {
            match self.kind {
                Kind::Tls => ffi::TLS_method(),
                Kind::TlsServer => ffi::TLS_server_method(),
                Kind::TlsClient => ffi::TLS_client_method(),
                Kind::Dtls => ffi::DTLS_method(),
                Kind::DtlsServer => ffi::DTLS_server_method(),
                Kind::DtlsClient => ffi::DTLS_client_method(),
            }
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Tls,
    TlsServer,
    TlsClient,
    Dtls,
    DtlsServer,
    DtlsClient,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_number_but_the_dead_ones_names_a_method() {
        for number in 3..=12 {
            assert!(!Method::from_number(number).unwrap().as_ptr().is_null(), "{number}");
        }
        for number in [i64::MIN, -1, 0, 1, 2, 13, i64::MAX] {
            assert_eq!(Method::from_number(number), None);
        }
    }

    #[test]
    fn a_method_named_after_a_version_pins_it() {
        let method = Method::from_number(constants::TLSv1_2_METHOD).unwrap();
        assert_eq!(method.version(), Some(ffi::TLS1_2_VERSION));
        assert_eq!(Method::from_number(constants::TLS_METHOD).unwrap().version(), None);
    }
}
