// SPDX-License-Identifier: MIT OR Apache-2.0

//! Frames arrive once, in order, unchanged.

use std::thread;

use rig::run::Context as _;
use rig::verdict::{Verdict, ensure, fail};

use super::{Plain, gives, is};
use crate::families::net::netdrv::Context;
use crate::families::net::netdrv::packet::failed;
use crate::families::net::netdrv::world::{End, frame, with_new_pair, with_pair};

pub const CHECKS: &[Plain] = &[
    (
        "frames/through",
        "frames arrive once, in order, unchanged",
        "frames of every kind of size arrive, both ways",
        through,
    ),
    (
        "frames/both-ways",
        "frames arrive once, in order, unchanged",
        "thousands of frames both ways at once, in rings of 256, 4 and 1, arrive in order, and what was sent was received",
        both_ways,
    ),
    (
        "frames/down",
        "as the C model",
        "what is sent to a device that is down is counted in tx_dropped, and nowhere else",
        down,
    ),
    (
        "frames/length",
        "frames as long as asked for",
        "the MTU is 68 to 65535; a frame that is longer than the receiver takes is counted by it",
        length,
    ),
];

fn through(_: &mut Context) -> Verdict {
    with_pair(|world| {
        for (number, size) in [18, 59, 60, 61, 64, 127, 128, 1_000, 1_513, 1_514]
            .into_iter()
            .enumerate()
        {
            let number = number as u32;
            for (from, to) in [(&world.near, &world.far), (&world.far, &world.near)] {
                from.send([number], size)?;
                to.expect([number], size)?;
            }
        }
        world.settle()?;
        let (near, far) = (world.near.counters()?, world.far.counters()?);
        for counters in [&near, &far] {
            is("tx_packets", counters.get("tx_packets")?, 10)?;
            is("rx_packets", counters.get("rx_packets")?, 10)?;
            is(
                "tx_bytes",
                counters.get("tx_bytes")?,
                counters.get("rx_bytes")?,
            )?;
        }
        world.near.expect_nothing()?;
        world.far.expect_nothing()
    })
}

/// Sends so many frames in one direction, and receives them.
fn flow(from: &End, to: &End, frames: u32) -> Verdict {
    thread::scope(|scope| {
        let sender = scope.spawn(|| from.send(0..frames, 100));
        to.expect(0..frames, 100)?;
        sender
            .join()
            .unwrap_or_else(|_| fail("a thread has panicked"))
    })
}

fn both_ways(context: &mut Context) -> Verdict {
    const FRAMES: u32 = 3_000;
    let mut notes = Vec::new();
    with_pair(|world| {
        for ring in [256, 4, 1] {
            for end in [&world.near, &world.far] {
                end.set_ring(ring)?;
            }
            thread::scope(|scope| {
                let other = scope.spawn(|| flow(&world.far, &world.near, FRAMES));
                flow(&world.near, &world.far, FRAMES)?;
                other
                    .join()
                    .unwrap_or_else(|_| fail("a thread has panicked"))
            })?;
            world.settle()?;
            let near = world.near.counters()?;
            let stops = near.get("tx_queue_stops")?;
            // A queue that is stopped for good would have kept frames back, unless none came after.
            is("stops", stops, near.get("tx_queue_wakes")?)?;
            notes.push(format!("ring {ring}: {stops} stops"));
        }
        let (near, far) = (world.near.counters()?, world.far.counters()?);
        let due = u64::from(3 * FRAMES);
        for counters in [&near, &far] {
            is("tx_packets", counters.get("tx_packets")?, due)?;
            is("rx_packets", counters.get("rx_packets")?, due)?;
            is("tx_dropped", counters.get("tx_dropped")?, 0)?;
            is("rx_dropped", counters.get("rx_dropped")?, 0)?;
        }
        let full = far.get("rx_ring_full")?;
        ensure(full > 0, || "a ring of one frame was never full".to_owned())?;
        ensure(
            near.get("napi_polls")? >= near.get("napi_completions")?,
            || "more polls were completed than there were".to_owned(),
        )
    })?;
    context.note(notes.join(", "));
    Ok(())
}

fn down(_: &mut Context) -> Verdict {
    with_new_pair(|world| {
        world.set_up(&world.near, true)?;
        world.near.send(0..7, 60)?;
        let (near, far) = (world.near.counters()?, world.far.counters()?);
        is("tx_dropped", near.get("tx_dropped")?, 7)?;
        is("tx_packets", near.get("tx_packets")?, 0)?;
        is("rx_packets", far.get("rx_packets")?, 0)?;
        is("rx_dropped", far.get("rx_dropped")?, 0)
    })
}

fn length(_: &mut Context) -> Verdict {
    with_pair(|world| {
        for bad in [67, 65_536] {
            gives(
                "the MTU",
                world.netlink.set_mtu(world.near.index, bad),
                libc::EINVAL,
            )?;
        }
        world
            .netlink
            .set_mtu(world.near.index, 65_535)
            .map_err(|e| failed("ip link set mtu", e))?;
        is("the MTU", world.link(&world.near)?.mtu, 65_535)?;
        world.near.send([1], 60_000)?;
        world.near.send([2], 1_514)?;
        world.far.expect([2], 1_514)?;
        let far = world.far.counters()?;
        is("rx_dropped", far.get("rx_dropped")?, 1)?;
        world.settle()?;
        world
            .netlink
            .set_mtu(world.far.index, 65_535)
            .map_err(|e| failed("ip link set mtu", e))?;
        world.near.send([3], 60_000)?;
        let came = world
            .far
            .packets
            .receive()
            .map_err(|e| failed("frame 3", e))?;
        ensure(came == frame(3, 60_000), || {
            "frame 3 has other bytes".to_owned()
        })
    })
}
