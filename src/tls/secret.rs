//! Bytes that are wiped when they are not needed any more.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::memory::wipe;

/// A private key, or key material: bytes that only their owner should see. Its memory is
/// overwritten before it is given back, it is not printed, and comparing two takes as long whether
/// or where they differ.
pub struct Secret(Vec<u8>);

impl From<Vec<u8>> for Secret {
    /// Takes over the memory, without a copy.
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Secret {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl PartialEq for Secret {
    /// OpenSSL: `CRYPTO_memcmp`.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && openssl::memcmp::eq(self, other)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.len())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // What was cut off is in the memory, too. This does not move it.
        self.0.resize(self.0.capacity(), 0);
        wipe(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_compared_and_not_printed() {
        let secret = Secret::from(b"hush".to_vec());
        assert_eq!(*secret, *b"hush");
        assert_eq!(secret, Secret::from(b"hush".to_vec()));
        assert_ne!(secret, Secret::from(b"hash".to_vec()));
        assert_ne!(secret, Secret::from(b"hushed".to_vec()));
        assert_eq!(format!("{secret:?}"), "Secret(4 bytes)");
    }
}
