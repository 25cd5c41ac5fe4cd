// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers of block devices.

use rig::check::{Listed, Selection};
use rig::output::Ending;
use rig::run::Plan;

use super::family::{Driver, Family, Status};
use super::stress;
use crate::error::Error;
use crate::options;

mod bench;
mod vblk;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "block",
    about: "disks",
    drivers: &[Driver {
        name: vblk::DRIVER,
        module: "vblk",
        node: Some(vblk::NODE),
    }],
    has_cards: false,
    has_stress: true,
    list,
    verify,
    status,
    bench: Some(bench::command),
};

fn list(_: &options::Verify) -> Vec<Listed> {
    let checks = vblk::checks();
    checks.iter().map(|c| c.listed(vblk::DRIVER)).collect()
}

fn verify(options: &options::Verify, _: &Selection) -> Result<Plan<Error>, Error> {
    let suite = vblk::suite().ok_or_else(|| FAMILY.absent())?;
    let mut plan = Plan {
        suites: vec![suite],
        ..Plan::default()
    };
    stress::first(&mut plan, options, vblk::stress::run);
    Ok(plan)
}

/// What `rloop stress-child` does for one of them; `None` for another driver.
pub fn stress_child(options: &options::StressChild) -> Option<Ending> {
    let is_ours = options.driver.as_deref() == Some(vblk::DRIVER);
    is_ours.then(|| vblk::stress::child(options.seed))
}

fn status(_: &options::Status) -> Result<Status, Error> {
    vblk::status().ok_or_else(|| FAMILY.absent())
}
