// SPDX-License-Identifier: MIT OR Apache-2.0

//! The control elements that snd-aloop's users rely on, in the crossed topology.

use std::ffi::CString;
use std::thread;
use std::time::{Duration, Instant};

use alsa::ctl::{Ctl, ElemId, ElemIface, ElemType, ElemValue};

use super::Plain;
use crate::card::{Driver, Topology};
use crate::pcm::{Address, Config, Pcm, State, Stop};
use crate::signal::trace::Want;
use crate::verify::context::{Context, time_frames};
use crate::verify::problem::{OrFail, Problem, Verdict, Within, ensure, skip};
use crate::verify::rig::pump;

pub const CHECKS: &[Plain] = &[
    (
        "controls/names",
        "topology=crossed is a drop-in for snd-aloop",
        "each capture end has snd-aloop's rate shift and PCM Slave elements",
        names,
    ),
    (
        "controls/notify",
        "pcm_notify",
        "each capture end has the element PCM Notify",
        notify,
    ),
    (
        "controls/follow",
        "PCM Slave … are always true",
        "the PCM Slave elements follow what the player does",
        follow,
    ),
    (
        "controls/events",
        "PCM Slave … are always true",
        "an element's event comes when its value has changed, once, and else never",
        events,
    ),
    (
        "controls/pitch",
        "pitch in 1 ppm steps",
        "all names of the pitch are of one value, each change has its events, and what is not allowed is refused",
        pitch,
    ),
    (
        "controls/pitch-effect",
        "pitch in 1 ppm steps",
        "the position follows the pitch at once, to the frame, from 80 to 120 %",
        pitch_effect,
    ),
    (
        "controls/rate-now",
        "as in the UAC2 gadget a rate control reads 0 when nobody plays",
        "Capture Rate is the rate while a player runs, and else 0",
        rate_now,
    ),
    (
        "controls/rate-change",
        "the player changes rate, the reader stays open",
        "with PCM Notify on, 44.1, 96 and 48 kHz under an open recorder: it is stopped, sees the new rate, and gets all of it",
        rate_change,
    ),
];

/// Name, type and value of an idle end.
const ELEMENTS: [(&str, ElemType, Option<i32>); 6] = [
    ("PCM Rate Shift 100000", ElemType::Integer, Some(100_000)),
    ("PCM Slave Active", ElemType::Boolean, Some(0)),
    ("PCM Slave Format", ElemType::Integer, None),
    ("PCM Slave Rate", ElemType::Integer, None),
    ("PCM Slave Channels", ElemType::Integer, None),
    ("PCM Slave Access Mode", ElemType::Enumerated, None),
];

pub(super) fn error(what: &str) -> impl Fn(alsa::Error) -> Problem + '_ {
    move |e| Problem::Failed(format!("{what}: {e}"))
}

fn open(context: &Context<'_>) -> Verdict<Ctl> {
    if context.card.topology != Topology::Crossed {
        return skip("only cards with topology=crossed have these");
    }
    open_any(context)
}

pub(super) fn open_own(context: &Context<'_>) -> Verdict<Ctl> {
    if context.card.driver != Driver::SndRloop {
        return skip("only snd-rloop has these");
    }
    open_any(context)
}

fn open_any(context: &Context<'_>) -> Verdict<Ctl> {
    Ctl::new(&format!("hw:{}", context.card.index), true).map_err(error("control device"))
}

/// The element `name` of the capture end `at`.
fn id(name: &str, at: Address) -> Verdict<ElemId> {
    let mut id = ElemId::new(ElemIface::PCM);
    let name = CString::new(name).map_err(|e| Problem::Failed(e.to_string()))?;
    id.set_name(&name);
    id.set_device(at.device);
    id.set_subdevice(at.subdevice);
    Ok(id)
}

/// The value of an element of the capture end `at`, as a number.
fn value(ctl: &Ctl, name: &str, kind: ElemType, at: Address) -> Verdict<i32> {
    read(ctl, &id(name, at)?, kind, &format!("\"{name}\" of {at}"))
}

/// The value of the element `id`, which messages call `what`, as a number.
pub(super) fn read(ctl: &Ctl, id: &ElemId, kind: ElemType, what: &str) -> Verdict<i32> {
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

/// Switches a boolean element of the capture end `at`.
fn switch(ctl: &Ctl, name: &str, at: Address, on: bool) -> Verdict {
    let what = format!("\"{name}\" of {at}");
    write(ctl, &id(name, at)?, ElemType::Boolean, on.into(), &what)
}

/// Sets an integer element of the end `at`.
fn set(ctl: &Ctl, name: &str, at: Address, number: i32) -> Verdict {
    let what = format!("\"{name}\" of {at} to {number}");
    write(ctl, &id(name, at)?, ElemType::Integer, number, &what)
}

/// Sets the boolean or integer element `id`, which messages call `what`.
pub(super) fn write(ctl: &Ctl, id: &ElemId, kind: ElemType, number: i32, what: &str) -> Verdict {
    let mut element = ElemValue::new(kind).map_err(error(what))?;
    element.set_id(id);
    match kind {
        ElemType::Boolean => element.set_boolean(0, number != 0),
        _ => element.set_integer(0, number),
    }
    .ok_or_else(|| Problem::Failed(format!("{what}: takes no {kind:?}")))?;
    ctl.elem_write(&element).map_err(error(what))?;
    Ok(())
}

/// The names of the elements of the end `at` whose events have come since the last call.
fn changed(ctl: &Ctl, at: Address) -> Verdict<Vec<String>> {
    let of = |id: &ElemId| (id.get_device(), id.get_subdevice()) == (at.device, at.subdevice);
    changes(ctl, of)
}

/// The names of all elements whose events have come since the last call.
pub(super) fn all_changed(ctl: &Ctl) -> Verdict<Vec<String>> {
    changes(ctl, |_| true)
}

fn changes(ctl: &Ctl, wanted: impl Fn(&ElemId) -> bool) -> Verdict<Vec<String>> {
    let mut names = Vec::new();
    loop {
        let event = match ctl.read() {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(e) if e.errno() == libc::EAGAIN => break,
            Err(e) => return Err(error("control events")(e)),
        };
        let id = event.get_id();
        if wanted(&id) {
            names.push(id.get_name().unwrap_or_default().to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn names(context: &mut Context<'_>) -> Verdict {
    let ctl = open(context)?;
    for cable in context.card.cables() {
        for (name, kind, want) in ELEMENTS {
            let came = value(&ctl, name, kind, cable.capture)?;
            if let Some(want) = want {
                ensure(came == want, || {
                    format!("{} \"{name}\": expected {want}, came {came}", cable.capture)
                })?;
            }
        }
    }
    Ok(())
}

fn notify(context: &mut Context<'_>) -> Verdict {
    let ctl = open(context)?;
    for cable in context.card.cables() {
        value(&ctl, "PCM Notify", ElemType::Boolean, cable.capture)?;
    }
    Ok(())
}

fn follow(context: &mut Context<'_>) -> Verdict {
    let ctl = open(context)?;
    let cable = context.cable();
    let config = crate::pcm::Config {
        rate: 32_000,
        channels: 3,
        ..context.config()
    };
    let at = |name, kind| value(&ctl, name, kind, cable.capture);
    let mut player = context.player(&cable, &config)?;
    player.fill(config.buffer)?;
    player.pcm.start()?;
    for (name, kind, want) in [
        ("PCM Slave Active", ElemType::Boolean, 1),
        ("PCM Slave Format", ElemType::Integer, config.format.id()),
        ("PCM Slave Rate", ElemType::Integer, 32_000),
        ("PCM Slave Channels", ElemType::Integer, 3),
    ] {
        let came = at(name, kind)?;
        ensure(came == want, || {
            format!("\"{name}\" while a player runs: expected {want}, came {came}")
        })?;
    }
    player.pcm.stop()?;
    let active = at("PCM Slave Active", ElemType::Boolean)?;
    ensure(active == 0, || {
        format!("\"PCM Slave Active\" after the player's stop: expected 0, came {active}")
    })
}

/// Something to do with a stream.
type Step<'a> = &'a dyn Fn(&Pcm) -> crate::pcm::Result<()>;

/// Those of snd-aloop's elements.
fn aloops(mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| name.starts_with("PCM"));
    names
}

fn events(context: &mut Context<'_>) -> Verdict {
    let ctl = open(context)?;
    let (cable, config) = (context.cable(), context.config());
    let mut player = context.player(&cable, &config)?;
    ctl.subscribe_events(true)
        .map_err(error("control events"))?;
    changed(&ctl, cable.capture)?;
    for round in 0..3 {
        player.fill(config.period)?;
        // Events of an element that nobody has read yet become one: after each step they are read.
        let steps: [(&str, Step<'_>, &[&str]); 5] = [
            ("start", &Pcm::start, &["PCM Slave Active"]),
            ("pause", &|pcm| pcm.pause(true), &["PCM Slave Active"]),
            ("resume", &|pcm| pcm.pause(false), &["PCM Slave Active"]),
            ("stop", &Pcm::stop, &["PCM Slave Active"]),
            ("prepare", &Pcm::prepare, &[]),
        ];
        for (what, step, want) in steps {
            step(&player.pcm)?;
            let came = aloops(changed(&ctl, cable.capture)?);
            ensure(came == want, || {
                format!("{what}, round {round}: expected events of {want:?}, came {came:?}")
            })?;
        }
        player.written = 0;
    }
    player.pcm.configure(&Config {
        rate: 32_000,
        ..config
    })?;
    let came = aloops(changed(&ctl, cable.capture)?);
    ensure(came == ["PCM Slave Rate"], || {
        format!("expected an event of \"PCM Slave Rate\" alone for another rate, came {came:?}")
    })
}

fn rate_change(context: &mut Context<'_>) -> Verdict {
    let ctl = open(context)?;
    let at = context.cable().capture;
    switch(&ctl, "PCM Notify", at, true)?;
    let result = rate_changes(context, &ctl);
    switch(&ctl, "PCM Notify", at, false)?;
    result
}

fn rate_changes(context: &mut Context<'_>, ctl: &Ctl) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let at = |rate| Config { rate, ..config };
    let mut player = context.player(&cable, &at(44_100))?;
    let mut recorder = context.recorder(&cable, &at(44_100))?;
    ctl.subscribe_events(true)
        .map_err(error("control events"))?;
    for (rate, next) in [(44_100, 96_000), (96_000, 48_000), (48_000, 44_100)] {
        let what = || format!("{rate} Hz, then {next}");
        player.fill(config.buffer)?;
        recorder.pcm.start()?;
        player.pcm.start()?;
        pump(
            Some(&mut player),
            Some(&mut recorder),
            config.buffer,
            config.buffer / 2,
        )?;
        changed(ctl, cable.capture)?;
        player.pcm.drain()?;
        recorder.read_all()?;
        recorder
            .trace(&player.seq, player.written)
            .expect(&[
                Want::Silence(0..=config.buffer),
                Want::Sequence(0..=0, config.buffer..=config.buffer),
                Want::Silence(0..=u64::MAX),
            ])
            .or_fail()
            .within(what)?;
        drop(player);
        player = context.player(&cable, &at(next)).within(what)?;
        let events = changed(ctl, cable.capture)?;
        ensure(events.iter().any(|name| name == "PCM Slave Rate"), || {
            format!(
                "{}: expected an event of \"PCM Slave Rate\", came {events:?}",
                what()
            )
        })?;
        let shown = value(ctl, "PCM Slave Rate", ElemType::Integer, cable.capture)?;
        ensure(u32::try_from(shown) == Ok(next), || {
            format!("{}: \"PCM Slave Rate\" is {shown}", what())
        })?;
        let state = recorder.pcm.state();
        ensure(matches!(state, State::Draining | State::Setup), || {
            format!("{}: expected the recorder stopped, came {state:?}", what())
        })?;
        drop(recorder);
        recorder = context.recorder(&cable, &at(next)).within(what)?;
    }
    Ok(())
}

const SHIFT: &str = "PCM Rate Shift 100000";
const CAPTURE_PITCH: &str = "Capture Pitch 1000000";
const PLAYBACK_PITCH: &str = "Playback Pitch 1000000";

fn pitch(context: &mut Context<'_>) -> Verdict {
    let ctl = open_own(context)?;
    let cable = context.cable();
    let result = pitches(context, &ctl);
    // Whatever has come of it, the other checks want the nominal rate.
    set(&ctl, CAPTURE_PITCH, cable.capture, 1_000_000)?;
    result
}

fn pitches(context: &mut Context<'_>, ctl: &Ctl) -> Verdict {
    let cable = context.cable();
    let crossed = context.card.topology == Topology::Crossed;
    let mut names = vec![
        (CAPTURE_PITCH, cable.capture, 1),
        (PLAYBACK_PITCH, cable.playback, 1),
    ];
    if crossed {
        names.push((SHIFT, cable.capture, 10));
    }
    ctl.subscribe_events(true)
        .map_err(error("control events"))?;
    for &(name, at, unit) in &names {
        for pitch in [800_000, 1_200_000, 999_990, 1_000_010] {
            set(ctl, name, at, pitch / unit)?;
            for &(other, at, unit) in &names {
                let came = value(ctl, other, ElemType::Integer, at)?;
                ensure(came == pitch / unit, || {
                    format!("\"{name}\" set to {pitch} millionths: \"{other}\" is {came}")
                })?;
            }
        }
        for (number, what) in [(799_999 / unit, "less"), (1_200_010 / unit, "more")] {
            ensure(set(ctl, name, at, number).is_err(), || {
                format!("\"{name}\": {number} is accepted, {what} than is allowed")
            })?;
        }
    }
    // A millionth is none of snd-aloop's hundred-thousandths: that element has not changed.
    set(ctl, CAPTURE_PITCH, cable.capture, 1_000_000)?;
    all_changed(ctl)?;
    set(ctl, CAPTURE_PITCH, cable.capture, 1_000_001)?;
    let events = all_changed(ctl)?;
    ensure(events == [CAPTURE_PITCH, PLAYBACK_PITCH], || {
        format!("one millionth more: expected an event of each Pitch, came {events:?}")
    })?;
    set(ctl, CAPTURE_PITCH, cable.capture, 1_000_001)?;
    let events = all_changed(ctl)?;
    ensure(events.is_empty(), || {
        format!("the same pitch again: expected no event, came {events:?}")
    })
}

fn pitch_effect(context: &mut Context<'_>) -> Verdict {
    let ctl = open_own(context)?;
    let cable = context.cable();
    let result = pitch_effects(context, &ctl);
    set(&ctl, CAPTURE_PITCH, cable.capture, 1_000_000)?;
    result
}

/// A stream at the highest rate is asked for its position right before and after a new pitch, and
/// again when that has been in effect for a while.
fn pitch_effects(context: &mut Context<'_>, ctl: &Ctl) -> Verdict {
    let cable = context.cable();
    let rate = *context.space.rate.end();
    let config = Config {
        rate,
        stop: Stop::Never,
        ..Config::default()
    }
    .with_buffer(u64::from(rate) / 8, 8);
    let mut pcm = Pcm::open(cable.capture)?;
    pcm.configure(&config)?;
    pcm.start()?;
    let read = || -> Verdict<(Instant, u64, Instant)> {
        let before = Instant::now();
        let frame = pcm.avail()?;
        Ok((before, frame, Instant::now()))
    };
    let mut old = 1_000_000;
    for new in [1_200_000, 800_000, 1_000_001, 999_999] {
        let first = read()?;
        let setting = Instant::now();
        set(ctl, CAPTURE_PITCH, cable.capture, new)?;
        let set = Instant::now();
        thread::sleep(Duration::from_millis(400));
        let last = read()?;
        let frames = |time: Duration, pitch: i32| time_frames(time, rate) * f64::from(pitch) / 1e6;
        // At the old pitch until some moment of the call, at the new one from there on.
        let bound = |begin: Instant, end: Instant, change: Instant| {
            frames(change - begin, old) + frames(end - change, new)
        };
        let changes = [setting, set];
        let low = changes.map(|change| bound(first.2, last.0, change));
        let high = changes.map(|change| bound(first.0, last.2, change));
        let (low, high) = (low[0].min(low[1]) - 1.0, high[0].max(high[1]) + 1.0);
        let came = (last.1 - first.1) as f64;
        ensure(came >= low && came <= high, || {
            format!("pitch {old}, then {new}: expected {low:.1} to {high:.1} frames, came {came}")
        })?;
        context.note(format!(
            "{new}: ±{:.1} frames of {came}",
            (high - low) / 2.0
        ));
        old = new;
    }
    Ok(())
}

fn rate_now(context: &mut Context<'_>) -> Verdict {
    const NAME: &str = "Capture Rate";
    let ctl = open_own(context)?;
    let (cable, config) = (context.cable(), context.config());
    let is = |when: &str, want: u32| {
        let came = value(&ctl, NAME, ElemType::Integer, cable.capture)?;
        ensure(u32::try_from(came) == Ok(want), || {
            format!("\"{NAME}\" {when}: expected {want}, came {came}")
        })
    };
    is("with nobody there", 0)?;
    let mut player = context.player(&cable, &config)?;
    player.fill(config.buffer)?;
    is("with a player that does not run", 0)?;
    player.pcm.start()?;
    is("while a player runs", config.rate)?;
    player.pcm.pause(true)?;
    is("while a player pauses", 0)?;
    player.pcm.pause(false)?;
    is("while a player runs again", config.rate)?;
    drop(player);
    is("after a player has gone", 0)
}
