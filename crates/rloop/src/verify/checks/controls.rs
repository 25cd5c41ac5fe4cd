// SPDX-License-Identifier: MIT OR Apache-2.0

//! The control elements that snd-aloop's users rely on, in the crossed topology.

use alsa::ctl::{Ctl, ElemId, ElemIface, ElemType, ElemValue};

use super::Plain;
use crate::card::{Driver, Topology};
use crate::verify::context::Context;
use crate::verify::problem::{Problem, Verdict, ensure, skip};

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

/// The value of an element of the capture end (device, subdevice), as a number.
fn value(ctl: &Ctl, name: &str, kind: ElemType, device: u32, subdevice: u32) -> Verdict<i32> {
    let what = format!("\"{name}\" of device {device}, subdevice {subdevice}");
    let mut id = ElemId::new(ElemIface::PCM);
    let c_name = std::ffi::CString::new(name).map_err(|e| Problem::Failed(e.to_string()))?;
    id.set_name(&c_name);
    id.set_device(device);
    id.set_subdevice(subdevice);
    let mut element = ElemValue::new(kind).map_err(error(&what))?;
    element.set_id(&id);
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

fn names(context: &mut Context<'_>) -> Verdict {
    let ctl = open(context)?;
    for cable in context.card.cables() {
        for (name, kind, want) in ELEMENTS {
            let came = value(
                &ctl,
                name,
                kind,
                cable.capture.device,
                cable.capture.subdevice,
            )?;
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
        let read = value(
            &ctl,
            "PCM Notify",
            ElemType::Boolean,
            cable.capture.device,
            cable.capture.subdevice,
        );
        if context.card.driver == Driver::SndRloop && read.is_err() {
            return skip("this version of snd-rloop has no pcm_notify yet");
        }
        read?;
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
    let at = |name, kind| {
        value(
            &ctl,
            name,
            kind,
            cable.capture.device,
            cable.capture.subdevice,
        )
    };
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
