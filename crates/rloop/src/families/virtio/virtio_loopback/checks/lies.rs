// SPDX-License-Identifier: MIT OR Apache-2.0

//! A backend that writes to the rings what is not so.

use driver_models::virtio_loopback::state::Phase;
use rig::run::Context as _;
use rig::verdict::{Verdict, ensure};

use super::Plain;
use crate::families::virtio::virtio_loopback::Context;
use crate::families::virtio::virtio_loopback::served::{MEMORY, Served, said};

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

fn noise(context: &mut Context) -> Verdict {
    let mut broken = 0;
    for seed in 0..20u64 {
        let mut device = Served::started()?;
        device.take()?;
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let words = (0..MEMORY / 8).flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        let noise: Vec<u8> = words.collect();
        device.write(driver_models::virtio_loopback::policy::BASE, &noise)?;
        for _ in 0..4 {
            said("a ring", device.ring())?;
        }
        broken += u32::from(device.state()?.phase == Phase::Broken.number());
    }
    context.note(format!("{broken} of 20 broke"));
    ensure(broken >= 15, || format!("{broken} of 20 broke"))?;
    Served::started().map(drop)
}
