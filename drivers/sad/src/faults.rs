// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand, for testing the programs above: `/sys/kernel/debug/sad/NODE/`.
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `unplug` | `1` | takes the device away, as one that is pulled out; it does not come back |
//! | `drop` | samples | the next so many samples get lost |
//! | `double` | samples | the next so many samples leave twice |
//! | `flip` | samples | the next so many samples leave with one bit inverted |
//! | `freeze` | `1`, `0` | the clock stands still, or goes on |
//! | `jitter` | microseconds | from now on ticks come up to so much late |

use kernel::c_str;
use kernel::debugfs::{Dir, File};
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::device::change;
use crate::instance::Plug;
use crate::lib::kernel::debugfs::number;
use crate::lib::model::faults::Faults as Pending;

/// The longest jitter in microseconds.
const JITTER_MAX: u32 = 1_000_000;

/// The files of one device; they go when this value does.
pub(crate) struct Faults {
    _dir: Dir,
    _files: KVec<Pin<KBox<File<Arc<Plug>>>>>,
}

impl Faults {
    /// Makes the files of a device in `dir`.
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
        file!("drop", &drop_samples);
        file!("double", &double_samples);
        file!("flip", &flip_samples);
        file!("freeze", &freeze);
        file!("jitter", &jitter);
        file!("unplug", &unplug);
        Ok(Self {
            _dir: dir,
            _files: files,
        })
    }
}

/// Changes what is to go wrong.
fn set(plug: &Plug, set: impl FnOnce(&mut Pending)) -> Result {
    change(&plug.timers, |converter, _| set(&mut converter.faults));
    Ok(())
}

fn drop_samples(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    let samples = number("drop", written, u32::MAX)?;
    set(plug, |faults| faults.drop = samples.into())
}

fn double_samples(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    let samples = number("double", written, u32::MAX)?;
    set(plug, |faults| faults.double = samples.into())
}

fn flip_samples(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    let samples = number("flip", written, u32::MAX)?;
    set(plug, |faults| faults.flip = samples.into())
}

fn jitter(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    let micros = number("jitter", written, JITTER_MAX)?;
    set(plug, |faults| faults.jitter = u64::from(micros) * 1_000)
}

fn freeze(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    let freeze = number("freeze", written, 1)? == 1;
    change(&plug.timers, |converter, now| converter.freeze(freeze, now));
    Ok(())
}

fn unplug(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    number("unplug", written, 1).and_then(|one| (one == 1).then_some(()).ok_or(EINVAL))?;
    pr_info!("card {} is unplugged\n", plug.card().number());
    plug.pull();
    Ok(())
}
