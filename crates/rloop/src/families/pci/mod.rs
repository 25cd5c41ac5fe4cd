// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers of PCI devices.

use rig::check::{Listed, Selection};
use rig::run::Plan;

use super::family::{Driver, Family, Status};
use super::stress;
use crate::error::Error;
use crate::options;

mod bench;
pub mod pcie_edu;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "pci",
    about: "PCI devices",
    drivers: &[Driver {
        name: pcie_edu::DRIVER,
        module: "pcie_edu",
        node: None,
    }],
    has_cards: false,
    has_stress: true,
    list,
    verify,
    status,
    bench: Some(bench::command),
};

fn list(_: &options::Verify) -> Vec<Listed> {
    let checks = pcie_edu::checks();
    let checks = checks.iter();
    checks.map(|c| c.listed(pcie_edu::DRIVER)).collect()
}

fn verify(options: &options::Verify, _: &Selection) -> Result<Plan<Error>, Error> {
    let Some(suite) = pcie_edu::suite() else {
        return Err(FAMILY.absent());
    };
    let mut plan = Plan {
        suites: vec![suite],
        ..Plan::default()
    };
    stress::first(&mut plan, options, pcie_edu::stress::run);
    Ok(plan)
}

fn status(_: &options::Status) -> Result<Status, Error> {
    pcie_edu::status().ok_or_else(|| FAMILY.absent())
}
