//! What carries a connection's records: a descriptor, or a pair of memory buffers.
//!
//! Both stand behind one BIO of ours (`bio`), which the `SSL` owns and uses in both directions. The
//! descriptor's side never blocks inside OpenSSL; waiting is the connection's business, so that it
//! can be done with no lock held.

mod ahead;
mod bio;
mod descriptor;
mod memory;

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr::NonNull;

use openssl_sys as ffi;

use super::error::{Result, check_ptr};

pub use descriptor::Descriptor;
pub(crate) use descriptor::{FileIdentity, Patience, Wait};
pub use memory::Memory;

/// The two kinds of transport.
pub enum Transport {
    /// A socket, a pipe or a terminal of the caller's, which stays the caller's to close.
    Descriptor(Descriptor),
    /// Buffers that the caller fills and drains.
    Memory(Memory),
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// From the peer.
    Read,
    /// To the peer.
    Write,
}

/// A transport inside its BIO, with what the last transfer left behind.
pub(crate) struct Endpoint {
    pub(crate) transport: Transport,
    /// `errno` of the last transfer that failed for good; 0 when none has since it was reset.
    pub(crate) errno: Cell<c_int>,
    /// The direction in which the last transfer found the descriptor not ready.
    pub(crate) blocked: Cell<Option<Direction>>,
    /// Whether the last read met the end of the stream.
    eof: Cell<bool>,
    /// How many more times the step under way may read from a descriptor.
    reads: Cell<u32>,
    /// Whether the step under way has written to the descriptor.
    written: Cell<bool>,
    /// Whether the step under way has moved a byte.
    pub(crate) moved: Cell<bool>,
}

/// How many reads one step may make. OpenSSL reads on by itself as long as there come records that
/// hold no data, which a peer that floods can keep up for as long as it likes; no honest peer sends
/// so many in a row.
const READS: u32 = 4096;

impl Endpoint {
    fn new(transport: Transport) -> Self {
        Self {
            transport,
            errno: Cell::new(0),
            blocked: Cell::new(None),
            eof: Cell::new(false),
            reads: Cell::new(READS),
            written: Cell::new(false),
            moved: Cell::new(false),
        }
    }

    /// Begins a step of the connection. `boundary`: whether the next byte to be read is a record's
    /// first.
    pub(crate) fn begin(&self, boundary: impl FnOnce() -> bool) {
        self.errno.set(0);
        self.blocked.set(None);
        self.reads.set(READS);
        self.written.set(false);
        self.moved.set(false);
        if let Transport::Descriptor(end) = &self.transport {
            end.begin(boundary());
        }
    }

    /// Ends a step. `unreported`: whether a close or a failure was met behind data, and is still to
    /// be reported.
    pub(crate) fn end(&self, unreported: bool) {
        if let Transport::Descriptor(end) = &self.transport {
            end.end(unreported);
        }
    }

    /// Moves bytes in one direction, as far as they go without waiting.
    ///
    /// # Safety
    ///
    /// `buffer` has `len` bytes: writable ones to read into, readable ones to write from.
    unsafe fn transfer(&self, direction: Direction, buffer: *mut u8, len: usize) -> Transferred {
        // SAFETY: the caller's promise is passed on.
        let transferred = unsafe {
            match (&self.transport, direction) {
                (Transport::Descriptor(_), Direction::Read) if self.reads.get() == 0 => {
                    Transferred::NotReady
                }
                (Transport::Descriptor(end), Direction::Read) => {
                    self.reads.set(self.reads.get() - 1);
                    end.read(buffer, len)
                }
                // The caller has made sure of the descriptor, but between two records it may be
                // closed, and opened for something else, by another thread.
                (Transport::Descriptor(end), Direction::Write)
                    if self.written.replace(true) && !end.file().is_current() =>
                {
                    Transferred::Failed(libc::EBADF)
                }
                (Transport::Descriptor(end), Direction::Write) => end.write(buffer, len),
                (Transport::Memory(end), Direction::Read) => end.read(buffer, len),
                (Transport::Memory(end), Direction::Write) => end.write(buffer, len),
            }
        };
        match transferred {
            Transferred::NotReady => self.blocked.set(Some(direction)),
            Transferred::Failed(errno) => self.errno.set(errno),
            Transferred::Some(_) => self.moved.set(true),
            Transferred::End | Transferred::Retry => {}
        }
        if direction == Direction::Read {
            self.eof.set(matches!(transferred, Transferred::End));
        }
        transferred
    }
}

/// What came of one transfer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Transferred {
    /// This many bytes moved; at least one.
    Some(usize),
    /// The peer has sent its last byte.
    End,
    /// Nothing moved, and waiting for the descriptor will help.
    NotReady,
    /// Nothing moved; the caller may try again, but waiting for the descriptor need not help.
    Retry,
    /// A system call failed with this `errno`.
    Failed(c_int),
}

/// Makes a BIO over the transport, and tells where its endpoint is.
///
/// The endpoint lives in the BIO: as long as whoever owns the returned BIO pointer keeps it.
pub(crate) fn new_bio(transport: Transport) -> Result<(*mut ffi::BIO, NonNull<Endpoint>)> {
    // SAFETY: the method table is complete and static.
    let bio = check_ptr(unsafe { ffi::BIO_new(bio::method()?) })?;
    let endpoint = NonNull::from(Box::leak(Box::new(Endpoint::new(transport))));
    // SAFETY: the BIO is ours alone until it is returned; its destroy function frees the endpoint.
    unsafe {
        ffi::BIO_set_data(bio, endpoint.as_ptr().cast());
        ffi::BIO_set_init(bio, 1);
    }
    Ok((bio, endpoint))
}
