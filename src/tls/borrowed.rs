//! Handles for what OpenSSL keeps: each takes a reference, or a copy, of its own.

use std::ffi::c_int;

use openssl_sys as ffi;

use super::error::{CleanQueue, Result, check, check_ptr, library_error};
use super::pkey::PKey;
use super::sys::{self, crypto};
use super::x509::{Certificate, Name, Store};

/// A certificate; `None` for null.
///
/// # Safety
///
/// `pointer` is null, or alive during the call.
pub(crate) unsafe fn certificate(pointer: *mut ffi::X509) -> Option<Certificate> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise; the handle owns the reference that is taken here.
    unsafe {
        ffi::X509_up_ref(pointer);
        Some(Certificate::from_ptr(pointer))
    }
}

/// The certificates in a list; none for null.
///
/// # Safety
///
/// `list` is null, or alive during the call and not being changed.
pub(crate) unsafe fn certificates(list: *const ffi::stack_st_X509) -> Vec<Certificate> {
    // SAFETY: the caller's promise; a null list has -1 elements.
    unsafe {
        (0..ffi::OPENSSL_sk_num(list.cast()))
            .filter_map(|n| certificate(ffi::OPENSSL_sk_value(list.cast(), n).cast()))
            .collect()
    }
}

/// A key; `None` for null.
///
/// # Safety
///
/// `pointer` is null, or alive during the call.
pub(crate) unsafe fn key(pointer: *mut ffi::EVP_PKEY) -> Option<PKey> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise; the handle owns the reference that is taken here.
    unsafe {
        ffi::EVP_PKEY_up_ref(pointer);
        Some(PKey::from_ptr(pointer))
    }
}

/// A trust store; `None` for null.
///
/// # Safety
///
/// `pointer` is null, or alive during the call.
pub(crate) unsafe fn store(pointer: *mut ffi::X509_STORE) -> Option<Store> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise; the handle owns the reference that is taken here.
    unsafe {
        crypto::X509_STORE_up_ref(pointer);
        Some(Store::from_ptr(pointer))
    }
}

/// Copies of the names in a list; none for null.
///
/// # Safety
///
/// `list` is null, or alive during the call and not being changed.
pub(crate) unsafe fn names(list: *const ffi::stack_st_X509_NAME) -> Result<Vec<Name>> {
    // SAFETY: the caller's promise; a null list has -1 elements.
    unsafe {
        (0..ffi::OPENSSL_sk_num(list.cast()))
            .map(|n| Name::copy_of(ffi::OPENSSL_sk_value(list.cast(), n).cast()))
            .collect()
    }
}

/// A list of copies of the names, for OpenSSL to take over.
pub(crate) fn name_list(names: &[Name]) -> Result<*mut ffi::stack_st_X509_NAME> {
    // SAFETY: makes an empty list.
    let list = check_ptr(unsafe { sys::OPENSSL_sk_new_null() })?;
    for name in names {
        // SAFETY: the name is alive; its copy belongs to the list once it has been pushed.
        let pushed = unsafe {
            match check_ptr(ffi::X509_NAME_dup(name.as_ptr())) {
                Ok(copy) if ffi::OPENSSL_sk_push(list, copy.cast()) > 0 => Ok(()),
                Ok(copy) => {
                    let error = library_error();
                    ffi::X509_NAME_free(copy);
                    Err(error)
                }
                Err(error) => Err(error),
            }
        };
        if let Err(error) = pushed {
            // SAFETY: the list was made here.
            unsafe { free_names(list.cast()) };
            return Err(error);
        }
    }
    Ok(list.cast())
}

/// Frees a list and the names in it.
///
/// # Safety
///
/// The caller owns the list and does not use it again.
pub(crate) unsafe fn free_names(list: *mut ffi::stack_st_X509_NAME) {
    // SAFETY: the caller's promise.
    unsafe {
        for n in 0..ffi::OPENSSL_sk_num(list.cast()) {
            ffi::X509_NAME_free(ffi::OPENSSL_sk_value(list.cast(), n).cast());
        }
        ffi::OPENSSL_sk_free(list.cast());
    }
}

/// Adds to one store what another holds: certificates and revocation lists.
pub(crate) fn copy_objects(from: &Store, to: &Store) -> Result<()> {
    let _queue = CleanQueue::new();
    let to = to.as_ptr();
    // SAFETY: the list and what is in it stay as they are during the call. The second store is
    // alive, and takes references of its own.
    with_objects(from, |objects| unsafe {
        (0..ffi::OPENSSL_sk_num(objects)).try_for_each(|n| {
            let object: *mut ffi::X509_OBJECT = ffi::OPENSSL_sk_value(objects, n).cast();
            let certificate = ffi::X509_OBJECT_get0_X509(object);
            let list = crypto::X509_OBJECT_get0_X509_CRL(object);
            let code: c_int = if !certificate.is_null() {
                ffi::X509_STORE_add_cert(to, certificate)
            } else if !list.is_null() {
                crypto::X509_STORE_add_crl(to, list)
            } else {
                1
            };
            check(code).map(drop)
        })
    })?
}

/// What `look` makes of a list of a store's certificates and revocation lists. (In OpenSSL 4.0,
/// `X509_STORE_get0_objects` frees what another thread may have just found in the store.)
///
/// OpenSSL: `X509_STORE_get1_objects`.
#[cfg(openssl_3_3)]
#[doc(alias = "X509_STORE_get1_objects")]
pub(crate) fn with_objects<T>(
    store: &Store,
    look: impl FnOnce(*const ffi::OPENSSL_STACK) -> T,
) -> Result<T> {
    // SAFETY: the store is alive; the list and what is in it are ours, and are freed here.
    unsafe {
        let objects = check_ptr(crypto::X509_STORE_get1_objects(store.as_ptr()))?;
        let result = look(objects);
        for n in 0..ffi::OPENSSL_sk_num(objects) {
            ffi::X509_OBJECT_free(ffi::OPENSSL_sk_value(objects, n).cast());
        }
        ffi::OPENSSL_sk_free(objects);
        Ok(result)
    }
}

/// What `look` makes of the list of a store's certificates and revocation lists.
///
/// OpenSSL: `X509_STORE_get0_objects`.
#[cfg(not(openssl_3_3))]
#[doc(alias = "X509_STORE_get0_objects")]
pub(crate) fn with_objects<T>(
    store: &Store,
    look: impl FnOnce(*const ffi::OPENSSL_STACK) -> T,
) -> Result<T> {
    let store = store.as_ptr();
    // SAFETY: the store is alive, and while it is locked its list of objects does not change.
    unsafe {
        check(crypto::X509_STORE_lock(store))?;
        let result = look(ffi::X509_STORE_get0_objects(store).cast());
        crypto::X509_STORE_unlock(store);
        Ok(result)
    }
}

/// As [`copy_objects`], with flags and time.
///
/// OpenSSL: `X509_STORE_set1_param`.
#[doc(alias = "X509_STORE_set1_param")]
pub(crate) fn copy_store(from: &Store, to: &Store) -> Result<()> {
    copy_objects(from, to)?;
    // SAFETY: both stores are alive, and the second copies the parameters.
    unsafe {
        let parameters = crypto::X509_STORE_get0_param(from.as_ptr());
        check(crypto::X509_STORE_set1_param(to.as_ptr(), parameters)).map(drop)
    }
}
