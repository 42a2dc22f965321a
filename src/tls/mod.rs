//! The core: OpenSSL's TLS objects with owners, locks and `Result`s. No Python here.
//!
//! | file | topic |
//! |---|---|
//! | `constants` | every constant, and its value in the OpenSSL linked |
//! | `method`, `context` | what connections have in common, settled before the first of them |
//! | `connection`, `session` | one TLS or DTLS session over one transport, and resuming it |
//! | `transport` | descriptors and memory buffers behind one BIO; waiting |
//! | `callbacks` | what OpenSSL asks users, and how their failures get back to the caller |
//! | `x509` | certificates, names, trust stores, verification |
//! | `verification` | whom a peer's certificate must name |
//! | `pkey`, `curve`, `passphrase` | keys, named elliptic curves, asking for passphrases |
//! | `object` | OpenSSL's names and numbers for attribute types, algorithms and curves |
//! | `rand` | the random number generator |
//! | `version` | which OpenSSL is linked |
//! | `borrowed` | handles for what OpenSSL keeps |
//! | `memory` | bytes in and out of OpenSSL, through memory BIOs |
//! | `allocator` | where OpenSSL's memory comes from |
//! | `lock`, `fork` | locks that are held for long; what a fork does to locks |
//! | `bio`, `dh` | what PEM is read from; parameters of Diffie-Hellman key exchange |
//! | `legacy` | old ciphers and digests |
//! | `secret` | bytes that are wiped |
//! | `region` | a caller's memory, lent for one call |
//! | `error`, `queue` | what can go wrong, and OpenSSL's error queue |
//! | `sys` | declarations that `openssl-sys` lacks |

pub mod allocator;
pub mod bio;
mod borrowed;
pub mod callbacks;
pub mod connection;
pub mod constants;
pub mod context;
pub mod curve;
pub mod dh;
pub mod error;
pub mod fork;
pub mod legacy;
mod lock;
mod memory;
pub mod method;
pub mod object;
pub mod passphrase;
pub mod pkey;
pub mod queue;
pub mod rand;
pub mod region;
pub mod secret;
pub mod session;
mod sys;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transport;
pub mod verification;
pub mod version;
pub mod x509;

pub use connection::Connection;
pub use context::Context;
pub use error::{Error, ErrorStack, Result};
pub use session::Session;
pub use transport::Transport;
