//! Trust stores read from files, shared by the contexts of this process that ask for the same files.
//!
//! Reading a hundred and more certificates takes milliseconds. A store is shared as long as nobody
//! can change it: a context gets one of its own before it hands its store out or adds to it.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};
use std::{env, fs};

use parking_lot::Mutex;

use super::setting::Setting;
use super::trust::default_locations;
use crate::tls::error::Result;
use crate::tls::x509::Store;

/// One thing that a store was asked to hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// The certificates in a file.
    File(CString),
    /// Those in a directory, which are looked for when they are needed.
    Directory(CString),
    /// OpenSSL's own locations, and the environment variables that say otherwise.
    Default { file: Option<OsString>, directory: Option<OsString> },
}

impl Source {
    /// OpenSSL's own locations, as the environment stands.
    pub(super) fn default_locations() -> Self {
        Self::Default { file: env::var_os("SSL_CERT_FILE"), directory: env::var_os("SSL_CERT_DIR") }
    }

    /// The setting that has a context look there again; `None` for what is read once.
    pub(super) fn search(&self) -> Option<Setting> {
        match self {
            Self::File(_) => None,
            Self::Directory(directory) => Some(Setting::TrustDirectory(directory.clone())),
            Self::Default { .. } => Some(Setting::DefaultTrust),
        }
    }

    pub(super) fn load(&self, store: &Store) -> Result<()> {
        match self {
            Self::File(file) => store.load_locations(Some(file), None),
            Self::Directory(directory) => store.load_locations(None, Some(directory)),
            Self::Default { .. } => store.load_default_locations(),
        }
    }

    /// The files and directories that it is read from, and their state. Those that are not there
    /// are left out.
    fn stamps(&self) -> Vec<(CString, Stamp)> {
        let paths = match self {
            Self::File(path) | Self::Directory(path) => vec![path.clone()],
            Self::Default { file, directory } => {
                let (default_file, default_directory) = default_locations();
                let or = |variable: &Option<OsString>, default: &CStr| {
                    let path = variable.as_ref().map(|path| CString::new(path.as_bytes()));
                    path.and_then(|path| path.ok()).unwrap_or_else(|| default.into())
                };
                vec![or(file, default_file), or(directory, default_directory)]
            }
        };
        let stamped = |path: CString| Stamp::of(&path).map(|stamp| (path, stamp));
        paths.into_iter().filter_map(stamped).collect()
    }
}

struct Entry {
    sources: Vec<Source>,
    stamps: Vec<(CString, Stamp)>,
    store: Store,
}

/// How many stores are kept; the oldest goes first.
const MOST: usize = 16;

static STORES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// The store that holds all that: one that was read before, if the files are now as they were then,
/// or else a new one.
pub(super) fn store(sources: &[Source]) -> Result<Store> {
    let stamps = || sources.iter().flat_map(Source::stamps).collect::<Vec<_>>();
    let before = stamps();
    {
        let stores = STORES.lock();
        let known = stores.iter().find(|entry| entry.sources == sources);
        if let Some(entry) = known.filter(|entry| entry.stamps == before) {
            return Ok(entry.store.clone());
        }
    }
    let store = Store::new()?;
    sources.iter().try_for_each(|source| source.load(&store))?;
    if Stamp::all_settled(&before) && stamps() == before {
        let mut stores = STORES.lock();
        stores.retain(|entry| entry.sources != sources);
        if stores.len() >= MOST {
            stores.remove(0);
        }
        stores.push(Entry { sources: sources.to_vec(), stamps: before, store: store.clone() });
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

    fn of(file: &CStr) -> Store {
        store(&[Source::File(file.into())]).unwrap()
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
        assert!(store(&[Source::File(file)]).is_err());
    }
}
