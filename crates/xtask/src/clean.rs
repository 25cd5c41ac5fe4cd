// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask clean`: removes what the devkit has made, and nothing else.

use std::fs;
use std::path::Path;

use lab::cache::{Cache, LOCKS};
use lab::context::Context;
use lab::error::{AtPath as _, Result};
use lab::lock::Lock;
use lab::sandbox;
use lab::ui::Step;

/// Removes this checkout's outputs and, with `cache`, what all checkouts share.
pub(crate) fn run(context: &Context, cache: bool) -> Result<()> {
    for dir in [
        context.paths.work(),
        context.paths.demo(),
        context.paths.test(),
        context.paths.bench(),
    ] {
        remove(&dir)?;
    }
    if cache {
        entries(&context.cache)?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        let step = Step::new(format!("removing {}", path.display()));
        sandbox::remove(path)?;
        step.ok();
    }
    Ok(())
}

/// Removes all entries, whole or not, but for those that somebody makes at this moment. RLOOP_CACHE may be a
/// directory with other things in it; an entry has a lock.
fn entries(cache: &Cache) -> Result<()> {
    let locks = cache.dir().join(LOCKS);
    if !locks.is_dir() {
        return Ok(());
    }
    for file in fs::read_dir(&locks).at(&locks)? {
        let file = file.at(&locks)?;
        let name = file.file_name().to_string_lossy().into_owned();
        let Some(_lock) = Lock::take(&file.path())? else {
            Step::new(name).end("left", "another cargo xtask works on it");
            continue;
        };
        for suffix in ["", ".partial", ".packages"] {
            remove(&cache.dir().join(format!("{name}{suffix}")))?;
        }
        sandbox::remove(&file.path())?;
    }
    // It is empty, unless somebody has a lock in it.
    let _ = fs::remove_dir(&locks);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab::cache::Making;

    #[test]
    fn entries_go_and_other_things_stay() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().to_path_buf());
        let made = cache.entry("a", Making::Anew, |_| Ok(())).unwrap();
        let busy = cache.entry("b", Making::Resumed, |_| Ok(())).unwrap();
        let other = dir.path().join("c");
        fs::write(&other, "").unwrap();
        let lock = Lock::wait(&cache.lock("b")).unwrap();
        entries(&cache).unwrap();
        assert!(!made.exists() && busy.exists() && other.exists());
        drop(lock);
        entries(&cache).unwrap();
        assert!(!busy.exists() && other.exists());
        assert!(!dir.path().join(LOCKS).exists());
    }
}
