// SPDX-License-Identifier: MIT OR Apache-2.0

//! Faults on demand: each does what it says, the same each time, and is counted.

use std::thread;
use std::time::{Duration, Instant};

use rig::run::Context as _;
use rig::verdict::{Verdict, ensure};

use super::{Plain, is};
use crate::families::net::netdrv::packet::failed;
use crate::families::net::netdrv::world::{World, frame, with_pair};
use crate::families::net::netdrv::{Context, ethtool};
use crate::kernel::faults::wrong;

pub const CHECKS: &[Plain] = &[
    (
        "faults/drop",
        "faults on demand",
        "the next frames, a range of them, or those that a seed chooses get lost, and are counted",
        drop_frames,
    ),
    (
        "faults/double",
        "faults on demand",
        "frames come twice, in a ring of one, too",
        double,
    ),
    (
        "faults/flip",
        "faults on demand",
        "a bit of a frame is inverted",
        flip,
    ),
    (
        "faults/reorder",
        "faults on demand",
        "a frame is overtaken by the next, and comes all the same where there is none",
        reorder,
    ),
    (
        "faults/delay",
        "faults on demand",
        "a frame comes so much late, and those behind it after it",
        delay,
    ),
    (
        "faults/freeze",
        "faults on demand",
        "nothing arrives, the queue stops, and all goes on",
        freeze,
    ),
    (
        "faults/down",
        "faults on demand",
        "a wire that is cut is seen at both ends, and what is sent is counted",
        down,
    ),
    (
        "faults/both",
        "faults on demand",
        "both directions go wrong from one place, or one alone",
        both,
    ),
    (
        "faults/refused",
        "faults on demand",
        "what is no such fault is refused with EINVAL",
        refused,
    ),
];

/// Which of so many frames come, if those go wrong that the plan says.
fn right(plan: &str, frames: u32) -> Vec<u32> {
    let wrong = wrong(plan, frames as usize);
    (0..frames)
        .filter(|frame| !wrong[*frame as usize])
        .collect()
}

fn drop_frames(_: &mut Context) -> Verdict {
    with_pair(|world| {
        let faults = world.near_faults()?;
        let mut lost = 0;
        for plan in ["5", "3-7", "1/10 42", "1/10 42", "1/10 43"] {
            faults.ask("drop", plan)?;
            is("what is left", faults.left("drop")?.as_str(), plan)?;
            let due = right(plan, 100);
            ensure(due.len() < 100, || format!("{plan} loses nothing"))?;
            lost += 100 - due.len() as u64;
            world.near.send(0..100, 60)?;
            world.far.expect(due, 60)?;
            faults.ask("drop", "0")?;
            world.settle()?;
            world.far.expect_nothing()?;
        }
        is(
            "tx_fault_dropped",
            world.near.counters()?.get("tx_fault_dropped")?,
            lost,
        )
    })
}

fn double(_: &mut Context) -> Verdict {
    with_pair(|world| {
        for ring in [256, 1] {
            world.far.set_ring(ring)?;
            world.near_faults()?.ask("double", "2-3")?;
            world.near.send(0..5, 60)?;
            world.far.expect([0, 1, 1, 2, 2, 3, 4], 60)?;
            world.settle()?;
        }
        is(
            "tx_fault_doubled",
            world.near.counters()?.get("tx_fault_doubled")?,
            4,
        )
    })
}

fn flip(_: &mut Context) -> Verdict {
    with_pair(|world| {
        world.near_faults()?.ask("flip", "1")?;
        world.near.send([7, 8], 100)?;
        let mut due = frame(7, 100);
        due[99] ^= 1;
        let came = world.far.packets.receive().map_err(|e| failed("recv", e))?;
        ensure(came == due, || {
            "another bit than the last byte's lowest was inverted, or none".to_owned()
        })?;
        world.far.expect([8], 100)?;
        is(
            "tx_fault_flipped",
            world.near.counters()?.get("tx_fault_flipped")?,
            1,
        )
    })
}

fn reorder(_: &mut Context) -> Verdict {
    with_pair(|world| {
        let faults = world.near_faults()?;
        faults.ask("reorder", "2-2")?;
        world.near.send(0..4, 60)?;
        world.far.expect([0, 2, 1, 3], 60)?;
        faults.ask("reorder", "1")?;
        world.near.send([9], 60)?;
        world.far.expect([9], 60)?;
        world.settle()?;
        is(
            "tx_fault_reordered",
            world.near.counters()?.get("tx_fault_reordered")?,
            1,
        )
    })
}

fn delay(context: &mut Context) -> Verdict {
    let mut took = Duration::ZERO;
    with_pair(|world| {
        let faults = world.near_faults()?;
        faults.ask("delay_us", "300000")?;
        faults.ask("delay", "2-2")?;
        let begin = Instant::now();
        world.near.send(0..3, 60)?;
        world.far.expect([0], 60)?;
        world.far.expect_nothing()?;
        world.far.expect([1, 2], 60)?;
        took = begin.elapsed();
        is(
            "tx_fault_delayed",
            world.near.counters()?.get("tx_fault_delayed")?,
            1,
        )
    })?;
    context.note(format!("300 ms took {took:?}"));
    ensure(took >= Duration::from_millis(300), || {
        format!("it came after {took:?}")
    })
}

fn freeze(_: &mut Context) -> Verdict {
    with_pair(|world| {
        let faults = world.near_faults()?;
        world.far.set_ring(4)?;
        faults.ask("freeze", "1")?;
        is("what is left", faults.left("freeze")?.as_str(), "1")?;
        world.near.send(0..9, 60)?;
        thread::sleep(Duration::from_millis(100));
        world.far.expect_nothing()?;
        let near = world.near.counters()?;
        is(
            "frames on their way",
            world.far.counters()?.get("rx_pending")?,
            4,
        )?;
        is("stops", near.get("tx_queue_stops")?, 1)?;
        is("wakes", near.get("tx_queue_wakes")?, 0)?;
        // A smaller and a larger ring, down and up: nothing of it makes it forget.
        world.far.set_ring(1)?;
        world.far.set_ring(8)?;
        world.set_up(&world.near, false)?;
        world.set_up(&world.near, true)?;
        faults.ask("freeze", "0")?;
        world.far.expect(0..4, 60)?;
        world.settle()?;
        // What waited in the queue went with it.
        world.far.drain();
        world.near.send([9], 60)?;
        world.far.expect([9], 60)
    })
}

fn down(_: &mut Context) -> Verdict {
    with_pair(|world| {
        let faults = world.faults()?;
        let links = |world: &World| -> Verdict<[bool; 2]> {
            let of = |name| ethtool::link(name).map_err(|e| failed("ethtool", e));
            Ok([of(world.near.name)?, of(world.far.name)?])
        };
        faults.ask("down", "1")?;
        is("the links", links(world)?, [false; 2])?;
        // Whether the kernel lets it come that far or not, it does not arrive.
        let _ = world.near.packets.send(&frame(1, 60));
        world.settle()?;
        world.far.expect_nothing()?;
        world.set_up(&world.near, false)?;
        world.set_up(&world.near, true)?;
        is("the links, up again", links(world)?, [false; 2])?;
        faults.ask("down", "0")?;
        is("the links, mended", links(world)?, [true; 2])?;
        // The kernel lets nothing through until it has seen it.
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let _ = world.near.packets.send(&frame(2, 60));
            thread::sleep(Duration::from_millis(20));
            if world.far.packets.receive_now().is_ok() {
                break;
            }
            ensure(Instant::now() < end, || {
                "nothing arrives on the mended wire".to_owned()
            })?;
        }
        world.settle()
    })
}

fn both(_: &mut Context) -> Verdict {
    with_pair(|world| {
        world.faults()?.ask("drop", "1")?;
        is(
            "what is left",
            world.faults()?.left("drop")?.as_str(),
            "1\n1",
        )?;
        for (from, to) in [(&world.near, &world.far), (&world.far, &world.near)] {
            from.send([0, 1], 60)?;
            to.expect([1], 60)?;
        }
        world.near_faults()?.ask("drop", "1")?;
        for (from, to, due) in [
            (&world.near, &world.far, vec![1]),
            (&world.far, &world.near, vec![0, 1]),
        ] {
            from.send([0, 1], 60)?;
            to.expect(due, 60)?;
        }
        world.settle()
    })
}

fn refused(_: &mut Context) -> Verdict {
    with_pair(|world| {
        let bad = [("delay_us", "10000001"), ("freeze", "2"), ("down", "2")];
        let faults = world.faults()?;
        faults.refuse_no_plans(&["drop", "double", "flip", "reorder", "delay"])?;
        faults.refuse(&bad)
    })
}
