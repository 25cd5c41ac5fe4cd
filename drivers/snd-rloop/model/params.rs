// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The module's parameters: from what was written to the [`Config`] that a card is made of.
//!
//! Nothing is clamped or guessed: a value that is not allowed is refused with a message that says
//! what is. What snd-aloop has as well is read as the kernel reads it there.

use super::source::{self, SourceText};
use crate::lib::model::limits::{Limits, ALL};
use crate::lib::model::number::{integer, truth};
use crate::lib::model::parameters::{
    bad, limits, number, switch, written, Allowed, BadParameter, CardNames,
};

/// The most PCM substreams that a PCM device may have.
pub const SUBSTREAMS_MAX: u32 = 128;
/// The number of PCM substreams of a PCM device if nothing else is asked for.
pub const SUBSTREAMS_DEFAULT: u32 = 8;
/// The card's id if nothing else is asked for.
pub const ID_DEFAULT: &str = "rloop";
/// The card's name if nothing else is asked for.
pub const NAME_DEFAULT: &str = "Virtual Loopback";

/// The unit of `bandwidth`, in bytes per second.
pub const BANDWIDTH_UNIT: u32 = 1_000_000;
/// The largest `bandwidth`.
pub const BANDWIDTH_MAX: u32 = 1_000_000;
/// The `bandwidth` if nothing else is asked for: both ends of one cable at its widest, and a
/// quarter more.
pub const BANDWIDTH_DEFAULT: u32 = 2_000;

/// The most microseconds by which wake-ups may be allowed to be late: with them ALSA is still told of
/// a drain in time (see `DRAIN_TIMEOUT_MIN` in [`super::end`]).
pub const SLACK_MAX: u32 = 50_000;

/// The topology of a card: which playback substream a capture substream hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One PCM device: `hw:CARD,0,N` is heard on `hw:CARD,0,N`.
    Cable,
    /// Two PCM devices as in snd-aloop: `hw:CARD,0,N` is heard on `hw:CARD,1,N` and the other way
    /// round.
    Crossed,
    /// One PCM device with one playback substream, which is heard on every capture substream.
    Fanout,
}

impl Topology {
    /// The number of PCM devices of a card.
    pub fn devices(self) -> u32 {
        match self {
            Self::Cable | Self::Fanout => 1,
            Self::Crossed => 2,
        }
    }

    /// The PCM device on which is heard what is played on `device`, and the other way round.
    pub fn opposite(self, device: u32) -> u32 {
        self.devices() - 1 - device
    }
}

// The same, but for `enable`, as in the table of `bindings/helpers.c`.
written! {
    index: "-1",
    id: ID_DEFAULT,
    name: NAME_DEFAULT,
    pcm_substreams: "8",
    pcm_notify: "0",
    clock: "timer",
    topology: "cable",
    timer_source: "hrtimer",
    wakeup_slack: "0",
    formats: ALL,
    rates: "8000-768000",
    channels: "1-128",
    bandwidth: "2000",
}

/// The configuration of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config<'a> {
    /// What the card is called.
    pub names: CardNames<'a>,
    /// Substreams of each PCM device, 1 to [`SUBSTREAMS_MAX`]; with [`Topology::Fanout`] only of
    /// capture.
    pub substreams: u32,
    /// The topology.
    pub topology: Topology,
    /// Whether the playback end may change the parameters under open capture ends.
    pub notify: bool,
    /// Whether the cables are free-running to begin with.
    pub free_running: bool,
    /// The source of the cables' clocks.
    pub timer_source: SourceText,
    /// By how many microseconds wake-ups may be late, 0 to [`SLACK_MAX`].
    pub wakeup_slack: u32,
    /// The limits of what the card offers.
    pub limits: Limits,
    /// The bandwidth that its streams may ask for together, in [`BANDWIDTH_UNIT`]s.
    pub bandwidth: u32,
}

impl Config<'_> {
    /// The number of playback substreams of each PCM device; each is an end of a cable of its own.
    pub fn playbacks(&self) -> u32 {
        match self.topology {
            Topology::Cable | Topology::Crossed => self.substreams,
            Topology::Fanout => 1,
        }
    }

    /// The number of capture ends of each cable.
    pub fn captures(&self) -> u32 {
        self.substreams / self.playbacks().max(1)
    }
}

/// Parses what was written for one card. `cards` is how many cards the kernel can have.
///
/// # Errors
///
/// The first value that is not allowed.
pub fn parse<'a>(written: &Written<'a>, cards: u32) -> Result<Config<'a>, BadParameter<'a>> {
    let names = [written.index, written.id, written.name];
    let names = CardNames::parse(names, (ID_DEFAULT, NAME_DEFAULT), cards)?;
    let most = i64::from(SUBSTREAMS_MAX);
    let allowed = Allowed::Number(1, most);
    let substreams = number("pcm_substreams", written.pcm_substreams, 1..=most, allowed)?;
    let topology = match written.topology {
        None | Some("cable") => Topology::Cable,
        Some("crossed") => Topology::Crossed,
        Some("fanout") => Topology::Fanout,
        Some(value) => {
            let allowed = "cable, crossed or fanout";
            return bad("topology", value, Allowed::Words(allowed));
        }
    };
    let substreams = substreams
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(SUBSTREAMS_DEFAULT);
    let limits = limits(written.formats, written.rates, written.channels)?;
    let most = i64::from(BANDWIDTH_MAX);
    let allowed = Allowed::Number(1, most);
    let bandwidth = number("bandwidth", written.bandwidth, 1..=most, allowed)?;
    let source = written.timer_source.unwrap_or_default();
    let Some(timer_source) = SourceText::new(source, cards) else {
        return bad("timer_source", source, Allowed::Words(source::ALLOWED));
    };
    let most = i64::from(SLACK_MAX);
    let allowed = Allowed::Number(0, most);
    let slack = number("wakeup_slack", written.wakeup_slack, 0..=most, allowed)?;
    Ok(Config {
        names,
        substreams,
        topology,
        notify: switch("pcm_notify", written.pcm_notify, notify)?.unwrap_or(false),
        free_running: match written.clock {
            None | Some("timer") => false,
            Some("free") => true,
            Some(value) => return bad("clock", value, Allowed::Words("timer or free")),
        },
        timer_source,
        wakeup_slack: slack.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        limits,
        bandwidth: bandwidth
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(BANDWIDTH_DEFAULT),
    })
}

/// Parses `pcm_notify`, which in snd-aloop is a number.
fn notify(text: &str) -> Option<bool> {
    integer(text).map(|number| number != 0).or(truth(text))
}
