// SPDX-License-Identifier: MIT OR Apache-2.0

//! A backend that writes to the rings what is not so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use driver_models::virtio_loopback::policy::BASE;
use driver_models::virtio_loopback::state::Phase;
use rig::random::Random;
use rig::run::Context as _;
use rig::verdict::{Verdict, ensure, fail};

use super::Plain;
use crate::families::virtio::virtio_loopback::Context;
use crate::families::virtio::virtio_loopback::served::{MEMORY, Served, random_bytes, said};

pub const CHECKS: &[Plain] = &[
    (
        "lies/index",
        "backends that lie",
        "who has used more buffers than there are breaks the device",
        index,
    ),
    (
        "lies/id",
        "backends that lie",
        "who has used a buffer that there is not breaks the device",
        id,
    ),
    (
        "lies/twice",
        "backends that lie",
        "who has used a buffer twice breaks the device",
        twice,
    ),
    (
        "lies/length",
        "backends that lie",
        "who has written more to a buffer than there was room for has written that much, and is counted",
        length,
    ),
    (
        "lies/told",
        "backends that lie",
        "a driver whose backend says that it has written too much asks for more as soon as it has read a buffer",
        told,
    ),
    (
        "lies/next",
        "backends that lie",
        "who changes descriptors of buffers that are there changes nothing",
        next,
    ),
    (
        "lies/noise",
        "backends that lie",
        "whatever is in the memory, the device breaks or goes on",
        noise,
    ),
    (
        "lies/storm",
        "backends that lie",
        "whatever two threads write to the memory while two others ring, from before the START on, the device breaks or goes on",
        storm,
    ),
    (
        "lies/truncated",
        "backends that lie",
        "who takes the memory away has it taken away from nobody but itself",
        truncated,
    ),
];

/// Whether the device is broken, and can be made anew.
fn broke(device: Served) -> Verdict {
    let state = device.until(Phase::Broken)?;
    ensure(state.broken_queue == 0, || {
        format!("queue {} is said to be broken", state.broken_queue)
    })?;
    let queue = device.queue_state()?;
    ensure(queue.open == 0, || "its queue is open still".to_owned())?;
    said("a ring", device.ring())?;
    drop(device);
    Served::started().map(drop)
}

/// Whether the driver has got what it was given, and asks for more.
fn goes_on(device: &mut Served) -> Verdict {
    let (head, _, length) = device.take()?;
    device.used(head.into(), length, 1)?;
    said("a ring", device.ring())?;
    let state = device.state()?;
    ensure(state.phase == Phase::Live.number(), || {
        format!("it is in phase {}", state.phase)
    })
}

fn index(_: &mut Context) -> Verdict {
    let mut device = Served::started()?;
    let (head, _, length) = device.take()?;
    device.used(head.into(), length, 30_000)?;
    said("a ring", device.ring())?;
    broke(device)
}

fn id(_: &mut Context) -> Verdict {
    for wrong in [1, 63, 64, 65_536, u32::MAX] {
        let mut device = Served::started()?;
        let (head, _, length) = device.take()?;
        device.used(u32::from(head) ^ wrong, length, 1)?;
        said("a ring", device.ring())?;
        broke(device)?;
    }
    Ok(())
}

fn twice(_: &mut Context) -> Verdict {
    let mut device = Served::started()?;
    let (head, _, length) = device.take()?;
    device.used(head.into(), length, 1)?;
    device.used(head.into(), length, 1)?;
    said("a ring", device.ring())?;
    broke(device)
}

fn length(_: &mut Context) -> Verdict {
    let mut device = Served::started()?;
    device.have_it_read()?;
    for (lie, count) in [(u32::MAX, 1), (4096, 2), (0x8000_0000, 3)] {
        let (head, _, _) = device.take()?;
        device.used(head.into(), lie, 1)?;
        said("a ring", device.ring())?;
        let clamped = device.state()?.clamped;
        ensure(clamped == count, || {
            format!("{clamped} lies were counted, {count} are due")
        })?;
    }
    goes_on(&mut device)
}

/// What a driver that has been told of more than there is would look for it, before it asks for a buffer. Whether it asks
/// for one by the time that a reader has what was in the buffers before.
fn asks_again(device: &mut Served, length: u32) -> Verdict<bool> {
    /// So long nobody comes to read what is there: somebody else has.
    const TAKEN: Duration = Duration::from_millis(500);
    // It ends with the device, if not before.
    let reader = thread::spawn(move || random_bytes(length as usize));
    while !reader.is_finished() {
        if device.has_one()? {
            let (head, ..) = device.take()?;
            device.used(head.into(), 64 * length, 1)?;
            said("a ring", device.ring())?;
        }
        let end = Instant::now() + TAKEN;
        while !reader.is_finished() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }
    match reader.join() {
        Ok(read) => read.map(drop)?,
        Err(_) => return fail("a thread has panicked"),
    }
    device.has_one()
}

fn told(context: &mut Context) -> Verdict {
    const ROUNDS: u32 = 9;
    let mut device = Served::started()?;
    device.choice().make()?;
    let (head, _, length) = device.take()?;
    device.used(head.into(), length, 1)?;
    said("a ring", device.ring())?;
    let mut asked = 0;
    for _ in 0..ROUNDS {
        asked += u32::from(asks_again(&mut device, length)?);
    }
    context.note(format!("{asked} of {ROUNDS} times"));
    // The kernel reads for itself now and then.
    ensure(asked > ROUNDS / 2, || {
        format!("it has asked {asked} of {ROUNDS} times")
    })
}

fn next(_: &mut Context) -> Verdict {
    let mut device = Served::started()?;
    device.have_it_read()?;
    for _ in 0..10 {
        let (head, _, length) = device.take()?;
        device.chain_all(head)?;
        device.used(head.into(), length, 1)?;
        said("a ring", device.ring())?;
    }
    goes_on(&mut device)
}

/// As many bytes as a device's memory has.
fn bytes_of(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..MEMORY / 8)
        .flat_map(|_| random.number().to_le_bytes())
        .collect()
}

fn noise(context: &mut Context) -> Verdict {
    let mut broken = 0;
    for seed in 0..20u64 {
        let mut device = Served::started()?;
        device.take()?;
        device.write(BASE, &bytes_of(seed))?;
        for _ in 0..4 {
            said("a ring", device.ring())?;
        }
        broken += u32::from(device.state()?.phase == Phase::Broken.number());
    }
    context.note(format!("{broken} of 20 broke"));
    ensure(broken >= 15, || format!("{broken} of 20 broke"))?;
    Served::started().map(drop)
}

/// Does something again and again, at least once, until `over`.
fn again(over: &AtomicBool, mut act: impl FnMut() -> Verdict) -> Verdict {
    loop {
        act()?;
        if over.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
}

fn storm(context: &mut Context) -> Verdict {
    const ROUNDS: u64 = 20;
    /// How often each device is looked at meanwhile.
    const LOOKS: u32 = 20;
    let mut broken = 0;
    for round in 0..ROUNDS {
        let device = Served::new()?;
        let generation = device.until(Phase::Ready)?.generation;
        device.have_it_read()?;
        let over = AtomicBool::new(false);
        let state = thread::scope(|scope| {
            let (device, over) = (&device, &over);
            let writers = (0..2).map(|number| {
                let noise = bytes_of(2 * round + number);
                scope.spawn(move || again(over, || device.write(BASE, &noise)))
            });
            let mut threads: Vec<_> = writers.collect();
            threads.extend((0..2).map(|_| {
                scope.spawn(move || again(over, || said("a ring", device.ring()).map(drop)))
            }));
            let looked = device.begin(generation).and_then(|()| {
                for _ in 0..LOOKS {
                    thread::sleep(Duration::from_millis(1));
                    device.queue_state()?;
                }
                device.state()
            });
            over.store(true, Ordering::Relaxed);
            let ended = threads.into_iter().map(|thread| match thread.join() {
                Ok(verdict) => verdict,
                Err(_) => fail("a thread has panicked"),
            });
            ended.collect::<Verdict>().and(looked)
        })?;
        let phases = [Phase::Live.number(), Phase::Broken.number()];
        ensure(phases.contains(&state.phase), || {
            format!("it is in phase {} after that", state.phase)
        })?;
        broken += u64::from(state.phase == Phase::Broken.number());
    }
    context.note(format!("{broken} of {ROUNDS} broke"));
    ensure(broken > 0, || "none broke".to_owned())?;
    Served::started().map(drop)
}

fn truncated(_: &mut Context) -> Verdict {
    let mut device = Served::started()?;
    device.have_it_read()?;
    let (head, _, length) = device.take()?;
    device.used(head.into(), length, 1)?;
    said("ftruncate", device.memory().set_len(0))?;
    // What was written before that is there still, and then comes nothing more.
    said("a ring", device.ring())?;
    said("a ring", device.ring())?;
    let (state, queue) = (device.state()?, device.queue_state()?);
    ensure(state.phase == Phase::Live.number(), || {
        format!("it is in phase {}", state.phase)
    })?;
    ensure(queue.buffers == 1, || {
        format!("{} buffers have come back, one is due", queue.buffers)
    })?;
    drop(device);
    Served::started().map(drop)
}
