// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is written is recorded.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::FileTypeExt as _;
use std::thread;
use std::time::Duration;

use alsa::Direction;
use alsa::ctl::Ctl;
use rig::run::Context as _;
use rig::verdict::{Verdict, Within as _, ensure, fail};

use super::Plain;
use crate::alsa::signal::Format;
use crate::families::char::sad::Context;
use crate::families::char::sad::device::{Device, Kind, Made, failed};
use crate::families::char::sad::recorder::{Recorder, noise, same};

pub const CHECKS: &[Plain] = &[
    (
        "nodes/there",
        "three nodes",
        "the three devices are there, and are character devices",
        there,
    ),
    (
        "card/capture-only",
        "a card that is recorded from",
        "the card has a stream that is recorded from, at the converter's rate alone, and none that is played into",
        capture_only,
    ),
    (
        "sound/exact",
        "bit for bit",
        "twice as much as the FIFO holds, in writes of many sizes, is recorded bit for bit, without a gap",
        exact,
    ),
    (
        "sound/silence",
        "silence where nothing is written",
        "a card whose node nobody writes to records the format's silence, and at its rate",
        silence,
    ),
    (
        "sound/unheard",
        "sound leaves though nobody records",
        "what is written while nobody records leaves at the same rate",
        unheard,
    ),
    (
        "sound/converted",
        "other formats",
        "what is written as U8 is recorded as S16_LE, S32_LE and FLOAT_LE of the same level",
        converted,
    ),
];

/// Formats of numbers of up to 32 bits.
pub fn is_taken(format: Format) -> bool {
    format.bytes() <= 4 && !format.name().starts_with("DSD")
}

fn there(context: &mut Context) -> Verdict {
    for kind in [Kind::Waits, Kind::Drops, Kind::Leaves] {
        let node = context.device.node(kind);
        let kind = fs::metadata(&node).map_err(|e| failed("stat", &node, &e))?;
        ensure(kind.file_type().is_char_device(), || {
            format!("{} is no character device", node.display())
        })?;
    }
    Ok(())
}

fn capture_only(context: &mut Context) -> Verdict {
    let card = context.device.card;
    let ctl = match Ctl::new(&format!("hw:{card}"), true) {
        Ok(ctl) => ctl,
        Err(error) => return fail(format!("card {card}: {error}")),
    };
    let count = ctl.pcm_info(0, 0, Direction::Capture);
    let count = count.map(|info| info.get_subdevices_count());
    ensure(count == Ok(1), || format!("capture subdevices: {count:?}"))?;
    ensure(ctl.pcm_info(0, 0, Direction::Playback).is_err(), || {
        "it has a playback stream".to_owned()
    })?;
    let mut wrong = context.device.clone();
    wrong.rate *= 2;
    ensure(Recorder::start(&wrong, "U8").is_err(), || {
        format!("it can be recorded at {} Hz, too", wrong.rate)
    })
}

fn exact(context: &mut Context) -> Verdict {
    let device = &context.device;
    let sound = noise(&device.format, 2 * device.capacity as usize, 1);
    let recorder = Recorder::start(device, &device.format)?;
    let mut file = device.open(Kind::Waits, false, 0)?;
    // The first lasts for as long as a slow machine needs for the short ones.
    let (mut rest, mut sizes) = (&sound[..], [4_096, 1].into_iter());
    let mut size = 0;
    while !rest.is_empty() {
        size = sizes.next().unwrap_or(size * 2 % 9_973);
        let (now, later) = rest.split_at(size.min(rest.len()));
        file.write_all(now)
            .map_err(|e| failed("write", &device.node(Kind::Waits), &e))?;
        rest = later;
    }
    drop(file);
    same(&recorder.sound()?, &sound)
}

/// What is written in a format of its own is recorded in it.
pub fn in_format(name: &str) -> Verdict {
    let made = Made::new(&[("format", name), ("rate", "48000")])?;
    let device = &made.device;
    let sound = noise(name, 3_000, 2);
    let recorder = Recorder::start(device, name)?;
    write(device, Kind::Waits, &sound)?;
    same(&recorder.sound()?, &sound)
}

/// Opens a node, writes all of `sound`, and closes it.
pub fn write(device: &Device, kind: Kind, sound: &[u8]) -> Verdict {
    let mut file = device.open(kind, false, 0)?;
    let written = file.write_all(sound);
    written.map_err(|e| failed("write", &device.node(kind), &e))
}

fn silence(context: &mut Context) -> Verdict {
    let device = &context.device;
    let recorder = Recorder::start(device, &device.format)?;
    thread::sleep(Duration::from_millis(300));
    let heard = recorder.finish()?;
    let format = Format::named(&device.format)?;
    let frames = heard.len() / format.bytes();
    let least = u64::from(device.rate) * 3 / 10;
    ensure(frames as u64 >= least, || {
        format!("{frames} frames in 0.3 s, {least} are due")
    })?;
    let other = heard
        .chunks(format.bytes())
        .position(|sample| sample != format.silence());
    ensure(other.is_none(), || format!("frame {other:?} is not silent"))
}

fn unheard(context: &mut Context) -> Verdict {
    let device = &context.device;
    let before = device.state()?.number("strobed")?;
    write(device, Kind::Waits, &noise(&device.format, 2_000, 3))?;
    let after = device.state()?.number("strobed")?;
    ensure(after - before == 2_000, || {
        format!("2000 samples were written, {} have left", after - before)
    })
}

/// A format by its name in ALSA, and how it has a level of 8 bits.
type Converted = (&'static str, fn(i32) -> Vec<u8>);

fn converted(context: &mut Context) -> Verdict {
    let made = Made::new(&[("format", "U8"), ("rate", "48000")])?;
    let sound: Vec<u8> = (1..=255).rev().filter(|byte| *byte != 0x80).collect();
    let level = |byte: &u8| i32::from(*byte) - 128;
    let formats: [Converted; 3] = [
        ("S16_LE", |level| {
            ((level << 8) as i16).to_le_bytes().to_vec()
        }),
        ("S32_LE", |level| (level << 24).to_le_bytes().to_vec()),
        ("FLOAT_LE", |level| {
            (level as f32 / 128.0).to_le_bytes().to_vec()
        }),
    ];
    for (name, convert) in formats {
        let recorder = Recorder::start(&made.device, name)?;
        write(&made.device, Kind::Waits, &sound)?;
        let wanted: Vec<u8> = sound.iter().map(level).flat_map(convert).collect();
        same(&recorder.sound()?, &wanted).within(|| name.to_owned())?;
    }
    context.note("S16_LE, S32_LE and FLOAT_LE of 254 levels");
    Ok(())
}
