//! Parameters of Diffie-Hellman key exchange.

use std::ptr;
use std::sync::Arc;

use foreign_types::ForeignType;
use openssl::dh::Dh;
use openssl::pkey::Params;
use openssl_sys as ffi;

use super::bio::Bio;
use super::error::{Result, check_ptr, clear_queue};

/// A group to exchange keys in. Clones are the same group, which never changes.
///
/// OpenSSL: `DH`.
#[derive(Clone)]
pub struct Parameters(Arc<Dh<Params>>);

impl Parameters {
    /// Reads parameters in PEM.
    ///
    /// OpenSSL: `PEM_read_bio_DHparams`.
    #[doc(alias = "PEM_read_bio_DHparams")]
    pub fn read(from: &mut Bio) -> Result<Self> {
        clear_queue();
        let null = ptr::null_mut();
        // SAFETY: the BIO lives until the call returns; parameters that are read are the handle's.
        unsafe {
            let read = ffi::PEM_read_bio_DHparams(from.as_ptr(), null, None, null.cast());
            Ok(Self(Arc::new(Dh::from_ptr(check_ptr(read)?))))
        }
    }

    /// The pointer, for a call that takes a reference of its own.
    pub(crate) fn as_ptr(&self) -> *mut ffi::DH {
        self.0.as_ptr()
    }

    /// Where they are.
    pub fn address(&self) -> usize {
        self.as_ptr().addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::error::{Error, queue_is_empty};

    const PEM: &[u8] = include_bytes!("../../tests/compat/data/dh.pem");

    #[test]
    fn parameters_are_read_once() {
        let mut bio = Bio::of(PEM).unwrap();
        let parameters = Parameters::read(&mut bio).unwrap();
        assert_eq!(parameters.clone().address(), parameters.address());
        assert!(matches!(Parameters::read(&mut bio), Err(Error::Library(_))));
        assert!(Parameters::read(&mut Bio::of(b"").unwrap()).is_err());
        assert!(Bio::open(c"/nowhere/at/all", c"r").is_err());
        assert!(Bio::open(c"/", c"no mode").is_err());
        assert!(queue_is_empty());
    }
}
