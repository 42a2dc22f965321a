//! Certificates, distinguished names and trust stores.

mod certificate;
mod name;
mod store;
mod verify;

pub use certificate::{Bound, Certificate, Role};
pub use name::{Field, Name};
pub use store::{Store, flags};
pub use verify::{Rejection, verify};
