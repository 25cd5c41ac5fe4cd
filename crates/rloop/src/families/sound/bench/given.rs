// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a measurement is given.

use std::time::Duration;

use rig::progress::Progress;
use rig::verdict::{Verdict, skip};

use super::kernel_log::KernelLog;
use crate::families::sound::loopback::elements::timed;
use crate::families::sound::loopback::{Cable, Card, Driver};
use crate::families::sound::status;

/// What each measurement is given: the cards of one driver, and how long it may take.
pub struct Bench<'a> {
    /// Of one driver.
    pub cards: &'a [Card],
    /// Of each long measurement.
    pub seconds: u64,
    /// For the delay.
    pub starts: u32,
    /// Told what goes on.
    pub progress: &'a Progress,
    /// Told when each load begins and ends, if the user wants that.
    pub log: Option<&'a KernelLog>,
}

impl Bench<'_> {
    /// The card that is used where one is enough: the first without a `wakeup_slack` that has a cable with a clock, or the
    /// first without one; of all cards if each has one.
    pub fn card(&self) -> &Card {
        let timed = self.punctual().find(|card| !timed(card).is_empty());
        timed
            .or_else(|| self.punctual().next())
            .unwrap_or(&self.cards[0])
    }

    /// All cables with a clock of the cards without a `wakeup_slack`, or of all cards if each has one.
    pub fn cables(&self) -> Vec<Cable> {
        self.punctual().flat_map(timed).collect()
    }

    /// All cables with a clock whose wake-ups may be late: those of cards with a `wakeup_slack`, and all of snd-aloop's,
    /// which wakes at the kernel's ticks.
    pub fn late_cables(&self) -> Vec<Cable> {
        let late = self
            .cards
            .iter()
            .filter(|card| card.driver == Driver::SndAloop || may_be_late(card));
        late.flat_map(timed).collect()
    }

    /// The cards without a `wakeup_slack`, or all of them if each has one.
    fn punctual(&self) -> impl Iterator<Item = &Card> {
        let all = self.cards.iter().all(may_be_late);
        self.cards
            .iter()
            .filter(move |card| all || !may_be_late(card))
    }

    /// The cable that is used where one is enough; skips if there is none with a clock.
    pub fn cable(&self) -> Verdict<Cable> {
        match self.cables().first() {
            Some(cable) => Ok(*cable),
            None => skip("there is no cable with a clock (clock=free)"),
        }
    }

    /// So small a part of the time for long measurements, but a second at least.
    pub fn part(&self, of: u64) -> Duration {
        Duration::from_secs((self.seconds / of).max(1))
    }

    /// Tells the user what goes on.
    pub fn say(&self, what: &str) {
        self.progress.say(what);
    }
}

/// Whether the card has a `wakeup_slack`.
fn may_be_late(card: &Card) -> bool {
    card.driver == Driver::SndRloop
        && status::cable(card, 0).is_ok_and(|cable| cable.wakeup_slack.is_some_and(|us| us > 0))
}
