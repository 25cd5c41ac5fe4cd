// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers of character devices.

use rig::check::{Listed, Selection};
use rig::output::Ending;
use rig::run::Plan;

use super::family::{Driver, Family, Status};
use super::stress;
use crate::error::Error;
use crate::options;

mod bench;
mod circbuf;
mod ready;
mod sad;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "char",
    about: "character devices",
    drivers: &[
        Driver {
            name: sad::DRIVER,
            module: "sad",
            node: Some(sad::NODES[0]),
        },
        Driver {
            name: circbuf::DRIVER,
            module: "circbuf",
            node: Some(circbuf::NODE),
        },
    ],
    has_cards: false,
    has_stress: true,
    list,
    verify,
    status,
    bench: Some(bench::command),
};

fn list(_: &options::Verify) -> Vec<Listed> {
    let sad = sad::checks();
    let sad = sad.iter().map(|c| c.listed(sad::DRIVER));
    let circbuf = circbuf::checks();
    let circbuf = circbuf.iter().map(|c| c.listed(circbuf::DRIVER));
    sad.chain(circbuf).collect()
}

fn verify(options: &options::Verify, _: &Selection) -> Result<Plan<Error>, Error> {
    let suites = [sad::suite(), circbuf::suite()];
    let suites: Vec<_> = suites.into_iter().flatten().collect();
    if suites.is_empty() {
        return Err(FAMILY.absent());
    }
    let mut plan = Plan {
        suites,
        ..Plan::default()
    };
    if circbuf::is_there() {
        stress::first(&mut plan, options, circbuf::stress::run);
    }
    Ok(plan)
}

/// What `rloop stress-child` does for one of them.
pub fn stress_child(options: &options::StressChild) -> Ending {
    circbuf::stress::child(options.seed)
}

fn status(_: &options::Status) -> Result<Status, Error> {
    let mut all: Option<Status> = None;
    for status in [sad::status(), circbuf::status()].into_iter().flatten() {
        let all = all.get_or_insert_default();
        all.text += &status.text;
        all.values.extend(status.values);
    }
    all.ok_or_else(|| FAMILY.absent())
}
