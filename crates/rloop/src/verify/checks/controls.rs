// SPDX-License-Identifier: MIT OR Apache-2.0

//! The control elements that snd-aloop's users rely on, in the crossed topology.

use std::ffi::CString;

use alsa::ctl::{Ctl, ElemId, ElemIface, ElemType, ElemValue};

use super::Plain;
use crate::card::Topology;
use crate::pcm::{Address, Config, Pcm, State};
use crate::signal::trace::Want;
use crate::verify::context::Context;
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

fn error(what: &str) -> impl Fn(alsa::Error) -> Problem + '_ {
    move |e| Problem::Failed(format!("{what}: {e}"))
}

fn open(context: &Context<'_>) -> Verdict<Ctl> {
    if context.card.topology != Topology::Crossed {
        return skip("only cards with topology=crossed have these");
    }
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
    let what = format!("\"{name}\" of {at}");
    let mut element = ElemValue::new(kind).map_err(error(&what))?;
    element.set_id(&id(name, at)?);
    ctl.elem_read(&mut element).map_err(error(&what))?;
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
    let mut element = ElemValue::new(ElemType::Boolean).map_err(error(&what))?;
    element.set_id(&id(name, at)?);
    element
        .set_boolean(0, on)
        .ok_or_else(|| Problem::Failed(format!("{what}: takes no boolean")))?;
    ctl.elem_write(&element).map_err(error(&what))?;
    Ok(())
}

/// The names of the elements of the capture end `at` whose events have come since the last call.
fn changed(ctl: &Ctl, at: Address) -> Verdict<Vec<String>> {
    let mut names = Vec::new();
    loop {
        let event = match ctl.read() {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(e) if e.errno() == libc::EAGAIN => break,
            Err(e) => return Err(error("control events")(e)),
        };
        let id = event.get_id();
        if (id.get_device(), id.get_subdevice()) == (at.device, at.subdevice) {
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
            let came = changed(&ctl, cable.capture)?;
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
    let came = changed(&ctl, cable.capture)?;
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
