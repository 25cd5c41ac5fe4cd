// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the loopback cards are doing, read from their proc files.

use std::fs;
use std::io;

use serde::Serialize;

use crate::alsa::root::Root;
use crate::alsa::trouble::unread;
use crate::cli;
use crate::error::Error;
use crate::families::Status;
use crate::families::sound::loopback::{self, Card, Driver, Topology};

mod aloop;
mod rloop;
mod show;

/// One cable.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CableStatus {
    /// The playing end, as `device,subdevice`.
    pub playback_at: String,
    /// The recording end, as `device,subdevice`.
    pub capture_at: String,
    /// `idle`, `fixed` or `running`.
    pub state: String,
    /// What both ends share.
    pub format: Option<String>,
    /// In Hz.
    pub rate: Option<u32>,
    /// Channels.
    pub channels: Option<u32>,
    /// `timer` or `free` (snd-rloop).
    pub clock: Option<String>,
    /// By how many frames what is heard is behind what is played (snd-rloop).
    pub delay: Option<u64>,
    /// Whether a player may change the parameters under an open recorder (snd-rloop).
    pub notify: Option<bool>,
    /// 100000 is no shift.
    pub rate_shift: Option<u32>,
    /// What the clock goes by: `hrtimer`, `jiffies`, or a timer.
    pub timer_source: Option<String>,
    /// `own`, `following`, `holdover` or `ignoring`.
    pub timer_state: Option<String>,
    /// By how many ppm the cable goes faster than nominal to follow the timer.
    pub timer_ppm: Option<f64>,
    /// Ticks of the timer.
    pub timer_ticks: Option<u64>,
    /// Times that the timer was silent, or leapt.
    pub timer_breaks: Option<u64>,
    /// The end that is played into.
    pub playback: EndStatus,
    /// The end that is recorded from, with several of them the first.
    pub capture: EndStatus,
    /// Further ends that are recorded from, on the subdevices that follow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_captures: Vec<EndStatus>,
}

/// One end of a cable. What the driver does not tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EndStatus {
    /// `closed`, `open`, `prepared`, `running`, `draining`, `paused`, `suspended`.
    pub state: String,
    /// ALSA's name.
    pub access: Option<String>,
    /// Frames.
    pub period: Option<u64>,
    /// Frames.
    pub buffer: Option<u64>,
    /// Frames since the start.
    pub position: Option<u64>,
    /// Frames since the card was made.
    pub moved: Option<u64>,
    /// Of these, played while nobody recorded (playback).
    pub unheard: Option<u64>,
    /// Frames of silence given to the recorder (capture).
    pub silence: Option<u64>,
    /// Frames that were lost.
    pub lost: Option<u64>,
    /// Xruns.
    pub xruns: Option<u64>,
    /// Period wake-ups.
    pub wakeups: Option<u64>,
    /// Period wake-ups that came late.
    pub late_wakeups: Option<u64>,
}

/// A card and all of its cables.
#[derive(Clone, Debug, Serialize)]
pub struct CardStatus {
    /// The card.
    #[serde(flatten)]
    pub card: Card,
    /// Its cables.
    pub cables: Vec<CableStatus>,
}

/// A proc file that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}, came \"{came}\"")]
pub struct ParseError {
    /// From 1 on.
    pub line: usize,
    /// What would have been right.
    pub expected: String,
    /// What there was.
    pub came: String,
}

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
pub fn command(options: &cli::Status) -> Result<Status, Error> {
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
