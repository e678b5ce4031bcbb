//! One owner for each database file.
//!
//! # How it works
//!
//! On Linux the lock is `flock` on the database file itself. So every name of the file leads to the
//! same lock: a hard link, a symbolic link and a path in another mount. On a local file system
//! `flock` does not meet the locks that SQLite takes on the same file.
//!
//! SQLite's locks have a trap: when a process closes *any* descriptor of a file, it loses all of
//! them. So this process opens the descriptor for `flock` once for each file and keeps it in a
//! registry. The registry is asked by `stat` before a file is opened. A descriptor is closed only
//! after its file was deleted, because no other process can open that file any more. Dropping the
//! store ends the ownership, so the next store uses the same descriptor again.
//!
//! On other systems, and on other file systems if the user insists, the lock is on a file beside the
//! database with `.lock` appended. Two names of one file are then noticed in one process only.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Time to wait for an owner that is ending. A dropped store closes its file in the background.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// A file's identity under all of its names: its device and its inode.
#[cfg(unix)]
pub(super) type FileId = (u64, u64);
/// A file's identity: its canonical path, because there is no stable other one.
#[cfg(not(unix))]
pub(super) type FileId = PathBuf;

/// Returns the identity of the file that a path names now.
pub(super) fn file_id(path: &Path) -> io::Result<FileId> {
    #[cfg(unix)]
    return std::fs::metadata(path).map(|metadata| id_of(&metadata));
    #[cfg(not(unix))]
    return std::fs::canonicalize(path);
}

#[cfg(unix)]
fn id_of(metadata: &std::fs::Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// The files that this process owns or has owned.
static FILES: Mutex<BTreeMap<FileId, Slot>> = Mutex::new(BTreeMap::new());

#[derive(Default)]
struct Slot {
    owned: bool,
    /// The only descriptor of the file that this module has opened.
    file: Option<File>,
}

type Files = MutexGuard<'static, BTreeMap<FileId, Slot>>;

fn files() -> Files {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The ownership of a database file. Dropping it ends the ownership.
pub(super) struct Lock {
    id: FileId,
    /// The locked `.lock` file. `None` if the database file itself is locked.
    beside: Option<File>,
}

impl Lock {
    /// Locks a database file, and creates it if it is missing. On failure returns the reason.
    pub(super) async fn acquire(database: &Path, any_file_system: bool) -> Result<Self, String> {
        let last = Instant::now() + PATIENCE;
        loop {
            match Self::try_acquire(database, any_file_system)? {
                Some(lock) => return Ok(lock),
                None if Instant::now() < last => sleep(PAUSE).await,
                None => return Err(refusal(database)),
            }
        }
    }

    pub(super) fn id(&self) -> &FileId {
        &self.id
    }

    fn try_acquire(database: &Path, any_file_system: bool) -> Result<Option<Self>, String> {
        let mut files = files();
        forget_deleted(&mut files);
        let id = find_or_create(&mut files, database)?;
        let owned = files.get(&id).is_some_and(|slot| slot.owned);
        if owned || !open_once(&mut files, database, &id)? {
            return Ok(None);
        }
        let slot = files.entry(id.clone()).or_default();
        let locked = match &slot.file {
            Some(file) if is_local(file, database, any_file_system)? => file.try_lock().map(|()| None),
            _ => {
                let file = open_beside(database)?;
                file.try_lock().map(|()| Some(file))
            }
        };
        match locked {
            Ok(beside) => {
                slot.owned = true;
                Ok(Some(Self { id, beside }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(database, &error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut files = files();
        let Some(slot) = files.get_mut(&self.id) else {
            return;
        };
        slot.owned = false;
        if self.beside.is_none()
            && let Some(file) = &slot.file
        {
            // If it fails, the process keeps the file until it ends.
            let _ = file.unlock();
        }
    }
}

/// Finds the file of a path without opening it, or creates it.
fn find_or_create(files: &mut Files, database: &Path) -> Result<FileId, String> {
    match file_id(database) {
        Ok(id) => return Ok(id),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(database, &error)),
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    // For its owner alone, because dead letters may hold credentials. SQLite gives the files beside
    // it the same mode.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let created = options
        .open(database)
        .and_then(|file| Ok((file_id(database)?, file)));
    let (id, file) = created.map_err(|error| {
        format!(
            "{} cannot be created: {error}; this process must be able to write the directory of the database",
            database.display()
        )
    })?;
    // Kept, because another connection of this process can have opened it already.
    let slot = Slot {
        owned: false,
        file: Some(file),
    };
    files.insert(id.clone(), slot);
    Ok(id)
}

/// Opens the descriptor of a file if there is none yet. Returns `false` if another file has taken
/// the name meanwhile.
#[cfg(target_os = "linux")]
fn open_once(files: &mut Files, database: &Path, id: &FileId) -> Result<bool, String> {
    if files.get(id).is_some_and(|slot| slot.file.is_some()) {
        return Ok(true);
    }
    let opened = File::open(database).and_then(|file| Ok((id_of(&file.metadata()?), file)));
    let (opened, file) = opened.map_err(|error| failed(database, &error))?;
    let slot = files.entry(opened).or_default();
    if slot.file.is_some() {
        // Not closed, because this can be the file of another store.
        std::mem::forget(file);
    } else {
        slot.file = Some(file);
    }
    Ok(opened == *id)
}

#[cfg(not(target_os = "linux"))]
fn open_once(_: &mut Files, _: &Path, _: &FileId) -> Result<bool, String> {
    Ok(true)
}

/// Tells if the database file itself is to be locked.
#[cfg(target_os = "linux")]
fn is_local(file: &File, database: &Path, any_file_system: bool) -> Result<bool, String> {
    match super::file_system::check_local(file) {
        Ok(()) => Ok(true),
        Err(_) if any_file_system => Ok(false),
        Err(name) => Err(format!(
            "{} is on the file system `{name}`, on which SQLite's locks may not work; keep it on a local disk, \
             or insist with `any_file_system`",
            database.display()
        )),
    }
}

#[cfg(not(target_os = "linux"))]
fn is_local(_: &File, _: &Path, _: bool) -> Result<bool, String> {
    Ok(false)
}

fn failed(database: &Path, error: &io::Error) -> String {
    format!("{} cannot be opened: {error}", database.display())
}

/// Closes the descriptors of files that were deleted, so that the disk gets their room back.
fn forget_deleted(files: &mut Files) {
    #[cfg(unix)]
    files.retain(|_, slot| {
        use std::os::unix::fs::MetadataExt;
        let links = slot.file.as_ref().and_then(|file| file.metadata().ok());
        slot.owned || links.is_none_or(|metadata| metadata.nlink() > 0)
    });
}

fn open_beside(database: &Path) -> Result<File, String> {
    let path = with_suffix(database, ".lock");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(&path).map_err(|error| {
        format!(
            "{} cannot be opened: {error}; this process must be able to write the directory of the database",
            path.display()
        )
    })
}

/// The path of a file beside the database.
pub(super) fn with_suffix(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn refusal(database: &Path) -> String {
    let owner = owner(database).map_or_else(|| "another process".to_owned(), |id| format!("process {id}"));
    format!(
        "{} is open in {owner}: one store at a time can have it; end that one, or give each its own file",
        database.display()
    )
}

/// The process that owns the file, as far as it can be found.
fn owner(database: &Path) -> Option<u32> {
    let id = file_id(database).ok()?;
    if files().get(&id).is_some_and(|slot| slot.owned) {
        return Some(std::process::id());
    }
    #[cfg(target_os = "linux")]
    return owner_in(&std::fs::read_to_string("/proc/locks").ok()?, id);
    #[cfg(not(target_os = "linux"))]
    None
}

/// Finds the process with `flock` on a file in lines such as
/// `1: FLOCK  ADVISORY  WRITE 11384 fe:00:10035667 0 EOF`.
#[cfg(target_os = "linux")]
fn owner_in(locks: &str, (device, inode): FileId) -> Option<u32> {
    let major = (device >> 8 & 0xfff) | (device >> 32 & !0xfff);
    let minor = (device & 0xff) | (device >> 12 & !0xff);
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let found = fields.get(1) == Some(&"FLOCK") && fields.get(5) == Some(&&*file);
        found.then(|| fields[4].parse().ok())?
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_found_among_the_locks() {
        const LOCKS: &str = "\
1: POSIX  ADVISORY  WRITE 1 fe:00:7 0 EOF
2: FLOCK  ADVISORY  WRITE 2 fe:01:7 0 EOF
3: FLOCK  ADVISORY  WRITE 3 fe:00:7 0 EOF";
        assert_eq!(owner_in(LOCKS, (0xfe00, 7)), Some(3));
        assert_eq!(owner_in(LOCKS, (0xfe00, 8)), None);
    }
}
