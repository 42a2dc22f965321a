//! OpenSSL's random number generator.

use std::ffi::c_int;

use openssl_sys as ffi;

use super::error::{CleanQueue, Error, Result};

/// Mixes bytes into the generator's state. `entropy` is a lower bound of the randomness in them, in
/// bytes; the generator seeds itself, so 0 is always right.
///
/// OpenSSL: `RAND_add`.
#[doc(alias = "RAND_add")]
pub fn add(data: &[u8], entropy: f64) -> Result<()> {
    let length = c_int::try_from(data.len())
        .map_err(|_| Error::Invalid("the data is larger than OpenSSL takes"))?;
    let _queue = CleanQueue::new();
    // SAFETY: reads `length` bytes of a live slice and keeps none of them.
    unsafe { ffi::RAND_add(data.as_ptr().cast(), length, entropy) };
    Ok(())
}

/// Whether the generator has been seeded.
///
/// OpenSSL: `RAND_status`.
#[doc(alias = "RAND_status")]
pub fn status() -> bool {
    let _queue = CleanQueue::new();
    // SAFETY: takes nothing; the generator locks itself.
    unsafe { ffi::RAND_status() == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generator_is_seeded() {
        add(b"some bytes", 0.0).unwrap();
        assert!(status());
    }
}
