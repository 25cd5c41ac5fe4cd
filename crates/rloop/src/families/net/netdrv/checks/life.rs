// SPDX-License-Identifier: MIT OR Apache-2.0

//! Pairs come and go; what they say of themselves.

use rig::run::Context as _;
use rig::verdict::Verdict;

use super::{Plain, gives, is};
use crate::families::net::netdrv::packet::failed;
use crate::families::net::netdrv::world::{End, World, with_new_pair, with_pair};
use crate::families::net::netdrv::{Context, DRIVER, ethtool};

pub const CHECKS: &[Plain] = &[
    (
        "life/pair",
        "made at run time",
        "ip link add makes two devices, each of which names the other, and both go with one",
        pair,
    ),
    (
        "life/carrier",
        "as the C model",
        "a device has a link as soon as it is up, whatever the other does, and none when it is down",
        carrier,
    ),
    (
        "life/counters",
        "as the C model",
        "ethtool -S has the counters of the C model first, in its order",
        counters,
    ),
    (
        "life/up-down",
        "a device can go at any time",
        "going up and down again and again while frames are sent loses none that is not counted",
        up_down,
    ),
];

fn pair(_: &mut Context) -> Verdict {
    with_new_pair(|world| {
        let (near, far) = (world.link(&world.near)?, world.link(&world.far)?);
        is("the other end of the first", near.other, world.far.index)?;
        is("the other end of the second", far.other, world.near.index)?;
        for end in [&world.near, &world.far] {
            let said = ethtool::driver(end.name).map_err(|e| failed("ethtool -i", e))?;
            is("the driver", said.0.as_str(), DRIVER)?;
        }
        let removed = world.netlink.remove(world.far.index);
        removed.map_err(|e| failed("ip link del", e))?;
        for end in [&world.near, &world.far] {
            gives(end.name, world.netlink.link(end.index), libc::ENODEV)?;
        }
        Ok(())
    })
}

fn carrier(_: &mut Context) -> Verdict {
    with_new_pair(|world| {
        let link = |end: &End| -> Verdict<(bool, bool)> {
            let said = ethtool::link(end.name).map_err(|e| failed("ethtool", e))?;
            let link = world.link(end)?;
            is("LOWER_UP", link.lower_up, said)?;
            Ok((link.up, said))
        };
        is("near at first", link(&world.near)?, (false, false))?;
        world.set_up(&world.near, true)?;
        is("near, up", link(&world.near)?, (true, true))?;
        is("far meanwhile", link(&world.far)?, (false, false))?;
        world.set_up(&world.far, true)?;
        world.set_up(&world.near, false)?;
        is("near, down", link(&world.near)?, (false, false))?;
        is("far meanwhile", link(&world.far)?, (true, true))
    })
}

fn counters(_: &mut Context) -> Verdict {
    with_new_pair(|world| {
        let all = ethtool::statistics(world.near.name).map_err(|e| failed("ethtool -S", e))?;
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        let model = [
            "tx_packets",
            "tx_bytes",
            "rx_packets",
            "rx_bytes",
            "tx_dropped",
            "rx_dropped",
            "tx_queue_stops",
            "tx_queue_wakes",
            "napi_polls",
            "napi_completions",
            "rx_ring_full",
        ];
        is("the first eleven", names.get(..11), Some(&model[..]))
    })
}

fn up_down(context: &mut Context) -> Verdict {
    let mut lost = 0;
    with_pair(|world: &World| {
        for turn in 0..20 {
            world.near.send(0..30, 60)?;
            world.set_up(&world.far, false)?;
            world.near.send(0..3, 60)?;
            world.settle()?;
            world.set_up(&world.far, true)?;
            // It works again.
            world.near.send([turn], 60)?;
            world.far.expect([turn], 60)?;
        }
        let (near, far) = (world.near.counters()?, world.far.counters()?);
        is("frames that nobody took", near.get("tx_dropped")?, 60)?;
        lost = far.get("rx_dropped")?;
        Ok(())
    })?;
    context.note(format!("{lost} frames were on their way and counted"));
    Ok(())
}
