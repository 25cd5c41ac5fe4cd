// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand, for testing the programs above: `/sys/kernel/debug/circbuf/NODE/`.
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `unplug` | `1` | takes the buffer away, as a device that is pulled out; it does not come back |
//! | `drop` | bytes | the next so many bytes that are written get lost |
//! | `double` | bytes | the next so many bytes arrive twice |
//! | `flip` | bytes | the next so many bytes arrive with one bit inverted |
//! | `freeze` | `1`, `0` | nothing moves, or all goes on |

use kernel::c_str;
use kernel::debugfs::{Dir, File};
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::instance::Plug;
use crate::lib::kernel::debugfs::number;

/// The files of one buffer; they go when this value does.
pub(crate) struct Faults {
    _dir: Dir,
    _files: KVec<Pin<KBox<File<Arc<Plug>>>>>,
}

impl Faults {
    /// Makes the files of a buffer in `dir`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. Where debugfs is off, nothing is made.
    pub(crate) fn new(dir: Dir, plug: &Arc<Plug>) -> Result<Self> {
        let mut files = KVec::new();
        // Each callback is of a type of its own, so there is no loop over them.
        macro_rules! file {
            ($name:literal, $write:expr) => {
                let file = dir.write_callback_file(c_str!($name), plug.clone(), $write);
                files.push(KBox::pin_init(file, GFP_KERNEL)?, GFP_KERNEL)?;
            };
        }
        file!("drop", &drop_bytes);
        file!("double", &double_bytes);
        file!("flip", &flip_bytes);
        file!("freeze", &freeze);
        file!("unplug", &unplug);
        Ok(Self {
            _dir: dir,
            _files: files,
        })
    }
}

fn drop_bytes(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    let bytes = number("drop", written, u32::MAX)?;
    plug.buffer.set_faults(|faults| faults.drop = bytes.into());
    Ok(())
}

fn double_bytes(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    // A byte that arrives twice needs room for both.
    let most = match plug.buffer.rules().capacity {
        1 => 0,
        _ => u32::MAX,
    };
    let bytes = number("double", written, most)?;
    plug.buffer
        .set_faults(|faults| faults.double = bytes.into());
    Ok(())
}

fn flip_bytes(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    let bytes = number("flip", written, u32::MAX)?;
    plug.buffer.set_faults(|faults| faults.flip = bytes.into());
    Ok(())
}

fn freeze(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    plug.buffer.freeze(number("freeze", written, 1)? == 1);
    Ok(())
}

fn unplug(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    number("unplug", written, 1).and_then(|one| (one == 1).then_some(()).ok_or(EINVAL))?;
    plug.pull();
    Ok(())
}
