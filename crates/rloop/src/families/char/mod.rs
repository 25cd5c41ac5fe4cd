// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers of character devices.

use rig::check::{Listed, Selection};
use rig::run::Plan;

use super::family::{Driver, Family, Status};
use crate::error::Error;
use crate::options;

mod sad;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "char",
    about: "character devices",
    drivers: &[Driver {
        name: sad::DRIVER,
        module: "sad",
        node: Some(sad::NODES[0]),
    }],
    has_cards: false,
    list,
    verify,
    status,
    bench: None,
};

fn list(_: &options::Verify) -> Vec<Listed> {
    let checks = sad::checks();
    checks.iter().map(|c| c.listed(sad::DRIVER)).collect()
}

fn verify(_: &options::Verify, _: &Selection) -> Result<Plan<Error>, Error> {
    let Some(suite) = sad::suite() else {
        return Err(FAMILY.absent());
    };
    Ok(Plan {
        suites: vec![suite],
        ..Plan::default()
    })
}

fn status(_: &options::Status) -> Result<Status, Error> {
    sad::status().ok_or_else(|| FAMILY.absent())
}
