//! Certificates: parse, ask everything, verify, change, dump.

use openssl_rust::tls::error::queue_is_empty;
use openssl_rust::tls::object::nid;
use openssl_rust::tls::x509::{Certificate, Limit, Role, Store, verify};

/// One input.
///
/// # Panics
///
/// If what was parsed does not hold together.
pub fn run(data: &[u8]) {
    for parse in [Certificate::from_der, Certificate::from_pem] {
        if let Ok(certificate) = parse(data) {
            look_at(certificate);
        }
        assert!(queue_is_empty());
    }
}

fn look_at(mut certificate: Certificate) {
    let _ = certificate.to_text();
    let _ = certificate.serial_number();
    let _ = certificate.signature_algorithm();
    let _ = certificate.digest(c"sha256");
    let _ = certificate.extension_count();
    let _ = certificate.subject_name_hash();
    for limit in [Limit::NotBefore, Limit::NotAfter] {
        let _ = certificate.time(limit);
    }
    if let Ok(key) = certificate.public_key() {
        let _ = (key.bits(), key.public_to_der());
    }
    if let (Ok(issuer), Ok(subject)) =
        (certificate.name(Role::Issuer), certificate.name(Role::Subject))
    {
        let _ = (issuer.compare(&subject), subject.fields(), issuer.one_line());
    }
    if let Ok(pem) = certificate.to_pem() {
        let _ = Certificate::from_pem(&pem).map(|again| again.to_der());
    }

    let store = Store::new().unwrap();
    let _ = verify(&store, &certificate, std::slice::from_ref(&certificate));
    let _ = store.add_certificate(&certificate);
    let _ = verify(&store, &certificate, &[]);

    let clone = certificate.clone();
    let _ = certificate.set_name_field(Role::Subject, nid(c"CN").unwrap(), b"changed");
    let _ = certificate.set_serial_number(c"77");
    let _ = certificate.set_version(clone.version() ^ 1);
    let _ = (certificate.to_der(), clone.to_der());
}
