//! What was done, counted.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use openssl_rust::tls::Error;

#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, number: usize) {
        self.0.fetch_add(number as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! tally {
    ($($name:ident,)*) => {
        #[derive(Default)]
        pub(crate) struct Tally {
            $(pub(crate) $name: Count,)*
        }

        impl fmt::Display for Tally {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut first = true;
                $(
                    let separator = if first { "" } else { ", " };
                    write!(f, "{separator}{} {}", self.$name.get(), stringify!($name).replace('_', " "))?;
                    first = false;
                )*
                let _ = first;
                Ok(())
            }
        }

        impl Tally {
            fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }
        }
    };
}

tally! {
    operations,
    pairs,
    complete_pairs,
    handshakes,
    bytes_written,
    bytes_read,
    bytes_peeked,
    bytes_carried,
    shutdowns,
    renegotiations,
    questions,
    exchanged_contexts,
    resumed_sessions,
    sockets_taken_away,
    used_contexts_refused,
    contexts_renewed,
    certificates_asked,
    keys_asked,
    want,
    zero_return,
    unexpected_eof,
    system_errors,
    library_errors,
    callback_errors,
    panics,
}

impl Tally {
    /// Counts a failure.
    pub(crate) fn note(&self, error: &Error) {
        let count = match error {
            Error::WantRead | Error::WantWrite => &self.want,
            Error::ZeroReturn => &self.zero_return,
            Error::UnexpectedEof => &self.unexpected_eof,
            Error::Syscall { .. } => &self.system_errors,
            Error::Library(_) => &self.library_errors,
            Error::Callback(_) => &self.callback_errors,
            Error::Panicked(_) => &self.panics,
            other => panic!("nothing here can cause this: {other:?}"),
        };
        count.add(1);
    }

    /// Fails if something was never done: then it has not been tested.
    pub(crate) fn expect_all_kinds(&self) {
        // A short run meets the rare ones by luck.
        if self.pairs.get() < 500 {
            return;
        }
        for (name, count) in self.all() {
            assert!(count > 0, "not one of: {name}");
        }
    }
}
