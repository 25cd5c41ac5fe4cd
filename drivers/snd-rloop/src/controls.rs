// SPDX-License-Identifier: GPL-2.0-only

//! The control elements of a card with `topology=crossed`: snd-aloop's, under snd-aloop's names,
//! each at the capture end of the cable that it is about.
//!
//! What snd-aloop calls the slave is the playback end, as seen from the capture end.

use kernel::c_str;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::Arc;

use crate::alsa::card::{Card, CardRef};
use crate::alsa::control::{create, Element, ElementId, Values};
use crate::cable::Cable;
use crate::pure::cable::{Direction, State};
use crate::pure::clock::{PITCH_MAX, PITCH_MIN, PITCH_NOMINAL, RATE_MAX};
use crate::pure::format::FORMATS;
use crate::pure::layout::Access;

/// The unit of `PCM Rate Shift 100000`, in millionths.
pub(crate) const RATE_SHIFT: u32 = PITCH_NOMINAL / 100_000;

/// What an element is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    RateShift,
    Notify,
    Active,
    Format,
    Rate,
    Channels,
    Access,
}

/// One element of one cable.
struct CableElement {
    cable: Arc<Cable>,
    subject: Subject,
}

/// What the playback end of a cable looks like from the capture end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slave {
    active: u32,
    format: u32,
    rate: u32,
    channels: u32,
    planar: u32,
}

/// The elements that follow the playback end of a cable.
#[derive(Clone, Copy)]
pub(crate) struct SlaveElements {
    active: ElementId,
    format: ElementId,
    rate: ElementId,
    channels: ElementId,
    access: ElementId,
}

impl Slave {
    /// As it is now. Before anything has been played: 16 bits, 48 kHz, stereo, as in snd-aloop.
    pub(crate) fn new(cable: &Cable) -> Self {
        let state = cable.last_state();
        let active = state.end(Direction::Playback).state == State::Running;
        let (format, rate, channels, access) = match state.played() {
            Some((params, access)) => (params.format.number, params.rate, params.channels, access),
            None => (2, 48_000, 2, Access::RwInterleaved),
        };
        Self {
            active: u32::from(active),
            format,
            rate,
            channels,
            planar: u32::from(access.is_planar()),
        }
    }
}

impl SlaveElements {
    /// Makes all elements of a cable whose capture end is this substream.
    pub(crate) fn create(
        card: &Card,
        cable: &Arc<Cable>,
        device: u32,
        subdevice: u32,
    ) -> Result<Self> {
        let make = |name: &CStr, subject| {
            let cable = cable.clone();
            let element = Arc::new(CableElement { cable, subject }, GFP_KERNEL)?;
            let writable = matches!(subject, Subject::RateShift | Subject::Notify);
            create(card, name, device, subdevice, writable, element)
        };
        make(c_str!("PCM Rate Shift 100000"), Subject::RateShift)?;
        make(c_str!("PCM Notify"), Subject::Notify)?;
        Ok(Self {
            active: make(c_str!("PCM Slave Active"), Subject::Active)?,
            format: make(c_str!("PCM Slave Format"), Subject::Format)?,
            rate: make(c_str!("PCM Slave Rate"), Subject::Rate)?,
            channels: make(c_str!("PCM Slave Channels"), Subject::Channels)?,
            access: make(c_str!("PCM Slave Access Mode"), Subject::Access)?,
        })
    }

    /// Tells whoever listens what has changed, and nothing else.
    pub(crate) fn notify(&self, card: &CardRef<'_>, before: &Slave, after: &Slave) {
        let elements = [
            (&self.active, before.active != after.active),
            (&self.format, before.format != after.format),
            (&self.rate, before.rate != after.rate),
            (&self.channels, before.channels != after.channels),
            (&self.access, before.planar != after.planar),
        ];
        for (element, _) in elements.iter().filter(|(_, changed)| *changed) {
            card.notify(element);
        }
    }
}

impl Element for CableElement {
    fn values(&self) -> Values {
        match self.subject {
            Subject::RateShift => Values::Integer(PITCH_MIN / RATE_SHIFT, PITCH_MAX / RATE_SHIFT),
            Subject::Notify | Subject::Active => Values::Boolean,
            Subject::Format => Values::Integer(0, FORMATS[FORMATS.len() - 1].number),
            Subject::Rate => Values::Integer(0, RATE_MAX),
            Subject::Channels => Values::Integer(1, 1024),
            Subject::Access => {
                Values::Enumerated([c_str!("Interleaved"), c_str!("Non-interleaved")])
            }
        }
    }

    fn get(&self) -> u32 {
        let slave = Slave::new(&self.cable);
        match self.subject {
            // Rounded, so that a pitch set in finer steps reads as near as can be.
            Subject::RateShift => (self.cable.last_state().pitch() + RATE_SHIFT / 2) / RATE_SHIFT,
            Subject::Notify => u32::from(self.cable.last_state().notify()),
            Subject::Active => slave.active,
            Subject::Format => slave.format,
            Subject::Rate => slave.rate,
            Subject::Channels => slave.channels,
            Subject::Access => slave.planar,
        }
    }

    fn put(&self, value: u32) -> bool {
        let changed = value != self.get();
        match self.subject {
            _ if !changed => {}
            Subject::Notify => self.cable.set_notify(value != 0),
            _ => self.cable.set_pitch(value * RATE_SHIFT),
        }
        changed
    }
}
