// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a measurement is given.

use std::time::Duration;

use rig::progress::Progress;
use rig::verdict::{Verdict, skip};

use crate::families::sound::loopback::elements::timed;
use crate::families::sound::loopback::{Cable, Card};

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
}

impl Bench<'_> {
    /// The card that is used where one is enough: the first that has a cable with a clock, if there is one.
    pub fn card(&self) -> &Card {
        let timed = self.cards.iter().find(|card| !timed(card).is_empty());
        timed.unwrap_or(&self.cards[0])
    }

    /// All cables of the cards that have a clock.
    pub fn cables(&self) -> Vec<Cable> {
        self.cards.iter().flat_map(timed).collect()
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
