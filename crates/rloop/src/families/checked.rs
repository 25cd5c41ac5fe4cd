// SPDX-License-Identifier: MIT OR Apache-2.0

//! The checks of a driver whose devices have one node, where they need nothing but a device; and of one whose checks make
//! all that they need.

use std::path::Path;

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

/// What a check is given that makes all it needs.
pub struct Alone {
    driver: &'static str,
    /// What is there as long as the driver is.
    place: &'static str,
    /// Figures worth reporting.
    notes: Vec<String>,
}

impl run::Context for Alone {
    type Error = Error;

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn gone(&self, during: String) -> Option<Error> {
        (!Path::new(self.place).exists()).then(|| Error::Gone {
            card: self.driver.to_owned(),
            during,
        })
    }
}

/// The checks of `driver`, if `place` is there, which is as long as the driver is; `line` and `value` say what is checked.
pub fn alone(
    driver: &'static str,
    place: &'static str,
    (line, value): (&str, &str),
    checks: Vec<Check<Alone>>,
) -> Option<Box<dyn Tests<Error>>> {
    let suite = Suite {
        driver,
        thing: Thing {
            key: driver,
            line: format!("{driver}: {line}"),
            value: value.into(),
        },
        checks,
        open: Box::new(move |_| {
            Ok(Alone {
                driver,
                place,
                notes: Vec::new(),
            })
        }),
    };
    let suite: Box<dyn Tests<Error>> = Box::new(suite);
    Path::new(place).exists().then_some(suite)
}
