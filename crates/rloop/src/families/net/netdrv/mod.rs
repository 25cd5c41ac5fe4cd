// SPDX-License-Identifier: MIT OR Apache-2.0

//! netdrv: two network cards and the wire between them.

use std::path::Path;

use rig::run::Tests;

use crate::error::Error;
use crate::families::checked;
use crate::families::family::{Driver, Status, listed};

mod checks;
mod ethtool;
mod netlink;
mod packet;
mod stress;
mod world;

use checks::all as checks;

/// The driver's name, and that of the kind of links that it makes.
pub const DRIVER: &str = "netdrv";
/// Where its module is, if it is loaded.
const MODULE: &str = "/sys/module/netdrv";

/// What the tool knows of it.
pub const ENTRY: Driver = Driver {
    name: DRIVER,
    module: "netdrv",
    node: None,
    has_limits: false,
    list: |_| listed(DRIVER, &checks()),
    verify: |_, _| Ok(suite().map(|suite| vec![suite])),
    stress: Some(stress::STRESS),
    status: |_| Ok(status()),
};

/// What a check is given.
pub type Context = checked::Alone;

/// The checks, if the driver is here.
fn suite() -> Option<Box<dyn Tests<Error>>> {
    let what = "pairs of its own, in name spaces of their own";
    checked::alone(DRIVER, MODULE, (what, DRIVER), checks())
}

/// What its devices in this name space are doing, if the module is loaded.
fn status() -> Option<Status> {
    if !Path::new(MODULE).exists() {
        return None;
    }
    let mut status = Status::default();
    let entries = std::fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    for name in names {
        let Ok((driver, bus)) = ethtool::driver(&name) else {
            continue;
        };
        if driver != DRIVER {
            continue;
        }
        status.text += &format!("{name} ({bus})\n");
        match ethtool::statistics(&name) {
            Ok(values) => {
                for (key, value) in &values {
                    status.text += &format!("  {key}: {value}\n");
                }
                let state: serde_json::Map<_, _> = values
                    .into_iter()
                    .map(|(key, value)| (key, value.into()))
                    .collect();
                status.values.push(serde_json::json!({
                    "driver": DRIVER, "device": name, "bus": bus, "state": state,
                }));
            }
            Err(error) => status.text += &format!("  {error}\n"),
        }
    }
    if status.text.is_empty() {
        status.text = format!("{DRIVER}: no device of it is in this name space\n");
    }
    Some(status)
}
