// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is built once and used by every run after.
//!
//! An entry is a directory whose name ends in a hash of all that went into it.
//! It counts only when complete: it is made under another name and renamed, or
//! (where a build can go on from where it was stopped) stamped at its end.

use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::error::{AtPath as _, Error, Result};
use crate::lock::Lock;
use crate::sandbox;
use crate::ui::Step;

/// The file that says that a resumable entry is complete.
const STAMP: &str = ".rloop-complete";

/// The directory of the locks on entries.
const LOCKS: &str = "locks";

/// Collects what an entry depends on.
#[derive(Default)]
pub struct Key(Sha256);

impl Key {
    /// Adds an input. Lengths are hashed too: "ab","c" isn't "a","bc".
    pub fn with(mut self, input: impl AsRef<[u8]>) -> Self {
        let input = input.as_ref();
        self.0.update(input.len().to_le_bytes());
        self.0.update(input);
        self
    }

    /// Adds a file's content.
    pub fn with_file(self, path: &Path) -> Result<Self> {
        Ok(self.with(fs::read(path).at(path)?))
    }

    /// The hash, as long as a name needs it.
    pub fn hex(self) -> String {
        let mut text = String::new();
        for byte in self.0.finalize().iter().take(6) {
            text.push_str(&format!("{byte:02x}"));
        }
        text
    }
}

/// How an entry is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// From nothing, in a directory that is renamed when it is complete.
    Anew,
    /// In place; what an interrupted run has left is gone on with. For builds under the kernel's `make`, which
    /// knows itself what is left to do: beside a file that it has not finished, there is not yet the command.
    Resumed,
}

/// The cache's directory.
pub struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// A cache in `dir`, which need not exist yet.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path of a complete entry, if there is one.
    pub fn look(&self, name: &str, making: Making) -> Option<PathBuf> {
        let path = self.dir.join(name);
        let sign = match making {
            Making::Anew => path.clone(),
            Making::Resumed => path.join(STAMP),
        };
        sign.exists().then_some(path)
    }

    /// The file of the lock on the entry `name`.
    pub fn lock(&self, name: &str) -> PathBuf {
        self.dir.join(LOCKS).join(name)
    }

    /// The entry `name`; made by `make`, which gets the directory to fill,
    /// unless it is there. Other runs that want the same entry wait for this one.
    pub fn entry(
        &self,
        name: &str,
        making: Making,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        // Before it is looked for: what is in use is not dropped.
        self.touch(name);
        if let Some(path) = self.look(name, making) {
            return Ok(path);
        }
        let _lock = Lock::wait(&self.lock(name)).map_err(|e| match e {
            e @ Error::Io { .. } => Error::Without {
                what: "cache".into(),
                why: format!("{e}; RLOOP_CACHE names another place"),
            },
            e => e,
        })?;
        // Somebody else may have made it while we waited for the lock.
        if let Some(path) = self.look(name, making) {
            return Ok(path);
        }
        let path = self.dir.join(name);
        let at = match making {
            Making::Anew => self.dir.join(format!("{name}.partial")),
            Making::Resumed => path.clone(),
        };
        if making == Making::Anew {
            sandbox::remove(&at)?;
        }
        fs::create_dir_all(&at).at(&at)?;
        match make(&at) {
            Ok(()) => {}
            Err(e) => {
                if making == Making::Anew {
                    // The error that matters is the first one.
                    let _ = sandbox::remove(&at);
                }
                return Err(e);
            }
        }
        match making {
            Making::Anew => fs::rename(&at, &path).at(&path)?,
            Making::Resumed => {
                let stamp = path.join(STAMP);
                fs::write(&stamp, "").at(&stamp)?;
            }
        }
        Ok(path)
    }
}

/// What nothing has used for so long is dropped.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

impl Cache {
    /// Notes that the entry `name` is used now, by the time of the file of its lock. One that can't be touched is
    /// made anew sooner than it need be.
    fn touch(&self, name: &str) {
        let file = File::options().append(true).open(self.lock(name));
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Removes the entries that nothing has used for 30 days.
    pub fn drop_unused(&self) -> Result<()> {
        let now = SystemTime::now();
        self.remove(|lock| {
            let age = lock
                .modified()
                .ok()
                .and_then(|t| now.duration_since(t).ok());
            age.is_some_and(|age| age > UNUSED)
        })
    }

    /// Removes those entries, whole or not, of whose lock's file `which` is true, but for those that somebody makes at
    /// this moment. RLOOP_CACHE may be a directory with other things in it; an entry has a lock.
    pub fn remove(&self, which: impl Fn(&Metadata) -> bool) -> Result<()> {
        let locks = self.dir.join(LOCKS);
        if !locks.is_dir() {
            return Ok(());
        }
        for file in fs::read_dir(&locks).at(&locks)? {
            let file = file.at(&locks)?;
            if !file.metadata().is_ok_and(|lock| which(&lock)) {
                continue;
            }
            let name = file.file_name().to_string_lossy().into_owned();
            let Some(_lock) = Lock::take(&file.path())? else {
                Step::new(name).end("left", "another cargo xtask works on it");
                continue;
            };
            for suffix in ["", ".partial", ".packages"] {
                sandbox::remove_told(&self.dir.join(format!("{name}{suffix}")))?;
            }
            sandbox::remove(&file.path())?;
        }
        // It is empty, unless there is a lock in it.
        let _ = fs::remove_dir(&locks);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_inputs_apart() {
        let a = Key::default().with("ab").with("c").hex();
        let b = Key::default().with("a").with("bc").hex();
        assert_ne!(a, b);
        assert_eq!(a.len(), 12);
    }

    #[test]
    fn a_failed_entry_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().to_path_buf());
        let failed = cache.entry("e", Making::Anew, |at| {
            fs::write(at.join("half"), "").unwrap();
            Err(Error::Interrupted)
        });
        assert!(failed.is_err());
        assert!(cache.look("e", Making::Anew).is_none());
        assert!(!dir.path().join("e.partial").exists());
    }

    #[test]
    fn a_resumed_entry_is_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().to_path_buf());
        let failed = cache.entry("e", Making::Resumed, |at| {
            fs::write(at.join("half"), "").unwrap();
            Err(Error::Interrupted)
        });
        assert!(failed.is_err());
        assert!(cache.look("e", Making::Resumed).is_none());
        let path = cache
            .entry("e", Making::Resumed, |at| {
                assert!(at.join("half").exists());
                Ok(())
            })
            .unwrap();
        assert_eq!(cache.look("e", Making::Resumed), Some(path));
    }

    #[test]
    fn entries_go_and_other_things_stay() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().to_path_buf());
        let made = cache.entry("a", Making::Anew, |_| Ok(())).unwrap();
        let busy = cache.entry("b", Making::Resumed, |_| Ok(())).unwrap();
        let other = dir.path().join("c");
        fs::write(&other, "").unwrap();
        let lock = Lock::wait(&cache.lock("b")).unwrap();
        cache.remove(|_| true).unwrap();
        assert!(!made.exists() && busy.exists() && other.exists());
        drop(lock);
        cache.remove(|_| true).unwrap();
        assert!(!busy.exists() && other.exists());
        assert!(!dir.path().join(LOCKS).exists());
    }

    #[test]
    fn what_is_used_is_not_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().to_path_buf());
        let get = |name: &str| cache.entry(name, Making::Anew, |_| Ok(())).unwrap();
        let (used, unused) = (get("a"), get("b"));
        for name in ["a", "b"] {
            let lock = File::options().append(true).open(cache.lock(name)).unwrap();
            let long_ago = SystemTime::now() - UNUSED - Duration::from_secs(1);
            lock.set_modified(long_ago).unwrap();
        }
        get("a");
        cache.drop_unused().unwrap();
        assert!(used.exists() && !unused.exists());
    }

    #[test]
    fn a_complete_entry_is_not_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().to_path_buf());
        cache.entry("e", Making::Anew, |_| Ok(())).unwrap();
        cache
            .entry("e", Making::Anew, |_| panic!("made twice"))
            .unwrap();
    }
}
