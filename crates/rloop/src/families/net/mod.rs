// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers of network devices.

use rig::check::{Listed, Selection};
use rig::run::Plan;

use super::family::{Driver, Family, Status};
use crate::error::Error;
use crate::options;

mod bench;
mod netdrv;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "net",
    about: "network devices",
    drivers: &[Driver {
        name: netdrv::DRIVER,
        module: "netdrv",
        node: None,
    }],
    has_cards: false,
    has_stress: false,
    list,
    verify,
    status,
    bench: Some(bench::command),
};

fn list(_: &options::Verify) -> Vec<Listed> {
    let checks = netdrv::checks();
    checks.iter().map(|c| c.listed(netdrv::DRIVER)).collect()
}

fn verify(_: &options::Verify, _: &Selection) -> Result<Plan<Error>, Error> {
    let suites: Vec<_> = netdrv::suite().into_iter().collect();
    if suites.is_empty() {
        return Err(FAMILY.absent());
    }
    Ok(Plan {
        suites,
        ..Plan::default()
    })
}

fn status(_: &options::Status) -> Result<Status, Error> {
    netdrv::status().ok_or_else(|| FAMILY.absent())
}
