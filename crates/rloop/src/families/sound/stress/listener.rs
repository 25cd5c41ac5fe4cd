// SPDX-License-Identifier: MIT OR Apache-2.0

//! A program that listens to what happens to control elements.

use std::collections::HashSet;
use std::io;
use std::thread;
use std::time::Duration;

use rig::random::Random;

use super::elements::possible;
use super::field::no_memory;
use crate::alsa::raw::ctl::Control;
use crate::alsa::raw::element::Id;
use crate::families::sound::loopback::Card;

/// How many milliseconds at most nobody reads events.
const LAZY: u64 = 200;

/// Who reads all events of all cards, and knows what they may be about.
pub struct Listener {
    failing_allocations: bool,
    random: Random,
    controls: Vec<Control>,
    /// For each card.
    known: Vec<HashSet<Id>>,
}

impl Listener {
    /// A listener to `cards`, whose pauses `seed` selects. What they have now they may tell of. With
    /// `failing_allocations` any call may find no memory.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn new(cards: &[Card], failing_allocations: bool, seed: u64) -> io::Result<Self> {
        let (mut controls, mut known) = (Vec::new(), Vec::new());
        for card in cards {
            let control = Control::open(card.index)?;
            control.subscribe(true)?;
            let mut ids: HashSet<Id> = control.list()?.into_iter().map(Id::named).collect();
            ids.extend(possible(card));
            controls.push(control);
            known.push(ids);
        }
        Ok(Self {
            failing_allocations,
            random: Random::new(seed),
            controls,
            known,
        })
    }

    /// Reads the events that have come after a while. Gives how many. (The more there are that nobody has read, the
    /// longer it takes to send another one: whoever does so with an element that goes meanwhile is found out.)
    ///
    /// # Errors
    /// An event of an element that nobody can have made.
    pub fn listen(&mut self) -> Result<u64, String> {
        let failed = |e| format!("control events: {e}");
        thread::sleep(Duration::from_millis(self.random.between(0, LAZY)));
        match Control::wait(&self.controls, 20) {
            Err(e) if no_memory(self.failing_allocations, &e) => return Ok(0),
            other => other.map_err(failed)?,
        };
        let mut count = 0;
        for (control, known) in self.controls.iter().zip(&self.known) {
            while let Some(event) = control.event().map_err(failed)? {
                count += 1;
                if event.id.numid == 0 || !known.contains(&event.id.named()) {
                    return Err(format!(
                        "an event of an element that nobody has made: {event:?}"
                    ));
                }
            }
        }
        Ok(count)
    }
}
