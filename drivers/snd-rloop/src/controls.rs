// SPDX-License-Identifier: GPL-2.0-only

//! The control elements of a cable.
//!
//! With `topology=crossed` there are snd-aloop's, under snd-aloop's names, each at the capture end
//! of the cable that it is about. What snd-aloop calls the slave is the playback end, as seen from
//! the capture end. In either topology there are those by which programs know the UAC2 gadget
//! (`drivers/usb/gadget/function/u_audio.c`), and `Cable Clock` and `Cable Delay` at the playback end.

use kernel::c_str;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::Arc;

use crate::alsa::card::{Card, CardRef};
use crate::alsa::control::{create, Element, Event, Place, Values};
use crate::cable::Cable;
use crate::card::Plug;
use crate::pure::clock::{
    pitch_of, rate_shift, PITCH_MAX, PITCH_MIN, RATE_MAX, RATE_SHIFT_MAX, RATE_SHIFT_MIN,
};
use crate::pure::end::{Port, State};
use crate::pure::format::FORMATS;
use crate::pure::layout::Access;
use crate::pure::params::Topology;

/// What an element is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// The pitch as snd-aloop has it: hundred-thousandths of the time that a frame takes.
    RateShift,
    /// Whether a player may change the parameters under an open recorder.
    Notify,
    /// Whether the player runs.
    Active,
    /// What the player has, or had last.
    Format,
    Rate,
    Channels,
    AccessMode,
    /// The pitch in millionths, at the capture end and at the playback end.
    CapturePitch,
    PlaybackPitch,
    /// The player's rate while it runs, else 0.
    RateNow,
    /// Whether time moves the frames, or only the programs do.
    Clock,
    /// By how many frames the readers are behind the player.
    Delay,
}

use Subject::*;

/// Those of snd-aloop.
const ALOOP: &[Subject] = &[
    RateShift, Notify, Active, Format, Rate, Channels, AccessMode,
];
/// Those of the UAC2 gadget.
const UAC2: &[Subject] = &[CapturePitch, PlaybackPitch, RateNow];
/// Those of this driver alone.
const OWN: &[Subject] = &[Clock, Delay];
/// Names of one value.
const PITCHES: &[Subject] = &[RateShift, CapturePitch, PlaybackPitch];

impl Subject {
    fn name(self) -> &'static CStr {
        match self {
            RateShift => c_str!("PCM Rate Shift 100000"),
            Notify => c_str!("PCM Notify"),
            Active => c_str!("PCM Slave Active"),
            Format => c_str!("PCM Slave Format"),
            Rate => c_str!("PCM Slave Rate"),
            Channels => c_str!("PCM Slave Channels"),
            AccessMode => c_str!("PCM Slave Access Mode"),
            CapturePitch => c_str!("Capture Pitch 1000000"),
            PlaybackPitch => c_str!("Playback Pitch 1000000"),
            RateNow => c_str!("Capture Rate"),
            Clock => c_str!("Cable Clock"),
            Delay => c_str!("Cable Delay"),
        }
    }

    fn writable(self) -> bool {
        matches!(self, Notify | Clock | Delay) || PITCHES.contains(&self)
    }

    fn values(self, cable: &Cable) -> Values {
        match self {
            RateShift => Values::Integer(RATE_SHIFT_MIN, RATE_SHIFT_MAX),
            CapturePitch | PlaybackPitch => Values::Integer(PITCH_MIN, PITCH_MAX),
            Notify | Active => Values::Boolean,
            Format => Values::Integer(0, FORMATS[FORMATS.len() - 1].number),
            Rate | RateNow => Values::Integer(0, RATE_MAX),
            Channels => Values::Integer(1, 1024),
            Delay => Values::Integer(0, cable.last_state().delay_max()),
            AccessMode => Values::Enumerated([c_str!("Interleaved"), c_str!("Non-interleaved")]),
            Clock => Values::Enumerated([c_str!("Timer"), c_str!("Free")]),
        }
    }
}

/// What the elements of a cable say.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    pitch: u32,
    notify: bool,
    free: bool,
    delay: u32,
    active: bool,
    format: u32,
    rate: u32,
    channels: u32,
    access: Access,
}

impl Shown {
    /// As it is now. Before anything has been played: 16 bits, 48 kHz, stereo, as in snd-aloop.
    fn new(cable: &Cable) -> Self {
        let state = cable.last_state();
        let (format, rate, channels, access) = match state.played() {
            Some((params, access)) => (params.format.number, params.rate, params.channels, access),
            None => (2, 48_000, 2, Access::RwInterleaved),
        };
        Self {
            pitch: state.pitch(),
            notify: state.notify(),
            free: state.is_free(),
            // Never more than `delay_max`.
            delay: state.delay() as u32,
            active: state.end(Port::Playback).state == State::Running,
            format,
            rate,
            channels,
            access,
        }
    }

    fn value(&self, subject: Subject) -> u32 {
        match subject {
            RateShift => rate_shift(self.pitch),
            CapturePitch | PlaybackPitch => self.pitch,
            Notify => u32::from(self.notify),
            Active => u32::from(self.active),
            Format => self.format,
            Rate => self.rate,
            RateNow if self.active => self.rate,
            RateNow => 0,
            Channels => self.channels,
            AccessMode => u32::from(self.access.is_planar()),
            Clock => u32::from(self.free),
            Delay => self.delay,
        }
    }
}

/// The elements of a cable.
#[derive(Clone)]
pub(crate) struct Elements(Plug);

/// One element of one cable.
struct CableElement {
    of: Elements,
    subject: Subject,
    place: Place,
}

impl Elements {
    /// Makes the elements of a cable.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what ALSA returns.
    pub(crate) fn create(card: &Card, plug: Plug, topology: Topology) -> Result<Self> {
        let of = Self(plug);
        let aloop: &[Subject] = match topology {
            Topology::Cable | Topology::Fanout => &[],
            Topology::Crossed => ALOOP,
        };
        for &subject in [aloop, UAC2, OWN].into_iter().flatten() {
            of.at_each_place(subject, |place| {
                let element = CableElement {
                    of: of.clone(),
                    subject,
                    place,
                };
                create(card, subject.name(), place, subject.writable(), element)
            })?;
        }
        Ok(of)
    }

    /// The cable that they are about.
    pub(crate) fn cable(&self) -> &Arc<Cable> {
        &self.0.cable
    }

    /// Does something at each place that has an element for `subject`.
    fn at_each_place(&self, subject: Subject, mut each: impl FnMut(Place) -> Result) -> Result {
        match subject {
            PlaybackPitch | Clock | Delay => each(self.0.playback),
            _ => self.0.captures().try_for_each(each),
        }
    }

    /// What they say now.
    pub(crate) fn shown(&self) -> Shown {
        Shown::new(self.cable())
    }

    /// Sends `event` for each of them that has changed since they said `before`, but for `own`.
    fn notify_but(
        &self,
        own: Option<(Subject, Place)>,
        card: &CardRef<'_>,
        before: &Shown,
        event: Event,
    ) {
        let now = self.shown();
        for &subject in [ALOOP, UAC2, OWN].into_iter().flatten() {
            if now.value(subject) == before.value(subject) {
                continue;
            }
            let _ = self.at_each_place(subject, |place| {
                if Some((subject, place)) != own {
                    card.notify(subject.name(), place, event);
                }
                Ok(())
            });
        }
    }

    /// Tells whoever listens which of them have changed since they said `before`, and of no other.
    pub(crate) fn notify(&self, card: &CardRef<'_>, before: &Shown) {
        self.notify_but(None, card, before, Event::Value);
    }
}

impl Element for CableElement {
    fn values(&self) -> Values {
        self.subject.values(self.of.cable())
    }

    fn get(&self) -> u32 {
        self.of.shown().value(self.subject)
    }

    fn put(&self, value: u32, card: &CardRef<'_>) -> Result<bool> {
        let before = self.of.shown();
        if before.value(self.subject) == value {
            return Ok(false);
        }
        match self.subject {
            Notify => self.of.cable().set_notify(value != 0),
            Clock => self.of.cable().set_free(value != 0)?,
            Delay => self.of.cable().set_delay(value.into())?,
            RateShift => self.of.cable().set_pitch(pitch_of(value)),
            _ => self.of.cable().set_pitch(value),
        }
        // Of this element's value ALSA tells. The other names of the value get another event: there
        // are programs, the kernel's own mixer-test for one, that write to an element and take the
        // next event of a value for that element's.
        let own = (self.subject, self.place);
        self.of.notify_but(Some(own), card, &before, Event::Info);
        Ok(true)
    }
}
