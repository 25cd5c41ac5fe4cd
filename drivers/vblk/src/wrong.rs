// SPDX-License-Identifier: GPL-2.0-only

//! What is to go wrong with requests, and what has. A disk has it behind a mutex; nothing in here sleeps.

use crate::lib::model::faults::Faults;
use crate::lib::model::mix::mix;
use crate::model::rules::{Kind, Operation, Rules};

/// What is to go wrong, and what has.
pub(crate) struct Wrong {
    /// Requests that fail.
    pub(crate) errors: Rules,
    /// Requests that are late.
    pub(crate) delays: Rules,
    /// Requests that never end.
    pub(crate) hangs: Rules,
    /// What all drivers have.
    pub(crate) faults: Faults,
    /// Whether power cuts tear blocks.
    pub(crate) torn: bool,
    /// What has gone wrong.
    pub(crate) done: Done,
    /// How many requests there have been while something was to go wrong.
    requests: u64,
}

/// What has gone wrong, in requests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    /// They failed.
    pub(crate) failed: u64,
    /// They were late.
    pub(crate) delayed: u64,
    /// They were held.
    pub(crate) held: u64,
    /// Writes that got lost.
    pub(crate) dropped: u64,
    /// Reads that came with a bit inverted.
    pub(crate) flipped: u64,
    /// Power cuts.
    pub(crate) cuts: u64,
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lot {
    /// The error that it ends with, as programs know it.
    pub(crate) error: Option<i32>,
    /// For how many nanoseconds it is late.
    pub(crate) delay: u64,
    /// Whether it is held until it is let go.
    pub(crate) hang: bool,
    /// Whether it is said to be done and is not, for a write.
    pub(crate) lost: bool,
    /// Whether a bit is inverted, for a read.
    pub(crate) flipped: bool,
}

impl Wrong {
    /// Nothing goes wrong.
    pub(crate) fn new() -> Self {
        Self {
            errors: Rules::new(Kind::Error),
            delays: Rules::new(Kind::Delay),
            hangs: Rules::new(Kind::Hang),
            faults: Faults::default(),
            torn: false,
            done: Done::default(),
            requests: 0,
        }
    }

    /// The rules of a kind.
    pub(crate) fn rules(&mut self, kind: Kind) -> &mut Rules {
        match kind {
            Kind::Error => &mut self.errors,
            Kind::Delay => &mut self.delays,
            Kind::Hang => &mut self.hangs,
        }
    }

    /// Whether something may go wrong with the next request.
    pub(crate) fn is_pending(&self) -> bool {
        let rules = [&self.errors, &self.delays, &self.hangs];
        let Faults {
            drop, flip, jitter, ..
        } = self.faults;
        rules.into_iter().any(Rules::are_pending)
            || !drop.is_none()
            || !flip.is_none()
            || jitter > 0
            || self.faults.frozen()
    }

    /// What goes wrong with a request, which is counted.
    pub(crate) fn draw(&mut self, operation: Operation, first: u64, sectors: u64) -> Lot {
        let mut lot = Lot::default();
        self.requests += 1;
        let error = self.errors.apply(operation, first, sectors);
        lot.error = error.map(|number| -(number as i32));
        let micros = self.delays.apply(operation, first, sectors).unwrap_or(0);
        let jitter = mix(self.requests).checked_rem(self.faults.jitter.saturating_add(1));
        lot.delay = u64::from(micros) * 1_000 + jitter.unwrap_or(0);
        let hang = self.hangs.apply(operation, first, sectors);
        lot.hang = hang.is_some() || self.faults.frozen();
        // What fails is neither lost nor damaged.
        if lot.error.is_none() {
            let Faults { drop, flip, .. } = &mut self.faults;
            lot.lost = operation == Operation::Write && drop.next_is_wrong();
            lot.flipped = operation == Operation::Read && flip.next_is_wrong();
        }
        let done = &mut self.done;
        done.failed += u64::from(lot.error.is_some());
        done.delayed += u64::from(lot.delay > 0);
        done.held += u64::from(lot.hang);
        done.dropped += u64::from(lot.lost);
        done.flipped += u64::from(lot.flipped);
        lot
    }
}
