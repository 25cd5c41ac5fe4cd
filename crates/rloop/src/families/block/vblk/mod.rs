// SPDX-License-Identifier: MIT OR Apache-2.0

//! vblk: a disk that fails when told to.

use rig::run::Tests;

use crate::error::Error;
use crate::families::checked;
use crate::families::family::{Driver, Status, listed};

pub mod buffer;
mod checks;
pub mod device;
mod mounted;
mod stress;
pub mod sys;

use checks::all as checks;
use device::{Device, State, Vblk};

/// The driver's name.
pub const DRIVER: &str = "vblk";
/// The node of the disk that the module makes by itself.
pub const NODE: &str = "/dev/vblk0";

/// What the tool knows of it.
pub const ENTRY: Driver = Driver {
    name: DRIVER,
    module: "vblk",
    node: Some(NODE),
    has_limits: false,
    list: |_| listed(DRIVER, &checks()),
    verify: |_, _| Ok(suite().map(|suite| vec![suite])),
    stress: Some(stress::STRESS),
    status: |_| Ok(status()),
};

/// What a check is given.
pub type Context = checked::Context<Vblk>;

/// Whether the driver is here.
fn is_there() -> bool {
    Device::first().is_there()
}

/// The checks, if the driver is here.
fn suite() -> Option<Box<dyn Tests<Error>>> {
    checked::suite(Device::first(), checks())
}

/// What its disks are doing, if there are any.
fn status() -> Option<Status> {
    let mut status = Status::default();
    for device in Device::all("/sys/block", "0") {
        let state = State::of(&device).map(|State(state)| state);
        status.add(DRIVER, &device.node(), state);
    }
    (!status.text.is_empty()).then_some(status)
}
