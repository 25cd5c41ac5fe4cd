// SPDX-License-Identifier: MIT OR Apache-2.0

//! The control elements that snd-aloop's users rely on, in the crossed topology, and the rate now.

use std::thread;

use alsa::ctl::{Ctl, ElemType};

use crate::alsa::pcm::{Access, Config, Pcm, State, Stop, frames_time};
use crate::alsa::problem::{slow, xrun};
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::elements::{
    changed, error, open_any, open_own, switch, value,
};
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::loopback::{Cable, Driver, Topology};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use crate::families::sound::status::{self, CableStatus};
use rig::verdict::{OrFail, Verdict, Within, ensure, skip};

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
        "each capture end has the element PCM Notify, which switches that cable and no other",
        notify,
    ),
    (
        "controls/follow",
        "PCM Slave … are always true",
        "the PCM Slave elements of each cable follow what its player does, and no other's",
        follow,
    ),
    (
        "controls/drain",
        "PCM Slave … are always true",
        "PCM Slave Active stays on until a drain has ended",
        drain,
    ),
    (
        "controls/events",
        "PCM Slave … are always true",
        "an element's event comes when its value has changed, once, and else never",
        events,
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
    (
        "controls/same-rate",
        "the player changes rate, the reader stays open",
        "with PCM Notify on, a player with the recorder's own parameters leaves it alone",
        same_rate,
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

fn open(context: &Context) -> Verdict<Ctl> {
    if context.card.topology != Topology::Crossed {
        return skip("only cards with topology=crossed have these");
    }
    open_any(&context.card)
}

fn names(context: &mut Context) -> Verdict {
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

/// What `cable#N` of snd-rloop shows.
pub(super) fn shown(context: &Context, cable: &Cable) -> Verdict<CableStatus> {
    let number = context.card.cable_number(cable);
    Ok(status::cable(&context.card, number)?)
}

/// Each in turn is switched to the other value and back.
fn notify(context: &mut Context) -> Verdict {
    const NAME: &str = "PCM Notify";
    let ctl = open(context)?;
    let cables = context.card.cables();
    let all = || -> Verdict<Vec<bool>> {
        let one = |cable: &Cable| Ok(value(&ctl, NAME, ElemType::Boolean, cable.capture)? != 0);
        cables.iter().map(one).collect()
    };
    let before = all()?;
    for (number, cable) in cables.iter().enumerate() {
        let mut want = before.clone();
        want[number] = !before[number];
        switch(&ctl, NAME, cable.capture, want[number])?;
        let came = all()?;
        let shown = match context.card.driver {
            Driver::SndRloop => shown(context, cable)?.notify,
            Driver::SndAloop => Some(want[number]),
        };
        ensure(shown == Some(want[number]), || {
            format!(
                "\"{NAME}\" of {} is {}: cable#N shows {shown:?}",
                cable.capture, want[number]
            )
        })?;
        switch(&ctl, NAME, cable.capture, before[number])?;
        let after = all()?;
        for (what, came, want) in [
            ("switched", came, want),
            ("and back", after, before.clone()),
        ] {
            ensure(came == want, || {
                format!(
                    "\"{NAME}\" of {} {what}: expected {want:?} on the cables, came {came:?}",
                    cable.capture
                )
            })?;
        }
    }
    Ok(())
}

fn follow(context: &mut Context) -> Verdict {
    let ctl = open(context)?;
    let cables = context.card.cables();
    let (usual, offered) = (context.config(), &context.space.formats);
    let other = offered.iter().find(|format| **format != usual.format);
    let config = Config {
        format: *other.unwrap_or(&usual.format),
        access: Access::RwNoninterleaved,
        rate: 32_000,
        channels: 3,
        stop: Stop::Never,
        ..usual
    };
    let active = || -> Verdict<Vec<i32>> {
        let of = |c: &Cable| value(&ctl, "PCM Slave Active", ElemType::Boolean, c.capture);
        cables.iter().map(of).collect()
    };
    for (number, cable) in cables.iter().enumerate() {
        let mut player = context.player(cable, &config)?;
        player.fill(config.buffer)?;
        player.pcm.start()?;
        for (name, kind, want) in [
            ("PCM Slave Format", ElemType::Integer, config.format.id()),
            ("PCM Slave Rate", ElemType::Integer, 32_000),
            ("PCM Slave Channels", ElemType::Integer, 3),
            ("PCM Slave Access Mode", ElemType::Enumerated, 1),
        ] {
            let came = value(&ctl, name, kind, cable.capture)?;
            ensure(came == want, || {
                format!("\"{name}\" while a player runs: expected {want}, came {came}")
            })?;
        }
        let mut want = vec![0; cables.len()];
        for (what, on) in [("runs", 1), ("has stopped", 0)] {
            want[number] = on;
            if on == 0 {
                player.pcm.stop()?;
            }
            let came = active()?;
            ensure(came == want, || {
                format!(
                    "the player of {} {what}: expected \"PCM Slave Active\" {want:?} on the cables, came {came:?}",
                    cable.capture
                )
            })?;
        }
    }
    Ok(())
}

/// A player that drains still plays.
fn drain(context: &mut Context) -> Verdict {
    let ctl = open(context)?;
    let (cable, config) = (context.cable(), context.config());
    let active = || value(&ctl, "PCM Slave Active", ElemType::Boolean, cable.capture);
    let mut player = context.player(&cable, &config)?;
    player.fill(config.buffer)?;
    player.pcm.start()?;
    player.pcm.begin_drain()?;
    let during = active()?;
    if player.pcm.state() != State::Draining {
        return Err(slow("the drain had ended before it was looked at"));
    }
    player.pcm.drain()?;
    for (what, came, want) in [("during", during, 1), ("after", active()?, 0)] {
        ensure(came == want, || {
            format!("\"PCM Slave Active\" {what} a drain: expected {want}, came {came}")
        })?;
    }
    Ok(())
}

/// Something to do with a stream.
type Step<'a> = &'a dyn Fn(&Pcm) -> crate::alsa::pcm::Result<()>;

/// Those of snd-aloop's elements.
fn aloops(mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| name.starts_with("PCM"));
    names
}

fn events(context: &mut Context) -> Verdict {
    let ctl = open(context)?;
    let cable = context.cable();
    // An xrun would be an event, too.
    let config = Config {
        stop: Stop::Never,
        ..context.config()
    };
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

fn rate_change(context: &mut Context) -> Verdict {
    with_notify(context, rate_changes)
}

/// Runs a check with PCM Notify on.
fn with_notify(
    context: &mut Context,
    check: impl FnOnce(&mut Context, &Ctl) -> Verdict,
) -> Verdict {
    let ctl = open(context)?;
    let at = context.cable().capture;
    switch(&ctl, "PCM Notify", at, true)?;
    let result = check(context, &ctl);
    switch(&ctl, "PCM Notify", at, false)?;
    result
}

/// A recorder that is to be stopped would be so well within two periods.
fn same_rate(context: &mut Context) -> Verdict {
    with_notify(context, |context, ctl| {
        let cable = context.cable();
        let config = Config {
            stop: Stop::Never,
            ..context.config()
        };
        let recorder = context.recorder(&cable, &config)?;
        recorder.pcm.start()?;
        // Whatever has been played before, from here on nothing changes.
        let mut player = context.player(&cable, &config)?;
        ctl.subscribe_events(true)
            .map_err(error("control events"))?;
        changed(ctl, cable.capture)?;
        for round in 0..3 {
            player.pcm.prepare()?;
            player.pcm.configure(&config)?;
            thread::sleep(frames_time(2 * config.period, config.rate));
            let state = recorder.pcm.state();
            ensure(state == State::Running, || {
                format!("prepare {round}: expected the recorder running, came {state:?}")
            })?;
        }
        let events = changed(ctl, cable.capture)?;
        ensure(events.is_empty(), || {
            format!("expected no events, came those of {events:?}")
        })
    })
}

fn rate_changes(context: &mut Context, ctl: &Ctl) -> Verdict {
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
        if state == State::Xrun {
            let text = format!("{}: the recorder was full before it was stopped", what());
            return Err(xrun(text));
        }
        ensure(matches!(state, State::Draining | State::Setup), || {
            format!("{}: expected the recorder stopped, came {state:?}", what())
        })?;
        drop(recorder);
        recorder = context.recorder(&cable, &at(next)).within(what)?;
    }
    Ok(())
}

fn rate_now(context: &mut Context) -> Verdict {
    const NAME: &str = "Capture Rate";
    let ctl = open_own(&context.card)?;
    let cable = context.cable();
    let config = Config {
        stop: Stop::Never,
        ..context.config()
    };
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
