//! Certificates, distinguished names and trust stores.

mod certificate;
mod fields;
mod name;
pub(super) mod store;
mod verify;

pub use certificate::Certificate;
pub use fields::{Limit, Role};
pub use name::{Field, Name};
pub use store::{STORE_FLAGS, Store};
pub use verify::{Rejection, verify};

/// Certificates for the tests.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::object::nid;
    use crate::tls::pkey::PKey;

    /// A name with a common name.
    pub(super) fn name(common_name: &str) -> Name {
        let mut name = Name::from_der(b"\x30\0").unwrap();
        name.set_field(nid(c"CN").unwrap(), common_name.as_bytes()).unwrap();
        name
    }

    /// A certificate that its own key signed.
    pub(super) fn authority(common_name: &str) -> (Certificate, PKey) {
        let key = PKey::generate_rsa(2048).unwrap();
        let certificate = certificate(common_name, &key, common_name, &key);
        (certificate, key)
    }

    /// A certificate for a name and a key, signed by another's key.
    pub(super) fn certificate(
        subject: &str,
        key: &PKey,
        issuer: &str,
        issuer_key: &PKey,
    ) -> Certificate {
        let mut certificate = Certificate::new().unwrap();
        certificate.set_name(Role::Subject, &name(subject)).unwrap();
        certificate.set_name(Role::Issuer, &name(issuer)).unwrap();
        certificate.set_serial_number(c"01").unwrap();
        certificate.set_time_from_now(Limit::NotBefore, -60).unwrap();
        certificate.set_time_from_now(Limit::NotAfter, 3600).unwrap();
        certificate.set_public_key(key).unwrap();
        certificate.sign(issuer_key, c"sha256").unwrap();
        certificate
    }
}
