// SPDX-License-Identifier: MIT OR Apache-2.0

//! vblk: a disk that fails when told to.

use rig::report::Thing;
use rig::run::{self, Suite, Tests};

use crate::error::Error;
use crate::families::family::Status;

mod buffer;
mod checks;
mod device;
mod mounted;
pub mod stress;
mod sys;

pub use checks::all as checks;
use device::{Device, State};

/// The driver's name.
pub const DRIVER: &str = "vblk";
/// The node of the disk that the module makes by itself.
pub const NODE: &str = "/dev/vblk0";

/// What a check is given.
pub struct Context {
    /// The disk that the module makes by itself.
    device: Device,
    /// Figures worth reporting.
    notes: Vec<String>,
}

impl run::Context for Context {
    type Error = Error;

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn gone(&self, during: String) -> Option<Error> {
        (!self.device.is_there()).then(|| Error::Gone {
            card: DRIVER.to_owned(),
            during,
        })
    }
}

/// Whether the driver is here.
pub fn is_there() -> bool {
    Device::first().is_there()
}

/// The checks, if the driver is here.
pub fn suite() -> Option<Box<dyn Tests<Error>>> {
    let device = Device::first();
    device.is_there().then(|| -> Box<dyn Tests<Error>> {
        Box::new(Suite {
            driver: DRIVER,
            thing: Thing {
                key: DRIVER,
                line: format!("{DRIVER}: {NODE}"),
                value: NODE.into(),
            },
            checks: checks(),
            open: Box::new(|_| {
                Ok(Context {
                    device,
                    notes: Vec::new(),
                })
            }),
        })
    })
}

/// What its disks are doing, if there are any.
pub fn status() -> Option<Status> {
    let mut status = Status::default();
    for device in Device::all("/sys/block", "0") {
        let state = State::of(&device).map(|State(state)| state);
        status.add(DRIVER, &device.node(), state);
    }
    (!status.text.is_empty()).then_some(status)
}
