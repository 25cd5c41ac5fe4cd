// SPDX-License-Identifier: GPL-2.0-only

//! Safe abstractions over the ALSA core. Nothing in here knows what a loopback is.
//!
//! All of the module's `unsafe` is in here and in `crate::configfs`. The names follow the experimental Rust sound
//! abstractions (`sound::{card, pcm, control, info}`), the shape that of `kernel::miscdevice`: a
//! trait, a constant table of operations, and one documented trampoline for each operation.
//!
//! C headers: `include/sound/core.h`, `include/sound/control.h`, `include/sound/pcm.h`,
//! `include/sound/info.h`, `include/sound/timer.h`.

pub(crate) mod bindings;
pub(crate) mod buffer;
pub(crate) mod card;
pub(crate) mod control;
pub(crate) mod hardware;
pub(crate) mod info;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod notifier;
pub(crate) mod parameters;
pub(crate) mod parent;
pub(crate) mod pcm;
pub(crate) mod period_timer;
pub(crate) mod quota;
pub(crate) mod rules;
pub(crate) mod setting;
pub(crate) mod stream;
pub(crate) mod timer;
pub(crate) mod work;

/// The length of a kernel tick in nanoseconds.
pub(crate) const JIFFY: u64 = 1_000_000_000 / bindings::rloop_constant_RLOOP_HZ as u64;

/// The time of `CLOCK_MONOTONIC` in nanoseconds.
pub(crate) fn now() -> u64 {
    // SAFETY: `ktime_get` may be called from any context once timekeeping runs, which it does
    // before modules can be loaded.
    let now = unsafe { bindings::ktime_get() };
    u64::try_from(now).unwrap_or(0)
}
