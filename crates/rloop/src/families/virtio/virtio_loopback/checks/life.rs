// SPDX-License-Identifier: MIT OR Apache-2.0

//! Devices that come and go.

use std::fs;
use std::time::{Duration, Instant};

use driver_models::virtio_loopback::abi::{self, Generation};
use driver_models::virtio_loopback::state::Phase;
use rig::verdict::{Verdict, ensure};

use super::Plain;
use crate::families::virtio::virtio_loopback::served::{Served, said, wait};
use crate::families::virtio::virtio_loopback::{Context, sys};

pub const CHECKS: &[Plain] = &[
    (
        "life/again",
        "devices that come and go",
        "a node whose owner has been closed in any phase is free at once, 50 times; no device is left",
        again,
    ),
    (
        "life/unbind",
        "devices that come and go",
        "a driver that is unbound stops the backend; bound again it is served as one of a new generation",
        unbind,
    ),
    (
        "life/silent",
        "devices that come and go",
        "a backend that does not let go fails the next driver after a second, and the device can be removed",
        silent,
    ),
];

const BUS: &str = "/sys/bus/virtio/drivers/virtio_rng";
const PARENT: &str = "/sys/devices/platform/virtio-loopback.0";

/// The virtio devices of the node.
fn devices() -> Vec<String> {
    let entries = fs::read_dir(PARENT).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with("virtio")).collect()
}

fn one() -> Verdict<String> {
    wait("there is one device", || {
        let devices = devices();
        Ok((devices.len() == 1).then(|| devices[0].clone()))
    })
}

fn none() -> Verdict {
    wait("there is no device", || {
        Ok(devices().is_empty().then_some(()))
    })
}

fn again(context: &mut Context) -> Verdict {
    let start = Instant::now();
    for round in 0..50 {
        let mut device = Served::new()?;
        match round % 4 {
            0 => {}
            1 => drop(device.until(Phase::Ready)?),
            2 => drop(device.start()?),
            _ => {
                device.start()?;
                let (head, _, length) = device.take()?;
                device.used(head.into(), length, 1)?;
                said("a ring", device.ring())?;
            }
        }
    }
    none()?;
    context
        .notes
        .push(format!("{:?} each", start.elapsed() / 50));
    Ok(())
}

fn unbind(_: &mut Context) -> Verdict {
    let mut device = Served::new()?;
    let first = device.start()?;
    let name = one()?;
    for round in 1..=5 {
        said("unbind", fs::write(format!("{BUS}/unbind"), &name))?;
        let state = device.until(Phase::Stopping)?;
        ensure(state.generation == first + round - 1, || {
            format!("it is generation {} that has to stop", state.generation)
        })?;
        let open = device.queue_state()?.open;
        ensure(open == 0, || "its queue is open still".to_owned())?;
        // Nobody is called any more.
        said("a ring", device.ring())?;
        let generation = state.generation;
        let stopped = sys::call(device.owner(), abi::STOPPED, &Generation { generation });
        said("STOPPED", stopped)?;
        said("bind", fs::write(format!("{BUS}/bind"), &name))?;
        let generation = device.start()?;
        ensure(generation == first + round, || {
            format!("it is generation {generation}")
        })?;
        let (head, _, length) = device.take()?;
        device.used(head.into(), length, 1)?;
        said("a ring", device.ring())?;
    }
    drop(device);
    none()
}

fn silent(_: &mut Context) -> Verdict {
    let mut device = Served::new()?;
    device.start()?;
    let name = one()?;
    said("unbind", fs::write(format!("{BUS}/unbind"), &name))?;
    let start = Instant::now();
    let bound = fs::write(format!("{BUS}/bind"), &name);
    ensure(bound.is_err(), || "the driver was bound".to_owned())?;
    let took = start.elapsed();
    ensure(took >= Duration::from_millis(900), || {
        format!("it gave up after {took:?}")
    })?;
    drop(device);
    none()
}
