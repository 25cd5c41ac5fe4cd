// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every step needs.

use crate::cache::Cache;
use crate::error::Result;
use crate::host;
use crate::paths::Paths;

/// What a step takes at most: a kernel's largest link, or a guest, in GiB.
const STEP_GIB: u64 = 3;
/// So many steps at a time are enough.
const SIDE_BY_SIDE: usize = 4;

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

    /// How many steps of the tests are run at a time: one for each processor and for each so many GiB of memory.
    pub(crate) fn side_by_side() -> usize {
        let memory = host::memory_gib().unwrap_or(0) / STEP_GIB;
        let memory = usize::try_from(memory).unwrap_or(1);
        Self::jobs().min(memory).clamp(1, SIDE_BY_SIDE)
    }

    /// For `make -j`.
    pub(crate) fn jobs() -> usize {
        std::thread::available_parallelism().map_or(2, usize::from)
    }
}
