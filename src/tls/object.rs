//! The objects OpenSSL has names and numbers for: attribute types, algorithms, curves.

use std::ffi::{CStr, c_char, c_int};

use openssl_sys as ffi;

use super::error::{CleanQueue, Result, clear_queue, library_error};
use super::sys::crypto as sys;

/// OpenSSL's number for an object. It is stable within one build only.
pub type Nid = c_int;

/// The number of the object with a short name, a long name, or an OID in numbers.
///
/// OpenSSL: `OBJ_txt2nid`.
#[doc(alias = "OBJ_txt2nid")]
pub fn nid(name: &CStr) -> Option<Nid> {
    let _queue = CleanQueue::new();
    // SAFETY: reads a NUL-terminated string and keeps nothing of it.
    let nid = unsafe { sys::OBJ_txt2nid(name.as_ptr()) };
    (nid != ffi::NID_undef).then_some(nid)
}

/// As [`nid`], with OpenSSL's reason where there is no such object.
///
/// OpenSSL: `OBJ_txt2nid`.
pub fn nid_or_error(name: &CStr) -> Result<Nid> {
    clear_queue();
    // SAFETY: reads a NUL-terminated string and keeps nothing of it.
    let nid = unsafe { sys::OBJ_txt2nid(name.as_ptr()) };
    if nid == ffi::NID_undef { Err(library_error()) } else { Ok(nid) }
}

/// The short name, such as `CN`; `UNDEF` for the undefined object.
///
/// OpenSSL: `OBJ_nid2sn`.
#[doc(alias = "OBJ_nid2sn")]
pub fn short_name(nid: Nid) -> &'static CStr {
    // SAFETY: takes a number.
    name(unsafe { ffi::OBJ_nid2sn(nid) })
}

/// The long name, such as `commonName`; `undefined` for the undefined object.
///
/// OpenSSL: `OBJ_nid2ln`.
#[doc(alias = "OBJ_nid2ln")]
pub fn long_name(nid: Nid) -> &'static CStr {
    // SAFETY: takes a number.
    name(unsafe { ffi::OBJ_nid2ln(nid) })
}

fn name(name: *const c_char) -> &'static CStr {
    let _queue = CleanQueue::new();
    if name.is_null() {
        return c"";
    }
    // SAFETY: not null; the names are NUL-terminated and this program never frees one (they are in
    // OpenSSL's table, and the objects this program does not define are never removed from it).
    unsafe { CStr::from_ptr(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::error::queue_is_empty;

    #[test]
    fn an_object_has_two_names_and_an_oid() {
        let common_name = nid(c"CN").unwrap();
        assert_eq!(nid(c"commonName"), Some(common_name));
        assert_eq!(nid(c"2.5.4.3"), Some(common_name));
        assert_eq!(short_name(common_name), c"CN");
        assert_eq!(long_name(common_name), c"commonName");
    }

    #[test]
    fn unknown_objects_leave_nothing_in_the_queue() {
        assert_eq!(nid(c"no such thing"), None);
        assert_eq!(nid(c""), None);
        assert_eq!(short_name(0), c"UNDEF");
        assert_eq!(short_name(1 << 30), c"");
        assert!(queue_is_empty());
    }
}
