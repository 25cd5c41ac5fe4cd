// SPDX-License-Identifier: GPL-2.0-only

//! The gate between a driver and devices, honest ones and such as write what they like.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod driver;
#[path = "../../../../lib/host/tests/properties/mod.rs"]
mod properties;

use driver::{Fickle, Honest, Piece, Queue, INDIRECT, NEXT, WRITE};
use properties::cases;
use proptest::prelude::*;
use virtio_loopback_model::gate::{Broken, Layout, Words, ALIGN, SIZE_MAX};

#[test]
fn layouts_are_those_of_the_kernel() {
    // vring_size() and vring_init() of linux/virtio_ring.h, by hand.
    let layout = Layout::new(64).unwrap();
    assert_eq!(
        (layout.available, layout.used, layout.bytes),
        (1024, 1216, 1734)
    );
    for size in [0, 3, SIZE_MAX + 1, 2 * SIZE_MAX] {
        assert_eq!(Layout::new(size), None);
    }
    assert_eq!(Layout::new(SIZE_MAX).unwrap().used % ALIGN, 0);
}

#[test]
fn a_buffer_goes_out_and_comes_back() {
    let (mut queue, mut device) = (Queue::new(4), Honest::default());
    let head = queue
        .add(&[(10, false), (20, true), (30, true)], false)
        .unwrap();
    assert!(queue.publish().unwrap().kick);
    assert!(!queue.publish().unwrap().kick, "there is nothing new");
    device.take(&queue);
    let flags: Vec<_> = device.has[0]
        .1
        .iter()
        .map(|piece| (piece.1, piece.2))
        .collect();
    assert_eq!(flags, [(10, NEXT), (20, NEXT | WRITE), (30, WRITE)]);
    device.give(&queue, 0, 44);
    let collected = queue.collect().unwrap();
    assert_eq!((collected.buffers, collected.call), (1, true));
    assert_eq!(queue.get(), [(head, 44, 50)]);
    assert_eq!(
        (queue.collect().unwrap().buffers, queue.gate.outstanding()),
        (0, 0)
    );
}

#[test]
fn both_can_ask_not_to_be_told() {
    let (mut queue, mut device) = (Queue::new(4), Honest::default());
    queue.public.store16(queue.layout.used, 1);
    queue.private.store16(queue.layout.available, 1);
    queue.add(&[(1, true)], false).unwrap();
    let published = queue.publish().unwrap();
    assert_eq!((published.buffers, published.kick), (1, false));
    device.take(&queue);
    device.give(&queue, 0, 1);
    let collected = queue.collect().unwrap();
    assert_eq!((collected.buffers, collected.call), (1, false));
}

#[test]
fn a_length_is_no_more_than_was_writable() {
    for indirect in [false, true] {
        let (mut queue, mut device) = (Queue::new(4), Honest::default());
        let head = queue.add(&[(8, false), (64, true)], indirect).unwrap();
        queue.publish().unwrap();
        device.take(&queue);
        device.give(&queue, 0, u32::MAX);
        queue.collect().unwrap();
        assert_eq!(queue.get(), [(head, 64, 64)]);
        assert_eq!(queue.gate.clamped(), 1);
    }
}

#[test]
fn what_can_t_have_been_used_breaks_the_queue() {
    let used = |queue: &Queue, index: u16, id: u32| {
        let layout = queue.layout;
        queue
            .public
            .store32(layout.used + 4 + 8 * usize::from(index), id);
        queue.public.store16(layout.used + 2, index + 1);
    };
    let with_two = || {
        let mut queue = Queue::new(8);
        let heads = [(); 2].map(|()| queue.add(&[(1, true)], false).unwrap());
        queue.publish().unwrap();
        (queue, heads)
    };
    let (mut queue, heads) = with_two();
    queue.public.store16(queue.layout.used + 2, 30000);
    let broken = Broken::TooMany {
        used: 30000,
        outstanding: 2,
    };
    assert_eq!(queue.collect(), Err(broken));
    assert_eq!(
        broken.to_string(),
        "the backend says that it has used 30000 buffers, but it has 2"
    );
    for id in [7, 8, 65536, u32::MAX] {
        let (mut queue, _) = with_two();
        used(&queue, 0, id);
        assert_eq!(queue.collect(), Err(Broken::NotOutstanding { id }));
        assert_eq!(queue.get(), []);
    }
    // The same twice: the driver gets it once.
    let (mut queue, _) = with_two();
    used(&queue, 0, heads[1].into());
    used(&queue, 1, heads[1].into());
    let id = heads[1].into();
    assert_eq!(queue.collect(), Err(Broken::NotOutstanding { id }));
    assert_eq!(queue.get(), [(heads[1], 0, 1)]);
}

#[test]
fn each_word_of_a_device_is_looked_at_once() {
    let (mut queue, mut device) = (Queue::new(4), Honest::default());
    let heads = [(); 2].map(|()| queue.add(&[(8, true)], false).unwrap());
    queue.publish().unwrap();
    device.take(&queue);
    device.give(&queue, 0, 8);
    device.give(&queue, 0, 3);
    let collected = queue.gate.collect(&queue.private, &Fickle(&queue.public));
    assert_eq!(collected.unwrap().buffers, 2);
    assert_eq!(queue.get(), [(heads[0], 8, 8), (heads[1], 3, 8)]);
}

#[test]
fn a_table_that_is_not_the_driver_s_is_none() {
    let mut queue = Queue::new(4);
    let head = queue.add(&[(1, true)], true).unwrap();
    let at = usize::from(head) * 16;
    queue.private.store64(at, 0xdead);
    assert_eq!(queue.publish(), Err(Broken::Driver { head }));
}

#[test]
fn a_chain_that_is_a_circle_ends() {
    let mut queue = Queue::new(4);
    let head = queue.add(&[(1, true), (1, true)], false).unwrap();
    for index in 0..4 {
        queue.private.store16(index * 16 + 12, NEXT);
        queue.private.store16(index * 16 + 14, head);
    }
    assert_eq!(queue.publish(), Err(Broken::Driver { head }));
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<Piece>, bool),
    Publish,
    Take,
    Give(prop::sample::Index, u32),
    Collect,
    /// Bytes that a device writes somewhere to the public ring.
    Write(prop::sample::Index, Vec<u8>),
    /// A used buffer, whichever, and how far the index is moved.
    Use(u32, u32, u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pieces = prop::collection::vec((0u32..5000, any::<bool>()), 1..5);
    let step = prop_oneof![
        4 => (pieces, any::<bool>()).prop_map(|(pieces, indirect)| Step::Add(pieces, indirect)),
        3 => Just(Step::Publish),
        2 => Just(Step::Take),
        3 => (any::<prop::sample::Index>(), 0u32..6000).prop_map(|(which, length)| Step::Give(which, length)),
        3 => Just(Step::Collect),
        1 => (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..64))
            .prop_map(|(at, bytes)| Step::Write(at, bytes)),
        2 => (prop_oneof![0u32..20, any::<u32>()], any::<u32>(), prop_oneof![4 => Just(1u16), 1 => any::<u16>()])
            .prop_map(|(id, length, by)| Step::Use(id, length, by)),
    ];
    prop::collection::vec(step, 1..200)
}

fn sizes() -> impl Strategy<Value = u16> {
    (0u32..5).prop_map(|power| 1 << power)
}

proptest! {
    #![proptest_config(cases(400))]

    /// With a device that does as it should, all comes back once, with what it has written.
    #[test]
    fn an_honest_device_loses_nothing(size in sizes(), steps in steps()) {
        let (mut queue, mut device) = (Queue::new(size), Honest::default());
        let mut used: Vec<(u16, u32)> = Vec::new();
        let mut got: Vec<(u16, u32)> = Vec::new();
        let (mut added, end) = (0, [Step::Publish, Step::Take]);
        for step in steps.into_iter().chain(end) {
            match step {
                Step::Add(pieces, indirect) => added += usize::from(queue.add(&pieces, indirect).is_some()),
                Step::Publish => {
                    queue.publish().unwrap();
                }
                Step::Take => device.take(&queue),
                Step::Give(which, length) if !device.has.is_empty() => {
                    let which = which.index(device.has.len());
                    let writable = queue.given[&device.has[which].0].1;
                    let length = length.min(writable);
                    used.push((device.give(&queue, which, length), length));
                }
                Step::Collect => {
                    queue.collect().unwrap();
                    got.extend(queue.get().into_iter().map(|(head, length, _)| (head, length)));
                }
                _ => {}
            }
        }
        while !device.has.is_empty() {
            used.push((device.give(&queue, 0, 0), 0));
        }
        queue.collect().unwrap();
        got.extend(queue.get().into_iter().map(|(head, length, _)| (head, length)));
        prop_assert_eq!(got.len(), added);
        prop_assert_eq!(got, used);
        prop_assert_eq!((queue.gate.clamped(), queue.gate.outstanding()), (0, 0));
    }

    /// Whatever a device writes, the driver gets what it has given, once, with no more bytes than it had room for; and
    /// what the device is told of a buffer is what the driver has said.
    #[test]
    fn a_hostile_device_can_t_lie(size in sizes(), steps in steps()) {
        let (mut queue, mut device) = (Queue::new(size), Honest::default());
        let mut published = 0u64;
        let mut came = 0u64;
        for step in steps {
            let broken = match step {
                Step::Add(pieces, indirect) => {
                    queue.add(&pieces, indirect);
                    None
                }
                Step::Publish => {
                    // The driver's ring is always one.
                    published += u64::from(queue.publish().unwrap().buffers);
                    None
                }
                Step::Take => None,
                Step::Give(which, length) => {
                    // Of what is really there, but with any length.
                    let heads: Vec<u16> = queue.given.keys().copied().collect();
                    if !heads.is_empty() {
                        device.has.push((*which.get(&heads), Vec::new()));
                        device.give(&queue, 0, length);
                    }
                    None
                }
                Step::Write(at, bytes) => {
                    let most = queue.layout.bytes - bytes.len().min(queue.layout.bytes);
                    let at = at.index(most + 1);
                    queue.public.store(at, &bytes[..bytes.len().min(queue.layout.bytes - at)]);
                    None
                }
                Step::Use(id, length, by) => {
                    let layout = queue.layout;
                    let index = queue.public.load16(layout.used + 2);
                    let entry = layout.used + 4 + 8 * usize::from(index % layout.size);
                    queue.public.store32(entry, id);
                    queue.public.store32(entry + 4, length);
                    queue.public.store16(layout.used + 2, index.wrapping_add(by));
                    None
                }
                Step::Collect => queue.collect().err(),
            };
            // `get` panics if it was not given, or not any more.
            for (_, length, writable) in queue.get() {
                prop_assert!(length <= writable);
                came += 1;
            }
            prop_assert!(came <= published);
            prop_assert_eq!(published - came, u64::from(queue.gate.outstanding()));
            if broken.is_some() {
                return Ok(());
            }
        }
    }

    /// A device finds of each buffer what the driver has put there.
    #[test]
    fn what_goes_out_is_what_was_put_in(size in sizes(), buffers in prop::collection::vec(
        (prop::collection::vec((0u32..5000, any::<bool>()), 1..5), any::<bool>()), 1..20)) {
        let (mut queue, mut device) = (Queue::new(size), Honest::default());
        for (pieces, indirect) in buffers {
            if queue.add(&pieces, indirect).is_none() {
                continue;
            }
            queue.publish().unwrap();
            device.take(&queue);
            let seen = &device.has.last().unwrap().1;
            if indirect {
                prop_assert_eq!((seen[0].1 as usize, seen[0].2), (pieces.len() * 16, INDIRECT));
            } else {
                let seen: Vec<Piece> = seen.iter().map(|(_, length, flags)| (*length, flags & WRITE != 0)).collect();
                prop_assert_eq!(seen, pieces);
            }
            let last = device.has.len() - 1;
            device.give(&queue, last, 0);
            queue.collect().unwrap();
            queue.get();
        }
    }
}
