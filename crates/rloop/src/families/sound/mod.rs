// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sound cards: loopbacks, whose cables are checked from end to end, and others.

use rig::check::{Listed, Selection};
use rig::run::{Before, Plan, works};

use super::family::{Driver, Family, Status};
use crate::error::Error;
use crate::options;
use loopback::Card;
use snd_rloop::context::Limits;

mod bench;
pub mod loopback;
mod snd_minivosc;
mod snd_rloop;
mod status;
pub mod stress;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "sound",
    about: "sound cards",
    drivers: &[
        Driver {
            name: snd_rloop::DRIVER,
            module: "snd_rloop",
            node: None,
        },
        Driver {
            name: snd_minivosc::DRIVER,
            module: "snd_minivosc",
            node: None,
        },
        // To compare with.
        Driver {
            name: "snd-aloop",
            module: "snd_aloop",
            node: None,
        },
    ],
    has_cards: true,
    has_stress: true,
    list,
    verify,
    status,
    bench: Some(bench::command),
};

/// How many MiB per second a case of the matrix moves at most in one direction, and how many KiB in all, unless the user
/// says otherwise.
const BYTE_RATE: u64 = 16;
const CASE_BYTES: u64 = 512;

fn limits(options: &options::Verify) -> Limits {
    Limits {
        full: options.full,
        byte_rate: options.byte_rate.unwrap_or(BYTE_RATE) << 20,
        case_bytes: options.case_bytes.unwrap_or(CASE_BYTES) << 10,
    }
}

fn list(options: &options::Verify) -> Vec<Listed> {
    let rloop = snd_rloop::checks::all(limits(options), None);
    let rloop = rloop.iter().map(|c| c.listed(snd_rloop::DRIVER));
    let minivosc = snd_minivosc::checks();
    let minivosc = minivosc.iter().map(|c| c.listed(snd_minivosc::DRIVER));
    rloop.chain(minivosc).collect()
}

fn verify(options: &options::Verify, selection: &Selection) -> Result<Plan<Error>, Error> {
    let given = options.card.as_deref();
    let mut plan = Plan::default();
    let minivosc = snd_minivosc::cards(given)?;
    match loopback::choose(given) {
        Ok(card) => loopback(card, options, selection, &mut plan)?,
        // Then it is the other driver's card that is meant.
        Err(Error::NoCard { .. } | Error::NotLoopback { .. }) if !minivosc.is_empty() => {}
        Err(error) => return Err(error),
    }
    // Each is as good as the other.
    plan.suites
        .extend(minivosc.into_iter().take(1).map(snd_minivosc::suite));
    Ok(plan)
}

fn status(options: &options::Status) -> Result<Status, Error> {
    let others = snd_minivosc::cards(options.card.as_deref())?;
    let mut status = match status::command(options) {
        Err(Error::NoCard { .. } | Error::NotLoopback { .. }) if !others.is_empty() => {
            Status::default()
        }
        status => status?,
    };
    for card in others {
        let other = snd_minivosc::status(&card);
        status.text += &other.text;
        status.values.extend(other.values);
    }
    Ok(status)
}

/// What is to be done with loopback cards, of which `card` is the one that checks use.
fn loopback(
    card: Card,
    options: &options::Verify,
    selection: &Selection,
    plan: &mut Plan<Error>,
) -> Result<(), Error> {
    let limits = limits(options);
    if let Some(seconds) = options.stress {
        let cards = match options.card {
            Some(_) => vec![card.clone()],
            None => loopback::all()?,
        };
        let stress = stress::Options {
            seconds,
            seed: options.seed.unwrap_or_else(rig::stress::new_seed),
            faults: options.faults,
            failing_allocations: options.failing_allocations,
            suspend: options.suspend,
        };
        let index = card.index;
        plan.before.push(Before {
            // One for the stress, and one for each other card.
            results: cards.len(),
            run: Box::new(move |ledger| {
                ledger.add(&stress::run(&cards, &stress, ledger)?)?;
                for other in cards.into_iter().filter(|c| c.index != index) {
                    let name = format!("{}/stress/{}-works", snd_rloop::DRIVER, other.id);
                    let suite = snd_rloop::suite(other, limits)?;
                    ledger.add(&works(suite, name, ledger)?)?;
                }
                Ok(())
            }),
        });
    }
    let checks = snd_rloop::checks::all(limits, None);
    let wanted = |c: &rig::check::Check<_>| selection.takes(&c.listed(snd_rloop::DRIVER));
    if checks.iter().any(wanted) {
        snd_rloop::can(&card, selection.kind)?;
        plan.suites.push(snd_rloop::suite(card, limits)?);
    }
    Ok(())
}
