// SPDX-License-Identifier: GPL-2.0-only

//! The control elements of a cable.
//!
//! With `topology=crossed` there are snd-aloop's, under snd-aloop's names, each at the capture end
//! of its cable. What snd-aloop calls the slave is the playback end, as seen from the capture end.
//! On every card there are `Cable Pitch`, `Cable Clock` and `Cable Delay` at the playback end.
//!
//! What programs write in good faith must not change a cable that they don't use. The pitch has two
//! names for which programs look by themselves. `PCM Rate Shift 100000` is looked for at the
//! substream that a program has open, so it is on cards with several cables. The UAC2 gadget's
//! (`drivers/usb/gadget/function/u_audio.c`) PipeWire looks for by name alone, and finds the first
//! of the card, whatever it has open: these are on cards with one cable.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex};

use crate::cable::Cable;
use crate::cable_ends::CableEnds;
use crate::lib::alsa::card::{CardRef, NewCard};
use crate::lib::alsa::control::{create, Element, ElementId, Event, Substream, Values};
use crate::lib::alsa::notifier::{self, Notifier};
use crate::lib::model::clock::{
    pitch_of, rate_shift, PITCH_MAX, PITCH_MIN, RATE_MAX, RATE_SHIFT_MAX, RATE_SHIFT_MIN,
};
use crate::lib::model::format::FORMATS;
use crate::lib::model::layout::Access;
use crate::model::end::{EndState, Port};
use crate::model::params::Topology;

/// The kind of a control element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    /// The pitch as snd-aloop has it: hundred-thousandths of the time that a frame takes.
    RateShift,
    /// Whether the playback end may change the parameters under an open capture end.
    Notify,
    /// Whether the playback end runs.
    Active,
    /// The parameters that the playback end has, or had last.
    Format,
    Rate,
    Channels,
    AccessMode,
    /// The pitch in millionths of the nominal rate, under the UAC2 gadget's names and under one
    /// that no program looks for.
    CapturePitch,
    PlaybackPitch,
    CablePitch,
    /// The playback end's rate in frames per second while it runs, else 0.
    RateNow,
    /// Whether the cable is clocked or free-running.
    Clock,
    /// The delay in frames: by how many the capture ends are behind the playback end.
    Delay,
}

use Control::*;

/// The controls of snd-aloop.
const ALOOP: &[Control] = &[
    RateShift, Notify, Active, Format, Rate, Channels, AccessMode,
];
/// The controls of the UAC2 gadget that programs write to.
const UAC2: &[Control] = &[CapturePitch, PlaybackPitch];
/// The controls of every cable.
const OWN: &[Control] = &[CablePitch, Clock, Delay, RateNow];
/// The controls that are aliases of the pitch.
const PITCHES: &[Control] = &[RateShift, CapturePitch, PlaybackPitch, CablePitch];

impl Control {
    /// The name of the elements, as programs know it.
    fn name(self) -> &'static str {
        match self {
            RateShift => "PCM Rate Shift 100000",
            Notify => "PCM Notify",
            Active => "PCM Slave Active",
            Format => "PCM Slave Format",
            Rate => "PCM Slave Rate",
            Channels => "PCM Slave Channels",
            AccessMode => "PCM Slave Access Mode",
            CapturePitch => "Capture Pitch 1000000",
            PlaybackPitch => "Playback Pitch 1000000",
            CablePitch => "Cable Pitch",
            RateNow => "Capture Rate",
            Clock => "Cable Clock",
            Delay => "Cable Delay",
        }
    }

    /// Whether programs may write the elements.
    fn writable(self) -> bool {
        matches!(self, Notify | Clock | Delay) || PITCHES.contains(&self)
    }

    /// The values that the elements of `cable` take. Any context.
    fn values(self, cable: &Cable) -> Values {
        match self {
            RateShift => Values::Integer(RATE_SHIFT_MIN, RATE_SHIFT_MAX),
            CapturePitch | PlaybackPitch | CablePitch => Values::Integer(PITCH_MIN, PITCH_MAX),
            Notify | Active => Values::Boolean,
            Format => Values::Integer(0, FORMATS[FORMATS.len() - 1].number),
            Rate | RateNow => Values::Integer(0, RATE_MAX),
            Channels => Values::Integer(1, 1024),
            Delay => Values::Integer(0, cable.last_state().delay_max()),
            AccessMode => Values::Enumerated(&["Interleaved", "Non-interleaved"]),
            Clock => Values::Enumerated(&["Timer", "Free"]),
        }
    }
}

/// A snapshot of a cable: the values of all its elements.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot {
    pitch: u32,
    notify: bool,
    free_running: bool,
    delay: u32,
    active: bool,
    format: u32,
    rate: u32,
    channels: u32,
    access: Access,
}

impl Snapshot {
    /// Takes a snapshot, under the cable's lock. Before anything has been played: 16 bits, 48 kHz,
    /// stereo, as in snd-aloop. Any context.
    fn new(cable: &Cable) -> Self {
        let state = cable.last_state();
        let (format, rate, channels, access) = match state.played() {
            Some((params, access)) => (params.format.number, params.rate, params.channels, access),
            None => (2, 48_000, 2, Access::RwInterleaved),
        };
        Self {
            pitch: state.pitch(),
            notify: state.notify(),
            free_running: state.is_free_running(),
            // Never more than `delay_max`.
            delay: state.delay() as u32,
            active: state.end(Port::Playback).state == EndState::Running,
            format,
            rate,
            channels,
            access,
        }
    }

    /// The value of the elements of `control`.
    fn value(&self, control: Control) -> u32 {
        match control {
            RateShift => rate_shift(self.pitch),
            CapturePitch | PlaybackPitch | CablePitch => self.pitch,
            Notify => u32::from(self.notify),
            Active => u32::from(self.active),
            Format => self.format,
            Rate => self.rate,
            RateNow if self.active => self.rate,
            RateNow => 0,
            Channels => self.channels,
            AccessMode => u32::from(self.access.is_planar()),
            Clock => u32::from(self.free_running),
            Delay => self.delay,
        }
    }
}

/// The control elements of a cable. Clones are of the same elements.
#[derive(Clone)]
pub(crate) struct Controls(Notifier<CableControls>);

/// The data that the elements of a cable share.
#[pin_data]
pub(crate) struct CableControls {
    ends: CableEnds,
    #[pin]
    notified: Mutex<Notified>,
}

/// The state of user space: the values that it has been notified of.
struct Notified {
    /// The snapshot of which user space was last notified.
    snapshot: Snapshot,
    /// All elements of the cable.
    elements: KVec<(Control, Substream, ElementId)>,
}

/// An element of a cable.
struct CableElement {
    of: Controls,
    control: Control,
    substream: Substream,
}

impl Controls {
    /// Makes the elements of a cable, which is the card's only one if `single`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what ALSA returns.
    pub(crate) fn create(
        card: &mut NewCard,
        ends: CableEnds,
        topology: Topology,
        single: bool,
    ) -> Result<Self> {
        let snapshot = Snapshot::new(&ends.cable);
        let of = Self(Notifier::new(
            card,
            try_pin_init!(CableControls {
                ends,
                notified <- new_mutex!(Notified {
                    snapshot,
                    elements: KVec::new(),
                }),
            }? Error),
        )?);
        let known = match topology {
            Topology::Crossed => ALOOP,
            Topology::Cable | Topology::Fanout if single => UAC2,
            Topology::Cable | Topology::Fanout => &[RateShift],
        };
        for &control in [known, OWN].into_iter().flatten() {
            of.at_each_substream(control, |substream| {
                let element = CableElement {
                    of: of.clone(),
                    control,
                    substream,
                };
                let id = create(card, control.name(), substream, control.writable(), element)?;
                let mut notified = of.0.what().notified.lock();
                Ok(notified
                    .elements
                    .push((control, substream, id), GFP_KERNEL)?)
            })?;
        }
        Ok(of)
    }

    /// The cable. Any context.
    pub(crate) fn cable(&self) -> &Arc<Cable> {
        &self.0.what().ends.cable
    }

    /// Calls `each` for each substream that has an element for `control`, up to the first error.
    fn at_each_substream(
        &self,
        control: Control,
        mut each: impl FnMut(Substream) -> Result,
    ) -> Result {
        let ends = &self.0.what().ends;
        match control {
            PlaybackPitch | CablePitch | Clock | Delay => each(ends.playback),
            _ => ends.captures().try_for_each(each),
        }
    }

    /// Notes that values may have changed: soon user space is notified of those that have, and of
    /// no others. Any context.
    pub(crate) fn changed(&self, card: &CardRef<'_>) {
        self.0.changed(card);
    }
}

impl CableControls {
    /// Sends an event for each element whose value is no longer that of the last snapshot, but for
    /// `own`. With `notified` locked; may sleep.
    fn notify_changes(
        &self,
        notified: &mut Notified,
        own: Option<(Control, Substream)>,
        card: &CardRef<'_>,
    ) {
        let now = Snapshot::new(&self.ends.cable);
        let changed = |element: &&(Control, Substream, ElementId)| {
            let (control, substream, _) = element;
            now.value(*control) != notified.snapshot.value(*control)
                && Some((*control, *substream)) != own
        };
        for (control, _, id) in notified.elements.iter().filter(changed) {
            // Names of a value that was written to under another name get another event: there are
            // programs, the kernel's own mixer-test for one, that write to an element and take the
            // next event of a value for that element's.
            let event = match PITCHES.contains(control) {
                true => Event::Info,
                false => Event::Value,
            };
            card.notify(id, event);
        }
        notified.snapshot = now;
    }
}

impl notifier::Notify for CableControls {
    fn notify(&self, card: &CardRef<'_>) {
        self.notify_changes(&mut self.notified.lock(), None, card);
    }
}

impl Element for CableElement {
    fn values(&self) -> Values {
        self.control.values(self.of.cable())
    }

    fn get(&self) -> u32 {
        Snapshot::new(self.of.cable()).value(self.control)
    }

    fn put(&self, value: u32, card: &CardRef<'_>) -> Result<bool> {
        let of = self.of.0.what();
        let mut notified = of.notified.lock();
        if self.get() == value {
            return Ok(false);
        }
        match self.control {
            Notify => of.ends.cable.set_notify(value != 0),
            Clock => of.ends.cable.set_free_running(value != 0)?,
            Delay => of.ends.cable.set_delay(value.into())?,
            RateShift => of.ends.cable.set_pitch(pitch_of(value)),
            _ => of.ends.cable.set_pitch(value),
        }
        // For this element ALSA sends the event.
        of.notify_changes(&mut notified, Some((self.control, self.substream)), card);
        Ok(true)
    }
}
