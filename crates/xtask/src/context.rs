// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every step needs.

use crate::cache::Cache;
use crate::error::Result;
use crate::host;
use crate::paths::Paths;

/// Where everything is, and where it comes from.
pub(crate) struct Context {
    /// The directories.
    pub(crate) paths: Paths,
    /// What is kept between runs.
    pub(crate) cache: Cache,
    /// The Debian mirror, if the user named one.
    pub(crate) mirror: Option<String>,
}

impl Context {
    /// Finds the directories.
    pub(crate) fn new(mirror: Option<String>) -> Result<Self> {
        let paths = Paths::find()?;
        // A wrong one is told at once, not only when something has to be fetched.
        if let Some(url) = &mirror {
            host::mirror(Some(url))?;
        }
        let cache = Cache::new(paths.cache.clone());
        Ok(Self {
            paths,
            cache,
            mirror,
        })
    }

    /// For `make -j`.
    pub(crate) fn jobs() -> usize {
        std::thread::available_parallelism().map_or(2, usize::from)
    }
}
