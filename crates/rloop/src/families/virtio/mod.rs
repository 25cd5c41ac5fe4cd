// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers that are the kernel's end of a virtio device.

use rig::check::{Check, Kind, Listed, Selection};
use rig::report::Thing;
use rig::run::{self, Plan, Suite, Tests};

use super::family::{Driver, Family, Status};
use crate::error::Error;
use crate::kernel::suspend::Suspender;
use crate::options;

mod bench;
mod checks;
mod served;
mod sys;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "virtio",
    about: "virtio devices whose other end is a program",
    drivers: &[Driver {
        name: DRIVER,
        module: "virtio_loopback",
        node: Some(NODE),
    }],
    has_cards: false,
    has_stress: false,
    list,
    verify,
    status,
    bench: Some(bench::command),
};

/// The driver's name.
const DRIVER: &str = "virtio-loopback";
/// The node that is checked.
const NODE: &str = "/dev/loopback-0";

/// What a check is given: figures worth reporting are put there.
#[derive(Default)]
pub struct Context {
    notes: Vec<String>,
}

impl run::Context for Context {
    type Error = Error;

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn gone(&self, during: String) -> Option<Error> {
        (!std::path::Path::new(NODE).exists()).then(|| Error::Gone {
            card: DRIVER.to_owned(),
            during,
        })
    }
}

fn list(_: &options::Verify) -> Vec<Listed> {
    let checks: Vec<Check<Context>> = checks::all();
    checks.iter().map(|check| check.listed(DRIVER)).collect()
}

fn verify(_: &options::Verify, selection: &Selection) -> Result<Plan<Error>, Error> {
    if !std::path::Path::new(NODE).exists() {
        return Err(FAMILY.absent());
    }
    if selection.kind == Kind::Suspend {
        drop(Suspender::new().map_err(Error::NoSuspend)?);
    }
    let suite: Box<dyn Tests<Error>> = Box::new(Suite {
        driver: DRIVER,
        thing: Thing {
            key: DRIVER,
            line: format!("{DRIVER}: {NODE}"),
            value: NODE.into(),
        },
        checks: checks::all(),
        open: Box::new(|_| Ok(Context::default())),
    });
    Ok(Plan {
        suites: vec![suite],
        ..Plan::default()
    })
}

/// The nodes, and which virtio devices there are below them.
fn status(_: &options::Status) -> Result<Status, Error> {
    let mut status = Status::default();
    for number in 0..16 {
        let node = format!("/dev/loopback-{number}");
        if !std::path::Path::new(&node).exists() {
            continue;
        }
        let parent = format!("/sys/devices/platform/{DRIVER}.{number}");
        let entries = std::fs::read_dir(&parent).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut devices: Vec<String> = names
            .filter(|name| name.starts_with("virtio"))
            .map(|name| {
                let driver = std::fs::read_link(format!("{parent}/{name}/driver")).ok();
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
    match status.values.is_empty() {
        true => Err(FAMILY.absent()),
        false => Ok(status),
    }
}
