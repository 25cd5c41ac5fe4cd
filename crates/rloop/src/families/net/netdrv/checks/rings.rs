// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rings and their sizes.

use std::thread;
use std::time::Duration;

use rig::verdict::{Verdict, fail};

use super::{Plain, gives, is};
use crate::families::net::netdrv::packet::failed;
use crate::families::net::netdrv::world::with_pair;
use crate::families::net::netdrv::{Context, ethtool};

pub const CHECKS: &[Plain] = &[
    (
        "rings/sizes",
        "as the C model",
        "a ring has room for 1 to 256 frames, a power of two; others are refused with EINVAL",
        sizes,
    ),
    (
        "rings/changed",
        "a change loses nothing",
        "frames arrive in order while the sizes of the rings are changed again and again",
        changed,
    ),
];

fn sizes(_: &mut Context) -> Verdict {
    with_pair(|world| {
        let ring = || ethtool::ring(world.near.name).map_err(|e| failed("ethtool -g", e));
        is("the ring", ring()?.0, 256)?;
        for size in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
            world.near.set_ring(size)?;
            is("the ring", ring()?, (256, size))?;
        }
        for bad in [0, 3, 255, 257, 512] {
            gives(
                "ethtool -G",
                ethtool::set_ring(world.near.name, bad),
                libc::EINVAL,
            )?;
        }
        is("the ring", ring()?, (256, 256))
    })
}

fn changed(_: &mut Context) -> Verdict {
    const FRAMES: u32 = 3_000;
    with_pair(|world| {
        thread::scope(|scope| {
            let sender = scope.spawn(|| world.near.send(0..FRAMES, 200));
            let receiver = scope.spawn(|| world.far.expect(0..FRAMES, 200));
            let mut size = 1;
            while !receiver.is_finished() {
                size = if size == 1 { 64 } else { size / 2 };
                world.far.set_ring(size)?;
                thread::sleep(Duration::from_micros(500));
            }
            let panicked = || fail("a thread has panicked");
            sender.join().unwrap_or_else(|_| panicked())?;
            receiver.join().unwrap_or_else(|_| panicked())
        })?;
        world.settle()
    })
}
