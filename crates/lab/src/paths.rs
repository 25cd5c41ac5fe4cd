// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where everything is.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{AtPath as _, Error, Result};

/// The directories that the devkit works in.
pub struct Paths {
    /// The checkout.
    pub repo: PathBuf,
    /// What is shared by all checkouts of one user.
    pub cache: PathBuf,
}

impl Paths {
    /// Finds them: the checkout from where this program was compiled, the cache
    /// from `RLOOP_CACHE`, `XDG_CACHE_HOME` or `HOME`.
    pub fn find() -> Result<Self> {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap_or(Path::new("/"))
            .to_path_buf();
        let cache = cache_of(|name| std::env::var_os(name))?;
        Ok(Self { repo, cache })
    }

    /// What is built from this checkout.
    pub fn work(&self) -> PathBuf {
        self.repo.join("target/xtask")
    }

    /// The log of one step, replaced each time.
    pub fn log(&self, name: &str) -> PathBuf {
        self.work().join("log").join(format!("{name}.log"))
    }

    /// Where `demo` leaves what it found.
    pub fn demo(&self) -> PathBuf {
        self.repo.join("target/demo")
    }

    /// Where `test` leaves what it found.
    pub fn test(&self) -> PathBuf {
        self.repo.join("target/test")
    }

    /// Where `bench` leaves what it found.
    pub fn bench(&self) -> PathBuf {
        self.repo.join("target/bench")
    }

    /// The drivers' folders.
    pub fn drivers(&self) -> PathBuf {
        self.repo.join("drivers")
    }

    /// What the drivers need of a kernel, what their checks want besides, and then what their guests have: `kernel.cfg`,
    /// `kernel-test.cfg` and `guest/kernel.cfg` in each directory of `drivers`, by name.
    pub fn driver_fragments(&self) -> Result<Vec<PathBuf>> {
        let drivers = self.drivers();
        let (mut fragments, mut of_guests) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&drivers).at(&drivers)? {
            let dir = entry.at(&drivers)?.path();
            fragments.extend(["kernel.cfg", "kernel-test.cfg"].map(|name| dir.join(name)));
            of_guests.push(dir.join("guest/kernel.cfg"));
        }
        for list in [&mut fragments, &mut of_guests] {
            list.retain(|fragment| fragment.is_file());
            list.sort();
        }
        fragments.append(&mut of_guests);
        Ok(fragments)
    }

    /// A part of the kernel's configuration that the Yocto layer uses as well. It lies in the layer,
    /// which has to be whole where it is copied out of the repository.
    pub fn shared_fragment(&self, name: &str) -> PathBuf {
        self.layer()
            .join("recipes-kernel/linux/linux-yocto/rloop-kmeta")
            .join(name)
    }

    /// The Yocto layer.
    pub fn layer(&self) -> PathBuf {
        self.repo.join("meta-rloop")
    }
}

/// Where the cache is by the variables of the environment: a directory, or a place for one.
fn cache_of(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let places = [
        ("RLOOP_CACHE", ""),
        ("XDG_CACHE_HOME", "rloop"),
        ("HOME", ".cache/rloop"),
    ];
    let set = places.iter().find_map(|(name, below)| {
        let value = variable(name).filter(|value| !value.is_empty())?;
        Some((*name, PathBuf::from(value), *below))
    });
    let Some((what, dir, below)) = set else {
        return Err(Error::Missing {
            what: "a place for the cache".into(),
            how: "set RLOOP_CACHE to a directory".into(),
        });
    };
    let there = dir.ancestors().find(|dir| dir.symlink_metadata().is_ok());
    if !dir.is_absolute() || !there.is_some_and(Path::is_dir) {
        return Err(Error::BadInput {
            what,
            given: dir.display().to_string(),
            allowed: "the absolute path of a directory, which need not be there yet".into(),
        });
    }
    // Joining "" would add a slash.
    Ok(match below {
        "" => dir,
        below => dir.join(below),
    })
}

/// Copies a file, or a directory's files and directories; links are left out.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(name: &str, value: &str) -> std::result::Result<PathBuf, String> {
        cache_of(|asked| (asked == name).then(|| value.into())).map_err(|e| e.to_string())
    }

    #[test]
    fn the_cache_is_where_a_variable_says() {
        assert_eq!(cache("RLOOP_CACHE", "/x/y"), Ok("/x/y".into()));
        assert_eq!(cache("XDG_CACHE_HOME", "/x"), Ok("/x/rloop".into()));
        assert_eq!(cache("HOME", "/x"), Ok("/x/.cache/rloop".into()));
        assert!(cache("RLOOP_CACHE", "").unwrap_err().contains("is missing"));
    }

    #[test]
    fn fragments_of_guests_come_last() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            "b/guest/kernel.cfg",
            "b/kernel.cfg",
            "a/kernel-test.cfg",
            "a/kernel.cfg",
            "c/guest/kernel.cfg",
            "c/Kbuild",
        ];
        for file in files {
            let path = dir.path().join("drivers").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let paths = Paths {
            repo: dir.path().to_owned(),
            cache: PathBuf::new(),
        };
        let found = paths.driver_fragments().unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|f| f.strip_prefix(paths.drivers()).unwrap())
            .collect();
        assert_eq!(
            found
                .iter()
                .map(|f| f.to_str().unwrap())
                .collect::<Vec<_>>(),
            [
                "a/kernel-test.cfg",
                "a/kernel.cfg",
                "b/kernel.cfg",
                "b/guest/kernel.cfg",
                "c/guest/kernel.cfg"
            ]
        );
    }

    #[test]
    fn a_place_that_can_t_be_is_told_with_its_variable() {
        for bad in ["x", "/dev/null", "/dev/null/x"] {
            assert_eq!(
                cache("XDG_CACHE_HOME", bad).unwrap_err(),
                format!(
                    "XDG_CACHE_HOME: `{bad}` can't be used; allowed: the absolute path of a directory, \
                     which need not be there yet"
                )
            );
        }
    }
}
