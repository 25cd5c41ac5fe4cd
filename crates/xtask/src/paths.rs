// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where everything is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{AtPath as _, Error, Result};

/// The directories that the devkit works in.
pub(crate) struct Paths {
    /// The checkout.
    pub(crate) repo: PathBuf,
    /// What is shared by all checkouts of one user.
    pub(crate) cache: PathBuf,
}

impl Paths {
    /// Finds them: the checkout from where this program was compiled, the cache
    /// from `RLOOP_CACHE`, `XDG_CACHE_HOME` or `HOME`.
    pub(crate) fn find() -> Result<Self> {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap_or(Path::new("/"))
            .to_path_buf();
        let var = |name| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let cache = var("RLOOP_CACHE")
            .or_else(|| var("XDG_CACHE_HOME").map(|dir| dir.join("rloop")))
            .or_else(|| var("HOME").map(|dir| dir.join(".cache/rloop")))
            .ok_or_else(|| Error::Missing {
                what: "a place for the cache".into(),
                how: "set RLOOP_CACHE to a directory".into(),
            })?;
        if !cache.is_absolute() {
            return Err(Error::BadInput {
                what: "RLOOP_CACHE",
                given: cache.display().to_string(),
                allowed: "an absolute path".into(),
            });
        }
        Ok(Self { repo, cache })
    }

    /// What is built from this checkout.
    pub(crate) fn work(&self) -> PathBuf {
        self.repo.join("target/xtask")
    }

    /// The log of one step, replaced each time.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.work().join("log").join(format!("{name}.log"))
    }

    /// Where `demo` leaves what it found.
    pub(crate) fn demo(&self) -> PathBuf {
        self.repo.join("target/demo")
    }

    /// Where `test` leaves what it found.
    pub(crate) fn test(&self) -> PathBuf {
        self.repo.join("target/test")
    }

    /// Where `bench` leaves what it found.
    pub(crate) fn bench(&self) -> PathBuf {
        self.repo.join("target/bench")
    }

    /// The driver's sources.
    pub(crate) fn driver(&self) -> PathBuf {
        self.repo.join("drivers/snd-rloop")
    }

    /// A part of the kernel's configuration that the Yocto layer uses as well. It lies in the layer,
    /// which has to be whole where it is copied out of the repository.
    pub(crate) fn shared_fragment(&self, name: &str) -> PathBuf {
        self.layer()
            .join("recipes-kernel/linux/linux-yocto")
            .join(name)
    }

    /// The Yocto layer.
    pub(crate) fn layer(&self) -> PathBuf {
        self.repo.join("meta-rloop")
    }
}

/// Copies a file, or a directory's files and directories; links are left out.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        return fs::copy(from, to).map(drop).at(from);
    }
    fs::create_dir_all(to).at(to)?;
    for entry in fs::read_dir(from).at(from)? {
        let entry = entry.at(from)?;
        if !entry.file_type().at(from)?.is_symlink() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
