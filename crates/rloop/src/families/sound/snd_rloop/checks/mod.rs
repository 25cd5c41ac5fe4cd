// SPDX-License-Identifier: MIT OR Apache-2.0

//! All checks. Each names the row of the card's contract that it proves.

use rig::check::{self, Check, Kind};
use rig::retry::retry;
use rig::verdict::skip;

use super::cases::{Axes, CHANNELS, Case, RATES};
use super::context::{Context, Limits};
use crate::alsa::pcm::{Access, Space};
use crate::alsa::signal::format::FORMATS;

mod allocations;
mod cable;
mod clock;
mod controls;
mod delay;
mod drain;
mod ends;
mod fanout;
mod faults;
mod free;
mod interrupts;
mod matrix;
mod pause;
mod pitch;
mod proc;
mod reported;
mod silence;
mod space;
mod start;
mod suspend;
mod timer_source;
mod user_elements;
mod volume;
mod wakeup;
mod xrun;

/// A check that needs no cases: name, contract row, what it does, the function.
type Plain = check::Plain<Context>;

/// What kind of checks those of a group are.
fn kind_of(group: &str) -> Kind {
    match group {
        "faults" => Kind::Faults,
        "allocations" => Kind::Allocations,
        "interrupts" => Kind::Interrupts,
        "suspend" => Kind::Suspend,
        _ => Kind::Usual,
    }
}

fn plain(plain: &Plain) -> Check<Context> {
    let run = plain.3;
    let check = Check::from(plain);
    let timed = TIMED.contains(&check.group());
    Check {
        kind: kind_of(check.group()),
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

/// All checks, in the order in which they run.
pub fn all(limits: Limits, space: Option<&Space>) -> Vec<Check<Context>> {
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
    // The last of each takes the card away.
    checks.extend(faults::CHECKS.iter().map(plain));
    checks.extend(allocations::CHECKS.iter().map(plain));
    checks.extend(interrupts::CHECKS.iter().map(plain));
    checks.extend(suspend::CHECKS.iter().map(plain));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_check_says_what_it_proves() {
        let limits = Limits {
            full: false,
            byte_rate: 16 << 20,
            case_bytes: 1 << 20,
        };
        let checks = all(limits, None);
        let names: HashSet<&str> = checks.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), checks.len());
        assert!(
            checks
                .iter()
                .all(|c| c.name.contains('/') && !c.about.is_empty() && !c.claim.is_empty())
        );
        assert_eq!(checks.iter().filter(|c| c.quick).count(), 6);
    }
}
