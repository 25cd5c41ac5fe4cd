// SPDX-License-Identifier: GPL-2.0-only

//! A FIFO of two bytes: each byte comes out once, in order, and nobody writes what another reads.

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU8, Ordering};
use loom::sync::Arc;
use loom::thread;

use super::ends::Ends;
use super::{check, needs};

const CAPACITY: u64 = 2;
const BYTES: u8 = 3;

/// A byte of memory: loom sees to it that nobody reads it while it is written.
#[derive(Default)]
struct Place {
    byte: AtomicU8,
    used: UnsafeCell<()>,
}

/// A FIFO.
struct Fifo {
    ends: Ends,
    bytes: [Place; CAPACITY as usize],
}

impl Fifo {
    fn place(&self, position: u64) -> &Place {
        &self.bytes[(position % CAPACITY) as usize]
    }

    /// Whether there was room.
    fn write(&self, byte: u8) -> bool {
        let (position, room) = self.ends.room(CAPACITY);
        if room == 0 {
            return false;
        }
        let place = self.place(position);
        place
            .used
            .with_mut(|_| place.byte.store(byte, Ordering::Relaxed));
        self.ends.wrote(1);
        true
    }

    fn read(&self) -> Option<u8> {
        let (position, there) = self.ends.readable();
        if there == 0 {
            return None;
        }
        let place = self.place(position);
        let byte = place.used.with(|_| place.byte.load(Ordering::Relaxed));
        self.ends.gave_up(1);
        Some(byte)
    }
}

/// One writes three bytes, another reads as many, and a third looks.
fn through() {
    let fifo = Arc::new(Fifo {
        ends: Ends::new(),
        bytes: Default::default(),
    });
    let other = Arc::clone(&fifo);
    let writer = thread::spawn(move || {
        for byte in 1..=BYTES {
            while !other.write(byte) {
                thread::yield_now();
            }
        }
    });
    let mut last = 0;
    while last < BYTES {
        assert!(fifo.ends.used(CAPACITY) <= CAPACITY);
        match fifo.read() {
            Some(byte) => {
                assert_eq!(byte, last + 1);
                last = byte;
            }
            None => thread::yield_now(),
        }
    }
    writer.join().expect("the writer failed");
}

#[test]
fn bytes_come_out_in_order_and_unchanged() {
    check(through);
}

#[test]
fn what_was_done_before_is_known_to_the_other_end() {
    needs(Ordering::Release, through);
    needs(Ordering::Acquire, through);
}
