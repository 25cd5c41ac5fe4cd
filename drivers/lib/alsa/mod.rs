// SPDX-License-Identifier: GPL-2.0-only

//! Safe abstractions over the ALSA core. Nothing in here knows a driver.
//!
//! The names follow the experimental Rust sound abstractions (`sound::{card, pcm, control, info}`),
//! the shape that of `kernel::miscdevice`: a trait, a constant table of operations, and one
//! documented trampoline for each operation.
//!
//! C headers: `include/sound/core.h`, `include/sound/control.h`, `include/sound/pcm.h`,
//! `include/sound/info.h`, `include/sound/timer.h`.

pub(crate) mod buffer;
pub(crate) mod card;
pub(crate) mod cards;
pub(crate) mod control;
#[cfg(CONFIG_CONFIGFS_FS)]
mod directories;
pub(crate) mod hardware;
pub(crate) mod notifier;
pub(crate) mod pcm;
pub(crate) mod period_timer;
pub(crate) mod proc;
pub(crate) mod rules;
pub(crate) mod stream;
pub(crate) mod timer;
mod trace;
