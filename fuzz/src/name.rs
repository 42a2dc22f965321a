//! Distinguished names: parse, ask everything, compare, change.

use std::ffi::CStr;

use openssl_rust::tls::error::queue_is_empty;
use openssl_rust::tls::object::nid;
use openssl_rust::tls::x509::Name;

/// One input.
///
/// # Panics
///
/// If what was parsed does not hold together.
pub fn run(data: &[u8]) {
    if let Ok(name) = Name::from_der(data) {
        look_at(&name);
    }
    // The same bytes as the value of a field, and as the name of one.
    let mut name = Name::from_der(b"\x30\0").unwrap();
    for field in [c"CN", c"C", c"emailAddress", c"DC"] {
        if name.set_field(nid(field).unwrap(), data).is_ok() {
            look_at(&name);
        }
    }
    if let Some(found) = CStr::from_bytes_until_nul(data).ok().and_then(nid) {
        let _ = name.set_field(found, b"value");
        let _ = name.field(found);
    }
    assert!(queue_is_empty());
}

fn look_at(name: &Name) {
    let der = name.to_der().unwrap();
    let again = Name::from_der(&der).unwrap();
    assert_eq!(again.to_der().unwrap(), der);
    assert_eq!(again.fields(), name.fields());
    assert!(name.compare(&again).is_eq());
    assert_eq!(name.hash(), again.hash());
    let _ = name.one_line();
    let mut changed = name.clone();
    let _ = changed.set_field(nid(c"O").unwrap(), b"changed");
    let _ = changed.fields();
    for field in name.fields() {
        if let Some(found) = nid(field.name) {
            let _ = name.field(found);
        }
    }
}
