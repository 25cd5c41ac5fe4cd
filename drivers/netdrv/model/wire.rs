// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! One direction of a pair: the ring into which an end sends, and out of which the other receives; when the sender's
//! queue stops, and when it is woken; and the [`Faults`] in between.
//!
//! All of it is to be used under one lock, which makes each step whole: that a queue is stopped because there is no room,
//! and that it is woken because there is, can't miss each other.

use core::ops::DerefMut;

use super::account::Account;
use super::faults::{Fate, Faults, PATIENCE};

/// A frame on its way.
#[derive(Debug)]
pub struct Slot<T> {
    frame: T,
    bytes: u32,
    fate: Fate,
}

/// What became of a frame that was to be sent. Whoever sends it frees what is given back after the lock.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent<T> {
    /// It was taken.
    Taken(Queue),
    /// It counts as sent, and got lost on demand.
    Lost(T),
    /// Nobody receives, or it came though the queue is stopped.
    Refused(T),
}

/// What is to be done with the sender's queue, before the lock is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Nothing.
    Leave,
    /// It must be stopped.
    Stop,
    /// It must be woken.
    Wake,
}

/// What there is to be received.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<T> {
    /// A frame.
    Frame {
        /// It.
        frame: T,
        /// How many bytes it has.
        bytes: u32,
        /// It must come twice: [`Wire::doubled`] is to be called when it does.
        double: bool,
        /// A bit of it must be inverted: [`Wire::flipped`] is to be called when it is.
        flip: bool,
    },
    /// Nothing before this time, in nanoseconds of the clock.
    Later(u64),
    /// Nothing.
    Nothing,
}

/// One direction of a pair. `S` is memory for frames of the type `T`: as many as fit can be on their way, or fewer.
#[derive(Debug)]
pub struct Wire<S> {
    places: S,
    /// Where the oldest frame is.
    first: usize,
    /// How many there are from there on.
    used: usize,
    /// How many there may be.
    capacity: usize,
    /// Whether the sender's queue is stopped.
    stopped: bool,
    /// Whether somebody receives.
    open: bool,
    /// Whether the wire is cut.
    cut: bool,
    /// Whether the oldest frame waits until the next one has overtaken it, and until when.
    overtaken: Option<u64>,
    /// What is to go wrong.
    pub faults: Faults,
    account: Account,
}

impl<T, S: DerefMut<Target = [Option<Slot<T>>]>> Wire<S> {
    /// Makes a wire with room for `capacity` frames, at most as many as there are `places`, which must all be empty, and
    /// at least 1. Nobody receives yet.
    pub fn new(places: S, capacity: u32) -> Self {
        let capacity = places.len().min(capacity as usize);
        Self {
            places,
            first: 0,
            used: 0,
            capacity,
            stopped: false,
            open: false,
            cut: false,
            overtaken: None,
            faults: Faults::default(),
            account: Account::default(),
        }
    }

    /// The place of the `n`-th frame from the oldest.
    fn place(&self, n: usize) -> usize {
        let place = self.first + n;
        // Without a division; both are less than the length.
        match place.checked_sub(self.places.len()) {
            None => place,
            Some(place) => place,
        }
    }

    /// How many frames there may be.
    pub fn capacity(&self) -> u32 {
        self.capacity as u32
    }

    /// Lets there be as many frames as `capacity`; those that are there stay.
    pub fn resize(&mut self, capacity: u32) -> Queue {
        self.capacity = self.places.len().min(capacity as usize);
        if self.used >= self.capacity && !self.stopped {
            self.stop();
            return Queue::Stop;
        }
        self.wake()
    }

    /// The sender begins. Its queue is to be woken, or stopped until there is room.
    pub fn start(&mut self) -> Queue {
        self.stopped = self.used >= self.capacity;
        match self.stopped {
            true => Queue::Stop,
            false => Queue::Wake,
        }
    }

    /// The receiver begins.
    pub fn open(&mut self) {
        self.open = true;
    }

    /// The receiver ends. No frame is taken any more; those that are there are to be taken out by [`Wire::drain`].
    pub fn close(&mut self) {
        self.open = false;
    }

    /// Cuts the wire, or mends it. What is on its way arrives.
    pub fn cut(&mut self, cut: bool) {
        self.cut = cut;
    }

    /// Whether the wire is cut.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Takes out a frame that is lost since the receiver has ended; `None` if there is none.
    pub fn drain(&mut self) -> Option<T> {
        let slot = self.take(0)?;
        self.overtaken = None;
        self.account.rx_dropped += 1;
        Some(slot.frame)
    }

    /// Whether a queue that is stopped must be woken: half of the ring is free. To be asked after frames were taken out.
    pub fn wake(&mut self) -> Queue {
        if !self.stopped || self.used > self.capacity / 2 {
            return Queue::Leave;
        }
        self.stopped = false;
        self.account.wakes += 1;
        Queue::Wake
    }

    /// Sends a frame of `bytes` bytes; `now` says what time it is.
    ///
    /// The queue is stopped as soon as the ring is full, so there is room for the frame. One that was under way when the
    /// ring became smaller is taken besides.
    pub fn send(&mut self, frame: T, bytes: u32, now: impl FnOnce() -> u64) -> Sent<T> {
        if !self.open || self.cut || self.used >= self.places.len() {
            self.refused();
            return Sent::Refused(frame);
        }
        self.account.tx_packets += 1;
        self.account.tx_bytes += u64::from(bytes);
        let fate = self.faults.fate(now);
        if fate.drop {
            self.account.dropped += 1;
            return Sent::Lost(frame);
        }
        let place = self.place(self.used);
        self.places[place] = Some(Slot { frame, bytes, fate });
        self.used += 1;
        if self.used < self.capacity {
            return Sent::Taken(Queue::Leave);
        }
        self.account.full += 1;
        self.stop();
        Sent::Taken(Queue::Stop)
    }

    /// Counts a frame that is not taken.
    pub fn refused(&mut self) {
        self.account.tx_dropped += 1;
    }

    fn stop(&mut self) {
        if !self.stopped {
            self.stopped = true;
            self.account.stops += 1;
        }
    }

    /// The receiver counts that it looks.
    pub fn polled(&mut self) {
        self.account.polls += 1;
    }

    /// The receiver counts that it has found all done.
    pub fn completed(&mut self) {
        self.account.completions += 1;
    }

    /// Receives a frame; `now` says what time it is.
    pub fn receive(&mut self, now: impl Fn() -> u64) -> Received<T> {
        let Some(fate) = self.fate(0).filter(|_| !self.faults.frozen) else {
            return Received::Nothing;
        };
        if fate.due > 0 && fate.due > now() {
            return Received::Later(fate.due);
        }
        let mut which = 0;
        if fate.reorder {
            let until = *self.overtaken.get_or_insert_with(|| now() + PATIENCE);
            match self.fate(1) {
                Some(next) if next.due <= now() => which = 1,
                // One that is late overtakes nothing before its time.
                Some(next) if next.due < until => return Received::Later(next.due),
                _ if until > now() => return Received::Later(until),
                // Nobody has come to overtake it.
                _ => {}
            }
        }
        let Some(slot) = self.take(which) else {
            return Received::Nothing;
        };
        if which > 0 {
            self.account.reordered += 1;
            // It has been overtaken.
            let place = self.place(0);
            if let Some(oldest) = &mut self.places[place] {
                oldest.fate.reorder = false;
            }
        }
        self.overtaken = None;
        self.account.rx_packets += 1;
        self.account.rx_bytes += u64::from(slot.bytes);
        self.account.delayed += u64::from(slot.fate.due > 0);
        Received::Frame {
            frame: slot.frame,
            bytes: slot.bytes,
            double: slot.fate.double,
            flip: slot.fate.flip,
        }
    }

    /// The fate of the `n`-th frame from the oldest.
    fn fate(&self, n: usize) -> Option<Fate> {
        let slot = self.places[self.place(n)].as_ref();
        slot.filter(|_| n < self.used).map(|slot| slot.fate)
    }

    /// Takes out the `n`-th frame, 0 or 1 from the oldest.
    fn take(&mut self, n: usize) -> Option<Slot<T>> {
        if self.used <= n {
            return None;
        }
        let (oldest, place) = (self.place(0), self.place(n));
        let slot = self.places[place].take();
        self.places.swap(oldest, place);
        self.first = self.place(1);
        self.used -= 1;
        slot
    }

    /// A frame of `bytes` bytes has come a second time.
    pub fn doubled(&mut self, bytes: u32) {
        self.account.doubled += 1;
        self.account.rx_packets += 1;
        self.account.rx_bytes += u64::from(bytes);
    }

    /// A bit of a frame was inverted.
    pub fn flipped(&mut self) {
        self.account.flipped += 1;
    }

    /// A frame of `bytes` bytes was sent that the receiver can't take for its length.
    pub fn too_long(&mut self, bytes: u32) {
        self.account.tx_packets += 1;
        self.account.tx_bytes += u64::from(bytes);
        self.account.rx_dropped += 1;
        self.account.too_long += 1;
    }

    /// What has been counted.
    pub fn account(&self) -> Account {
        Account {
            pending: self.used as u64,
            ..self.account
        }
    }
}
