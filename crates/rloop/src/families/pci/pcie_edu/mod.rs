// SPDX-License-Identifier: MIT OR Apache-2.0

//! pcie-edu: QEMU's teaching device, and the whole life of a PCI device.

use std::sync::Arc;

use rig::report::Thing;
use rig::run::{self, Suite, Tests};
use rig::watchdog::Watchdog;

use crate::error::Error;
use crate::families::family::{Driver, Status, listed};

mod checks;
pub mod device;
pub mod longer;
pub mod raw;
mod stress;

use checks::all as checks;
use device::Device;

/// The driver's name.
pub const DRIVER: &str = "pcie-edu";

/// What the tool knows of it.
pub const ENTRY: Driver = Driver {
    name: DRIVER,
    module: "pcie_edu",
    node: None,
    has_limits: false,
    list: |_| listed(DRIVER, &checks()),
    verify: |_, _| Ok(suite().map(|suite| vec![suite])),
    stress: Some(stress::STRESS),
    status: |_| Ok(status()),
};

/// What a check is given.
pub struct Context {
    /// The device under test, the first.
    device: Device,
    /// Told of each step of what takes long.
    watchdog: Arc<Watchdog>,
    /// Figures worth reporting.
    notes: Vec<String>,
}

impl Context {
    /// Reports a figure with the result.
    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}

impl run::Context for Context {
    type Error = Error;

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn gone(&self, during: String) -> Option<Error> {
        (!self.device.is_there()).then(|| Error::Gone {
            card: self.device.name.clone(),
            during,
        })
    }
}

/// The checks, if there is a device.
fn suite() -> Option<Box<dyn Tests<Error>>> {
    let device = device::all().into_iter().next()?;
    let (name, slot) = (device.name.clone(), device.slot.clone());
    Some(Box::new(Suite {
        driver: DRIVER,
        thing: Thing {
            key: DRIVER,
            line: format!("{DRIVER}: /dev/{name} at {slot}"),
            value: serde_json::json!({ "node": name, "slot": slot }),
        },
        checks: checks(),
        open: Box::new(|start| {
            Ok(Context {
                device,
                watchdog: start.watchdog,
                notes: Vec::new(),
            })
        }),
    }))
}

/// What the devices are doing, if there are any.
fn status() -> Option<Status> {
    let mut status = Status::default();
    for device in device::all() {
        let said = device.open(0).and_then(|file| Device::said(&file));
        status.text += &format!("{} at {}\n", device.node().display(), device.slot);
        match &said {
            Ok(lines) => {
                for (key, value) in lines {
                    status.text += &format!("  {key}: {value}\n");
                }
            }
            Err(problem) => status.text += &format!("  {problem}\n"),
        }
        let values: serde_json::Map<_, _> = said
            .unwrap_or_default()
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect();
        status.values.push(serde_json::json!({
            "driver": DRIVER, "node": device.name, "slot": device.slot, "state": values,
        }));
    }
    (!status.values.is_empty()).then_some(status)
}
