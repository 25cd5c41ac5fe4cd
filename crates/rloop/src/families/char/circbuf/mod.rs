// SPDX-License-Identifier: MIT OR Apache-2.0

//! circbuf: a pipe that one can see into.

use rig::run::Tests;

use crate::error::Error;
use crate::families::checked;
use crate::families::family::{Driver, Status, listed};

mod checks;
mod device;
mod stress;
mod sys;

use checks::all as checks;
pub use device::Made;
use device::{Circbuf, Device, For, State};

/// The driver's name.
pub const DRIVER: &str = "circbuf";
/// The device of the buffer that the module makes by itself.
pub const NODE: &str = "/dev/circbuf";

/// What the tool knows of it.
pub const ENTRY: Driver = Driver {
    name: DRIVER,
    module: "circbuf",
    node: Some(NODE),
    has_limits: false,
    list: |_| listed(DRIVER, &checks()),
    verify: |_, _| Ok(suite().map(|suite| vec![suite])),
    stress: Some(stress::STRESS),
    status: |_| Ok(status()),
};

/// What a check is given.
pub type Context = checked::Context<Circbuf>;

/// Whether the driver is here.
fn is_there() -> bool {
    Device::first().is_there()
}

/// The checks, if the driver is here.
fn suite() -> Option<Box<dyn Tests<Error>>> {
    checked::suite(Device::first(), checks())
}

/// What its buffers are doing, if there are any.
fn status() -> Option<Status> {
    let mut status = Status::default();
    for device in Device::all("/dev", "") {
        let file = device.open(For::Reading, libc::O_NONBLOCK);
        let state = file.and_then(|file| State::of(&file));
        status.add(DRIVER, &device.node(), state.map(|State(state)| state));
    }
    (!status.text.is_empty()).then_some(status)
}
