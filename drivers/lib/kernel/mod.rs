// SPDX-License-Identifier: GPL-2.0-only

//! Abstractions that the kernel crate lacks, or has in a shape that does not serve. Nothing in here
//! knows a driver.

#[cfg(CONFIG_CONFIGFS_FS)]
pub(crate) mod configfs;
pub(crate) mod lock;
pub(crate) mod lockless;
pub(crate) mod log;
pub(crate) mod parent;
pub(crate) mod quota;
pub(crate) mod time;
pub(crate) mod work;
