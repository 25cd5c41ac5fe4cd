// SPDX-License-Identifier: GPL-2.0-only

//! A wire in step with a sender that has a queue, a receiver that is woken, and a clock: nothing is lost that is not
//! counted, and neither waits for ever.

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use driver_model::plan::Plan;
use netdrv_model::faults::{Faults, PATIENCE};
use netdrv_model::wire::{Queue, Received, Sent, Slot, Wire};
use properties::cases;
use proptest::prelude::*;

const BYTES: u32 = 60;
const PLACES: usize = 8;

/// A wire and those at its ends.
struct World {
    wire: Wire<Vec<Option<Slot<u64>>>>,
    now: u64,
    next: u64,
    /// The sender's queue is stopped.
    stopped: bool,
    /// What has arrived.
    out: Vec<u64>,
    flipped: Vec<u64>,
    refused: Vec<u64>,
    drained: Vec<u64>,
    lost: Vec<u64>,
    /// When the receiver has to look again; 0 at once.
    alarm: Option<u64>,
}

impl World {
    fn new(capacity: u32) -> Self {
        let places = (0..PLACES).map(|_| None).collect();
        let mut wire = Wire::new(places, capacity);
        wire.open();
        assert_eq!(wire.start(), Queue::Wake);
        Self {
            wire,
            now: 1,
            next: 0,
            stopped: false,
            out: Vec::new(),
            flipped: Vec::new(),
            refused: Vec::new(),
            drained: Vec::new(),
            lost: Vec::new(),
            alarm: None,
        }
    }

    fn queue(&mut self, queue: Queue) {
        match queue {
            Queue::Leave => {}
            Queue::Stop => self.stopped = true,
            Queue::Wake => self.stopped = false,
        }
    }

    fn send(&mut self) {
        if self.stopped {
            return;
        }
        let (frame, now) = (self.next, self.now);
        self.next += 1;
        match self.wire.send(frame, BYTES, || now) {
            Sent::Taken(queue) => {
                self.alarm = Some(0);
                self.queue(queue);
            }
            Sent::Lost(frame) => self.lost.push(frame),
            Sent::Refused(frame) => self.refused.push(frame),
        }
    }

    /// As the driver's poll.
    fn poll(&mut self, budget: usize) {
        if self.alarm.is_none_or(|alarm| alarm > self.now) {
            return;
        }
        let now = self.now;
        for _ in 0..budget {
            match self.wire.receive(|| now) {
                Received::Frame {
                    frame,
                    bytes,
                    double,
                    flip,
                } => {
                    self.out.push(frame);
                    if flip {
                        self.wire.flipped();
                        self.flipped.push(frame);
                    }
                    if double {
                        self.wire.doubled(bytes);
                        self.out.push(frame);
                    }
                }
                Received::Later(at) => {
                    assert!(at > now, "it would look again at once, for ever");
                    self.alarm = Some(at);
                    break;
                }
                Received::Nothing => {
                    self.alarm = None;
                    break;
                }
            }
        }
        let queue = self.wire.wake();
        self.queue(queue);
    }

    fn freeze(&mut self, freeze: bool) {
        self.wire.faults.frozen = freeze;
        self.alarm = Some(0);
    }

    fn close_and_open(&mut self) {
        self.wire.close();
        while let Some(frame) = self.wire.drain() {
            self.drained.push(frame);
        }
        let queue = self.wire.wake();
        self.queue(queue);
        self.send();
        self.wire.open();
    }

    fn check(&self) {
        let account = self.wire.account();
        let sent = account.tx_packets + account.doubled;
        let gone = account.rx_packets + account.rx_dropped + account.dropped;
        assert_eq!(sent, gone + account.pending, "{account:?}");
        assert_eq!(account.tx_packets + account.tx_dropped, self.next);
        assert_eq!(account.tx_dropped, self.refused.len() as u64);
        assert_eq!(account.rx_packets, self.out.len() as u64);
        assert_eq!(account.rx_bytes, account.rx_packets * u64::from(BYTES));
        assert_eq!(account.dropped, self.lost.len() as u64);
        assert_eq!(account.rx_dropped, self.drained.len() as u64);
        assert_eq!(account.flipped, self.flipped.len() as u64);
        let woken = account.wakes + u64::from(self.stopped);
        assert!(account.stops >= woken, "{account:?}");
        // A sender that waits waits for somebody.
        if self.stopped {
            assert!(account.pending > 0, "stopped, and the ring is empty");
        }
        // And so does a frame.
        if account.pending > 0 && !self.wire.faults.frozen {
            assert!(self.alarm.is_some(), "nobody looks for {account:?}");
        }
    }

    /// Lets all that is there arrive.
    fn settle(&mut self) {
        self.freeze(false);
        for _ in 0..1_000 {
            self.poll(3);
            self.check();
            if let Some(alarm) = self.alarm {
                self.now = self.now.max(alarm);
            }
        }
        assert_eq!(self.wire.account().pending, 0);
        assert!(!self.stopped);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send(u8),
    Poll(usize),
    Time(u64),
    Freeze(bool),
    Resize(u32),
    Cut(bool),
    Close,
    Fault(u8, String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let plan = prop_oneof![
        (0u8..6).prop_map(|n| n.to_string()),
        (1u8..4, 0u8..3).prop_map(|(first, more)| format!("{first}-{}", first + more)),
        (1u8..4, any::<u16>()).prop_map(|(wrong, seed)| format!("{wrong}/4 {seed}")),
    ];
    let step = prop_oneof![
        8 => (1u8..6).prop_map(Step::Send),
        8 => (1usize..6).prop_map(Step::Poll),
        4 => (1u64..2_000_000).prop_map(Step::Time),
        1 => (PATIENCE..2 * PATIENCE).prop_map(Step::Time),
        1 => any::<bool>().prop_map(Step::Freeze),
        1 => (0u32..4).prop_map(|log| Step::Resize(1 << log)),
        1 => any::<bool>().prop_map(Step::Cut),
        1 => Just(Step::Close),
        3 => (0u8..5, plan).prop_map(|(which, plan)| Step::Fault(which, plan)),
    ];
    prop::collection::vec(step, 1..120)
}

fn fault(faults: &mut Faults, which: u8, plan: &str) {
    let plan = Plan::parse(plan).unwrap_or_default();
    match which {
        0 => faults.drop = plan,
        1 => faults.double = plan,
        2 => faults.flip = plan,
        3 => faults.reorder = plan,
        _ => faults.delay = plan,
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// Whatever happens, each frame is accounted for at each moment, in the end all has arrived that was not counted as
    /// lost, and the same happens again.
    #[test]
    fn each_frame_is_accounted_for(log in 0u32..4, steps in steps()) {
        let run = || {
            let mut world = World::new(1 << log);
            for step in &steps {
                match step {
                    Step::Send(frames) => (0..*frames).for_each(|_| world.send()),
                    Step::Poll(budget) => world.poll(*budget),
                    Step::Time(time) => world.now += time,
                    Step::Freeze(freeze) => world.freeze(*freeze),
                    Step::Resize(capacity) => {
                        let queue = world.wire.resize(*capacity);
                        world.queue(queue);
                    }
                    Step::Cut(cut) => world.wire.cut(*cut),
                    Step::Close => world.close_and_open(),
                    Step::Fault(which, plan) => fault(&mut world.wire.faults, *which, plan),
                }
                world.check();
            }
            world.settle();
            world
        };
        let world = run();
        let mut all = [&world.out[..], &world.refused, &world.drained, &world.lost].concat();
        all.sort();
        all.dedup();
        prop_assert_eq!(all, (0..world.next).collect::<Vec<_>>());
        let again = run();
        prop_assert_eq!(&world.out, &again.out);
        prop_assert_eq!(world.wire.account(), again.wire.account());
    }

    /// Without faults all arrives in order, and no more is on its way than the ring has room for.
    #[test]
    fn in_order(log in 0u32..4, steps in prop::collection::vec((1u8..6, 1usize..6), 1..60)) {
        let mut world = World::new(1 << log);
        for (frames, budget) in steps {
            (0..frames).for_each(|_| world.send());
            prop_assert!(world.wire.account().pending <= 1 << log);
            world.poll(budget);
            world.check();
        }
        world.settle();
        prop_assert_eq!(world.out, (0..world.next).collect::<Vec<_>>());
    }
}

/// What has arrived of six frames, with faults.
fn six(faults: &[(u8, &str)]) -> World {
    let mut world = World::new(8);
    for (which, plan) in faults {
        fault(&mut world.wire.faults, *which, plan);
    }
    (0..6).for_each(|_| world.send());
    world.poll(64);
    world
}

#[test]
fn each_fault_does_what_it_says() {
    assert_eq!(six(&[]).out, [0, 1, 2, 3, 4, 5]);
    assert_eq!(six(&[(0, "2")]).out, [2, 3, 4, 5]);
    assert_eq!(six(&[(1, "2-3")]).out, [0, 1, 1, 2, 2, 3, 4, 5]);
    assert_eq!(six(&[(2, "4-5")]).flipped, [3, 4]);
    assert_eq!(six(&[(3, "2-2")]).out, [0, 2, 1, 3, 4, 5]);
    // A frame that overtakes is not overtaken itself.
    let both = six(&[(3, "1-2")]);
    assert_eq!(both.out, [1, 0, 2, 3, 4, 5]);
    assert_eq!(both.wire.account().reordered, 1);
}

#[test]
fn what_is_lost_meets_no_other_fate() {
    let world = six(&[(0, "1"), (1, "1"), (2, "1")]);
    assert_eq!(world.out, [1, 2, 3, 4, 5]);
    assert!(world.flipped.is_empty());
}

#[test]
fn what_is_late_holds_up_those_behind_it_and_keeps_the_order() {
    let mut world = six(&[(4, "3-3")]);
    assert_eq!(world.out, [0, 1]);
    world.now += 999_999;
    world.poll(64);
    assert_eq!(world.out, [0, 1]);
    world.now += 1;
    world.poll(64);
    assert_eq!(world.out, [0, 1, 2, 3, 4, 5]);
    assert_eq!(world.wire.account().delayed, 1);
}

#[test]
fn a_frame_that_nobody_overtakes_comes_all_the_same() {
    let mut world = World::new(8);
    fault(&mut world.wire.faults, 3, "1");
    world.send();
    world.poll(64);
    assert!(world.out.is_empty());
    world.now += PATIENCE;
    world.poll(64);
    assert_eq!(world.out, [0]);
    assert_eq!(world.wire.account().reordered, 0);
}

#[test]
fn a_full_ring_stops_the_queue_and_half_of_it_wakes_it() {
    let mut world = World::new(4);
    (0..9).for_each(|_| world.send());
    let account = world.wire.account();
    assert_eq!((world.next, account.stops, account.full), (4, 1, 1));
    world.poll(1);
    assert!(world.stopped);
    world.poll(1);
    assert!(!world.stopped);
    assert_eq!(world.wire.account().wakes, 1);
    // A smaller ring keeps what there is.
    (0..9).for_each(|_| world.send());
    let queue = world.wire.resize(1);
    world.queue(queue);
    assert!(world.stopped);
    world.settle();
    assert_eq!(world.out, (0..world.next).collect::<Vec<_>>());
}

#[test]
fn a_sender_that_begins_while_the_ring_is_full_waits() {
    let mut world = World::new(2);
    (0..2).for_each(|_| world.send());
    assert_eq!(world.wire.start(), Queue::Stop);
    world.poll(64);
    assert_eq!(world.wire.start(), Queue::Wake);
}

#[test]
fn a_wire_that_is_cut_takes_nothing_and_brings_what_it_has() {
    let mut world = World::new(4);
    world.send();
    world.wire.cut(true);
    world.send();
    world.poll(64);
    assert_eq!(
        (world.out.as_slice(), world.refused.as_slice()),
        (&[0][..], &[1][..])
    );
}
