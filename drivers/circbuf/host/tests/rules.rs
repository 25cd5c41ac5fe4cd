// SPDX-License-Identifier: GPL-2.0-only

//! A buffer that follows the rules, in step with a queue that is obviously right.

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use std::collections::VecDeque;

use circbuf_model::rules::{Plan, Rules, ATOMIC};
use driver_model::span::pieces;
use properties::cases;
use proptest::prelude::*;

/// A ring with its two ends, as the driver has it.
struct Ring {
    rules: Rules,
    memory: Vec<u8>,
    read: u64,
    written: u64,
    overwritten: usize,
}

impl Ring {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            memory: vec![0; rules.capacity],
            read: 0,
            written: 0,
            overwritten: 0,
        }
    }

    fn used(&self) -> usize {
        (self.written - self.read) as usize
    }

    /// Writes in steps of `most` bytes, as far as it need not wait.
    fn write(&mut self, bytes: &[u8], most: usize) -> Option<usize> {
        let (capacity, mut rules, mut taken) = (self.rules.capacity, self.rules, 0);
        while taken < bytes.len() {
            let given = bytes.len() - taken;
            let Some(plan) = rules.plan(given, capacity - self.used(), most) else {
                break;
            };
            self.read += plan.push_out as u64;
            let mut given = bytes[taken + plan.skip..].iter();
            for piece in pieces(self.written, plan.fill, capacity) {
                for (place, byte) in self.memory[piece].iter_mut().zip(&mut given) {
                    *place = *byte;
                }
            }
            self.written += plan.fill as u64;
            self.overwritten += plan.overwritten();
            taken += plan.skip + plan.fill;
            rules = rules.of_rest();
        }
        (taken > 0).then_some(taken)
    }

    fn read(&mut self, asked: usize) -> Vec<u8> {
        let bytes = asked.min(self.used());
        let pieces = pieces(self.read, bytes, self.rules.capacity);
        self.read += bytes as u64;
        pieces
            .into_iter()
            .flat_map(|piece| self.memory[piece].to_vec())
            .collect()
    }
}

/// What the manual promises, in as few words as there are.
fn promised(rules: Rules, queue: &mut VecDeque<u8>, bytes: &[u8]) -> Option<usize> {
    let room = rules.capacity - queue.len();
    let whole = rules.atomic && bytes.len() <= ATOMIC;
    let taken = match rules.overwrite {
        true => bytes.len(),
        false if whole && room < bytes.len() => return None,
        false if room == 0 => return None,
        false => bytes.len().min(room),
    };
    queue.extend(&bytes[..taken]);
    let too_many = queue.len().saturating_sub(rules.capacity);
    queue.drain(..too_many);
    Some(taken)
}

#[derive(Clone, Debug)]
enum Call {
    Write(usize),
    Read(usize),
}

/// Calls with sizes about those of a buffer.
fn calls(capacity: usize) -> impl Strategy<Value = Vec<Call>> {
    let size = || 1..capacity + capacity / 2 + 2;
    let call = prop_oneof![size().prop_map(Call::Write), size().prop_map(Call::Read)];
    prop::collection::vec(call, 1..60)
}

fn rules() -> impl Strategy<Value = Rules> {
    let atomic = (ATOMIC..ATOMIC + 300, Just(true), any::<bool>());
    let other = (1usize..40, Just(false), any::<bool>());
    prop_oneof![atomic, other].prop_map(|(capacity, atomic, overwrite)| Rules {
        capacity,
        atomic,
        overwrite,
    })
}

proptest! {
    #![proptest_config(cases(400))]

    /// Bytes out are bytes in, in order, less those that are counted.
    #[test]
    fn in_step_with_a_queue(
        (rules, calls) in rules().prop_flat_map(|r| (Just(r), calls(r.capacity))),
        more in 0usize..3000,
    ) {
        let (mut ring, mut queue) = (Ring::new(rules), VecDeque::new());
        let (mut next, mut taken, mut read) = (0u64, 0, 0);
        for call in calls {
            match call {
                Call::Write(size) => {
                    // 251 is a prime: no capacity here is a multiple of it by chance and design both.
                    let bytes: Vec<u8> = (next..next + size as u64).map(|n| (n % 251) as u8).collect();
                    let wanted = promised(rules, &mut queue, &bytes);
                    prop_assert_eq!(ring.write(&bytes, ATOMIC + more), wanted);
                    next += wanted.unwrap_or(0) as u64;
                    taken += wanted.unwrap_or(0);
                }
                Call::Read(asked) => {
                    let wanted: Vec<u8> = queue.drain(..asked.min(queue.len())).collect();
                    prop_assert_eq!(ring.read(asked), wanted.clone());
                    read += wanted.len();
                }
            }
            prop_assert_eq!(ring.used(), queue.len());
            prop_assert_eq!(taken, read + ring.overwritten + ring.used());
        }
    }

    /// A writer that has waited for as much room as it was told does not wait again.
    #[test]
    fn what_is_waited_for_is_enough(rules in rules(), given in 1usize..6000, room in 0usize..6000) {
        let room = room.min(rules.capacity);
        let plan = |given| rules.plan(given, room, ATOMIC);
        prop_assert_eq!(plan(given).is_some(), room >= rules.least(given));
        prop_assert!(rules.least(given) <= rules.capacity, "it would wait for ever");
        if let Some(plan) = plan(given) {
            let taken = plan.skip + plan.fill;
            prop_assert!(taken > 0 && taken <= given);
            prop_assert!(plan.fill <= room + plan.push_out);
            prop_assert!(plan.push_out <= rules.capacity - room, "more than there is");
        }
        if rules.writable(room) {
            prop_assert!(plan(given.min(ATOMIC)).is_some());
        }
    }
}

#[test]
fn a_short_write_that_must_be_whole_waits() {
    let rules = Rules {
        capacity: 8192,
        atomic: true,
        overwrite: false,
    };
    let most = 2 * ATOMIC;
    assert_eq!(rules.plan(100, 99, most), None);
    let fill = |fill| {
        Some(Plan {
            skip: 0,
            push_out: 0,
            fill,
        })
    };
    assert_eq!(rules.plan(100, 100, most), fill(100));
    assert_eq!(rules.plan(ATOMIC + 1, 99, most), fill(99));
    assert_eq!(rules.of_rest().plan(100, 99, most), fill(99));
    assert!(rules.writable(ATOMIC) && !rules.writable(ATOMIC - 1));
}
