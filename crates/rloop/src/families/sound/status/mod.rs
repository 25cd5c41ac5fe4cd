// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the loopback cards are doing, read from their proc files.

use std::fs;
use std::io;

use crate::alsa::root::Root;
use crate::alsa::trouble::unread;
use crate::error::Error;
use crate::families::family::Status;
use crate::families::sound::loopback::{self, Card, Driver, Topology};
use crate::options;

mod aloop;
mod model;
mod rloop;
mod show;

use model::ParseError;
pub use model::{CableStatus, CardStatus};

fn read(card: &Card, file: &str) -> Result<String, Error> {
    let path = card.proc_file(file);
    fs::read_to_string(&path).map_err(|e| unread(&Root::default(), card, &path, e))
}

fn parsed<T>(card: &Card, file: &str, result: Result<T, ParseError>) -> Result<T, Error> {
    let why = |e| io::Error::new(io::ErrorKind::InvalidData, e);
    result.map_err(|e| Error::file(&card.proc_file(file))(why(e)))
}

/// The status of cable `number` of a card of snd-rloop.
///
/// # Errors
/// If the file can't be read, or is not in the format that it should have.
pub fn cable(card: &Card, number: u32) -> Result<CableStatus, Error> {
    let file = format!("cable#{number}");
    parsed(card, &file, rloop::parse(&read(card, &file)?))
}

/// The status of a card.
///
/// # Errors
/// As for [`cable`].
pub fn card(card: &Card) -> Result<CardStatus, Error> {
    let cables = match (card.driver, card.topology) {
        (Driver::SndRloop, topology) => {
            let devices = if topology == Topology::Crossed { 2 } else { 1 };
            (0..card.subdevices * devices)
                .map(|n| cable(card, n))
                .collect::<Result<_, _>>()?
        }
        (Driver::SndAloop, _) => {
            let mut cables = Vec::new();
            for number in 0..2 {
                let file = format!("cable#{number}");
                cables.extend(parsed(
                    card,
                    &file,
                    aloop::parse(&read(card, &file)?, card.subdevices),
                )?);
            }
            cables
        }
    };
    Ok(CardStatus {
        card: card.clone(),
        cables,
    })
}

/// The status of each of `cards` that is still there.
///
/// # Errors
/// As for [`cable`].
pub fn cards(cards: &[Card]) -> Result<Vec<CardStatus>, Error> {
    let mut all = Vec::new();
    for one in cards {
        match card(one) {
            Err(_) if !one.is_there() => {}
            status => all.push(status?),
        }
    }
    Ok(all)
}

/// What the loopback cards are doing, or the one that is named.
///
/// # Errors
/// If there is none, or one can't be read.
pub fn command(options: &options::Status) -> Result<Status, Error> {
    let status = match &options.card {
        Some(given) => vec![card(&loopback::choose(Some(given))?)?],
        None => cards(&loopback::all()?)?,
    };
    let value = |status| serde_json::to_value(status).map_err(|e| Error::Json(e.to_string()));
    Ok(Status {
        text: show::table(&status),
        values: status.iter().map(value).collect::<Result<_, _>>()?,
    })
}
