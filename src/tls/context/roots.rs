//! Trust stores read from files, shared by the contexts of this process that ask for the same files.
//!
//! Reading a hundred and more certificates takes milliseconds. A store is shared as long as nobody
//! can change it: a context gets one of its own before it hands its store out or adds to it.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::tls::error::Result;
use crate::tls::x509::Store;

/// What a store was asked to hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// The certificates in a file.
    File(CString),
    /// What the platform trusts, and the environment variables that say where that is.
    Platform { file: Option<OsString>, directory: Option<OsString> },
}

struct Entry {
    origin: Origin,
    files: Vec<(CString, Stamp)>,
    store: Store,
}

/// How many stores are kept; the oldest goes first.
const MOST: usize = 16;

static STORES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// The store of that origin: one read before if `files` are what they were then, or else one that
/// `load` fills.
pub(super) fn store(
    origin: Origin,
    files: &[&CStr],
    load: impl FnOnce(&Store) -> Result<()>,
) -> Result<Store> {
    let stamp = || -> Option<Vec<(CString, Stamp)>> {
        files.iter().map(|file| Some((CString::from(*file), Stamp::of(file)?))).collect()
    };
    let before = stamp();
    if let Some(before) = &before {
        let stores = STORES.lock();
        let mut known = stores.iter().filter(|entry| entry.origin == origin);
        if let Some(entry) = known.find(|entry| entry.files == *before) {
            return Ok(entry.store.clone());
        }
    }
    let store = Store::new()?;
    load(&store)?;
    if let Some(files) = before.filter(|before| Stamp::all_settled(before))
        && stamp().as_ref() == Some(&files)
    {
        let mut stores = STORES.lock();
        stores.retain(|entry| entry.origin != origin);
        if stores.len() >= MOST {
            stores.remove(0);
        }
        stores.push(Entry { origin, files, store: store.clone() });
    }
    Ok(store)
}

/// Which file a path stood for at some time, and in which state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
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
            device: status.dev(),
            inode: status.ino(),
            size: status.size(),
            modified: (status.mtime(), status.mtime_nsec()),
            changed: (status.ctime(), status.ctime_nsec()),
        })
    }

    /// Whether every file was last changed so long ago that a later change shows.
    fn all_settled(files: &[(CString, Self)]) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let settled = |(seconds, _): (i64, i64)| {
            u64::try_from(seconds).is_ok_and(|then| then < (now - Self::TICK).as_secs())
        };
        files.iter().all(|(_, stamp)| settled(stamp.modified) && settled(stamp.changed))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn of(file: &CStr, loads: &mut u32) -> Store {
        let load = |_: &Store| {
            *loads += 1;
            Ok(())
        };
        store(Origin::File(file.into()), &[file], load).unwrap()
    }

    #[test]
    fn a_file_is_read_once_until_it_changes() {
        let path = std::env::temp_dir().join(format!("roots-{}.pem", std::process::id()));
        let file = CString::new(path.as_os_str().as_bytes()).unwrap();
        fs::write(&path, b"one").unwrap();
        let (mut loads, first) = (0, SystemTime::now());
        let young = of(&file, &mut loads);
        assert_ne!(of(&file, &mut loads).as_ptr(), young.as_ptr(), "too young to be sure");
        while first.elapsed().unwrap() < 2 * Stamp::TICK + Duration::from_millis(100) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let old = of(&file, &mut loads);
        assert_eq!(of(&file, &mut loads).as_ptr(), old.as_ptr());
        assert_eq!(loads, 3);
        // The same size and the same time of modification: the inode's own time tells.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, b"two").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_ne!(of(&file, &mut loads).as_ptr(), old.as_ptr());
        fs::remove_file(&path).unwrap();
        of(&file, &mut loads);
        assert_eq!(loads, 5);
    }
}
