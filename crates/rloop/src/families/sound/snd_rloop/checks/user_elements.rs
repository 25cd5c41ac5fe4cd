// SPDX-License-Identifier: MIT OR Apache-2.0

//! Control elements that programs make, under the names of the driver's: each is told of by whoever has made it, and by
//! nobody else.

use std::collections::HashSet;
use std::io;

use crate::alsa::pcm::{Access, Config, Stop};
use crate::alsa::raw::ctl::Control;
use crate::alsa::raw::element::{Event, Id, Info, Kind, Value};
use crate::families::sound::loopback::Card;
use crate::families::sound::loopback::elements::{
    DELAY, MIXER_NAMES, NOTIFY, PITCH, STREAM_NAMES, open_any, set, switch,
};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure};

pub const CHECKS: &[Plain] = &[(
    "controls/user-elements",
    "locks and lifetimes",
    "elements that a program makes under the driver's names, where the driver has none, get no events from it, nor its from them; it keeps its own",
    user_elements,
)];

/// How long nothing must come for all events to have come, in milliseconds.
const QUIET: u16 = 100;

fn failed(what: &str) -> impl Fn(io::Error) -> Problem + '_ {
    move |e| Problem::Failed(format!("{what}: {e}"))
}

/// All ids of names of the driver's, at each place of the card.
fn ids(card: &Card) -> Vec<Id> {
    let mut ends: Vec<_> = card.cables().iter().map(|cable| cable.playback).collect();
    ends.extend(card.cables().iter().map(|cable| cable.capture));
    ends.extend(card.readers().iter().map(|cable| cable.capture));
    let streams = ends
        .iter()
        .flat_map(|at| STREAM_NAMES.iter().map(|name| Id::of_stream(name, *at)));
    let mixers = (0..card.cables().len() as u32).flat_map(|number| {
        MIXER_NAMES
            .iter()
            .map(move |name| Id::of_mixer(name, number))
    });
    let all: HashSet<Id> = streams.chain(mixers).collect();
    all.into_iter().collect()
}

/// Elements that go with this value.
struct Made<'a> {
    control: &'a Control,
    ids: Vec<Id>,
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        for id in &self.ids {
            // There is nobody to tell.
            let _ = self.control.remove(&mut { *id });
        }
    }
}

fn events(listener: &Control) -> Verdict<Vec<Event>> {
    let mut events = Vec::new();
    loop {
        let before = events.len();
        Control::wait(std::slice::from_ref(listener), QUIET).map_err(failed("control events"))?;
        while let Some(event) = listener.event().map_err(failed("control events"))? {
            events.push(event);
        }
        if events.len() == before {
            return Ok(events);
        }
    }
}

/// Refused with this error.
fn refused(what: &str, id: Id, result: io::Result<()>, want: i32) -> Verdict {
    let came = result.err().and_then(|e| e.raw_os_error());
    ensure(came == Some(want), || {
        format!("{what} the driver's own {id:?}: expected error {want}, came {came:?}")
    })
}

fn user_elements(context: &mut Context) -> Verdict {
    let open = || Control::open(context.card.index).map_err(failed("control device"));
    let (program, listener) = (open()?, open()?);
    listener.subscribe(true).map_err(failed("control events"))?;
    let mut made = Made {
        control: &program,
        ids: Vec::new(),
    };
    let mut theirs = HashSet::new();
    for id in ids(&context.card) {
        let mut info = Info::of(id);
        if program.info(&mut info).is_err() {
            let mut info = Info::new(id, Kind::Integer, 1, 1, 0);
            program.add(&mut info).map_err(failed("a new element"))?;
            // Linux does not give its number to a program with 32 bits on a kernel with 64, unless that asks.
            let asked = program.info(&mut info);
            made.ids.push(info.id);
            asked.map_err(failed("a new element"))?;
        } else if !info.is_users() {
            theirs.insert(id);
            let new = || Info::new(id, Kind::Integer, 1, 1, 0);
            if theirs.len() == 1 {
                // The kernel writes a line to its log for each.
                let add = program.add(&mut new());
                refused("another beside", id, add, libc::EBUSY)?;
            }
            let replace = program.replace(&mut new());
            refused("replacing", id, replace, libc::EINVAL)?;
            refused("removing", id, program.remove(&mut { id }), libc::EINVAL)?;
        }
    }
    let count = made.ids.len();
    context.note(format!("{count} made, {} of the driver's", theirs.len()));
    let ours: HashSet<Id> = made.ids.iter().copied().collect();
    events(&listener)?;
    use_all(context, &theirs)?;
    let came = events(&listener)?;
    ensure(came.iter().any(Event::tells) || theirs.is_empty(), || {
        "the driver has told of nothing".to_owned()
    })?;
    let wrong: Vec<Id> = came
        .iter()
        .filter(|event| event.tells() && ours.iter().any(|id| id.named() == event.id.named()))
        .map(|event| event.id)
        .collect();
    ensure(wrong.is_empty(), || {
        format!("the driver tells of elements that are not its own: {wrong:?}")
    })?;
    // And the other way round.
    for id in &made.ids {
        program
            .write(&mut Value::new(*id, 1))
            .map_err(failed("writing to an element"))?;
    }
    let told: HashSet<Id> = events(&listener)?.iter().map(|event| event.id).collect();
    ensure(told == ours, || {
        let (more, less) = (told.difference(&ours), ours.difference(&told));
        format!(
            "a program has written to its elements: events of others came ({:?}), or none of these ({:?})",
            more.collect::<Vec<_>>(),
            less.collect::<Vec<_>>()
        )
    })
}

/// Lets all elements of the first cable change that the driver has; `theirs` are its own.
fn use_all(context: &mut Context, theirs: &HashSet<Id>) -> Verdict {
    let (cable, ctl) = (context.cable(), open_any(&context.card)?);
    let usual = Config {
        stop: Stop::Never,
        ..context.config()
    };
    let other = Config {
        access: Access::RwNoninterleaved,
        rate: 32_000,
        channels: 3,
        ..usual
    };
    for config in [other, usual] {
        let mut player = context.player(&cable, &config)?;
        player.fill(config.period)?;
        for _ in 0..3 {
            player.pcm.start()?;
            player.pcm.pause(true)?;
            player.pcm.pause(false)?;
            player.pcm.stop()?;
            player.pcm.prepare()?;
        }
    }
    for (name, at, values) in [
        (PITCH, cable.playback, [1_000_001, 1_000_000]),
        (DELAY, cable.playback, [1, 0]),
    ] {
        if theirs.contains(&Id::of_stream(name, at)) {
            set(&ctl, name, at, values[0])?;
            set(&ctl, name, at, values[1])?;
        }
    }
    if theirs.contains(&Id::of_stream(NOTIFY, cable.capture)) {
        switch(&ctl, NOTIFY, cable.capture, true)?;
        switch(&ctl, NOTIFY, cable.capture, false)?;
    }
    Ok(())
}
