//! The core's behaviour, by topic, without Python.

mod callbacks;
mod contexts;
mod handshake;
mod late;
mod sockets;
mod threads;
