// SPDX-License-Identifier: MIT OR Apache-2.0

//! Control elements, for all that read, set or await them.

use std::ffi::CString;

use alsa::ctl::{Ctl, ElemId, ElemIface, ElemType, ElemValue};

use rig::verdict::{Problem, Verdict, skip};

use super::card::{Cable, Card, Driver};
use crate::alsa::pcm::Address;

/// What moves a cable's frames, and its items.
pub const CLOCK: &str = "Cable Clock";
/// Time does.
pub const TIMER: i32 = 0;
/// The programs do.
pub const FREE: i32 = 1;

/// By how many frames a cable's readers are behind its player.
pub const DELAY: &str = "Cable Delay";
/// The pitch in millionths, at the playback end.
pub const PITCH: &str = "Cable Pitch";
/// Names of the pitch as the UAC2 gadget has them, on cards with one cable, and as snd-aloop has it.
pub const CAPTURE_PITCH: &str = "Capture Pitch 1000000";
pub const PLAYBACK_PITCH: &str = "Playback Pitch 1000000";
pub const RATE_SHIFT: &str = "PCM Rate Shift 100000";
/// Whether a player may change the parameters under an open recorder.
pub const NOTIFY: &str = "PCM Notify";
/// The rate of a player that runs, else 0.
pub const RATE_NOW: &str = "Capture Rate";
/// Whether a player runs.
pub const ACTIVE: &str = "PCM Slave Active";
/// What programs take for the volume of a cable.
pub const VOLUME: &str = "Cable Playback Volume";
pub const SWITCH: &str = "Cable Playback Switch";

/// The names that elements of snd-rloop's streams may have, in whatever topology.
pub const STREAM_NAMES: &[&str] = &[
    RATE_SHIFT,
    NOTIFY,
    ACTIVE,
    "PCM Slave Format",
    "PCM Slave Rate",
    "PCM Slave Channels",
    "PCM Slave Access Mode",
    PITCH,
    CAPTURE_PITCH,
    PLAYBACK_PITCH,
    RATE_NOW,
    CLOCK,
    DELAY,
];
/// Those of them of which the driver tells whenever a player starts or stops.
pub const OFTEN: &[&str] = &[ACTIVE, RATE_NOW];
/// The names of those of its mixer.
pub const MIXER_NAMES: &[&str] = &[VOLUME, SWITCH];

/// An error of alsa-lib as a problem, with what it is about.
pub fn error(what: &str) -> impl Fn(alsa::Error) -> Problem + '_ {
    move |e| Problem::Failed(format!("{what}: {e}"))
}

/// The control device of a card of snd-rloop; skips on others.
pub fn open_own(card: &Card) -> Verdict<Ctl> {
    if card.driver != Driver::SndRloop {
        return skip("only snd-rloop has these");
    }
    open_any(card)
}

/// The control device of the card.
pub fn open_any(card: &Card) -> Verdict<Ctl> {
    Ctl::new(&format!("hw:{}", card.index), true).map_err(error("control device"))
}

/// The element `name` of the end `at`.
pub fn id(name: &str, at: Address) -> Verdict<ElemId> {
    let mut id = ElemId::new(ElemIface::PCM);
    let name = CString::new(name).map_err(|e| Problem::Failed(e.to_string()))?;
    id.set_name(&name);
    id.set_device(at.device);
    id.set_subdevice(at.subdevice);
    Ok(id)
}

/// The mixer's element `name` of cable `number`.
pub fn mixer_id(name: &str, number: u32) -> Verdict<ElemId> {
    let mut id = ElemId::new(ElemIface::Mixer);
    let name = CString::new(name).map_err(|e| Problem::Failed(e.to_string()))?;
    id.set_name(&name);
    id.set_index(number);
    Ok(id)
}

/// The value of an element of the end `at`, as a number.
pub fn value(ctl: &Ctl, name: &str, kind: ElemType, at: Address) -> Verdict<i32> {
    read(ctl, &id(name, at)?, kind, &format!("\"{name}\" of {at}"))
}

/// The value of the element `id`, which messages call `what`, as a number.
pub fn read(ctl: &Ctl, id: &ElemId, kind: ElemType, what: &str) -> Verdict<i32> {
    let mut element = ElemValue::new(kind).map_err(error(what))?;
    element.set_id(id);
    ctl.elem_read(&mut element).map_err(error(what))?;
    let number = match kind {
        ElemType::Boolean => element.get_boolean(0).map(i32::from),
        ElemType::Enumerated => element
            .get_enumerated(0)
            .and_then(|n| i32::try_from(n).ok()),
        _ => element.get_integer(0),
    };
    number.ok_or_else(|| Problem::Failed(format!("{what}: has no value")))
}

/// Whether a cable has no clock now. On cards that have no such element it has one.
///
/// The element is at the player's end. What is at the recorder's is, with `topology=crossed`, another cable's.
pub fn is_free(cable: &Cable) -> bool {
    let at = cable.playback;
    let ctl = Ctl::new(&format!("hw:{}", at.card), true);
    let clock = ctl.map_err(error("control device"));
    clock
        .and_then(|ctl| value(&ctl, CLOCK, ElemType::Enumerated, at))
        .is_ok_and(|item| item == FREE)
}

/// The cables of a card that have a clock now.
pub fn timed(card: &Card) -> Vec<Cable> {
    let mut cables = card.cables();
    cables.retain(|cable| !is_free(cable));
    cables
}

/// Switches a boolean element of the end `at`.
pub fn switch(ctl: &Ctl, name: &str, at: Address, on: bool) -> Verdict {
    let what = format!("\"{name}\" of {at}");
    write(ctl, &id(name, at)?, ElemType::Boolean, on.into(), &what)
}

/// Sets an integer element of the end `at`.
pub fn set(ctl: &Ctl, name: &str, at: Address, number: i32) -> Verdict {
    let what = format!("\"{name}\" of {at} to {number}");
    write(ctl, &id(name, at)?, ElemType::Integer, number, &what)
}

/// Chooses an item, by its number, of an enumerated element of the end `at`.
pub fn choose(ctl: &Ctl, name: &str, at: Address, item: i32) -> Verdict {
    let what = format!("\"{name}\" of {at} to item {item}");
    write(ctl, &id(name, at)?, ElemType::Enumerated, item, &what)
}

/// Sets the element `id`, which messages call `what`.
pub fn write(ctl: &Ctl, id: &ElemId, kind: ElemType, number: i32, what: &str) -> Verdict {
    let element = filled(id, kind, number, what)?;
    ctl.elem_write(&element).map_err(error(what))?;
    Ok(())
}

/// A value for the element `id`, which messages call `what`.
pub fn filled(id: &ElemId, kind: ElemType, number: i32, what: &str) -> Verdict<ElemValue> {
    let mut element = ElemValue::new(kind).map_err(error(what))?;
    element.set_id(id);
    match kind {
        ElemType::Boolean => element.set_boolean(0, number != 0),
        ElemType::Enumerated => element.set_enumerated(0, number.unsigned_abs()),
        _ => element.set_integer(0, number),
    }
    .ok_or_else(|| Problem::Failed(format!("{what}: takes no {kind:?}")))?;
    Ok(element)
}

/// What an event says of an element.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// That its value has changed.
    Value,
    /// That it had better be looked at again.
    Info,
    Else,
}

/// The names of the elements of the end `at` of whose values events have come since the last call.
pub fn changed(ctl: &Ctl, at: Address) -> Verdict<Vec<String>> {
    let mut events = events_since(ctl)?;
    events.retain(|(id, _)| (id.get_device(), id.get_subdevice()) == (at.device, at.subdevice));
    Ok(told(&events, Told::Value))
}

/// The names of the elements that these events are about, if they say `what`.
pub fn told(events: &[(ElemId, Told)], what: Told) -> Vec<String> {
    let those = events.iter().filter(|(_, told)| *told == what);
    let mut names: Vec<String> = those
        .map(|(id, _)| id.get_name().unwrap_or_default().to_owned())
        .collect();
    names.sort();
    names
}

/// The names of all elements of whose values events have come since the last call.
pub fn all_changed(ctl: &Ctl) -> Verdict<Vec<String>> {
    Ok(told(&events_since(ctl)?, Told::Value))
}

/// How long nothing must come for all events to have come, in milliseconds: snd-rloop tells of what has
/// changed from a work item.
const QUIET: u32 = 100;

/// All events that have come since the last call, and that are on their way.
pub fn events_since(ctl: &Ctl) -> Verdict<Vec<(ElemId, Told)>> {
    let mut events = Vec::new();
    loop {
        ctl.wait(Some(QUIET)).map_err(error("control events"))?;
        match ctl.read() {
            Ok(Some(event)) => {
                let told = match event.get_mask() {
                    mask if mask.value() => Told::Value,
                    mask if mask.info() => Told::Info,
                    _ => Told::Else,
                };
                events.push((event.get_id(), told));
            }
            Ok(None) => return Ok(events),
            Err(e) if e.errno() == libc::EAGAIN => return Ok(events),
            Err(e) => return Err(error("control events")(e)),
        }
    }
}
