// SPDX-License-Identifier: MIT OR Apache-2.0

//! sad: device files that are heard.

use std::path::Path;
use std::time::Duration;

use rig::check;
use rig::machine::Machine;
use rig::report::Thing;
use rig::retry::Retry;
use rig::run::{self, Suite, Tests};
use rig::verdict::{Blame, Problem};

use crate::error::Error;
use crate::families::family::{Driver, Status, Suites, listed};
use crate::kernel::latency::Tracer;
use crate::options;

mod checks;
mod device;
mod recorder;

use checks::all as checks;
use device::{Device, Kind};

/// The driver's name.
pub const DRIVER: &str = "sad";
/// Its devices, which differ in what closing them does.
pub const NODES: [&str; 3] = ["/dev/sad", "/dev/sadnb", "/dev/sadbg"];

/// What the tool knows of it.
pub const ENTRY: Driver = Driver {
    name: DRIVER,
    module: "sad",
    node: Some(NODES[0]),
    has_limits: false,
    list: |_| listed(DRIVER, &checks()),
    verify: |options, _| verify(options),
    stress: None,
    status: |_| Ok(status()),
};

/// What a check is given.
pub struct Context {
    /// The device under test.
    device: Device,
    /// By what factor a delay may be longer than it should, in this try.
    patience: u32,
    machine: Machine,
    /// Figures worth reporting.
    notes: Vec<String>,
}

impl Context {
    /// How much later than it should a program may find out.
    fn slack(&self) -> Duration {
        self.device.tick() * self.patience
    }
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

/// What took too long is tried again with more patience.
impl Retry for Context {
    const SCALED: &'static str = "patience";

    fn begin(&mut self, scale: u64) {
        self.patience = u32::try_from(scale).unwrap_or(u32::MAX);
    }

    fn end(&mut self) {
        self.patience = 1;
    }

    fn no_better(&mut self, _: Blame, text: String) -> Problem {
        let late = self.machine.again().worst;
        let text = format!("{text} (4 tries; this machine wakes programs up to {late:?} late)");
        match late > self.device.tick() * 16 {
            true => Problem::Skipped(text),
            false => Problem::Failed(text),
        }
    }
}

fn is_here() -> bool {
    Path::new(NODES[0]).exists()
}

/// The checks, if the driver is here.
fn suite() -> Option<Box<dyn Tests<Error>>> {
    is_here().then(|| -> Box<dyn Tests<Error>> {
        Box::new(Suite {
            driver: DRIVER,
            thing: Thing {
                key: DRIVER,
                line: format!("{DRIVER}: {}", NODES.join(", ")),
                value: NODES.to_vec().into(),
            },
            checks: checks(),
            open: Box::new(|start| {
                Ok(Context {
                    device: Device::first()?,
                    patience: 1,
                    machine: start.machine,
                    notes: Vec::new(),
                })
            }),
        })
    })
}

/// The same, if what they need is here, too.
fn verify(options: &options::Verify) -> Result<Option<Suites>, Error> {
    let suite = suite();
    if suite.is_some() && options.kind() == check::Kind::Interrupts {
        drop(Tracer::new(false).map_err(Error::NoTracer)?);
    }
    Ok(suite.map(|suite| vec![suite]))
}

/// What it is doing, if it is here.
fn status() -> Option<Status> {
    let device = Device::first().ok().filter(|_| is_here())?;
    let node = device.node(Kind::Waits);
    let state = device.state();
    let mut text = format!("{}, heard on card {}\n", node.display(), device.card);
    let about = match &state {
        Ok(state) => state.text.clone(),
        Err(problem) => problem.to_string(),
    };
    for line in about.lines() {
        text.extend(["  ", line, "\n"]);
    }
    let values = state.map(|state| state.values).unwrap_or_default();
    Some(Status {
        text,
        values: vec![serde_json::json!({
            "driver": DRIVER, "nodes": NODES, "card": device.card, "converter": values,
        })],
    })
}
