// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Turns: whoever comes first has something first.

use core::mem::replace;
use core::ops::DerefMut;

/// A place among those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// Those who wait, in the order in which they have come, in room for their tickets that the caller has brought.
#[derive(Debug)]
pub struct Turns<R> {
    /// So many of these are of those who wait, each larger than the one before.
    room: R,
    waiting: usize,
    /// The next ticket.
    next: u64,
}

impl<R: DerefMut<Target = [u64]>> Turns<R> {
    /// Nobody waits.
    pub const fn new(room: R) -> Self {
        Self {
            room,
            waiting: 0,
            next: 0,
        }
    }

    /// Puts somebody behind all others; `None` if there is no room.
    pub fn come(&mut self) -> Option<Ticket> {
        let place = self.room.get_mut(self.waiting)?;
        let ticket = self.next;
        *place = ticket;
        self.waiting += 1;
        self.next += 1;
        Some(Ticket(ticket))
    }

    /// For how many there is room.
    pub fn room(&self) -> usize {
        self.room.len()
    }

    /// Takes `room` in place of what there is if it is larger. Returns the other.
    pub fn enlarge(&mut self, mut room: R) -> R {
        if room.len() <= self.room.len() {
            return room;
        }
        room[..self.waiting].copy_from_slice(&self.room[..self.waiting]);
        replace(&mut self.room, room)
    }

    /// Whether it is the turn of whoever has `ticket`; without one nobody may wait.
    pub fn is_turn_of(&self, ticket: Option<Ticket>) -> bool {
        let first = self.room.first().filter(|_| self.waiting > 0);
        first.copied() == ticket.map(|Ticket(number)| number)
    }

    /// Whoever has `ticket` waits no more. Returns whether it was their turn; done again it does nothing.
    pub fn go(&mut self, ticket: Ticket) -> bool {
        let waiting = &mut self.room[..self.waiting];
        let Ok(place) = waiting.binary_search(&ticket.0) else {
            return false;
        };
        waiting.copy_within(place + 1.., place);
        self.waiting -= 1;
        place == 0
    }
}
