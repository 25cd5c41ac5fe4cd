// SPDX-License-Identifier: GPL-2.0-only

//! Modules that are being loaded.
//!
//! Where that fails the kernel frees a module at once, whoever uses it. So what programs can reach comes last, when nothing
//! can fail any more; where there is more than one such thing, those who have reached the first are waited for, for as long
//! as they keep it open. (Without `CONFIG_MODULE_UNLOAD`, which the drivers' `kernel.cfg` asks for, nobody counts them.)

use kernel::prelude::*;

use crate::lib::bindings;

/// Whether `module`, which is this one, is still being loaded. Any context.
pub(crate) fn is_coming(module: &ThisModule) -> bool {
    // SAFETY: This module is there as long as its code runs.
    unsafe { bindings::rloop_module_is_coming(module.as_ptr().cast_const().cast()) }
}

/// Does what loads `module`, which is this one, by `load`. Where that fails all that it has made has gone by then, and
/// those are waited for who had reached it: programs that have files open, of which each call fails. May sleep.
///
/// # Errors
///
/// As `load`.
pub(crate) fn load<T>(module: &ThisModule, load: impl FnOnce() -> Result<T>) -> Result<T> {
    load().inspect_err(|_| {
        // SAFETY: This module is there as long as its code runs, and is being loaded by this thread.
        unsafe { bindings::rloop_module_wait(module.as_ptr().cast()) };
    })
}
