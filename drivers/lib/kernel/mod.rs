// SPDX-License-Identifier: GPL-2.0-only

//! Abstractions that the kernel crate lacks, or has in a shape that does not serve. Nothing in here
//! knows a driver.

#[cfg(lib_block)]
pub(crate) mod block;
#[cfg(lib_chardev)]
pub(crate) mod chardev;
#[cfg(CONFIG_CONFIGFS_FS)]
pub(crate) mod configfs;
pub(crate) mod debugfs;
#[cfg(CONFIG_ARM)]
mod decimal;
pub(crate) mod fault_files;
#[cfg(lib_fifo)]
pub(crate) mod fifo;
#[cfg(lib_instances)]
pub(crate) mod instances;
#[cfg(lib_fifo)]
pub(crate) mod iov;
pub(crate) mod loading;
pub(crate) mod lock;
pub(crate) mod lockless;
pub(crate) mod log;
#[cfg(lib_net)]
pub(crate) mod net;
#[cfg(lib_parameters)]
pub(crate) mod parameters;
pub(crate) mod parent;
#[cfg(all(lib_parport, CONFIG_PARPORT))]
pub(crate) mod parport;
#[cfg(lib_pci)]
pub(crate) mod pci;
pub(crate) mod plug;
pub(crate) mod quota;
pub(crate) mod time;
#[cfg(lib_virtio)]
pub(crate) mod virtio;
#[cfg(lib_chardev)]
pub(crate) mod wait;
pub(crate) mod work;
#[cfg(lib_virtio)]
pub(crate) mod worker;
#[cfg(CONFIG_CONFIGFS_FS)]
pub(crate) mod written;
