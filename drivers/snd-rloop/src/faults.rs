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
use crate::lib::model::parameters::{Allowed, BadParameter};
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

/// Parses a number from 0 to `most`.
///
/// # Errors
///
/// `EINVAL`, with a line in the kernel's log; `EFAULT`.
fn number(file: &'static str, written: &mut UserSliceReader, most: u32) -> Result<u32> {
    let allowed = Allowed::Number(0, most.into());
    word(file, allowed, written, |word| {
        word.parse().ok().filter(|number| *number <= most)
    })
}

/// Parses a word by `read`, less the end of the line that `echo` writes.
///
/// # Errors
///
/// `EINVAL` if `read` returns `None`, with a line in the kernel's log; `EFAULT`.
fn word<T>(
    file: &'static str,
    allowed: Allowed,
    written: &mut UserSliceReader,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T> {
    let mut buffer = [0; 32];
    let bytes = written.len().min(buffer.len());
    let whole = bytes == written.len();
    written.read_slice(&mut buffer[..bytes])?;
    let text = core::str::from_utf8(&buffer[..bytes]).unwrap_or("(not UTF-8)");
    let text = text.strip_suffix('\n').unwrap_or(text);
    let value = read(text).filter(|_| whole);
    value.ok_or_else(|| {
        let bad = BadParameter {
            parameter: file,
            value: text,
            allowed,
        };
        pr_err!("debugfs: {}\n", format_args!("{bad}"));
        EINVAL
    })
}
