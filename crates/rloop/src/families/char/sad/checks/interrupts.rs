// SPDX-License-Identifier: MIT OR Apache-2.0

//! Linked recordings of many devices keep no processor from its interrupts for longer than a millisecond.

use std::fs::File;
use std::io::{ErrorKind, Write as _};

use rig::verdict::{Problem, Verdict};

use super::Plain;
use crate::alsa::pcm::{Address, Config, Stop};
use crate::alsa::signal::Format;
use crate::families::char::sad::Context;
use crate::families::char::sad::device::{Kind, Made};
use crate::families::char::sad::recorder::noise;
use crate::families::linked::{cards, group};
use crate::kernel::latency::LIMIT;
use crate::kernel::made::own_name;

pub const CHECKS: &[Plain] = &[
    (
        "interrupts/linked",
        BOUNDED,
        "the recordings of 24 devices of 8000 samples a second that never fall silent, linked and left alone, without wake-ups",
        |context| linked(context, 8_000, false),
    ),
    (
        "interrupts/linked-fast",
        BOUNDED,
        "the same of 192000 samples a second",
        |context| linked(context, 192_000, false),
    ),
    (
        "interrupts/linked-periods",
        BOUNDED,
        "the same, with wake-ups for periods of 1024 frames",
        |context| linked(context, 192_000, true),
    ),
];

/// What of the device's contract all are about.
const BOUNDED: &str = "a bounded cost";
/// Samples that each device can hold: enough for as long as nobody writes.
const BUFFER: usize = 1 << 18;

/// The recordings of many devices in one group, which starts and stops at once. Each converts what leaves.
fn linked(context: &mut Context, rate: u32, wakeups: bool) -> Verdict {
    let (shown, buffer) = (rate.to_string(), BUFFER.to_string());
    let parameters = [("rate", &*shown), ("format", "s16_le"), ("buffer", &buffer)];
    let devices = cards(|number| Made::named(&format!("{}-{number}", own_name()), &parameters))?;
    let open = |made: &Made| made.device.open(Kind::Leaves, false, libc::O_NONBLOCK);
    let files = devices.iter().map(open).collect::<Verdict<Vec<File>>>()?;
    let sound = noise("S16_LE", BUFFER, 1);
    let addresses: Vec<Address> = devices.iter().map(|made| made.device.recording()).collect();
    let config = Config {
        format: Format::named("FLOAT_LE")?,
        channels: 1,
        rate,
        stop: Stop::Never,
        period_wakeup: wakeups,
        ..Config::default()
    }
    .with_buffer(1024, 16);
    group(context, LIMIT, (&addresses, &config), |_| {
        files.iter().try_for_each(|file| fill(file, &sound))
    })
}

/// Writes as much of `sound` as there is room for.
fn fill(mut file: &File, sound: &[u8]) -> Verdict {
    match file.write(sound) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(()),
        Err(e) => Err(Problem::Failed(format!("write: {e}"))),
    }
}
