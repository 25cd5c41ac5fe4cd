// SPDX-License-Identifier: MIT OR Apache-2.0
//! Locks that keep two runs of the devkit out of one directory, for as long as anything works in it.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};

use crate::error::{AtPath as _, Error, Result};
use crate::exec;

/// How often a lock that somebody else holds is tried again.
const POLL: Duration = Duration::from_millis(200);

/// The least descriptor of a lock. A shell redirects to those of one digit only, and mmdebstrap has one do that with
/// the next that is free.
const DESCRIPTOR: i32 = 100;

/// A lock on a file, which says whose it is while it is held.
///
/// Programs that are started meanwhile inherit it. So where this process is killed, the lock is held until
/// they have gone, too; and the file then still says whose it was: what they were writing may be half of it.
pub struct Lock {
    file: File,
    after_kill: bool,
}

impl Lock {
    /// The lock on the file `path`, which is made if there is none; says so when it has to wait.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`], and [`Error::Io`] where the file can't be made.
    pub fn wait(path: &Path) -> Result<Self> {
        let mut told = false;
        loop {
            if exec::interrupted() {
                return Err(Error::Interrupted);
            }
            if let Some(lock) = Self::take(path)? {
                return Ok(lock);
            }
            let holder = fs::read_to_string(path).unwrap_or_default();
            // Another thread of this process has a step of its own that tells what it does.
            if !told && holder != ours() {
                told = true;
                eprintln!(
                    "  wait  cargo xtask (process {}), or what it has started, holds {}",
                    holder.trim(),
                    path.display()
                );
            }
            std::thread::sleep(POLL);
        }
    }

    /// The same, without waiting: none if somebody else has it.
    pub fn take(path: &Path) -> Result<Option<Self>> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).at(dir)?;
        }
        loop {
            let file = File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(path)
                .at(path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
                Err(e) => return Err(e.into()).at(path),
            }
            // Who had it before may have removed the file, and somebody else made another.
            let same = |now: fs::Metadata| Ok(now.ino() == file.metadata()?.ino());
            if !fs::metadata(path).and_then(same).unwrap_or(false) {
                continue;
            }
            let inherited = || {
                let file = fcntl_dupfd_cloexec(&file, DESCRIPTOR)?;
                fcntl_setfd(&file, FdFlags::empty())?;
                std::io::Result::Ok(File::from(file))
            };
            let mut file = inherited().at(path)?;
            let mut last = String::new();
            file.read_to_string(&mut last).at(path)?;
            file.set_len(0).at(path)?;
            file.rewind().at(path)?;
            file.write_all(ours().as_bytes()).at(path)?;
            exec::killed();
            return Ok(Some(Self {
                file,
                after_kill: !last.is_empty(),
            }));
        }
    }

    /// Whether the one before was killed at its work.
    pub fn after_kill(&self) -> bool {
        self.after_kill
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Where a program was killed, it is as if we were.
        if !exec::killed() {
            // All that is lost with an error is that the next one is more careful than it need be.
            let _ = self.file.set_len(0);
            // Closing the file would not do: what another thread has started has it open, too.
            let _ = flock(&self.file, FlockOperation::Unlock);
        }
    }
}

/// What the file of a lock says that this process holds.
fn ours() -> String {
    format!("{}\n", std::process::id())
}

/// The path of the lock on what is made in the directory `dir`.
pub fn beside(dir: &Path) -> PathBuf {
    let mut path = dir.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

/// Runs `work` while holding the lock on the file `path`.
pub fn with_lock<T>(path: &Path, work: impl FnOnce(&Lock) -> Result<T>) -> Result<T> {
    let lock = Lock::wait(path)?;
    work(&lock)
}

#[cfg(test)]
mod tests {
    use std::io::BufRead as _;
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;
    use crate::exec::Cmd;
    use crate::sandbox;

    /// Where a process that is to be killed finds the path of the lock.
    const PATH: &str = "RLOOP_TEST_LOCK";

    /// In a process that [`hold`] has started: runs a program under the lock, says its number, and stays.
    fn hold_if_asked(mut program: Cmd) {
        let Some(path) = std::env::var_os(PATH).map(PathBuf::from) else {
            return;
        };
        let log = path.with_extension("log");
        let _lock = Lock::wait(&path).unwrap();
        program.args(["-c", "sleep 1000 & echo $!; wait"]);
        let mut running = program.start(&log).unwrap();
        while exec::tail(&log).is_empty() {
            running.poll().unwrap();
        }
        println!("\nsleep {}", exec::tail(&log));
        while running.poll().unwrap().is_none() {}
        panic!("{}", exec::tail(&log));
    }

    /// Runs `test` in another process, which holds the lock; and the number of what that has started.
    #[allow(
        clippy::zombie_processes,
        reason = "whoever calls this kills it and waits"
    )]
    fn hold(test: &str, path: &Path) -> (Child, i32) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("lock::tests::{test}"), "--nocapture"])
            .env(PATH, path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = std::io::BufReader::new(child.stdout.take().unwrap());
        let number = output
            .lines()
            .map_while(std::result::Result::ok)
            .find_map(|line| line.strip_prefix("sleep ")?.parse().ok());
        (child, number.expect("the program has not started"))
    }

    fn kill(mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn path() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        (dir, path)
    }

    #[test]
    fn a_lock_lives_as_long_as_the_work() {
        hold_if_asked(Cmd::new("test", "sh"));
        let (_dir, path) = path();
        let (child, sleep) = hold("a_lock_lives_as_long_as_the_work", &path);
        assert!(Lock::take(&path).unwrap().is_none());
        kill(child);
        assert!(Lock::take(&path).unwrap().is_none());
        kill_process(Pid::from_raw(sleep).unwrap(), Signal::KILL).unwrap();
        let lock = Lock::wait(&path).unwrap();
        assert!(lock.after_kill());
        drop(lock);
        assert!(!Lock::wait(&path).unwrap().after_kill());
    }

    #[test]
    fn what_is_in_the_sandbox_ends_with_us() {
        let mut cmd = sandbox::command("test");
        cmd.arg("sh");
        hold_if_asked(cmd);
        let (_dir, path) = path();
        let (child, _) = hold("what_is_in_the_sandbox_ends_with_us", &path);
        assert!(Lock::take(&path).unwrap().is_none());
        kill(child);
        // All of it has inherited the lock.
        let end = Instant::now() + Duration::from_secs(20);
        while Lock::take(&path).unwrap().is_none() {
            assert!(Instant::now() < end, "something is left");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[test]
    fn a_lock_ends_though_another_program_has_inherited_it() {
        let (_dir, path) = path();
        let lock = Lock::wait(&path).unwrap();
        let mut sleep = Command::new("sleep").arg("1000").spawn().unwrap();
        drop(lock);
        let free = Lock::take(&path).unwrap();
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        assert!(!free.expect("it is held").after_kill());
    }

    #[test]
    fn locks_leave_a_program_the_descriptors_of_one_digit() {
        let dir = tempfile::tempdir().unwrap();
        let locks: Vec<Lock> = (0..8)
            .map(|n| Lock::wait(&dir.path().join(format!("lock{n}"))).unwrap())
            .collect();
        let seen = Command::new("sh")
            .args(["-c", "ls -l /proc/self/fd"])
            .output()
            .unwrap();
        let seen = String::from_utf8(seen.stdout).unwrap();
        // Tests beside this one have locks, too.
        let dir = dir.path().to_str().unwrap();
        let ours: Vec<&str> = (seen.lines().filter(|line| line.contains(dir))).collect();
        let number = |line: &str| -> Option<i32> {
            line.split_once(" -> ")?.0.rsplit_once(' ')?.1.parse().ok()
        };
        assert_eq!(ours.len(), locks.len(), "{seen}");
        for line in ours {
            assert!(number(line) > Some(9), "{line}");
        }
    }

    #[test]
    fn who_waits_for_a_file_that_is_removed_has_the_one_after_it() {
        let (_dir, path) = path();
        let first = Lock::wait(&path).unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| Lock::wait(&path).unwrap());
            std::thread::sleep(POLL);
            fs::remove_file(&path).unwrap();
            drop(first);
            let second = waiter.join().unwrap();
            assert!(Lock::take(&path).unwrap().is_none());
            drop(second);
        });
    }
}
