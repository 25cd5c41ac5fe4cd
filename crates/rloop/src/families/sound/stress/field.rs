// SPDX-License-Identifier: MIT OR Apache-2.0

//! What all who stress know.

use std::io;
use std::time::Duration;

use rig::machine::Machine;
use rig::random::Random;

use crate::families::sound::loopback::elements::is_free;
use crate::families::sound::loopback::{Cable, Card, Topology};

/// What the threads of a process work on.
pub struct Field {
    /// All at once.
    pub cards: Vec<Card>,
    /// The shortest period.
    pub least: Duration,
    /// Whether any call may find no memory.
    pub failing_allocations: bool,
}

impl Field {
    /// The field that is these cards.
    pub fn new(cards: &[Card], failing_allocations: bool) -> Self {
        Self {
            cards: cards.to_vec(),
            // This is about races. A machine that can't keep up with its timers at all shows none.
            least: (Machine::measure().usual * 4).min(Duration::from_millis(5)),
            failing_allocations,
        }
    }
}

/// A cable of `card`, mostly one of the first, so that threads and processes meet.
pub fn cable_of(random: &mut Random, card: &Card) -> Cable {
    let cables = match card.topology {
        Topology::Fanout => card.readers(),
        _ => card.cables(),
    };
    let most = if random.once_in(2) {
        2.min(cables.len())
    } else {
        cables.len()
    };
    cables[random.between(0, most as u64 - 1) as usize]
}

/// Whether a call of the kernel's may have failed for want of memory, as allocations are made to fail. `ENODEV` is
/// what ALSA makes of that where a control device is opened.
pub fn no_memory(failing_allocations: bool, error: &io::Error) -> bool {
    failing_allocations && matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENODEV))
}

/// Whether a cable has no clock. Who can't look, for want of memory, looks again.
pub fn is_without_clock(failing_allocations: bool, cable: &Cable) -> bool {
    let tries = if failing_allocations { 10 } else { 1 };
    (0..tries).any(|_| is_free(cable))
}
