// SPDX-License-Identifier: MIT OR Apache-2.0

//! Linked streams of many cards keep no processor from its interrupts for longer than a millisecond.

use rig::check::Plain;
use rig::verdict::Verdict;

use super::Context;
use super::own_card::OwnCard;
use crate::alsa::pcm::{Address, Config, Stop};
use crate::families::linked::{cards, group};
use crate::kernel::latency::LIMIT;

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

/// The streams of many cards in one group, which starts and stops at once.
fn linked(context: &mut Context, rate: u32, channels: u32, wakeups: bool) -> Verdict {
    let cards = cards(|number| {
        let card = OwnCard::named(&format!("rloopcheck{number}"))?;
        let at = card.enable()?;
        Ok((card, at))
    })?;
    let addresses: Vec<Address> = cards.iter().map(|(_, at)| *at).collect();
    let config = Config {
        rate,
        channels,
        stop: Stop::Never,
        period_wakeup: wakeups,
        ..Config::default()
    }
    .with_buffer(1024, 16);
    group(context, LIMIT, (&addresses, &config), |_| Ok(()))
}
