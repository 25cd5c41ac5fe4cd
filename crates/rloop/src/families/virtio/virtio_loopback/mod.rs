// SPDX-License-Identifier: MIT OR Apache-2.0

//! virtio-loopback: a virtio device whose other end is a program.

use std::path::Path;

use driver_models::virtio_loopback::params::DEVICES_MAX;
use rig::check::Kind;
use rig::run::Tests;

use crate::error::Error;
use crate::families::checked;
use crate::families::family::{Driver, Status, listed};
use crate::kernel::suspend::Suspender;

mod checks;
pub mod served;
mod sys;

/// The driver's name.
pub const DRIVER: &str = "virtio-loopback";
/// The node that is checked.
pub const NODE: &str = "/dev/loopback-0";

/// What the tool knows of it.
pub const ENTRY: Driver = Driver {
    name: DRIVER,
    module: "virtio_loopback",
    node: Some(NODE),
    has_limits: false,
    list: |_| listed(DRIVER, &checks::all()),
    verify: |_, selection| {
        let suite = suite();
        if suite.is_some() && selection.kind == Kind::Suspend {
            drop(Suspender::new().map_err(Error::NoSuspend)?);
        }
        Ok(suite.map(|suite| vec![suite]))
    },
    stress: None,
    status: |_| Ok(status()),
};

/// What a check is given.
pub type Context = checked::Alone;

/// The checks, if the driver is here.
fn suite() -> Option<Box<dyn Tests<Error>>> {
    checked::alone(DRIVER, NODE, (NODE, NODE), checks::all())
}

/// Where sysfs has the devices of a node.
fn parent(node: u32) -> String {
    format!("/sys/devices/platform/{DRIVER}.{node}")
}

/// The names of a node's devices, those included that are being taken away.
fn devices(node: u32) -> Vec<String> {
    let entries = std::fs::read_dir(parent(node))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with("virtio"))
        .collect()
}

/// The nodes, and which virtio devices there are below them, if there are any nodes.
fn status() -> Option<Status> {
    let mut status = Status::default();
    for number in 0..DEVICES_MAX {
        let node = format!("/dev/loopback-{number}");
        if !Path::new(&node).exists() {
            continue;
        }
        let mut devices: Vec<String> = devices(number)
            .into_iter()
            .map(|name| {
                let driver = std::fs::read_link(format!("{}/{name}/driver", parent(number))).ok();
                let driver = driver
                    .as_deref()
                    .and_then(|path| path.file_name()?.to_str());
                format!("{name} ({})", driver.unwrap_or("no driver"))
            })
            .collect();
        devices.sort();
        status.text += &format!("{node}\n  devices: {}\n", devices.join(", "));
        status.values.push(serde_json::json!({
            "driver": DRIVER, "node": node, "devices": devices,
        }));
    }
    (!status.values.is_empty()).then_some(status)
}
