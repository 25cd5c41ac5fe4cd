// SPDX-License-Identifier: MIT OR Apache-2.0

//! snd-rloop: what a loopback card promises, checked by sequences that are played round it. What snd-aloop promises,
//! too, is checked of its cards by the same checks.

use rig::check::Kind;
use rig::report::Thing;
use rig::run::{Suite, Tests};

use super::loopback::{self, Card, probe};
use crate::alsa::root::Root;
use crate::error::Error;
use crate::kernel::allocations::Injection;
use crate::kernel::latency::Tracer;
use crate::kernel::suspend::Suspender;
use context::{Context, Limits};

mod cases;
pub mod checks;
pub mod context;
mod ticker;

/// The driver's name.
pub const DRIVER: &str = "snd-rloop";

/// Whether `card` and the kernel have what the checks of this kind need and most do not.
///
/// # Errors
/// What is missing.
pub fn can(card: &Card, kind: Kind) -> Result<(), Error> {
    match kind {
        // No card has power of its own.
        Kind::Usual | Kind::PowerCut => {}
        Kind::Faults => loopback::faults(&Root::default(), card)?,
        Kind::Allocations => drop(Injection::new().map_err(Error::NoFailingAllocations)?),
        Kind::Interrupts => drop(Tracer::new(false).map_err(Error::NoTracer)?),
        Kind::Suspend => drop(Suspender::new().map_err(Error::NoSuspend)?),
    }
    Ok(())
}

/// The checks, for this card.
///
/// # Errors
/// If the card is in use or can't be opened.
pub fn suite(card: Card, limits: Limits) -> Result<Box<dyn Tests<Error>>, Error> {
    let space = probe(&card)?;
    Ok(Box::new(Suite {
        driver: DRIVER,
        thing: Thing {
            key: "card",
            line: format!(
                "card {}: {} [{}], {}, {:?} topology, {} subdevices",
                card.index,
                card.id,
                card.name,
                card.driver.name(),
                card.topology,
                card.subdevices
            ),
            value: serde_json::json!(card),
        },
        checks: checks::all(limits, Some(&space)),
        open: Box::new(move |start| Context::new(card, limits, space, start)),
    }))
}
