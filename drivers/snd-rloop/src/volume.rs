// SPDX-License-Identifier: GPL-2.0-only

//! A volume and a mute switch for each cable, for the programs at its ends to agree on.
//!
//! They store what is written and touch no sample: a player's volume keys set them, the DSP at the
//! other end reads them and does what is to be done, once, and in the best place.
//!
//! Nobody else may take them for what turns the sound down. `PCM Playback Volume` would be to sound
//! servers, whose knobs would then do nothing, and to alsa-lib, whose softvol leaves the sound to
//! such an element; and `alsactl init` would set it to -20 dB when it sees the card for the first
//! time.

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};

use crate::lib::alsa::card::{CardRef, NewCard};
use crate::lib::alsa::control::{
    create as create_element, DecibelScale, Element, ElementOwner, Values,
};

/// The scale: from -100 dB to 0 dB in steps of half a dB.
const SCALE: DecibelScale = DecibelScale::new(-10_000, 50, VOLUME_MAX);
/// The value for 0 dB.
const VOLUME_MAX: u32 = 200;

/// A stored element, which does nothing but keep its value.
struct StoredElement {
    values: Values,
    value: Atomic<u32>,
}

/// Makes the elements of a cable, 0 dB and on, as the `cable`-th of their names. May sleep.
///
/// # Errors
///
/// `ENOMEM`, or what ALSA returns.
pub(crate) fn create(card: &mut NewCard, cable: u32) -> Result {
    for (name, values, value) in [
        (
            "Cable Playback Volume",
            Values::Decibels(&SCALE),
            VOLUME_MAX,
        ),
        ("Cable Playback Switch", Values::Boolean, 1),
    ] {
        let value = Atomic::new(value);
        create_element(
            card,
            name,
            ElementOwner::Mixer(cable),
            true,
            StoredElement { values, value },
        )?;
    }
    Ok(())
}

impl Element for StoredElement {
    fn values(&self) -> Values {
        self.values
    }

    fn get(&self) -> u32 {
        self.value.load(Relaxed)
    }

    fn put(&self, value: u32, _: &CardRef<'_>) -> Result<bool> {
        Ok(self.value.xchg(value, Relaxed) != value)
    }
}
