// SPDX-License-Identifier: MIT OR Apache-2.0

//! The checks of a driver whose devices have one node, where they need nothing but a device.

use std::sync::Arc;

use rig::check::Check;
use rig::report::Thing;
use rig::run::{self, Suite, Tests};
use rig::watchdog::Watchdog;

use crate::error::Error;
use crate::kernel::device::{Device, Driver};

/// What a check is given.
pub struct Context<D> {
    /// The device that the module makes by itself.
    pub device: Device<D>,
    /// Is told what is under way.
    pub watchdog: Arc<Watchdog>,
    /// Figures worth reporting.
    notes: Vec<String>,
}

impl<D: Driver> run::Context for Context<D> {
    type Error = Error;

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn gone(&self, during: String) -> Option<Error> {
        (!self.device.is_there()).then(|| Error::Gone {
            card: D::NAME.to_owned(),
            during,
        })
    }
}

/// The checks, if `device`, which the module makes by itself, is there.
pub fn suite<D: Driver + 'static>(
    device: Device<D>,
    checks: Vec<Check<Context<D>>>,
) -> Option<Box<dyn Tests<Error>>> {
    if !device.is_there() {
        return None;
    }
    let node = device.node().display().to_string();
    Some(Box::new(Suite {
        driver: D::NAME,
        thing: Thing {
            key: D::NAME,
            line: format!("{}: {node}", D::NAME),
            value: node.into(),
        },
        checks,
        open: Box::new(|start| {
            Ok(Context {
                device,
                watchdog: start.watchdog,
                notes: Vec::new(),
            })
        }),
    }))
}
