// SPDX-License-Identifier: MIT OR Apache-2.0

//! snd-rloop: what a loopback card promises, checked by sequences that are played round it. What snd-aloop promises,
//! too, is checked of its cards by the same checks.

use rig::check::{Check, Kind, Selection};
use rig::report::Thing;
use rig::run::{Before, Suite, Tests, works};

use super::loopback::{self, Card, probe};
use super::{status, stress};
use crate::alsa::root::Root;
use crate::error::Error;
use crate::families::family::{Driver, Stress, Suites, listed};
use crate::families::stress::Options;
use crate::kernel::allocations::Injection;
use crate::kernel::latency::Tracer;
use crate::kernel::suspend::Suspender;
use crate::options;
use context::{Context, Limits};

mod cases;
mod checks;
mod context;
mod ticker;

/// The driver's name.
const DRIVER: &str = "snd-rloop";

/// What the tool knows of it.
pub const ENTRY: Driver = Driver {
    name: DRIVER,
    module: "snd_rloop",
    node: None,
    has_limits: true,
    list: |options| listed(DRIVER, &checks::all(limits(options), None)),
    verify,
    stress: Some(Stress {
        meanwhile: &[Kind::Faults, Kind::Allocations, Kind::Suspend],
        plan,
        child: stress::child_command,
    }),
    status: |options| Ok(Some(status::command(options)?)),
};

fn limits(options: &options::Verify) -> Limits {
    Limits {
        full: options.full,
        byte_rate: options.byte_rate.unwrap_or(16) << 20,
        case_bytes: options.case_bytes.unwrap_or(512) << 10,
    }
}

/// The checks that are wanted, for one loopback card.
fn verify(options: &options::Verify, selection: &Selection) -> Result<Option<Suites>, Error> {
    let (card, limits) = (loopback::choose(options.card.as_deref())?, limits(options));
    let wanted = |check: &Check<_>| selection.takes(&check.listed(DRIVER));
    let mut suites = Vec::new();
    if checks::all(limits, None).iter().any(wanted) {
        can(&card, selection.kind)?;
        suites.push(suite(card, limits)?);
    }
    Ok(Some(suites))
}

/// The stress of all loopback cards, or of the one that is named, and whether each works afterwards. Of the one that
/// is checked then, the checks say that.
fn plan(options: &options::Verify, stress: Options) -> Result<Before<Error>, Error> {
    let (card, limits) = (loopback::choose(options.card.as_deref())?, limits(options));
    let cards = match options.card {
        Some(_) => vec![card.clone()],
        None => loopback::all()?,
    };
    Ok(Before {
        // One for the stress, and one for each other card.
        results: cards.len(),
        run: Box::new(move |ledger| {
            ledger.add(&stress::run(&cards, &stress, ledger)?)?;
            for other in cards.into_iter().filter(|c| c.index != card.index) {
                let name = format!("{DRIVER}/stress/{}-works", other.id);
                ledger.add(&works(suite(other, limits)?, name, ledger)?)?;
            }
            Ok(())
        }),
    })
}

/// Whether `card` and the kernel have what the checks of this kind need and most do not.
///
/// # Errors
/// What is missing.
fn can(card: &Card, kind: Kind) -> Result<(), Error> {
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
fn suite(card: Card, limits: Limits) -> Result<Box<dyn Tests<Error>>, Error> {
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
