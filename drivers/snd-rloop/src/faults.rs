// SPDX-License-Identifier: GPL-2.0-only

//! FaultFiles on demand, for testing the programs above: `/sys/kernel/debug/snd_rloop/cardN/`.
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `unplug` | `1` | takes the card away, as a USB card that is pulled out; it does not come back |
//! | `cableM/drop` | frames | the next so many frames that are played get lost |
//! | `cableM/double` | frames | the next so many frames arrive twice |
//! | `cableM/flip` | frames | the next so many frames arrive with one bit inverted |
//! | `cableM/freeze` | `1`, `0` | the clock stands still, or goes on |
//! | `cableM/jitter` | microseconds | from now on wake-ups come up to so much late |
//! | `cableM/xrun` | `playback`, `capture`, `captureN` | that stream has an xrun, if it runs |
//!
//! Only frames delivered to a running capture end count.

use kernel::c_str;
use kernel::debugfs::{Dir, File};
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::cable::Cable;
use crate::cable_ends::CableEnds;
use crate::lib::alsa::card::Card;
use crate::lib::kernel::debugfs::{number, word};
use crate::lib::model::parameters::Allowed;
use crate::model::end::Port;

/// The longest jitter in microseconds.
const JITTER_MAX: u32 = 1_000_000;

/// The debugfs files of one card. Dropping them removes them, and waits for whoever is writing to
/// one.
pub(crate) struct FaultFiles {
    _unplug: Pin<KBox<File<Arc<Card>>>>,
    _cables: KVec<Pin<KBox<File<Arc<Cable>>>>>,
}

impl FaultFiles {
    /// Makes the files of a card and of its cables in `parent`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. Where debugfs is off, nothing is made.
    pub(crate) fn new(parent: &Dir, card: &Arc<Card>, cables: &[CableEnds]) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("card{}", card.number()))?;
        let dir = parent.subdir(&name);
        let mut files = KVec::new();
        for (number, ends) in cables.iter().enumerate() {
            let name = CString::try_from_fmt(fmt!("cable{}", number))?;
            let dir = dir.subdir(&name);
            // Each callback is of a type of its own, so there is no loop over them.
            macro_rules! file {
                ($name:literal, $write:expr) => {
                    let file = dir.write_callback_file(c_str!($name), ends.cable.clone(), $write);
                    files.push(KBox::pin_init(file, GFP_KERNEL)?, GFP_KERNEL)?;
                };
            }
            file!("drop", &drop_frames);
            file!("double", &double_frames);
            file!("flip", &flip_frames);
            file!("freeze", &freeze);
            file!("jitter", &jitter);
            file!("xrun", &xrun);
        }
        let unplug = dir.write_callback_file(c_str!("unplug"), card.clone(), &unplug);
        Ok(Self {
            _unplug: KBox::pin_init(unplug, GFP_KERNEL)?,
            _cables: files,
        })
    }
}

/// Writes to `drop`. May sleep.
fn drop_frames(cable: &Arc<Cable>, written: &mut UserSliceReader) -> Result {
    let frames = number("drop", written, u32::MAX)?;
    cable.faults(|faults| faults.drop = frames.into());
    Ok(())
}

/// Writes to `double`. May sleep.
fn double_frames(cable: &Arc<Cable>, written: &mut UserSliceReader) -> Result {
    let frames = number("double", written, u32::MAX)?;
    cable.faults(|faults| faults.double = frames.into());
    Ok(())
}

/// Writes to `flip`. May sleep.
fn flip_frames(cable: &Arc<Cable>, written: &mut UserSliceReader) -> Result {
    let frames = number("flip", written, u32::MAX)?;
    cable.faults(|faults| faults.flip = frames.into());
    Ok(())
}

/// Writes to `jitter`. May sleep.
fn jitter(cable: &Arc<Cable>, written: &mut UserSliceReader) -> Result {
    let micros = number("jitter", written, JITTER_MAX)?;
    cable.faults(|faults| faults.jitter = u64::from(micros) * 1_000);
    Ok(())
}

/// Writes to `freeze`. May sleep.
fn freeze(cable: &Arc<Cable>, written: &mut UserSliceReader) -> Result {
    cable.freeze(number("freeze", written, 1)? == 1);
    Ok(())
}

/// Writes to `xrun`. May sleep.
fn xrun(cable: &Arc<Cable>, written: &mut UserSliceReader) -> Result {
    let allowed = Allowed::Words("playback, capture, or capture and the number of a reader");
    word("xrun", allowed, written, |word| {
        let port = match word {
            "playback" => Port::Playback,
            "capture" => Port::Capture(0),
            _ => Port::Capture(word.strip_prefix("capture")?.parse().ok()?),
        };
        cable.force_xrun(port).then_some(())
    })
}

/// Writes to `unplug`: disconnects the card. May sleep.
fn unplug(card: &Arc<Card>, written: &mut UserSliceReader) -> Result {
    number("unplug", written, 1).and_then(|one| (one == 1).then_some(()).ok_or(EINVAL))?;
    pr_info!("card {} is unplugged\n", card.number());
    card.disconnect();
    Ok(())
}
