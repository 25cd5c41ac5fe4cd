// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every step needs.

use crate::built::Built;
use crate::cache::Cache;
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::host;
use crate::paths::Paths;

/// What a step takes at most: a kernel's largest link, or a guest, in GiB.
const STEP_GIB: u64 = 3;
/// So many steps at a time are enough.
const SIDE_BY_SIDE: usize = 4;

/// Where everything is, and where it comes from.
pub struct Context {
    /// The directories.
    pub paths: Paths,
    /// What is kept between runs.
    pub cache: Cache,
    /// The Debian mirror, if the user named one.
    pub mirror: Option<String>,
    /// The drivers: kernels have what they need, and guests their modules.
    pub drivers: Vec<Driver>,
    /// What guests are given.
    pub(crate) built: Built,
}

impl Context {
    /// What works in `paths` with `drivers`.
    pub fn new(paths: Paths, mirror: Option<String>, drivers: Vec<Driver>) -> Result<Self> {
        // A wrong one is told at once, not only when something has to be fetched.
        if let Some(url) = &mirror {
            host::mirror(Some(url))?;
        }
        let cache = Cache::new(paths.cache.clone());
        Ok(Self {
            paths,
            cache,
            mirror,
            drivers,
            built: Built::default(),
        })
    }

    /// The driver that is called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::BadInput`] for a name that none has; `what` was it given for.
    pub fn driver(&self, what: &'static str, name: &str) -> Result<&Driver> {
        let found = self.drivers.iter().find(|driver| driver.name() == name);
        found.ok_or_else(|| {
            let names: Vec<String> = self.drivers.iter().map(Driver::name).collect();
            Error::BadInput {
                what,
                given: name.to_owned(),
                allowed: names.join(", "),
            }
        })
    }

    /// How many steps of the tests are run at a time: one for each processor and for each so many GiB of memory.
    pub fn side_by_side() -> usize {
        let memory = host::memory_gib().unwrap_or(0) / STEP_GIB;
        let memory = usize::try_from(memory).unwrap_or(1);
        Self::jobs().min(memory).clamp(1, SIDE_BY_SIDE)
    }

    /// For `make -j`.
    pub fn jobs() -> usize {
        std::thread::available_parallelism().map_or(2, usize::from)
    }
}
