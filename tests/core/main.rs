//! The core's behaviour, by topic, without Python.

mod callbacks;
mod contexts;
mod handshake;
mod late;
#[cfg(target_os = "linux")]
mod secrets;
mod sockets;
mod threads;
