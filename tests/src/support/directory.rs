//! Temporary directories.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

/// A new directory. It is removed when it is dropped.
pub struct Directory(PathBuf);

impl Default for Directory {
    fn default() -> Self {
        let name = format!("apideck-hooks-test-{:016x}", RandomState::new().hash_one(0));
        let path = std::env::temp_dir().join(name);
        // Fails if the directory exists, so that a test does not find files that a killed test
        // left.
        std::fs::create_dir(&path).expect("a directory");
        Directory(path)
    }
}

impl Directory {
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A file in a new directory, which is removed when the thread ends. A test has a thread of its
/// own.
pub fn file_of_this_thread(name: &str) -> PathBuf {
    thread_local! {
        static DIRECTORIES: RefCell<Vec<Directory>> = const { RefCell::new(Vec::new()) };
    }
    let directory = Directory::default();
    let file = directory.file(name);
    DIRECTORIES.with_borrow_mut(|directories| directories.push(directory));
    file
}
