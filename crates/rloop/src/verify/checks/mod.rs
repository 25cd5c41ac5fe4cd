// SPDX-License-Identifier: MIT OR Apache-2.0

//! All checks. Each names the row of the card's contract that it proves.

use super::cases::{Axes, CHANNELS, Case, RATES};
use super::context::{Context, Limits};
use super::problem::{Verdict, skip};
use crate::pcm::{Access, Space};
use crate::signal::Format;
use crate::signal::format::FORMATS;

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

/// One thing that is checked.
pub struct Check {
    /// `group/what`.
    pub name: String,
    /// What it does and wants, in one sentence.
    pub about: String,
    /// What of the contract it proves.
    pub row: &'static str,
    /// Whether it is one of the quick checks that show that a card works at all.
    pub quick: bool,
    run: Run,
}

/// Kinds of checks, of which one is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They leave the card as it is.
    Usual,
    /// They let the card do wrong.
    Faults,
    /// They let allocations in the kernel fail.
    Allocations,
    /// They measure for how long interrupts are off.
    Interrupts,
    /// They suspend the machine.
    Suspend,
}

enum Run {
    Plain(fn(&mut Context<'_>) -> Verdict),
    Matrix(Format, Vec<Case>),
}

impl Check {
    /// What kind of check it is.
    pub fn kind(&self) -> Kind {
        match self.group() {
            "faults" => Kind::Faults,
            "allocations" => Kind::Allocations,
            "interrupts" => Kind::Interrupts,
            "suspend" => Kind::Suspend,
            _ => Kind::Usual,
        }
    }

    fn group(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Runs it.
    pub fn run(&self, context: &mut Context<'_>) -> Verdict {
        if context.free && TIMED.contains(&self.group()) {
            return skip("the card has no clock (see free/…)");
        }
        context.watchdog.step(self.name.clone());
        match &self.run {
            Run::Plain(check) => context.with_patience(|context| check(context)),
            Run::Matrix(format, cases) => matrix::run(context, *format, cases),
        }
    }
}

/// A check that needs no cases: name, contract row, what it does, the function.
type Plain = (
    &'static str,
    &'static str,
    &'static str,
    fn(&mut Context<'_>) -> Verdict,
);

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
pub fn all(limits: Limits, space: Option<&Space>) -> Vec<Check> {
    let formats = space.map_or(FORMATS, |s| &s.formats);
    let plain = |(name, row, about, run): &Plain| Check {
        name: (*name).to_owned(),
        about: (*about).to_owned(),
        row,
        quick: QUICK.contains(name),
        run: Run::Plain(*run),
    };
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
    let mut checks: Vec<Check> = before
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
            row: "formats; rates, channels; access",
            quick: false,
            run: Run::Matrix(format, cases),
        }
    }));
    // The last of each takes the card away.
    checks.extend(faults::CHECKS.iter().map(plain));
    checks.extend(allocations::CHECKS.iter().map(plain));
    checks.extend(interrupts::CHECKS.iter().map(plain));
    checks.extend(suspend::CHECKS.iter().map(plain));
    checks
}
