//! The named elliptic curves OpenSSL has built in.

use std::ptr;

use openssl_sys as ffi;

use super::error::{CleanQueue, Result, check_ptr};
use super::object::{Nid, short_name};
use super::sys::crypto as sys;

/// A named elliptic curve.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Curve {
    nid: Nid,
    name: &'static str,
}

impl Curve {
    /// Every curve OpenSSL has.
    ///
    /// OpenSSL: `EC_get_builtin_curves`.
    #[doc(alias = "EC_get_builtin_curves")]
    pub fn builtin() -> Vec<Self> {
        let _queue = CleanQueue::new();
        // SAFETY: with no room the call only counts.
        let count = unsafe { sys::EC_get_builtin_curves(ptr::null_mut(), 0) };
        let mut curves: Vec<sys::BuiltinCurve> = Vec::with_capacity(count);
        // SAFETY: there is room for `count` curves. The call answers how many there are, and has
        // written that many of them, up to `count`.
        unsafe {
            let written = sys::EC_get_builtin_curves(curves.as_mut_ptr(), count).min(count);
            curves.set_len(written);
        }
        curves
            .iter()
            // OpenSSL's own names are ASCII.
            .map(|curve| (curve.nid, short_name(curve.nid).to_str().unwrap_or_default()))
            .map(|(nid, name)| Self { nid, name })
            .collect()
    }

    /// The number OpenSSL knows the curve by.
    pub fn nid(&self) -> Nid {
        self.nid
    }

    /// OpenSSL's short name, such as `prime256v1`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether OpenSSL can compute on the curve: policy may forbid some.
    ///
    /// OpenSSL: `EC_GROUP_new_by_curve_name`.
    #[doc(alias = "EC_GROUP_new_by_curve_name")]
    pub fn check(&self) -> Result<()> {
        let _queue = CleanQueue::new();
        // SAFETY: takes a number; the new group is freed below, and nobody else has it.
        unsafe {
            let group = check_ptr(ffi::EC_GROUP_new_by_curve_name(self.nid))?;
            ffi::EC_GROUP_free(group);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_curves_have_names_and_numbers() {
        let curves = Curve::builtin();
        let p256 = curves.iter().find(|curve| curve.name() == "prime256v1").unwrap();
        assert_eq!(p256.nid(), ffi::NID_X9_62_prime256v1);
        p256.check().unwrap();
        assert!(curves.iter().all(|curve| !curve.name().is_empty()));
    }
}
