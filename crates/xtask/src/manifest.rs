// SPDX-License-Identifier: MIT OR Apache-2.0
//! The drivers, as their `drivers/NAME/manifest.toml` describe them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use lab::driver::Driver;
use lab::error::{AtPath as _, Error, Result};
use lab::paths::Paths;

/// What `manifest.toml` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    module: String,
    #[serde(default)]
    packages: Vec<String>,
}

/// A driver, and what is done with it.
pub(crate) struct Manifest {
    /// Its folder, module and needs.
    pub(crate) driver: Driver,
}

/// All drivers, by name: the folders of drivers/ that have a manifest.
///
/// # Errors
///
/// [`Error::BadFile`] for a manifest that can't be.
pub(crate) fn all(paths: &Paths) -> Result<Vec<Manifest>> {
    let drivers = paths.drivers();
    let mut dirs: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&drivers).at(&drivers)? {
        let dir = entry.at(&drivers)?.path();
        if dir.join("manifest.toml").is_file() {
            dirs.push(dir);
        }
    }
    dirs.sort();
    dirs.iter().map(|dir| read(dir)).collect()
}

fn read(dir: &Path) -> Result<Manifest> {
    let path = dir.join("manifest.toml");
    let text = fs::read_to_string(&path).at(&path)?;
    let file: File = toml::from_str(&text).map_err(|e| Error::BadFile {
        path: path.clone(),
        problem: e.to_string(),
    })?;
    let driver = Driver {
        dir: dir.to_path_buf(),
        module: file.module,
        packages: file.packages,
    };
    Ok(Manifest { driver })
}
