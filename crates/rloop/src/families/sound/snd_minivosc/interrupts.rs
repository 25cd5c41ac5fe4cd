// SPDX-License-Identifier: MIT OR Apache-2.0

//! Linked streams of many cards keep no processor from its interrupts for longer than a millisecond.

use std::thread;
use std::time::Instant;

use rig::check::Plain;
use rig::verdict::{Verdict, skip};

use super::Context;
use super::own_card::OwnCard;
use crate::alsa::card::seen;
use crate::alsa::pcm::{Config, Pcm, Stop};
use crate::alsa::root::Root;
use crate::kernel::latency::{LIMIT, bounded};

pub const CHECKS: &[Plain<Context>] = &[
    (
        "interrupts/linked",
        BOUNDED,
        "the streams of 24 cards at 48 kHz, linked and left alone, without wake-ups",
        |context| linked(context, 48_000, 2, false),
    ),
    (
        "interrupts/linked-fast",
        BOUNDED,
        "the same at 192 kHz",
        |context| linked(context, 192_000, 2, false),
    ),
    (
        "interrupts/linked-periods",
        BOUNDED,
        "the same, with wake-ups for periods of 1024 frames",
        |context| linked(context, 192_000, 2, true),
    ),
    (
        "interrupts/linked-wide",
        BOUNDED,
        "the same at 48 kHz, of 32 channels, without wake-ups",
        |context| linked(context, 48_000, 32, false),
    ),
];

/// What of the card's contract all are about.
const BOUNDED: &str = "a bounded cost";
/// Of the cards that ALSA has room for.
const CARDS: usize = 24;
/// How many those are: without and with `CONFIG_SND_DYNAMIC_MINORS`.
const ROOM: [usize; 2] = [8, 32];

/// The streams of many cards in one group, which starts and stops at once.
fn linked(context: &mut Context, rate: u32, channels: u32, wakeups: bool) -> Verdict {
    let mut cards = Vec::new();
    for number in 0..CARDS {
        let card = OwnCard::named(&format!("rloopcheck{number}"))?;
        match card.enable() {
            Ok(at) => cards.push((card, at)),
            Err(problem) if ROOM.contains(&seen(&Root::default()).len()) => {
                return skip(format!(
                    "{CARDS} cards are needed, {number} could be made: {problem}"
                ));
            }
            Err(problem) => return Err(problem),
        }
    }
    let config = Config {
        rate,
        channels,
        stop: Stop::Never,
        period_wakeup: wakeups,
        ..Config::default()
    }
    .with_buffer(1024, 16);
    bounded(context, LIMIT, |_, time| {
        let mut all: Vec<Pcm> = Vec::new();
        for (_, at) in &cards {
            let mut pcm = Pcm::open(*at)?;
            pcm.configure(&config)?;
            if let Some(first) = all.first() {
                first.link(&pcm)?;
            }
            all.push(pcm);
        }
        let begin = Instant::now();
        while begin.elapsed() < time {
            all[0].start()?;
            thread::sleep(time / 8);
            all[0].stop()?;
            all[0].prepare()?;
        }
        Ok(())
    })
}
