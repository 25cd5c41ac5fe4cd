// SPDX-License-Identifier: MIT OR Apache-2.0

//! Streams of many cards in one group: ALSA starts and stops them at once, with interrupts off.

use std::thread;
use std::time::{Duration, Instant};

use rig::run::Context;
use rig::verdict::{Verdict, skip};

use crate::alsa::card::seen;
use crate::alsa::pcm::{Address, Config, Pcm};
use crate::alsa::root::Root;
use crate::kernel::latency::bounded;

/// How many cards: of those that ALSA has room for.
const CARDS: usize = 24;
/// How many those are: without and with `CONFIG_SND_DYNAMIC_MINORS`.
const ROOM: [usize; 2] = [8, 32];

/// Makes a card for each number by `make`.
///
/// # Errors
/// What `make` says; a reason to skip where ALSA has no room for so many.
pub fn cards<T>(mut make: impl FnMut(usize) -> Verdict<T>) -> Verdict<Vec<T>> {
    let mut cards = Vec::new();
    for number in 0..CARDS {
        match make(number) {
            Ok(card) => cards.push(card),
            Err(problem) if ROOM.contains(&seen(&Root::default()).len()) => {
                return skip(format!(
                    "{CARDS} cards are needed, {number} could be made: {problem}"
                ));
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(cards)
}

/// Whether the streams at `addresses`, in one group that starts and stops again and again, keep to `limit`. `before` each
/// start there may be something to do.
///
/// # Errors
/// That they do not; what ALSA or `before` says; a reason to skip where it can't be measured.
pub fn group<C: Context>(
    context: &mut C,
    limit: Duration,
    (addresses, config): (&[Address], &Config),
    mut before: impl FnMut(&[Pcm]) -> Verdict,
) -> Verdict {
    bounded(context, limit, |_, time| {
        let mut all: Vec<Pcm> = Vec::new();
        for address in addresses {
            let mut pcm = Pcm::open(*address)?;
            pcm.configure(config)?;
            if let Some(first) = all.first() {
                first.link(&pcm)?;
            }
            all.push(pcm);
        }
        let begin = Instant::now();
        while begin.elapsed() < time {
            before(&all)?;
            all[0].start()?;
            thread::sleep(time / 8);
            all[0].stop()?;
            all[0].prepare()?;
        }
        Ok(())
    })
}
