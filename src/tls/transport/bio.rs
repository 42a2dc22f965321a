//! The BIO through which OpenSSL reaches a transport.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use openssl_sys as ffi;

use super::{Direction, Endpoint, Transferred, Transport};
use crate::tls::error::{Result, check, check_ptr};

/// `BIO_TYPE_SOURCE_SINK` (`bio.h`): a BIO that does not stand on another one.
const SOURCE_SINK: c_int = 0x0400;

/// The method table, made once.
///
/// OpenSSL: `BIO_meth_new`.
#[doc(alias = "BIO_meth_new")]
pub(super) fn method() -> Result<*const ffi::BIO_METHOD> {
    struct Method(*const ffi::BIO_METHOD);
    // SAFETY: the table is only read once it is in the cell.
    unsafe impl Send for Method {}
    // SAFETY: as above.
    unsafe impl Sync for Method {}
    static METHOD: OnceLock<Method> = OnceLock::new();

    if let Some(method) = METHOD.get() {
        return Ok(method.0);
    }
    // Two threads may both get here; the table of the one that loses is leaked, once.
    // SAFETY: the name is NUL-terminated and static.
    let method = check_ptr(unsafe { ffi::BIO_meth_new(SOURCE_SINK, c"transport".as_ptr()) })?;
    // SAFETY: the table is ours alone here; the functions have the types that it asks for.
    unsafe {
        check(ffi::BIO_meth_set_read__fixed_rust(method, Some(read)))?;
        check(ffi::BIO_meth_set_write__fixed_rust(method, Some(write)))?;
        check(ffi::BIO_meth_set_ctrl__fixed_rust(method, Some(ctrl)))?;
        check(ffi::BIO_meth_set_destroy__fixed_rust(method, Some(destroy)))?;
    }
    Ok(METHOD.get_or_init(|| Method(method)).0)
}

unsafe extern "C" fn read(bio: *mut ffi::BIO, buffer: *mut c_char, len: c_int) -> c_int {
    // SAFETY: OpenSSL passes one of our BIOs, and `len` bytes to write to.
    unsafe { transfer(bio, Direction::Read, buffer.cast(), len) }
}

unsafe extern "C" fn write(bio: *mut ffi::BIO, buffer: *const c_char, len: c_int) -> c_int {
    // SAFETY: OpenSSL passes one of our BIOs, and `len` bytes, which are only read from.
    unsafe { transfer(bio, Direction::Write, buffer.cast_mut().cast(), len) }
}

/// # Safety
///
/// `bio` is one of ours; `buffer` has `len` bytes that the direction allows to use.
unsafe fn transfer(bio: *mut ffi::BIO, direction: Direction, buffer: *mut u8, len: c_int) -> c_int {
    // SAFETY: the BIO is alive during the call.
    unsafe { ffi::BIO_clear_flags(bio, ffi::BIO_FLAGS_RWS | ffi::BIO_FLAGS_SHOULD_RETRY) };
    let Ok(size @ 1..) = usize::try_from(len) else { return 0 };
    // SAFETY: the endpoint lives until `destroy`.
    let Some(endpoint) = (unsafe { endpoint(bio).as_ref() }) else { return -1 };
    let transferred = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller's promise is passed on.
        unsafe { endpoint.transfer(direction, buffer, size) }
    }));
    match transferred {
        // A transfer moves at most `len` bytes, which fits.
        Ok(Transferred::Some(moved)) => moved as c_int,
        Ok(Transferred::End) => 0,
        Ok(Transferred::NotReady | Transferred::Retry) => {
            let flag = match direction {
                Direction::Read => ffi::BIO_FLAGS_READ,
                Direction::Write => ffi::BIO_FLAGS_WRITE,
            };
            // SAFETY: as above.
            unsafe { ffi::BIO_set_flags(bio, flag | ffi::BIO_FLAGS_SHOULD_RETRY) };
            -1
        }
        Ok(Transferred::Failed(_)) => -1,
        Err(_) => {
            endpoint.errno.set(libc::EIO);
            -1
        }
    }
}

unsafe extern "C" fn ctrl(
    bio: *mut ffi::BIO,
    command: c_int,
    _number: c_long,
    _pointer: *mut c_void,
) -> c_long {
    // SAFETY: the endpoint lives until `destroy`.
    let Some(endpoint) = (unsafe { endpoint(bio).as_ref() }) else { return 0 };
    match command {
        ffi::BIO_CTRL_FLUSH => 1,
        ffi::BIO_CTRL_EOF => c_long::from(endpoint.eof.get()),
        BIO_CTRL_PENDING => match &endpoint.transport {
            Transport::Memory(memory) => c_long::try_from(memory.unread()).unwrap_or(c_long::MAX),
            Transport::Descriptor(_) => 0,
        },
        // A command that a BIO does not know is answered with 0.
        _ => 0,
    }
}

unsafe extern "C" fn destroy(bio: *mut ffi::BIO) -> c_int {
    if bio.is_null() {
        return 0;
    }
    // SAFETY: `new_bio` leaked a box for this; OpenSSL destroys a BIO once.
    unsafe {
        let endpoint = endpoint(bio);
        ffi::BIO_set_data(bio, std::ptr::null_mut());
        if !endpoint.is_null() {
            drop(Box::from_raw(endpoint));
        }
    }
    1
}

/// The endpoint of one of our BIOs; null once it is destroyed.
///
/// # Safety
///
/// `bio` is one of ours.
unsafe fn endpoint(bio: *mut ffi::BIO) -> *mut Endpoint {
    // SAFETY: the caller's promise.
    unsafe { ffi::BIO_get_data(bio).cast() }
}

/// `bio.h`.
const BIO_CTRL_PENDING: c_int = 10;
