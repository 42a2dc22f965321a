//! Distinguished names.

use std::cmp::Ordering;
use std::ffi::{CStr, CString, c_char, c_int, c_ulong};
use std::fmt;
use std::ptr;
use std::sync::Arc;

use foreign_types::ForeignType as _;
use openssl_sys as ffi;

use crate::tls::error::{CleanQueue, Error, Result, check, check_ptr, library_error};
use crate::tls::memory::{borrowed, taken};
use crate::tls::object::{Nid, short_name};
use crate::tls::sys::crypto as sys;

/// A distinguished name (RFC 5280, section 4.1.2.4). Clones share the same OpenSSL object until one
/// of them changes.
///
/// OpenSSL: `X509_NAME`.
#[derive(Clone)]
pub struct Name {
    handle: Arc<openssl::x509::X509Name>,
}

/// One field of a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    /// OpenSSL's short name of the attribute type, such as `CN`.
    pub name: &'static CStr,
    /// The value as it is in the name, in the encoding that its ASN.1 type has. NULs are kept.
    pub value: Vec<u8>,
}

impl Name {
    /// Takes over a name.
    ///
    /// # Safety
    ///
    /// `pointer` is a valid name that nobody else has.
    pub(crate) unsafe fn from_ptr(pointer: *mut ffi::X509_NAME) -> Self {
        // SAFETY: the caller's promise.
        Self { handle: Arc::new(unsafe { openssl::x509::X509Name::from_ptr(pointer) }) }
    }

    /// The pointer, to read from while this value lives. Clones share it.
    pub(crate) fn as_ptr(&self) -> *mut ffi::X509_NAME {
        self.handle.as_ptr()
    }

    /// Where OpenSSL's object is.
    pub fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    /// A copy of a name that something else owns.
    ///
    /// OpenSSL: `X509_NAME_dup`.
    ///
    /// # Safety
    ///
    /// `pointer` is a valid name, and nobody changes it meanwhile.
    pub(crate) unsafe fn copy_of(pointer: *const ffi::X509_NAME) -> Result<Self> {
        let _queue = CleanQueue::new();
        // SAFETY: the caller's promise; the result belongs to this value alone.
        unsafe { Ok(Self::from_ptr(check_ptr(ffi::X509_NAME_dup(pointer))?)) }
    }

    /// Reads a DER or BER encoding. What follows it is ignored.
    ///
    /// OpenSSL: `d2i_X509_NAME`.
    #[doc(alias = "d2i_X509_NAME")]
    pub fn from_der(der: &[u8]) -> Result<Self> {
        let length = der
            .len()
            .try_into()
            .map_err(|_| Error::Invalid("the data is larger than OpenSSL takes"))?;
        let _queue = CleanQueue::new();
        let mut start = der.as_ptr();
        // SAFETY: reads `length` bytes at most and moves `start` within them; the result is new.
        unsafe {
            let name = ffi::d2i_X509_NAME(ptr::null_mut(), &raw mut start, length);
            Ok(Self::from_ptr(check_ptr(name)?))
        }
    }

    /// The DER encoding.
    ///
    /// OpenSSL: `i2d_X509_NAME`.
    #[doc(alias = "i2d_X509_NAME")]
    pub fn to_der(&self) -> Result<Vec<u8>> {
        let _queue = CleanQueue::new();
        let mut der = ptr::null_mut();
        // SAFETY: this value keeps the name alive; the call allocates what it writes.
        let length = unsafe { ffi::i2d_X509_NAME(self.as_ptr(), &raw mut der) };
        let length = usize::try_from(length).map_err(|_| library_error())?;
        // SAFETY: `length` bytes at `der`, for us to free.
        Ok(unsafe { taken(der, length) })
    }

    /// Every field, in order.
    ///
    /// OpenSSL: `X509_NAME_get_entry`.
    #[doc(alias = "X509_NAME_get_entry")]
    pub fn fields(&self) -> Vec<Field> {
        // SAFETY: this value keeps the name alive, and with it its entries, their types and values;
        // nobody changes it, since changing takes `&mut self` and an unshared handle.
        unsafe {
            let count = ffi::X509_NAME_entry_count(self.as_ptr());
            (0..count)
                .map(|index| {
                    let entry = ffi::X509_NAME_get_entry(self.as_ptr(), index);
                    let value = ffi::X509_NAME_ENTRY_get_data(entry);
                    let length = usize::try_from(ffi::ASN1_STRING_length(value)).unwrap_or(0);
                    Field {
                        name: short_name(entry_type(entry)),
                        value: borrowed(ffi::ASN1_STRING_get0_data(value), length).to_vec(),
                    }
                })
                .collect()
        }
    }

    /// The first field of a type, converted to UTF-8, if there is one.
    ///
    /// OpenSSL: `X509_NAME_get_index_by_NID`, `ASN1_STRING_to_UTF8`.
    #[doc(alias = "X509_NAME_get_index_by_NID")]
    pub fn field(&self, nid: Nid) -> Result<Option<Vec<u8>>> {
        let _queue = CleanQueue::new();
        // SAFETY: as in `fields`.
        unsafe {
            let index = ffi::X509_NAME_get_index_by_NID(self.as_ptr(), nid, -1);
            if index < 0 {
                return Ok(None);
            }
            let entry = ffi::X509_NAME_get_entry(self.as_ptr(), index);
            let mut text = ptr::null_mut();
            let length =
                ffi::ASN1_STRING_to_UTF8(&raw mut text, ffi::X509_NAME_ENTRY_get_data(entry));
            let length = usize::try_from(length).map_err(|_| library_error())?;
            Ok(Some(taken(text, length)))
        }
    }

    /// Replaces the first field of a type, or appends one. `value` is UTF-8 and may hold NULs.
    ///
    /// The old field is gone even if OpenSSL refuses the new one, as it does with a value that is
    /// too long for its type.
    ///
    /// OpenSSL: `X509_NAME_delete_entry`, `X509_NAME_add_entry_by_NID`.
    #[doc(alias = "X509_NAME_add_entry_by_NID")]
    pub fn set_field(&mut self, nid: Nid, value: &[u8]) -> Result<()> {
        if Arc::get_mut(&mut self.handle).is_none() {
            // SAFETY: this value keeps the name alive, and a shared name is never changed.
            *self = unsafe { Self::copy_of(self.as_ptr()) }?;
        }
        // SAFETY: only this value has the name, and it is borrowed mutably.
        unsafe { set_field(self.as_ptr(), nid, value) }
    }

    /// The old one-line form, such as `/C=US/CN=example`, at most 511 bytes of it. Bytes that are
    /// not printable ASCII are written as `\xHH`.
    pub fn one_line(&self) -> Result<String> {
        self.one_line_in(512).map(|line| line.to_string_lossy().into_owned())
    }

    /// As [`Self::one_line`], as much as there is room for: so many bytes, a NUL at the end among
    /// them. A field that has no room is left out with all that follow.
    ///
    /// OpenSSL: `X509_NAME_oneline`.
    #[doc(alias = "X509_NAME_oneline")]
    pub fn one_line_in(&self, room: c_int) -> Result<CString> {
        let _queue = CleanQueue::new();
        let size = usize::try_from(room).ok().filter(|size| *size > 0);
        let size = size.ok_or(Error::Invalid("there is no room for the NUL at the end"))?;
        let mut buffer: Vec<c_char> = vec![0; size];
        // SAFETY: the call writes into the buffer, at most the size it is told, ending with a NUL.
        unsafe {
            check_ptr(sys::X509_NAME_oneline(self.as_ptr(), buffer.as_mut_ptr(), room))?;
            Ok(CStr::from_ptr(buffer.as_ptr()).into())
        }
    }

    /// The hash that names files in a directory of trusted certificates.
    ///
    /// OpenSSL: `X509_NAME_hash_ex`.
    #[doc(alias = "X509_NAME_hash_ex")]
    pub fn hash(&self) -> c_ulong {
        let _queue = CleanQueue::new();
        // SAFETY: this value keeps the name alive; the rest may be null.
        unsafe {
            sys::X509_NAME_hash_ex(self.as_ptr(), ptr::null_mut(), ptr::null(), ptr::null_mut())
        }
    }

    /// Compares as RFC 5280, section 7.1 wants it: case and white space count for nothing.
    ///
    /// OpenSSL: `X509_NAME_cmp`.
    #[doc(alias = "X509_NAME_cmp")]
    pub fn compare(&self, other: &Self) -> Ordering {
        let _queue = CleanQueue::new();
        // SAFETY: both values keep their names alive.
        unsafe { ffi::X509_NAME_cmp(self.as_ptr(), other.as_ptr()) }.cmp(&0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Name").field(&self.one_line()).finish()
    }
}

/// `Name::set_field` for a name in place.
///
/// # Safety
///
/// `name` is a valid name that nobody else uses meanwhile.
pub(super) unsafe fn set_field(name: *mut ffi::X509_NAME, nid: Nid, value: &[u8]) -> Result<()> {
    let length = c_int::try_from(value.len())
        .map_err(|_| Error::Invalid("the value is larger than OpenSSL takes"))?;
    let _queue = CleanQueue::new();
    // SAFETY: the caller's promise. A deleted entry belongs to its remover. `length` bytes of
    // `value` are copied.
    unsafe {
        let old = ffi::X509_NAME_get_index_by_NID(name, nid, -1);
        if old >= 0 {
            ffi::X509_NAME_ENTRY_free(sys::X509_NAME_delete_entry(name, old));
        }
        let added = check(ffi::X509_NAME_add_entry_by_NID(
            name,
            nid,
            ffi::MBSTRING_UTF8,
            value.as_ptr(),
            length,
            -1,
            0,
        ));
        settle(name);
        added.map(drop)
    }
}

/// Makes OpenSSL encode a changed name now. It would do so when the name is first read, and threads
/// that read a name at once must only read.
///
/// # Safety
///
/// `name` is a valid name that nobody else uses meanwhile.
pub(super) unsafe fn settle(name: *mut ffi::X509_NAME) {
    // SAFETY: the caller's promise; without an output the call only encodes into the name's cache.
    unsafe { ffi::i2d_X509_NAME(name, ptr::null_mut()) };
}

/// # Safety
///
/// `entry` is an entry of a valid name.
unsafe fn entry_type(entry: *const ffi::X509_NAME_ENTRY) -> Nid {
    // SAFETY: the caller's promise.
    unsafe { ffi::OBJ_obj2nid(ffi::X509_NAME_ENTRY_get_object(entry)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::error::queue_is_empty;
    use crate::tls::object::nid;

    fn name(fields: &[(&CStr, &str)]) -> Name {
        // An empty SEQUENCE is the empty name.
        let mut name = Name::from_der(b"\x30\0").unwrap();
        for (field, value) in fields {
            name.set_field(nid(field).unwrap(), value.as_bytes()).unwrap();
        }
        name
    }

    #[test]
    fn fields_are_set_and_read() {
        let mut name = name(&[(c"C", "SE"), (c"CN", "a\0b")]);
        let common_name = nid(c"CN").unwrap();
        assert_eq!(name.field(common_name).unwrap().unwrap(), b"a\0b");
        assert_eq!(name.field(nid(c"OU").unwrap()).unwrap(), None);
        name.set_field(common_name, "å".as_bytes()).unwrap();
        let fields = name.fields();
        assert_eq!(fields.len(), 2);
        assert_eq!((fields[1].name, &*fields[1].value), (c"CN", "å".as_bytes()));
        assert_eq!(name.one_line().unwrap(), "/C=SE/CN=\\xC3\\xA5");
        assert_eq!(Name::from_der(&name.to_der().unwrap()).unwrap().fields(), fields);
    }

    #[test]
    fn clones_part_when_one_changes() {
        let first = name(&[(c"CN", "first")]);
        let mut second = first.clone();
        assert_eq!(second.as_ptr(), first.as_ptr());
        second.set_field(nid(c"CN").unwrap(), b"second").unwrap();
        assert_eq!(first.one_line().unwrap(), "/CN=first");
        assert_eq!(second.one_line().unwrap(), "/CN=second");
    }

    #[test]
    fn refused_value_is_an_error_and_the_old_one_is_gone() {
        let mut name = name(&[(c"C", "SE")]);
        let error = name.set_field(nid(c"C").unwrap(), b"Sweden").unwrap_err();
        assert!(matches!(error, Error::Library(stack) if !stack.entries().is_empty()));
        assert!(name.fields().is_empty());
        assert!(queue_is_empty());
    }

    #[test]
    fn comparison_ignores_case() {
        let (lower, upper) = (name(&[(c"CN", "name")]), name(&[(c"CN", "NAME")]));
        assert_eq!(lower.compare(&upper), Ordering::Equal);
        assert_eq!(lower.hash(), upper.hash());
        assert_ne!(lower.compare(&name(&[(c"CN", "other")])), Ordering::Equal);
    }

    #[test]
    fn garbage_is_refused() {
        assert!(Name::from_der(b"\x30\x05\x31").is_err());
        assert!(Name::from_der(b"").is_err());
        assert!(queue_is_empty());
    }
}
