// SPDX-License-Identifier: MIT OR Apache-2.0

//! The checks that leave the card as it is.

use rig::check::{Check, Kind};
use rig::retry::retry;
use rig::verdict::skip;

use super::{
    cable, clock, controls, delay, drain, ends, fanout, free, matrix, pause, pitch, proc, reported,
    silence, space, start, timer_source, user_elements, volume, wakeup, xrun,
};
use crate::alsa::pcm::{Access, Space};
use crate::alsa::signal::format::FORMATS;
use crate::families::sound::snd_rloop::cases::{Axes, CHANNELS, Case, RATES};
use crate::families::sound::snd_rloop::context::{Context, Limits, Plain};

/// These show in a second that a card works.
const QUICK: &[&str] = &[
    "start/linked",
    "start/link-and-close",
    "start/recorder-first",
    "drain/whole",
    "pause/player",
    "cable/all-at-once",
];

/// The groups whose checks are about time.
const TIMED: &[&str] = &[
    "start",
    "silence",
    "pause",
    "drain",
    "delay",
    "reported",
    "xrun",
    "cable",
    "fanout",
    "clock",
    "wakeup",
    "proc",
    "controls",
    "timer-source",
];

/// A check that is a function, with as many tries as it may have.
pub fn plain(plain: &Plain) -> Check<Context> {
    let run = plain.3;
    let check = Check::from(plain);
    let timed = TIMED.contains(&check.group());
    Check {
        quick: QUICK.contains(&plain.0),
        run: Box::new(move |context: &mut Context| {
            if context.free && timed {
                return skip("the card has no clock (see free/…)");
            }
            retry(context, run)
        }),
        ..check
    }
}

/// All of them, in the order in which they run.
pub fn usual(limits: Limits, space: Option<&Space>) -> Vec<Check<Context>> {
    let formats = space.map_or(FORMATS, |s| &s.formats);
    let before = [
        space::CHECKS,
        ends::CHECKS,
        start::CHECKS,
        silence::CHECKS,
        pause::CHECKS,
        drain::CHECKS,
    ];
    let after = [
        xrun::CHECKS,
        cable::CHECKS,
        fanout::CHECKS,
        delay::CHECKS,
        reported::CHECKS,
        free::CHECKS,
        clock::CHECKS,
        wakeup::CHECKS,
        proc::CHECKS,
        controls::CHECKS,
        user_elements::CHECKS,
        pitch::CHECKS,
        volume::CHECKS,
        timer_source::CHECKS,
    ];
    let mut checks: Vec<Check<Context>> = before
        .into_iter()
        .chain(after)
        .flatten()
        .map(plain)
        .collect();

    // What the card does not offer at all is the business of space/…; the matrix takes what it does offer.
    let rates = RATES
        .into_iter()
        .filter(|r| space.is_none_or(|s| s.rate.contains(r)))
        .collect::<Vec<_>>();
    let channels = CHANNELS
        .into_iter()
        .filter(|n| space.is_none_or(|s| s.channels.contains(n)))
        .collect::<Vec<_>>();
    let accesses = space.map_or(&Access::ALL[..], |s| &s.accesses);
    let axes = Axes {
        formats,
        rates: &rates,
        channels: &channels,
        accesses,
        byte_rate: limits.byte_rate,
    };
    let cases = if limits.full {
        axes.product()
    } else {
        axes.pairwise()
    };
    checks.extend(FORMATS.iter().map(|&format| {
        let cases: Vec<Case> = cases
            .iter()
            .filter(|c| c.format == format)
            .copied()
            .collect();
        Check {
            name: format!("matrix/{format}"),
            about: format!(
                "{} combinations of rate, channels, accesses, periods and buffers arrive bit-exact",
                cases.len()
            ),
            claim: "formats; rates, channels; access",
            kind: Kind::Usual,
            quick: false,
            run: Box::new(move |context| matrix::run(context, format, &cases)),
        }
    }));
    checks
}
