// SPDX-License-Identifier: GPL-2.0-only

//! A cable whose delay is made longer and shorter while frames run.

use std::error::Error;

use driver_model::format::{Format, FORMATS};
use driver_model::layout::{Access, Layout};
use driver_model::stream::{Buffer as _, Params, Pointers, Setup};
use snd_rloop_model::cable::Cable;
use snd_rloop_model::end::{End, Port};

use crate::memory::{Fake, Slot};
use crate::plot::{Axis, Plot};
use crate::{MS, RATE, START};

const CAPTURE: Port = Port::Capture(0);
/// Both buffers, in frames: long enough for the whole picture.
const BUFFER: u64 = 24_000;
/// The delay at first, from the first change on and from the second change on, in milliseconds.
const DELAYS: [u64; 3] = [10, 30, 10];
/// When it is changed, and when the picture ends, in milliseconds.
const LONGER: u64 = 60;
const SHORTER: u64 = 140;
const LAST: u64 = 340;

type Both = Cable<Fake, Vec<End<Fake>>>;

/// How old the newest frame is that the capture end has, in milliseconds, against time.
pub(crate) fn plot() -> Result<Plot, Box<dyn Error>> {
    let format = FORMATS
        .iter()
        .find(|format| format.name == "S32_LE")
        .ok_or("no such format")?;
    let params = Params {
        format,
        rate: RATE,
        channels: 1,
    };
    let mut cable: Both = Cable::new(vec![End::new()]);
    let ends = [Port::Playback, CAPTURE].map(|port| (port, buffer(format)));
    for (port, buffer) in &ends {
        let setup = Setup {
            period: BUFFER / 2,
            buffer: BUFFER,
            wakeups: true,
            access: Access::RwInterleaved,
        };
        cable.open(*port);
        cable
            .prepare(*port, params, setup, buffer.clone())
            .map_err(|why| format!("{why:?}"))?;
    }
    let [(_, played), (_, captured)] = &ends;
    // All is written beforehand, each frame with its number.
    for frame in 0..BUFFER {
        played.0.put(frame, Slot::Frame(frame), format);
    }
    point(played, 0, BUFFER);
    set_delay(&mut cable, &params, DELAYS[0], START);
    cable.start(Port::Playback, START);
    cable.start(CAPTURE, START);

    // Pieces between which there is silence.
    let mut pieces: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for ms in 0..=LAST {
        let now = START + ms * MS;
        cable.advance(now);
        match ms {
            LONGER => set_delay(&mut cable, &params, DELAYS[1], now),
            SHORTER => set_delay(&mut cable, &params, DELAYS[2], now),
            _ => {}
        }
        let newest = cable.end(CAPTURE).position.checked_sub(1);
        let position = cable.end(Port::Playback).position;
        let heard = newest.and_then(|slot| {
            (0..position)
                .rev()
                .find(|frame| captured.0.holds(slot, Slot::Frame(*frame), format))
        });
        match (heard, pieces.last_mut()) {
            (Some(frame), Some(piece)) => {
                let age = (position - 1 - frame) as f64 * 1e3 / f64::from(RATE);
                piece.push((ms as f64, age));
            }
            (None, Some(piece)) if !piece.is_empty() => pieces.push(Vec::new()),
            _ => {}
        }
    }

    let mut plot = Plot::new(
        "A delay made longer and shorter: how old the frames are that a reader gets, against time",
        Axis {
            title: "time, ms",
            to: LAST as f64,
            step: 20.0,
        },
        Axis {
            title: "age of the frame that is heard, ms",
            to: 40.0,
            step: 10.0,
        },
    );
    if let [before, after] = &pieces[..] {
        let [.., end] = DELAYS.map(|delay| delay as f64);
        let there = after.iter().find(|at| at.1 <= end);
        if let (Some(last), Some(first), Some(there)) = (before.last(), after.first(), there) {
            plot.stretch("box", last.0, first.0, "silence");
            plot.stretch(
                "capture",
                SHORTER as f64,
                there.0,
                "nine frames in the time of eight",
            );
        }
    }
    for piece in &pieces {
        plot.line("captureline", piece);
    }
    plot.words("capturetext small", 4.0, 12.0, "delay 10 ms");
    plot.words("capturetext small", 84.0, 32.0, "30 ms, at once");
    plot.words(
        "capturetext small",
        232.0,
        22.0,
        "back to 10 ms: no frame is lost",
    );
    Ok(plot)
}

/// A buffer of silence.
fn buffer(format: &Format) -> Fake {
    let layout = Layout {
        frames: BUFFER,
        channels: 1,
        sample: format.bytes.into(),
        plane: None,
    };
    let buffer = Fake::new(layout, 0);
    point(&buffer, 0, 0);
    buffer
}

/// Sets the pointers that ALSA keeps about a stream.
fn point(buffer: &Fake, hw: u64, appl: u64) {
    let boundary = buffer.layout().frames << 10;
    buffer.0.pointers.set(Pointers {
        hw,
        appl,
        boundary,
        stop_threshold: boundary,
    });
}

/// Sets the delay, in milliseconds.
fn set_delay(cable: &mut Both, params: &Params, delay: u64, now: u64) {
    let delay = delay * u64::from(RATE) / 1_000;
    let line = cable.needed_delay_line(params, Some(delay));
    let line = line.map(|layout| Fake::new(layout, 0));
    drop(cable.set_delay(delay, line, now));
    while !cable.continue_replacement(&mut None) {}
}
