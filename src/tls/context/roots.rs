//! Files of trusted certificates, read once for all the contexts of this process that ask for them.
//!
//! Reading a hundred and more certificates takes milliseconds. A store is shared as long as nobody
//! can change it: a context gets one of its own before it hands its store out, adds to it, or looks
//! into a directory, since OpenSSL keeps in the store what it finds there.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use super::trust::default_locations;
use crate::tls::error::Result;
use crate::tls::x509::Store;

/// A file of trusted certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Source {
    At(CString),
    /// OpenSSL's own, or what the environment variable `SSL_CERT_FILE` names.
    Default,
}

impl Source {
    fn load(&self, store: &Store) -> Result<()> {
        match self {
            Self::At(path) => store.load_locations(Some(path), None),
            Self::Default => store.load_default_file(),
        }
    }

    /// The paths that it may be read from, and what they stand for; `None` for nothing.
    fn stamps(&self) -> Stamps {
        let paths = match self {
            Self::At(path) => vec![path.clone()],
            // Both, since OpenSSL does not always believe the environment.
            Self::Default => {
                let named = env::var_os("SSL_CERT_FILE").map(OsString::into_vec);
                let named = named.and_then(|path| CString::new(path).ok());
                named.into_iter().chain([default_locations().0.into()]).collect()
            }
        };
        let stamped = |path: CString| {
            let stamp = Stamp::of(&path);
            (path, stamp)
        };
        paths.into_iter().map(stamped).collect()
    }
}

type Stamps = Vec<(CString, Option<Stamp>)>;

/// A store, and what it was read from.
pub(super) struct Entry {
    source: Source,
    stamps: Stamps,
    store: Store,
}

/// How many stores are kept; the oldest goes first.
const MOST: usize = 16;

/// A fork has them, too: nothing is read while they are locked.
static STORES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

pub(super) type Held = MutexGuard<'static, Vec<Entry>>;

/// Keeps threads from looking for a store.
pub(super) fn hold() -> Held {
    STORES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A store with what is in the file: one that was read before, if the file is now as it was then,
/// or else a new one. Nobody may change it.
pub(super) fn store(source: Source) -> Result<Store> {
    let before = source.stamps();
    {
        let stores = hold();
        let known = stores.iter().find(|entry| entry.source == source);
        if let Some(entry) = known.filter(|entry| entry.stamps == before) {
            return Ok(entry.store.clone());
        }
    }
    let settled = before.iter().all(|(_, stamp)| stamp.is_none_or(Stamp::is_settled));
    let store = Store::new()?;
    source.load(&store)?;
    if settled && source.stamps() == before {
        let mut stores = hold();
        stores.retain(|entry| entry.source != source);
        if stores.len() >= MOST {
            stores.remove(0);
        }
        stores.push(Entry { source, stamps: before, store: store.clone() });
    }
    Ok(store)
}

/// Which file a path stood for at some time, and in which state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    /// A pipe's bytes are gone once they were read, and leave no trace of it.
    regular: bool,
    device: u64,
    inode: u64,
    size: u64,
    /// Of the last change of the content, and of the last change of anything; seconds, nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// A change this soon after another may leave the times as they are: clocks tick.
    const TICK: Duration = Duration::from_secs(1);

    fn of(path: &CStr) -> Option<Self> {
        let status = fs::metadata(OsStr::from_bytes(path.to_bytes())).ok()?;
        Some(Self {
            regular: status.is_file(),
            device: status.dev(),
            inode: status.ino(),
            size: status.size(),
            modified: (status.mtime(), status.mtime_nsec()),
            changed: (status.ctime(), status.ctime_nsec()),
        })
    }

    /// Whether the last change was so long ago that a later one shows.
    fn is_settled(self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let before = now.saturating_sub(Self::TICK).as_secs();
        let settled = |(seconds, _): (i64, i64)| u64::try_from(seconds).is_ok_and(|t| t < before);
        self.regular && settled(self.modified) && settled(self.changed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn of(file: &CStr) -> Store {
        store(Source::At(file.into())).unwrap()
    }

    #[test]
    fn a_file_is_read_once_until_it_changes() {
        let path = env::temp_dir().join(format!("roots-{}.pem", std::process::id()));
        let file = CString::new(path.as_os_str().as_bytes()).unwrap();
        let pem = crate::tls::testing::identity().0.to_pem().unwrap();
        fs::write(&path, &pem).unwrap();
        let first = SystemTime::now();
        assert_ne!(of(&file).as_ptr(), of(&file).as_ptr(), "too young to be sure");
        while first.elapsed().unwrap() < 2 * Stamp::TICK + Duration::from_millis(100) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let old = of(&file);
        assert_eq!(of(&file).as_ptr(), old.as_ptr());
        // The same size and the same time of modification: the inode's own time tells.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, &pem).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_ne!(of(&file).as_ptr(), old.as_ptr());
        fs::remove_file(&path).unwrap();
        assert!(store(Source::At(file)).is_err());
    }
}
